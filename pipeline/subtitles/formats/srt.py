"""SubRip: the translations, or the originals where there is none; two lines at most."""

from __future__ import annotations

import re

import pysubs2

from pipeline.subtitles.formats.common import escape, text_lines
from pipeline.subtitles.plan import Plan


def write(plan: Plan) -> str:
    """Return the cues as an SRT file; "" where there are none."""
    subtitles = pysubs2.SSAFile()
    for cue in plan.cues:
        text = "\\N".join(_plain(escape(line)) for line in text_lines(plan, cue))
        start, end = round(cue.start * 1000), round(cue.text_end * 1000)
        subtitles.append(pysubs2.SSAEvent(start=start, end=max(end, start + 40), text=text))
    return subtitles.to_string("srt")


def _plain(text: str) -> str:
    """Return `text` with a zero-width space in what players would read as tags or as a line of times."""
    return re.sub(r"<(?=[A-Za-z/!])|--(?=>)", "\\g<0>\u200b", text)
