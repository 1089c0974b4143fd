"""Fetch the clip behind a URL: a direct media file is streamed, a video page goes through yt-dlp.

The URL is a stranger's, so a child process without secrets fetches it (`python -m pipeline.download`). An audit hook in
it checks the address of every connection that Python code makes, by yt-dlp, by urllib, or after a redirect. A name that
resolves to a public address at first and to a private one later (DNS rebinding) gains nothing, because the hook looks
at addresses and not at names; proxies are off. The same hook forbids child processes, because ffmpeg would connect by
itself.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import re
import select
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.errors import FetchError, LimitError, PipelineError
from pipeline.records import Progress, Stage
from pipeline.settings import Settings

TIME_LIMIT_S = 180.0  #: for the whole fetch; a visitor does not wait longer for a clip of minutes
SOCKET_TIMEOUT_S = 15.0  #: without a byte
KEY_FRAME_S = 12.0  #: a cut begins at the key frame before the start asked for, at most about this much earlier
MAX_HEIGHT = 1080  #: px asked of video sites; the result is made for a screen

MEDIA_SUFFIXES = frozenset(
    [
        ".mp4",
        ".m4v",
        ".mov",
        ".webm",
        ".mkv",
        ".avi",
        ".mpg",
        ".mpeg",
        ".ts",
        ".flv",
        ".3gp",
        ".gif",
        ".mp3",
        ".m4a",
        ".aac",
        ".wav",
        ".flac",
        ".ogg",
        ".oga",
        ".ogv",
        ".opus",
    ]
)

_UPLOAD = "download the clip yourself and upload the file"
_NOT_PUBLIC = "That address is not on the public internet; give the http or https address of a public video."


def fetch(
    url: str, folder: Path, settings: Settings, *, _reachable: tuple[str, ...] = (), _time_limit_s: float = TIME_LIMIT_S
) -> Stage[Path]:
    """Fetch the clip of the page or media file at `url` into a file in `folder`, and return the file.

    It is not larger than the settings allow. With a start time in the URL (`t=90`, `#t=1m30s`) it begins at the key
    frame before that time and has at most the allowed length. `_reachable` is for tests: an address like
    "127.0.0.1:8000" in it may be connected to. Closing the generator ends the child.

    Raises FetchError, LimitError.
    """
    url, start = _checked(url, _reachable)
    order = {
        "url": url, "folder": str(folder.resolve()), "max_bytes": settings.max_file_bytes,
        "max_duration_s": settings.max_duration_s, "start": start, "reachable": _reachable,
    }  # fmt: skip
    yield Progress("fetch", 0.0, "asking the site")
    path = yield from _follow(order, _time_limit_s)
    if start <= 0:
        return path
    from pipeline import media

    cut = folder / f"from-{path.stem}.mkv"
    media.cut(path, cut, start, max(1.0, settings.max_duration_s - KEY_FRAME_S))
    path.unlink()
    return cut


def _checked(url: str, reachable: tuple[str, ...]) -> tuple[str, float]:
    """Return the URL without its start time, and the start time in s.

    Raises FetchError for a URL that is not to be fetched.
    """
    url = url.strip()
    if len(url) > 2048 or any(c.isspace() or not c.isprintable() for c in url):
        raise FetchError("That is not a web address; paste one that begins with https://.")
    try:
        parts = urllib.parse.urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise FetchError("That is not a web address; paste one that begins with https://.") from None
    if parts.scheme.lower() not in ("http", "https") or not host:
        raise FetchError("Only addresses that begin with http:// or https:// can be fetched; paste one of those.")
    if parts.username or parts.password:
        raise FetchError("The address holds a user name or password; remove it and try again.")
    with contextlib.suppress(ValueError):  # a name, not a number: the child checks what it resolves to
        if not is_public(ipaddress.ip_address(host)) and f"{host}:{port or 80}" not in reachable:
            raise FetchError(_NOT_PUBLIC)
    start = 0.0
    for part in (parts.fragment, parts.query):
        for key, value in urllib.parse.parse_qsl(part):
            if key in ("t", "start", "time_continue") and start == 0.0:
                start = _seconds(value)
    return urllib.parse.urlunsplit(parts._replace(fragment="")), start


def _seconds(text: str) -> float:
    """Return `90`, `90s`, `1m30s`, `1:30` or the start of `90,120` (a range) in s; 0 for anything else."""
    text = text.split(",")[0].strip().lower()
    if re.fullmatch(r"(\d{1,3}:){1,2}\d{1,2}(\.\d+)?", text):
        total = 0.0
        for part in text.split(":"):
            total = total * 60 + float(part)
        return total
    match = re.fullmatch(r"(?:(\d{1,3})h)?(?:(\d{1,4})m)?(?:(\d{1,6}(?:\.\d+)?)s?)?", text)
    if not match or not any(match.groups()):
        return 0.0
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds


def is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Return whether the address, or the IPv4 address inside an IPv6 one, is on the public internet."""
    if isinstance(address, ipaddress.IPv6Address):
        inside = address.ipv4_mapped or address.sixtofour
        if inside is None and address in ipaddress.ip_network("64:ff9b::/96"):  # NAT64, RFC 6052
            inside = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inside is not None:
            return is_public(inside)
        if address.teredo is not None or address.scope_id:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _follow(order: dict[str, Any], time_limit_s: float) -> Stage[Path]:
    """Run the child, pass on its progress and return the file that its last line names.

    Raises FetchError or LimitError with the sentence that its last line gives instead.
    """
    root = Path(__file__).resolve().parent.parent
    kept = {
        key: os.environ[key] for key in ("PATH", "LANG", "LC_ALL", "SSL_CERT_FILE", "SSL_CERT_DIR") if key in os.environ
    }
    child = subprocess.Popen(
        [sys.executable, "-m", "pipeline.download"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
        cwd=order["folder"], env={**kept, "HOME": order["folder"], "PYTHONPATH": str(root), "PYTHONUTF8": "1"},
    )  # fmt: skip
    before = set(Path(order["folder"]).iterdir())
    done = False
    try:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(json.dumps(order).encode())
        child.stdin.close()
        deadline = time.monotonic() + time_limit_s
        pending = b""
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise FetchError(f"The site took longer than {time_limit_s:.0f} s; {_UPLOAD}.")
            if not select.select([child.stdout], [], [], min(left, 1.0))[0]:
                continue
            block = os.read(child.stdout.fileno(), 65536)
            if not block:
                raise FetchError(f"The clip could not be fetched; {_UPLOAD}.")
            *lines, pending = (pending + block).split(b"\n")
            for line in lines:
                said = json.loads(line)
                if "file" in said:
                    done = True
                    return Path(said["file"])
                if "error" in said:
                    raise {"LimitError": LimitError}.get(said["kind"], FetchError)(said["error"])
                yield Progress("fetch", said["fraction"], "downloading the clip")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()  # type: ignore[union-attr]
        if not done:
            for left_over in set(Path(order["folder"]).iterdir()) - before:
                with contextlib.suppress(OSError):
                    left_over.unlink()


# --- in the child -----------------------------------------------------------------------------------------------------


class _Refused(OSError):
    """A connection to an address that is not public was refused."""


def _guard(reachable: tuple[str, ...]) -> None:
    """Let this process connect to public addresses only, and start no other process; this cannot be undone."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.connect":
            target = arguments[1]
            if not isinstance(target, tuple):
                raise _Refused(_NOT_PUBLIC)  # a Unix socket
            try:
                public = is_public(ipaddress.ip_address(target[0]))
            except ValueError:
                raise _Refused(_NOT_PUBLIC) from None  # a name here would be resolved unseen
            if not public and f"{target[0]}:{target[1]}" not in reachable:
                raise _Refused(_NOT_PUBLIC)
        elif event in (
            "subprocess.Popen",
            "os.system",
            "os.exec",
            "os.posix_spawn",
            "os.fork",
            "os.forkpty",
            "pty.spawn",
        ):
            raise PermissionError("no process is started here")

    sys.addaudithook(hook)


def _main() -> None:
    order = json.loads(sys.stdin.buffer.read())
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints

    def say(**values: Any) -> None:
        print(json.dumps(values), file=answers, flush=True)

    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (order["max_bytes"] + 2**20,) * 2)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    url, folder, limit = order["url"], Path(order["folder"]), order["max_bytes"]
    last = [0.0]

    def progress(got: float, total: float | None) -> None:
        if got > limit:
            raise LimitError(_too_large(limit))
        if time.monotonic() - last[0] > 0.2:
            last[0] = time.monotonic()
            say(fraction=min(1.0, got / total) if total else 0.0)

    try:
        direct = Path(urllib.parse.urlsplit(url).path).suffix.lower() in MEDIA_SUFFIXES
        extractor = None if direct else _extractor(url)  # imports yt-dlp, which looks for programs: before the guard
        _guard(tuple(order["reachable"]))
        if extractor is None:
            path = _stream(url, folder, limit, progress)
        else:
            path = _from_site(url, folder, order, progress)
        say(file=str(path))
    except PipelineError as error:
        say(error=str(error), kind=type(error).__name__)
    except Exception as error:
        say(error=_sentence(error), kind="FetchError")


def _extractor(url: str) -> str | None:
    """Return the name of the yt-dlp extractor made for this site, None if there is none."""
    from yt_dlp.extractor import gen_extractor_classes

    return next((e.IE_NAME for e in gen_extractor_classes() if e.IE_NAME != "generic" and e.suitable(url)), None)


def _stream(url: str, folder: Path, limit: int, progress: Callable[[float, float | None], None]) -> Path:
    opener = urllib.request.OpenerDirector()  # http and https only, also after a redirect; no proxies
    for handler in (
        urllib.request.HTTPHandler, urllib.request.HTTPSHandler, urllib.request.HTTPRedirectHandler,
        urllib.request.HTTPErrorProcessor, urllib.request.HTTPDefaultErrorHandler, urllib.request.UnknownHandler,
    ):  # fmt: skip
        opener.add_handler(handler())
    request = urllib.request.Request(
        url, headers={"User-Agent": "speechglass", "Accept": "video/*,audio/*;q=0.9,*/*;q=0.5"}
    )
    with opener.open(request, timeout=SOCKET_TIMEOUT_S) as answer:
        kind = answer.headers.get_content_type()
        suffix = Path(urllib.parse.urlsplit(answer.url).path).suffix.lower()
        playlist = "mpegurl" in kind or "dash" in kind
        vague = (
            kind in ("application/octet-stream", "binary/octet-stream", "application/ogg") and suffix in MEDIA_SUFFIXES
        )
        if playlist or not (kind.startswith(("video/", "audio/")) or kind == "image/gif" or vague):
            raise FetchError(f"That address shows a page or another file, not a clip; {_UPLOAD}.")
        told = answer.headers.get("Content-Length", "")
        total = int(told) if told.isdigit() else None
        if total is not None and total > limit:
            raise LimitError(_too_large(limit))
        path = folder / f"clip{suffix if suffix in MEDIA_SUFFIXES else ''}"
        got = 0
        with path.open("wb") as file:
            while block := answer.read(2**18):
                got += len(block)
                progress(got, total)
                file.write(block)
    if total is not None and got < total:
        raise FetchError("The site stopped in the middle of the clip; try again.")
    return path


def _from_site(url: str, folder: Path, order: dict[str, Any], progress: Callable[[float, float | None], None]) -> Path:
    import yt_dlp

    def hook(state: dict[str, Any]) -> None:
        progress(state.get("downloaded_bytes") or 0, state.get("total_bytes") or state.get("total_bytes_estimate"))

    def fits(info: dict[str, Any], *, incomplete: bool) -> str | None:
        if info.get("is_live"):
            raise FetchError("That is a live stream; choose a video that has ended.")
        duration = info.get("duration")
        if duration and not order["start"] and duration > order["max_duration_s"] + 1:
            raise LimitError(
                f"That video is {duration / 60:.0f} min long and the limit is {order['max_duration_s'] / 60:.0f} min; "
                "add a start time (&t=90) or cut it and upload the file."
            )
        return None

    options = {
        # One file with picture and sound: two would need ffmpeg on unchecked files.
        "format": f"b[height<={MAX_HEIGHT}][protocol^=http]/b[height<={MAX_HEIGHT}][protocol=m3u8_native]/b",
        "allowed_extractors": ["default", "-generic"],
        "noplaylist": True, "extract_flat": "in_playlist", "max_downloads": 1,
        "outtmpl": {"default": str(folder / "clip.%(ext)s")}, "restrictfilenames": True, "windowsfilenames": True,
        "max_filesize": order["max_bytes"], "socket_timeout": SOCKET_TIMEOUT_S, "retries": 2, "fragment_retries": 2,
        "extractor_retries": 1, "match_filter": fits, "progress_hooks": [hook], "proxy": "", "cachedir": False,
        "fixup": "never", "hls_prefer_native": True, "external_downloader": {"default": "native"},
        "quiet": True, "no_warnings": True, "noprogress": True, "logger": _Silent(), "color": "never",
    }  # fmt: skip
    with yt_dlp.YoutubeDL(options) as site:
        info = site.extract_info(url, download=False, process=False)
        if not info or info.get("_type") in ("playlist", "multi_video"):
            raise FetchError("That address is a list of videos; paste the address of one video.")
        with contextlib.suppress(yt_dlp.utils.MaxDownloadsReached):
            site.process_ie_result(info, download=True)
    files = [path for path in folder.glob("clip.*") if path.suffix not in (".part", ".ytdl")]
    if not files:
        raise LimitError(_too_large(order["max_bytes"]))  # `max_filesize` skips without a word
    return files[0]


class _Silent:
    def debug(self, message: str) -> None: ...
    def info(self, message: str) -> None: ...
    def warning(self, message: str) -> None: ...
    def error(self, message: str) -> None: ...


def _too_large(limit: int) -> str:
    return f"That clip is larger than {limit / 2**20:.0f} MB; cut it shorter or compress it and upload the file."


#: What libraries say -> what we say. Searched in order, in the text of the exception and of all it was raised from.
_SENTENCES = (
    (r"not on the public internet", _NOT_PUBLIC),
    (r"sign in to confirm|not a bot|HTTP Error (403|429)|blocked it|captcha",
     f"The site refuses this computer (video sites block cloud addresses); {_UPLOAD}."),
    (r"private video|log ?in|sign in|members|account|cookies|password|\bage\b",
     f"That video needs an account on its site; {_UPLOAD}."),
    (r"your country|\bgeo", f"The site does not show that video in the country of this computer; {_UPLOAD}."),
    (r"HTTP Error (404|410)|unavailable|removed|deleted|not exist|not found",
     "There is no video at that address; check it and try again."),
    (r"unsupported url|no suitable extractor", f"We cannot fetch from that site; {_UPLOAD}."),
    (r"no video formats|requested format|drm", f"The site gives no file that can be fetched; {_UPLOAD}."),
    (r"name or service|name resolution|getaddrinfo|resolve|no address",
     "No such site is known; check the address and try again."),
    (r"timed out|timeout", f"The site did not answer in time; try again, or {_UPLOAD}."),
    (r"certificate|ssl", f"The site's certificate is not valid; {_UPLOAD}."),
    (r"no space left|file too large", "The disk is full; free some space and try again."),
    (r"unknown url type", _NOT_PUBLIC),
)  # fmt: skip


def _sentence(error: BaseException) -> str:
    said = []
    seen: set[int] = set()
    current: Any = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        said.append(str(current))
        reason = getattr(current, "reason", None) or getattr(current, "cause", None)
        current = reason if isinstance(reason, BaseException) else current.__cause__ or current.__context__
    text = "\n".join(said)
    for pattern, sentence in _SENTENCES:
        if re.search(pattern, text, re.IGNORECASE):
            return sentence
    return f"The clip could not be fetched; {_UPLOAD}."


if __name__ == "__main__":
    _main()
