"""How likely a group of embeddings is to be one person's."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.people.likeness import Grouping, _Ratio
from pipeline.records import Likeness

pytestmark = pytest.mark.unit

SIZE = 12
MODEL = Likeness(same=0.7, different=0.2, dimensions=float(SIZE), per_second=0.3)


def vectors(count: int, seed: int = 0) -> np.ndarray:
    found = np.random.default_rng(seed).standard_normal((count, SIZE))
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def density(samples: np.ndarray, covariance: np.ndarray) -> float:
    """Return the log-density of (n, SIZE) `samples`, up to a constant, by the definition."""
    covariance = covariance / SIZE
    _, logarithm = np.linalg.slogdet(covariance)
    return float(-0.5 * (SIZE * logarithm + np.trace(samples.T @ np.linalg.solve(covariance, samples))))


@pytest.mark.parametrize("of_session", [0.0, 0.6])
def test_the_log_odds_are_those_of_the_gaussian_model(of_session: float) -> None:
    samples, seconds = vectors(5), np.array([1.0, 2.0, 0.5, 4.0, 3.0])
    sessions = np.array([0, 0, 1, 1, 2])
    grouping = Grouping(samples, seconds, MODEL, 1e-12, sessions=lambda index: sessions[index], of_session=of_session)
    alike = (sessions[:, None] == sessions) * 0.3 * of_session
    alone = np.diag(0.3 * (1 - of_session) + 0.3 / seconds)
    one = density(samples, 0.7 + alike + alone)
    apart = density(samples, 0.2 + np.eye(5) * (0.5 + 0.3 * of_session) + alone)
    assert grouping.log_odds(range(5)) == pytest.approx(one - apart)


@pytest.mark.parametrize("of_session", [0.0, 0.6])
def test_an_unusual_sample_is_one_with_more_noise(of_session: float) -> None:
    samples, seconds = vectors(5), np.array([1.0, 2.0, 0.5, 4.0, 3.0])
    sessions = np.array([0, 0, 1, 1, 2])
    grouping = Grouping(samples, seconds, MODEL, 0.9999, sessions=lambda index: sessions[index], of_session=of_session)
    ratio = _Ratio(grouping, np.arange(5))
    noise, more = np.linspace(0.2, 0.6, 5), np.full(5, 0.4)
    _, varied = ratio(noise, more)
    for n in range(5):
        assert varied[n] == pytest.approx(ratio(noise + more * (np.arange(5) == n), more)[0])


def test_every_unusual_sample_has_its_price() -> None:
    """The second unusual sample cost nothing, so four of five turns could be unlike the voice they were given to."""
    samples = vectors(6)
    rare = Grouping(samples, np.full(6, 4.0), MODEL, 1e-9)
    usual = Grouping(samples, np.full(6, 4.0), MODEL, 0.5)
    gained = usual.log_odds(range(6)) - rare.log_odds(range(6))
    assert 0 < gained < 6 * np.log(1e9)
    frequent = Grouping(samples, np.full(6, 4.0), MODEL, 0.2)
    two = float(np.log(0.8 / 0.2)) * 2
    assert frequent.log_odds(range(6)) < usual.log_odds(range(6)) - two


def test_samples_of_one_session_say_less_than_samples_of_several() -> None:
    """Four tracks of one shot, all a little unlike a track of another, were taken for four witnesses."""
    first, other = vectors(1)[0], vectors(1, 1)[0]
    first = np.stack([first, *(first + 0.05 * noise for noise in vectors(3, 2))])
    second = 0.75 * first[0] + other
    samples = np.vstack([first, second[None]])
    samples /= np.linalg.norm(samples, axis=1, keepdims=True)
    seconds = np.full(5, 4.0)
    shots = np.array([0, 0, 0, 0, 1])

    def gain(of_session: float) -> float:
        grouping = Grouping(samples, seconds, MODEL, 0.03, sessions=lambda index: shots[index], of_session=of_session)
        return grouping.log_odds(range(5)) - grouping.log_odds(range(4))

    assert gain(0.6) > gain(0.0)


def test_a_sample_that_is_unknown_says_nothing() -> None:
    samples = np.vstack([vectors(2), np.zeros((1, SIZE))])
    grouping = Grouping(samples, np.ones(3), MODEL, 0.03)
    assert grouping.log_odds((0, 1, 2)) == grouping.log_odds((0, 1))
    assert grouping.log_odds((2,)) == 0
