"""The command line as a stranger runs it: real models, real ffmpeg, real exit statuses, nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import wave
from pathlib import Path

import av
import numpy as np
import psutil
import pytest

from benchmarks.bench import scored
from pipeline import media
from pipeline.__main__ import STAGE_NAMES
from pipeline.settings import Settings
from pipeline.transcript import from_json

ROOT = Path(__file__).parents[2]
RESULTS = {
    "video.mp4",
    "transcript.json",
    "transcript.txt",
    "subtitles.srt",
    "subtitles.both.srt",
    "subtitles.vtt",
    "subtitles.ass",
    "poster.jpg",
    "turns.rttm",
    "project.json",
}


@pytest.fixture
def environment(settings: Settings, tmp_path: Path) -> dict[str, str]:
    """No key, a stage cache and a temporary folder of the test's own."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    kept = {k: v for k, v in os.environ.items() if not k.startswith("DEEPL")}
    return {
        **kept,
        "SPEECHGLASS_CACHE_DIR": str(settings.cache_dir),
        "TMPDIR": str(scratch),
        "SPEECHGLASS_MODELS": "light",
    }


@pytest.fixture
def example(examples: Path) -> Path:
    found = sorted(examples.glob("*.mp4"))
    assert found, "examples/ holds no clip; make one with examples/make.py"
    return found[0]


def command(environment: dict[str, str], *arguments: object, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pipeline", *map(str, arguments)],
        cwd=cwd, env={**environment, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=540, check=False,
    )  # fmt: skip


def silent_wav(path: Path, seconds: float = 2.0) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bytes(int(seconds * 16_000) * 2))
    return path


@pytest.mark.slow
def test_the_main_job_from_an_example_to_the_folder_of_results(
    environment: dict[str, str], example: Path, tmp_path: Path
) -> None:
    clip = example
    truth = clip.with_suffix(".truth.json")
    out = tmp_path / "out"
    done = command(environment, clip, "--to", "english", "--out", out)
    assert done.returncode == 0, done.stderr
    assert {p.name for p in out.iterdir()} == RESULTS | {"faces"}
    analysis = from_json((out / "transcript.json").read_bytes())
    assert {p.name for p in (out / "faces").iterdir()} == {f"{p.id}.jpg" for p in analysis.people if p.face}
    figures = scored((out / "transcript.json").read_text(), truth)
    assert figures["speaker_count_error"] == 0
    assert figures["speaker_accuracy"] >= 0.9
    assert figures["word_error_rate"] <= 0.15
    assert figures["off_end"] == 0
    with av.open(str(clip)) as before, av.open(str(out / "video.mp4")) as after:
        picture = after.streams.video[0].codec_context
        assert (picture.name, picture.pix_fmt) == ("h264", "yuv420p")
        assert after.streams.audio[0].codec_context.name == "aac"
        rate = after.streams.video[0].average_rate
        assert after.duration
        assert before.duration
        assert rate
        assert abs(after.duration - before.duration) / 1e6 <= 1 / rate + 0.001
    assert not list(Path(environment["TMPDIR"]).iterdir())

    # drawn again from the record alone: the same picture, and no model is touched
    again = tmp_path / "again"
    environment = {**environment, "SPEECHGLASS_CACHE_DIR": str(tmp_path / "no-models")}
    redrawn = command(environment, "render", out / "transcript.json", clip, "--out", again)
    assert redrawn.returncode == 0, redrawn.stderr
    assert picture_of(again / "video.mp4", 3.0) == picture_of(out / "video.mp4", 3.0)
    assert {p.name for p in again.iterdir()} == RESULTS | {"faces"}


def picture_of(video: Path, t: float) -> bytes:
    clip = media.probe(video, Settings())
    for _, frame in media.frames(clip, width=320, height=180, rate=10, pixels="rgb24", start=t, end=t + 0.2):
        return np.array(frame).tobytes()
    raise AssertionError("no frame")


def test_a_file_with_sound_only_gives_transcript_and_subtitles_and_no_video(
    environment: dict[str, str], example: Path, tmp_path: Path
) -> None:
    sound = tmp_path / "only sound.wav"
    subprocess.run([media.ffmpeg_binary(), "-v", "error", "-i", example, "-t", "8", "-vn", sound], check=True)
    done = command(environment, sound, "--to", "CY", "--out", tmp_path / "out")  # no model writes Welsh
    assert done.returncode == 0, done.stderr
    assert {p.name for p in (tmp_path / "out").iterdir()} == RESULTS - {"video.mp4", "poster.jpg"}
    assert "sound only" in done.stderr
    assert "DEEPL_AUTH_KEY" in done.stderr
    record = json.loads((tmp_path / "out" / "transcript.json").read_text())
    assert record["phrases"]
    assert all(p["translation"] is None for p in record["phrases"])


def test_silence_is_a_result_with_a_notice(environment: dict[str, str], tmp_path: Path) -> None:
    done = command(environment, silent_wav(tmp_path / "silence.wav"), "--to", "EN", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "No speech was heard" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["missing.mp4", "--to", "PL"], 1, "missing.mp4"),
        (["{text}", "--to", "PL"], 1, ""),
        (["{empty}", "--to", "PL"], 1, "empty"),
        (["{folder}", "--to", "PL"], 1, ""),
        (["{sound}", "--to", "Klingon"], 1, "Klingon"),
        (["{sound}", "--to", "PL", "--from", "Elvish"], 1, "Elvish"),
        (["{long}", "--to", "PL"], 1, "limit is 5 min"),
        (["{mute}", "--to", "PL"], 1, "no sound"),
        (["{sound}", "--to", "PL", "--out", "{text}"], 2, "folder"),
        (["{sound}", "--to", "PL", "--out", "{folder}"], 2, "holds other things"),
        (["{sound}"], 2, "--to"),
        (["{sound}", "--to", "PL", "--speakers", "0"], 2, "from 1 to 20"),
        (["{sound}", "--to", "PL", "--look", "sepia"], 2, "sepia"),
        (["render", "{text}", "{sound}"], 1, "not a Speechglass project"),
        (["render", "missing.json", "{sound}"], 1, "missing.json"),
    ],
)
def test_what_cannot_work_ends_in_one_sentence(
    environment: dict[str, str], tmp_path: Path, arguments: list[str], status: int, says: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "mine.txt").write_text("keep")
    (tmp_path / "text.mp4").write_text("this is no video\n" * 50)
    (tmp_path / "empty.mp4").touch()
    places = {"text": tmp_path / "text.mp4", "empty": tmp_path / "empty.mp4", "folder": tmp_path / "folder"}
    if "{sound}" in arguments:
        places["sound"] = silent_wav(tmp_path / "sound.wav")
    if "{long}" in arguments:
        places["long"] = silent_wav(tmp_path / "long.wav", 301)
    if "{mute}" in arguments:
        places["mute"] = tmp_path / "mute.mp4"
        subprocess.run(
            [media.ffmpeg_binary(), "-v", "error", "-f", "lavfi", "-i", "testsrc=d=1:s=160x120", places["mute"]],
            check=True,
        )
    before = set(tmp_path.rglob("*"))
    done = command(environment, *[a.format(**places) for a in arguments], cwd=tmp_path)
    assert done.returncode == status, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    if status == 1:
        said = [line for line in done.stderr.splitlines() if line not in STAGE_NAMES.values()]
        assert len(said) == 1
        assert said[0].startswith("Error: ")
        assert said[0].endswith((".", "?"))
    assert set(tmp_path.rglob("*")) - before <= {tmp_path / "cache" / "models"}


@pytest.mark.parametrize(
    ("stage", "number", "status"),
    [
        ("Listening", signal.SIGINT, 130),
        ("Listening", signal.SIGTERM, 143),  # faces are found beside it; a stage that ends first is never named
        ("Drawing", signal.SIGINT, 130),
        ("Drawing", signal.SIGHUP, 129),
    ],
)
def test_a_signal_in_the_middle_of_real_work_leaves_nothing(
    environment: dict[str, str], example: Path, tmp_path: Path, stage: str, number: int, status: int
) -> None:
    """Every stage with every signal is in test_faults.py; here the models are real."""
    clip = tmp_path / "cache" / "clip.mp4"
    subprocess.run([media.ffmpeg_binary(), "-v", "error", "-i", example, "-t", "5", "-c", "copy", clip], check=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline", clip, "--to", "DE", "--out", tmp_path / "out"],
        cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True,
        preexec_fn=_default_signals,
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith(stage):
            break
    time.sleep(0.3)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(number)
    said = process.stderr.read()
    assert process.wait(timeout=60) == status, said
    assert "Traceback" not in said
    assert not [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
    assert not list(Path(environment["TMPDIR"]).iterdir())
    assert {p.name for p in tmp_path.iterdir()} == {"cache", "scratch"}


def _default_signals() -> None:
    """Undo what a shell's background job (SIGINT) and nohup (SIGHUP) ignore."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def test_importing_the_package_brings_no_heavy_library() -> None:
    heavy = [
        "torch",
        "numpy",
        "scipy",
        "cv2",
        "PIL",
        "gradio",
        "transformers",
        "nemo",
        "deepface",
        "faster_whisper",
        "av",
        "sklearn",
        "onnxruntime",
        "deepl",
        "requests",
    ]
    code = f"import sys, pipeline; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_models_lists_licence_and_source_of_each(environment: dict[str, str]) -> None:
    done = command(environment, "models")
    assert done.returncode == 0, done.stderr
    for expected in ("Whisper base", "MIT", "Apache-2.0", "CC0", "whisper-large-v3-turbo", "sortformer", "CC-BY-4.0"):
        assert expected.lower() in done.stdout.lower()


@pytest.mark.parametrize("how", [(), ("batch",)], ids=["clip", "batch"])
def test_a_terminal_obeys_nothing_in_the_name_of_a_file(
    environment: dict[str, str], how: tuple[str, ...], tmp_path: Path
) -> None:
    """The title of the window was set, the screen cleared and the text turned round by a clip's name."""
    folder = tmp_path / "clips"
    folder.mkdir()
    clip = folder / "a\x1b]0;owned\x07\x1b[2J\u202e.mp4"
    clip.write_bytes(b"no clip")
    done = command(environment, *how, folder if how else clip, "--to", "English", "--out", tmp_path / "out")
    assert done.returncode != 0
    printed = done.stdout + done.stderr
    assert "owned" in printed
    assert set(printed.replace("\n", "")) & {chr(n) for n in (*range(32), *range(127, 160), 0x202E)} == set()
