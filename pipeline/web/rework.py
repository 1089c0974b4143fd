"""The endpoints that work on a transcript that is there: /edit, /retranslate, /preview and /import."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from pipeline import retranslate, transcript
from pipeline.errors import UsageError
from pipeline.progress import ANALYSE, Clock
from pipeline.records import Analysis, Look
from pipeline.web import api, calls, check, failures, jobs, player, views
from pipeline.web.editing import MOST_LINES, apply_edit
from pipeline.web.runs import Turnstile
from pipeline.web.services import Services

MOST_EDITS = 500  #: of one call
MOST_TOUCHED = 40 * MOST_LINES  #: lines that the edits of one call look at together; "replace" looks at all


def add_endpoints(services: Services, models: Turnstile, drawing: Turnstile) -> None:
    """/edit, /retranslate, /preview and /import are part of the page being built."""
    endpoint = Rework(services, models, drawing)
    with gr.Row(visible=False):
        trigger = gr.Button("rework")
        given = gr.JSON(label="transcript")
        edits = gr.JSON(label="edits")
        edited = gr.JSON(label="transcript")
        target = gr.Textbox("", label="target_language")
        lines = gr.Textbox("", label="lines")
        clip = gr.File(label="video", type="filepath")
        key = gr.Textbox("", label="deepl_key", type="password")
        formality = gr.Textbox("default", label="formality")
        glossary = gr.Textbox("", label="glossary")
        at = calls.number(-1, "at")
        look = [
            gr.Textbox("cyberpunk", label="look"),
            gr.Textbox("auto", label="position"),
            calls.number(1.0, "text_size"),
            gr.Textbox("morph", label="texts"),
            gr.Checkbox(False, label="reduced_motion"),
            gr.Textbox("live", label="reveal"),
        ]
        picture = gr.File(label="picture")
        choices = [gr.Textbox("none", label="target_language"), gr.Textbox("", label="source_language")]
        speakers = calls.number(0, "speakers")
        own = [gr.File(label="transcript_file", type="filepath"), gr.File(label="turns_file", type="filepath")]
        files = gr.File(label="files", file_count="multiple")

        trigger.click(
            endpoint.edit,
            [given, edits],
            edited,
            api_name="edit",
            validator=endpoint.check_edit,
            concurrency_limit=1,  # they compute in Python, which the page does too
            concurrency_id="edits",
            show_progress="hidden",
        )
        trigger.click(
            endpoint.retranslate,
            [given, target, lines, clip, key, formality, glossary],
            edited,
            api_name="retranslate",
            validator=endpoint.check_retranslate,
            concurrency_id="models",  # with the limit of /transcribe
            show_progress="hidden",
        )
        trigger.click(
            endpoint.bring,
            [clip, *own, *choices, speakers, key, formality, glossary],
            [files, edited],
            api_name="import",
            validator=endpoint.check_bring,
            concurrency_id="models",
            show_progress="hidden",
        )
        trigger.click(
            endpoint.preview,
            [clip, given, at, *look],
            picture,
            api_name="preview",
            validator=endpoint.check_preview,
            concurrency_limit=2,
            concurrency_id="drawing",
            show_progress="hidden",
        )


class Rework:
    """The functions behind the names. Their docstrings are what a script's author or an agent reads."""

    def __init__(self, services: Services, models: Turnstile, drawing: Turnstile) -> None:
        self.services, self.models, self.drawing = services, models, drawing

    def edit(self, transcript: dict[str, Any], edits: list[dict[str, Any]]) -> Iterator[dict[str, Any] | None]:
        """Makes the corrections of the page in a transcript, one after the other. No model runs.

        Args:
            transcript: The content of transcript.json or project.json.
            edits: Corrections, each an object with "kind" and what it needs: rename, recolour, merge (person, value);
            face, noface, separate (person, face); source, translation (phrase, value); start, end (phrase, value in
            seconds); give (phrase or lines, value: a person's id, "new" or ""); split (phrase, at); join, add, remove
            (phrase); replace (find, value, translated, case). At most 500, which name at most 20,000 lines
            together; "replace" counts as all lines.

        Returns:
            The corrected transcript, or project, as JSON.

        """
        with failures.for_the_visitor():
            edited = yield from _edited(transcript, edits)
            yield calls.closed(edited, transcript)

    def retranslate(
        self,
        transcript: dict[str, Any],
        target_language: str = "",
        lines: str = "",
        video: str | None = None,
        deepl_key: str = "",
        formality: str = "default",
        glossary: str = "",
        progress: gr.Progress = gr.Progress(),  # noqa: B008  Gradio finds it by its default
    ) -> Iterator[dict[str, Any] | None]:
        """Translates lines of a transcript again from their originals as they stand: corrected lines, or everything
        into another language. Words, speakers and faces are not looked for again.

        Args:
            transcript: The content of transcript.json or project.json.
            target_language: Language to translate into, a DeepL code or English name; empty for that of the transcript,
            none to take the translations away.
            lines: Numbers of the lines to translate ("3" or "3, 7"), with the rest as context; empty for all.
            video: The clip; needed without a DeepL key where the key-free translation listens to it.
            deepl_key: Your own DeepL key, used for this call only and never stored; empty for the key-free translation.
            formality: default, more or less formal, where DeepL has it.
            glossary: A DeepL glossary id or lines "term = translation"; only DeepL uses it.

        Returns:
            The transcript, or project, with new translations as JSON.

        """
        with failures.for_the_visitor([deepl_key]), jobs.job_folder() as folder, self.models.turn() as turn:
            analysis = calls.opened(transcript).analysis
            wanted = target_language if target_language.strip() else analysis.target_language
            options = calls.options(wanted, "", 0, deepl_key, formality, glossary, owner=video)
            clip = jobs.adopt(Path(video), folder) if video else None
            yield from calls.turn(turn, None)
            stage = self.services.retranslate(clip, analysis, options, numbers(lines), Clock(retranslate.STAGES))
            renewed = yield from calls.follow(stage, progress, None)
            yield calls.closed(renewed, transcript)

    def preview(
        self,
        video: str,
        transcript: dict[str, Any],
        at: float = -1,
        look: str = "cyberpunk",
        position: str = "auto",
        text_size: float = 1.0,
        texts: str = "morph",
        reduced_motion: bool = False,
        reveal: str = "live",
    ) -> Iterator[str | None]:
        """Draws one picture of a video with its transcript, to see a look in a second. No model runs.

        Args:
            video: The clip the transcript is of.
            transcript: The content of transcript.json or project.json.
            at: Seconds into the clip; -1 for an instant at which somebody in view speaks.
            look: cyberpunk (over the head), kiroshi (the same with restraint), bars (above and below the picture),
            classic (subtitles) or word-pop (word by word, for vertical clips).
            position: auto (follow the speaker) or bottom.
            text_size: Factor on the look's own text size, 0.5 to 2.
            texts: morph (original turns into translation), both, original or translation.
            reduced_motion: True for no flicker and no typing.
            reveal: live (a line turns into the translation while it is spoken), spoken (it is typed as it is said and
            turns then) or none (the translation at once).

        Returns:
            The picture (JPEG).

        """
        from PIL import Image

        with failures.for_the_visitor(), jobs.job_folder() as folder, self.drawing.turn() as turn:
            chosen = check.look(look, position, text_size, texts, reduced_motion, reveal)
            analysis = calls.opened(transcript).analysis
            clip = jobs.adopt(Path(video), folder)
            yield from calls.turn(turn, None)
            t = instant(at)
            frame = self.services.preview(clip, analysis, chosen, player.telling_time(analysis) if t is None else t)
            file = folder / "preview.jpg"
            Image.fromarray(frame).save(file, quality=90)
            yield str(file)

    def bring(
        self,
        video: str,
        transcript_file: str | None = None,
        turns_file: str | None = None,
        target_language: str = "none",
        source_language: str = "",
        speakers: int = 0,
        deepl_key: str = "",
        formality: str = "default",
        glossary: str = "",
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> Iterator[tuple[list[str] | None, dict[str, Any] | None]]:
        """Takes a transcript of your own for a video: its text is timed by the sound, to the word, and the speakers and
        faces are found for it; with translation if asked for. Draws nothing.

        Args:
            video: The clip, a file in any common format, within the limits that /health names.
            transcript_file: SRT, VTT, ASS, a transcript.json or project.json, or Whisper's JSON; without one the words
            are heard.
            turns_file: An RTTM that says who speaks when; without one the voices are told apart.
            target_language: Language to translate into, a DeepL code or English name; none for the original only.
            source_language: Spoken language, a code or English name; empty for that of the file, or to find out by
            listening.
            speakers: How many people speak; 0 for as many as the files name, or to find out.
            deepl_key: Your own DeepL key, used for this call only and never stored; empty for the key-free translation.
            formality: default, more or less formal, where DeepL has it.
            glossary: A DeepL glossary id or lines "term = translation"; only DeepL uses it.

        Returns:
            The files (SRT, VTT, ASS, transcript.json, project.json, faces.zip) and the transcript as JSON, which
            /render takes.
        """
        with failures.for_the_visitor([deepl_key]), jobs.job_folder() as folder, contextlib.ExitStack() as held:
            options = calls.options(
                target_language, source_language, speakers, deepl_key, formality, glossary, owner=video
            )
            # Not before the queue: reading takes a process, and on a busy machine longer than the five seconds that
            # gradio_client waits for its place.
            options = replace(options, given=check.brought(transcript_file, turns_file))
            check.of_the_clip(options.given, check.clip(video, self.services))
            clip = jobs.adopt(Path(video), folder)
            yield from calls.turn(held.enter_context(self.models.turn()), (None, None))
            stage = self.services.analyse(clip, options, Clock(ANALYSE))
            analysis = yield from calls.follow(stage, progress, (None, None))
            files = api.written(self.services, folder, analysis, Look())
            yield files, json.loads(transcript.to_json(analysis))

    bring.__name__ = "import"  # what agents see, too; Python keeps the word for itself

    # before the queue

    def check_edit(self, transcript: Any, edits: Any) -> list[calls.Verdict]:
        """Return one verdict for each input."""
        return [calls.verdict(calls.opened, transcript), calls.verdict(_edits, edits)]

    def check_retranslate(
        self, transcript: Any, target: Any, lines: Any, video: Any, *service: Any
    ) -> list[calls.Verdict]:
        """Return one verdict for each input."""
        others = [
            calls.verdict(calls.opened, transcript),
            calls.verdict(check.target, target),
            calls.verdict(numbers, lines),
            *calls.check_service(*service),
        ]
        clip = calls.check_clip(video, others, self.services) if video else gr.validate(True, "")
        return [*others[:3], clip, *others[3:]]

    def check_bring(self, video: Any, _transcript: Any, _turns: Any, *values: Any) -> list[calls.Verdict]:
        """Return one verdict for each input."""
        files = [gr.validate(True, "")] * 2
        others = [*files, *calls.check_choices(*values[:3]), *calls.check_service(*values[3:])]
        return [calls.check_clip(video, others, self.services), *others]

    def check_preview(self, video: Any, transcript: Any, at: Any, *look: Any) -> list[calls.Verdict]:
        """Return one verdict for each input."""
        others = [calls.verdict(calls.opened, transcript), calls.verdict(instant, at), *calls.check_look(*look)]
        return [calls.check_clip(video, others, self.services), *others]


def numbers(text: Any) -> list[int] | None:
    """The numbers of lines in "3, 7"; None, for all lines, where there are none.

    Raises UsageError for anything else.
    """
    parts = str(text or "").replace(",", " ").split()
    if len(parts) > MOST_LINES or not all(part.isdecimal() and len(part) < 9 for part in parts):
        raise UsageError(f"The lines are numbers such as 3, 7, at most {MOST_LINES}; leave them empty for all.")
    return [int(part) for part in parts] or None


def instant(at: Any) -> float | None:
    """The second of the clip to show, None for one that is chosen.

    Raises UsageError for what is no number.
    """
    try:
        t = float(at)
    except (TypeError, ValueError):
        t = float("nan")
    if not -1e6 < t < 1e6:
        raise UsageError("The time is a number of seconds into the clip, or -1 for one that is chosen.")
    return None if t < 0 else t


def _edits(given: Any) -> list[dict[str, Any]]:
    if not isinstance(given, list) or len(given) > MOST_EDITS or not all(isinstance(item, dict) for item in given):
        raise UsageError(f'The edits are a list of at most {MOST_EDITS} objects with a "kind"; give such a list.')
    return given


def _check_cost(edits: list[dict[str, Any]], lines: int) -> None:
    """Raise UsageError if the edits look at too many lines; `lines` is how many the transcript has.

    Without a limit, 500 times "replace" in the longest transcript took a minute.
    """
    named = sum(len(item["lines"]) for item in edits if isinstance(item.get("lines"), list))
    touched = named + lines * sum(item.get("kind") == "replace" for item in edits)
    if touched > MOST_TOUCHED:
        raise UsageError(f"The edits look at {touched} lines; send fewer in one call: at most {MOST_TOUCHED} lines.")


def _edited(transcript: dict[str, Any], edits: Any) -> Generator[None, None, Analysis]:
    """Make the edits. A cancelled call ends at the next one that comes after a while."""
    analysis, told = calls.opened(transcript).analysis, time.monotonic()
    changes = _edits(edits)
    _check_cost(changes, len(analysis.phrases))
    for number, change in enumerate(changes, 1):
        if time.monotonic() - told > views.TICK_S:
            told = time.monotonic()
            yield
        try:
            analysis = apply_edit(analysis, change)
        except UsageError as error:
            raise UsageError(f"Edit {number}: {error}") from None
    return analysis
