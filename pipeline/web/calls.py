"""What the endpoints share: a value checked before the queue, a stage followed, a transcript or project opened."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import gradio as gr

from pipeline import project, transcript
from pipeline.errors import PipelineError, RecordError, UsageError
from pipeline.options import Options
from pipeline.progress import each
from pipeline.project import Project
from pipeline.records import Analysis, Progress, Stage
from pipeline.web import check, views
from pipeline.web.runs import POLL_S, Ticket
from pipeline.web.services import Services

N = TypeVar("N")
T = TypeVar("T")

Verdict = dict[str, Any]  #: what `gr.validate` returns


def number(value: float, label: str) -> gr.Number:
    """A number whose value is left to `check`: Gradio answers a wrong one with its own insides instead of a
    sentence.
    """
    number = gr.Number(value, label=label)
    number.preprocess = lambda payload: payload  # type: ignore[method-assign]
    return number


def turn(ticket: Ticket, nothing: N) -> Iterator[N]:
    """Wait until the runs that came before are through. A cancelled call ends here, too."""
    asked = time.monotonic()
    while ticket.ahead:
        time.sleep(POLL_S)
        if time.monotonic() - asked > views.TICK_S:
            asked = time.monotonic()
            yield nothing


def follow(stage: Stage[T], progress: gr.Progress, nothing: N) -> Generator[N, None, T]:
    """Runs the stage to its end; returns its result. Tells of every new stage, of its end, and else four times a
    second: each is a message to the caller, and a video has thousands of frames. A cancelled call ends at the next
    one.
    """
    shown, at = "", 0.0

    def told(step: Progress) -> N | None:
        nonlocal shown, at
        now = time.monotonic()
        if step.stage == shown and now - at < views.TICK_S and step.fraction < 1.0:
            return None
        shown, at = step.stage, now
        fraction = step.overall if step.overall is not None else step.fraction
        # The first step says what is known to be missing, before any model runs.
        said = step.message if step.stage == "probe" else ""
        progress(min(1.0, fraction), desc=said or views.STAGE_NAMES.get(step.stage, step.stage))
        return nothing

    return each(stage, told)


def opened(given: Any) -> Project:
    """The project that an endpoint was given as `transcript`: the content of a transcript.json or of a project.json.

    Raises RecordError.
    """
    if not isinstance(given, dict):
        raise RecordError(
            "The transcript must be the content of a transcript.json or project.json, an object; give that."
        )
    return project.from_object(given)


def closed(analysis: Analysis, given: dict[str, Any]) -> dict[str, Any]:
    """`analysis` as what `given` was: a transcript, or a project with its look and name."""
    if "speechglass" not in given:
        answer: dict[str, Any] = json.loads(transcript.to_json(analysis))
        return answer
    return project.to_object(replace(project.from_object(given), analysis=analysis))


def check_choices(target: Any, source: Any, speakers: Any) -> list[Verdict]:
    """Check the languages and the number of speakers."""
    return [verdict(check.target, target), verdict(check.source, source), verdict(check.speakers, speakers)]


def check_look(name: Any, position: Any, text_size: Any, texts: Any, calm: Any, reveal: Any) -> list[Verdict]:
    """Check the six together; the verdict stands at the first of them."""
    return [verdict(check.look, name, position, text_size, texts, calm, reveal), *[gr.validate(True, "")] * 5]


def check_service(key: Any, formality: Any, glossary: Any) -> list[Verdict]:
    """Check what the translation service is told."""
    return [verdict(check.keys, key), verdict(check.formality, formality), verdict(check.glossary, glossary)]


def check_clip(video: Any, others: Sequence[Verdict], services: Services) -> Verdict:
    """Check the upload. It is looked into, which takes a process, only where the `others` found nothing wrong."""
    whole = all(other["is_valid"] for other in others)
    return verdict(check.clip if whole else check.file, video, services)


def check_clip_or_address(video: Any, address: Any, others: list[Verdict], services: Services) -> list[Verdict]:
    """Return the verdicts on the upload, on the other values as they are given, and on the address."""
    if not str(address or "").strip():
        return [check_clip(video, others, services), *others, gr.validate(True, "")]
    return [verdict(_no_clip, video), *others, verdict(check.address, address, services.settings)]


def _no_clip(video: Any) -> None:
    if video:
        raise UsageError("There is both a clip and a web address; remove one of them.")


def verdict(look_at: Any, *args: Any) -> Verdict:
    """Return what `gr.validate` does, with the sentence of the error that `look_at(*args)` raises, if any."""
    try:
        look_at(*args)
    except PipelineError as error:
        return gr.validate(False, str(error))
    return gr.validate(True, "")


def options(
    target: str,
    source: str,
    speakers: int,
    key: str,
    formality: str,
    glossary: str,
    audio: int = 0,
    owner: str | None = None,
) -> Options:
    """The choices of a call. `owner` is the path of the upload, which nobody else knows; None without one.

    Raises UsageError.
    """
    return Options(
        target=check.target(target),
        source=check.source(source),
        speakers=check.speakers(speakers),
        keys=check.keys(key),
        formality=check.formality(formality),
        glossary=check.glossary(glossary),
        audio=check.audio_track(audio),
        owner=owner or secrets.token_hex(16),
    )
