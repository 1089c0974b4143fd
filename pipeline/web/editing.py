"""What the page does with a correction."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import gradio as gr

from pipeline import edit
from pipeline.errors import PipelineError, UsageError
from pipeline.records import Analysis
from pipeline.web import lines, views, words
from pipeline.web.handlers import WAIT, Handlers
from pipeline.web.jobs import Result
from pipeline.web.runs import Update

MOST_LINES = 500  #: chosen at once
LONGEST_TEXT = 10_000  #: characters of one value; a line has at most a tenth


class Editing:
    """The events that correct the result on a page."""

    def __init__(self, handlers: Handlers) -> None:
        self.on, self.w = handlers, handlers.w

    def correct(self, token: str, running: str, order: str, event: gr.EventData) -> Update:
        """Make one correction and show it everywhere."""
        data = dict(event._data or {})
        return self._changed(token, running, order, lambda result: result.change(apply_edit(result.analysis, data)))

    def undo(self, token: str, running: str, order: str) -> Update:
        """Undo the last correction."""
        return self._changed(token, running, order, Result.take_back)

    def redo(self, token: str, running: str, order: str) -> Update:
        """Redo the correction that was undone last."""
        return self._changed(token, running, order, Result.do_again)

    def reorder(self, token: str, running: str, order: str) -> Update:
        """Show the lines in the chosen order; while something goes on, from its end on."""
        w = self.w
        if self.on.is_busy(running):
            return {w.transcript: gr.skip()}
        try:
            analysis = self.on._current(token).analysis
        except PipelineError as error:
            return {w.pending: views.hint(str(error), bad=True)}
        return {w.transcript: lines.transcript_table(analysis, unsure_first=order == "unsure")}

    def _changed(self, token: str, running: str, order: str, change: Callable[[Result], Any]) -> Update:
        w, problem = self.w, ""
        try:
            result = self.on._current(token)
        except PipelineError as error:
            return {w.pending: views.hint(str(error), bad=True)}
        if self.on.is_busy(running):
            problem = WAIT
        else:
            try:
                with result.lock:
                    change(result)
            except PipelineError as error:
                problem = str(error)
        if not token and result.undo:
            self.on.kept.put(result)
        update = self.on._views(result, order)
        if result.drawn or problem:
            update[w.pending] = self.on.pending(result, problem)
        if problem:  # what was typed must go: HTML that did not change is not drawn again
            for table in (w.gallery, w.transcript):
                update[table] += f"<!--{secrets.token_hex(4)}-->"
        if problem == WAIT:
            update |= {w.undo: gr.Button(interactive=False), w.redo: gr.Button(interactive=False)}
        else:
            update[w.visit] = {"result": update[w.token], "run": ""}
        return {widget: update[widget] for widget in w.edited if widget in update}


def apply_edit(analysis: Analysis, change: dict[str, Any]) -> Analysis:
    """Return the analysis after one correction as the page sends it: kind, person, phrase, value and what the kind
    needs.

    Raises UsageError for anything it does not understand.
    """
    typed = change.get("typed")  # what stands in the line's texts but was not sent yet
    for text in typed[:2] if isinstance(typed, list) else []:
        if isinstance(text, dict) and text.get("kind") in ("source", "translation"):
            analysis = apply_edit(analysis, {name: text.get(name) for name in ("kind", "phrase", "value")})
    kind = str(change.get("kind") or "")
    if kind == "typed":
        return analysis
    for edits in (_ON_PEOPLE, _ON_LINES):
        if kind in edits:
            return edits[kind](analysis, _Change(change))
    raise UsageError("This version does not know that edit; reload the page.")


def numbers_of(change: dict[str, Any]) -> list[int]:
    """Return the lines that a change is about.

    Raises UsageError for none.
    """
    read = _Change(change)
    lines = read.phrases or ([read.phrase] if read.phrase >= 0 else [])
    if not lines:
        raise UsageError("No line is selected; select one first.")
    return lines


class _Change:
    """One correction, read with care: anybody can send anything."""

    def __init__(self, given: dict[str, Any]) -> None:
        self._given = given

    def text(self, name: str) -> str:
        text = str(self._given.get(name) or "")
        if len(text) > LONGEST_TEXT:
            raise UsageError(f"A text may have at most {LONGEST_TEXT:,} characters here; shorten it.")
        return text

    @property
    def person(self) -> str:
        return self.text("person")

    @property
    def value(self) -> str:
        return self.text("value")

    def whole(self, name: str) -> int:
        text = str(self._given.get(name, ""))
        return int(text) if text.isdecimal() and len(text) < 9 else -1

    @property
    def phrase(self) -> int:
        return self.whole("phrase")

    @property
    def phrases(self) -> list[int]:
        given = self._given.get("lines")
        numbers = [str(number) for number in given[:MOST_LINES]] if isinstance(given, list) else []
        return [int(number) for number in numbers if number.isdecimal() and len(number) < 9]

    def truth(self, name: str) -> bool:
        return self._given.get(name) in (True, "true")

    def seconds(self, name: str) -> float:
        value = words.seconds(self.text(name))
        if value is None:
            raise UsageError("That is not a time; type one such as 1:05.3 or 65.3.")
        return value


def _give(analysis: Analysis, c: _Change) -> Analysis:
    numbers = c.phrases or [c.phrase]
    if c.value == "new":
        return edit.give_to_new(analysis, numbers)
    return edit.give_many(analysis, numbers, c.value or None)


def _add(analysis: Analysis, c: _Change) -> Analysis:
    """After the given line, in the pause there; at the start of the clip without one."""
    order = sorted(analysis.phrases, key=lambda p: p.start)
    before = next((p for p in order if p.id == c.phrase), None)
    if before is None:
        return edit.add(analysis, 0.0, min(2.0, order[0].start if order and order[0].start >= 0.1 else 2.0))[0]
    later = [p.start for p in order if p.start >= before.end]
    end = min([before.end + 2.0, *([later[0]] if later and later[0] - before.end >= 0.1 else [])])
    start = before.end if before.end + 0.1 <= analysis.media.duration else before.start
    return edit.add(analysis, start, end, before.person)[0]


def _replace(analysis: Analysis, c: _Change) -> Analysis:
    changed, count = edit.replace_text(
        analysis, c.text("find"), c.value, translated=c.truth("translated"), case=c.truth("case")
    )
    if not count:
        raise UsageError("No line contains that; check the spelling.")
    return changed


Edits = dict[str, Callable[[Analysis, _Change], Analysis]]

_ON_PEOPLE: Edits = {
    "rename": lambda a, c: edit.rename(a, c.person, c.value),
    "recolour": lambda a, c: edit.recolour(a, c.person, c.value),
    "merge": lambda a, c: edit.merge(a, c.person, c.value) if c.value else a,
    "face": lambda a, c: edit.give_face(a, c.person or c.value, c.text("face") or c.value),
    "noface": lambda a, c: edit.take_face(a, c.person),
    "separate": lambda a, c: edit.separate(a, c.person),
}

_ON_LINES: Edits = {
    "give": _give,
    "source": lambda a, c: edit.correct_source(a, c.phrase, c.value),
    "translation": lambda a, c: edit.correct_translation(a, c.phrase, c.value),
    "remove": lambda a, c: edit.remove_many(a, c.phrases or [c.phrase]),
    "split": lambda a, c: edit.split(a, c.phrase, c.whole("at"), translated=c.truth("translated")),
    "join": lambda a, c: edit.join(a, c.phrase),
    "start": lambda a, c: edit.retime(a, c.phrase, start=c.seconds("value")),
    "end": lambda a, c: edit.retime(a, c.phrase, end=c.seconds("value")),
    "add": _add,
    "replace": _replace,
}
