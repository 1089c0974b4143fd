"""Loading from a Hub asks it for the pinned files and for nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.fixtures_full import tiny_lmt

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
COMMIT = "0123456789abcdef0123456789abcdef01234567"

#: Loads the model as the full set does, waits for whatever was started beside it, and says which threads there were.
CHILD = """
import json, sys, threading, time
names = set()
start = threading.Thread.start
threading.Thread.start = lambda thread: (names.add(thread.name), start(thread))[1]
{switch}
from pipeline import open_translation
open_translation.load("toy/model", revision="{commit}", dtype="float32")
for thread in threading.enumerate():
    if thread.name == "Thread-auto_conversion":
        thread.join(20)
print(json.dumps(sorted(names)))
"""


@contextmanager
def hub(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Serve the files in `folder` as the repository toy/model; yield the address and the paths that were asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            asked.append(path)
            before, _, name = path.partition(f"/resolve/{COMMIT}/")
            file = folder / name
            if before != "/toy/model" or not file.is_file():
                self.send_response(404)
                self.send_header("X-Error-Code", "EntryNotFound")
                self.send_header("X-Repo-Commit", COMMIT)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            data = file.read_bytes()
            self.send_response(200)
            self.send_header("ETag", f'"{len(data):040d}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose only weights are a pickle, as many have."""
    import torch
    from safetensors.torch import load_file

    folder = tiny_lmt(tmp_path_factory.mktemp("hub"), ["One sentence is enough."])
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    return folder


def loaded(repository: Path, cache: Path, switch: str) -> tuple[list[str], list[str]]:
    """Load the repository in a process of its own; return its threads and what the Hub was asked for."""
    with hub(repository) as (address, asked):
        dropped = ("DISABLE_SAFETENSORS_CONVERSION", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
        environment = {name: value for name, value in os.environ.items() if name not in dropped}
        environment |= {
            "HF_ENDPOINT": address,
            "HF_HOME": str(cache),
            "HF_HUB_DISABLE_XET": "1",
            "NO_PROXY": "127.0.0.1",
        }
        code = CHILD.format(switch=switch, commit=COMMIT)
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300
        )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1]), asked


def test_weights_without_safetensors_start_no_second_download(repository: Path, tmp_path: Path) -> None:
    threads, asked = loaded(repository, tmp_path, "import pipeline.gpu")
    assert "Thread-auto_conversion" not in threads
    assert f"/toy/model/resolve/{COMMIT}/pytorch_model.bin" in asked
    assert all(f"/resolve/{COMMIT}/" in path for path in asked if not path.startswith("/api/models/toy/model/tree")), (
        asked
    )


def test_transformers_would_start_one_by_itself(repository: Path, tmp_path: Path) -> None:
    """What the switch is for: without it the test above would find the thread."""
    threads, _ = loaded(repository, tmp_path, "")
    assert "Thread-auto_conversion" in threads
