"""Lines, clusters and ink. Pixels come from HarfBuzz's own rasteriser, so they are the same everywhere."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.languages import SOURCES, TARGETS
from pipeline.subtitles.layout import Layout, cluster_box, draw_layout, lay_out

pytestmark = pytest.mark.unit

WRITING = json.loads((Path(__file__).parent / "data" / "writing.json").read_text("utf-8"))
LANGUAGES = {language.code: language for language in (*SOURCES, *TARGETS)}


def pixels(layout: Layout, indices: Any = None) -> np.ndarray:
    return np.asarray(draw_layout(layout, indices))


def check(layout: Layout, max_width: float, max_lines: int) -> np.ndarray:
    """What holds for every layout."""
    assert layout.width <= max_width + 1
    assert len(layout.lines) <= max_lines
    assert [cluster.index for cluster in layout.clusters] == list(range(len(layout.clusters)))
    for line in layout.lines:
        assert 0 <= line.top <= line.baseline <= line.bottom <= layout.height + 1
        assert all(glyph.id for glyph in line.glyphs), f".notdef in {line.text!r}"
    for cluster in layout.clusters:
        assert -1 <= cluster.left <= cluster.right <= layout.width + 1
    ink = pixels(layout)
    assert ink.shape == (max(1, layout.height), max(1, layout.width))
    return ink


@pytest.mark.parametrize("code", sorted(LANGUAGES))
@pytest.mark.parametrize("family", ["technical", "sans"])
def test_every_language_stays_inside(code: str, family: str) -> None:
    layout = lay_out(
        WRITING[code]["sample"], size_px=34, max_width_px=900, max_lines=6, language=LANGUAGES[code].code, family=family
    )
    check(layout, 900, 6)
    assert layout.missing == ()
    assert layout.complete
    assert layout.direction == LANGUAGES[code].direction
    text = "".join(cluster.text for cluster in layout.clusters)
    assert text.replace(" ", "") == layout.text.replace(" ", "")


@pytest.mark.parametrize("code", ["PL", "VI", "AR", "UR", "HI", "TH", "MY", "KM", "BO", "ZH-HANT"])
@pytest.mark.parametrize("weight", ["medium", "bold"])
def test_no_ink_is_cut_off(code: str, weight: str) -> None:
    """The sum of the ink does not change when the mask is larger than the layout."""
    from dataclasses import replace

    layout = lay_out(WRITING[code]["sample"], size_px=40, max_width_px=700, max_lines=4, language=code, weight=weight)
    room = 60
    shifted = tuple(
        replace(
            line, baseline=line.baseline + room, glyphs=tuple(replace(glyph, x=glyph.x + room) for glyph in line.glyphs)
        )
        for line in layout.lines
    )
    larger = replace(layout, width=layout.width + 2 * room, height=layout.height + 2 * room, lines=shifted)
    inside, around = pixels(layout).astype(int), pixels(larger).astype(int)
    assert abs(inside.sum() - around.sum()) <= 0.001 * around.sum()
    assert np.abs(around[room : room + layout.height, room : room + layout.width] - inside).max() <= 2


def test_latin_runs_left_to_right_and_arabic_right_to_left() -> None:
    latin = lay_out("Wake up", size_px=40, max_width_px=900, language="EN")
    assert all(a.right <= b.left + 0.01 for a, b in itertools.pairwise(latin.clusters))
    arabic = lay_out("صباح الخير", size_px=40, max_width_px=900, language="AR")
    assert all(b.right <= a.left + 0.01 for a, b in itertools.pairwise(arabic.clusters))
    assert arabic.clusters[0].right == pytest.approx(arabic.lines[0].right)


def test_arabic_letters_join() -> None:
    joined = pixels(lay_out("ببب", size_px=60, max_width_px=900, language="AR"))
    apart = pixels(lay_out("ب ب ب", size_px=60, max_width_px=900, language="AR"))

    def gaps(ink: np.ndarray) -> int:
        columns = (ink > 60).any(0).astype(int)
        return int((np.diff(columns) == 1).sum())

    assert gaps(joined) <= 1 < gaps(apart)


def test_mixed_order_hebrew_with_latin_and_a_number() -> None:
    layout = lay_out("אב Night 2077 ג", size_px=40, max_width_px=900, language="HE")
    left: dict[str, float] = {}
    for cluster in layout.clusters:
        left.setdefault(cluster.text, cluster.left)
    assert left["א"] > left["ב"] > left["t"] > left["N"] > left["ג"]
    assert left["N"] < left["i"] < left["g"] < left["h"] < left["t"]
    assert left["N"] < left["2"] < left["0"]  # "Night 2077" is one left-to-right stretch
    assert left["ג"] == min(left.values())


def test_brackets_are_mirrored_in_right_to_left_text() -> None:
    layout = lay_out("(אב)", size_px=60, max_width_px=900, language="HE")
    opening, closing = layout.clusters[0], layout.clusters[-1]
    assert opening.left > closing.left
    first = pixels(layout, [0])
    columns = np.flatnonzero(first.any(0))
    # ")" bulges to the right: its rightmost ink is at mid height, not at the top.
    rows = np.flatnonzero(first[:, columns[-1]])
    assert rows.mean() == pytest.approx(np.flatnonzero(first.any(1)).mean(), abs=4)


def test_graphemes_of_a_ligature_share_its_width() -> None:
    layout = lay_out("office", size_px=60, max_width_px=900, language="EN", family="sans")
    assert len(layout.lines[0].glyphs) == 4  # o ffi c e
    f, second, i = layout.clusters[1:4]
    assert (f.text, second.text, i.text) == ("f", "f", "i")
    assert f.right - f.left == pytest.approx(second.right - second.left) == pytest.approx(i.right - i.left)
    assert f.right == pytest.approx(second.left)


@pytest.mark.parametrize("code", ["PL", "AR", "HE", "HI", "TH", "JA", "KO"])
def test_revealing_cluster_by_cluster_ends_in_the_whole_line(code: str) -> None:
    layout = lay_out(WRITING[code]["sample"][:60], size_px=36, max_width_px=800, max_lines=2, language=code)
    whole = pixels(layout)
    assert np.array_equal(pixels(layout, range(len(layout.clusters))), whole)
    half = pixels(layout, range(len(layout.clusters) // 2))
    assert 0 < half.astype(int).sum() < whole.astype(int).sum()
    assert ((half == 0) | (half == whole)).all()
    boxes = [cluster_box(layout, cluster.index) for cluster in layout.clusters]
    for a, b in itertools.combinations(boxes, 2):
        assert min(a[2], b[2]) <= max(a[0], b[0]) or min(a[3], b[3]) <= max(a[1], b[1]), "cells overlap"


def test_first_half_of_hebrew_stands_on_the_right() -> None:
    layout = lay_out("שלום לכולם", size_px=40, max_width_px=900, language="HE")
    half = pixels(layout, range(len(layout.clusters) // 2))
    columns = np.flatnonzero(half.any(0))
    assert columns.min() > layout.width * 0.4


def test_lines_are_balanced_and_break_between_words() -> None:
    layout = lay_out("We have a city to burn and the night is still young", size_px=30, max_width_px=560, language="EN")
    first, second = layout.lines
    assert f"{first.text} {second.text}" == layout.text
    widths = [line.right - line.left for line in layout.lines]
    assert min(widths) > 0.7 * max(widths)


@pytest.mark.parametrize(("code", "forbidden"), [("JA", "。、」』）ー々ょっ！？"), ("ZH-HANS", "。，、！？”）》")])
def test_no_line_begins_with_what_must_not_begin_one(code: str, forbidden: str) -> None:
    text = WRITING[code]["sample"]
    for width in range(120, 600, 40):
        layout = lay_out(text, size_px=24, max_width_px=width, max_lines=40, language=code)
        assert not any(line.text[0] in forbidden for line in layout.lines)


def test_a_long_word_is_broken_between_graphemes() -> None:
    layout = lay_out("Donaudampfschifffahrtsgesellschaft" * 3, size_px=30, max_width_px=400, max_lines=6, language="DE")
    check(layout, 400, 6)
    assert layout.complete
    assert "".join(line.text for line in layout.lines) == layout.text


def test_too_much_text_is_set_smaller_then_cut() -> None:
    text = "Nobody had told us that the bridge was closed, so we drove. " * 2
    smaller = lay_out(text, size_px=30, max_width_px=740, max_lines=2, language="EN")
    assert smaller.complete
    assert 24 <= smaller.size_px < 30
    cut = lay_out(text * 10, size_px=30, max_width_px=740, max_lines=2, language="EN")
    assert not cut.complete
    assert cut.size_px == 24
    assert cut.lines[-1].text.endswith("…")
    check(cut, 740, 2)


@pytest.mark.parametrize("align", ["start", "center", "left", "right"])
def test_alignment(align: str) -> None:
    layout = lay_out(
        "a long first line of the text, then short", size_px=30, max_width_px=420, language="EN", align=align
    )
    short = min(layout.lines, key=lambda line: line.right - line.left)
    left, right = short.left, layout.width - short.right
    if align == "center":
        assert left == pytest.approx(right, abs=2)
    elif align == "right":
        assert left > right
    else:
        assert left < right


def test_bold_is_bolder_also_without_a_bold_file() -> None:
    for text, code in (("Wake up", "EN"), ("صباح", "AR"), ("日本", "JA")):
        medium = lay_out(text, size_px=60, max_width_px=900, language=code)
        bold = lay_out(text, size_px=60, max_width_px=900, language=code, weight="bold")
        # Rajdhani goes from 600 to 700, the others get 3 % of the em more.
        assert pixels(bold).astype(int).sum() > 1.03 * pixels(medium).astype(int).sum()


def test_bidi_controls_cannot_turn_a_name_around() -> None:
    assert lay_out("\u202eabc", size_px=30, max_width_px=300).text == "abc"


@pytest.mark.parametrize("text", ["", "   ", "\u202e\u202c", "\U00013000"])
def test_nothing_to_draw_is_an_empty_layout(text: str) -> None:
    layout = lay_out(text, size_px=30, max_width_px=300, language="EN")
    assert layout.clusters == ()
    assert layout.width == 0
    assert pixels(layout).sum() == 0


def test_sixty_four_pixels_are_enough_not_to_crash() -> None:
    layout = lay_out("Straßenbahnhaltestelle und 漢字 ومرحبا", size_px=8, max_width_px=50, max_lines=2, language="DE")
    check(layout, 50, 2)


ALPHABET = "abcż ﬁ漢か한ไทยทั้งกำक्षিবাংলামালםאבבגجلاب١٢12.,!?()[]{}«»…—😀👨‍👩‍👧🇵🇱\u0301\u200d\u200c\u202e\n\t\U00013000"


@given(st.text(ALPHABET, max_size=120), st.sampled_from(["PL", "AR", "HE", "JA", "TH", ""]), st.integers(20, 500))
@settings(max_examples=150, deadline=None)
def test_any_text_gives_a_bounded_picture(text: str, code: str, width: int) -> None:
    layout = lay_out(text, size_px=20, max_width_px=width, max_lines=2, language=code)
    check(layout, width, 2)
