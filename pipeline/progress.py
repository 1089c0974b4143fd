"""Progress of a run: the share that is done, and the time that is left."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Generator
from typing import TypeVar

from pipeline.records import Progress

R = TypeVar("R")
S = TypeVar("S")
T = TypeVar("T")

#: stage -> (s fixed, s per second of clip) in order of running: light models on two cores, measured by `make bench`
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
TOGETHER = ("speech", "voices", "faces")  #: stages that run side by side


def each(stage: Generator[S, None, T], change: Callable[[S], R | None]) -> Generator[R, None, T]:
    """Return `stage` with `change` applied to every step.

    Steps for which `change` returns None are left out. Closing the result closes `stage`.
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
    """Run `stage` to its end, call `see` with every step, and return the result; the stage is always closed."""
    try:
        while True:
            see(next(stage))
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        stage.close()


ENOUGH_S = 2.0  #: s of expected work that must be done before the machine's pace can be estimated


class Clock:
    """Fills in `Progress.overall` and `Progress.seconds_left` for a run of the given stages.

    The share that is done is weighted by the `EXPECTED` time of each stage. The time left is the expected time of the
    rest, times the pace of this machine so far; it is None until that pace is known. It never rises: if it turns out to
    be too short, it falls more slowly, so that it reaches zero when the run ends.
    """

    def __init__(self, stages: tuple[str, ...], duration: float = 0.0) -> None:
        self.stages, self.duration = stages, duration  #: duration of the clip, s
        self._done = dict.fromkeys(stages, 0.0)  # fraction of each
        self._worked: set[str] = set()  # stages that reported a step before their end; others came from a cache
        self._last = time.monotonic()
        self._busy = 0.0  # s of work on the stages
        self._overall = 0.0
        self._messages: dict[str, str] = {}
        self._told: tuple[float, float] | None = None  # time of the last estimate, and s left by that estimate

    def mark(self, progress: Progress) -> Progress:
        """Return the progress with the figures of the whole run; `overall` never falls.

        Of stages that run side by side, the first that is not done yet is named.
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
        """Return `work` with every progress marked."""
        return each(work, self.mark)

    def _left(self) -> float | None:
        """Return the seconds left, None before this machine has worked long enough to be measured."""
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
