"""What must not be covered: the faces of a clip as steadied paths, and its cuts. Pixels of the result, seconds of the
clip.
"""

from __future__ import annotations

from bisect import bisect, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from pipeline.records import Shot, Track, Written

STEP_S = 0.08  #: spacing of the instants a path is kept at; a head moves a few px in that time
STEADY_S = 0.12  #: sigma of the face marker's smoothing
SEAM_S = 0.7  #: a head that turns away for no longer than this comes back in the same place
SAME_PLACE = 0.5  #: least intersection over union of two boxes of one head
SEEN_S = 0.1  #: a face is looked for this often at least, so it may be there this much longer than it was found


@dataclass(frozen=True, eq=False)
class FacePath:
    """One track, resampled and smoothed: `boxes` (n, 4) px at `times` (n,), in order.

    The face counts as there from `first` up to `last`: a little longer than it was found, but not over a cut.
    """

    person: str | None
    times: np.ndarray
    boxes: np.ndarray
    first: float
    last: float

    def at(self, t: float | np.ndarray) -> np.ndarray:
        """Return the box at `t`, held before its start and after its end; (4,), or (len(t), 4)."""
        if isinstance(t, np.ndarray):
            return np.stack([np.interp(t, self.times, column) for column in self.boxes.T], axis=-1)
        # np.interp would copy the whole path, four times a frame
        after = min(max(bisect(self.times, t), 1), len(self.times) - 1)
        before, end = self.times[after - 1], self.times[after]
        share = min(max((t - before) / (end - before), 0.0), 1.0)
        return self.boxes[after - 1] + share * (self.boxes[after] - self.boxes[after - 1])

    def seen(self, start: float, end: float) -> float:
        """Return for how many seconds of start..end the face is there."""
        return max(0.0, min(end, self.last) - max(start, self.first))


@dataclass(frozen=True, eq=False)
class Scene:
    """The frame, its faces and its cuts."""

    width: int
    height: int
    margin: int
    faces: tuple[FacePath, ...]
    cuts: tuple[float, ...]
    written: tuple[Written, ...] = ()  #: text that is in the picture

    def shot(self, t: float) -> int:
        """Return the number of the shot at `t`, counted from 0."""
        return bisect_right(self.cuts, t + 0.02)

    def span(self, shot: int) -> tuple[float, float]:
        """Return when shot number `shot` begins and ends, s."""
        edges = (0.0, *self.cuts, float("inf"))
        return edges[shot], edges[shot + 1]

    @cached_property
    def by_shot(self) -> dict[int, tuple[FacePath, ...]]:
        """The faces by the shots in which they are seen."""
        found: dict[int, list[FacePath]] = {}
        for face in self.faces:
            for shot in range(self.shot(face.first), self.shot(max(face.first, face.last - 0.05)) + 1):
                found.setdefault(shot, []).append(face)
        return {shot: tuple(faces) for shot, faces in found.items()}

    def texts(self, start: float, end: float) -> np.ndarray:
        """Return the boxes of text in the picture between `start` and `end` s, (n, 4)."""
        found = [one for one in self.written if one.start < end and one.end > start]
        return np.array([(one.left, one.top, one.right, one.bottom) for one in found]).reshape(-1, 4)

    def during(self, start: float, end: float) -> tuple[FacePath, ...]:
        """Return the faces that are seen between `start` and `end`, which are in one shot."""
        return tuple(face for face in self.by_shot.get(self.shot(start), ()) if face.seen(start, end) > 0)


def scene(
    tracks: Sequence[Track],
    shots: Sequence[Shot],
    written: Sequence[Written] = (),
    *,
    width: int,
    height: int,
    scale: tuple[float, float],
    margin: int,
) -> Scene:
    """Return the tracks and the text in the picture in pixels of the result (`scale` is result over source), steadied.

    A track without boxes is left out.
    """
    faces = []
    cuts = tuple(sorted({shot.start for shot in shots if shot.start > 0}))
    for track in tracks:
        boxes = sorted(track.boxes, key=lambda box: box.t)
        if not boxes:
            continue
        raw_times = np.array([b.t for b in boxes])
        raw = np.array([(b.left, b.top, b.right, b.bottom) for b in boxes], dtype=float)
        raw *= np.array([scale[0], scale[1], scale[0], scale[1]])
        n = min(20000, max(2, int((raw_times[-1] - raw_times[0]) / STEP_S) + 2))
        times = np.linspace(raw_times[0], max(raw_times[-1], raw_times[0] + 0.04), n)
        even = np.stack([np.interp(times, raw_times, raw[:, k]) for k in range(4)], axis=1)
        steady = smooth(even, STEADY_S / max(1e-6, float(times[1] - times[0])))
        first, last = float(raw_times[0]), float(raw_times[-1])
        k = bisect_right(cuts, first + 0.02)
        after = cuts[k] if k < len(cuts) and cuts[k] > last - 0.02 else last + SEEN_S
        first = max(first - SEEN_S, cuts[k - 1]) if k else first - SEEN_S
        faces.append(FacePath(track.person, times, steady, first, min(last + SEEN_S, after)))
    x, y = scale
    texts = tuple(Written(w.start, w.end, w.left * x, w.top * y, w.right * x, w.bottom * y) for w in written)
    return Scene(width, height, margin, _continued(faces, cuts), cuts, texts)


def _continued(faces: Sequence[FacePath], cuts: Sequence[float]) -> tuple[FacePath, ...]:
    """Return the faces, where a track of nobody that goes on in the place of a person's track is that person's.

    Tracks break where a head turns away, and the pieces without a name would be strangers whom a panel avoids.
    """
    result = list(faces)
    changed = True
    while changed:
        changed = False
        for k, face in enumerate(result):
            if face.person is not None:
                continue
            near = {other.person for other in result if other.person is not None and _goes_on(face, other, cuts)}
            together = {o.person for o in result if o.person in near and _beside(face, o)}
            if len(near - together) == 1:
                result[k] = replace(face, person=(near - together).pop())
                changed = True
    return tuple(result)


def _goes_on(a: FacePath, b: FacePath, cuts: Sequence[float]) -> bool:
    """Return whether one of two tracks of one shot begins within `SEAM_S` of the end of the other, in its place."""
    first, second = (a, b) if a.first <= b.first else (b, a)
    if second.first - first.last > SEAM_S or bisect_right(cuts, first.first) != bisect_right(cuts, second.first):
        return False
    return _overlap(first.at(second.first), second.at(second.first)) > SAME_PLACE


def _beside(a: FacePath, b: FacePath) -> bool:
    """Return whether both tracks are there at once, in two places."""
    start, end = max(a.first, b.first), min(a.last, b.last)
    return start < end and _overlap(a.at((start + end) / 2), b.at((start + end) / 2)) < SAME_PLACE


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Return the intersection over the union of two boxes (4,)."""
    wide, tall = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(0.0, wide) * max(0.0, tall)
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    return float(shared / max(1e-6, areas - shared))


def smooth(values: np.ndarray, sigma: float) -> np.ndarray:
    """Return `values` (n, k) through a Gaussian of `sigma` samples along n, symmetric (no delay), ends extended."""
    reach = int(3 * sigma)
    if reach < 1 or len(values) < 2:
        return values
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    padded = np.pad(values, ((reach, reach), (0, 0)), mode="edge")
    return np.stack([np.convolve(padded[:, k], kernel / kernel.sum(), "valid") for k in range(values.shape[1])], axis=1)


def rope(values: np.ndarray, length: float) -> np.ndarray:
    """Return the path of something dragged on a rope behind `values` (n,): it rests until the rope is taut."""
    if len(values) and float(np.ptp(values)) <= 2 * length:
        return np.full_like(values, (values.min() + values.max()) / 2)
    at, result = float(values[0]), np.empty_like(values)
    for i, value in enumerate(values):
        at = min(max(at, value - length), value + length)
        result[i] = at
    return result
