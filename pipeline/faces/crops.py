"""Crops of the lower face of a track, grey and without tremble, as active speaker detectors are trained on them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from pipeline.faces.track import Live
from pipeline.records import EVIDENCE_HZ

if TYPE_CHECKING:
    import numpy as np

#: Frames, at 25 a second, whose median gives the crop its place and size: a crop that trembles looks like speech.
MEDIAN = 13
#: s before and after its own time on which a crop depends.
REACH = (MEDIAN // 2) / EVIDENCE_HZ
#: Side of the crop, and how far its middle lies below that of the face's box, both in longer sides of the box. The
#: published preprocessing cuts 2.8 half sides with a margin of 0.4 on either side and 0.8 below, and keeps the middle
#: half of it.
SIDE, BELOW = 0.7, 0.2
#: Luma outside the picture: the grey level 110 of that preprocessing.
OUTSIDE = 110 * 219 / 255 + 16


def place(live: Live, t: float) -> tuple[float, float, float]:
    """Return the middle (x, y) and the side, in px, of the crop of `live` at `t` s.

    `t` lies between the first and the last sample of the track.
    """
    import numpy as np

    when = t + (np.arange(MEDIAN) - MEDIAN // 2) / EVIDENCE_HZ
    when = when[(when >= live.times[0]) & (when <= live.times[-1])] if len(live.times) > 1 else when[:1]
    first = max(0, bisect_right(live.times, float(when[0])) - 1)
    last = bisect_left(live.times, float(when[-1])) + 1
    times, faces = live.times[first:last], np.stack(live.faces[first:last])
    size = np.maximum(faces[:, 2] - faces[:, 0], faces[:, 3] - faces[:, 1])
    values = ((faces[:, 0] + faces[:, 2]) / 2, (faces[:, 1] + faces[:, 3]) / 2, size)
    x, y, size = (float(np.median(np.interp(when, times, value))) for value in values)
    return x, y + BELOW * size, SIDE * size


def cut(luma: np.ndarray, at: tuple[float, float, float], side: int) -> np.ndarray:
    """Return the crop of `luma` around `at`, uint8 (side, side), full range 0..255.

    luma: (h, w) uint8, limited range 16..235.
    at: middle and side of the crop (see `place`).
    """
    import cv2
    import numpy as np

    x, y, size = at
    scale = side / max(1.0, size)
    left, top = x - size / 2, y - size / 2
    if scale < 0.75:  # linear interpolation would skip pixels
        low = np.clip([left, top], 0, [luma.shape[1] - 1, luma.shape[0] - 1]).astype(int)
        high = np.clip([left + size, top + size], low + 1, luma.shape[::-1]).astype(int)
        patch = luma[low[1] : high[1], low[0] : high[0]]
        shape = (max(1, round(patch.shape[1] * scale)), max(1, round(patch.shape[0] * scale)))
        luma, left, top, scale = (
            cv2.resize(patch, shape, interpolation=cv2.INTER_AREA),
            *((left, top) - low) * scale,
            1.0,
        )
    matrix = np.array([[scale, 0, 0.5 * scale - 0.5 - left * scale], [0, scale, 0.5 * scale - 0.5 - top * scale]])
    crop = cv2.warpAffine(
        luma, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=OUTSIDE
    )  # fmt: skip
    return cv2.LUT(crop, _full_range())


def _full_range() -> np.ndarray:
    import numpy as np

    return np.clip(np.round((np.arange(256) - 16) * 255 / 219), 0, 255).astype(np.uint8)
