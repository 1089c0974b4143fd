"""Names for people who are known by their faces and voices."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from pipeline.people.across import Profile, Statistics
from pipeline.people.likeness import Grouping
from pipeline.people.palette import PALETTE
from pipeline.people.parameters import Parameters
from pipeline.people.scene import samples
from pipeline.records import Attribution, Known, Likeness, Person

Rows = Sequence[tuple[tuple[float, ...], float]]  #: embeddings with the s behind them

#: Probability that somebody in a clip is none of those who are known.
STRANGER = 0.5
#: s that a portrait counts as, as long as a track counts at most.
PORTRAIT_S = 5.0


def named(
    answer: Attribution,
    profiles: Mapping[str, Sequence[Profile]],
    known: Sequence[Known],
    statistics: Statistics,
    parameters: Parameters | None = None,
) -> Attribution:
    """Return `answer` with the names of those who are known; a known face that is silent becomes a person, too.

    `profiles`: what is known of everybody in the answer, part by part, by the id of a person or of a silent face.
    """
    names = recognised(profiles, known, statistics, parameters or Parameters())
    people = [replace(person, name=names.get(person.id, person.name)) for person in answer.people]
    faces = [face for face in names if all(face != person.id for person in people)]
    silent = {face: f"p{len(people) + n}" for n, face in enumerate(faces, 1)}
    for face, name in silent.items():
        colour = PALETTE[len(people) % len(PALETTE)]
        people.append(Person(name, names[face], colour, face in answer.portraits, 1.0, 0.0))
    return replace(
        answer,
        people=tuple(people),
        tracks=tuple(
            replace(track, person=silent[track.face]) if track.person is None and track.face in silent else track
            for track in answer.tracks
        ),
        portraits={silent.get(who, who): picture for who, picture in answer.portraits.items()},
    )


def recognised(
    profiles: Mapping[str, Sequence[Profile]], known: Sequence[Known], statistics: Statistics, parameters: Parameters
) -> dict[str, str]:
    """Return the names of those who are more likely somebody known than a stranger, each name once.

    All names are given at once in the way that is most likely as a whole (Kuhn-Munkres).
    """
    from scipy.optimize import linear_sum_assignment  # 0.8 s to import

    ids = [name for name, parts in profiles.items() if any(part.voice or part.face for part in parts)]
    if not ids or not known:
        return {}
    table = np.array([[log_odds(profiles[i], one, statistics, parameters) for one in known] for i in ids])
    each = (1 - STRANGER) / len(known)
    table += math.log(each / (1 - each))
    rows, columns = linear_sum_assignment(np.maximum(table, 0.0), maximize=True)
    return {ids[r]: known[c].name for r, c in zip(rows, columns, strict=True) if table[r, c] > parameters.doubt}


def log_odds(parts: Sequence[Profile], known: Known, statistics: Statistics, parameters: Parameters) -> float:
    """Return the log-odds that the voice and the face of `parts` are those of `known`, without a prior."""
    own = [(part.voice, part.voice_s) for part in parts if part.voice]
    sample = [(known.voice, known.voice_s)] if known.voice else []
    value = _likeness(own, sample, statistics.voices, parameters)
    own = [(part.face, part.face_s) for part in parts if part.face]
    portraits = [(face, PORTRAIT_S) for face in known.faces]
    return value + _likeness(own, portraits, statistics.faces, parameters)


def _likeness(own: Rows, others: Rows, likeness: Likeness, parameters: Parameters) -> float:
    """Return the log-odds that both groups of embeddings are one person's, each being one person's."""
    if not own or not others:
        return 0.0
    grouping = Grouping(*samples([*own, *others]), likeness, parameters.unusual)
    first, second = range(len(own)), range(len(own), len(own) + len(others))
    return grouping.log_odds([*first, *second]) - grouping.log_odds(first) - grouping.log_odds(second)
