"""Odds that two stretches of sound are one voice.

Both parts are fitted by `python -m benchmarks.fit_voices`: how alike embeddings are, given how much sound is behind
each, and how far to believe the segmentation where it hears both stretches in one window.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.records import Likeness


@dataclass(frozen=True, slots=True)
class Similarity:
    """Statistics of the cosine similarity of CAM++ embeddings inside one recording.

    An embedding is the voice's direction plus noise whose energy falls as one over the seconds behind it, so samples of
    s and t seconds are less alike than long ones by the factor 1 / sqrt((1 + noise_s / s) (1 + noise_s / t)).
    """

    noise_s: float  #: s of sound whose noise is as strong as the voice
    noise_dimensions: float  #: number of independent directions of that noise
    same: float  #: of long samples of one voice: mean
    same_spread: float  #: and standard deviation
    other: float  #: of two voices
    other_spread: float

    def log_odds(self, cosine: np.ndarray, seconds: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Return the log likelihood ratio (natural) of one voice against two for each `cosine`.

        `seconds` and `others` are the s of sound behind the two embeddings; the three are broadcast against each other.
        """
        squared = 1 / ((1 + self.noise_s / seconds) * (1 + self.noise_s / others))
        factor, noise = np.sqrt(squared), (1 - squared) / self.noise_dimensions
        same = self.same_spread**2 * squared + noise
        other = self.other_spread**2 * squared + noise
        # A similarity above the mean of one voice is no evidence against one voice, nor one below the mean of two
        # against two.
        below = np.minimum(cosine - self.same * factor, 0.0)
        above = np.maximum(cosine - self.other * factor, 0.0)
        return 0.5 * (above**2 / other + np.log(other) - below**2 / same - np.log(same))


@dataclass(frozen=True, slots=True)
class Odds:
    """The parameters of clustering and of changes of voice. Log-odds are natural."""

    similarity: Similarity
    heard: float  #: log-odds that the segmentation gives where it is sure
    prior: float  #: log-odds that two clusters must reach to be one voice
    stays: float  #: probability that the voice stays for 0.2 s where the segmentation hears one voice go on
    changes: float  #: the same where it hears another voice begin
    after_pause: float  #: the same over a pause


FITTED = Odds(
    Similarity(1.185, 58.2, 0.98, 0.05, 0.221, 0.139),
    heard=2.78,
    prior=-2.0,
    stays=0.9968,
    changes=0.597,
    after_pause=0.302,
)

#: The same statistics as a record for later stages.
LIKENESS = Likeness(
    same=FITTED.similarity.same,
    different=FITTED.similarity.other,
    dimensions=round(1 / FITTED.similarity.other_spread**2, 1),
    per_second=round(1 - (1 + FITTED.similarity.noise_s) ** -0.5, 3),
)
