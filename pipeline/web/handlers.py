"""What the page's events do. A visitor's page holds tokens: of the result that stands on it and of the run that goes
on.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import gradio as gr

from pipeline.errors import PipelineError, UsageError
from pipeline.progress import ANALYSE, RENDER, Clock, each
from pipeline.records import Analysis, Attribution, Look, Media, Preview, Progress, Stage
from pipeline.web import cards, examples, failures, files, intake, jobs, limits, lines, player, timeline, views
from pipeline.web.intake import Request
from pipeline.web.jobs import Kept, Result
from pipeline.web.runs import Run, Runs, Then, Turnstile, Update, Work
from pipeline.web.services import Example, Services
from pipeline.web.style_panel import people
from pipeline.web.widgets import Widgets, title

WAIT = "A run is in progress; wait for it to finish or stop it, then make your change."
EXPIRED = "This result has expired; translate the clip again."
STOPPED = "Stopped. Nothing is running any more."
GONE = "What was here when you left has expired; translate the clip again."


class ExpiredError(UsageError):
    """What the page shows is not here any more."""


def _longest(preview: Preview | None) -> str:
    """The longest text that is new in `preview`, a translation where there are some."""
    if preview is None:
        return ""
    if preview.attribution is not None:
        return max((phrase.translation or "" for phrase in preview.attribution.phrases), key=len, default="")
    segments = preview.transcript.segments if preview.transcript is not None else ()
    return max((segment.text for segment in segments), key=len, default="")


class Handlers:
    """The functions behind the widgets that run, show and keep results.

    `token` names the result that stands on a page ("": the first example), `running` the run that goes on for it. Both
    are kept by the browser, so that a reload finds them again.
    """

    def __init__(
        self, w: Widgets, services: Services, models: Turnstile, drawing: Turnstile, fetching: Turnstile
    ) -> None:
        self.w, self.services = w, services
        self.models, self.drawing, self.fetching = models, drawing, fetching
        self.runs, self.kept = Runs(), Kept()

    # running

    def begin(self, request: gr.Request, running: str, token: str, *form: Any) -> Update:
        """Refuse at once what cannot work, else queue the run and say so."""

        def work() -> tuple[Work, Turnstile]:
            wanted = intake.request(form, self.services, str(request.session_hash or ""))
            if wanted.address:
                self.models.enter(self._visitor(request)).leave()  # what finds no place later is not fetched
            return self._translate(wanted, token), self.fetching if wanted.address else self.models

        given = dict(zip(intake.FORM, form, strict=True))
        stages = (("fetch",) if str(given["url"] or "").strip() else ()) + ANALYSE + RENDER
        return self._begun(request, running, token, work, stages, (given["key"],))

    def begin_redraw(self, request: gr.Request, running: str, token: str, *look: Any) -> Update:
        """Queue the drawing of what was changed. No model runs."""

        def work() -> tuple[Work, Turnstile]:
            return self._redraw(self._current(token), intake.look(look)), self.drawing

        return self._begun(request, running, token, work, RENDER)

    def _begun(
        self,
        request: gr.Request,
        running: str,
        token: str,
        work: Callable[[], tuple[Work, Turnstile]],
        stages: tuple[str, ...],
        secret: tuple[str | None, ...] = (),
        *,
        plays: bool = True,
    ) -> Update:
        """Queue the run that `work` returns, of these stages. It `plays` where it ends with a new video."""
        w = self.w
        if self.is_busy(running):
            return {w.problem: gr.skip()}
        try:
            steps, turnstile = work()
            visitor = self._visitor(request)
            run = self.runs.queue(steps, turnstile, lambda ahead: {w.hud: views.waiting(ahead)}, secret, visitor)
        except Exception as error:
            return {w.problem: views.failure(*failures.said(error, secret)), w.running: ""}
        run.plays = plays
        hud = views.progress(stages, stages[0])
        run.publish(self._controls(hud, busy=True))
        run.start()
        return {
            **self._controls(hud, busy=True),
            w.problem: "",
            w.running: run.token,
            w.visit: {"result": token, "run": run.token},
        }

    def _visitor(self, request: gr.Request) -> str:
        scope = request.request.scope if request.request else {}
        return limits.address(scope, forwarded=self.services.settings.on_spaces)

    def is_busy(self, running: str) -> bool:
        """Whether the run with this token goes on."""
        run = self.runs.get(running)
        return run is not None and not run.over

    async def follow(self, running: str, token: str, order: str) -> AsyncIterator[Update]:
        """Show a run to its end, and then what it has made."""
        run = self.runs.get(running)
        if run is None:
            yield {self.w.running: ""}
            return
        async for update in run.follow():
            yield update
        yield self._ended(run, token, order)

    def stop(self, running: str) -> Update:
        """Ask the run to end; the button says so until it has."""
        run = self.runs.get(running)
        if run is None or run.over:
            return {self.w.stop: gr.skip()}
        run.stop()
        stopping = {self.w.stop: gr.Button("Stopping …", interactive=False)}
        run.publish(stopping)
        return stopping

    def restore(self, visit: dict[str, str] | None, order: str) -> Update:
        """Fill a page that was reloaded: the run that goes on, else the result, of this browser."""
        w, visit = self.w, visit or {}
        run, token = self.runs.get(visit.get("run")), str(visit.get("result") or "")
        if run is not None and not run.over:
            standing = self._standing(str(run.value(w.token) or token), order)
            return {**standing, **self._controls("", busy=True), w.running: run.token}
        if run is not None:
            return self._ended(run, token, order)
        result = self.kept.get(token)
        if result is not None:
            return {**self.show(result, order), **self._controls("", busy=False, result=result), w.running: ""}
        said = views.note(GONE) if token or visit.get("run") else ""
        return {w.running: "", w.hud: said, w.visit: None}

    def _ended(self, run: Run, token: str, order: str) -> Update:
        w = self.w
        token = str(run.value(w.token) or token)
        shown = {"play": run.token} if run.plays else {"live": run.token}
        controls = self._controls("", busy=False, result=self.kept.get(token))
        update = {**self._standing(token, order, **shown), **controls}
        update |= {w.running: "", w.visit: {"result": token if self.kept.get(token) else "", "run": ""}}
        if run.error is not None:
            heading, sentence = failures.said(run.error, run.secret)
            if run.plays:
                update[w.problem] = views.failure(heading, sentence)
            else:  # beside the lines, as the problem of a correction is
                result = self.kept.get(token)
                update[w.pending] = self.pending(result, sentence) if result else views.hint(sentence, bad=True)
        elif run.stopping:
            update[w.hud] = views.note(STOPPED)
        return update

    def _translate(self, request: Request, token: str) -> Work:
        """The whole way from clip to video. An address is fetched before the wait for a place among the models."""
        folder = jobs.new_folder()
        kept = False
        clock = Clock(ANALYSE + RENDER)
        stages = (("fetch",) if request.address else ()) + ANALYSE + RENDER
        try:
            if request.address:
                path = yield from self._follow(self.services.fetch(request.address, folder), stages)
                path = intake.short_enough(path, self.services)
                yield Then(self.models)
            else:
                path = jobs.adopt(request.clip, folder)
            if request.trim is not None:
                path = intake.trimmed(path, request.trim, self.services)
            result = Result(_nothing_known(), request.look, path, folder=folder, title=request.name)
            yield {self.w.title: title(request.name, example=False), self.w.sources: player.sources(result)}
            analysis = yield from self._follow(self.services.analyse(path, request.options, clock), stages)
            result.analysis = analysis
            self.kept.put(result)
            kept = True  # from here on it is the visitor's: a stopped drawing can be taken up again
            yield {**self._views(result, editable=False), self.w.token: result.token}
            self.kept.forget(token)
            yield from self._draw(result, clock, stages)
        finally:
            if not kept:
                shutil.rmtree(folder, ignore_errors=True)

    def _redraw(self, result: Result, look: Look) -> Iterator[Update]:
        result.look = look
        self.kept.put(result)
        yield {self.w.token: result.token}
        yield from self._draw(result, Clock(RENDER), RENDER)

    def _draw(self, result: Result, clock: Clock, stages: tuple[str, ...]) -> Iterator[Update]:
        """Make the result's files show what is known now. A result given up meanwhile stays so."""
        out = result.new_files()
        done = False
        try:
            analysis, look = result.analysis, result.look
            if analysis.media.width:
                stage = self.services.render(result.clip, analysis, look, out / "video.mp4", clock)
                texts = (phrase.translation or phrase.source for phrase in analysis.phrases)
                result.notices = yield from self._follow(stage, stages, max(texts, key=len, default=""))
            self.services.write_records(out, jobs.noted(analysis, result.notices), look)
            files.write_extras(out, result, out / "video.mp4")
            done = result.drawn_into(out, analysis)
        finally:
            if not done:
                shutil.rmtree(out, ignore_errors=True)

    def _follow(self, stage: Stage[Any], stages: tuple[str, ...], words: str = "") -> Generator[Update, None, Any]:
        """Runs the stage to its end, showing where it is and what it found; returns its result. Closing closes it."""
        shown, at, fraction = "", 0.0, 0.0

        def seen(step: Progress) -> Update | None:
            nonlocal shown, at, fraction, words
            words = _longest(step.preview) or words
            if step.stage not in stages:  # weights are downloaded, and another stage waits for them
                said = f"{step.message}: {step.fraction:.0%}" if step.message else ""
                step = replace(step, stage=shown or step.stage, fraction=fraction, message=said)
            fraction = step.fraction
            now = time.monotonic()
            if step.stage == shown and now - at <= views.TICK_S and step.preview is None:
                return None
            shown, at = step.stage, now
            hud = views.progress(
                stages, step.stage, step.fraction, step.overall, step.seconds_left, step.message, words
            )
            return {self.w.hud: hud, **self._shown_so_far(step.preview)}

        return each(stage, seen)

    def _shown_so_far(self, preview: Preview | None) -> Update:
        """What can be shown before the end."""
        w = self.w
        if preview is None:
            return {}
        update: Update = {}
        if preview.clip is not None:
            update |= dict.fromkeys((w.gallery, w.timeline, w.transcript, w.notices, w.pending, w.downloads), "")
        if preview.transcript is not None:
            update[w.transcript] = lines.heard(preview.transcript)
        if preview.faces is not None:
            update[w.gallery] = cards.found_faces(preview.faces)
        if preview.attribution is not None:
            update |= self._preview(preview.attribution)
        return update

    def _preview(self, found: Attribution) -> Update:
        end = max((turn.end for turn in found.turns), default=0.0)
        nowhere = Media(end, 0, 0, Fraction(0))
        analysis = Analysis(
            nowhere, "", "", {}, found.people, found.phrases, found.turns, (), (), {}, portraits=found.portraits
        )
        return {
            self.w.gallery: cards.gallery(analysis, editable=False),
            self.w.timeline: timeline.timeline(analysis),
            self.w.transcript: lines.transcript_table(analysis, editable=False),
        }

    # showing

    def _standing(self, token: str, order: str, play: str = "", live: str = "") -> Update:
        """What there is under `token`, or nothing."""
        w = self.w
        try:
            result = self._current(token)
        except PipelineError:
            empty = (w.gallery, w.timeline, w.transcript, w.title, w.sources, w.downloads, w.pending, w.notices)
            return dict.fromkeys(empty, "")
        return self.show(result, order, play, live)

    def show(self, result: Result, order: str, play: str = "", live: str = "") -> Update:
        """The result, with its files; `play` is new where the video shall begin by itself, `live` where the captions
        that the page draws shall be shown.
        """
        return {
            **self._views(result, order, play=play, live=live),
            **self.w.style.of_the_result(result.look, result.analysis),
            self.w.title: title(result.title, example=result.is_example),
        }

    def show_example(self, example: Example) -> Callable[..., Update]:
        """An example's finished result, at once; its clip is ready to be run again."""

        def show(running: str, previous: str, order: str) -> Update:
            w = self.w
            if self.is_busy(running):
                return {w.problem: views.failure("Please check", "A clip is being translated; stop it first.")}
            self.kept.forget(previous)
            result = examples.result_of(example)
            self.kept.put(result)
            return {
                **self.show(result, order),
                **self._controls("", busy=False, result=result),
                w.clip: str(example.clip),
                w.url: "",
                w.problem: "",
                w.visit: None,
            }

        return show

    def _views(
        self, result: Result, order: str = "time", *, editable: bool = True, play: str = "", live: str = ""
    ) -> Update:
        w = self.w
        result.touch()
        return {
            w.gallery: cards.gallery(result.analysis, editable=editable, picture=result.picture),
            w.timeline: timeline.timeline(result.analysis),
            w.transcript: lines.transcript_table(result.analysis, unsure_first=order == "unsure", editable=editable),
            w.notices: views.notices(result.noted),
            w.pending: self.pending(result) if editable or result.drawn else "",
            w.undo: gr.Button(interactive=editable and bool(result.undo)),
            w.redo: gr.Button(interactive=editable and bool(result.redo)),
            w.style.person: gr.Dropdown(choices=people(result.analysis)),
            w.sources: player.sources(result, play=play, live=live),
            w.downloads: player.downloads(result),
            w.token: result.token if self.kept.get(result.token) else "",
        }

    @staticmethod
    def pending(result: Result, problem: str = "") -> str:
        """What the files do not show yet, and why the last change was not made."""
        return views.pending(result.pending, problem, what=result.makes, made=result.drawn is not None)

    def _controls(self, hud: str, *, busy: bool, result: Result | None = None) -> Update:
        """What can be pressed, with `result` on the page. Whether there is something to undo is known to `_views`."""
        w = self.w
        drawing: dict[str, Any] = {} if result is None else {"value": views.BUTTONS[result.makes]}
        return {
            w.hud: hud,
            w.run: gr.Button(visible=not busy),
            w.stop: gr.Button("Stop", visible=busy, interactive=busy),
            w.redraw: gr.Button(**drawing, interactive=not busy),
            w.again: gr.Button(interactive=not busy),
            **({w.undo: gr.Button(interactive=False), w.redo: gr.Button(interactive=False)} if busy else {}),
        }

    def _current(self, token: str) -> Result:
        """The visitor's result, or the first example before there is one.

        Raises ExpiredError when theirs is gone, PipelineError when there is no example either.
        """
        result = self.kept.get(token)
        if result is not None:
            return result
        if token:
            raise ExpiredError(EXPIRED)
        if not self.services.examples:
            raise PipelineError("There is nothing to edit yet; translate a clip first.")
        return examples.result_of(self.services.examples[0])


def _nothing_known() -> Analysis:
    return Analysis(Media(0.0, 0, 0, Fraction(0)), "", "", {}, (), (), (), (), (), {})
