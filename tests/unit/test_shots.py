"""Shots: cuts are found where they are, motion and noise are none."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from pipeline.faces import shots

pytestmark = pytest.mark.unit

RNG = np.random.default_rng(2)


def scene(colour: tuple[int, int, int], frames: int) -> list[np.ndarray]:
    """A square that moves over a coloured, noisy ground; BGR."""
    pictures = []
    for i in range(frames):
        picture = np.full((90, 160, 3), colour, np.int16) + RNG.integers(-6, 7, (90, 160, 3))
        picture[30:60, (20 + 2 * i) % 130 : (20 + 2 * i) % 130 + 30] = 220
        pictures.append(np.clip(picture, 0, 255).astype(np.uint8))
    return pictures


def cuts(frames: list[np.ndarray]) -> list[int]:
    cutter = shots.Cutter(Fraction(30000, 1001))
    return sorted(found for frame in frames for found in cutter.push(frame))


def test_cuts_are_found_at_their_frames() -> None:
    frames = [*scene((40, 60, 90), 40), *scene((120, 40, 30), 33), *scene((60, 130, 50), 40)]
    assert cuts(frames) == [40, 73]


def test_motion_and_noise_are_no_cut() -> None:
    assert cuts(scene((40, 60, 90), 120)) == []


def test_the_answer_comes_within_the_lag() -> None:
    cutter = shots.Cutter(Fraction(30000, 1001))
    frames = [*scene((40, 60, 90), 20), *scene((120, 40, 30), shots.NEIGHBOURS + 1)]
    assert [found for frame in frames for found in cutter.push(frame)] == [20]
    assert cutter.lag / 29.97 < 1.2  # frames that wait are kept in memory


def place(seed: int, width: int = 160, height: int = 90) -> np.ndarray:
    """A picture with structure of all sizes; BGR float."""
    import cv2

    rng = np.random.default_rng(seed)
    layers = [
        rng.uniform(0, 255, (height // size + 1, width // size + 1, 3)).astype(np.float32) for size in (60, 24, 8)
    ]
    sized = [cv2.resize(layer, (width, height), interpolation=cv2.INTER_CUBIC) for layer in layers]
    return np.clip(0.5 * sized[0] + 0.3 * sized[1] + 0.2 * sized[2], 0, 255)


def mixed(share_of: Callable[[float], np.ndarray], frames: int) -> list[np.ndarray]:
    """40 frames of place 1, `frames` of a transition, 40 of place 2, with noise."""
    pictures = [place(1)] * 40 + [share_of((i + 1) / (frames + 1)) for i in range(frames)] + [place(2)] * 40
    return [np.clip(p + RNG.normal(0, 3, p.shape), 0, 255).astype(np.uint8) for p in pictures]


def faded(share: float) -> np.ndarray:
    return (1 - share) * place(1) + share * place(2)


def wiped(share: float) -> np.ndarray:
    edge = round(160 * share)
    return np.hstack([place(2)[:, :edge], place(1)[:, edge:]])


def pushed(share: float) -> np.ndarray:
    moved = round(160 * share)
    return np.hstack([place(1)[:, moved:], place(2)[:, :moved]])


def covered(share: float) -> np.ndarray:
    moved = round(90 * share)
    return np.vstack([place(2)[90 - moved :], place(1)[moved:]])


@pytest.mark.parametrize(
    ("kind", "frames"),
    [
        (kind, frames)
        for kind in (faded, wiped, pushed, covered)
        for frames in (12, 25, 40)
        if (kind, frames) != (pushed, 40)
    ],
)
def test_a_shot_that_becomes_another_slowly_ends_in_the_middle(
    kind: Callable[[float], np.ndarray], frames: int
) -> None:
    (found,) = cuts(mixed(kind, frames))
    assert abs(found - (40 + frames / 2)) <= max(6, frames / 4)


def test_a_dip_to_black_ends_a_shot_where_the_picture_comes_back() -> None:
    out = [(1 - i / 10) * place(1) for i in range(11)]
    back = [i / 10 * place(2) for i in range(11)]
    frames = [place(1)] * 40 + out + [0 * place(1)] * 5 + back + [place(2)] * 40
    *others, found = cuts([np.clip(p, 0, 255).astype(np.uint8) for p in frames])
    assert 56 <= found <= 59
    assert all(50 <= other <= 56 for other in others)  # black may be a shot of its own


def test_a_dark_hall_is_not_black() -> None:
    hall = np.full((90, 160, 3), 4.0)
    hall[20:30, 30:60] = 120  # somebody on the stage
    frames = [np.clip(hall + RNG.normal(0, 2, hall.shape), 0, 255).astype(np.uint8) for _ in range(60)]
    frames[30:40] = [np.clip(frame * 1.2 + 6, 0, 255).astype(np.uint8) for frame in frames[30:40]]
    assert cuts(frames) == []


@pytest.mark.parametrize("speed", [1, 2, 4, 8])
def test_a_pan_is_no_cut(speed: int) -> None:
    wide = place(3, width=160 + 70 * speed)
    lefts = [0] * 40 + [speed * i for i in range(70)] + [70 * speed] * 40
    frames = [wide[:, left : left + 160] for left in lefts]
    assert cuts([np.clip(p + RNG.normal(0, 3, p.shape), 0, 255).astype(np.uint8) for p in frames]) == []


def test_a_tilt_and_a_zoom_are_no_cut() -> None:
    import cv2

    tall = place(4, height=400)
    tops = [0] * 40 + [4 * i for i in range(77)] + [308] * 40
    assert cuts([tall[top : top + 90].astype(np.uint8) for top in tops]) == []
    big = place(5, width=480, height=270)
    zoomed = []
    for side in [1.0] * 40 + [1 - 0.012 * i for i in range(55)] + [0.34] * 40:
        w, h = round(480 * side), round(270 * side)
        part = big[(270 - h) // 2 : (270 + h) // 2, (480 - w) // 2 : (480 + w) // 2]
        zoomed.append(cv2.resize(part, (160, 90), interpolation=cv2.INTER_AREA).astype(np.uint8))
    assert cuts(zoomed) == []


def test_a_planar_frame_becomes_a_small_bgr_picture() -> None:
    import cv2

    picture = np.zeros((180, 320, 3), np.uint8)
    picture[:, :160] = (200, 30, 30)
    picture[:, 160:] = (30, 30, 200)
    small = shots.shrink(cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420), 180)
    assert small.shape == (90, 160, 3)
    assert small[45, 20].argmax() == 0  # blue stays blue
    assert small[45, 140].argmax() == 2
