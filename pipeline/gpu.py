"""The full set on a GPU, and the only module that knows ZeroGPU exists.

On ZeroGPU a function decorated with `spaces.GPU` runs in a forked process that owns the GPU for the time asked for;
arguments and results cross by pickle. Every extra decorated call in the main process would cost another fork, another
CUDA context, another copy of all weights and another look at the visitor's quota, so a clip is one call
(`perceive_on_gpu`); the decorated functions it calls stay in its process. Paths and small records go in, `Progress` and small
records come out; frames, tensors and open files never cross.

Importing this module on ZeroGPU places all weights: it has to happen on the main thread and before the page is launched,
which is when `spaces` packs what it finds on "cuda" and hands it to every worker. Elsewhere weights are loaded when first
used. Without `spaces`' environment the decorator returns the function as it is, so a machine with a GPU of its own runs the
same code.

Order matters in the first lines: NeMo would initialise CUDA through numba, and `spaces` has to be there before torch.
"""

from __future__ import annotations

import os

os.environ.setdefault("NUMBA_DISABLE_CUDA", "1")
os.environ.setdefault("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True")
if not os.environ.get("OMP_NUM_THREADS", "1").isdigit():  # seen on Spaces; OpenMP refuses it
    del os.environ["OMP_NUM_THREADS"]

import spaces  # isort: skip
import torch  # isort: skip

import logging
import re
import threading
import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pipeline import open_translation
from pipeline.errors import GpuError, ModelError, PipelineError
from pipeline.faces import find_faces as find_faces_with
from pipeline.faces import retinaface_torch
from pipeline.faces.facenet import Facenet512
from pipeline.models import hub, sets
from pipeline.progress import finish
from pipeline.records import (
    Clip,
    Diarization,
    Faces,
    Models,
    Notice,
    Phrase,
    Progress,
    Stage,
    Transcript,
)
from pipeline.settings import Settings
from pipeline.speech import nemo, whisper_full

if TYPE_CHECKING:
    from pipeline.run import Known, Perception

T = TypeVar("T")
log = logging.getLogger(__name__)

#: On ZeroGPU True in the main process too, where no GPU is yet: `spaces` answers for it.
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
DTYPE = "float16" if DEVICE == "cuda" else "float32"
ZERO_GPU = Settings.from_environment().zero_gpu


# --- the weights, each loaded once ------------------------------------------------------------------------------------

_placed: dict[str, Any] = {}
_placing = threading.RLock()


def _once(key: str, load: Callable[[], T]) -> T:
    with _placing:
        if key not in _placed:
            _placed[key] = load()
        return _placed[key]


def _whisper(key: str) -> Any:
    source = hub.source(key)
    return _once(
        key, lambda: whisper_full.load(source.repository, revision=source.revision, device=DEVICE, dtype=DTYPE)
    )


def _diarizer() -> nemo.Diarizer:
    files = [hub.file(key) for key in ("sortformer", "titanet", "marblenet")] if "nemo" not in _placed else []
    return _once("nemo", lambda: nemo.load(*files, device=DEVICE))


def _detector() -> retinaface_torch.RetinaFaceTorch:
    def load() -> retinaface_torch.RetinaFaceTorch:
        return retinaface_torch.RetinaFaceTorch(
            retinaface_torch.network(hub.file("retinaface-resnet50")), device=DEVICE
        )

    return _once("retinaface", load)


def _embedder() -> Facenet512:
    return _once("facenet", lambda: Facenet512(hub.file("facenet512"), device=DEVICE))


def _translator() -> open_translation.Translator:
    source = hub.source("m2m100")
    return _once(
        "m2m100",
        lambda: open_translation.load(source.repository, revision=source.revision, device=DEVICE, dtype=DTYPE),
    )


def _mesh() -> Path:
    return _once("mesh", lambda: finish(sets.weights("face-mesh", Settings.from_environment())))


def place() -> None:
    """All weights of the full set are on the device, each once, and the face mesh is in the cache: what a stage would have
    to fetch, a visitor would pay for in GPU time.

    Raises ModelError, OSError or ValueError where weights cannot be had.
    """
    _mesh()
    finish(sets.optional_weights("lr-asd", Settings.from_environment()))
    _whisper("whisper-turbo")
    _whisper("whisper-large")
    _diarizer()
    _detector()
    _embedder()
    _translator()


# --- how long to ask for ----------------------------------------------------------------------------------------------
#
# seconds asked = BASE + sum over the work of (factor x seconds of clip)
#
# BASE: the fork, the CUDA context and 6.5 GB of weights from disk onto the card. The factors: see benchmarks/full.py and the
# README's table; half of the largest is decoding frames and reading lips, which is processor work. Asked is what the quota is
# checked against (times 1.5 on the present cards), used is what is paid: too little kills the run, too much shuts visitors out.
# 60 s of clip ask for 56 s. A visitor without an account (120 s a day, so 80 s asked) can have 100 s of clip, one with a
# free account (300 s, so 200 s asked) the longest clip the page takes.

BASE = 20.0
FACTOR = {"speech": 0.15, "voices": 0.08, "faces": 0.32, "translate": 0.05}


def seconds_asked(duration: float, *work: str) -> int:
    """Seconds of GPU to ask for: `work` of FACTOR on `duration` s of clip."""
    return round(BASE + sum(FACTOR[name] for name in work) * duration)


def _length(sound: Path) -> float:
    with wave.open(str(sound), "rb") as file:
        return file.getnframes() / file.getframerate()


# `spaces` calls these with exactly what the function is called with, hence the rest.
def _transcribe_seconds(sound: Path, *args: object, **options: object) -> int:
    return seconds_asked(_length(sound), "speech")


def _diarize_seconds(sound: Path, *args: object, **options: object) -> int:
    return seconds_asked(_length(sound), "voices")


def _find_faces_seconds(clip: Clip, *args: object, **options: object) -> int:
    return seconds_asked(clip.duration, "faces")


def _translate_seconds(sound: Path, *args: object, **options: object) -> int:
    return seconds_asked(_length(sound), "translate")


def _perceive_seconds(
    clip: Clip,
    sound: Path,
    source: str | None,
    speakers: int | None,
    fallback: str,
    known: Known,
    *args: object,
    **options: object,
) -> int:
    work = {
        "speech": known.transcript is None,
        "voices": known.diarization is None,
        "faces": known.faces is None and clip.has_video,
        "translate": bool(fallback),
    }
    return seconds_asked(clip.duration, *(name for name, wanted in work.items() if wanted))


# --- crossing the process ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Done:
    """A stage's result. A generator's return value does not cross from the worker, so it is the last thing yielded."""

    value: Any


@dataclass(frozen=True, slots=True)
class Failed:
    """A stage's error. Of an exception that crosses, `spaces` would keep the name of its class alone."""

    error: PipelineError


Crossing = Iterator[Progress | Done | Failed]


def _across(stage: Stage[Any]) -> Crossing:
    """In the worker: the stage's progress, then how it ended."""
    try:
        yield Done((yield from stage))
    except PipelineError as error:
        yield Failed(error)
    except torch.OutOfMemoryError:
        yield Failed(GpuError("The GPU has too little memory for this clip; try a shorter one."))
    finally:
        stage.close()


def _received(crossing: Crossing) -> Stage[Any]:
    """Outside: the stage again, from what crossed.

    Raises what the stage raised, or GpuError with a sentence for what `spaces` raised.
    """
    import gradio

    try:
        for item in crossing:
            if isinstance(item, Done):
                return item.value
            if isinstance(item, Failed):
                raise item.error
            yield item
    except gradio.Error as error:
        log.warning("ZeroGPU: %s: %s", error.title, error.message)
        raise GpuError(explain(error.title, str(error.message))) from error
    except RuntimeError as error:
        # What spaces 0.51.3 raises when its scheduler cannot be used; anything else is a defect and stays one.
        if "ZeroGPU" not in str(error) and "Connection closed by visitor" not in str(error):
            raise
        log.warning("ZeroGPU: %s", error)
        raise GpuError(explain("ZeroGPU client error", str(error))) from error
    finally:
        close = getattr(crossing, "close", None)
        if close:
            close()  # tells the worker to stop at its next step
    raise GpuError("The GPU stopped before the clip was finished; try again.")


# --- the GPU functions ------------------------------------------------------------------------------------------------


@spaces.GPU(duration=_transcribe_seconds)
def transcribe(sound: Path, language: str | None) -> Crossing:
    """`whisper_full.transcribe` by large-v3-turbo, ending in Done or Failed."""
    yield from _across(whisper_full.transcribe(sound, language, speech=_whisper("whisper-turbo")))


@spaces.GPU(duration=_diarize_seconds)
def diarize(sound: Path, speakers: int | None) -> Crossing:
    """`nemo.diarize`, ending in Done or Failed."""
    yield from _across(nemo.diarize(sound, speakers, diarizer=_diarizer()))


@spaces.GPU(duration=_find_faces_seconds)
def find_faces(clip: Clip, sound: Path | None) -> Crossing:
    """`faces.find_faces` with RetinaFace ResNet50 and FaceNet512, ending in Done or Failed."""
    yield from _across(_find_faces(clip, sound))


def _find_faces(clip: Clip, sound: Path | None) -> Stage[Faces]:
    speaks = yield from sets.speaking_detector(sound, Settings.from_environment(), DEVICE)
    return (yield from find_faces_with(clip, _detector(), _embedder(), speaks, _mesh()))


@spaces.GPU(duration=_translate_seconds)
def translate_speech(sound: Path, phrases: tuple[Phrase, ...], language: str, target: str) -> Crossing:
    """The key-free translation, ending in Done or Failed."""
    yield from _across(_translate(sound, phrases, language, target))


def _translate(sound: Path, phrases: tuple[Phrase, ...], language: str, target: str) -> Stage[tuple[str | None, ...]]:
    """English from the sound by large-v3, what that leaves out and every other language from the text by M2M100."""
    import dataclasses

    if not target.upper().startswith("EN"):
        return (yield from open_translation.translate_text(phrases, language, target, translator=_translator()))
    texts = list(
        (yield from whisper_full.translate_speech(sound, phrases, language, target, speech=_whisper("whisper-large")))
    )
    left = [i for i, phrase in enumerate(phrases) if texts[i] is None and (phrase.language or language) != "en"]
    if left:
        again = tuple(dataclasses.replace(phrases[i], id=i) for i in left)
        answers = yield from open_translation.translate_text(again, language, target, translator=_translator())
        for i, answer in zip(left, answers, strict=True):
            texts[i] = answer
    return tuple(texts)


@spaces.GPU(duration=_perceive_seconds)
def perceive_on_gpu(
    clip: Clip, sound: Path, source: str | None, speakers: int | None, fallback_target: str, known: Known
) -> Crossing:
    """All model work of one clip in one process: `run.perceive`, ending in Done or Failed."""
    from pipeline import run

    stage = run.perceive(_callables(), clip, sound, source, speakers, fallback_target, known)
    yield from _across(stage)


# --- what the rest of the package sees --------------------------------------------------------------------------------


def _stage(function: Callable[..., Crossing]) -> Callable[..., Stage[Any]]:
    def stage(*args: Any) -> Stage[Any]:
        return (yield from _received(function(*args)))

    return stage


def _callables() -> Models:
    return Models(
        names={
            "speech": "Whisper large-v3-turbo",
            "diarization": "Sortformer streaming 4spk v2; above four voices MarbleNet, TitaNet, clustering",
            "faces": "RetinaFace ResNet50",
            "identity": Facenet512.name,
            "speaking": "LR-ASD",
            "lips": "MediaPipe face mesh",
            "translation": "Whisper large-v3 (into English), M2M100 418M",
        },
        transcribe=_stage(transcribe),
        diarize=_stage(diarize),
        find_faces=_stage(find_faces),
        translate_speech=_stage(translate_speech),
        translates_to=lambda target: target.upper().startswith("EN") or open_translation.translates_to(target),
        perceive=perceive,
    )


def full_models(settings: Settings) -> Models:
    """The callables of the full set. On ZeroGPU the weights are placed already, elsewhere each call loads what it needs."""
    return _callables()


def perceive(
    models: Models,
    clip: Clip,
    sound: Path,
    source: str | None,
    speakers: int | None,
    fallback_target: str,
    known: Known,
) -> Stage[Perception]:
    """`run.perceive` in one GPU call; without any where everything is known.

    What the GPU had found when it was taken away is kept: with the words there is a result, with a notice for what is
    missing. Raises GpuError where there are no words, and what the models raise.
    """
    from pipeline import run

    seen = [known.transcript is not None, known.diarization is not None, known.faces is not None or not clip.has_video]
    if all(seen) and not fallback_target:
        return (yield from run.perceive(models, clip, sound, source, speakers, "", known))
    found: dict[type, Any] = {}
    try:
        crossing = _received(perceive_on_gpu(clip, sound, source, speakers, fallback_target, known))
        try:
            while True:
                step = next(crossing)
                if step.fraction == 1.0 and step.found is not None:
                    found[type(step.found)] = step.found
                yield step
        except StopIteration as stop:
            return stop.value
        finally:
            crossing.close()
    except (GpuError, ModelError) as error:
        heard = found.get(Transcript) or known.transcript
        if heard is None:
            raise
        return (yield from _finished(models, clip, sound, heard, found, speakers, known, error))


def _finished(
    models: Models,
    clip: Clip,
    sound: Path,
    heard: Transcript,
    found: dict[type, Any],
    speakers: int | None,
    known: Known,
    error: PipelineError,
) -> Stage[Perception]:
    """The result without what the GPU did not get to: nobody told apart, nobody seen, nothing translated."""
    from pipeline import run

    voices, faces = found.get(Diarization) or known.diarization, found.get(Faces) or known.faces
    missing = [
        name for name, value in (("speakers", voices), ("faces", faces if clip.has_video else True)) if value is None
    ]
    what = " and ".join(missing) or "translation"
    notice = Notice(
        "gpu", f"{error} The transcript is kept; {what} {'is' if what == 'translation' else 'are'} missing."
    )
    whole = run.Known(
        transcript=heard,
        diarization=voices if voices is not None else Diarization(turns=(), voices=()),
        faces=faces if faces is not None else Faces(shots=(), tracks=()),
    )
    # Its progress is not passed on: an empty stand-in must not be kept as if it had been found.
    stage = run.perceive(models, clip, sound, None, speakers, "", whole)
    try:
        while True:
            next(stage)
    except StopIteration as stop:
        result: Perception = stop.value
    import dataclasses

    yield Progress("people", 1.0, found=result.attribution)
    attribution = dataclasses.replace(result.attribution, notices=(*result.attribution.notices, notice))
    return dataclasses.replace(result, attribution=attribution)


# --- sentences --------------------------------------------------------------------------------------------------------


def explain(title: str, message: str) -> str:
    """A sentence for a visitor about an error of `spaces` 0.51.3, with the wait where there is one."""
    wait = re.search(r"Try again in ((?:(\d+) days?, )?(\d+):(\d+):(\d+))", message)
    asked = re.search(r"(\d+)s requested vs\. (-?\d+)s left", message)
    if title == "ZeroGPU quota exceeded":
        if wait:
            amount = f" ({asked[1]} s needed, {max(0, int(asked[2]))} s left)" if asked else ""
            when = _span(int(wait[2] or 0), int(wait[3]), int(wait[4]), int(wait[5]))
            return (
                f"Your GPU time on Hugging Face is used up for now{amount}; try again in {when}, take a shorter clip, "
                "or sign in for more."
            )
        if "runs limit" in message:
            return "You have used all your GPU runs of today; try again tomorrow, or duplicate this Space."
        if "No GPU was available" in message:
            return "No GPU became free within a minute; try again in a few minutes."
        return "Visitors without an account have used up this Space's GPU time; sign in to Hugging Face and try again."
    if title == "ZeroGPU illegal duration":
        return "This clip needs more GPU time in one go than your account may ask for; take a shorter clip or sign in."
    if title == "ZeroGPU pending credits exceeded":
        return "Another run of yours is still using your GPU time; wait until it has finished and try again."
    if title == "ZeroGPU queue timeout":
        return "No GPU became free within a minute; try again in a few minutes."
    if title == "ZeroGPU worker error":
        if "aborted" in message:
            return (
                "The GPU was taken away before the clip was finished, most likely because it took too long; try again or "
                "take a shorter clip."
            )
        return f"Something went wrong on the GPU ({message}); try again, and report it if it happens twice."
    if "token" in message:
        return "The page has been open for too long to use the GPU; reload it and try again."
    if "visitor" in message:
        return "The page was closed while waiting for a GPU; open it and start again."
    return "No GPU is available at the moment; try again in a few minutes."


def _span(days: int, hours: int, minutes: int, seconds: int) -> str:
    """The two largest units, in words."""
    parts = [(days, "day"), (hours, "hour"), (minutes, "minute"), (seconds, "second")]
    said = [f"{value} {name}{'s' if value != 1 else ''}" for value, name in parts if value]
    return " ".join(said[:2]) or "a moment"


if ZERO_GPU:
    place()
