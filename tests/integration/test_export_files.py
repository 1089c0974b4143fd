"""The exported files as ffmpeg and libass read them."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pysubs2
import pytest

from pipeline.records import Analysis, Look
from pipeline.subtitles import fonts
from tests.fixtures_export import HOSTILE, analysis, phrase, to_ass, to_srt, to_vtt

pytestmark = pytest.mark.integration

FFMPEG = shutil.which("ffmpeg") or imageio_ffmpeg.get_ffmpeg_exe()


def through_ffmpeg(path: Path, kind: str) -> pysubs2.SSAFile:
    """The subtitles after ffmpeg has read the file and written it as `kind`."""
    out = path.with_name(f"out.{kind}")
    done = subprocess.run([FFMPEG, "-v", "warning", "-y", "-i", path, out], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return pysubs2.load(str(out))


@pytest.mark.parametrize(("export", "kind"), [(to_srt, "srt"), (to_vtt, "vtt"), (to_ass, "ass")])
@pytest.mark.parametrize("to", ["srt", "ass", "vtt"])
def test_ffmpeg_reads_the_same_cues(tmp_path: Path, export: Callable[[Analysis], str], kind: str, to: str) -> None:
    path = tmp_path / f"subtitles.{kind}"
    path.write_text(export(analysis()), "utf-8")
    ours, theirs = pysubs2.load(str(path)), through_ffmpeg(path, to)
    for events in (ours, theirs):
        events.sort()  # ffmpeg keeps the order of ASS and sorts for the others
    assert len(theirs) == len(ours)
    for our, their in zip(ours, theirs, strict=True):
        assert abs(our.start - their.start) <= 10
        assert abs(our.end - their.end) <= 10
    if to != "vtt" or kind != "vtt":  # pysubs2 leaves <v> in
        plain = [re.sub(r"</?v[^>]*>", "", event.plaintext) for event in theirs]
        assert plain == [re.sub(r"</?v[^>]*>", "", event.plaintext) for event in ours]


@pytest.mark.parametrize(("export", "kind"), [(to_srt, "srt"), (to_vtt, "vtt")])
def test_ffmpeg_shows_hostile_text_as_text(tmp_path: Path, export: Callable[[Analysis], str], kind: str) -> None:
    clip = analysis(phrases=(phrase(1, 1, 6, "p1", HOSTILE, HOSTILE), phrase(2, 7, 8, "p1", "After", "Po")))
    path = tmp_path / f"subtitles.{kind}"
    path.write_text(export(clip), "utf-8")
    theirs = through_ffmpeg(path, "ass")
    text = " ".join(event.text.replace("\\N", " ") for event in theirs)
    assert "bold" in text
    assert "<b>" in text.replace("\u200b", "")
    assert theirs[-1].plaintext == "Po"
    assert theirs[0].start == 1000


def frame(path: Path, t: float, size: str = "1280x720") -> tuple[np.ndarray, str]:
    """The picture that libass draws over black at `t`, shipped fonts only."""
    done = subprocess.run(
        [FFMPEG, "-v", "verbose", "-f", "lavfi", "-i", f"color=black:s={size}:d=13:r=25", "-ss", str(t), "-frames:v", "1",
         "-vf", f"ass={path}:fontsdir={fonts.FOLDER}", "-pix_fmt", "gray", "-f", "rawvideo", "-"],
        capture_output=True, check=True,
    )  # fmt: skip
    width, height = map(int, size.split("x"))
    return np.frombuffer(done.stdout, np.uint8).reshape(height, width), done.stderr.decode()


@pytest.fixture
def libass() -> None:
    filters = subprocess.run([FFMPEG, "-v", "error", "-filters"], capture_output=True, text=True, check=True).stdout
    if " ass " not in filters:
        pytest.skip("this ffmpeg has no libass")


@pytest.mark.usefixtures("libass")
def test_libass_finds_the_named_font_and_draws_over_the_head(tmp_path: Path) -> None:
    path = tmp_path / "a.ass"
    path.write_text(to_ass(analysis()), "utf-8")
    picture, log = frame(path, 2.8)
    assert "fontselect: (Rajdhani SemiBold, 400, 0) -> Rajdhani-SemiBold" in log
    rows, columns = np.nonzero(picture > 100)
    assert rows.max() < 200  # the face's top
    assert abs((columns.min() + columns.max()) / 2 - 400) < 8


@pytest.mark.usefixtures("libass")
def test_libass_shows_words_only_once_they_are_said(tmp_path: Path) -> None:
    path = tmp_path / "a.ass"
    path.write_text(to_ass(analysis(), Look(texts="original", reveal="spoken")), "utf-8")
    ink = [int((frame(path, t)[0] > 100).sum()) for t in (0.6, 1.5, 2.9)]
    assert 0 < ink[0] < 0.4 * ink[2]
    assert ink[0] < ink[1] < ink[2]


@pytest.mark.usefixtures("libass")
def test_libass_turns_the_source_into_the_translation(tmp_path: Path) -> None:
    clip = analysis(phrases=(phrase(1, 1, 4, "p1", "iiii iiii", "WWWW WWWW"),))
    path = tmp_path / "a.ass"
    path.write_text(to_ass(clip), "utf-8")
    early, late = ((frame(path, t)[0] > 100).sum() for t in (1.2, 2.8))
    assert late > 1.5 * early > 0


@pytest.mark.usefixtures("libass")
def test_a_portrait_clip_keeps_its_text_inside(tmp_path: Path) -> None:
    from dataclasses import replace
    from fractions import Fraction

    from pipeline.records import Media

    clip = replace(analysis(face=(0, 300, 200, 500)), media=Media(12.0, 1080, 1920, Fraction(30)))
    path = tmp_path / "a.ass"
    path.write_text(to_ass(clip, Look(texts="both")), "utf-8")
    picture, _ = frame(path, 5.0, "1080x1920")
    columns = np.flatnonzero((picture > 100).any(0))
    assert columns.min() > 4
    assert columns.max() < 1076
