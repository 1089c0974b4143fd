"""Lips: how far a mouth is open, and how well it moves with a voice.

The opening comes from MediaPipe's face mesh (Kartynnik et al. 2019, arXiv 1907.06724; 468 points) in OpenCV's DNN module.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.records import ENVELOPE_HZ

if TYPE_CHECKING:
    import numpy as np

#: px, side of the mesh's input.
SIDE = 192
#: Side of the square cut out for it, in sides of the face box; MediaPipe cuts 1.5.
MARGIN = 1.5
#: px between the eyes below which the lips are a few pixels and their opening is noise.
MIN_EYES = 14.0
#: Largest asymmetry of the eyes about the nose (0 frontal, 1 profile) at which the inner lips are still seen.
MAX_TURN = 0.65
#: Presence the mesh itself must give (logit): hidden and lost faces fall below.
MIN_PRESENCE = 0.0
#: Points of the mesh: inner lips (upper, lower), outer corners of the eyes, bridge of the nose.
UPPER, LOWER, RIGHT_EYE, LEFT_EYE, NOSE = 13, 14, 33, 263, 1


class FaceMesh:
    """The 468 points of a face, MediaPipe's model read by OpenCV."""

    def __init__(self, model: Path) -> None:
        import cv2

        # OpenCV 5's new engine knows only the first of the two outputs (same speed)
        self._net = cv2.dnn.readNetFromTFLite(str(model), cv2.dnn.ENGINE_CLASSIC)

    def __call__(self, crop: np.ndarray) -> tuple[np.ndarray, float]:
        """Points (468, 3) in px of `crop` (SIDE, SIDE, 3) uint8 RGB, and the logit that a face is there."""
        import cv2

        self._net.setInput(cv2.dnn.blobFromImage(crop, 1 / 255.0))
        points, presence = self._net.forward(("conv2d_20", "conv2d_30"))
        return points.reshape(-1, 3), float(presence.ravel()[0])


def opening(mesh: FaceMesh, image: np.ndarray, face: np.ndarray) -> float | None:
    """Opening of the mouth over the distance of the eyes; None where `face` (15,) in `image` RGB is too small, turned or hidden."""
    import numpy as np

    points = face[5:].reshape(5, 2)
    if np.linalg.norm(points[1] - points[0]) < MIN_EYES:
        return None
    mesh_points, presence = mesh(crop(image, face))
    if presence < MIN_PRESENCE:
        return None
    right, left, nose = mesh_points[RIGHT_EYE], mesh_points[LEFT_EYE], mesh_points[NOSE]
    a, b = nose[0] - right[0], left[0] - nose[0]
    if min(a, b) <= 0 or abs(a - b) / (a + b) > MAX_TURN:
        return None
    # distances in depth too: a head that turns or nods keeps its proportions
    return float(np.linalg.norm(mesh_points[UPPER] - mesh_points[LOWER]) / np.linalg.norm(right - left))


def crop(image: np.ndarray, face: np.ndarray) -> np.ndarray:
    """The upright square (SIDE, SIDE, 3) around `face` that the mesh expects."""
    import cv2
    import numpy as np

    points = face[5:].reshape(5, 2)
    eyes = points[1] - points[0]
    side = MARGIN * max(face[2] - face[0], face[3] - face[1])
    centre = (face[:2] + face[2:4]) / 2
    matrix = cv2.getRotationMatrix2D(
        (float(centre[0]), float(centre[1])), float(np.degrees(np.arctan2(eyes[1], eyes[0]))), SIDE / float(side)
    )
    matrix[:, 2] += SIDE / 2 - centre
    return cv2.warpAffine(image, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
