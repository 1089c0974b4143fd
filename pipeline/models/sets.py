"""The two sets of models, wired: every stage with the weights it needs."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import UsageError
from pipeline.models import fetch
from pipeline.models.catalogue import CATALOGUE, model
from pipeline.models.hub import operators_pins
from pipeline.records import Clip, Diarization, Faces, Models, Phrase, Progress, Stage, Transcript
from pipeline.settings import Settings


def chosen(settings: Settings) -> str:
    """ "full" or "light": what `settings.models` means on this machine. Imports torch only where an NVIDIA device is."""
    if settings.models != "auto":
        return settings.models
    if settings.zero_gpu:
        return "full"
    if not any(Path("/dev").glob("nvidia[0-9]*")) and not Path("/dev/dxg").exists():  # dxg: the GPU inside WSL
        return "light"
    try:
        import torch
    except ImportError:
        return "light"
    return "full" if torch.cuda.is_available() else "light"


def load(settings: Settings) -> Models:
    """The callables of the chosen set. Nothing is fetched or loaded before the first call of each.

    Raises UsageError when the full set is asked for and its packages are not installed, and for a SPEECHGLASS_WEIGHTS_SHA256
    that pins nothing.
    """
    operators_pins()
    if chosen(settings) == "full":
        try:
            from pipeline.gpu import full_models
        except ImportError as error:
            raise UsageError(
                f"The full models need a package that is not installed ({error.name}); install requirements.txt or choose the light models."
            ) from error
        return full_models(settings)
    return _Light(settings).models()


def weights(key: str, settings: Settings) -> Stage[Path]:
    """The weights of the model `key` are in the cache, verified; returns the file, or the folder where there are several.

    Raises ModelError as `fetch.path` does.
    """
    entry = model(key)
    assert entry.weights is not None, f"{key} is not fetched"
    return (yield from fetch.path(entry.weights, entry.name, settings.cache_dir))


def prepare(settings: Settings) -> Stage[None]:
    """All weights that the chosen set fetches are in the cache, so that no stage is held up by a download.

    Raises ModelError as `fetch.path` does.
    """
    which = chosen(settings)
    wanted = {entry.weights: entry.name for entry in CATALOGUE if entry.weights and which in entry.sets}
    missing = {entry: name for entry, name in wanted.items() if not fetch.is_cached(entry, settings.cache_dir)}
    total = sum(entry.bytes for entry in missing) or 1
    done = 0
    for entry, name in missing.items():
        for progress in fetch.path(entry, name, settings.cache_dir):
            yield Progress("fetch", (done + progress.fraction * entry.bytes) / total, progress.message)
        done += entry.bytes


class _Light:
    """The stages of the light set. Their modules are imported on first use: opencv and the tracker are not for sound."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def models(self) -> Models:
        return Models(
            names={
                "speech": "Whisper base (faster-whisper, int8)",
                "diarization": "segmentation-3.0 + CAM++",
                "faces": "RetinaFace MobileNet0.25",
                "identity": "dlib ResNet",
                "lips": "MediaPipe face mesh",
                "translation": "Whisper base translate",
            },
            transcribe=self.transcribe,
            diarize=self.diarize,
            find_faces=self.find_faces,
            translate_speech=self.translate_speech,
            prepare=lambda: prepare(self.settings),
        )

    def transcribe(self, sound: Path, language: str | None) -> Stage[Transcript]:
        from pipeline.speech.transcribe import transcribe

        folder = yield from weights("whisper-base", self.settings)
        return (yield from transcribe(sound, language, weights=folder))

    def translate_speech(
        self, sound: Path, phrases: tuple[Phrase, ...], language: str, target: str
    ) -> Stage[tuple[str | None, ...]]:
        from pipeline.speech.transcribe import translate_speech

        folder = yield from weights("whisper-base", self.settings)
        return (yield from translate_speech(sound, phrases, language, target, weights=folder))

    def diarize(self, sound: Path, speakers: int | None) -> Stage[Diarization]:
        from pipeline.speech.diarize import diarize

        folder = yield from weights("segmentation", self.settings)
        return (yield from diarize(sound, speakers, weights=folder))

    def find_faces(self, clip: Clip) -> Stage[Faces]:
        from pipeline.faces import find_faces
        from pipeline.faces.detect import retinaface_onnx
        from pipeline.faces.identify import dlib_faces

        detector = retinaface_onnx((yield from weights("retinaface-mobilenet", self.settings)))
        embedder = dlib_faces((yield from weights("dlib-resnet", self.settings)))
        mesh = yield from weights("face-mesh", self.settings)
        return (yield from find_faces(clip, detector, embedder, mesh))
