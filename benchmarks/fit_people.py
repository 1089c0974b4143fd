"""Fit the parameters of the inference of people, and judge them on people who were left out.

    python -m benchmarks.fit_people [FOLDER ...] [--folds 4] [--only TEXT ...] [--any]

The records of the clips must have been perceived (`python -m benchmarks.perceive`). The people of all clips are divided
into folds. For each fold the parameters are fitted on the clips in which nobody of the fold is seen or heard, and
judged on the others. Printed are the parameters that all clips together give, which belong into
`pipeline/people/parameters.py` and `pipeline/speech/diarize.py`, and on the last line, as JSON, the figures of the
people left out.

Fitted are: the statistics of voiceprints and faces, so that the log-odds of pairs predict best whether they are one
person's; what the evidence of a mouth is worth, so that bounded sums over pieces of turns predict best who speaks; and
the calibration of the confidence. The priors (how often a speaker is seen, how much a change of speaker costs) are
stated in `Parameters` with their meaning: composed clips say nothing about how often things happen in real ones.
`unreadable` is stated, too, whatever is printed for it: in the composed clips people talk to a camera.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from benchmarks import perceive
from benchmarks.judge import EDGE, HALVES, judge, summary
from benchmarks.perceive import Case
from pipeline.people import attribute
from pipeline.people.likeness import Grouping
from pipeline.people.parameters import FACE_LIKENESS, VOICE_LIKENESS, Parameters
from pipeline.people.scene import Scene
from pipeline.records import FaceTrack, Likeness, Turn

Array = NDArray[np.float64]
#: A sample for a pair: two vectors, seconds of each, and whether they are one person's.
Pair = tuple[Sequence[float], Sequence[float], float, float, bool]
#: Share of a turn that one true speaker must fill for the turn to count as theirs.
PURE = 0.85
#: Weight of what is believed before anything is measured, in samples: samples of one clip are not independent.
PRIOR = 10.0


def true_speaker(case: Case, start: float, end: float) -> str | None:
    """Return who speaks between `start` and `end`, or None where that is nobody or more than one."""
    shares: dict[str, float] = {}
    for turn in case.truth["turns"]:
        common = min(end, turn["end"]) - max(start, turn["start"])
        if common > 0:
            shares[turn["speaker"]] = shares.get(turn["speaker"], 0.0) + common
    best = max(shares, key=lambda name: shares[name], default=None)
    if best is None or shares[best] < PURE * (end - start) or sum(shares.values()) - shares[best] > 0.1 * (end - start):
        return None
    return best


def is_shown_speaking(case: Case, track: FaceTrack, t: float) -> bool | None:
    """Return whether `track` is the face that speaks at `t`, None where the truth does not say."""
    turn = next((u for u in case.truth["turns"] if u["start"] + EDGE <= t < u["end"] - EDGE), None)
    if turn is None:
        return None
    place = turn["face"]
    if place is None:
        return False
    here = [other for other in case.faces.tracks if other.boxes[0].t <= t <= other.boxes[-1].t]
    if place == "any" and len(here) > 1:
        return None
    low, high = HALVES[place] if isinstance(place, str) else place
    at = [box.t for box in track.boxes]
    middle = float(np.interp(t, at, [(box.left + box.right) / 2 for box in track.boxes])) / case.media.width
    return low <= middle <= high


# --- pairs of embeddings ----------------------------------------------------------------------------------------------


def voice_pairs(cases: Sequence[Case]) -> list[Pair]:
    """Return pairs of turns of one clip, each said by one person."""
    found: list[Pair] = []
    for case in cases:
        turns = [(turn, true_speaker(case, turn.start, turn.end)) for turn in case.diarization.turns if turn.embedding]
        known: list[tuple[Turn, str]] = [(turn, who) for turn, who in turns if who is not None]
        for (a, who_a), (b, who_b) in itertools.combinations(known, 2):
            seconds = (a.clean_s or a.end - a.start, b.clean_s or b.end - b.start)
            found.append((a.embedding, b.embedding, *seconds, who_a == who_b))
    return found


def face_pairs(cases: Sequence[Case]) -> list[Pair]:
    """Return pairs of tracks of one clip: both on screen together (two people), or both seen speaking."""
    found: list[Pair] = []
    for case in cases:
        owners = {track.id: owner(case, track) for track in case.faces.tracks if track.embedding}
        described = [track for track in case.faces.tracks if track.embedding]
        for a, b in itertools.combinations(described, 2):
            seconds = tuple(min(5.0, t.boxes[-1].t - t.boxes[0].t) + 0.2 for t in (a, b))
            if a.is_beside(b):
                found.append((a.embedding, b.embedding, seconds[0], seconds[1], False))
            elif owners[a.id] and owners[b.id] and a.shot != b.shot:
                found.append((a.embedding, b.embedding, seconds[0], seconds[1], owners[a.id] == owners[b.id]))
    return found


def owner(case: Case, track: FaceTrack) -> str | None:
    """Return whose face `track` is, where the truth shows it speaking."""
    for turn in case.truth["turns"]:
        t = max(turn["start"] + EDGE, track.boxes[0].t) + 0.05
        if t < min(turn["end"] - EDGE, track.boxes[-1].t) and is_shown_speaking(case, track, t):
            return str(turn["speaker"])
    return None


def fit_likeness(pairs: Sequence[Pair], start: Likeness) -> Likeness:
    """Return the statistics under which the log-odds of `pairs` predict best which are one person's."""
    labels = np.array([same for *_, same in pairs])
    if not labels.any() or labels.all():
        return start
    weights = np.where(labels, 0.5 / labels.sum(), 0.5 / (~labels).sum())

    def likeness(x: Array) -> Likeness:
        different = float(np.clip(x[0], 0.0, 0.95))
        same = float(np.clip(different + np.exp(x[1]), different + 0.02, 0.98))
        return Likeness(
            same, different, float(np.exp(np.clip(x[2], 1.0, 5.0))), float(np.exp(np.clip(x[3], -7.0, 0.5)))
        )

    guess = np.array(
        [start.different, np.log(start.same - start.different), np.log(start.dimensions), np.log(start.per_second)]
    )
    apart = np.array([0.1, 0.3, 0.5, 0.7])  # standard deviations of what is believed beforehand

    def loss(x: Array) -> float:
        odds = np.array([_pair_odds(pair, likeness(x)) for pair in pairs])
        penalty = PRIOR / len(pairs) * float((((x - guess) / apart) ** 2).sum())
        return float(weights @ np.logaddexp(0, np.where(labels, -odds, odds))) + penalty

    options = {"maxiter": 150, "xatol": 0.02, "fatol": 1e-4}
    found = minimize(loss, guess, method="Nelder-Mead", options=options)
    best = likeness(found.x)
    return Likeness(*(round(v, 3) for v in (best.same, best.different, best.dimensions, best.per_second)))


def _pair_odds(pair: Pair, likeness: Likeness) -> float:
    a, b, first, second, _ = pair
    return Grouping(np.array([a, b]), np.array([first, second]), likeness, Parameters().unusual).log_odds((0, 1))


# --- the evidence of mouths -------------------------------------------------------------------------------------------


def mouth_samples(cases: Sequence[Case]) -> tuple[Array, NDArray[np.bool_]]:
    """Return mean evidence x seconds of every track in every piece of a turn, and whether it is the face that
    speaks.
    """
    values, labels = [], []
    for case in cases:
        scene = Scene(case.diarization, case.faces, Parameters())
        for piece in scene.pieces:
            for j, track in enumerate(scene.tracks):
                if not track.boxes[0].t <= (piece.start + piece.end) / 2 <= track.boxes[-1].t:
                    continue
                says = {is_shown_speaking(case, track, t) for t in np.linspace(piece.start, piece.end, 7)[1:-1]}
                if says in ({True}, {False}) and scene.readable[j, scene.frames(piece.start, piece.end)].any():
                    values.append(float(scene.speaking[j, scene.frames(piece.start, piece.end)].sum()) / 25)
                    labels.append(True in says)
    return np.array(values), np.array(labels, bool)


def fit_mouths(values: Array, labels: NDArray[np.bool_], start: Parameters) -> Parameters:
    """Return `start` with the looks a second and the two bounds under which mouths predict best who speaks."""
    if not labels.any() or labels.all():
        return start
    weights = np.where(labels, 0.5 / labels.sum(), 0.5 / (~labels).sum())

    def parameters(x: Array) -> Parameters:
        share = 1 / (1 + np.exp(-np.clip(x[1:], -7, -2)))
        looks = float(np.exp(np.clip(x[0], -2.0, 2.0)))
        return replace(start, looks_per_second=looks, unreadable=float(share[0]), deceptive=float(share[1]))

    guess = np.array([0.4, -4.0, -4.5])

    def loss(x: Array) -> float:
        p = parameters(x)
        odds = bounded(values * p.looks_per_second, p)
        penalty = PRIOR / len(values) * float(((x - guess) ** 2).sum())
        return float(weights @ np.logaddexp(0, np.where(labels, -odds, odds))) + penalty

    found = minimize(loss, guess, method="Nelder-Mead", options={"maxiter": 400})
    best = parameters(found.x)
    return replace(
        best,
        looks_per_second=round(best.looks_per_second, 2),
        unreadable=round(best.unreadable, 4),
        deceptive=round(best.deceptive, 4),
    )


def bounded(log_odds: Array, p: Parameters) -> Array:
    """Return what `Scene.bounded` makes of the evidence."""
    low = np.logaddexp(np.log1p(-p.unreadable) + log_odds, np.log(p.unreadable))
    return np.asarray(-np.logaddexp(np.log1p(-p.deceptive) - low, np.log(p.deceptive)))


# --- the confidence ---------------------------------------------------------------------------------------------------

#: Small enough that no log-odds saturate in the three decimals of a confidence.
FINE = 0.05


def phrase_logits(cases: Sequence[Case], p: Parameters) -> tuple[Array, NDArray[np.bool_], Array]:
    """Return (n, 2) log-odds of person and face of every phrase, whether both are right, and its seconds."""
    columns = []
    for weights in ((FINE, 0.0), (0.0, FINE)):
        probe = replace(p, confidence_bias=0.0, confidence_person=weights[0], confidence_face=weights[1])
        column, right, seconds = [], [], []
        for case in cases:
            for phrase in judge(answer_of(case, probe), case.truth, case.media.width).phrases:
                share = min(0.999, max(0.001, phrase.confidence))
                column.append(float(np.log(share / (1 - share))) / FINE)
                right.append(phrase.right)
                seconds.append(phrase.seconds)
        columns.append(column)
    return np.array(columns).T, np.array(right, bool), np.array(seconds)


def fit_confidence(logits: Array, right: NDArray[np.bool_], start: Parameters) -> Parameters:
    """Return `start` with the logistic regression of being right on the two log-odds; no weight is negative."""

    def loss(x: Array) -> float:
        z = x[0] + np.exp(x[1]) * logits[:, 0] + np.exp(x[2]) * logits[:, 1]
        return float(
            np.logaddexp(0, np.where(right, -z, z)).mean() + 0.002 * (x[0] ** 2 + np.exp(2 * x[1]) + np.exp(2 * x[2]))
        )

    found = minimize(loss, np.array([0.0, np.log(0.3), np.log(0.3)]), method="Nelder-Mead", options={"maxiter": 600})
    bias, person, face = found.x[0], np.exp(found.x[1]), np.exp(found.x[2])
    return replace(
        start,
        confidence_bias=round(float(bias), 2),
        confidence_person=round(float(person), 3),
        confidence_face=round(float(face), 3),
    )


# --- all of it --------------------------------------------------------------------------------------------------------


class Fit:
    """Parameters and statistics that a set of clips gives."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self.voices = fit_likeness(voice_pairs(cases), VOICE_LIKENESS)
        self.faces = fit_likeness(face_pairs(cases), FACE_LIKENESS)
        parameters = fit_mouths(*mouth_samples(cases), Parameters())
        given = [self.given(case) for case in cases]
        logits, right, _ = phrase_logits(given, parameters)
        self.parameters = fit_confidence(logits, right, parameters)

    def given(self, case: Case) -> Case:
        """Return `case` with the fitted statistics of its embeddings."""
        return replace(
            case,
            diarization=replace(case.diarization, likeness=self.voices),
            faces=replace(case.faces, likeness=self.faces),
        )

    def __str__(self) -> str:
        changed = {
            name: getattr(self.parameters, name)
            for name in self.parameters.__dataclass_fields__
            if getattr(self.parameters, name) != getattr(Parameters(), name)
        }
        return f"voices {self.voices}\nfaces {self.faces}\nparameters {changed}"


def answer_of(case: Case, parameters: Parameters, evidence: str = "all") -> Any:
    """Return the attribution of `case`."""
    return attribute(case.transcript, case.diarization, case.faces, evidence=evidence, parameters=parameters)


def folds_of(cases: Sequence[Case], count: int) -> list[set[str]]:
    """Return the people of `cases` in `count` groups; people who are seen together stay together as far as that
    goes.
    """
    people = list(dict.fromkeys(person for case in cases for person in case.people))
    return [set(people[n::count]) for n in range(count)]


def left_out(cases: Sequence[Case], folds: Sequence[set[str]]) -> Iterator[tuple[list[Case], list[Case]]]:
    """Yield, for each fold, the clips to fit on, in which nobody of the fold is, and the clips to judge on."""
    for fold in folds:
        yield (
            [case for case in cases if not fold & set(case.people)],
            [case for case in cases if fold & set(case.people)],
        )


def main(say: Callable[[str], None] = print) -> None:
    """Fit on the people left in, judge on those left out, and print both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="*")
    parser.add_argument("--folds", type=int, default=4)
    parser.add_argument("--only", nargs="*", default=[], help="parts of names of clips")
    parser.add_argument(
        "--any", action="store_true", help="take records of other code where there are none of this one"
    )
    given = parser.parse_args()
    cases = list(perceive.cases(given.folders or None, given.only, given.any))
    say(f"{len(cases)} clips, {len({p for case in cases for p in case.people})} people")
    judged: dict[str, dict[str, Any]] = {}
    for number, (fitted_on, judged_on) in enumerate(left_out(cases, folds_of(cases, given.folds)), 1):
        if not fitted_on:
            continue
        fit = Fit(fitted_on)
        say(f"--- fold {number}: fitted on {len(fitted_on)} clips, judged on {len(judged_on)}\n{fit}")
        for case in judged_on:
            if case.name in judged:
                continue
            judged[case.name] = {
                mode: judge(answer_of(fit.given(case), fit.parameters, mode), case.truth, case.media.width)
                for mode in ("voice", "all")
            }
    result = summary(judged, {case.name: case.hard for case in cases if case.name in judged})
    for name, modes in sorted(judged.items(), key=lambda item: item[1]["all"].face):
        voice, everything = modes["voice"], modes["all"]
        say(
            f"{name:34} speaker {voice.speaker:.2f} {everything.speaker:.2f}  face {everything.face:.2f}  people "
            f"{everything.count_error:+d}"
        )
    say(f"--- all clips\n{Fit(cases)}")
    say(json.dumps(result))


if __name__ == "__main__":
    main()
