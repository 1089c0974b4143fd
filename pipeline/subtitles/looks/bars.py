"""Black bars above and below the picture: the translation on top, what is said below, both as it is said."""

from __future__ import annotations

from pipeline.subtitles.looks import Panel, Row, Style
from pipeline.subtitles.looks.classic import glass

_TOP = Panel("top bar", (Row("translation", ghost=0.3),), name=True)
_BOTTOM = Panel("bottom bar", (Row("source", 0.92, "medium", source_colour=(176, 186, 196), ghost=0.3),))

STYLE = Style(
    name="bars",
    title="Bars",
    panels={
        "morph": (_TOP, _BOTTOM),
        "both": (_TOP, _BOTTOM),
        "original": (Panel("bottom bar", _BOTTOM.rows, name=True),),
        "translation": (_TOP,),
    },
    tall=0.050,
    wide=0.044,
    align="center",
    padding=(0.4, 0.15),
    bars=4.1,
    strength=(0.0, 0.85),
    glass=glass,
    fade_s=0.08,
)
