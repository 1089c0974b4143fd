"""Processes of this machine that work on clips, one clip each at a time.

`concurrent.futures` gives up all workers when one of them is killed, and with them every clip in the middle of its
work. Here each worker has a pipe of its own: one that dies costs the clip it had, which another worker takes again.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
from collections import Counter, deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any

from pipeline.batch.jobs import Job
from pipeline.batch.work import Analyse, Draw, Load, Outcome, failed
from pipeline.errors import MediaError
from pipeline.progress import ANALYSE, RENDER, Clock
from pipeline.records import Progress, Stage
from pipeline.settings import Settings

TRIES = 2  #: a clip whose worker was killed so often is what kills it
BEGINS = 0.0  #: the share of a clip that a worker is given
GRACE_S = 10.0  #: for a worker to remove what is half written


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    pipe: Connection
    task: tuple[Job, str] | None = field(default=None)


def work(
    tasks: Sequence[tuple[Job, str]], settings: Settings, load: Load, workers: int, *, count: bool = False
) -> Generator[tuple[Job, float | int | Outcome], None, None]:
    """Yield (job, share done) while the clips are worked on, and (job, outcome) as each ends.

    With `count` nothing is translated or drawn, and the outcome of a clip that did not fail is its characters, an int;
    a share is a float. `tasks` are jobs with their keys. Closing the generator ends every worker.
    """
    left, tries = deque(tasks), Counter[str]()
    crew: list[_Worker] = []
    try:
        while left or any(worker.task for worker in crew):
            while left and len(crew) < workers:
                crew.append(_started(settings, load, count))
            for worker in crew:
                if worker.task is None and left:
                    worker.task = left.popleft()
                    tries[worker.task[0].name] += 1
                    yield worker.task[0], BEGINS
                    with contextlib.suppress(OSError):  # it has died: told below
                        worker.pipe.send(worker.task)
            for pipe in wait([worker.pipe for worker in crew]):
                worker = next(w for w in crew if w.pipe is pipe)
                try:
                    said = worker.pipe.recv()
                except (EOFError, OSError):
                    crew.remove(worker)
                    _end([worker])
                    if worker.task is None:
                        continue
                    job = worker.task[0]
                    if tries[job.name] < TRIES:
                        left.appendleft(worker.task)
                    else:
                        yield job, failed(job, MediaError(_killed(worker)))
                    continue
                assert worker.task is not None
                job = worker.task[0]
                if not isinstance(said, float):
                    worker.task = None
                yield job, said
    finally:
        _end(crew)


def _killed(worker: _Worker) -> str:
    return (
        f"The process that worked on this clip was ended from outside {TRIES} times"
        f" (exit status {worker.process.exitcode}), perhaps for want of memory; give fewer --jobs."
    )


def _started(settings: Settings, load: Load, count: bool) -> _Worker:
    context = multiprocessing.get_context("spawn")  # threads of the models do not survive a fork
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, settings, load, count), daemon=False)
    process.start()
    theirs.close()  # so that its end is seen here
    return _Worker(process, ours)


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
    """The driver asks the worker to end."""


def _asked_to_end(_number: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise _Ended


def _serve(pipe: Connection, settings: Settings, load: Load, count: bool) -> None:
    """The worker's process: jobs in, shares and outcomes out, until the driver is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the driver has it, too, and tells
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _asked_to_end)
    with contextlib.suppress(_Ended, EOFError, BrokenPipeError, ConnectionResetError):
        analyse, draw = Analyse(settings, load), Draw(settings)
        while True:
            job, key = pipe.recv()
            pipe.send(_done(job, key, analyse, draw, pipe, count))


def _done(job: Job, key: str, analyse: Analyse, draw: Draw, pipe: Connection, count: bool) -> int | Outcome:
    clock = Clock(ANALYSE + RENDER)
    stage = analyse.count(job) if count else _both(job, key, analyse, draw, clock)
    try:
        return _told(stage, pipe)
    except (BrokenPipeError, ConnectionResetError):  # the driver is gone
        raise
    except Exception as error:
        return failed(job, error)


def _both(job: Job, key: str, analyse: Analyse, draw: Draw, clock: Clock) -> Stage[Outcome]:
    analysis = yield from analyse(job, clock)
    return (yield from draw(job, analysis, key, clock))


def _told(stage: Stage[Any], pipe: Connection) -> Any:
    """Return what the stage returns; its shares go to the driver, which also says so when there is none any more."""
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
