"""URLs against a real local server: what is a clip arrives, everything else is one sentence, nothing private is
reached."""

from __future__ import annotations

import ipaddress
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import pytest

from pipeline import download
from pipeline.errors import FetchError, LimitError, PipelineError
from pipeline.settings import Settings

pytestmark = pytest.mark.unit

SETTINGS = Settings(max_file_bytes=2**20)
CLIP = bytes(range(256)) * 400


class Handler(BaseHTTPRequestHandler):
    other_port = 0
    asked: list[str] = []  # noqa: RUF012  shared on purpose: what the private server was asked

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        self.asked.append(f"{cast(HTTPServer, self.server).server_port}{path}")
        if path in ("/clip.mp4", "/watch"):
            self.answer(CLIP, "video/mp4")
        elif path == "/cut.mp4":
            self.answer(CLIP, "video/mp4", length=len(CLIP) * 2)
        elif path in ("/page", "/page.mp4"):
            self.answer(b"<html>hello</html>", "text/html")
        elif path == "/list.mp4":
            self.answer(b"#EXTM3U\n", "application/vnd.apple.mpegurl")
        elif path == "/large.mp4":
            self.answer(b"", "video/mp4", length=2**30)
        elif path == "/inside.mp4":
            self.redirect(f"http://127.0.0.1:{self.other_port}/clip.mp4")
        elif path == "/metadata.mp4":
            self.redirect("http://169.254.169.254/latest/meta-data/")
        elif path == "/file.mp4":
            self.redirect("file:///etc/passwd")
        elif path == "/here.mp4":
            self.redirect("/clip.mp4")
        elif path == "/round.mp4":
            self.redirect("/round.mp4")
        elif path == "/endless.mp4":
            self.answer(b"", "video/mp4", length=None)
            try:
                while True:
                    self.wfile.write(bytes(2**16))
            except OSError:
                pass
        elif path == "/slow.mp4":
            self.answer(b"", "video/mp4", length=1000)
            try:
                for _ in range(100):
                    self.wfile.write(b"x")
                    self.wfile.flush()
                    time.sleep(0.1)
            except OSError:
                pass
        else:
            self.send_error(404)

    def answer(self, body: bytes, kind: str, length: int | None = -1) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        if length is not None:
            self.send_header("Content-Length", str(len(body) if length == -1 else length))
        self.end_headers()
        self.wfile.write(body)

    def redirect(self, to: str) -> None:
        self.send_response(302)
        self.send_header("Location", to)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[int, int]]:
    """(the server that may be reached, the port of one that may not)."""
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), Handler) for _ in range(2)]
    for one in servers:
        one.daemon_threads = True
        threading.Thread(target=one.serve_forever, daemon=True).start()
    Handler.other_port = servers[1].server_port
    yield servers[0].server_port, servers[1].server_port
    for one in servers:
        one.shutdown()
        one.server_close()


def fetched(port: int, path: str, folder: Path, settings: Settings = SETTINGS, **options: Any) -> Path:
    stage = download.fetch(
        f"http://127.0.0.1:{port}{path}", folder, settings, _reachable=(f"127.0.0.1:{port}",), **options
    )
    while True:
        try:
            next(stage)
        except StopIteration as end:
            return end.value


@pytest.mark.parametrize("path", ["/clip.mp4", "/here.mp4", "/watch"])
def test_a_media_file_arrives_whole_also_after_a_redirect_or_without_a_suffix(
    server: tuple[int, int], tmp_path: Path, path: str
) -> None:
    got = fetched(server[0], path, tmp_path)
    assert got.parent == tmp_path
    assert got.read_bytes() == CLIP


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/page", "shows a page"),
        ("/page.mp4", "shows a page"),
        ("/list.mp4", "shows a page"),
        ("/missing.mp4", "no video at that address"),
        ("/cut.mp4", "in the middle"),
        ("/inside.mp4", "not on the public internet"),
        ("/metadata.mp4", "not on the public internet"),
        ("/file.mp4", "not on the public internet|could not be fetched"),
        ("/round.mp4", "could not be fetched"),
    ],
)
def test_everything_else_is_one_sentence_and_leaves_nothing(
    server: tuple[int, int], tmp_path: Path, path: str, words: str
) -> None:
    Handler.asked.clear()
    with pytest.raises(FetchError, match=words) as caught:
        fetched(server[0], path, tmp_path)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
    assert not any(entry.startswith(str(server[1])) for entry in Handler.asked)  # the private server heard nothing


@pytest.mark.parametrize("path", ["/large.mp4", "/endless.mp4"])
def test_a_clip_beyond_the_size_limit_is_dropped(server: tuple[int, int], tmp_path: Path, path: str) -> None:
    with pytest.raises(LimitError, match="larger than 1 MB"):
        fetched(server[0], path, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_slow_server_does_not_hold_us(server: tuple[int, int], tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="took longer than 2 s"):
        fetched(server[0], "/slow.mp4", tmp_path, _time_limit_s=2)
    assert list(tmp_path.iterdir()) == []


def test_closing_the_stage_ends_the_child(server: tuple[int, int], tmp_path: Path) -> None:
    stage = download.fetch(
        f"http://127.0.0.1:{server[0]}/slow.mp4", tmp_path, SETTINGS, _reachable=(f"127.0.0.1:{server[0]}",)
    )
    next(stage)
    next(stage)  # the child runs and has said something
    stage.close()
    assert list(tmp_path.iterdir()) == []
    running = subprocess.run(["ps", "-eo", "args", "--ppid", str(os.getpid())], capture_output=True, text=True)
    assert str(tmp_path) not in running.stdout


@pytest.mark.parametrize(
    "url",
    [
        "", "clip", "ftp://example.org/a.mp4", "file:///etc/passwd", "javascript:alert(1)", "http://", "http://[::1", "https://a b/",
        "http://user:word@example.org/a.mp4", "http://127.0.0.1/a.mp4", "http://10.0.0.1/", "http://169.254.169.254/latest",
        "http://[::1]/a.mp4", "http://[::ffff:127.0.0.1]/a.mp4", "http://0.0.0.0/a.mp4", "http://example.org:99999/a.mp4",
        "http://x/" + "a" * 3000, "http://exa\nmple.org/",
    ],
)  # fmt: skip
def test_what_is_no_public_web_address_is_refused_before_a_child_starts(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "Popen", lambda *a, **k: pytest.fail("a child was started"))
    with pytest.raises(FetchError) as caught:
        next(download.fetch(url, tmp_path, SETTINGS))
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("host", ["localhost", "2130706433", "0x7f.1", "127.1"])
def test_names_and_odd_spellings_of_this_machine_are_refused_at_connect(
    server: tuple[int, int], tmp_path: Path, host: str
) -> None:
    Handler.asked.clear()
    stage = download.fetch(f"http://{host}:{server[0]}/clip.mp4", tmp_path, SETTINGS)
    with pytest.raises(FetchError, match=r"not on the public internet|No such site"):
        for _ in stage:
            pass
    assert Handler.asked == []


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True), ("2606:4700::1111", True), ("127.0.0.1", False), ("10.1.2.3", False), ("100.64.0.1", False),
        ("169.254.169.254", False), ("192.168.0.1", False), ("224.0.0.1", False), ("240.0.0.1", False), ("0.0.0.0", False),
        ("::1", False), ("::", False), ("fe80::1", False), ("fc00::1", False), ("ff02::1", False), ("::ffff:10.0.0.1", False),
        ("::ffff:8.8.8.8", True), ("64:ff9b::7f00:1", False), ("2002:7f00:1::", False),
    ],
)  # fmt: skip
def test_public_addresses(address: str, public: bool) -> None:
    assert download.is_public(ipaddress.ip_address(address)) is public


@pytest.mark.parametrize(
    ("url", "start"),
    [
        ("https://a.org/v?t=90", 90), ("https://a.org/v?t=1m30s", 90), ("https://a.org/v#t=1:30", 90), ("https://a.org/v#t=90,120", 90),
        ("https://a.org/v?start=1h2m3s", 3723), ("https://a.org/v?t=x", 0), ("https://a.org/v?t=-5", 0), ("https://a.org/v", 0),
        ("https://a.org/v#t=0:01:30.5", 90.5), ("https://a.org/v?t=", 0),
    ],
)  # fmt: skip
def test_start_times(url: str, start: float) -> None:
    assert download._checked(url, ())[1] == start


def test_a_start_time_cuts_the_clip(server: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline import media
    from tests.fixtures_clips import make

    clip = make("plain", tmp_path)
    monkeypatch.setattr(sys.modules[__name__], "CLIP", clip.read_bytes())
    folder = tmp_path / "got"
    folder.mkdir()
    got = fetched(server[0], "/clip.mp4?t=1", folder)
    found = media.probe(got, Settings())
    assert found.has_video
    assert found.has_audio
    assert list(folder.iterdir()) == [got]


GUARDED = """
import socket, subprocess, sys
from pipeline import download
import yt_dlp
site = yt_dlp.YoutubeDL({"quiet": True, "proxy": ""})
download._guard(())
for name, attempt in {
    "yt-dlp": lambda: site.urlopen("http://127.0.0.1:%PORT%/clip.mp4"),
    "socket": lambda: socket.create_connection(("localhost", %PORT%)),
    "connect_ex": lambda: socket.socket().connect_ex(("127.0.0.1", %PORT%)),
    "unix": lambda: socket.socket(socket.AF_UNIX).connect("/run/x"),
    "process": lambda: subprocess.run(["true"]),
}.items():
    try:
        attempt()
        print(name, "reached")
    except Exception as error:
        print(name, "refused", download._sentence(error) if name == "yt-dlp" else "")
"""


def test_the_guard_holds_for_yt_dlp_and_everything_else_in_the_process(server: tuple[int, int]) -> None:
    Handler.asked.clear()
    done = subprocess.run(
        [sys.executable, "-c", GUARDED.replace("%PORT%", str(server[0]))], capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 5
    assert all("refused" in line for line in lines), lines
    assert "not on the public internet" in lines[0]
    assert Handler.asked == []


@pytest.fixture
def site(server: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """yt-dlp with one extractor, for our own server; returns the dict the extractor answers with, to be changed."""
    import yt_dlp
    from yt_dlp.extractor.common import InfoExtractor

    info = {"id": "x", "title": "t", "duration": 30, "formats": [
        {"format_id": "sound", "url": f"http://127.0.0.1:{server[0]}/page", "ext": "m4a", "vcodec": "none", "acodec": "aac"},
        {"format_id": "both", "url": f"http://127.0.0.1:{server[0]}/clip.mp4", "ext": "mp4", "height": 360, "vcodec": "h264", "acodec": "aac"},
    ]}  # fmt: skip

    class OurIE(InfoExtractor):
        _VALID_URL = r"http://127\.0\.0\.1:\d+/video"

        def _real_extract(self, url: str) -> dict[str, Any]:
            return info

    class Site(yt_dlp.YoutubeDL):
        def __init__(self, options: dict[str, Any]) -> None:
            super().__init__(options, auto_init=False)
            self.add_info_extractor(OurIE())

    monkeypatch.setattr(yt_dlp, "YoutubeDL", Site)
    return info


def from_site(server: tuple[int, int], folder: Path, settings: Settings = SETTINGS, start: float = 0) -> Path:
    order = {"max_bytes": settings.max_file_bytes, "max_duration_s": settings.max_duration_s, "start": start}
    return download._from_site(f"http://127.0.0.1:{server[0]}/video", folder, order, lambda got, total: None)


def test_a_video_page_gives_one_file_with_picture_and_sound(
    server: tuple[int, int], site: dict[str, Any], tmp_path: Path
) -> None:
    assert from_site(server, tmp_path).read_bytes() == CLIP


def test_long_live_and_listed_videos_are_refused_before_the_download(
    server: tuple[int, int], site: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(LimitError, match="min long"):
        from_site(server, tmp_path, replace(SETTINGS, max_duration_s=10))
    assert from_site(server, tmp_path, replace(SETTINGS, max_duration_s=10), start=25)
    site["is_live"] = True
    with pytest.raises(FetchError, match="live"):
        from_site(server, tmp_path)
    site.clear()
    site.update({"_type": "playlist", "id": "p", "entries": []})
    with pytest.raises(FetchError, match="list of videos"):
        from_site(server, tmp_path)


def test_a_video_too_large_for_us_is_a_limit(server: tuple[int, int], site: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="larger than"):
        from_site(server, tmp_path, replace(SETTINGS, max_file_bytes=1000))


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("ERROR: [youtube] x: Sign in to confirm you're not a bot. Use --cookies", "block cloud addresses"),
        ("HTTP Error 429: Too Many Requests", "block cloud addresses"),
        ("[youtube] x: Private video. Sign in if you've been granted access", "needs an account"),
        ("Unable to download webpage: HTTP Error 404: Not Found", "no video at that address"),
        ("The uploader has not made this video available in your country", "country"),
        ("<urlopen error [Errno -2] Name or service not known>", "No such site"),
        ("The read operation timed out", "did not answer in time"),
        ("something new", "could not be fetched"),
    ],
)
def test_messages_of_libraries_become_sentences(said: str, words: str) -> None:
    sentence = download._sentence(RuntimeError(said))
    assert words in sentence
    assert sentence.endswith(".")
    assert said not in sentence
