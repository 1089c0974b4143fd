"""The face stage tells how far it is, without a model: pictures of one grey hold as many faces as the grey says."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline import media
from pipeline.faces import find_faces
from pipeline.records import Clip, Likeness

pytestmark = pytest.mark.unit

RATE, SECONDS = 25, 8
NONE, ONE, TWO = 100, 106, 112  #: luma of a picture with that many faces


class Embedder:
    """Returns the same unit vector for every face."""

    name, threshold, dim = "same", 0.5, 4
    likeness: Likeness | None = None

    def __call__(self, faces: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
        return np.tile(np.array([1.0, 0.0, 0.0, 0.0], np.float32), (len(faces), 1))


def detector(images: np.ndarray) -> list[np.ndarray]:
    """Return faces as high as half of the picture: none, one at the left, or one at each side."""
    found = []
    for image in images:
        height, width = image.shape[:2]
        count = round((float(image.mean()) - (NONE - 16) * 255 / 219) / ((ONE - NONE) * 255 / 219))
        faces = []
        for left in (0.1, 0.6)[:count]:
            x, y, side = left * width, 0.25 * height, 0.5 * height
            points = [(0.3, 0.35), (0.7, 0.35), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8)]
            faces.append(
                [x, y, x + side, y + side, 0.99, *(v for a, b in points for v in (x + a * side, y + b * side))]
            )
        found.append(np.array(faces, np.float32).reshape(-1, 15))
    return found


def test_the_number_of_faces_so_far_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody, one and then two: the count goes up with them, and one track is not "1 tracks"."""

    pattern = np.kron(np.random.default_rng(0).permuted(np.tile([-30, 30], (36, 32)), axis=1), np.ones((10, 10), int))

    def frames(clip: Clip, *, width: int, height: int, **_: Any) -> Iterator[tuple[float, np.ndarray]]:
        for k in range(RATE * SECONDS):
            luma = NONE if k < 2 * RATE else ONE if k < 4 * RATE else TWO
            frame = np.full((height * 3 // 2, width), 128, np.uint8)
            frame[:height] = luma + pattern
            yield k / RATE, frame

    monkeypatch.setattr(media, "frames", frames)
    clip = Clip(Path("clip.mp4"), float(SECONDS), has_video=True, has_audio=False, width=640, height=360,
                frame_rate=Fraction(RATE))  # fmt: skip
    stage, told = find_faces(clip, detector, Embedder(), None), []
    try:
        while True:
            told.append(next(stage))
    except StopIteration as stop:
        faces = stop.value
    messages = [step.message for step in told]
    assert [*dict.fromkeys(messages)] == ["0 tracks so far", "1 track so far", "2 tracks so far"]
    assert messages == sorted(messages)
    shares = [step.fraction for step in told]
    assert shares == sorted(shares)
    assert {step.stage for step in told} == {"faces"}
    assert len(faces.tracks) == 2
