"""Tracks: linking, gaps, cuts and steady boxes, on detections made here."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.faces import track

pytestmark = pytest.mark.unit

RNG = np.random.default_rng(0)
LOOKS = RNG.normal(size=(3, track.CHIP**2))
LOOKS = (LOOKS / np.linalg.norm(LOOKS, axis=1, keepdims=True)).astype(np.float32)


def face(x: float, y: float = 100.0, side: float = 60.0) -> np.ndarray:
    points = [x + 0.3 * side, y + 0.35 * side, x + 0.7 * side, y + 0.35 * side, x + 0.5 * side, y + 0.55 * side]
    points += [x + 0.35 * side, y + 0.8 * side, x + 0.65 * side, y + 0.8 * side]
    return np.array([x, y, x + side, y + side, 0.99, *points])


def step(tracker: track.Tracker, t: float, *seen: tuple[float, int]) -> list[track.Live]:
    """(x, look) of every face seen at `t`."""
    faces = np.array([face(x) for x, _ in seen]).reshape(-1, 15)
    return tracker.step(t, faces, LOOKS[[look for _, look in seen]].reshape(-1, track.CHIP**2))


def test_two_faces_that_cross_keep_their_tracks() -> None:
    tracker = track.Tracker()
    for i in range(11):
        step(tracker, i * 0.2, (100 + 20 * i, 0), (300 - 20 * i, 1))
    first, second = sorted(tracker.cut(), key=lambda one: one.faces[0][0])
    assert [f[0] for f in first.faces] == [100 + 20 * i for i in range(11)]
    assert [f[0] for f in second.faces] == [300 - 20 * i for i in range(11)]


def test_another_face_at_the_same_place_is_another_track() -> None:
    tracker = track.Tracker()
    step(tracker, 0.0, (100, 0))
    step(tracker, 0.2, (100, 0))
    step(tracker, 0.4, (100, 1))
    assert sorted(len(one.times) for one in tracker.cut()) == [1, 2]


def test_a_short_gap_is_bridged_and_a_long_one_ends_the_track() -> None:
    tracker = track.Tracker()
    step(tracker, 0.0, (100, 0))
    step(tracker, 0.2)
    step(tracker, 0.4)
    assert step(tracker, 1.0, (105, 0)) == []
    assert len(tracker.live) == 1
    ended = step(tracker, 1.0 + track.GAP + 0.1, (105, 0))
    assert [one.times for one in ended] == [[0.0, 1.0]]
    assert len(tracker.live) == 1


def test_after_a_gap_the_face_must_be_near() -> None:
    tracker = track.Tracker()
    step(tracker, 0.0, (100, 0))
    step(tracker, 0.8, (148, 0))
    assert len(tracker.live) == 2


def test_a_cut_ends_every_track() -> None:
    tracker = track.Tracker()
    step(tracker, 0.0, (100, 0), (300, 1))
    assert len(tracker.cut()) == 2
    step(tracker, 0.2, (100, 0))
    assert [(one.shot, len(one.times)) for one in tracker.live] == [(1, 1)]


def test_a_live_track_knows_where_it_is_between_samples() -> None:
    tracker = track.Tracker()
    step(tracker, 0.0, (100, 0))
    step(tracker, 0.2, (110, 0))
    (live,) = tracker.live
    lefts = [box[0] for t in (0.1, 0.2) if (box := live.at(t)) is not None]
    assert lefts == [pytest.approx(105), 110]
    assert live.at(-0.1) is None
    assert live.at(0.3) is None


def test_boxes_lose_their_tremble_and_keep_their_move() -> None:
    times = [i * 0.2 for i in range(40)]
    still = np.array([[100, 100, 160, 180]] * 40) + RNG.normal(0, 2.0, (40, 4))
    steady = np.array([[b.left, b.top, b.right, b.bottom] for b in track.smooth(times, still, 0.0, 7.8)])
    assert np.abs(np.diff(steady, axis=0)).mean() < 0.5 * np.abs(np.diff(still, axis=0)).mean()
    walk = np.array([[100 + 40 * t, 100, 160 + 40 * t, 180] for t in times])
    moved = track.smooth(times, walk, 0.0, 7.8)
    assert max(abs(b.left - (100 + 40 * b.t)) for b in moved) < 0.2  # no lag, not even at the ends


def test_boxes_reach_to_the_ends_they_are_asked_for() -> None:
    boxes = track.smooth([1.0], np.array([[10.0, 20.0, 30.0, 40.0]]), 0.9, 1.2)
    assert [b.t for b in boxes] == [0.9, 1.0, 1.2]
    assert {(b.left, b.bottom) for b in boxes} == {(10.0, 40.0)}


def test_chips_see_the_face_and_not_the_light() -> None:
    image = RNG.integers(0, 255, (300, 300, 3), dtype=np.uint8)
    one = face(100)[None]
    bright = track.chips_of(np.clip(image * 0.5 + 60, 0, 255).astype(np.uint8), one)
    plain = track.chips_of(image, one)
    other = track.chips_of(RNG.integers(0, 255, (300, 300, 3), dtype=np.uint8), one)
    assert float((plain @ bright.T)[0, 0]) > 0.98
    assert float((plain @ other.T)[0, 0]) < 0.5
