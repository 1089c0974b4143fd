"""A real HTTP server that speaks the parts of DeepL's v2 API that we use, and misbehaves on demand.

Protocol: https://developers.deepl.com/docs (authorization header, translate, usage, languages, glossaries, errors). It
"translates" by reversing every word, so a test sees at once what is a translation and of what.
"""

from __future__ import annotations

import json
import re
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TARGETS = (
    ("EN-US", "English (American)", False),
    ("EN-GB", "English (British)", False),
    ("PL", "Polish", True),
    ("DE", "German", True),
)


def translated(text: str) -> str:
    """Every word backwards; tags and punctuation stay."""
    return re.sub(r"<[^>]+>|&\w+;|\w+", lambda m: m[0] if m[0][0] in "<&" else m[0][::-1], text)


#: A key that it knows.
KEY = "good-key:fx"


@dataclass
class DeepLServer:
    """What the server knows and what it was asked; tests set and read it."""

    limits: dict[str, list[int]] = field(default_factory=lambda: {KEY: [0, 500_000]})  #: key -> [used, limit]
    faults: deque[Callable[[BaseHTTPRequestHandler], None]] = field(
        default_factory=deque
    )  #: each answers one translate call
    always: Callable[[BaseHTTPRequestHandler], None] | None = None  #: answers every translate call
    translations: Callable[[list[str]], list[str]] = lambda texts: [translated(t) for t in texts]
    requests: list[dict[str, Any]] = field(default_factory=list)  #: bodies of translate calls that were answered well
    sizes: list[int] = field(default_factory=list)  #: bytes of every translate body
    glossaries: dict[str, dict[str, Any]] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    most_glossaries: int = 1000
    url: str = ""
    calls: int = 0


def status(code: int, body: str = "{}") -> Callable[[BaseHTTPRequestHandler], None]:
    """A fault: this status."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        _send(handler, code, body)

    return answer


def half_a_response(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"translations": [{"te')
    handler.close_connection = True


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


def silence(seconds: float) -> Callable[[BaseHTTPRequestHandler], None]:
    """A fault: no answer for so long."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        threading.Event().wait(seconds)
        handler.close_connection = True

    return answer


def _send(handler: BaseHTTPRequestHandler, code: int, body: str) -> None:
    raw = body.encode()
    handler.send_response(code)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(raw)))
    handler.end_headers()
    handler.wfile.write(raw)


@contextmanager
def serve() -> Iterator[DeepLServer]:
    """A server on a free port of the loopback, until the block ends."""
    state = DeepLServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def key(self) -> str | None:
            scheme, _, key = self.headers.get("Authorization", "").partition(" ")
            if scheme != "DeepL-Auth-Key" or key not in state.limits:
                _send(self, 403, '{"message": "Wrong endpoint or key"}')
                return None
            return key

        def body(self) -> dict[str, Any]:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.path.startswith("/v2/translate"):
                state.sizes.append(len(raw))
            if "json" in self.headers.get("Content-Type", ""):
                return json.loads(raw)
            return {k: v[0] for k, v in parse_qs(raw.decode()).items()}

        def do_GET(self) -> None:
            key = self.key()
            if key is None:
                return
            path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
            if path == "/v2/usage":
                used, limit = state.limits[key]
                _send(self, 200, json.dumps({"character_count": used, "character_limit": limit}))
            elif path == "/v2/languages":
                kind = query.get("type", ["source"])[0]
                _send(
                    self,
                    200,
                    json.dumps([{"language": c, "name": n, "supports_formality": f} for c, n, f in TARGETS if kind]),
                )
            else:
                _send(self, 404, "{}")

        def do_DELETE(self) -> None:
            if self.key() is not None:
                state.deleted.append(self.path.rsplit("/", 1)[1])
                state.glossaries.pop(state.deleted[-1], None)
                self.send_response(204)
                self.end_headers()

        def do_POST(self) -> None:
            body = self.body()
            key = self.key()
            if key is None:
                return
            if self.path == "/v2/glossaries":
                if len(state.glossaries) >= state.most_glossaries:
                    _send(self, 456, '{"message": "Quota exceeded"}')
                    return
                made = {
                    "glossary_id": str(uuid.uuid4()), "name": body["name"], "ready": True, "source_lang": body["source_lang"].lower(),
                    "target_lang": body["target_lang"].lower(), "creation_time": "2026-01-01T00:00:00.000000Z", "entry_count": 1,
                }  # fmt: skip
                state.glossaries[made["glossary_id"]] = {**made, "entries": body["entries"], "key": key}
                _send(self, 201, json.dumps(made))
                return
            state.calls += 1
            fault = state.faults.popleft() if state.faults else state.always
            if fault is not None:
                fault(self)
                return
            texts = body["text"]
            wanted = body.get("glossary_id")
            if wanted and state.glossaries.get(wanted, {}).get("key") != key:  # one lies in the account of its key
                _send(self, 404, "{}")
                return
            if body["target_lang"] not in {code for code, _, _ in TARGETS}:
                _send(self, 400, '{"message": "Value for target_lang not supported."}')
                return
            count = sum(map(len, texts))
            if state.limits[key][0] + count > state.limits[key][1]:
                _send(self, 456, '{"message": "Quota exceeded"}')
                return
            state.limits[key][0] += count
            state.requests.append({**body, "key": key})
            answers = state.translations(list(texts))
            _send(self, 200, json.dumps({
                "translations": [
                    {"detected_source_language": "EN", "text": text, "billed_characters": len(text)} for text in answers
                ]
            }))  # fmt: skip

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
