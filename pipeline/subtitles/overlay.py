"""The look alone on a transparent background, to be laid over the clip in an editor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from pipeline.subtitles import yuv
from pipeline.subtitles.draw import Compositor

APART = 16  #: rows without anything drawn that part what is lifted into pieces

if TYPE_CHECKING:
    from numpy.typing import NDArray


def overlay(compositor: Compositor, times: Iterable[float]) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """Yield (t, frame) for each of `times`: what the compositor draws, as yuva420p with straight alpha, (height * 5 //
    2, width).

    A frame is the canvas as rawvideo has it: Y, U and V in limited range, then alpha 0..255. Everything that is drawn
    is a mix with what is behind it, so it is drawn on 0 and on 255: the difference says how much of the background is
    left. The picture behind is not known, so glass is as dark as it must be over a white one. Black bars are opaque.

    Where nothing is drawn all frames are the same array; the caller must not change it.
    """
    compositor.plan.setting.picture_known = False
    canvas = compositor.canvas
    empty = _empty(canvas.width, canvas.height, canvas.top)
    dark = np.zeros((canvas.height * 3 // 2, canvas.width), np.uint8)
    light = np.full_like(dark, 255)
    for t in times:
        if not compositor.draw(dark, t):
            yield t, empty
            continue
        compositor.draw(light, t)
        frame = empty.copy()
        _lift(dark, light, frame)
        yield t, frame


def _empty(width: int, height: int, bar: int) -> NDArray[np.uint8]:
    frame = np.empty((height * 5 // 2, width), np.uint8)
    frame[:height], frame[height : height * 3 // 2], frame[height * 3 // 2 :] = 16, 128, 0
    if bar:
        alpha = frame[height * 3 // 2 :]
        alpha[:bar] = alpha[height - bar :] = 255
    return frame


def _lift(dark: NDArray[np.uint8], light: NDArray[np.uint8], frame: NDArray[np.uint8]) -> None:
    """Put what was drawn on 0 and on 255 on the transparent frame, and clean both canvases."""
    bright = yuv.planes(light)[0]
    touched = bright != 255
    rows = np.flatnonzero(touched.any(axis=1))
    if not len(rows):
        return
    for run in np.split(rows, np.flatnonzero(np.diff(rows) > APART) + 1):
        top, bottom = run[0] // 2 * 2, run[-1] // 2 * 2 + 2
        columns = np.flatnonzero(touched[top:bottom].any(axis=0))
        _lift_part(dark, light, frame, (top, bottom), (columns[0] // 2 * 2, columns[-1] // 2 * 2 + 2))


def _lift_part(
    dark: NDArray[np.uint8],
    light: NDArray[np.uint8],
    frame: NDArray[np.uint8],
    rows: tuple[int, int],
    columns: tuple[int, int],
) -> None:
    """Do what `_lift` does in some rows and columns, half-open and even."""
    (luma, chroma), (lit, lit_chroma) = yuv.planes(dark), yuv.planes(light)
    height = len(luma)
    whole = slice(*rows), slice(*columns)
    half = slice(rows[0] // 2, rows[1] // 2), slice(columns[0] // 2, columns[1] // 2)
    y, uv = yuv.planes(frame[: height * 3 // 2])
    alpha = frame[height * 3 // 2 :]
    below = alpha[whole].astype(np.int32)  # opaque on bars
    drawn, share = _straight(luma[whole], lit[whole], 16, 235, 16)
    y[whole] = np.where(below == 255, luma[whole] + (16 * (255 - share) + 127) // 255, drawn)
    alpha[whole] = np.maximum(below, share)
    opaque = below[::2, ::2] == 255
    for plane, on_black, on_white in zip(uv, chroma, lit_chroma, strict=True):
        drawn, share = _straight(on_black[half], on_white[half], 16, 240, 128)
        plane[half] = np.where(opaque, on_black[half] + (128 * (255 - share) + 127) // 255, drawn)
        on_black[half], on_white[half] = 0, 255
    luma[whole], lit[whole] = 0, 255


def _straight(
    on_black: NDArray[np.uint8], on_white: NDArray[np.uint8], least: int, most: int, nothing: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the colour, within `least`..`most`, and the alpha 0..255 of what was drawn on 0 and on 255.

    Where nothing was drawn the colour is `nothing`, so that no encoder lets another colour in at the edges.
    """
    alpha = np.clip(255 - (on_white.astype(np.int32) - on_black), 0, 255)
    colour = (on_black.astype(np.int32) * 255 + alpha // 2) // np.maximum(alpha, 1)
    return np.where(alpha, np.clip(colour, least, most), nothing), alpha
