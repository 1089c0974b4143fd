"""Read a transcript, an RTTM or a project in a process of its own, with limits to its memory and its time.

A few megabytes of JSON can ask for gigabytes, and a text can be such that a parser takes minutes. On a page that costs
this process and one sentence, and not the other visitors.
"""

from __future__ import annotations

import contextlib
import json
import pickle
import resource
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from pipeline import project
from pipeline.brought import Given
from pipeline.errors import PipelineError, RecordError
from pipeline.given.files import read_files
from pipeline.media import child
from pipeline.project import Project

MEMORY = 2**30  #: bytes of address space; the transcript of five minutes with six faces in every picture takes 100 MB
SECONDS = 10  #: of a processor; the largest SRT there may be takes two
LIMIT_S = 30.0  #: on a busy machine
MOST_ANSWER = 64 * 2**20  #: bytes
TOO_MUCH = "The file takes too long to read; give the file of one clip."

#: The child gets the places of modules from here: it starts without those that the environment names.
_START = "import json, sys; sys.path[:] = json.loads(sys.argv.pop(1)); from pipeline.given.apart import main; main()"


def read_apart(transcript: Path | None, turns: Path | None) -> Given:
    """Return what `read_files` does.

    Raises RecordError for a file that cannot be read or is none, or that takes too much to be read.
    """
    return cast(Given, _asked("given", transcript, turns))


def read_project_apart(file: Path) -> Project:
    """Return the project in a file, or the transcript.

    Raises RecordError for a file that cannot be read or is none, or that takes too much to be read.
    """
    return cast(Project, _asked("project", file))


def _asked(kind: str, *files: Path | None) -> Any:
    command = [sys.executable, "-I", "-c", _START, json.dumps(sys.path), kind]
    order = json.dumps([None if file is None else str(file.absolute()) for file in files])
    try:  # a pickle, since it comes from our own code, which parses in Python alone
        answer = pickle.loads(child.ask(command, order.encode(), LIMIT_S, MOST_ANSWER))
    except child.ScanFailed:
        raise RecordError(TOO_MUCH) from None
    if isinstance(answer, PipelineError):
        raise answer
    if isinstance(answer, Defect):
        raise RuntimeError(f"The process that reads files failed:\n{answer.traceback}")
    return answer


@dataclass(frozen=True)
class Defect:
    """A fault of the program, not of the file, in the process that reads."""

    traceback: str


READERS: dict[str, Callable[..., Given | Project]] = {"given": read_files, "project": project.read}


def main() -> None:
    """Answer one order: what is read, or the error, pickled."""
    for limit, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, SECONDS)):
        with contextlib.suppress(ValueError, OSError):  # macOS has no limit of address space
            resource.setrlimit(limit, (most, most))
    files = [None if file is None else Path(file) for file in json.load(sys.stdin)]
    answer: Given | Project | PipelineError | Defect
    try:
        answer = READERS[sys.argv[1]](*files)
    except PipelineError as error:
        answer = error
    except MemoryError:
        answer = RecordError(TOO_MUCH)
    except Exception:
        answer = Defect(traceback.format_exc())
    sys.stdout.buffer.write(pickle.dumps(answer))
