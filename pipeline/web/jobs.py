"""One visitor's result, and the private folders it lives in.

Everything a run writes is inside one folder that only this process's user can open; it goes when the run ends, the
result has not been used for `STATE_AGE_S`, or the process ends. Nothing is shared between visitors: a result and every
file of it that is served has a name of 128 random bits or more.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import secrets
import shutil
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from urllib.parse import quote

from pipeline.errors import NotAClipError
from pipeline.notices import after_drawing
from pipeline.records import Analysis, Look, Notice
from pipeline.workspace import workspace

STATE_AGE_S = 7200  #: a visitor's result is forgotten after two hours without a change
KEPT_UNDO = 50  #: edits that can be taken back; records share what did not change, so a step is a few kilobytes
MOST_KEPT = 500  #: results in memory, a few hundred kilobytes each with their portraits
LASTING = "example-"  #: how the folders begin whose files stand on everybody's first page
PICTURE = "picture-"  #: how the keys of portraits begin
LONGEST_NAME = 60  #: characters of a download's name before the language


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
    """The upload under a name of ours in `folder`: what a visitor calls a file never reaches a command line or a disk
    path.

    Raises NotAClipError when there is no such file.
    """
    clip = folder / "clip"
    try:
        os.utime(upload)  # it is in use: the sweep leaves it alone for as long again
        os.link(upload, clip)
    except FileNotFoundError:
        raise NotAClipError("The clip is not here any more; upload it again.") from None
    except OSError:  # another file system, or a file system without links
        shutil.copyfile(upload, clip)
    return clip


def _served() -> Path:
    """The folder whose files Gradio gives out to who knows their path."""
    return Path(os.environ.get("GRADIO_TEMP_DIR") or served_folder())


def serve(file: Path, name: str, *, lasting: bool = False) -> tuple[Path, str]:
    """Give `file` out under `name`; returns the folder to remove and the address, relative to the page's.

    What is not `lasting` is swept when it has not been touched for as long as a result is kept.
    """
    prefix = LASTING if lasting else "out-"
    folder = Path(tempfile.mkdtemp(prefix=f"{prefix}{secrets.token_hex(16)}-", dir=_served()))
    link = folder / name
    try:
        os.link(file, link)
    except OSError:
        shutil.copyfile(file, link)
    return folder, f"gradio_api/file={quote(str(link))}"


def plain_name(text: str, default: str = "clip") -> str:
    """`text` as the beginning of a file's name: letters, digits, spaces, dots and dashes, without an ending."""
    stem = Path(text.replace("\\", "/")).name
    stem = stem.rsplit(".", 1)[0] if "." in stem[1:] else stem
    kept = "".join(c if c.isalnum() or c in " -_." else " " for c in stem)
    return " ".join(kept.split())[:LONGEST_NAME].strip(" .-") or default


@dataclass(slots=True)
class Result:
    """What a visitor looks at: the analysis as edited, and the one that is in the video."""

    analysis: Analysis
    look: Look
    clip: Path
    files: Path | None = None  #: folder with video.mp4, subtitles.vtt ...; None before the first drawing
    folder: Path | None = None  #: ours to remove with everything in it; None for an example, whose files stay
    title: str = ""  #: the clip's name
    is_example: bool = False
    notices: tuple[Notice, ...] = ()  #: of the drawing
    drawn: Analysis | None = None  #: what the video shows
    steps: int = 0  #: changes that led to the analysis; `undo` keeps the last of them only
    drawn_at: int = 0  #: `steps` then
    undo: list[Analysis] = field(default_factory=list)
    redo: list[Analysis] = field(default_factory=list)
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))  #: by which a page says what stands on it
    lasting: bool = False  #: stands on everybody's first page
    extras: Callable[[], Path] | None = None  #: makes what an example's own files lack
    used: float = field(default_factory=time.monotonic)
    closed: bool = False  #: its files are gone, and none are made any more
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    addresses: dict[str, tuple[Path, str]] = field(default_factory=dict, repr=False)  #: file -> its folder, its address

    @property
    def pending(self) -> int:
        """How many changes the video does not show."""
        if self.drawn is None or self.drawn == self.analysis:
            return 0
        return max(1, abs(self.steps - self.drawn_at))

    @property
    def makes(self) -> str:
        """What is made of the clip: a "video", or only "files" where it has no picture."""
        return "video" if self.analysis.media.width else "files"

    @property
    def noted(self) -> tuple[Notice, ...]:
        """What the visitor should know of the result."""
        if self.is_example:  # drawn before the page was opened
            return self.analysis.notices
        return noted(self.analysis, self.notices).notices

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
            self.files, self.drawn, self.drawn_at, self.is_example = files, analysis, self.steps, False
            self._withdraw(keep=("original", PICTURE))
            return True

    def address(self, key: str, file: Path | None, name: str) -> str:
        """Where the page finds `file`, "" where there is none; the same address every time for the same `key`."""
        with self.lock:
            if self.closed or file is None or not file.is_file():
                return ""
            known = self.addresses.get(key)
            if known is None or Path(known[0] / name) not in known[0].glob("*"):
                known = self.addresses[key] = serve(file, name, lasting=self.lasting)
            return known[1]

    def renewed(self, key: str, file: Path, name: str) -> str:
        """As `address`, for a file that takes the place of the one before under this `key`."""
        with self.lock:
            if key in self.addresses:
                shutil.rmtree(self.addresses.pop(key)[0], ignore_errors=True)
        return self.address(key, file, name)

    def picture(self, jpeg: bytes) -> str:
        """Where the page finds this picture; the same address every time, so that a browser asks for it once."""
        key = f"{PICTURE}{hashlib.sha256(jpeg).hexdigest()}"
        with self.lock:
            if self.closed:
                return ""
            known = self.addresses.get(key)
            if known is None or not (known[0] / "face.jpg").is_file():
                with tempfile.NamedTemporaryFile(dir=root(), suffix=".jpg") as file:
                    file.write(jpeg)
                    file.flush()
                    known = self.addresses[key] = serve(Path(file.name), "face.jpg", lasting=self.lasting)
            return known[1]

    def _withdraw(self, keep: tuple[str, ...] = ()) -> None:
        for key in [key for key in self.addresses if not key.startswith(keep)]:
            shutil.rmtree(self.addresses.pop(key)[0], ignore_errors=True)

    def touch(self) -> None:
        """The result is in use: `sweep` leaves its folders alone."""
        self.used = time.monotonic()
        served = [path for folder, _ in list(self.addresses.values()) for path in (folder, *folder.glob("*"))]
        for path in (self.folder, *served):
            if path is not None:
                with suppress(OSError):
                    os.utime(path)

    def file(self, name: str) -> str | None:
        """The path of one of the files, None where there is none."""
        if self.files is None:
            return None
        path = self.files / name
        if not path.is_file() and self.extras is not None:
            path = self.extras() / name
        return str(path) if path.is_file() else None

    def change(self, analysis: Analysis) -> None:
        """`analysis` is the current one; the one before can be taken back."""
        if analysis != self.analysis or analysis.portraits != self.analysis.portraits:
            self.undo = [*self.undo[-KEPT_UNDO + 1 :], self.analysis]
            self.redo = []
            self.analysis = analysis
            self.steps += 1

    def take_back(self) -> None:
        """Undo the last change."""
        if self.undo:
            self.redo.append(self.analysis)
            self.analysis = self.undo.pop()
            self.steps -= 1

    def do_again(self) -> None:
        """Redo what was undone last."""
        if self.redo:
            self.undo.append(self.analysis)
            self.analysis = self.redo.pop()
            self.steps += 1

    def close(self) -> None:
        """The files of this result are gone."""
        with self.lock:
            self.closed = True
            self._withdraw()
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)


class Kept:
    """The results of all visitors, each known by a token nobody can guess; a page and its browser hold the token."""

    def __init__(self) -> None:
        self._results: dict[str, Result] = {}
        self._lock = threading.Lock()

    def put(self, result: Result) -> None:
        """Keep `result`; what has not been used for `STATE_AGE_S`, or is one too many, goes."""
        with self._lock:
            self._results[result.token] = result
            gone = [r for r in self._results.values() if r.closed or time.monotonic() - r.used > STATE_AGE_S]
            left = sorted(set(self._results) - {r.token for r in gone}, key=lambda token: self._results[token].used)
            gone += [self._results[token] for token in left[:-MOST_KEPT]]
            for old in gone:
                del self._results[old.token]
        for old in gone:
            old.close()

    def get(self, token: str | None) -> Result | None:
        """The result with this token, None where there is none (any more)."""
        result = self._results.get(str(token or ""))
        if result is None or result.closed:
            return None
        result.touch()
        return result

    def forget(self, token: str | None) -> None:
        """The files of a result that nobody needs any more are gone."""
        with self._lock:
            result = self._results.pop(str(token or ""), None)
        if result is not None:
            result.close()


def noted(analysis: Analysis, notices: tuple[Notice, ...]) -> Analysis:
    """The analysis with what drawing it had to say, in place of what an earlier drawing had."""
    return replace(analysis, notices=after_drawing(analysis.notices, notices))


def zip_faces(analysis: Analysis, to: Path) -> None:
    """The portraits, named after their people, are in the ZIP file `to`; without any there is none."""
    if not analysis.portraits:
        return
    names = {person.id: person.name for person in analysis.people}
    with zipfile.ZipFile(to, "w") as archive:
        for number, (person, picture) in enumerate(sorted(analysis.portraits.items()), 1):
            safe = "".join(c for c in names.get(person, "") if c.isalnum() or c in " -").strip()
            archive.writestr(f"{number:02d} {safe or person}.jpg", picture)
