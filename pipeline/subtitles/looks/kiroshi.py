"""The game's own restraint: red on dark glass over the head, no name, no brackets, and one speaker's text at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.subtitles.looks import RGB, Panel, Row, Style

if TYPE_CHECKING:
    from PIL import Image

_FINE = 4  #: shapes are drawn this much larger and scaled down, for smooth slants
RED: RGB = (255, 92, 84)
_PALE: RGB = (255, 226, 222)
_DIM: RGB = (208, 128, 122)


def glass(width: int, height: int, em: float) -> Image.Image:
    """Return the pane: a plain rectangle that fades towards its sides."""
    import numpy as np
    from PIL import Image

    x = np.minimum(np.arange(width), np.arange(width)[::-1]).astype(np.float32)
    side = np.clip(0.35 + 0.65 * x / (0.9 * em), 0.0, 1.0)
    return Image.fromarray(np.broadcast_to((255 * side).astype(np.uint8), (height, width)).copy(), "L")


def trim(width: int, height: int, em: float, accent: RGB, from_right: bool) -> Image.Image:
    """Return one hairline below the text, with a short bright stroke in its middle."""
    import numpy as np
    from PIL import Image

    line = max(1, round(em / 20))
    alpha = np.zeros((height, width), dtype=np.float32)
    x = np.abs(np.arange(width, dtype=np.float32) - (width - 1) / 2)
    alpha[height - line :, :] = 0.45 * np.clip(1.25 - x / (width / 2), 0.0, 1.0)
    alpha[height - 2 * line :, x < 0.9 * em] = 1.0
    rgba = np.empty((height, width, 4), dtype=np.uint8)
    rgba[..., :3] = accent
    rgba[..., 3] = np.clip(alpha * 255, 0, 255)
    return Image.fromarray(rgba, "RGBA")


STYLE = Style(
    name="kiroshi",
    title="Kiroshi",
    panels={
        "morph": (Panel("head", (Row("turn", weight="medium", colour=_PALE, source_colour=_DIM),)),),
        "both": (
            Panel(
                "head",
                (Row("source", 0.76, "medium", source_colour=_DIM), Row("translation", weight="medium", colour=_PALE)),
            ),
        ),
        "original": (Panel("head", (Row("source", weight="medium", source_colour=_PALE),)),),
        "translation": (Panel("head", (Row("translation", weight="medium", colour=_PALE),)),),
    },
    tall=0.046,
    wide=0.045,
    widths=(26, 34, 42),
    align="center",
    padding=(0.9, 0.26),
    tint=(18, 5, 7),
    strength=(0.6, 0.9),
    glass=glass,
    trim=trim,
    flicker=True,
    opening_s=0.0,
    fade_s=0.16,
    marks=True,
    strict=True,
    brackets=False,
    names=False,
    accent=RED,
)
