"""Detections: where faces are in single frames.

A detector is any callable `(n, h, w, 3) uint8 RGB -> list of n arrays (k, 15)`: left, top, right, bottom, score, then
x, y of the right eye, left eye, nose, right and left corner of the mouth, in px. "Right" is the person's: left in the
picture.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.faces.scale import reduced

if TYPE_CHECKING:
    import numpy as np

    Detector = Callable[[np.ndarray], list[np.ndarray]]

#: RetinaFace MobileNet0.25 (Deng et al. 2020, arXiv 1905.00641): sides of the anchors in px for each stride, and
#: variances.
STRIDES = (8, 16, 32)
ANCHORS = ((16, 32), (64, 128), (256, 512))
VARIANCE = (0.1, 0.2)
#: Mean of the training pictures: blue, green, red.
MEAN = (104.0, 117.0, 123.0)
#: Score from which a detection is kept; a track needs one that is clearly better (see `track.SURE`).
SCORE = 0.5
#: Intersection over union from which the weaker of two detections is taken for the same face.
OVERLAP = 0.4

#: px, long side of the ordinary scan. The smallest anchor is 16 px; faces from about 20 px are found.
NEAR = 640
#: px, long side of the scan while all known faces are large, and the px that the smallest of them must keep in it.
LEAST, KNOWN_FACE = 320, 48
#: Enlargement of the picture in which small faces are sought. The network is 0.71 to 0.96 sure of a face of 24 px in
#: 720p, and 0.95 to 1.0 once it is enlarged by 1.5; a face of 16 px then still gets 0.94.
FAR = 1.4
#: px, the largest face that the enlarged scan may add: the ordinary scan is better at larger ones.
FAR_FACE = 64


class RetinaFaceOnnx:
    """RetinaFace with a MobileNet0.25 trunk in onnxruntime; the light set's detector."""

    def __init__(self, model: Path | bytes) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 2
        # waiting threads would burn the time that the decoder and the lips need on two cores
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        source = model if isinstance(model, bytes) else str(model)
        self._session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])

    def __call__(self, images: np.ndarray) -> list[np.ndarray]:
        """Return the faces in each of `images` (n, h, w, 3) uint8 RGB: n arrays (k, 15) float32, best first."""
        import numpy as np

        count, height, width, _ = images.shape
        tall, wide = -(-height // 32) * 32, -(-width // 32) * 32  # the pyramid's levels must fit each other
        blob = np.zeros((count, 3, tall, wide), np.float32)
        for channel in range(3):
            blob[:, channel, :height, :width] = images[..., 2 - channel]
            blob[:, channel, :height, :width] -= MEAN[channel]
        loc, conf, points = self._session.run(None, {"input": blob})
        anchors = _anchors(tall, wide)
        return [_decode(*one, anchors) for one in zip(loc, conf[..., 1], points, strict=True)]


@lru_cache(maxsize=1)
def retinaface_onnx(model: Path) -> RetinaFaceOnnx:
    """Return the detector with the weights in the file `model`, loaded once."""
    return RetinaFaceOnnx(model)


@lru_cache(maxsize=8)
def _anchors(height: int, width: int) -> np.ndarray:
    """Return the centre x, y and the side of every anchor in px (n, 3), in the order of the network's rows."""
    import numpy as np

    levels = []
    for stride, sides in zip(STRIDES, ANCHORS, strict=True):
        y, x, side = np.meshgrid(
            (np.arange(height // stride) + 0.5) * stride,
            (np.arange(width // stride) + 0.5) * stride,
            sides,
            indexing="ij",
        )
        levels.append(np.stack([x, y, side], -1).reshape(-1, 3))
    return np.concatenate(levels).astype(np.float32)


def _decode(loc: np.ndarray, score: np.ndarray, points: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    import numpy as np

    keep = np.flatnonzero(score > SCORE)
    loc, score, points, anchors = loc[keep], score[keep], points[keep], anchors[keep]
    side = anchors[:, 2:]
    centre = anchors[:, :2] + loc[:, :2] * VARIANCE[0] * side
    half = side * np.exp(loc[:, 2:] * VARIANCE[1]) / 2
    landmarks = anchors[:, None, :2] + points.reshape(-1, 5, 2) * VARIANCE[0] * side[:, None]
    faces = np.concatenate([centre - half, centre + half, score[:, None], landmarks.reshape(-1, 10)], 1)
    return suppress(faces)


def suppress(faces: np.ndarray) -> np.ndarray:
    """Return `faces` (k, 15) without the weaker of any two that overlap, best first."""
    import numpy as np

    faces = faces[np.argsort(-faces[:, 4], kind="stable")]
    kept: list[int] = []
    for index in range(len(faces)):
        if not kept or overlap(faces[index : index + 1], faces[kept]).max() < OVERLAP:
            kept.append(index)
    return faces[kept]


def overlap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the intersection over union (n, m) of boxes `a` (n, 4 or more) and `b` (m, 4 or more)."""
    import numpy as np

    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:4], b[None, :, 2:4])
    common = np.clip(high - low, 0, None).prod(-1)
    area_a, area_b = ((x[:, 2:4] - x[:, :2]).prod(-1) for x in (a, b))
    return common / np.maximum(area_a[:, None] + area_b[None] - common, 1e-6)


def detect(
    detector: Detector, images: Sequence[np.ndarray], near: np.ndarray, smallest: float = 0.0
) -> list[np.ndarray]:
    """Return the faces (k, 15) in each of `images` (h, w, 3), in px of those pictures.

    The pictures are reduced first, because the largest anchor is 512 px and a close-up may fill the picture. Where
    `near` (n,) is True the long side becomes `NEAR` px; elsewhere it is as short as the `smallest` known face (px)
    allows, which at `LEAST` px costs a quarter.
    """
    import numpy as np

    longest = max(images[0].shape[:2])
    least = int(np.clip(KNOWN_FACE / max(smallest, 1e-6) * longest, LEAST, NEAR) / 64 + 0.999) * 64
    found: list[np.ndarray] = [np.empty((0, 15), np.float32)] * len(images)
    for size, chosen in ((NEAR, np.flatnonzero(near)), (least, np.flatnonzero(~near))):
        if len(chosen):
            scans = _scan(detector, [images[i] for i in chosen.tolist()], min(size, longest))
            for index, faces in zip(chosen.tolist(), scans, strict=True):
                found[index] = faces
    return found


def small_faces(detector: Detector, image: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return the faces (k, 15) of `image` (h, w, 3) that are too small for `detect`, without the `known` ones (m, 15).

    It costs 8 times as much as the ordinary scan.
    """
    small = _scan(detector, [image], round(FAR * max(image.shape[:2])))[0]
    small = small[(small[:, 3] - small[:, 1]) < FAR_FACE]
    if len(known) and len(small):
        small = small[overlap(small, known).max(1) < 0.3]
    return small


def _scan(detector: Detector, images: list[np.ndarray], size: int) -> list[np.ndarray]:
    """Return the faces found with the long side scaled to `size` px, in px of the full pictures."""
    import cv2
    import numpy as np

    height, width = images[0].shape[:2]
    factor = size / max(height, width)
    if factor == 1.0:
        return detector(np.stack(images))
    scaled = (round(width * factor), round(height * factor))
    if factor < 1:
        found = detector(np.stack([reduced(image, scaled) for image in images]))
    else:
        found = detector(np.stack([cv2.resize(image, scaled, interpolation=cv2.INTER_LINEAR) for image in images]))
    for faces in found:
        faces[:, [0, 2, *range(5, 15, 2)]] *= width / scaled[0]
        faces[:, [1, 3, *range(6, 15, 2)]] *= height / scaled[1]
    return found
