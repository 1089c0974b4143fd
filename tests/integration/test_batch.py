"""Batches of real clips in real processes, around models that answer at once."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from pipeline import results
from pipeline.__main__ import main
from pipeline.batch import driver, jobs, pool, records
from pipeline.batch.work import Analyse, Draw, Outcome
from pipeline.errors import KeyRefusedError, PipelineError, QuotaError, UsageError
from pipeline.options import Options
from pipeline.records import Look, Progress, Stage
from pipeline.settings import Settings
from pipeline.stages import Models
from tests import deepl_server
from tests.fixtures_runs import finish, quick_models, small_clip, tree


def quick(settings: Settings) -> Models:
    return quick_models()


def slow(settings: Settings) -> Models:
    """Half a second a stage, so that there is a middle in which a worker can be killed."""
    return quick_models(pause_s=0.2)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    for number, name in enumerate("abc"):
        small_clip(folder / f"{name}.mp4", tone=440 + 40 * number)
    return folder


def batch(
    clips: Path, out: Path | str, settings: Settings, load: Any = quick, workers: int = 2, **more: Any
) -> driver.Batch:
    return driver.Batch(jobs.read(clips, out, Options("PL"), Look()), out, settings, load, workers, **more)


def without_timings(files: dict[str, bytes]) -> dict[str, bytes]:
    """The files of a run; of transcript.json and project.json all but the timings."""
    text, project = (json.loads(files[name]) for name in ("transcript.json", "project.json"))
    text.pop("timings")
    project["transcript"].pop("timings")
    return {**files, "transcript.json": json.dumps(text).encode(), "project.json": json.dumps(project).encode()}


def test_results_are_those_of_single_runs_and_the_next_run_does_only_what_is_missing(
    clips: Path, tmp_path: Path, settings: Settings
) -> None:
    out = tmp_path / "out"
    outcomes = driver.run(batch(clips, out, settings))
    assert [(o.name, o.status, o.language, o.speakers) for o in outcomes] == [(n, "done", "en", 1) for n in "abc"]
    for name in "abc":
        single = tmp_path / "single" / name
        finish(results.process(clips / f"{name}.mp4", Options("PL"), Look(), single, settings, quick_models()))
        assert without_timings(tree(out / name)) == without_timings(tree(single))
    rows = list(csv.DictReader((out / "summary.csv").open()))
    assert [row["name"] for row in rows] == ["a", "b", "c"]
    assert json.loads((out / "summary.json").read_text()) == [dataclasses.asdict(o) for o in outcomes]

    written = {name: (out / name / "transcript.json").stat().st_mtime_ns for name in "abc"}
    (out / "b" / "subtitles.srt").unlink()
    assert driver.run(batch(clips, out, settings)) == outcomes
    again = {name: (out / name / "transcript.json").stat().st_mtime_ns for name in "abc"}
    assert {name for name in "abc" if again[name] != written[name]} == {"b"}


def test_a_clip_that_fails_is_a_row_and_stops_no_other(clips: Path, tmp_path: Path, settings: Settings) -> None:
    listed = tmp_path / "clips.csv"
    (tmp_path / "broken.mp4").write_bytes(b"no film at all")
    listed.write_text(f"clip\nbroken.mp4\n{clips / 'a.mp4'}\nabsent.mp4\n")
    outcomes = driver.run(batch(listed, tmp_path / "out", settings))
    assert [(o.name, o.status) for o in outcomes] == [("broken", "failed"), ("a", "done"), ("absent", "failed")]
    assert "absent.mp4 cannot be read" in outcomes[2].error
    assert outcomes[0].error.endswith(".")
    assert (tmp_path / "out" / "a" / "video.mp4").is_file()
    assert not (tmp_path / "out" / "broken").exists()


def test_a_killed_worker_costs_the_clip_it_had(clips: Path, tmp_path: Path, settings: Settings) -> None:
    todo = batch(clips, tmp_path / "out", settings, slow)
    began: list[str] = []
    outcomes: dict[str, Outcome] = {}
    killed = False
    with closing(pool.work([(job, "k") for job in todo.jobs], settings, slow, 2)) as work:
        for job, said in work:
            if said is pool.BEGINS:
                began.append(job.name)
            elif isinstance(said, Outcome):
                assert job.name not in outcomes
                outcomes[job.name] = said
            elif isinstance(said, float) and said > 0.2 and not killed:
                killed = True
                _workers()[0].kill()
    assert killed
    assert {name: outcome.status for name, outcome in outcomes.items()} == dict.fromkeys("abc", "done")
    assert len(began) == 4  # three, and the one whose worker was killed again
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"a", "b", "c", ".batch"}
    assert not _workers()


def _workers() -> list[psutil.Process]:
    found = []
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            if "spawn_main" in " ".join(child.cmdline()):
                found.append(child)
    return found


def test_a_clip_that_kills_its_workers_is_given_up(clips: Path, tmp_path: Path, settings: Settings) -> None:
    todo = batch(clips, tmp_path / "out", settings, slow)
    outcomes = {}
    with closing(pool.work([(todo.jobs[0], "k")], settings, slow, 1)) as work:
        for job, said in work:
            if isinstance(said, Outcome):
                outcomes[job.name] = said
            elif said > 0.2:
                for worker in _workers():
                    worker.kill()
    assert outcomes["a"].status == "failed"
    assert "was ended from outside 2 times (exit status -9)" in outcomes["a"].error


DRIVER = """
import sys
from pathlib import Path
from pipeline.batch import driver
from pipeline.settings import Settings
from tests.integration.test_batch import batch, slow
if __name__ == "__main__":
    driver.run(batch(Path(sys.argv[1]), Path(sys.argv[2]), Settings(models="light", cache_dir=Path(sys.argv[3])), slow, 1))
"""


def test_after_a_killed_driver_the_next_run_goes_on(clips: Path, tmp_path: Path, settings: Settings) -> None:
    out, script = tmp_path / "out", tmp_path / "drive.py"
    script.write_text(DRIVER)
    process = subprocess.Popen(
        [sys.executable, str(script), str(clips), str(out), str(settings.cache_dir)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    try:
        while not (out / ".batch" / "a.json").exists():
            assert process.poll() is None
            time.sleep(0.02)
        workers = psutil.Process(process.pid).children(recursive=True)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    _, alive = psutil.wait_procs(workers, 20)
    assert not alive  # a worker ends when its driver is gone
    first = (out / "a" / "transcript.json").stat().st_mtime_ns
    assert {o.status for o in driver.run(batch(clips, out, settings))} == {"done"}
    assert (out / "a" / "transcript.json").stat().st_mtime_ns == first
    assert {path.name for path in out.iterdir()} == {"a", "b", "c", ".batch", "summary.csv", "summary.json"}


def test_nothing_is_sent_when_the_characters_exceed_the_budget(clips: Path, tmp_path: Path, settings: Settings) -> None:
    with deepl_server.serve() as server:
        paid = dataclasses.replace(settings, deepl_keys=("good-key:fx",), deepl_server=server.url)
        characters = 3 * len("Good morning.How are you?")
        with pytest.raises(QuotaError, match=f"have {characters} characters to translate and the budget is 10"):
            driver.run(batch(clips, tmp_path / "out", paid, budget=10))
        assert (server.calls, server.requests) == (0, [])
        outcomes = driver.run(batch(clips, tmp_path / "out", paid, budget=characters, workers=1))
        assert [o.characters for o in outcomes] == [characters // 3] * 3
        assert server.limits["good-key:fx"][0] == characters // 3  # all say the same, so two were in the cache
        refused = dataclasses.replace(paid, deepl_keys=("other-key:fx",))
        with pytest.raises(KeyRefusedError):
            driver.run(batch(clips, tmp_path / "new", refused))


def test_a_disk_that_is_really_full_leaves_what_is_finished(clips: Path, tmp_path: Path, settings: Settings) -> None:
    """A small file system of memory, where we may mount one, with room for one or two of three clips."""
    single = tmp_path / "single"
    driver.run(batch(clips, single, settings))
    pages = sum(-(-len(data) // 4096) + 1 for data in tree(single / "a").values())
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={int(pages * 1.6) * 4}k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a file system here")
    try:
        outcomes = driver.run(batch(clips, disk / "out", settings, workers=1))
        assert outcomes[0].status == "done"
        assert outcomes[-1].error == "The disk is full; free some space and try again."
        done = {outcome.name for outcome in outcomes if outcome.status == "done"}
        for name in done:
            assert without_timings(tree(disk / "out" / name)) == without_timings(tree(single / name))
        assert {path.name for path in (disk / "out").iterdir()} == done | {".batch", "summary.csv", "summary.json"}
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_results_at_an_address_are_those_in_a_folder(clips: Path, tmp_path: Path, settings: Settings) -> None:
    driver.run(batch(clips, tmp_path / "out", settings))
    address = f"file://{tmp_path}/store"
    outcomes = driver.run(batch(clips, address, settings))
    assert [(o.name, o.status) for o in outcomes] == [(name, "done") for name in "abc"]
    for name in "abc":
        assert without_timings(tree(tmp_path / "store" / name)) == without_timings(tree(tmp_path / "out" / name))
    assert json.loads((tmp_path / "store" / "summary.json").read_text())[0]["name"] == "a"
    written = {name: (tmp_path / "store" / name / "transcript.json").stat().st_mtime_ns for name in "abc"}
    (tmp_path / "store" / "b" / "subtitles.srt").unlink()
    assert driver.run(batch(clips, address, settings)) == outcomes
    again = {name: (tmp_path / "store" / name / "transcript.json").stat().st_mtime_ns for name in "abc"}
    assert {name for name in "abc" if again[name] != written[name]} == {"b"}


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("s3://nobody/results", "need another package"),
        ("nothing://results", "fsspec knows no addresses with nothing://"),
        ("file:///proc/results", "The results could not be kept at file://"),
    ],
)
def test_an_address_that_cannot_be_used_gets_one_sentence(
    clips: Path, settings: Settings, address: str, says: str
) -> None:
    if address.startswith("s3") and importlib.util.find_spec("s3fs"):
        pytest.skip("s3fs is installed")
    with pytest.raises(UsageError, match=says) as told:
        driver.run(batch(clips, address, settings))
    assert str(told.value).endswith(".")


def test_a_clip_behind_a_url_is_fetched_once_and_removed_when_it_is_done(
    clips: Path, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed, out, fetches = tmp_path / "clips.csv", tmp_path / "out", []
    listed.write_text("clip\nhttps://example.org/talk.mp4\n")

    def fetch(url: str, folder: Path, _settings: Settings) -> Stage[Path]:
        yield Progress("fetch", 0.5)
        fetches.append(url)
        return Path(shutil.copy(clips / "a.mp4", folder / "talk.mp4"))

    monkeypatch.setattr("pipeline.download.fetch", fetch)
    (job,) = batch(listed, out, settings).jobs
    assert job.name == "example-org-talk-mp4"
    analysis = finish(Analyse(settings, quick)(job))
    assert fetches == ["https://example.org/talk.mp4"]
    assert [path.name for path in (out / ".batch" / "fetched" / job.name).iterdir()] == ["talk.mp4"]
    key = job.key({}, False)
    outcome = finish(Draw(settings)(job, analysis, key))
    assert outcome.clip == "https://example.org/talk.mp4"
    assert len(fetches) == 1
    assert not list((out / ".batch" / "fetched").iterdir())
    assert records.finished(job.out, key) == dataclasses.asdict(outcome)
    assert (out / job.name / "video.mp4").is_file()


def test_an_overlay_is_written_for_every_clip(clips: Path, tmp_path: Path, settings: Settings) -> None:
    out = tmp_path / "out"
    (tmp_path / "list.csv").write_text(f"clip\n{clips / 'a.mp4'}\n")
    todo = driver.Batch(jobs.read(tmp_path / "list.csv", out, Options("PL"), Look(), "webm"), out, settings, quick)
    assert driver.run(todo)[0].status == "done"
    assert (out / "a" / "overlay.webm").is_file()


def test_a_folder_that_cannot_be_used_for_results_gets_one_sentence(
    clips: Path, tmp_path: Path, settings: Settings
) -> None:
    (tmp_path / "file").touch()
    for out in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/results")):
        with pytest.raises(PipelineError) as told:
            driver.run(batch(clips, out, settings))
        assert str(told.value).endswith(".")
    with driver._locked(tmp_path / "out"), pytest.raises(UsageError, match="Another batch"):
        driver.run(batch(clips, tmp_path / "out", settings))


def test_the_command_says_one_sentence_for_an_empty_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["batch", str(tmp_path), "--to", "PL", "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert said.startswith("Error: ")
    assert "holds no files" in said
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()
