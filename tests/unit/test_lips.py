"""How well a mouth moves with a voice, on signals made here."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.faces import lips
from pipeline.records import ENVELOPE_HZ

pytestmark = pytest.mark.unit

COUNT = 12 * ENVELOPE_HZ
T = np.arange(COUNT) / ENVELOPE_HZ
RNG = np.random.default_rng(5)
LOUD = np.clip(sum(a * np.exp(-0.5 * ((T - t) / 0.07) ** 2) for t, a in zip(np.cumsum(RNG.uniform(0.15, 0.5, 36)), RNG.uniform(0.4, 1, 36), strict=True)), 0, 1)  # fmt: skip
TALKING = 0.03 + 0.1 * np.roll(np.sqrt(LOUD), -2) + RNG.normal(0, 0.005, COUNT)
RESTING = 0.03 + RNG.normal(0, 0.004, COUNT)
CHEWING = 0.05 + 0.04 * np.sin(2 * np.pi * 1.3 * T)


def test_a_mouth_that_says_it_beats_one_that_chews_and_one_that_rests():
    for start in (0.5, 2.5, 4.5, 6.5):
        says, chews, rests = (lips.score(m, LOUD, start, start + 3).evidence for m in (TALKING, CHEWING, RESTING))
        assert says > 1.5
        assert says > chews + 0.7
        assert rests < -2


def test_the_sound_may_come_up_to_200_ms_after_the_lips():
    for delay in (0, 2, 5):
        motion = lips.score(0.03 + 0.1 * np.roll(np.sqrt(LOUD), -delay), LOUD, 1, 5)
        assert motion.correlation > 0.5
    for off in (-25, 12, 25):
        assert lips.score(0.03 + 0.1 * np.roll(np.sqrt(LOUD), off), LOUD, 1, 5).correlation < 0.3


def test_a_still_open_mouth_does_not_speak():
    assert lips.score(np.full(COUNT, 0.3), LOUD, 1, 4).evidence < -2


def test_what_is_not_seen_says_nothing():
    hidden = TALKING.copy()
    hidden[: 6 * ENVELOPE_HZ] = np.nan
    assert lips.score(hidden, LOUD, 1, 4) is None
    assert lips.score(hidden, LOUD, 4, 7) is None  # a third is too little
    assert lips.score(hidden, LOUD, 5, 11).seconds == pytest.approx(5.0)
    assert lips.score(TALKING, LOUD, 3.0, 3.1) is None
    assert lips.score(TALKING, LOUD, 30, 31) is None


def test_a_glimpse_says_less_than_a_sentence():
    short, long = lips.score(TALKING, LOUD, 2.0, 2.6), lips.score(TALKING, LOUD, 2.0, 6.0)
    assert abs(short.evidence) < long.evidence
    assert short.correlation == 0.0


def test_samples_come_to_the_grid_by_their_times():
    times = np.arange(0, 4, 1 / 29.97)
    samples = tuple((float(t), float(np.sin(t))) for t in times if not 1 <= t < 2)
    grid = lips.on_grid(samples, 5 * ENVELOPE_HZ)
    when = (np.arange(len(grid)) + 0.5) / ENVELOPE_HZ
    seen = ~np.isnan(grid)
    assert np.abs(grid[seen] - np.sin(when[seen])).max() < 0.06  # held for 0.06 s where samples end
    assert np.abs(grid[seen] - np.sin(when[seen])).mean() < 0.002
    assert not seen[(when > 1.1) & (when < 1.9)].any()
    assert not seen[when > 4.1].any()
    assert seen[(when < 0.9) | ((when > 2.1) & (when < 3.9))].all()
    assert np.isnan(lips.on_grid((), 10)).all()
