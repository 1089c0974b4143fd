"""The full set on a GPU, and the only module that knows ZeroGPU exists.

On ZeroGPU a function decorated with `spaces.GPU` runs in a forked process that owns the GPU for the time asked for;
arguments and results cross by pickle. Every extra decorated function would cost another fork, another CUDA context,
another copy of all weights and another look at the visitor's quota, so there is one, and a clip is one call of it
(`perceive_on_gpu`). Paths and small records go in, `Progress` and small records come out; frames, tensors and open
files never cross.

Importing this module on ZeroGPU places all weights: it has to happen on the main thread and before the page is
launched, which is when `spaces` packs what it finds on "cuda" and hands it to every worker. Elsewhere weights are
loaded when first used. Without `spaces`' environment the decorator returns the function as it is, so a machine with a
GPU of its own runs the same code.

Order matters in the first lines: NeMo would initialise CUDA through numba, and `spaces` has to be there before torch.
"""

from __future__ import annotations

import os

os.environ.setdefault("NUMBA_DISABLE_CUDA", "1")
os.environ.setdefault("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True")
os.environ.setdefault("DISABLE_SAFETENSORS_CONVERSION", "1")  # else transformers fetches another file in a thread
if not os.environ.get("OMP_NUM_THREADS", "1").isdigit():  # seen on Spaces; OpenMP refuses it
    del os.environ["OMP_NUM_THREADS"]

import spaces  # isort: skip
import torch  # isort: skip

import dataclasses
import logging
import math
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import cv2

from pipeline import open_translation
from pipeline.errors import GpuError, ModelError, PipelineError
from pipeline.faces import find_faces, retinaface_torch
from pipeline.faces.facenet import Facenet512
from pipeline.models import hub, sets
from pipeline.perceive import perceive
from pipeline.progress import each, finish
from pipeline.records import (
    Clip,
    Diarization,
    Faces,
    Findings,
    Job,
    KeyFree,
    Notice,
    Perception,
    Phrase,
    Preview,
    Progress,
    Stage,
    Transcript,
)
from pipeline.settings import Settings
from pipeline.speech import nemo, whisper_full
from pipeline.stages import Models, Perceiving

T = TypeVar("T")
log = logging.getLogger(__name__)

#: On ZeroGPU True in the main process too, where no GPU is yet: `spaces` answers for it.
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
LMT = "LMT-60 1.7B"
DTYPE = "float16" if DEVICE == "cuda" else "float32"
ZERO_GPU = Settings.from_environment().zero_gpu

# Once, here in the parent and before anything is drawn: drawing 1080p starts OpenCV's pool of threads, of which a fork
# has only the locks, and then the first call in the worker that sets their number waits for ever (opencv/opencv#5150).
cv2.setNumThreads(1)


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
    source = hub.source("lmt-60")
    dtype = "bfloat16" if DEVICE == "cuda" else "float32"  # its own precision
    return _once("lmt-60", lambda: open_translation.load(source.repository, revision=source.revision, dtype=dtype))


def _fetch_speaking() -> Stage[None]:
    """Fetch the weights of LR-ASD, unless they are here or their host is down. In the worker it would be paid for."""
    yield from sets.optional_weights("lr-asd", Settings.from_environment())


def place() -> None:
    """Put all weights of the full set on the device, each once, and those of LR-ASD into the cache.

    A visitor would pay for what a stage has to fetch in GPU time.

    Raises ModelError, OSError or ValueError where weights cannot be had; not for LR-ASD, in whose place lips are read.
    """
    finish(_fetch_speaking())
    _whisper("whisper-turbo")
    _diarizer()
    _detector()
    _embedder()
    _translator()


# --- how long to ask for ----------------------------------------------------------------------------------------------
#
# seconds asked = BASE + seconds of clip x what takes longest of the stages side by side + the key-free translation
#
# BASE: the fork and the CUDA context (4 s), and 2.4 GB of weights from disk onto the card. The factors: docs/models.md.
# Words and voices share the card, one after the other in effect; the faces are processor work for the greater part
# (decoding, shots, crops) and run beside them, and so does the way of the translator to the card. Asked is what the
# quota is checked against (times 1.5 on the present cards), used is what is paid: too little kills the run, too much
# shuts visitors out.

BASE = 10.0
FACTOR = {"speech": 0.15, "voices": 0.08, "faces": 0.32}  #: s for each second of clip
TRANSLATION_S, TRANSLATION = 3.0, 0.05  #: s to bring 4 GB from main memory to the card, and s for each second of clip


def seconds_asked(duration: float, *work: str) -> int:
    """Return the seconds of GPU to ask for: `work` of FACTOR, and "translate", on `duration` s of clip."""
    on_card = sum(FACTOR[name] for name in ("speech", "voices") if name in work)
    beside = FACTOR["faces"] if "faces" in work else 0.0
    copying, translating = (TRANSLATION_S, TRANSLATION * duration) if "translate" in work else (0.0, 0.0)
    return math.ceil(BASE + max(on_card * duration, beside * duration, copying) + translating)


# `spaces` calls it with exactly what the function is called with.
def _perceive_seconds(job: Job) -> int:
    work = {
        "speech": job.known.transcript is None and not job.again,
        "voices": job.known.diarization is None and not job.again,
        "faces": job.known.faces is None and job.clip.has_video and not job.again,
        "translate": bool(job.fallback_target),
    }
    return seconds_asked(job.clip.duration, *(name for name, wanted in work.items() if wanted))


# --- crossing the process ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Done:
    """What a generator returned: that does not cross from the worker, so it is the last thing yielded."""

    value: Perception


@dataclass(frozen=True, slots=True)
class Failed:
    """What a generator raised: of an exception that crosses, `spaces` would keep the name of its class alone."""

    error: PipelineError


Crossing = Iterator[Progress | Findings | Done | Failed]


def _across(perceiving: Perceiving) -> Crossing:
    """Yield, in the worker, every step and then how it ended."""
    try:
        yield Done((yield from perceiving))
    except PipelineError as error:
        yield Failed(error)
    except torch.OutOfMemoryError:
        yield Failed(GpuError("The GPU has too little memory for this clip; try a shorter one."))
    finally:
        perceiving.close()


def _received(crossing: Crossing) -> Perceiving:
    """Rebuild the generator, outside the worker, from what crossed.

    Raises what it raised, or GpuError with a sentence for what `spaces` raised.
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


# --- the stages, and the GPU function that runs them ------------------------------------------------------------------


def _transcribe(sound: Path, language: str | None) -> Stage[Transcript]:
    return (yield from whisper_full.transcribe(sound, language, speech=_whisper("whisper-turbo")))


def _diarize(sound: Path, speakers: int | None) -> Stage[Diarization]:
    return (yield from nemo.diarize(sound, speakers, diarizer=_diarizer()))


def _find_faces(clip: Clip, sound: Path | None) -> Stage[Faces]:
    # On a Space `place` and `_fetch_speaking` have tried to fetch it.
    speaks = yield from sets.speaking_detector(sound, Settings.from_environment(), DEVICE, may_fetch=not ZERO_GPU)
    return (yield from find_faces(clip, _detector(), _embedder(), speaks))


def _translate(sound: Path, phrases: tuple[Phrase, ...], language: str, target: str) -> Stage[KeyFree]:
    yield Progress("translate", 0.0, "Loading the translator")
    _mover.submit(_copy_translator).result()  # at once where `perceive_on_gpu` has done it already
    translator = _translator()
    texts = yield from open_translation.translate_text(phrases, language, target, translator=translator)
    return KeyFree(texts, LMT)


#: One copy at a time. Its thread starts with the first, so not before the fork.
_mover = ThreadPoolExecutor(1, "translator")


def _copy_translator() -> None:
    """Copy the translator to the card, unless it is there: most clips need no key-free translation.

    It takes a stream of its own, so that neither the copy nor what is computed meanwhile waits for the other.
    """
    model = _translator().model
    if DEVICE != "cuda" or not torch.backends.cuda.is_built():  # type: ignore[no-untyped-call]
        model.to(DEVICE)
        return
    with torch.cuda.stream(torch.cuda.Stream()):  # type: ignore[no-untyped-call]
        model.to(DEVICE)
        torch.cuda.current_stream().synchronize()


@spaces.GPU(duration=_perceive_seconds)
def perceive_on_gpu(job: Job) -> Crossing:
    """Do all model work of one clip in one process; the last that is yielded is Done or Failed."""
    if job.fallback_target and "lmt-60" in _placed:  # in main memory: it would have to be loaded elsewhere
        _mover.submit(_copy_translator)
    yield from _across(perceive(full_models(), job))


# --- what the rest of the package sees --------------------------------------------------------------------------------


def full_models() -> Models:
    """Return the callables of the full set. On ZeroGPU the weights are placed already, elsewhere each call loads what
    it needs.

    Only `perceive` may be called in the main process of a Space: the stages run where the GPU is.
    """
    return Models(
        names={
            "speech": "Whisper large-v3-turbo",
            "diarization": "Sortformer streaming 4spk v2.1; above four voices MarbleNet, TitaNet, clustering",
            "faces": "RetinaFace ResNet50",
            "identity": Facenet512.name,
            "speaking": "LR-ASD",
            "translation": LMT,
        },
        transcribe=_transcribe,
        diarize=_diarize,
        find_faces=_find_faces,
        translate_speech=_translate,
        translates_to=open_translation.translates_to,
        reads=True,
        perceive=perceive_by_gpu,
        prepare=lambda target: _fetch_speaking(),
    )


def perceive_by_gpu(models: Models, job: Job) -> Perceiving:
    """Run `perceive.perceive` in one GPU call; without any where everything is known.

    What the GPU had found when it was taken away is kept: with the words there is a result, with a notice for what is
    missing. Raises GpuError where there are no words, and what the models raise.
    """
    known = job.known
    seen = (known.transcript, known.diarization, known.faces if job.clip.has_video else Faces((), ()))
    if None not in seen and not job.fallback_target:
        return (yield from perceive(models, job))
    found = known

    def noted(step: Progress | Findings) -> Progress | Findings | None:
        nonlocal found
        if isinstance(step, Findings):
            found = step
        return step

    try:
        steps: Perceiving = each(_received(perceive_on_gpu(job)), noted)
        return (yield from steps)
    except (GpuError, ModelError) as error:
        if found.transcript is None:
            raise
        return (yield from _finished(models, job, found, error))


def _finished(models: Models, job: Job, found: Findings, error: PipelineError) -> Perceiving:
    """Return the result without what the GPU did not get to: nobody told apart, nobody seen, nothing translated."""
    missing = [
        name
        for name, value in (("speakers", found.diarization), ("faces", found.faces if job.clip.has_video else ()))
        if value is None
    ]
    what = " and ".join(missing) or "translation"
    verb = "are" if missing else "is"
    notice = Notice("gpu", f"{error} The transcript is kept; {what} {verb} missing.")
    stand_in = Findings(diarization=Diarization((), ()), faces=Faces((), ()))
    # Its steps are not passed on: an empty stand-in must not be kept as if it had been found.
    result = finish(perceive(models, dataclasses.replace(job, fallback_target="", known=found.also(stand_in))))
    yield Progress("people", 1.0, preview=Preview(attribution=result.attribution))
    attribution = dataclasses.replace(result.attribution, notices=(*result.attribution.notices, notice))
    return dataclasses.replace(result, attribution=attribution)


# --- sentences --------------------------------------------------------------------------------------------------------


def explain(title: str, message: str) -> str:
    """Return a sentence for a visitor about an error of `spaces` 0.51.3, with the wait where there is one."""
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
                "The GPU was taken away before the clip was finished, most likely because it took too long; try again "
                "or take a shorter clip."
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
