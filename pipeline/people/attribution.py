"""Who says what: the records of people, phrases, turns and tracks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipeline.people import phrases, words
from pipeline.people.confidence import Certainty
from pipeline.people.parameters import Parameters
from pipeline.people.partition import Partition, divide
from pipeline.people.person import person_of
from pipeline.people.phrases import Span, Writing
from pipeline.people.scene import AT_ONCE_S, Scene
from pipeline.people.score import Member
from pipeline.records import (
    Attribution,
    Diarization,
    Evidence,
    Faces,
    Notice,
    PersonTurn,
    Phrase,
    Track,
    Transcript,
    Word,
)

#: s between two turns of one person up to which they are one turn.
JOINED_S = 0.25


def attribute(
    transcript: Transcript,
    diarization: Diarization,
    faces: Faces,
    *,
    speakers: int | None = None,
    evidence: str = "all",
    parameters: Parameters | None = None,
) -> Attribution:
    """Return everybody who speaks, and every word given to one of them or to nobody.

    `speakers` is the number of people who speak, where it is known; a notice says so where fewer were found. With
    `evidence` "voice" the faces are ignored, for comparison.
    """
    if evidence == "voice":
        faces = replace(faces, tracks=())
    scene = Scene(diarization, faces, parameters or Parameters())
    partition = divide(scene, speakers)
    partition.drop_doubtful_faces()
    heard = [(word, number) for number, segment in enumerate(transcript.segments) for word in segment.words]
    channels = [transcript.segments[number].channel for _, number in heard]
    decoded = words.decode([word for word, _ in heard], partition, channels)
    decoded = replace(decoded, person=phrases.without_islands(decoded.person, [word for word, _ in heard]))
    return _Answer(transcript, heard, decoded, partition).attribution(speakers)


@dataclass
class _Answer:
    """Everything that is known, on its way into records."""

    transcript: Transcript
    heard: list[tuple[Word, int]]
    decoded: words.Decoded
    partition: Partition

    def __post_init__(self) -> None:
        self.scene: Scene = self.partition.scene
        self.order = list(dict.fromkeys(p for p in self.decoded.person if p >= 0))  #: by first word
        self.ids = {p: f"p{n}" for n, p in enumerate(self.order, 1)}
        self.certainty = Certainty(self.partition, self.decoded)

    def attribution(self, speakers: int | None) -> Attribution:
        found = tuple(self._phrases())
        turns = self._turns()
        owner = {j: self.ids[p] for p in self.order for j in self.decoded.people[p].tracks}
        faces = {f"f{n}": member for n, member in enumerate(self._faces(), 1)}
        face = {j: name for name, member in faces.items() for j in member.tracks}
        tracks = tuple(Track(owner.get(j), track.boxes, face[j]) for j, track in enumerate(self.scene.tracks))
        portraits = {
            name: picture
            for name, member in faces.items()
            if not member.tracks & owner.keys() and (picture := self._portrait(member))
        }
        people = []
        for n, p in enumerate(self.order):
            picture = self._portrait(self.decoded.people[p])
            if picture:
                portraits[self.ids[p]] = picture
            people.append(person_of(n, self.ids[p], bool(picture), found, turns))
        return Attribution(tuple(people), found, turns, tracks, portraits, tuple(self._notices(speakers)))

    def _faces(self) -> list[Member]:
        """Return everybody who is seen, whether they speak or not, in order of appearance."""
        return sorted((m for m in self.partition.people if m.tracks), key=lambda m: min(m.tracks))

    def _portrait(self, member: Member) -> bytes:
        """Return the JPEG of the best face of `member`, empty where there is none."""
        best = max(
            (self.scene.tracks[j] for j in member.tracks if self.scene.tracks[j].portrait),
            key=lambda track: track.quality,
            default=None,
        )
        return best.portrait if best else b""

    def _notices(self, speakers: int | None) -> list[Notice]:
        notices = []
        if self.scene.tracks and self.order and not any(self.decoded.people[p].tracks for p in self.order):
            notices.append(Notice("no_face_matched", "No face could be matched with a voice."))
        if speakers and 0 < len(self.order) < speakers:
            notices.append(
                Notice(
                    "fewer_speakers",
                    f"You asked for {speakers} speakers, but only {len(self.order)} could be told apart by their "
                    f"voices.",
                )
            )
        return notices

    def _phrases(self) -> list[Phrase]:
        writing = Writing(self.transcript)
        found: list[Phrase] = []
        for span in phrases.cut(self.heard, self.decoded.person, self.transcript.language):
            group = tuple(word for word, _ in self.heard[span[0] : span[1]])
            segment = self.transcript.segments[self.heard[span[0]][1]]
            found.append(
                Phrase(
                    id=len(found) + 1,
                    start=group[0].start,
                    end=group[-1].end,
                    person=self.ids.get(self.decoded.person[span[0]]),
                    source=writing.text(span, self.heard),
                    words=group,
                    evidence=self._evidence(span, group),
                    language=segment.language if segment.language != self.transcript.language else "",
                )
            )
        return found

    def _evidence(self, span: Span, group: Sequence[Word]) -> Evidence:
        mine = self.decoded.person[span[0]]
        if mine < 0:
            return Evidence(0.0, reason="nobody was heard or seen speaking here")
        part = slice(span[0], span[1])
        voice, lips = self.decoded.voice[part, mine], self.decoded.lips[part, mine]
        seen = bool(self.decoded.seen[part, mine].any())
        person, rival = self.certainty.person(span)
        face = self.certainty.face(span, group[0].start, group[-1].end)
        heard = float(voice.mean())
        if seen:
            if lips.sum() <= 0:
                reason = "voice; the lips say little"
            else:
                reason = "voice and lips agree" if heard > -0.5 else "lips overrule the voice"
        elif self.decoded.people[mine].tracks:
            reason = "voice; the face is not in view"
        else:
            reason = "voice; off screen" if self.scene.tracks else "voice"
        return Evidence(
            confidence=round(self.certainty.confidence(person, face), 3),
            voice=round(_probability(2.0 + 2 * heard), 3),
            lips=round(_probability(float(lips.sum())), 3) if seen else None,
            runner_up=self.ids.get(rival) if rival is not None else None,
            reason=reason,
        )

    def _turns(self) -> tuple[PersonTurn, ...]:
        """Return the diarizer's turns with people for voices; where words were given to somebody else, so are their
        turns.
        """
        found: list[PersonTurn] = []
        owner = {i: p for p in self.order for i in self.decoded.people[p].pieces}
        for i, piece in enumerate(self.scene.pieces):
            said = [
                (word.end, person)
                for (word, _), person in zip(self.heard, self.decoded.person, strict=True)
                if word.end > piece.start and word.start < piece.end and person >= 0
            ]
            if self._is_overlapped(i):  # the words belong to one of the voices; the other spoke, too
                said = [one for one in said if one[1] == owner.get(i)]
            if not said:
                if i in owner:
                    found.append(PersonTurn(piece.start, piece.end, self.ids[owner[i]]))
                continue
            start = piece.start
            for k, (high, person) in enumerate(said):
                if k + 1 < len(said) and said[k + 1][1] == person:
                    continue
                end = min(high, piece.end) if k + 1 < len(said) else piece.end
                if end > start:
                    found.append(PersonTurn(round(float(start), 3), round(float(end), 3), self.ids[person]))
                start = end
        return _joined(found)

    def _is_overlapped(self, i: int) -> bool:
        piece = self.scene.pieces[i]
        return any(
            other.turn is not piece.turn and min(other.end, piece.end) - max(other.start, piece.start) > AT_ONCE_S
            for other in self.scene.pieces
        )


def _joined(pieces: Sequence[PersonTurn]) -> tuple[PersonTurn, ...]:
    """Return the turns in order, those of one person that nearly touch as one."""
    merged: list[PersonTurn] = []
    for piece in sorted(pieces, key=lambda one: (one.person, one.start)):
        if merged and merged[-1].person == piece.person and piece.start - merged[-1].end < JOINED_S:
            merged[-1] = replace(merged[-1], end=max(merged[-1].end, piece.end))
        else:
            merged.append(piece)
    return tuple(sorted(merged, key=lambda one: (one.start, one.person)))


def _probability(log_odds: float) -> float:
    import math

    return 1 / (1 + math.exp(-max(-30.0, min(30.0, log_odds))))
