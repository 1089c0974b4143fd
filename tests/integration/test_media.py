"""The corpus of ugly clips through real ffmpeg: right length, upright, in sync, or one sentence."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import signal
import stat
import subprocess
import tempfile
import threading
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from pipeline import media
from pipeline.errors import InputError, LimitError, MediaError, NoAudioError, NotAClipError
from pipeline.media import child, source
from pipeline.progress import finish
from pipeline.records import Clip
from pipeline.settings import Settings
from pipeline.workspace import workspace
from tests.fixtures_clips import (
    CORPUS,
    X264,
    click_at,
    ffmpeg,
    flash_at,
    huge_index,
    is_upright,
    luma,
    make,
    picture,
    sound,
)

pytestmark = pytest.mark.integration

SETTINGS = Settings()
GOOD = [name for name, recipe in CORPUS.items() if recipe.error is None]
BAD = [name for name, recipe in CORPUS.items() if recipe.error is not None]


def rendered(clip: Clip, to: Path) -> Clip:
    width, height = media.output_size(clip)
    rate = media.output_rate(clip)
    frames = media.frames(clip, width=width, height=height, pixels="yuv420p")
    for _ in media.write_video(clip, frames, to, width=width, height=height, rate=rate):
        pass
    return media.probe(to, SETTINGS)


@pytest.mark.parametrize("name", GOOD)
def test_every_usable_clip_comes_out_as_long_upright_and_in_sync(name: str, tmp_path: Path) -> None:
    truth = CORPUS[name]
    clip = media.probe(make(name, tmp_path), SETTINGS)
    frame = 1 / float(truth.rate or 30)
    if truth.duration is not None:
        assert clip.duration == pytest.approx(truth.duration, abs=max(frame, 0.03))
    else:
        assert truth.at_least <= clip.duration <= truth.at_most
    assert (clip.width, clip.height) == truth.size
    assert clip.has_video == (truth.size != (0, 0))
    assert clip.has_audio == truth.audio
    assert clip.frame_rate == truth.rate
    assert clip.variable_rate == truth.variable
    one_frame = 1 / float(media.output_rate(clip))
    if truth.flash is not None:
        assert flash_at(clip) == pytest.approx(truth.flash, abs=max(one_frame, frame) + 1e-3)
    if truth.click is not None:
        assert click_at(clip, tmp_path) == pytest.approx(
            truth.click, abs=0.03
        )  # MP2 and AAC in MPEG do not tell their delay
    if truth.audio:
        samples = media.read_sound(finish(media.extract_sound(clip, tmp_path / "sound.wav")))
        assert abs(len(samples) - clip.duration * media.SAMPLE_RATE) <= 1
    if not clip.has_video:
        return

    out = rendered(clip, tmp_path / "out.mp4")
    assert out.duration == pytest.approx(clip.duration, abs=max(one_frame, 0.025))  # one frame of AAC is 23 ms
    assert (out.width, out.height) == media.output_size(clip)
    assert out.frame_rate == media.output_rate(clip)
    assert (out.video_codec, out.rotation, out.variable_rate) == ("h264", 0, False)
    assert out.has_audio == truth.audio
    assert not truth.audio or out.audio_codec in ("aac", "mp3", "mp3float")
    if truth.flash is not None:
        assert is_upright(out)
        assert flash_at(out) == pytest.approx(truth.flash, abs=max(one_frame, frame) + 1e-3)
    if truth.click is not None:
        assert click_at(out, tmp_path) == pytest.approx(truth.click, abs=0.04)


@pytest.mark.parametrize("name", BAD)
def test_every_unusable_clip_gets_its_sentence(name: str, tmp_path: Path) -> None:
    path = make(name, tmp_path)
    with pytest.raises(InputError) as caught:
        media.probe(path, SETTINGS)
    assert type(caught.value) is CORPUS[name].error
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert str(tmp_path) not in sentence
    assert "Errno" not in sentence
    assert len(sentence) < 220


def test_a_variable_rate_lands_on_the_right_frame_in_both_halves(tmp_path: Path) -> None:
    clip = media.probe(make("variable_rate", tmp_path), SETTINGS)
    times, frames = luma(clip, rate=30)
    assert times == [k / 30 for k in range(120)]
    white = [t for t, frame in zip(times, frames, strict=True) if frame[20:, 34:].mean() > 150]
    # At 5 fps the flash is one frame of 0.2 s, at 30 fps it is six of them.
    assert white == pytest.approx([1 + k / 30 for k in range(6)] + [3 + k / 30 for k in range(6)], abs=1 / 30 + 1e-6)


def test_a_part_of_the_clip_is_the_same_frames_as_in_the_whole(tmp_path: Path) -> None:
    clip = media.probe(make("transport_stream", tmp_path), SETTINGS)
    whole = {round(t, 6): frame.copy() for t, frame in media.frames(clip, width=64, height=36, rate=10)}
    part = list(media.frames(clip, width=64, height=36, rate=10, start=0.8, end=1.5))
    assert [round(t, 6) for t, _ in part] == [0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4]
    for t, frame in part:
        assert np.abs(whole[round(t, 6)].astype(int) - frame).max() <= 2
    assert list(media.frames(clip, width=64, height=36, rate=10, start=2, end=2)) == []


def test_frames_are_writable_their_own_and_of_the_asked_shape(tmp_path: Path) -> None:
    clip = media.probe(make("plain", tmp_path), SETTINGS)
    kept = [frame for _, frame in media.frames(clip, width=32, height=18, rate=5)]
    assert {frame.shape for frame in kept} == {(18, 32, 3)}
    kept[0][:] = 7
    assert kept[1].max() != 7
    assert all(frame.flags.writeable for frame in kept)
    flat = next(media.frames(clip, width=32, height=18, rate=5, pixels="yuv420p"))[1]
    assert flat.shape == (27, 32)


def test_sound_that_mp4_carries_is_copied_bit_for_bit(tmp_path: Path) -> None:
    clip = media.probe(make("plain", tmp_path), SETTINGS)
    rendered(clip, tmp_path / "out.mp4")

    def packets(path: Path) -> bytes:
        ffmpeg("-i", path, "-map", "0:a", "-c", "copy", "-f", "adts", tmp_path / "packets.aac")
        return (tmp_path / "packets.aac").read_bytes()

    before, after = packets(clip.path), packets(tmp_path / "out.mp4")
    assert after in before or before in after
    assert len(after) > 0.9 * len(before)


def test_the_index_is_in_front_and_the_file_is_as_readable_as_any_other(tmp_path: Path) -> None:
    clip = media.probe(make("plain", tmp_path), SETTINGS)
    rendered(clip, tmp_path / "out.mp4")
    data = (tmp_path / "out.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    other = tmp_path / "other"
    other.touch()
    assert (tmp_path / "out.mp4").stat().st_mode == other.stat().st_mode


def test_a_file_that_was_cut_off_says_how_much_is_gone(tmp_path: Path) -> None:
    clip = media.probe(make("cut_at_50", tmp_path), SETTINGS)
    assert clip.missing == pytest.approx(6 - clip.duration, abs=0.05)
    assert media.probe(make("sound_longer", tmp_path), SETTINGS).missing == 0


def test_limits_are_told_in_people_s_units(tmp_path: Path) -> None:
    path = make("plain", tmp_path)
    with pytest.raises(LimitError, match="3 s long and the limit is 1 s"):
        media.probe(path, Settings(max_duration_s=1))
    with pytest.raises(LimitError, match="MB"):
        media.probe(path, Settings(max_file_bytes=100))
    with pytest.raises(LimitError, match="320 x 180"):
        media.probe(path, Settings(max_pixels=10_000))
    with pytest.raises(NotAClipError, match="no file"):
        media.probe(tmp_path / "missing.mp4", SETTINGS)
    with pytest.raises(NotAClipError, match="folder"):
        media.probe(tmp_path, SETTINGS)
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(NotAClipError, match="ordinary"):
        media.probe(tmp_path / "pipe.mp4", SETTINGS)


def test_a_clip_without_sound_has_no_sound_to_extract(tmp_path: Path) -> None:
    clip = media.probe(make("picture_only", tmp_path), SETTINGS)
    with pytest.raises(NoAudioError):
        next(media.extract_sound(clip, tmp_path / "sound.wav"))


# --- faults -----------------------------------------------------------------------------------------------------------


def children() -> list[int]:
    """The ffmpeg processes this process has."""
    found = []
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(FileNotFoundError):  # a thread or a process that has just ended
            for pid in (task / "children").read_text().split():
                if Path(f"/proc/{pid}/comm").read_text().startswith("ffmpeg"):
                    found.append(int(pid))
    return found


@pytest.fixture
def long_clip(tmp_path: Path) -> Clip:
    path = tmp_path / "long.mp4"
    ffmpeg(*picture("640x360", duration=60, flash=90), *sound(duration=60), *X264, "-c:a", "aac", path)
    return media.probe(path, SETTINGS)


def writing(clip: Clip, to: Path) -> Generator[float, None, None]:
    frames = media.frames(clip, width=640, height=360, pixels="yuv420p")
    return media.write_video(clip, frames, to, width=640, height=360, rate=30)


@pytest.mark.parametrize("name", ["plain", "two_tracks", "unreadable_sound_first", "thumbnail_first", "cover_art"])
def test_a_part_that_is_cut_out_has_every_stream_that_can_be_read(name: str, tmp_path: Path) -> None:
    whole = media.probe(make(name, tmp_path), SETTINGS)
    media.cut(whole.path, tmp_path / "cut.mkv", 0.5, 2)
    part = media.probe(tmp_path / "cut.mkv", SETTINGS)
    assert (part.width, part.height) == (whole.width, whole.height)
    assert (part.audio_tracks, part.audio_track) == (whole.audio_tracks, whole.audio_track)
    assert 1.9 <= part.duration <= 2.6


def scans() -> list[int]:
    """The processes that scan a file for this one."""
    found = []
    for process in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):
            if any(part.endswith("scan.py") for part in process.cmdline()):
                found.append(process.pid)
    return found


def sentence_for(path: Path) -> str:
    with pytest.raises(NotAClipError) as caught:
        media.probe(path, SETTINGS)
    assert scans() == []
    return str(caught.value)


@pytest.fixture
def slow_file(tmp_path: Path) -> Path:
    """A file that keeps libav busy for about a second."""
    huge_index(tmp_path / "slow.mp4", 10_000_000)
    return tmp_path / "slow.mp4"


def test_a_file_that_crashes_the_decoder_costs_one_process_and_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The signal comes from here: no file is known that crashes this libav."""

    def crash(process: subprocess.Popen[bytes], by: int) -> None:
        process.send_signal(signal.SIGSEGV)

    path = make("plain", tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(child, "_be_nice", crash)
        assert sentence_for(path) == (
            "“clip.mp4” is damaged in a way that stops the program that reads it; save it again as MP4 and retry."
        )
    assert media.probe(path, SETTINGS).has_video  # the next one works


def test_a_file_that_keeps_the_decoder_busy_is_given_up(slow_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "SCAN_LIMIT_S", 0.2)
    assert sentence_for(slow_file) == "“slow.mp4” takes too long to read; save it again as MP4 and retry."


def test_a_file_that_fills_the_memory_fills_that_of_one_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The memory runs out in the middle of decoding, as it would at 2 GB with a larger one."""
    deep = ["-vf", "format=yuv444p10le", "-c:v", "libx264", "-preset", "ultrafast"]  # a frame is 57 MB
    ffmpeg(*picture("4096x2304", duration=0.2), *deep, tmp_path / "big.mp4")
    monkeypatch.setattr(child, "SCAN_MEMORY", 140 * 2**20)
    assert re.fullmatch(
        r"(The picture of )?“big.mp4” (is damaged|needs).*; save it again.* and retry.",
        sentence_for(tmp_path / "big.mp4"),
    )


def test_the_scan_writes_no_file_and_knows_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a file could make libav do is bounded by the kernel."""
    monkeypatch.setenv("DEEPL_AUTH_KEY", "secret")
    seen: dict[str, Any] = {}

    def started(command: list[str], **options: Any) -> subprocess.Popen[bytes]:
        process = popen(command, **options)
        seen["environment"] = Path(f"/proc/{process.pid}/environ").read_bytes()
        seen["process"] = psutil.Process(process.pid)
        return process

    popen = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", started)
    huge_index(tmp_path / "slow.mp4", 10_000_000)
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(media.probe, tmp_path / "slow.mp4", SETTINGS)
        limits = {}
        while not answer.done():
            with contextlib.suppress(psutil.NoSuchProcess, KeyError):
                limits = {kind: seen["process"].rlimit(kind)[1] for kind in (psutil.RLIMIT_FSIZE, psutil.RLIMIT_AS)}
    assert limits == {psutil.RLIMIT_FSIZE: 0, psutil.RLIMIT_AS: child.SCAN_MEMORY}
    assert b"secret" not in seen["environment"]


def test_closing_any_stage_ends_its_children_and_leaves_no_file(long_clip: Clip, tmp_path: Path) -> None:
    threads = threading.active_count()
    (tmp_path / "out").mkdir()
    stages = (
        media.extract_sound(long_clip, tmp_path / "out" / "sound.wav"),
        media.frames(long_clip, width=64, height=36),
        writing(long_clip, tmp_path / "out" / "video.mp4"),
    )
    for stage in stages:
        next(stage)
        assert children()
        stage.close()
        assert children() == []
    assert list((tmp_path / "out").iterdir()) == []
    assert threading.active_count() == threads


@pytest.mark.parametrize("victim", [0, 1])
def test_a_killed_ffmpeg_is_told_and_leaves_nothing(victim: int, long_clip: Clip, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    stage = writing(long_clip, tmp_path / "out" / "video.mp4")
    for _ in range(5):
        next(stage)
    os.kill(sorted(children())[victim], signal.SIGKILL)
    with pytest.raises(MediaError) as caught:
        for _ in stage:
            pass
    assert "SIGKILL" in str(caught.value)
    assert children() == []
    assert list((tmp_path / "out").iterdir()) == []
    assert media.probe(long_clip.path, SETTINGS) == long_clip  # the next run works


def test_a_source_of_frames_that_raises_leaves_nothing(long_clip: Clip, tmp_path: Path) -> None:
    def broken() -> Iterator[tuple[float, np.ndarray]]:
        for t, frame in media.frames(long_clip, width=640, height=360, pixels="yuv420p"):
            if t > 0.3:
                raise KeyboardInterrupt
            yield t, frame

    (tmp_path / "out").mkdir()
    with pytest.raises(KeyboardInterrupt):
        for _ in media.write_video(long_clip, broken(), tmp_path / "out" / "video.mp4", width=640, height=360, rate=30):
            pass
    assert children() == []
    assert list((tmp_path / "out").iterdir()) == []


def test_a_full_disk_is_called_by_its_name(long_clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "unfinished", lambda to: Path("/dev/full"))
    monkeypatch.setattr(Path, "unlink", lambda self, missing_ok=False: None)
    with pytest.raises(MediaError, match="disk is full"):
        finish(media.extract_sound(long_clip, tmp_path / "sound.wav"))
    with pytest.raises(MediaError, match="disk is full"):
        for _ in writing(long_clip, tmp_path / "video.mp4"):
            pass
    assert children() == []


def test_memory_does_not_grow_with_the_clip(long_clip: Clip) -> None:
    """Sixty seconds of 640x360 are 415 MB; a slow reader must not let them pile up."""
    status = Path("/proc/self/status")

    def resident_mb() -> int:
        return (
            int(next(line for line in status.read_text().splitlines() if line.startswith("VmRSS")).split()[1]) // 1024
        )

    before, most = resident_mb(), 0
    for index, _ in enumerate(media.frames(long_clip, width=640, height=360, pixels="yuv420p")):
        if index % 200 == 0:
            most = max(most, resident_mb())
    assert most - before < 40


def test_the_workspace_is_private_and_goes_away_also_after_an_error() -> None:
    with contextlib.suppress(ZeroDivisionError), workspace() as folder:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        (folder / "sub").mkdir()
        (folder / "sub" / "file").write_text("x")
        raise ZeroDivisionError
    assert not folder.exists()


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_has_workspaces_and_no_sweep(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(*_: Any) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(fcntl, "flock", flock)
    with workspace() as live, workspace() as other:
        assert sorted(tmp_path.iterdir()) == sorted([live, other])
    assert list(tmp_path.iterdir()) == []


# --- without a system ffmpeg ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["plain", "rotated_90", "sound_late", "picture_late", "transport_stream", "hdr", "cut_at_50", "resized"]
)
def test_the_binary_of_the_wheel_does_the_same(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(name, tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "imageio_ffmpeg" in media.ffmpeg_binary()
    truth = CORPUS[name]
    clip = media.probe(path, SETTINGS)
    out = rendered(clip, tmp_path / "out.mp4")
    assert out.duration == pytest.approx(clip.duration, abs=0.034)
    if truth.flash is not None:
        assert flash_at(out) == pytest.approx(truth.flash, abs=0.034)
    if truth.click is not None:
        assert click_at(out, tmp_path) == pytest.approx(truth.click, abs=0.04)


def test_a_plain_transcode_has_the_same_settings(tmp_path: Path) -> None:
    clip = media.probe(make("plain", tmp_path), SETTINGS)
    media.transcode_plain(clip, tmp_path / "plain.mp4")
    out = media.probe(tmp_path / "plain.mp4", SETTINGS)
    assert (out.video_codec, out.audio_codec) == ("h264", "aac")
    assert out.duration == pytest.approx(3.0, abs=0.034)
