"""Runs that go on while a visitor watches, reloads or waits for their turn.

A run is a thread of its own that works through a generator of page updates and keeps the newest value of every widget,
so that a page which was reloaded can be filled and follow on. It ends when it is done, is stopped, or when no page has
followed it for `GRACE_S`.
"""

from __future__ import annotations

import asyncio
import contextvars
import secrets
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pipeline.errors import UsageError
from pipeline.web import limits

Update = dict[Any, Any]  #: widget -> what it becomes; the others stay

GRACE_S = 60.0  #: a reload takes seconds, also on a phone that slept; what nobody comes back for must not hold a slot
POLL_S = 0.1
LONGEST_QUEUE = 20  #: waiting runs; the next visitor is told to come back
KEPT_S = 900.0  #: how long a finished run can be asked for its end, by a page that was away


class BusyError(UsageError):
    """The queue is full."""


class Ticket:
    """A place in the queue of a `Turnstile`."""

    def __init__(self, turnstile: Turnstile, visitor: str = "") -> None:
        self._turnstile = turnstile
        self.visitor = visitor

    @property
    def ahead(self) -> int:
        """How many come first; 0 when it is this one's turn."""
        return self._turnstile.ahead(self)

    def leave(self) -> None:
        """Give the place to the next one."""
        self._turnstile.leave(self)


class Turnstile:
    """Lets `places` in at a time, the others in the order in which they came."""

    def __init__(self, places: int, longest: int = LONGEST_QUEUE) -> None:
        self.places, self._longest = places, longest
        self._line: deque[Ticket] = deque()
        self._lock = threading.Lock()

    def enter(self, visitor: str = "") -> Ticket:
        """Return the last place in the queue, for `visitor` (an address; "" for calls that are counted elsewhere).

        Raises BusyError when the queue is full, or holds the visitor's share already.
        """
        with self._lock:
            if visitor and sum(ticket.visitor == visitor for ticket in self._line) >= limits.JOBS_PER_ADDRESS:
                raise BusyError(
                    f"You already have {limits.JOBS_PER_ADDRESS} clips waiting or running; wait for one to finish."
                )
            if len(self._line) >= self.places + self._longest:
                raise BusyError(f"{self._longest} clips are already waiting; try again in a few minutes.")
            ticket = Ticket(self, visitor)
            self._line.append(ticket)
            return ticket

    def ahead(self, ticket: Ticket) -> int:
        """How many come before `ticket`'s turn."""
        with self._lock:
            return max(0, self._line.index(ticket) - self.places + 1)

    def leave(self, ticket: Ticket) -> None:
        """`ticket` is out of the queue, if it was in."""
        with self._lock:
            if ticket in self._line:
                self._line.remove(ticket)

    @contextmanager
    def turn(self) -> Iterator[Ticket]:
        """A ticket, given back at the end."""
        ticket = self.enter()
        try:
            yield ticket
        finally:
            ticket.leave()


@dataclass(frozen=True)
class Then:
    """What a run's work yields before the part that waits for a place of another turnstile."""

    turnstile: Turnstile


Work = Iterator[Update | Then]


class Run:
    """One visitor's run and what their page shows of it."""

    def __init__(
        self,
        work: Work,
        ticket: Ticket,
        waiting: Callable[[int], Update],
        secret: tuple[str | None, ...] = (),
    ) -> None:
        self.secret = secret  #: what no message may show
        self.token = secrets.token_urlsafe(24)
        self.error: Exception | None = None  #: what ended it
        self.stopping = False  #: somebody pressed Stop
        self.plays = True  #: whether it ends with a new video
        self._work, self._ticket, self._waiting = work, ticket, waiting
        self._view: dict[Any, tuple[int, Any]] = {}  #: widget -> (version, value)
        self._version = 0
        self._lock = threading.Lock()
        self._followed = time.monotonic()
        self._ended: float | None = None

    def start(self) -> None:
        """Begin. The thread keeps the request that is being answered: ZeroGPU bills its sender."""
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(self._go,), name="run", daemon=True).start()

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self._ended is not None

    def is_forgotten(self) -> bool:
        """Whether its end was so long ago that no page will ask for it."""
        return self._ended is not None and time.monotonic() - self._ended > KEPT_S

    def stop(self) -> None:
        """End at the next progress of the stage that is running."""
        self.stopping = True

    def publish(self, update: Update) -> None:
        """Show `update` on every page that follows."""
        with self._lock:
            self._version += 1
            for widget, value in update.items():
                self._view[widget] = (self._version, value)

    def value(self, widget: Any) -> Any:
        """What was shown last in `widget`, None for nothing."""
        with self._lock:
            return self._view.get(widget, (0, None))[1]

    def since(self, version: int) -> tuple[int, Update]:
        """Return the current version and what has changed since `version`."""
        with self._lock:
            return self._version, {widget: value for widget, (at, value) in self._view.items() if at > version}

    async def follow(self) -> AsyncIterator[Update]:
        """What a page shows, all of it first and then what changes, to the end of the run."""
        seen = 0
        while True:
            self._followed = time.monotonic()
            over = self.over
            seen, update = self.since(seen)
            if update:
                yield update
            elif over:
                return
            await asyncio.sleep(POLL_S)

    def _go(self) -> None:
        try:
            self._wait()
            while not self._is_unwanted():
                try:
                    step = next(self._work)
                except StopIteration:
                    return
                if isinstance(step, Then):
                    self._ticket.leave()
                    self._ticket = step.turnstile.enter(self._ticket.visitor)
                    self._wait()
                else:
                    self.publish(step)
            self.stopping = True
        except Exception as error:
            self.error = error
        finally:
            close = getattr(self._work, "close", None)
            if close is not None:
                close()
            self._ticket.leave()
            self._ended = time.monotonic()

    def _wait(self) -> None:
        last = 0
        while (ahead := self._ticket.ahead) and not self._is_unwanted():
            if ahead != last:
                self.publish(self._waiting(ahead))
                last = ahead
            time.sleep(POLL_S)

    def _is_unwanted(self) -> bool:
        return self.stopping or time.monotonic() - self._followed > GRACE_S


class Runs:
    """The runs of all visitors, each known by a token nobody can guess."""

    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}
        self._lock = threading.Lock()

    def queue(
        self,
        work: Work,
        turnstile: Turnstile,
        waiting: Callable[[int], Update],
        secret: tuple[str | None, ...] = (),
        visitor: str = "",
    ) -> Run:
        """Queue `work` and return its run, to be started; `waiting` shows how many come first.

        Raises BusyError when the queue is full.
        """
        run = Run(work, turnstile.enter(visitor), waiting, secret)
        with self._lock:
            self._runs = {token: known for token, known in self._runs.items() if not known.is_forgotten()}
            self._runs[run.token] = run
        return run

    def get(self, token: str | None) -> Run | None:
        """The run with this token, None where there is none (any more)."""
        return self._runs.get(str(token or ""))
