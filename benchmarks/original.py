"""The face stage against the way of the 2022 original, side by side on the same frames in one run.

    python -m benchmarks.original [clip] [--frames N]

The original's way: every frame, one at a time, through retina-face's RetinaFace, and every face through DeepFace's
FaceNet512, both on PyTorch, warmed up. Weights are random (speed does not depend on them), so every frame is given as
many faces to embed as the face stage found in it. It is timed on N frames spread over the clip, ours (decoding, shots,
detection, tracks, lips, identities, loading of the models included) on all. The last line is one JSON line.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any


def random_weights(home: Path) -> None:
    """Weight files of the real networks where both packages look for them."""
    import torch
    from deepface.models.facial_recognition.pytorch.Facenet import InceptionResNetV1
    from retinaface.model.retinaface_pth_model import RetinaFace

    folder = home / ".deepface" / "weights"
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    torch.save(RetinaFace().state_dict(), folder / "retinaface.pth")
    torch.save(InceptionResNetV1(dimension=512).state_dict(), folder / "facenet512_weights.pth")


def their_seconds(pictures: list[tuple[Any, list[tuple[int, int, int, int]]]]) -> float:
    """s for `pictures` (frame RGB, boxes of its faces) the original's way."""
    from deepface import DeepFace
    from retinaface import RetinaFace

    model = RetinaFace.build_model()

    def one(frame: Any, boxes: list[tuple[int, int, int, int]]) -> None:
        RetinaFace.detect_faces(frame[..., ::-1], model=model)
        for left, top, right, bottom in boxes:
            DeepFace.represent(
                frame[top:bottom, left:right, ::-1],
                model_name="Facenet512",
                detector_backend="skip",
                enforce_detection=False,
            )

    one(*pictures[0])  # loads and warms up
    start = time.perf_counter()
    for frame, boxes in pictures:
        one(frame, boxes)
    return time.perf_counter() - start


def sample(clip: Any, faces: Any, count: int) -> list[tuple[Any, list[tuple[int, int, int, int]]]]:
    """`count` frames (h, w, 3) RGB spread over the clip in its full size, with the boxes found in them."""
    import numpy as np

    from pipeline import media

    rate = count / clip.duration
    found = []
    for t, frame in media.frames(clip, width=clip.width // 2 * 2, height=clip.height // 2 * 2, rate=rate):
        boxes = []
        for track in faces.tracks:
            if track.boxes[0].t <= t <= track.boxes[-1].t:
                box = min(track.boxes, key=lambda one: abs(one.t - t))
                left, right = np.clip([box.left, box.right], 0, frame.shape[1]).astype(int)
                top, bottom = np.clip([box.top, box.bottom], 0, frame.shape[0]).astype(int)
                if right - left >= 4 and bottom - top >= 4:
                    boxes.append((int(left), int(top), int(right), int(bottom)))
        found.append((frame, boxes))
    return found[:count]


def main() -> None:
    """Time both ways on one clip and print the result."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("clip", nargs="?", type=Path, default=Path("examples/orbit_en.mp4"))
    parser.add_argument("--frames", type=int, default=8, help="frames the original's way is timed on (default 8)")
    options = parser.parse_args()
    os.environ["DEEPFACE_BACKEND_ENGINE"] = "pytorch"

    from pipeline import media
    from pipeline.models import sets
    from pipeline.progress import finish
    from pipeline.settings import Settings

    settings = Settings.from_environment(models="light")
    clip = media.probe(options.clip, settings)
    start = time.perf_counter()
    faces = finish(sets.load(settings).find_faces(clip, None))
    ours = time.perf_counter() - start
    pictures = sample(clip, faces, options.frames)
    with tempfile.TemporaryDirectory() as home:
        os.environ["DEEPFACE_HOME"] = home
        random_weights(Path(home))
        theirs = their_seconds(pictures)

    frames = float(clip.duration * clip.frame_rate)
    figures = {
        "clip": options.clip.name,
        "size": f"{clip.width}x{clip.height}",
        "faces_a_frame": round(sum(len(boxes) for _, boxes in pictures) / len(pictures), 2),
        "original_ms_a_frame": round(1000 * theirs / len(pictures), 1),
        "ours_ms_a_frame": round(1000 * ours / frames, 2),
        "times_faster": round(theirs / len(pictures) / (ours / frames), 1),
        "ours_s_per_s_of_clip": round(ours / clip.duration, 3),
    }
    for name, value in figures.items():
        print(f"{name:24} {value}")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
