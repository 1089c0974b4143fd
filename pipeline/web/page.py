"""The page: its widgets, wired to what they do."""

from __future__ import annotations

import os
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from pipeline.web import api, jobs, style, sweep
from pipeline.web.fair_queue import FairQueue
from pipeline.web.guard import Guard
from pipeline.web.handlers import Handlers
from pipeline.web.services import Services
from pipeline.web.widgets import Widgets, lay_out

DRAWING = 2  #: redraws at once: ffmpeg and Pillow only, next to the models
SESSIONS = 1000  #: kept in memory, the longest unused is forgotten first; one takes some 100 kB


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
    with gr.Blocks(
        title="Speechglass: speech that turns into your language",
        analytics_enabled=False,
        delete_cache=(sweep.SWEEP_S, sweep.SERVED_AGE_S),
        fill_width=True,
    ) as page:
        widgets = lay_out(services)
        connect(widgets, services)
        api.add_endpoints(services)
    page.queue(default_concurrency_limit=8)
    page._queue = FairQueue(page._queue, forwarded=services.settings.on_spaces)
    return page


def connect(w: Widgets, services: Services) -> None:
    """Every event of the page. None of them is part of the API."""
    private = {"api_visibility": "private"}
    instant = {**private, "queue": False, "show_progress": "hidden"}
    # Through the queue, though it never waits: what is raised then reaches the page as a message, not as a failed request.
    checking = {**private, "concurrency_limit": None, "show_progress": "hidden"}
    working = {**private, "show_progress": "minimal", "show_progress_on": w.hud}
    do = Handlers(w, services)

    begun = w.run.click(do.begin, [*w.choices, w.busy], w.controls, **checking)
    models = {"concurrency_limit": services.parallel, "concurrency_id": "models"}
    running = begun.success(do.run, [*w.choices, w.state], w.live, **models, **working)
    begun_again = w.redraw.click(do.begin_redraw, [*w.standing, w.busy, *w.relook], w.controls, **checking)
    drawing = {"concurrency_limit": DRAWING, "concurrency_id": "drawing"}
    redrawing = begun_again.success(do.redraw, [*w.standing, *w.relook], w.live, **drawing, **working)
    work = [running, redrawing]
    for event in work:
        event.success(do.show, [*w.standing, w.order], w.everything, **instant)
    for event in (begun, begun_again, *work):
        event.failure(do.over, [w.said, *w.standing, w.order], w.everything, **instant)
    w.stop.click(do.stopped, [*w.standing, w.order], w.everything, cancels=work, **instant)

    for table in (w.gallery, w.transcript):
        table.edit(do.edit, [*w.standing, w.busy, w.order], w.edited, **instant)
    w.undo.click(do.undo, [*w.standing, w.busy, w.order], w.edited, **instant)
    w.order.change(do.reorder, [*w.standing, w.busy, w.order], [w.transcript, w.pending], **instant)
    w.key.change(do.key_typed, [w.key, w.target], w.target, **instant)
    for example, button in zip(services.examples, w.examples, strict=True):
        button.click(
            do.show_example(example), [w.state, w.order], [w.clip, w.url, *w.everything], cancels=work, **instant
        )
