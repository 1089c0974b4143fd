"""Processes of this machine that work on tasks."""

from __future__ import annotations

import os
import time
from typing import Any

import pytest

from pipeline import processes
from pipeline.cores import usable
from pipeline.errors import ModelError
from pipeline.records import Progress, Stage

pytestmark = pytest.mark.unit


def no_models() -> Any:
    raise ModelError("The weights are not here; fetch them first.")


def test_a_worker_that_cannot_begin_says_why_and_not_that_it_was_killed() -> None:
    """Once it was started twice, and the clips were said to have been ended from outside for want of memory."""
    ended = [(index, str(said)) for index, said in processes.work([1, 2], no_models, 1) if not isinstance(said, float)]
    assert ended == [
        (0, "The weights are not here; fetch them first."),
        (1, "The weights are not here; fetch them first."),
    ]


class Cores:
    """Gives the cores that its process may use."""

    def __call__(self, task: int) -> Stage[tuple[int, ...]]:
        yield Progress("speech", 0.5, overall=0.5)
        time.sleep(0.5)  # so that the other worker gets the other task
        return tuple(sorted(os.sched_getaffinity(0)))


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system does not bind processes to cores")
def test_two_workers_do_not_compete_for_the_same_cores() -> None:
    """Once the threads of both took all cores, and two clips at a time took longer than one after another."""
    found = [said for _, said in processes.work([1, 2], Cores, 2) if isinstance(said, tuple)]
    all_cores = sorted(os.sched_getaffinity(0))
    if len(all_cores) > 1:
        first, second = found
        assert sorted((*first, *second)) == all_cores
    alone = [said for _, said in processes.work([1], Cores, 1) if isinstance(said, tuple)]
    assert alone == [tuple(all_cores)]


def test_more_workers_than_cores_take_turns() -> None:
    assert processes._cores(0, 1000) != []
    assert len(processes._cores(999, 1000)) == 1


def test_a_system_that_binds_no_process_to_cores_has_them_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """The speech model could not be loaded on macOS."""
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert usable() == (0, 1, 2)
