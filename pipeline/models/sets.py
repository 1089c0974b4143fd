"""The two sets of models, wired: every stage with the weights it needs."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import ModelError, UsageError
from pipeline.models import fetch
from pipeline.models.catalogue import CATALOGUE, model
from pipeline.models.entries import Model
from pipeline.models.hub import operators_pins
from pipeline.models.speech import CHOICES
from pipeline.records import Clip, Diarization, Faces, Models, Phrase, Progress, Stage, Transcript
from pipeline.settings import Settings

if TYPE_CHECKING:
    from pipeline.faces import speaking

log = logging.getLogger(__name__)


def chosen(settings: Settings) -> str:
    """Return "full" or "light": what `settings.models` means on this machine.

    Torch is imported only where an NVIDIA device is.
    """
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

    Raises UsageError when the full set is asked for and its packages are not installed, and for a
    SPEECHGLASS_WEIGHTS_SHA256 that pins nothing.
    """
    operators_pins()
    if chosen(settings) == "full":
        try:
            from pipeline.gpu import full_models
        except ImportError as error:
            raise UsageError(
                f"The full models need a package that is not installed ({error.name}); install requirements.txt or "
                f"choose the light models."
            ) from error
        return full_models()
    return _Light(settings).models()


def weights(key: str, settings: Settings) -> Stage[Path]:
    """The weights of the model `key` are in the operator's folder or in the cache, verified; returns the file, or the
    folder where there are several.

    Raises ModelError as `fetch.path` does.
    """
    return (yield from _weights_of(model(key), settings))


def _weights_of(entry: Model, settings: Settings) -> Stage[Path]:
    assert entry.weights is not None, f"{entry.key} is not fetched"
    if settings.weights_dir is not None:
        given = fetch.find_in(entry.weights, settings.weights_dir)
        if given is not None:
            return given
    return (yield from fetch.path(entry.weights, entry.name, settings.cache_dir))


#: s for which weights that others can stand in for are not asked for again after they could not be had.
PATIENCE = 600.0
#: When they could not be had, by key (`time.monotonic`).
_missed: dict[str, float] = {}


def optional_weights(key: str, settings: Settings) -> Stage[Path | None]:
    """As `weights`, but None where they cannot be had; then they are not fetched again for ten minutes."""
    return (yield from _optional_weights_of(model(key), settings))


def _optional_weights_of(entry: Model, settings: Settings) -> Stage[Path | None]:
    missed = _missed.get(entry.key)
    if missed is not None and time.monotonic() - missed < PATIENCE and not _is_here(entry, settings):
        return None
    try:
        found = yield from _weights_of(entry, settings)
    except ModelError as error:
        log.warning("%s", error)
        _missed[entry.key] = time.monotonic()
        return None
    return found


def has(key: str, settings: Settings) -> bool:
    """Whether the weights of the model `key` are on this machine."""
    return _is_here(model(key), settings)


def _is_here(entry: Model, settings: Settings) -> bool:
    files = entry.weights
    assert files is not None, f"{entry.key} is not fetched"
    given = settings.weights_dir is not None and fetch.find_in(files, settings.weights_dir) is not None
    return given or fetch.is_cached(files, settings.cache_dir)


def speaking_detector(
    sound: Path | None, settings: Settings, device: str = "cpu", *, may_fetch: bool = True
) -> Stage[speaking.Detector | None]:
    """The best detector of speaking faces that can be had here, for `sound`; None without one. Without `may_fetch` it
    is the best of those whose weights are here already.

    Raises MediaError for a sound that cannot be read.
    """
    from pipeline.faces import lip_detector, lr_asd, speaking
    from pipeline.faces.sound import Sound

    if sound is None:
        return None
    file = None
    if may_fetch or has("lr-asd", settings):
        file = yield from optional_weights("lr-asd", settings)
    if file is not None:
        return speaking.LearnedDetector("LR-ASD", lr_asd.load(file, device), speaking.LR_ASD, Sound.read(sound))
    return lip_detector.LipDetector(Sound.read(sound))


def prepare(settings: Settings) -> Stage[None]:
    """All weights that the chosen set fetches are in the cache, so that no stage is held up by a download.

    Raises ModelError as `fetch.path` does.
    """
    which = chosen(settings)
    asked = CHOICES[settings.speech][0] if which == "light" else ""
    wanted = {
        entry.weights: entry for entry in CATALOGUE if entry.weights and (which in entry.sets or entry.key == asked)
    }
    missing = {files: entry for files, entry in wanted.items() if not fetch.is_cached(files, settings.cache_dir)}
    total = sum(files.bytes for files in missing) or 1
    done = 0
    for files, entry in missing.items():
        stage = _optional_weights_of(entry, settings) if entry.optional else _weights_of(entry, settings)
        for progress in stage:
            yield Progress("fetch", (done + progress.fraction * files.bytes) / total, progress.message)
        done += files.bytes


class _Light:
    """The stages of the light set. Their modules are imported on first use: opencv and the tracker are not for
    sound.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def models(self) -> Models:
        return Models(
            names={
                "speech": CHOICES[self.settings.speech][1],
                "diarization": "segmentation-3.0 + CAM++",
                "faces": "RetinaFace MobileNet0.25",
                "identity": "dlib ResNet",
                "speaking": "LR-ASD",
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

        folder = yield from weights(CHOICES[self.settings.speech][0], self.settings)
        return (yield from transcribe(sound, language, weights=folder))

    def translate_speech(
        self, sound: Path, phrases: tuple[Phrase, ...], language: str, target: str
    ) -> Stage[tuple[str | None, ...]]:
        from pipeline.speech.transcribe import translate_speech

        # Not by turbo, which was not trained to translate.
        folder = yield from weights(
            "whisper-small" if self.settings.speech == "small" else "whisper-base", self.settings
        )
        return (yield from translate_speech(sound, phrases, language, target, weights=folder))

    def diarize(self, sound: Path, speakers: int | None) -> Stage[Diarization]:
        from pipeline.speech.diarize import diarize

        folder = yield from weights("segmentation", self.settings)
        return (yield from diarize(sound, speakers, weights=folder))

    def find_faces(self, clip: Clip, sound: Path | None) -> Stage[Faces]:
        from pipeline.faces import find_faces
        from pipeline.faces.detect import retinaface_onnx
        from pipeline.faces.identify import dlib_faces

        detector = retinaface_onnx((yield from weights("retinaface-mobilenet", self.settings)))
        embedder = dlib_faces((yield from weights("dlib-resnet", self.settings)))
        speaks = yield from speaking_detector(sound, self.settings)
        return (yield from find_faces(clip, detector, embedder, speaks))
