"""A terminal only shows what files say, and never obeys it."""

import io
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import __main__ as command
from pipeline.terminal import printable

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


def test_the_name_of_a_folder_is_shown_and_not_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    command._say_where(Path("out/\x1b[2Jclip"))
    assert terminal.getvalue() == "out/\ufffd[2Jclip\n"
