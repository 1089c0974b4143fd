"""What is finished: a small file beside each folder of results says what it was made from."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

from pipeline.workspace import disk_error

FOLDER = ".batch"  #: in the batch's folder; a run's own folder may hold nothing but results


def keep(out: Path, key: str, outcome: dict[str, Any]) -> None:
    """Write down that the folder `out` was made from all that `key` is the hash of.

    Raises MediaError where it cannot be written.
    """
    record = {"key": key, "files": sorted(path.name for path in out.iterdir()), "outcome": outcome}
    write(_place(out), json.dumps(record, indent=1))  # in ASCII, for names that are not UTF-8


def finished(out: Path, key: str) -> dict[str, Any] | None:
    """Return the outcome of the run that made `out` from what `key` stands for, None where something is missing."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):  # no record, or one that cannot be read
        record = json.loads(_place(out).read_bytes())
        if record["key"] == key and all((out / name).exists() for name in record["files"]):
            return dict(record["outcome"])
    return None


def forget(out: Path) -> None:
    """Remove the record of `out`, which is about to be replaced.

    Raises MediaError where it cannot be removed.
    """
    try:
        _place(out).unlink(missing_ok=True)
    except OSError as error:
        raise disk_error(error) from error


def write(file: Path, text: str) -> None:
    """Write the file whole or not at all.

    Raises MediaError.
    """
    part = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            part.write_text(text, encoding="utf-8", newline="")
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise disk_error(error) from error


def _place(out: Path) -> Path:
    return out.parent / FOLDER / f"{out.name}.json"
