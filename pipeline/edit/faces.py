"""Corrections of faces: this face belongs to this voice, this voice has none."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pipeline.edit.common import person_of
from pipeline.edit.people import add_person
from pipeline.errors import UsageError
from pipeline.records import Analysis, Person, Track


@dataclass(frozen=True, slots=True)
class FaceChoice:
    """A face that was found, as a person can choose it."""

    id: str
    person: str | None  #: whose it is now
    seen_s: float  #: how long it is in the picture
    portrait: bytes = b""  #: JPEG, b"" where there is none


def face_id(track: Track) -> str | None:
    """The face that `track` follows; None where nobody can say which."""
    return track.face or track.person


def faces_of(analysis: Analysis) -> tuple[FaceChoice, ...]:
    """The faces of the clip, those that are seen longest first."""
    owner: dict[str, str | None] = {}
    seen: dict[str, float] = {}
    for track in analysis.tracks:
        face = face_id(track)
        if face is None or not track.boxes:
            continue
        owner[face] = track.person or owner.get(face)
        seen[face] = seen.get(face, 0.0) + track.boxes[-1].t - track.boxes[0].t
    return tuple(
        FaceChoice(face, owner[face], round(seconds, 1), _portrait(analysis, face, owner[face]))
        for face, seconds in sorted(seen.items(), key=lambda item: -item[1])
    )


def give_face(analysis: Analysis, person: str, face: str) -> Analysis:
    """Give `face` to `person` in every line. Who had it gets the one `person` had: two that were mixed up are mended at
    once.

    Raises UsageError for an unknown person or face.
    """
    person_of(analysis, person)
    choices = {choice.id: choice for choice in faces_of(analysis)}
    if face not in choices:
        raise UsageError("That face is not there any more; look at the list again.")
    other = choices[face].person
    if other == person:
        return analysis
    mine = {choice.id for choice in choices.values() if choice.person == person}

    def owner(track: Track) -> str | None:
        which = face_id(track)
        if which == face:
            return person
        return other if which in mine else track.person

    portraits = dict(analysis.portraits)
    before = portraits.pop(person, None)
    if picture := choices[face].portrait:
        portraits[person] = picture
    portraits.pop(face, None)
    if other is not None:
        portraits.pop(other, None)
    if before is not None:  # the face that `person` had: the other's now, or nobody's
        for which in [other] if other is not None else sorted(mine):
            portraits[which] = before

    pictured = bool(analysis.portraits)  # a transcript alone has none, and then a face that is tracked counts

    def with_face(one: Person) -> Person:
        if one.id == person:
            return replace(one, face=person in portraits or not pictured, confidence=1.0)
        return replace(one, face=other in portraits or (not pictured and bool(mine))) if one.id == other else one

    return replace(
        analysis,
        people=tuple(map(with_face, analysis.people)),
        tracks=tuple(replace(track, person=owner(track)) for track in analysis.tracks),
        portraits=portraits,
    )


def take_face(analysis: Analysis, person: str) -> Analysis:
    """Say that `person` has no face in this clip; the face stays, nobody's.

    Raises UsageError for an unknown person.
    """
    person_of(analysis, person)
    portraits = {who: picture for who, picture in analysis.portraits.items() if who != person}
    if person in analysis.portraits:  # the faces keep their picture, nobody's as they are now
        faces = {face_id(track) for track in analysis.tracks if track.person == person and track.face}
        portraits |= {face: analysis.portraits[person] for face in faces if face}
    return replace(
        analysis,
        people=tuple(replace(p, face=False, confidence=1.0) if p.id == person else p for p in analysis.people),
        tracks=tuple(replace(t, person=None) if t.person == person else t for t in analysis.tracks),
        portraits=portraits,
    )


def separate(analysis: Analysis, person: str) -> Analysis:
    """Say that the face shown for `person` is somebody else: a new person has it, who can be named and given lines.

    Raises UsageError for an unknown person, and one without a face.
    """
    person_of(analysis, person)
    faces = [choice.id for choice in faces_of(analysis) if choice.person == person]
    if not faces:
        raise UsageError("This speaker has no face that could be somebody else's.")
    tracks = [track for track in analysis.tracks if track.person == person]
    portrait = analysis.portraits.get(person)
    faceless, other = add_person(take_face(analysis, person))
    kept = {who: picture for who, picture in faceless.portraits.items() if who not in faces}
    portraits = {**kept, **({other.id: portrait} if portrait else {})}
    return replace(
        faceless,
        people=tuple(
            replace(p, face=bool(portrait) or not analysis.portraits) if p.id == other.id else p
            for p in faceless.people
        ),
        tracks=tuple(
            replace(after, person=other.id) if before in tracks else after
            for before, after in zip(analysis.tracks, faceless.tracks, strict=True)
        ),
        portraits=portraits,
    )


def _portrait(analysis: Analysis, face: str, person: str | None) -> bytes:
    return analysis.portraits.get(face) or analysis.portraits.get(person or "") or b""
