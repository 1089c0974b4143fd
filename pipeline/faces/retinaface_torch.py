"""RetinaFace with a ResNet50 trunk, a whole batch of frames in one forward pass (the full set's detector).

Network, weights and arithmetic are retina-face's (`RetinaFace.detect_faces`, which takes one frame at a time and
decodes on the CPU). Here the batch stays together, only anchors above the threshold leave the device, and boxes,
landmarks and suppression are computed for whole arrays.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pipeline.faces import engine

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

#: For each stride in px the two square anchors of a cell, as retina-face has them (left, top, right, bottom at cell 0).
ANCHORS = {
    32: ((-248.0, -248.0, 263.0, 263.0), (-120.0, -120.0, 135.0, 135.0)),
    16: ((-56.0, -56.0, 71.0, 71.0), (-24.0, -24.0, 39.0, 39.0)),
    8: ((-8.0, -8.0, 23.0, 23.0), (0.0, 0.0, 15.0, 15.0)),
}
#: px, short and long side to which retina-face scales a picture, and the overlap above which it drops the weaker box.
SHORT_SIDE, LONG_SIDE = 1024, 1980
OVERLAP = 0.4


def network(weights: Path) -> Any:
    """Return retina-face's network with the weights in the file `weights`, of which only tensors are read.

    Raises ModelError when the package already runs on another engine than PyTorch.
    """
    engine.use_pytorch()
    import torch
    from retinaface.model.retinaface_pth_model import RetinaFace

    model = RetinaFace()
    model.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    return model


class RetinaFaceTorch:
    """A detector (see `pipeline.faces.detect`): (n, h, w, 3) uint8 RGB to n arrays (k, 15), best first.

    `upscale` enlarges small pictures, as `detect_faces` does by default; it is off because the face stage scales frames
    itself. `threshold` is the same as the light detector's: tracks ask for more on top of it.
    """

    def __init__(self, model: Any, *, device: str = "cpu", threshold: float = 0.5, upscale: bool = False) -> None:
        self.model = model.to(device).eval()
        self.device, self.threshold, self.upscale = device, threshold, upscale

    def __call__(self, images: np.ndarray) -> list[np.ndarray]:
        """Return the faces in each of `images` (n, h, w, 3) uint8 RGB: n arrays (k, 15) float32, best first.

        Columns: left, top, right, bottom, score, then x, y of five landmarks, in px.
        """
        import numpy as np
        import torch

        if len(images) == 0:
            return []
        scaled, scale = self._scale(images)
        height, width = scaled.shape[1:3]
        with torch.no_grad():
            outputs = self.model(torch.from_numpy(scaled).to(self.device).float())
            kept = []
            for level, stride in enumerate(ANCHORS):
                score, box, points = outputs[3 * level : 3 * level + 3]
                rows, columns = box.shape[1:3]
                count = rows * columns * 2
                score = score[..., 2:].reshape(len(images), count)
                frame, anchor = torch.nonzero(score >= self.threshold, as_tuple=True)
                kept.append(
                    (
                        frame.cpu().numpy(),
                        anchors(rows, columns, stride)[anchor.cpu().numpy()],
                        score[frame, anchor].cpu().numpy(),
                        box.reshape(len(images), count, 4)[frame, anchor].cpu().numpy(),
                        points.reshape(len(images), count, 10)[frame, anchor].cpu().numpy(),
                    )
                )
        of, cells, scores, boxes, landmarks = (np.concatenate(part) for part in zip(*kept, strict=True))
        faces = decode(cells, scores, boxes, landmarks, (height, width), scale)
        return [suppress(faces[of == index]) for index in range(len(images))]

    def _scale(self, images: np.ndarray) -> tuple[np.ndarray, float]:
        """Return the batch at the size that the network sees, and the factor, as retina-face does.

        Source: `resize_image` of retinaface.commons.preprocess.
        """
        import cv2
        import numpy as np

        short, long = sorted(images.shape[1:3])
        scale = SHORT_SIDE / short
        if not self.upscale:
            scale = min(1.0, scale)
        if np.round(scale * long) > LONG_SIDE:
            scale = LONG_SIDE / long
        if scale == 1.0:
            return np.ascontiguousarray(images), 1.0
        resized = [cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR) for image in images]
        return np.stack(resized), scale


@lru_cache(maxsize=24)
def anchors(rows: int, columns: int, stride: int) -> np.ndarray:
    """Return the anchors in the order of the network's outputs, (rows * columns * 2, 4) float64."""
    import numpy as np

    y, x = np.mgrid[:rows, :columns] * float(stride)
    corner = np.stack([x, y, x, y], -1)[:, :, None]
    return (corner + np.array(ANCHORS[stride])).reshape(-1, 4)


def decode(
    anchor: np.ndarray, score: np.ndarray, box: np.ndarray, points: np.ndarray, size: tuple[int, int], scale: float
) -> np.ndarray:
    """Return boxes, clipped to the picture, and landmarks from the network's offsets: (k, 15) float32.

    All are in px before scaling.
    """
    import numpy as np

    side = anchor[:, 2:] - anchor[:, :2] + 1.0  # retina-face counts both border pixels
    centre = anchor[:, :2] + 0.5 * (side - 1.0)
    middle = box[:, :2] * side + centre
    half = 0.5 * (np.exp(box[:, 2:]) * side - 1.0)
    limit = np.array([size[1] - 1, size[0] - 1])
    low = np.clip(middle - half, 0, limit) / scale
    high = np.clip(middle + half, 0, limit) / scale
    landmarks = (points.reshape(-1, 5, 2) * side[:, None] + centre[:, None]) / scale
    return np.concatenate([low, high, score[:, None], landmarks.reshape(-1, 10)], 1).astype(np.float32)


def suppress(faces: np.ndarray) -> np.ndarray:
    """Return `faces` (k, 15) without those that overlap a better one by `OVERLAP`, best first (postprocess.cpu_nms)."""
    import numpy as np

    faces = faces[faces[:, 4].argsort()[::-1]]
    low, high = faces[:, :2], faces[:, 2:4]
    area = (high - low + 1).prod(1)
    kept = []
    left = np.arange(len(faces))
    while left.size:
        first, left = left[0], left[1:]
        kept.append(first)
        common = np.clip(np.minimum(high[first], high[left]) - np.maximum(low[first], low[left]) + 1, 0, None).prod(1)
        left = left[common / (area[first] + area[left] - common) < OVERLAP]
    return faces[kept]
