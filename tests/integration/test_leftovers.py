"""Nothing stays of any request, whether it ended or was broken off: real requests to the real server."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from pipeline import project, style, transcript
from pipeline.records import Look
from tests import fakes
from tests.fixtures_attack import FILE, Server, attacked, result_of, soon, upload

pytestmark = pytest.mark.alone


def test_nothing_stays_of_any_request_whether_it_ended_or_was_broken_off(tmp_path: Path) -> None:
    """Every kind of request, half of them to the end and half broken off; then the folders are as they were."""
    clip = fakes.make_clip(tmp_path / "clip.mp4")
    (tmp_path / "server").mkdir()
    with attacked(tmp_path / "server", keep_s=15.0) as server:
        files = kept(server)
        for round_ in range(2):
            for end in (True, False):
                with server.client(f"203.0.113.{60 + round_ + 10 * end}") as visitor:
                    _every_endpoint(server, visitor, clip, end)
                with server.client(f"203.0.113.{90 + round_ + 10 * end}") as visitor:
                    _every_event_of_the_page(visitor, clip, end)
            if round_ == 0:  # by now everything is loaded, and the agents' connection is open
                assert soon(lambda: server.files() <= files, 40), sorted(server.files() - files)
                descriptors, threads = server.process.num_fds(), server.process.num_threads()
        assert soon(lambda: not [d for d in server.folders() if d.name.startswith("job-")], 90)
        assert soon(lambda: server.files() <= files, 40), sorted(server.files() - files)
        assert soon(lambda: not empty_folders(server), 90), empty_folders(server)
        assert soon(lambda: server.process.num_fds() <= descriptors, 90)
        assert server.process.num_threads() <= threads + 8
        assert not [p for p in server.process.children(recursive=True) if "ffmpeg" in p.name()]


def record() -> dict[str, Any]:
    """The transcript of the clip."""
    found: dict[str, Any] = json.loads(transcript.to_json(fakes.analysis()))
    return found


def kept(server: Server) -> set[Path]:
    """The files of the page's example: they are the page's own."""
    page = httpx.get(server.url + "/config", timeout=30).text
    return {path for path in server.files() if path.name in page}


def empty_folders(server: Server) -> set[Path]:
    """The folders of files for the page in which nothing is."""
    full = {folder for file in server.files() for folder in file.parents}
    served = {folder for folder in server.folders() if folder.parent.name == "served"}
    return {folder for folder in served if not folder.name.startswith("example-")} - full


# --- by name ----------------------------------------------------------------------------------------------------------


def _every_endpoint(server: Server, visitor: httpx.Client, clip: Path, to_the_end: bool) -> None:
    """Call every endpoint, send an agent's clip and a recording, and open a session's stream; to the end, or broken off."""
    told = {"transcript": record()}
    target = {"target_language": "EN-US"}
    calls: tuple[tuple[str, dict[str, Any]], ...] = (
        ("translate_video", {}), ("transcribe", {}), ("render", told), ("preview", told), ("edit", {**told, "edits": []}),
        ("retranslate", told | target), ("import", {}), ("transcribe", {"address": "https://example.com/film.mp4"}),
    )  # fmt: skip
    for name, more in calls:
        parameters = dict(more)  # files are uploaded just before the call: the sweep removes them after 15 s
        if name != "edit" and "address" not in more:
            parameters["video"] = upload(visitor, clip)
        if name == "import":
            parameters["transcript_file"] = _uploaded(visitor, "a.json", json.dumps(record()))
            parameters["turns_file"] = _uploaded(visitor, *RTTM)
        if to_the_end:
            assert result_of(visitor, name, **parameters)[0] == "complete", name
            continue
        event = visitor.post(f"/gradio_api/call/v2/{name}", json=parameters).json()["event_id"]
        with visitor.stream("GET", f"/gradio_api/call/{name}/{event}") as stream:
            next(stream.iter_lines())
    if to_the_end:
        assert "error" not in _agent(visitor, clip, 60)[:200]
    else:
        assert visitor.post("/gradio_api/upload", files={"files": ("a.mp4", b"x" * (9 * 2**20))}).status_code == 413
        with pytest.raises(httpx.TimeoutException):
            _agent(visitor, clip, 0.3)
        _break_off(server, b"POST /gradio_api/upload HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=b", True)
        _break_off(server, b"POST /gradio_api/call/render HTTP/1.1\r\nContent-Type: application/json", False)
    for path in ("/gradio_api/heartbeat/abc", "/gradio_api/queue/data?session_hash=abc"):
        with visitor.stream("GET", path) as stream:
            stream.read() if stream.status_code != 200 else next(stream.iter_raw(), b"")
    visitor.post("/gradio_api/process_recording", files={"video": ("a.mp4", clip.read_bytes())})
    visitor.get("/gradio_api/deep_link?session_hash=abc")


RTTM = ("a.rttm", "SPEAKER a 1 0.4 1.6 <NA> <NA> ada <NA> <NA>\n")


def _uploaded(visitor: httpx.Client, name: str, text: str) -> dict[str, Any]:
    answer = visitor.post("/gradio_api/upload", files={"files": (name, text.encode())})
    answer.raise_for_status()
    return {"path": answer.json()[0], "orig_name": name, "meta": FILE}


def _agent(visitor: httpx.Client, clip: Path, seconds: float) -> str:
    """Have an agent's tool transcribe a clip that is sent as text."""
    data = "data:video/mp4;base64," + base64.b64encode(clip.read_bytes()).decode()
    call = {"name": "transcribe", "arguments": {"video": data}}
    answer = visitor.post(
        "/gradio_api/mcp/",
        json={"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call},
        headers={"accept": "application/json, text/event-stream"},
        timeout=seconds,
    )
    return answer.text


def _break_off(server: Server, head: bytes, is_upload: bool) -> None:
    """Send half a request and hang up."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        body = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.mp4"\r\n\r\n' if is_upload else b'{"d'
        connection.sendall(head + b"\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\n\r\n" + body + b"x" * 300_000)


# --- as the page ------------------------------------------------------------------------------------------------------


@dataclass
class Page:
    """A page that is open in a browser.

    `fields` upload the files of its fields, by element id; just before each event, since the sweep removes them after
    15 s.
    """

    visitor: httpx.Client
    session: str
    fields: dict[str, Callable[[], Any]]

    def __post_init__(self) -> None:
        config = self.visitor.get("/config").json()
        self.components = {one["id"]: one for one in config["components"]}
        self.events = [
            one for one in config["dependencies"] if one["backend_fn"] and one["api_visibility"] == "private"
        ]

    def named(self, name: str) -> dict[str, Any]:
        """The event of that function."""
        return next(event for event in self.events if event["api_name"] == name)

    def body(self, event: dict[str, Any], **values: Any) -> dict[str, Any]:
        """What the page sends for an event; `values` are of inputs, by their place in it."""
        data = [self._value(self.components[number]) for number in event["inputs"]]
        for place, value in values.items():
            data[int(place.removeprefix("at"))] = value
        told = {"kind": "rename", "person": "p1", "value": "Ada Lovelace", "phrase": 1, "x": 0.5, "y": 0.5}
        return {"fn_index": event["id"], "data": data, "session_hash": self.session, "event_data": told}

    def _value(self, component: dict[str, Any]) -> Any:
        props = component["props"]
        if component["type"] in ("html", "button", "browserstate", "state"):
            return None
        if component["type"] == "file":
            return self.fields.get(props.get("elem_id"), lambda: None)()
        return props.get("value")

    def answer(self, event: dict[str, Any], **values: Any) -> list[Any]:
        """What an event answers, whether it passes through the queue or beside it."""
        body = self.body(event, **values)
        if not event["queue"]:
            answer = self.visitor.post("/gradio_api/run/predict", json=body)
            assert answer.status_code == 200, (event["api_name"], answer.text)
            found: list[Any] = answer.json()["data"]
            return found
        said = self._followed(body, "process_completed")
        assert said["success"], (event["api_name"], said)
        return list(said["output"]["data"])

    def break_off(self, event: dict[str, Any], **values: Any) -> None:
        """Begin an event, and go away in the middle."""
        body = self.body(event, **values)
        if event["queue"]:
            self._followed(body, "process_starts")
            self.visitor.post("/gradio_api/queue/join", json=body)  # and one whose stream nobody opens
            return
        try:
            self.visitor.post("/gradio_api/run/predict", json=body, timeout=httpx.Timeout(60, read=0.001))
        except httpx.ReadTimeout:
            return

    def _followed(self, body: dict[str, Any], until: str) -> dict[str, Any]:
        joined = self.visitor.post("/gradio_api/queue/join", json=body).raise_for_status().json()["event_id"]
        with self.visitor.stream("GET", f"/gradio_api/queue/data?session_hash={self.session}") as stream:
            for line in stream.iter_lines():
                said: dict[str, Any] = json.loads(line.removeprefix("data:") or "{}") if line else {}
                if said.get("msg") == until and said.get("event_id") == joined:
                    return said
        raise AssertionError(f"the stream ended without {until}")


def _every_event_of_the_page(visitor: httpx.Client, clip: Path, to_the_end: bool) -> None:
    """Every event, and a run that is followed; to the end, or broken off."""
    own = project.to_json(project.Project(fakes.analysis(), Look(), "clip"))
    page = Page(
        visitor,
        f"page{to_the_end}",
        {
            "clip": lambda: upload(visitor, clip),
            "brought": lambda: _uploaded(visitor, "a.json", own),
            "turns": lambda: _uploaded(visitor, *RTTM),
            "style-file": lambda: _uploaded(visitor, "style.json", style.to_json(Look("bars"))),
        },
    )
    assert len(page.events) > 20
    if not to_the_end:
        for event in page.events:
            page.break_off(event)
        running = _running(page)
        page.break_off(page.named("follow"), at0=running)
        return
    answers = {event["api_name"]: json.dumps(page.answer(event)) for event in page.events}
    assert "4 lines by 3 people" in answers["chosen"]
    assert "The project is open" in answers["open"]
    assert "The style is loaded" in answers["opened"]
    assert "Ada Lovelace" in answers["correct"]
    assert "data:image/jpeg" in answers["drawn"]
    last = json.dumps(page.answer(page.named("follow"), at0=_running(page)))
    assert "download-video" in last


def _running(page: Page) -> str:
    """Begin a run; return its token."""
    begin = page.named("begin")
    answer = page.answer(begin)
    token = answer[begin["outputs"].index(begin["inputs"][0])]
    assert isinstance(token, str), answer
    assert token, answer
    return token
