"""The files of a run: all or nothing, and nothing of anybody else's is ever touched."""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pipeline import __main__ as command
from pipeline import project, results, transcript
from pipeline.arguments import glossary
from pipeline.errors import MediaError, PipelineError, RecordError, UsageError
from pipeline.records import Analysis, Look
from pipeline.settings import Settings
from tests import fakes
from tests.fixtures_runs import finish, tree

SETTINGS = Settings(models="light")


def write(out: Path, analysis: Analysis | None = None) -> object:
    return finish(results.write(Path("none.mp4"), analysis or fakes.analysis(), Look(), out, SETTINGS, video=False))


def test_every_file_is_there_and_reads_back(tmp_path: Path) -> None:
    analysis = fakes.analysis()
    write(tmp_path / "out", analysis)
    assert {p.name for p in (tmp_path / "out").iterdir()} == results.FILES - {"video.mp4", "poster.jpg"}
    again = project.read(tmp_path / "out" / "transcript.json").analysis
    assert again == transcript.from_json(transcript.to_json(analysis))
    assert again.portraits == analysis.portraits
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o755
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_an_earlier_run_is_replaced_whole(tmp_path: Path) -> None:
    write(tmp_path / "out")
    (tmp_path / "out" / "video.mp4").write_bytes(b"old")
    write(tmp_path / "out", dataclasses.replace(fakes.analysis(), people=fakes.analysis().people, portraits={}))
    assert {p.name for p in (tmp_path / "out").iterdir()} == results.FILES - {"video.mp4", "poster.jpg", "faces"}


@pytest.mark.parametrize(
    "other", ["clip.mp4", "notes.txt", "transcript.json.bak", ".git/config", "faces/me.png", "faces/sub/p1.jpg"]
)
def test_a_folder_with_anything_else_in_it_is_refused(other: str, tmp_path: Path) -> None:
    """A transcript.json beside somebody's own film does not make the folder ours."""
    write(tmp_path / "out")
    (tmp_path / "out" / other).parent.mkdir(exist_ok=True, parents=True)
    (tmp_path / "out" / other).write_text("mine")
    before = tree(tmp_path)
    with pytest.raises(UsageError, match="holds other things"):
        write(tmp_path / "out")
    assert tree(tmp_path) == before


def test_a_file_that_came_during_the_run_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "out")
    original = results.write_records

    def meanwhile(folder: Path, *rest: Any) -> None:
        original(folder, *rest)
        (tmp_path / "out" / "mine.txt").write_text("mine")

    monkeypatch.setattr(results, "write_records", meanwhile)
    with pytest.raises(UsageError):
        write(tmp_path / "out")
    assert (tmp_path / "out" / "mine.txt").read_text() == "mine"
    assert (tmp_path / "out" / "transcript.json").is_file()
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_file_or_a_link_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "target").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "target")
    for name in ("file", "link", "file/below"):
        with pytest.raises(PipelineError, match=r"folder.*\."):
            write(tmp_path / name)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "link", "target"]


@pytest.mark.parametrize("name", ["n" * 300, "/proc/nowhere/out", "/dev/null/out"])
def test_a_folder_that_cannot_be_made_is_told(name: str, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"could not be written.*\."):
        write(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a/b/c", "🎬" * 62, "a\nb", "-x", os.fsdecode(b"caf\xe9"), " "])
def test_any_name_a_file_system_takes_will_do(name: str, tmp_path: Path) -> None:
    write(tmp_path / name)
    assert (tmp_path / name / "transcript.json").is_file()
    assert len(list(tmp_path.iterdir())) == 1


def test_folders_made_on_the_way_go_with_a_run_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "write_records", lambda *_: (_ for _ in ()).throw(RuntimeError("defect")))
    with pytest.raises(RuntimeError):
        write(tmp_path / "a" / "b" / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_swap_that_fails_half_way_brings_the_earlier_run_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "out")
    before = tree(tmp_path)
    rename = Path.rename

    def fails_for_the_new_one(self: Path, to: Path) -> Path:
        if Path(to) == tmp_path / "out" and self.name == "made":
            raise KeyboardInterrupt
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", fails_for_the_new_one)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "out")
    assert tree(tmp_path) == before


def test_a_transcript_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    for name in ("missing.json", ".", "x" * 300):
        with pytest.raises(RecordError, match=r"cannot be read .*; give"):
            project.read(tmp_path / name)


# --- the arguments of the command line --------------------------------------------------------------------------------


@pytest.fixture(scope="module", autouse=True)
def signals_as_they_were() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in command.SAID}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


WORDS = st.sampled_from(
    ["render", "models", "--to", "--from", "--speakers", "--look", "--position", "--text-size", "--texts", "--models", "--formality",
     "--glossary", "--out", "--no-markers", "--reduced-motion", "--", "PL", "english", "0", "-1", "nan", "1e9", "inf", "missing.mp4",
     "http://", "https://user:x@[::1", "file:///etc/passwd", "", "-", "..", "x" * 300, "\x00", "\ud800", "٣"]
) | st.text(max_size=12)  # fmt: skip


@hypothesis_settings(max_examples=250, deadline=None)
@given(st.lists(WORDS, max_size=7))
@example(["render", "\x00", "clip.mp4"])
def test_any_arguments_end_in_a_status_and_never_in_a_traceback(arguments: list[str]) -> None:
    """No clip exists, so nothing can run; what can be said is said by status 1 or 2, or 0 for --help and the list of
    models."""
    status: str | int | None
    try:
        status = command.main(arguments)
    except SystemExit as left:  # argparse
        status = left.code
    assert status in (0, 1, 2)


@pytest.mark.parametrize(
    ("option", "said"), [("--transcript", "cannot be read; give SRT"), ("--turns", "Line 1 of the RTTM")]
)
def test_a_file_of_ones_own_that_is_none_is_refused_before_a_model_is_loaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, option: str, said: str
) -> None:
    from pipeline.models import sets

    monkeypatch.setattr(sets, "load", lambda settings: pytest.fail("a model is loaded"))
    (tmp_path / "poem.txt").write_text("Shall I compare thee", encoding="utf-8")
    assert command.main(["clip.mp4", "--to", "PL", option, str(tmp_path / "poem.txt")]) == 1
    assert said in capsys.readouterr().err
    assert command.main(["clip.mp4", "--to", "PL", option, str(tmp_path / "missing")]) == 1
    assert "name another file" in capsys.readouterr().err


def test_a_glossary_is_a_file_an_id_or_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "terms.txt").write_text("netrunner = netrunner\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    assert glossary(str(tmp_path / "terms.txt")) == "netrunner = netrunner\n"
    assert glossary("a = b\n" * 100) == "a = b\n" * 100
    assert glossary("") == ""
    with pytest.raises(UsageError, match="UTF-8"):
        glossary(str(tmp_path / "binary"))


def test_the_name_of_the_folder_is_said_byte_for_byte(
    capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path
) -> None:
    sys.stdout.flush()
    command._say_where(Path(os.fsdecode(b"out/caf\xe9")))
    sys.stdout.flush()
    assert capfdbinary.readouterr().out == b"out/caf\xe9\n"


def test_no_memory_is_a_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(command, "_translate", lambda _: (_ for _ in ()).throw(MemoryError()))
    assert command.main(["x"]) == 1
    assert (
        capsys.readouterr().err == "Error: There is not enough memory; close other programs or take a smaller clip.\n"
    )
