"""Connections to the server, bounded: how many there are, and how long one may hold a place for nothing.

Uvicorn takes every connection, and lets it ask for something, or take what it asked for, as slowly as it likes. With a
thousand of them a process has no descriptor left for anybody else.
"""

from __future__ import annotations

import asyncio
from functools import cache
from typing import Any, ClassVar

from uvicorn.protocols.http.h11_impl import H11Protocol

MOST = 600  #: connections; a page holds two to eight, and a process on a small machine has 1,024 descriptors
REQUEST_S = 15.0  #: for the head of a request, from the connection or from its first byte
UNREAD_S = 120.0  #: for a client to read on; a browser reads a video as it plays it, and asks again where it was closed


@cache
def bound() -> None:
    """Have Gradio serve with the connections of this module, and without web sockets.

    Replaces a name of the pinned version, which leaves no other way to configure Uvicorn.
    """
    from gradio import http_server

    class BoundedServer(http_server.Server):
        """Gradio's server over `Connection`."""

        def __init__(self, config: Any, *args: Any, **kwargs: Any) -> None:
            config.http, config.ws = Connection, "none"
            super().__init__(config, *args, **kwargs)

    setattr(http_server, "Server", BoundedServer)  # noqa: B010  mypy knows no other way


class Connection(H11Protocol):
    """A connection that is closed when its client neither asks for anything nor reads what it asked for.

    With `MOST` open, a new one takes the place of the one that has been idle longest.
    """

    _idle: ClassVar[dict[Connection, None]] = {}  #: those whose client is to do something, the oldest first

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, in place of an idle one where there is no room."""
        super().connection_made(transport)
        if len(self.connections) > MOST:
            next(iter(self._idle), self)._abort()
        if not transport.is_closing():
            self._wait(REQUEST_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._go_on()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what the client sends; the head of a request must be whole in time."""
        super().data_received(data)
        if self.cycle is None or self.cycle.response_complete:
            if self._timer is None:
                self._wait(REQUEST_S)
        elif not self.flow.write_paused:
            self._go_on()

    def on_response_complete(self) -> None:
        """Wait for the next request, for whose first byte Uvicorn has a time of its own, or for the last to be read."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._wait(UNREAD_S)
        elif self.cycle.response_complete:  # no request that was sent behind this one is under way
            self._idle[self] = None

    def pause_writing(self) -> None:
        """Wait for the client to read."""
        super().pause_writing()
        self._wait(UNREAD_S)

    def resume_writing(self) -> None:
        """Go on: the client reads. Where nothing more is to be written, it must still read the rest."""
        super().resume_writing()
        if self.cycle is None or self.cycle.response_complete:
            self._wait(UNREAD_S)
        else:
            self._go_on()

    def _wait(self, limit_s: float) -> None:
        self._go_on()
        self._idle[self] = None
        self._timer = self.loop.call_later(limit_s, self._abort)

    def _go_on(self) -> None:
        self._idle.pop(self, None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _abort(self) -> None:
        self._go_on()
        self.transport.abort()
