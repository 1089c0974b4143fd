"""Who is who in several parts of a recording, each divided into people on its own.

The question is that of `partition`, with the people of a part in the place of turns and tracks, and is weighed with
the same statistics of voices and faces. In the time that two parts share, whoever says the same or is seen in the same
place is the same.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline.people.likeness import LEAST_NOISE, Grouping
from pipeline.people.parameters import FACE_LIKENESS, VOICE_LIKENESS, Parameters
from pipeline.people.scene import samples
from pipeline.records import Attribution, Box, Diarization, Faces, FaceTrack, Likeness, Turn

Vector = tuple[float, ...]
Span = tuple[float, float]

#: Share of the area of two boxes together that they must have in common to be the box of one face.
SAME_PLACE = 0.5
#: Log-odds that are beyond doubt: two faces in one picture.
BESIDE = 100.0


@dataclass(frozen=True, slots=True)
class Profile:
    """What is known of one person of one part."""

    voice: Vector = ()  #: mean of the turns, unit length; empty where nothing was heard
    voice_s: float = 0.0  #: s of sound behind it
    face: Vector = ()  #: mean of the tracks, unit length; empty where nothing was seen
    face_s: float = 0.0
    quality: float = 0.0  #: of the best face, 0..1
    spoken: tuple[Span, ...] = ()  #: when the person speaks, s of the recording
    seen: tuple[tuple[Box, ...], ...] = ()  #: the boxes of each track, s of the recording
    speaks: bool = True  #: False for a face that is silent in this part


@dataclass(frozen=True, slots=True)
class Part:
    """The people of one part of a recording."""

    start: float  #: s of the recording
    end: float
    people: Mapping[str, Profile] = field(default_factory=dict)  #: by the id of a person, or of a face that is silent


@dataclass(frozen=True, slots=True)
class Statistics:
    """How alike the voices and the faces of all parts are."""

    voices: Likeness = VOICE_LIKENESS
    faces: Likeness = FACE_LIKENESS

    @classmethod
    def of(cls, found: Iterable[tuple[Likeness | None, Likeness | None]]) -> Statistics:
        """Return those of the first part that has any, of the voices and of the faces."""
        known = list(found)
        return cls(
            next((voices for voices, _ in known if voices), VOICE_LIKENESS),
            next((faces for _, faces in known if faces), FACE_LIKENESS),
        )


def profiles(diarization: Diarization, faces: Faces, answer: Attribution, start: float = 0.0) -> dict[str, Profile]:
    """Return what is known of everybody in `answer`, which was made from `diarization` and `faces`.

    `start` is where the part begins in the recording, s. Faces that do not speak are there by the id of the face.
    """
    turns: dict[str, list[Turn]] = {person.id: [] for person in answer.people}
    for turn in diarization.turns:
        owner = _owner(turn, answer)
        if owner is not None:
            turns[owner].append(turn)
    tracks: dict[str, list[FaceTrack]] = {}
    seen = sorted(faces.tracks, key=lambda track: (track.boxes[0].t, track.id))  # the order of `answer.tracks`
    for track, drawn in zip(seen, answer.tracks, strict=True):
        tracks.setdefault(drawn.person or drawn.face, []).append(track)
    found = {}
    for name in dict.fromkeys([*turns, *tracks]):
        heard, shown = turns.get(name, []), tracks.get(name, [])
        voice, voice_s = mean(
            [(turn.embedding, turn.clean_s or turn.end - turn.start) for turn in heard],
            diarization.likeness or VOICE_LIKENESS,
        )
        face, face_s = mean(
            [(track.embedding, min(5.0, track.boxes[-1].t - track.boxes[0].t) + 0.2) for track in shown],
            faces.likeness or FACE_LIKENESS,
        )
        found[name] = Profile(
            voice, voice_s, face, face_s, max((track.quality for track in shown), default=0.0),
            tuple((turn.start + start, turn.end + start) for turn in answer.turns if turn.person == name),
            tuple(tuple(_moved(box, start) for box in track.boxes) for track in shown),
            name in turns,
        )  # fmt: skip
    return found


def _owner(turn: Turn, answer: Attribution) -> str | None:
    """Return the person who speaks most of the turn, None where nobody does."""
    spoken: dict[str, float] = {}
    for other in answer.turns:
        shared = min(turn.end, other.end) - max(turn.start, other.start)
        if shared > 0:
            spoken[other.person] = spoken.get(other.person, 0.0) + shared
    return max(spoken, key=lambda person: spoken[person], default=None)


def mean(samples: Iterable[tuple[Vector, float]], likeness: Likeness) -> tuple[Vector, float]:
    """Return the mean of embeddings, each weighted by its precision, unit length, and the s behind it."""
    known = [(np.array(vector), seconds) for vector, seconds in samples if vector and seconds > 0]
    if not known:
        return (), 0.0
    noise = max(LEAST_NOISE, 1 - likeness.same)
    weights = [1 / (noise + likeness.per_second / max(seconds, 0.1)) for _, seconds in known]
    total = np.array(weights) @ np.array([vector for vector, _ in known])
    size = float(np.linalg.norm(total))
    if size < 1e-9:
        return (), 0.0
    return tuple(float(value) for value in total / size), sum(seconds for _, seconds in known)


def _moved(box: Box, start: float) -> Box:
    return Box(box.t + start, box.left, box.top, box.right, box.bottom)


# --- joining ----------------------------------------------------------------------------------------------------------


def join(
    parts: Sequence[Part],
    statistics: Statistics,
    speakers: int | None = None,
    parameters: Parameters | None = None,
) -> list[dict[int, str]]:
    """Return everybody in the recording: for each the id they have in the parts (by index) in which they are.

    Two people of one part stay two. `speakers` is the number of people who speak, where it is known.
    """
    joining = _Joining(parts, statistics, parameters or Parameters())
    joining.join()
    if speakers:
        joining.join(speakers)
    return [dict(group.members) for group in joining.groups]


@dataclass(frozen=True, slots=True)
class _Group:
    """Some people of different parts who are one."""

    members: tuple[tuple[int, str], ...]
    index: tuple[int, ...]  #: of each among all people
    parts: frozenset[int]
    speaks: bool

    def __or__(self, other: _Group) -> _Group:
        return _Group(
            tuple(sorted(self.members + other.members)),
            tuple(sorted(self.index + other.index)),
            self.parts | other.parts,
            self.speaks or other.speaks,
        )


class _Joining:
    """Joins the two groups that gain most by it, again and again."""

    def __init__(self, parts: Sequence[Part], statistics: Statistics, parameters: Parameters) -> None:
        self.parameters = parameters
        keys = [(n, name) for n, part in enumerate(parts) for name in part.people]
        people = [parts[n].people[name] for n, name in keys]
        self.voices = Grouping(*samples([(p.voice, p.voice_s) for p in people]), statistics.voices, parameters.unusual)
        self.faces = Grouping(*samples([(p.face, p.face_s) for p in people]), statistics.faces, parameters.unusual)
        self.links = {
            (a, b): link(people[a], people[b], (parts[keys[b][0]].start, parts[keys[a][0]].end), parameters)
            for a in range(len(people))
            for b in range(a + 1, len(people))
            if keys[b][0] == keys[a][0] + 1 and parts[keys[b][0]].start < parts[keys[a][0]].end
        }
        self.groups = [
            _Group((key,), (n,), frozenset((key[0],)), person.speaks)
            for n, (key, person) in enumerate(zip(keys, people, strict=True))
        ]
        self._alone: dict[tuple[int, ...], float] = {}

    def join(self, speakers: int | None = None) -> None:
        """Join groups as long as that makes them more likely; with `speakers`, people until no more of them speak."""
        groups = dict(enumerate(self.groups))
        waiting = [
            (-gain, a, b)
            for a, b in itertools.combinations(groups, 2)
            if (gain := self._gain(groups[a], groups[b])) > -np.inf
        ]
        heapq.heapify(waiting)
        while waiting:
            cost, a, b = heapq.heappop(waiting)
            if a not in groups or b not in groups:
                continue
            if speakers is None and cost >= 0:
                break
            if speakers is not None and sum(group.speaks for group in groups.values()) <= speakers:
                break
            if speakers is not None and not (groups[a].speaks and groups[b].speaks):
                continue
            new, number = groups.pop(a) | groups.pop(b), max(b, *groups, len(self.groups)) + 1
            for n, other in groups.items():
                if (gain := self._gain(other, new)) > -np.inf:
                    heapq.heappush(waiting, (-gain, n, number))
            groups[number] = new
        self.groups = sorted(groups.values(), key=lambda group: group.index)

    def _gain(self, a: _Group, b: _Group) -> float:
        """Return by how much the log-probability rises when both are one person."""
        if a.parts & b.parts:
            return -np.inf
        index = tuple(sorted(a.index + b.index))
        gain = self._likeness(index) - self._likeness(a.index) - self._likeness(b.index)
        gain += sum(self.links.get((min(m, n), max(m, n)), 0.0) for m in a.index for n in b.index)
        # One person less, to whom the diarizer gave two labels: +1. With 0 to 1.5 the recorded and composed clips,
        # taken as parts, gave nearly the same people; with 4, which leaves the labels out and counts faces, too,
        # strangers were joined.
        if a.speaks and b.speaks:
            gain -= self.parameters.new_voice + self.parameters.other_label
        return gain

    def _likeness(self, index: tuple[int, ...]) -> float:
        if index not in self._alone:
            self._alone[index] = self.voices.log_odds(index) + self.faces.log_odds(index)
        return self._alone[index]


def link(a: Profile, b: Profile, shared: Span, parameters: Parameters) -> float:
    """Return the log-odds that `a` and `b` of two parts are one by what they do in the time `shared` by both parts."""
    before, after = _clipped(a.spoken, shared), _clipped(b.spoken, shared)
    both = sum(max(0.0, min(x[1], y[1]) - max(x[0], y[0])) for x in before for y in after)
    lengths = [sum(end - start for start, end in spans) for spans in (before, after)]
    value = 0.0
    if a.speaks and b.speaks:
        value += parameters.label_per_second * (2 * both - max(lengths))
    together, apart = _meeting(a.seen, b.seen, shared)
    if apart > together:
        return value - BESIDE
    return value + parameters.label_per_second * together


def _clipped(spans: Iterable[Span], to: Span) -> list[Span]:
    return [(max(start, to[0]), min(end, to[1])) for start, end in spans if start < to[1] and end > to[0]]


def _meeting(a: Iterable[Sequence[Box]], b: Sequence[Sequence[Box]], shared: Span) -> tuple[float, float]:
    """Return the s in which both are seen in one place, and in two."""
    together = apart = 0.0
    for first in a:
        for second in b:
            start = max(first[0].t, second[0].t, shared[0])
            end = min(first[-1].t, second[-1].t, shared[1])
            if end <= start:
                continue
            times = np.arange(start, end, 0.2) + 0.1 * min(1.0, end - start)
            same = int((_common(_boxes_at(first, times), _boxes_at(second, times)) > SAME_PLACE).sum())
            together += (end - start) * same / len(times)
            apart += (end - start) * (len(times) - same) / len(times)
    return together, apart


def _boxes_at(boxes: Sequence[Box], times: np.ndarray) -> np.ndarray:
    """Return left, top, right, bottom at each time: (times, 4)."""
    own = np.array([[box.t, box.left, box.top, box.right, box.bottom] for box in boxes])
    return np.stack([np.interp(times, own[:, 0], own[:, column]) for column in range(1, 5)], axis=1)


def common_share(a: Sequence[Box], b: Sequence[Box]) -> float:
    """Return the mean intersection over union of boxes, one by one."""
    one, other = (np.array([[x.left, x.top, x.right, x.bottom] for x in boxes]) for boxes in (a, b))
    return float(_common(one, other).mean())


def _common(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the intersection over union of boxes: (n,)."""
    sides = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    inside = np.maximum(sides, 0.0).prod(1)
    areas = [(box[:, 2:] - box[:, :2]).clip(0.0).prod(1) for box in (a, b)]
    return np.asarray(inside / np.maximum(areas[0] + areas[1] - inside, 1e-9))
