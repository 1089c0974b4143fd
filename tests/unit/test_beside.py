"""Stages side by side: every step comes through, an error is raised once, and no thread is left."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from pipeline.beside import beside
from pipeline.progress import each, finish
from pipeline.records import Progress, Stage

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() == before


def stage(name: str, steps: int, closed: list[str], error: Exception | None = None) -> Stage[str]:
    try:
        for step in range(steps):
            yield Progress(name, step / steps)
            time.sleep(0.005)
        if error:
            raise error
        return name
    finally:
        closed.append(name)


def steps_of(*arguments: Any, **options: Any) -> list[Any]:
    return list(beside(*arguments, **options))


def test_every_step_and_every_result_comes_through_in_its_order() -> None:
    closed: list[str] = []
    seen = steps_of({name: stage(name, 5, closed) for name in "abc"})
    for name in "abc":
        mine = [step for step in seen if step == name or getattr(step, "stage", "") == name]
        assert [getattr(step, "fraction", "end") for step in mine] == [0.0, 0.2, 0.4, 0.6, 0.8, "end"]
    assert sorted(closed) == ["a", "b", "c"]
    assert steps_of({}) == []


def test_they_run_at_the_same_time() -> None:
    meeting = threading.Barrier(2, timeout=10)

    def waits() -> Stage[str]:
        meeting.wait()  # breaks where the other does not come
        yield Progress("speech")
        return "met"

    assert steps_of({"a": waits(), "b": waits()}).count("met") == 2


def test_an_error_ends_the_others_and_is_raised() -> None:
    closed: list[str] = []
    running = beside({"a": stage("a", 2, closed, ValueError("mine")), "b": stage("b", 10_000, closed)})
    with pytest.raises(ValueError, match="mine"):
        finish(running)
    assert sorted(closed) == ["a", "b"]


def test_what_is_waited_for_comes_before_the_error() -> None:
    closed: list[str] = []
    seen: list[Any] = []
    running = beside(
        {"words": stage("words", 60, closed), "a": stage("a", 1, closed, ValueError("mine")), "b": stage("b", 10_000, closed)},
        wait_for="words",
    )  # fmt: skip
    with pytest.raises(ValueError, match="mine"):
        finish(running, seen.append)
    assert "words" in seen
    assert sorted(closed) == ["a", "b", "words"]


def test_an_error_of_what_is_waited_for_ends_all() -> None:
    closed: list[str] = []
    running = beside(
        {"words": stage("words", 1, closed, ValueError("mine")), "b": stage("b", 10_000, closed)}, wait_for="words"
    )
    with pytest.raises(ValueError, match="mine"):
        finish(running)
    assert sorted(closed) == ["b", "words"]


def test_closing_ends_all() -> None:
    closed: list[str] = []
    running = beside({name: stage(name, 10_000, closed) for name in "ab"})
    next(running)
    running.close()
    assert sorted(closed) == ["a", "b"]


def test_whose_request_it_is_is_known_in_every_stage() -> None:
    request: contextvars.ContextVar[str] = contextvars.ContextVar("request", default="nobody's")
    request.set("mine")

    def asks() -> Stage[str]:
        yield Progress("speech")
        return request.get()

    assert steps_of({"a": asks(), "b": asks()}).count("mine") == 2


def test_each_changes_drops_and_closes() -> None:
    closed: list[str] = []
    changed = each(stage("a", 4, closed), lambda step: step.fraction if step.fraction < 0.5 else None)
    seen: list[float] = []
    assert finish(changed, seen.append) == "a"
    assert seen == [0.0, 0.25]
    stopped = each(stage("b", 4, closed), lambda step: step)
    next(stopped)
    stopped.close()
    assert closed == ["a", "b"]
