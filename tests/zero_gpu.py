"""ZeroGPU on a machine without a GPU: the real `spaces` wrappers against a device API of our own.

What is emulated: the scheduler (quota, queue, release), so that forks, pickling, messages, progress and the asked
durations are the real thing. What is not: CUDA. `place` on "cuda" works as it does on a Space (tensors are held back
for a worker), running them does not, so scenarios that run models put them on the CPU.

A scenario is a function `(api) -> JSON value` of a test module. It runs in a process of its own, because `spaces`
patches torch and gradio for good:

    zero_gpu.emulated("tests.integration.test_gpu", "scenario")
"""

from __future__ import annotations

import base64
import importlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

ROOT = Path(__file__).parents[1]
MARK = "SCENARIO RESULT "


@dataclass
class DeviceApi:
    """The scheduler of ZeroGPU's node, as spaces 0.51.3 speaks to it. `mode` is what the next calls of /schedule meet:
    "gpu", "quota", "runs", "illegal", "pending", "queue" (60 s and none), "waiting" (pings for ever), "none",
    "expired", "broken"."""

    mode: str = "gpu"
    wait: float = 3600.0  #: s until the quota is back
    left: int = 12  #: s of quota left
    calls: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    url: str = ""

    def asked(self, path: str) -> list[dict[str, str]]:
        """The parameters of every call of `path`, in order."""
        return [parameters for name, parameters in self.calls if name == path]

    def start(self) -> None:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: object) -> None:
                pass

            def answer(self, status: int, body: Any = None, **headers: str) -> None:
                data = json.dumps(body).encode()
                self.send_response(status)
                for name, value in {
                    "Content-Type": "application/json",
                    "Content-Length": str(len(data)),
                    **headers,
                }.items():
                    self.send_header(name.replace("_", "-"), value)
                self.end_headers()
                self.wfile.write(data)

            def do_POST(self) -> None:
                address = urlsplit(self.path)
                api.calls.append((address.path, {k: v[0] for k, v in parse_qs(address.query).items()}))
                if address.path == "/schedule":
                    getattr(self, f"schedule_{api.mode}")()
                else:
                    self.answer(200)

            def schedule_gpu(self) -> None:
                self.answer(200, {"idle": False, "nvidiaIndex": 0, "nvidiaUUID": "emulated", "allowToken": "token"})

            def schedule_quota(self) -> None:
                self.answer(
                    429,
                    {"left": api.left, "wait": api.wait},
                    X_Authenticated="regular",
                    X_Approve_Result="quota-exceeded",
                )

            def schedule_runs(self) -> None:
                self.answer(429, {"left": 0, "wait": 0.0}, X_Authenticated="regular", X_Approve_Result="runs-exceeded")

            def schedule_illegal(self) -> None:
                self.answer(429, {"left": 0, "wait": -1.0}, X_Approve_Result="illegal-duration")

            def schedule_pending(self) -> None:
                self.answer(429, {"left": 0, "wait": 5.0}, X_Approve_Result="pending-overquota-exceeded")

            def schedule_none(self) -> None:
                self.answer(503)

            def schedule_expired(self) -> None:
                self.answer(401)

            def schedule_broken(self) -> None:
                self.answer(500)

            def events(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Connection", "close")
                self.end_headers()

            def schedule_queue(self) -> None:
                self.events()
                for event in ("ping", "ping", "failed"):
                    self.wfile.write(f"event: {event}\n\n".encode())
                    self.wfile.flush()
                    time.sleep(0.05)  # one event a read, as over a network
                self.close_connection = True

            def schedule_waiting(self) -> None:
                self.events()
                try:
                    for _ in range(200):
                        self.wfile.write(b"event: ping\n\n")
                        self.wfile.flush()
                        time.sleep(0.05)
                except (BrokenPipeError, ConnectionResetError):
                    pass
                self.close_connection = True

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{server.server_port}"


@contextmanager
def visitor(*, signed_in: bool = True, alive: bool = True) -> Iterator[None]:
    """A request as Hugging Face's proxy hands it on, with the token quotas go by."""
    from gradio.context import LocalContext
    from spaces.zero import client

    class Headers(dict[str, str]):
        """`spaces` asks for an attribute dictionary."""

    token = ".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in ({}, {"user": "u"}, {})
    )
    headers = Headers({"x-gradio-user": "app", **({"x-ip-token": token} if signed_in else {})})
    reset = LocalContext.request.set(cast(Any, SimpleNamespace(headers=headers)))
    event, client.get_event = client.get_event, lambda: SimpleNamespace(alive=alive)
    try:
        yield
    finally:
        client.get_event = event
        LocalContext.request.reset(reset)


def emulate(api: DeviceApi, folder: Path) -> None:
    """`import spaces` from here on finds itself on ZeroGPU. Before anything else imports it."""
    assert "spaces" not in sys.modules
    os.environ.update(
        SPACES_ZERO_GPU="true",
        SPACES_ZERO_DEVICE_API_URL=api.url,
        ZEROGPU_OFFLOAD_DIR=str(folder / "tensors"),
        ZEROGPU_PROC_SELF_CGROUP_PATH="/proc/self/cgroup",
    )
    import torch

    def _is_in_bad_fork() -> bool:
        return False

    # It is pickled by name; a CPU build of torch has no CUDA to be initialised.
    _is_in_bad_fork.__module__, _is_in_bad_fork.__qualname__ = "torch.cuda", "_is_in_bad_fork"
    torch.cuda._is_in_bad_fork = _is_in_bad_fork
    torch.version.cuda = "12.8"
    torch._C._cuda_init = lambda: None
    import spaces.zero.torch as zero

    zero.init = lambda uuid: None  # a worker would open its GPU
    zero.move = lambda callback=None: None  # and copy the weights onto it


def emulated(module: str, scenario: str, *arguments: str, timeout: float = 500) -> Any:
    """What the scenario returned, run under emulation in a process of its own. Fails with its output if it fails."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.zero_gpu", module, scenario, *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=timeout, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    for line in run.stdout.splitlines():
        if line.startswith(MARK):
            return json.loads(line.removeprefix(MARK))
    raise AssertionError(f"{scenario} gave no result:\n{run.stdout[-3000:]}\n{run.stderr[-6000:]}")


def main() -> None:
    module, scenario, *arguments = sys.argv[1:]
    import multiprocessing
    import tempfile

    api = DeviceApi()
    api.start()
    with tempfile.TemporaryDirectory(prefix="zero-gpu-") as folder:
        emulate(api, Path(folder))
        result = getattr(importlib.import_module(module), scenario)(api, *arguments)
        print(MARK + json.dumps(result), flush=True)
        for child in multiprocessing.active_children():  # workers wait for more work
            child.kill()
    os._exit(0)  # spaces' threads wait for theirs


if __name__ == "__main__":
    main()
