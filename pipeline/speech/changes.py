"""Changes of voice, found by a hidden Markov model over chips of 0.2 s.

The states are the voices that clustering found. The embedding of the second around a chip says how well each voice fits
it. A change costs little after a pause or where the segmentation hears one, and much where it hears one voice go on.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from pipeline.speech.cluster import Embed
from pipeline.speech.likeness import FITTED, Odds, Similarity
from pipeline.speech.pieces import FRAMES_A_SECOND, Piece
from pipeline.speech.segmentation import FRAME_S

AROUND_S = 0.6  #: s before and after the middle of a chip that are heard with it
GAP_S = 0.1  #: s without a single voice, over which the voices before and after it are not heard together
AFTER_PAUSE = 0.8  #: probability that the voice stays over such a gap
STAYS, CHANGES = (
    0.985,
    0.3,
)  #: from chip to chip where the segmentation is sure that one voice goes on, or that it does not
LEAST_FRAMES = 10  #: of the embedding network: a voice with fewer is not known
ROUNDS = 3  #: at most; each round computes the voices anew from the chips that are now theirs


def refine(
    pieces: Sequence[Piece], labels: np.ndarray, steady: np.ndarray, embed: Embed, model: Odds = FITTED
) -> tuple[list[Piece], np.ndarray]:
    """Return pieces cut where the voice changes, and the voice of each.

    `steady`: see `pieces.steadiness`. No voice is lost: if one would be left without a chip, the search stops before
    that round.
    """
    voices = int(labels.max()) + 1 if len(labels) else 0
    if voices < 2:
        return list(pieces), labels
    chips = Chips(pieces, steady, embed)
    stay = chips.staying(model)
    owner = np.repeat(labels, [len(piece.counts) for piece in pieces])
    for _ in range(ROUNDS):
        found = viterbi(chips.odds(owner, voices, model.similarity), np.log(stay), np.log((1 - stay) / (voices - 1)))
        if len(np.unique(found)) < voices or (found == owner).all():
            break
        owner = found
    cut, names = [], []
    at = 0
    for piece in pieces:
        own = owner[at : at + len(piece.counts)]
        at += len(own)
        edges = [0, *(np.flatnonzero(np.diff(own)) + 1).tolist(), len(own)]
        for low, high in itertools.pairwise(edges):
            cut.append(piece.part(low, high))
            names.append(int(own[low]))
    return cut, np.array(names)


class Chips:
    """The chips of all pieces in order of time."""

    def __init__(self, pieces: Sequence[Piece], steady: np.ndarray, embed: Embed) -> None:
        self._embed = embed
        self._first = np.concatenate([piece.edges[:-1] for piece in pieces])
        self._last = np.concatenate([piece.edges[1:] for piece in pieces])
        # Columns: sums, sums of squares, number of frames.
        self._sums = np.concatenate([np.column_stack([p.totals, p.squares, p.counts]) for p in pieces])
        self.gap = (self._first[1:] - self._last[:-1]) * FRAME_S > GAP_S
        self.steady = steady[np.minimum(self._first[1:], len(steady) - 1)]
        self._low, self._high = self._windows()
        self._near = self._inside(np.ones(len(self._sums)))
        self._voice = embed(*_moments(self._near))

    def _windows(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the chips that are heard with each: the first and the one after the last, both (chips,).

        Between them there is no pause, and no change of voice that the segmentation hears.
        """
        middle = (self._first + self._last) / 2 * FRAME_S
        stretch = np.concatenate([[0], np.cumsum(self.gap | (self.steady < 0.5))])
        every = np.arange(len(middle))
        low = np.maximum(np.searchsorted(middle, middle - AROUND_S), np.searchsorted(stretch, stretch))
        high = np.minimum(
            np.searchsorted(middle, middle + AROUND_S, "right"), np.searchsorted(stretch, stretch, "right")
        )
        return np.minimum(low, every), np.maximum(high, every + 1)

    def _inside(self, weight: np.ndarray) -> np.ndarray:
        """Return the sums over the chips heard with each chip, (chips, 1025); `weight` (chips,) weighs each chip."""
        running = np.concatenate([np.zeros((1, self._sums.shape[1])), np.cumsum(self._sums * weight[:, None], 0)])
        return running[self._high] - running[self._low]

    def staying(self, model: Odds) -> np.ndarray:
        """Return how likely the voice stays the same from each chip to the next, (chips - 1,), 0..1."""
        return np.where(self.gap, model.after_pause, model.stays * self.steady + model.changes * (1 - self.steady))

    def odds(self, owner: np.ndarray, voices: int, similarity: Similarity) -> np.ndarray:
        """Return the log-odds that each chip is each voice's, (chips, voices).

        A voice is described by all its chips except those that are heard with the chip in question.
        """
        found = np.zeros((len(owner), voices))
        heard = self._near[:, -1] / FRAMES_A_SECOND
        share = self._sums[:, -1] / self._near[:, -1]  # chips nearby hear nearly the same sound
        for voice in range(voices):
            own = (owner == voice).astype(float)
            rest = own @ self._sums - self._inside(own)
            known = rest[:, -1] >= LEAST_FRAMES
            cosine = (self._voice[known] * self._embed(*_moments(rest[known]))).sum(1)
            odds = similarity.log_odds(cosine, heard[known], rest[known, -1] / FRAMES_A_SECOND)
            found[known, voice] = odds * share[known]
        return found


def _moments(sums: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    half = sums.shape[1] // 2
    return sums[:, :half], sums[:, half:-1], sums[:, -1]


def viterbi(odds: np.ndarray, stay: np.ndarray, change: np.ndarray) -> np.ndarray:
    """Return the path of states (n,) with the highest sum.

    The sum is that of `odds` (n, states) and, between neighbours, of `stay` or `change`, each (n - 1,).
    """
    count, states = odds.shape
    score = odds[0].copy()
    back = np.empty((count, states), int)
    every = np.arange(states)
    for i in range(1, count):
        best = int(score.argmax())
        moved, kept = score[best] + change[i - 1], score + stay[i - 1]
        back[i] = np.where(kept >= moved, every, best)
        score = np.maximum(kept, moved) + odds[i]
    path = [int(score.argmax())]
    for i in range(count - 1, 0, -1):
        path.append(int(back[i, path[-1]]))
    return np.array(path[::-1])
