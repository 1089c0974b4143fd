"""Serve the page. To be imported before Gradio, spaces and torch: it sets what they read when they are imported."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from typing import Any

# glibc's malloc gets two arenas at most, not eight a core, between which the memory of ended requests is spread: after
# 600 slow uploads the server held 1.4 times its idle memory, and 1.5 to 1.7 times without this. No thread runs yet.
with contextlib.suppress(AttributeError, OSError):  # another C library
    ctypes.CDLL(None).mallopt(-8, 2)  # M_ARENA_MAX, mallopt(3)

# No telemetry, no server-side rendering (the Space's Node is older than Gradio asks for), and no record of inputs while
# a DeepL key can be typed. Before the first import of gradio, which reads them.
os.environ.update(GRADIO_ANALYTICS_ENABLED="False", GRADIO_SSR_MODE="False", GRADIO_RUN_HISTORY="false")

# NeMo would start CUDA through numba, which breaks ZeroGPU; both are read when torch comes in.
os.environ.setdefault("NUMBA_DISABLE_CUDA", "1")
os.environ.setdefault("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True")

from pipeline.web import jobs

# A folder that nobody else on this machine can read, and that is swept. Gradio reads this when it is imported, which
# spaces does; without it, clips that agents send would stay in a folder shared with other programs.
os.environ["GRADIO_TEMP_DIR"] = str(jobs.served_folder())

import spaces  # noqa: F401  before torch: ZeroGPU patches it

from pipeline.settings import Settings
from pipeline.web import page, services, sweep


def build_app(given: services.Services) -> Any:
    """Return the page and its API over `given`, ready to launch with `page.launch_options(given)`."""
    return page.build(given)


def main(port: int | None = None) -> None:
    """Serve the page until the process is stopped, at `port`, or at 7860 or what GRADIO_SERVER_PORT says."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that what runs at exit runs: visitors' files go
    # A thread that draws takes turns with those that compute in Python. With Python's 5 ms a turn, two calls of /edit
    # at once made a small drawing nine times as slow.
    sys.setswitchinterval(0.0005)
    real = services.real(Settings.from_environment())
    built = build_app(real)
    sweep.sweep_regularly(real.settings, built)
    built.launch(server_port=port, **page.launch_options(real))
