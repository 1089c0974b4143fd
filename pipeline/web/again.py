"""What the page does to translate lines again, and to say what the chosen language needs for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import gradio as gr

from pipeline import retranslate
from pipeline.errors import UsageError
from pipeline.options import Options
from pipeline.progress import Clock
from pipeline.web import check, intake, views
from pipeline.web.editing import apply_edit, numbers_of
from pipeline.web.handlers import Handlers
from pipeline.web.jobs import Result
from pipeline.web.runs import Turnstile, Update


class Again:
    """The events that translate the lines of a result again; no word, voice or face is looked for."""

    def __init__(self, handlers: Handlers) -> None:
        self.on, self.w = handlers, handlers.w

    def begin_all(self, request: gr.Request, running: str, token: str, *form: str) -> Update:
        """Queue the translation of every line, as `form` wants it (`_read`)."""
        target, key, formality, glossary = _read(form)

        def work() -> tuple[Iterator[Update], Turnstile]:
            options = _options(check.target(target), key, formality, glossary, token)
            return self._translate(self.on._current(token), options, None), self.on.models

        return self._begun(request, running, token, work, key)

    def begin_lines(self, request: gr.Request, event: gr.EventData, running: str, token: str, *form: str) -> Update:
        """Queue the translation of the chosen lines, into the language of the others; that of the form where there is
        none yet.
        """
        data = dict(event._data) if isinstance(event._data, dict) else {}
        target, key, formality, glossary = _read(form)

        def work() -> tuple[Iterator[Update], Turnstile]:
            result = self.on._current(token)
            with result.lock:  # what was typed goes along
                result.change(apply_edit(result.analysis, {**data, "kind": "typed"}))
            wanted = result.analysis.target_language or check.target(target)
            options = _options(wanted, key, formality, glossary, token)
            return self._translate(result, options, numbers_of(data)), self.on.models

        return self._begun(request, running, token, work, key)

    def _begun(self, request: gr.Request, running: str, token: str, work: Any, key: str) -> Update:
        w = self.w
        update = self.on._begun(request, running, token, work, retranslate.STAGES, (key,), plays=False)
        problem = update.pop(w.problem, "")
        if isinstance(problem, str) and problem:  # it stands where the lines are
            update[w.pending] = problem
        return update

    def _translate(self, result: Result, options: Options, lines: list[int] | None) -> Iterator[Update]:
        self.on.kept.put(result)
        yield {self.w.token: result.token}
        before = result.analysis
        stage = self.on.services.retranslate(result.clip, before, options, lines, Clock(retranslate.STAGES))
        renewed = yield from self.on._follow(stage, retranslate.STAGES)
        with result.lock:
            result.change(replace(renewed, portraits=before.portraits))

    def language_chosen(self, target: str | None, own_key: str | None, run_key: str | None) -> Update:
        """Say what the chosen language needs, and show the field for a key where it needs one that is nowhere yet."""
        w, services = self.w, self.on.services
        key = _key(own_key, run_key)
        try:
            code = check.target(target)
        except UsageError as error:
            return {w.again_note: views.failure("Unknown language", str(error)), w.again_key: gr.skip()}
        needs_key = bool(code) and not services.works_now(code)
        try:
            own, problem = bool(check.keys(key)), ""
        except UsageError as error:
            own, problem = False, str(error)
        note = "This language needs a DeepL key. You can get a free one at deepl.com." if needs_key and not own else ""
        if not code:
            note = "The translations will be removed."
        said = views.hint(note) + (views.hint(problem, bad=True) if problem else "")
        return {w.again_note: said, w.again_key: gr.Textbox(visible=(needs_key and not own) or bool(own_key))}

    def key_typed(self, target: str | None, own_key: str | None, run_key: str | None) -> Update:
        """With a key, that of the run included, every language works."""
        choices = intake.targets(self.on.services, _key(own_key, run_key), target)
        return {**self.language_chosen(target, own_key, run_key), self.w.again_target: choices}


def _read(form: Sequence[str]) -> tuple[str, str, str, str]:
    """Return target, key, formality and glossary.

    form: what the page sends: target, key typed for this, key typed for the run, formality, glossary.
    """
    target, own, of_the_run, formality, glossary = form
    return target, _key(own, of_the_run), formality, glossary


def _key(own: str | None, of_the_run: str | None) -> str:
    """Return the key that lines are translated again with: the one typed for this, else the one typed for the run."""
    return str(own or "").strip() or str(of_the_run or "").strip()


def _options(target: str, key: str, formality: str, glossary: str, token: str) -> Options:
    return Options(
        target=target,
        keys=check.keys(key),
        formality=check.formality(formality),
        glossary=check.glossary(glossary),
        owner=token,
    )
