"""Big words that pop one by one as they are said, low in the picture; for vertical clips."""

from __future__ import annotations

from pipeline.subtitles.looks import Panel, Row, Style

_POP = Row("translation", weight="bold", colour=(255, 255, 255), source_colour=(255, 255, 255), pop=True)
_SOURCE = Row("source", 0.55, "bold", source_colour=(226, 230, 234))

STYLE = Style(
    name="word-pop",
    title="Word pop",
    panels={
        "morph": (Panel("bottom", (_POP,)),),
        "translation": (Panel("bottom", (_POP,)),),
        "both": (Panel("bottom", (_SOURCE, _POP)),),
        "original": (Panel("bottom", (Row("source", source_colour=(255, 255, 255), pop=True),)),),
    },
    family="sans",
    tall=0.066,
    wide=0.074,
    widths=(16, 22),
    align="center",
    padding=(0.5, 0.3),
    outline=0.11,
    fade_s=0.06,
    marks=True,
    brackets=False,
    names=False,
)
