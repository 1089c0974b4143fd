"""Everything that was heard and seen, indexed for questions about who and when."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pipeline.people.likeness import Grouping
from pipeline.people.parameters import FACE_LIKENESS, LABEL_LIKENESS, VOICE_LIKENESS, Parameters
from pipeline.records import EVIDENCE_HZ, Diarization, Faces, FaceTrack, Turn

#: s that a track may be gone within a shot and its successor still be the same face, and how far (in its own widths)
#: away.
RESUMED_S, RESUMED_WIDTHS = 3.0, 0.6
#: s after which a voice that is heard again may be in another room or mood, and a face that is seen again in another
#: light or pose.
SESSION_S = 10.0
#: s of a turn that are weighed in one go: long enough for lips to tell, short enough for a change that was not heard.
PIECE_S = 3.0
#: s that two voices must overlap to be two people: the diarizer is this far off at the edges of turns.
AT_ONCE_S = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A piece of one turn inside one shot."""

    start: float
    end: float
    turn: Turn
    share: float  #: of the turn's length
    shot: int


class Scene:
    """Turns, tracks and shots of one clip.

    Pieces of turns and tracks are numbered in order of their start; the inference speaks of them by these numbers.
    """

    def __init__(self, diarization: Diarization, faces: Faces, parameters: Parameters) -> None:
        self.parameters = parameters
        self.turns: list[Turn] = sorted(diarization.turns, key=lambda turn: (turn.start, turn.end))
        self.tracks: list[FaceTrack] = sorted(faces.tracks, key=lambda track: (track.boxes[0].t, track.id))
        self._says_clean = any(turn.clean_s for turn in self.turns)
        self.cuts = [shot.start for shot in faces.shots[1:]]
        self._shot_edges = np.array([*self.cuts, np.inf])
        end = max([t.end for t in self.turns] + [t.boxes[-1].t for t in self.tracks], default=0.0)
        self._frames = int(end * EVIDENCE_HZ) + 2
        self.pieces = self._cut_turns()
        heard = any(turn.embedding for turn in self.turns)
        sounds = {turn: turn.embedding for turn in self.turns} if heard else _labels(self.turns)
        #: The identity model's first guess: which tracks are one face. A track nobody could describe is by itself.
        self.clusters: dict[int, list[int]] = {}
        for j, track in enumerate(self.tracks):
            self.clusters.setdefault(-1 - j if track.cluster is None else track.cluster, []).append(j)
        number = {id(turn): n for n, turn in enumerate(self.turns)}
        self._turn_times = np.array([[t.start for t in self.turns], [t.end for t in self.turns]])
        self._track_times = np.array([[t.boxes[0].t for t in self.tracks], [t.boxes[-1].t for t in self.tracks]])
        self._track_shots = np.array([track.shot for track in self.tracks], int)
        self.voices = Grouping(
            *samples([(sounds[turn], turn.clean_s or turn.end - turn.start) for turn in self.turns]),
            (diarization.likeness or VOICE_LIKENESS) if heard else LABEL_LIKENESS,
            parameters.unusual,
            [(number[id(piece.turn)], piece.share) for piece in self.pieces],
            self._sound_sessions,
            parameters.voice_session,
        )
        self.faces = Grouping(
            *samples([(t.embedding, min(5.0, t.boxes[-1].t - t.boxes[0].t) + 0.2) for t in self.tracks]),
            faces.likeness or FACE_LIKENESS,
            parameters.unusual,
            sessions=self._seen_sessions,
            of_session=parameters.face_session,
        )

    def _cut_turns(self) -> list[Piece]:
        """Return the turns cut at shots and into pieces of about `PIECE_S`: what one person says in one go."""
        pieces = []
        for turn in self.turns:
            edges = [turn.start, *(cut for cut in self.cuts if turn.start + 0.2 < cut < turn.end - 0.2), turn.end]
            for a, b in itertools.pairwise(edges):
                count = max(1, round((b - a) / PIECE_S))
                step = (b - a) / count
                for k in range(count):
                    start, end = a + k * step, a + (k + 1) * step
                    share = step / max(1e-6, turn.end - turn.start)
                    pieces.append(Piece(start, end, turn, share, self.shot_at((start + end) / 2)))
        return sorted(pieces, key=lambda piece: (piece.start, piece.end))

    def _sound_sessions(self, turns: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the session of each of `turns`: who is not heard for `SESSION_S` may be in another room or mood."""
        return np.append(0, np.cumsum(_pauses(self._turn_times[:, turns])))

    def _seen_sessions(self, tracks: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the session of each of `tracks`: another shot has another light, and who is not seen for `SESSION_S`
        may have turned round.
        """
        return np.append(0, np.cumsum(_pauses(self._track_times[:, tracks]) | (np.diff(self._track_shots[tracks]) > 0)))

    # --- time ---------------------------------------------------------------------------------------------------------

    def shot_at(self, t: float) -> int:
        """Return the index of the shot at `t` s."""
        return int(np.searchsorted(self._shot_edges, t, side="right"))

    def frames(self, start: float, end: float) -> slice:
        """Return the evidence frames between `start` and `end` s, at least one."""
        first = min(self._frames - 1, max(0, round(start * EVIDENCE_HZ)))
        return slice(first, max(first + 1, min(self._frames, round(end * EVIDENCE_HZ))))

    @cached_property
    def seen(self) -> NDArray[np.bool_]:
        """Return where each track is in the picture: (tracks, frames)."""
        seen = np.zeros((len(self.tracks), self._frames), bool)
        for row, track in zip(seen, self.tracks, strict=True):
            row[self.frames(track.boxes[0].t, track.boxes[-1].t)] = True
        return seen

    @cached_property
    def speaking(self) -> NDArray[np.float64]:
        """Return the log-odds that each track says the sound: (tracks, frames), 0 where nothing is known."""
        values = np.zeros((len(self.tracks), self._frames))
        for row, track in zip(values, self.tracks, strict=True):
            own = np.array([0.0 if value is None else value for value in track.speaking])
            first = max(0, track.speaking_from)
            own = own[first - track.speaking_from : first - track.speaking_from + max(0, self._frames - first)]
            row[first : first + len(own)] = own
        return values

    @cached_property
    def readable(self) -> NDArray[np.bool_]:
        """Return where each track's mouth was judged: (tracks, frames)."""
        known = np.zeros((len(self.tracks), self._frames), bool)
        for row, track in zip(known, self.tracks, strict=True):
            for k, value in enumerate(track.speaking):
                if value is not None and 0 <= track.speaking_from + k < self._frames:
                    row[track.speaking_from + k] = True
        return known

    def clean_seconds(self, turn: Turn) -> float:
        """Return for how many seconds of `turn` its voice was heard alone.

        That is the length of the turn where the diarizer does not say.
        """
        length = turn.end - turn.start
        return min(length, turn.clean_s) if self._says_clean else length

    # --- evidence -----------------------------------------------------------------------------------------------------

    @property
    def _weight(self) -> float:
        return self.parameters.looks_per_second / EVIDENCE_HZ

    def bounded(self, log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return `log_odds` of speaking with what the detector can be wrong about taken into account."""
        unreadable, deceptive = self.parameters.unreadable, self.parameters.deceptive
        bounded = np.logaddexp(np.log1p(-unreadable) + log_odds, np.log(unreadable))
        return -np.logaddexp(np.log1p(-deceptive) - bounded, np.log(deceptive))

    @cached_property
    def moved(self) -> NDArray[np.float64]:
        """Return the bounded log-odds that each track says each piece: (pieces, tracks); 0 where they do not meet."""
        found = np.zeros((len(self.pieces), len(self.tracks)))
        for i, piece in enumerate(self.pieces):
            if self.tracks:
                found[i] = self.speaking[:, self.frames(piece.start, piece.end)].sum(1) * self._weight
        return np.where(found == 0, 0.0, self.bounded(found))

    @cached_property
    def shots(self) -> NDArray[np.intp]:
        """Return the shot of each piece: (pieces,)."""
        return np.array([piece.shot for piece in self.pieces], int)

    @cached_property
    def seconds(self) -> NDArray[np.float64]:
        """Return the length of each piece in s: (pieces,)."""
        return np.array([max(1e-3, piece.end - piece.start) for piece in self.pieces])

    @cached_property
    def in_view(self) -> NDArray[np.float64]:
        """Return the share of each piece in which each track is in the picture: (pieces, tracks)."""
        parts = [self.frames(piece.start, piece.end) for piece in self.pieces]
        return np.array([self.seen[:, part].mean(1) for part in parts]).reshape(len(parts), len(self.tracks))

    @cached_property
    def neighbours(self) -> dict[tuple[int, int], float]:
        """Return the log-odds that two pieces are one person's by what the diarizer heard between them.

        Pieces of one turn follow each other; a turn is held against the turn before it of every voice; two voices at
        once, or in two channels, are two people.
        """
        p, found = self.parameters, {}
        last: dict[str, int] = {}
        for i, piece in enumerate(self.pieces):
            own = last.get(piece.turn.speaker)
            begins = own is None or self.pieces[own].turn is not piece.turn
            for speaker, k in last.items():
                before = self.pieces[k]
                at_once = min(piece.end, before.end) - piece.start > AT_ONCE_S
                if speaker != piece.turn.speaker and (at_once or piece.turn.channel != before.turn.channel):
                    found[k, i] = -100.0
                elif k == own:
                    found[k, i] = p.same_label if begins else p.same_turn
                elif begins:
                    found[k, i] = -p.other_label
            last[piece.turn.speaker] = i
        return found

    @cached_property
    def beside(self) -> NDArray[np.bool_]:
        """Return which tracks are in one picture at some time and so are different people: (tracks, tracks)."""
        n = len(self.tracks)
        return np.array([[self.tracks[a].is_beside(self.tracks[b]) for b in range(n)] for a in range(n)], bool).reshape(
            n, n
        )

    @cached_property
    def resumed(self) -> dict[tuple[int, int], float]:
        """Return the log-odds that one track of a shot goes on as another, for pairs where one begins near the other's
        end.
        """
        found = {}
        for a, first in enumerate(self.tracks):
            for b in range(a + 1, len(self.tracks)):
                second = self.tracks[b]
                gap = second.boxes[0].t - first.boxes[-1].t
                if first.shot != second.shot or not 0 < gap <= RESUMED_S:
                    continue
                old, new = first.boxes[-1], second.boxes[0]
                width = max(1.0, old.right - old.left)
                moved = np.hypot((new.left + new.right - old.left - old.right) / 2, (new.top - old.top)) / width
                grown = abs(np.log(max(1.0, new.right - new.left) / width))
                if moved + grown < RESUMED_WIDTHS:
                    found[a, b] = self.parameters.resumed
        return found


def _pauses(times: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return whether more than `SESSION_S` pass before each next interval of `times` (2, n), in order: (n - 1,)."""
    starts, ends = times
    return np.asarray(starts[1:] - np.maximum.accumulate(ends)[:-1] > SESSION_S)


def _labels(turns: Sequence[Turn]) -> dict[Turn, tuple[float, ...]]:
    """Return a vector for each turn that is the same for turns of one voice and at right angles to those of others."""
    voices = list(dict.fromkeys(turn.speaker for turn in turns))
    return {turn: tuple(float(turn.speaker == voice) for voice in voices) for turn in turns}


def samples(rows: Sequence[tuple[Sequence[float], float]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return embeddings (n, d), zero where there is none, and the seconds behind them (n,)."""
    size = max((len(vector) for vector, _ in rows), default=1) or 1
    vectors = np.array([vector if len(vector) == size else [0.0] * size for vector, _ in rows], float)
    return vectors.reshape(len(rows), size), np.array([seconds for _, seconds in rows], float)
