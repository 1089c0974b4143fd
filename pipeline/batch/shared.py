"""Results at an fsspec address: s3://bucket/folder, gs://..., file:///... and whatever else fsspec knows.

A folder of results is made on the machine's own disk and copied when it is whole; then the record beside it is written,
so a clip whose copying was interrupted is done again. Object stores have no locks: two batches at one address are not
kept apart.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.batch.records import FOLDER
from pipeline.errors import MediaError, PipelineError, UsageError


def is_address(text: str) -> bool:
    """Return whether the text names a place of fsspec rather than a local folder."""
    return "://" in text


def check(address: str) -> None:
    """Write and remove a small file, so that it is known before a model runs that results can be kept.

    Raises UsageError.
    """
    try:
        write(f"{address}/{FOLDER}/probe", "")
        with _told(address) as (files, path):
            files.rm(f"{path}/{FOLDER}/probe")
    except MediaError as error:
        raise UsageError(str(error)) from None


def put(folder: Path, address: str, key: str, outcome: dict[str, Any]) -> None:
    """Copy the folder of results to `address`, in place of what lies there, and write down what it was made from.

    Raises MediaError.
    """
    with _told(address) as (files, path):
        if files.exists(path):
            files.rm(path, recursive=True)
        names = [str(file.relative_to(folder)) for file in sorted(folder.rglob("*")) if file.is_file()]
        for name in names:
            files.makedirs(f"{path}/{name}".rpartition("/")[0], exist_ok=True)
            files.put_file(str(folder / name), f"{path}/{name}")
    if key:
        write(_record(address), json.dumps({"key": key, "files": names, "outcome": outcome}))


def finished(address: str, key: str) -> dict[str, Any] | None:
    """Return the outcome of the run that made `address` from what `key` stands for, None where something is missing.

    Raises MediaError where the place cannot be read.
    """
    with _told(address) as (files, path), contextlib.suppress(FileNotFoundError, ValueError, KeyError, TypeError):
        _, record = _opened(_record(address))
        known = json.loads(files.cat_file(record))
        if known["key"] == key and all(files.exists(f"{path}/{name}") for name in known["files"]):
            return dict(known["outcome"])
    return None


def forget(address: str) -> None:
    """Remove the record of `address`, which is about to be replaced.

    Raises MediaError.
    """
    with _told(_record(address)) as (files, path), contextlib.suppress(FileNotFoundError):
        files.rm(path)


def write(address: str, text: str) -> None:
    """Write a file at `address`.

    Raises MediaError.
    """
    with _told(address) as (files, path):
        files.makedirs(path.rpartition("/")[0], exist_ok=True)
        files.pipe_file(path, text.encode())


def _record(address: str) -> str:
    root, _, name = address.rpartition("/")
    return f"{root}/{FOLDER}/{name}.json"


def _opened(address: str) -> tuple[Any, str]:
    from fsspec.core import url_to_fs

    files, path = url_to_fs(address)
    return files, str(path)


@contextlib.contextmanager
def _told(address: str) -> Iterator[tuple[Any, str]]:
    """Yield the file system of an address and the path in it; whatever a store raises becomes a sentence.

    Raises UsageError, MediaError.
    """
    kind = address.partition("://")[0][:20]
    try:
        yield _opened(address)
    except PipelineError:
        raise
    except ImportError as error:
        raise UsageError(f"Addresses with {kind}:// need another package: {error}.") from None
    except ValueError:
        raise UsageError(f"fsspec knows no addresses with {kind}://; name a folder or another address.") from None
    except Exception as error:  # every store has exceptions of its own
        reason = str(error).strip().rstrip(".").partition("\n")[0][:120] or type(error).__name__
        text = f"The results could not be kept at {kind}:// ({reason}); check the address and run again."
        raise MediaError(text) from error
