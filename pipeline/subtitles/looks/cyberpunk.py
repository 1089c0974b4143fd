"""Dark chamfered glass over the speaker's head, one accent edge, technical type; the source turns into the translation
in place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.subtitles.looks import RGB, Panel, Row, Style

if TYPE_CHECKING:
    from PIL import Image

_FINE = 4  #: shapes are drawn this much larger and scaled down, for smooth slants


def glass(width: int, height: int, em: float) -> Image.Image:
    """The pane: its upper corner away from the edge and its lower corner at the edge are cut off."""
    from PIL import Image, ImageDraw

    w, h, cut = width * _FINE, height * _FINE, 0.42 * em * _FINE
    image = Image.new("L", (w, h), 0)
    ImageDraw.Draw(image).polygon(
        [(0, 0), (w - cut, 0), (w, cut), (w, h), (cut * 0.6, h), (0, h - cut * 0.6)], fill=255
    )
    return image.reduce(_FINE)


def trim(width: int, height: int, em: float, accent: RGB, from_right: bool) -> Image.Image:
    """Accent edge with its glow, a hairline that fades along the top, corner ticks and scan lines one can barely
    see.
    """
    import numpy as np
    from PIL import Image, ImageDraw, ImageOps

    line = max(1.0, em / 24)
    edge = max(2.0, em / 9)
    w, h, cut = width * _FINE, height * _FINE, 0.42 * em * _FINE
    strokes = Image.new("L", (w, h), 0)
    draw = ImageDraw.Draw(strokes)
    draw.polygon(
        [(0, 0), (edge * _FINE, 0), (edge * _FINE, h - cut * 0.6 + edge * _FINE), (0, h - cut * 0.6)], fill=255
    )
    tick = 0.55 * em * _FINE
    thin = line * _FINE
    draw.line(
        [(w - thin / 2, h - tick), (w - thin / 2, h - thin / 2), (w - tick, h - thin / 2)], fill=200, width=round(thin)
    )
    draw.line([(w - cut - tick * 0.6, thin / 2), (w - cut, thin / 2), (w - thin / 2, cut), (w - thin / 2,
    cut + tick * 0.6)],
              fill=200, width=round(thin))  # fmt: skip
    alpha = np.asarray(strokes.reduce(_FINE), dtype=np.float32) / 255
    x = np.arange(width, dtype=np.float32)[None, :]
    pane = np.asarray(glass(width, height, em), dtype=np.float32) / 255
    glow = 0.26 * np.exp(-x / (0.75 * em)) * pane
    hair = np.zeros((height, width), dtype=np.float32)
    hair[: max(1, round(line)), :] = 0.55 * np.exp(-x / (0.45 * width + 1))
    scan = np.zeros((height, width), dtype=np.float32)
    pitch = max(3, round(em / 9))
    scan[::pitch] = 0.035
    light = np.maximum.reduce([alpha, glow, hair * pane, scan * pane])
    rgba = np.empty((height, width, 4), dtype=np.uint8)
    rgba[..., :3] = accent
    rgba[..., 3] = np.clip(light * 255, 0, 255)
    image = Image.fromarray(rgba, "RGBA")
    return ImageOps.mirror(image) if from_right else image


_SOURCE: RGB = (168, 184, 196)
_TURN = Row("turn", weight="bold", source_colour=_SOURCE)

STYLE = Style(
    name="cyberpunk",
    title="Cyberpunk",
    panels={
        "morph": (Panel("head", (_TURN,)),),
        "both": (
            Panel("head", (Row("source", 0.74, "medium", source_colour=_SOURCE), Row("translation"))),
        ),
        "original": (Panel("head", (Row("source", weight="bold", source_colour=(240, 246, 250)),)),),
        "translation": (Panel("head", (Row("translation"),)),),
    },
    widths=(25, 30, 36),
    padding=(0.66, 0.34),
    strength=(0.76, 0.9),
    glass=glass,
    trim=trim,
    caret=True,
    flicker=True,
    pointer=True,
    marks=True,
    opening_s=0.2,
    fade_s=0.14,
)  # fmt: skip
