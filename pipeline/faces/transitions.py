"""Transitions: one shot that becomes another over several frames, by a cross-fade, a wipe or a slide.

A picture in the middle of a transition is made of the one before and the one after: their mean, one in one part and the
other in the rest, or both moved by a part of the width. A pan, or somebody who walks through, changes the picture as
much, but then the picture in the middle is not made of the other two.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

#: s between the pictures that are compared, and how many of them before and after one: transitions take 0.3 to 2 s.
STEP, STEPS = 0.08, 10
#: Pictures to wait after the strongest, in case a stronger one comes.
AFTER = 3
#: Least share of either picture in the middle of a transition, and the result for a kind of transition that does not
#: fit.
LEAST, NONE = 0.3, (255.0, 0.0)
#: Cells of the small pictures, across and down.
CELLS = (32, 18)
#: Mean difference of cells, in grey levels, from which two pictures may be of two shots. Talking heads have 2 to 6.
DIFFERENT = 13.0
#: Share of the difference that a mixture of both pictures may leave unexplained in the middle of a transition.
UNEXPLAINED = 0.15
#: Grey levels that must be explained, reduced where the middle is not half way: 38 to 77 in fades, wipes and slides
#: between real clips, 9 to 11 where somebody large leaves a dark picture or the camera is swung round.
LEAST_STRENGTH = 12.0
#: Share of the difference by which the pictures at the ends of a transition may change in a tenth of its time.
AT_REST = 0.1
#: Weight of the difference that a slide leaves unexplained: it is less, because pictures slide by parts of a cell.
FINENESS = 0.7
#: Share of the difference that may be left where one end is the other after a pan.
SAME_PLACE = 0.35
#: Share of the width or height that a pan may cover within one shot.
PAN = 0.6


class Transitions:
    """Finds transitions, `lag` frames late."""

    def __init__(self, rate: float) -> None:
        """Take the number of frames a second."""
        self.step = max(1, round(rate * STEP))
        self.lag = self.step * (STEPS + AFTER + 1)
        self._count = 0
        self._cells: deque[np.ndarray] = deque(maxlen=2 * STEPS + 1)
        self._best: tuple[float, int] | None = None

    def push(self, small: np.ndarray) -> int | None:
        """Take the next frame, BGR (h, w, 3); return the index of the middle frame of a transition that is now known.

        The answer is at most `lag` frames late, and None where there is no transition.
        """
        import cv2
        import numpy as np

        index = self._count
        self._count += 1
        if index % self.step:
            return None
        self._cells.append(cv2.resize(small, CELLS, interpolation=cv2.INTER_AREA).astype(np.float32))
        if len(self._cells) < 2 * STEPS + 1:
            return None
        middle = index - self.step * STEPS
        value = strength(list(self._cells))
        # a transition is seen several times around its middle: the strongest counts
        if value > 0 and (self._best is None or value > self._best[0]):
            self._best = (value, middle)
        elif self._best is not None and (value == 0 or middle - self._best[1] > AFTER * self.step):
            found, self._best = self._best[1], None
            self._cells.clear()  # the next pictures belong to the same transition
            return found
        return None


def strength(pictures: list[np.ndarray]) -> float:
    """Return how clearly the middle one of some pictures is the middle of a transition; 0 if it is not.

    pictures: each (h, w, 3) with few cells, evenly spaced in time.
    """
    import numpy as np

    before, middle, after = pictures[0], pictures[len(pictures) // 2], pictures[-1]
    difference = np.abs(before - after)
    size = float(difference.mean())
    # most of the picture has to change: somebody who walks through changes a part
    if size < DIFFERENT or float((difference.max(2) > DIFFERENT / 2).mean()) < 0.7:
        return 0.0
    # A moving camera is still moving at one end, or both ends show one place. The two shots of a transition are at
    # rest.
    moving = max(float(np.abs(a - b).mean()) for a, b in (pictures[:2], pictures[-2:]))
    if moving > AT_REST * size or _panned(before, after) < SAME_PLACE * size:
        return 0.0
    if min(float(np.abs(middle - end).mean()) for end in (before, after)) < LEAST / 2 * size:
        return 0.0  # still the first shot, or already the second
    slid, share = _slid(before, middle, after)
    kinds = (_faded(before, middle, after), _wiped(before, middle, after), (slid * FINENESS, share))
    left, share = min(kinds)
    found = (size - left) * (1 - abs(2 * share - 1))
    return found if left < UNEXPLAINED * size and found > LEAST_STRENGTH else 0.0


# Each of these returns the mean difference that one kind of transition leaves unexplained, and the new picture's share.


def _faded(before: np.ndarray, middle: np.ndarray, after: np.ndarray) -> tuple[float, float]:
    """Return the fit of a cross-fade: every cell is the same mixture of both pictures."""
    import numpy as np

    across = after - before
    share = float((across * (middle - before)).sum() / max(1e-6, float((across**2).sum())))
    return (float(np.abs(middle - before - share * across).mean()), share) if LEAST <= share <= 1 - LEAST else NONE


def _wiped(before: np.ndarray, middle: np.ndarray, after: np.ndarray) -> tuple[float, float]:
    """Return the fit of a wipe: every cell is that of one picture or of the other."""
    import numpy as np

    old, new = np.abs(middle - before).mean(2), np.abs(middle - after).mean(2)
    share = float((new < old).mean())
    return (float(np.minimum(old, new).mean()), share) if LEAST <= share <= 1 - LEAST else NONE


def _slid(before: np.ndarray, middle: np.ndarray, after: np.ndarray) -> tuple[float, float]:
    """Return the fit of a slide: one picture pushes the other out, covers it or uncovers it."""
    import numpy as np

    best = NONE
    for axis in (0, 1):
        size = middle.shape[axis]
        old, now, new = (np.moveaxis(picture, axis, 0) for picture in (before, middle, after))
        for cells in range(round(LEAST * size), round((1 - LEAST) * size) + 1):
            # towards the top or left by `cells`; the other way round, towards the bottom or right
            for o, n, share in ((old, new, cells / size), (new, old, 1 - cells / size)):
                leaving = np.abs(now[: size - cells] - o[cells:]).sum()
                stays = np.abs(now[: size - cells] - o[: size - cells]).sum()
                entering = np.abs(now[size - cells :] - n[:cells]).sum()
                waits = np.abs(now[size - cells :] - n[size - cells :]).sum()
                left = float(min(leaving, stays) + min(entering, waits)) / now.size
                best = min(best, (left, share))
    return best


def _panned(before: np.ndarray, after: np.ndarray) -> float:
    """Return the mean difference of two pictures at the best match, with one panned over the other."""
    import numpy as np

    height, width = before.shape[:2]
    best = 255.0
    for dy in range(-int(PAN * height), int(PAN * height) + 1):
        a = before[max(0, dy) : height + min(0, dy)]
        b = after[max(0, -dy) : height + min(0, -dy)]
        # along one axis at a time, or a little along the other
        reach = int(PAN * width) if abs(dy) <= 2 else 2
        for dx in range(-reach, reach + 1):
            x, y = a[:, max(0, dx) : width + min(0, dx)], b[:, max(0, -dx) : width + min(0, -dx)]
            best = min(best, float(np.abs(x - y).mean()))
    return best
