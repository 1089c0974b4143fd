"""The page: its widgets, wired to what they do."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from pipeline.web import api, connections, jobs, rework, sessions, style, sweep, uploads
from pipeline.web.again import Again
from pipeline.web.editing import Editing
from pipeline.web.fair_queue import FairQueue
from pipeline.web.guard import Guard
from pipeline.web.handlers import Handlers
from pipeline.web.intake import Intake
from pipeline.web.own import Own
from pipeline.web.runs import Turnstile, Update
from pipeline.web.services import Services
from pipeline.web.widgets import Widgets, lay_out

DRAWING = 2  #: redraws at once: ffmpeg and Pillow only, next to the models
FETCHING = 4  #: addresses fetched at once, before a place among the models is asked for
SESSIONS = 1000  #: kept in memory, the longest unused is forgotten first


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
        "state_session_capacity": SESSIONS,
        "app_kwargs": {
            "middleware": [Middleware(Guard, settings=services.settings)],
            "docs_url": None,
            "redoc_url": None,
        },
    }
    if services.settings.on_spaces:
        options["server_name"] = "0.0.0.0"
    return options


def build(services: Services) -> Any:
    """The page and the named endpoints, with their queue; not launched.

    Raises RecordError when the first example's result cannot be read.
    """
    os.environ.setdefault("GRADIO_TEMP_DIR", str(jobs.served_folder()))
    uploads.make_private()
    connections.bound()
    sessions.keep_no_values()
    services = replace(services, probe=uploads.Probed(services.probe))
    with gr.Blocks(
        title="Speechglass: speech that turns into your language",
        analytics_enabled=False,
        delete_cache=(sweep.SWEEP_S, sweep.SERVED_AGE_S),
        fill_width=True,
    ) as page:
        models, drawing, fetching = Turnstile(services.parallel), Turnstile(DRAWING), Turnstile(FETCHING)
        connect(lay_out(services), page, services, models, drawing, fetching)
        api.add_endpoints(services, models, drawing, fetching)
        rework.add_endpoints(services, models, drawing)
    page.queue(default_concurrency_limit=8)
    page._queue = FairQueue(page._queue, forwarded=services.settings.on_spaces)
    return page


def connect(
    w: Widgets, page: gr.Blocks, services: Services, models: Turnstile, drawing: Turnstile, fetching: Turnstile
) -> None:
    """Every event of the page. None of them is part of the API.

    A run is a thread of its own (`runs`), and an event only follows it: no event is ever cancelled, because Gradio then
    closes the stream that the page's next event answers on.
    """
    quick: dict[str, Any] = {"api_visibility": "private", "queue": False, "show_progress": "hidden"}
    following: dict[str, Any] = {"api_visibility": "private", "concurrency_limit": None, "show_progress": "hidden"}
    do = Handlers(w, services, models, drawing, fetching)
    change, again, take = Editing(do), Again(do), Intake(w, services)

    begun = w.run.click(do.begin, [w.running, w.token, *w.form], w.begun, **quick)
    begun_again = w.redraw.click(do.begin_redraw, [w.running, w.token, *w.look], w.begun, **quick)
    restored = page.load(do.restore, [w.visit, w.order], w.everything, **quick)
    renewing = [w.again_target, w.again_key, w.key, w.formality, w.glossary]
    said = [*w.begun, w.pending]
    all_again = w.again.click(again.begin_all, [w.running, w.token, *renewing], said, **quick)
    lines_again = w.transcript.submit(again.begin_lines, [w.running, w.token, *renewing], said, **quick)
    for event in (begun, begun_again, restored, all_again, lines_again):
        event.then(do.follow, [w.running, w.token, w.order], w.everything, **following)
    w.stop.click(do.stop, w.running, w.stop, **quick)

    for table in (w.gallery, w.timeline, w.transcript):
        table.edit(change.correct, [*w.standing, w.order], w.edited, **quick)
    w.style.connect(do, w.token, quick)
    w.undo.click(change.undo, [*w.standing, w.order], w.edited, **quick)
    w.redo.click(change.redo, [*w.standing, w.order], w.edited, **quick)
    w.order.change(change.reorder, [*w.standing, w.order], [w.transcript, w.pending], **quick)

    w.clip.change(take.clip_chosen, w.clip, [w.clip_note, w.problem, w.trim, w.trim_from, w.track], **quick)
    own = Own(do)
    gr.on([w.brought.change, w.turns.change], own.chosen, [w.brought, w.turns], [w.brought_note, w.open], **quick)
    w.open.click(own.open, [w.running, w.token, w.order, w.brought, w.clip], [w.brought_note, *w.everything], **quick)
    w.glossary.change(take.glossary_typed, [w.glossary, w.key], w.glossary_note, **quick)
    w.speech.change(take.speech_chosen, w.speech, w.speech_note, **quick)
    gr.on(
        [w.target.change, w.source.change, page.load],
        take.languages_chosen,
        [w.target, w.source, w.key],
        [w.target_note, w.key],
        **quick,
    )
    again_form = [w.again_target, w.again_key, w.key]
    w.again_target.change(again.language_chosen, again_form, [w.again_note, w.again_key], **quick)
    w.again_key.change(again.key_typed, again_form, [w.again_note, w.again_key, w.again_target], **quick)

    def key_typed(target: str, source: str, glossary: str, again_target: str, again_key: str, key: str) -> Update:
        """One answer to all that a key changes: several requests for each letter would be too many."""
        return {
            **take.key_typed(target, source, glossary, key),
            **again.key_typed(again_target, again_key, key),
        }

    depends = [w.target, w.target_note, w.key, w.glossary_note, w.again_note, w.again_key, w.again_target]
    w.key.change(key_typed, [w.target, w.source, w.glossary, *again_form], depends, **quick)
    for example, button in zip(services.examples, w.examples, strict=True):
        shown = [w.clip, w.url, *w.everything]
        button.click(do.show_example(example), [w.running, w.token, w.order], shown, **quick)
