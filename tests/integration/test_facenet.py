"""FaceNet512 embeddings equal `DeepFace.represent`'s, face by face, with the same weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from pipeline.faces.facenet import Facenet512


pytestmark = pytest.mark.integration

#: (left, top, right, bottom), then right eye, left eye, nose, right and left mouth corner, in px of a 640x427 picture:
#: upright, tilted, at the border.
FACES = [
    ((200, 100, 320, 260), ((235, 160), (288, 158), (262, 195), (240, 225), (285, 224))),
    ((400, 150, 520, 300), ((430, 215), (482, 195), (465, 235), (445, 262), (492, 244))),
    ((2, 5, 90, 120), ((25, 48), (62, 52), (42, 75), (26, 92), (58, 95))),
    ((560, 330, 636, 424), ((580, 365), (615, 361), (600, 385), (583, 402), (613, 400))),
]


@pytest.fixture(scope="module")
def facenet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Facenet512]:
    """DeepFace's Facenet512 with random weights, loaded from a file by DeepFace itself."""
    import torch

    from pipeline.faces import engine

    engine.use_pytorch()
    from deepface.models.facial_recognition.pytorch.Facenet import InceptionResNetV1
    from deepface.modules import modeling

    weights = tmp_path_factory.mktemp("deepface") / "facenet512_weights.pth"
    torch.manual_seed(3)
    network = InceptionResNetV1(dimension=512)
    for (
        module
    ) in network.modules():  # statistics of a batch of noise, or random weights shrink every face to the same vector
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.momentum = None
    with torch.no_grad():
        network(torch.rand(8, 3, 160, 160))
    torch.save(network.state_dict(), weights)
    if hasattr(modeling, "cached_models"):
        modeling.cached_models["facial_recognition"].pop("Facenet512", None)
    from pipeline.faces.facenet import Facenet512

    yield Facenet512(weights)
    modeling.cached_models["facial_recognition"].pop("Facenet512", None)


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    from sklearn.datasets import load_sample_image

    return load_sample_image("china.jpg")


def represented(frame: np.ndarray, box: Any, landmarks: Any, patch: pytest.MonkeyPatch) -> np.ndarray:
    """What `DeepFace.represent` says of one face of `frame` RGB, its detector being told where the face is."""
    from deepface import DeepFace
    from deepface.models.Detector import Detector, FacialAreaRegion
    from deepface.modules import modeling

    class Known(Detector):
        """Hands DeepFace the given face, in the picture DeepFace has put a border round."""

        def detect_faces(self, img: np.ndarray) -> list[Any]:
            x, y = (img.shape[1] - frame.shape[1]) // 2, (img.shape[0] - frame.shape[0]) // 2
            left, top, right, bottom = (int(value) for value in box)
            eyes = [(int(a) + x, int(b) + y) for a, b in landmarks]
            return [
                FacialAreaRegion(
                    x=left + x,
                    y=top + y,
                    w=right - left,
                    h=bottom - top,
                    right_eye=eyes[0],
                    left_eye=eyes[1],
                    confidence=1.0,
                )
            ]

    patch.setitem(modeling.cached_models["face_detector"], "retinaface", Known())
    (answer,) = DeepFace.represent(frame[:, :, ::-1], model_name="Facenet512", detector_backend="retinaface")
    return np.array(answer["embedding"])


def row(box: Any, landmarks: Any) -> np.ndarray:
    """The face (15,) as a detector gives it."""
    return np.concatenate([np.float32(box), [1], np.float32(landmarks).ravel()]).astype(np.float32)


def test_a_batch_equals_represent_one_by_one(
    facenet: Facenet512, picture: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = facenet.raw([(picture, row(*face)) for face in FACES])
    for mine, face in zip(ours, FACES, strict=True):
        np.testing.assert_allclose(mine, represented(picture, *face, monkeypatch), rtol=1e-3, atol=1e-4)
    spread = np.abs(ours - ours.mean(0)).max()
    assert spread > 0.01, "all embeddings alike: nothing was compared"


@pytest.mark.parametrize("zoom", [1, 3])
def test_what_the_pipeline_keeps_of_a_face_embeds_as_represent_does_on_the_whole_frame(
    zoom: int, facenet: Facenet512, picture: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The face stage embeds a region cut out of the frame, at the border too, with the detector's own box in it."""
    from pipeline.faces import identify

    frame = picture.repeat(zoom, 0).repeat(zoom, 1)
    faces = [zoom * row(*face) + 0.4 for face in FACES]
    kept = [identify.region(0.0, 1.0, frame, face) for face in faces]
    assert all(candidate.image.shape[0] < frame.shape[0] for candidate in kept)
    ours = facenet.raw([(candidate.image, candidate.face) for candidate in kept])
    for mine, face in zip(ours, faces, strict=True):
        theirs = represented(frame, face[:4], face[5:].reshape(5, 2), monkeypatch)
        np.testing.assert_allclose(mine, theirs, rtol=1e-3, atol=1e-4)


def test_embeddings_have_unit_length_and_the_models_own_threshold(facenet: Facenet512, picture: np.ndarray) -> None:
    from deepface.config.threshold import thresholds

    vectors = facenet([(picture, row(*face)) for face in FACES])
    assert vectors.shape == (len(FACES), facenet.dim)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    assert facenet.threshold == thresholds["Facenet512"]["cosine"]
    assert facenet([]).shape == (0, 512)
