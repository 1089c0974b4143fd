from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest

from pipeline.errors import UsageError
from pipeline.records import Look, Phrase, Shot, Track, Written
from pipeline.subtitles import looks, yuv
from pipeline.subtitles.draw import Compositor, compose
from pipeline.subtitles.kept import words_of_marks
from pipeline.subtitles.layout import draw_layout
from pipeline.subtitles.setting import lit
from pipeline.subtitles.yuv import BT601, BT709, Corners, Frost, Sprite
from tests.fixtures_look import HEIGHT, LEFT, RIGHT, SOURCE, TRANSLATIONS, WIDTH, analysis, backdrop, phrase, track

LOOKS = looks.names()
TEXTS = ("morph", "both", "original", "translation")
PL = TRANSLATIONS["PL"]


def compositor(look: Look, *phrases: Phrase, size: tuple[int, int] = (WIDTH, HEIGHT), **how: Any) -> Compositor:
    return compose(analysis(*phrases, **how), look, *size, 25)


def drawn(made: Compositor, t: float, dark: int = 40, bright: int = 170) -> np.ndarray:
    frame = made.framed(backdrop(made.canvas.width, made.canvas.height - 2 * made.canvas.top, dark, bright))
    made.draw(frame, t)
    return frame


# --- the core


@pytest.mark.parametrize("matrix", [BT601, BT709])
def test_colours_are_those_of_the_standard(matrix: yuv.Matrix) -> None:
    assert matrix.yuv((255, 255, 255)) == (235, 128, 128)
    assert matrix.yuv((0, 0, 0)) == (16, 128, 128)
    # EBU 100 % bars, ITU-R BT.601 and BT.709
    assert matrix.yuv((255, 0, 0)) == {"bt601": (81, 90, 240), "bt709": (63, 102, 240)}[matrix.name]


@pytest.mark.parametrize(("x", "y"), [(10, 10), (11, 10), (10, 11), (11, 11), (-5, -3), (95, 61), (200, 200)])
def test_a_sprite_lands_on_its_pixel_in_luma_and_chroma(x: int, y: int) -> None:
    frame = backdrop(100, 64, 60, 60)
    rgba = np.zeros((9, 13, 4), dtype=np.uint8)
    rgba[...] = (255, 0, 0, 255)
    Sprite.of_rgba(rgba, BT601).blend(yuv.planes(frame), x, y)
    luma, (u, v) = yuv.planes(frame)
    expected = np.full((64, 100), 60)
    expected[max(0, y) : max(0, y + 9), max(0, x) : max(0, x + 13)] = 81
    assert np.array_equal(luma, expected)
    share = (expected == 81).reshape(32, 2, 50, 2).mean(axis=(1, 3))
    assert np.abs(u - (128 + share * (90 - 128))).max() <= 2
    assert np.abs(v - (128 + share * (240 - 128))).max() <= 2


def test_blending_is_the_mean_by_coverage() -> None:
    rng = np.random.default_rng(1)
    mask = rng.integers(0, 256, (20, 30), dtype=np.uint8)
    frame = backdrop(64, 48, 16, 235)
    before = yuv.planes(frame.copy())[0][5:25, 7:37].astype(float)
    Sprite.of_mask(mask, (200, 90, 150)).blend(yuv.planes(frame), 7, 5, 0.6)
    after = yuv.planes(frame)[0][5:25, 7:37]
    wanted = before + (200 - before) * mask / 255 * 0.6
    assert np.abs(after - wanted).max() <= 2


def test_frost_darkens_inside_its_mask_only() -> None:
    frame = backdrop(64, 48, 200, 200)
    mask = np.zeros((16, 20), dtype=np.uint8)
    mask[:, :10] = 255
    Frost(mask, (20, 128, 128)).blend(yuv.planes(frame), 4, 4, 0.75)
    luma = yuv.planes(frame)[0]
    assert abs(int(luma[10, 8]) - 65) <= 1
    assert luma[10, 16] == 200


@pytest.mark.parametrize("opacity", [1.0, 0.4])
@pytest.mark.parametrize(
    ("x", "y", "columns"), [(6, 4, None), (7, 5, None), (-9, -3, None), (50, 37, None), (7, 4, (5, 19))]
)
def test_trim_on_frost_is_as_if_painted_after_it(
    x: int, y: int, columns: tuple[int, int] | None, opacity: float
) -> None:
    rng = np.random.default_rng(3)
    mask = np.full((16, 24), 255, dtype=np.uint8)
    mask[:3, 18:] = rng.integers(0, 256, (3, 6))
    mask[-2:, :9] = 0
    rgba = rng.integers(0, 256, (16, 24, 4), dtype=np.uint8)
    rgba[..., 3] = np.minimum(rgba[..., 3], mask)
    trim, tint = Sprite.of_rgba(rgba, BT709), (20, 120, 140)
    together, apart = backdrop(64, 48, 30, 220), backdrop(64, 48, 30, 220)
    before = apart.copy()
    Frost(mask, tint, trim).blend(yuv.planes(together), x, y, 0.8, opacity, columns)
    Frost(mask, tint).blend(yuv.planes(apart), x, y, 0.8, 1.0, columns)
    trim.blend(yuv.planes(apart), x, y, 1.0, columns)
    faded = before + (apart.astype(float) - before) * opacity  # a panel fades as a whole
    assert (together != before).any()
    assert np.abs(together - faded).max() <= 2.5


@pytest.mark.parametrize(("left", "top"), [(4, 6), (5, 6), (4, 7), (9, 3)])
@pytest.mark.parametrize(("side", "across", "down"), [(7, 30, 20), (8, 10, 10), (9, 10, 12)])
def test_four_corners_at_once_are_four_sprites(left: int, top: int, side: int, across: int, down: int) -> None:
    rng = np.random.default_rng(4)
    made = [Sprite.of_rgba(rng.integers(0, 256, (side, side, 4), dtype=np.uint8), BT601) for _ in range(4)]
    together, apart = backdrop(64, 48, 30, 220), backdrop(64, 48, 30, 220)
    Corners((made[0], made[1], made[2], made[3])).blend(yuv.planes(together), left, top, left + across, top + down, 0.7)
    for k, sprite in enumerate(made):
        sprite.blend(yuv.planes(apart), left + across * (k % 2), top + down * (k // 2), 0.7)
    assert np.array_equal(together, apart)


def test_nothing_turns_black_that_fades_on_white() -> None:
    white = np.full((72, 64), 255, dtype=np.uint8)
    rgba = np.full((16, 24, 4), 255, dtype=np.uint8)
    rgba[..., 3] = np.arange(16 * 24).reshape(16, 24) % 256
    trim = Sprite.of_rgba(rgba, BT709)
    for opacity in np.linspace(0.01, 1.0, 60):
        frame = white.copy()
        trim.blend(yuv.planes(frame), 5, 5, opacity)
        Corners((trim,) * 4).blend(yuv.planes(frame), 6, 6, 6 + 26, 6 + 18, opacity)
        Frost(rgba[..., 3], (235, 128, 128), trim).blend(yuv.planes(frame), 30, 20, 0.1, opacity)
        assert yuv.planes(frame)[0].min() > 200


@pytest.mark.parametrize("colour", [(0, 0, 0), (0, 0, 128), (255, 0, 0), (255, 255, 255)])
def test_dark_colours_are_lit(colour: tuple[int, int, int]) -> None:
    assert yuv.luminance(lit(colour, 0.3)) >= 0.3


# --- the compositor


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("texts", TEXTS)
def test_a_frame_depends_on_its_time_alone(look: str, texts: str) -> None:
    phrases = (phrase(1, "p1", 0.5, 3, translation=PL), phrase(2, "p2", 2.5, 5, translation=PL))
    run = compositor(Look(look, texts=texts), *phrases)
    times = [i / 5 for i in range(30)]
    in_order = [drawn(run, t) for t in times]
    for t, frame in list(zip(times, in_order, strict=True))[::-4]:
        assert np.array_equal(frame, drawn(compositor(Look(look, texts=texts), *phrases), t))


@pytest.mark.parametrize("look", LOOKS)
def test_where_nothing_is_said_nothing_is_touched(look: str) -> None:
    made = compositor(Look(look), phrase(1, "p1", 2, 4, translation=PL))
    for t in (0.0, made.cues[0].start - 0.01, 9.9):
        frame = made.framed(backdrop())
        before = frame.copy()
        assert made.draw(frame, t) is False
        assert np.array_equal(frame, before)
    assert made.draw(made.framed(backdrop()), made.cues[0].spoken) is True


def test_what_is_gone_is_forgotten() -> None:
    made = compositor(Look(), *(phrase(i, "p1", 0.8 * i, 0.8 * i + 0.7, translation=PL) for i in range(10)))
    for i in range(250):
        drawn(made, i / 25)
        assert len(made._live) <= 2
    drawn(made, 100.0)
    assert made._live == {}


def test_bars_stand_outside_the_picture() -> None:
    made = compositor(Look("bars", markers=False), phrase(1, "p1", 0, 3, translation=PL))
    canvas = made.canvas
    assert canvas.height == HEIGHT + 2 * canvas.top
    assert canvas.top % 2 == canvas.height % 2 == 0
    picture = backdrop()
    (t, frame), *_ = list(made.drawn([(2.0, picture)]))
    assert t == 2.0
    for whole, part in zip(yuv.planes(frame), yuv.planes(picture), strict=True):
        top = (whole.shape[-2] - part.shape[-2]) // 2
        assert np.array_equal(whole[..., top : top + part.shape[-2], :], part)
    luma = yuv.planes(frame)[0]
    assert luma[: canvas.top].max() > 200  # translation
    assert luma[-canvas.top :].max() > 120  # source


@pytest.mark.parametrize("look", ["cyberpunk", "classic"])
@pytest.mark.parametrize("level", [20, 120, 235])
def test_text_keeps_its_contrast_on_any_picture(look: str, level: int) -> None:
    made = compositor(Look(look, markers=False), phrase(1, "p1", 0, 2, translation=PL))
    cue = made.cues[0]
    luma = yuv.planes(drawn(made, cue.turn_end + 0.5 if look == "cyberpunk" else 1.99, level, level))[0]
    spot = made.spots[0][0][0]
    x, y = spot.at(1.9)
    em = made._setting.em
    panel = luma[
        y + round(0.4 * em) : y + spot.height - round(0.4 * em), x + round(0.8 * em) : x + spot.width - round(0.8 * em)
    ]

    behind = round((float(np.percentile(panel, 20)) - 16) * 255 / 219)
    text = (255, 255, 255) if look == "cyberpunk" else lit((0x22, 0xE6, 0xFF), 0.5)
    ratio = (yuv.luminance(text) + 0.05) / (yuv.luminance((behind, behind, behind)) + 0.05)
    assert ratio >= (4.5 if look == "cyberpunk" else 3.0)
    assert panel.max() > 150  # and the text is there
    assert made.notices == ()


def test_the_source_turns_into_the_translation_from_the_left() -> None:
    made = compositor(Look(markers=False), phrase(1, "p1", 0, 2, translation=PL))
    cue = made.cues[0]
    settled = drawn(made, cue.end - 0.3)
    early = drawn(made, cue.turn_start + 0.45 * (cue.turn_end - cue.turn_start))
    spot = made.spots[0][0][0]
    x, y = spot.at(1)
    region = np.s_[y : y + spot.height // 2, x : x + spot.width]
    difference = np.abs(yuv.planes(settled)[0][region].astype(int) - yuv.planes(early)[0][region]) > 40
    left, right = difference[:, : spot.width // 4].sum(), difference[:, spot.width // 2 :].sum()
    assert right > 3 * left


def test_right_to_left_turns_from_the_right() -> None:
    made = compositor(Look(markers=False), phrase(1, "p1", 0, 2, translation=TRANSLATIONS["AR"]), target="AR")
    cue = made.cues[0]
    settled = drawn(made, cue.end - 0.3)
    early = drawn(made, cue.turn_start + 0.45 * (cue.turn_end - cue.turn_start))
    spot = made.spots[0][0][0]
    x, y = spot.at(1)
    region = np.s_[y : y + spot.height // 2, x : x + spot.width]
    difference = np.abs(yuv.planes(settled)[0][region].astype(int) - yuv.planes(early)[0][region]) > 40
    assert difference[:, : spot.width // 2].sum() > 3 * difference[:, -spot.width // 4 :].sum()


def test_two_voices_at_once_never_share_a_place_in_the_bars() -> None:
    made = compositor(
        Look("bars"),
        phrase(1, "p1", 0, 4, translation=PL),
        phrase(2, "p2", 1, 5, translation=PL),
        phrase(3, None, 1, 5, translation=PL),
    )
    for spots in made.spots:
        boxes = [cue_spots[0].boxes(np.array([2.0]))[0] for cue_spots in spots]
        rows = sorted((top, bottom) for _, top, _, bottom in boxes)
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(rows))
    drawn(made, 2.0)


def test_reduced_motion_holds_still() -> None:
    made = compositor(Look(reduced_motion=True, markers=False), phrase(1, "p1", 0, 2, translation=PL))
    cue = made.cues[0]
    frames = {drawn(made, cue.start + i * (cue.end - cue.start - 0.01) / 20).tobytes() for i in range(21)}
    assert len(frames) == 2  # the source, then the translation


def test_the_speaking_face_alone_is_marked() -> None:
    made = compositor(
        Look(),
        phrase(1, "p2", 0, 3, translation=PL),
        tracks=(track("p1", LEFT, 0, 10), track("p2", (420, 220, 500, 320), 0, 10)),
    )
    plain = compositor(Look(markers=False), phrase(1, "p2", 0, 3, translation=PL), tracks=made_tracks(made))
    changed = drawn(made, 1.5).astype(int) - backdrop() != 0
    luma = changed[:HEIGHT]
    assert luma[215:330, 405:515].sum() > 100
    assert luma[105:245, 125:235].sum() == 0
    assert (drawn(plain, 1.5).astype(int) - backdrop() != 0)[260:330, 405:415].sum() == 0


def made_tracks(made: Compositor) -> tuple[Track, ...]:
    from pipeline.records import Box, Track

    return tuple(
        Track(f.person, tuple(Box(float(t), *map(float, b)) for t, b in zip(f.times, f.boxes, strict=True)))
        for f in made.scene.faces
    )


def test_a_source_is_never_passed_off_as_a_translation() -> None:
    with_source = compositor(Look("bars", markers=False), phrase(1, "p1", 0, 3, translation=None))
    luma = yuv.planes(drawn(with_source, 2.5))[0]
    top = with_source.canvas.top
    assert luma[-top:].max() > 120
    assert luma[:top].max() == 16
    assert with_source.cues[0].translation == ""
    assert [spots[0][0].tab > 0 for spots in with_source.spots] == [False, True]  # who says it is still said


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize(
    ("size", "translation", "names"),
    [
        ((64, 36), PL, ("Ada", "Bo")),
        ((64, 64), PL, ("Ada", "Bo")),
        ((2160, 3840), PL, ("Ada", "Bo")),
        ((WIDTH, HEIGHT), SOURCE * 5, ("Ada", "Bo")),
        ((WIDTH, HEIGHT), "y" * 600, ("Ada", "Bo")),
        ((WIDTH, HEIGHT), PL, ("\u202egnp.exe " + "x" * 500, "\u2066\u202e")),
        ((WIDTH, HEIGHT), "Z\u0301\u0302\u0303\u0304\u0305\u0306\u0307" * 40, ("", " ")),
        ((WIDTH, HEIGHT), "👩‍👩‍👧 שלום नमस्ते สวัสดี 한국어", ("Ada", "Bo")),
    ],
)
def test_bad_input_gives_a_bounded_picture(
    look: str, size: tuple[int, int], translation: str, names: tuple[str, ...]
) -> None:
    for texts in TEXTS:
        made = compositor(
            Look(look, texts=texts), phrase(1, "p1", 0, 2, translation=translation), phrase(2, None, 1, 2, translation=translation),
            size=size, names=names,
        )  # fmt: skip
        for spots in made.spots:
            for spot in (s for cue_spots in spots for s in cue_spots):
                boxes = spot.boxes(spot.times)
                assert boxes.min() >= -0.5
                assert boxes[:, 2].max() <= made.canvas.width + 0.5
                assert boxes[:, 3].max() <= made.canvas.height + 0.5
        for cue in made.cues[:3]:
            drawn(made, (cue.start + cue.end) / 2)


def test_glyphs_no_font_has_are_named() -> None:
    made = compositor(Look(), phrase(1, "p1", 0, 2, translation="\U00012000 ok"))
    assert any(n.code == "missing_glyphs" and "\U00012000" in n.text for n in made.notices)
    drawn(made, 1)


def test_ten_faces_and_a_phrase_of_nobody() -> None:
    tracks = tuple(track("p1" if i == 3 else None, (10 + 62 * i, 100, 60 + 62 * i, 160), 0, 10) for i in range(10))
    made = compositor(
        Look(), phrase(1, "p1", 0, 3, translation=PL), phrase(2, None, 0, 3, translation=PL), tracks=tracks
    )
    (one,), (other,) = made.spots[0]
    assert one.kind == "low"
    assert abs(one.at(1)[1] - other.at(1)[1]) >= min(one.height, other.height)
    drawn(made, 1)


@pytest.mark.parametrize("look", LOOKS)
def test_ten_who_speak_at_once_are_never_written_over_each_other(look: str) -> None:
    tracks = tuple(track(f"p{i + 1}", (10 + 62 * i, 100, 56 + 62 * i, 160), 0, 10) for i in range(10))
    made = compositor(
        Look(look), *(phrase(i + 1, f"p{i + 1}", 0.2 * i, 4, translation=PL) for i in range(10)), tracks=tracks,
        names=tuple(f"Person {i}" for i in range(10)),
    )  # fmt: skip
    assert {n.code for n in made.notices} <= {"crowded", "reading_speed", "short_cue"}
    least = {"kiroshi": 1, "word-pop": 2}.get(look, 3)
    for t in np.arange(0.05, 3, 0.1):
        seen = [
            spot.boxes(np.array([t]))[0]
            for own in made.spots
            for cue, spots in zip(made.cues, own, strict=True)
            for spot in spots
            if max(cue.start, spot.start) <= t < min(spot.end, cue.text_end)
        ]
        assert len(seen) >= min(least, int(t / 0.2) + 1)
        for a, b in itertools.combinations(seen, 2):
            wide, tall = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
            assert max(0, wide) * max(0, tall) <= 0.06 * (a[2] - a[0]) * (a[3] - a[1])
    drawn(made, 3.5)


def test_a_phrase_without_a_translation_does_not_let_the_others_out_of_their_bar() -> None:
    made = compositor(
        Look("bars"), *(phrase(i + 1, f"p{i + 1}", 0.2 * i, 4, translation=None if i == 4 else PL) for i in range(8)),
        names=tuple(f"Person {i}" for i in range(8)),
    )  # fmt: skip
    top, bottom = ([spot.boxes(spot.times) for (spot,) in spots if spot.width] for spots in made.spots)
    assert (len(top), len(bottom)) == (7, 8)
    assert max(boxes[:, 3].max() for boxes in top) <= made.canvas.height / 2
    assert min(boxes[:, 1].min() for boxes in bottom) >= made.canvas.height / 2


def test_a_panel_whose_text_was_read_goes_with_the_shot() -> None:
    shots = (Shot(0, 3), Shot(3, 10))
    seen = (track("p1", RIGHT, 0, 2.9), track("p2", (40, 160, 140, 290), 3, 10))
    made = compositor(Look(), phrase(1, "p1", 0, 2.7, translation=None), shots=shots, tracks=seen)
    (spot,) = made.spots[0][0]
    assert (spot.kind, spot.end) == ("above", 3.0)
    frame = backdrop()
    assert made.draw(frame, 2.98)
    assert not made.draw(frame, 3.02)


def test_a_mark_stands_for_who_is_interrupted() -> None:
    made = compositor(Look(markers=False), phrase(1, "p1", 0, 6, translation=PL), phrase(2, "p2", 4, 5, "Mhm.", "Aha."))
    first = made.cues[0]
    assert first.full_until == pytest.approx(4.0)
    spot = made.spots[0][0][0]
    x, y = spot.at(4.5)
    text, mark = drawn(made, 3.9).astype(int) - backdrop() != 0, drawn(made, 4.5).astype(int) - backdrop() != 0
    panel = np.s_[y : y + spot.height, x : x + spot.width]
    assert 0 < mark[:HEIGHT][panel].sum() < 0.3 * text[:HEIGHT][panel].sum()


def test_the_name_goes_after_the_first_lines_and_comes_back_after_a_cut() -> None:
    lines = [phrase(k, "p1", 2.0 * k, 2.0 * k + 1.6, translation=PL) for k in range(5)]
    made = compositor(Look(), *lines, shots=(Shot(0, 8), Shot(8, 10)), tracks=(track("p1", LEFT, 0, 10),))
    name = {t: next((name for *_, name in made._markers.at(t)), 0.0) for t in (0.8, 2.8, 4.8, 6.8, 9.0)}
    assert [name[t] > 0.9 for t in (0.8, 2.8, 4.8, 6.8, 9.0)] == [True, True, False, False, True]


def test_words_of_both_languages_stand_from_the_start_and_only_glide() -> None:
    made = compositor(
        Look(markers=False),
        phrase(1, "p1", 0, 3, "We came to Night City yesterday", "Do Night City przyszliśmy wczoraj"),
    )
    cue = made.cues[0]
    drawn(made, cue.start + 0.1)
    row = made._live[0, 0].rows[0]
    assert row.source is not None
    kept = ["".join(row.source.layout.clusters[i].text for i in origin) for origin, _ in row.kept]
    assert kept == ["Night", "City"]
    middle = (cue.turn_start + cue.turn_end) / 2
    assert not np.array_equal(drawn(made, middle), drawn(made, cue.turn_end + 0.1))


@pytest.mark.parametrize("target", TRANSLATIONS)
@pytest.mark.parametrize(
    "source", ["Yes.", "We have been waiting.", "We have been waiting for you since the first signal, all of us."]
)
@pytest.mark.parametrize("size", [1.0, 2.0])
def test_old_and_new_text_stand_at_the_same_heights(source: str, target: str, size: float) -> None:
    said = phrase(1, "p1", 0, 3, source, TRANSLATIONS[target])
    made = compositor(Look(markers=False, text_size=size), said, target=target)
    cue = made.cues[0]
    drawn(made, cue.start + 0.1)
    row = made._live[0, 0].rows[0]
    assert row.source is not None
    assert row.translation is not None
    before, after = row.source.layout, row.translation.layout
    assert before.size_px == pytest.approx(after.size_px, rel=0.01)
    for one, other in zip(before.lines, after.lines, strict=False):
        assert one.baseline == pytest.approx(other.baseline, abs=0.01)
    if len(source) > 20:
        assert len(before.lines) == len(after.lines)
    for layout in (before, after):
        ink = np.flatnonzero(np.asarray(draw_layout(layout)).any(axis=1))
        assert len(ink)
        assert layout.lines[-1].bottom <= layout.height


@pytest.mark.parametrize(
    ("source", "translation"),
    [
        ("Yesterday we all talked to Alan Turing.", "Wczoraj rozmawiał z nami Alan Turing, jak co dzień."),
        ('He said: "Berlin," and left us.', 'Powiedział: "Berlin" i wyszedł.'),
        ("Is it you?", "To naprawdę ty, po tylu latach?"),
    ],
)
def test_no_mark_is_left_alone_while_a_line_turns(source: str, translation: str) -> None:
    made = compositor(Look(markers=False), phrase(1, "p1", 0, 3, source, translation))
    cue = made.cues[0]
    drawn(made, (cue.turn_start + cue.turn_end) / 2)
    row = made._live[0, 0].rows[0]
    assert row.source is not None
    assert row.translation is not None
    assert row.goes is not None
    moving = {i for origin, _ in row.kept for i in origin}
    for i, word in enumerate(words_of_marks(row.source)):
        assert word == i or row.goes[i] <= row.goes[word] or {i, word} <= moving
    gliding = {i for _, target in row.kept for i in target}
    for i, word in enumerate(words_of_marks(row.translation)):
        if word in gliding and i not in gliding:
            assert row.begins[i] == cue.turn_end


@pytest.mark.parametrize("target", ["PL", "AR"])
def test_no_text_stands_beside_a_panel_that_still_opens(target: str) -> None:
    said = phrase(1, "p1", 1, 1.4, "We know that, and so do you.", TRANSLATIONS[target])
    made = compositor(Look(markers=False), said, target=target)
    cue, (spot,) = made.cues[0], made.spots[0][0]
    drawn(made, cue.start + 0.02)
    panel = made._live[0, 0]
    for t in np.arange(cue.start, cue.start + 0.2, 0.02):
        _, opened = panel._appearing(t)
        columns = panel._columns(opened, panel.from_right)
        if columns is None:
            continue
        changed = np.abs(drawn(made, t).astype(int) - drawn(made, 0.1))[:HEIGHT]
        x, y = spot.at(t)
        rows = changed[y + 2 : y + panel.height - 2]
        assert rows[:, : max(0, x + columns[0] - 1)].max(initial=0) == 0
        assert rows[:, x + columns[1] + 1 :].max(initial=0) == 0


def test_a_word_is_lit_as_it_is_said() -> None:
    made = compositor(Look(markers=False, reveal="spoken"), phrase(1, "p1", 0, 4, translation=PL))
    drawn(made, 1.0)
    row = made._live[0, 0].rows[0]
    said = made.plan.analysis.phrases[0].words[row._lit(1.0) or 0]
    assert said.start <= 1.0 < said.start + 0.9


@pytest.mark.parametrize("reveal", ["live", "spoken"])
def test_words_pop_one_by_one(reveal: str) -> None:
    made = compositor(
        Look("word-pop", reveal=reveal), phrase(1, "p1", 0, 3, "One two three four", "Raz dwa trzy cztery")
    )
    ink = [int((yuv.planes(drawn(made, t, 16, 16))[0] > 150).sum()) for t in (0.25, 1.0, 1.7, 2.8)]
    assert ink == sorted(ink)
    assert ink[0] < 0.5 * ink[-1]
    whole = compositor(
        Look("word-pop", reveal="none"), phrase(1, "p1", 0, 3, "One two three four", "Raz dwa trzy cztery")
    )
    assert int((yuv.planes(drawn(whole, 0.25, 16, 16))[0] > 150).sum()) > 0.9 * ink[-1]


@pytest.mark.parametrize("edge", ["left", "right"])
def test_a_name_at_the_edge_stands_beside_its_panel_and_points_out_of_the_frame(edge: str) -> None:
    shots = (Shot(0, 1), Shot(1, 10))
    before = (10, 60, 90, 160) if edge == "left" else (540, 60, 620, 160)
    seen = (track("p1", before, 0, 0.9), track("p2", (280, 60, 360, 160), 1, 10))
    made = compositor(Look(), phrase(1, "p1", 2, 5, translation=PL), shots=shots, tracks=seen)
    (spot,) = made.spots[0][0]
    assert spot.edge == edge
    frame = drawn(made, 4.0)
    cyan = yuv.planes(frame)[1][1] < 100
    y = spot.at(4)[1] // 2
    tag = cyan[y + 2 : y + spot.tab // 2 - 1]
    assert tag[:, 0 if edge == "left" else -1].all()  # it reaches to the frame's edge
    assert not tag[:, WIDTH // 4].any()


def test_faces_scale_with_the_picture() -> None:
    small = compositor(Look(), phrase(1, "p1", 0, 3, translation=PL))
    large = compositor(Look(), phrase(1, "p1", 0, 3, translation=PL), size=(1280, 720))
    a, b = small.spots[0][0][0], large.spots[0][0][0]
    assert abs(a.at(1)[0] * 2 - b.at(1)[0]) < 16
    assert abs(a.at(1)[1] * 2 - b.at(1)[1]) < 16


def test_unknown_looks_are_named() -> None:
    with pytest.raises(UsageError, match=r"vapour.*bars, classic, cyberpunk, kiroshi, word-pop"):
        compositor(Look("vapour"))


def test_words_without_a_shot_list_are_drawn() -> None:
    made = compositor(Look(), phrase(1, "p1", 0, 3, translation=PL), shots=())
    assert made.draw(backdrop(), 1.0)


def test_a_name_tag_does_not_touch_a_title_in_the_picture() -> None:
    """A title across the chin: the name goes over the head, and where the panel is, too, it is left out."""
    line = phrase(1, "p1", 0, 3, translation=TRANSLATIONS["PL"])
    bare = analysis(line)
    left, _, right, bottom = (int(v) for v in LEFT)
    title = Written(0, 10, left - 60, bottom - 30, right + 200, bottom + 40)
    titled = dataclasses.replace(bare, written=(title,))
    images = []
    for scene in (bare, titled):
        made = compose(scene, Look(), WIDTH, HEIGHT, 25, BT709)
        assert made.spots[0][0][0].kind == "above"
        images.append(drawn(made, 2.0)[:HEIGHT])
    below = slice(bottom + 12, bottom + 30), slice(left - 10, right)
    plain = backdrop()[:HEIGHT]
    assert (images[0][below] != plain[below]).any()
    assert (images[1][below] == plain[below]).all()
