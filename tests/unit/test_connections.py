"""Connections that ask for nothing, or do not read, over real sockets."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn

from pipeline.web import connections

pytestmark = pytest.mark.unit

LARGE = 30 * 2**20  #: bytes; more than the buffers of both ends hold
ASK = b"GET /small HTTP/1.1\r\nHost: a\r\n\r\n"


async def app(scope: Any, receive: Any, send: Any) -> None:
    size = LARGE if scope["path"] == "/large" else 5
    headers = [(b"content-length", str(size).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for sent in range(0, size, 2**20):
        await send({"type": "http.response.body", "body": bytes(min(2**20, size - sent)), "more_body": True})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], socket.socket]]:
    """Open a connection to a server that takes four and has little patience."""
    monkeypatch.setattr(connections, "MOST", 4)
    monkeypatch.setattr(connections, "REQUEST_S", 0.5)
    monkeypatch.setattr(connections, "UNREAD_S", 0.5)
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, http=connections.Connection, ws="none", lifespan="off", log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    opened: list[socket.socket] = []

    def open_one() -> socket.socket:
        opened.append(socket.create_connection(listening.getsockname(), timeout=20))
        return opened[-1]

    try:
        yield open_one
    finally:
        for one in opened:
            one.close()
        server.should_exit = True
        thread.join(20)
        listening.close()


def answered(connection: socket.socket) -> bool:
    connection.sendall(ASK)
    said = b""
    while not said.endswith(b"\r\n\r\n" + bytes(5)):
        more = connection.recv(1000)
        if not more:
            return False
        said += more
    return said.startswith(b"HTTP/1.1 200")


def is_closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


@pytest.mark.parametrize("sent", [b"", b"GET /small HTTP/1.1\r\nHo"])
def test_a_connection_whose_request_does_not_come_is_closed(connect: Callable[[], socket.socket], sent: bytes) -> None:
    connection = connect()
    connection.sendall(sent)
    assert is_closed(connection)


def test_the_second_request_of_a_connection_must_come_as_well(connect: Callable[[], socket.socket]) -> None:
    connection = connect()
    assert answered(connection)
    connection.sendall(ASK[:-2])
    assert is_closed(connection)


def test_a_slow_request_is_answered_while_its_head_comes_in_time(connect: Callable[[], socket.socket]) -> None:
    connection = connect()
    assert answered(connection)
    assert answered(connection)
    for _ in range(3):
        time.sleep(0.05)
        assert answered(connection)


def test_an_answer_that_is_not_read_is_given_up(connect: Callable[[], socket.socket]) -> None:
    connection = connect()
    connection.sendall(ASK.replace(b"small", b"large"))
    time.sleep(1.5)  # the buffers are full, and the client sleeps
    read = 0
    with suppress(ConnectionError):
        while block := connection.recv(2**20):
            read += len(block)
    assert read < LARGE


def test_with_all_places_taken_the_one_idle_longest_gives_way(
    connect: Callable[[], socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "REQUEST_S", 30.0)
    silent = [connect() for _ in range(4)]
    assert answered(silent[1])  # which makes it the last to be idle
    for _ in range(5):
        with closing(connect()) as honest:
            assert answered(honest)
    assert is_closed(silent[0])
    assert answered(silent[1])


def test_a_client_that_leaves_the_end_of_an_answer_unread_holds_no_place_for_ever() -> None:
    """Once the time ran only while much was left to write, so the last kilobytes could stay unread without limit."""
    waits: list[float] = []
    one = connections.Connection.__new__(connections.Connection)
    one.loop = SimpleNamespace(call_later=lambda limit_s, abort: waits.append(limit_s) or SimpleNamespace(cancel=list))  # type: ignore[assignment,func-returns-value]
    one.flow = SimpleNamespace(resume_writing=lambda: None)  # type: ignore[assignment]
    one._timer = None
    one.cycle = SimpleNamespace(response_complete=False)  # type: ignore[assignment]
    one.resume_writing()
    assert waits == []
    one.cycle = SimpleNamespace(response_complete=True)  # type: ignore[assignment]
    one.resume_writing()
    assert waits == [connections.UNREAD_S]
    assert one in one._idle
    one._idle.pop(one)
