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
    the pose of a
    shot) and noise that falls with the length of the sample: two-covariance PLDA with isotropic covariances (Brümmer
    and
    de Villiers 2010), and a level more. `Likeness` gives the variances as cosine similarities, and the number of
    independent directions. Some samples are unusual, a shout or a face half in the dark: they have more noise, at the
    price of
    their being rare.
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
        `of_session` the
        share of the noise that is common to a session.
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
        noise = self._noise[index] / share
        best = float(ratio(noise[None])[0])
        for _ in range(len(index)):
            options = noise + np.diag(self._more_noise / share)
            odds = ratio(options)
            at = int(np.argmax(odds))
            if odds[at] - self._rare <= best:
                break
            best, noise = float(odds[at]) - self._rare, options[at]
        return best


class _Ratio:
    """The log-odds of some samples of a `Grouping` being one person's, for any noise."""

    def __init__(self, model: Grouping, index: NDArray[np.intp]) -> None:
        self._model = model
        self._gram = model._gram[np.ix_(index, index)]
        _, number = np.unique(model._sessions(index), return_inverse=True)
        self._in_session = np.eye(int(number.max()) + 1)[number]  # (samples, sessions)
        self._alone = np.eye(len(index))

    def __call__(self, noise: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the log-odds (b,) for the variances of each sample alone in `noise` (b, samples)."""
        model = self._model
        one = self._evidence(noise, model._shared + model._person, model._session, self._in_session)
        return one - self._evidence(noise + model._person + model._session, model._shared, 0.0, self._alone)

    def _evidence(
        self, noise: NDArray[np.float64], common: float, session: float, groups: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the log-likelihood (b,) of samples under the given variances.

        `common` is the variance that all of them share, `session` what those of one of the `groups` (samples, sessions)
        share, and `noise` (b, samples) what each has alone. The mean of a session is a sufficient statistic of its
        samples: it is one sample with the variance `own`.
        """
        precision = 1 / noise
        sums = precision @ groups
        own = session + 1 / sums
        within = ((precision * (precision @ (self._gram * (groups @ groups.T)))) @ groups) / sums**2  # squared means
        weight = precision / ((sums * own) @ groups.T)
        total = ((weight @ self._gram) * weight).sum(1)
        spread = 1 + common * (1 / own).sum(1)
        fit = (within * (sums - 1 / own)).sum(1) + common * total / spread
        logs = np.log(spread) + np.log1p(session * sums).sum(1) + np.log(noise).sum(1)
        return self._model._half_dimensions * (fit - precision.sum(1) - logs)  # the vectors have unit length
