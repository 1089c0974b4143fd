"""Where a panel stands: over the head of its speaker, on no face, on no other panel, inside the frame, without jitter. Pure numpy.

Everything is known before the first frame is drawn, so a path is smoothed without delay (a symmetric filter over the whole
shot) and checked against every face for the whole time the panel is there. Inside a shot a panel keeps one offset to its face:
it can glide but not jump. A cut starts anew. Pixels of the output picture, seconds of the clip.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
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
SEEN_S = 0.1  #: a face is looked for this often at least, so it may be there this much longer than it was found
JUMP_S = 0.5  #: what remains of a cue after a cut is not worth a jump of the eye if it is shorter
MISREAD = 1.2  #: price of standing nearer to a stranger's face, beside 0.3 for every fifth of its width a panel slides
CENTRED = 0.1  #: of the frame's width: a face no further from the middle is on neither side


@dataclass(frozen=True)
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
        """The box at `t`, held before its start and after its end; (4,) or (len(t), 4)."""
        if isinstance(t, np.ndarray):
            return np.stack([np.interp(t, self.times, column) for column in self.boxes.T], axis=-1)
        # np.interp would copy the whole path, four times a frame
        after = min(max(bisect(self.times, t), 1), len(self.times) - 1)
        before, end = self.times[after - 1], self.times[after]
        share = min(max((t - before) / (end - before), 0.0), 1.0)
        return self.boxes[after - 1] + share * (self.boxes[after] - self.boxes[after - 1])

    def seen(self, start: float, end: float) -> float:
        """For how many seconds of start..end the face is there."""
        return max(0.0, min(end, self.last) - max(start, self.first))


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
    #: "above", "below", "left", "right" of the face; "away" from it, with a leader line; "low"; "off screen"; "held" where it
    #: was before a cut; "bar" outside the picture
    kind: str
    times: np.ndarray = field(repr=False)
    x: np.ndarray = field(repr=False)  #: px of the panel's left edge at `times`
    y: np.ndarray = field(repr=False)
    face: FacePath | None = None
    tab: int = 0  #: px at the top that are kept free for the name
    edge: str = ""  #: "left" or "right": the edge of the frame behind which the voice is; the spot reaches to it

    def at(self, t: float) -> tuple[int, int]:
        """Left and top of the panel in whole px."""
        times, x, y = self._path
        k = min(max(bisect(times, t), 1), len(times) - 1)
        share = min(max((t - times[k - 1]) / ((times[k] - times[k - 1]) or 1.0), 0.0), 1.0)
        return round(x[k - 1] + share * (x[k] - x[k - 1])), round(y[k - 1] + share * (y[k] - y[k - 1]))

    @cached_property
    def _path(self) -> tuple[list[float], list[float], list[float]]:
        # np.interp takes three times as long for one number, and every panel asks twice a frame
        return self.times.tolist(), self.x.tolist(), self.y.tolist()

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
    cuts = tuple(sorted({shot.start for shot in shots if shot.start > 0}))
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
        steady = smooth(even, STEADY_S / max(1e-6, float(times[1] - times[0])))
        first, last = float(raw_times[0]), float(raw_times[-1])
        k = int(np.searchsorted(cuts, first + 0.02, side="right"))
        after = cuts[k] if k < len(cuts) and cuts[k] > last - 0.02 else last + SEEN_S
        first = max(first - SEEN_S, cuts[k - 1]) if k else first - SEEN_S
        faces.append(FacePath(track.person, times, steady, first, min(last + SEEN_S, after)))
    return Scene(width, height, margin, tuple(faces), cuts)


def place(
    cues: Sequence[Cue],
    sizes: Sequence[tuple[int, int]],
    scene: Scene,
    *,
    low: bool = False,
    still: bool = False,
    tabs: Mapping[str, tuple[int, int]] | None = None,
    face_tab: bool = False,
    home: str = "left",
) -> tuple[tuple[Spot, ...], ...]:
    """For every cue its spots, one for each shot it is in.

    `low`: everything at the lower third; `still`: nothing glides. Above a panel that is not at its face there is room for the
    speaker's name, whose size in px `tabs` has by person, with `face_tab` above every panel. A voice off screen stands at the edge
    of the frame behind which its face is; `home` ("left" or "right") is the one where nothing tells. Where there is no room
    left an earlier panel ends as the new one comes: the last spot of its cue then ends before the cue does.
    """
    done: list[list[Spot]] = []
    active: list[Spot] = []
    last: dict[tuple[str | None, int], str] = {}
    edges = Edges(scene, home)
    for cue, size in zip(cues, sizes, strict=True):
        active = [s for s in active if s.end > cue.start]
        spots: list[Spot] = []
        inner = [c for c in scene.cuts if cue.start + 0.02 < c < cue.end - 0.02]
        tab = (tabs or {}).get(cue.person or "", (0, 0))
        for start, end in pairwise((cue.start, *inner, cue.end)):
            shot = int(np.searchsorted(scene.cuts, start + 0.02))
            before = last.get((cue.person, shot))
            spot = _held(spots[-1], cue, start, end, scene, active) if spots and end - start < JUMP_S else None
            spot = spot or _spot(cue, size, start, end, scene, active, low, still, before, tab, face_tab, edges)
            last[cue.person, shot] = spot.kind
            spots.append(spot)
            covered = [other for other in active if _covers(spot, other)]
            for k, earlier in enumerate(done if covered else ()):
                at = next((i for i, other in enumerate(earlier) if any(other is c for c in covered)), None)
                if at is not None:
                    covered += earlier[at:]  # what is not drawn is in nobody's way
                    done[k] = [*earlier[:at], replace(earlier[at], end=max(earlier[at].start, spot.start))]
            active = [s for s in active if not any(s is c for c in covered)]
        active.extend(spots)
        done.append(spots)
    return tuple(map(tuple, done))


def _covers(new: Spot, old: Spot) -> bool:
    """Whether a twentieth of the older panel or more is ever under the new one."""
    start, end = max(new.start, old.start), min(new.end, old.end)
    if start >= end:
        return False
    times = np.linspace(start, end, max(2, int((end - start) / STEP_S) + 1))
    return float(_overlap(new.boxes(times), old.boxes(times)).max()) > 0.05 * old.width * old.height


class Edges:
    """Behind which edge of the frame ("left", "right") a person is who cannot be seen: one in a shot until they are seen again.

    `home` is the one where nothing tells.
    """

    def __init__(self, scene: Scene, home: str) -> None:
        self._scene, self._home = scene, home
        #: by person: from when on they were last given an edge, which, and where they stood at it
        self._known: dict[str, tuple[float, str, Spot | None]] = {}

    def of(self, person: str, start: float) -> tuple[str, Spot | None]:
        """The edge for `person` from `start` on, and where they stood at it before in this shot."""
        shot = self._shot(start)
        known = self._known.get(person)
        if known and any(face.person == person and known[0] < face.first <= start for face in self._scene.faces):
            known = None  # they came back, and may have left at the other side
        if known is not None and self._shot(known[0]) == shot:
            return known[1], known[2]
        beside = known is not None and self._shot(known[0]) == shot - 1
        for number in (shot, shot - 1) if beside else (shot, shot - 1, shot + 1):
            side = self._side(person, number, start)
            if abs(side) > CENTRED:
                return ("left" if side < 0 else "right"), None
        return (known[1] if known is not None and beside else self._home), None

    def _side(self, person: str, shot: int, t: float) -> float:
        """How far right of the middle they are in `shot` when they are seen nearest to `t`, of the frame's width; 0 if never."""
        seen = [
            (abs(float(face.times[k]) - t), float(face.boxes[k, 0] + face.boxes[k, 2]) / 2 / self._scene.width - 0.5)
            for face in self._scene.faces
            if face.person == person and self._shot(float(face.times[0])) == shot
            for k in (0, -1)
        ]
        return min(seen, default=(0.0, 0.0))[1]

    def keep(self, person: str, start: float, edge: str, spot: Spot | None = None) -> None:
        """They are behind `edge` from `start` on, and their panel is at `spot`."""
        self._known[person] = (start, edge, spot)

    def _shot(self, t: float) -> int:
        return int(np.searchsorted(self._scene.cuts, t + 0.02))


def speaker(scene: Scene, person: str | None, start: float, end: float) -> FacePath | None:
    """The face of `person` that is seen most between `start` and `end`; None where it is off screen for most of the time."""
    if person is None:
        return None
    own = [(f.seen(start, end), k) for k, f in enumerate(scene.faces) if f.person == person]
    best = max(own, default=(0.0, 0), key=lambda pair: (pair[0], -pair[1]))
    return scene.faces[best[1]] if best[0] >= min(0.4 * (end - start), end - start - NEAR_S) and best[0] > 0 else None


def _spot(
    cue: Cue, size: tuple[int, int], start: float, end: float, scene: Scene, active: list[Spot], low: bool, still: bool,
    before: str | None, tab: tuple[int, int], face_tab: bool, edges: Edges,
) -> Spot:  # fmt: skip
    times, walls, panels = _obstacles(start, end, scene, active)
    face = speaker(scene, cue.person, start, end)
    named = (max(size[0], tab[0]), size[1] + tab[1]) if tab[1] else size
    if face is not None and not low:
        own = face.at(times)
        tall = float(np.median(own[:, 3] - own[:, 1]))
        crowd = sum(present.mean() for _, _, present in walls)
        if tall >= max(TINY * scene.height, 12) and crowd <= CROWD:
            spot = _beside(
                named if face_tab else size, start, end, times, face, own, tall, scene, walls, panels, still, before
            )
            if spot is not None:
                return replace(spot, tab=tab[1] if face_tab else 0)
    if face is None and cue.person is not None and scene.faces and not low and tab[1]:
        spot = _at_edge(cue.person, named, start, end, times, scene, walls, panels, edges)
        if spot is not None:
            return replace(spot, tab=tab[1])
    kind = "low" if face is not None else "off screen"
    if face is not None and not face_tab:
        named, tab = size, (0, 0)  # the face carries the name
    return replace(_anywhere(named, start, end, times, scene, walls, panels, kind, face, low), tab=tab[1])


def _obstacles(start: float, end: float, scene: Scene, active: list[Spot]) -> tuple[np.ndarray, list, list]:
    """The instants that count, and what must not be covered at them: faces, other panels."""
    times = np.linspace(start, end, max(2, int((end - start) / STEP_S) + 1))
    walls = [(f, _padded(f.at(times), scene), _there(f, times)) for f in scene.faces if f.seen(start, end) > 0]
    panels = [(s.boxes(times), (times >= s.start - 0.05) & (times <= s.end + 0.05)) for s in active if s.end > start]
    return times, walls, panels


def _held(before: Spot, cue: Cue, start: float, end: float, scene: Scene, active: list[Spot]) -> Spot | None:
    """A moment after a cut the panel stays where it was, unless its speaker is in the new shot or somebody's face is behind it."""
    times, walls, panels = _obstacles(start, end, scene, active)
    if before.kind in ("low", "off screen") or speaker(scene, cue.person, start, end) is not None:
        return None
    x, y = (np.full(len(times), float(v)) for v in before.at(start))
    if _hidden(x, y, (before.width, before.height), walls, panels, scene.margin / 2):
        return None
    return replace(before, start=start, end=end, kind="held", times=times, x=x, y=y, face=None)


def _at_edge(
    person: str, size: tuple[int, int], start: float, end: float, times: np.ndarray, scene: Scene, walls: list, panels: list,
    edges: Edges,
) -> Spot | None:  # fmt: skip
    """At the edge of the frame behind which the person is, else at the other one; None where elsewhere less would be hidden."""
    (w, h), m = size, scene.margin
    if w + m > scene.width:
        return None
    edge, before = edges.of(person, start)
    bottom = (
        scene.height - max(m, 0.06 * scene.height) if before is None else before.at(before.start)[1] + before.height
    )
    least: tuple[float, Spot] | None = None
    for side in (edge, "right" if edge == "left" else "left"):
        x = 0.0 if side == "left" else float(scene.width - w - m)
        at, y, hidden = _search((w + m, h), times, scene, walls, panels, (x, bottom - h), columns=(x,))
        if least is None or hidden < 0.8 * least[0]:
            least = hidden, Spot(start, end, w + m, h, "off screen", times, at, y, edge=side)
        if hidden == 0:
            break
    assert least is not None
    hidden, spot = least
    if hidden and _search(size, times, scene, walls, panels, ((scene.width - w) / 2, bottom - h))[2] < 0.8 * hidden:
        return None
    edges.keep(person, start, spot.edge, spot)
    return spot


def _padded(boxes: np.ndarray, scene: Scene) -> np.ndarray:
    """Faces with a little air beside and below; detectors put the upper edge on the forehead, above it is hair."""
    wide, tall = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    return boxes + np.stack([-0.05 * wide, 0 * tall, 0.05 * wide, 0.03 * tall], axis=1)


def _there(face: FacePath, times: np.ndarray) -> np.ndarray:
    return (times >= face.first) & (times < face.last)


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
        cost += MISREAD * _misread(x, y, size, face, own, tall, walls)
        if best is not None and cost >= best[0]:
            continue
        if _hidden(x, y, size, walls, panels, m / 2) == 0 and w <= scene.width and h <= scene.height:
            best = (cost, Spot(start, end, w, h, kind, times, x, y, face))
    if best is not None:
        return best[1]
    aim = (float(np.median(middle)) - w / 2, float(np.median(top)) - h)
    x, y, hidden = _search(
        size, times, scene, walls, panels, aim, price=lambda x, y: tall * _misread(x, y, size, face, own, tall, walls)
    )
    return Spot(start, end, w, h, "away", times, x, y, face) if hidden == 0 else None


def _misread(
    x: np.ndarray, y: np.ndarray, size: tuple[int, int], face: FacePath, own: np.ndarray, tall: float, walls: list
) -> float:
    """How much nearer, in heights of the speaker's face, a panel on this path is to somebody else's face than to its own.

    0 where its own is nearer by a quarter of its height or more, 1.5 at most.
    """
    box = np.stack([x, y, x + size[0], y + size[1]], axis=1)
    mine = _distance(box, own)
    worst = 0.0
    for other, wall, present in walls:
        if other is not face and present.any():
            worst = max(worst, float(((mine - _distance(box, wall))[present]).mean()) / tall + 0.25)
    return min(1.5, worst)


def _distance(panel: np.ndarray, face: np.ndarray) -> np.ndarray:
    """How far a reader thinks panels (n, 4) are from faces (n, 4), px: the gap, and a little of how far aside their middles are."""
    wide = np.maximum(0, np.maximum(face[:, 0] - panel[:, 2], panel[:, 0] - face[:, 2]))
    tall = np.maximum(0, np.maximum(face[:, 1] - panel[:, 3], panel[:, 1] - face[:, 3]))
    aside = np.abs(face[:, 0] + face[:, 2] - panel[:, 0] - panel[:, 2]) / 2
    return np.hypot(wide, tall) + 0.3 * aside


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
    columns: tuple[float, ...] = (),
    price: Callable[[np.ndarray, np.ndarray], float] | None = None,
) -> tuple[np.ndarray, np.ndarray, float]:
    """The still place nearest to `aim` where nothing is hidden, else where least is; and how much that is, px².

    `columns` are the left edges to choose from, `price` (px) what a place costs besides its distance.
    """
    (w, h), m = size, scene.margin
    right, bottom = max(m, scene.width - m - w), max(m, scene.height - m - h)
    if w + 2 * m > scene.width:
        right = max(0, (scene.width - w) // 2)
    if not columns:
        columns = (float(np.clip(aim[0], min(m, right), right)), *map(float, np.linspace(min(m, right), right, 7)))
    top = min(max(m, highest - h / 2), bottom)
    rows = {float(np.clip(aim[1], top, bottom))} | {float(v) for v in np.linspace(top, bottom, 13)}
    for other, present in panels:  # on top of another panel, or under it
        if present.any():
            rows |= {
                v
                for v in (float(other[present][0, 1]) - h - m / 2 - 1, float(other[present][0, 3]) + m / 2 + 1)
                if top <= v <= bottom
            }
    one = np.ones(len(times))
    ranked = sorted(
        (abs(x - aim[0]) * 0.6 + abs(y - aim[1]) + (price(x * one, y * one) if price else 0.0), x, y)
        for x in set(columns)
        for y in rows
    )
    least: tuple[float, float, float] | None = None
    for _, x, y in ranked:
        hidden = _hidden(x * one, y * one, size, walls, panels, m / 2)
        if least is None or hidden < 0.7 * least[0]:
            least = (hidden, x, y)
        if hidden == 0:
            break
    assert least is not None
    return least[1] * one, least[2] * one, least[0]
