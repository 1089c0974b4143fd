"""Cache of the results of finished stages, by content.

A key is the SHA-256 of everything the result depends on: the clip's bytes, the stage, its settings, the models' names
and the version of the code that wrote it. An entry can only be read with the identical clip. On a public page the key
also holds the secret name of the upload, so that an answer is never faster because another visitor had the same clip.
An entry is compressed JSON after its own SHA-256; an entry that does not verify is recomputed. The folder is private to
the user and its size is bounded; the least recently used entries are removed first.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import functools
import hashlib
import json
import logging
import math
import os
import tempfile
import time
import types
import typing
import zlib
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

_log = logging.getLogger(__name__)


def content_hash(path: Path) -> str:
    """Return the SHA-256 of the file's bytes, hex; 200 MB take about 0.15 s with the CPU's SHA instructions."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@functools.cache
def code_version() -> str:
    """Return a hash of the code whose results are kept, so that entries of other versions are never used."""
    package = Path(__file__).parent
    files = [package / "records.py", package / "cache.py"]
    files += sorted(path for folder in ("media", "speech", "faces") for path in (package / folder).rglob("*.py"))
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()


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
            value = _decode(json.loads(zlib.decompress(payload)), kind)
        except (ValueError, TypeError, KeyError, zlib.error) as error:
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
        payload = zlib.compress(json.dumps(_encode(value)).encode(), 6)
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


def _encode(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return [_encode(getattr(value, f.name)) for f in dataclasses.fields(value)]
    if isinstance(value, (tuple, list)):
        return [_encode(v) for v in value]
    if isinstance(value, Mapping):
        return {k: _encode(v) for k, v in value.items()}
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, (Fraction, Path)):
        return str(value)
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if hasattr(value, "item"):  # a numpy scalar
        return value.item()
    raise TypeError(f"{type(value).__name__} is not a kind of value that records hold")


def _decode(raw: Any, kind: Any) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        if raw is None and type(None) in arguments:
            return None
        return _decode(raw, next(a for a in arguments if a is not type(None)))
    if dataclasses.is_dataclass(kind):
        hints, fields = typing.get_type_hints(kind), dataclasses.fields(kind)
        if len(raw) != len(fields):
            raise ValueError(f"{kind} has other fields now")
        return kind(**{f.name: _decode(v, hints[f.name]) for f, v in zip(fields, raw, strict=True)})  # type: ignore[operator]
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return tuple(_decode(v, arguments[0]) for v in raw)
        return tuple(_decode(v, a) for v, a in zip(raw, arguments, strict=True))
    if origin is not None and issubclass(origin, Mapping):
        return {k: _decode(v, arguments[1]) for k, v in raw.items()}
    if kind is bytes:
        return base64.b64decode(raw)
    if kind in (Fraction, Path):
        return kind(raw)
    if kind is float and isinstance(raw, int):
        return float(raw)
    if not isinstance(raw, kind):
        raise TypeError(f"{raw!r} is not {kind}")
    return raw
