"""Voices mend faces and faces mend voices: look-alikes, one person with two faces, two people in one voice."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from pipeline.people import attribute
from pipeline.records import Diarization, Faces, FaceTrack, Shot, Turn, Voice
from tests.unit.test_people import LENGTH, face, face_of, resting, said, switch, talking, who

pytestmark = pytest.mark.unit

SIZE = 96  #: of the embeddings made here


def embedding(shared: float, person: float, who_is_it: str, seed: int) -> np.ndarray:
    """A unit vector: a part that everybody shares, a part of the person and noise, by their shares of the length."""
    own = np.random.default_rng(sum(who_is_it.encode())).normal(size=SIZE)
    noise = np.random.default_rng(1000 + seed).normal(size=SIZE)
    own[0] = noise[0] = 0.0
    own /= np.linalg.norm(own)
    noise -= (noise @ own) * own
    noise /= np.linalg.norm(noise)
    return shared**0.5 * np.eye(SIZE)[0] + person**0.5 * own + (1 - shared - person) ** 0.5 * noise


def sound(person: str, seed: int) -> np.ndarray:
    """A voiceprint, as CAM++ gives it: 0.7 alike for one person, 0.15 for two."""
    return embedding(0.15, 0.55, person, seed)


def look(person: str, seed: int) -> np.ndarray:
    """A face, as dlib's network gives it: 0.93 alike for one person, 0.85 for two."""
    return embedding(0.85, 0.08, person, 50 + seed)


def heard(*spoken: tuple[float, float, str, str]) -> Diarization:
    """(start, end, the diarizer's voice, who it really is)."""
    turns = tuple(
        Turn(start, end, name, tuple(sound(person, n).tolist()), end - start)
        for n, (start, end, name, person) in enumerate(spoken)
    )
    return Diarization(turns, tuple(Voice(name) for name in dict.fromkeys(turn.speaker for turn in turns)))


def seen(track: FaceTrack, person: str | None, seed: int = 0) -> FaceTrack:
    return replace(track, embedding=() if person is None else tuple(look(person, seed).tolist()))


def shots(*tracks: FaceTrack) -> Faces:
    """One shot a track."""
    return Faces(tuple(Shot(t.boxes[0].t, t.boxes[-1].t) for t in tracks), tracks)


def four_shots(people: str, cluster: tuple[int, int, int, int]) -> Faces:
    """Somebody talks in each of four shots of 6 s."""
    return shots(*(
        seen(face(i + 1, 6.0 * i, 6.0 * i + 6, talking(i), cluster[i], i), people[i], i) for i in range(4)
    ))  # fmt: skip


def in_turn(names: str, people: str) -> Diarization:
    return heard(*((6.0 * i + 0.2, 6.0 * i + 5.8, f"v{names[i]}", people[i]) for i in range(len(names))))


LINES = said((0.2, 5.8), (6.2, 11.8), (12.2, 17.8), (18.2, 23.8))


def test_two_people_in_one_face_cluster_are_parted_by_their_voices() -> None:
    answer = attribute(LINES, in_turn("1212", "abab"), four_shots("abab", (0, 0, 0, 0)))
    assert len(answer.people) == 2
    assert who(answer, 3) == who(answer, 15) != who(answer, 9) == who(answer, 21)
    assert [face_of(answer, p) for p in (who(answer, 3), who(answer, 9))] == [[0, 2], [1, 3]]
    assert all(person.face for person in answer.people)


def test_a_look_alike_seen_while_nobody_is_heard_goes_to_the_nearer_face() -> None:
    silent = in_turn("121", "aba")
    answer = attribute(said((0.2, 5.8), (6.2, 11.8), (12.2, 17.8)), silent, four_shots("abab", (0, 0, 0, 0)))
    assert [track.face for track in answer.tracks][1] == [track.face for track in answer.tracks][3]


def test_a_voice_that_the_diarizer_split_by_shots_stays_one_person() -> None:
    answer = attribute(LINES, in_turn("1212", "aaaa"), four_shots("aaaa", (0, 0, 0, 0)))
    assert len(answer.people) == 1


def test_one_person_in_two_face_clusters_is_joined_by_the_one_voice() -> None:
    answer = attribute(LINES, in_turn("1111", "aaaa"), four_shots("aaaa", (0, 1, 0, 1)))
    assert [(p.id, p.face) for p in answer.people] == [("p1", True)]
    assert {track.person for track in answer.tracks} == {"p1"}


def test_a_face_too_far_turned_to_be_described_is_joined_by_the_voice() -> None:
    faces = four_shots("aaaa", (0, 0, 0, 0)).tracks
    turned = tuple(replace(t, cluster=None, embedding=()) if t.id == 2 else t for t in faces)
    answer = attribute(LINES, in_turn("1111", "aaaa"), shots(*turned))
    assert [track.person for track in answer.tracks] == ["p1"] * 4


def test_two_people_whose_voices_the_diarizer_merged_are_parted_by_faces_and_sound() -> None:
    answer = attribute(LINES, in_turn("1111", "abab"), four_shots("abab", (0, 1, 0, 1)))
    assert len(answer.people) == 2
    assert [face_of(answer, p) for p in (who(answer, 3), who(answer, 9))] == [[0, 2], [1, 3]]


def test_two_undescribed_faces_with_two_voices_are_two_people() -> None:
    """Neither face can be described, so neither may be taken for the other."""
    tracks = four_shots("abab", (0, 1, 0, 1)).tracks
    bare = shots(*(replace(t, cluster=None, embedding=()) for t in tracks))
    answer = attribute(LINES, in_turn("1212", "abab"), bare)
    assert [track.person for track in answer.tracks] == ["p1", "p2", "p1", "p2"]


def test_two_voices_of_one_person_with_two_looks_are_one_person() -> None:
    answer = attribute(LINES, in_turn("1212", "aaaa"), four_shots("aaaa", (0, 1, 0, 1)))
    assert [(p.id, p.face) for p in answer.people] == [("p1", True)]


@pytest.mark.parametrize("speakers", [1, 2, 3])
def test_the_number_of_speakers_asked_for_takes_nobodys_face_away(speakers: int) -> None:
    answer = attribute(LINES, in_turn("1212", "abab"), four_shots("abab", (0, 1, 0, 1)), speakers=speakers)
    assert len(answer.people) <= speakers
    assert all(track.person for track in answer.tracks) or speakers == 1
    if len(answer.people) < speakers:
        assert "fewer_speakers" in [notice.code for notice in answer.notices]


# --- a merged voice over a silent face --------------------------------------------------------------------------------

#: The face is silent in the first shot and talks in the second.
FIRST_SILENT = Faces(
    (Shot(0, 12), Shot(12, LENGTH)),
    (seen(face(1, 0, 12, resting(), 0, 0), "a", 1), seen(face(2, 12, LENGTH, talking(), 0, 1), "a", 2)),
)
TWO_LINES = said((0.2, 11.8), (12.2, 23.8))


def test_somebody_off_screen_in_the_same_voice_cluster_is_not_pinned_on_the_silent_face() -> None:
    merged = heard((0.2, 11.8, "v1", "b"), (12.2, 23.8, "v1", "a"))
    answer = attribute(TWO_LINES, merged, FIRST_SILENT)
    assert who(answer, 5) != who(answer, 18)
    assert face_of(answer, who(answer, 5)) == []
    assert face_of(answer, who(answer, 18)) == [0, 1]
    assert "off screen" in answer.phrases[0].evidence.reason


def test_somebody_who_talks_over_their_own_silent_picture_stays_one_person() -> None:
    own = heard((0.2, 11.8, "v1", "a"), (12.2, 23.8, "v1", "a"))
    answer = attribute(TWO_LINES, own, FIRST_SILENT)
    assert len(answer.people) == 1


def test_a_turn_in_the_voice_of_a_silent_face_goes_to_the_one_off_screen() -> None:
    wrong = heard((0.2, 5.8, "v1", "b"), (6.2, 8.8, "v2", "b"), (9.2, 11.8, "v1", "b"), (12.2, 23.8, "v2", "a"))
    lines = said((0.2, 5.8), (6.2, 8.8), (9.2, 11.8), (12.2, 23.8))
    answer = attribute(lines, wrong, FIRST_SILENT)
    assert who(answer, 3) == who(answer, 7) == who(answer, 10) != who(answer, 18)


def test_a_listener_whose_lips_move_half_the_time_does_not_take_both_voices() -> None:
    mouth = switch(switch(talking(5), resting(3), 6), talking(), 12)
    picture = Faces((Shot(0, LENGTH),), (seen(face(1, 0, LENGTH, mouth, 0), "b"),))
    lines = said((0.2, 5.8), (6.2, 11.8), (12.2, 23.8))
    two = heard((0.2, 5.8, "v1", "a"), (6.2, 11.8, "v1", "a"), (12.2, 23.8, "v2", "b"))
    assert len(attribute(lines, two, picture).people) == 2


def test_the_voice_that_is_left_gets_the_face_that_is_left() -> None:
    """The second mouth cannot be read; the first is clearly the other one's."""
    picture = Faces(
        (Shot(0, LENGTH),),
        (seen(face(1, 0, LENGTH, switch(talking(), resting(), 12), 0), "a"), seen(face(2, 0, LENGTH, None, 1), "b")),
    )
    answer = attribute(TWO_LINES, heard((0.2, 11.8, "v1", "a"), (12.2, 23.8, "v2", "b")), picture)
    assert [track.person for track in answer.tracks] == [who(answer, 5), who(answer, 18)] == ["p1", "p2"]


def test_one_voice_and_one_face_that_never_says_much_are_one_person() -> None:
    picture = Faces((Shot(0, LENGTH),), (seen(face(1, 0, LENGTH, np.full(len(talking()), 0.0), 0), "a"),))
    answer = attribute(TWO_LINES, heard((0.2, 11.8, "v1", "a"), (12.2, 23.8, "v1", "a")), picture)
    assert [track.person for track in answer.tracks] == ["p1"]


def test_a_narrator_over_two_silent_faces_has_no_face() -> None:
    picture = Faces(
        (Shot(0, LENGTH),),
        (seen(face(1, 0, LENGTH, resting(1), 0), "a"), seen(face(2, 0, LENGTH, resting(2), 1), "b")),
    )
    answer = attribute(TWO_LINES, heard((0.2, 11.8, "v1", "n"), (12.2, 23.8, "v1", "n")), picture)
    assert [track.person for track in answer.tracks] == [None, None]


def test_nobody_is_in_one_picture_twice() -> None:
    """Whoever is heard in each of four shots, however faces were clustered, with a listener beside them in the
    first."""
    voices = [("1", "a"), ("2", "b"), ("1", "b")]
    for first, second, third in itertools.product(voices, repeat=3):
        order = (first, second, third, second)
        turns = in_turn("".join(name for name, _ in order), "".join(person for _, person in order))
        talkers = four_shots("abab", (0, 0, 0, 0)).tracks
        listener = seen(face(5, 0.0, 6.0, resting(9), 1, 0), "b", 9)
        faces = Faces(shots(*talkers).shots, (talkers[0], listener, *talkers[1:]))
        answer = attribute(LINES, turns, faces)
        assert [track.boxes for track in answer.tracks] == [track.boxes for track in faces.tracks]
        assert answer.tracks[0].person is None or answer.tracks[0].person != answer.tracks[1].person
        assert {track.person for track in answer.tracks} - {None} <= {person.id for person in answer.people}
        assert [word for p in answer.phrases for word in p.words] == [w for s in LINES.segments for w in s.words]


# --- a quarrel --------------------------------------------------------------------------------------------------------


def test_two_who_talk_at_once_all_the_time_keep_their_faces() -> None:
    """Which of two unknown voices is whose cannot be said, but both mouths move: both were called off screen."""
    mouths = talking(1), talking(2)
    picture = Faces(
        (Shot(0, LENGTH),), tuple(seen(face(n, 0, LENGTH, m, n - 1), "ab"[n - 1], n) for n, m in enumerate(mouths, 1))
    )
    quarrel = Diarization(tuple(Turn(0.2, 23.8, name, (), 0.0) for name in ("v1", "v2")), (Voice("v1"), Voice("v2")))
    answer = attribute(said((0.2, 23.8)), quarrel, picture)
    assert all(face_of(answer, phrase.person) for phrase in answer.phrases)
