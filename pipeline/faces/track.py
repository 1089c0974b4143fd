"""Tracks: one face followed through one shot.

Detections of successive samples are linked by motion, overlap, size and looks with an optimal assignment. A track that
might continue with somebody else ends instead, because identity can join its pieces again but no later stage can take
two people apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipeline.records import Box

if TYPE_CHECKING:
    import numpy as np

#: s for which a face may be out of sight (turned away, hidden, blurred) and still be the same track.
GAP = 1.3
#: Link cost above which two detections are not the same face. A cost of 1 is a move by the width of a face, or a change
#: of size by a factor of e. After 0.4 s out of sight the face must be near its old place, since all in between would be
#: a guess.
LIMIT, LIMIT_AFTER_GAP = 1.0, 0.5
#: Correlation of the aligned faces below which the look has changed too much, however near the box is. The same face
#: 0.2 s apart has 0.9 and more, seldom under 0.6; another face at the same place mostly under 0.5.
ALIKE = 0.3
#: Score that a track's best detection must have; below it, it is taken for a pattern on the wall.
SURE = 0.8
#: px, side of the aligned grey chip that describes a face's looks.
CHIP = 24
#: Where the two eyes and the middle of the mouth lie in the chip.
CHIP_POINTS = ((0.3, 0.35), (0.7, 0.35), (0.5, 0.8))
#: s, standard deviation of the Gaussian that smooths centre and size of the boxes. Detector noise is about 1 % of the
#: face a sample; over 0.2 s it falls by half while a nod (1 Hz) keeps 90 % of its height.
SMOOTHING = 0.2


@dataclass
class Live:
    """A track in progress: samples (t, face (15,), likeness to the sample before)."""

    shot: int
    times: list[float] = field(default_factory=list)
    faces: list[np.ndarray] = field(default_factory=list)
    likeness: list[float] = field(default_factory=list)
    chip: np.ndarray | None = None
    candidates: list[Any] = field(default_factory=list)  # `identify.Candidate`
    thinning: int = 1  # how many times longer the span of a candidate has become
    crops: list[tuple[int, np.ndarray]] = field(default_factory=list)  # (value of evidence, face) waiting to be scored
    lead: int = 0  # how many of them are only context for the next
    scores: dict[int, float] = field(default_factory=dict)  # of a detector of speaking faces, by value of evidence

    def at(self, t: float) -> np.ndarray | None:
        """Return the face (15,) at `t` s, interpolated between two samples; None outside the track."""
        from bisect import bisect_right

        after = bisect_right(self.times, t)
        if after and self.times[after - 1] == t:
            return self.faces[after - 1]
        if after in (0, len(self.times)):
            return None
        before = after - 1
        share = (t - self.times[before]) / (self.times[after] - self.times[before])
        return self.faces[before] * (1 - share) + self.faces[after] * share


class Tracker:
    """Links samples to tracks: call `step` once per sample and `cut` at the end of a shot."""

    def __init__(self) -> None:
        self.live: list[Live] = []
        self.shot = 0

    def step(self, t: float, faces: np.ndarray, chips: np.ndarray) -> list[Live]:
        """Continue the tracks with the faces seen at `t` s and return the tracks that ended.

        Optimal assignment: Kuhn–Munkres on a cost of distance, size and looks.

        faces: (k, 15).
        chips: (k, CHIP²), see `chips_of`.
        """
        import numpy as np
        from scipy.optimize import linear_sum_assignment

        ended = [track for track in self.live if t - track.times[-1] > GAP]
        self.live = [track for track in self.live if t - track.times[-1] <= GAP]
        taken: set[int] = set()
        if self.live and len(faces):
            likeness = np.stack([chips @ track.chip for track in self.live])
            move = np.stack([_cost(track, t, faces) for track in self.live])
            cost = move + 0.8 * (1 - likeness)
            limit = np.array([LIMIT if t - track.times[-1] <= 0.4 else LIMIT_AFTER_GAP for track in self.live])
            allowed = (likeness > ALIKE) & (move < limit[:, None])
            rows, columns = linear_sum_assignment(np.where(allowed, cost, 1e3))
            for row, column in zip(rows, columns, strict=True):
                if allowed[row, column]:
                    self._append(self.live[row], t, faces[column], chips[column], float(likeness[row, column]))
                    taken.add(int(column))
        for index in range(len(faces)):
            if index not in taken:
                track = Live(self.shot)
                self._append(track, t, faces[index], chips[index], 1.0)
                self.live.append(track)
        return ended

    def cut(self) -> list[Live]:
        """End all tracks and return them; the next sample belongs to the next shot."""
        ended, self.live = self.live, []
        self.shot += 1
        return ended

    @staticmethod
    def _append(track: Live, t: float, face: np.ndarray, chip: np.ndarray, likeness: float) -> None:
        track.times.append(t)
        track.faces.append(face)
        track.likeness.append(likeness)
        track.chip = chip


def _cost(track: Live, t: float, faces: np.ndarray) -> np.ndarray:
    """Return the cost (k,) of continuing `track` with each of `faces` (k, 15) at `t` s.

    It is the distance from the place where the track is expected, in face widths, plus the change of size.
    """
    import numpy as np

    last = track.faces[-1][:4]
    expected = last
    if len(track.times) > 1:
        elapsed = track.times[-1] - track.times[-2]
        # half the velocity: people slow down as often as they speed up
        expected = last + 0.5 * (last - track.faces[-2][:4]) * min(1.0, (t - track.times[-1]) / elapsed)
    side = np.sqrt(max(1.0, float((last[2] - last[0]) * (last[3] - last[1]))))
    sides = np.sqrt(np.maximum(1.0, (faces[:, 2] - faces[:, 0]) * (faces[:, 3] - faces[:, 1])))
    centre = (expected[:2] + expected[2:]) / 2
    distance = np.linalg.norm((faces[:, :2] + faces[:, 2:4]) / 2 - centre, axis=1)
    return distance / np.minimum(side, sides) + np.abs(np.log(sides / side))


def chips_of(image: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Return the aligned grey looks of `faces` (k, 15) in `image` (h, w, 3) RGB: (k, CHIP²) float32.

    Each has mean 0 and length 1, so the dot product of two is their correlation.
    """
    import cv2
    import numpy as np

    target = np.array(CHIP_POINTS, np.float32) * CHIP
    chips = np.empty((len(faces), CHIP * CHIP), np.float32)
    for chip, face in zip(chips, faces, strict=True):
        points = face[5:].reshape(5, 2)
        matrix = cv2.getAffineTransform(
            np.array([points[0], points[1], (points[3] + points[4]) / 2], np.float32), target
        )
        grey = cv2.cvtColor(cv2.warpAffine(image, matrix, (CHIP, CHIP), flags=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
        grey = cv2.GaussianBlur(grey, (0, 0), 1).astype(np.float32).ravel()
        grey -= grey.mean()
        chip[:] = grey / max(1e-6, float(np.linalg.norm(grey)))
    return chips


def smooth(times: list[float], boxes: np.ndarray, start: float, end: float) -> tuple[Box, ...]:
    """Return steady boxes from `start` to `end` s: centre and size of `boxes` (n, 4) low-passed without delay.

    Gaps between `times` are bridged.
    """
    import numpy as np

    t = np.asarray(times)
    values = np.column_stack([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]])
    # normalised convolution with a local line, not a local mean: a steady move keeps its speed up to the ends
    weight = np.exp(-0.5 * ((t[:, None] - t[None]) / SMOOTHING) ** 2)
    offset = t[None] - t[:, None]
    s0, s1, s2 = weight.sum(1), (weight * offset).sum(1), (weight * offset**2).sum(1)
    determinant = s0 * s2 - s1**2
    line = weight * (s2[:, None] - s1[:, None] * offset) / np.where(determinant > 1e-9, determinant, 1.0)[:, None]
    mean = weight / s0[:, None]
    values = np.where((determinant > 1e-9)[:, None], line @ values, mean @ values)
    low, high = values[:, :2] - values[:, 2:] / 2, values[:, :2] + values[:, 2:] / 2
    rows = [(float(when), *low[i], *high[i]) for i, when in enumerate(t)]
    if start < rows[0][0]:
        rows.insert(0, (start, *rows[0][1:]))
    if end > rows[-1][0]:
        rows.append((end, *rows[-1][1:]))
    return tuple(Box(*(round(float(v), 3 if k == 0 else 1) for k, v in enumerate(row))) for row in rows)
