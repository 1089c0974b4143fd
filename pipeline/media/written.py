"""Text that is burned into the picture: subtitles, tickers, lower thirds.

Letters are thin strokes, bright on dark, close together in a low and wide band. What moves behind them changes from
sample to sample; the band stays. Only the lower part of the picture is searched, where subtitles look for room.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.errors import MediaError
from pipeline.media.decoding import frames
from pipeline.records import Clip, Shot, Written

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WIDTH = 480  #: px that samples are looked at in
RATE = 1  #: samples a second; only key frames are decoded, and each counts once
LONGEST_S = 1800.0  #: recordings that are longer are not searched
STROKE = 70  #: levels by which a stroke is brighter than what is around it
DENSE = 0.13  #: share of stroke pixels in a window that text has
CHANGES = 0.08  #: edges of strokes a pixel, along a row of text
LOWER = 0.62  #: of the height: the part below is searched; higher up are signs, and faces
TALL = 0.02, 0.16  #: shares of the height that a line or two of text have
WIDE = WIDTH // 8  #: px a piece of text is wide at least
PERSISTS = 0.5  #: share of the samples of a shot in which the band is there


def find(clip: Clip, shots: Sequence[Shot]) -> tuple[Written, ...]:
    """Return where and when text is burned into the clip, px of its picture; one band a shot.

    A clip whose key frames cannot be decoded alone has none that is known.
    """
    import numpy as np

    if not clip.has_video or clip.duration > LONGEST_S or min(clip.width, clip.height) < 64:
        return ()
    height = 2 * round(WIDTH * clip.height / clip.width / 2)
    times, samples = [], []
    last: NDArray[np.uint8] | None = None
    with contextlib.suppress(MediaError):  # there is none in raw streams and damaged files; the text only stands lower
        for t, frame in frames(clip, width=WIDTH, height=height, rate=RATE, pixels="yuv420p", keys=True):
            if last is None or not np.array_equal(frame, last):
                times.append(t)
                samples.append(letters(frame[:height]))
                last = frame
    if len(samples) < 2:
        return ()
    stack, top = np.stack(samples), round(LOWER * height)
    found = []
    for shot in shots or (Shot(0.0, clip.duration),):
        inside = [k for k, t in enumerate(times) if shot.start <= t < shot.end]
        own = stack[inside] if len(inside) > 1 else stack
        box = band(own[:, top:].mean(axis=0) >= PERSISTS, height)
        if box is not None:
            left, upper, right, lower = box
            scale = clip.width / WIDTH
            edges = (left, upper + top, right, lower + top)
            found.append(Written(shot.start, shot.end, *(round(edge * scale, 1) for edge in edges)))
    return tuple(found)


def letters(luma: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return where letters seem to be in a grey picture (height, `WIDTH`)."""
    import cv2
    import numpy as np

    size = cv2.getStructuringElement(cv2.MORPH_RECT, (9, 9))
    strokes = (cv2.morphologyEx(luma, cv2.MORPH_TOPHAT, size) > STROKE).astype(np.float32)
    changes = np.abs(np.diff(strokes, axis=1, prepend=0.0))
    window = (WIDTH // 12, max(3, luma.shape[0] // 40))
    dense = cv2.blur(strokes, window) > DENSE
    return np.asarray(dense & (cv2.blur(changes, window) > CHANGES), dtype=np.bool_)


def band(there: NDArray[np.bool_], height: int) -> tuple[int, int, int, int] | None:
    """Return left, top, right and bottom of the largest band of text in a mask, None where none has a text's shape."""
    import numpy as np

    rows = np.flatnonzero(there.sum(axis=1) >= 0.08 * there.shape[1])
    best: tuple[int, int, int, int] | None = None
    for run in _runs(rows, 3):
        if not TALL[0] * height <= len(run) <= TALL[1] * height:
            continue
        part = there[run[0] : run[-1] + 1]
        for columns in _runs(np.flatnonzero(part.mean(axis=0) >= 0.3), WIDE // 4):
            if len(columns) >= max(WIDE, best[2] - best[0] if best else 0):
                best = int(columns[0]), int(run[0]), int(columns[-1]) + 1, int(run[-1]) + 1
    return best


def _runs(numbers: NDArray[np.intp], gap: int) -> list[NDArray[np.intp]]:
    """Return the pieces of a rising sequence between steps of more than `gap`."""
    import numpy as np

    return [run for run in np.split(numbers, np.flatnonzero(np.diff(numbers) > gap) + 1) if len(run)]
