"""Stages side by side, each in a thread of its own."""

from __future__ import annotations

import contextlib
import contextvars
import threading
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Generic, TypeVar

from pipeline.progress import finish
from pipeline.records import Progress, Stage

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _End(Generic[T]):
    """How a stage ended: with a result, with an error, or, with neither, because it was stopped."""

    name: str
    result: T | None = None
    error: BaseException | None = None


class _Stopped(BaseException):
    """Raised inside a stage, at its next step, that nobody waits for any more."""


def _run(name: str, stage: Stage[T], stop: threading.Event, steps: SimpleQueue[Progress | _End[T]]) -> None:
    """Put every step of `stage` and then its end into `steps`; once `stop` is set the stage ends at its next step."""

    def see(step: Progress) -> None:
        if stop.is_set():
            raise _Stopped
        steps.put(step)

    try:
        steps.put(_End(name, finish(stage, see)))
    except _Stopped:
        steps.put(_End(name))
    except BaseException as error:
        steps.put(_End(name, error=error))


def alone(name: str, stage: Stage[T]) -> Stage[T]:
    """Run `stage`, whose result is not None, in one thread of its own, whatever threads ask for its steps."""
    result: T | None = None
    with contextlib.closing(beside({name: stage})) as steps:
        for step in steps:
            if isinstance(step, Progress):
                yield step
            else:
                result = step
    assert result is not None
    return result


def beside(stages: Mapping[str, Stage[T]], *, wait_for: str = "") -> Generator[Progress | T, None, None]:
    """The steps of all `stages` as they come, and the result of each when it ends.

    An error ends the other stages at their next step, but for the one named `wait_for`, whose result is yielded first;
    then the error is raised. Closing ends all. No thread is left when this generator is over.
    """
    steps: SimpleQueue[Progress | _End[T]] = SimpleQueue()
    stop = {name: threading.Event() for name in stages}

    # A copy of the context each: whose request this is (gradio, spaces) is known by it.
    threads = [
        threading.Thread(target=contextvars.copy_context().run, args=(_run, name, stage, stop[name], steps), name=name)
        for name, stage in stages.items()
    ]
    for thread in threads:
        thread.start()
    failure: BaseException | None = None
    try:
        left = set(stages)
        while left:
            step = steps.get()
            if not isinstance(step, _End):
                yield step
                continue
            left.discard(step.name)
            if step.error is not None:
                failure = failure or step.error
                for name in left - ({wait_for} if step.name != wait_for else set()):
                    stop[name].set()
            elif step.result is not None:
                yield step.result
        if failure is not None:
            raise failure
    finally:
        for event in stop.values():
            event.set()
        for thread in threads:
            thread.join()
