"""Notices of one kind are one notice, and a new drawing replaces what an earlier one had to say."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import pipeline.subtitles
from pipeline.notices import ABOUT_DRAWING, after_drawing, when
from pipeline.records import Analysis, Look, Notice, Phrase, Word
from pipeline.subtitles.draw import compose
from pipeline.subtitles.setting import ABOUT
from tests import fakes

OLD = Notice("text_cut", "At 2.0 s the subtitle does not fit.")
KEPT = Notice("no_key", "Translated by a smaller model.")
NEW = Notice("text_cut", "At 3.0 s the subtitle does not fit.")


def test_a_notice_of_an_earlier_drawing_does_not_stand_beside_the_new_one() -> None:
    assert after_drawing((KEPT, OLD), (NEW, NEW)) == (KEPT, NEW)
    assert after_drawing((OLD, KEPT), ()) == (KEPT,)


def test_every_notice_about_the_drawing_is_known_as_one() -> None:
    folder = Path(pipeline.subtitles.__file__).parent
    source = "\n".join(file.read_text(encoding="utf-8") for file in folder.rglob("*.py"))
    said = set(re.findall(r'[nN]otice(?:_at)?\(\s*"(\w+)"', source))
    assert said == ABOUT_DRAWING
    assert set(ABOUT) < ABOUT_DRAWING


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        ([2.4], "at 0:02"),
        ([72.0, 2.0], "at 0:02 and 1:12"),
        ([2.1, 2.9, 7.0], "at 0:02 and 0:07"),
        ([*range(0, 60, 5)], "at 0:00, 0:05, 0:10, 0:15, 0:20 and 7 more times"),
    ],
)
def test_no_time_is_told_twice_and_no_notice_is_a_page_long(seconds: list[float], text: str) -> None:
    assert when(seconds) == text


def _said(*texts: str, each_s: float = 4.0) -> Analysis:
    """An analysis in which one person says each of the texts for `each_s` s."""
    phrases = []
    for k, text in enumerate(texts):
        start, end = k * each_s, (k + 1) * each_s - 0.5
        phrases.append(Phrase(k + 1, start, end, "p1", "Said", (Word(start, end, "Said"),), text))
    whole = fakes.analysis()
    media = replace(whole.media, duration=each_s * len(texts))
    return replace(whole, media=media, people=whole.people[:1], phrases=tuple(phrases), tracks=(), turns=(), shots=())


def _notices(analysis: Analysis, look: Look, size: tuple[int, int] = (320, 180), grey: int = 40) -> dict[str, str]:
    """Return what the drawing on a grey picture says, by code; there is one notice for each."""
    made = compose(analysis, look, *size)
    for t in np.arange(0.02, analysis.media.duration, 0.25):
        made.draw(made.framed(np.full((size[1] * 3 // 2, size[0]), grey, np.uint8)), float(t))
    codes = [notice.code for notice in made.notices]
    assert len(codes) == len(set(codes))
    return {notice.code: notice.text for notice in made.notices}


CLASSIC = Look("classic", texts="translation", text_size=2.0)


def test_of_subtitles_that_do_not_fit_the_picture_not_only_the_first_is_told() -> None:
    broad = "MMMM WWWW MMMM WWWW MMMM"
    one, three = (_notices(_said(*[broad] * count), CLASSIC, (64, 64))["text_cut"] for count in (1, 3))
    assert one == (
        "The subtitle at 0:00 does not fit the picture; its end is left out. Shorten it or choose a smaller text size."
    )
    assert three == (
        "3 subtitles (at 0:00, 0:04 and 0:08) do not fit the picture; their ends are left out. "
        "Shorten them or choose a smaller text size."
    )


def test_of_subtitles_on_a_bright_picture_not_only_the_first_is_told() -> None:
    said = _notices(_said("Dzień dobry.", "Do widzenia."), Look(panel_opacity=0.1), grey=235)
    assert said["contrast"] == "2 subtitles (at 0:00 and 0:04) are hard to read on the picture behind them."
    assert "contrast" not in _notices(_said("Dzień dobry.", "Do widzenia."), Look(panel_opacity=0.1), grey=20)


def test_of_subtitles_that_go_early_not_only_the_first_is_told() -> None:
    whole = fakes.analysis()
    words = "Sehr vieles wird hier von allen auf einmal gesagt."
    phrases = tuple(
        replace(one, id=3 * k + n + 1, person=f"p{n + 1}", source="Said", words=(), translation=words,
                start=6.0 * k + 0.3 * n, end=6.0 * k + 5.0)
        for k in range(2) for n, one in enumerate(whole.phrases[:3])
    )  # fmt: skip
    crowd = replace(whole, media=replace(whole.media, duration=12.0), phrases=phrases, tracks=(), turns=())
    said = _notices(crowd, replace(CLASSIC, name="cyberpunk"))["crowded"]
    assert said.startswith("2 subtitles (at 0:00 and 0:06) go early, because more is said at once than there is room")


def test_all_characters_without_a_glyph_are_in_one_notice() -> None:
    said = _notices(_said("\U00012000 ok", "fine", "\U00012001 ok"), CLASSIC)
    assert said["missing_glyphs"] == (
        "2 subtitles (at 0:00 and 0:08) leave out \U00012000 \U00012001, which no font here has."
    )
    said = _notices(_said("\U00012000 ok"), CLASSIC)
    assert said["missing_glyphs"] == "The subtitle at 0:00 leaves out \U00012000, which no font here has."


def test_all_subtitles_that_are_read_too_fast_are_told_with_the_fastest() -> None:
    long = "Das ist nun wirklich ein sehr langer Satz, den niemand in so kurzer Zeit wird lesen können. "
    run = replace(_said("Ja.", long, "Nein.", long * 2, each_s=2.0), target_language="DE")
    said = _notices(run, Look("classic"))["reading_speed"]
    assert re.fullmatch(
        r"\d of \d subtitles \(at 0:\d\d[^)]* and 0:\d\d\) have too much text for the time; the fastest, at 0:\d\d, runs at \d+ "
        r"characters a second\. Shorten the translation there\.",
        said,
    ), said


def test_of_translations_without_any_time_not_only_the_first_is_told() -> None:
    long = "Nie mam pojęcia, o czym mówisz. " * 40
    said = _notices(_said("Tak.", long, long, each_s=1.0), Look("classic"))["no_time"]
    assert said.startswith("2 phrases (at 0:01 and 0:02) have translations longer than any time there is to read them;")
