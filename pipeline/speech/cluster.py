"""Clustering: which pieces are one voice, by agglomeration on log-odds.

The two clusters that are most likely one voice are joined, again and again, until even the likeliest pair is more
likely two voices. The odds of a pair add the evidence of the embeddings (`likeness`) to that of the segmentation, where
it heard both in one window.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from pipeline.speech.likeness import FITTED, Odds
from pipeline.speech.pieces import Piece

SHORTEST_VOICE_S = 0.8  #: s for which a voice must speak alone to count towards a wanted number
ONE_VOICE = 5.0  #: log-odds from which two groups stay one voice even where more voices are wanted

_SURE_WINDOWS = 3.0
_SURE_S = 0.3  # s of sound in common windows from which the segmentation is fully believed
_SURE = 0.98  # no affinity is taken to be nearer to 0 or 1

#: `CamPlus.embed`
Embed = Callable[[np.ndarray, np.ndarray, np.ndarray | float], np.ndarray]
Group = tuple[int, ...]  # indices of pieces


class Tree:
    """Clusters of pieces, and the log-odds that each pair of them is one voice.

    `same`, `weight`: see `pieces.affinity`. A cluster is known by the index of its first piece.
    """

    def __init__(
        self, pieces: Sequence[Piece], same: np.ndarray, weight: np.ndarray, embed: Embed, model: Odds = FITTED
    ) -> None:
        self._model = model
        self._embed = embed
        moments = [piece.moments for piece in pieces]
        self._total = np.array([total for total, _, _ in moments])
        self._squares = np.array([squares for _, squares, _ in moments])
        self._count = np.array([count for _, _, count in moments])
        self.seconds = np.array([piece.seconds for piece in pieces])
        certain = np.clip(same, 1 - _SURE, _SURE)
        heard = np.log(certain / (1 - certain)) / np.log(_SURE / (1 - _SURE))  # -1..1
        self._shared = np.minimum(weight / _SURE_WINDOWS, 1) * np.minimum(self.seconds[:, None], self.seconds)
        self._heard = heard * self._shared
        self._voices = embed(self._total, self._squares, self._count)
        self.groups: dict[int, Group] = {i: (i,) for i in range(len(pieces))}
        self.odds = np.full((len(pieces), len(pieces)), -np.inf)
        for i in self.groups:
            self._score(i)

    def _score(self, i: int) -> None:
        """Compute row and column `i` of the odds."""
        others = np.array([j for j in self.groups if j != i], int)
        if not len(others):
            return
        sound = self._model.similarity.log_odds(
            self._voices[others] @ self._voices[i], self.seconds[others], self.seconds[i]
        )
        shared = self._shared[i, others]
        heard = self._model.heard * self._heard[i, others] / np.maximum(shared, 1e-6) * np.minimum(1, shared / _SURE_S)
        self.odds[i, others] = self.odds[others, i] = sound + heard

    def best(self, rows: Sequence[int] | None = None) -> tuple[float, int, int]:
        """Return (log-odds, one, other) of the likeliest pair; one of the two is among `rows`, if given."""
        columns = np.array(list(self.groups))
        chosen = columns if rows is None else np.array(rows)
        part = self.odds[np.ix_(chosen, columns)]
        at = int(part.argmax())
        return float(part.flat[at]), int(chosen[at // len(columns)]), int(columns[at % len(columns)])

    def join(self, i: int, j: int) -> None:
        """Join clusters `i` and `j`."""
        i, j = min(i, j), max(i, j)
        for sums in (self._total, self._squares, self._count, self.seconds, self._heard, self._shared):
            sums[i] += sums[j]
        for matrix in (self._heard, self._shared):
            matrix[:, i] += matrix[:, j]
        self.groups[i] += self.groups.pop(j)
        self.odds[j] = self.odds[:, j] = -np.inf
        self._voices[i] = self._embed(self._total[i], self._squares[i], float(self._count[i]))
        self._score(i)


def cluster(
    pieces: Sequence[Piece],
    same: np.ndarray,
    weight: np.ndarray,
    embed: Embed,
    voices: int | None = None,
    model: Odds = FITTED,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the voice of every piece, (pieces,), and the log-odds that each pair of voices is one, (voices, voices).

    The voices are numbered as they appear. `same`, `weight`: see `pieces.affinity`. `voices` is their number, if known;
    fewer are found if fewer speak for `SHORTEST_VOICE_S` each.
    """
    tree = Tree(pieces, same, weight, embed, model)
    if voices:
        for first, *rest in _chosen(_levels(Tree(pieces, same, weight, embed, model)), pieces, voices):
            for other in rest:
                tree.join(first, other)
        # A cluster that is too short to count joins its likeliest voice.
        while len(tree.groups) > 1 and (short := [i for i in tree.groups if tree.seconds[i] < SHORTEST_VOICE_S]):
            tree.join(*tree.best(short)[1:])
    else:
        while len(tree.groups) > 1:
            odds, one, other = tree.best()
            if odds < model.prior:
                break
            tree.join(one, other)
    order = sorted(tree.groups, key=lambda i: min(pieces[k].first for k in tree.groups[i]))
    labels = np.zeros(len(pieces), int)
    for label, i in enumerate(order):
        labels[list(tree.groups[i])] = label
    return labels, tree.odds[np.ix_(order, order)]


def _levels(tree: Tree) -> list[list[Group]]:
    """Return the groups after every join, down to one; groups that are surely one voice are joined in all of them."""
    levels: list[list[Group]] = []
    while True:
        odds, one, other = tree.best() if len(tree.groups) > 1 else (-np.inf, 0, 0)
        if odds < ONE_VOICE:
            levels.append(list(tree.groups.values()))
        if len(tree.groups) < 2:
            return levels
        tree.join(one, other)


def _chosen(levels: list[list[Group]], pieces: Sequence[Piece], voices: int) -> list[Group]:
    """Return the coarsest level with `voices` groups that are long enough to count, or as many as there can be."""
    counts = [
        sum(sum(pieces[i].seconds for i in group) >= SHORTEST_VOICE_S for group in level) or 1 for level in levels
    ]
    wanted = min(voices, max(counts))
    return next(level for level, count in zip(reversed(levels), reversed(counts), strict=True) if count >= wanted)
