"""Temporary folders that are private, locked by their process, and removed when the work ends."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import MediaError


@contextlib.contextmanager
def workspace(beside: Path | None = None) -> Iterator[Path]:
    """Yield a folder that only this user can read; it is removed with all it holds when the block ends.

    It lies in the temporary folder or, with `beside`, hidden beside that path and so on the same disk. Workspaces that
    killed processes left in the temporary folder are removed as well. One left beside a path may hold something of the
    user's, so its caller looks through it first (`abandoned`). A process that was forked inside the block removes
    nothing.

    Raises MediaError where the disk has no room for the folder.
    """
    if beside is None:
        for left in abandoned():
            shutil.rmtree(left, ignore_errors=True)
    try:
        folder, lock = _locked_folder(*_place(beside))
    except OSError as error:
        raise disk_error(error) from error
    owner = os.getpid()
    try:
        yield folder
    finally:
        try:
            if os.getpid() == owner:  # a forked child finalises its copy of this generator as it ends
                # Beside a result, a folder that cannot be removed is no reason for the result to fail.
                shutil.rmtree(folder, ignore_errors=beside is not None or sys.exc_info()[0] is not None)
        finally:
            os.close(lock)


def abandoned(beside: Path | None = None) -> Iterator[Path]:
    """Yield the workspaces of that place whose processes ended without removing them, each locked while it is looked
    at.

    A process holds a lock on its workspace for as long as it lives, and the kernel releases it however the process
    ends.
    """
    where, prefix = _place(beside)
    for folder in where.glob(f"{prefix}*"):
        try:
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:  # removed meanwhile, not a folder, or another user's
            continue
        try:
            if os.fstat(lock).st_uid == os.getuid():
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                yield folder
        except OSError:  # in use, or on a file system without locks, where it may be in use
            continue
        finally:
            os.close(lock)


def disk_error(error: OSError) -> MediaError:
    """Return the sentence for a file that could not be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return MediaError("The disk is full; free some space and try again.")
    return MediaError(
        f"A file could not be written ({(error.strerror or 'unknown reason').lower()}); check the folder and try again."
    )


def _place(beside: Path | None) -> tuple[Path, str]:
    """Return the folder that workspaces are in, and the beginning of their names."""
    if beside is None:
        return Path(tempfile.gettempdir()), "speechglass-run-"
    return beside.parent, ".speechglass-run-"


def _locked_folder(where: Path, prefix: str) -> tuple[Path, int]:
    """Return a new folder and the descriptor that holds its lock.

    Some network file systems have no locks: there no process holds one, `abandoned` gets none, and nothing is removed.
    """
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=where))
        with contextlib.suppress(FileNotFoundError):  # taken for abandoned before it was locked: make another
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            with contextlib.suppress(OSError):
                fcntl.flock(lock, fcntl.LOCK_EX)
            if folder.exists():
                return folder, lock
            os.close(lock)
