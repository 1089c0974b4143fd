"""Shots: where one camera view ends and the next begins.

PySceneDetect decides, fed with the frames that the face stage decodes anyway, so the file is read once.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from pipeline.faces.scale import reduced

if TYPE_CHECKING:
    import numpy as np

#: px, long side of what the detector sees: sums over the picture need no detail, and noise averages out.
SIZE = 160
#: Frames the answer lags behind: the adaptive detector compares a frame with two on either side.
LAG = 2


class Cutter:
    """Says which frames start a shot, `LAG` frames late.

    PySceneDetect's AdaptiveDetector: the difference to the frame before must be 3 times that of its neighbours and at
    least 15 (its defaults). On a musical with a moving camera plain differences reach 20 between cuts and 49 at them;
    two interviews filmed alike differ by as little as 16 at the cut, so a fixed threshold would miss one or the other.
    """

    def __init__(self, rate: Fraction) -> None:
        from scenedetect.detectors import AdaptiveDetector

        self._rate = float(rate)
        self._detector = AdaptiveDetector(window_width=LAG, min_scene_len=2)
        self._count = 0

    def push(self, small: np.ndarray) -> int | None:
        """The index of the frame at which a new shot is now known to start, or None. `small` is BGR (h, w, 3)."""
        from scenedetect import FrameTimecode

        cuts = self._detector.process_frame(FrameTimecode(self._count, self._rate), small)
        self._count += 1
        return cuts[-1].frame_num if cuts else None


def shrink(yuv: np.ndarray, height: int) -> np.ndarray:
    """A small BGR picture (h, w, 3) of a planar 4:2:0 frame (height * 3 // 2, width), for `Cutter.push`."""
    import cv2
    import numpy as np

    width = yuv.shape[1]
    factor = min(1.0, SIZE / max(width, height))
    size = (max(8, round(width * factor)), max(8, round(height * factor)))
    flat = yuv.reshape(-1)
    quarter = width * height // 4
    planes = (
        flat[: width * height].reshape(height, width),
        flat[width * height :][quarter : 2 * quarter].reshape(height // 2, width // 2),  # V before U: OpenCV's YCrCb
        flat[width * height :][:quarter].reshape(height // 2, width // 2),
    )
    small = np.dstack([reduced(plane, size) for plane in planes])
    return cv2.cvtColor(small, cv2.COLOR_YCrCb2BGR)
