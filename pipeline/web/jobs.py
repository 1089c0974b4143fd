"""One visitor's result, and the private folders it lives in.

Everything a run writes is inside one folder that only this process's user can open; it goes when the run ends, the
visitor's state expires or the process does. Nothing is shared between visitors and nothing is named by them.
"""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from pipeline import results
from pipeline.errors import NotAClipError
from pipeline.records import Analysis, Look, Notice
from pipeline.web.services import Example
from pipeline.workspace import workspace

STATE_AGE_S = 7200  #: a visitor's result is forgotten after two hours without a change
KEPT_UNDO = 50  #: edits that can be taken back; records share what did not change, so a step is a few kilobytes


@cache
def root() -> Path:
    """The folder of this process, 0700, removed when it ends."""
    held = workspace()

    def sweep() -> None:
        with suppress(OSError):  # a run that goes on in a thread may still write; the next start removes the rest
            held.__exit__(None, None, None)

    atexit.register(sweep)
    return held.__enter__()


def served_folder() -> Path:
    """Return the folder for uploads and for what Gradio serves, 0700, in which nothing else lies."""
    folder = root() / "served"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def new_folder() -> Path:
    """An empty folder only we can open, 0700."""
    return Path(tempfile.mkdtemp(prefix="job-", dir=root()))


@contextmanager
def job_folder() -> Iterator[Path]:
    """An empty folder for one call, gone afterwards however it ends."""
    folder = new_folder()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def adopt(upload: Path, folder: Path) -> Path:
    """The upload under a name of ours in `folder`: what a visitor calls a file never reaches a command line or a disk path.

    Raises NotAClipError when there is no such file.
    """
    clip = folder / "clip"
    try:
        os.link(upload, clip)
    except FileNotFoundError:
        raise NotAClipError("The clip is not here any more; upload it again.") from None
    except OSError:  # another file system, or a file system without links
        shutil.copyfile(upload, clip)
    return clip


@dataclass(slots=True)
class Result:
    """What a visitor looks at: the analysis as edited, and the one that is in the video. Lives in their session."""

    analysis: Analysis
    look: Look
    clip: Path
    files: Path | None = None  #: folder with video.mp4, subtitles.vtt ...; None before the first drawing
    folder: Path | None = None  #: ours to remove with everything in it; None for an example, whose files stay
    title: str = ""
    is_example: bool = False
    notices: tuple[Notice, ...] = ()  #: of the drawing
    drawn: Analysis | None = None  #: what the video shows
    drawn_at: int = 0  #: len(undo) then
    undo: list[Analysis] = field(default_factory=list)
    token: str = field(default_factory=lambda: secrets.token_hex(8))  #: by which a page says what stands on it
    closed: bool = False  #: its files are gone, and none are made any more
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def pending(self) -> int:
        """How many changes the video does not show."""
        if self.drawn is None or self.drawn == self.analysis:
            return 0
        return max(1, abs(len(self.undo) - self.drawn_at))

    def new_files(self) -> Path:
        """An empty folder for the next drawing."""
        if self.folder is None:
            self.folder = new_folder()
        return Path(tempfile.mkdtemp(prefix="drawn-", dir=self.folder))

    def drawn_into(self, files: Path, analysis: Analysis) -> bool:
        """`files` show `analysis`; those before them are gone. False, and nothing, once the result is closed."""
        with self.lock:
            if self.closed:
                return False
            if self.files is not None and self.files.parent == self.folder:
                shutil.rmtree(self.files, ignore_errors=True)
            self.files, self.drawn, self.drawn_at, self.is_example = files, analysis, len(self.undo), False
            return True

    def touch(self) -> None:
        """The result is in use: `sweep` leaves its folder alone."""
        if self.folder is not None:
            with suppress(OSError):
                os.utime(self.folder)

    def file(self, name: str) -> str | None:
        """The path of one of the files, None where there is none."""
        if self.files is None:
            return None
        path = self.files / name
        if name == "faces.zip" and self.is_example:  # not among an example's files; made once
            path = root() / f"{self.files.name}-{name}"
            if not path.exists():
                zip_faces(self.analysis, path)
        return str(path) if path.is_file() else None

    def change(self, analysis: Analysis) -> None:
        """`analysis` is the current one; the one before can be taken back."""
        if analysis != self.analysis:
            self.undo = [*self.undo[-KEPT_UNDO + 1 :], self.analysis]
            self.analysis = analysis

    def take_back(self) -> None:
        """The last change is undone."""
        if self.undo:
            self.analysis = self.undo.pop()

    def close(self) -> None:
        """The files of this result are gone."""
        with self.lock:
            self.closed = True
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    # gr.State copies its value by deepcopy or pickle in some paths; a lock does neither, and a result is never shared.
    def __deepcopy__(self, memo: dict) -> Result:
        return self


def noted(analysis: Analysis, notices: tuple[Notice, ...]) -> Analysis:
    """The analysis with what drawing it had to say."""
    return replace(analysis, notices=tuple(dict.fromkeys(analysis.notices + notices)))


def forget(result: Result | None) -> None:
    """The files of a result that nobody needs any more are gone."""
    if result is not None:
        result.close()


def from_example(example: Example) -> Result:
    """The ready result of an example.

    Raises RecordError when its transcript.json cannot be read.
    """
    analysis = results.read(example.folder / "transcript.json")
    return Result(
        analysis, Look(), example.clip, files=example.folder, title=example.title, is_example=True, drawn=analysis
    )


def zip_faces(analysis: Analysis, to: Path) -> None:
    """The portraits, named after their people, are in the ZIP file `to`; without any there is none."""
    if not analysis.portraits:
        return
    names = {person.id: person.name for person in analysis.people}
    with zipfile.ZipFile(to, "w") as archive:
        for number, (person, picture) in enumerate(sorted(analysis.portraits.items()), 1):
            safe = "".join(c for c in names.get(person, "") if c.isalnum() or c in " -").strip()
            archive.writestr(f"{number:02d} {safe or person}.jpg", picture)
