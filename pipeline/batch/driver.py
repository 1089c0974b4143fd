"""A batch from its beginning to its summary."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from pipeline.batch import pool, records, shared, summary
from pipeline.batch.jobs import Job
from pipeline.batch.table import Table
from pipeline.batch.work import Load, Outcome, failed
from pipeline.deepl_service import Service, Unavailable
from pipeline.errors import PipelineError, QuotaError, UsageError
from pipeline.settings import Settings
from pipeline.terminal import printable
from pipeline.workspace import disk_error


@dataclass(frozen=True, slots=True)
class Batch:
    """What is to be done, and how."""

    jobs: tuple[Job, ...]
    out: Path | str  #: a folder, or an fsspec address
    settings: Settings
    load: Load
    workers: int = 1
    budget: int | None = None  #: characters a paid translator may get; None for no bound
    ray: str | None = None  #: "auto" or the address of a cluster; None for processes of this machine


def run(batch: Batch) -> tuple[Outcome, ...]:
    """Return what became of every clip, in order; what is finished from an earlier run is not done again.

    Raises PipelineError for what concerns the batch as a whole; what is finished by then stays.
    """
    paid = bool(batch.settings.deepl_keys) and any(job.options.target for job in batch.jobs)
    with _locked(batch.out):
        outcomes: dict[str, Outcome] = {}
        tasks = list(_unfinished(batch, paid, outcomes))
        kept = sum(outcome.status == "done" for outcome in outcomes.values())
        if kept:
            print(f"{kept} of {len(batch.jobs)} clips are finished from an earlier run.", file=sys.stderr)
        try:
            if tasks and paid:
                _check_keys(batch.settings)
                tasks = _within_budget(tasks, batch, outcomes)
            for job, said in _shown(tasks, batch, count=False):
                if isinstance(said, Outcome):
                    outcomes[job.name] = said
        finally:
            rows = tuple(outcomes[job.name] for job in batch.jobs if job.name in outcomes)
            if rows:
                summary.write(batch.out, rows)
        return rows


def _unfinished(batch: Batch, paid: bool, outcomes: dict[str, Outcome]) -> Iterator[tuple[Job, str]]:
    """Yield the jobs that are to be done, with their keys; the outcomes of the others go into `outcomes`."""
    names = batch.load(batch.settings).names
    for job in batch.jobs:
        try:
            key = job.key(names, paid)
        except PipelineError as error:
            outcomes[job.name] = failed(job, error)
            print(f"{printable(job.name)}: {printable(error)}", file=sys.stderr)
            continue
        known = shared.finished(job.address, key) if job.address else records.finished(job.out, key)
        if known is None:
            yield job, key
        else:
            outcomes[job.name] = Outcome(**known)


def _check_keys(settings: Settings) -> None:
    """A key that is refused or used up is known before any model runs.

    Raises KeyRefusedError, QuotaError.
    """
    service = Service(settings.deepl_keys, settings.deepl_server)
    try:
        service.check(needed=1)
    except Unavailable:
        pass  # it may be back when the clips are analysed
    finally:
        service.close()


def _within_budget(tasks: list[tuple[Job, str]], batch: Batch, outcomes: dict[str, Outcome]) -> list[tuple[Job, str]]:
    """Return the tasks that could be analysed, once it is known that all their characters together fit the budget.

    Raises QuotaError where they do not; nothing was sent then.
    """
    characters: dict[str, int] = {}
    for job, said in _shown(tasks, batch, count=True):
        if isinstance(said, Outcome):
            outcomes[job.name] = said
        elif not isinstance(said, float):
            characters[job.name] = said
    total = sum(characters.values())
    print(f"{len(characters)} clips have {total:,} characters to translate.", file=sys.stderr)
    if batch.budget is not None and total > batch.budget:
        raise QuotaError(
            f"The clips have {total:,} characters to translate and the budget is {batch.budget:,}; nothing was sent. "
            "Raise --budget or take fewer clips."
        )
    return [(job, key) for job, key in tasks if job.name in characters]


def _shown(
    tasks: Sequence[tuple[Job, str]], batch: Batch, *, count: bool
) -> Iterator[tuple[Job, float | int | Outcome]]:
    """Yield what the workers say of `tasks`; meanwhile the table stands on stderr."""
    table = Table(len(tasks), sys.stderr, "analysed" if count else "")
    working: Generator[tuple[Job, float | int | Outcome], None, None]
    if not tasks:
        return
    if batch.ray is None:
        working = pool.work(tasks, batch.settings, batch.load, batch.workers, count=count)
    else:
        from pipeline.batch import on_ray

        working = on_ray.work(tasks, batch.settings, batch.load, batch.workers, batch.ray, count=count)
    try:
        with closing(working):
            for job, said in working:
                if isinstance(said, float):
                    table.running(job.name, said)
                else:
                    table.ended(job.name, said if isinstance(said, Outcome) else None)
                yield job, said
    finally:
        table.close()


@contextlib.contextmanager
def _locked(out: Path | str) -> Iterator[None]:
    """The batch's folder is there, can be written to, and is no other batch's at the same time.

    Raises UsageError, MediaError.
    """
    if isinstance(out, str):
        shared.check(out)
        yield
        return
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file; name a folder for the results with --out.")
    try:
        (out / records.FOLDER).mkdir(parents=True, exist_ok=True)
        lock = os.open(out / records.FOLDER / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except PermissionError:
        raise UsageError(f"{out} may not be written to; name another folder for the results with --out.") from None
    except OSError as error:
        raise disk_error(error) from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(f"Another batch writes to {out}; wait for its end or name another folder.") from None
        except OSError:  # a network file system without locks
            pass
        yield
    finally:
        os.close(lock)
