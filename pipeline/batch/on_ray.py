"""The two callables of a batch as actors of Ray Data, on this machine or on a cluster.

A clip is a row. The rows hold jobs, analyses and outcomes; every actor reads the clip's frames from its path, and the
folders of results lie at theirs, so both must be on storage that all machines share. Ray is imported here alone, and
only when it is asked for.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import socket
import threading
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from pipeline.batch.jobs import Job
from pipeline.batch.work import Analyse, Draw, Load, Outcome, failed
from pipeline.errors import MediaError, UsageError
from pipeline.progress import finish
from pipeline.records import Analysis
from pipeline.settings import Settings

Row = dict[str, Any]

CORES = 1  #: of an analysing or a drawing actor; ffmpeg and the models use more where it is free
GPUS = 0.5  #: of an analysing actor where the cluster has any and the full models are used: two share a card
CONNECT_S = 5.0  #: for an address to answer


@dataclass(frozen=True, slots=True)
class Task:
    """A clip on its way through the stages: what is in a row."""

    job: Job
    key: str
    analysis: Analysis | None = None  #: until it is drawn
    outcome: int | Outcome | None = None  #: once it is known; the characters where they are counted


class AnalyseRow:
    """An actor that loads the models once and adds the analysis, or the outcome of a clip that failed, to each task."""

    def __init__(self, settings: Settings, load: Load, count: bool) -> None:
        self._analyse, self._count = Analyse(_with_own_keys(settings), load), count

    def __call__(self, row: Row) -> Row:
        task: Task = row["task"]
        try:
            if self._count:
                return {"task": dataclasses.replace(task, outcome=finish(self._analyse.count(task.job)))}
            return {"task": dataclasses.replace(task, analysis=finish(self._analyse(task.job)))}
        except Exception as error:
            return {"task": dataclasses.replace(task, outcome=failed(task.job, error))}


class DrawRow:
    """An actor that draws what was analysed and puts the outcome into each task."""

    def __init__(self, settings: Settings) -> None:
        self._draw = Draw(settings)

    def __call__(self, row: Row) -> Row:
        task: Task = row["task"]
        if task.analysis is None:
            return row
        try:
            outcome = finish(self._draw(task.job, task.analysis, task.key))
        except Exception as error:
            outcome = failed(task.job, error)
        return {"task": dataclasses.replace(task, analysis=None, outcome=outcome)}


def work(
    tasks: Sequence[tuple[Job, str]], settings: Settings, load: Load, workers: int, address: str, *, count: bool = False
) -> Generator[tuple[Job, float | int | Outcome], None, None]:
    """Yield (job, outcome) as each clip ends, from `workers` analysing and as many drawing actors.

    `address` is "auto" (the cluster of this machine, or one that is started and ended here), host:port, or ray://host:port.
    With `count` nothing is translated or drawn, and the outcome of a clip that did not fail is its characters.

    Raises UsageError where Ray is not installed or nobody answers.
    """
    ray = _connected(address)
    try:
        given = [Task(_absolute(job), key) for job, key in tasks]
        names = {job.name: job for job, _ in tasks}
        kind = ray.data.ActorPoolStrategy(size=min(workers, len(tasks)))
        rows = ray.data.from_items([{"task": task} for task in given], override_num_blocks=len(tasks))
        plain = dataclasses.replace(settings, deepl_keys=())  # no key goes into Ray's object store
        has_gpu = settings.models != "light" and ray.cluster_resources().get("GPU", 0) > 0
        # Without a bound, a clip that kills its actor would be tried for ever. Ray 2.64 will want another way to say
        # so.
        rows = rows.map(
            AnalyseRow, fn_constructor_args=(plain, load, count), compute=kind, num_cpus=CORES / 2,
            num_gpus=GPUS if has_gpu else None, max_restarts=-1, max_task_retries=1,
        )  # fmt: skip
        if not count:
            rows = rows.map(
                DrawRow,
                fn_constructor_args=(plain,),
                compute=kind,
                num_cpus=CORES / 2,
                max_restarts=-1,
                max_task_retries=1,
            )
        for row in rows.iter_rows():
            yield names.pop(row["task"].job.name), row["task"].outcome
        for job in names.values():
            yield (
                job,
                failed(job, MediaError("The Ray worker of this clip was lost, perhaps for want of memory; run again.")),
            )
    except ray.exceptions.RayError as error:
        raise MediaError(
            f"Ray gave up ({type(error).__name__}); what is finished stays. See its log and run again."
        ) from error
    finally:
        ray.shutdown()


def _connected(address: str) -> Any:
    """Return the module `ray`, connected.

    Raises UsageError.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # read when Ray starts
    try:
        import ray
        import ray.data
    except ImportError:
        raise UsageError("Ray is not installed; run pip install '.[ray]' or leave --ray out.") from None
    if address != "auto":
        _check_answers(address)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.max_errored_blocks = -1  # a clip whose actor is lost must not stop the others
    asked_to_end = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(
            address=None if address == "auto" else address,
            include_dashboard=False if address == "auto" else None,
            logging_level="warning",
        )
    except (ConnectionError, RuntimeError, ValueError, TimeoutError):
        raise UsageError(f"Ray could not be reached at {address}; check the address or give --ray auto.") from None
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, asked_to_end)  # Ray puts its own in the place of ours, which cleans up
    return ray


def _check_answers(address: str) -> None:
    """Ray itself waits for minutes.

    Raises UsageError where nothing listens at host:port or ray://host:port.
    """
    try:
        parts = urlsplit(address if "://" in address else f"//{address}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if host is None or port is None:
        raise UsageError(f"{address} is no address of Ray; give auto, HOST:PORT or ray://HOST:PORT.")
    try:
        socket.create_connection((host, port), CONNECT_S).close()
    except OSError:
        raise UsageError(f"Nobody answers at {address}; start Ray there, or give another address to --ray.") from None


def _absolute(job: Job) -> Job:
    """Return the job with whole paths: an actor works in a folder of its own."""
    return dataclasses.replace(job, clip=job.clip.absolute(), out=job.out.absolute())


def _with_own_keys(settings: Settings) -> Settings:
    """Return the settings with the DeepL keys of the actor's environment."""
    return dataclasses.replace(settings, deepl_keys=Settings.from_environment().deepl_keys)
