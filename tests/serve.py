"""The page in a process of its own, as app.py starts it: `python -m tests.serve FOLDER SECONDS`.

The models are fakes; probing and drawing are the real ones. Prints one line of JSON with its address, then serves until
its input is closed. What visitors leave is swept every half second, and goes after SECONDS without use.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path


def main() -> None:
    from pipeline.web import serve  # before whatever imports Gradio

    # isort: split
    from pipeline import media, run
    from pipeline.settings import Settings
    from pipeline.web import limits, page, sweep
    from tests import fakes

    folder, keep_s = Path(sys.argv[1]), float(sys.argv[2])
    settings = Settings(models="light", cache_dir=folder, max_file_bytes=8 * 2**20)
    example = fakes.make_example(folder)
    services = replace(
        fakes.services(folder, settings=settings, examples=(example,), steps=4),
        probe=lambda path: media.probe(path, settings),
        render=lambda path, analysis, look, to, clock: run.render(path, analysis, look, to, settings, clock),
    )
    limits.UPLOADED_BYTES = 64 * 2**20
    built = serve.build_app(services)
    sweep.sweep_regularly(settings, built, sweep.Ages(keep_s, keep_s, keep_s, keep_s), every=0.5)
    allowed = [str(example.clip)]  # the real ones lie in the working folder
    _, url, _ = built.launch(
        **page.launch_options(services), allowed_paths=allowed, prevent_thread_lock=True, quiet=True
    )
    print(json.dumps({"url": url}), flush=True)
    sys.stdin.read()
    built.close(verbose=False)


if __name__ == "__main__":
    main()
