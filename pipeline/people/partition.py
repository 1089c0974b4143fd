"""Who is who: the division of all turns and tracks into people that explains the clip best."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np

from pipeline.people.scene import Scene
from pipeline.people.score import Member, Scorer

#: Improvements smaller than this end the search.
LEAST = 1e-6
#: Rounds of single moves after which the search ends in any case; ten were the most on all clips tried.
ROUNDS = 40


class Partition:
    """People as disjoint groups of pieces and tracks, improved by moves until no move makes them more likely."""

    def __init__(self, scene: Scene, score: Scorer, people: list[Member]) -> None:
        self.scene, self.score = scene, score
        self.people = [member for member in people if member]

    @property
    def total(self) -> float:
        """Return the log-probability of this division."""
        return sum(self.score(member) for member in self.people)

    # --- search -------------------------------------------------------------------------------------------------------

    def improve(self) -> None:
        """Join people and move parts of them as long as that raises the total."""
        for _ in range(ROUNDS):
            self._join_all()
            moved = self._move_best_parts()
            if not self._match_faces() and not moved:
                return

    def _join_all(self) -> None:
        while True:
            gains = [
                (self.score(a | b) - self.score(a) - self.score(b), n, m)
                for (n, a), (m, b) in itertools.combinations(enumerate(self.people), 2)
            ]
            best = max(gains, default=(0.0, 0, 0))
            if best[0] <= LEAST:
                return
            _, n, m = best
            self.people[n] = self.people[n] | self.people.pop(m)

    def _move_best_parts(self) -> bool:
        """Move every part to the person it fits best; return whether anything moved."""
        moved = False
        for part in list(self._parts()):
            home = next((m for m in self.people if part.pieces <= m.pieces and part.tracks <= m.tracks), None)
            if home is None or (part == home and not (part.pieces and part.tracks)):
                continue
            moved = self._move(part, home) or self._swap_faces(home, part) or moved
        return moved

    def _match_faces(self) -> bool:
        """Give all faces to all voices anew in the best way (Kuhn–Munkres); return whether that was better."""
        from scipy.optimize import linear_sum_assignment  # 0.8 s to import

        voices = [Member(member.pieces) for member in self.people if member.pieces]
        faces = [Member(tracks=member.tracks) for member in self.people if member.tracks]
        if not voices or not faces:
            return False
        gains = np.array([[self.score(v | f) - self.score(v) - self.score(f) for f in faces] for v in voices])
        rows, columns = linear_sum_assignment(np.maximum(gains, 0.0), maximize=True)
        pairs = {r: c for r, c in zip(rows, columns, strict=True) if gains[r, c] > 0}
        found = [voice | faces[pairs[n]] if n in pairs else voice for n, voice in enumerate(voices)]
        found += [face for n, face in enumerate(faces) if n not in pairs.values()]
        if sum(self.score(member) for member in found) <= self.total + LEAST:
            return False
        self.people = found
        return True

    def _swap_faces(self, home: Member, part: Member) -> bool:
        """Exchange all faces of `home` for those of another person where that is more likely; return whether it was."""
        if part.pieces or part.tracks != home.tracks:
            return False
        at = self.people.index(home)
        bare = home - part
        best, with_whom = LEAST, -1
        for n, other in enumerate(self.people):
            if other is home:
                continue
            theirs = Member(tracks=other.tracks)
            gain = self.score(bare | theirs) + self.score((other - theirs) | part)
            gain -= self.score(home) + self.score(other)
            if gain > best:
                best, with_whom = gain, n
        if with_whom < 0:
            return False
        other = self.people[with_whom]
        theirs = Member(tracks=other.tracks)
        self.people[at], self.people[with_whom] = bare | theirs, (other - theirs) | part
        self.people = [member for member in self.people if member]
        return True

    def _parts(self) -> Iterator[Member]:
        """Yield what may move: the faces of a person, voices, pieces that another mouth says, single pieces and
        tracks.
        """
        for member in list(self.people):
            if member.pieces and member.tracks:
                yield Member(tracks=member.tracks)
            labels = {self.scene.pieces[i].turn.speaker for i in member.pieces}
            if len(labels) > 1:
                for label in sorted(labels):
                    part = frozenset(i for i in member.pieces if self.scene.pieces[i].turn.speaker == label)
                    yield Member(part)
                    yield Member(part, self._says(member, part))
            if len(member.pieces) > 1:
                yield from self._said_by_others(member)
        for i in range(len(self.scene.pieces)):
            yield Member(frozenset((i,)))
        for j in range(len(self.scene.tracks)):
            yield Member(tracks=frozenset((j,)))

    def _says(self, member: Member, pieces: frozenset[int]) -> frozenset[int]:
        """Return the tracks of `member` whose mouth says `pieces` rather than the other pieces of `member`."""
        moved, rest = self.scene.moved, sorted(member.pieces - pieces)
        return frozenset(j for j in member.tracks if moved[sorted(pieces), j].sum() > max(0.0, moved[rest, j].sum()))

    def _said_by_others(self, member: Member) -> Iterator[Member]:
        """Yield the pieces of `member` that the mouth of each other person says rather than their own."""
        moved = self.scene.moved
        own = moved[:, sorted(member.tracks)].sum(1) if member.tracks else None
        for other in self.people:
            if other is member or not other.tracks:
                continue
            theirs = moved[:, sorted(other.tracks)].sum(1)
            pieces = frozenset(i for i in member.pieces if theirs[i] > max(0.0, 0.0 if own is None else own[i]))
            if pieces and pieces != member.pieces:
                yield Member(pieces)
        if own is not None:
            unsaid = frozenset(i for i in member.pieces if own[i] < 0)
            if unsaid and unsaid != member.pieces:
                yield Member(unsaid)

    def drop_doubtful_faces(self) -> None:
        """Take faces from people who might as well have another one: a guess is not shown as a fact."""
        doubtful = [
            member
            for member in self.people
            if member.pieces and member.tracks and self._lead_of_faces(member) < self.scene.parameters.doubt
        ]
        for member in doubtful:
            self.people.remove(member)
            self.people += [Member(member.pieces), Member(tracks=member.tracks)]

    def _lead_of_faces(self, member: Member) -> float:
        """Return the log-odds that `member` has its own faces rather than those of anybody else."""
        bare, own = Member(member.pieces), Member(tracks=member.tracks)
        lead = math.inf
        for other in self.people:
            if other is member or not other.tracks:
                continue
            theirs, rest = Member(tracks=other.tracks), Member(other.pieces)
            if self._talk_at_once(member, other):
                continue
            kept = self.score(member) + self.score(other)
            swapped = self.score(bare | theirs) + self.score(rest | own)
            taken = self.score(bare | theirs) + self.score(rest) + self.score(own)
            lead = min(lead, kept - max(swapped, taken))
        return lead

    def _talk_at_once(self, one: Member, other: Member) -> bool:
        """Return whether both mouths move while either voice is heard: each word goes to the mouth that says it."""
        return all(
            self.score.lips(Member(voice.pieces, face.tracks)) > 0 for voice in (one, other) for face in (one, other)
        )

    # --- a number of people that is known -----------------------------------------------------------------------------

    def settle_on(self, speakers: int) -> None:
        """Join or part people until `speakers` of them speak, each time in the way that costs least.

        There may be fewer afterwards: nobody can be parted who has one turn only.
        """
        while len(speaking := [member for member in self.people if member.pieces]) > speakers:
            _, a, b = max(
                (
                    (self.score(a | b) - self.score(a) - self.score(b), n, m)
                    for (n, a), (m, b) in itertools.combinations(enumerate(speaking), 2)
                ),
            )
            first, second = speaking[a], speaking[b]
            self.people = [m for m in self.people if m is not first and m is not second] + [first | second]
        while len(speaking := [member for member in self.people if member.pieces]) < speakers:
            options = [
                (self.score(member - part) + self.score(part) - self.score(member), n, part)
                for n, member in enumerate(speaking)
                for part in self._splits(member)
            ]
            if not options:
                return
            _, n, part = max(options, key=lambda option: option[0])
            home = speaking[n]
            self.people = [m for m in self.people if m is not home] + [home - part, part]
            self._reassign_pieces()
        self._reassign_faces()

    def _splits(self, member: Member) -> Iterator[Member]:
        labels = {self.scene.pieces[i].turn.speaker for i in member.pieces}
        if len(labels) > 1:
            for label in sorted(labels):
                yield Member(frozenset(i for i in member.pieces if self.scene.pieces[i].turn.speaker == label))
        if len(member.pieces) > 1:
            yield from self._said_by_others(member)
            for i in sorted(member.pieces):
                yield Member(frozenset((i,)))

    def _reassign_pieces(self) -> None:
        """Move single pieces between the people who speak, without changing how many they are."""
        for _ in range(3):
            for i in range(len(self.scene.pieces)):
                part = Member(frozenset((i,)))
                home = next(m for m in self.people if i in m.pieces)
                if len(home.pieces) < 2:
                    continue
                stay = self.score(home)
                options = [
                    (self.score(home - part) + self.score(o | part) - stay - self.score(o), n)
                    for n, o in enumerate(self.people)
                    if o is not home and o.pieces
                ]
                gain, n = max(options, default=(0.0, 0))
                if gain > LEAST:
                    at = self.people.index(home)
                    self.people[at], self.people[n] = home - part, self.people[n] | part

    def _reassign_faces(self) -> None:
        """Give faces to the people they fit best, without changing who says which turn."""
        singles = [[j] for j in range(len(self.scene.tracks))]
        for _ in range(3):
            for tracks in [*self.scene.clusters.values(), *singles]:
                part = Member(tracks=frozenset(tracks))
                for home in [m for m in self.people if part.tracks & m.tracks]:
                    self._move(Member(tracks=part.tracks & home.tracks), home)

    def _move(self, part: Member, home: Member) -> bool:
        """Move `part` of `home` to whom it fits best, or to somebody of its own; return whether that is not `home`."""
        stay = self.score(home)
        options = [(self.score(home - part) + self.score(part) - stay, -1)]
        for n, other in enumerate(self.people):
            if other is not home:
                options.append((self.score(home - part) + self.score(other | part) - stay - self.score(other), n))
        gain, n = max(options)
        if gain <= LEAST:
            return False
        if n >= 0:
            self.people[n] = self.people[n] | part
        self.people = [home - part if m is home else m for m in self.people] + ([part] if n < 0 else [])
        self.people = [m for m in self.people if m]
        return True


def divide(scene: Scene, speakers: int | None = None) -> Partition:
    """Return the most likely division of `scene` into people, `speakers` of whom speak where that number is known.

    The search starts from the diarizer's voices with the clusters of faces, from the voices with single tracks, and
    from single pieces with the clusters, and keeps the best end.
    """
    score = Scorer(scene)
    by_voice: dict[str, set[int]] = {}
    for i, piece in enumerate(scene.pieces):
        by_voice.setdefault(piece.turn.speaker, set()).add(i)
    voices = [Member(frozenset(pieces)) for pieces in by_voice.values()]
    pieces = [Member(frozenset((i,))) for i in range(len(scene.pieces))]
    faces = [Member(tracks=frozenset(tracks)) for tracks in scene.clusters.values()]
    tracks = [Member(tracks=frozenset((j,))) for j in range(len(scene.tracks))]
    starts = [voices + faces]
    if len(tracks) <= SINGLES:
        starts.append(voices + tracks)
    if len(pieces) <= SINGLES:
        starts.append(pieces + faces)
    found = []
    for start in starts:
        partition = Partition(scene, score, start)
        partition.improve()
        found.append(partition)
    best = max(found, key=lambda partition: partition.total)
    if speakers:
        best.settle_on(speakers)
    return best


#: Pieces or tracks above which the search does not start from single ones, too: it would take seconds.
SINGLES = 60
