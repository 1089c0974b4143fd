"""Place the panels: each person's in one home for a whole shot, on no face, on no other panel, inside the frame.

Everything is known before the first frame is drawn, so a home is chosen for all that a person says in a shot. It is
over the head; where that would leave the picture, cover a face or meet another panel, it is the nearest place where
nothing of this happens. Only where no place serves the whole shot does a panel move, once. A cut starts anew.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from pipeline.subtitles.cue import Cue
from pipeline.subtitles.home import (
    MOVE,
    Head,
    Home,
    Stay,
    costs,
    edge_homes,
    head_of,
    homes_at,
    low_homes,
    spot,
)
from pipeline.subtitles.scene import Scene
from pipeline.subtitles.spot import Spot

TINY = 0.07  #: a face lower than this share of the frame's height has no room for a panel beside it
CROWD = 6  #: more faces than this at once: a panel over a head could be anybody's
CENTRED = 0.1  #: of the frame's width: a face no further from the middle is on neither side
MOST_PANELS = 6  #: no more panels than this are on screen at one time
CLEAR = 3.0  #: a second in a home that costs less covers nothing
COVERED = 0.05  #: share of a panel that may be under a newer one


@dataclass(frozen=True)
class Manner:
    """How panels are placed."""

    low: bool = False  #: everything at the lower third
    still: bool = False  #: nothing glides
    tabs: Mapping[str, tuple[int, int]] = field(default_factory=dict)  #: size of each person's name tag, px
    fixed: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """px of the lower middle of everybody's panels whose place was chosen by hand."""
    air: tuple[int, int] = (0, 0)  #: px at the sides, and above and below, of panels that only text is seen of
    face_tab: bool = False  #: the name stands on every panel; else only where no face carries it


def place(
    cues: Sequence[Cue], sizes: Sequence[tuple[int, int]], scene: Scene, manner: Manner = Manner()
) -> Generator[None, None, tuple[tuple[Spot, ...], ...]]:
    """Return for every cue its spots, one for each shot it is in; yields after every home.

    `sizes` are the panels' width and height in px. Where there is no room left an earlier panel ends as the new one
    comes: the last spot of its cue then ends before the cue does.
    """
    placed = _Placed(cues)
    groups = sorted(_groups(cues, sizes, scene, manner), key=lambda group: group[0] not in manner.fixed)
    for person, shot, stays in groups:  # what was chosen by hand is in its place before the others look for theirs
        head = head_of(scene, person, shot)
        if manner.low or (head is not None and _crowded(head, stays, scene)):
            usable: Head | None = None
        else:
            usable = head
        yield from _settle(
            person, shot, [_with_tab(stay, cues, manner, head) for stay in stays], usable, head, scene, manner, placed
        )
    return placed.spots()


def _groups(
    cues: Sequence[Cue], sizes: Sequence[tuple[int, int]], scene: Scene, manner: Manner
) -> Iterable[tuple[str | None, int, list[Stay]]]:
    """Return the stays that share a home: of one person in one shot, in order of time. Nobody's cues stand alone."""
    found: dict[tuple[object, int], tuple[str | None, int, list[Stay]]] = {}
    for k, (cue, (width, height)) in enumerate(zip(cues, sizes, strict=True)):
        inner = [
            c for c in scene.cuts[scene.shot(cue.start) : scene.shot(cue.end)] if cue.start + 0.02 < c < cue.end - 0.02
        ]
        for start, end in pairwise((cue.start, *inner, cue.end)):
            shot = scene.shot(start)
            key = (k if cue.person is None else cue.person, shot)
            found.setdefault(key, (cue.person, shot, []))[2].append(Stay(k, start, end, width, height, air=manner.air))
    return found.values()


def _crowded(head: Head, stays: Sequence[Stay], scene: Scene) -> bool:
    """Return whether the face is too small, or one of too many, for a panel at it."""
    if head.tall < max(TINY * scene.height, 12):
        return True
    total = sum(stay.end - stay.start for stay in stays)
    faces = scene.during(stays[0].start, stays[-1].end)
    return sum(face.seen(stay.start, stay.end) for face in faces for stay in stays) > CROWD * total


def _with_tab(stay: Stay, cues: Sequence[Cue], manner: Manner, head: Head | None) -> Stay:
    """Return the stay with room for the speaker's name, where it stands on the panel."""
    wide, tall = manner.tabs.get(cues[stay.cue].person or "", (0, 0))
    seen = head is not None and head.leads(stay)
    if not tall or not stay.width or (seen and not manner.face_tab):
        return stay
    return replace(stay, width=max(stay.width, wide), height=stay.height + tall, tab=tall)


def _settle(
    person: str | None, shot: int, stays: list[Stay], usable: Head | None, head: Head | None, scene: Scene,
    manner: Manner,
    placed: _Placed,
) -> Generator[None, None, None]:  # fmt: skip
    """Choose the homes of the stays, which share a person and a shot, and put their spots into `placed`."""
    if person is not None and person in manner.fixed:
        across, down = manner.fixed[person]
        _commit([Home("low", 0.0, across, down)] * len(stays), stays, head, scene, manner, placed)
        return
    around = [placed.during(stay.start, stay.end) for stay in stays]
    if usable is not None and any(usable.leads(stay) for stay in stays):
        homes = homes_at(usable)
        table = yield from _table(homes, stays, usable, scene, around, manner)
        chosen = _choose(table, stays)
        if not _clear(table, chosen, stays):
            bottoms = _on_top(around, scene)
            homes += low_homes(scene, "low", 2.0, 0.0, [*bottoms, *_on_texts(stays, scene)])
            chosen = _choose((yield from _table(homes, stays, usable, scene, around, manner)), stays, near=False)
        _commit([homes[c] for c in chosen], stays, usable, scene, manner, placed)
        return
    # The face of somebody who is in view must not be pointed out of the picture.
    in_view = manner.low or (head is not None and any(head.leads(stay) for stay in stays))
    sides = [""] * len(stays) if in_view or person is None else [_side(scene, person, shot, s.start) for s in stays]
    for first, after in _runs(sides):
        part, panels = stays[first:after], [placed.during(stay.start, stay.end) for stay in stays[first:after]]
        highest = 0.5 * scene.height if manner.low else 0.0
        homes = low_homes(
            scene, "low" if in_view else "off screen", 0.0, highest, [*_on_top(panels, scene), *_on_texts(part, scene)]
        )
        if sides[first] and max(stay.width for stay in part) + scene.margin <= scene.width:
            part = [replace(stay, width=stay.width + scene.margin) for stay in part]
            homes = edge_homes(scene, sides[first]) + [replace(home, price=home.price + 1.0) for home in homes]
        chosen = _choose((yield from _table(homes, part, head if in_view else None, scene, panels, manner)), part)
        picked = [homes[c] for c in chosen]
        part = [
            stay if home.edge or not sides[first] else replace(stay, width=stays[first + k].width)
            for k, (stay, home) in enumerate(zip(part, picked, strict=True))
        ]
        _commit(picked, part, head if in_view else None, scene, manner, placed)


def _runs(sides: Sequence[str]) -> list[tuple[int, int]]:
    """Return half-open ranges of equal neighbours."""
    edges = [0, *(k for k in range(1, len(sides)) if sides[k] != sides[k - 1]), len(sides)]
    return list(pairwise(edges))


def _side(scene: Scene, person: str, shot: int, t: float) -> str:
    """Return the edge of the frame ("left", "right") behind which the person is at `t`, "" where the clip does not say.

    They were seen on that side in this shot, else at the end of the one before, else at the beginning of the next.
    """
    for number in (shot, shot - 1, shot + 1):
        faces = [face for face in scene.by_shot.get(number, ()) if face.person == person]
        seen = [(face.last > t, abs(at - t), face, at) for face in faces for at in (face.first, face.last)]
        if seen:
            *_, face, at = min(seen, key=lambda one: one[:2])
            box = face.at(at)
            off = float(box[0] + box[2]) / 2 / scene.width - 0.5
            if abs(off) > CENTRED:
                return "left" if off < 0 else "right"
    return ""


def _on_texts(stays: Sequence[Stay], scene: Scene) -> list[float]:
    """Return the lower edges (px) of panels that would stand just above text in the picture."""
    tops = {float(top) for stay in stays for top in scene.texts(stay.start, stay.end)[:, 1]}
    return [top - scene.margin for top in sorted(tops)[-4:]]


def _on_top(around: Sequence[Sequence[Spot]], scene: Scene) -> list[float]:
    """Return the lower edges (px) of panels that would stand just above those on screen."""
    tops = {round(other.at(other.start)[1]) for panels in around for other in panels}
    return [top - scene.margin / 2 - 1.0 for top in sorted(tops)[-8:]]


# --- choosing ---------------------------------------------------------------------------------------------------------


def _table(
    homes: Sequence[Home], stays: Sequence[Stay], head: Head | None, scene: Scene, around: Sequence[Sequence[Spot]],
    manner: Manner,
) -> Generator[None, None, np.ndarray]:  # fmt: skip
    """Return what each home costs in each stay, (homes, stays)."""
    columns = []
    for stay, panels in zip(stays, around, strict=True):
        columns.append(costs(homes, stay, head, scene, panels, manner.still))
        yield
    return np.stack(columns, axis=1)


def _choose(table: np.ndarray, stays: Sequence[Stay], near: bool = True) -> list[int]:
    """Return the home of each stay: one for all, or one up to some stay and another from there.

    Where the homes are `near` each other, one that is clear all the time is always taken. Else a move must cost less,
    and lead from one clear home to another: where everything covers something, moving is no remedy.
    """
    count = table.shape[1]
    clear = _is_clear(table, stays)
    total = table.sum(axis=1)
    if near and clear.all(axis=1).any():
        total = np.where(clear.all(axis=1), total, np.inf)
        return [int(np.argmin(total))] * count
    constant = int(np.argmin(total))
    best, chosen = float(total[constant]), [constant] * count
    before = np.cumsum(table, axis=1)
    after = np.cumsum(table[:, ::-1], axis=1)[:, ::-1]
    for k in range(1, count):
        a, b = int(np.argmin(before[:, k - 1])), int(np.argmin(after[:, k]))
        cost = float(before[a, k - 1] + after[b, k]) + MOVE
        if cost < best and ((clear[a, :k].all() and clear[b, k:].all()) or not np.isfinite(best)):
            best, chosen = cost, [a] * k + [b] * (count - k)
    if not np.isfinite(best):
        return [int(np.argmin(table[:, k])) for k in range(count)]
    return chosen


def _is_clear(table: np.ndarray, stays: Sequence[Stay]) -> np.ndarray:
    """Return in which homes nothing is covered during which stays, (homes, stays)."""
    return np.asarray(table / np.array([max(0.2, stay.end - stay.start) for stay in stays]) < CLEAR)


def _clear(table: np.ndarray, chosen: Sequence[int], stays: Sequence[Stay]) -> bool:
    """Return whether nothing is covered anywhere in the chosen homes, and they are one."""
    clear = _is_clear(table, stays)
    return len(set(chosen)) == 1 and all(clear[c, k] for k, c in enumerate(chosen))


def _commit(
    homes: Sequence[Home], stays: Sequence[Stay], head: Head | None, scene: Scene, manner: Manner, placed: _Placed
) -> None:
    for home, stay in zip(homes, stays, strict=True):
        placed.add(stay.cue, spot(home, stay, head, scene, manner.still))


class _Placed:
    """The spots that are taken, by cue and by second."""

    def __init__(self, cues: Sequence[Cue]) -> None:
        self._cues = cues
        self._spots: list[list[Spot]] = [[] for _ in cues]
        self._by_second: dict[int, list[tuple[int, int]]] = {}
        self._ended: dict[int, float] = {}  #: by cue: s at which its panel had to go

    def spots(self) -> tuple[tuple[Spot, ...], ...]:
        """Return the spots of every cue in order of time."""
        found = []
        for cue, spots in enumerate(self._spots):
            until = self._ended.get(cue, float("inf"))
            own = sorted((one for one in spots if one.start < until), key=lambda one: one.start)
            found.append(tuple(own or spots[:1]))
        return tuple(found)

    def during(self, start: float, end: float) -> list[Spot]:
        """Return the spots whose text is needed at some time between `start` and `end`, the newest last.

        What is only held for comfort makes room: it was read by then, and ends as a newer panel comes over it.
        """
        found = {key for second in range(int(start), int(end) + 1) for key in self._by_second.get(second, ())}
        spots = [self._text(cue, k, needed=True) for cue, k in found]
        alive = [one for one in spots if one.width and one.start < end and one.end > start]
        return sorted(alive, key=lambda one: one.start)[-MOST_PANELS:]

    def add(self, cue: int, new: Spot) -> None:
        """Take `new` for the cue. Of two panels that would lie over each other the older ends as the newer begins."""
        if new.width:
            end = min(new.end, self._cues[cue].text_end)
            for second in range(int(new.start), int(end) + 1):
                for other, k in list(self._by_second.get(second, ())):
                    old = self._text(other, k)
                    if old.start < end and old.end > new.start and _covers(new, old, end):
                        if old.start <= new.start:
                            self._end(other, k, new.start)
                        else:
                            new = replace(new, end=min(new.end, max(new.start, old.start)))
                            end = min(end, new.end)
                keys = self._by_second.setdefault(second, [])
                keys.append((cue, len(self._spots[cue])))
                if len(keys) > 2 * MOST_PANELS:
                    self._end(*keys.pop(0), new.start)
        self._spots[cue].append(new)

    def _text(self, cue: int, k: int, needed: bool = False) -> Spot:
        one = self._spots[cue][k] if k < len(self._spots[cue]) else None
        if one is None:
            return Spot(0.0, 0.0, 0, 0, "", np.zeros(2), np.zeros(2), np.zeros(2))
        end = min(one.end, self._cues[cue].text_end, self._ended.get(cue, one.end))
        end = min(end, self._cues[cue].read_by) if needed else end
        return one if end == one.end else replace(one, end=max(end, one.start))

    def _end(self, cue: int, k: int, t: float) -> None:
        if k < len(self._spots[cue]):
            old = self._spots[cue][k]
            self._spots[cue][k] = replace(old, end=max(old.start, min(old.end, t)))
            self._ended[cue] = min(t, self._ended.get(cue, t))


def _covers(new: Spot, old: Spot, end: float) -> bool:
    """Return whether a twentieth of the older panel or more is ever under the new one, which is there until `end`."""
    start, end = max(new.start, old.start), min(end, old.end)
    if start >= end:
        return False
    times = np.linspace(start, end, max(2, min(40, int((end - start) / 0.1) + 1)))
    a, b = new.boxes(times), old.boxes(times)
    wide = np.minimum(a[:, 2], b[:, 2]) - np.maximum(a[:, 0], b[:, 0])
    tall = np.minimum(a[:, 3], b[:, 3]) - np.maximum(a[:, 1], b[:, 1])
    shared = np.maximum(0, wide) * np.maximum(0, tall)
    return float(shared.max()) > COVERED * old.width * old.height
