"""How far a run is, and how long it still takes."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Generator
from typing import TypeVar

from pipeline.records import Progress

R = TypeVar("R")
S = TypeVar("S")
T = TypeVar("T")

#: stage -> (s fixed, s per second of clip), light models on two cores; measured by `make bench`, in order of running
EXPECTED = {
    "probe": (0.3, 0.01),
    "speech": (2.0, 0.15),
    "voices": (1.5, 0.04),
    "faces": (2.0, 0.20),
    "people": (0.1, 0.0),
    "translate": (1.0, 0.02),
    "render": (0.5, 0.30),
}
ANALYSE = ("probe", "speech", "voices", "faces", "people", "translate")
RENDER = ("render",)
TOGETHER = ("speech", "voices", "faces")  #: run side by side


def each(stage: Generator[S, None, T], change: Callable[[S], R | None]) -> Generator[R, None, T]:
    """`stage` with every step made another by `change`, and without those it makes None of. Closing closes the
    stage.
    """
    try:
        while True:
            step = change(next(stage))
            if step is not None:
                yield step
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        stage.close()


def finish(stage: Generator[S, None, T], see: Callable[[S], object] = lambda step: None) -> T:
    """Run `stage` to its end, show every step to `see`, and return the result. The stage is closed whatever happens."""
    try:
        while True:
            see(next(stage))
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        stage.close()


ENOUGH_S = 2.0  #: s of expected work after which a machine's pace is known


class Clock:
    """Fills in `Progress.overall` and `Progress.seconds_left` for a run of the given stages.

    The share done is by what `EXPECTED` says of each stage. What is left is what `EXPECTED` says of the rest, times how
    fast this machine was on what it has worked on so far; nothing is said before that is known. It only ever falls:
    where it turns out to be too short, it falls more slowly, so that both end together.
    """

    def __init__(self, stages: tuple[str, ...], duration: float = 0.0) -> None:
        self.stages, self.duration = stages, duration  #: duration of the clip, s
        self._done = dict.fromkeys(stages, 0.0)  # fraction of each
        self._worked: set[str] = set()  # stages that said something in their middle: the others came from a cache
        self._last = time.monotonic()
        self._busy = 0.0  # s of work on the stages
        self._overall = 0.0
        self._messages: dict[str, str] = {}
        self._told: tuple[float, float] | None = None  # when, and what was said to be left then, both s

    def mark(self, progress: Progress) -> Progress:
        """The same progress with the figures of the whole run; `overall` never goes back.

        Of stages that run side by side the first that is not done yet is the one that is named.
        """
        now = time.monotonic()
        spent, self._last = now - self._last, now
        stage = progress.stage
        if stage not in self.stages:
            return dataclasses.replace(progress, overall=self._overall, seconds_left=self._left())
        self._busy += spent
        if 0.0 < progress.fraction < 1.0:
            self._worked.add(stage)
        for earlier in self.stages[: self.stages.index(stage)]:
            if not (earlier in TOGETHER and stage in TOGETHER):
                self._done[earlier] = 1.0
        self._done[stage] = max(self._done[stage], progress.fraction)
        self._messages[stage] = progress.message
        total = sum(map(self._expected, self.stages))
        share = sum(fraction * self._expected(name) for name, fraction in self._done.items())
        self._overall = max(self._overall, min(1.0, share / total))
        named = stage
        if stage in TOGETHER:
            named = next((name for name in self.stages if name in TOGETHER and self._done[name] < 1.0), stage)
        return dataclasses.replace(
            progress, stage=named, fraction=self._done[named], message=self._messages.get(named, ""),
            overall=self._overall, seconds_left=self._left(),
        )  # fmt: skip

    def follow(self, work: Generator[Progress, None, T]) -> Generator[Progress, None, T]:
        """`work` with every progress marked."""
        return each(work, self.mark)

    def _left(self) -> float | None:
        """The seconds to say, None before this machine has worked enough to be measured."""
        done = sum(self._done[name] * self._expected(name) for name in self._worked)
        if done <= ENOUGH_S:
            return None
        pace = min(5.0, max(0.2, self._busy / done))
        left = pace * sum((1.0 - fraction) * self._expected(name) for name, fraction in self._done.items())
        if self._told is not None:
            at, told = self._told
            left = min(left, max(0.0, told - (self._last - at) * min(1.0, told / max(left, 1e-6))))
        self._told = (self._last, left)
        return left

    def _expected(self, stage: str) -> float:
        fixed, per_second = EXPECTED[stage]
        return fixed + per_second * self.duration
