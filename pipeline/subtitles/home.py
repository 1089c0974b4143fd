"""The home of a panel: one place, relative to a head or still, that serves all cues of one person in one shot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline.subtitles.scene import STEP_S, FacePath, Scene, rope, smooth
from pipeline.subtitles.spot import Spot

GLIDE_S = 0.35  #: sigma of the panel's smoothing; slower than a nod, faster than a walk
DEAD_ZONE = 0.02  #: of the frame's smaller side: a head that sways less moves no panel
CHECK_S, MOST_CHECKS = 0.16, 40  #: spacing of the instants a home is checked at, and how many of a cue
NEAR_S = 0.5  #: a face that is lost for less than this still leads its panel
BOTTOM = 0.06  #: of the frame's height: how far above its lower edge the lower third's texts end

# Prices are in seconds of a cue next to its head.
HIDES, TOUCHES = 100.0, 40.0  #: a second of covering a face, another panel
MISREAD = 1.2  #: a second of standing nearer to a stranger's face, for each height of the face by which it does
STRANGER = 20.0  #: a second over or under a stranger's head, and nearer to it
MOVE = 6.0  #: a move to another home


@dataclass(frozen=True)
class Stay:
    """One cue inside one shot, from `start` to `end` (s), as a panel of `width` x `height` px."""

    cue: int
    start: float
    end: float
    width: int
    height: int
    tab: int = 0
    air: tuple[int, int] = (0, 0)  #: px at the sides, and above and below, in which nothing is drawn

    @property
    def times(self) -> np.ndarray:
        """The instants the stay is checked at."""
        count = min(MOST_CHECKS, max(2, int((self.end - self.start) / CHECK_S) + 2))
        return np.linspace(self.start, self.end, count)


@dataclass(frozen=True)
class Home:
    """Where panels stand: their middle or side at an anchor of the head, or at a still point of the frame."""

    kind: str  #: as `Spot.kind`
    price: float
    across: float = 0.0  #: heights of the face from the anchor; of a still home px from the left
    down: float = 0.0  #: heights of the face below the anchor; of a still home px of the lower edge
    edge: str = ""

    @property
    def still(self) -> bool:
        """Whether the home does not move with a face."""
        return self.kind in ("low", "off screen")


@dataclass(frozen=True, eq=False)
class Head:
    """The path of one person's head through a shot: where a panel may be anchored."""

    faces: tuple[FacePath, ...]
    tall: float  #: median height of the face, px
    times: np.ndarray = field(repr=False)
    anchors: np.ndarray = field(repr=False)  #: (n, 5): middle, top, bottom, left, right, steadied

    def at(self, times: np.ndarray, still: bool) -> np.ndarray:
        """Return the anchors at `times`, (n, 5); all the same where `still`."""
        found = np.stack([np.interp(times, self.times, column) for column in self.anchors.T], axis=1)
        return np.broadcast_to(np.median(found, axis=0), found.shape) if still else found

    def leads(self, stay: Stay) -> bool:
        """Return whether the head is seen for enough of the stay to have its panel."""
        length = stay.end - stay.start
        seen = sum(face.seen(stay.start, stay.end) for face in self.faces)
        if seen > 0:
            return seen >= min(0.4 * length, length - NEAR_S)
        before = min((stay.start - face.last for face in self.faces if face.last <= stay.start), default=np.inf)
        after = min((face.first - stay.end for face in self.faces if face.first >= stay.end), default=np.inf)
        return bool(before <= NEAR_S and after <= NEAR_S)  # a moment turned away

    def face(self, stay: Stay) -> FacePath:
        """Return the track that is seen most during the stay."""
        return max(self.faces, key=lambda face: face.seen(stay.start, stay.end))


def head_of(scene: Scene, person: str | None, shot: int) -> Head | None:
    """Return the path of the person's head through the shot; None where they are not seen in it."""
    faces = tuple(face for face in scene.by_shot.get(shot, ()) if face.person == person and person is not None)
    if not faces:
        return None
    faces = tuple(sorted(faces, key=lambda face: face.first))
    raw_times = np.concatenate([face.times for face in faces])
    order = np.argsort(raw_times, kind="stable")
    raw = np.concatenate([face.boxes for face in faces])[order]
    raw_times = raw_times[order]
    count = min(20000, max(2, int((raw_times[-1] - raw_times[0]) / STEP_S) + 2))
    times = np.linspace(raw_times[0], raw_times[-1], count)
    left, top, right, bottom = (np.interp(times, raw_times, column) for column in raw.T)
    slack = DEAD_ZONE * min(scene.width, scene.height)
    columns = [rope(values, slack) for values in ((left + right) / 2, top, bottom, left, right)]
    anchors = smooth(np.stack(columns, axis=1), GLIDE_S / max(1e-6, float(times[1] - times[0])))
    return Head(faces, float(np.median(raw[:, 3] - raw[:, 1])), times, anchors)


def homes_at(head: Head) -> list[Home]:
    """Return the homes at a head, the best first: over it, then beside, then below."""
    found = []
    for gap, price in ((0.42, 0.0), (0.28, 0.1), (0.16, 0.2), (0.06, 0.3)):  # over the hair, else over the forehead
        for across in (0.0, -0.4, 0.4, -0.8, 0.8):
            found.append(Home("above", price + 0.4 * abs(across), across, -gap))
    for lift in (0.5, 0.8, 0.2):
        found += [
            Home(side, 1.0 + abs(lift - 0.5), 0.18 if side == "right" else -0.18, lift) for side in ("right", "left")
        ]
    for across in (0.0, -0.5, 0.5):
        found.append(Home("below", 1.3 + 0.4 * abs(across), across, 0.3))  # room for the name under the marker
    return sorted(found, key=lambda home: home.price)


def low_homes(scene: Scene, kind: str, price: float, highest: float, bottoms: Sequence[float] = ()) -> list[Home]:
    """Return still homes from the middle of the lower third outwards, up to `highest` (px) and down to the margin.

    The last resort is the upper edge, where television puts what would cover something below. `bottoms` are further
    lower edges to try: those of places on top of other panels.
    """
    middle, low = scene.width / 2, scene.height - max(scene.margin, BOTTOM * scene.height)
    lowest = scene.height - scene.margin  # under a chin there is often a little more room
    rows = {0.0, *np.linspace(low, min(low, highest + 0.1 * scene.height), 9).tolist(), (low + lowest) / 2, lowest}
    rows |= set(bottoms)
    far = 0.5 * scene.height
    found = []
    for x in (middle, *(scene.width * share for share in (0.3, 0.7, 0.15, 0.85, 0.0, 1.0))):
        for y in rows:
            away = (0.6 * abs(x - middle) + abs(low - y)) / far
            found.append(Home(kind, price + away, x, y))
    return sorted(found, key=lambda home: home.price)


def edge_homes(scene: Scene, edge: str) -> list[Home]:
    """Return still homes at the left or right edge of the frame, the lowest first."""
    low = scene.height - max(scene.margin, BOTTOM * scene.height)
    return [
        Home("off screen", (low - y) / scene.height, 0.0, y, edge)
        for y in np.linspace(low, 0.25 * scene.height, 7).tolist()
    ]


def paths(
    homes: Sequence[Home], stay: Stay, head: Head | None, scene: Scene, times: np.ndarray, calm: bool
) -> np.ndarray:
    """Return left and top (px) of the stay's panel at `times` in each home, (homes, n, 2), inside the frame."""
    width, height = stay.width, stay.height
    tall, slack = (head.tall if head else 0.0), 0.5 * DEAD_ZONE * min(scene.width, scene.height)
    shape = len(homes), len(times)
    x, y = np.empty(shape), np.empty(shape)
    across, down = (np.array([[getattr(home, name)] for home in homes]) for name in ("across", "down"))
    kinds = np.array(["still" if home.still or head is None else home.kind for home in homes])
    anchors = head.at(times, calm) if head is not None else np.zeros((len(times), 5))
    middle, top, bottom, left, right = anchors.T
    for kind, from_x, from_y, shift_x, shift_y in (
        ("above", middle, top, -width / 2, -height - slack),
        ("below", middle, bottom, -width / 2, slack),
        ("right", right, top, slack, -height / 2),
        ("left", left, top, -width - slack, -height / 2),
    ):
        of = kinds == kind
        x[of] = from_x + across[of] * tall + shift_x
        y[of] = from_y + down[of] * tall + shift_y
    of = kinds == "still"
    x[of], y[of] = across[of] - width / 2, down[of] - height
    edge = min(scene.margin, max(0, (scene.width - width) // 2))
    x = np.clip(x, edge, max(edge, scene.width - edge - width))
    y = np.clip(y, 0.6 * scene.margin, max(0.6 * scene.margin, scene.height - scene.margin - height))
    for k, home in enumerate(homes):
        if home.edge:
            x[k] = 0.0 if home.edge == "left" else scene.width - width
    return np.stack([x, y], axis=2)


def spot(home: Home, stay: Stay, head: Head | None, scene: Scene, calm: bool) -> Spot:
    """Return where the stay's panel is in `home`."""
    count = max(2, int((stay.end - stay.start) / STEP_S) + 2)
    times = np.linspace(stay.start, stay.end, count)
    x, y = paths([home], stay, head, scene, times, calm)[0].T
    leads = head is not None and head.leads(stay)
    kind = home.kind if not home.still else "low" if leads else "off screen"
    face = head.face(stay) if head is not None and leads else None
    return Spot(stay.start, stay.end, stay.width, stay.height, kind, times, x, y, face, stay.tab, home.edge)


# --- what a home costs ------------------------------------------------------------------------------------------------


def costs(
    homes: Sequence[Home], stay: Stay, head: Head | None, scene: Scene, panels: Sequence[Spot], calm: bool
) -> np.ndarray:
    """Return what each home costs during the stay, (len(homes),); infinite where its head is not to be seen."""
    times = stay.times
    length = stay.end - stay.start
    left_top = paths(homes, stay, head, scene, times, calm)
    boxes = np.concatenate([left_top, left_top + np.array([stay.width, stay.height])], axis=2)
    inked = boxes + np.array([*stay.air, -stay.air[0], -stay.air[1]])
    result = np.array([home.price for home in homes])
    gone = head is not None and not head.leads(stay)
    own = head.face(stay) if head is not None and not gone else None
    mine = _distance(boxes, own.at(times)) if own is not None else None
    for face in scene.during(stay.start, stay.end):
        wall = face.at(times)
        present = (times >= face.first) & (times < face.last)
        if not present.any():
            continue
        result += HIDES * _covered(inked, _padded(wall))[:, present].mean(axis=1)
        if own is not None and mine is not None and face not in (head.faces if head else ()):
            nearer = (mine - _distance(boxes, wall))[:, present].mean(axis=1) / max(1.0, head.tall if head else 1.0)
            result += MISREAD * np.clip(nearer + 0.25, 0.0, 1.5)
            strangers = (_over(boxes, wall) | _under(boxes, wall)) & (mine > _distance(boxes, wall))
            result += STRANGER * strangers[:, present].mean(axis=1)
        if own is None:
            pointing = np.array([bool(home.edge) for home in homes])
            result += STRANGER * pointing * _under(boxes, wall)[:, present].mean(axis=1)
            result += STRANGER * _over(boxes, wall)[:, present].mean(axis=1)
    for text in scene.texts(stay.start, stay.end):
        result += TOUCHES * _covered(boxes, np.broadcast_to(text, (len(times), 4))).mean(axis=1)
    gap = scene.margin / 2
    apart = boxes + np.array([-gap, -gap, gap, gap])
    for other in panels:
        present = (times >= other.start - 0.05) & (times <= other.end + 0.05)
        if present.any():
            result += TOUCHES * _covered(apart, other.boxes(times))[:, present].mean(axis=1)
    if gone:
        result = np.where([home.still for home in homes], result, np.inf)
    return result * max(0.2, length)


def _padded(boxes: np.ndarray) -> np.ndarray:
    """Return faces with a little air beside and below; detectors put the upper edge on the forehead, above it is
    hair.
    """
    wide, tall = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    return boxes + np.stack([-0.05 * wide, 0 * tall, 0.05 * wide, 0.03 * tall], axis=1)


def _covered(boxes: np.ndarray, wall: np.ndarray) -> np.ndarray:
    """Return a half where `boxes` (homes, n, 4) touch `wall` (n, 4), up to 1.5 where they cover all of it; (homes,
    n).
    """
    wide = np.minimum(boxes[..., 2], wall[:, 2]) - np.maximum(boxes[..., 0], wall[:, 0])
    tall = np.minimum(boxes[..., 3], wall[:, 3]) - np.maximum(boxes[..., 1], wall[:, 1])
    shared = np.maximum(0, wide) * np.maximum(0, tall)
    area = np.maximum(1.0, (wall[:, 2] - wall[:, 0]) * (wall[:, 3] - wall[:, 1]))
    return np.where(shared > 1.0, 0.5, 0.0) + shared / area


def _distance(boxes: np.ndarray, face: np.ndarray) -> np.ndarray:
    """Return how far a reader thinks `boxes` (homes, n, 4) are from a face (n, 4), px; (homes, n).

    The gap between them, and a little of how far aside their middles are.
    """
    wide = np.maximum(0, np.maximum(face[:, 0] - boxes[..., 2], boxes[..., 0] - face[:, 2]))
    tall = np.maximum(0, np.maximum(face[:, 1] - boxes[..., 3], boxes[..., 1] - face[:, 3]))
    aside = np.abs(face[:, 0] + face[:, 2] - boxes[..., 0] - boxes[..., 2]) / 2
    return np.hypot(wide, tall) + 0.3 * aside


def _over(boxes: np.ndarray, face: np.ndarray) -> np.ndarray:
    """Return whether `boxes` (homes, n, 4) stand over the head of `face` (n, 4); (homes, n)."""
    middle, tall = (face[:, 0] + face[:, 2]) / 2, face[:, 3] - face[:, 1]
    above = (boxes[..., 3] <= face[:, 1] + 0.2 * tall) & (boxes[..., 3] > face[:, 1] - 1.5 * tall)
    return above & (boxes[..., 0] < middle) & (middle < boxes[..., 2])


def _under(boxes: np.ndarray, face: np.ndarray) -> np.ndarray:
    """Return whether `boxes` (homes, n, 4) stand under `face` (n, 4), so that they would seem to be its own; (homes,
    n).
    """
    below = boxes[..., 1] >= (face[:, 1] + face[:, 3]) / 2
    return below & (boxes[..., 0] < face[:, 2]) & (face[:, 0] < boxes[..., 2])
