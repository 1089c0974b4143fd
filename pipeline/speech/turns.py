"""Turns: the voices of the pieces put back into time, where they may overlap."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from pipeline.speech.local_voices import STEP, LocalVoices
from pipeline.speech.pieces import SHORTEST, Piece, runs
from pipeline.speech.segmentation import FRAME_S, FRAMES, POWERSET, VOICES

JOIN_S = 0.3  #: turns of one voice closer than this are one turn
SHORTEST_S = 0.12  #: a shorter turn is dropped
LONGEST_S = 10.0  #: a longer turn is cut, so that its parts have embeddings of their own

_SECOND_VOICE = 0.3  # score from which the likelier of the other voices speaks too, where two voices are heard
_PAIRS = tuple(tuple(np.flatnonzero(row).tolist()) for row in POWERSET[1 + VOICES :])


def scores(local: LocalVoices, pieces: Sequence[Piece], labels: np.ndarray, voices: int) -> np.ndarray:
    """Return how likely each voice speaks at each frame of the sound, (frames, voices).

    Inside a piece, the speaker is the piece's voice. Elsewhere, and for anybody who speaks beside it, a local voice of
    a window belongs to the voice of the pieces in which it is heard there. `voices` may be more than `labels` names:
    the others never speak alone, so a local voice that is alone for less than the shortest piece is likely theirs.
    """
    nobody = np.where(np.arange(voices) > labels.max(initial=-1), float(SHORTEST), 1e-3)
    owner = np.full((len(local.classes) - 1) * STEP + FRAMES, -1)
    for piece, label in zip(pieces, labels, strict=True):
        owner[piece.first : piece.last] = label
    values = np.empty((len(local.classes), FRAMES, voices), np.float32)
    for window, classes in enumerate(local.classes):
        owned = owner[window * STEP : window * STEP + FRAMES]
        alone = classes[:, 1 : 1 + VOICES]
        heard = np.stack([alone[owned == voice].sum(0) for voice in range(voices)], axis=1) + nobody
        share = heard / heard.sum(1, keepdims=True)  # (local voices, voices)
        part = alone @ share
        known = np.flatnonzero(owned >= 0)
        part[known] = 0
        part[known, owned[known]] = alone[known].sum(1)
        for column, (one, other) in enumerate(_PAIRS, 1 + VOICES):
            part += classes[:, column, None] * _two(share[one], share[other])
        values[window] = part
    return local.mean(values)


def _two(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return how likely each voice is among the two who speak at once.

    one, other: (voices,) how likely each voice is the first and the second local voice.
    """
    joint = np.outer(one, other)
    apart = joint - np.diag(joint.diagonal())
    # The network may take one voice for two; nobody speaks twice at once.
    return apart.sum(0) + apart.sum(1) + joint.diagonal()


def active(local: LocalVoices, scores: np.ndarray) -> np.ndarray:
    """Return the voices that speak at each frame, (frames, voices) bool.

    They are the likeliest ones, as many as the segmentation hears at once.
    """
    classes = local.mean(local.classes)
    someone, two = classes[:, 0] < 0.5, classes[:, 1 + VOICES :].sum(1) > 0.5
    order = np.argsort(-scores, axis=1)
    speaks = np.zeros(scores.shape, bool)
    every = np.arange(len(scores))
    speaks[every, order[:, 0]] = someone
    if scores.shape[1] > 1:
        second = order[:, 1]
        speaks[every, second] |= two & (scores[every, second] > _SECOND_VOICE)
    return speaks


def spans(speaks: np.ndarray) -> list[tuple[int, int, int]]:
    """Return (first frame, last frame, voice) of every turn in order of time: short gaps closed, long turns cut."""
    found = []
    for voice in range(speaks.shape[1]):
        joined: list[list[int]] = []
        for first, last in runs(speaks[:, voice]):
            if joined and (first - joined[-1][1]) * FRAME_S < JOIN_S:
                joined[-1][1] = last
            else:
                joined.append([first, last])
        for first, last in joined:
            if (last - first) * FRAME_S < SHORTEST_S:
                continue
            parts = int(np.ceil((last - first) * FRAME_S / LONGEST_S))
            edges = np.linspace(first, last, parts + 1).round().astype(int).tolist()
            found += [(a, b, voice) for a, b in itertools.pairwise(edges)]
    return sorted(found)
