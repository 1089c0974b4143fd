"""Clusters of tracks, and the geometry and bookkeeping around embeddings."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.faces import identify, track

pytestmark = pytest.mark.unit

RNG = np.random.default_rng(1)


def people(count: int, each: int, spread: float, dim: int = 64) -> np.ndarray:
    """Unit vectors (count * each, dim): `each` noisy looks at `count` people."""
    centres = np.repeat(RNG.normal(size=(count, dim)), each, axis=0)
    vectors = centres + RNG.normal(size=centres.shape) * spread
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_tracks_of_one_person_are_one_cluster() -> None:
    vectors = people(3, 4, 0.3)
    none = np.zeros((12, 12), bool)
    assert identify.cluster(vectors, np.ones(12), none, 0.3) == [0] * 4 + [1] * 4 + [2] * 4


def test_two_faces_in_one_picture_are_never_one_person() -> None:
    twins = people(1, 4, 0.05)
    together = np.zeros((4, 4), bool)
    together[0, 1] = together[1, 0] = True
    together[2, 3] = together[3, 2] = True
    labels = identify.cluster(twins, np.ones(4), together, 0.3)
    assert labels[0] != labels[1]
    assert labels[2] != labels[3]
    assert len(set(labels)) == 2


def test_good_looks_weigh_more_than_poor_ones() -> None:
    a, b = people(2, 1, 0.0)
    poor = (a + 1.5 * b) / np.linalg.norm(a + 1.5 * b)
    vectors = np.stack([a, poor, b])
    nobody = np.zeros((3, 3), bool)
    assert identify.mean(vectors[:2], [1.0, 0.01]) @ a > 0.999
    assert identify.cluster(vectors, np.array([1.0, 0.01, 1.0]), nobody, 0.2)[0] == 0


def test_a_track_that_joins_two_people_is_found_out() -> None:
    one, two = people(1, 3, 0.2), people(1, 3, 0.2)
    assert identify.change_of_face(np.concatenate([one, two]), 0.2) == 3
    assert identify.change_of_face(one, 0.2) is None
    assert identify.change_of_face(one[:1], 0.2) is None
    assert identify.change_of_face(np.empty((0, 64)), 0.2) is None


def test_similarity_takes_a_turned_and_scaled_face_home() -> None:
    target = np.array(identify.DlibFaces.CHIP, np.float32)
    angle = np.deg2rad(25)
    turn = 2.5 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    seen = target @ turn.T + (300, 40)
    matrix = identify.similarity(seen, target)
    assert np.allclose(seen @ matrix[:, :2].T + matrix[:, 2], target, atol=1e-3)
    assert np.allclose(matrix[:, :2] @ matrix[:, :2].T, np.eye(2) / 2.5**2, atol=1e-4)  # no shear, no mirror


def face(x: float, y: float, side: float, nose: float = 0.5) -> np.ndarray:
    points = [0.3, 0.4, 0.7, 0.4, 0.3 + 0.4 * nose, 0.6, 0.35, 0.8, 0.65, 0.8]
    return np.array(
        [x, y, x + side, y + side, 0.99, *(x + side * p if i % 2 == 0 else y + side * p for i, p in enumerate(points))]
    )


def test_quality_likes_large_sharp_frontal_whole_faces() -> None:
    import cv2

    sharp = cv2.resize(RNG.integers(0, 255, (45, 80, 3), dtype=np.uint8), (640, 360), interpolation=cv2.INTER_CUBIC)
    blurred = cv2.GaussianBlur(sharp, (0, 0), 12)
    best = identify.quality(sharp, face(200, 100, 120))
    assert 0.5 < best <= 1
    assert identify.quality(sharp, face(200, 100, 30)) < 0.5 * best
    assert identify.quality(blurred, face(200, 100, 120)) < 0.7 * best
    assert identify.quality(sharp, face(200, 100, 120, nose=0.95)) < 0.5 * best
    assert identify.quality(sharp, face(-60, 100, 120)) < 0.7 * best
    assert identify.quality(sharp, face(200, 100, 4)) == 0.0


def test_candidates_of_a_long_track_stay_few_and_spread() -> None:
    live = track.Live(0)
    image = RNG.integers(0, 255, (360, 640, 3), dtype=np.uint8)
    for i in range(600):
        t = i * 0.2
        live.times.append(t)
        live.faces.append(face(200, 100, 100 + i % 7))
        identify.consider(live, t, image, live.faces[-1])
    times = [c.t for c in live.candidates]
    assert 3 <= len(times) <= identify.CANDIDATES
    assert times == sorted(times)
    assert times[-1] - times[0] > 60


def test_a_portrait_is_a_square_jpeg_with_margin() -> None:
    import cv2

    image = RNG.integers(0, 255, (360, 640, 3), dtype=np.uint8)
    candidate = identify.region(1.0, 0.9, image, face(580, 20, 80))  # at the border: shifted inside, not cut
    assert candidate.image.shape == (176, 176, 3)
    assert np.allclose(candidate.face[5:].reshape(5, 2), face(580, 20, 80)[5:].reshape(5, 2) - (464, 0), atol=1)
    assert np.allclose(candidate.face[:4], face(580, 20, 80)[:4] - (464, 0, 464, 0), atol=1)
    picture = cv2.imdecode(np.frombuffer(identify.portrait(candidate), np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape == (identify.PORTRAIT, identify.PORTRAIT, 3)
