"""Long recordings: where they are cut, who is who in all windows, and how the windows' answers become one."""

from __future__ import annotations

import itertools
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from pipeline.long import windows
from pipeline.long.merge import merge, seams
from pipeline.long.windows import Window
from pipeline.long.work import Heard
from pipeline.people.across import Part, Profile, Statistics, join, profiles
from pipeline.people.known import named, recognised
from pipeline.people.parameters import Parameters
from pipeline.records import (
    Attribution,
    Box,
    Clip,
    Diarization,
    Evidence,
    Faces,
    FaceTrack,
    KeyFree,
    Known,
    Notice,
    Person,
    PersonTurn,
    Phrase,
    Shot,
    Stage,
    Track,
    Turn,
    Word,
)
from pipeline.speech.likeness import LIKENESS

pytestmark = pytest.mark.unit

RANDOM = np.random.default_rng(7)
STATISTICS = Statistics(voices=LIKENESS)


def voice(who: int, noise: float = 0.02) -> tuple[float, ...]:
    """A voice print of person `who`, never twice the same."""
    own = np.random.default_rng(1000 + who).standard_normal(64)
    vector = own / np.linalg.norm(own) + noise * RANDOM.standard_normal(64)
    return tuple(vector / np.linalg.norm(vector))


def speaker(who: int, *spoken: tuple[float, float], heard: bool = True) -> Profile:
    seconds = sum(end - start for start, end in spoken)
    return Profile(voice(who) if heard else (), seconds, spoken=spoken)


def test_everybody_is_the_same_person_in_all_windows() -> None:
    parts = [
        Part(0, 100, {"p1": speaker(1, (5, 40)), "p2": speaker(2, (50, 80))}),
        Part(80, 180, {"p1": speaker(3, (120, 150)), "p2": speaker(1, (160, 175))}),
        Part(160, 260, {"p1": speaker(2, (200, 230)), "p2": speaker(1, (180, 190)), "p3": speaker(3, (240, 250))}),
    ]
    found = sorted(join(parts, STATISTICS), key=str)
    assert found == [{0: "p1", 1: "p2", 2: "p2"}, {0: "p2", 2: "p1"}, {1: "p1", 2: "p3"}]


def test_two_people_of_one_window_stay_two() -> None:
    parts = [Part(0, 50, {"p1": speaker(1, (5, 20)), "p2": speaker(1, (30, 40))})]
    assert len(join(parts, STATISTICS)) == 2


def test_whoever_speaks_in_the_time_that_two_windows_share_is_the_same_without_a_voice_print() -> None:
    parts = [
        Part(0, 100, {"p1": speaker(1, (5, 87), heard=False), "p2": speaker(2, (88, 99), heard=False)}),
        Part(80, 180, {"p1": speaker(2, (88, 99), (150, 170), heard=False), "p2": speaker(1, (80, 87), heard=False)}),
    ]
    assert sorted(join(parts, STATISTICS), key=str) == [{0: "p1", 1: "p2"}, {0: "p2", 1: "p1"}]


def test_two_faces_in_one_picture_are_two_people_however_alike_they_sound() -> None:
    def seen(left: float) -> tuple[tuple[Box, ...], ...]:
        return (tuple(Box(float(t), left, 10, left + 50, 60) for t in range(80, 100)),)

    one = replace(speaker(1, (5, 40)), seen=seen(100))
    parts = [
        Part(0, 100, {"p1": one}),
        Part(80, 180, {"p1": replace(speaker(1, (120, 150)), seen=seen(400))}),
    ]
    assert len(join(parts, STATISTICS)) == 2
    parts[1] = Part(80, 180, {"p1": replace(speaker(1, (120, 150)), seen=seen(102))})
    assert len(join(parts, STATISTICS)) == 1


def test_a_known_number_of_speakers_is_reached() -> None:
    parts = [
        Part(0, 100, {"p1": speaker(1, (5, 40))}),
        Part(90, 200, {"p1": speaker(2, (120, 150)), "p2": speaker(3, (160, 170))}),
    ]
    assert len(join(parts, STATISTICS)) == 3
    assert len(join(parts, STATISTICS, speakers=2)) == 2


def test_a_face_that_is_silent_in_one_window_is_who_speaks_in_another() -> None:
    face = voice(9, 0.0)
    silent = Profile(face=face, face_s=5.0, seen=((Box(10, 0, 0, 9, 9), Box(15, 0, 0, 9, 9)),), speaks=False)
    speaks = replace(
        speaker(1, (220, 240)), face=face, face_s=5.0, seen=((Box(220, 0, 0, 9, 9), Box(240, 0, 0, 9, 9)),)
    )
    assert join([Part(0, 100, {"f1": silent}), Part(200, 300, {"p1": speaks})], STATISTICS) == [{0: "f1", 1: "p1"}]


def test_a_profile_holds_the_mean_of_the_turns_and_tracks_of_a_person() -> None:
    turns = (Turn(0, 4, "v1", voice(1), 4.0), Turn(5, 9, "v2", voice(2), 4.0), Turn(10, 14, "v1", voice(1), 4.0))
    track = FaceTrack(1, 0, (Box(0, 1, 2, 3, 4), Box(3, 1, 2, 3, 4)), voice(5), 0, 0.7)
    answer = Attribution(
        (Person("p1", "a", "#ffffff", True, 1, 1), Person("p2", "b", "#ffffff", False, 1, 1)),
        (),
        (PersonTurn(0, 4, "p1"), PersonTurn(5, 9, "p2"), PersonTurn(10, 14, "p1")),
        (Track("p1", track.boxes, "f1"),),
    )
    found = profiles(Diarization(turns, (), likeness=LIKENESS), Faces((Shot(0, 14),), (track,)), answer, 100.0)
    assert list(found) == ["p1", "p2"]
    assert found["p1"].spoken == ((100, 104), (110, 114))
    assert found["p1"].voice_s == 8.0
    assert np.dot(found["p1"].voice, voice(1, 0.0)) > 0.97
    assert (found["p1"].quality, found["p1"].seen[0][0].t) == (0.7, 100.0)
    assert found["p2"].face == ()


# --- cutting ----------------------------------------------------------------------------------------------------------


def probability(*spans: tuple[float, float], length: float = 60.0) -> np.ndarray:
    """How likely each 32 ms holds a voice: surely in `spans`, never outside them."""
    times = (np.arange(round(length / 0.032)) + 0.5) * 0.032
    return np.array([any(a <= t < b for a, b in spans) for t in times], np.float32)


def test_a_cut_lies_in_the_longest_silence() -> None:
    voice = probability((0, 20), (20.5, 30), (32, 60))
    assert windows.choose(voice, 10, 50, []) == pytest.approx(31.0, abs=0.05)


def test_a_cut_lies_at_a_shot_cut_in_a_silence_rather_than_in_a_longer_silence() -> None:
    voice = probability((0, 20), (21, 30), (35, 60))
    assert windows.choose(voice, 10, 50, [20.4]) == pytest.approx(20.4)
    assert windows.choose(voice, 10, 50, [40.0]) == pytest.approx(32.5, abs=0.05)  # it lies in speech


def test_without_a_silence_the_cut_lies_where_a_voice_is_least_likely() -> None:
    voice = probability((0, 60))
    voice[1000:1010] = 0.45
    assert windows.choose(voice, 10, 50, []) == pytest.approx(1005 * 0.032, abs=0.1)


def test_windows_cover_the_recording_and_share_time_with_their_neighbours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_voice(sound: Path, duration: float) -> Stage[np.ndarray]:
        yield from ()
        return np.zeros(round(duration / 0.032), np.float32)

    monkeypatch.setattr(windows, "_voice", no_voice)
    clip = Clip(tmp_path / "a.wav", 3600.0, has_video=False, has_audio=True)
    stage = windows.plan(clip, tmp_path / "sound.wav")
    try:
        while True:
            next(stage)
    except StopIteration as end:
        found = end.value
    assert len(found) == 15
    assert (found[0].start, found[-1].end) == (0.0, 3600.0)
    for before, after in itertools.pairwise(found):
        assert before.end - after.start == pytest.approx(2 * windows.OVERLAP_S)
        assert before.end - before.start <= windows.LONGEST_S
        assert after.start < after.cut < before.end


def test_a_view_is_a_clip_with_a_clock_of_its_own() -> None:
    clip = Clip(Path("a.mkv"), 600.0, True, True, 64, 36, Fraction(25), origin=1.5, video_start=0.04)
    part = windows.view(windows.view(clip, 100, 400), 20, 50)
    assert (part.duration, part.origin, part.skip) == (30.0, 121.5, 120.0)
    assert part.video_start == pytest.approx(-119.96)


# --- putting together -------------------------------------------------------------------------------------------------


def phrase(start: float, end: float, person: str | None, text: str = "word") -> Phrase:
    return Phrase(1, start, end, person, text, (Word(start, end, text),), evidence=Evidence(0.8, runner_up=person))


def heard(
    window: Window,
    phrases: list[Phrase],
    people: dict[str, Profile],
    tracks: tuple[Track, ...] = (),
    shots: tuple[Shot, ...] = (),
    language: str = "en",
) -> Heard:
    """What was found in a window; `phrases`, `tracks` and `shots` in s from its start, `people` in s of the recording."""
    persons = tuple(Person(name, name, "#ffffff", False, 1.0, 1.0) for name, p in people.items() if p.speaks)
    turns = tuple(
        PersonTurn(a - window.start, b - window.start, name) for name, p in people.items() for a, b in p.spoken
    )
    answer = Attribution(persons, tuple(phrases), turns, tracks, {name: name.encode() for name in people})
    part = Part(window.start, window.end, people)
    translations = KeyFree(tuple(f"<{p.source}>" for p in phrases), "Babel")
    return Heard(window, language, answer, part, shots, translations, (), LIKENESS, None, ())


FIRST, SECOND = Window(0.0, 60.0, 0.0), Window(40.0, 100.0, 50.0)


def two_windows() -> list[Heard]:
    """Ann speaks at 10, 45 and 70 s, Bob at 55 s; both windows heard what was said from 40 to 60 s."""
    ann, bob = (10.0, 12.0), (55.0, 58.0)
    return [
        heard(
            FIRST,
            [phrase(10, 12, "p1", "one"), phrase(45, 49, "p1", "two"), phrase(55, 58, "p2", "three")],
            {"p1": speaker(1, ann, (45.0, 49.0)), "p2": speaker(2, bob)},
            shots=(Shot(0, 60),),
        ),
        heard(
            SECOND,
            [phrase(5, 9, "p2", "two"), phrase(15, 18, "p1", "three"), phrase(30, 33, "p2", "four")],
            {"p1": speaker(2, bob), "p2": speaker(1, (45.0, 49.0), (70.0, 73.0))},
            shots=(Shot(0, 25), Shot(25, 60)),
            language="pl",
        ),
    ]


def test_every_phrase_is_taken_once_and_has_the_right_person() -> None:
    merged = merge(two_windows(), 100.0)
    assert [(p.id, p.start, p.person, p.source) for p in merged.answer.phrases] == [
        (1, 10, "p1", "one"), (2, 45, "p1", "two"), (3, 55, "p2", "three"), (4, 70, "p1", "four"),
    ]  # fmt: skip
    assert merged.translations == KeyFree(("<one>", "<two>", "<three>", "<four>"), "Babel")
    assert [person.name for person in merged.answer.people] == ["Speaker 1", "Speaker 2"]
    assert merged.answer.turns == (
        PersonTurn(10, 12, "p1"), PersonTurn(45, 49, "p1"), PersonTurn(55, 58, "p2"), PersonTurn(70, 73, "p1"),
    )  # fmt: skip
    assert merged.answer.phrases[3].words[0].start == 70
    assert merged.answer.phrases[3].evidence.runner_up == "p1"


def test_the_language_is_the_one_that_is_spoken_longest() -> None:
    merged = merge(two_windows(), 100.0)
    assert merged.language == "en"
    assert [p.language for p in merged.answer.phrases] == ["", "", "pl", "pl"]


def test_a_doubt_about_a_later_part_of_a_recording_is_told() -> None:
    """Only what the first part said was told."""
    pair = two_windows()
    lips = Notice("weak_speaking_detector", "Lips only.")
    pair[0] = replace(pair[0], notices=(Notice("language_unsure", "Polish or Czech."), lips))
    pair[1] = replace(pair[1], notices=(Notice("language_unsure", "English or Dutch."), lips))
    assert merge(pair, 100.0).notices == (
        Notice("language_unsure", "Polish or Czech. It is similar in the part that begins at 0:40."),
        lips,
    )


def test_a_seam_lies_between_phrases() -> None:
    pair = two_windows()
    assert seams(pair) == [50.0]
    pair[0] = replace(pair[0], answer=replace(pair[0].answer, phrases=(phrase(47, 53, "p1"),)))
    pair[1] = replace(pair[1], answer=replace(pair[1].answer, phrases=(phrase(7.2, 13.1, "p2"),)))
    assert seams(pair) == [47.0]
    assert [p.end for p in merge(pair, 100.0).answer.phrases] == [pytest.approx(53.1)]


def test_a_shot_and_a_track_that_go_on_over_a_seam_are_one() -> None:
    def track(start: float, end: float, person: str) -> Track:
        return Track(person, (Box(start, 10, 10, 50, 50), Box(end, 10, 10, 50, 50)), "f1")

    pair = two_windows()
    pair[0] = replace(pair[0], answer=replace(pair[0].answer, tracks=(track(30, 60, "p1"),)))
    pair[1] = replace(pair[1], answer=replace(pair[1].answer, tracks=(track(0, 20, "p2"), track(26, 50, "p1"))))
    merged = merge(pair, 100.0)
    assert merged.shots == (Shot(0, 65), Shot(65, 100))
    assert [(t.person, t.face, t.boxes[0].t, t.boxes[-1].t) for t in merged.answer.tracks] == [
        ("p1", "f1", 30, 60), ("p2", "f2", 66, 90),
    ]  # fmt: skip
    assert dict(merged.answer.portraits) == {"p1": b"p1", "p2": b"p2"}


def test_a_cut_at_the_seam_ends_shot_and_track() -> None:
    pair = two_windows()
    pair[0] = replace(pair[0], shots=(Shot(0, 50.04), Shot(50.04, 60)))
    pair[1] = replace(pair[1], shots=(Shot(0, 10.04), Shot(10.04, 60)))
    assert [shot.start for shot in merge(pair, 100.0).shots] == [0.0, pytest.approx(50.04)]


def test_one_window_stays_as_it_is() -> None:
    only = two_windows()[:1]
    merged = merge(only, 60.0)
    assert [(p.start, p.end, p.person) for p in merged.answer.phrases] == [
        (p.start, p.end, p.person) for p in only[0].answer.phrases
    ]
    assert merged.shots == only[0].shots


# --- people who are known ---------------------------------------------------------------------------------------------


def test_known_people_get_their_names_and_a_silent_known_face_becomes_a_person() -> None:
    ann, bob, carol = (Known(name, (voice(n, 0.0),)) for n, name in enumerate(("Ann", "Bob", "Carol"), 20))
    box = (Box(0, 0, 0, 9, 9), Box(3, 0, 0, 9, 9))
    answer = Attribution(
        (Person("p1", "Speaker 1", "#ffffff", True, 1, 3), Person("p2", "Speaker 2", "#ffffff", False, 1, 3)),
        (phrase(0, 3, "p1"),),
        (),
        (Track("p1", box, "f1"), Track(None, box, "f2"), Track(None, box, "f3")),
        {"p1": b"bob", "f2": b"ann", "f3": b"stranger"},
    )
    seen = {"p1": bob.faces[0], "f2": ann.faces[0], "f3": voice(99, 0.0)}
    profiles_of = {who: [Profile(face=face, face_s=4.0)] for who, face in seen.items()}
    profiles_of["p2"] = [Profile(voice(50), 5.0)]
    found = named(answer, profiles_of, (ann, bob, carol), STATISTICS)
    assert [(p.id, p.name, p.speaking_s) for p in found.people] == [
        ("p1", "Bob", 3), ("p2", "Speaker 2", 3), ("p3", "Ann", 0.0),
    ]  # fmt: skip
    assert [track.person for track in found.tracks] == ["p1", "p3", None]
    assert dict(found.portraits) == {"p1": b"bob", "p3": b"ann", "f3": b"stranger"}


def test_a_voice_names_who_is_never_seen_and_a_stranger_stays_one() -> None:
    known = (Known("Ann", voice=voice(1), voice_s=10.0), Known("Bob", voice=voice(2), voice_s=10.0))
    parts = {"p1": [speaker(2, (0, 9))], "p2": [speaker(3, (10, 20))]}
    assert recognised(parts, known, STATISTICS, Parameters()) == {"p1": "Bob"}


def test_a_name_is_given_once() -> None:
    parts = {"p1": [speaker(1, (0, 9))], "p2": [speaker(1, (10, 20))]}
    assert len(recognised(parts, (Known("Ann", voice=voice(1), voice_s=10.0),), STATISTICS, Parameters())) == 1
