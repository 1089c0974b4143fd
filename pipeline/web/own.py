"""What the page does with a file of the visitor's own: a transcript, an RTTM, a project."""

from __future__ import annotations

import shutil
from pathlib import Path

import gradio as gr

from pipeline import given
from pipeline.errors import NotAClipError, PipelineError
from pipeline.project import Project
from pipeline.records import Clip
from pipeline.web import check, failures, jobs, views
from pipeline.web.handlers import Handlers
from pipeline.web.jobs import Result
from pipeline.web.runs import Update


class Own:
    """The events of the files that a visitor brings."""

    def __init__(self, handlers: Handlers) -> None:
        self.on, self.w = handlers, handlers.w

    def chosen(self, brought: str | None, turns: str | None) -> Update:
        """Say what the chosen files are, or what is wrong with them, and offer to open a project."""
        w = self.w
        opens = False
        try:
            found = check.brought(brought, turns)
            said = _said(len(found.lines), {line.speaker for line in found.lines if line.speaker}, "lines")
            said += _said(len(found.turns), {turn.speaker for turn in found.turns}, "turns")
            opens = bool(brought) and _is_project(str(brought))
            note = views.note(said.strip())
            if opens:
                note += views.hint("Open it together with its clip, or translate the clip again with its text.")
        except Exception as error:
            note = views.failure(*failures.said(error))
        return {w.brought_note: note, w.open: gr.Button(visible=opens)}

    def open(self, running: str, token: str, order: str, brought: str | None, clip: str | None) -> Update:
        """Show a project with its clip as it was left; no model runs."""
        w, on = self.w, self.on
        if on.is_busy(running):
            return {w.brought_note: views.failure("Please wait", "A clip is being translated; stop it first.")}
        folder = jobs.new_folder()
        try:
            opened = read(brought)
            probed = check.clip(clip, on.services)
            _check_clip(opened, probed)
            name = opened.name or Path(str(clip)).name
            result = Result(
                opened.analysis, opened.look, jobs.adopt(Path(str(clip)), folder), folder=folder, title=name
            )
        except Exception as error:
            shutil.rmtree(folder, ignore_errors=True)
            return {w.brought_note: views.failure(*failures.said(error))}
        on.kept.put(result)
        on.kept.forget(token)
        made = result.makes
        return {
            **on.show(result, order, live=result.token),
            **on._controls("", busy=False, result=result),
            w.problem: "",
            w.brought_note: views.note(f"The project is open. Press “{views.BUTTONS[made]}” to make its {made}."),
            w.visit: {"result": result.token, "run": ""},
        }


def read(file: str | None) -> Project:
    """The project in an uploaded file.

    Raises RecordError for a file that is none, PipelineError for no file.
    """
    if not file:
        raise PipelineError("There is no project yet; choose the file that “Project” saved.")
    return given.read_project_apart(Path(file))


def _is_project(file: str) -> bool:
    with Path(file).open("rb") as opened:
        if not opened.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
            return False
    try:
        read(file)
    except PipelineError:
        return False
    return True


def _said(count: int, speakers: set[str], what: str) -> str:
    if not count:
        return ""
    number = f"{count} {what if count > 1 else what[:-1]}"
    people = f" by {len(speakers)} {'people' if len(speakers) > 1 else 'person'}" if speakers else ""
    return f"{number}{people}. "


def _check_clip(opened: Project, clip: Clip) -> None:
    """A transcript shown on another clip would put words on strangers.

    Raises NotAClipError.
    """
    media = opened.analysis.media
    if abs(clip.duration - media.duration) > 0.5 or (clip.width, clip.height) != (media.width, media.height):
        raise NotAClipError(
            "This is not the clip of the project, because its length or size differs; choose the one the project was "
            "saved from."
        )
