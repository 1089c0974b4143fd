"""Nothing stays longer than promised: what visitors left is removed, regularly and however they left.

Result folders go with the session (`jobs`). This is for the rest: sessions that Gradio dropped without a word, files
that it served, uploads that were broken off, entries of the caches.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from pipeline.cache import StageCache
from pipeline.settings import Settings
from pipeline.web import jobs

if TYPE_CHECKING:
    import gradio as gr

    from pipeline.web.fair_queue import FairQueue

LONGEST_RUN_S = 900  #: without a sign of life from a folder; three times the longest clip
SERVED_AGE_S = 7200  #: of an upload, and of a file that was served
UNFINISHED_S = 120  #: without a byte for an upload under way; `guard` ends one after 30 s
SWEEP_S = 900  #: between two sweeps: with the above, nothing is older than two and a half hours


@dataclass(frozen=True, slots=True)
class Ages:
    """How long what visitors leave is kept, in seconds without use."""

    result: float = jobs.STATE_AGE_S + LONGEST_RUN_S  #: a result's folder
    session: float = jobs.STATE_AGE_S
    served: float = SERVED_AGE_S
    unfinished: float = UNFINISHED_S


def sweep(settings: Settings, page: gr.Blocks | None = None, ages: Ages | None = None) -> None:
    """Remove what is older than `ages`: results, entries of the caches and, of the `page` being served, sessions and
    files.
    """
    ages = ages or Ages()
    oldest = time.time() - ages.result
    for folder in jobs.root().glob("job-*"):
        with suppress(OSError):
            if folder.stat().st_mtime < oldest:
                shutil.rmtree(folder, ignore_errors=True)
    for name in ("stages", "translations"):
        with suppress(OSError):
            StageCache(settings.cache_dir / name, settings.cache_bytes, settings.cache_age_s).expire()
    if page is not None:
        _sweep_sessions(page, ages)
        _sweep_files(page, ages)


def sweep_regularly(
    settings: Settings, page: gr.Blocks | None = None, ages: Ages | None = None, every: float = SWEEP_S
) -> None:
    """Run `sweep` every `every` seconds, in a thread, for as long as this process lives."""

    def work() -> None:
        while True:
            sweep(settings, page, ages)
            time.sleep(every)

    threading.Thread(target=work, name="sweep", daemon=True).start()


def _sweep_sessions(page: gr.Blocks, ages: Ages) -> None:
    """Remove sessions that nobody used; Gradio keeps every one it ever saw, up to its capacity."""
    import datetime

    holder, queue = page.state_holder, cast("FairQueue", page._queue)
    oldest = datetime.datetime.now() - datetime.timedelta(seconds=ages.session)
    busy = {event.session_hash for event in list(queue.event_ids_to_events.values())}
    for session, used in list(holder.time_last_used.items()):
        if used < oldest and session not in busy:
            holder.delete_state(session)
            with holder.lock:
                holder.session_data.pop(session, None)
                holder.time_last_used.pop(session, None)
    queue.forget_unfetched()
    for session in list(queue.pending_event_ids_session):
        if session not in holder.session_data and session not in busy and not queue.is_unfetched(session):
            queue.pending_event_ids_session.pop(session, None)
            queue.pending_messages_per_session.pop(session, None)


def _sweep_files(page: gr.Blocks, ages: Ages) -> None:
    """Remove old files of the folder that Gradio serves from; the examples stay, they are part of the page."""
    from gradio.utils import get_upload_folder

    folder = Path(get_upload_folder())
    kept = {path for block in list(page.blocks.values()) for path in getattr(block, "keep_in_cache", ())}
    now = time.time()
    for path in _deepest_first(folder):
        if path.relative_to(folder).parts[0].startswith(jobs.LASTING):
            continue
        with suppress(OSError):
            # Not by ctime: every link to a file that comes or goes changes it, and one that was removed would keep the
            # others for as long again. What is served is a link, perhaps to an old file; its folder is its own.
            changed = path.lstat().st_mtime
            if path.is_dir() and not path.is_symlink():
                if now - changed > ages.unfinished:
                    path.rmdir()  # raises where it holds something
                continue
            idle = now - max(changed, path.parent.stat().st_mtime if path.parent != folder else 0.0)
            if str(path) not in kept and idle > (ages.unfinished if path.parent == folder else ages.served):
                path.unlink()
    for names in page.temp_file_sets:
        names.difference_update([name for name in list(names) if not Path(name).exists()])


def _deepest_first(folder: Path) -> Iterator[Path]:
    """Give everything below `folder`, what is in a folder before the folder itself."""
    yield from sorted(folder.rglob("*"), key=lambda path: len(path.parts), reverse=True)
