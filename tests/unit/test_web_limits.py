"""Who a visitor is, and what one may ask for at once."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.settings import Settings
from pipeline.web import guard, limits, routes

pytestmark = pytest.mark.unit


def scope(peer: str, forwarded: str | None = None) -> dict[str, Any]:
    headers = [] if forwarded is None else [(b"x-forwarded-for", forwarded.encode())]
    return {"client": (peer, 1), "headers": headers}


@pytest.mark.parametrize(
    ("peer", "told", "is_platform", "visitor"),
    [
        ("8.8.4.4", "1.1.1.1", False, "8.8.4.4"),
        ("10.0.0.9", "1.1.1.1", True, "1.1.1.1"),
        ("10.0.0.9", "made up, 9.9.9.9, 1.1.1.1, 10.1.2.3", True, "1.1.1.1"),
        ("10.0.0.9", "10.1.2.3", True, "10.0.0.9"),
        ("10.0.0.9", "", True, "10.0.0.9"),
        ("10.0.0.9", None, True, "10.0.0.9"),
        ("10.0.0.9", "2a02:1210:5a2b:cd00:1:2:3:4", True, "2a02:1210:5a2b:cd00::/64"),
        ("::ffff:8.8.4.4", None, False, "8.8.4.4"),
        ("testclient", None, False, "testclient"),
    ],
)
def test_a_visitor_is_the_last_public_address_the_platform_tells(
    peer: str, told: str | None, is_platform: bool, visitor: str
) -> None:
    assert limits.address(scope(peer, told), forwarded=is_platform) == visitor


@given(st.text(max_size=300))
def test_whatever_a_header_says_there_is_a_visitor(told: str) -> None:
    given_scope = {"client": ("10.0.0.9", 1), "headers": [(b"x-forwarded-for", told.encode("latin-1", "replace"))]}
    assert limits.address(given_scope, forwarded=True)


def test_a_burst_is_let_through_and_then_a_steady_rate() -> None:
    now = [0.0]
    rates = limits.Rates(clock=lambda: now[0])
    for _ in range(limits.POSTS_AT_ONCE):
        rates.take("a")
    with pytest.raises(limits.Exceeded):
        rates.take("a")
    rates.take("b")
    now[0] += 10.0
    for _ in range(round(10 * limits.POSTS_PER_SECOND)):
        rates.take("a")
    with pytest.raises(limits.Exceeded):
        rates.take("a")


def test_bytes_are_read_at_once_and_then_at_a_steady_pace() -> None:
    now = [0.0]
    pace = limits.Rates(100.0, 10.0, clock=lambda: now[0])
    assert [pace.wait("a", 50.0) for _ in range(4)] == [0.0, 0.0, 5.0, 10.0]
    assert pace.wait("b", 50.0) == 0.0
    now[0] += 10.0
    assert pace.wait("a", 50.0) == 5.0
    now[0] += 100.0
    assert pace.wait("a", 100.0) == 0.0


def test_one_large_transcript_after_the_other_waits_and_other_visitors_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """While Gradio walks through a large body, nobody else is served."""
    pauses: list[float] = []
    served: list[int] = []
    event = SimpleNamespace(api_name="edit", api_visibility="public", inputs=["transcript"], cancels=[])
    blocks = SimpleNamespace(fns={0: event})

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    async def gradio(scope: dict[str, Any], receive: Any, send: Any) -> None:
        served.append(len((await receive())["body"]))
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def post(guarded: guard.Guard, address: str, size: int) -> None:
        body = b'{"data":["' + b"x" * (size - 13) + b'"]}'
        scope = {
            "type": "http", "method": "POST", "path": "/gradio_api/call/edit", "query_string": b"",
            "headers": [(b"host", b"localhost")], "client": (address, 1), "server": ("127.0.0.1", 7860), "app": SimpleNamespace(get_blocks=lambda: blocks),
        }  # fmt: skip

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            assert message.get("status", 200) == 200

        await guarded(scope, receive, send)

    async def visits() -> None:
        guarded = guard.Guard(gradio, Settings())
        guarded._body_pace = limits.Rates(limits.FAST_BODY_BYTES, limits.FAST_BODY_BYTES_PER_S, clock=lambda: 0.0)
        for address in ("198.18.0.1", "198.18.0.1", "198.18.0.1", "198.18.0.2"):
            await post(guarded, address, 500_000)

    monkeypatch.setattr(asyncio, "sleep", pause)
    asyncio.run(visits())
    assert served == [500_000] * 4
    assert [round(seconds) for seconds in pauses] == [0, 0, 2, 0]


def test_of_a_body_that_never_ends_little_is_read_and_nothing_kept() -> None:
    """What is still sent after the refusal is dropped, up to a limit, so that the sender hears why."""
    piece, read, answers = bytes(2**20), [0], []
    scope = {
        "type": "http", "method": "POST", "path": "/gradio_api/call/edit", "query_string": b"",
        "headers": [(b"host", b"localhost")], "client": ("198.18.0.1", 1), "server": ("127.0.0.1", 7860),
    }  # fmt: skip

    async def gradio(*_: Any) -> None:
        raise AssertionError("the refused body was handed on")

    async def receive() -> dict[str, Any]:
        read[0] += 1
        return {"type": "http.request", "body": piece, "more_body": True}

    async def send(message: Any) -> None:
        answers.append((read[0], message.get("status"), message.get("more_body", False)))

    asyncio.run(guard.Guard(gradio, Settings())(scope, receive, send))
    assert answers[0][:2] == (routes.MAX_BODY // len(piece) + 1, 413)  # told before the rest is dropped
    assert read[0] <= answers[0][0] + guard.DRAINED_BYTES // len(piece) + 1
    assert answers[-1][2] is False  # the connection is closed


def test_the_memory_of_visitors_is_bounded() -> None:
    rates = limits.Rates(clock=lambda: 0.0)
    for number in range(limits.ADDRESSES + 50):
        rates.take(str(number))
    assert len(rates._buckets) == limits.ADDRESSES


def test_open_requests_and_bytes_are_counted_and_given_back() -> None:
    shares = limits.Shares()
    for _ in range(3):
        with shares.request("a"):
            shares.take_bytes("a", limits.BODY_BYTES_PER_ADDRESS)
            with pytest.raises(limits.Exceeded):
                shares.take_bytes("a", 1)
            shares.take_bytes("b", 1)
            shares.give_bytes("b", 1)
        shares.give_bytes("a", limits.BODY_BYTES_PER_ADDRESS)
    assert not shares._requests
    assert not shares._bytes


def test_all_visitors_together_have_a_limit() -> None:
    shares = limits.Shares()
    whole = limits.BODY_BYTES // limits.BODY_BYTES_PER_ADDRESS
    for visitor in range(whole):
        shares.take_bytes(str(visitor), limits.BODY_BYTES_PER_ADDRESS)
    with pytest.raises(limits.Exceeded):
        shares.take_bytes("one more", limits.BODY_BYTES_PER_ADDRESS)


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/process_recording", "/gradio_api/deep_link", "/gradio_api/file=https://a/b", "/gradio_api/file=ftp://a",
        "/gradio_api/call/a/b/c", "/gradio_api/call/../upload", "/gradio_api//upload", "/gradio_api/upload/", "/GRADIO_API/upload",
        "/gradio_api/file=a\0b", "/gradio_api/queue/join\n", "/static/", "", "/config/x",
    ],
)  # fmt: skip
def test_a_path_that_is_not_described_is_closed(path: str) -> None:
    assert routes.find("GET", path) is None
    assert routes.find("POST", path) is None


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("GET", "/", routes.Kind.NOTHING),
        ("HEAD", "/gradio_api/file=/tmp/a/ä b.mp4", routes.Kind.NOTHING),
        ("GET", "/assets/index-DphvyggB.js", routes.Kind.NOTHING),
        ("POST", "/gradio_api/upload", routes.Kind.UPLOAD),
        ("POST", "/gradio_api/call/v2/render", routes.Kind.EVENT),
        ("POST", "/gradio_api/run/predict", routes.Kind.EVENT),
        ("POST", "/gradio_api/mcp/", routes.Kind.JSON),
        ("POST", "/gradio_api/mcp/messages/", routes.Kind.JSON),
    ],
)
def test_what_is_needed_is_open(method: str, path: str, kind: routes.Kind) -> None:
    found = routes.find(method, path)
    assert found is not None
    assert found.kind is kind
