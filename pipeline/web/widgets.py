"""What is on the page, and where."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from pipeline import languages
from pipeline.web import check, jobs, views
from pipeline.web.services import FORMALITIES, LOOKS, POSITIONS, REVEALS, TEXTS, Services

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
  // Gradio patches the elements that are there: what was typed into one stays until it is set back to what was sent.
  for (const box of element.querySelectorAll('input, textarea')) {
    if (box !== document.activeElement && box.value !== box.defaultValue) box.value = box.defaultValue;
  }
  for (const list of element.querySelectorAll('select')) {
    if (list !== document.activeElement) list.selectedIndex = Math.max(0, [...list.options].findIndex((o) => o.defaultSelected));
  }
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
    formality: Any = None
    glossary: Any = None
    key: Any = None
    run: Any = None
    stop: Any = None
    hud: Any = None
    said: Any = None  #: what went wrong in the run, for the event that follows it
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
    busy: Any = None  #: whether something is going on
    token: Any = None  #: which result stands on the page; kept there, so that it is known when the session has expired

    @property
    def choices(self) -> list[Any]:
        """The inputs of a run."""
        return [
            self.clip, self.url, self.target, self.source, self.speakers, *self.look, self.formality, self.glossary, self.key,
        ]  # fmt: skip

    @property
    def controls(self) -> list[Any]:
        """What shows that something is going on, or went wrong."""
        return [self.hud, self.run, self.stop, self.said, self.redraw, self.undo, self.busy]

    @property
    def live(self) -> list[Any]:
        """What fills while a run goes on. Not the video: whatever an event may fill but leaves alone is built anew by
        Gradio from what it was last given, and the files of the last run are gone by then."""
        return [*dict.fromkeys([*self.controls, self.title, self.notices, *self.edited])]

    @property
    def edited(self) -> list[Any]:
        """What an edit changes."""
        return [self.gallery, self.timeline, self.transcript, self.pending, self.undo, self.state, self.token]

    @property
    def standing(self) -> list[Any]:
        """The visitor's result, and which one the page shows."""
        return [self.state, self.token]

    @property
    def everything(self) -> list[Any]:
        """All that shows a result."""
        return [*self.live, self.video, *self.relook, *self.downloads]


def lay_out(services: Services) -> Widgets:
    """The widgets, showing the first example's finished result."""
    w = Widgets()
    first = jobs.from_example(services.examples[0]) if services.examples else None
    w.state = gr.State(None, time_to_live=jobs.STATE_AGE_S, delete_callback=jobs.forget)
    w.said = gr.State("")
    w.busy = gr.State(False)
    w.token = gr.Textbox("", visible="hidden")
    html(_masthead(services), elem_id="masthead")
    with gr.Row(elem_id="desk", equal_height=False):
        with gr.Column(elem_id="stage", scale=8, min_width=320):
            w.title = html(title(services.examples[0].title, example=True) if first else "", elem_id="result-title")
            w.hud = html("", elem_id="hud")
            w.video = gr.Video(
                value=first.file("video.mp4") if first else None,
                subtitles=first.file("subtitles.vtt") if first else None,
                label="Result",
                show_label=False,
                interactive=False,
                buttons=[],
                elem_id="result-video",
            )
            w.notices = html(views.notices(first.analysis.notices) if first else "", elem_id="notices")
            with gr.Row(elem_id="downloads"):
                w.downloads = tuple(
                    gr.DownloadButton(
                        label,
                        value=first.file(name) if first else None,
                        size="sm",
                        min_width=70,
                        elem_id=f"download-{key}",
                        interactive=bool(first and first.file(name)),
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
        w.formality = gr.Dropdown(
            list(FORMALITIES),
            value="default",
            label="Form of address",
            info="Where DeepL has it.",
            elem_id="formality",
        )
        w.glossary = gr.Textbox(
            "",
            label="Glossary for DeepL",
            info="Its id, or lines: term = translation. Then choose the spoken language, too.",
            lines=2,
            max_length=check.MAX_GLOSSARY,
            elem_id="glossary",
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
        gr.Dropdown(list(REVEALS), value="live", label="Reveal"),
    )


def target_choices(services: Services, own_key: bool = False) -> list[tuple[str, str]]:
    """(what a visitor reads, DeepL code): what works now first, then what needs a key."""
    now, later = [("No translation, transcript only", "none")], []
    for language in services.targets():
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
        "<p>A clip and everything made of it belong to your visit alone and are deleted within two and a half hours "
        "after your last change. Nothing is used for training, nothing is published.</p>"
        f"<p>{ran}.</p>"
    )


def title(name: str, *, example: bool) -> str:
    """Whose result this is."""
    kind = "Finished example" if example else "Your clip"
    return f'<p class="eyebrow{" example" if example else ""}"><b>{kind}</b><span>{escape(name)}</span></p>'


def _nothing_yet(what: str) -> str:
    return f'<p class="empty">{what} will stand here.</p>'


def _address_note(services: Services) -> str:
    if services.settings.on_spaces:
        return "Uploading comes first here: most video sites block addresses of clouds like this one."
    return "A public address of a clip or of a page with one. Uploading is surer."
