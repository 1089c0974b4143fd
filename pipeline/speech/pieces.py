"""Pieces: short stretches in which one voice speaks alone, with the sums from which they are embedded."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.speech.local_voices import STEP, LocalVoices
from pipeline.speech.segmentation import FRAME_S, FRAMES, VOICES

CHIP_S = 0.2  #: length of a chip
LONGEST_S = 1.5  #: limits the damage of a change of voice that the segmentation misses
SHORTEST = 6  # frames, 0.1 s: anything shorter holds too little of a voice
FRAMES_A_SECOND = 50  #: of the embedding network
_REACH = 12  # frames, 0.2 s on both sides of a possible change of voice


@dataclass(frozen=True, slots=True)
class Piece:
    """The frames `first` to before `last`, in `chips` of about 0.2 s that can be given to voices one by one."""

    edges: np.ndarray  #: (chips + 1,) frames between the chips
    totals: np.ndarray  #: (chips, 512) sums over the frames of the embedding network
    squares: np.ndarray  #: (chips, 512) sums of their squares
    counts: np.ndarray  #: (chips,) number of those frames

    @property
    def first(self) -> int:
        """Return the first frame."""
        return int(self.edges[0])

    @property
    def last(self) -> int:
        """Return the frame after the last."""
        return int(self.edges[-1])

    @property
    def moments(self) -> tuple[np.ndarray, np.ndarray, float]:
        """Return the sum, the sum of squares and the number of the frames of the embedding network."""
        return self.totals.sum(0), self.squares.sum(0), float(self.counts.sum())

    @property
    def seconds(self) -> float:
        """Return the s of sound behind the embedding."""
        return float(self.counts.sum()) / FRAMES_A_SECOND

    def part(self, low: int, high: int) -> Piece:
        """Return the piece made of chips `low` to before `high`."""
        chips = slice(low, high)
        return Piece(self.edges[low : high + 1], self.totals[chips], self.squares[chips], self.counts[chips])

    def inside(self, first: int, last: int) -> Piece | None:
        """Return the part whose chips have their middles in frames `first` to before `last`, None if there are none."""
        middle = (self.edges[1:] + self.edges[:-1]) / 2
        low, high = np.searchsorted(middle, [first, last]).tolist()
        return self.part(low, high) if high > low else None


def together(pieces: Sequence[Piece]) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the moments of several pieces, at least one."""
    totals, squares, counts = zip(*(piece.moments for piece in pieces), strict=True)
    return np.sum(totals, axis=0), np.sum(squares, axis=0), float(sum(counts))


def spans(local: LocalVoices) -> list[tuple[int, int]]:
    """Return the frames (first, last) of every piece: where one voice speaks alone, cut where the voice changes."""
    alone = local.mean(local.alone).sum(1) > 0.5
    stays = steadiness(local)
    found: list[tuple[int, int]] = []
    for first, last in runs(alone):
        edges = [first]
        for low, high in runs(stays[first:last] < 0.5):
            edges.append(first + low + int(stays[first + low : first + high].argmin()))
        edges.append(last)
        for start, end in itertools.pairwise(edges):
            if end - start >= SHORTEST:
                parts = int(np.ceil((end - start) * FRAME_S / LONGEST_S))
                inner = np.linspace(start, end, parts + 1).round().astype(int).tolist()
                found += itertools.pairwise(inner)
    return found


def runs(mask: np.ndarray) -> list[tuple[int, int]]:
    """Return (first, last) of every stretch of True in a one-dimensional mask; `last` is the first False after it."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def steadiness(local: LocalVoices) -> np.ndarray:
    """Return how likely the voice after each frame's start is the one that spoke before it, (frames,), 0..1."""
    before = np.zeros((len(local.classes), FRAMES, 2), np.float32)
    at = np.arange(FRAMES)
    for window, alone in enumerate(local.alone):
        sums = np.concatenate([np.zeros((1, VOICES)), np.cumsum(alone, 0, dtype=np.float64)])
        past = sums[at] - sums[np.maximum(0, at - _REACH)]
        future = sums[np.minimum(FRAMES, at + _REACH)] - sums[at]
        before[window, :, 0] = (past * future).sum(1)
        before[window, :, 1] = past.sum(1) * future.sum(1)
    both = local.mean(before)
    return both[:, 0] / np.maximum(both[:, 1], 1e-9)


def affinity(local: LocalVoices, pieces: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Return how likely each pair of pieces is one voice by the segmentation, (n, n), 0..1, and its weight, (n, n).

    The weight is the number of windows that hold both pieces, each weighted by how sure it is that one voice speaks
    alone.
    """
    same = np.zeros((len(pieces), len(pieces)), np.float32)
    weight = np.zeros_like(same)
    firsts, lasts = np.array([p[0] for p in pieces]), np.array([p[1] for p in pieces])
    for window, alone in enumerate(local.alone):
        start = window * STEP
        inside = np.flatnonzero((firsts >= start) & (lasts <= start + FRAMES))
        if not len(inside):
            continue
        means = np.stack([alone[firsts[i] - start : lasts[i] - start].mean(0) for i in inside])
        sure = means.sum(1, keepdims=True)
        voice = means / np.maximum(sure, 1e-3)
        both = sure @ sure.T
        same[np.ix_(inside, inside)] += voice @ voice.T * both
        weight[np.ix_(inside, inside)] += both
    return same / np.maximum(weight, 1e-9), weight
