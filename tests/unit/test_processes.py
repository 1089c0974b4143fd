"""Processes of this machine that work on tasks."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline import processes
from pipeline.errors import ModelError

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
