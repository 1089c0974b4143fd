"""How much one visitor may ask for at once, and who a visitor is.

Everything is counted by address: a session is a random text that the caller chooses.
"""

from __future__ import annotations

import ipaddress
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

JOBS_PER_SESSION = 4  #: waiting and running
JOBS_PER_ADDRESS = 8  #: waiting and running; a household or a class shares an address
WAITING_JOBS = 20  #: of all visitors; the next one is told to come back
WAITING_CHECKS = 200  #: events that need no slot; each takes milliseconds

POSTS_AT_ONCE = 60  #: requests with a body that one address may send in a burst ...
POSTS_PER_SECOND = 4.0  #: ... and from then on; an edit on the page is one
OPEN_REQUESTS = 64  #: of one address to the API at the same time; a page holds two open
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
    """A token bucket for every address."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  #: address -> (tokens, when)

    def take(self, visitor: str) -> None:
        """Count one request of the visitor.

        Raises Exceeded when they send more than `POSTS_PER_SECOND` after a burst of `POSTS_AT_ONCE`.
        """
        now = self._clock()
        tokens, when = self._buckets.pop(visitor, (float(POSTS_AT_ONCE), now))
        tokens = min(float(POSTS_AT_ONCE), tokens + (now - when) * POSTS_PER_SECOND)
        self._buckets[visitor] = (max(0.0, tokens - 1.0), now)
        while len(self._buckets) > ADDRESSES:
            self._buckets.popitem(last=False)
        if tokens < 1.0:
            raise Exceeded("These are too many requests from one address; wait a moment and try again.")


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
