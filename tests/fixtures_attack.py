"""A server to attack: the page in a process of its own, and what is known of that process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.fixtures_web import ROOT

FILE = {"_type": "gradio.FileData"}


@dataclass(frozen=True)
class Server:
    """The page being served; `log` is what it printed."""

    url: str
    folder: Path  #: the temporary folder of the process: everything that visitors leave is in here
    process: psutil.Process
    log: Path

    def client(self, address: str = "") -> httpx.Client:
        """Return an HTTP client; with `address` it comes from there, as a proxy would say."""
        headers = {"x-forwarded-for": address} if address else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=60)

    def memory(self) -> int:
        """Return the bytes of the server and its children in memory."""
        return sum(p.memory_info().rss for p in (self.process, *self.process.children(recursive=True)))

    def processor_s(self) -> float:
        """Return the seconds of processor time that the server and its children have used."""
        times = [p.cpu_times() for p in (self.process, *self.process.children(recursive=True))]
        return sum(t.user + t.system for t in times) + times[0].children_user + times[0].children_system

    def folders(self) -> set[Path]:
        """Return the folders in there."""
        # os.walk leaves out a folder that is removed meanwhile; rglob raises.
        return {Path(folder) for folder, _, _ in os.walk(self.folder)}

    def files(self) -> set[Path]:
        """Return the files in there; not the copies of the page's own examples."""
        found = (Path(folder, name) for folder, _, names in os.walk(self.folder) for name in names)
        return {path for path in found if not any(part.startswith("example-") for part in path.parts)}


@contextmanager
def attacked(folder: Path, keep_s: float = 3600.0) -> Iterator[Server]:
    """The page runs over fakes, with real probing and drawing, in a process of its own. What visitors leave is kept for
    `keep_s` seconds."""
    log, temporary = folder / "server.log", folder / "tmp"
    temporary.mkdir()
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.serve", str(folder), str(keep_s)],
            cwd=ROOT, env={**os.environ, "TMPDIR": str(temporary)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            told = ""
            while not told.startswith("{"):  # Gradio has something to say first
                told = process.stdout.readline()
                assert told, log.read_text()
            said = json.loads(told)
            yield Server(said["url"].rstrip("/"), temporary, psutil.Process(process.pid), log)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()


def upload(client: httpx.Client, clip: Path) -> dict[str, Any]:
    """Upload the clip; return the file as an event takes it."""
    answer = client.post("/gradio_api/upload", files={"files": ("clip.mp4", clip.read_bytes())})
    answer.raise_for_status()
    return {"path": answer.json()[0], "meta": FILE}


def result_of(client: httpx.Client, name: str, **parameters: object) -> tuple[str, object]:
    """Call an endpoint and wait for its end; return the last event's name and data."""
    answer = client.post(f"/gradio_api/call/v2/{name}", json=parameters)
    try:
        answer.raise_for_status()
    except httpx.HTTPStatusError as error:
        error.add_note(answer.text[:500])
        raise
    event, last = "", ("", None)
    with client.stream("GET", f"/gradio_api/call/{name}/{answer.json()['event_id']}") as stream:
        for line in stream.iter_lines():
            if line.startswith("event: "):
                event = line.removeprefix("event: ")
            elif line.startswith("data: ") and event in ("complete", "error"):
                last = (event, json.loads(line.removeprefix("data: ")))
    return last


def soon(condition: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Return whether `condition` comes true in that time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return condition()
