"""The share done never goes back, and the time left becomes right as a run goes on."""

import itertools
import time

import pytest

from pipeline.progress import ANALYSE, EXPECTED, RENDER, Clock
from pipeline.records import Progress, Stage


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_the_share_done_grows_to_one_and_never_goes_back(at: list[float]) -> None:
    clock = Clock(ANALYSE + RENDER, duration=30.0)
    shares: list[float] = []
    for stage in ANALYSE + RENDER:
        for step in range(11):
            at[0] += 0.7
            share = clock.mark(Progress(stage, step / 10)).overall
            assert share is not None
            shares.append(share)
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)


def test_the_time_left_follows_a_machine_five_times_slower(at: list[float]) -> None:
    clock = Clock(ANALYSE, duration=60.0)
    seconds = {stage: 5 * (a + b * 60) for stage, (a, b) in EXPECTED.items()}
    at[0] += seconds["probe"]
    clock.mark(Progress("speech", 0.0))
    at[0] += seconds["speech"] / 2
    clock.mark(Progress("speech", 0.5))
    at[0] += seconds["speech"] / 2
    left = clock.mark(Progress("speech", 1.0)).seconds_left
    truth = sum(seconds[s] for s in ("voices", "faces", "people", "translate"))
    assert left == pytest.approx(truth, rel=0.25)


def test_what_came_from_a_cache_says_nothing_about_the_machine(at: list[float]) -> None:
    clock = Clock(ANALYSE, duration=60.0)
    clock.mark(Progress("speech", 1.0))
    assert clock.mark(Progress("voices", 1.0)).seconds_left is None


@pytest.mark.parametrize("pace", [[1.0] * 40, [0.3] * 20 + [4.0] * 20, [4.0] * 20 + [0.3] * 20])
def test_the_time_left_only_ever_falls_and_ends_at_nothing(at: list[float], pace: list[float]) -> None:
    clock = Clock(ANALYSE + RENDER, duration=60.0)
    told: list[float] = []
    for stage in ANALYSE + RENDER:
        fixed, per_second = EXPECTED[stage]
        for step in range(1, 41):
            at[0] += (fixed + per_second * 60) / 40 * pace[step - 1]
            left = clock.mark(Progress(stage, step / 40)).seconds_left
            if left is not None:
                told.append(left)
    assert len(told) > 100
    assert told == sorted(told, reverse=True)
    assert told[-1] == pytest.approx(0.0, abs=0.1)


def test_the_time_left_keeps_falling_through_a_stage_that_takes_ten_times_as_long(at: list[float]) -> None:
    clock = Clock(ANALYSE, duration=60.0)
    told = []
    for step in range(1, 200):
        at[0] += 0.5 if step < 20 else 2.0
        left = clock.mark(Progress("speech", step / 200)).seconds_left
        if left is not None:
            told.append(left)
    assert all(late < early for early, late in itertools.pairwise(told))
    assert told[-1] > 0


def test_stages_side_by_side_are_named_in_their_order() -> None:
    clock = Clock(ANALYSE, duration=30.0)
    clock.mark(Progress("speech", 0.2, "Transcribing"))
    marked = [clock.mark(step) for step in (Progress("faces", 0.5), Progress("voices", 1.0), Progress("speech", 1.0))]
    assert [step.stage for step in marked] == ["speech", "speech", "faces"]
    assert marked[0].fraction == 0.2
    assert marked[0].message == "Transcribing"
    assert marked[2].fraction == 0.5
    assert clock.mark(Progress("people", 1.0)).stage == "people"


def test_closing_closes_the_work() -> None:
    closed = []

    def work() -> Stage[None]:
        try:
            yield Progress("probe")
            yield Progress("speech")
        finally:
            closed.append(True)

    run = Clock(ANALYSE).follow(work())
    next(run)
    run.close()
    assert closed == [True]
