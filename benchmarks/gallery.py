"""Draw the pictures of the README: every look with every script (looks.jpg), three moments of a line (result.jpg).

    python -m benchmarks.gallery [--out FOLDER]     into docs/ by default
    python -m benchmarks.gallery --thumbnails       a small picture of every look, for the page's choice of looks

The picture behind is a frame of the example clip (NASA and US Navy portraits, public domain; examples/README.md).
"""

from __future__ import annotations

import argparse
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

from pipeline import media, transcript
from pipeline.records import Look
from pipeline.settings import Settings
from pipeline.subtitles import looks, yuv
from pipeline.subtitles.draw import compose
from pipeline.subtitles.layout import draw_layout, lay_out
from tests.fixtures_look import TRANSLATIONS, analysis, phrase, track

ROOT = Path(__file__).parents[1]
CLIP, AT = ROOT / "examples" / "orbit_en.mp4", 3.0
WHOLE = 960, 540  #: px the example is read at
WIDTH, HEIGHT = 480, 360
LEFT, TOP = 12, 100  #: of what is shown of it
SEEN = (181.0, 189.0, 314.0, 353.0)  #: the face in the frame of the example
BESIDE = (605.0, 195.0, 740.0, 375.0)  #: the other face in it
FACE = tuple(v - (LEFT, TOP)[k % 2] for k, v in enumerate(SEEN))
THUMB = 240, 135  #: px of a small picture
STATIC = ROOT / "pipeline" / "web" / "static"
TALL = 200  #: px of a tile
SPACE, HEAD = 10, 34
RESULT = ROOT / "examples" / "results" / "orbit_en" / "transcript.json"
LINE = 8  #: the phrase of that result whose moments are shown
# title, look, moment in the cue, whose face is seen
COLUMNS = (
    ("Cyberpunk, first word", Look(text_size=1.3), "standing", "p1"),
    ("turning", Look(text_size=1.3), "turning", "p1"),
    ("off screen", Look(text_size=1.3), "turned", "p2"),
    ("Kiroshi", Look("kiroshi", text_size=1.3), "turned", "p1"),
    ("Classic", Look("classic", text_size=1.3), "turned", "p1"),
    ("Word pop", Look("word-pop"), "typing", "p1"),
    ("Bars, as spoken", Look("bars", text_size=1.3, reveal="spoken"), "typing", "p1"),
)


def rgb(frame: np.ndarray) -> Image.Image:
    """The yuv420p frame (BT.709, limited range) as a picture."""
    luma, chroma = (plane.astype(np.float32) for plane in yuv.planes(frame))
    u, v = np.repeat(np.repeat(chroma, 2, 1), 2, 2) - 128
    pixels = np.stack([luma - 16, u, v], axis=-1) @ np.linalg.inv(yuv.BT709.rows()).T
    return Image.fromarray(np.clip(np.round(pixels), 0, 255).astype(np.uint8))


def label(text: str, size: float = 20) -> Image.Image:
    """Return a picture of `text` for the margin of the gallery."""
    layout = lay_out(text, size_px=size, max_width_px=2000, max_lines=1)
    mask = draw_layout(layout)
    return Image.composite(Image.new("RGB", mask.size, (34, 230, 255)), Image.new("RGB", mask.size, (11, 14, 18)), mask)


def tile(look: Look, moment: str, seen: str, target: str, picture: np.ndarray) -> Image.Image:
    """The picture, in which `seen` has the face, with one cue of the first person on it."""
    scene = analysis(
        phrase(1, "p1", 0, 3, translation=TRANSLATIONS[target]),
        tracks=(track(seen, FACE, 0, 10),),
        target=target, size=(WIDTH, HEIGHT), names=("Eileen", "Grace"),
    )  # fmt: skip
    made = compose(scene, look, WIDTH, HEIGHT, Fraction(30), yuv.BT709)
    cue = made.cues[0]
    t = {
        "standing": cue.start + 0.2,
        "typing": 1.7,
        "turned": max(cue.spoken, cue.turn_end + 0.3) - 0.01,
        "turning": (cue.turn_start + cue.turn_end) / 2,
    }[moment]
    frame = made.framed(picture.copy())
    made.draw(frame, t)
    image = rgb(frame)
    return image.resize((round(image.width * TALL / image.height), TALL), Image.Resampling.LANCZOS)


def main() -> None:
    """Write the pictures."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--out", type=Path, default=ROOT / "docs")
    options.add_argument("--thumbnails", action="store_true", help="write the page's pictures of the looks instead")
    given = options.parse_args()
    to = STATIC if given.thumbnails else given.out
    to.mkdir(parents=True, exist_ok=True)
    pictures = thumbnails() if given.thumbnails else (("looks.jpg", sheet()), ("result.jpg", result()))
    for name, image in pictures:
        image.save(to / name, quality=78, optimize=True)
        print(f"{to / name}: {image.width} x {image.height}, {(to / name).stat().st_size // 1024} KB")


def shown(at: float, width: int, height: int) -> np.ndarray:
    """The example's frame at `at` seconds."""
    frames = media.frames(
        media.probe(CLIP, Settings()), width=width, height=height, pixels="yuv420p", start=at, end=at + 0.5
    )
    frame = next(frames)[1].copy()
    frames.close()
    return frame


def result() -> Image.Image:
    """Return one line of the example's ready result: at its first word, turning, and while it is still spoken."""
    made = compose(transcript.from_json(RESULT.read_text()), Look(), 1280, 720, Fraction(25), yuv.BT709)
    cue = next(cue for cue in made.cues if cue.phrase == LINE)
    moments = (cue.start + 0.2, (cue.turn_start + cue.turn_end) / 2, cue.turn_end + 0.3)
    strip = Image.new("RGB", (960, 540 * len(moments)))
    for k, t in enumerate(moments):
        frame = shown(t, 1280, 720)
        made.draw(frame, t)
        strip.paste(rgb(frame).resize((960, 540), Image.Resampling.LANCZOS), (0, 540 * k))
    return strip


def thumbnails() -> list[tuple[str, Image.Image]]:
    """Return the name of the file and a small picture for every look: one line, half turned or half said."""
    picture = shown(AT, *WHOLE)
    scene = analysis(
        phrase(1, "p1", 0, 2, "The night belongs to us.", "Noc należy do nas."),
        tracks=(track("p1", SEEN, 0, 10), track("p2", BESIDE, 0, 10)), target="PL", size=WHOLE,
        names=("Eileen", "Grace"),
    )  # fmt: skip
    found = []
    for name in looks.names():
        made = compose(scene, Look(name, text_size=1.2 if name == "word-pop" else 1.9), *WHOLE, Fraction(30), yuv.BT709)
        cue = made.cues[0]
        frame = made.framed(picture.copy())
        made.draw(frame, (cue.turn_start + cue.turn_end) / 2 if cue.turns else 1.2)
        image = rgb(frame)
        image.thumbnail(THUMB, Image.Resampling.LANCZOS)
        whole = Image.new("RGB", THUMB)
        whole.paste(image, ((THUMB[0] - image.width) // 2, (THUMB[1] - image.height) // 2))
        found.append((f"look-{name}.jpg", whole))
    return found


def cropped(whole: np.ndarray, left: int, top: int, width: int, height: int) -> np.ndarray:
    """Return a part of a yuv420p frame as a frame; all numbers even."""
    picture = np.empty((height * 3 // 2, width), dtype=np.uint8)
    for part, plane, step in zip(yuv.planes(picture), yuv.planes(whole), (1, 2), strict=True):
        part[...] = plane[..., top // step : (top + height) // step, left // step : (left + width) // step]
    return picture


def sheet() -> Image.Image:
    """Every look with every script."""
    whole = shown(AT, *WHOLE)
    picture = cropped(whole, LEFT, TOP, WIDTH, HEIGHT)
    rows = [[tile(look, moment, seen, target, picture) for _, look, moment, seen in COLUMNS] for target in TRANSLATIONS]
    edges = [SPACE, *(SPACE + sum(image.width + SPACE for image in rows[0][: k + 1]) for k in range(len(COLUMNS)))]
    page = Image.new("RGB", (edges[-1], HEAD + len(rows) * (TALL + SPACE)), (11, 14, 18))
    for k, (title, *_) in enumerate(COLUMNS):
        page.paste(label(title), (edges[k], 6))
    for j, row in enumerate(rows):
        for k, image in enumerate(row):
            page.paste(image, (edges[k], HEAD + j * (TALL + SPACE)))
    return page


if __name__ == "__main__":
    main()
