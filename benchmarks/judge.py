"""How right an attribution is: the figures of `score.py`, computed on records, and what a confidence is worth.

A sample is 50 ms of a word that lies inside a turn of the truth, as in `score.py`. The figures are the same; they are
computed at once for whole words instead of box by box, since fitting asks for them thousands of times.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from pipeline.records import Attribution, Track

STEP = 0.05  #: s between samples of a word
EDGE = 0.15  #: s at either end of a true turn that are not judged
REACH = 0.25  #: s beyond its boxes that a track still counts
HALVES = {"any": (0.0, 1.0), "left": (0.0, 0.5), "right": (0.5, 1.0)}


@dataclass(frozen=True)
class JudgedPhrase:
    """One phrase: how sure it is, how long, s, and which shares of its samples have the right person and the right
    face.
    """

    confidence: float
    seconds: float
    person: float
    face: float

    @property
    def right(self) -> bool:
        """Person and face are right most of the time."""
        return self.person > 0.5 and self.face > 0.5


@dataclass(frozen=True)
class Judgement:
    """One clip under one kind of evidence."""

    speaker: float  #: share of samples given to the right person under the best naming
    face: float  #: share of samples at which the person's box is where the truth says
    people: int  #: people who say something
    count_error: int  #: `people` minus true speakers
    samples: int
    phrases: tuple[JudgedPhrase, ...] = field(repr=False)


def judge(answer: Attribution, truth: Mapping[str, Any], width: int) -> Judgement:
    """`answer` against `truth` (NAME.truth.json) on a picture `width` px wide."""
    turns = truth["turns"]
    starts = np.array([turn["start"] + EDGE for turn in turns])
    ends = np.array([turn["end"] - EDGE for turn in turns])
    speakers = sorted({turn["speaker"] for turn in turns})
    people = sorted({phrase.person for phrase in answer.phrases if phrase.person})
    common = np.zeros((len(people), len(speakers)))
    sampled: list[tuple[np.ndarray, np.ndarray]] = []  # a phrase: times, index of the true turn
    for phrase in answer.phrases:
        times = _times(phrase.words)
        inside = (starts[None, :] <= times[:, None]) & (times[:, None] < ends[None, :])
        known = inside.any(1)
        times, which = times[known], inside[known].argmax(1)
        sampled.append((times, which))
        if phrase.person:
            for turn in which:
                common[people.index(phrase.person), speakers.index(turns[turn]["speaker"])] += 1
    named = dict(zip(*linear_sum_assignment(common, maximize=True), strict=True)) if people else {}
    names = {people[person]: speakers[speaker] for person, speaker in named.items()}

    judged, person_right, face_right, samples = [], 0.0, 0.0, 0
    for phrase, (times, which) in zip(answer.phrases, sampled, strict=True):
        if not len(times):
            continue
        said_by = np.array([turns[turn]["speaker"] == names.get(phrase.person or "") for turn in which])
        middles = _middles(answer.tracks, phrase.person, times) / max(width, 1)
        placed = np.array([_at(turns[turn]["face"], middle) for turn, middle in zip(which, middles, strict=True)])
        judged.append(
            JudgedPhrase(
                float(phrase.evidence.confidence), len(times) * STEP, float(said_by.mean()), float(placed.mean())
            )
        )
        person_right += said_by.sum()
        face_right += placed.sum()
        samples += len(times)
    return Judgement(
        person_right / max(1, samples), face_right / max(1, samples), len(people), len(people) - len(speakers), samples,
        tuple(judged),
    )  # fmt: skip


def _times(words: Sequence[Any]) -> np.ndarray:
    """The samples of a phrase's words, s."""
    parts = [np.arange(word.start + STEP / 2, word.end, STEP) for word in words]
    return np.concatenate(parts) if parts else np.zeros(0)


def _middles(tracks: Sequence[Track], person: str | None, times: np.ndarray) -> np.ndarray:
    """x of the middle of the person's box, px, at every time; NaN where they have none."""
    found = np.full(len(times), np.nan)
    if person is None:
        return found
    for track in tracks:
        if track.person != person or not track.boxes:
            continue
        at = np.array([box.t for box in track.boxes])
        middle = np.array([(box.left + box.right) / 2 for box in track.boxes])
        here = np.isnan(found) & (times >= at[0] - REACH) & (times <= at[-1] + REACH)
        found[here] = np.interp(times[here], at, middle)
    return found


def _at(place: Any, middle: float) -> bool:
    """Whether a box whose middle is at this share of the width, NaN for none, is where the truth says."""
    if place is None:
        return bool(np.isnan(middle))
    low, high = HALVES[place] if isinstance(place, str) else place
    return bool(low <= middle <= high)


# --- many clips -------------------------------------------------------------------------------------------------------


def summary(judgements: Mapping[str, Mapping[str, Judgement]], hard: Mapping[str, str]) -> dict[str, Any]:
    """Averages, worst clips and the worth of a confidence of `judgements[clip][mode]`.

    `hard` gives the reason of every clip that is marked so; those count in nothing but their own row.
    """
    clips = [clip for clip in judgements if not hard.get(clip)]
    modes = list(dict.fromkeys(mode for clip in judgements for mode in judgements[clip]))
    rows: dict[str, Any] = {"clips": len(clips), "hard": len(judgements) - len(clips)}
    for mode in modes:
        mine = {clip: judgements[clip][mode] for clip in clips}
        phrases = [phrase for judgement in mine.values() for phrase in judgement.phrases]
        sure = [phrase for phrase in phrases if phrase.confidence >= 0.9]
        rows[mode] = {
            "speaker": _mean([j.speaker for j in mine.values()]),
            "face": _mean([j.face for j in mine.values()]),
            "speaker_worst": min((j.speaker for j in mine.values()), default=0.0),
            "face_worst": min((j.face for j in mine.values()), default=0.0),
            "worst": sorted(mine, key=lambda clip: mine[clip].face)[:5],
            "count_right": _mean([j.count_error == 0 for j in mine.values()]),
            "sure": len(sure) / max(1, len(phrases)),
            "sure_right": _mean([phrase.right for phrase in sure]),
        }
    if {"voice", "all"} <= set(modes):
        rows["worse_with_all"] = [
            clip for clip in clips if judgements[clip]["all"].speaker < judgements[clip]["voice"].speaker - 0.01
        ]
    return rows


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else 0.0
