"""How likely a group of embeddings is to be one person's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.records import Likeness

#: Variance that no sample goes below: keeps two copies of one vector from being infinitely alike.
LEAST_NOISE = 0.02


class Grouping:
    """Scores groups of embeddings under a Gaussian model of people.

    A sample is the sum of a part that all people share, a part of the person and noise that falls with the length of
    the sample (two-covariance PLDA with isotropic covariances; Brümmer and de Villiers 2010). `Likeness` gives the
    variances of the three as cosine similarities, and the number of independent directions.
    """

    def __init__(
        self,
        vectors: NDArray[np.float64],
        seconds: NDArray[np.float64],
        shares: NDArray[np.float64],
        likeness: Likeness,
    ) -> None:
        """Prepare `vectors` (n, d), unit length or all zero where there is none, of samples of `seconds` (n,).

        Entries may be parts of one sample, with the same vector: `shares` (n,) of the sample, 1 for a whole one.
        """
        self._vectors = vectors
        self._shared = max(0.0, likeness.different)
        self._person = max(1e-3, likeness.same - likeness.different)
        self._half_dimensions = likeness.dimensions / 2
        noise = max(LEAST_NOISE, 1 - likeness.same) + likeness.per_second / np.maximum(seconds, 0.1)
        self._noise = noise / np.maximum(shares, 1e-3)
        self._known = np.linalg.norm(vectors, axis=1) > 0.5 if len(vectors) else np.zeros(0, bool)

    def log_odds(self, members: Sequence[int]) -> float:
        """Return the log-odds that `members` are one person against being all different people."""
        index = np.fromiter(members, int)
        index = index[self._known[index]]
        if len(index) < 2:
            return 0.0
        one = self._evidence(index, self._shared + self._person, self._noise[index])
        all_different = self._evidence(index, self._shared, self._noise[index] + self._person)
        return one - all_different

    def _evidence(self, index: NDArray[np.intp], common: float, own: NDArray[np.float64]) -> float:
        """Return the log-likelihood of samples with variance `common` between them and `own` (n,) of each alone."""
        precision = 1 / own
        spread = 1 + common * float(precision.sum())
        total = precision @ self._vectors[index]
        fit = common * float(total @ total) / spread - float(precision.sum())  # the vectors have unit length
        return self._half_dimensions * (fit - float(np.log(spread)) - float(np.log(own).sum()))
