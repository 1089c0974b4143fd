"""The page: its widgets and their events. What a visitor sees is made in `views`, what they do happens in `services`."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from pipeline import edit, languages
from pipeline.errors import PipelineError
from pipeline.options import Options
from pipeline.progress import ANALYSE, RENDER, Clock
from pipeline.records import Analysis, Attribution, Clip, Faces, Look, Media, Stage, Transcript
from pipeline.web import check, failures, jobs, style, views
from pipeline.web.jobs import Result
from pipeline.web.services import LOOKS, POSITIONS, TEXTS, Services

QUEUE_SIZE = 20  #: waiting visitors; the next one is told to come back
DRAWING = 2  #: redraws at once: ffmpeg and Pillow only, next to the models
CACHE_CHECK_S, CACHE_AGE_S = 1800, 7200  #: what was served is deleted after two hours
STATE_AGE_S = 7200
TICK_S = 0.25  #: at most four progress updates a second

DOWNLOADS = (
    ("video", "Video", "video.mp4"),
    ("srt", "SRT", "subtitles.srt"),
    ("vtt", "VTT", "subtitles.vtt"),
    ("ass", "ASS", "subtitles.ass"),
    ("json", "JSON", "transcript.json"),
    ("faces", "Faces", "faces.zip"),
)

EDIT_JS = """
const send = (t, value) => trigger('edit', {kind: t.dataset.edit, person: t.dataset.person || '', phrase: t.dataset.phrase || '', value});
let focused = null;
element.addEventListener('focusin', (e) => { focused = e.target.id || null; });
element.addEventListener('change', (e) => { const t = e.target.closest('[data-edit]'); if (t && t.tagName !== 'BUTTON') send(t, t.value); });
element.addEventListener('click', (e) => { const t = e.target.closest('button[data-edit]'); if (t) send(t, ''); });
watch('value', () => {
  if (focused && document.activeElement === document.body) element.querySelector('#' + CSS.escape(focused))?.focus({preventScroll: true});
});
"""


@dataclass
class Widgets:
    """What events read and write."""

    clip: Any = None
    url: Any = None
    target: Any = None
    source: Any = None
    speakers: Any = None
    look: tuple[Any, ...] = ()
    key: Any = None
    run: Any = None
    stop: Any = None
    hud: Any = None
    title: Any = None
    video: Any = None
    notices: Any = None
    gallery: Any = None
    timeline: Any = None
    order: Any = None
    transcript: Any = None
    pending: Any = None
    relook: tuple[Any, ...] = ()
    redraw: Any = None
    undo: Any = None
    downloads: tuple[Any, ...] = ()
    examples: tuple[Any, ...] = ()
    state: Any = None

    @property
    def choices(self) -> list[Any]:
        """The inputs of a run."""
        return [self.clip, self.url, self.target, self.source, self.speakers, *self.look, self.key]

    @property
    def results(self) -> list[Any]:
        """Everything a result fills."""
        shown = [self.title, self.video, self.notices, self.gallery, self.timeline, self.transcript, self.pending]
        return [*shown, *self.relook, self.redraw, self.undo, *self.downloads, self.state]

    @property
    def controls(self) -> list[Any]:
        """What shows that something is going on."""
        return [self.hud, self.run, self.stop]


def launch_options(services: Services) -> dict[str, Any]:
    """What `launch` needs for the page to look and behave as meant."""
    options = {
        "theme": style.theme(),
        "head": style.head(),
        "max_file_size": services.settings.max_file_bytes,
        "show_error": False,
        "run_history": False,
        "enable_monitoring": False,
        "footer_links": ["api"],
        "mcp_server": True,
        "ssr_mode": False,
        "pwa": False,
    }
    if services.settings.on_spaces:
        options["server_name"] = "0.0.0.0"
    return options


def build(services: Services) -> Any:
    """The page and the named endpoints, with their queue; not launched.

    Raises RecordError when the first example's result cannot be read.
    """
    os.environ.setdefault("GRADIO_TEMP_DIR", str(jobs.root() / "served"))
    from pipeline.web import api

    with gr.Blocks(
        title="Speechglass: speech that turns into your language",
        analytics_enabled=False,
        delete_cache=(CACHE_CHECK_S, CACHE_AGE_S),
        fill_width=True,
    ) as page:
        widgets = lay_out(services)
        connect(widgets, services)
        api.add_endpoints(services)
    page.queue(max_size=QUEUE_SIZE, default_concurrency_limit=8)
    return page


# --- widgets ----------------------------------------------------------------------------------------------------------


def lay_out(services: Services) -> Widgets:
    """The widgets, showing the first example's finished result."""
    w = Widgets()
    first = jobs.from_example(services.examples[0]) if services.examples else None
    w.state = gr.State(None, time_to_live=STATE_AGE_S, delete_callback=_forget)
    html(_masthead(services), elem_id="masthead")
    with gr.Row(elem_id="desk", equal_height=False):
        with gr.Column(elem_id="stage", scale=8, min_width=320):
            w.title = html(_title(services.examples[0].title, example=True) if first else "", elem_id="result-title")
            w.video = gr.Video(
                value=str(services.examples[0].folder / "video.mp4") if first else None,
                subtitles=_track(services.examples[0].folder) if first else None,
                label="Result",
                show_label=False,
                interactive=False,
                buttons=[],
                elem_id="result-video",
            )
            w.hud = html("", elem_id="hud")
            w.notices = html(views.notices(first.analysis.notices) if first else "", elem_id="notices")
            with gr.Row(elem_id="downloads"):
                w.downloads = tuple(
                    gr.DownloadButton(
                        label,
                        value=_example_file(services, name) if first else None,
                        size="sm",
                        min_width=70,
                        elem_id=f"download-{key}",
                        interactive=bool(first and _example_file(services, name)),
                    )
                    for key, label, name in DOWNLOADS
                )
                gr.Checkbox(False, label="Subtitles track", elem_id="captions", container=False, min_width=140)
        with gr.Column(elem_id="panel", scale=5, min_width=320):
            _input_panel(w, services)
    with gr.Column(elem_id="result"):
        html('<h2 id="people-title">Who is speaking</h2>')
        w.gallery = html(
            views.gallery(first.analysis) if first else _nothing_yet("The faces and voices of your clip"),
            elem_id="gallery",
            js_on_load=EDIT_JS,
        )
        w.timeline = html(
            views.timeline(first.analysis) if first else _nothing_yet("Who spoke when"), elem_id="timeline"
        )
        with gr.Row(elem_id="lines-head", equal_height=True):
            html("<h2>What is said</h2>")
            w.order = gr.Radio(
                [("In order", "time"), ("Least certain first", "unsure")],
                value="time",
                label="Order of the lines",
                show_label=False,
                container=False,
                elem_id="order",
                min_width=260,
            )
        w.transcript = html(
            views.transcript_table(first.analysis) if first else _nothing_yet("The transcript"),
            elem_id="transcript",
            js_on_load=EDIT_JS,
        )
    with gr.Column(elem_id="redraw-bar"):
        with gr.Row(equal_height=True):
            w.pending = html(views.pending(0), elem_id="pending")
            w.undo = gr.Button("Undo", size="sm", min_width=80, interactive=False, elem_id="undo")
            w.redraw = gr.Button("Redraw the video", variant="primary", size="sm", min_width=160, elem_id="redraw")
        with gr.Accordion("Change the look", open=False, elem_id="relook"):
            w.relook = _look_controls("Redraw with")
    html(_foot(services), elem_id="foot")
    return w


def html(value: str, **settings: Any) -> gr.HTML:
    """HTML in our style sheet's hands alone."""
    return gr.HTML(value, apply_default_css=False, **settings)


def _input_panel(w: Widgets, services: Services) -> None:
    settings = services.settings
    html('<h2 id="your-clip">Your clip</h2>')
    w.clip = gr.Video(
        label="Clip",
        show_label=False,
        sources=["upload", "webcam"],
        include_audio=True,
        height=240,
        elem_id="clip",
    )
    html(
        f'<p class="limits">Up to <b>{check.minutes(settings.max_duration_s)}</b> and '
        f"<b>{check.megabytes(settings.max_file_bytes)}</b>. MP4, MOV, WebM, MKV, AVI and more.</p>",
        elem_id="limits",
    )
    w.target = gr.Dropdown(
        target_choices(services),
        value=_first_target(services),
        label="Translate into",
        filterable=True,
        num_choices_shown=None,
        elem_id="target",
    )
    with gr.Row(elem_id="go"):
        w.run = gr.Button("Translate", variant="primary", size="lg", elem_id="run")
        w.stop = gr.Button("Stop", variant="stop", size="lg", visible=False, elem_id="stop")
    with gr.Accordion("More", open=False, elem_id="more"):
        w.source = gr.Dropdown(
            [("Find out by listening", "auto"), *((f"{s.name} · {s.own_name}", s.code) for s in languages.SOURCES)],
            value="auto",
            label="Spoken language",
            filterable=True,
            num_choices_shown=None,
            elem_id="source",
        )
        w.speakers = gr.Slider(
            0,
            check.MAX_SPEAKERS,
            value=0,
            step=1,
            label="Number of speakers",
            info="0: find out",
            elem_id="speakers",
        )
        w.look = _look_controls("Look")
        w.key = gr.Textbox(
            "",
            type="password",
            label="Your DeepL key",
            info="Opens every language. Used for this visit only, never stored.",
            html_attributes=gr.InputHTMLAttributes(autocomplete="off", spellcheck=False),
            max_length=200,
            elem_id="key",
        )
        w.url = gr.Textbox(
            "",
            label="Or the address of a clip",
            placeholder="https://",
            info=_address_note(services),
            max_length=2000,
            elem_id="url",
        )
    if services.examples:
        html('<h3 id="examples-title">Examples, ready to look at</h3>')
        with gr.Row(elem_id="examples"):
            w.examples = tuple(
                gr.Button(example.title, size="sm", min_width=120, elem_id=f"example-{example.name}")
                for example in services.examples
            )


def _look_controls(label: str) -> tuple[Any, ...]:
    return (
        gr.Radio(list(LOOKS), value="cyberpunk", label=label),
        gr.Radio(list(POSITIONS), value="auto", label="Position"),
        gr.Slider(0.5, 2.0, value=1.0, step=0.1, label="Text size"),
        gr.Dropdown(list(TEXTS), value="morph", label="Texts"),
        gr.Checkbox(False, label="Calm: no flicker, no typing"),
    )


def target_choices(services: Services, own_key: bool = False) -> list[tuple[str, str]]:
    """(what a visitor reads, DeepL code): what works now first, then what needs a key."""
    now, later = [("No translation, transcript only", "none")], []
    for language in languages.TARGETS:
        name = f"{language.name} · {language.own_name}" if language.own_name != language.name else language.name
        if own_key or services.works_now(language.code):
            now.append((f"{name} — works now", language.code))
        else:
            later.append((f"{name} — needs a DeepL key", language.code))
    return now[1:] + later + now[:1]


def _first_target(services: Services) -> str:
    return "EN-US" if services.works_now("EN-US") else "none"


def _masthead(services: Services) -> str:
    key = "" if services.settings.deepl_keys else "English works right away; every other language with a DeepL key."
    space = escape(services.settings.space_id)
    duplicate = (
        f'<a href="https://huggingface.co/spaces/{space}?duplicate=true" target="_blank" rel="noopener">Duplicate this '
        "Space</a>"
        if space
        else ""
    )
    help_text = (
        f"This Space has no DeepL key. {key} To have one for everybody: {duplicate}, choose ZeroGPU and add the secret "
        "<code>DEEPL_AUTH_KEY</code>."
        if space and not services.settings.deepl_keys
        else key
    )
    note = f'<p class="keynote">{help_text}</p>' if help_text else ""
    return (
        '<a class="skip" href="#your-clip">Skip to your clip</a><header><div class="mark"><h1>Speechglass</h1>'
        "<p>Speech turns into your language, over the head of the one who speaks.</p></div>"
        '<div class="saying" aria-hidden="true"><span>Every voice has a face.</span><b>Speaker 1</b></div>'
        f"</header>{note}"
    )


def _foot(services: Services) -> str:
    ran = ", ".join(f"{escape(job)}: {escape(name)}" for job, name in services.models.items())
    return (
        "<p>A clip and everything made of it belong to your visit alone and are deleted within two hours. Nothing is "
        "used for training, nothing is published.</p>"
        f"<p>{ran}.</p>"
    )


def _title(name: str, *, example: bool) -> str:
    kind = "Finished example" if example else "Your clip"
    return f'<p class="eyebrow{" example" if example else ""}"><b>{kind}</b><span>{escape(name)}</span></p>'


def _nothing_yet(what: str) -> str:
    return f'<p class="empty">{what} will stand here.</p>'


def _address_note(services: Services) -> str:
    if services.settings.on_spaces:
        return "Uploading comes first here: most video sites block addresses of clouds like this one."
    return "A public address of a clip or of a page with one. Uploading is surer."


def _track(folder: Path) -> str | None:
    track = folder / "subtitles.vtt"
    return str(track) if track.is_file() else None


def _example_file(services: Services, name: str) -> str | None:
    path = services.examples[0].folder / name
    return str(path) if path.is_file() else None


def _forget(result: Result | None) -> None:
    if result is not None:
        result.close()


# --- events -----------------------------------------------------------------------------------------------------------


def connect(w: Widgets, services: Services) -> None:
    """Every event of the page. None of them is part of the API."""
    private = {"api_visibility": "private"}
    instant = {**private, "queue": False, "show_progress": "hidden"}
    handlers = Handlers(w, services)

    started = w.run.click(handlers.begin, w.choices, w.controls, **instant)
    running = started.success(
        handlers.run,
        [*w.choices, w.state],
        [*w.controls, *w.results],
        concurrency_limit=services.parallel,
        concurrency_id="models",
        show_progress="minimal",
        show_progress_on=w.hud,
        **private,
    )
    running.failure(handlers.broken, None, w.controls, **instant)
    drawing_started = w.redraw.click(handlers.begin_redraw, [w.state, *w.relook], w.controls, **instant)
    drawing = drawing_started.success(
        handlers.redraw,
        [w.state, *w.relook],
        [*w.controls, *w.results],
        concurrency_limit=DRAWING,
        concurrency_id="drawing",
        show_progress="minimal",
        show_progress_on=w.hud,
        **private,
    )
    drawing.failure(handlers.broken, None, w.controls, **instant)
    w.stop.click(handlers.stopped, None, w.controls, cancels=[running, drawing], **instant)

    shown = [w.gallery, w.timeline, w.transcript, w.pending, w.undo, w.state]
    for table in (w.gallery, w.transcript):
        table.edit(handlers.edit, [w.state, w.order], shown, **instant)
    w.undo.click(handlers.undo, [w.state, w.order], shown, **instant)
    w.order.change(handlers.reorder, [w.state, w.order], w.transcript, **instant)
    w.key.change(handlers.key_typed, [w.key, w.target], w.target, **instant)
    for example, button in zip(services.examples, w.examples, strict=True):
        button.click(
            handlers.show_example(example), w.order, [w.clip, *w.controls, *w.results], cancels=[running], **instant
        )


Update = dict[Any, Any]  #: widget -> what it becomes; the others stay


class Handlers:
    """What the events do. Holds nothing of a visitor: that is in their state."""

    def __init__(self, w: Widgets, services: Services) -> None:
        self.w, self.services = w, services

    # running

    def begin(self, clip, url, target, source, speakers, *rest) -> Update:
        """Before the queue: what cannot work is refused at once, else the wait is shown."""
        *look, key = rest
        with failures.for_the_visitor([key]):
            self._request(clip, url, target, source, speakers, look, key)
        return self._busy(views.progress(ANALYSE + RENDER, "probe", message="Waiting for a place in the queue …"))

    def run(self, clip, url, target, source, speakers, *rest) -> Iterator[Update]:
        """The whole way from clip to video."""
        *look, key, previous = rest
        yield from self._guarded(
            lambda: self._translate(clip, url, target, source, speakers, look, key, previous), secrets=(key,)
        )

    def _translate(self, clip, url, target, source, speakers, look, key, previous) -> Iterator[Update]:
        options, chosen, address = self._request(clip, url, target, source, speakers, look, key)
        folder = jobs.new_folder()
        kept = False
        clock = Clock(ANALYSE + RENDER)
        stages = (("fetch",) if address else ()) + ANALYSE + RENDER
        try:
            if address:
                path = yield from self._follow(self.services.fetch(address, folder), stages)
            else:
                path = jobs.adopt(Path(clip), folder)
            analysis = yield from self._follow(self.services.analyse(path, options, clock), stages)
            result = Result(analysis, chosen, path, folder=folder)
            kept = True  # from here on it is the visitor's: a stopped drawing can be taken up again
            yield self._views(result)
            _forget(previous)
            yield from self._draw(result, clock, stages)
        finally:
            if not kept:
                shutil.rmtree(folder, ignore_errors=True)

    def _request(self, clip, url, target, source, speakers, look, key) -> tuple[Options, Look, str | None]:
        own = check.keys(key)
        options = Options(
            target=check.target(target, own, self.services),
            source=check.source(source),
            speakers=check.speakers(speakers),
            keys=own,
        )
        chosen = check.look(*look)
        if clip or not (url or "").strip():
            check.clip(clip, self.services)
            return options, chosen, None
        return options, chosen, check.address(url, self.services.settings)

    def begin_redraw(self, result, *look) -> Update:
        """Before the queue."""
        with failures.for_the_visitor():
            check.look(*look)
            self._current(result)
        return self._busy(views.progress(RENDER, "render"))

    def redraw(self, result, *look) -> Iterator[Update]:
        """The video with what was edited. No model runs."""
        yield from self._guarded(lambda: self._redraw(result, look))

    def _redraw(self, result, look) -> Iterator[Update]:
        result = self._current(result)
        result.look = check.look(*look)
        yield from self._draw(result, Clock(RENDER), RENDER)

    def _draw(self, result: Result, clock: Clock, stages: tuple[str, ...]) -> Iterator[Update]:
        """Draws the result and shows it."""
        with jobs.job_folder() as out:
            video = out / "video.mp4"
            analysis, look = result.analysis, result.look
            if analysis.media.width:
                stage = self.services.render(result.clip, analysis, look, video, clock)
                result.notices = yield from self._follow(stage, stages)
            self.services.write_records(out, analysis, look)
            if analysis.portraits:
                jobs.zip_faces(analysis, out / "faces.zip")
            result.is_drawn(analysis)
            # Handed over inside the folder's life: Gradio copies the files into the visitor's cache while it sends them.
            yield {**self._files(out), self.w.title: _title("", example=False), **self._views(result), **self._idle("")}

    def _files(self, folder: Path) -> Update:
        video = folder / "video.mp4"
        update: Update = {
            self.w.video: gr.Video(value=str(video) if video.is_file() else None, subtitles=_track(folder))
        }
        for (_, _, name), button in zip(DOWNLOADS, self.w.downloads, strict=True):
            there = (folder / name).is_file()
            update[button] = gr.DownloadButton(value=str(folder / name) if there else None, interactive=there)
        return update

    def _follow(self, stage: Stage[Any], stages: tuple[str, ...]) -> Generator[Update, None, Any]:
        """Runs the stage to its end, showing where it is and what it found; returns its result. Closing closes it."""
        shown, at, words = None, 0.0, ""
        attribution: Attribution | None = None
        with closing(stage):
            while True:
                try:
                    step = next(stage)
                except StopIteration as stop:
                    return stop.value
                found = step.found
                if isinstance(found, Transcript):
                    words = max((segment.text for segment in found.segments), key=len, default="")
                elif isinstance(found, Attribution):
                    attribution = found
                elif isinstance(found, tuple) and attribution:  # the phrases, translated
                    found = replace(attribution, phrases=found)
                    words = max((phrase.translation or "" for phrase in found.phrases), key=len, default="") or words
                now = time.monotonic()
                if step.stage != shown or now - at > TICK_S or found is not None:
                    shown, at = step.stage, now
                    hud = views.progress(
                        stages, step.stage, step.fraction, step.overall, step.seconds_left, step.message, words
                    )
                    yield {self.w.hud: hud, **self._found(found)}

    def _found(self, found: Any) -> Update:
        """What can be shown before the end."""
        w = self.w
        if isinstance(found, Clip):
            empty = dict.fromkeys((w.gallery, w.timeline, w.transcript, w.notices, w.pending), "")
            return {**empty, w.title: _title("", example=False), w.video: gr.Video(value=None, subtitles=None)}
        if isinstance(found, Transcript):
            return {w.transcript: views.heard(found)}
        if isinstance(found, Faces):
            return {w.gallery: views.found_faces(found)}
        if isinstance(found, Attribution):
            return self._preview(found)
        return {}

    def _preview(self, found: Attribution) -> Update:
        end = max((turn.end for turn in found.turns), default=0.0)
        analysis = Analysis(
            Media(end, 0, 0, Fraction(0)),
            "",
            "",
            {},
            found.people,
            found.phrases,
            found.turns,
            (),
            (),
            {},
            (),
            found.portraits,
        )
        return {
            self.w.gallery: views.gallery(analysis, editable=False),
            self.w.timeline: views.timeline(analysis),
            self.w.transcript: views.transcript_table(analysis, editable=False),
        }

    # showing

    def _views(self, result: Result, order: str = "time") -> Update:
        w = self.w
        choices = (
            result.look.name,
            result.look.position,
            result.look.text_size,
            result.look.texts,
            result.look.reduced_motion,
        )
        return {
            w.gallery: views.gallery(result.analysis),
            w.timeline: views.timeline(result.analysis),
            w.transcript: views.transcript_table(result.analysis, unsure_first=order == "unsure"),
            w.notices: views.notices(result.analysis.notices + result.notices),
            w.pending: views.pending(result.pending) if result.drawn else "",
            w.undo: gr.Button(interactive=bool(result.undo)),
            **dict(zip(w.relook, choices, strict=True)),
            w.state: result,
        }

    def _busy(self, hud: str) -> Update:
        return {self.w.hud: hud, self.w.run: gr.Button(visible=False), self.w.stop: gr.Button(visible=True)}

    def _idle(self, hud: str) -> Update:
        return {self.w.hud: hud, self.w.run: gr.Button(visible=True), self.w.stop: gr.Button(visible=False)}

    def stopped(self) -> Update:
        """The run is over; what was there stays."""
        return self._idle('<p class="note" role="status">Stopped. Nothing is running any more.</p>')

    def broken(self) -> Update:
        """The queue was full, or the connection broke."""
        return self._idle(views.failure("Too busy", "Many people are waiting just now; try again in a few minutes."))

    def _guarded(self, work: Callable[[], Iterator[Update]], secrets: tuple[str | None, ...] = ()) -> Iterator[Update]:
        """`work`, with whatever goes wrong shown where the progress was."""
        try:
            yield from work()
        except Exception as error:
            yield self._idle(views.failure(*failures.said(error, secrets)))

    # editing

    def _current(self, result: Result | None) -> Result:
        if result is not None:
            return result
        if not self.services.examples:
            raise PipelineError("There is nothing to edit yet; translate a clip first.")
        return jobs.from_example(self.services.examples[0])

    def edit(self, result, order, event: gr.EventData) -> Update:
        """One correction; every view that shows it is made anew."""
        result = self._current(result)
        try:
            with result.lock:
                result.change(apply_edit(result.analysis, dict(event._data or {})))
        except PipelineError as error:
            gr.Warning(escape(str(error), quote=False), title="Not changed")
        return self._edited(result, order)

    def undo(self, result, order) -> Update:
        """The last correction is taken back."""
        result = self._current(result)
        with result.lock:
            result.take_back()
        return self._edited(result, order)

    def _edited(self, result: Result, order: str) -> Update:
        w = self.w
        update = self._views(result, order)
        return {key: update[key] for key in (w.gallery, w.timeline, w.transcript, w.pending, w.undo, w.state)}

    def reorder(self, result, order) -> str:
        """The lines in the chosen order."""
        return views.transcript_table(self._current(result).analysis, unsure_first=order == "unsure")

    def key_typed(self, key, target) -> Any:
        """With a key of one's own every language works."""
        try:
            own = bool(check.keys(key))
        except PipelineError:
            own = False
        return gr.Dropdown(choices=target_choices(self.services, own), value=target)

    def show_example(self, example) -> Callable[..., Update]:
        """An example's finished result, at once; its clip is ready to be run again."""

        def show(order) -> Update:
            result = jobs.from_example(example)
            return {
                self.w.clip: str(example.clip),
                self.w.title: _title(example.title, example=True),
                **self._files(example.folder),
                **self._views(result, order),
                **self._idle(""),
            }

        return show


def apply_edit(analysis: Analysis, change: dict[str, Any]) -> Analysis:
    """The analysis after one correction as the page sends it: kind, person, phrase, value.

    Raises UsageError for anything it does not understand.
    """
    kind, person, value = (str(change.get(name) or "") for name in ("kind", "person", "value"))
    number = str(change.get("phrase") or "")
    phrase = int(number) if number.isdecimal() and len(number) < 9 else -1
    if kind == "rename":
        return edit.rename(analysis, person, value)
    if kind == "recolour":
        return edit.recolour(analysis, person, value)
    if kind == "merge":
        return edit.merge(analysis, person, value) if value else analysis
    if kind == "give":
        return edit.give_to_new(analysis, phrase) if value == "new" else edit.give(analysis, phrase, value or None)
    if kind == "source":
        return edit.correct_source(analysis, phrase, value)
    if kind == "translation":
        return edit.correct_translation(analysis, phrase, value)
    if kind == "remove":
        return edit.remove(analysis, phrase)
    raise edit.UsageError("The page sent something this version does not know; reload it.")
