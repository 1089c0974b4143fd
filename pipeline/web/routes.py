"""The routes that are open, and how much a request to each may bring.

Gradio serves far more than this page needs: recordings cut by ffmpeg, deep links that write a session to disk, proxies,
editors. Every request that is not described here is answered with 404 before Gradio sees it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from urllib.parse import parse_qs

API = "/gradio_api"
BESIDE_THE_QUEUE = f"{API}/run/"  #: events that Gradio runs at once, in one of the threads that all visitors share

#: Bytes of a request that is not an upload. A transcript of five minutes with six faces in every picture has about 1
#: MB.
MAX_BODY = 4 * 2**20
#: Bytes of an upload beyond the clip itself: part headers and boundaries.
UPLOAD_OVERHEAD = 64 * 2**10


class Kind(Enum):
    """What a request to a route carries."""

    NOTHING = "nothing"  #: no body is read
    JSON = "json"  #: an object that Gradio reads itself
    EVENT = "event"  #: the call of an event, checked by `events`
    UPLOAD = "upload"  #: a clip


@dataclass(frozen=True, slots=True)
class Route:
    """An open route: `path` matches the whole decoded path."""

    methods: frozenset[str]
    path: re.Pattern[str]
    kind: Kind


def _route(methods: str, path: str, kind: Kind = Kind.NOTHING) -> Route:
    return Route(frozenset(methods.split()), re.compile(path), kind)


NAME = r"[A-Za-z0-9_]{1,64}"
ID = r"[A-Za-z0-9_-]{1,64}"

ROUTES = (
    # the page and its files
    _route("GET HEAD", r"/"),
    _route("GET HEAD", r"/(config|theme\.css|favicon\.ico|robots\.txt|manifest\.json)/?"),
    _route("GET HEAD", r"/(static|assets|svelte)/[\w./@+-]{1,300}"),
    _route("GET HEAD", rf"{API}/(info|openapi\.json|theme\.css|startup-events|app_id)/?"),
    # sessions, events and their results
    _route("GET", rf"{API}/heartbeat/{ID}"),
    _route("GET", rf"{API}/queue/(data|status)"),
    _route("GET", rf"{API}/call/(v2/)?{NAME}/{ID}"),
    _route("POST", rf"{API}/queue/join", Kind.EVENT),
    _route("POST", rf"{API}/run/{NAME}/?", Kind.EVENT),
    _route("POST", rf"{API}/call/(v2/)?{NAME}/?", Kind.EVENT),
    _route("POST", rf"{API}/(cancel|reset)/?", Kind.JSON),
    # clips in, results out; Gradio would fetch an address given as a file, without any limit
    _route("POST", rf"{API}/upload", Kind.UPLOAD),
    _route("GET", rf"{API}/upload_progress"),
    _route("GET HEAD", rf"{API}/file=(?![A-Za-z][A-Za-z0-9+.-]*:)[^\0]{{1,1000}}"),
    # agents
    _route("GET", rf"{API}/mcp/(schema|sse)"),
    _route("GET DELETE", rf"{API}/mcp(/(http/?)?)?"),
    _route("POST", rf"{API}/mcp(/((http|messages)/?)?)?", Kind.JSON),
)


def find(method: str, path: str) -> Route | None:
    """Return the open route of a request, None where there is none."""
    return next((route for route in ROUTES if method in route.methods and route.path.fullmatch(path)), None)


def followed(method: str, path: str, query: bytes) -> str:
    """Return the event or the session whose stream an open request follows, "" where it follows none."""
    if method != "GET":
        return ""
    if path == f"{API}/queue/data":
        return parse_qs(query.decode("latin-1")).get("session_hash", [""])[-1][:64]
    return path.rpartition("/")[2] if path.startswith(f"{API}/call/") else ""
