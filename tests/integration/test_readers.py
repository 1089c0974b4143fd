"""The processes that read strangers' files: how many at once, and at whose cost."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from pipeline import media
from pipeline.media import child
from pipeline.settings import Settings

pytestmark = pytest.mark.integration


def test_costly_files_hold_up_no_clip(examples: Path) -> None:
    """A clip waited for its turn behind other visitors' subtitle files, ten seconds each."""
    wait = [sys.executable, "-c", "import time; time.sleep(60)"]
    before = set(psutil.Process().children())

    def read() -> None:
        with contextlib.suppress(child.ScanFailed):
            child.ask(wait, b"", 60.0, 1)

    readers = [threading.Thread(target=read, daemon=True) for _ in range(child.READERS["others"] + 2)]
    for reader in readers:
        reader.start()
    deadline = time.monotonic() + 30
    while len(busy := set(psutil.Process().children()) - before) < child.READERS["others"]:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    try:
        assert media.probe(examples / "orbit_en.mp4", Settings()).has_audio
        assert all(process.status() != psutil.STATUS_ZOMBIE for process in busy)
        while any(process.nice() < child.READER_NICENESS["others"] for process in busy):  # it is set after the start
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert {os.getsid(process.pid) for process in busy} == {os.getsid(0)}, "niceness counts within a session only"
    finally:
        while any(reader.is_alive() for reader in readers) and time.monotonic() < deadline + 60:
            for process in set(psutil.Process().children()) - before:
                with contextlib.suppress(psutil.NoSuchProcess):  # its thread saw it end
                    process.kill()
            time.sleep(0.01)
