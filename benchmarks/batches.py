"""Throughput of the full set's own code on this machine: batches against one by one, and the processor's share of a GPU
call.

    python -m benchmarks.batches [clip]

Networks have their real architecture and random weights (speed does not depend on them), Whisper the light set's base
weights. The last line is one JSON line.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.progress import finish

BATCH = 16


class Figures(dict[str, float]):
    """Prints each figure as it is known: the whole takes minutes."""

    def __setitem__(self, name: str, value: float) -> None:
        print(f"{name:40} {value:8.2f}", flush=True)
        super().__setitem__(name, value)


def seconds(work: Callable[[], Any], repeat: int = 3) -> float:
    """The best of `repeat` runs after one that does not count."""
    work()
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def retinaface(weights: Path, figures: dict[str, float]) -> None:
    """Measure the face detector: a batch, frame by frame, and by its own package."""
    import numpy as np

    from pipeline.faces.retinaface_torch import RetinaFaceTorch, network

    detector = RetinaFaceTorch(network(weights / "retinaface.pth"), threshold=1.1)
    frames = np.random.default_rng(0).integers(0, 255, (BATCH, 180, 320, 3), np.uint8)
    together = seconds(lambda: detector(frames), 1)
    figures["retinaface_batch_fps"] = BATCH / together
    figures["retinaface_one_by_one_fps"] = BATCH / seconds(lambda: [detector(frame[None]) for frame in frames], 1)

    from retinaface import RetinaFace

    few = frames[:4]
    package = seconds(lambda: [RetinaFace.detect_faces(f, 1.1, detector.model, False) for f in few], 1)
    figures["retinaface_package_fps"] = len(few) / package


def facenet(weights: Path, figures: dict[str, float]) -> None:
    """Measure the embedder of faces: a batch and one by one."""
    import numpy as np

    from pipeline.faces.facenet import Facenet512

    embedder = Facenet512(weights / "facenet512_weights.pth")
    image = np.random.default_rng(0).integers(0, 255, (300, 300, 3), np.uint8)
    face = np.array([90, 80, 210, 230, 1, 120, 130, 180, 130, 150, 165, 125, 195, 175, 195], np.float32)
    faces = [(image, face)] * BATCH
    figures["facenet_batch_per_s"] = BATCH / seconds(lambda: embedder(faces))
    figures["facenet_one_by_one_per_s"] = BATCH / seconds(lambda: [embedder([face]) for face in faces])


def decoding(clip: Path, figures: dict[str, float]) -> None:
    """The part of `find_faces` that no GPU makes faster: decoding, scaling, shots, tracks, lips.

    What the detector found in a first pass is played back in the passes that count. Beside the time on the clock stands
    the processor time of all threads and of ffmpeg: on one core it takes that long, and a busy machine moves it little.
    """
    import numpy as np

    from pipeline import media
    from pipeline.faces import find_faces
    from pipeline.faces.detect import RetinaFaceOnnx
    from pipeline.models import sets
    from pipeline.records import Likeness
    from pipeline.settings import Settings

    detector = RetinaFaceOnnx(finish(sets.weights("retinaface-mobilenet", Settings())))
    found: dict[bytes, list[np.ndarray]] = {}

    def recorded(images: np.ndarray) -> list[np.ndarray]:
        key = images[:, ::8, ::8].tobytes()
        if key not in found:
            found[key] = detector(images)
        return list(found[key])

    class Free:
        name, threshold, dim = "free", 0.3, 4
        likeness: Likeness | None = None

        def __call__(self, faces: list[Any]) -> np.ndarray:
            return np.tile(np.array([[1, 0, 0, 0]], np.float32), (len(faces), 1))

    probed = media.probe(clip, Settings())
    finish(find_faces(probed, recorded, Free(), None))
    clock, processor = [], []
    for _ in range(3):
        before, start = os.times(), time.perf_counter()
        finish(find_faces(probed, recorded, Free(), None))
        clock.append(time.perf_counter() - start)
        processor.append(sum(os.times()[:4]) - sum(before[:4]))
    figures["faces_clock_s_per_s_of_clip"] = min(clock) / probed.duration
    figures["faces_processor_s_per_s_of_clip"] = min(processor) / probed.duration


def whisper(clip: Path, figures: dict[str, float]) -> None:
    """Measure speech recognition: a batch of pieces and one by one."""
    from pipeline import media
    from pipeline.settings import Settings
    from pipeline.speech import whisper_full
    from tests.convert_whisper import convert
    from tests.fixtures_full import light_whisper

    with tempfile.TemporaryDirectory() as folder:
        speech = whisper_full.load(convert(light_whisper(), Path(folder)), revision=None, device="cpu", dtype="float32")
        sound = finish(media.extract_sound(media.probe(clip, Settings()), Path(folder) / "sound.wav"))
        samples = media.read_sound(sound)[: 8 * media.SAMPLE_RATE]
        pieces = [samples] * 4

        def hear(together: bool) -> None:
            groups = [pieces] if together else [[piece] for piece in pieces]
            for group in groups:
                list(whisper_full.hear(group, "en", speech))

        length = len(samples) / media.SAMPLE_RATE * len(pieces)
        figures["whisper_batch_times_real_time"] = length / seconds(lambda: hear(True), 1)
        figures["whisper_one_by_one_times_real_time"] = length / seconds(lambda: hear(False), 1)


def main() -> None:
    """Print every figure and the line of JSON."""
    clip = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("examples/orbit_en.mp4")
    figures = Figures()
    with tempfile.TemporaryDirectory() as folder:
        from tests.fixtures_full import face_files

        weights = face_files(Path(folder))
        retinaface(weights, figures)
        facenet(weights, figures)
    decoding(clip, figures)
    whisper(clip, figures)
    print(json.dumps({name: round(value, 3) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
