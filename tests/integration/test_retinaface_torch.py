"""The batched RetinaFace gives what retina-face's own `detect_faces` gives, frame by frame, with the same weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.integration

CLIPS = Path(__file__).parents[3] / "shared" / "clips"


def pictures(height: int, width: int) -> np.ndarray:
    """(n, h, w, 3) uint8 RGB: photographs that scikit-learn packages, and frames with people where the clips are
    there."""
    import cv2
    from sklearn.datasets import load_sample_images

    found = [cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA) for image in load_sample_images().images]
    if (clip := CLIPS / "two_shot.mp4").is_file():
        from pipeline import media
        from pipeline.settings import Settings

        frames = media.frames(media.probe(clip, Settings()), width=width, height=height, rate=0.2)
        found += [frame for _, frame in zip(range(2), (frame for _, frame in frames), strict=False)]
    found.append(found[0][:, ::-1])
    return np.stack(found)


@pytest.fixture(scope="module")
def network() -> Any:
    """retina-face's own network with random weights that find something: batch statistics taken from a real picture, so
    that scores spread, and box offsets of the size a trained network gives."""
    import torch

    from pipeline.faces import engine

    engine.use_pytorch()
    from retinaface.model.retinaface_pth_model import RetinaFace

    torch.manual_seed(5)
    model = RetinaFace()
    with torch.no_grad():
        model.train()
        model(torch.from_numpy(pictures(128, 192)).float())
        model.eval()
        for head in (model.face_rpn_stride32, model.face_rpn_stride16, model.face_rpn_stride8):
            head.cls_score.weight *= 3
            head.bbox_pred.weight *= 0.5
    return model.eval()


def confident(network: Any, images: np.ndarray, upscale: bool) -> float:
    """The score that some 100 anchors a picture reach: the package compares every two of them in Python."""
    import torch

    from pipeline.faces.retinaface_torch import RetinaFaceTorch

    scaled, _ = RetinaFaceTorch(network, upscale=upscale)._scale(images)
    with torch.no_grad():
        outputs = network(torch.from_numpy(scaled).float())
    scores = torch.cat([output[..., 2:].flatten() for output in outputs[::3]])
    return float(scores.topk(100 * len(images)).values[-1])


def theirs(images: np.ndarray, network: Any, threshold: float, upscale: bool) -> list[np.ndarray]:
    from retinaface import RetinaFace

    found = []
    for image in images:
        faces = RetinaFace.detect_faces(image[:, :, ::-1], threshold, network, upscale)
        rows = [
            [*face["facial_area"], face["score"], *np.concatenate([face["landmarks"][name] for name in
             ("right_eye", "left_eye", "nose", "mouth_right", "mouth_left")])]
            for face in faces.values()
        ]  # fmt: skip
        found.append(np.array(rows, np.float32).reshape(-1, 15))
    return found


@pytest.mark.parametrize(("height", "width", "upscale"), [(270, 480, False), (199, 333, False), (90, 120, True)])
def test_a_batch_equals_the_package_frame_by_frame(network: Any, height: int, width: int, upscale: bool) -> None:
    from pipeline.faces.retinaface_torch import RetinaFaceTorch

    images = pictures(height, width)[-3:] if not upscale else pictures(height, width)[:1]
    threshold = confident(network, images, upscale)
    ours = RetinaFaceTorch(network, threshold=threshold, upscale=upscale)(images)
    expected = theirs(images, network, threshold, upscale)

    assert sum(len(faces) for faces in expected) >= 20, "the weights find too little to compare"
    for mine, other in zip(ours, expected, strict=True):
        assert len(mine) == len(other)
        # The package cuts box coordinates off at the point; 0.01 px is what another batch size changes in the network.
        assert np.all((np.trunc(mine[:, :4] - 0.01) == other[:, :4]) | (np.trunc(mine[:, :4] + 0.01) == other[:, :4]))
        np.testing.assert_allclose(mine[:, 4:], other[:, 4:], atol=0.02, rtol=1e-4)


def test_weights_come_through_the_packages_own_loader(network: Any, tmp_path: Path) -> None:
    import torch

    from pipeline.faces import retinaface_torch

    weights = tmp_path / "retinaface.pth"
    torch.save(network.state_dict(), weights)
    images = pictures(96, 128)[:2]
    loaded = retinaface_torch.RetinaFaceTorch(retinaface_torch.network(weights))(images)
    given = retinaface_torch.RetinaFaceTorch(network)(images)
    assert sum(map(len, given)) > 0
    for one, other in zip(loaded, given, strict=True):
        np.testing.assert_array_equal(one, other)


def test_no_picture_and_no_face_are_results(network: Any) -> None:
    from pipeline.faces.retinaface_torch import RetinaFaceTorch

    assert RetinaFaceTorch(network)(np.zeros((0, 64, 64, 3), np.uint8)) == []
    (none,) = RetinaFaceTorch(network, threshold=1.1)(np.zeros((1, 64, 64, 3), np.uint8))
    assert none.shape == (0, 15)
