"""Subtitles as television has them: the translation at the bottom, in the speaker's colour, with a dark rim."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.subtitles.looks import Panel, Row, Style

if TYPE_CHECKING:
    from PIL import Image


def glass(width: int, height: int, em: float) -> Image.Image:
    """A soft plate; it is only seen where the picture behind is too bright for the text."""
    from PIL import Image, ImageDraw, ImageFilter

    image = Image.new("L", (width, height), 0)
    inset = 0.3 * em
    ImageDraw.Draw(image).rounded_rectangle(
        (inset, inset * 0.7, width - 1 - inset, height - 1 - inset * 0.7), radius=0.35 * em, fill=255
    )
    return image.filter(ImageFilter.GaussianBlur(0.16 * em))


_TRANSLATION = Row("translation", colour=None, ghost=0.65)
_SOURCE = Row("source", 0.72, "medium", source_colour=(226, 230, 234), ghost=0.65)

STYLE = Style(
    name="classic",
    title="Classic",
    panels={
        "morph": (Panel("bottom", (_TRANSLATION,)),),
        "translation": (Panel("bottom", (_TRANSLATION,)),),
        "both": (Panel("bottom", (_SOURCE, _TRANSLATION)),),
        "original": (Panel("bottom", (Row("source", source_colour=(255, 255, 255), ghost=0.65),)),),
    },
    family="sans",
    tall=0.046,
    wide=0.042,
    align="center",
    padding=(0.75, 0.45),
    strength=(0.0, 0.72),
    outline=0.085,
    glass=glass,
    fade_s=0.08,
)
