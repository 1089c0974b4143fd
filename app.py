"""The Space: `python app.py` opens the page at http://127.0.0.1:7860."""

import os
import signal
import sys
from typing import Any

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
    """The page and its API over `given`, ready to launch with `page.launch_options(given)`."""
    return page.build(given)


def main() -> None:
    """Serves the page until the process is stopped."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that what runs at exit runs: visitors' files go
    real = services.real(Settings.from_environment())
    built = build_app(real)
    sweep.sweep_regularly(real.settings, built)
    built.launch(**page.launch_options(real))


if __name__ == "__main__":
    main()
