"""How far a run is, and how long it still takes."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Generator
from typing import TypeVar

from pipeline.records import Progress, Stage

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


def finish(stage: Stage[T], see: Callable[[Progress], object] | None = None) -> T:
    """Run `stage` to its end, show every progress to `see`, and return the result. The stage is closed whatever happens."""
    try:
        while True:
            step = next(stage)
            if see is not None:
                see(step)
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        stage.close()


class Clock:
    """Fills in `Progress.overall` and `Progress.seconds_left` for a run of the given stages.

    The share done is by what `EXPECTED` says of each stage. What is left is what `EXPECTED` says, times how fast this machine was on the stages that are done, or, inside a
    stage that has got somewhere, what its own pace says.
    """

    def __init__(self, stages: tuple[str, ...], duration: float = 0.0) -> None:
        self.stages, self.duration = stages, duration  #: duration of the clip, s
        self._stage, self._started = stages[0], time.monotonic()
        self._took: dict[str, float] = {}
        self._overall = 0.0

    def mark(self, progress: Progress) -> Progress:
        """The same progress with the figures of the whole run; `overall` never goes back."""
        now = time.monotonic()
        if progress.stage in self.stages and self.stages.index(progress.stage) > self.stages.index(self._stage):
            self._took[self._stage] = now - self._started
            self._stage, self._started = progress.stage, now
        index = self.stages.index(self._stage)
        fraction = progress.fraction if progress.stage == self._stage else 0.0
        share = sum(map(self._expected, self.stages[:index])) + fraction * self._expected(self._stage)
        self._overall = max(self._overall, min(1.0, share / sum(map(self._expected, self.stages))))
        # A stage that took next to nothing came from the cache and says nothing about this machine.
        worked = {s: took for s, took in self._took.items() if took > 0.1 * self._expected(s)}
        expected = sum(map(self._expected, worked))
        pace = min(5.0, max(0.2, sum(worked.values()) / expected)) if expected > 2.0 else 1.0
        here = now - self._started
        current = here / fraction if fraction > 0.15 else max(self._expected(self._stage) * pace, here * 1.1)
        later = sum(map(self._expected, self.stages[index + 1 :])) * pace
        return dataclasses.replace(progress, overall=self._overall, seconds_left=max(0.0, current - here) + later)

    def follow(self, work: Generator[Progress, None, T]) -> Generator[Progress, None, T]:
        """`work` with every progress marked."""
        try:
            while True:
                yield self.mark(next(work))
        except StopIteration as stop:
            return stop.value
        finally:
            work.close()

    def _expected(self, stage: str) -> float:
        fixed, per_second = EXPECTED[stage]
        return fixed + per_second * self.duration
