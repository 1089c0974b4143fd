"""How sure a phrase's speaker and face are."""

from __future__ import annotations

import math

import numpy as np

from pipeline.people.partition import Partition
from pipeline.people.phrases import Span
from pipeline.people.score import Member
from pipeline.people.words import Decoded

#: Log-odds of a phrase where nobody else could be meant.
NO_RIVAL = 6.0


class Certainty:
    """Log-odds that a phrase has the right person, and that this person has the right face (or rightly none)."""

    def __init__(self, partition: Partition, decoded: Decoded) -> None:
        self._partition, self._decoded = partition, decoded
        self._faces: dict[tuple[int, frozenset[int]], float] = {}

    def person(self, span: Span) -> tuple[float, int | None]:
        """Return the log-odds of the phrase's speaker over the next likely one, and who that is (None: there is
        none).
        """
        decoded = self._decoded
        total = (decoded.voice + decoded.lips)[span[0] : span[1]].sum(0)
        mine = decoded.person[span[0]]
        rivals = [p for p in range(len(decoded.people)) if p != mine]
        if mine < 0 or not rivals:
            return (NO_RIVAL if mine >= 0 else 0.0), None
        best = max(rivals, key=lambda p: total[p])
        return float(np.clip(total[mine] - total[best], -NO_RIVAL * 2, NO_RIVAL * 2)), best

    def face(self, span: Span, start: float, end: float) -> float:
        """Return the log-odds that what is shown for the phrase's speaker is right: their face, or none.

        The rivals are the same person without the tracks seen here, and with a track seen here that is another's.
        """
        mine = self._decoded.person[span[0]]
        if mine < 0:
            return 0.0
        scene, member = self._partition.scene, self._decoded.people[mine]
        frames = scene.frames(start, end)
        here = frozenset(j for j in range(len(scene.tracks)) if scene.seen[j, frames].any())
        key = (mine, here)
        if key not in self._faces:
            self._faces[key] = self._margin(member, here)
        return self._faces[key]

    def _margin(self, member: Member, here: frozenset[int]) -> float:
        score = self._partition.score
        rivals = [NO_RIVAL * 2]
        own = member.tracks & here
        if own:
            without, alone = Member(member.pieces, member.tracks - own), Member(tracks=own)
            rivals.append(score(member) - score(without) - score(alone))
        for other in self._partition.people:
            taken = Member(tracks=other.tracks & here)
            if other is member or not taken.tracks:
                continue
            # They take the face that is seen here, and leave their own that is seen at the same time.
            bare = Member(member.pieces, member.tracks - own)
            changed = score(bare | taken) + score(other - taken) + score(Member(tracks=own))
            rivals.append(score(member) + score(other) - changed)
        return float(max(-NO_RIVAL * 2, min(rivals)))

    def confidence(self, person: float, face: float) -> float:
        """Return the probability that both are right, calibrated by `benchmarks/fit_people.py`."""
        p = self._partition.scene.parameters
        logit = p.confidence_bias + p.confidence_person * person + p.confidence_face * face
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, logit))))
