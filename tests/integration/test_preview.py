"""A still of the look, and the look alone: real ffmpeg on a real clip."""

from __future__ import annotations

import subprocess
from dataclasses import replace
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
from pipeline.subtitles import yuv
from pipeline.subtitles.draw import compose
from pipeline.subtitles.overlay import overlay
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


def test_the_command_writes_a_sample_of_ten_seconds(
    clip: Path, analysed: Analysis, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    long = tmp_path / "long.mp4"
    loop = ["-stream_loop", "3", "-i", str(clip), "-c", "copy", str(long)]
    subprocess.run([media.ffmpeg_binary(), "-v", "error", *loop], check=True)
    duration = media.probe(long, settings(tmp_path)).duration
    longer = replace(analysed, media=replace(analysed.media, duration=duration))
    record = tmp_path / "transcript.json"
    record.write_text(transcript.to_json(longer))
    to = tmp_path / "new" / "sample.mp4"
    assert command.main(["render", str(record), str(long), "--sample", "1", str(to)]) == 0
    made = media.probe(to, settings(tmp_path))
    assert made.duration == pytest.approx(10.0, abs=0.1)
    assert made.has_audio
    shown = frame_of(to, 1.0, tmp_path).astype(int)
    assert np.abs(shown - run.preview(long, longer, Look(), 2.0, settings(tmp_path)).astype(int)).mean() < 6
    assert command.main(["render", str(record), str(long), "--sample", "14", str(to)]) == 0
    assert media.probe(to, settings(tmp_path)).duration == pytest.approx(duration - 14, abs=0.1)
    for bad in ("99", "-1", "soon", "nan"):
        other = tmp_path / "other" / "sample.mp4"
        assert command.main(["render", str(record), str(long), "--sample", bad, str(other)]) == 2
        assert not other.parent.exists()
    assert command.main(["render", str(record), str(long), "--sample", "1", str(tmp_path / "sample.gif")]) == 2
    assert "give it a name that ends in .mp4" in capsys.readouterr().err


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


def decoded(file: Path, pixels: str, tmp_path: Path) -> np.ndarray:
    """Every frame, (n, height, width, 4)."""
    decoder = ["-c:v", "libvpx-vp9"] if file.suffix == ".webm" else []  # ffmpeg's own VP9 decoder drops alpha
    raw = tmp_path / "raw"
    subprocess.run(
        [media.ffmpeg_binary(), "-v", "error", "-y", *decoder, "-i", file, "-f", "rawvideo", "-pix_fmt", pixels, raw], check=True
    )  # fmt: skip
    return np.fromfile(raw, np.uint8).reshape(-1, HEIGHT, WIDTH, 4)


@pytest.mark.parametrize("kind", ["mov", "webm"])
def test_the_overlay_over_the_clip_is_the_drawn_video(
    kind: str, clip: Path, analysed: Analysis, tmp_path: Path
) -> None:
    to = tmp_path / f"overlay.{kind}"
    finish(run.overlay(clip, analysed, Look(), to, settings(tmp_path)))
    assert [p.name for p in tmp_path.iterdir() if p.suffix != ""] == [to.name]
    frames = decoded(to, "rgba", tmp_path)
    assert len(frames) == SECONDS * 25
    faintest = 0 if kind == "mov" else 2
    assert frames[5, ..., 3].max() <= faintest  # nothing is said yet
    assert frames[95, ..., 3].max() <= faintest
    for t in (0.88, 1.4, 2.6):
        laid = frames[round(t * 25)].astype(float)
        alpha = laid[..., 3:] / 255
        assert alpha.max() > 0.99
        assert alpha[300:].max() <= faintest / 255  # nothing is drawn down there
        assert 0.03 < (alpha > 0.5).mean() < 0.3
        picture = frame_of(clip, t, tmp_path).astype(float)
        mixed = laid[..., :3] * alpha + picture * (1 - alpha)
        inside = alpha[..., 0] > 0.5
        # Drawn with glass as dark as the overlay's: all that is left is what the glass does not blur, and the encoders.
        made = compose(analysed, Look(), WIDTH, HEIGHT, 25, yuv.BT601)
        made.plan.setting.picture_known = False
        found = media.probe(clip, settings(tmp_path))
        source = media.frames(found, width=WIDTH, height=HEIGHT, rate=25, pixels="yuv420p", start=t, end=t + 0.02)
        exact = yuv.rgb(next(made.drawn(source))[1], yuv.BT601).astype(float)
        assert np.abs(mixed - exact)[inside].mean() < 8
        assert np.abs(mixed - exact)[~inside].mean() < 1.5
        # In the video glass is only as dark as this picture needs it.
        shown = run.preview(clip, analysed, Look(), t, settings(tmp_path)).astype(float)
        assert np.abs(mixed - shown)[inside].mean() < 0.3 * np.abs(picture - shown)[inside].mean()


def test_bars_of_an_overlay_are_opaque_and_the_picture_between_them_is_not(analysed: Analysis) -> None:
    made = compose(analysed, Look("bars"), WIDTH, HEIGHT, 25)
    _, frame = next(overlay(made, [0.1]))
    alpha = frame[made.canvas.height * 3 // 2 :]
    top = made.canvas.top
    assert (alpha[:top] == 255).all()
    assert (alpha[-top:] == 255).all()
    assert not alpha[top:-top].any()
    _, drawn = next(overlay(made, [2.0]))
    assert (drawn[:top] > 200).any()
    assert (drawn[made.canvas.height * 3 // 2 :][:top] == 255).all()


def test_the_command_lays_the_overlay_beside_the_results(
    clip: Path, analysed: Analysis, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record, out = tmp_path / "transcript.json", tmp_path / "out"
    record.write_text(transcript.to_json(analysed))
    given = ["render", str(record), str(clip), "--out", str(out)]
    assert command.main([*given, "--overlay", "mov"]) == 0
    assert {"overlay.mov", "video.mp4"} <= {p.name for p in out.iterdir()}
    plan = plan_files(analysed, Look())
    t = poster_time(plan)
    assert t is not None
    poster = np.array(Image.open(out / "poster.jpg")).astype(int)
    shown = frame_of(out / "video.mp4", int(t * 25) / 25, tmp_path).astype(int)
    assert np.abs(poster - shown).mean() < 8
    cover = tmp_path / "cover.jpg"
    subprocess.run(
        [media.ffmpeg_binary(), "-v", "error", "-i", out / "video.mp4", "-map", "0:v:1", "-c", "copy", cover],
        check=True,
    )
    assert cover.read_bytes() == (out / "poster.jpg").read_bytes()  # the file's own picture
    probed = media.probe(out / "video.mp4", settings(tmp_path))
    assert (probed.width, probed.height) == (WIDTH, HEIGHT)
    assert command.main(given) == 0  # the folder is still a run's own
    assert "overlay.mov" not in {p.name for p in out.iterdir()}
    sound = tmp_path / "sound.wav"
    subprocess.run([media.ffmpeg_binary(), "-v", "error", "-i", clip, "-vn", sound], check=True)
    capsys.readouterr()
    assert command.main([str(sound), "--to", "PL", "--overlay", "webm", "--out", str(tmp_path / "none")]) == 1
    assert "no picture to lay a look over" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_a_still_after_the_picture_has_ended_shows_its_last_frame(tmp_path: Path) -> None:
    """The sound goes on for two seconds: the last frame stays, as in the finished video."""
    clip_path = tmp_path / "late.mp4"
    command = ["-f", "lavfi", "-i", "testsrc2=s=160x90:r=25:d=1", "-f", "lavfi", "-i", "sine=d=3"]
    subprocess.run([media.ffmpeg_binary(), "-v", "error", *command, "-c:a", "aac", clip_path], check=True)
    clip = media.probe(clip_path, Settings(models="light", cache_dir=tmp_path))
    last = list(media.frames(clip, width=160, height=90, rate=25, start=0.9, end=1.0))[-1][1]
    found = list(media.frames(clip, width=160, height=90, rate=25, start=2.52, end=2.56))
    assert len(found) == 1
    assert np.array_equal(found[0][1], last)
