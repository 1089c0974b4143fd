"""Shots, sounds and the truth that follows from them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace

from benchmarks.compose.footage import Take, Talker

#: Where a face is: its centre between two shares of the width, anywhere, or nowhere in the picture.
Place = tuple[float, float] | str | None


@dataclass(frozen=True)
class View:
    """A part of the picture: a person's recording from `start` to `end` s, to and fro where the shot lasts longer."""

    talker: Talker
    start: float
    end: float
    speed: float = 1.0
    still: bool = False  #: only the first frame
    nods: bool = False  #: the picture bobs at 1.3 Hz as a nodding head does
    mirrored: bool = False


#: s of footage of somebody silent below which it is nearly a still picture, and from which it shows somebody listen.
STILL_S, LISTENING_S = 0.2, 1.0


def speaking(talker: Talker, take: Take) -> View:
    """The person while they say `take`."""
    return View(talker, take.start, take.end)


def silent(talker: Talker, **how: bool) -> View:
    """The person while they listen."""
    return View(talker, *talker.idle, **how)


@dataclass(frozen=True)
class Shot:
    """`views` in one picture for `seconds`: in a row, four as two rows of two."""

    seconds: float
    views: tuple[View, ...]
    #: two views, each as wide as the picture, and the camera pans from the first to the second, 1 s, at half time
    pan: bool = False


@dataclass(frozen=True)
class Said:
    """A stretch of one voice, s on the composition's clock, and where its face is meanwhile."""

    start: float
    end: float
    who: str
    place: Place
    text: str


@dataclass
class Composition:
    """One clip to be: what is seen, what is heard, what is true."""

    name: str
    language: str
    size: tuple[int, int] = (640, 360)
    hard: str = ""  #: why nobody should expect the right answer
    shots: list[Shot] = field(default_factory=list)
    sounds: list[tuple[float, Take]] = field(default_factory=list)  #: (s on the clock, what is heard)
    said: list[Said] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return sum(shot.seconds for shot in self.shots)

    @property
    def people(self) -> list[str]:
        """Everybody who is seen or heard."""
        seen = {view.talker.who for shot in self.shots for view in shot.views}
        return sorted((seen | {said.who for said in self.said}) - {""})

    @property
    def reason(self) -> str:
        """Why nobody should expect the right answer, "" where one should."""
        pauses = [
            view.end - view.start
            for shot in self.shots
            for view in shot.views
            if (view.start, view.end) == view.talker.idle and not view.still
        ]
        if any(STILL_S < pause < LISTENING_S for pause in pauses):
            return self.hard or "a listener's picture is a pause of speech played to and fro, in which the mouth moves"
        return self.hard

    def show(self, seconds: float, *views: View, pan: bool = False) -> None:
        self.shots.append(Shot(seconds, views, pan))

    def hear(self, take: Take, at: float, place: Place) -> None:
        """`take` is heard from `at`, and its face is at `place`, if it has one."""
        self.sounds.append((at, take))
        self.state(take.who, at, at + take.seconds, place, take.text)

    def state(self, who: str, start: float, end: float, place: Place, text: str = "") -> None:
        self.said.append(Said(start, end, who, place, text))

    def talk(self, take: Take, *views: View, place: Place) -> None:
        """A shot as long as `take`, which is heard all through it."""
        self.hear(take, self.seconds, place)
        self.show(take.seconds, *views)

    def turns(self) -> list[Said]:
        """What the truth holds: the stretches of at least 0.2 s in which one voice is heard alone, in order of time."""
        edges = sorted({edge for said in self.said for edge in (said.start, said.end)})
        found: list[Said] = []
        source: Said | None = None  # of the last turn found
        told: list[Said] = []
        for start, end in itertools.pairwise(edges):
            sounding = [said for said in self.said if said.start < end - 1e-6 and said.end > start + 1e-6]
            if len(sounding) != 1:
                continue
            (said,) = sounding
            if said is source and found[-1].end == start:
                found[-1] = replace(found[-1], end=end)
            else:
                found.append(replace(said, start=start, end=end, text="" if said in told else said.text))
            told.append(said)
            source = said
        return [said for said in found if said.end - said.start >= 0.2]


def row(count: int, number: int) -> Place:
    """Where the face of cell `number` of `count` in a row is."""
    if count == 1:
        return "any"
    if count == 2:
        return ("left", "right")[number]
    return round(number / count, 3), round((number + 1) / count, 3)
