"""Long recordings with real ffmpeg, files and processes, around models that answer at once."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from pipeline import long, media, results
from pipeline.__main__ import main
from pipeline.batch import driver, jobs
from pipeline.errors import LimitError, MediaError, NoAudioError, PipelineError
from pipeline.long import windows
from pipeline.options import Options
from pipeline.records import Look, Stage, Transcript
from pipeline.settings import Settings
from pipeline.stages import Models
from pipeline.workspace import workspace
from tests.fixtures_clips import AAC, X264, ffmpeg
from tests.fixtures_runs import finish, quick_models, small_clip, tree
from tests.integration.test_batch import _workers

SECONDS = 12.0


def quick(settings: Settings) -> Models:
    return quick_models()


def deadly(settings: Settings) -> Models:
    """Models whose process is killed in the third window."""

    def transcribe(sound: Path, language: str | None) -> Stage[Transcript]:
        yield from ()
        psutil.Process().kill()
        return Transcript("en", 1.0, ())

    models = quick_models()
    return Models(
        models.names, transcribe, models.diarize, models.find_faces, models.translate_speech, models.translates_to
    )


@pytest.fixture
def short_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows of at most five seconds: four of them in `SECONDS`."""
    monkeypatch.setattr(windows, "LONGEST_S", 5.0)
    monkeypatch.setattr(windows, "OVERLAP_S", 0.5)
    monkeypatch.setattr(windows, "SLACK_S", 0.5)


@pytest.fixture(autouse=True)
def nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test leaves a worker or a file in the temporary folder."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    monkeypatch.setenv("TMPDIR", str(scratch))
    yield
    assert not _workers()
    with workspace():
        pass  # removes what a killed process has left
    assert not list(scratch.iterdir())


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_clip(tmp_path_factory.mktemp("recording") / "hour.mp4", SECONDS)


def limited(settings: Settings) -> Settings:
    """Settings under which the recording is longer than a single clip."""
    from dataclasses import replace

    return replace(settings, max_duration_s=6.0)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.avi", "late.mp4"])
def test_the_frames_of_a_part_are_those_of_the_recording(tmp_path: Path, name: str) -> None:
    clip = tmp_path / name
    codec = ("-c:v", "mpeg4", "-bf", "2", "-q:v", "3") if name.endswith("avi") else (*X264, "-g", "75", "-bf", "2")
    late = ("-itsoffset", "0.3") if name.startswith("late") else ()
    ffmpeg(
        *late, "-f", "lavfi", "-i", "testsrc=s=160x90:r=25:d=12", "-f", "lavfi", "-i", "sine=d=12", *codec, *AAC, clip
    )
    whole = media.probe(clip, Settings())
    for start, end in ((0.0, 2.0), (4.52, 6.0), (9.0, 11.0)):
        part = windows.view(whole, start, end)
        mine = list(media.frames(part, width=160, height=90))
        theirs = list(media.frames(whole, width=160, height=90, start=start, end=end))
        assert len(mine) == len(theirs) > 30
        assert mine[0][0] == 0.0
        for (_, a), (_, b) in zip(mine, theirs, strict=True):
            assert np.abs(a.astype(int) - b).mean() < 0.5


def test_the_sound_of_a_part_is_that_of_the_recording(recording: Path, tmp_path: Path) -> None:
    sound = finish(media.extract_sound(media.probe(recording, Settings()), tmp_path / "sound.wav"))
    whole = media.read_sound(sound)
    media.cut_sound(sound, tmp_path / "part.wav", 3.2, 7.7)
    assert np.array_equal(media.read_sound(tmp_path / "part.wav"), whole[round(3.2 * 16000) : round(7.7 * 16000)])
    assert np.array_equal(np.concatenate(list(media.blocks_of_sound(sound, 0.7))), whole)
    media.cut_sound(sound, tmp_path / "end.wav", 11.0, 99.0)
    assert len(media.read_sound(tmp_path / "end.wav")) == len(whole) - 11 * 16000


@pytest.mark.usefixtures("short_windows")
def test_a_long_recording_gives_one_set_of_files(recording: Path, tmp_path: Path, settings: Settings) -> None:
    out, calls = tmp_path / "out", Counter[str]()
    here = finish(long.analyse(recording, Options("PL"), settings, quick, own=quick_models(calls)))
    analysis = finish(long.process(recording, Options("PL"), Look(), out, limited(settings), quick, 2))
    assert calls["speech"] == calls["faces"] == 4
    assert here.people == analysis.people
    assert here.phrases == analysis.phrases
    assert results.FILES - {"faces"} <= {path.name for path in out.iterdir()} <= results.FILES
    assert media.probe(out / "video.mp4", Settings()).duration == pytest.approx(SECONDS, abs=0.1)
    assert all(phrase.translation for phrase in analysis.phrases)
    starts = [phrase.start for phrase in analysis.phrases]
    assert starts == sorted(starts)
    assert starts[-1] > 9.0
    assert [turn.end for turn in analysis.turns][-1] == pytest.approx(SECONDS, abs=0.1)
    assert analysis.shots[0].start == 0.0
    assert analysis.shots[-1].end == pytest.approx(SECONDS, abs=0.1)


@pytest.mark.usefixtures("short_windows")
def test_the_next_run_takes_the_windows_from_the_cache(recording: Path, settings: Settings) -> None:
    calls = Counter[str]()
    for _ in range(2):
        finish(long.analyse(recording, Options("PL"), settings, quick, own=quick_models(calls)))
    assert calls["speech"] == 4


@pytest.mark.usefixtures("short_windows")
def test_a_recording_whose_picture_ends_early(tmp_path: Path, settings: Settings) -> None:
    clip = tmp_path / "early.mp4"
    ffmpeg(
        "-f", "lavfi", "-i", "testsrc=s=160x90:r=25:d=4", "-f", "lavfi", "-i", "sine=d=12:sample_rate=16000", *X264, *AAC, clip
    )  # fmt: skip
    analysis = finish(long.analyse(clip, Options("PL"), settings, quick, own=quick_models()))
    assert analysis.media.duration == pytest.approx(12.0, abs=0.1)
    assert analysis.phrases[-1].start > 9.0
    assert analysis.tracks[-1].boxes[-1].t < 8.0


@pytest.mark.usefixtures("short_windows")
def test_a_window_that_kills_its_workers_ends_the_run_with_a_sentence(recording: Path, settings: Settings) -> None:
    with pytest.raises(MediaError, match="ended from outside 2 times"):
        finish(long.analyse(recording, Options("PL"), settings, deadly, 2))


def test_a_recording_without_sound_and_a_file_that_is_none_get_a_sentence(tmp_path: Path, settings: Settings) -> None:
    silent = tmp_path / "silent.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=160x90:r=25:d=2", *X264, silent)
    (tmp_path / "text.mp4").write_text("no film")
    for path, kind in (
        (silent, NoAudioError),
        (tmp_path / "text.mp4", PipelineError),
        (tmp_path / "none", PipelineError),
    ):
        with pytest.raises(kind) as told:
            finish(long.process(path, Options("PL"), Look(), tmp_path / "out", settings, quick))
        assert str(told.value).endswith(".")
    assert not (tmp_path / "out").exists()


def test_beyond_four_hours_a_recording_is_refused(
    recording: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.long.recording.LONGEST_S", 8.0)
    with pytest.raises(LimitError, match="the limit is 8 s"):
        finish(long.analyse(recording, Options("PL"), limited(settings), quick, own=quick_models()))


@pytest.mark.usefixtures("short_windows")
def test_a_batch_takes_recordings_beyond_the_limit_of_a_clip(
    recording: Path, tmp_path: Path, settings: Settings
) -> None:
    clips, out = tmp_path / "clips", tmp_path / "out"
    clips.mkdir()
    (clips / "hour.mp4").symlink_to(recording)
    small_clip(clips / "short.mp4")
    todo = driver.Batch(jobs.read(clips, out, Options("PL"), Look()), out, limited(settings), quick, 4)
    outcomes = driver.run(todo)
    assert [(o.name, o.status, round(o.seconds)) for o in outcomes] == [("hour", "done", 12), ("short", "done", 1)]
    # The plan is made in another process here, which has windows of five minutes: one of them.
    single = finish(long.analyse(recording, Options("PL"), settings, quick, own=quick_models()))
    assert len(single.phrases) > len(json.loads((out / "hour" / "transcript.json").read_text())["phrases"])
    assert (out / "hour" / "video.mp4").is_file()
    before = tree(out / "hour")
    assert driver.run(todo) == outcomes
    assert tree(out / "hour") == before


def test_the_command_says_how_to_take_a_long_recording(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPEECHGLASS_MAX_DURATION_S", "6")
    assert main([str(recording), "--to", "PL", "--out", str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err.strip().splitlines()[-1] == (
        "Error: “hour.mp4” is 12 s long and the limit is 6 s; cut it shorter and try again, or give --long."
    )
