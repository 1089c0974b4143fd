"""How much one visitor may ask for at once, and who a visitor is.

Everything is counted by address: a session is a random text that the caller chooses.
"""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

JOBS_PER_SESSION = 4  #: waiting and running
JOBS_PER_ADDRESS = 8  #: waiting and running; a household or a class shares an address
WAITING_JOBS = 20  #: of all visitors, of one kind; the next one is told to come back
WAITING_CHECKS = 200  #: events that need no slot; each takes milliseconds

POSTS_AT_ONCE = 60  #: requests with a body that one address may send in a burst ...
POSTS_PER_SECOND = 4.0  #: ... and from then on; an edit on the page is one
BYTES_PER_POST = (
    100_000  #: of a body that count as one more request: to read a large one costs as much as many small ones
)
EVENTS_AT_ONCE = 4  #: of one address beside the queue, in one of 40 threads; some look into a file for seconds
OPEN_REQUESTS = 64  #: of one address to the API at the same time; a page holds two open
UPLOADED_BYTES = 2 * 2**30  #: that one address may upload in a burst ...
UPLOADED_BYTES_PER_S = 2**30 / 300  #: ... and from then on; what is uploaded lies on the disk for two hours
FAST_BYTES = 64 * 2**20  #: of an address' uploads that are read as fast as they come ...
FAST_BYTES_PER_S = 40 * 2**20  #: ... and from then on: reading faster would keep a processor busy
FAST_BODY_BYTES = 2**20  #: of an address' other bodies that are worked on as fast as they come ...
FAST_BODY_BYTES_PER_S = 300_000  #: ... and from then on: all others wait while Gradio walks through a transcript
BODY_BYTES_PER_ADDRESS = 12 * 2**20  #: of bodies that are being read
BODY_BYTES = 64 * 2**20  #: of bodies that are being read, of all visitors
ADDRESSES = 10_000  #: kept in memory; the one longest unseen is forgotten

Scope = Mapping[str, Any]  #: of an ASGI request


class Exceeded(Exception):
    """A visitor asked for more than their share; the text says what to do."""


def header(scope: Scope, name: bytes) -> str:
    """Return the last header of that (lower-case) name, "" where there is none."""
    found = [value for key, value in scope.get("headers", ()) if key.lower() == name]
    return found[-1].decode("latin-1") if found else ""


def address(scope: Scope, *, forwarded: bool) -> str:
    """Return the visitor's address; of IPv6 the /64 network, which is what one subscriber has.

    With `forwarded` the platform's proxies tell it in X-Forwarded-For. Each proxy appends the address it was called
    from, so the last public one is the first that no visitor can make up.
    """
    client = scope.get("client")
    peer = str(client[0]) if client else "unknown"
    if not forwarded:
        return _network(peer)
    told = [part.strip() for part in header(scope, b"x-forwarded-for").split(",")]
    return next((_network(text) for text in reversed(told) if _is_public(text)), _network(peer))


def _is_public(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).is_global
    except ValueError:
        return False


def _network(text: str) -> str:
    try:
        parsed = ipaddress.ip_address(text)
    except ValueError:
        return text[:64]
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return text


class Rates:
    """A token bucket for every address: `burst` at once, and `per_second` from then on."""

    def __init__(
        self, burst: float = POSTS_AT_ONCE, per_second: float = POSTS_PER_SECOND,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._burst, self._per_second, self._clock = float(burst), float(per_second), clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  #: address -> (tokens, when)

    def take(self, visitor: str, count: float = 1.0) -> None:
        """Count requests, or bytes, of the visitor.

        Raises Exceeded where they are more than there may be.
        """
        left = self._left(visitor)
        self._keep(visitor, max(0.0, left - count))
        if left < count:
            raise Exceeded("This is too much from one address; wait a moment and try again.")

    def wait(self, visitor: str, count: float) -> float:
        """Count bytes of the visitor, and return for how many seconds to read no more of theirs."""
        left = self._left(visitor) - count
        self._keep(visitor, left)
        return max(0.0, -left / self._per_second)

    def _left(self, visitor: str) -> float:
        now = self._clock()
        tokens, when = self._buckets.get(visitor, (self._burst, now))
        return min(self._burst, tokens + (now - when) * self._per_second)

    def _keep(self, visitor: str, tokens: float) -> None:
        self._buckets[visitor] = (tokens, self._clock())
        self._buckets.move_to_end(visitor)
        while len(self._buckets) > ADDRESSES:
            self._buckets.popitem(last=False)


class Shares:
    """What is in use now, by address."""

    def __init__(self) -> None:
        self._requests: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()

    @contextmanager
    def request(self, visitor: str) -> Iterator[None]:
        """Hold one of the visitor's open requests.

        Raises Exceeded when they have `OPEN_REQUESTS` already.
        """
        if self._requests[visitor] >= OPEN_REQUESTS:
            raise Exceeded("This address has too many requests open; close some and try again.")
        self._requests[visitor] += 1
        try:
            yield
        finally:
            self._give_back(self._requests, visitor, 1)

    def take_bytes(self, visitor: str, count: int) -> None:
        """Count bytes of a body that is kept in memory, until `give_bytes`.

        Raises Exceeded when they would be more than this visitor's share, or than there is for all.
        """
        if self._bytes[visitor] + count > BODY_BYTES_PER_ADDRESS or self._bytes.total() + count > BODY_BYTES:
            self._give_back(self._bytes, visitor, 0)
            raise Exceeded("Too much is being sent at once; wait a moment and try again.")
        self._bytes[visitor] += count

    def give_bytes(self, visitor: str, count: int) -> None:
        """The bytes are not kept any more."""
        self._give_back(self._bytes, visitor, count)

    @staticmethod
    def _give_back(counter: Counter[str], visitor: str, count: int) -> None:
        counter[visitor] -= count
        if counter[visitor] <= 0:
            del counter[visitor]


class Turns:
    """Lets some requests of every address go on at once; its others wait, in the order in which they came."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._semaphores: dict[str, asyncio.Semaphore] = {}
        self._there: Counter[str] = Counter()  #: going on and waiting

    @asynccontextmanager
    async def turn(self, visitor: str) -> AsyncIterator[None]:
        """Wait for one of the visitor's places, and hold it until the block ends."""
        self._there[visitor] += 1
        try:
            async with self._semaphores.setdefault(visitor, asyncio.Semaphore(self._places)):
                yield
        finally:
            self._there -= Counter((visitor,))
            if not self._there[visitor]:
                self._semaphores.pop(visitor, None)
