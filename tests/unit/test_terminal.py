"""A terminal only shows what files say, and never obeys it."""

import dataclasses
import io
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import __main__ as command
from pipeline import results, transcript
from pipeline.batch import driver
from pipeline.batch.jobs import Job
from pipeline.batch.work import failed
from pipeline.options import Options
from pipeline.records import Analysis, Look, Notice, Progress, Stage
from pipeline.settings import Settings
from pipeline.terminal import printable
from tests import fakes
from tests.fixtures_runs import quick_models

pytestmark = pytest.mark.unit

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\r\n\u202egnp.exe\ud800"


def test_sequences_that_a_terminal_obeys_are_not_printed() -> None:
    assert printable("Zażółć gęślą jaźń, 前回, مرحبا") == "Zażółć gęślą jaźń, 前回, مرحبا"
    assert printable(EVIL).isprintable()
    assert printable(EVIL).count("\ufffd") == 8


@given(st.text(st.characters(), max_size=200))
def test_whatever_is_printed_is_one_line_and_can_be_written(text: str) -> None:
    shown = printable(text)
    assert len(shown) == len(text)
    assert len(shown.splitlines()) <= 1
    shown.encode()


class Terminal(io.StringIO):
    """A stand-in for a terminal."""

    def isatty(self) -> bool:
        return True


def test_an_error_that_quotes_a_file_is_shown_and_not_obeyed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = io.StringIO()
    monkeypatch.setattr(sys, "stderr", told)
    assert command.main(["render", str(tmp_path / "a\x1b]0;owned\x07.json"), str(tmp_path / "clip.mp4")]) == 1
    assert told.getvalue().startswith("Error: ")
    assert "\x1b" not in told.getvalue()
    assert "\x07" not in told.getvalue()


def _evil_job(folder: Path) -> Job:
    return Job(EVIL, folder / "gone.mp4", folder / "out" / "gone", Options(""), Look("classic"))


def test_a_clip_of_a_batch_that_cannot_be_read_is_named_and_not_obeyed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = dataclasses.replace(_evil_job(tmp_path), clip=tmp_path / "gone\x1b[2J\n.mp4")
    (outcome,) = driver.run(driver.Batch((job,), tmp_path / "out", Settings(), lambda _: quick_models()))
    assert outcome.status == "failed"
    (line,) = capsys.readouterr().err.splitlines()
    assert line.isprintable()
    assert line.startswith("\ufffd]0;owned\ufffd")
    assert "gone\ufffd[2J\ufffd.mp4 cannot be read" in line


def test_a_defect_in_a_clip_of_a_batch_is_logged_and_not_obeyed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    try:
        raise RuntimeError(EVIL)
    except RuntimeError as error:
        failed(_evil_job(tmp_path), error)
    assert "Traceback" in caplog.text
    assert "RuntimeError" in caplog.text
    assert all(line.isprintable() for line in caplog.text.split("\n"))


def test_the_name_of_a_folder_is_shown_and_not_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    command._say_where(Path("out/\x1b[2Jclip"))
    assert terminal.getvalue() == "out/\ufffd[2Jclip\n"


def test_a_stage_is_named_once_where_a_download_comes_between() -> None:
    def work() -> Stage[None]:
        yield Progress("probe")
        yield Progress("fetch", 0.0, "Fetching Whisper base (145 MB)")
        yield Progress("fetch", 0.5, "Fetching Whisper base (145 MB)")
        yield Progress("probe", 1.0)
        yield Progress("speech", 0.5)

    told = io.StringIO()
    command._show(work(), told)
    assert told.getvalue().splitlines() == [
        "Looking at the clip",
        "Fetching Whisper base (145 MB)",
        "Listening to the words",
    ]


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(["--help"])
    shown = " ".join(capsys.readouterr().out.split())
    for name in ("batch", "render", "page", "models"):
        assert f"{command.PROGRAM} {name}" in shown


def test_drawing_again_does_not_repeat_what_the_run_has_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    known = Notice("deepl_usage", "This clip used 812 DeepL characters.")
    drawing = Notice("text_cut", "The subtitle at 2.0 s does not fit the picture.")
    analysis = dataclasses.replace(fakes.analysis(), notices=(known, drawing))
    (tmp_path / "transcript.json").write_text(transcript.to_json(analysis), encoding="utf-8")

    def write(*_: Any, **__: Any) -> Stage[Analysis]:
        yield Progress("render", 1.0)
        return analysis

    monkeypatch.setattr(results, "write", write)
    assert command.main(["render", str(tmp_path / "transcript.json"), "clip.mp4", "--out", str(tmp_path / "out")]) == 0
    told = capsys.readouterr().err
    assert known.text not in told
    assert f"Note: {drawing.text}" in told
