"""What the page's events do. Nothing of a visitor is held here: that is in their state."""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import gradio as gr

from pipeline import edit
from pipeline.errors import PipelineError, UsageError
from pipeline.options import Options
from pipeline.progress import ANALYSE, RENDER, Clock, each
from pipeline.records import Analysis, Attribution, Look, Media, Preview, Progress, Stage
from pipeline.web import check, failures, jobs, views
from pipeline.web.jobs import Result
from pipeline.web.services import Example, Services
from pipeline.web.widgets import DOWNLOADS, Widgets, target_choices, title

WAIT = "The video is being made; wait for it or stop it, then change it."
STILL_BUSY = "busy"  #: for `over`, which then has nothing to say
EXPIRED = "This result has expired; translate the clip again."

Text = str | None  #: of a box, a list or a path, as Gradio hands it over
Update = dict[Any, Any]  #: widget -> what it becomes; the others stay


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
    """The functions behind the widgets.

    `busy` is the visitor's: something is going on, so their result is left alone. `token` names the result that stands on
    their page ("": the first example), which outlives the result itself on a page left open.
    """

    def __init__(self, w: Widgets, services: Services) -> None:
        self.w, self.services = w, services

    # running

    def begin(
        self, clip: Text, url: Text, target: Text, source: Text, speakers: float | None, *rest: Any
    ) -> Iterator[Update]:
        """Before the queue: what cannot work is refused at once, else the wait is shown."""
        *look, key, busy = rest
        if busy:
            yield from self._still_busy()
        with_wait = views.progress(ANALYSE + RENDER, "probe", message="Waiting for a place in the queue …")
        yield from self._guarded(
            lambda: self._checked(lambda: self._request(clip, url, target, source, speakers, look, key), with_wait),
            (key,),
        )

    def begin_redraw(self, result: Result | None, token: str, busy: bool, *look: Any) -> Iterator[Update]:
        """Before the queue."""
        if busy:
            yield from self._still_busy()
        with_wait = views.progress(RENDER, "render")
        yield from self._guarded(
            lambda: self._checked(lambda: (check.look(*look), self._shown(result, token)), with_wait)
        )

    def _still_busy(self) -> Iterator[Update]:
        """A click that was faster than the page: what goes on goes on. Raises gr.Error, which nobody sees."""
        yield {self.w.said: STILL_BUSY}
        raise gr.Error("", visible=False, print_exception=False)

    def _checked(self, checks: Callable[[], Any], hud: str) -> Iterator[Update]:
        checks()
        yield {**self._controls(hud, busy=True), self.w.said: ""}

    def run(
        self, clip: Text, url: Text, target: Text, source: Text, speakers: float | None, *rest: Any
    ) -> Iterator[Update]:
        """The whole way from clip to video."""
        *look, key, previous = rest
        yield from self._guarded(
            lambda: self._translate(clip, url, target, source, speakers, look, key, previous), (key,)
        )

    def _translate(
        self,
        clip: Text,
        url: Text,
        target: Text,
        source: Text,
        speakers: float | None,
        look: Sequence[Any],
        key: Text,
        previous: Result | None,
    ) -> Iterator[Update]:
        options, chosen, address = self._request(clip, url, target, source, speakers, look, key)
        folder = jobs.new_folder()
        kept = False
        clock = Clock(ANALYSE + RENDER)
        stages = (("fetch",) if address else ()) + ANALYSE + RENDER
        try:
            if address:
                path = yield from self._follow(self.services.fetch(address, folder), stages)
            else:
                path = jobs.adopt(Path(clip or ""), folder)
            analysis = yield from self._follow(self.services.analyse(path, options, clock), stages)
            result = Result(analysis, chosen, path, folder=folder)
            kept = True  # from here on it is the visitor's: a stopped drawing can be taken up again
            yield self._views(result, editable=False)
            jobs.forget(previous)
            yield from self._draw(result, clock, stages)
        finally:
            if not kept:
                shutil.rmtree(folder, ignore_errors=True)

    def _request(
        self,
        clip: Text,
        url: Text,
        target: Text,
        source: Text,
        speakers: float | None,
        look: Sequence[Any],
        key: Text,
    ) -> tuple[Options, Look, str | None]:
        *look, formality, glossary = look
        own = check.keys(key)
        options = Options(
            target=check.target(target),
            source=check.source(source),
            speakers=check.speakers(speakers),
            keys=own,
            formality=check.formality(formality),
            glossary=check.glossary(glossary),
        )
        chosen = check.look(*look)
        if clip and (url or "").strip():
            raise UsageError("There is a clip and an address; remove one of them.")
        if clip or not (url or "").strip():
            check.clip(clip, self.services)
            return options, chosen, None
        return options, chosen, check.address(url or "", self.services.settings)

    def redraw(self, result: Result | None, token: str, *look: Any) -> Iterator[Update]:
        """The video with what was edited. No model runs."""
        yield from self._guarded(lambda: self._redraw(result, token, look))

    def _redraw(self, result: Result | None, token: str, look: Sequence[Any]) -> Iterator[Update]:
        result = self._shown(result, token)
        result.look = check.look(*look)
        yield {self.w.state: result, self.w.token: result.token}  # now: at the end there may be a newer one
        yield from self._draw(result, Clock(RENDER), RENDER)

    def _draw(self, result: Result, clock: Clock, stages: tuple[str, ...]) -> Iterator[Update]:
        """The result's files are what is known now; showing them is `show`'s. A result given up meanwhile stays so."""
        out = result.new_files()
        done = False
        try:
            analysis, look = result.analysis, result.look
            if analysis.media.width:
                stage = self.services.render(result.clip, analysis, look, out / "video.mp4", clock)
                texts = (phrase.translation or phrase.source for phrase in analysis.phrases)
                result.notices = yield from self._follow(stage, stages, max(texts, key=len, default=""))
            self.services.write_records(out, jobs.noted(analysis, result.notices), look)
            jobs.zip_faces(analysis, out / "faces.zip")
            done = result.drawn_into(out, analysis)
        finally:
            if not done:
                shutil.rmtree(out, ignore_errors=True)

    def _follow(self, stage: Stage[Any], stages: tuple[str, ...], words: str = "") -> Generator[Update, None, Any]:
        """Runs the stage to its end, showing where it is and what it found; returns its result. Closing closes it."""
        shown, at = "", 0.0

        def seen(step: Progress) -> Update | None:
            nonlocal shown, at, words
            words = _longest(step.preview) or words
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
            update |= dict.fromkeys((w.gallery, w.timeline, w.transcript, w.notices, w.pending), "")
            update[w.title] = title("", example=False)
        if preview.transcript is not None:
            update[w.transcript] = views.heard(preview.transcript)
        if preview.faces is not None:
            update[w.gallery] = views.found_faces(preview.faces)
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
            self.w.gallery: views.gallery(analysis, editable=False),
            self.w.timeline: views.timeline(analysis),
            self.w.transcript: views.transcript_table(analysis, editable=False),
        }

    def _guarded(self, work: Callable[[], Iterator[Update]], secret: tuple[str | None, ...] = ()) -> Iterator[Update]:
        """`work`; what goes wrong is noted for the event that follows (`over`) and ends the chain.

        Raises gr.Error, which nobody sees.
        """
        try:
            yield from work()
        except Exception as error:
            name, sentence = failures.said(error, secret)
            yield {self.w.said: views.failure(name, sentence)}
            raise gr.Error(sentence, title=name, visible=False, print_exception=False) from None

    # showing

    def show(self, result: Result | None, token: str, order: str) -> Update:
        """The current result, with its files."""
        result = self._current(result, token)
        look = result.look
        choices = (look.name, look.position, look.text_size, look.texts, look.reduced_motion, look.reveal)
        update: Update = {
            **self._controls("", busy=False),
            **self._views(result, order),
            **dict(zip(self.w.relook, choices, strict=True)),
            self.w.title: title(result.title, example=result.is_example),
            self.w.video: gr.Video(value=result.file("video.mp4"), subtitles=result.file("subtitles.vtt")),
        }
        for (_, _, name), button in zip(DOWNLOADS, self.w.downloads, strict=True):
            update[button] = gr.DownloadButton(value=result.file(name), interactive=bool(result.file(name)))
        return update

    def over(self, said: str, result: Result | None, token: str, order: str) -> Update:
        """After what went wrong: the sentence, above the result there was. Nothing said means that the queue was full."""
        if said == STILL_BUSY:
            return {self.w.said: ""}
        busy = views.failure("Too busy", "Many people are waiting just now; try again in a few minutes.")
        return self._after(said or busy, result, token, order)

    def stopped(self, result: Result | None, token: str, order: str) -> Update:
        """The run is over; what was there stays."""
        note = '<p class="note" role="status">Stopped. Nothing is running any more.</p>'
        return {**self._after(note, result, token, order), self.w.said: note}  # a cancelled event ends in `over`, too

    def _after(self, hud: str, result: Result | None, token: str, order: str) -> Update:
        try:
            update = self.show(result, token, order)
        except PipelineError:  # nothing to show yet, or any more
            empty = dict.fromkeys((self.w.gallery, self.w.timeline, self.w.transcript, self.w.title), "")
            nothing = {button: gr.DownloadButton(value=None, interactive=False) for button in self.w.downloads}
            update = {**empty, **nothing, self.w.video: gr.Video(value=None, subtitles=None)}
        return {**update, **self._controls(hud, busy=False)}

    def show_example(self, example: Example) -> Callable[..., Update]:
        """An example's finished result, at once; its clip is ready to be run again."""

        def show(previous: Result | None, order: str) -> Update:
            jobs.forget(previous)
            return {**self.show(jobs.from_example(example), "", order), self.w.clip: str(example.clip), self.w.url: ""}

        return show

    def _views(self, result: Result, order: str = "time", *, editable: bool = True) -> Update:
        w = self.w
        result.touch()
        by_doubt = order == "unsure"
        return {
            w.gallery: views.gallery(result.analysis, editable=editable),
            w.timeline: views.timeline(result.analysis),
            w.transcript: views.transcript_table(result.analysis, unsure_first=by_doubt, editable=editable),
            w.notices: views.notices(jobs.noted(result.analysis, result.notices).notices),
            w.pending: views.pending(result.pending) if result.drawn else "",
            w.undo: gr.Button(interactive=editable and bool(result.undo)),
            w.state: result,
            w.token: result.token,
        }

    def _controls(self, hud: str, *, busy: bool) -> Update:
        """What can be pressed. Whether there is something to undo is known to `_views`."""
        w = self.w
        return {
            w.hud: hud,
            w.run: gr.Button(visible=not busy),
            w.stop: gr.Button(visible=busy),
            w.redraw: gr.Button(interactive=not busy),
            **({w.undo: gr.Button(interactive=False)} if busy else {}),
            w.busy: busy,
        }

    # editing

    def _current(self, result: Result | None, token: str) -> Result:
        """The visitor's result, or the first example before there is one.

        Raises ExpiredError when theirs is gone, PipelineError when there is no example either.
        """
        if result is not None and not result.closed:
            return result
        if result is not None or token:
            raise ExpiredError(EXPIRED)
        if not self.services.examples:
            raise PipelineError("There is nothing to edit yet; translate a clip first.")
        return jobs.from_example(self.services.examples[0])

    def _shown(self, result: Result | None, token: str) -> Result:
        """The current result, when it is the one that stands on the page.

        Raises ExpiredError.
        """
        result = self._current(result, token)
        if token and token != result.token:
            raise ExpiredError(EXPIRED)
        return result

    def edit(self, result: Result | None, token: str, busy: bool, order: str, event: gr.EventData) -> Update:
        """One correction; every view that shows it is made anew."""
        try:
            result, problem = self._shown(result, token), ""
        except PipelineError as error:
            return {self.w.pending: views.pending(0, str(error))}
        if busy:
            return self._refused(result, order)
        try:
            with result.lock:
                result.change(apply_edit(result.analysis, dict(event._data or {})))
        except PipelineError as error:
            problem = str(error)
        return self._edited(result, order, problem)

    def undo(self, result: Result | None, token: str, busy: bool, order: str) -> Update:
        """The last correction is taken back."""
        try:
            result = self._shown(result, token)
        except PipelineError as error:
            return {self.w.pending: views.pending(0, str(error))}
        if busy:
            return self._refused(result, order)
        with result.lock:
            result.take_back()
        return self._edited(result, order)

    def _edited(self, result: Result, order: str, problem: str = "") -> Update:
        w = self.w
        update = {**self._views(result, order), w.pending: views.pending(result.pending, problem)}
        if problem:  # what was typed must go: HTML that did not change is not drawn again
            for table in (w.gallery, w.transcript):
                update[table] += f"<!--{secrets.token_hex(4)}-->"
        return {widget: update[widget] for widget in w.edited}

    def _refused(self, result: Result, order: str) -> Update:
        """An edit that comes while something goes on. The session keeps what it has: that may be newer by now."""
        update = {**self._edited(result, order, WAIT), self.w.undo: gr.Button(interactive=False)}
        return {widget: value for widget, value in update.items() if widget not in (self.w.state, self.w.token)}

    def reorder(self, result: Result | None, token: str, busy: bool, order: str) -> Update:
        """The lines in the chosen order; while something goes on, from its end on."""
        w = self.w
        if busy:
            return {w.transcript: gr.skip()}
        try:
            analysis = self._shown(result, token).analysis
        except PipelineError as error:
            return {w.pending: views.pending(0, str(error))}
        return {w.transcript: views.transcript_table(analysis, unsure_first=order == "unsure")}

    def key_typed(self, key: Text, target: Text) -> Any:
        """With a key of one's own every language works."""
        try:
            own = bool(check.keys(key))
        except PipelineError:
            own = False
        return gr.Dropdown(choices=target_choices(self.services, own), value=target)


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
