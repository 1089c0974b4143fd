"""The live page, over fakes or over the real thing."""

from __future__ import annotations

import gc
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.web.services import Services

ROOT = Path(__file__).parents[1]

PATIENT = {"timeout": 120}  #: for httpx below gradio_client, which gives up after five seconds: no test is about time


@dataclass(frozen=True)
class Scratch:
    """The temporary folder of a page's process; make it once the page is served and before anybody asks for anything."""

    folder: Path
    root: Path  #: in it, of the page
    standing: frozenset[str]  #: what is in `root` from the beginning, of the examples

    @classmethod
    def of(cls, folder: Path, root: Path) -> Scratch:
        """Return the folder as it is now."""
        return cls(folder, root, frozenset(path.name for path in root.iterdir()) - {"served"})

    def is_tidy(self) -> bool:
        """Return whether only what was uploaded and served is left; a call may end a moment after its answer."""
        end = time.monotonic() + 10
        while any(self.root.glob("job-*")) and time.monotonic() < end:
            time.sleep(0.01)
        ours = [p for p in self.folder.iterdir() if not re.fullmatch("[0-9a-f]{40}", p.name)]  # those are the client's
        return ours == [self.root] and {p.name for p in self.root.iterdir()} - {"served"} == self.standing


@contextmanager
def served(services: Services, **options: Any) -> Iterator[str]:
    """The page of `services` runs on a free port of this machine; gives its address."""
    from pipeline.web import page, serve

    built = serve.build_app(services)
    with socket.socket() as unused:  # Gradio counts up from 7860, where two processes that start at once meet
        unused.bind(("127.0.0.1", 0))
        options.setdefault("server_port", unused.getsockname()[1])
    _, url, _ = built.launch(**page.launch_options(services), prevent_thread_lock=True, quiet=True, **options)
    try:
        yield url
    finally:
        built.close(verbose=False)


def expire() -> None:
    """Forget every visitor's result, as if nobody had used it for hours."""
    from pipeline.web.jobs import Kept

    for kept in [found for found in gc.get_objects() if isinstance(found, Kept)]:
        for token in list(kept._results):
            kept.forget(token)
