"""Golden frames: the drawn canvas of every look and many scripts, pixel for pixel.

`GOLDEN=write python -m pytest tests/integration/test_render_look.py` draws them anew; look at them before committing.
Glyphs are drawn by HarfBuzz from the shipped fonts, so they are the same on every machine; the tolerance is for another
version's rounding. What it cannot let pass is proved below by breaking things on purpose.
"""

from __future__ import annotations

import dataclasses
import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline import media, run
from pipeline.progress import finish
from pipeline.records import Analysis, Look, Media
from pipeline.settings import Settings
from pipeline.subtitles import yuv
from pipeline.subtitles.draw import compose
from pipeline.subtitles.letters import Letters
from tests.fixtures_look import HEIGHT, RIGHT, TRANSLATIONS, WIDTH, analysis, backdrop, phrase, track

GOLDEN = Path(__file__).parents[1] / "golden"
FAR = 24  #: of 255: a pixel further off than this is another pixel
MANY = 8  #: pixels of 640 x 360; an i has about 25

SPOKEN, NONE = "spoken", "none"

# name: look, target, moment ("standing" before it turns, "typing", "turning", "turned"); what the name says of the
# scene
CASES: dict[str, tuple[Look, str, str]] = {
    "cyberpunk_pl_standing": (Look(), "PL", "standing"),
    "cyberpunk_pl_turning": (Look(), "PL", "turning"),
    "cyberpunk_pl_turned": (Look(), "PL", "turned"),
    "cyberpunk_pl_spoken": (Look(reveal=SPOKEN), "PL", "typing"),
    "cyberpunk_pl_none": (Look(reveal=NONE), "PL", "turned"),
    "cyberpunk_ar_turning": (Look(), "AR", "turning"),
    "cyberpunk_he_spoken": (Look(reveal=SPOKEN), "HE", "turning"),
    "cyberpunk_ja_turning": (Look(), "JA", "turning"),
    "cyberpunk_hi_turned": (Look(), "HI", "turned"),
    "cyberpunk_th_off_screen": (Look(), "TH", "turned"),
    "cyberpunk_el_both": (Look(texts="both", reveal=SPOKEN), "EL", "typing"),
    "cyberpunk_uk_bottom": (Look(position="bottom", text_size=1.3), "UK", "turning"),
    "cyberpunk_de_long": (Look(text_size=1.4), "DE", "turned"),
    "cyberpunk_pl_mark": (Look(), "PL", "interrupted"),
    "kiroshi_pl_standing": (Look("kiroshi"), "PL", "standing"),
    "kiroshi_ko_turning": (Look("kiroshi"), "KO", "turning"),
    "kiroshi_zh_turned": (Look("kiroshi"), "ZH-HANS", "turned"),
    "kiroshi_pl_spoken": (Look("kiroshi", reveal=SPOKEN), "PL", "typing"),
    "kiroshi_pl_none": (Look("kiroshi", reveal=NONE), "PL", "turned"),
    "classic_he": (Look("classic", reveal=SPOKEN), "HE", "typing"),
    "classic_uk_both": (Look("classic", texts="both", reveal=SPOKEN), "UK", "typing"),
    "classic_pl_live": (Look("classic"), "PL", "turned"),
    "classic_pl_none": (Look("classic", reveal=NONE), "PL", "turned"),
    "bars_ko": (Look("bars", reveal=SPOKEN), "KO", "typing"),
    "bars_zh": (Look("bars"), "ZH-HANS", "turned"),
    "bars_pl_none": (Look("bars", reveal=NONE), "PL", "turned"),
    "word_pop_pl": (Look("word-pop"), "PL", "typing"),
    "word_pop_ja": (Look("word-pop", reveal=SPOKEN), "JA", "typing"),
    "word_pop_pl_none": (Look("word-pop", reveal=NONE), "PL", "turned"),
}
LONG_WORDS = "Donaudampfschifffahrtsgesellschaft und Rindfleischetikettierungsüberwachung warten auf das Signal."
STANDING = [name for name in CASES if CASES[name][2] in ("turned", "standing", "interrupted")]
MOVING = [name for name in CASES if name not in STANDING]


def scene(name: str) -> Analysis:
    _, target, _ = CASES[name]
    tracks = (track("p2", RIGHT, 0, 10),) if name.endswith("off_screen") else None
    translation = LONG_WORDS if name.endswith("long") else TRANSLATIONS[target]
    phrases = [phrase(1, "p1", 1, 4, translation=translation)]
    if name.endswith("mark"):
        phrases.append(phrase(2, "p2", 3.2, 3.9, "Mhm.", "Aha."))
    return analysis(*phrases, target=target, tracks=tracks)


def draw(name: str, analysed: Analysis | None = None, look: Look | None = None, later: float = 0.0) -> np.ndarray:
    own, _, moment = CASES[name]
    made = compose(analysed or scene(name), look or own, WIDTH, HEIGHT, Fraction(25))
    cue = made.cues[0]
    t = {
        "standing": cue.start + 0.24,
        "typing": cue.start + 0.55 * (cue.spoken - cue.start),
        "turned": cue.end - 0.5,
        "interrupted": cue.full_until + 0.4,
    }.get(moment, cue.turn_start + 0.5 * (cue.turn_end - cue.turn_start))
    frame = made.framed(backdrop())
    assert made.draw(frame, t + later)
    return frame


def difference(a: np.ndarray, b: np.ndarray) -> int:
    """Pixels that are not the same; a chroma sample stands for four."""
    if a.shape != b.shape:
        return max(a.size, b.size)
    luma, chroma = (np.abs(p.astype(int) - q) > FAR for p, q in zip(yuv.planes(a), yuv.planes(b), strict=True))
    return int(luma.sum() + 4 * chroma.sum())


def golden(name: str) -> np.ndarray:
    return np.array(Image.open(GOLDEN / f"{name}.png"))


@pytest.mark.parametrize("name", CASES)
def test_the_frame_is_the_golden_one(name: str) -> None:
    frame = draw(name)
    if os.environ.get("GOLDEN") == "write":
        GOLDEN.mkdir(exist_ok=True)
        Image.fromarray(frame, "L").save(GOLDEN / f"{name}.png", optimize=True)
    assert difference(frame, golden(name)) <= MANY


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(("down", "right"), [(0, 12), (12, 0), (0, 2)])
def test_a_shifted_panel_does_not_pass(name: str, down: int, right: int) -> None:
    frame = draw(name)
    for plane, step in zip(yuv.planes(frame), (1, 2), strict=True):
        plane[...] = np.roll(plane.copy(), (down // step, right // step), axis=(-2, -1))
    assert difference(frame, golden(name)) > 10 * MANY


@pytest.mark.parametrize("name", [n for n in STANDING if CASES[n][2] != "interrupted"])
def test_a_missing_glyph_does_not_pass(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any one letter of any text that is fully shown."""
    made = Letters.__init__

    for lost in (0, 3, -1):

        def without(self: Letters, *args: object, lost: int = lost) -> None:
            made(self, *args)  # type: ignore[arg-type]
            solid = [i for i, cluster in enumerate(self.layout.clusters) if cluster.text[0].isalpha()]
            left, top, right, bottom = self.cells[solid[min(lost, len(solid) - 1)]]
            self.mask = self.mask.copy()
            self.mask[top:bottom, left:right] = 0

        monkeypatch.setattr(Letters, "__init__", without)
        assert difference(draw(name), golden(name)) > MANY


@pytest.mark.parametrize("name", MOVING)
def test_a_wrong_order_of_reveal_does_not_pass(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    of = Letters.of
    monkeypatch.setattr(Letters, "of", lambda self, chosen: of(self, chosen[::-1]))
    assert difference(draw(name), golden(name)) > 3 * MANY


@pytest.mark.parametrize("name", MOVING)
def test_a_reveal_that_lags_does_not_pass(name: str) -> None:
    assert difference(draw(name, later=0.6 if name.startswith("word_pop") else 0.24), golden(name)) > MANY


@pytest.mark.parametrize("name", CASES)
def test_another_colour_or_name_does_not_pass(name: str) -> None:
    usual = scene(name)
    people = (dataclasses.replace(usual.people[0], colour="#ff5fa2"), *usual.people[1:])
    if not name.startswith("kiroshi") and name != "word_pop_pl_none":  # red, and white, for everybody
        assert difference(draw(name, dataclasses.replace(usual, people=people)), golden(name)) > MANY
    if name.startswith(("kiroshi", "word_pop")):  # no names
        return
    people = (dataclasses.replace(usual.people[0], name="Eve"), *usual.people[1:])
    assert difference(draw(name, dataclasses.replace(usual, people=people)), golden(name)) > MANY


# --- through ffmpeg


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five seconds of grey with a tone."""
    import subprocess

    path = tmp_path_factory.mktemp("look") / "grey.mp4"
    grey = f"color=c=gray:s={WIDTH}x{HEIGHT}:r=25:d=5"
    subprocess.run(
        [media.ffmpeg_binary(), "-v", "error", "-f", "lavfi", "-i", grey, "-f", "lavfi", "-i", "sine=d=5", "-shortest",
         "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac", str(path)],
        check=True, timeout=120,
    )  # fmt: skip
    return path


@pytest.mark.parametrize("look", ["cyberpunk", "classic", "bars", "kiroshi"])
def test_a_rendered_clip_has_the_text_where_and_when_it_belongs(look: str, clip: Path, tmp_path: Path) -> None:
    analysed = dataclasses.replace(
        analysis(phrase(1, "p1", 1, 3, translation=TRANSLATIONS["PL"])), media=Media(5.0, WIDTH, HEIGHT, Fraction(25))
    )
    made = compose(analysed, Look(look), WIDTH, HEIGHT, Fraction(25))
    to = tmp_path / "out.mp4"
    finish(run.render(clip, analysed, Look(look), to, Settings(cache_dir=tmp_path)))
    result = media.probe(to, Settings())
    assert (result.width, result.height) == (made.canvas.width, made.canvas.height)
    assert result.has_audio
    spot = made.spots[0][0][0]
    x, y = spot.at(2)
    top = made.canvas.top if spot.kind != "bar" else 0
    seen = {}
    for t, frame in media.frames(result, width=result.width, height=result.height, pixels="yuv420p"):
        luma = yuv.planes(frame)[0]
        seen[round(t, 2)] = int((luma[y + top : y + top + spot.height, x : x + spot.width] > 155).sum())
    assert max(n for t, n in seen.items() if t < 0.9) == 0
    assert max(n for t, n in seen.items() if 2.5 < t < 3.5) > 200
    assert len(seen) == 125
