"""SubRip: the translations, or the originals where there is none; two lines of each language at most."""

from __future__ import annotations

import re

import pysubs2

from pipeline.subtitles.formats.common import escape, tag_of, text_lines
from pipeline.subtitles.plan import Plan
from pipeline.text import wrap


def write(plan: Plan, both: bool = False) -> str:
    """Return the cues as an SRT file; "" where there are none. With `both` the original stands above its
    translation.
    """
    subtitles = pysubs2.SSAFile()
    for cue in plan.cues:
        lines = text_lines(plan, cue)
        if both and cue.source and cue.translation:
            lines = (*wrap(cue.source, tag=tag_of(plan, False)), *lines)
        text = "\\N".join(_plain(escape(line)) for line in lines)
        start, end = round(cue.start * 1000), round(cue.text_end * 1000)
        subtitles.append(pysubs2.SSAEvent(start=start, end=max(end, start + 40), text=text))
    return subtitles.to_string("srt")


def _plain(text: str) -> str:
    """Return `text` with a zero-width space in what players would read as tags or as a line of times."""
    return re.sub(r"<(?=[A-Za-z/!])|--(?=>)", "\\g<0>\u200b", text)
