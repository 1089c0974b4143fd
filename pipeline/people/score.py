"""The log-probability of one person: of pieces and tracks being one and the same human being's."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from pipeline.people.scene import Scene

#: Log-odds against two tracks in one picture being one face, for each of the two.
IMPOSSIBLE = 1e4


@dataclass(frozen=True, slots=True)
class Member:
    """A person under construction: numbers of pieces of turns and of tracks of a `Scene`. Without pieces: a face that
    is silent.
    """

    pieces: frozenset[int] = frozenset()
    tracks: frozenset[int] = frozenset()

    def __or__(self, other: Member) -> Member:
        return Member(self.pieces | other.pieces, self.tracks | other.tracks)

    def __sub__(self, other: Member) -> Member:
        return Member(self.pieces - other.pieces, self.tracks - other.tracks)

    def __bool__(self) -> bool:
        return bool(self.pieces or self.tracks)


class Scorer:
    """Adds up all evidence that speaks for or against a `Member` being one person."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self._known: dict[Member, float] = {}

    def __call__(self, member: Member) -> float:
        """Return the log-probability of `member`, up to a constant that is the same for every way to divide the
        clip.
        """
        if member not in self._known:
            self._known[member] = self._score(member) if member else 0.0
        return self._known[member]

    def _score(self, member: Member) -> float:
        return self.voice(member.pieces) + self.face(member.tracks) + self.meeting(member)

    def voice(self, pieces: frozenset[int]) -> float:
        """Return the evidence that `pieces` are one voice."""
        if not pieces:
            return 0.0
        order = sorted(pieces)
        links = self.scene.neighbours
        between = sum(links.get(pair, 0.0) for pair in itertools.combinations(order, 2)) if len(order) > 1 else 0.0
        return self.scene.parameters.new_voice + self.scene.voices.log_odds(order) + between

    def face(self, tracks: frozenset[int]) -> float:
        """Return the evidence that `tracks` are one face; very low where two of them are in one picture."""
        if not tracks:
            return 0.0
        order = sorted(tracks)
        together = int(self.scene.beside[np.ix_(order, order)].sum())  # each pair twice
        resumed = self.scene.resumed
        between = sum(resumed.get(pair, 0.0) for pair in itertools.combinations(order, 2)) if len(order) > 1 else 0.0
        return self.scene.parameters.new_face + self.scene.faces.log_odds(order) + between - IMPOSSIBLE * together

    def meeting(self, member: Member) -> float:
        """Return the evidence that this voice and this face are one person's: lips, presence and the prior."""
        p = self.scene.parameters
        if not member.pieces or not self.scene.tracks:
            return 0.0
        if not member.tracks:
            return math.log1p(-p.has_face)
        return math.log(p.has_face) + self.lips(member) + self._presence(member)

    def lips(self, member: Member) -> float:
        """Return the evidence of the mouth, with the chance in each shot that it is silent while its own voice is
        heard.

        People talk over pictures of themselves; then every piece of the shot speaks against them, but only once.
        """
        pieces, tracks = sorted(member.pieces), sorted(member.tracks)
        moved = self.scene.moved[np.ix_(pieces, tracks)].sum(1)
        shots = self.scene.shots[pieces]
        sums = np.bincount(shots, moved)[np.unique(shots)]
        over = self.scene.parameters.voice_over
        return float(np.logaddexp(math.log1p(-over) + sums, math.log(over)).sum())

    def _presence(self, member: Member) -> float:
        """Return the evidence in being in the picture when this voice is heard and not when others are.

        A shot counts once however often the person speaks in it, since a camera is not moved for every sentence.
        """
        p, scene = self.scene.parameters, self.scene
        visible = np.minimum(1.0, scene.in_view[:, sorted(member.tracks)].sum(1)) * scene.seconds
        mine = np.zeros(len(scene.pieces), bool)
        mine[list(member.pieces)] = True
        rows = []
        for own in (mine, ~mine):
            heard = np.bincount(scene.shots[own], scene.seconds[own], scene.shots.max() + 1)
            shown = np.bincount(scene.shots[own], visible[own], scene.shots.max() + 1)
            rows.append((np.minimum(1.0, heard), shown / np.maximum(heard, 1e-3)))
        (weight, share), (silent, others) = rows
        rate = (p.shown_silent + float(silent @ others)) / (p.shown_silent + p.hidden_silent + float(silent.sum()))
        evidence = share * math.log(p.shown / rate) + (1 - share) * math.log((1 - p.shown) / (1 - rate))
        return float(weight @ evidence)
