"""Where a panel stands: over the head of its speaker, on no face, on no other panel, inside the frame, without jitter. Pure numpy.

Everything is known before the first frame is drawn, so a path is smoothed without delay (a symmetric filter over the whole
shot) and checked against every face for the whole time the panel is there. Inside a shot a panel keeps one offset to its face:
it can glide but not jump. A cut starts anew. Pixels of the output picture, seconds of the clip.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from pipeline.records import Shot, Track
from pipeline.subtitles.captions import Cue

STEP_S = 0.08  #: spacing of the instants a placement is checked at; a head moves a few px in that time
GLIDE_S = 0.35  #: sigma of the panel's smoothing; slower than a nod, faster than a walk
STEADY_S = 0.12  #: sigma of the face marker's smoothing
DEAD_ZONE = 0.02  #: of the frame's smaller side: a head that sways less moves no panel
TINY = 0.07  #: a face lower than this share of the frame's height has no room for a panel beside it
CROWD = 6  #: more faces than this at once: a panel over a head could be anybody's
NEAR_S = 0.5  #: a track that ends less than this before the cue does still leads the panel


@dataclass(frozen=True)
class FacePath:
    """One track, resampled and smoothed: `boxes` (n, 4) px at `times` (n,), in order."""

    person: str | None
    times: np.ndarray
    boxes: np.ndarray

    def at(self, t: float | np.ndarray) -> np.ndarray:
        """The box at `t`, held before its start and after its end; (4,) or (len(t), 4)."""
        after = np.clip(np.searchsorted(self.times, t), 1, len(self.times) - 1)
        before, step = self.times[after - 1], self.times[after] - self.times[after - 1]
        share = np.clip((t - before) / step, 0.0, 1.0)[..., None]
        return self.boxes[after - 1] * (1 - share) + self.boxes[after] * share

    def seen(self, start: float, end: float) -> float:
        """For how many seconds of start..end the face is there."""
        return max(0.0, min(end, float(self.times[-1]) + 0.1) - max(start, float(self.times[0]) - 0.1))


@dataclass(frozen=True)
class Scene:
    """The frame, its faces and its cuts."""

    width: int
    height: int
    margin: int
    faces: tuple[FacePath, ...]
    cuts: tuple[float, ...]


@dataclass(frozen=True)
class Spot:
    """Where a panel of `width` x `height` px is from `start` to `end`, inside one shot."""

    start: float
    end: float
    width: int
    height: int
    kind: str  #: "above", "below", "left", "right" of the face; "away" from it, with a leader line; "low"; "off screen"
    times: np.ndarray = field(repr=False)
    x: np.ndarray = field(repr=False)  #: px of the panel's left edge at `times`
    y: np.ndarray = field(repr=False)
    face: FacePath | None = None
    tab: int = 0  #: px at the top that are kept free for the name

    def at(self, t: float) -> tuple[int, int]:
        """Left and top of the panel in whole px."""
        return round(float(np.interp(t, self.times, self.x))), round(float(np.interp(t, self.times, self.y)))

    def boxes(self, times: np.ndarray) -> np.ndarray:
        """left, top, right, bottom at `times`, (n, 4)."""
        x, y = np.interp(times, self.times, self.x), np.interp(times, self.times, self.y)
        return np.stack([x, y, x + self.width, y + self.height], axis=1)


def smooth(values: np.ndarray, sigma: float) -> np.ndarray:
    """`values` (n, k) through a Gaussian of `sigma` samples along n, symmetric (no delay), ends extended."""
    reach = int(3 * sigma)
    if reach < 1 or len(values) < 2:
        return values
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    padded = np.pad(values, ((reach, reach), (0, 0)), mode="edge")
    return np.stack([np.convolve(padded[:, k], kernel / kernel.sum(), "valid") for k in range(values.shape[1])], axis=1)


def rope(values: np.ndarray, length: float) -> np.ndarray:
    """`values` (n,) as something dragged on a rope follows them: it stays where it is until the rope is taut."""
    if len(values) and float(np.ptp(values)) <= 2 * length:
        return np.full_like(values, (values.min() + values.max()) / 2)
    at, result = float(values[0]), np.empty_like(values)
    for i, value in enumerate(values):
        at = min(max(at, value - length), value + length)
        result[i] = at
    return result


def scene(
    tracks: Sequence[Track], shots: Sequence[Shot], *, width: int, height: int, scale: tuple[float, float], margin: int
) -> Scene:
    """The tracks in output pixels (`scale` is output over source), steadied; a track without boxes is left out."""
    faces = []
    for track in tracks:
        boxes = sorted((b for b in track.boxes), key=lambda b: b.t)
        if not boxes:
            continue
        raw_times = np.array([b.t for b in boxes])
        raw = np.array([(b.left, b.top, b.right, b.bottom) for b in boxes], dtype=float)
        raw *= np.array([scale[0], scale[1], scale[0], scale[1]])
        n = min(20000, max(2, int((raw_times[-1] - raw_times[0]) / STEP_S) + 2))
        times = np.linspace(raw_times[0], max(raw_times[-1], raw_times[0] + 0.04), n)
        even = np.stack([np.interp(times, raw_times, raw[:, k]) for k in range(4)], axis=1)
        faces.append(FacePath(track.person, times, smooth(even, STEADY_S / max(1e-6, float(times[1] - times[0])))))
    cuts = tuple(sorted({shot.start for shot in shots if shot.start > 0}))
    return Scene(width, height, margin, tuple(faces), cuts)


def place(
    cues: Sequence[Cue],
    sizes: Sequence[tuple[int, int]],
    scene: Scene,
    *,
    low: bool = False,
    still: bool = False,
    tab: int = 0,
    face_tab: bool = False,
) -> tuple[tuple[Spot, ...], ...]:
    """For every cue its spots, one for each shot it is in.

    `low`: everything at the lower third; `still`: nothing glides. Above a panel that is not at its face `tab` px are kept for the
    name, with `face_tab` above every panel.
    """
    done: list[tuple[Spot, ...]] = []
    active: list[Spot] = []
    last: dict[tuple[str | None, int], str] = {}
    for cue, size in zip(cues, sizes, strict=True):
        active = [s for s in active if s.end > cue.start]
        spots = []
        inner = [c for c in scene.cuts if cue.start + 0.02 < c < cue.end - 0.02]
        for start, end in pairwise((cue.start, *inner, cue.end)):
            shot = int(np.searchsorted(scene.cuts, start + 0.02))
            named = tab if cue.person is not None else 0
            before = last.get((cue.person, shot))
            spot = _spot(cue, size, start, end, scene, active, low, still, before, named, face_tab)
            last[cue.person, shot] = spot.kind
            spots.append(spot)
        active.extend(spots)
        done.append(tuple(spots))
    return tuple(done)


def speaker(scene: Scene, person: str | None, start: float, end: float) -> FacePath | None:
    """The face of `person` that is seen most between `start` and `end`; None where it is off screen for most of the time."""
    if person is None:
        return None
    own = [(f.seen(start, end), k) for k, f in enumerate(scene.faces) if f.person == person]
    best = max(own, default=(0.0, 0), key=lambda pair: (pair[0], -pair[1]))
    return scene.faces[best[1]] if best[0] >= min(0.4 * (end - start), end - start - NEAR_S) and best[0] > 0 else None


def _spot(
    cue: Cue, size: tuple[int, int], start: float, end: float, scene: Scene, active: list[Spot], low: bool, still: bool,
    before: str | None, tab: int, face_tab: bool,
) -> Spot:  # fmt: skip
    times = np.linspace(start, end, max(2, int((end - start) / STEP_S) + 1))
    faces = [f for f in scene.faces if f.seen(start, end) > 0]
    walls = [(f, _padded(f.at(times), scene), _there(f, times)) for f in faces]
    panels = [(s.boxes(times), (times >= s.start - 0.05) & (times <= s.end + 0.05)) for s in active if s.end > start]
    face = speaker(scene, cue.person, start, end)
    if face is not None and not low:
        own = face.at(times)
        tall = float(np.median(own[:, 3] - own[:, 1]))
        crowd = sum(present.mean() for _, _, present in walls)
        if tall >= max(TINY * scene.height, 12) and crowd <= CROWD:
            reserved = tab if face_tab else 0
            spot = _beside(
                (size[0], size[1] + reserved), start, end, times, face, own, tall, scene, walls, panels, still, before
            )
            if spot is not None:
                return replace(spot, tab=reserved)
    kind = "low" if face is not None else "off screen"
    if face is not None and not face_tab:
        tab = 0  # the face carries the name
    return replace(
        _anywhere((size[0], size[1] + tab), start, end, times, scene, walls, panels, kind, face, low), tab=tab
    )


def _padded(boxes: np.ndarray, scene: Scene) -> np.ndarray:
    """Faces with a little air beside and below; detectors put the upper edge on the forehead, above it is hair."""
    wide, tall = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    return boxes + np.stack([-0.05 * wide, 0 * tall, 0.05 * wide, 0.03 * tall], axis=1)


def _there(face: FacePath, times: np.ndarray) -> np.ndarray:
    return (times >= face.times[0] - 0.1) & (times <= face.times[-1] + 0.1)


def _overlap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Shared area of boxes (n, 4) and (n, 4), px²."""
    wide = np.minimum(a[:, 2], b[:, 2]) - np.maximum(a[:, 0], b[:, 0])
    tall = np.minimum(a[:, 3], b[:, 3]) - np.maximum(a[:, 1], b[:, 1])
    return np.maximum(0, wide) * np.maximum(0, tall)


def _hidden(x: np.ndarray, y: np.ndarray, size: tuple[int, int], walls: list, panels: list, gap: float) -> float:
    """How much of faces and other panels a panel on this path would cover at worst, px²; a face weighs as much as a panel."""
    box = np.stack([x, y, x + size[0], y + size[1]], axis=1)
    worst = 0.0
    for _, wall, present in walls:
        if present.any():
            worst += float((_overlap(box, wall) * present).max())
    apart = box + np.array([-gap, -gap, gap, gap])
    for other, present in panels:
        if present.any():
            worst += float((_overlap(apart, other) * present).max())
    return worst


def _beside(
    size: tuple[int, int], start: float, end: float, times: np.ndarray, face: FacePath, own: np.ndarray, tall: float, scene: Scene,
    walls: list, panels: list, still: bool, before: str | None,
) -> Spot | None:  # fmt: skip
    """Next to the face, at one offset for the whole shot; else near it with a leader line; None where nothing is free."""
    (w, h), m = size, scene.margin
    anchors = np.stack([(own[:, 0] + own[:, 2]) / 2, own[:, 1], own[:, 3], own[:, 0], own[:, 2]], axis=1)
    if still:
        anchors = np.broadcast_to(np.median(anchors, axis=0), anchors.shape)
    else:
        slack = DEAD_ZONE * min(scene.width, scene.height)
        anchors = np.stack([rope(anchors[:, k], slack) for k in range(5)], axis=1)
        anchors = smooth(anchors, GLIDE_S / max(1e-6, float(times[1] - times[0])))
    middle, top, bottom, left, right = anchors.T
    slack = 0 if still else DEAD_ZONE * min(scene.width, scene.height)
    offers: list[tuple[float, str, np.ndarray, np.ndarray]] = []
    for gap in (0.42, 0.22, 0.12, 0.05):  # of the face: over the hair where there is room, else over the forehead
        for slide in (0, -0.2, 0.2, -0.4, 0.4):
            price = abs(slide) * 1.5 + 0.8 * (0.42 - gap)
            offers.append((price, "above", middle - w / 2 + slide * w, top - gap * tall - h - slack * 0.5))
    for lift in (0.0, 0.25, -0.2):
        y = top + lift * tall
        offers.append((1.0 + abs(lift), "right", right + 0.18 * tall + slack, y))
        offers.append((1.0 + abs(lift), "left", left - 0.18 * tall - w - slack, y))
    for slide in (0, -0.25, 0.25):
        # room for the name under the marker
        offers.append((1.3 + abs(slide), "below", middle - w / 2 + slide * w, bottom + 0.3 * tall + slack))
    best: tuple[float, Spot] | None = None
    for price, kind, x, y in offers:
        cost = price - (0.6 if kind == before else 0.0)
        if best is not None and cost >= best[0]:
            continue
        x = np.clip(x, m, max(m, scene.width - m - w))
        y = np.clip(y, m * 0.6, max(m, scene.height - m - h))
        if _hidden(x, y, size, walls, panels, m / 2) == 0 and w <= scene.width and h <= scene.height:
            best = (cost, Spot(start, end, w, h, kind, times, x, y, face))
    if best is not None:
        return best[1]
    aim = (float(np.median(middle)) - w / 2, float(np.median(top)) - h)
    x, y, hidden = _search(size, times, scene, walls, panels, aim)
    return Spot(start, end, w, h, "away", times, x, y, face) if hidden == 0 else None


def _anywhere(
    size: tuple[int, int], start: float, end: float, times: np.ndarray, scene: Scene, walls: list, panels: list, kind: str,
    face: FacePath | None, low: bool,
) -> Spot:  # fmt: skip
    """At the lower third, as near to its middle as faces and other panels allow; where none is free, on as little as possible."""
    (w, h), m = size, scene.margin
    aim = ((scene.width - w) / 2, scene.height - h - max(m, 0.06 * scene.height))
    x, y, _ = _search(size, times, scene, walls, panels, aim, scene.height / 2 if low else 0)
    return Spot(start, end, w, h, kind, times, x, y, face)


def _search(
    size: tuple[int, int],
    times: np.ndarray,
    scene: Scene,
    walls: list,
    panels: list,
    aim: tuple[float, float],
    highest: float = 0,
) -> tuple[np.ndarray, np.ndarray, float]:
    """The still place nearest to `aim` where nothing is hidden, else where least is; and how much that is, px²."""
    (w, h), m = size, scene.margin
    right, bottom = max(m, scene.width - m - w), max(m, scene.height - m - h)
    if w + 2 * m > scene.width:
        right = max(0, (scene.width - w) // 2)
    columns = {float(np.clip(aim[0], min(m, right), right)), float(min(m, right)), float(right)}
    columns |= {float(v) for v in np.linspace(min(m, right), right, 7)}
    top = min(max(m, highest - h / 2), bottom)
    rows = {float(np.clip(aim[1], top, bottom))} | {float(v) for v in np.linspace(top, bottom, 13)}
    for other, present in panels:  # on top of another panel, or under it
        if present.any():
            rows |= {
                v
                for v in (float(other[present][0, 1]) - h - m / 2 - 1, float(other[present][0, 3]) + m / 2 + 1)
                if top <= v <= bottom
            }
    ranked = sorted((abs(x - aim[0]) * 0.6 + abs(y - aim[1]), x, y) for x in columns for y in rows)
    least: tuple[float, float, float] | None = None
    one = np.ones(len(times))
    for _, x, y in ranked:
        hidden = _hidden(x * one, y * one, size, walls, panels, m / 2)
        if least is None or hidden < 0.7 * least[0]:
            least = (hidden, x, y)
        if hidden == 0:
            break
    assert least is not None
    return least[1] * one, least[2] * one, least[0]
