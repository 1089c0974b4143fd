"""The two callables of a batch in processes of this machine, one clip each at a time."""

from __future__ import annotations

import functools
from collections.abc import Generator, Sequence
from contextlib import closing

from pipeline import processes
from pipeline.batch.jobs import Job
from pipeline.batch.work import Analyse, Draw, Load, Outcome, failed
from pipeline.processes import BEGINS as BEGINS
from pipeline.progress import ANALYSE, RENDER, Clock
from pipeline.records import Stage
from pipeline.settings import Settings

Task = tuple[Job, str]  #: a job with its key


def work(
    tasks: Sequence[Task], settings: Settings, load: Load, workers: int, *, count: bool = False
) -> Generator[tuple[Job, float | int | Outcome], None, None]:
    """Yield (job, share done) while the clips are worked on, and (job, outcome) as each ends.

    With `count` nothing is translated or drawn, and the outcome of a clip that did not fail is its characters, an int;
    a share is a float. Where there are fewer clips than `workers`, the windows of long recordings get the others.
    Closing the generator ends every worker.
    """
    spare = max(1, workers // max(1, len(tasks)))
    maker = functools.partial(_Both, settings, load, count, spare)
    with closing(processes.work(tasks, maker, workers)) as working:
        for index, said in working:
            job = tasks[index][0]
            yield job, failed(job, said) if isinstance(said, Exception) else said


class _Both:
    """Analyses a clip and draws it, or only counts its characters."""

    def __init__(self, settings: Settings, load: Load, count: bool, workers: int) -> None:
        self._analyse, self._draw, self._count = Analyse(settings, load, workers), Draw(settings), count

    def __call__(self, task: Task) -> Stage[int | Outcome]:
        job, key = task
        try:
            if self._count:
                return (yield from self._analyse.count(job))
            clock = Clock(ANALYSE + RENDER)
            analysis = yield from self._analyse(job, clock)
            return (yield from self._draw(job, analysis, key, clock))
        except (BrokenPipeError, ConnectionResetError):  # the driver is gone
            raise
        except Exception as error:
            return failed(job, error)  # here, where a defect has its traceback
