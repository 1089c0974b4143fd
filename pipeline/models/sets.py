"""The two sets of models, wired: every stage with the weights it needs."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.beside import alone
from pipeline.errors import ModelError, UsageError
from pipeline.models import fetch, firefox
from pipeline.models.catalogue import CATALOGUE, model
from pipeline.models.entries import Model
from pipeline.models.hub import operators_pins
from pipeline.models.speech import CHOICES
from pipeline.records import Clip, Diarization, Faces, KeyFree, Phrase, Progress, Stage, Transcript
from pipeline.settings import Settings
from pipeline.stages import Models

if TYPE_CHECKING:
    from pipeline.faces import lr_asd, speaking

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
    """Return the callables of the chosen set. Nothing is fetched or loaded before the first call of each.

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
    """Fetch the weights of the model `key` unless they are in the operator's folder or in the cache, and verify them.
    Return the file, or the folder where there are several.

    Raises ModelError as `fetch.path` does.
    """
    return (yield from _weights_of(model(key), settings))


def _weights_of(entry: Model, settings: Settings) -> Stage[Path]:
    assert entry.weights is not None, f"{entry.key} is not fetched"
    if settings.weights_dir is not None:
        given = fetch.find_in(entry.weights, settings.weights_dir)
        if given is not None:
            return given
    return (yield from fetch.path(entry.weights, entry.name, settings.cache_dir, settings.weights_dir))


#: s for which weights that others can stand in for are not asked for again after they could not be had.
PATIENCE = 600.0
#: When they could not be had, by key (`time.monotonic`).
_missed: dict[str, float] = {}


def optional_weights(key: str, settings: Settings) -> Stage[Path | None]:
    """Do as `weights`, but return None where they cannot be had; then they are not asked for again for ten minutes."""
    return (yield from _optional_weights_of(model(key), settings))


def _optional_weights_of(entry: Model, settings: Settings) -> Stage[Path | None]:
    missed = _missed.get(entry.key)
    if missed is not None and time.monotonic() - missed < PATIENCE and not _is_here(entry, settings):
        return None
    try:
        found = yield from _weights_of(entry, settings)
    except ModelError as error:
        log.warning("%s; the run goes on without it.", str(error).partition(";")[0].rstrip("."))
        _missed[entry.key] = time.monotonic()
        return None
    return found


def has(key: str, settings: Settings) -> bool:
    """Return whether the weights of the model `key` are on this machine."""
    return _is_here(model(key), settings)


def _is_here(entry: Model, settings: Settings) -> bool:
    files = entry.weights
    assert files is not None, f"{entry.key} is not fetched"
    if fetch.is_cached(files, settings.cache_dir):
        return True
    return settings.weights_dir is not None and fetch.is_given(files, settings.weights_dir)


def instead(settings: Settings) -> dict[str, str]:
    """Return the models that do the work of others at the moment, by job."""
    from pipeline.faces.lip_detector import LipDetector

    waits = settings.zero_gpu or "lr-asd" in _missed  # else it is fetched before the first clip
    return {"speaking": LipDetector.name} if waits and not has("lr-asd", settings) else {}


def speaking_detector(
    sound: Path | None, settings: Settings, device: str = "cpu", *, may_fetch: bool = True
) -> Stage[speaking.Detector | None]:
    """Return a detector of speaking faces for `sound`; None without a sound.

    It is LR-ASD where its weights are here or, with `may_fetch`, can be fetched; else the one that reads lips.

    Raises MediaError for a sound that cannot be read.
    """
    from pipeline.faces import speaking
    from pipeline.faces.sound import Sound

    if sound is None:
        return None
    file = None
    if may_fetch or has("lr-asd", settings):
        file = yield from optional_weights("lr-asd", settings)
    if file is not None:
        network: lr_asd.LrAsd
        if device == "cpu":
            from pipeline.faces import lr_asd_onnx

            network = lr_asd_onnx.network(file)
        else:
            from pipeline.faces import lr_asd_torch

            network = lr_asd_torch.network(file, device)
        return speaking.LearnedDetector("LR-ASD", network, speaking.LR_ASD, Sound.read(sound))
    from pipeline.faces import lip_detector

    return lip_detector.LipDetector(Sound.read(sound))


def prepare(settings: Settings, target: str = "") -> Stage[None]:
    """Fetch all weights of the chosen set that are not in the cache, so that no stage is held up by a download.

    Of the translators, the one from English into `target` (DeepL code); which other is needed is known when the words
    are.

    Raises ModelError as `fetch.path` does.
    """
    from pipeline.firefox_translation import code_of

    which = chosen(settings)
    asked = CHOICES[settings.speech][0] if which == "light" else ""
    wanted = {
        entry.weights: entry for entry in CATALOGUE if entry.weights and (which in entry.sets or entry.key == asked)
    }
    out = firefox.directions().get(("en", code_of(target))) if which == "light" and target else None
    if out is not None and out.weights is not None:
        wanted[out.weights] = out
    missing = {files: entry for files, entry in wanted.items() if not fetch.is_cached(files, settings.cache_dir)}
    total = sum(files.bytes for files in missing) or 1
    done = 0
    for files, entry in missing.items():
        stage = _optional_weights_of(entry, settings) if entry.optional else _weights_of(entry, settings)
        for progress in stage:
            yield Progress("fetch", (done + progress.fraction * files.bytes) / total, progress.message)
        done += files.bytes


def translates_to(target: str) -> bool:
    """Return whether the light set has a way into the language with this DeepL code."""
    from pipeline.firefox_translation import code_of

    to = code_of(target)
    return to == "en" or ("en", to) in firefox.directions()


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
                "translation": f"{firefox.NAME}; {self._ears.name} into English",
            },
            transcribe=self.transcribe,
            diarize=self.diarize,
            find_faces=self.find_faces,
            translate_speech=self.translate_speech,
            translates_to=translates_to,
            prepare=lambda target: prepare(self.settings, target),
        )

    def transcribe(self, sound: Path, language: str | None) -> Stage[Transcript]:
        from pipeline.speech.transcribe import transcribe

        folder = yield from weights(CHOICES[self.settings.speech][0], self.settings)
        return (yield from transcribe(sound, language, weights=folder))

    def translate_speech(self, sound: Path, phrases: tuple[Phrase, ...], language: str, target: str) -> Stage[KeyFree]:
        """Translate the texts by models that are fetched when first needed.

        Whisper translates the sound into English where no model reads the language.
        """
        from pipeline.firefox_translation import code_of, translate_text

        to = code_of(target)
        folders = yield from self._readers({phrase.language or language for phrase in phrases}, to)
        sources = [code_of(phrase.language or language) for phrase in phrases]
        unread = [i for i, code in enumerate(sources) if code not in ("en", to) and (code, "en") not in folders]
        english = yield from self._hear(sound, tuple(phrases[i] for i in unread), language)
        heard = {i: text for i, text in zip(unread, english, strict=True) if text}
        texts: dict[int, str] = {}
        given = {i: phrase for i, phrase in enumerate(phrases) if i not in unread}
        if to == "en":
            texts = heard
        else:
            given |= {i: replace(phrases[i], source=text, language="en") for i, text in heard.items()}
        if folders and given:
            asked = sorted(given)
            work = translate_text(tuple(given[i] for i in asked), language, target, folders=folders)
            read = yield from alone("translate", work)
            texts |= {i: text for i, text in zip(asked, read, strict=True) if text}
        used = [*([self._ears.name] if unread else []), *([firefox.NAME] if folders and given else [])]
        return KeyFree(tuple(texts.get(i) for i in range(len(phrases))), ", ".join(used), heard=bool(unread))

    def _readers(self, spoken: set[str], target: str) -> Stage[dict[tuple[str, str], Path]]:
        """Return the folders of the models that lead from the languages `spoken` into `target`, by direction.

        One into English may be missing, the one out of it not: then it raises ModelError.
        """
        from pipeline.firefox_translation import code_of

        found = {}
        for source in sorted({code_of(language) for language in spoken} - {"en", target}):
            into = firefox.directions().get((source, "en"))
            folder = (yield from _optional_weights_of(into, self.settings)) if into else None
            if folder is not None:
                found[source, "en"] = folder
        out = firefox.directions().get(("en", target))
        if out is not None and any(code_of(language) != target for language in spoken):
            found["en", target] = yield from _weights_of(out, self.settings)
        return found

    def _hear(self, sound: Path, phrases: tuple[Phrase, ...], language: str) -> Stage[tuple[str | None, ...]]:
        """Return the English of the phrases, by Whisper from their sound."""
        from pipeline.speech.transcribe import translate_speech

        if not phrases:
            return ()
        if not sound.is_file():
            raise UsageError("Without a DeepL key these lines are translated from their sound; give the clip, too.")
        folder = yield from weights(self._ears.key, self.settings)
        return (yield from translate_speech(sound, phrases, language, "EN-US", weights=folder))

    @property
    def _ears(self) -> Model:
        """The model that translates sound; not turbo, which was not trained to."""
        return model("whisper-small" if self.settings.speech == "small" else "whisper-base")

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
