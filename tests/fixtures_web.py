"""The live page, over fakes or over the real thing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.web.services import Services

ROOT = Path(__file__).parents[1]


@contextmanager
def served(services: Services, **options: Any) -> Iterator[str]:
    """The page of `services` runs on a free port of this machine; gives its address."""
    from pipeline.web import page, serve

    built = serve.build_app(services)
    _, url, _ = built.launch(**page.launch_options(services), prevent_thread_lock=True, quiet=True, **options)
    try:
        yield url
    finally:
        built.close(verbose=False)
