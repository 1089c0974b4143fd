"""Voices mend faces and faces mend voices: look-alikes, one person with two faces, two people in one voice."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from pipeline.attribute import attribute
from pipeline.records import Diarization, Faces, FaceTrack, Shot, Turn, Voice
from tests.unit.test_attribute import LENGTH, LOUD, face, face_of, resting, said, switch, talking, who

#: As in GE2E and dlib's network: similarity of strangers' voices, distance below which two faces are one.
STRANGERS, SAME = 0.6, 0.075


def direction(*parts: float) -> np.ndarray:
    vector = np.zeros(8)
    vector[: len(parts)] = parts
    return vector / np.linalg.norm(vector)


def beside(base: np.ndarray, cosine: float, axis: int) -> np.ndarray:
    """The unit vector at `cosine` from `base`, towards an axis that `base` does not have."""
    aside = np.eye(8)[axis]
    return cosine * base + (1 - cosine**2) ** 0.5 * aside


ADA = direction(1.0)
BEA = beside(ADA, 0.65, 1)  # as alike as two strangers
SPLIT = beside(ADA, 0.82, 2)  # Ada once more, as a diarizer that splits her hears her
ADAS_FACE = direction(1.0)


def turns(*spoken: tuple[float, float, str, np.ndarray]) -> Diarization:
    """(start, end, voice, sound); a voice sounds like the mean of its turns."""
    means: dict[str, np.ndarray] = {}
    for start, end, name, sound in spoken:
        means[name] = means.get(name, np.zeros(8)) + (end - start) * sound
    return Diarization(
        tuple(Turn(start, end, name, tuple(sound.tolist())) for start, end, name, sound in spoken),
        tuple(Voice(name, tuple((mean / np.linalg.norm(mean)).tolist())) for name, mean in means.items()),
        tuple(LOUD.tolist()),
        strangers=STRANGERS,
    )


def shots(*tracks: FaceTrack) -> Faces:
    """One shot a track."""
    return Faces(tuple(Shot(t.boxes[0].t, t.boxes[-1].t) for t in tracks), tracks, same=SAME)


def seen(track: FaceTrack, embedding: np.ndarray | None) -> FaceTrack:
    return replace(track, embedding=() if embedding is None else tuple(embedding.tolist()))


def four_shots(*looks: np.ndarray, cluster: tuple[int, int, int, int] = (0, 0, 0, 0)) -> Faces:
    """Somebody talks in each of four shots of 6 s."""
    return shots(*(
        seen(face(i + 1, 6.0 * i, 6.0 * i + 6, talking(i), cluster[i], i), looks[i]) for i in range(4)
    ))  # fmt: skip


HEARD = said((0.2, 5.8), (6.2, 11.8), (12.2, 17.8), (18.2, 23.8))
IN_TURN = turns((0.2, 5.8, "v1", ADA), (6.2, 11.8, "v2", BEA), (12.2, 17.8, "v1", ADA), (18.2, 23.8, "v2", BEA))
#: Two faces taken for one: 0.04 apart.
LOOKS = (ADAS_FACE, beside(ADAS_FACE, 0.96, 3), beside(ADAS_FACE, 0.998, 4), beside(ADAS_FACE, 0.962, 3))


def test_look_alikes_in_one_face_cluster_are_parted_by_their_voices():
    answer = attribute(HEARD, IN_TURN, four_shots(*LOOKS))
    assert len(answer.people) == 2
    assert who(answer, 3) == who(answer, 15) != who(answer, 9) == who(answer, 21)
    assert [face_of(answer, p) for p in (who(answer, 3), who(answer, 9))] == [[0, 2], [1, 3]]
    assert all(person.face for person in answer.people)


def test_a_look_alike_seen_while_nobody_is_heard_goes_to_the_nearer_face():
    silent = replace(IN_TURN, turns=tuple(t for t in IN_TURN.turns if t.start < 18))
    answer = attribute(said((0.2, 5.8), (6.2, 11.8), (12.2, 17.8)), silent, four_shots(*LOOKS))
    assert [track.person for track in answer.tracks] == ["p1", "p2", "p1", "p2"]


def test_two_voices_of_one_track_are_one_person_whatever_they_sound_like():
    """The diarizer splits every shot: both voices speak with the same mouth, so it is one person's."""
    spoken = []
    for i, (first, second) in enumerate((("v1", "v2"), ("v2", "v1")) * 2):
        sound = {"v1": ADA, "v2": BEA}
        spoken += [
            (6.0 * i + 0.2, 6.0 * i + 3.4, first, sound[first]),
            (6.0 * i + 3.4, 6.0 * i + 5.8, second, sound[second]),
        ]
    answer = attribute(HEARD, turns(*spoken), four_shots(*LOOKS))
    assert [(p.id, p.face) for p in answer.people] == [("p1", True)]
    assert {track.person for track in answer.tracks} == {"p1"}


def test_look_alikes_seen_once_each_are_parted_where_the_faces_differ_enough():
    two = turns((0.2, 5.8, "v1", ADA), (6.2, 11.8, "v2", BEA))
    heard = said((0.2, 5.8), (6.2, 11.8))
    different, same = (
        shots(*four_shots(ADAS_FACE, beside(ADAS_FACE, c, 3), *LOOKS[2:]).tracks[:2]) for c in (0.95, 0.98)
    )
    assert [track.person for track in attribute(heard, two, different).tracks] == ["p1", "p2"]
    assert [track.person for track in attribute(heard, two, same).tracks] == ["p1", "p1"]


def test_a_voice_that_the_diarizer_split_by_shots_stays_one_person():
    """The same as for look-alikes, but the two voices are as near as one person's."""
    split = turns((0.2, 5.8, "v1", ADA), (6.2, 11.8, "v2", SPLIT), (12.2, 17.8, "v1", ADA), (18.2, 23.8, "v2", SPLIT))
    answer = attribute(HEARD, split, four_shots(*LOOKS))
    assert len(answer.people) == 1


def test_a_face_that_looks_the_same_with_both_voices_stays_one_person():
    """Tracks of either voice are as near to the other's as to one another."""
    mixed = (ADAS_FACE, beside(ADAS_FACE, 0.97, 3), beside(ADAS_FACE, 0.97, 4), beside(ADAS_FACE, 0.97, 5))
    answer = attribute(HEARD, IN_TURN, four_shots(*mixed))
    assert len(answer.people) == 1


def test_a_third_voice_that_is_second_in_either_track_of_two_look_alikes_parts_them_all_the_same():
    """Voice by voice v1 is told from both others, but neither track has it for its loudest."""
    spoken = ((0.2, 2.1), (2.2, 6.9), (7.1, 11.9), (12.2, 17), (17.1, 21.6), (21.7, 23.8))
    names = (("v1", ADA), ("v2", beside(ADA, 0.65, 5)), ("v2", beside(ADA, 0.65, 5)))
    names += (("v3", BEA), ("v3", BEA), ("v1", ADA))
    heard = turns(*((*span, *name) for span, name in zip(spoken, names, strict=True)))
    picture = shots(
        seen(face(1, 0, 12, talking(), 0, 0), ADAS_FACE),
        seen(face(2, 12, LENGTH, talking(1), 0, 1), beside(ADAS_FACE, 0.95, 3)),
    )
    answer = attribute(said(*spoken), heard, picture)
    assert len({track.person for track in answer.tracks}) == 2
    assert [answer.tracks[0].person, answer.tracks[1].person] == [who(answer, 5), who(answer, 15)]


def test_look_alikes_are_not_parted_beyond_the_number_of_people_given():
    assert len(attribute(HEARD, IN_TURN, four_shots(*LOOKS), speakers=2).people) == 2
    assert len({t.person for t in attribute(HEARD, IN_TURN, four_shots(*LOOKS), speakers=1).tracks}) == 1


#: One face taken for two: 0.1 apart, 1.3 times the threshold.
TWO_LOOKS = (ADAS_FACE, beside(ADAS_FACE, 0.9, 3), ADAS_FACE, beside(ADAS_FACE, 0.9, 3))
ONE_VOICE = turns((0.2, 5.8, "v1", ADA), (6.2, 11.8, "v1", ADA), (12.2, 17.8, "v1", ADA), (18.2, 23.8, "v1", ADA))
MERGED = turns((0.2, 5.8, "v1", ADA), (6.2, 11.8, "v1", BEA), (12.2, 17.8, "v1", ADA), (18.2, 23.8, "v1", BEA))
APART = (0, 1, 0, 1)


def test_one_person_in_two_face_clusters_is_joined_by_the_one_voice():
    answer = attribute(HEARD, ONE_VOICE, four_shots(*TWO_LOOKS, cluster=APART))
    assert [(p.id, p.face) for p in answer.people] == [("p1", True)]
    assert {track.person for track in answer.tracks} == {"p1"}


def test_a_second_face_with_a_single_line_is_joined_too():
    """A face that is seen once, for one line, would not be enough for a second person."""
    short = shots(
        seen(face(1, 0, 18, talking(), 0, 0), ADAS_FACE),
        seen(face(2, 18, 20.5, talking(1), 1, 1), beside(ADAS_FACE, 0.9, 3)),
        seen(face(3, 20.5, LENGTH, talking(2), 0, 2), ADAS_FACE),
    )
    heard = turns((0.2, 17.8, "v1", ADA), (18.1, 20.4, "v1", ADA), (20.6, 23.8, "v1", ADA))
    answer = attribute(said((0.2, 17.8), (18.1, 20.4), (20.6, 23.8)), heard, short)
    assert [track.person for track in answer.tracks] == ["p1"] * 3


def test_a_face_too_far_turned_to_be_described_is_joined_by_the_voice():
    tracks = four_shots(*TWO_LOOKS, cluster=APART).tracks
    turned = tuple(replace(t, cluster=None, embedding=()) if t.cluster == 1 else t for t in tracks[:2])
    answer = attribute(said((0.2, 5.8), (6.2, 11.8)), ONE_VOICE, shots(*turned))
    assert [track.person for track in answer.tracks] == ["p1", "p1"]


def test_two_people_whose_voices_the_diarizer_merged_are_not_joined():
    answer = attribute(HEARD, MERGED, four_shots(*TWO_LOOKS, cluster=APART))
    assert len(answer.people) == 2
    assert [face_of(answer, p) for p in (who(answer, 3), who(answer, 9))] == [[0, 2], [1, 3]]
    assert {phrase.evidence.reason for phrase in answer.phrases} == {"voice and lips agree"}  # nothing was overruled


def test_faces_as_far_apart_as_strangers_are_not_joined():
    strangers = (ADAS_FACE, beside(ADAS_FACE, 0.8, 3), ADAS_FACE, beside(ADAS_FACE, 0.8, 3))
    assert len(attribute(HEARD, ONE_VOICE, four_shots(*strangers, cluster=APART)).people) == 2


def test_faces_that_were_seen_together_are_not_joined():
    together = four_shots(*TWO_LOOKS, cluster=APART).tracks
    listener = seen(face(5, 0.0, 6.0, resting(9), 1, 0), TWO_LOOKS[1])
    seen_once = Faces(shots(*together).shots, (*together, listener), same=SAME)
    assert len(attribute(HEARD, ONE_VOICE, seen_once).people) == 2


def test_faces_whose_embedder_says_no_threshold_are_left_as_they_are():
    equal = direction(2.0, 4.0, 1.0)  # its product with itself is more than 1, by rounding
    for looks in (TWO_LOOKS, (equal,) * 4):
        unknown = replace(four_shots(*looks, cluster=APART), same=0.0)
        assert len(attribute(HEARD, ONE_VOICE, unknown).people) == 2


#: Two voices at most `TWINS` apart, and two faces a little beyond the threshold.
NEAR_ADA = beside(ADA, 0.9, 2)
TWIN_VOICES = turns(
    (0.2, 5.8, "v1", ADA), (6.2, 11.8, "v2", NEAR_ADA), (12.2, 17.8, "v1", ADA), (18.2, 23.8, "v2", NEAR_ADA)
)
TWIN_LOOKS = (ADAS_FACE, beside(ADAS_FACE, 0.92, 3), ADAS_FACE, beside(ADAS_FACE, 0.92, 3))


def test_two_voices_nearly_alike_with_two_faces_nearly_alike_are_one_person():
    answer = attribute(HEARD, TWIN_VOICES, four_shots(*TWIN_LOOKS, cluster=APART))
    assert [(p.id, p.face) for p in answer.people] == [("p1", True)]
    assert len(attribute(HEARD, IN_TURN, four_shots(*TWIN_LOOKS, cluster=APART)).people) == 2


@pytest.mark.parametrize(("speakers", "tracks"), [(1, "p1 p1 p1 p1"), (2, "p1 p2 p1 p2"), (3, "p1 p2 p1 p2")])
def test_the_right_number_of_people_takes_nobodys_face_away(speakers, tracks):
    answer = attribute(HEARD, TWIN_VOICES, four_shots(*TWIN_LOOKS, cluster=APART), speakers=speakers)
    assert [track.person for track in answer.tracks] == tracks.split()
    assert all(person.face for person in answer.people)


def test_one_persons_two_faces_are_joined_when_the_number_of_people_is_right():
    answer = attribute(HEARD, ONE_VOICE, four_shots(*TWO_LOOKS, cluster=APART), speakers=1)
    assert {track.person for track in answer.tracks} == {"p1"}


# --- a merged voice over a silent face --------------------------------------------------------------------------------

TWO_SHOTS = (Shot(0, 12), Shot(12, LENGTH))
#: The face is silent in the first shot and talks in the second.
FIRST_SILENT = Faces(
    TWO_SHOTS,
    (
        seen(face(1, 0, 12, resting(), 0, 0), ADAS_FACE),
        seen(face(2, 12, LENGTH, talking(), 0, 1), ADAS_FACE),
    ),
    same=SAME,
)
TWO_LINES = said((0.2, 11.8), (12.2, 23.8))


def test_somebody_off_screen_in_the_same_voice_cluster_is_not_pinned_on_the_silent_face():
    merged = turns((0.2, 11.8, "v1", BEA), (12.2, 23.8, "v1", ADA))
    answer = attribute(TWO_LINES, merged, FIRST_SILENT)
    assert who(answer, 5) != who(answer, 18)
    assert face_of(answer, who(answer, 5)) == []
    assert face_of(answer, who(answer, 18)) == [0, 1]
    assert "off screen" in answer.phrases[0].evidence.reason
    assert len(attribute(TWO_LINES, merged, FIRST_SILENT, speakers=1).people) == 1


def test_somebody_who_talks_over_their_own_silent_picture_stays_one_person():
    own = turns((0.2, 11.8, "v1", ADA), (12.2, 23.8, "v1", ADA))
    answer = attribute(TWO_LINES, own, FIRST_SILENT)
    assert [(p.id, p.face) for p in answer.people] == [("p1", True)]


def test_a_turn_in_the_voice_of_a_silent_face_goes_to_the_one_off_screen():
    """Nobody knows how the turns sound, so the voice alone must be wrong here."""
    spoken = [(0.2, 5.8, "v1", BEA), (6.2, 8.8, "v2", BEA), (9.2, 11.8, "v1", BEA), (12.2, 23.8, "v2", ADA)]
    bare = tuple(replace(turn, embedding=()) for turn in turns(*spoken).turns)
    heard = replace(turns(*spoken), turns=bare, voices=(Voice("v1"), Voice("v2")))
    lines = said((0.2, 5.8), (6.2, 8.8), (9.2, 11.8), (12.2, 23.8))
    answer = attribute(lines, heard, FIRST_SILENT)
    assert len(answer.people) == 2
    assert who(answer, 3) == who(answer, 7) == who(answer, 10) != who(answer, 18)
    alone = attribute(lines, heard, FIRST_SILENT, evidence="voice")
    assert who(alone, 7) == who(alone, 18)


def test_a_turn_that_sounds_like_the_silent_face_stays_theirs():
    heard = turns((0.2, 5.8, "v1", BEA), (6.2, 8.8, "v2", ADA), (9.2, 11.8, "v1", BEA), (12.2, 23.8, "v2", ADA))
    answer = attribute(said((0.2, 5.8), (6.2, 8.8), (9.2, 11.8), (12.2, 23.8)), heard, FIRST_SILENT)
    assert who(answer, 7) == who(answer, 18) != who(answer, 3)


def test_a_turn_taken_from_a_still_face_for_somebody_out_of_view_is_not_called_the_voices_word():
    heard = turns(
        *((0.2, 5.8, "v1", ADA), (6.2, 11.8, "v2", BEA), (12.2, 17.8, "v1", ADA)),
        *((18.2, 20.8, "v1", BEA), (21, 23.8, "v2", BEA)),
    )
    beas_face = beside(ADAS_FACE, 0.5, 3)
    picture = shots(
        seen(face(1, 0, 6, talking(), 0, 0), ADAS_FACE),
        seen(face(2, 6, 12, talking(1), 1, 1), beas_face),
        seen(face(3, 12, 18, talking(2), 0, 2), ADAS_FACE),
        seen(face(4, 18, 20.9, resting(3), 0, 3), ADAS_FACE),
        seen(face(5, 20.9, LENGTH, talking(4), 1, 4), beas_face),
    )
    answer = attribute(said((0.2, 5.8), (6.2, 11.8), (12.2, 17.8), (18.2, 20.8), (21, 23.8)), heard, picture)
    assert who(answer, 19) == who(answer, 9) != who(answer, 3)
    assert {p.evidence.reason for p in answer.phrases if 18 < p.start < 20} == {"the voice's own face is still"}
    assert {p.evidence.reason for p in answer.phrases if not 18 < p.start < 20} == {"voice and lips agree"}


def test_a_turn_too_short_for_a_change_says_so_where_only_others_are_in_view():
    third = beside(ADA, 0.65, 5)
    heard = turns(
        *((0.2, 5.8, "v1", ADA), (6.2, 11.8, "v2", BEA), (12.2, 17.8, "v3", third)),
        *((18.2, 20.6, "v2", BEA), (20.7, 21.0, "v1", ADA), (21.1, 23.8, "v2", BEA)),
    )
    picture = shots(
        seen(face(1, 0, 6, talking(), 0, 0), ADAS_FACE),
        seen(face(2, 6, 12, talking(1), 1, 1), beside(ADAS_FACE, 0.5, 3)),
        seen(face(3, 12, 18, talking(2), 2, 2), beside(ADAS_FACE, 0.5, 4)),
        seen(face(4, 18, LENGTH, resting(3), 2, 3), beside(ADAS_FACE, 0.5, 4)),
    )
    spans = ((0.2, 5.8), (6.2, 11.8), (12.2, 17.8), (18.2, 20.6), (20.65, 21.05), (21.1, 23.8))
    answer = attribute(said(*spans), heard, picture)
    reasons = {round(p.start, 2): (p.person, p.evidence.reason) for p in answer.phrases if p.start > 18}
    assert reasons[20.65] == ("p2", "nearest voice; face not in view")
    assert reasons[18.2] == ("p2", "voice; face not in view")


def test_without_sounds_only_a_clearly_still_face_makes_somebody_off_screen():
    def people(mouth: np.ndarray) -> int:
        bare = turns((0.2, 11.8, "v1", ADA), (12.2, 23.8, "v1", ADA))
        bare = replace(bare, turns=tuple(replace(t, embedding=()) for t in bare.turns), voices=(Voice("v1"),))
        first = seen(face(1, 0, 12, mouth, 0, 0), ADAS_FACE)
        return len(attribute(TWO_LINES, bare, replace(FIRST_SILENT, tracks=(first, FIRST_SILENT.tracks[1]))).people)

    assert people(resting()) == 2
    assert people(0.03 + 0.2 * (talking() - 0.03)) == 1  # it moves with the voice, but little: seen from afar


def test_two_people_in_one_voice_are_parted_by_a_single_long_line():
    """The first speaks one line in a shot of theirs, the other the rest: faces, sounds and shots differ."""
    merged = turns((0.2, 3.9, "v1", ADA), (4.1, 7.8, "v1", BEA), (8.1, 10.9, "v1", BEA))
    picture = shots(
        seen(face(1, 0, 4, talking(), 0, 0), ADAS_FACE),
        seen(face(2, 4, 11, talking(1), 1, 1), beside(ADAS_FACE, 0.8, 3)),
    )
    answer = attribute(said((0.2, 3.8), (4.2, 7.8), (8.2, 10.8)), merged, picture)
    assert [face_of(answer, p) for p in (who(answer, 2), who(answer, 6))] == [[0], [1]]


def test_a_listener_whose_lips_move_half_the_time_does_not_take_both_voices():
    """Nobody else's lips are seen. Had the voices been alike, half would be enough to call them one."""
    mouth = switch(switch(talking(5), resting(3), 6), talking(), 12)
    picture = Faces((Shot(0, LENGTH),), (seen(face(1, 0, LENGTH, mouth, 0), ADAS_FACE),), same=SAME)
    heard = said((0.2, 5.8), (6.2, 11.8), (12.2, 23.8))

    def spoken(second: np.ndarray) -> Diarization:
        return turns((0.2, 5.8, "v1", ADA), (6.2, 11.8, "v1", ADA), (12.2, 23.8, "v2", second))

    assert len(attribute(heard, spoken(BEA), picture).people) == 2
    assert len(attribute(heard, spoken(SPLIT), picture).people) == 1


def test_nobody_is_in_one_picture_twice():
    """Whoever is heard in each of four shots, however faces were clustered, with a listener beside them in the first."""
    voices = [("v1", ADA), ("v2", BEA), ("v1", BEA)]
    people = set()
    for first, second, third in itertools.product(voices, repeat=3):
        order = (first, second, third, second)
        spoken = [(6.0 * i + 0.2, 6.0 * i + 5.8, *voice) for i, voice in enumerate(order)]
        for looks, cluster in ((LOOKS, (0, 0, 0, 0)), (TWO_LOOKS, APART)):
            talkers = four_shots(*looks, cluster=cluster).tracks
            listener = seen(face(5, 0.0, 6.0, resting(9), 1 - cluster[0], 0), TWO_LOOKS[1])
            faces = Faces(shots(*talkers).shots, (*talkers, listener), same=SAME)
            answer = attribute(HEARD, turns(*spoken), faces)
            assert [track.boxes for track in answer.tracks] == [track.boxes for track in faces.tracks]
            assert answer.tracks[0].person is None or answer.tracks[0].person != answer.tracks[4].person
            assert {track.person for track in answer.tracks} - {None} <= {person.id for person in answer.people}
            assert [word for p in answer.phrases for word in p.words] == [w for s in HEARD.segments for w in s.words]
            people.add(len(answer.people))
    assert people == {1, 2, 3}  # three where a strange voice moves the second face of another one
