"""The fields for font, opacity, places of people and style files, and a still of the look."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from pipeline import run, style
from pipeline.errors import PipelineError
from pipeline.records import Analysis, Look, PersonStyle
from pipeline.subtitles import fonts
from pipeline.subtitles.plan import plan_files
from pipeline.subtitles.preview import poster_time
from pipeline.web import check, failures, jobs, views
from pipeline.web.runs import Update
from pipeline.web.style import STATIC

if TYPE_CHECKING:
    from pipeline.web.handlers import Handlers

OPACITIES = (("Default for the look", ""), *((f"{share} %", f"{share / 100:g}") for share in (0, 25, 50, 75, 100)))
LEAD_S = 3.0  #: a sample begins so long before the line that it shows
SAMPLE = '<video class="sample" src="{address}" controls autoplay playsinline style="width:100%;display:block"></video>'
STILL_WIDTH = 960  #: px at most
STILLS = 2  #: drawn at once, one for each visitor; each opens the clip in a process

#: Downloads the text of a style file. A DownloadButton gives what it had before the click.
SAVE = """(text) => {
  if (!text) return;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = "style.json";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}"""


class StylePanel:
    """The fields, made where the page is laid out, and their events."""

    def __init__(self, choices: tuple[Any, ...]) -> None:
        """Lay the fields out, inside the accordion about the look; `choices` are those that stand there already."""
        self.choices = choices
        with gr.Row():
            self.family = gr.Dropdown(
                [("Default for the look", ""), *((name, name) for name in fonts.installed())], value="", label="Font"
            )
            self.opacity = gr.Dropdown(list(OPACITIES), value="", label="Panel opacity")
        self.own = gr.File(
            label="Your own font (TTF or OTF, up to 5 MB)", type="filepath", height=90, elem_id="own-font"
        )
        with gr.Row():
            self.person = gr.Dropdown([], label="Move the panels of", allow_custom_value=True, elem_id="still-person")
            self.show = gr.Button("Show a preview", size="sm", elem_id="show-still")
            self.ten = gr.Button("Draw ten seconds", size="sm", elem_id="draw-sample")
            self.free = gr.Button("Reset positions", size="sm", elem_id="free-places")
        self.still = gr.HTML(
            views.hint("A preview of your look appears here; drag on it to move somebody's panels."),
            apply_default_css=False,
            elem_id="still",
            js_on_load=(STATIC / "still.js").read_text(encoding="utf-8"),
        )
        with gr.Row():
            self.given = gr.File(label="Style file", type="filepath", height=90, min_width=260, elem_id="style-file")
            self.save = gr.Button("Save as a style file", size="sm", elem_id="save-style")
        self.note = gr.HTML("", apply_default_css=False)
        self.more = gr.Textbox("", visible=False, max_length=style.MAX_BYTES, label="more")  #: a style file's text
        self.text = gr.Textbox("", visible=False, label="text")  #: of the style file that is saved

    @property
    def fields(self) -> tuple[Any, ...]:
        """All that makes a look, in the order of `check.look`."""
        return (*self.choices, self.more, self.own)

    @property
    def everything(self) -> tuple[Any, ...]:
        """All that follows the result on the page."""
        return (*self.fields, self.family, self.opacity, self.person)

    def showing(self, look: Look) -> Update:
        """The fields as `look` has them; the font of one's own is no part of it."""
        values = (look.name, look.position, look.text_size, look.texts, look.reduced_motion, look.reveal)
        return {
            **dict(zip(self.choices, values, strict=True)),
            self.more: style.to_json(look),
            self.family: "" if Path(look.font).is_absolute() else look.font,
            self.opacity: _opacity(look.panel_opacity),
        }

    def of_the_result(self, look: Look, analysis: Analysis) -> Update:
        """All fields as a result has them that comes onto the page."""
        own = Path(look.font)
        names = people(analysis)
        return {
            **self.showing(look),
            self.own: str(own) if own.is_absolute() and own.is_file() else None,
            self.person: gr.Dropdown(choices=names, value=names[0][1] if names else None),
        }

    def connect(self, on: Handlers, token: Any, quick: dict[str, Any]) -> None:
        """Connect the events."""
        self.on, choices = on, self.fields
        shown = [self.still, self.person, self.note]
        styled = [*self.choices, self.more, self.family, self.opacity, self.note]
        self.family.input(font_chosen, [self.more, self.family], self.more, **quick)
        self.opacity.input(opacity_chosen, [self.more, self.opacity], self.more, **quick)
        still = {**quick, "queue": True, "concurrency_limit": STILLS, "concurrency_id": "stills"}
        self.show.click(self.drawn, [token, self.person, *choices], shown, **still)
        self.ten.click(self.sampled, [token, self.person, *choices], [self.still, self.note], **still)
        placed = self.still.edit(self.placed, [token, self.person, self.more], [self.more, self.note], **quick)
        freed = self.free.click(self.freed, self.more, self.more, **quick)
        for event in (placed, freed):
            event.then(self.drawn, [token, self.person, *choices], shown, **still)
        self.given.upload(self.opened, self.given, styled, **quick)
        saved = self.save.click(self.saved, [*choices], [self.text, self.note], **quick)
        saved.then(None, self.text, None, js=SAVE, **quick)

    def drawn(self, token: str, person: str | None, *choices: Any) -> Update:
        """A still of the look on the result that stands on the page, and whose panels can be placed."""
        try:
            result = self.on._current(token)
            look = check.look(*choices)
            analysis = result.analysis
            turning = poster_time(plan_files(_only(analysis, person), look))
            frame = self.on.services.preview(result.clip, analysis, look, 0.0 if turning is None else turning)
        except Exception as error:
            return {self.still: gr.skip(), self.person: gr.skip(), self.note: views.failure(*failures.said(error))}
        names = people(analysis)
        known = person if person in {one.id for one in analysis.people} else (names[0][1] if names else None)
        return {self.still: _picture(frame), self.person: gr.Dropdown(choices=names, value=known), self.note: ""}

    def sampled(self, token: str, person: str | None, *choices: Any) -> Update:
        """Ten seconds of the result that stands on the page with the look on them, around a line that turns."""
        try:
            result = self.on._current(token)
            look = check.look(*choices)
            turning = poster_time(plan_files(_only(result.analysis, person), look)) or 0.0
            start = max(0.0, min(turning - LEAD_S, result.analysis.media.duration - run.SAMPLE_S))
            with jobs.job_folder() as folder:
                made = folder / "sample.mp4"
                self.on.services.sample(result.clip, result.analysis, look, made, start)
                address = result.renewed("sample", made, made.name)
        except Exception as error:
            return {self.still: gr.skip(), self.note: views.failure(*failures.said(error))}
        return {self.still: SAMPLE.format(address=escape(address)), self.note: ""}

    def placed(self, token: str, person: str | None, more: str, event: gr.EventData) -> Update:
        """The panels of the chosen person stand where the drag ended."""
        data = dict(event._data or {})
        try:
            known = {one.id for one in self.on._current(token).analysis.people}
            if person not in known:
                raise PipelineError("Choose whose panels to move, then drag on the preview.")
            look = _read(more)
            own = look.people.get(str(person), PersonStyle())
            place = (round(float(data["x"]), 4), round(float(data["y"]), 4))
            people = {**look.people, str(person): replace(own, position=place)}
            text = style.to_json(replace(look, people=people))
            style.from_json(text)
        except (PipelineError, KeyError, TypeError, ValueError) as error:
            said = error if isinstance(error, PipelineError) else PipelineError("Drag inside the preview.")
            return {self.more: gr.skip(), self.note: views.failure(*failures.said(said))}
        return {self.more: text, self.note: ""}

    def freed(self, more: str) -> str:
        """The rest of the style without places."""
        look = _read(more)
        return style.to_json(
            replace(look, people={who: replace(one, position=None) for who, one in look.people.items()})
        )

    def opened(self, file: str | None) -> Update:
        """The choices of an uploaded style file."""
        try:
            look = style.read(Path(str(file)))
        except PipelineError as error:
            return {self.note: views.failure(*failures.said(error))}
        said = "The style is loaded. Redraw the video, or translate a clip, to use it."
        return {**self.showing(look), self.note: views.note(said)}

    def saved(self, *choices: Any) -> Update:
        """The text of the look's style file, for the browser to save."""
        try:
            return {self.text: style.to_json(check.look(*choices)), self.note: ""}
        except PipelineError as error:
            return {self.text: "", self.note: views.failure(*failures.said(error))}


def font_chosen(more: str, family: str | None) -> str:
    """The rest of the style with another font."""
    return style.to_json(replace(_read(more), font=family or ""))


def opacity_chosen(more: str, opacity: str | None) -> str:
    """The rest of the style with another opacity."""
    return style.to_json(replace(_read(more), panel_opacity=float(opacity) if opacity else None))


def people(analysis: Analysis) -> list[tuple[str, str]]:
    """The choices of whose panels are moved."""
    return [(one.name, one.id) for one in analysis.people]


def _opacity(share: float | None) -> gr.Dropdown:
    """The field at `share`, which is listed too where a style file has another than the page offers."""
    value = "" if share is None else f"{share:g}"
    listed = list(OPACITIES)
    if share is not None and value not in [known for _, known in listed]:
        listed.append((f"{share:.0%}".replace("%", " %"), value))
    return gr.Dropdown(choices=listed, value=value)


def _read(more: str) -> Look:
    return style.from_json(more) if more else Look()


def _only(analysis: Analysis, person: str | None) -> Analysis:
    """The analysis with the lines of the person alone, where they have any: the still shows one of theirs."""
    own = tuple(phrase for phrase in analysis.phrases if phrase.person == person)
    return replace(analysis, phrases=own) if own else analysis


def _picture(frame: Any) -> str:
    from PIL import Image

    image = Image.fromarray(frame)
    image.thumbnail((STILL_WIDTH, STILL_WIDTH))
    with io.BytesIO() as made:
        image.save(made, "JPEG", quality=85)
        data = base64.b64encode(made.getvalue()).decode()
    return (
        '<div class="still" tabindex="0" role="group" aria-label="Place of the panels: arrow keys move the mark, Enter '
        'puts them there"><img alt="A preview of the look" draggable="false" '
        f'src="data:image/jpeg;base64,{data}"><span class="still-mark" hidden></span></div>'
        '<p class="limits">Drag on the preview to move the panels, or use the arrow keys and Enter.</p>'
    )
