"""FaceNet512 through DeepFace's PyTorch model, faces in batches (the full set's embedder).

Alignment (crop the detector's box, turn it by the eyes, pad it to a square of 160 px) and normalisation are DeepFace's
own functions on the detector's own numbers. So an embedding equals the one that `DeepFace.represent` gives for the same
face of the same frame, and DeepFace's threshold for this model holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.faces import engine
from pipeline.records import Likeness

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np

BATCH = 64
#: An estimate, not a fit: two faces at DeepFace's threshold, a similarity of 0.7, are as likely to be one person as
#: two.
LIKENESS = Likeness(same=0.85, different=0.3, dimensions=15.0, per_second=0.01)


class Facenet512:
    """The FaceNet512 embedder (see `pipeline.faces.identify.Embedder`)."""

    name = "FaceNet512"
    dim = 512
    likeness: Likeness | None = LIKENESS

    def __init__(self, weights: Path, *, device: str = "cpu") -> None:
        engine.use_pytorch()
        import torch
        from deepface.config.threshold import thresholds

        #: Cosine distance below which two faces are one person, from DeepFace's table.
        self.threshold: float = thresholds["Facenet512"]["cosine"]
        self._client = engine.deepface_model("Facenet512", weights)
        self._client.device = torch.device(device)  # DeepFace takes CUDA wherever it sees one
        self._client.model.to(device)

    def __call__(self, faces: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
        """Return the embeddings of n faces, (n, 512) float32 of unit length.

        faces: for each the image (h, w, 3) uint8 RGB and the face (15,) in its px.
        """
        import numpy as np

        vectors = self.raw(faces)
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)

    def raw(self, faces: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
        """Return the embeddings as `DeepFace.represent` does: with the length that the network gave."""
        import numpy as np

        if not faces:
            return np.empty((0, self.dim), np.float32)
        chips = np.concatenate([self._chip(*face) for face in faces])
        parts = [self._client.predict(chips[first : first + BATCH]) for first in range(0, len(chips), BATCH)]
        return np.concatenate(parts)

    def _chip(self, image: np.ndarray, face: np.ndarray) -> np.ndarray:
        """Return the aligned face, (1, 160, 160, 3) float32 BGR 0..1, as `DeepFace.represent` would."""
        from deepface.models.Detector import FacialAreaRegion
        from deepface.modules import detection, preprocessing

        # DeepFace truncates numbers to integers; "right" and "left" are the person's
        left, top, right, bottom = (int(value) for value in face[:4])
        right_eye, left_eye = (int(face[5]), int(face[6])), (int(face[7]), int(face[8]))
        area = FacialAreaRegion(
            x=left, y=top, w=right - left, h=bottom - top, left_eye=left_eye, right_eye=right_eye, confidence=1.0
        )
        found = detection.extract_face(
            facial_area=area, img=image[:, :, ::-1], align=True, expand_percentage=0, width_border=0, height_border=0,
            detector_backend="retinaface",
        )  # fmt: skip
        chip = found.img / 255 if found.img.max() > 1 else found.img
        width, height = self._client.input_shape
        return preprocessing.normalize_input(preprocessing.resize_image(chip, (height, width)), normalization="base")
