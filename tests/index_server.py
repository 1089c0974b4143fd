"""A server of files and a package index, with the faults that real ones have."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import json
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest


@dataclass
class Site:
    """What the server has, and how it behaves from now on."""

    folder: Path  #: /files/NAME is NAME in here; /simple/PROJECT/ names them all
    url: str = ""
    json: bool = True  #: the index answers in JSON, else in HTML
    hashes: bool = True  #: the index says the SHA-256 of its files
    cut: list[int] = field(default_factory=list)  #: of the next answers with a file: bytes after which the line breaks
    ranges: bool = True  #: knows how to go on in the middle
    status: list[int] = field(default_factory=list)  #: of the next answers with a file
    more: bytes = b""  #: sent behind every file
    asked: list[tuple[str, str]] = field(default_factory=list)  #: (path, Range) of every request


class _Handler(http.server.BaseHTTPRequestHandler):
    site: Site

    def do_GET(self) -> None:
        site = self.site
        site.asked.append((self.path, self.headers.get("Range", "")))
        if self.path.startswith("/simple/"):
            self._page()
            return
        file = site.folder / self.path.rpartition("/")[2]
        status = site.status.pop(0) if site.status else (200 if file.is_file() else 404)
        if status != 200:
            self._send(status, b"", "text/plain")
            return
        data = file.read_bytes() + site.more
        start = 0
        if site.ranges and self.headers.get("Range"):
            start = int(self.headers["Range"].removeprefix("bytes=").rstrip("-"))
            status = 206
        cut = site.cut.pop(0) if site.cut else None
        self._send(status, data[start:], "application/octet-stream", cut)

    def _page(self) -> None:
        files = sorted(file for file in self.site.folder.iterdir() if file.is_file())
        sums = {f.name: hashlib.sha256(f.read_bytes()).hexdigest() if self.site.hashes else "" for f in files}
        if self.site.json:
            entries = [
                {"filename": name, "url": f"../../files/{name}", "hashes": {"sha256": sha256} if sha256 else {}}
                for name, sha256 in sums.items()
            ]
            page = json.dumps({"meta": {"api-version": "1.0"}, "name": "toy", "files": entries}).encode()
            self._send(200, page, "application/vnd.pypi.simple.v1+json")
        else:
            links = (
                f'<a href="../../files/{name}{"#sha256=" + sha256 if sha256 else ""}">{name}</a><br/>'
                for name, sha256 in sums.items()
            )
            self._send(200, f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>".encode(), "text/html")

    def _send(self, status: int, data: bytes, kind: str, cut: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.wfile.write(data if cut is None else data[:cut])
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def served(folder: Path) -> Iterator[Site]:
    """A site of the files in `folder`, on this machine."""
    folder.mkdir(exist_ok=True)
    site = Site(folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"site": site}))
    site.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def only_index(site: Site, patch: pytest.MonkeyPatch) -> None:
    """Packages come from `site` and from nowhere else, whatever the machine is set up with."""
    for name in (
        "PIP_NO_INDEX", "PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_PROXY", "UV_INDEX", "UV_FIND_LINKS", "UV_NO_INDEX",
        "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY",
    ):  # fmt: skip
        patch.delenv(name, raising=False)
    patch.setenv("PIP_CONFIG_FILE", "/dev/null")
    patch.setenv("UV_CONFIG_FILE", "/dev/null")
    patch.setenv("PIP_INDEX_URL", f"{site.url}/simple")


def wheel(folder: Path, members: dict[str, bytes], name: str = "toy_weights", tag: str = "py3-none-any") -> Path:
    """The wheel of a package `name` 1.0 with these files in it."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}-1.0-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, data in members.items():
            archive.writestr(member, data)
        archive.writestr(f"{name}-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{name}-1.0.dist-info/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        archive.writestr(f"{name}-1.0.dist-info/RECORD", "")
    return path
