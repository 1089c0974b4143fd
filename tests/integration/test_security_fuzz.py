"""Made-up requests to the real server: whatever comes, it is answered in a sentence, and neither memory nor log grow
with it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode

from tests.fixtures_attack import FILE, Server, attacked

pytestmark = pytest.mark.alone

FUZZ = settings(
    max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None
)
ENDPOINTS = (
    "edit", "health", "import", "languages", "preview", "render", "retranslate", "transcribe", "translate_video",
)  # fmt: skip
OPEN = (
    "queue/join", "run/edit", "run/predict", *(f"{way}/{name}" for way in ("call", "call/v2") for name in ENDPOINTS),
    "cancel", "reset", "upload", "mcp/", "mcp/http", "mcp/messages/",
)  # fmt: skip
MB = 2**20


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with attacked(tmp_path_factory.mktemp("fuzzed")) as running:
        httpx.post(f"{running.url}/gradio_api/call/health", json={"data": []})  # everything is loaded
        before, start = running.memory(), time.monotonic()
        yield running
        print(f"\n{(running.memory() - before) / MB:+.0f} MB in {time.monotonic() - start:.0f} s of made-up requests")
        assert running.memory() < 1.5 * before
        assert "Traceback" not in running.log.read_text()


_visitors = 0


def headers() -> dict[str, str]:
    """A visitor who was not here before, so that nobody is refused for having sent too much."""
    global _visitors
    _visitors += 1
    return {"x-forwarded-for": f"198.18.{_visitors // 250 % 250}.{_visitors % 250 + 1}"}


@pytest.fixture(scope="module")
def description(server: Server) -> Any:
    found = httpx.get(f"{server.url}/gradio_api/openapi.json", timeout=30).json()
    # The stream of a result stays open until the result is there.
    found["paths"] = {path: methods for path, methods in found["paths"].items() if "{event_id}" not in path}
    found["servers"] = [{"url": server.url}]
    return schemathesis.openapi.from_dict(_valid(found))


def _valid(schema: Any) -> Any:
    """Return the schema without the types that Gradio gives as objects, which OpenAPI does not know."""
    if isinstance(schema, dict):
        return {name: _valid(value) for name, value in schema.items() if not (name == "type" and value == {})}
    return [_valid(item) for item in schema] if isinstance(schema, list) else schema


@pytest.mark.parametrize("mode", GenerationMode)
def test_no_described_request_breaks_the_server(server: Server, description: Any, mode: GenerationMode) -> None:
    """Requests that fit the OpenAPI description, and requests that nearly do."""
    operations = [found.ok() for found in description.get_all_operations()]
    assert len(operations) >= 6
    for operation in operations:

        @FUZZ
        @given(operation.as_strategy(generation_mode=mode))
        def send(case: Case[Any]) -> None:
            answer = case.call(base_url=server.url, headers=headers(), timeout=60)
            assert answer.status_code < 500, answer.text

        try:
            send()
        except Unsatisfiable:  # nothing is wrong with a request that takes nothing
            assert mode is GenerationMode.NEGATIVE


texts = st.text(max_size=30) | st.sampled_from(
    ["/etc/passwd", "../../a", "http://127.0.0.1/", "\0", "EN-US", "none", "p1"]
)
numbers = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | st.booleans() | st.none()
files = st.builds(lambda path: {"path": path, "meta": FILE}, texts)
values = st.recursive(
    texts | numbers | files,
    lambda inner: st.lists(inner, max_size=14) | st.dictionaries(texts, inner, max_size=5),
    max_leaves=20,
)
calls = st.fixed_dictionaries(
    {},
    optional={
        "data": st.lists(values, max_size=14) | values,
        "fn_index": st.integers(-1, 60) | values,
        "session_hash": st.just("fuzz") | values,
        "event_data": st.fixed_dictionaries(
            {"kind": st.sampled_from(["rename", "merge", "give", "remove", "source"]) | values, "value": values},
            optional={"person": st.just("p1") | values, "phrase": st.just("1") | values},
        )
        | values,
        "trigger_id": st.integers(0, 200) | values,
        "event_id": values,
        "method": st.just("tools/call") | values,
        "params": values,
        "jsonrpc": st.just("2.0"),
        "id": values,
        "video": files | values,
        "transcript": values,
    },
)


@st.composite
def bodies(draw: st.DrawFn) -> tuple[bytes, str]:
    """A body and its Content-Type: bytes, JSON that is nearly a call, or a form that is nearly an upload."""
    kind = draw(st.sampled_from(["bytes", "json", "cut", "form"]))
    if kind == "bytes":
        return draw(st.binary(max_size=300)), draw(
            st.sampled_from(["application/json", "text/plain", "", "multipart/form-data"])
        )
    if kind == "form":
        head = draw(st.sampled_from([b'name="files"; filename="a.mp4"', b'name="files"', b"", b'filename="../../a"']))
        body = b"--b\r\nContent-Disposition: form-data; " + head + b"\r\n\r\n" + draw(st.binary(max_size=300))
        return body + draw(st.sampled_from([b"\r\n--b--\r\n", b"\r\n--b\r\n", b""])), "multipart/form-data; boundary=b"
    text = json.dumps(draw(calls)).encode()
    return (text[: draw(st.integers(0, len(text)))] if kind == "cut" else text), "application/json"


def test_every_endpoint_gets_made_up_bodies(server: Server) -> None:
    described = httpx.get(f"{server.url}/gradio_api/info", timeout=30).json()["named_endpoints"]
    assert {f"/{name}" for name in ENDPOINTS} == described.keys()


@pytest.mark.parametrize("path", OPEN)
def test_no_body_breaks_the_server(server: Server, path: str) -> None:
    slowest = 0.0

    @FUZZ
    @given(bodies())
    def send(body: tuple[bytes, str]) -> None:
        nonlocal slowest
        start = time.monotonic()
        kind = {"content-type": body[1], "accept": "application/json, text/event-stream"}
        answer = httpx.post(
            f"{server.url}/gradio_api/{path}", content=body[0], headers={**headers(), **kind}, timeout=60
        )
        slowest = max(slowest, time.monotonic() - start)
        assert answer.status_code < 500, (answer.status_code, answer.text[:300])

    send()
    print(f"\n{path}: the slowest answer took {slowest:.2f} s")
