"""Processes of this machine that work on tasks, one task each at a time.

`concurrent.futures` gives up all workers when one of them is killed, and with them every task in the middle of its
work. Here each worker has a pipe of its own: one that dies costs the task it had, which another worker takes again.

Where the system allows it, the workers share out the processor's cores. Otherwise the threads of every worker's models
would compete for all of them: two workers on two cores took 1.2 times as long as one.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections import Counter, deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any, TypeVar

from pipeline.cores import usable
from pipeline.errors import MediaError
from pipeline.records import Progress, Stage

T = TypeVar("T")
R = TypeVar("R")

Work = Callable[[T], Stage[R]]

TRIES = 2  #: a task whose worker was killed so often is what kills it
BEGINS = 0.0  #: the share of a task that a worker is given
GRACE_S = 10.0  #: for a worker to remove what is half written


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    pipe: Connection
    number: int  #: which of the workers, from 0; one that takes the place of another has its number
    task: int | None = None


def work(
    tasks: Sequence[T], maker: Callable[[], Work[T, R]], workers: int
) -> Generator[tuple[int, float | R | Exception], None, None]:
    """Yield (index, share done) while tasks are worked on, and (index, result or error) as each ends.

    `maker` is called once in each process and returns what works on a task; it, the tasks and the results are pickled.
    A share is a float, so a result must not be one. A task whose process was killed `TRIES` times ends in a MediaError,
    and what `maker` raises is the error of every task.
    Closing the generator ends every process.
    """
    left, tries = deque(range(len(tasks))), Counter[int]()
    crew: list[_Worker] = []
    try:
        while left or any(worker.task is not None for worker in crew):
            while left and len(crew) < workers:
                number = min(set(range(workers)) - {worker.number for worker in crew})
                crew.append(_started(maker, number, _cores(number, workers)))
            for worker in crew:
                if worker.task is None and left:
                    worker.task = left.popleft()
                    tries[worker.task] += 1
                    yield worker.task, BEGINS
                    with contextlib.suppress(OSError):  # it has died: told below
                        worker.pipe.send(tasks[worker.task])
            for pipe in wait([worker.pipe for worker in crew]):
                worker = next(w for w in crew if w.pipe is pipe)
                try:
                    said = worker.pipe.recv()
                except (EOFError, OSError):
                    crew.remove(worker)
                    _end([worker])
                    if worker.task is None:
                        continue
                    if tries[worker.task] < TRIES:
                        left.appendleft(worker.task)
                    else:
                        yield worker.task, MediaError(_killed(worker))
                    continue
                assert worker.task is not None
                task = worker.task
                if not isinstance(said, float):
                    worker.task = None
                yield task, said
    finally:
        _end(crew)


def _killed(worker: _Worker) -> str:
    return (
        f"The process that worked on this clip was ended from outside {TRIES} times"
        f" (exit status {worker.process.exitcode}), perhaps for want of memory; give fewer --jobs."
    )


def _cores(number: int, workers: int) -> list[int]:
    """Return the cores for worker `number` of `workers`, [] for all; more workers than cores take turns."""
    if not hasattr(os, "sched_setaffinity"):  # macOS
        return []
    known = usable()
    return list(known[number::workers]) or [known[number % len(known)]]


def _started(maker: Callable[[], Work[T, R]], number: int, cores: Sequence[int]) -> _Worker:
    context = multiprocessing.get_context("spawn")  # threads of the models do not survive a fork
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, maker, cores), daemon=False)
    process.start()
    theirs.close()  # so that its end is seen here
    return _Worker(process, ours, number)


def _end(crew: Sequence[_Worker]) -> None:
    """End the workers and wait for them."""
    for worker in crew:
        worker.pipe.close()
        if worker.task is not None:
            worker.process.terminate()
    for worker in crew:
        worker.process.join(GRACE_S)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()


class _Ended(BaseException):
    """The parent asks the worker to end."""


def _asked_to_end(_number: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise _Ended


def _serve(pipe: Connection, maker: Callable[[], Work[Any, Any]], cores: Sequence[int]) -> None:
    """The worker's process: tasks in, shares and results out, until the parent is gone."""
    if cores:
        os.sched_setaffinity(0, cores)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent has it, too, and tells
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _asked_to_end)
    with contextlib.suppress(_Ended, EOFError, BrokenPipeError, ConnectionResetError):
        do = _made(maker)
        while True:
            pipe.send(_done(do, pipe.recv(), pipe))


def _made(maker: Callable[[], Work[Any, Any]]) -> Work[Any, Any]:
    """Return what `maker` makes; where it raises, what raises the same for every task."""
    try:
        return maker()
    except Exception as error:
        raised = error

    def refuse(_: Any) -> Stage[Any]:
        raise raised

    return refuse


def _done(do: Work[Any, Any], task: Any, pipe: Connection) -> Any:
    try:
        return _told(do(task), pipe)
    except (BrokenPipeError, ConnectionResetError):  # the parent is gone
        raise
    except Exception as error:
        return error


def _told(stage: Stage[Any], pipe: Connection) -> Any:
    """Return what the stage returns; its shares go to the parent, which also says so when there is none any more."""
    shown = -1.0
    try:
        while True:
            step: Progress = next(stage)
            share = float(step.overall or 0.0)
            if share - shown >= 0.01:
                shown = share
                pipe.send(share)
    except StopIteration as end:
        return end.value
    finally:
        stage.close()
