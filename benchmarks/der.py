#!/usr/bin/env python3
"""Diarization error rate of turns against a reference.

    python -m benchmarks.der [--speakers]
    python -m benchmarks.der reference.rttm hypothesis.rttm

Missed + false alarm + confused speech over reference speech, under the best one-to-one naming of speakers; as NIST's RT
evaluations count it (0.25 s on both sides of every reference boundary are not scored, nor is overlapped speech), and
strictly (everything is scored). Without files the light set's diarizer hears every clip of the recorded clips that has
an RTTM, and the processor time it takes over the length of the clip is printed, too; with `--speakers` it is told how
many voices there are.
"""

from __future__ import annotations

import argparse
import time
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


def both(reference: Sequence[Turn], hypothesis: Sequence[Turn]) -> tuple[float, float]:
    """Return the error rate as NIST counts it, and strictly."""
    return der(reference, hypothesis), der(reference, hypothesis, collar=0.0, overlap=True)


def clips(told: bool) -> None:
    """Diarize every clip with a reference and print a line for each and one for the meetings.

    Raises ModelError where the weights cannot be had.
    """
    from pipeline import Settings, load_models, media
    from pipeline.progress import finish
    from pipeline.workspace import workspace

    models, found = load_models(Settings(models="light")), []
    print(f"{'clip':16}{'DER':>8}{'strict':>8}{'voices':>8}{'found':>7}{'CPU':>8}")
    for file in sorted((Path(__file__).parents[2] / "shared" / "clips").glob("*.rttm")):
        truth = read_rttm(file)
        names = {turn[2] for turn in truth}
        with workspace() as folder:
            clip = media.probe(file.with_suffix(".flac"), Settings())
            finish(media.extract_sound(clip, folder / "sound.wav"))
            start = time.process_time()
            heard = finish(models.diarize(folder / "sound.wav", len(names) if told else None))
            taken = (time.process_time() - start) / clip.duration
        rates = both(truth, [(turn.start, turn.end, turn.speaker) for turn in heard.turns])
        print(f"{file.stem:16}{rates[0]:8.3f}{rates[1]:8.3f}{len(names):8}{len(heard.voices):7}{taken:8.3f}")
        if file.stem.startswith("meeting_"):
            found.append(rates)
    if found:
        print(f"{'meetings, mean':16}{np.mean([r[0] for r in found]):8.3f}{np.mean([r[1] for r in found]):8.3f}")


def main(arguments: Iterable[str] | None = None) -> None:
    """Print the error rate of two files, or of the light diarizer on every clip with reference turns."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="*", metavar="RTTM", help="reference and hypothesis")
    parser.add_argument("--speakers", action="store_true", help="tell the diarizer how many voices there are")
    chosen = parser.parse_args(None if arguments is None else list(arguments))
    if not chosen.files:
        return clips(chosen.speakers)
    if len(chosen.files) != 2:
        parser.error("give a reference and a hypothesis, or no file")
    reference, hypothesis = (read_rttm(file) for file in chosen.files)
    loose, strict = both(reference, hypothesis)
    print(
        f"{loose:.4f}, strict {strict:.4f}  ({len({t[2] for t in reference})} speakers, found "
        f"{len({t[2] for t in hypothesis})})"
    )


if __name__ == "__main__":
    main()
