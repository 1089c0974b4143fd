"""Fit the weights of the inference that `fit_people` does not, by what they do to whole clips, with people left out.

    python -m benchmarks.fit_weights [FOLDER ...] [--folds 4] [--rounds 2] [--jobs 2] [--any]

These weights have no samples of their own to be fitted on: they decide together who is who. So every weight is varied
over a few values while the others stay (coordinate search), and the value is taken under which most words of the clips
get the right person and the right face. A value that is no better than today's changes nothing.

The people of all clips are divided into folds. For each fold the search runs on the clips in which nobody of the fold
is seen or heard, and the others are judged with what it found. Printed are these judgements beside those of today's
weights, the weights that all clips together give, and on the last line the figures as JSON. Records must have been
perceived (`python -m benchmarks.perceive`); clips that are marked hard are left out of the search and of the figures.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks import perceive
from benchmarks.fit_people import answer_of, folds_of, left_out
from benchmarks.judge import judge
from benchmarks.perceive import Case
from pipeline.people.parameters import Parameters

#: The values that are tried for each weight, today's among them.
VALUES: dict[str, tuple[float, ...]] = {
    "voice_session": (0.4, 0.6, 0.8, 0.9),
    "face_session": (0.3, 0.6, 0.8, 0.9),
    "unusual": (0.03, 0.06, 0.1, 0.2),
    "same_turn": (4.0, 6.0, 8.0, 12.0),
    "same_label": (1.0, 2.0, 4.0),
    "other_label": (0.5, 1.0, 1.5, 2.5),
    "word_looks_per_second": (2.0, 3.0, 4.0, 6.0),
    "voice_over": (0.005, 0.02, 0.05, 0.1),
    "shown": (0.6, 0.75, 0.85, 0.95),
    "has_face": (0.6, 0.75, 0.9),
    "new_voice": (-4.0, -2.5, -1.5),
    "new_face": (-3.0, -1.5, -0.5),
    "label_per_second": (1.0, 2.0, 4.0),
    "voice_per_second": (2.0, 3.0, 5.0),
    "change": (4.0, 5.0, 6.0),
    "change_voice": (3.0, 4.0, 5.0),
    "doubt": (0.2, 0.4, 0.8),
}
#: The least gain, in shares of the words of a clip on average over the clips, for which a weight changes: one word in a
#: clip of a hundred and twenty.
LEAST_GAIN = 0.0005


def score(case: Case, parameters: Parameters) -> tuple[float, float]:
    """Return the shares of the words of `case` with the right person and the right face."""
    found = judge(answer_of(case, parameters), case.truth, case.media.width)
    return found.speaker, found.face


class Search:
    """Scores of clips under weights, each computed once."""

    def __init__(self, cases: Sequence[Case], pool: ProcessPoolExecutor) -> None:
        self.cases = {case.name: case for case in cases}
        self._pool = pool
        self._known: dict[tuple[Parameters, str], tuple[float, float]] = {}

    def scores(self, parameters: Parameters, names: Sequence[str]) -> dict[str, tuple[float, float]]:
        """Return the scores of the clips `names`."""
        missing = [name for name in names if (parameters, name) not in self._known]
        found = self._pool.map(score, [self.cases[name] for name in missing], [parameters] * len(missing), chunksize=4)
        self._known |= {(parameters, name): value for name, value in zip(missing, found, strict=True)}
        return {name: self._known[parameters, name] for name in names}

    def mean(self, parameters: Parameters, names: Sequence[str]) -> float:
        """Return the mean of both shares over the clips `names`."""
        return float(np.mean(list(self.scores(parameters, names).values())))

    def fit(self, names: Sequence[str], start: Parameters, rounds: int) -> Parameters:
        """Return `start` with the weights under which the clips `names` come out best."""
        best, reached = start, self.mean(start, names)
        for _ in range(rounds):
            before = best
            for name, values in VALUES.items():
                tried = [replace(best, **{name: value}) for value in values if value != getattr(best, name)]
                gained = [self.mean(parameters, names) for parameters in tried]
                if max(gained) > reached + LEAST_GAIN:
                    best, reached = tried[int(np.argmax(gained))], max(gained)
            if best == before:
                break
        return best


def changes(parameters: Parameters, start: Parameters) -> str:
    """Return the weights that differ from `start`, as text."""
    found = [
        f"{name} {getattr(start, name):g} -> {getattr(parameters, name):g}"
        for name in VALUES
        if getattr(parameters, name) != getattr(start, name)
    ]
    return ", ".join(found) or "nothing changes"


def main(say: Callable[[str], None] = print) -> None:
    """Fit on the people left in, judge on those left out, and print both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="*")
    parser.add_argument("--folds", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument(
        "--any", action="store_true", help="take records of other code where there are none of this one"
    )
    given = parser.parse_args()
    cases = [case for case in perceive.cases(given.folders or None, [], given.any) if not case.hard]
    start = Parameters()
    judged: dict[str, dict[str, tuple[float, float]]] = {"today": {}, "left out": {}}
    with ProcessPoolExecutor(given.jobs, multiprocessing.get_context("spawn")) as pool:
        search = Search(cases, pool)
        for number, (fitted_on, judged_on) in enumerate(left_out(cases, folds_of(cases, given.folds)), 1):
            if not fitted_on:
                continue
            found = search.fit([case.name for case in fitted_on], start, given.rounds)
            names = [case.name for case in judged_on if case.name not in judged["today"]]
            say(f"fold {number}: fitted on {len(fitted_on)} clips, judges {len(names)}: {changes(found, start)}")
            judged["today"] |= search.scores(start, names)
            judged["left out"] |= search.scores(found, names)
        everything = list(search.cases)
        found = search.fit(everything, start, given.rounds)
        say(f"all {len(everything)} clips: {changes(found, start)}")
        judged["all"] = search.scores(found, everything)
    figures = {
        kind: {
            "clips": len(rows),
            "speaker": round(float(np.mean([speaker for speaker, _ in rows.values()])), 4),
            "face": round(float(np.mean([face for _, face in rows.values()])), 4),
        }
        for kind, rows in judged.items()
    }
    say(json.dumps(figures))


if __name__ == "__main__":
    main()
