"""Uploads and what is known of them: every one lies under a name of its own, and is looked into once."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.errors import InputError
from pipeline.records import Clip

_written: ContextVar[list[str] | None] = ContextVar("written", default=None)

REMEMBERED = 200  #: uploads; a clip's facts are some hundred bytes
REFUSED_S = 60.0  #: for which a refusal is remembered: on a busy machine a sound file may have taken too long to read


def make_private() -> None:
    """Have Gradio keep each upload in a folder with a random name.

    It names the folder after the content. Whoever has the identical file would share it with the visitor who sent it
    first, and could find out by asking for names in it. Replaces two names of the pinned version.
    """
    from gradio import processing_utils, route_utils

    setattr(route_utils, "GradioUploadFile", _private_upload())  # noqa: B010  mypy knows no other way
    setattr(processing_utils, "hash_base64", _random)  # noqa: B010  for what an agent sends as text


@cache
def _private_upload() -> type:
    from gradio.route_utils import GradioUploadFile

    class PrivateUpload(GradioUploadFile):
        """An upload whose digest is of its content and 16 random bytes, and whose file is known to `written`."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.sha.update(secrets.token_bytes(16))
            files = _written.get()
            if files is not None:
                files.append(str(getattr(self.file, "name", "")))

    return PrivateUpload


def _random(*_: object, **__: object) -> str:
    return secrets.token_hex(32)


@contextmanager
def written() -> Iterator[list[str]]:
    """Give the paths of the files that Gradio begins to write in this block, in which one request is answered."""
    files: list[str] = []
    token = _written.set(files)
    try:
        yield files
    finally:
        _written.reset(token)


class Probed:
    """A probe that remembers what it said of the last `REMEMBERED` files.

    Looking into a file takes a process. The page does it when a clip is chosen and again when a run begins, and a
    client may ask for a hundred drawings of one upload. No visitor learns of another's file by it, since no two share
    one.
    """

    def __init__(self, probe: Callable[[Path], Clip]) -> None:
        self._probe = probe
        self._known: OrderedDict[tuple[object, ...], tuple[Clip | InputError, float]] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, path: Path) -> Clip:
        """Return the facts of the file.

        Raises InputError for what is no clip.
        """
        stat = path.stat()
        key = (str(path), stat.st_ino, stat.st_size, stat.st_mtime_ns)
        with self._lock:
            known, at = self._known.get(key, (None, 0.0))
            if isinstance(known, InputError) and time.monotonic() - at > REFUSED_S:
                known = None
            if known is not None:
                self._known.move_to_end(key)
        if known is None:
            try:
                known = self._probe(path)
            except InputError as error:
                known = error
            with self._lock:
                self._known[key] = known, time.monotonic()
                self._known.move_to_end(key)
                while len(self._known) > REMEMBERED:
                    self._known.popitem(last=False)
        if isinstance(known, InputError):
            raise type(known)(str(known)) from None
        return known
