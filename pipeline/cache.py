"""Cache of the results of finished stages, by content.

A key is the SHA-256 of everything the result depends on: the clip's bytes, the stage, its settings, the models' names
and the version of the code that wrote it. An entry can only be read with the identical clip. On a public page the key
also holds the secret name of the upload, so that an answer is never faster because another visitor had the same clip.
An entry is compressed JSON after its own SHA-256; an entry that does not verify is recomputed. The folder is private to
the user and its size is bounded; the least recently used entries are removed first.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import hashlib
import importlib.metadata
import json
import logging
import math
import os
import tempfile
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")

#: The libraries on whose versions the results of a stage depend.
COMPUTING = (
    "av", "ctranslate2", "deepface", "dlib-bin", "faster-whisper", "imageio-ffmpeg", "nemo_toolkit", "numpy",
    "onnxruntime", "opencv-contrib-python-headless", "opencv-python-headless", "scenedetect-headless", "scikit-learn",
    "scipy", "silero-vad", "torch", "transformers",
)  # fmt: skip

_log = logging.getLogger(__name__)


def content_hash(path: Path) -> str:
    """Return the SHA-256 of the file's bytes, hex; 200 MB take about 0.15 s with the CPU's SHA instructions."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@functools.cache
def code_version() -> str:
    """Return a hash of the code whose results are kept and of the versions of the libraries that it computes with.

    Comments and docstrings do not count: entries of other versions are never used, and a corrected sentence loses none.
    """
    package = Path(__file__).parent
    files = [package / "records.py", package / "cache.py"]
    files += sorted(
        path for folder in ("media", "speech", "faces", "text") for path in (package / folder).rglob("*.py")
    )
    parts = [_meaning(path.read_bytes()) for path in files]
    return hashlib.sha256("\0".join([*parts, *_versions()]).encode()).hexdigest()


def _meaning(source: bytes) -> str:
    """Return what Python makes of a module, without its comments and docstrings."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and ast.get_docstring(
            node, clean=False
        ):
            del node.body[0]
    return ast.dump(tree)


def _versions() -> Iterator[str]:
    """Yield name and version of every library in `COMPUTING` that is installed."""
    for name in COMPUTING:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            yield f"{name} {importlib.metadata.version(name)}"


class StageCache:
    """Records on disk by key. Every method is safe when several processes share the folder."""

    def __init__(self, folder: Path, limit_bytes: int, age_s: float = math.inf) -> None:
        self._folder, self._limit, self._age = folder, limit_bytes, age_s

    @staticmethod
    def key(stage: str, **parts: Any) -> str:
        """Return the key of the entry for `stage` with these inputs, which must be values that JSON can hold.

        If our own code makes the result, `code_version()` is one of the inputs.
        """
        text = json.dumps([stage, parts], sort_keys=True)
        return f"{stage}-{hashlib.sha256(text.encode()).hexdigest()}"

    def get(self, key: str, kind: type[T]) -> T | None:
        """Return the record stored under `key`, or None if there is none or it does not verify."""
        path = self._folder / key
        try:
            if time.time() - path.stat().st_mtime > self._age:
                path.unlink(missing_ok=True)
                return None
            raw = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            _log.warning("cache entry %s cannot be read: %s", key, error.strerror)
            return None
        digest, payload = raw[:32], raw[32:]
        try:
            if hashlib.sha256(payload).digest() != digest:
                raise ValueError("the checksum does not match")
            value = _adapter(kind).validate_json(zlib.decompress(payload), extra="forbid")
        except (ValueError, zlib.error) as error:  # pydantic's error is a ValueError
            _log.warning("cache entry %s is damaged (%s) and is computed again", key, error)
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
            return None
        if self._age == math.inf:
            with contextlib.suppress(OSError):  # removed by another process, or a folder we may only read
                os.utime(path)  # the bound removes the least recently used; an age counts from when it was stored
        return value

    def put(self, key: str, value: Any) -> None:
        """Store the record `value` under `key`. If the disk is full, the entry is lost and the run goes on."""
        payload = zlib.compress(_adapter(type(value)).dump_json(value, fallback=_plain), 6)
        temporary = None
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._folder, prefix=".", delete=False) as file:
                temporary = Path(file.name)
                file.write(hashlib.sha256(payload).digest() + payload)
            temporary.replace(self._folder / key)
            temporary = None
            self._prune()
        except OSError as error:
            _log.warning("the result of %s could not be kept: %s", key.split("-")[0], error.strerror)
        finally:
            if temporary is not None:
                temporary.unlink(missing_ok=True)

    def expire(self) -> None:
        """Remove entries that are older than the age or exceed the bound."""
        with contextlib.suppress(FileNotFoundError):
            self._prune()

    def _prune(self) -> None:
        entries = []
        for path in self._folder.iterdir():
            with contextlib.suppress(FileNotFoundError):  # another process pruned it
                stat = path.stat()
                if time.time() - stat.st_mtime > self._age:
                    path.unlink()
                else:
                    entries.append((stat.st_mtime, stat.st_size, path))
        excess = sum(size for _, size, _ in entries) - self._limit
        for _, size, path in sorted(entries, key=lambda e: e[0]):
            if excess <= 0:
                break
            path.unlink(missing_ok=True)
            excess -= size


_adapters: dict[type, TypeAdapter[Any]] = {}


def _adapter(kind: type[T]) -> TypeAdapter[T]:
    """Return what reads and writes records of `kind`; making it takes 40 ms, so it is made once."""
    from pydantic import TypeAdapter

    if kind not in _adapters:
        _adapters[kind] = TypeAdapter(kind)
    return _adapters[kind]


def _plain(value: Any) -> Any:
    """Return a numpy scalar, which some libraries leave in a record, as a number of Python's."""
    return value.item()
