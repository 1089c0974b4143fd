"""Child processes that read strangers' files: ffmpeg, the scan of a file's headers and packets, and other readers.

A child gets a small environment without keys, a memory limit and a process group of its own. It is dead
when its block ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import resource
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from pipeline.errors import MediaError

Kind = Literal["clips", "others"]

STALL_S = 120.0  #: ffmpeg without a byte in or out for this long hangs; 4K AV1 needs under 5 s for its first frame
SCAN_LIMIT_S = 30.0  #: for a whole scan; five minutes of 240 fps with PCM sound take 1 s
SCAN_MEMORY = 2 * 2**30  #: bytes of address space for a scan; one frame of 8192 x 4096 in 12 bits 4:4:4 is 200 MB
SCAN_ANSWER = 2**20  #: bytes; the facts of a file with a hundred streams are 40 kB
FFMPEG_MEMORY = 4 * 2**30  #: bytes of data; x264 at 4K needs 0.6 GB on two cores
#: Processes of `ask` at once, of which each may take a gigabyte or two and a processor: those that look into clips, for
#: which every run waits, and those that read other files, which may take ten seconds.
READERS: dict[Kind, int] = {"clips": 3, "others": 2}
PIPE_BYTES = 2**20  #: the kernel's default ceiling; the 64 KiB default costs a context switch per 64 KiB
NICENESS = 5  #: the page must answer while two cores encode ...
#: ... and while files are read, for which their senders wait. A costly one gets no more of the processor than drawing.
READER_NICENESS: dict[Kind, int] = {"clips": 2, "others": NICENESS}

#: What children get of the environment. They read strangers' files and need no keys.
_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR", "HOME")

_readers = {kind: threading.BoundedSemaphore(places) for kind, places in READERS.items()}


def _forked() -> None:
    """Start with all places free in a forked process, in which nobody gives the parent's back."""
    _readers.update({kind: threading.BoundedSemaphore(places) for kind, places in READERS.items()})


os.register_at_fork(after_in_child=_forked)


def ffmpeg_binary() -> str:
    """Return the path of ffmpeg: the system's, else the one in the imageio-ffmpeg wheel.

    Raises MediaError where neither is there.
    """
    found = shutil.which("ffmpeg")
    if found:
        return found
    import imageio_ffmpeg

    try:
        return imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError:
        raise MediaError("ffmpeg is missing; install it (apt install ffmpeg) and try again.") from None


def printable(text: str) -> str:
    """Return `text` for a sentence: without control characters, at most 60 characters, in quotation marks."""
    clean = "".join(c if c.isprintable() else " " for c in text)
    return f"“{clean if len(clean) <= 60 else clean[:40] + '…' + clean[-15:]}”"


class ScanFailed(Exception):
    """The scan ended without an answer. The text is "time" or "crash"."""


def scan(order: bytes) -> bytes:
    """Return what `pipeline/media/scan.py` answers to `order`, both JSON, from a process of its own.

    The process imports PyAV and nothing of this package: starting it takes 60 ms.

    Raises ScanFailed when it takes too long, crashes or is killed for its memory.
    """
    package = find_spec("av")
    if package is None or not package.submodule_search_locations:
        raise MediaError("The package av is missing from this Python; run `make install` and use .venv/bin/python.")
    libraries = str(Path(package.submodule_search_locations[0]).parent)
    program = str(Path(__file__).with_name("scan.py"))
    command = [sys.executable, "-I", "-S", program, libraries, str(SCAN_MEMORY), str(int(SCAN_LIMIT_S) + 1)]
    return ask(command, order, SCAN_LIMIT_S, SCAN_ANSWER, "clips")


def ask(command: Sequence[str], order: bytes, limit_s: float, limit_bytes: int, kind: Kind = "others") -> bytes:
    """Return what a process of its own writes to its output, given `order` on its input.

    At most `READERS[kind]` of a kind run at once; others wait.

    Raises ScanFailed when it takes longer than `limit_s`, writes more than `limit_bytes`, nothing, or fails.
    """
    with _readers[kind]:
        process = _start(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        _be_nice(process, READER_NICENESS[kind])
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(order)
                process.stdin.close()
            answer = _read_all(process.stdout.fileno(), limit_s, limit_bytes)
            if process.wait(limit_s) != 0 or not answer:
                raise ScanFailed("crash")
            return answer
        except subprocess.TimeoutExpired:
            raise ScanFailed("time") from None
        finally:
            kill(process)
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    pipe.close()


def _read_all(descriptor: int, limit_s: float, limit_bytes: int) -> bytes:
    """Return all bytes up to the end of a pipe.

    Raises ScanFailed when they take longer than `limit_s` or are more than `limit_bytes`.
    """
    answer, deadline = bytearray(), time.monotonic() + limit_s
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            raise ScanFailed("time")
        block = os.read(descriptor, 65536)
        if not block:
            return bytes(answer)
        answer += block
        if len(answer) > limit_bytes:
            raise ScanFailed("crash")


def kill(process: subprocess.Popen[bytes]) -> None:
    """End the process and everything it started, and wait for it."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _start(
    command: Sequence[str | bytes], *, stdin: int, stdout: int, stderr: int, inherited: Sequence[int] = ()
) -> subprocess.Popen[bytes]:
    # No session of its own: with autogrouping (sched(7)) each session is scheduled as a whole, and niceness counts only
    # inside it.
    return subprocess.Popen(
        command, stdin=stdin, stdout=stdout, stderr=stderr, bufsize=0, process_group=0, pass_fds=inherited,
        env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
    )  # fmt: skip


def _be_nice(process: subprocess.Popen[bytes], by: int) -> None:
    with contextlib.suppress(OSError):  # it has ended already
        os.setpriority(os.PRIO_PROCESS, process.pid, by)


class FFmpeg:
    """A running ffmpeg. Its stderr is drained by a thread and becomes the message of a failure."""

    def __init__(
        self,
        arguments: Sequence[str | bytes],
        job: str,
        *,
        stdin: bool = False,
        stdout: bool = False,
        inherited: Sequence[int] = (),
    ) -> None:
        """Start ffmpeg with `arguments`; `job` completes the sentence "ffmpeg could not ...".

        It reads from the descriptors `inherited` as `pipe:N`.
        """
        self.job = job
        quiet = ("-hide_banner", "-nostdin", "-loglevel", "error", "-y")
        self.process = _start(
            [ffmpeg_binary(), *quiet, *arguments],
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE if stdout else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            inherited=inherited,
        )
        _be_nice(self.process, NICENESS)
        if hasattr(resource, "prlimit"):  # not on macOS
            with contextlib.suppress(OSError):  # it has ended already
                resource.prlimit(self.process.pid, resource.RLIMIT_DATA, (FFMPEG_MEMORY, FFMPEG_MEMORY))
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None and hasattr(fcntl, "F_SETPIPE_SZ"):
                with contextlib.suppress(OSError):  # the system may allow less; it works with less
                    fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        if self.process.stdin is not None:
            os.set_blocking(self.process.stdin.fileno(), False)
        self.lines: deque[str] = deque(maxlen=40)
        self.drain = threading.Thread(target=self._drain, name="ffmpeg stderr", daemon=True)
        self.drain.start()

    def __enter__(self) -> FFmpeg:
        return self

    def __exit__(self, *exception: object) -> None:
        kill(self.process)
        self.drain.join(5)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _drain(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while line := self.process.stderr.readline(4096):  # type: ignore[union-attr]
                self.lines.append(line.decode("utf-8", "replace"))

    def read(self, block: memoryview) -> int:
        """Fill `block` from ffmpeg's output and return the number of bytes; fewer only at its end."""
        pipe = self.process.stdout
        assert pipe is not None
        poll = select.poll()
        poll.register(pipe, select.POLLIN)
        filled = 0
        while filled < len(block):
            if not poll.poll(STALL_S * 1000):
                kill(self.process)
                break
            size = pipe.readinto(block[filled:])  # type: ignore[attr-defined]
            if not size:
                break
            filled += size
        return filled

    def write(self, block: memoryview) -> bool:
        """Return whether ffmpeg took all of `block`.

        Raises MediaError when it takes nothing for `STALL_S`.
        """
        pipe = self.process.stdin
        assert pipe is not None
        poll = select.poll()
        poll.register(pipe, select.POLLOUT)
        try:
            while block := block[pipe.write(block) or 0 :]:  # None where the pipe is full
                if not poll.poll(STALL_S * 1000):
                    raise MediaError("ffmpeg stopped writing the video; try again, or try a shorter clip.")
        except (OSError, ValueError):
            return False
        return True

    def end_input(self) -> None:
        """Tell ffmpeg that no more input comes."""
        with contextlib.suppress(OSError):
            self.process.stdin.close()  # type: ignore[union-attr]

    def finish(self, *, enough: bool, limit_s: float = STALL_S) -> None:
        """Wait for the end. With `enough`, damaged input that still gave something is no failure.

        Raises MediaError with the last line ffmpeg wrote if it failed, or when it takes longer than `limit_s`.
        """
        try:
            code = self.process.wait(limit_s)
        except subprocess.TimeoutExpired:
            raise MediaError(f"ffmpeg took too long to {self.job}; try a shorter clip.") from None
        self.drain.join(5)
        if code == 0 or (enough and code > 0 and not self._full()):
            return
        if self._full():
            raise MediaError("The disk is full; free some space and try again.")
        if code < 0:
            with contextlib.suppress(ValueError):
                raise MediaError(
                    f"ffmpeg was stopped by {signal.Signals(-code).name} while it was to {self.job}; "
                    "close other programs or try a smaller clip."
                )
        raise MediaError(f"ffmpeg could not {self.job} ({self.message()}); save the clip again as MP4 and retry.")

    def message(self) -> str:
        """Return the last line that says why, without the marks and paths around it."""
        dull = re.compile(
            r"conversion failed|last message repeated|nothing was written|task finished|error (while|opening)", re.I
        )
        lines = [re.sub(r"^(\[[^\]]*\]\s*)+|file:\S*?/[^:]*:\s*", "", line).strip(" .\n") for line in self.lines]
        telling = [line for line in lines if line and not dull.search(line)] or [line for line in lines if line]
        return printable(telling[-1])[1:-1] if telling else "it gave no reason"

    def _full(self) -> bool:
        return any("No space left on device" in line for line in self.lines)
