"""What the benchmark does to records and how it judges answers."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import bench, disturb, goals
from benchmarks.judge import JudgedPhrase
from pipeline.records import Box, Diarization, Faces, FaceTrack, Shot, Turn, Voice

pytestmark = pytest.mark.unit


def unit(*parts: float) -> tuple[float, ...]:
    vector = np.array(parts, float)
    return tuple((vector / np.linalg.norm(vector)).tolist())


def track(number: int, shot: int, cluster: int | None, embedding: tuple[float, ...]) -> FaceTrack:
    start = 4.0 * shot
    boxes = (Box(start, 0, 0, 80, 80), Box(start + 3.9, 0, 0, 80, 80))
    speaking = tuple(None if i < 5 else 1.5 for i in range(95))
    return FaceTrack(number, shot, boxes, embedding, cluster, 0.9, b"jpeg", speaking, round(25 * start))


VOICES = Diarization(
    tuple(Turn(2.0 * i, 2.0 * i + 1.9, f"v{1 + i // 4}", unit(1, i // 4, 0.1 * i)) for i in range(8)),
    (Voice("v1", unit(1, 0, 0.15)), Voice("v2", unit(1, 1, 0.55))),
    (0.5,) * 400,
    strangers=0.6,
)
FACES = Faces(
    tuple(Shot(4.0 * i, 4.0 * i + 4) for i in range(4)),
    (
        track(1, 0, 0, unit(1, 0, 0)),
        track(2, 1, 0, unit(1, 0, 0.05)),
        track(3, 2, 1, unit(1, 1, 0)),
        track(4, 3, 1, unit(1, 1, 0.05)),
    ),
    same=0.075,
)


def test_disturbances_are_the_same_every_time() -> None:
    assert list(disturb.disturbed("clip", VOICES, FACES)) == list(disturb.disturbed("clip", VOICES, FACES))
    assert list(disturb.disturbed("clip", VOICES, FACES)) != list(disturb.disturbed("other", VOICES, FACES))


def test_every_disturbance_but_the_first_changes_something() -> None:
    first, *others = disturb.disturbed("clip", VOICES, FACES)
    assert first == ("as perceived", VOICES, FACES)
    assert all((voices, faces) != (VOICES, FACES) for _, voices, faces in others)
    assert {what for what, *_ in others} == {
        "turns flipped", "flipped, evidence noised", "flipped, no faces", "turn edges moved", "voices merged", "voice split",
        "evidence noised", "face without evidence", "face split", "faces merged",
    }  # fmt: skip


def test_merged_voices_sound_like_both_and_split_ones_are_described_anew() -> None:
    merged = disturb.merge_voices(VOICES, "v1", "v2")
    assert [voice.speaker for voice in merged.voices] == ["v1"]
    assert [turn.embedding for turn in merged.turns] == [turn.embedding for turn in VOICES.turns]
    both = np.array(merged.voices[0].embedding)
    assert all(0.8 < both @ np.array(voice.embedding) < 0.99 for voice in VOICES.voices)
    split = disturb.split_voice(VOICES, "v1")
    assert [turn.speaker for turn in split.turns] == ["v1", "v3", "v1", "v3", "v2", "v2", "v2", "v2"]
    assert [voice.speaker for voice in split.voices] == ["v1", "v3", "v2"]


@pytest.mark.parametrize("length", [0.05, 0.4, 1.9])
@pytest.mark.parametrize("step", [0.3, 0.4, 2.0])
def test_moved_edges_make_no_turns_overlap(length: float, step: float) -> None:
    """Turns of 0.4 s are shorter than the edges move; every third is another voice, which may have overlapped
    before."""
    turns = tuple(Turn(step * i, step * i + length, "v2" if i % 3 == 1 else "v1") for i in range(8))
    for seed in range(30):
        moved = disturb.move_edges(replace(VOICES, turns=turns), np.random.default_rng(seed)).turns
        pairs = itertools.combinations(zip(turns, moved, strict=True), 2)
        assert all(a.end <= b.start for (before, a), (after, b) in pairs if before.end <= after.start)
        assert all(0 <= turn.start < turn.end for turn in moved)
        for a, b in zip(turns, moved, strict=True):
            assert max(abs(a.start - b.start), abs(a.end - b.end)) <= disturb.MOVED + 1e-9


def test_noised_evidence_errs_by_the_deviation_for_more_than_a_moment_and_stays_unknown_where_it_was() -> None:
    long = replace(FACES, tracks=(replace(FACES.tracks[0], speaking=(None, *(1.5,) * 5000)),))
    (noised,) = disturb.noise_evidence(long, 2.0, np.random.default_rng(0)).tracks
    assert noised.speaking[0] is None
    errors = np.array(noised.speaking[1:]) - 1.5
    assert errors.std() == pytest.approx(2.0, rel=0.1)
    assert np.corrcoef(errors[:-1], errors[1:])[0, 1] > 0.9
    assert disturb.noise_evidence(replace(FACES, tracks=()), 2.0, np.random.default_rng(0)).tracks == ()


def test_hidden_evidence_is_unknown_and_keeps_its_place() -> None:
    hidden = disturb.hide_evidence(FACES, 0).tracks
    assert set(hidden[0].speaking) == {None}
    assert len(hidden[0].speaking) == 95
    assert hidden[2] == FACES.tracks[2]


def test_a_split_face_is_two_clusters_just_beyond_the_threshold() -> None:
    faces = disturb.split_face(FACES, 0).tracks
    assert [t.cluster for t in faces] == [0, 2, 1, 1]
    assert 1 - np.dot(FACES.tracks[1].embedding, faces[1].embedding) == pytest.approx(1.3 * 0.075)


def test_merged_faces_are_one_cluster_just_within_the_threshold() -> None:
    faces = disturb.merge_faces(FACES, 0, 1).tracks
    assert {t.cluster for t in faces} == {0}
    assert [1 - np.dot(faces[0].embedding, t.embedding) for t in faces[2:]] == pytest.approx([0.8 * 0.075] * 2)


def test_what_the_last_line_holds_is_json() -> None:
    trials = [bench.Trial("voices merged", 0.6, np.float64(0.0), ())]
    rows = bench.by_disturbance(trials)
    assert json.loads(bench.as_json(rows)) == {"voices merged": {"cases": 1, "voice": 0.6, "all": 0.0, "below": 1}}


def test_numpys_values_in_the_last_line_are_numbers() -> None:
    summary = {"right": np.bool_(True), "phrases": np.int64(3), "share": np.float32(0.5), "clip": Path("a.mp4")}
    assert json.loads(bench.as_json(summary)) == {"right": True, "phrases": 3, "share": 0.5, "clip": "a.mp4"}


def test_calibration_counts_by_bins_of_confidence() -> None:
    """A phrase is right where its person and its face are."""
    judged = [
        JudgedPhrase(confidence, 1.0, person, face)
        for confidence, person, face in ((1.0, 1, 1), (0.99, 0.8, 1), (0.95, 1, 1), (0.9, 1, 0.2), (0.3, 0, 1))
    ]
    assert bench.calibration(judged) == [
        {"from": 0.99, "right": 1.0, "phrases": 2},
        {"from": 0.9, "right": 0.5, "phrases": 2},
        {"from": 0.0, "right": 0.0, "phrases": 1},
    ]


def test_goals_compare_what_was_measured_with_what_was_promised() -> None:
    rows: dict[str, dict[str, Any]] = {
        "real_interview": {"face_accuracy": 0.9, "speaker_accuracy": 0.97, "speaker_count_error": -1},
        "two_shot": {"face_accuracy": 0.99},
        "cuts": {"face_accuracy": 0.97},
        "phone_call": {"der": 0.02},
        "orbit_en": {"duration": 20.0, "timings": {"faces": 4.0}},
    }
    evidence: dict[str, Any] = {
        "by_clip": {
            name: {"all": {"face": face, "speaker": 1.0}} for name, face in (("a", 0.9), ("b", 1.0), ("c", 0.0))
        },
        "hard_clips": {"c": "dubbed"},
        "worse_with_all": [],
        "all": {"sure": 0.5, "sure_right": 0.96},
    }
    found = {goal.figure: (goal.measured, goal.reached) for goal in goals.goals(rows, evidence)}
    assert found["face accuracy, real_interview"] == (0.9, False)
    assert found["speaker accuracy, real_interview"] == (0.97, True)
    assert found["people counted wrong, real_interview"] == (1, False)
    assert found["face accuracy, two_shot, cuts, off_screen_voice, worst"] == (0.97, False)
    assert found["face accuracy, composed clips, mean"] == (0.95, True)
    assert found["face accuracy, composed clips, worst"] == (0.9, True)
    assert found["DER of phone_call"] == (0.02, True)
    assert found["face stage over clip length, orbit_en"] == (0.2, True)
    assert "face accuracy, real_meeting" not in found
