#!/usr/bin/env python3
"""Diarization error rate of turns against a reference: numpy and the standard library.

    python benchmarks/der.py reference.rttm hypothesis.rttm [--collar 0.25] [--overlap]

Missed + false alarm + confused speech over reference speech, under the best one-to-one naming of speakers. `collar` s on
both sides of every reference boundary are not scored (NIST RT's 0.25 by default); overlapped speech only with `--overlap`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from itertools import permutations
from pathlib import Path

import numpy as np

Turn = tuple[float, float, str]  # start s, end s, speaker

STEP_S = 0.01


def der(reference: Sequence[Turn], hypothesis: Sequence[Turn], *, collar: float = 0.25, overlap: bool = False) -> float:
    """The error rate, 0 for a perfect answer; it may exceed 1. A reference without speech gives 0 or 1."""
    end = max((turn[1] for turn in [*reference, *hypothesis]), default=0.0)
    times = (np.arange(int(end / STEP_S) + 1) + 0.5) * STEP_S
    truth, answer = _active(reference, times), _active(hypothesis, times)
    scored = np.ones(len(times), bool)
    if collar > 0:
        for start, stop, _ in reference:
            for edge in (start, stop):
                scored &= np.abs(times - edge) > collar
    if not overlap:
        scored &= truth.sum(0) < 2
    truth, answer = truth[:, scored], answer[:, scored]
    said, heard = truth.sum(0), answer.sum(0)
    together = truth.astype(int) @ answer.T.astype(int)  # frames in which true speaker i and found speaker j both speak
    wrong = np.maximum(said, heard).sum() - _best(together)
    return float(wrong / said.sum()) if said.sum() else float(heard.sum() > 0)


def _active(turns: Sequence[Turn], times: np.ndarray) -> np.ndarray:
    names = sorted({turn[2] for turn in turns})
    active = np.zeros((len(names), len(times)), bool)
    for start, end, name in turns:
        active[names.index(name)] |= (times >= start) & (times < end)
    return active


def _best(together: np.ndarray) -> int:
    """The most frames that a one-to-one naming of speakers can get right."""
    if together.shape[0] > together.shape[1]:
        together = together.T
    rows, columns = together.shape
    if columns <= 7:
        return max(
            sum(int(together[i, j]) for i, j in enumerate(order)) for order in permutations(range(columns), rows)
        )
    from scipy.optimize import linear_sum_assignment

    return int(together[linear_sum_assignment(together, maximize=True)].sum())


def read_rttm(path: Path) -> list[Turn]:
    """The turns of the SPEAKER lines."""
    fields = (line.split() for line in path.read_text().splitlines())
    return [(float(f[3]), float(f[3]) + float(f[4]), f[7]) for f in fields if f and f[0] == "SPEAKER"]


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reference", type=Path)
    parser.add_argument("hypothesis", type=Path)
    parser.add_argument("--collar", type=float, default=0.25, help="s on both sides of a boundary that are not scored")
    parser.add_argument("--overlap", action="store_true", help="score overlapped speech too")
    chosen = parser.parse_args(None if arguments is None else list(arguments))
    reference, hypothesis = read_rttm(chosen.reference), read_rttm(chosen.hypothesis)
    rate = der(reference, hypothesis, collar=chosen.collar, overlap=chosen.overlap)
    print(f"{rate:.4f}  ({len({t[2] for t in reference})} speakers, found {len({t[2] for t in hypothesis})})")


if __name__ == "__main__":
    main()
