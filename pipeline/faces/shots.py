"""Shots: where one camera view ends and the next begins.

PySceneDetect decides, fed with the frames that the face stage decodes anyway, so the file is read once.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from pipeline.faces.scale import reduced
from pipeline.faces.transitions import Transitions

if TYPE_CHECKING:
    import numpy as np

#: px, long side of the picture that the detector sees: sums over the picture need no detail, and noise averages out.
SIZE = 160
#: Frames that the adaptive detector compares with one, on either side of it.
NEIGHBOURS = 2
#: Grey level that all but one in two hundred pixels of a black picture are below. By its mean, a dark hall would be
#: black.
BLACK = 16
#: s of the shortest shot.
SHORTEST = 0.1


class Cutter:
    """Finds the frames that start a shot, at most `lag` frames late.

    Cuts are found by PySceneDetect's AdaptiveDetector: the difference to the frame before must be 3 times that of its
    neighbours and at least 15 (its defaults). On a musical with a moving camera plain differences reach 20 between cuts
    and 49 at them; two interviews filmed alike differ by as little as 16 at the cut, so a fixed threshold would miss
    one or the other. A dip to black ends where the picture comes back. A cross-fade, wipe or slide is cut in its middle
    (`Transitions`).
    """

    def __init__(self, rate: Fraction) -> None:
        from scenedetect.detectors import AdaptiveDetector

        self._rate = float(rate)
        self._cuts = AdaptiveDetector(window_width=NEIGHBOURS, min_scene_len=2)
        self._black = False
        self._transitions = Transitions(self._rate)
        self._count = 0
        self._found: list[int] = []
        self.lag = self._transitions.lag

    def push(self, small: np.ndarray) -> list[int]:
        """Return the indices of the frames at which a shot is now known to start. `small` is BGR (h, w, 3)."""
        import numpy as np
        from scenedetect import FrameTimecode

        now = FrameTimecode(self._count, self._rate)
        self._count += 1
        found = [cut.frame_num for cut in self._cuts.process_frame(now, small)]
        black = float(np.percentile(small, 99.5)) < BLACK
        if self._black and not black:
            found.append(self._count - 1)
        self._black = black
        middle = self._transitions.push(small)
        # a cut is found only once; there is no cut between the two pictures of a transition, unless it made them differ
        new = self._apart(found, self._rate * SHORTEST)
        if middle is not None:
            new += self._apart([middle], self.lag)
        return new

    def _apart(self, cuts: list[int], frames: float) -> list[int]:
        """Return those of `cuts` that lie more than `frames` from all that were found before."""
        self._found = [cut for cut in self._found if cut > self._count - 3 * self.lag]
        new = []
        for cut in cuts:
            if all(abs(cut - other) > frames for other in self._found):
                self._found.append(cut)
                new.append(cut)
        return new


def shrink(yuv: np.ndarray, height: int) -> np.ndarray:
    """Return a small BGR picture (h, w, 3) of a planar 4:2:0 frame (height * 3 // 2, width), for `Cutter.push`."""
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
