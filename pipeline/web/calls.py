"""What the endpoints share: a value checked before the queue, a stage followed, a transcript or project opened."""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import Any, TypeVar

import gradio as gr

from pipeline import project, transcript
from pipeline.errors import PipelineError, RecordError
from pipeline.options import Options
from pipeline.progress import each
from pipeline.project import Project
from pipeline.records import Analysis, Progress, Stage
from pipeline.web import check, views
from pipeline.web.runs import POLL_S, Ticket

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


def turn(ticket: Ticket, nothing: tuple[None, ...]) -> Iterator[Any]:
    """Wait until the runs of the page that came before are through. A cancelled call ends here, too."""
    while ticket.ahead:
        time.sleep(POLL_S)
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
        progress(min(1.0, fraction), desc=views.STAGE_NAMES.get(step.stage, step.stage))
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


def verdict(look_at: Any, *args: Any) -> Verdict:
    """Return what `gr.validate` does, with the sentence of the error that `look_at(*args)` raises, if any."""
    try:
        look_at(*args)
    except PipelineError as error:
        return gr.validate(False, str(error))
    return gr.validate(True, "")


def options(
    target: str, source: str, speakers: int, key: str, formality: str, glossary: str, audio: int = 0
) -> Options:
    """The choices of a call.

    Raises UsageError.
    """
    return Options(
        check.target(target),
        check.source(source),
        check.speakers(speakers),
        check.keys(key),
        check.formality(formality),
        check.glossary(glossary),
        check.audio_track(audio),
    )
