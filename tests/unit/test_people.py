"""Who says what, on records made here: mouths that move with a voice, mouths that chew, mouths that rest."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.people import attribute
from pipeline.people.palette import PALETTE
from pipeline.people.parameters import Parameters
from pipeline.people.phrases import cut
from pipeline.people.scene import SESSION_S, Scene
from pipeline.records import (
    EVIDENCE_HZ,
    Attribution,
    Box,
    Diarization,
    Faces,
    FaceTrack,
    Segment,
    Shot,
    Transcript,
    Turn,
    Voice,
    Word,
)
from pipeline.text import COLUMNS, LINES, text_width

pytestmark = pytest.mark.unit

LENGTH = 24.0
COUNT = int(LENGTH * EVIDENCE_HZ)
TIMES = (np.arange(COUNT) + 0.5) / EVIDENCE_HZ


def _evidence(mean: float, seed: int) -> np.ndarray:
    """Log-odds around `mean` that vary within a second, as a detector's do."""
    noise = np.random.default_rng(seed).normal(0, 1.5, COUNT)
    return mean + np.convolve(noise, np.ones(12) / 12, "same")


def talking(seed: int = 0) -> np.ndarray:
    """The log-odds of a mouth that says what is heard."""
    return _evidence(2.0, seed)


def resting(seed: int = 0) -> np.ndarray:
    return _evidence(-2.5, seed)


def chewing(seed: int = 7) -> np.ndarray:
    """A mouth that moves without saying anything: the detector takes it for speech now and then."""
    return -0.7 + 1.5 * np.sin(2 * np.pi * 0.4 * TIMES + seed)


def looks(cluster: int) -> tuple[float, ...]:
    """The embedding of a face: as far from other people's as dlib's network has them."""
    return (0.84**0.5, *(0.16**0.5 * (n == cluster) for n in range(4)))


def face(
    number: int, start: float, end: float, mouth: np.ndarray | None, cluster: int | None = None, shot: int = 0
) -> FaceTrack:
    inside = (start <= TIMES) & (end > TIMES)
    left = 100.0 * number
    return FaceTrack(
        id=number,
        shot=shot,
        boxes=(Box(start, left, 50, left + 80, 150), Box(end, left, 50, left + 80, 150)),
        embedding=() if cluster is None else looks(cluster),
        cluster=cluster,
        quality=0.8,
        portrait=b"jpeg",
        speaking=() if mouth is None else tuple(mouth[inside].tolist()),
        speaking_from=int(np.argmax(inside)),
    )


def words(start: float, end: float, step: float = 0.4, text: str = "word") -> tuple[Word, ...]:
    count = int((end - start) / step)
    return tuple(Word(start + i * step, start + i * step + 0.8 * step, f"{text}{i}") for i in range(count))


def said(*spans: tuple[float, float]) -> Transcript:
    segments = []
    for start, end in spans:
        inside = words(start, end)
        segments.append(Segment(start, end, " ".join(w.text for w in inside), inside))
    return Transcript("en", 1.0, tuple(segments))


def voices(*turns: tuple[float, float, str]) -> Diarization:
    names = dict.fromkeys(name for *_, name in turns)
    return Diarization(
        tuple(Turn(start, end, name) for start, end, name in turns),
        tuple(Voice(n) for n in names),
    )


def switch(before: np.ndarray, after: np.ndarray, at: float) -> np.ndarray:
    return np.where(at > TIMES, before, after)


def who(answer: Attribution, t: float) -> str | None:
    return next(p.person for p in answer.phrases if any(w.start <= t < w.end + 0.1 for w in p.words))


def face_of(answer: Attribution, person: str | None) -> list[int]:
    return [i for i, track in enumerate(answer.tracks) if track.person == person and person is not None]


ONE_SHOT = (Shot(0.0, LENGTH),)


def two_in_one_picture(left: np.ndarray, right: np.ndarray) -> Faces:
    return Faces(ONE_SHOT, (face(1, 0, LENGTH, left, 0), face(2, 0, LENGTH, right, 1)))


def test_two_in_one_picture_are_told_apart_by_their_lips() -> None:
    seen = two_in_one_picture(switch(resting(1), talking(), 12), switch(talking(), resting(2), 12))
    answer = attribute(said((0, 11.8), (12.2, 24)), voices((0, 12, "v1"), (12, 24, "v2")), seen)
    assert [p.id for p in answer.people] == ["p1", "p2"]
    assert face_of(answer, who(answer, 5)) == [1]  # the right one talks first
    assert face_of(answer, who(answer, 18)) == [0]
    assert all(p.face and answer.portraits[p.id] == b"jpeg" for p in answer.people)


def test_a_voice_whose_lips_nobody_moves_is_off_screen() -> None:
    seen = Faces(ONE_SHOT, (face(1, 0, LENGTH, switch(resting(), talking(), 12), 0),))
    answer = attribute(said((0, 11.8), (12.2, 24)), voices((0, 12, "v1"), (12, 24, "v2")), seen)
    narrator, shown = who(answer, 5), who(answer, 18)
    assert narrator != shown
    assert face_of(answer, narrator) == []
    assert face_of(answer, shown) == [0]
    assert not next(p for p in answer.people if p.id == narrator).face
    assert "off screen" in answer.phrases[0].evidence.reason


def test_a_cut_to_the_silent_listener_changes_nothing() -> None:
    shots = (Shot(0, 6), Shot(6, 12), Shot(12, LENGTH))
    seen = Faces(
        shots,
        (
            face(1, 0, 6, talking(), 0, 0),
            face(2, 6, 12, resting(), 1, 1),
            face(3, 12, LENGTH, talking(), 1, 2),
        ),
    )
    answer = attribute(said((0, 11.8), (12.2, 24)), voices((0, 12, "v1"), (12, 24, "v2")), seen)
    assert who(answer, 3) == who(answer, 9) != who(answer, 18)
    assert answer.tracks[0].person == who(answer, 3)
    assert answer.tracks[1].person == answer.tracks[2].person == who(answer, 18)


def test_a_chewing_listener_does_not_win() -> None:
    seen = two_in_one_picture(switch(talking(), resting(1), 12), switch(chewing(), talking(), 12))
    answer = attribute(said((0, 11.8), (12.2, 24)), voices((0, 12, "v1"), (12, 24, "v2")), seen)
    assert face_of(answer, who(answer, 5)) == [0]
    assert face_of(answer, who(answer, 18)) == [1]


def test_a_speaker_whose_mouth_hardly_moves_in_two_of_three_lines_keeps_their_face() -> None:
    """An actor who speaks through his beard was called off screen while he stood in close-up."""
    mumbled = switch(talking(), resting(1) - 1.5, 7)
    seen = Faces(
        (Shot(0, 4), Shot(4, LENGTH)),
        (face(1, 0, 4, talking(2), 0, 0), face(2, 4, 14, mumbled, 1, 1)),
    )
    spoken = (0.2, 3.8), (4.2, 6.7), (8.2, 9.5), (10.5, 12.3)
    turns = voices(*((start, end, "v2" if start < 4 else "v1") for start, end in spoken))
    answer = attribute(said(*spoken), turns, seen)
    assert face_of(answer, who(answer, 11)) == [1]


def test_a_face_seen_again_after_a_pause_may_look_another_way() -> None:
    """The boss of a meeting was two people: a picture without faces, taken for a part of the shot, stood between."""

    def joined(pause: float) -> float:
        """Return what it gains that two tracks before the pause and two turned ones after it are one person."""
        shown = [(0, 3, 0.0), (3.2, 6, 0.05), (6.2 + pause, 9 + pause, 0.7), (9.2 + pause, 12 + pause, 0.75)]
        tracks = []
        for n, (start, end, turn) in enumerate(shown, 1):
            vector = (1 - turn) * np.array(looks(0)) + turn * np.array(looks(1))
            tracks.append(replace(face(n, start, end, None, 0), embedding=tuple(vector / np.linalg.norm(vector))))
        faces = Scene(voices((0, LENGTH, "v1")), Faces(ONE_SHOT, tuple(tracks)), Parameters()).faces
        return faces.log_odds(range(4)) - faces.log_odds((0, 1)) - faces.log_odds((2, 3))

    assert joined(SESSION_S + 1) > joined(0)


def test_somebody_who_only_chews_is_nobody() -> None:
    seen = two_in_one_picture(talking(), chewing())
    answer = attribute(said((0, 24)), voices((0, 24, "v1")), seen)
    assert [p.id for p in answer.people] == ["p1"]
    assert answer.tracks[1].person is None


def test_one_voice_cluster_that_moves_two_faces_is_two_people() -> None:
    seen = two_in_one_picture(switch(talking(), resting(1), 12), switch(resting(2), talking(), 12))
    heard = said((0, 11.8), (12.2, 24))
    diarized = voices((0, 24, "v1"))
    answer = attribute(heard, diarized, seen)
    assert len(answer.people) == 2
    assert (face_of(answer, who(answer, 5)), face_of(answer, who(answer, 18))) == ([0], [1])
    assert len(attribute(heard, diarized, seen, speakers=1).people) == 1
    assert len(attribute(heard, diarized, seen, evidence="voice").people) == 1


def test_two_voice_clusters_that_move_the_same_lips_are_one_person() -> None:
    seen = Faces(ONE_SHOT, (face(1, 0, LENGTH, talking(), 0),))
    heard, diarized = said((0, 11.8), (12.2, 24)), voices((0, 12, "v1"), (12, 24, "v2"))
    assert len(attribute(heard, diarized, seen).people) == 1


def test_fewer_speakers_than_asked_for_are_explained_by_a_notice() -> None:
    seen = Faces(ONE_SHOT, (face(1, 0, LENGTH, talking(), 0),))
    answer = attribute(said((0, 2.8)), voices((0, 3, "v1")), seen, speakers=2)
    assert len(answer.people) == 1
    assert [n.code for n in answer.notices] == ["fewer_speakers"]


def test_a_wrong_turn_is_overruled_by_lips_that_say_so() -> None:
    seen = two_in_one_picture(switch(talking(), resting(1), 12), switch(resting(2), talking(), 12))
    heard = said((0, 11.8), (12.2, 24))
    diarized = voices((0, 4, "v1"), (4, 7, "v2"), (7, 12, "v1"), (12, 24, "v2"))
    misled = attribute(heard, diarized, seen, evidence="voice")
    assert who(misled, 5.5) == who(misled, 18)
    answer = attribute(heard, diarized, seen)
    assert who(answer, 5.5) == who(answer, 2) == who(answer, 9) != who(answer, 18)
    assert any(p.evidence.reason == "lips overrule the voice" for p in answer.phrases)


def test_faces_without_lips_are_matched_by_who_is_there_when() -> None:
    shots = (Shot(0, 12), Shot(12, LENGTH))
    seen = Faces(shots, (face(1, 0, 12, None, 0, 0), face(2, 12, LENGTH, None, 1, 1)))
    answer = attribute(said((0, 11.8), (12.2, 24)), voices((0, 12, "v1"), (12, 24, "v2")), seen)
    assert [t.person for t in answer.tracks] == [who(answer, 5), who(answer, 18)] == ["p1", "p2"]


def test_two_faces_without_lips_are_given_to_nobody() -> None:
    seen = Faces(ONE_SHOT, (face(1, 0, LENGTH, None, 0), face(2, 0, LENGTH, None, 1)))
    answer = attribute(said((0, 11.8), (12.2, 24)), voices((0, 12, "v1"), (12, 24, "v2")), seen)
    assert [t.person for t in answer.tracks] == [None, None]
    assert [n.code for n in answer.notices] == ["no_face_matched"]


def test_overlapped_speech_keeps_both_turns() -> None:
    diarized = voices((0, 14, "v1"), (10, 24, "v2"))
    answer = attribute(said((0, 12), (12.2, 24)), diarized, Faces((), ()))
    spans = {t.person: (t.start, t.end) for t in answer.turns}
    assert spans == {"p1": (0, 14), "p2": (10, 24)}


def test_phrases_split_at_speaker_changes_on_words() -> None:
    heard = said((0, 24))
    answer = attribute(heard, voices((0, 9.1, "v1"), (9.1, 24, "v2")), Faces((), ()))
    border = [p.end for p, q in zip(answer.phrases, answer.phrases[1:], strict=False) if p.person != q.person]
    assert len(border) == 1
    assert border[0] == pytest.approx(9.1, abs=0.3)


def test_islands_of_one_short_word_join_their_neighbours() -> None:
    spoken = (*words(0, 4), Word(4.0, 4.2, "hm"), *words(4.4, 8))
    heard = Transcript("en", 1.0, (Segment(0, 8, " ".join(w.text for w in spoken), spoken),))
    answer = attribute(heard, voices((0, 4, "v1"), (4.0, 4.25, "v2"), (4.3, 8, "v1")), Faces((), ()))
    assert {p.person for p in answer.phrases} == {"p1"}


def test_a_single_short_word_is_no_phrase_where_its_sentence_goes_on() -> None:
    texts = ("They", "left", "and", "came", "back.", "No.")

    def phrases(person: list[int], pauses: tuple[float, ...] = (0.0,) * 6) -> list[str]:
        starts = [0.4 * n + pause for n, pause in enumerate(itertools.accumulate(pauses))]
        heard = [(Word(start, start + 0.3, text), 0) for start, text in zip(starts, texts, strict=True)]
        return [" ".join(texts[a:b]) for a, b in cut(heard, person, "en")]

    assert phrases([0] * 6) == ["They left and came back. No."]
    assert phrases([0] * 6, (0, 0, 1.2, 0, 0, 0)) == ["They left", "and came back. No."]
    assert phrases([0, 0, 1, 0, 0, 0]) == ["They left", "and", "came back. No."]  # said by another


def test_a_word_that_no_voice_is_near_is_nobodys() -> None:
    answer = attribute(said((0, 4), (20, 22)), voices((0, 4, "v1")), Faces((), ()))
    assert who(answer, 2) == "p1"
    assert who(answer, 21) is None
    assert answer.phrases[-1].evidence.confidence == 0.0


def test_nothing_heard_is_an_empty_answer() -> None:
    answer = attribute(Transcript("", 0.0, ()), Diarization((), ()), two_in_one_picture(resting(1), resting(2)))
    assert (answer.people, answer.phrases, answer.turns) == ((), (), ())
    assert [t.person for t in answer.tracks] == [None, None]


def test_text_keeps_the_segments_own_spacing() -> None:
    spoken = tuple(Word(i * 0.5, i * 0.5 + 0.4, c) for i, c in enumerate("私は学生です。"))
    heard = Transcript("ja", 1.0, (Segment(0, 4, "私は学生です。", spoken),))
    answer = attribute(heard, voices((0, 4, "v1")), Faces((), ()))
    assert "".join(p.source for p in answer.phrases) == "私は学生です。"


def test_evidence_ranks_the_sure_above_the_unsure() -> None:
    seen = two_in_one_picture(switch(talking(), resting(1), 12), switch(resting(2), talking(), 12))
    heard = said((0, 11.8), (12.2, 24))
    clear = attribute(heard, voices((0, 12, "v1"), (12, 24, "v2")), seen)
    unclear = two_in_one_picture(np.full(COUNT, 0.1), np.full(COUNT, 0.2))
    doubtful = attribute(heard, voices((0, 24, "v1")), unclear)
    assert min(p.evidence.confidence for p in clear.phrases) > max(p.evidence.confidence for p in doubtful.phrases)
    assert clear.phrases[0].evidence.runner_up == "p2"
    assert (clear.phrases[0].evidence.lips or 0.0) > 0.7


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0.05, 1.2), st.floats(0, 1.5), st.text("abcdef.,?", min_size=1, max_size=14)), max_size=60
    ),
    st.lists(st.tuples(st.floats(0, 50), st.floats(0.1, 8), st.sampled_from(["v1", "v2", "v3"])), max_size=12),
)
def test_every_word_comes_out_once_and_in_order(spoken: Any, turns: Any) -> None:
    at, heard = 0.0, []
    for length, gap, text in spoken:
        heard.append(Word(at, at + length, text))
        at += length + gap
    segments = tuple(
        Segment(part[0].start, part[-1].end, " ".join(w.text for w in part), tuple(part))
        for part in (heard[i : i + 17] for i in range(0, len(heard), 17))
    )
    answer = attribute(
        Transcript("en", 1.0, segments),
        voices(*((start, start + length, name) for start, length, name in turns)),
        Faces((), ()),
    )
    assert [w for p in answer.phrases for w in p.words] == heard
    assert [p.id for p in answer.phrases] == list(range(1, len(answer.phrases) + 1))
    assert all(text_width(p.source) <= COLUMNS * LINES or len(p.words) == 1 for p in answer.phrases)
    assert {p.person for p in answer.phrases} - {None} == {p.id for p in answer.people}
    assert all(0 <= p.evidence.confidence <= 1 for p in answer.phrases)
    assert all(t.start < t.end for t in answer.turns)


def test_colours_read_on_dark_glass() -> None:
    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    assert len(set(PALETTE)) == len(PALETTE) >= 8
    assert all((luminance(c) + 0.05) / (luminance("#0b0f14") + 0.05) >= 4.5 for c in PALETTE)


def _track(number: int, start: float, length: float, value: float | None, cluster: int | None, shot: int) -> FaceTrack:
    count = round(length * EVIDENCE_HZ)
    return FaceTrack(
        id=number,
        shot=shot,
        boxes=tuple(Box(start + t, 100, 50, 180, 150) for t in ((0.0, length) if length else (0.0,))),
        embedding=() if cluster is None else looks(cluster),
        cluster=cluster,
        speaking=(value,) * count,
        speaking_from=round(start * EVIDENCE_HZ) - 3,
    )


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 11), st.floats(0.05, 8), st.sampled_from(["v1", "v2", "v3"])), max_size=8),
    st.lists(
        st.tuples(
            st.floats(0, 11),
            st.sampled_from([0.0, 0.08, 1.0, 5.0]),
            st.sampled_from([None, -5.0, 0.0, 5.0]),
            st.sampled_from([None, 0, 1]),
            st.integers(0, 1),
        ),
        max_size=6,
    ),
    st.sampled_from([None, 1, 2, 5]),
)
def test_whatever_was_seen_and_heard_there_is_an_answer(turns: Any, tracks: Any, speakers: int | None) -> None:
    """Tracks of one frame, evidence before the clip, voices at once, more speakers than turns: never an error."""
    faces = Faces((Shot(0, 6), Shot(6, 12)), tuple(_track(n, *track) for n, track in enumerate(tracks)))
    diarized = voices(*((start, start + length, name) for start, length, name in turns))
    answer = attribute(said((0, 5), (6, 11)), diarized, faces, speakers=speakers)
    assert [track.boxes for track in answer.tracks] == [
        t.boxes for t in sorted(faces.tracks, key=lambda t: (t.boxes[0].t, t.id))
    ]
    order = sorted(faces.tracks, key=lambda t: (t.boxes[0].t, t.id))
    for a, b in itertools.combinations(range(len(order)), 2):
        if order[a].is_beside(order[b]):
            assert answer.tracks[a].person is None or answer.tracks[a].person != answer.tracks[b].person
    assert all(0 <= phrase.evidence.confidence <= 1 for phrase in answer.phrases)
    assert speakers is None or len(answer.people) <= speakers


def test_a_crowd_of_forty_faces_gets_an_answer() -> None:
    crowd = tuple(face(n, 0, LENGTH, resting(n), None) for n in range(1, 41))
    answer = attribute(said((0, 11.8), (12.2, 24)), voices((0, 12, "v1"), (12, 24, "v2")), Faces(ONE_SHOT, crowd))
    assert {track.person for track in answer.tracks} == {None}
    assert len(answer.people) == 2
