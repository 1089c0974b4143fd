"""What is on the page, and where."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from pipeline import languages
from pipeline.web import cards, check, examples, jobs, lines, player, style, timeline, views
from pipeline.web.services import FORMALITIES, LOOKS, POSITIONS, REVEALS, TEXTS, Services
from pipeline.web.style_panel import StylePanel

#: What can be chosen in the upload: everything that ffmpeg reads, sound alone as well. The page checks what it gets.
FILE_TYPES = [
    "video", "audio", ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".wmv",
    ".flv",
    ".3gp", ".ogv", ".mp3", ".wav", ".m4a", ".aac", ".flac", ".ogg", ".opus", ".wma", ".aiff",
]  # fmt: skip


FIND_TRACK = ("The one with speech", "0")


@dataclass
class Widgets:
    """What events read and write."""

    clip: Any = None
    clip_note: Any = None  #: what the chosen file is, or what is wrong with it
    trim: Any = None
    trim_from: Any = None
    track: Any = None  #: the sound to hear, where there are several
    url: Any = None
    url_from: Any = None  #: when the clip at the address starts
    brought: Any = None  #: a transcript or a project of the visitor's own
    turns: Any = None  #: an RTTM of theirs
    brought_note: Any = None
    open: Any = None  #: opens the project
    target: Any = None
    target_note: Any = None
    source: Any = None
    speakers: Any = None
    look: tuple[Any, ...] = ()
    style: Any = None  #: the panel for font, opacity, places and style files
    formality: Any = None
    glossary: Any = None
    glossary_note: Any = None
    key: Any = None
    speech: Any = None  #: the speech model, where the machine leaves a choice
    speech_note: Any = None  #: what it takes to use it
    run: Any = None
    stop: Any = None
    problem: Any = None  #: why the run was not begun, or how it failed, beside its button
    hud: Any = None
    title: Any = None
    sources: Any = None
    notices: Any = None
    gallery: Any = None
    timeline: Any = None
    order: Any = None
    transcript: Any = None
    again_target: Any = None  #: what all lines are translated into again
    again_note: Any = None
    again_key: Any = None
    again: Any = None
    pending: Any = None
    redraw: Any = None
    undo: Any = None
    redo: Any = None
    downloads: Any = None
    examples: tuple[Any, ...] = ()
    token: Any = None  #: of the result that stands on the page
    running: Any = None  #: of the run that goes on
    visit: Any = None  #: both, kept by the browser

    @property
    def form(self) -> list[Any]:
        """The inputs of a run, in the order of `intake.FORM`."""
        return [
            self.clip, self.url, self.target, self.source, self.speakers, *self.look, self.formality, self.glossary,
            self.key,
            self.trim, self.trim_from, self.track, self.brought, self.turns, self.speech, self.url_from,
        ]  # fmt: skip

    @property
    def standing(self) -> list[Any]:
        """Which result and which run the page shows."""
        return [self.token, self.running]

    @property
    def edited(self) -> list[Any]:
        """What an edit changes."""
        return [
            self.gallery, self.timeline, self.transcript, self.pending, self.undo, self.redo, self.sources, self.token,
            self.visit, self.style.person,
        ]  # fmt: skip

    @property
    def begun(self) -> list[Any]:
        """What changes when a run is begun."""
        return [
            self.hud,
            self.run,
            self.stop,
            self.problem,
            self.redraw,
            self.again,
            self.undo,
            self.redo,
            self.running,
            self.visit,
        ]

    @property
    def everything(self) -> list[Any]:
        """All that a run or another result changes."""
        return [
            *dict.fromkeys(
                [*self.begun, *self.edited, self.title, self.notices, self.downloads, *self.style.everything]
            )
        ]


def lay_out(services: Services) -> Widgets:
    """The widgets, showing the first example's finished result."""
    w = Widgets()
    first = examples.result_of(services.examples[0], lasting=True) if services.examples else None
    w.token = gr.Textbox("", visible="hidden")
    w.running = gr.Textbox("", visible="hidden")
    w.visit = gr.BrowserState(None, storage_key="speechglass-visit", secret="speechglass")
    html(_masthead(services), elem_id="masthead")
    with gr.Row(elem_id="desk", equal_height=False):
        with gr.Column(elem_id="stage", scale=7, min_width=320):
            _stage(w, first)
        with gr.Column(elem_id="side", scale=5, min_width=320):
            with gr.Column(elem_id="panel"):
                _input_panel(w, services)
            with gr.Column(elem_id="result"):
                _result(w, services, first)
    html(_foot(services) + style.sheet_of_keys(), elem_id="foot")
    return w


def html(value: str, **settings: Any) -> gr.HTML:
    """HTML in our style sheet's hands alone."""
    return gr.HTML(value, apply_default_css=False, **settings)


def _stage(w: Widgets, first: jobs.Result | None) -> None:
    w.title = html(title(first.title, example=True) if first else "", elem_id="result-title")
    w.hud = html("", elem_id="hud")
    html(player.PLAYER, elem_id="result-video")
    w.sources = html(player.sources(first) if first else "", elem_id="sources")
    w.notices = html(views.notices(first.analysis.notices) if first else "", elem_id="notices")
    w.downloads = html(player.downloads(first) if first else "", elem_id="downloads")
    with gr.Column(elem_id="redraw-bar"), gr.Row(equal_height=True):
        w.pending = html(views.pending(0), elem_id="pending")
        w.undo = gr.Button("Undo", size="sm", min_width=70, interactive=False, elem_id="undo")
        w.redo = gr.Button("Redo", size="sm", min_width=70, interactive=False, elem_id="redo")
        w.redraw = gr.Button(views.BUTTONS["video"], variant="primary", size="sm", min_width=150, elem_id="redraw")
    with gr.Accordion("How it looks", open=False, elem_id="looks"):
        choices = (
            gr.Radio(list(LOOKS), value="cyberpunk", label="Look", elem_id="look-choice"),
            gr.Radio(list(POSITIONS), value="auto", label="Position"),
            gr.Slider(0.5, 2.0, value=1.0, step=0.1, label="Text size"),
            gr.Dropdown(list(TEXTS), value="morph", label="Text shown"),
            gr.Checkbox(False, label="Reduced motion: no flicker, no typing"),
            gr.Dropdown(list(REVEALS), value="live", label="Reveal"),
        )
        w.style = StylePanel(choices)
        w.look = w.style.fields


def _result(w: Widgets, services: Services, first: jobs.Result | None) -> None:
    html('<h2 id="people-title">Who is speaking</h2>')
    w.gallery = html(
        cards.gallery(first.analysis, picture=first.picture)
        if first
        else _nothing_yet("The faces and voices of your clip"),
        elem_id="gallery",
        js_on_load=style.edit_script(),
    )
    w.timeline = html(
        timeline.timeline(first.analysis) if first else _nothing_yet("Who spoke when"),
        elem_id="timeline",
        js_on_load=style.edit_script(),
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
            min_width=220,
        )
    _again(w, services)
    html(LINE_BAR, elem_id="line-bar")
    w.transcript = html(
        lines.transcript_table(first.analysis) if first else _nothing_yet("The transcript"),
        elem_id="transcript",
        js_on_load=style.edit_script(),
    )


def _again(w: Widgets, services: Services) -> None:
    """Translating what stands there again: all lines here, single ones by their menu."""
    with gr.Accordion("Translate again or into another language", open=False, elem_id="more-again"):
        w.again_target = _target_field(services, "Translate all lines into", "again-target")
        w.again_note = html("", elem_id="again-note")
        w.again_key = _key_field("again-key")
        w.again = gr.Button("Translate all lines again", size="sm", elem_id="again")
        html(
            '<p class="limits">The lines are translated as they now stand; speech, voices and faces are not analysed '
            "again. To translate a single line, use its menu (⋯) or press Alt+T. The formality and the glossary are "
            "those under “Translation options”.</p>"
        )


#: Find and replace, and what is done with the chosen lines; the page's script fills and sends it.
LINE_BAR = (
    '<div class="line-bar"><details id="find"><summary>Find and replace</summary><div><label>Find <input '
    'id="find-text" '
    'maxlength="200"></label><label>Replace with <input id="replace-text" maxlength="200"></label><label>In <select '
    'id="find-in">'
    '<option value="source">the original</option><option value="translation">the translation</option></select></label>'
    '<label class="box"><input type="checkbox" id="find-case"> Match case</label><span id="find-count" '
    'role="status"></span>'
    '<button type="button" id="replace-all">Replace all</button></div></details>'
    '<div id="chosen" hidden role="group" aria-label="Selected lines"><b></b><label>Move to <select '
    'id="chosen-to"></select></label>'
    '<button type="button" id="chosen-again">Translate again</button><button type="button" '
    'id="chosen-remove">Delete</button><button type="button" id="chosen-none">Clear selection</button></div>'
    '<button type="button" id="keys-button" aria-haspopup="dialog">Keyboard shortcuts <kbd>?</kbd></button></div>'
)


def _input_panel(w: Widgets, services: Services) -> None:
    settings = services.settings
    html('<h2 id="your-clip">Your clip</h2>')
    w.clip = gr.File(
        label="Clip",
        show_label=False,
        file_types=FILE_TYPES,
        height=130,
        elem_id="clip",
    )
    w.clip_note = html("", elem_id="clip-note")
    w.trim = gr.Checkbox(False, label="Use only a part of it", visible=False, elem_id="trim")
    w.trim_from = gr.Textbox("0:00", label="Starting at", visible=False, max_length=10, elem_id="trim-from")
    w.track = gr.Dropdown(
        [FIND_TRACK], value="0", label="Sound track", visible=False, allow_custom_value=True, elem_id="track"
    )
    html(
        f'<p class="limits">Up to <b>{check.minutes(settings.max_duration_s)}</b> and '
        f"<b>{check.megabytes(settings.max_file_bytes)}</b>. Video or audio: MP4, MOV, WebM, MKV, AVI, MP3, WAV "
        f"and more.</p>",
        elem_id="limits",
    )
    w.target = _target_field(services, "Translate into", "target")
    w.target_note = html("", elem_id="target-note")
    w.key = _key_field("key")
    with gr.Row(elem_id="go"):
        w.run = gr.Button("Translate", variant="primary", size="lg", elem_id="run")
        w.stop = gr.Button("Stop", variant="stop", size="lg", visible=False, elem_id="stop")
    w.problem = html("", elem_id="problem")
    with gr.Accordion("Speech and speakers", open=False, elem_id="more-speech"):
        w.source = gr.Dropdown(
            [("Detect automatically", "auto"), *((f"{s.name} · {s.own_name}", s.code) for s in languages.SOURCES)],
            value="auto",
            label="Spoken language",
            filterable=True,
            allow_custom_value=True,
            num_choices_shown=None,
            elem_id="source",
        )
        w.speakers = gr.Slider(
            0,
            check.MAX_SPEAKERS,
            value=0,
            step=1,
            label="Number of speakers",
            info="0: detect automatically",
            elem_id="speakers",
        )
        offered = services.speech()
        w.speech = gr.Dropdown(
            [(model.title, model.name) for model in offered],
            value=settings.speech if offered else None,
            label="Speech model",
            visible=bool(offered),
            elem_id="speech",
        )
        w.speech_note = html("", elem_id="speech-note")
    with gr.Accordion("Translation options", open=False, elem_id="more-translation"):
        w.formality = gr.Dropdown(
            list(FORMALITIES),
            value="default",
            label="Formality",
            info="For languages in which DeepL supports it.",
            elem_id="formality",
        )
        w.glossary = gr.Textbox(
            "",
            label="Glossary",
            info="One pair per line: term = translation. Or the ID of a glossary in your DeepL account. It is applied "
            "only with a DeepL key.",
            placeholder="neural net = sieć neuronowa\nSpeechglass = Speechglass",
            lines=3,
            max_length=check.MAX_GLOSSARY,
            elem_id="glossary",
        )
        w.glossary_note = html("", elem_id="glossary-note")
    with gr.Accordion("Use your own transcript, or open a project", open=False, elem_id="more-own"):
        w.brought = gr.File(
            label="Transcript or project",
            file_types=[".srt", ".vtt", ".ass", ".ssa", ".json"],
            height=84,
            elem_id="brought",
        )
        w.turns = gr.File(label="Who speaks when (RTTM)", file_types=[".rttm", ".txt"], height=84, elem_id="turns")
        w.brought_note = html("", elem_id="brought-note")
        w.open = gr.Button("Open the project", size="sm", visible=False, elem_id="open")
        html(
            '<p class="limits">SRT, VTT, ASS, Whisper JSON or a Speechglass transcript: the text is aligned with the '
            "speech, and speakers and faces are found for it. A project opens with its clip, just as you left it.</p>"
        )
    with gr.Accordion("Record a clip, or use a web address", open=False, elem_id="more-address"):
        html(
            f'<div class="record"><button type="button" id="record" data-most="{settings.max_duration_s:.0f}">'
            'Record with the camera</button><span id="record-said" role="status"></span>'
            '<video id="record-view" muted playsinline hidden aria-label="What the camera sees"></video></div>'
        )
        w.url = gr.Textbox(
            "",
            label="Web address of a clip",
            placeholder="https://",
            info=_address_note(services),
            max_length=2000,
            elem_id="url",
        )
        w.url_from = gr.Textbox(
            "0:00",
            label="Start at",
            info=f"Of a longer clip, {check.minutes(settings.max_duration_s)} from here on are used. For a long video "
            "on a video site, type 0:01 or later.",
            max_length=10,
            elem_id="url-from",
        )
    if services.examples:
        html('<h3 id="examples-title">Examples, ready to watch</h3>')
        with gr.Row(elem_id="examples"):
            w.examples = tuple(
                gr.Button(example.title, size="sm", min_width=120, elem_id=f"example-{example.name}")
                for example in services.examples
            )


def _target_field(services: Services, label: str, elem_id: str) -> gr.Dropdown:
    """A choice of the language to translate into."""
    return gr.Dropdown(
        target_choices(services),
        value=_first_target(services),
        label=label,
        filterable=True,
        allow_custom_value=True,  # so that a language there is not is refused instead of replaced
        num_choices_shown=None,
        elem_id=elem_id,
    )


def _key_field(elem_id: str) -> gr.Textbox:
    """A field for a visitor's own key, hidden until a language needs one."""
    return gr.Textbox(
        "",
        type="password",
        label="Your DeepL key",
        info="Unlocks every language. Used for this visit only and never stored.",
        html_attributes=gr.InputHTMLAttributes(autocomplete="off", spellcheck=False),
        max_length=200,
        visible=False,
        elem_id=elem_id,
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
    free = [language.code for language in services.targets() if services.works_now(language.code)]
    able = f"{len(free)} languages work" if any(code[:2] != "EN" for code in free) else "English works"
    key = "" if services.settings.deepl_keys else f"{able} right away; every other language needs a DeepL key."
    space = escape(services.settings.space_id)
    duplicate = (
        f'<a href="https://huggingface.co/spaces/{space}?duplicate=true" target="_blank" rel="noopener">Duplicate this '
        "Space</a>"
        if space
        else ""
    )
    help_text = (
        f"This Space has no DeepL key. {key} To set one up for everybody: {duplicate}, choose ZeroGPU and add the "
        "secret <code>DEEPL_AUTH_KEY</code>."
        if space and not services.settings.deepl_keys
        else key
    )
    note = f'<p class="keynote">{help_text}</p>' if help_text else ""
    return (
        '<a class="skip" href="#your-clip">Skip to your clip</a><header><div class="mark"><h1>Speechglass</h1>'
        "<p>Speech turns into your language, right above the person speaking.</p></div>"
        '<div class="saying" aria-hidden="true"><span>Every voice has a face.</span><b>Speaker 1</b></div>'
        f"</header>{note}"
    )


def _foot(services: Services) -> str:
    ran = ", ".join(f"{escape(job)}: {escape(name)}" for job, name in services.models.items())
    return (
        "<p>Your clip and everything made from it are private to your visit and are deleted within two and a half "
        "hours of your last change. Nothing is used for training or published.</p>"
        f"<p>{ran}.</p>"
    )


def title(name: str, *, example: bool) -> str:
    """Whose result this is."""
    kind = "Finished example" if example else "Your clip"
    return f'<p class="eyebrow{" example" if example else ""}"><b>{kind}</b><span>{escape(name)}</span></p>'


def _nothing_yet(what: str) -> str:
    return f'<p class="empty">{what} will appear here.</p>'


def _address_note(services: Services) -> str:
    if services.settings.on_spaces:
        return "Uploading works better here: most video sites block requests from cloud servers like this one."
    return "The public address of a clip, or of a page with one. Uploading the file is more reliable."
