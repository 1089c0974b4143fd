"""The gate in front of Gradio: an ASGI middleware that lets in what the page and the documented API need.

In this order: the route is open (`routes`), the visitor is within their share (`limits`), the request comes from the
page itself or from a program (Host and Origin), its body is not too large while it arrives, and the event it calls
exists and fits (`events`). What is refused gets a status and one sentence, and Gradio never sees it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import shutil
import time
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from python_multipart.multipart import MultipartParser, parse_options_header

from pipeline.settings import Settings
from pipeline.web import events, jobs, limits, routes, uploads
from pipeline.web.events import Refused
from pipeline.web.routes import Kind

log = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

LOOPBACK = frozenset(("localhost", "127.0.0.1", "::1"))
SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))

SILENCE_S = 30.0  #: without a byte of a body that has not ended
WHOLE_BODY_S = 120.0  #: for a body that is not an upload, however slowly it comes
DRAINED_BYTES, DRAINED_S = (
    64 * 2**20,
    5.0,
)  #: read and dropped of a refused body, so that a client that sends first hears why

MAX_PARTS = 8  #: of an upload; the page and gradio_client send one


class Guard:
    """The middleware. `settings` says the upload limit and by which names this server is known."""

    def __init__(self, app: Any, settings: Settings) -> None:
        self.app = app
        self._max_upload = settings.max_file_bytes + routes.UPLOAD_OVERHEAD
        self._forwarded = settings.on_spaces
        self._names = frozenset(settings.hosts)
        self._rates, self._shares = limits.Rates(), limits.Shares()
        self._uploaded = limits.Rates(limits.UPLOADED_BYTES, limits.UPLOADED_BYTES_PER_S)
        self._pace = limits.Rates(limits.FAST_BYTES, limits.FAST_BYTES_PER_S)
        self._body_pace = limits.Rates(limits.FAST_BODY_BYTES, limits.FAST_BODY_BYTES_PER_S)
        self._turns = limits.Turns(limits.EVENTS_AT_ONCE)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # no route is a web socket
        answer = _Answer(send)
        body = _Body(receive)
        try:
            await self._let_in(scope, body, answer)
            return
        except (Refused, limits.Exceeded) as refusal:
            status, sentence = refusal.status if isinstance(refusal, Refused) else 429, str(refusal)
        # Not in the block above: an exception being handled holds on to the piece of the body that was read last.
        log.info("refused %s %r with %d: %s", scope["method"], scope["path"][:80], status, sentence)
        await answer.refuse(status, sentence, body)

    async def _let_in(self, scope: Message, body: _Body, answer: _Answer) -> None:
        route = routes.find(scope["method"], scope["path"])
        if route is None:
            raise Refused(404, "There is nothing at this address.")
        visitor = limits.address(scope, forwarded=self._forwarded)
        if scope["method"] not in SAFE_METHODS:
            self._check_names(scope)
            self._rates.take(visitor)
        async with contextlib.AsyncExitStack() as held:
            if scope["path"].startswith(routes.API):
                held.enter_context(self._shares.request(visitor))
            if followed := routes.followed(scope["method"], scope["path"], scope.get("query_string", b"")):
                queue = scope["app"].get_blocks()._queue
                if scope["path"].startswith(f"{routes.API}/call/") and not queue.is_known(followed):
                    raise Refused(404, "There is no such call; its result was fetched already, or it is too old.")
                held.enter_context(queue.listening(followed))
            if route.kind is Kind.UPLOAD:
                await self._upload(scope, body, answer, visitor)
            elif route.kind is Kind.NOTHING:
                await self.app(scope, body.receive, answer.send)
            else:
                whole = await self._whole(scope, body, visitor, held)
                if route.kind is Kind.EVENT:
                    events.check(scope["path"], events.read(whole), scope["app"].get_blocks())
                    await asyncio.sleep(self._body_pace.wait(visitor, len(whole)))
                else:
                    events.parse(whole)
                if scope["path"].startswith(routes.BESIDE_THE_QUEUE):
                    await held.enter_async_context(self._turns.turn(visitor))
                await self.app(scope, body.replay(whole), answer.send)

    def _check_names(self, scope: Message) -> None:
        """Refuse what another site makes a browser send: a foreign Origin, or a Host that is not this server's.

        Programs send no Origin. Where this server's names are not known, only the Origin is compared, with the Host.
        """
        host = _host(limits.header(scope, b"host"))
        server = scope.get("server")
        is_local = server is not None and str(server[0]) in LOOPBACK
        known = self._names | LOOPBACK if self._names or is_local else frozenset((host,))
        if host not in known:
            raise Refused(421, "This server is not reached by that name; its owner can add it to SPEECHGLASS_HOSTS.")
        origin = limits.header(scope, b"origin")
        if origin and _host(origin) not in known | {_host(limits.header(scope, b"x-forwarded-host"))} - {""}:
            raise Refused(403, "Requests from other sites are not answered; open the page itself.")

    async def _whole(self, scope: Message, body: _Body, visitor: str, held: contextlib.AsyncExitStack) -> bytes:
        """Return the body, read to its end; its bytes are counted as the visitor's until `held` is closed.

        Raises Refused as soon as it is too long or stops coming, Exceeded where too much is being read.
        """
        _check_length(scope, routes.MAX_BODY, "A request that is not an upload has at most 4 MB.")
        taken = bytearray()
        counted = 0
        deadline = time.monotonic() + WHOLE_BODY_S

        def give_back() -> None:
            taken.clear()  # a refusal being answered would keep it
            self._shares.give_bytes(visitor, counted)

        held.callback(give_back)
        async for part in body.parts():
            if len(taken) + len(part) > routes.MAX_BODY:
                raise Refused(413, "A request that is not an upload has at most 4 MB.")
            if time.monotonic() > deadline:
                raise Refused(408, "The request took too long to arrive.")
            self._shares.take_bytes(visitor, len(part))
            counted += len(part)
            taken += part
        if scope["method"] not in SAFE_METHODS:
            self._rates.take(visitor, len(taken) / limits.BYTES_PER_POST)
        return bytes(taken)

    async def _upload(self, scope: Message, body: _Body, answer: _Answer, visitor: str) -> None:
        """Hand an upload through as it comes; Gradio is told that the visitor left when it grows beyond its limit.

        Raises Refused, Exceeded. What Gradio has written of an upload that was broken off is removed.
        """
        _check_room(2 * self._max_upload)
        too_large = f"The file is larger than {(self._max_upload - routes.UPLOAD_OVERHEAD) // 2**20} MB."
        _check_length(scope, self._max_upload, too_large)
        parts = _Parts(limits.header(scope, b"content-type"))
        seen = 0
        refusal: Refused | limits.Exceeded | None = None

        async def receive() -> Message:
            nonlocal seen, refusal
            message: Message = {"type": "http.disconnect"} if refusal else await body.receive()
            if message["type"] != "http.request":
                return message
            chunk = message.get("body", b"")
            seen += len(chunk)
            try:
                if seen > self._max_upload:
                    raise Refused(413, too_large)
                self._uploaded.take(visitor, len(chunk))
                parts.feed(chunk)
            except (Refused, limits.Exceeded) as error:
                refusal = error
                return {"type": "http.disconnect"}
            if (pause := self._pace.wait(visitor, len(chunk))) > 0.05:
                await asyncio.sleep(pause)
            return message

        async def reply(message: Message) -> None:
            if refusal is None:
                await answer.send(message)

        with uploads.written() as files:
            try:
                await self.app(scope, receive, reply)
            except Exception:  # Starlette raises ClientDisconnect for a visitor who left
                if refusal is None and not body.gone:
                    raise
            finally:
                if refusal is not None or not body.ended or body.gone:
                    _remove(files)
        if refusal is not None:
            raise refusal


def _check_room(size: int) -> None:
    """Refuse an upload where the disk has less than `size` bytes left."""
    if shutil.disk_usage(jobs.root()).free < size:
        raise Refused(507, "There is no room for another clip just now; try again in an hour.")


def _remove(files: list[str]) -> None:
    for file in files:
        with contextlib.suppress(OSError):
            Path(file).unlink()


class _Body:
    """What a request brings, with a limit to how long nothing may come."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.gone = False  #: the visitor has left
        self.ended = False  #: the last byte has come

    async def receive(self) -> Message:
        """Return the next message.

        Raises Refused when nothing comes although the body has not ended.
        """
        if self.ended:
            return await self._receive()  # waits for the visitor to leave
        try:
            message = await asyncio.wait_for(self._receive(), SILENCE_S)
        except TimeoutError:
            raise Refused(408, "The request stopped arriving.") from None
        self.gone = message["type"] == "http.disconnect"
        self.ended = self.gone or not message.get("more_body", False)
        return message

    async def parts(self) -> Any:
        """Yield the body piece by piece.

        Raises Refused when the visitor leaves.
        """
        while not self.ended:
            message = await self.receive()
            if self.gone:
                raise Refused(400, "The request ended too early.")
            yield message.get("body", b"")

    def replay(self, whole: bytes) -> Receive:
        """Return a `receive` that gives the whole body once, then waits for the visitor to leave."""
        given = False

        async def receive() -> Message:
            nonlocal given
            if given:
                return await self.receive()
            given = True
            return {"type": "http.request", "body": whole, "more_body": False}

        return receive

    async def drain(self) -> None:
        """Read and drop what still comes, up to a limit."""
        dropped, deadline = 0, time.monotonic() + DRAINED_S
        with contextlib.suppress(TimeoutError, Refused):
            while not self.ended and dropped < DRAINED_BYTES:
                message = await asyncio.wait_for(self.receive(), max(0.01, deadline - time.monotonic()))
                dropped += len(message.get("body", b""))


class _Answer:
    """The way back to the visitor, which knows whether an answer has begun."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._begun = False

    async def send(self, message: Message) -> None:
        self._begun = self._begun or message["type"] == "http.response.start"
        await self._send(message)

    async def refuse(self, status: int, sentence: str, body: _Body) -> None:
        """Answer with the sentence. What the visitor is still sending is dropped before the connection is closed, since
        most clients read an answer only after they have sent everything.
        """
        if self._begun:
            return
        text = json.dumps({"detail": sentence}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(text)).encode())]
        if not body.ended:
            headers.append((b"connection", b"close"))
        with contextlib.suppress(OSError):
            await self.send({"type": "http.response.start", "status": status, "headers": headers})
            await self.send({"type": "http.response.body", "body": text, "more_body": not body.ended})
            if not body.ended:
                await body.drain()
                await self.send({"type": "http.response.body", "body": b"", "more_body": False})


class _Parts:
    """Looks at an upload's parts as they come. Gradio keeps every part that is no file in memory, whatever its size."""

    def __init__(self, content_type: str) -> None:
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary")
        if kind != b"multipart/form-data" or not boundary or len(boundary) > 200:
            raise Refused(400, "An upload is multipart/form-data with one file.")
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._header_name,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
            },
        )
        self._count = self._in_headers = 0
        self._name, self._value = b"", b""
        self._is_file = False

    def feed(self, chunk: bytes) -> None:
        """Take the next piece of the body.

        Raises Refused for what is no upload of files.
        """
        try:
            self._parser.write(chunk)
        except Refused:
            raise
        except ValueError as error:  # what python_multipart raises
            log.info("an upload that is not well formed: %s", type(error).__name__)
            raise Refused(400, "The upload is not well formed.") from None

    def _begin(self) -> None:
        self._count += 1
        self._is_file, self._in_headers = False, 0
        if self._count > MAX_PARTS:
            raise Refused(400, f"An upload has at most {MAX_PARTS} parts.")

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += self._counted(data[start:end])

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += self._counted(data[start:end])

    def _counted(self, text: bytes) -> bytes:
        self._in_headers += len(text)
        if self._in_headers > 8 * 2**10:
            raise Refused(400, "The headers of the upload are too long.")
        return text

    def _header_end(self) -> None:
        if self._name.lower() == b"content-disposition":
            _, options = parse_options_header(self._value)
            self._is_file = b"name" in options and b"filename" in options
        self._name, self._value = b"", b""

    def _headers_finished(self) -> None:
        if not self._is_file:
            raise Refused(400, "An upload carries files only, each with its name.")


def _check_length(scope: Message, most: int, sentence: str) -> None:
    """Refuse a body by the length that its sender declares, before any of it is read."""
    declared = limits.header(scope, b"content-length")
    if declared and (not declared.isdecimal() or len(declared) > 15 or int(declared) > most):
        raise Refused(413, sentence)


def _host(text: str) -> str:
    """Return the host in a Host or an Origin header, without its port."""
    try:
        return (urlsplit(text if "//" in text else f"//{text}").hostname or "").rstrip(".").lower()
    except ValueError:
        return ""
