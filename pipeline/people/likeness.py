"""How likely a group of embeddings is to be one person's."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.records import Likeness

#: Variance that no sample goes below: keeps two copies of one vector from being infinitely alike.
LEAST_NOISE = 0.02
#: Noise of an unusual sample beyond that of a usual one, in multiples of the latter.
UNUSUAL_NOISE = 1.4


class Grouping:
    """Scores groups of embeddings under a Gaussian model of people.

    A sample is the sum of a part that all people share, a part of the person, a part of the session (the light and
    the pose of a shot) and noise that falls with the length of the sample: two-covariance PLDA with isotropic
    covariances (Brümmer and de Villiers 2010), with one level more. `Likeness` gives the variances as cosine
    similarities, and the number of independent directions. Some samples are unusual, a shout or a face half in the
    dark: they have more noise, at the price of their being rare.
    """

    def __init__(
        self,
        vectors: NDArray[np.float64],
        seconds: NDArray[np.float64],
        likeness: Likeness,
        unusual: float,
        parts: Sequence[tuple[int, float]] | None = None,
        sessions: Callable[[NDArray[np.intp]], NDArray[np.intp]] = lambda samples: samples,
        of_session: float = 0.0,
    ) -> None:
        """Prepare samples: `vectors` (n, d), unit length or all zero where there is none, of `seconds` (n,).

        `unusual` is the probability that a sample is. `parts` are what groups consist of, each as a sample and a share
        of it; by default every sample is a part. `sessions` gives the session of each of the samples of a group,
        `of_session` the share of the noise that is common to a session.
        """
        self._gram = vectors @ vectors.T
        self._shared = max(0.0, likeness.different)
        self._person = max(1e-3, likeness.same - likeness.different)
        self._half_dimensions = likeness.dimensions / 2
        usual = max(LEAST_NOISE, 1 - likeness.same)
        self._more_noise, self._rare = UNUSUAL_NOISE * usual, float(np.log((1 - unusual) / unusual))
        self._session = of_session * usual
        self._noise = np.asarray(
            max(LEAST_NOISE, usual - self._session) + likeness.per_second / np.maximum(seconds, 0.1)
        )
        self._sessions = sessions
        known = np.linalg.norm(vectors, axis=1) > 0.5 if len(vectors) else np.zeros(0, bool)
        self._parts = [(n, 1.0) for n in range(len(vectors))] if parts is None else list(parts)
        self._parts = [(n, share if known[n] else 0.0) for n, share in self._parts]

    def log_odds(self, members: Sequence[int]) -> float:
        """Return the log-odds that the parts `members` are one person's against being all of different people."""
        whole: dict[int, float] = {}
        for member in members:
            sample, part = self._parts[member]
            if part:
                whole[sample] = whole.get(sample, 0.0) + part
        if len(whole) < 2:
            return 0.0
        index = np.array(sorted(whole))
        share = np.array([whole[n] for n in index])
        ratio = _Ratio(self, index)
        noise, more = self._noise[index] / share, self._more_noise / share
        best, options = ratio(noise, more)
        for count in range(1, len(index) + 1):
            at = int(np.argmax(options))
            if options[at] - count * self._rare <= best:
                break
            best = float(options[at]) - count * self._rare
            noise[at] += more[at]
            _, options = ratio(noise, more)
        return best


class _Ratio:
    """The log-odds of some samples of a `Grouping` being one person's, for any noise."""

    def __init__(self, model: Grouping, index: NDArray[np.intp]) -> None:
        self._model = model
        self._gram = model._gram[np.ix_(index, index)]
        self._sessions = model._sessions(index)

    def __call__(self, noise: NDArray[np.float64], more: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """Return the log-odds for the variances `noise` (n,) of each sample alone, and (n,) with `more` in one."""
        model = self._model
        one = self._evidence(noise, more, model._shared + model._person, model._session, self._sessions)
        own = noise + model._person + model._session
        apart = self._evidence(own, more, model._shared, 0.0, np.arange(len(noise)))
        return one[0] - apart[0], one[1] - apart[1]

    def _evidence(
        self,
        noise: NDArray[np.float64],
        more: NDArray[np.float64],
        common: float,
        session: float,
        number: NDArray[np.intp],
    ) -> tuple[float, NDArray[np.float64]]:
        """Return the log-likelihood of samples under the given variances, and (n,) with `more` noise in one of them.

        `common` is the variance that all of them share, `session` what those with the same `number` (n,) share, and
        `noise` (n,) what each has alone. The mean of a session is a sufficient statistic of its samples: it is one
        sample with the variance `session` + 1 / (sum of their precisions).
        """
        precision = 1 / noise
        change = 1 / (noise + more) - precision
        together = number[:, None] == number
        first = np.zeros(len(number), bool)
        first[np.unique(number, return_index=True)[1]] = True
        # Of the session of each sample: the sum of its precisions, x times the weighted sum of its vectors, its square.
        sums = together @ precision
        product = (self._gram * together) @ precision
        square = together @ (precision * product)
        weight, spread, fit, log = _session(sums, square, session)
        projected = self._gram @ (precision * weight)
        total = float((precision * weight) @ projected)
        spreads, fits, logs = (float(values[first].sum()) for values in (spread, fit, log))
        rest = float(precision.sum()) + float(np.log(noise).sum())
        base = fits + common * total / (1 + common * spreads) - np.log(1 + common * spreads) - logs - rest

        # The same with the precision of one sample changed: only its own session is another.
        others = projected - weight * product  # x times the weighted sum over all other sessions
        meeting = together @ (precision * others)
        total_others = total - 2 * weight * meeting - weight**2 * square
        square = square + 2 * change * product + change**2 * self._gram.diagonal()
        weight, new_spread, new_fit, new_log = _session(sums + change, square, session)
        totals = total_others + 2 * weight * (meeting + change * others) + weight**2 * square
        spreads_of = 1 + common * (spreads - spread + new_spread)
        varied = fits - fit + new_fit + common * totals / spreads_of - np.log(spreads_of) - (logs - log + new_log)
        varied = varied - rest - change - np.log1p(more / noise)
        return self._model._half_dimensions * float(base), self._model._half_dimensions * varied


def _session(
    sums: NDArray[np.float64], square: NDArray[np.float64], variance: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return what sessions add to the likelihood, from their precisions and the squares of their weighted sums.

    These are the weight of the sum of vectors, the precision of the mean, the fit inside the session and the
    logarithm of its determinant.
    """
    precision = 1 / (variance + 1 / sums)
    return precision / sums, precision, square / sums**2 * (sums - precision), np.log1p(variance * sums)
