"""What a visitor gives: the clip, the languages, a key. Every mistake is said as soon as it is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from pipeline import languages
from pipeline.deepl_service import read_terms
from pipeline.errors import LimitError, PipelineError, UsageError
from pipeline.options import Options
from pipeline.records import Clip, Look
from pipeline.web import check, failures, jobs, player, views, words
from pipeline.web.runs import Update
from pipeline.web.services import Services
from pipeline.web.widgets import FIND_TRACK, Widgets, target_choices

#: the inputs of a run, in the order in which the page sends them
FORM = (
    "clip", "url", "target", "source", "speakers", "look", "position", "text_size", "texts", "calm", "reveal",
    "more", "font",
    "formality",
    "glossary", "key", "trim", "trim_from", "track", "brought", "turns", "speech", "url_from",
)  # fmt: skip

LOOK = FORM[FORM.index("look") : FORM.index("font") + 1]


@dataclass(frozen=True, slots=True)
class Request:
    """A run, checked."""

    options: Options
    look: Look
    name: str  #: of the clip, as the visitor calls it
    clip: Path = Path()
    address: str = ""  #: to fetch the clip from, "" where there is a clip
    trim: float | None = None  #: s from which the longest allowed piece is used; None for the whole clip


def request(form: Sequence[Any], services: Services, session: str = "") -> Request:
    """Check what the page of `session` sends.

    Raises PipelineError for the first thing that cannot work.
    """
    given = dict(zip(FORM, form, strict=True))
    options = Options(
        target=check.target(given["target"]),
        source=check.source(given["source"]),
        speakers=check.speakers(given["speakers"]),
        keys=check.keys(given["key"]),
        formality=check.formality(given["formality"]),
        glossary=check.glossary(given["glossary"]),
        audio=check.audio_track(given["track"]),
        given=check.brought(given["brought"], given["turns"]),
        speech=check.speech(given["speech"], services),
        owner=str(given["clip"] or session),  # an upload has a name that nobody else knows
    )
    chosen = look(
        [given[name] for name in ("look", "position", "text_size", "texts", "calm", "reveal", "more", "font")]
    )
    url = str(given["url"] or "").strip()
    if given["clip"] and url:
        raise UsageError("There is both a clip and a web address; remove one of them.")
    if url:
        address = check.address(url, services.settings)
        name = jobs.plain_name(address.split("#")[0].split("?")[0].rstrip("/"))
        return Request(options, chosen, name, address=started(address, given["url_from"]))
    trim = None
    if given["trim"]:
        trim = check_trim(given["clip"], given["trim_from"], services)
    else:
        clip = check.clip(given["clip"], services)
        check.of_the_clip(options.given, clip)
    return Request(options, chosen, Path(given["clip"]).name, Path(given["clip"]), trim=trim)


def look(choices: Sequence[Any]) -> Look:
    """The look of the choices, in the order of `FORM`.

    Raises UsageError.
    """
    return check.look(*choices)


def check_trim(path: str | None, start: Any, services: Services) -> float | None:
    """The second from which a clip that is too long is used, None where it is short enough.

    Raises InputError for what is no clip, UsageError for a start outside the clip.
    """
    clip = check.file(path, services)
    measured = services.measure(clip)
    if measured.duration <= services.settings.max_duration_s:
        return None
    begin = words.seconds(str(start or "0"))
    if begin is None or begin > measured.duration - 1:
        raise UsageError(
            f"The part must start between 0:00 and {words.clock(measured.duration - 1)}; type a time such as 1:30."
        )
    return begin


def started(address: str, start: Any) -> str:
    """Return the address with the time at which its clip is to start, as `download.fetch` reads it.

    Raises UsageError for what is no time.
    """
    begin = words.seconds(str(start or "0"))
    if begin is None:
        raise UsageError("That is no time to start at; type one such as 1:30.")
    if not begin:
        return address
    page, _, fragment = address.partition("#")
    return f"{page}#t={begin:g}" + (f"&{fragment}" if fragment else "")  # the first of several counts


def short_enough(path: Path, services: Services) -> Path:
    """Return a clip that was fetched, or the longest allowed piece of it from its beginning.

    Raises InputError for what is no clip.
    """
    too_long = services.measure(path).duration > services.settings.max_duration_s + 0.5
    return trimmed(path, 0.0, services) if too_long else path


def trimmed(path: Path, start: float, services: Services) -> Path:
    """The longest allowed piece of the clip at `path` from about `start` s on, beside it."""
    piece, most = path.with_name("piece"), services.settings.max_duration_s
    services.trim(path, piece, start, most)
    over = services.measure(piece).duration - most
    if over > 0:  # nothing is encoded anew, so it begins with the key frame before
        services.trim(path, piece, start, most - over - 0.1)
    path.unlink()
    return piece


class Intake:
    """The events of the upload, the languages and the key."""

    def __init__(self, w: Widgets, services: Services) -> None:
        self.w, self.services = w, services

    def clip_chosen(self, path: str | None) -> Update:
        """Say what the chosen file is, or what is wrong with it, beside it."""
        w = self.w
        whole = {
            w.trim: gr.Checkbox(visible=False, value=False),
            w.trim_from: gr.Textbox(visible=False),
            w.track: gr.Dropdown(choices=[FIND_TRACK], value="0", visible=False),
        }
        if not path:
            return {w.clip_note: "", w.problem: "", **whole}
        try:
            clip = check.clip(path, self.services)
        except LimitError as error:
            return self._too_long(path, error, whole)
        except Exception as error:
            return {w.clip_note: views.failure(*failures.said(error)), w.problem: "", **whole}
        said = facts(Path(path).name, clip, playable(Path(path), clip))
        return {w.clip_note: said, w.problem: "", **whole, w.track: tracks_of(clip)}

    def _too_long(self, path: str, error: LimitError, whole: Update) -> Update:
        w, most = self.w, self.services.settings.max_duration_s
        try:
            clip = self.services.measure(Path(path))
        except PipelineError:
            return {w.clip_note: views.failure("Too large", str(error)), w.problem: "", **whole}
        if clip.duration <= most:  # it is something else that is too much
            return {w.clip_note: views.failure("Too large", str(error)), w.problem: "", **whole}
        said = (
            f"The clip is {words.clock(clip.duration)} long, and the limit is {check.minutes(most)}: choose where to "
            f"start."
        )
        return {
            w.clip_note: views.note(said),
            w.problem: "",
            w.trim: gr.Checkbox(visible=True, value=True, label=f"Use only {check.minutes(most)} of it"),
            w.trim_from: gr.Textbox(visible=True, value="0:00"),
            w.track: tracks_of(clip),
        }

    def languages_chosen(self, target: str | None, source: str | None, key: str | None) -> Update:
        """Say beside the languages what will come of them, and show the field for a key where one is needed."""
        w = self.w
        note, needs_key, known = "", False, str(target or "")
        try:
            code = check.target(target)
            spoken = check.source(source)
        except PipelineError as error:
            return {w.target_note: views.failure("Unknown language", str(error)), w.key: gr.skip()}
        name = next((item.name for item in languages.TARGETS if item.code == code), known)
        own, problem = False, ""
        try:
            own = bool(check.keys(key))
        except PipelineError as error:
            problem = str(error)
        if code and spoken and languages.same_language(spoken, code):
            note = f"The clip is already in {name}, so nothing will be translated; choose another language for that."
        elif code and not own and not self.services.works_now(code):
            needs_key = True
            note = (
                f"{name} needs a DeepL key: without one you get the original text only. You can get a free one at "
                "deepl.com."
            )
        html = f'<p class="hint" role="status">{escape(note)}</p>' if note else ""
        html += f'<p class="problem" role="alert">{escape(problem)}</p>' if problem else ""
        return {w.target_note: html, w.key: gr.Textbox(visible=needs_key or bool(key) or bool(problem))}

    def speech_chosen(self, name: str | None) -> str:
        """Say what has to be downloaded before the chosen speech model can be used."""
        model = next((model for model in self.services.speech() if model.name == name), None)
        if model is None or not model.megabytes:
            return ""
        return views.hint(f"Downloads {words.size(model.megabytes)} once, before the first clip.")

    def glossary_typed(self, glossary: str | None, key: str | None) -> str:
        """Say how many pairs there are and whether they will be applied, or which line is no pair."""
        try:
            given = check.glossary(glossary)
        except PipelineError as error:
            return views.hint(str(error), bad=True)
        if not given:
            return ""
        count = 0 if check.GLOSSARY_ID.fullmatch(given) else len(read_terms(given))
        what = f"{count} pair{'s' if count != 1 else ''}. " if count else "A glossary in your DeepL account. "
        own = bool(str(key or "").strip()) or bool(self.services.settings.deepl_keys)
        return views.hint(what + ("DeepL will apply it." if own else "It is applied only with a DeepL key."))

    def key_typed(self, target: str | None, source: str | None, glossary: str | None, key: str | None) -> Update:
        """With a key of one's own every language works, and the glossary is applied."""
        return {
            **self.languages_chosen(target, source, key),
            self.w.target: targets(self.services, key, target),
            self.w.glossary_note: self.glossary_typed(glossary, key),
        }


def targets(services: Services, key: str | None, target: str | None) -> Any:
    """The choice among languages to translate into, with `target` chosen: with a key in `key` every one works."""
    try:
        own = bool(check.keys(key))
    except PipelineError:
        own = False
    return gr.Dropdown(choices=target_choices(services, own), value=target)


def tracks_of(clip: Clip) -> Any:
    """The choice among the clip's sound tracks, shown where there are several."""
    choices = [FIND_TRACK, *((f"Track {n}", str(n)) for n in range(1, clip.audio_tracks + 1))]
    return gr.Dropdown(choices=choices, value="0", visible=clip.audio_tracks > 1)


def facts(name: str, clip: Clip, shown: bool) -> str:
    """What the file is, in a line."""
    parts = [f"<b>{escape(name)}</b>", words.clock(clip.duration)]
    parts.append(
        f"{clip.width} × {clip.height}" if clip.has_video else "audio only: transcript and subtitles, no video"
    )
    if not clip.has_audio:
        return f'<p class="clip-facts">{" · ".join(parts)}</p>' + views.failure(
            "No sound", "The clip has no sound, so there is nothing to translate; choose a clip in which people talk."
        )
    text = f'<p class="clip-facts" role="status">{" · ".join(parts)}</p>'
    if clip.has_video and not shown:
        text += views.note(
            "Your browser cannot play this format, but the clip can be translated, and the result plays everywhere."
        )
    return text


def playable(path: Path, clip: Clip) -> bool:
    """Whether a browser plays the file: MP4 or WebM with a codec that all of them have."""
    container = player.suffix(path) in (".mp4", ".webm")
    return container and (clip.video_codec or "h264") in ("h264", "vp8", "vp9", "av1")
