"""Read a transcript, an RTTM or a project in a process of its own, with limits to its memory and its time.

A few megabytes of JSON can ask for gigabytes, and a text can be such that a parser takes minutes. On a page that costs
this process and one sentence, and not the other visitors.
"""

from __future__ import annotations

import contextlib
import json
import resource
import sys
import traceback
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import project
from pipeline.brought import Given
from pipeline.errors import PipelineError, RecordError
from pipeline.given.files import read_files
from pipeline.media import child
from pipeline.project import Project

if TYPE_CHECKING:
    from pydantic import TypeAdapter

MEMORY = 2**30  #: bytes of address space; the transcript of five minutes with six faces in every picture takes 100 MB
SECONDS = 10  #: of a processor; the largest SRT there may be takes two
LIMIT_S = 120.0  #: on a busy machine, where others come first
MOST_ANSWER = 64 * 2**20  #: bytes
TOO_MUCH = "The file takes too long to read; give the file of one clip."

#: The child gets the places of modules from here: it starts without those that the environment names.
_START = "import json, sys; sys.path[:] = json.loads(sys.argv.pop(1)); from pipeline.given.apart import main; main()"


@dataclass(frozen=True)
class Answer:
    """What the process that reads tells: what it read, an error of the file, or a fault of the program."""

    given: Given | None = None
    project: Project | None = None
    error: str = ""
    defect: str = ""  #: its traceback


def read_apart(transcript: Path | None, turns: Path | None) -> Given:
    """Return what `read_files` does.

    Raises RecordError for a file that cannot be read or is none, or that takes too much to be read.
    """
    answer = _asked("given", transcript, turns)
    assert answer.given is not None
    return answer.given


def read_project_apart(file: Path) -> Project:
    """Return the project in a file, or the transcript.

    Raises RecordError for a file that cannot be read or is none, or that takes too much to be read.
    """
    answer = _asked("project", file)
    assert answer.project is not None
    return answer.project


def _asked(kind: str, *files: Path | None) -> Answer:
    command = [sys.executable, "-I", "-c", _START, json.dumps(sys.path), kind]
    order = json.dumps([None if file is None else str(file.absolute()) for file in files])
    try:
        answer = _adapter().validate_json(child.ask(command, order.encode(), LIMIT_S, MOST_ANSWER))
    except child.ScanFailed:
        raise RecordError(TOO_MUCH) from None
    if answer.error:
        raise RecordError(answer.error)
    if answer.defect:
        raise RuntimeError(f"The process that reads files failed:\n{answer.defect}")
    return answer


@cache
def _adapter() -> TypeAdapter[Answer]:
    from pydantic import TypeAdapter

    from pipeline.records import Word  # noqa: F401  named in the lines of `Given`, which cannot import it

    return TypeAdapter(Answer)


def main() -> None:
    """Answer one order: what is read, or the error, as JSON."""
    for limit, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, SECONDS)):
        with contextlib.suppress(ValueError, OSError):  # macOS has no limit of address space
            resource.setrlimit(limit, (most, most))
    files = [None if file is None else Path(file) for file in json.load(sys.stdin)]
    try:
        answer = Answer(project=project.read(*files)) if sys.argv[1] == "project" else Answer(given=read_files(*files))  # type: ignore[arg-type]
    except PipelineError as error:
        answer = Answer(error=str(error))
    except MemoryError:
        answer = Answer(error=TOO_MUCH)
    except Exception:
        answer = Answer(defect=traceback.format_exc())
    sys.stdout.buffer.write(_adapter().dump_json(answer))
