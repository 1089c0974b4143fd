"""Where the package index is, and where in it a file lies.

What pip and uv are set up with is respected (environment variables, pip.conf, uv.toml), and neither has to be
installed: an environment made by uv has no pip. A file is found by its SHA-256, so its name says nothing about the
platform, and an index that nobody should trust can only withhold it. The index answers as the Simple repository API
says, in JSON or HTML (packaging.python.org/en/latest/specifications/simple-repository-api).
"""

from __future__ import annotations

import configparser
import os
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit
from urllib.request import url2pathname

import httpx

from pipeline.models.entries import Archive

DEFAULT = "https://pypi.org/simple"
ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"


@dataclass(frozen=True, slots=True)
class Setup:
    """How this machine reaches its packages."""

    indexes: tuple[str, ...]  #: base addresses, in the order they are asked
    links: tuple[str, ...]  #: folders or pages that name files, asked first
    certificates: str = ""  #: a file of authorities; "" for the machine's own
    proxy: str = ""  #: "" for the one of the environment's usual variables


def setup(environment: Mapping[str, str] | None = None) -> Setup:
    """The setup that pip or uv would use here; variables win over files, pip's over uv's."""
    env = os.environ if environment is None else environment
    pip, uv = _pip_files(env), _uv_files(env)
    extras = [
        *env.get("PIP_EXTRA_INDEX_URL", "").split(),
        *pip.get("extra-index-url", "").split(),
        *env.get("UV_EXTRA_INDEX_URL", "").split(),
        *(re.sub(r"^[\w-]+=", "", entry) for entry in env.get("UV_INDEX", "").split()),
        *_listed(uv.get("extra-index-url")),
        *(entry["url"] for entry in uv.get("index", []) if not entry.get("default")),
    ]
    default = next(
        filter(
            None,
            [
                env.get("PIP_INDEX_URL"),
                env.get("UV_DEFAULT_INDEX", "").rpartition("=")[2] or env.get("UV_INDEX_URL"),
                pip.get("index-url"),
                *(entry["url"] for entry in uv.get("index", []) if entry.get("default")),
                uv.get("index-url"),
            ],
        ),
        DEFAULT,
    )
    none = any(
        str(value).lower() in ("1", "true", "yes", "on")
        for value in (env.get("PIP_NO_INDEX"), pip.get("no-index"), env.get("UV_NO_INDEX"), uv.get("no-index"))
    )
    links = [
        *env.get("PIP_FIND_LINKS", "").split(),
        *pip.get("find-links", "").split(),
        *env.get("UV_FIND_LINKS", "").replace(",", " ").split(),
        *_listed(uv.get("find-links")),
    ]
    certificates = env.get("PIP_CERT") or pip.get("cert") or env.get("SSL_CERT_FILE") or env.get("REQUESTS_CA_BUNDLE")
    return Setup(
        () if none else tuple(dict.fromkeys([default, *extras])),
        tuple(dict.fromkeys(links)),
        certificates or "",
        env.get("PIP_PROXY") or pip.get("proxy", ""),
    )


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())


def _pip_files(env: Mapping[str, str]) -> dict[str, str]:
    named = env.get("PIP_CONFIG_FILE", "")
    if named == os.devnull:  # pip's own way of saying: no file
        return {}
    home = Path.home()
    files = [
        Path("/etc/pip.conf"), Path("/etc/xdg/pip/pip.conf"), home / ".pip/pip.conf",
        Path(env.get("XDG_CONFIG_HOME") or home / ".config") / "pip/pip.conf", Path(sys.prefix) / "pip.conf",
        *([Path(named)] if named else []),
    ]  # fmt: skip
    parser = configparser.RawConfigParser(strict=False)
    found: dict[str, str] = {}
    for file in files:
        try:
            parser.read(file)
        except (configparser.Error, UnicodeDecodeError):  # pip itself would say so; here another file may do
            continue
    for section in ("global", "download"):
        if parser.has_section(section):
            found.update(parser.items(section))
    return found


def _uv_files(env: Mapping[str, str]) -> dict[str, Any]:
    named = env.get("UV_CONFIG_FILE")
    base = Path(env.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    found: dict[str, Any] = {}
    for file in [Path(named)] if named else [Path("/etc/uv/uv.toml"), base / "uv/uv.toml"]:
        try:
            found.update(tomllib.loads(file.read_text("utf-8")))
        except (OSError, ValueError):
            continue
    return found


def client(machine: Setup) -> httpx.Client:
    """An HTTP client that goes out as pip would here; redirects are followed, credentials stay with their host."""
    import ssl

    verify: ssl.SSLContext | bool = True
    if machine.certificates and Path(machine.certificates).exists():
        verify = ssl.create_default_context(cafile=machine.certificates)
    return httpx.Client(
        follow_redirects=True, timeout=httpx.Timeout(30.0), verify=verify, proxy=machine.proxy or None,
        headers={"User-Agent": "speechglass"},
    )  # fmt: skip


def find(archive: Archive, machine: Setup, http: httpx.Client) -> Path | str | None:
    """Where `archive` lies: a file of this machine or an address; None where no index has it.

    Raises httpx.HTTPError where no index that was asked has it and one could not be asked.
    """
    failure: httpx.HTTPError | None = None
    project = re.sub(r"[-_.]+", "-", archive.requirement.partition("==")[0]).lower()
    places = [*machine.links, *(f"{index.rstrip('/')}/{project}/" for index in machine.indexes)]
    for place in places:
        folder = _folder(place)
        if folder is not None:
            if (folder / archive.file).is_file():
                return folder / archive.file
            continue
        try:
            response = http.get(place, headers={"Accept": ACCEPT})
            if response.status_code == 404:
                continue
            response.raise_for_status()
        except httpx.HTTPError as error:
            failure = error
            continue
        for name, address, sha256 in _entries(response):
            if sha256 == archive.sha256 or (not sha256 and name == archive.file):
                return address
    if failure is not None:
        raise failure
    return None


def _folder(place: str) -> Path | None:
    """The folder that `place` names, None for an address of the network."""
    parts = urlsplit(place)
    if parts.scheme in ("http", "https"):
        return None
    return Path(url2pathname(parts.path)) if parts.scheme == "file" else Path(place).expanduser()


def _entries(response: httpx.Response) -> Iterator[tuple[str, str, str]]:
    """(name, address, SHA-256 or "") of every file that a page of an index names."""
    base = str(response.url)
    if "json" in response.headers.get("content-type", ""):
        for entry in response.json()["files"]:
            yield entry["filename"], urljoin(base, entry["url"]), entry.get("hashes", {}).get("sha256", "")
        return
    page = _Links()
    page.feed(response.text)
    for link in page.found:
        address, fragment = urldefrag(urljoin(base, link))
        sha256 = fragment.removeprefix("sha256=") if fragment.startswith("sha256=") else ""
        yield unquote(urlsplit(address).path.rpartition("/")[2]), address, sha256


class _Links(HTMLParser):
    """Collects the targets of the anchors of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found += [value for name, value in attrs if name == "href" and value]
