"""Batches on a real local Ray, where it is installed (`pip install '.[ray]'`)."""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pipeline import results
from pipeline.batch import driver, on_ray
from pipeline.errors import UsageError
from pipeline.options import Options
from pipeline.records import Look, Stage, Transcript
from pipeline.settings import Settings
from pipeline.stages import Models
from tests.fixtures_runs import finish, quick_models, small_clip, tree
from tests.integration.test_batch import batch, quick, without_timings

installed = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed")


@installed
def test_a_local_ray_gives_the_results_of_single_runs(tmp_path: Path, settings: Settings) -> None:
    clips, out = tmp_path / "clips", tmp_path / "out"
    clips.mkdir()
    for number, name in enumerate("abc"):
        small_clip(clips / f"{name}.mp4", tone=440 + 40 * number)
    (clips / "broken.mp4").write_bytes(b"no film at all")
    todo = batch(clips, out, settings, quick, 2, ray="auto")
    outcomes = driver.run(todo)
    assert [(o.name, o.status) for o in outcomes] == [
        ("a", "done"), ("b", "done"), ("broken", "failed"), ("c", "done"),
    ]  # fmt: skip
    assert outcomes[2].error.endswith(".")
    for name in "abc":
        single = tmp_path / "single" / name
        finish(results.process(clips / f"{name}.mp4", Options("PL"), Look(), single, settings, quick_models()))
        assert without_timings(tree(out / name)) == without_timings(tree(single))
    written = {name: (out / name / "transcript.json").stat().st_mtime_ns for name in "abc"}
    assert driver.run(todo)[:2] == outcomes[:2]
    assert written == {name: (out / name / "transcript.json").stat().st_mtime_ns for name in "abc"}


def counted(began: Path, settings: Settings) -> Models:
    """Models that write the process that works into the file `began`, and then take a second."""
    quick = quick_models()

    def transcribe(sound: Path, language: str | None) -> Stage[Transcript]:
        with began.open("a") as file:
            file.write(f"{os.getpid()}\n")
        time.sleep(1.0)
        return (yield from quick.transcribe(sound, language))

    return dataclasses.replace(quick, transcribe=transcribe)


@installed
def test_a_killed_actor_costs_the_clip_it_had(tmp_path: Path, settings: Settings) -> None:
    clips, out, began = tmp_path / "clips", tmp_path / "out", tmp_path / "began"
    clips.mkdir()
    began.touch()
    for number, name in enumerate("abc"):
        small_clip(clips / f"{name}.mp4", tone=440 + 40 * number)

    def kill() -> None:
        deadline = time.monotonic() + 120
        while not (lines := began.read_text().splitlines()) and time.monotonic() < deadline:
            time.sleep(0.02)
        os.kill(int(lines[0]), signal.SIGKILL)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    outcomes = driver.run(batch(clips, out, settings, functools.partial(counted, began), 2, ray="auto"))
    killer.join(1)
    assert [(o.name, o.status) for o in outcomes] == [("a", "done"), ("b", "done"), ("c", "done")]
    workers = began.read_text().splitlines()
    assert len(workers) == 4, "three clips, and a second try for the one whose actor was killed"
    assert workers.count(workers[0]) == 1
    for name in "abc":
        assert (out / name / "video.mp4").stat().st_size > 1000


@installed
def test_an_address_nobody_answers_gets_one_sentence(tmp_path: Path, settings: Settings) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    small_clip(tmp_path / "a.mp4")
    for address in (f"127.0.0.1:{port}", f"ray://127.0.0.1:{port}"):
        with pytest.raises(UsageError, match="Nobody answers"):
            driver.run(batch(tmp_path, tmp_path / "out", settings, quick, 1, ray=address))


@pytest.mark.parametrize("address", ["somewhere", "host:many", "ray://"])
def test_an_address_that_is_none_gets_one_sentence(address: str) -> None:
    with pytest.raises(UsageError, match="no address of Ray"):
        on_ray._check_answers(address)


@pytest.mark.skipif(importlib.util.find_spec("ray") is not None, reason="Ray is installed")
def test_without_ray_the_sentence_says_how_to_install_it(tmp_path: Path, settings: Settings) -> None:
    small_clip(tmp_path / "a.mp4")
    with pytest.raises(UsageError, match=r"pip install '\.\[ray\]'"):
        driver.run(batch(tmp_path, tmp_path / "out", settings, quick, 1, ray="auto"))


def test_ray_is_imported_only_where_it_is_asked_for() -> None:
    code = "import sys, app, pipeline.batch.driver, pipeline.batch.on_ray; sys.exit('ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False).returncode == 0
