"""Shots: cuts are found where they are, motion and noise are none."""

from __future__ import annotations

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
    return [found for frame in frames if (found := cutter.push(frame)) is not None]


def test_cuts_are_found_at_their_frames():
    frames = [*scene((40, 60, 90), 40), *scene((120, 40, 30), 33), *scene((60, 130, 50), 40)]
    assert cuts(frames) == [40, 73]


def test_motion_and_noise_are_no_cut():
    assert cuts(scene((40, 60, 90), 120)) == []


def test_the_answer_comes_within_the_lag():
    frames = [*scene((40, 60, 90), 20), *scene((120, 40, 30), shots.LAG + 1)]
    assert cuts(frames) == [20]


def test_a_planar_frame_becomes_a_small_bgr_picture():
    import cv2

    picture = np.zeros((180, 320, 3), np.uint8)
    picture[:, :160] = (200, 30, 30)
    picture[:, 160:] = (30, 30, 200)
    small = shots.shrink(cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420), 180)
    assert small.shape == (90, 160, 3)
    assert small[45, 20].argmax() == 0  # blue stays blue
    assert small[45, 140].argmax() == 2
