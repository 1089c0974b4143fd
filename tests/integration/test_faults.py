"""Faults, in one table: each leaves no child, no thread, no open file, no temporary file and the earlier result as it
was, and the next run works."""

from __future__ import annotations

import errno
import functools
import hashlib
import http.server
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import wave
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from pipeline import deepl_service, media, people, results, translate
from pipeline.errors import KeyRefusedError, MediaError, ModelError, PipelineError, QuotaError
from pipeline.media import child, source
from pipeline.models import fetch
from pipeline.models.entries import Archive, File, Part, Weights
from pipeline.options import Options
from pipeline.progress import TOGETHER
from pipeline.records import Analysis, Look, Stage, Transcript
from pipeline.settings import Settings
from pipeline.stages import Models
from pipeline.subtitles import draw
from pipeline.subtitles.formats import rttm
from pipeline.workspace import workspace
from tests import deepl_server
from tests.fixtures_runs import FOUND, ffmpegs, finish, nothing_is_left, quick_models, small_clip, tree

ROOT = Path(__file__).parents[2]
STAGES = ("speech", "voices", "faces", "people", "translate", "render")
KEY = "good-key:fx"


@dataclass
class Bench:
    """One run and what is around it."""

    clip: Path
    out: Path
    settings: Settings
    patch: pytest.MonkeyPatch
    folder: Path
    models: Models
    target: str = "PL"

    def run(self) -> Analysis:
        return finish(
            results.process(
                self.clip, Options(self.target, speakers=1), Look(texts="both"), self.out, self.settings, self.models
            )
        )


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A clip, and the folder of results of an earlier run on it."""
    folder = tmp_path_factory.mktemp("earlier")
    clip = small_clip(folder / "clip.mp4")
    bench = Bench(clip, folder / "out", Settings(cache_dir=folder / "cache"), None, folder, quick_models())  # type: ignore[arg-type]
    bench.run()
    return clip, bench.out


@pytest.fixture
def bench(
    earlier: tuple[Path, Path], tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Bench]:
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    clip = shutil.copy(earlier[0], tmp_path / "clip.mp4")
    (tmp_path / "results").mkdir()
    shutil.copytree(earlier[1], tmp_path / "results" / "out")
    with monkeypatch.context() as patch:
        yield Bench(Path(clip), tmp_path / "results" / "out", settings, patch, tmp_path, quick_models())


# --- what can go wrong ------------------------------------------------------------------------------------------------


def no_space(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def raising(error: BaseException) -> Callable[..., object]:
    def fail(*_: object, **__: object) -> object:
        raise error

    return fail


def in_stage(stage: str, what: Callable[[], object]) -> Callable[[Bench], None]:
    """`what` happens in the middle of the work of a model."""

    def arm(bench: Bench) -> None:
        def during(name: str) -> None:
            if name == stage:
                what()

        bench.models = quick_models(during=during)

    return arm


def patched(target: object, name: str, value: object) -> Callable[[Bench], None]:
    return lambda bench: bench.patch.setattr(target, name, value)


def only_for(
    original: Callable[..., Any], condition: Callable[..., bool], fault: Callable[..., Any]
) -> Callable[..., Any]:
    @functools.wraps(original)
    def either(*args: object, **kwargs: object) -> object:
        return (fault if condition(*args, **kwargs) else original)(*args, **kwargs)

    return either


def full_folder(prefix: str) -> Callable[[Bench], None]:
    wrong = only_for(tempfile.mkdtemp, lambda *_, prefix=None, **__: prefix == prefix_wanted, no_space)
    prefix_wanted = prefix
    return patched(tempfile, "mkdtemp", wrong)


def full_file(suffix: str) -> Callable[[Bench], None]:
    """The unfinished file is a link to a device that is always full: ffmpeg's own writing fails."""

    def arm(bench: Bench) -> None:
        part = source.unfinished

        def full(to: Path) -> Path:
            name = part(to)
            if to.suffix == suffix:
                name.symlink_to("/dev/full")
            return name

        bench.patch.setattr(source, "unfinished", full)

    return arm


def full_record(name: str, method: str) -> Callable[[Bench], None]:
    original = getattr(Path, method)
    return patched(Path, method, only_for(original, lambda self, *_, **__: self.name == name, no_space))


def full_rename(bench: Bench) -> None:
    bench.patch.setattr(
        Path,
        "rename",
        only_for(Path.rename, lambda self, to: Path(to) == bench.out and self.name == "made", no_space),
    )


def killed(job: str) -> Callable[[Bench], None]:
    """The ffmpeg that does `job` is killed, as by the kernel when memory runs out, once it has started to work."""

    def arm(bench: Bench) -> None:
        start = child.FFmpeg.__init__

        def started(self: child.FFmpeg, command: list[str], its_job: str, **options: Any) -> None:
            start(self, command, its_job, **options)
            if its_job == job:
                os.kill(self.process.pid, signal.SIGKILL)

        bench.patch.setattr(child.FFmpeg, "__init__", started)

    return arm


def limited(limit: str) -> Callable[[Bench], None]:
    """Every ffmpeg runs under a limit of the kernel."""

    def arm(bench: Bench) -> None:
        wrapper = bench.folder / "ffmpeg"
        wrapper.write_text(f'#!/bin/bash\nulimit {limit}\nexec {media.ffmpeg_binary()} "$@"\n')
        wrapper.chmod(0o755)
        bench.patch.setattr(child, "ffmpeg_binary", lambda: str(wrapper))

    return arm


class Index(http.server.BaseHTTPRequestHandler):
    """A package index whose connection breaks in the middle of the archive."""

    wheel: Path
    broken = True

    def do_GET(self) -> None:
        data = self.wheel.read_bytes()
        if not self.path.endswith(".whl"):
            data = f'<a href="/{self.wheel.name}">{self.wheel.name}</a>'.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html" if not self.path.endswith(".whl") else "application/zip")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        cut = self.path.endswith(".whl") and type(self).broken
        self.wfile.write(data[: len(data) // 2] if cut else data)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def package_index(bench: Bench) -> Iterator[tuple[type[Index], Weights]]:
    weights = os.urandom(200_000)
    wheel = bench.folder / "toy_weights-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("toy_weights/toy.bin", weights)
        archive.writestr(
            "toy_weights-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: toy-weights\nVersion: 1.0\n"
        )
        archive.writestr(
            "toy_weights-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("toy_weights-1.0.dist-info/RECORD", "")
    handler = type("OneIndex", (Index,), {"wheel": wheel, "broken": True})
    sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()
    toy = Weights(
        "toy",
        (Archive("toy-weights==1.0", wheel.name, sha256, wheel.stat().st_size),),
        (File("toy.bin", hashlib.sha256(weights).hexdigest(), (Part("toy_weights/toy.bin"),)),),
    )
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    bench.patch.setattr(fetch, "PAUSE_S", 0.01)
    for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_PROXY", "http_proxy", "HTTP_PROXY"):
        bench.patch.delenv(name, raising=False)
    bench.patch.setenv("PIP_CONFIG_FILE", "/dev/null")
    bench.patch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_port}/simple")
    try:
        yield handler, toy
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass(frozen=True)
class Fault:
    """One row: how it is caused, and what a caller sees; `error` None means the run survives it."""

    arm: Callable[[Bench], None]
    error: type[BaseException] | None
    says: str = ""


FULL = "The disk is full"
FAULTS: dict[str, Fault] = {
    "disk full: temporary folder": Fault(full_folder("speechglass-run-"), MediaError, FULL),
    "disk full: result folder": Fault(full_folder(".speechglass-run-"), MediaError, FULL),
    "disk full: sound": Fault(full_file(".wav"), MediaError, FULL),
    "disk full: last samples": Fault(patched(wave.Wave_write, "writeframes", no_space), MediaError, FULL),
    "disk full: video": Fault(full_file(".mp4"), MediaError, FULL),
    "disk full: transcript": Fault(full_record("transcript.json", "write_text"), MediaError, FULL),
    "disk full: subtitles": Fault(full_record("subtitles.ass", "write_text"), MediaError, FULL),
    "disk full: portrait": Fault(full_record("p1.jpg", "write_bytes"), MediaError, FULL),
    "disk full: swapping the folders": Fault(full_rename, MediaError, FULL),
    "disk full: stage cache": Fault(patched(tempfile, "NamedTemporaryFile", no_space), None),
    "file size limit": Fault(limited("-f 8"), MediaError, "ffmpeg"),
    "ffmpeg killed: sound": Fault(killed("read the sound"), MediaError, "SIGKILL"),
    "ffmpeg killed: frames": Fault(killed("read the picture"), MediaError, "SIGKILL"),
    "ffmpeg killed: encoder": Fault(killed("write the video"), MediaError, "SIGKILL"),
    "ffmpeg out of memory": Fault(limited("-v 40000"), MediaError, "ffmpeg"),
    "ffmpeg missing": Fault(patched(child, "ffmpeg_binary", raising(MediaError("ffmpeg is missing; install it."))), MediaError),
    **{
        f"out of memory: {stage}": Fault(in_stage(stage, raising(MemoryError())), MemoryError)
        for stage in ("speech", "voices", "faces", "translate")
    },
    **{
        f"defect: {stage}": Fault(in_stage(stage, raising(RuntimeError("defect"))), RuntimeError)
        for stage in ("speech", "voices", "faces", "translate")
    },
    "defect: people": Fault(patched(people, "attribute", raising(RuntimeError("defect"))), RuntimeError),
    "defect: carrying out": Fault(patched(translate, "carry_out", raising(RuntimeError("defect"))), RuntimeError),
    "defect: drawing": Fault(patched(draw.Compositor, "draw", raising(RuntimeError("defect"))), RuntimeError),
    "out of memory: drawing": Fault(patched(draw.Compositor, "draw", raising(MemoryError())), MemoryError),
    "defect: exporting": Fault(patched(rttm, "write", raising(RuntimeError("defect"))), RuntimeError),
    "Ctrl-C: drawing": Fault(patched(draw.Compositor, "draw", raising(KeyboardInterrupt())), KeyboardInterrupt),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_leaves_nothing_and_the_next_run_works(name: str, bench: Bench) -> None:
    fault = FAULTS[name]
    fault.arm(bench)
    if fault.error is None:
        assert bench.run().phrases[0].translation == FOUND
    else:
        with nothing_is_left(bench.folder / "results"), pytest.raises(fault.error, match=fault.says or None) as caught:
            bench.run()
        if isinstance(caught.value, PipelineError):
            assert re.fullmatch(r"[A-Z“f][^\n]*\.", str(caught.value))
        del caught
    assert not ffmpegs()
    bench.patch.undo()
    bench.models = quick_models()
    analysis = bench.run()
    assert [p.translation for p in analysis.phrases] == [FOUND] * len(analysis.phrases)
    assert {p.name for p in bench.out.iterdir()} == results.FILES
    assert media.probe(bench.out / "video.mp4", bench.settings).duration == pytest.approx(
        media.probe(bench.clip, bench.settings).duration, abs=0.05
    )


@pytest.mark.parametrize(("place", "share"), [("results", 0.1), ("results", 0.5), ("results", 1), ("scratch", 0.2)])
def test_a_disk_that_is_really_full(place: str, share: float, bench: Bench) -> None:
    """A small file system of memory, where we may mount one, with room for that share of what comes (the video first,
    then the records), but for the last page of 4 KB."""
    coming = sum(-(-len(data) // 4096) for data in tree(bench.out).values())
    if place == "scratch":
        coming = int(1.2 * media.SAMPLE_RATE * 2) // 4096  # the sound of 1.2 s
    kilobytes = max(1, int(coming * share) - 1) * 4
    disk = bench.folder / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no right to mount a file system here")
    try:
        if place == "scratch":
            bench.patch.setattr(tempfile, "tempdir", str(disk))
        else:
            bench.out = disk / "out"
        with nothing_is_left(disk), pytest.raises(MediaError, match=FULL):
            bench.run()
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_clip_that_vanishes_during_the_run(bench: Bench) -> None:
    hidden = bench.folder / "hidden.mp4"

    def hide(stage: str) -> None:
        if stage == "voices":
            bench.clip.rename(hidden)

    bench.models = quick_models(during=hide)
    with nothing_is_left(bench.folder / "results"), pytest.raises(PipelineError):
        bench.run()
    hidden.rename(bench.clip)
    bench.models = quick_models()
    assert bench.run().phrases


def test_a_model_download_that_breaks_off(bench: Bench) -> None:
    with package_index(bench) as (index, toy):

        def transcribe(sound: Path, language: str | None) -> Stage[Transcript]:
            weights = yield from fetch.path(toy, "Toy", bench.settings.cache_dir)
            assert weights.stat().st_size == 200_000
            return (yield from quick_models().transcribe(sound, language))

        bench.models = replace(bench.models, transcribe=transcribe)
        with (
            nothing_is_left(bench.folder / "results"),
            pytest.raises(ModelError, match=r"cut off .* check the network"),
        ):
            bench.run()
        kept = bench.settings.cache_dir / "models"
        assert not list(kept.rglob("*.part-*"))
        assert not list(kept.rglob("toy.bin"))
        index.broken = False
        assert bench.run().phrases
        for left in kept.glob("toy-*"):  # the folder is the user's own
            shutil.rmtree(left) if left.is_dir() else left.unlink()


DEEPL_FAULTS = {
    "hangs up": (deepl_server.hang_up, None),
    "half a response": (deepl_server.half_a_response, None),
    "status 503": (deepl_server.status(503), None),
    "silent": (deepl_server.silence(1.0), None),
    "no such key": (None, KeyRefusedError),
    "nothing left": (None, QuotaError),
}


@pytest.mark.parametrize("name", DEEPL_FAULTS)
def test_deepl_is_down_and_the_transcript_is_kept(name: str, bench: Bench) -> None:
    fault, error = DEEPL_FAULTS[name]
    bench.patch.setattr("deepl.http_client._BackoffTimer.BACKOFF_INITIAL", 0.01)
    bench.patch.setattr(deepl_service, "TIMEOUT_S", 0.3)
    with deepl_server.serve() as server:
        bench.target = "PL"
        bench.settings = replace(bench.settings, deepl_keys=(KEY,), deepl_server=server.url)
        server.always = fault
        if error is None:
            analysis = bench.run()
            assert [p.translation for p in analysis.phrases] == [None] * len(analysis.phrases)
            assert "untranslated" in {notice.code for notice in analysis.notices}
        else:
            server.limits = {} if error is KeyRefusedError else {KEY: [500_000, 500_000]}
            with nothing_is_left(bench.folder / "results"), pytest.raises(error):
                bench.run()
        server.always, server.limits = None, {KEY: [0, 500_000]}
        assert all(p.translation for p in bench.run().phrases)


# --- stopping ---------------------------------------------------------------------------------------------------------


def test_a_client_that_is_gone_at_any_stage(bench: Bench) -> None:
    """Closed in the middle of every stage, and at the first and the last step of drawing."""
    bench.models = quick_models()
    options, look = Options("PL", speakers=1), Look()

    def start() -> Stage[Analysis]:
        shutil.rmtree(bench.settings.cache_dir / "stages", ignore_errors=True)
        return results.process(bench.clip, options, look, bench.out, bench.settings, bench.models)

    steps = [step.stage for step in start()]
    # Of the stages that run side by side only the first that is not done is named: a quick one may never be.
    assert {"probe", *STAGES} - set(steps) <= set(TOGETHER) - {"speech"}
    places = {stage: [i for i, name in enumerate(steps) if name == stage] for stage in dict.fromkeys(steps)}
    closed = sorted({found[len(found) // 2] for found in places.values()} | {places["render"][0], places["render"][-1]})
    assert len(closed) >= len(set(steps)) + 1
    for at in closed:
        with nothing_is_left(bench.folder / "results"):
            stage = start()
            for _ in range(at + 1):
                next(stage)
            stage.close()
    assert finish(start())


RUNNER = """
import os, signal, sys, threading
from pipeline import results, __main__ as command
from pipeline.models import sets
from pipeline.records import STAGES
from tests.fixtures_runs import quick_models
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job begins with it ignored
sets.load = lambda settings: quick_models(pause_s=0.1)
process = results.process
wanted = STAGES.index({stage!r}) if {stage!r} in STAGES else len(STAGES)  # the last step is none of them, nor is never
def watched(*args, **kwargs):
    stage, seen = process(*args, **kwargs), []
    try:
        while True:
            step = next(stage)
            # Of stages side by side only the first that is not done is named: a quick one may never be.
            if STAGES.index(step.stage) >= wanted and not seen:
                seen.append(threading.Timer(0.05, os.kill, (os.getpid(), {number})))
                seen[0].start()
            yield step
    except StopIteration as stop:
        return stop.value
    finally:
        stage.close()
results.process = watched
sys.exit(command.main(sys.argv[1:]))
"""


def run_in_a_process(bench: Bench, code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """`code` in a Python of its own, which stands in for the command."""
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("DEEPL")},
        "TMPDIR": str(bench.folder / "scratch"),
        "SPEECHGLASS_CACHE_DIR": str(bench.settings.cache_dir),
        "SPEECHGLASS_MODELS": "light",
        "PYTHONPATH": str(ROOT),
    }
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments or (bench.clip, "--to", "PL", "--speakers", "1", "--out", bench.out))],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("stage", ["probe", "speech", "voices", "faces", "translate", "render"])
def test_a_signal_at_any_stage_of_the_command(stage: str, number: int, bench: Bench) -> None:
    bench.clip = small_clip(bench.folder / "longer.mp4", seconds=4.0, size="640x360")
    before = {p.pid for p in psutil.process_iter(["name"]) if "ffmpeg" in (p.info["name"] or "")}
    with nothing_is_left(bench.folder / "results"):
        done = run_in_a_process(bench, RUNNER.format(stage=stage, number=int(number)))
    assert done.returncode == 128 + number, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.endswith("nothing was written.\n")
    mine = [
        p for p in psutil.process_iter(["name", "cmdline"])
        if p.pid not in before and "ffmpeg" in (p.info["name"] or "") and str(bench.folder) in " ".join(p.info["cmdline"] or ())
    ]  # fmt: skip
    assert not mine


LOST = """
import os, signal, sys
from pipeline import results, __main__ as command
from pipeline.records import Progress
class Lost:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(1000):
            pass
def process(*args, **kwargs):
    yield Progress("probe", 0.0)
    Lost()
    yield Progress("speech", 0.5)
    sys.exit("it went on")
results.process = process
sys.exit(command.main(sys.argv[1:]))
"""


def test_a_signal_that_comes_in_a_destructor_stops_the_command(bench: Bench) -> None:
    """Python drops what is raised there: the run went on, and no second signal could stop it."""
    done = run_in_a_process(bench, LOST)
    assert done.returncode == 128 + signal.SIGTERM, done.stderr
    assert done.stderr.endswith("nothing was written.\n")


def test_after_a_signal_the_command_works_again(bench: Bench) -> None:
    assert run_in_a_process(bench, RUNNER.format(stage="faces", number=2)).returncode == 130
    again = run_in_a_process(bench, RUNNER.format(stage="never", number=2))
    assert again.returncode == 0, again.stderr
    assert again.stdout == f"{bench.out}\n"


KILLED_BETWEEN_THE_FOLDERS = """
import os, pathlib
rename = pathlib.Path.rename
def killed(path, to):
    rename(path, to)
    os.kill(os.getpid(), 9)
pathlib.Path.rename = killed
"""


def left_in(bench: Bench) -> list[Path]:
    """What a run has in hand: in the temporary folder, and beside the results."""
    return [*(bench.folder / "scratch").iterdir(), *(p for p in bench.out.parent.iterdir() if p != bench.out)]


def run_out(bench: Bench) -> bool:
    """Whether the ffmpegs of a process that is no more come to their end."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        found = psutil.process_iter(["name", "cmdline"])
        if not any(
            "ffmpeg" in p.info["name"] and str(bench.folder) in " ".join(p.info["cmdline"] or ()) for p in found
        ):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("stage", ["probe", "speech", "voices", "faces", "translate", "render", "the last step"])
def test_what_a_killed_process_left_goes_with_the_next_run(stage: str, bench: Bench) -> None:
    """`kill -9` lets nothing run; the earlier result is there all the same, or comes back."""
    earlier = tree(bench.out)
    bench.clip = small_clip(bench.folder / "longer.mp4", seconds=4.0, size="640x360")
    code = RUNNER.format(stage=stage, number=9)
    if stage == "the last step":
        code = KILLED_BETWEEN_THE_FOLDERS + code
    assert run_in_a_process(bench, code).returncode == -9
    assert run_out(bench), "an ffmpeg went on without anybody to work for"
    assert stage in ("probe", "translate") or left_in(bench), "nothing was left, so nothing is tested"
    assert bench.out.exists() == (stage != "the last step")
    other = replace(bench, out=bench.out.with_name("other"))
    with workspace() as live, workspace(bench.out) as live_too:
        (live / "file").write_text("in use")
        (live_too / "file").write_text("in use")
        assert other.run()
        assert sorted(left_in(bench)) == sorted([live, live_too, other.out])
        assert {file.read_text() for folder in (live, live_too) for file in folder.iterdir()} == {"in use"}
    assert tree(bench.out) == earlier
    assert bench.run()
    assert left_in(bench) == [other.out]
    assert tree(bench.out) != earlier


def test_what_a_killed_page_left_goes_with_the_next_start(bench: Bench) -> None:
    code = "import os; from pipeline.web import jobs; (jobs.new_folder() / 'clip').write_text('a visitor'); "
    assert run_in_a_process(bench, code + "os.kill(os.getpid(), 9)").returncode == -9
    scratch = bench.folder / "scratch"
    assert [file.read_text() for file in scratch.rglob("clip")] == ["a visitor"]
    seen = run_in_a_process(bench, code + "print(*jobs.root().parent.iterdir(), sep='\\n')")
    assert len(seen.stdout.splitlines()) == 1
    assert list(scratch.iterdir()) == []


def test_another_user_s_folder_and_a_link_are_not_taken_for_ours(bench: Bench) -> None:
    scratch, elsewhere = bench.folder / "scratch", bench.folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "file").write_text("kept")
    (scratch / "speechglass-run-link").symlink_to(elsewhere)
    (scratch / "speechglass-run-file").write_text("kept")
    (scratch / "speechglass-run-dead").mkdir()
    with bench.patch.context() as patch:
        patch.setattr(os, "getuid", lambda: os.geteuid() + 1)
        with workspace():
            assert (scratch / "speechglass-run-dead").exists()
    with workspace():
        assert not (scratch / "speechglass-run-dead").exists()
    assert {p.name for p in scratch.iterdir()} == {"speechglass-run-link", "speechglass-run-file"}
    assert (elsewhere / "file").read_text() == "kept"
