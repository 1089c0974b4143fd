"""A new drawing replaces what an earlier one had to say."""

from __future__ import annotations

import re
from pathlib import Path

import pipeline.subtitles
from pipeline.notices import ABOUT_DRAWING, after_drawing
from pipeline.records import Notice

OLD = Notice("text_cut", "At 2.0 s the subtitle does not fit.")
KEPT = Notice("no_key", "Translated by a smaller model.")
NEW = Notice("text_cut", "At 3.0 s the subtitle does not fit.")


def test_a_notice_of_an_earlier_drawing_does_not_stand_beside_the_new_one() -> None:
    assert after_drawing((KEPT, OLD), (NEW, NEW)) == (KEPT, NEW)
    assert after_drawing((OLD, KEPT), ()) == (KEPT,)


def test_every_notice_about_the_drawing_is_known_as_one() -> None:
    folder = Path(pipeline.subtitles.__file__).parent
    source = "\n".join(file.read_text(encoding="utf-8") for file in folder.rglob("*.py"))
    said = set(re.findall(r'[nN]otice\(\s*"(\w+)"', source))
    assert said == ABOUT_DRAWING
