"""How likely a group of embeddings is to be one person's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.records import Likeness

#: Variance that no sample goes below: keeps two copies of one vector from being infinitely alike.
LEAST_NOISE = 0.02
#: Noise of an unusual sample beyond that of a usual one, in multiples of the latter.
UNUSUAL_NOISE = 1.4


class Grouping:
    """Scores groups of embeddings under a Gaussian model of people.

    A sample is the sum of a part that all people share, a part of the person and noise that falls with the length of
    the sample (two-covariance PLDA with isotropic covariances; Brümmer and de Villiers 2010). `Likeness` gives the
    variances of the three as cosine similarities, and the number of independent directions. Some samples are unusual,
    a shout or a face half in the dark: they have more noise, at the price of their being rare.
    """

    def __init__(
        self,
        vectors: NDArray[np.float64],
        seconds: NDArray[np.float64],
        likeness: Likeness,
        unusual: float,
        parts: Sequence[tuple[int, float]] | None = None,
    ) -> None:
        """Prepare samples: `vectors` (n, d), unit length or all zero where there is none, of `seconds` (n,).

        `unusual` is the probability that a sample is. `parts` are what groups consist of, each as a sample and a share
        of it; by default every sample is a part.
        """
        self._vectors = vectors
        self._shared = max(0.0, likeness.different)
        self._person = max(1e-3, likeness.same - likeness.different)
        self._half_dimensions = likeness.dimensions / 2
        usual = max(LEAST_NOISE, 1 - likeness.same)
        self._more_noise, self._rare = UNUSUAL_NOISE * usual, float(np.log((1 - unusual) / unusual))
        self._noise = np.asarray(usual + likeness.per_second / np.maximum(seconds, 0.1))
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
        index = np.fromiter(whole, int)
        share = np.fromiter(whole.values(), float)
        noise, vectors = self._noise[index] / share, self._vectors[index]
        best = self._ratio(vectors, noise)
        for _ in range(len(index)):
            options = self._ratio_with_more(vectors, noise, self._more_noise / share)
            at = int(np.argmax(options))
            if options[at] - self._rare <= best:
                break
            best = float(options[at]) - self._rare
            noise = noise.copy()
            noise[at] += self._more_noise / share[at]
        return best

    def _ratio(self, vectors: NDArray[np.float64], noise: NDArray[np.float64]) -> float:
        one = self._evidence(vectors, self._shared + self._person, noise)
        return one - self._evidence(vectors, self._shared, noise + self._person)

    def _evidence(self, vectors: NDArray[np.float64], common: float, own: NDArray[np.float64]) -> float:
        """Return the log-likelihood of samples with variance `common` between them and `own` (n,) of each alone."""
        precision = 1 / own
        spread = 1 + common * float(precision.sum())
        total = precision @ vectors
        fit = common * float(total @ total) / spread - float(precision.sum())  # the vectors have unit length
        return self._half_dimensions * (fit - float(np.log(spread)) - float(np.log(own).sum()))

    def _ratio_with_more(
        self, vectors: NDArray[np.float64], noise: NDArray[np.float64], more: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the log-odds (n,) with `more` (n,) noise in each one of the samples, already paid for in `noise`."""
        one = self._evidence_with_more(vectors, self._shared + self._person, noise, more)
        return one - self._evidence_with_more(vectors, self._shared, noise + self._person, more)

    def _evidence_with_more(
        self, vectors: NDArray[np.float64], common: float, own: NDArray[np.float64], more: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        precision = 1 / own
        change = 1 / (own + more) - precision
        total = precision @ vectors
        sums = float(precision.sum()) + change
        squares = float(total @ total) + 2 * change * (vectors @ total) + change**2
        spread = 1 + common * sums
        logs = float(np.log(own).sum()) + np.log1p(more / own)
        evidence: NDArray[np.float64] = self._half_dimensions * (
            common * squares / spread - sums - np.log(spread) - logs
        )
        return evidence
