"""A still of the look, and the look alone: real ffmpeg on a real clip."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline import __main__ as command
from pipeline import media, run, transcript
from pipeline.errors import NotAClipError, UsageError
from pipeline.progress import finish
from pipeline.records import Analysis, Look
from pipeline.settings import Settings
from pipeline.subtitles.plan import plan_files
from pipeline.subtitles.preview import poster_time, still
from tests.fixtures_look import HEIGHT, TRANSLATIONS, WIDTH, analysis, phrase, track

SECONDS = 4.0
BOX = (130.0, 130.0, 230.0, 260.0)


def settings(tmp_path: Path) -> Settings:
    return Settings(cache_dir=tmp_path / "cache")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    to = tmp_path_factory.mktemp("clip") / "clip.mp4"
    subprocess.run(
        [media.ffmpeg_binary(), "-v", "error", "-f", "lavfi", "-i", f"mandelbrot=s={WIDTH}x{HEIGHT}:r=25", "-f", "lavfi",
         "-i", "sine=330", "-t", str(SECONDS), "-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "veryfast", to],
        check=True,
    )  # fmt: skip
    return to


@pytest.fixture
def analysed() -> Analysis:
    said = phrase(1, "p1", 0.6, 3.2, translation=TRANSLATIONS["PL"])
    return analysis(said, tracks=(track("p1", BOX, 0, SECONDS),), duration=SECONDS)


def frame_of(video: Path, t: float, tmp_path: Path) -> np.ndarray:
    found = media.probe(video, settings(tmp_path))
    frames = media.frames(found, width=found.width, height=found.height, rate=25, start=t, end=t + 0.02)
    return next(frames)[1]


@pytest.mark.parametrize("look", [Look(), Look("bars"), Look("classic")])
def test_a_still_is_the_frame_of_the_finished_video(look: Look, clip: Path, analysed: Analysis, tmp_path: Path) -> None:
    finish(run.render(clip, analysed, look, tmp_path / "video.mp4", settings(tmp_path)))
    for t in (0.2, 0.9, 2.0, SECONDS - 0.01):
        picture = run.preview(clip, analysed, look, t, settings(tmp_path)).astype(int)
        shown = frame_of(tmp_path / "video.mp4", int(t * 25) / 25, tmp_path).astype(int)
        assert picture.shape == shown.shape
        assert np.abs(picture - shown).mean() < 6, t


def test_the_command_writes_the_still(
    clip: Path, analysed: Analysis, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = tmp_path / "transcript.json"
    record.write_text(transcript.to_json(analysed))
    to = tmp_path / "still.png"
    assert command.main(["render", str(record), str(clip), "--preview", "2", str(to)]) == 0
    assert Image.open(to).size == (WIDTH, HEIGHT)
    assert str(to) in capsys.readouterr().out
    for bad, status in (("99", 2), ("-1", 2), ("soon", 2), ("nan", 2)):
        other = tmp_path / "other.png"
        assert command.main(["render", str(record), str(clip), "--preview", bad, str(other)]) == status
        assert not other.exists()
    said = capsys.readouterr().err
    assert "The clip is 4.00 s long" in said
    assert "Traceback" not in said


def test_a_preview_of_sound_only_is_one_sentence(clip: Path, analysed: Analysis, tmp_path: Path) -> None:
    sound = tmp_path / "sound.wav"
    subprocess.run([media.ffmpeg_binary(), "-v", "error", "-i", clip, "-vn", sound], check=True)
    with pytest.raises(NotAClipError, match="no picture"):
        run.preview(sound, analysed, Look(), 1.0, settings(tmp_path))
    with pytest.raises(NotAClipError, match="no picture"):
        still(media.probe(sound, settings(tmp_path)), analysed, Look(), 1.0)
    with pytest.raises(UsageError, match="There is no look"):
        run.preview(clip, analysed, Look("nonsense"), 1.0, settings(tmp_path))


def test_the_poster_is_a_half_turned_line(analysed: Analysis) -> None:
    plan = plan_files(analysed, Look())
    t = poster_time(plan)
    assert t is not None
    cue = next(cue for cue in plan.cues if cue.start <= t < cue.end)
    assert 0.3 < cue.turned(t) < 0.7
    none = poster_time(plan_files(analysed, Look(reveal="none")))
    assert none is not None
    assert any(cue.start < none < cue.text_end for cue in plan.cues)
    assert poster_time(plan_files(analysis(duration=SECONDS), Look())) is None
