"""What the server still has in its memory of a call that is over."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from pipeline import transcript
from pipeline.settings import Settings
from pipeline.web import serve, sweep
from tests import fakes
from tests.fixtures_attack import result_of, soon
from tests.fixtures_web import PATIENT, served

pytestmark = pytest.mark.alone

MARK = "Nobody shall keep"  #: how the sentence begins that is looked for; no text but those of a test is the whole


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The page that is served, with its address in `local_url`."""
    pages: list[Any] = []
    build = serve.build_app

    def noted(services: Any) -> Any:
        pages.append(build(services))
        return pages[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serve, "build_app", noted)
        with served(fakes.services(tmp_path_factory.mktemp("kept"), steps=2)):
            yield pages[0]


@pytest.fixture
def visitor(built: Any) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=built.local_url, timeout=PATIENT["timeout"]) as client:
        yield client


def sentence() -> str:
    """Return the sentence that is looked for, a text of its own every time."""
    return " ".join((MARK, "this sentence."))


def marked() -> dict[str, Any]:
    """A transcript in which somebody says the mark."""
    record: dict[str, Any] = json.loads(transcript.to_json(fakes.analysis()))
    record["phrases"][0]["source"] = sentence()
    return record


def kept() -> list[Any]:
    """Return the objects in memory that hold the mark as a value."""
    gc.collect()
    whole = sentence()
    return [
        found
        for found in gc.get_objects()
        if type(found) in (dict, list, tuple)
        and any(type(value) is str and value == whole for value in (found.values() if type(found) is dict else found))
    ]


def test_nothing_is_kept_of_a_call_without_a_session(built: Any, visitor: httpx.Client) -> None:
    queue, holder = built._queue, built.state_holder
    before = set(holder.session_data)
    edit = {"kind": "rename", "person": "p1", "value": "Ada"}
    for _ in range(5):
        assert result_of(visitor, "edit", transcript=marked(), edits=[edit])[0] == "complete"
        assert result_of(visitor, "health")[0] == "complete"
    assert soon(lambda: not queue._ended and not queue.event_ids_to_events)
    assert set(holder.session_data) == before
    assert not queue.pending_event_ids_session
    assert not list(queue.pending_messages_per_session)


def test_a_session_keeps_no_value_that_was_sent_or_shown(built: Any, visitor: httpx.Client) -> None:
    """Gradio keeps the last transcript, and a DeepL key, of every session for as long as it knows the session. Of the
    last calls a thread that waits for work may still hold what it did.
    """
    calls = 20
    for number in range(calls):
        body = {"data": [marked(), [{"kind": "rename", "person": "p1", "value": "Ada"}]], "session_hash": f"s{number}"}
        event = visitor.post("/gradio_api/call/edit", json=body).json()["event_id"]
        answer = visitor.get(f"/gradio_api/call/edit/{event}").text
        assert "event: complete" in answer
        assert sentence() in answer
    del body
    assert {f"s{number}" for number in range(calls)} <= set(built.state_holder.session_data)
    assert soon(lambda: len(kept()) < calls // 2), f"{len(kept())} copies of {calls} transcripts are kept"


def test_a_result_waits_for_a_caller_who_comes_late(built: Any, visitor: httpx.Client) -> None:
    event = visitor.post("/gradio_api/call/health", json={"data": []}).json()["event_id"]
    assert soon(lambda: built._queue.is_unfetched(event))
    assert event not in built.state_holder.session_data
    assert "event: complete" in visitor.get(f"/gradio_api/call/health/{event}").text
    assert soon(lambda: not built._queue.is_unfetched(event))
    assert event not in built._queue.pending_messages_per_session
    again = visitor.get(f"/gradio_api/call/health/{event}")
    assert again.status_code == 404
    assert "fetched already" in again.text


def test_a_result_that_nobody_fetches_is_forgotten_in_time(
    built: Any, visitor: httpx.Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    event = visitor.post("/gradio_api/call/health", json={"data": []}).json()["event_id"]
    assert soon(lambda: built._queue.is_unfetched(event))
    monkeypatch.setattr("pipeline.web.fair_queue.UNFETCHED_S", 0.0)
    sweep.sweep(Settings(cache_dir=tmp_path), built)  # nobody calls any more
    assert not built._queue.is_unfetched(event)
    assert event not in built._queue.pending_messages_per_session
