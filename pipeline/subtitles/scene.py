"""What must not be covered: the faces of a clip as steadied paths, and its cuts. Pixels of the result, seconds of the
clip.
"""

from __future__ import annotations

from bisect import bisect, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pipeline.records import Shot, Track, Written

STEP_S = 0.08  #: spacing of the instants a path is kept at; a head moves a few px in that time
STEADY_S = 0.12  #: sigma of the face marker's smoothing
SEAM_S = 0.7  #: a head that turns away for no longer than this comes back in the same place
SAME_PLACE = 0.5  #: least intersection over union of two boxes of one head
MOST_COMPARED = 200_000  #: pairs of boxes, which takes some seconds
MOST_PASSES = 20  #: over the tracks; each finds at least the next piece of a head
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

    Tracks break where a head turns away, and the pieces without a name would be strangers whom a panel avoids. Where
    there are more tracks together than any clip has, they stay as they are.
    """
    persons = np.array([face.person for face in faces], dtype=object)
    nobodys = [k for k, face in enumerate(faces) if face.person is None]
    pieces = _Pieces(faces, cuts)
    try:
        for _ in range(MOST_PASSES):
            before = persons.copy()
            for k in nobodys:
                if persons[k] is not None:
                    continue
                near = {persons[j] for j in pieces.going_on(k)} - {None}
                found = [person for person in near if not pieces.is_beside(k, np.flatnonzero(persons == person))]
                if len(found) == 1:
                    persons[k] = found[0]
            if (persons == before).all():
                break
    except _TooMany:
        return tuple(faces)
    return tuple(replace(face, person=person) for face, person in zip(faces, persons, strict=True))


class _TooMany(Exception):
    """More boxes would have to be compared than a clip has."""


class _Pieces:
    """Tracks that may be pieces of one. At most `MOST_COMPARED` pairs of boxes are compared."""

    def __init__(self, faces: Sequence[FacePath], cuts: Sequence[float]) -> None:
        self._faces = faces
        self._first, self._last = (np.array([getattr(f, name) for f in faces]) for name in ("first", "last"))
        self._shot = np.searchsorted(np.array(cuts), self._first, side="right")
        self._going_on: dict[int, list[int]] = {}
        self._left = MOST_COMPARED

    def going_on(self, k: int) -> list[int]:
        """Return the tracks in the shot of track `k` of which one begins within `SEAM_S` of the other's end, there."""
        if k not in self._going_on:
            first, last = self._first, self._last
            ended = np.where(first < first[k], last, last[k])
            near = (np.maximum(first, first[k]) - ended <= SEAM_S) & (self._shot == self._shot[k])
            near[k] = False
            self._going_on[k] = [
                j for j in np.flatnonzero(near).tolist() if self._overlap(k, j, max(first[k], first[j])) > SAME_PLACE
            ]
        return self._going_on[k]

    def is_beside(self, k: int, others: NDArray[np.intp]) -> bool:
        """Return whether track `k` and one of `others` are there at once, in two places."""
        start = np.maximum(self._first[others], self._first[k])
        end = np.minimum(self._last[others], self._last[k])
        both = zip(others[start < end].tolist(), ((start + end) / 2)[start < end].tolist(), strict=True)
        return any(self._overlap(k, j, t) < SAME_PLACE for j, t in both)

    def _overlap(self, k: int, j: int, t: float) -> float:
        self._left -= 1
        if self._left < 0:
            raise _TooMany
        return _overlap(self._faces[k].at(float(t)), self._faces[j].at(float(t)))


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
