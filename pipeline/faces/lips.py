"""Lips: how far a mouth is open.

The opening comes from MediaPipe's face mesh (Kartynnik et al. 2019, arXiv 1907.06724; 468 points) in OpenCV's DNN
module.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

#: MediaPipe's model; face_landmark.md beside it names its authors and licence.
MESH = Path(__file__).with_name("face_landmark.tflite")
#: px, side of the mesh's input.
SIDE = 192
#: Side of the square cut out for the mesh, in sides of the face box; MediaPipe cuts 1.5.
MARGIN = 1.5
#: px between the eyes below which the lips are a few pixels and their opening is noise.
MIN_EYES = 14.0
#: Largest asymmetry of the eyes about the nose (0 frontal, 1 profile) at which the inner lips are still seen.
MAX_TURN = 0.65
#: Mean distance of the mesh's eyes, nose and corners of the mouth from the detector's, over the eyes' distance, above
#: which the mesh lies on something else. On a dark, crowded stage it is 0.03 to 0.12 where the mesh itself says "face",
#: 0.2 to 0.9 where it does not; asking the mesh would cost 1 ms more a face (OpenCV's classic engine).
MAX_MISS = 0.16
#: Grey levels, standard deviation of the face below which it is too dark to be read.
MIN_CONTRAST = 8.0
#: Points of the mesh: inner lips (upper, lower), outer corners of the eyes, tip of the nose.
UPPER, LOWER, RIGHT_EYE, LEFT_EYE, NOSE = 13, 14, 33, 263, 1
#: Pairs whose middles are the detector's five points: the corners of either eye, the nose, the corners of the mouth.
FIVE = ((33, 133), (362, 263), (1, 1), (61, 61), (291, 291))


class FaceMesh:
    """Finds the 468 points of a face: MediaPipe's model read by OpenCV."""

    def __init__(self, model: Path) -> None:
        import cv2

        # the new engine takes 3.1 ms where the classic one takes 4.1, but does not know the output "a face is there"
        self._net = cv2.dnn.readNetFromTFLite(str(model), cv2.dnn.ENGINE_NEW)

    def __call__(self, crop: np.ndarray) -> np.ndarray:
        """Return the points (468, 3) in px of `crop` (SIDE, SIDE, 3) uint8 RGB."""
        import cv2

        self._net.setInput(cv2.dnn.blobFromImage(crop, 1 / 255.0))
        return self._net.forward().reshape(-1, 3)


def opening(mesh: FaceMesh, image: np.ndarray, face: np.ndarray) -> float | None:
    """Return the opening of the mouth over the distance of the eyes, None where it cannot be seen.

    It cannot be seen where `face` (15,) in `image` (h, w, 3) uint8 RGB is too small, turned away or hidden.
    """
    import cv2
    import numpy as np

    points = face[5:].reshape(5, 2)
    if np.linalg.norm(points[1] - points[0]) < MIN_EYES:
        return None
    matrix = _upright(face)
    crop = cv2.warpAffine(image, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    if float(crop[SIDE // 6 : -SIDE // 6, SIDE // 6 : -SIDE // 6, 1].std()) < MIN_CONTRAST:
        return None
    mesh_points = mesh(crop)
    right, left, nose = mesh_points[RIGHT_EYE], mesh_points[LEFT_EYE], mesh_points[NOSE]
    a, b = nose[0] - right[0], left[0] - nose[0]
    if min(a, b) <= 0 or abs(a - b) / (a + b) > MAX_TURN:
        return None
    expected = points @ matrix[:, :2].T + matrix[:, 2]
    found = mesh_points[np.array(FIVE), :2].mean(1)
    if np.linalg.norm(found - expected, axis=1).mean() > MAX_MISS * np.linalg.norm(left - right):
        return None
    # distances in depth too: a head that turns or nods keeps its proportions
    return float(np.linalg.norm(mesh_points[UPPER] - mesh_points[LOWER]) / np.linalg.norm(right - left))


def _upright(face: np.ndarray) -> np.ndarray:
    """Return the 2x3 turn, scale and shift from the frame to the upright square that the mesh expects.

    face: (15,), in px of the frame.
    """
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
    return matrix
