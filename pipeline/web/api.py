"""The named endpoints, for `gradio_client`, plain HTTP and agents (MCP). Plain values in, paths and JSON out.

Names, parameters and results are a public interface: they stay.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from pipeline import languages, transcript
from pipeline.progress import ANALYSE, RENDER, Clock
from pipeline.records import Analysis, Look
from pipeline.web import calls, check, failures, jobs
from pipeline.web.runs import Turnstile
from pipeline.web.services import Services

FILES = ("subtitles.srt", "subtitles.vtt", "subtitles.ass", "transcript.json", "project.json", "faces.zip")


def add_endpoints(services: Services, models: Turnstile, drawing: Turnstile, fetching: Turnstile) -> None:
    """/translate_video, /transcribe, /render, /languages and /health are part of the page being built."""
    heavy: dict[str, Any] = {
        "concurrency_limit": services.parallel + fetching.places,  # `models` counts those that run models
        "concurrency_id": "models",
        "show_progress": "hidden",
    }
    endpoint = Endpoints(services, models, drawing, fetching)
    with gr.Row(visible=False):
        trigger = gr.Button("api")
        video = gr.File(label="video", type="filepath")
        target = gr.Textbox("EN-US", label="target_language")
        optional_target = gr.Textbox("none", label="target_language")
        source = gr.Textbox("", label="source_language")
        speakers = calls.number(0, "speakers")
        look = gr.Textbox("cyberpunk", label="look")
        position = gr.Textbox("auto", label="position")
        text_size = calls.number(1.0, "text_size")
        texts = gr.Textbox("morph", label="texts")
        calm = gr.Checkbox(False, label="reduced_motion")
        reveal = gr.Textbox("live", label="reveal")
        key = gr.Textbox("", label="deepl_key", type="password")
        formality = gr.Textbox("default", label="formality")
        glossary = gr.Textbox("", label="glossary")
        audio = gr.Number(0, precision=0, label="audio_track")
        address = gr.Textbox("", label="address")
        given = gr.JSON(label="transcript")
        drawn = gr.File(label="video")
        files = gr.File(label="files", file_count="multiple")
        record = gr.JSON(label="transcript")
        answer = gr.JSON(label="answer")

        choices = [target, source, speakers]
        looks = [look, position, text_size, texts, calm, reveal]
        trigger.click(
            endpoint.translate_video,
            [video, *choices, *looks, key, formality, glossary, audio, address],
            [drawn, files, record],
            api_name="translate_video",
            validator=endpoint.check_translate_video,
            **heavy,
        )
        trigger.click(
            endpoint.transcribe,
            [video, optional_target, source, speakers, key, formality, glossary, audio, address],
            [files, record],
            api_name="transcribe",
            validator=endpoint.check_transcribe,
            **heavy,
        )
        trigger.click(
            endpoint.render,
            [video, given, *looks],
            [drawn, files],
            api_name="render",
            validator=endpoint.check_render,
            concurrency_limit=2,
            concurrency_id="drawing",
            show_progress="hidden",
        )
        trigger.click(endpoint.languages, None, answer, api_name="languages", show_progress="hidden", queue=False)
        trigger.click(endpoint.health, None, answer, api_name="health", show_progress="hidden", queue=False)


class Endpoints:
    """The functions behind the names. Their docstrings are what a script's author or an agent reads."""

    def __init__(self, services: Services, models: Turnstile, drawing: Turnstile, fetching: Turnstile) -> None:
        self.services, self.models, self.drawing, self.fetching = services, models, drawing, fetching

    def translate_video(
        self,
        video: str | None = None,
        target_language: str = "EN-US",
        source_language: str = "",
        speakers: int = 0,
        look: str = "cyberpunk",
        position: str = "auto",
        text_size: float = 1.0,
        texts: str = "morph",
        reduced_motion: bool = False,
        reveal: str = "live",
        deepl_key: str = "",
        formality: str = "default",
        glossary: str = "",
        audio_track: int = 0,
        address: str = "",
        progress: gr.Progress = gr.Progress(),  # noqa: B008  Gradio finds it by its default
    ) -> Iterator[tuple[str | None, list[str] | None, dict[str, Any] | None]]:
        """Translates what people say in a short video and draws it into the picture: the words appear over the speaker
        in the original language and turn into the target language. Also says who speaks when, with a face for every
        voice that is seen. Takes about as long as the clip.

        Args:
            video: The clip, a file in any common format, within the limits that /health names; or none, and an
            address.
            target_language: Language to translate into, a DeepL code or English name such as PL, Polish, EN-US; none
            for a transcript only. Languages that need a DeepL key say so in /languages; without one the texts stay in
            the original language.
            source_language: Spoken language, a code or English name; empty to find out by listening.
            speakers: How many people speak; 0 to find out.
            look: cyberpunk (over the head), kiroshi (the same with restraint), bars (above and below the picture),
            classic (subtitles) or word-pop (word by word, for vertical clips).
            position: auto (follow the speaker) or bottom.
            text_size: Factor on the look's own text size, 0.5 to 2.
            texts: morph (original turns into translation), both, original or translation.
            reduced_motion: True for no flicker and no typing.
            reveal: live (a line turns into the translation while it is spoken), spoken (it is typed as it is said and
            turns then) or none (the translation at once).
            deepl_key: Your own DeepL key, used for this call only and never stored; empty for the key-free translation.
            formality: default, more or less formal, where DeepL has it.
            glossary: A DeepL glossary id or lines "term = translation", which need the source language; only DeepL uses
            it.
            audio_track: Number of the sound track to hear, from 1; 0 for the one in which somebody speaks.
            address: Web address of the clip, instead of a video: of a media file, or a page of a video site.

        Returns:
            The video (MP4), the files (SRT, VTT, ASS, transcript.json, project.json, faces.zip) and the transcript as
            JSON.

        """
        with failures.for_the_visitor([deepl_key]), jobs.job_folder() as folder, contextlib.ExitStack() as held:
            options = calls.options(
                target_language, source_language, speakers, deepl_key, formality, glossary, audio_track, video
            )
            chosen = check.look(look, position, text_size, texts, reduced_motion, reveal)
            clock = Clock(ANALYSE + RENDER)
            clip = yield from self._clip(video, address, folder, progress, (None, None, None))
            yield from calls.turn(held.enter_context(self.models.turn()), (None, None, None))
            analysis = yield from calls.follow(
                self.services.analyse(clip, options, clock), progress, (None, None, None)
            )
            analysis = yield from self._draw(clip, analysis, chosen, folder, clock, progress, (None, None, None))
            yield (
                _video(folder),
                written(self.services, folder, analysis, chosen),
                json.loads(transcript.to_json(analysis)),
            )

    def transcribe(
        self,
        video: str | None = None,
        target_language: str = "none",
        source_language: str = "",
        speakers: int = 0,
        deepl_key: str = "",
        formality: str = "default",
        glossary: str = "",
        audio_track: int = 0,
        address: str = "",
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> Iterator[tuple[list[str] | None, dict[str, Any] | None]]:
        """Writes down who says what in a video, and when, to the word; with translation if asked for. Draws nothing.

        Args:
            video: The clip, a file in any common format, within the limits that /health names; or none, and an
            address.
            target_language: Language to translate into, a DeepL code or English name; none for the original only.
            source_language: Spoken language, a code or English name; empty to find out by listening.
            speakers: How many people speak; 0 to find out.
            deepl_key: Your own DeepL key, used for this call only and never stored; empty for the key-free translation.
            formality: default, more or less formal, where DeepL has it.
            glossary: A DeepL glossary id or lines "term = translation", which need the source language; only DeepL uses
            it.
            audio_track: Number of the sound track to hear, from 1; 0 for the one in which somebody speaks.
            address: Web address of the clip, instead of a video: of a media file, or a page of a video site.

        Returns:
            The files (SRT, VTT, ASS, transcript.json, project.json, faces.zip) and the transcript as JSON, which
            /render takes.

        """
        with failures.for_the_visitor([deepl_key]), jobs.job_folder() as folder, contextlib.ExitStack() as held:
            options = calls.options(
                target_language, source_language, speakers, deepl_key, formality, glossary, audio_track, video
            )
            clip = yield from self._clip(video, address, folder, progress, (None, None))
            yield from calls.turn(held.enter_context(self.models.turn()), (None, None))
            analysis = yield from calls.follow(
                self.services.analyse(clip, options, Clock(ANALYSE)), progress, (None, None)
            )
            yield written(self.services, folder, analysis, Look()), json.loads(transcript.to_json(analysis))

    def render(
        self,
        video: str,
        transcript: dict[str, Any],
        look: str = "cyberpunk",
        position: str = "auto",
        text_size: float = 1.0,
        texts: str = "morph",
        reduced_motion: bool = False,
        reveal: str = "live",
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> Iterator[tuple[str | None, list[str] | None]]:
        """Draws a transcript, as /transcribe or /translate_video returned it and edited as you like, into its video.
        No model runs: names, colours, texts and speakers are taken as they are.

        Args:
            video: The clip the transcript is of.
            transcript: The content of transcript.json.
            look: cyberpunk (over the head), kiroshi (the same with restraint), bars (above and below the picture),
            classic (subtitles) or word-pop (word by word, for vertical clips).
            position: auto (follow the speaker) or bottom.
            text_size: Factor on the look's own text size, 0.5 to 2.
            texts: morph (original turns into translation), both, original or translation.
            reduced_motion: True for no flicker and no typing.
            reveal: live (a line turns into the translation while it is spoken), spoken (it is typed as it is said and
            turns then) or none (the translation at once).

        Returns:
            The video (MP4) and the files (SRT, VTT, ASS, transcript.json, project.json).

        """
        with failures.for_the_visitor(), jobs.job_folder() as folder, self.drawing.turn() as turn:
            chosen = check.look(look, position, text_size, texts, reduced_motion, reveal)
            analysis = calls.opened(transcript).analysis
            clip = jobs.adopt(Path(video), folder)
            yield from calls.turn(turn, (None, None))
            analysis = yield from self._draw(clip, analysis, chosen, folder, Clock(RENDER), progress, (None, None))
            yield _video(folder), written(self.services, folder, analysis, chosen)

    def languages(self) -> dict[str, Any]:
        """Lists the languages: which can be translated into, whether one needs a DeepL key here, and which can be
        heard.

        Returns:
            {"targets": [{"code", "name", "own_name", "needs_key"}], "sources": [{"code", "name", "own_name"}]}

        """
        return {
            "targets": [
                {
                    "code": item.code,
                    "name": item.name,
                    "own_name": item.own_name,
                    "needs_key": not self.services.works_now(item.code),
                }
                for item in self.services.targets()
            ],
            "sources": [
                {"code": item.code, "name": item.name, "own_name": item.own_name} for item in languages.SOURCES
            ],
        }

    def health(self) -> dict[str, Any]:
        """Says that the service runs, what it runs with and what its limits are.

        Returns:
            {"status": "ok", "models": {job: name}, "limits": {...}, "key": whether all languages work without your own}

        """
        settings = self.services.settings
        return {
            "status": "ok",
            "models": {**self.services.models, **self.services.instead()},
            "limits": {
                "duration_s": settings.max_duration_s,
                "file_bytes": settings.max_file_bytes,
                "pixels": settings.max_pixels,
            },
            "key": bool(settings.deepl_keys),
        }

    # before the queue

    def check_translate_video(self, video: Any, *values: Any) -> list[calls.Verdict]:
        """Return one verdict for each input."""
        return self._check_run(video, values[:3], calls.check_look(*values[3:9]), values[9:])

    def check_transcribe(self, video: Any, *values: Any) -> list[calls.Verdict]:
        """Return one verdict for each input."""
        return self._check_run(video, values[:3], [], values[3:])

    def _check_run(
        self, video: Any, choices: tuple[Any, ...], look: list[calls.Verdict], rest: tuple[Any, ...]
    ) -> list[calls.Verdict]:
        key, formality, glossary, audio, address = rest
        others = [
            *calls.check_choices(*choices),
            *look,
            *calls.check_service(key, formality, glossary),
            calls.verdict(check.audio_track, audio),
        ]
        return calls.check_clip_or_address(video, address, others, self.services)

    def check_render(self, video: Any, transcript: Any, *look: Any) -> list[calls.Verdict]:
        """Return one verdict for each input."""
        others = [calls.verdict(calls.opened, transcript), *calls.check_look(*look)]
        return [calls.check_clip(video, others, self.services), *others]

    # work

    def _clip(
        self, video: str | None, address: str, folder: Path, progress: gr.Progress, nothing: tuple[None, ...]
    ) -> Generator[Any, None, Path]:
        """Return the clip in `folder`: the upload, or what is at the address, which is fetched beside the models."""
        if video:
            return jobs.adopt(Path(video), folder)
        url = check.address(address, self.services.settings)
        with self.fetching.turn() as turn:
            yield from calls.turn(turn, nothing)
            return (yield from calls.follow(self.services.fetch(url, folder), progress, nothing))

    def _draw(
        self,
        clip: Path,
        analysis: Analysis,
        look: Look,
        folder: Path,
        clock: Clock,
        progress: gr.Progress,
        nothing: tuple[None, ...],
    ) -> Generator[Any, None, Analysis]:
        """The video is in `folder`; returns the analysis with what drawing it had to say."""
        if not analysis.media.width:
            return analysis
        stage = self.services.render(clip, analysis, look, folder / "video.mp4", clock)
        return jobs.noted(analysis, (yield from calls.follow(stage, progress, nothing)))


def written(services: Services, folder: Path, analysis: Analysis, look: Look) -> list[str]:
    """Write the files of an answer into `folder`; returns their paths."""
    services.write_records(folder, analysis, look)
    jobs.zip_faces(analysis, folder / "faces.zip")
    return [str(folder / name) for name in FILES if (folder / name).is_file()]


def _video(folder: Path) -> str | None:
    video = folder / "video.mp4"
    return str(video) if video.is_file() else None
