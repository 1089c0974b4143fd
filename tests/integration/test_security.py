"""The page as a hostile visitor meets it: real requests to the real server."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from pipeline import transcript
from tests import fakes
from tests.fixtures_attack import FILE, Server, attacked, result_of, soon, upload
from tests.fixtures_web import ROOT

pytestmark = pytest.mark.alone


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with attacked(tmp_path_factory.mktemp("attacked")) as running:
        yield running


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fakes.make_clip(tmp_path_factory.mktemp("clips") / "clip.mp4")


@pytest.fixture
def client(server: Server, request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    """A visitor of their own for every test, so that no test uses up another's share."""
    number = abs(hash(request.node.name)) % 65_000
    with server.client(f"198.18.{number // 256}.{number % 256}") as visitor:
        yield visitor


def record() -> dict[str, Any]:
    """The transcript of the clip."""
    return json.loads(transcript.to_json(fakes.analysis()))


def test_what_the_page_needs_is_open(client: httpx.Client) -> None:
    paths = ["/", "/config", "/gradio_api/info", "/gradio_api/openapi.json", "/gradio_api/mcp/schema", "/robots.txt"]
    assert {path: client.get(path).status_code for path in paths} == dict.fromkeys(paths, 200)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/gradio_api/process_recording"),
        ("POST", "/gradio_api/process_recording/"),
        ("POST", "//gradio_api/process_recording"),
        ("POST", "/gradio_api/%70rocess_recording"),
        ("GET", "/gradio_api/deep_link?session_hash=abc"),
        ("GET", "/gradio_api/file=https://example.com/film.mp4"),
        ("GET", "/gradio_api/file=HTTPS:%2F%2Fexample.com/film.mp4"),
        ("GET", "/gradio_api/file=file:///etc/hostname"),
        ("GET", "/gradio_api/file/etc/hostname"),
        ("GET", "/gradio_api/proxy=https://example.hf.space/film.mp4"),
        ("GET", "/gradio_api/stream/a/b/c/playlist.m3u8"),
        ("POST", "/gradio_api/stream/abc"),
        ("POST", "/gradio_api/component_server"),
        ("POST", "/gradio_api/vibe-code"),
        ("POST", "/gradio_api/api/translate_video"),
        ("GET", "/gradio_api/runs"),
        ("GET", "/gradio_api/custom_component/1/client/component/x.js"),
        ("GET", "/monitoring/summary"),
        ("GET", "/docs"),
        ("POST", "/login"),
        ("GET", "/dev/reload"),
        ("DELETE", "/"),
        ("PUT", "/gradio_api/upload"),
    ],
)
def test_what_nobody_needs_is_not_there(client: httpx.Client, method: str, path: str) -> None:
    answer = client.request(method, path, files={"video": ("a.mp4", b"x")} if method == "POST" else None)
    assert answer.status_code == 404
    assert "Traceback" not in answer.text


def test_a_file_that_is_an_address_is_refused_and_never_fetched(client: httpx.Client) -> None:
    """Also deep inside a value of another kind, and however it is written."""
    fetched: list[Any] = []
    with _listening(fetched) as address:
        for path in (f"http://{address}/film.mp4", f"HTTP://{address}/film.mp4"):
            given = {"path": path, "meta": FILE}
            for deep in (given, {"a": [given]}):
                answer = client.post("/gradio_api/call/transcribe", json={"data": [deep]})
                assert "cannot be an address" in answer.text
                assert answer.status_code == 422
            named = client.post("/gradio_api/call/v2/transcribe", json={"video": given})
            assert named.status_code == 422
        body = b'{"data":[{"p\\u0061th":"http:\\/\\/%s/film.mp4","meta":{"_type":"gradio.FileData"}},"none","",0,"","default",""]}'
        answer = client.post("/gradio_api/call/transcribe", content=body % address.encode())
        assert answer.status_code == 422
    assert not fetched


class _listening:
    """A server that notes who calls."""

    def __init__(self, calls: list[Any]) -> None:
        self.calls, self.socket = calls, socket.create_server(("127.0.0.1", 0))

    def __enter__(self) -> str:
        def work() -> None:
            while True:
                try:
                    connection, _ = self.socket.accept()
                except OSError:
                    return
                self.calls.append(connection.recv(200))
                connection.close()

        threading.Thread(target=work, daemon=True).start()
        return f"127.0.0.1:{self.socket.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1.evil.example", "http://[::"])
def test_a_request_that_another_site_makes_a_browser_send_is_refused(
    client: httpx.Client, clip: Path, origin: str
) -> None:
    headers = {"origin": origin}
    assert client.post("/gradio_api/call/health", json={"data": []}, headers=headers).status_code == 403
    upload = client.post("/gradio_api/upload", files={"files": ("a.mp4", clip.read_bytes())}, headers=headers)
    assert upload.status_code == 403
    own = {"origin": str(client.base_url).rstrip("/")}
    assert client.post("/gradio_api/call/health", json={"data": []}, headers=own).status_code == 200


def test_a_name_that_is_not_ours_is_refused(client: httpx.Client) -> None:
    """A site whose name leads to this machine: the browser takes both for one origin."""
    headers = {"host": "rebound.example:7860", "origin": "http://rebound.example:7860"}
    assert client.post("/gradio_api/call/health", json={"data": []}, headers=headers).status_code == 421
    assert client.get("/", headers=headers).status_code == 200  # a platform asks by address whether we live


@pytest.mark.parametrize("path", ["call/render", "queue/join", "run/edit", "cancel", "mcp/", "call/v2/render"])
def test_a_large_body_is_refused_before_it_is_parsed(server: Server, client: httpx.Client, path: str) -> None:
    before = server.memory()
    answer = client.post(f"/gradio_api/{path}", content=b'{"data":[' + b"0," * (14 * 2**20) + b"0]}")
    assert answer.status_code == 413
    assert server.memory() - before < 40 * 2**20


def test_a_large_body_of_unknown_length_is_refused_while_it_arrives(server: Server, client: httpx.Client) -> None:
    sent = []

    def body() -> Iterator[bytes]:
        for _ in range(28):
            sent.append(1)
            yield b"[" * 2**20

    assert client.post("/gradio_api/call/render", content=body()).status_code == 413


def test_a_small_body_of_many_values_is_refused(client: httpx.Client) -> None:
    for body in (b'{"data":[' + b"[]," * 1_000_000 + b"0]}", b'{"data":' + b"[" * 100_000):
        assert client.post("/gradio_api/call/render", content=body).status_code in (400, 413)


def test_an_upload_over_the_limit_is_refused_while_it_arrives(client: httpx.Client) -> None:
    """With its length told, and without."""
    head = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.mp4"\r\n\r\n'
    kind = {"content-type": "multipart/form-data; boundary=b"}

    def body() -> Iterator[bytes]:
        yield head
        for _ in range(12):
            yield b"x" * 2**20

    assert client.post("/gradio_api/upload", content=body(), headers=kind).status_code == 413
    told = client.post("/gradio_api/upload", content=head + b"x" * (9 * 2**20), headers=kind)
    assert told.status_code == 413


def test_nothing_is_written_of_an_upload_that_is_refused_or_broken_off(server: Server, client: httpx.Client) -> None:
    """At once, not only when it is swept: an address could fill the disk meanwhile."""
    before = server.files()
    head = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.mp4"\r\n\r\n'
    kind = {"content-type": "multipart/form-data; boundary=b"}

    def body() -> Iterator[bytes]:
        yield head
        for _ in range(12):
            yield b"x" * 2**20

    assert client.post("/gradio_api/upload", content=body(), headers=kind).status_code == 413
    assert server.files() == before
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(b"POST /gradio_api/upload HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=b")
        connection.sendall(b"\r\nHost: 127.0.0.1\r\nContent-Length: 5000000\r\n\r\n" + head + b"x" * 3_000_000)
        assert soon(lambda: bool(server.files() - before))
    assert soon(lambda: server.files() == before)


def test_one_address_cannot_fill_the_disk(server: Server) -> None:
    with server.client("198.51.100.31") as greedy, server.client("203.0.113.31") as honest:
        film = {"files": ("a.mp4", b"x" * (7 * 2**20))}
        answers = [greedy.post("/gradio_api/upload", files=film).status_code for _ in range(12)]
        assert answers[0] == 200
        assert answers[-1] == 429
        assert honest.post("/gradio_api/upload", files=film).status_code == 200


def test_an_upload_of_fields_or_of_many_parts_is_refused(client: httpx.Client) -> None:
    """Gradio keeps what is no file in memory."""
    assert client.post("/gradio_api/upload", files={"files": (None, b"x" * 2**20)}).status_code == 400
    many = [("files", (f"{n}.mp4", b"x")) for n in range(50)]
    assert client.post("/gradio_api/upload", files=many).status_code == 400
    assert client.post("/gradio_api/upload", content=b"x", headers={"content-type": "text/plain"}).status_code == 400
    broken = {"content-type": "multipart/form-data; boundary=b"}
    assert client.post("/gradio_api/upload", content=b"no parts", headers=broken).status_code == 400


def test_no_event_of_the_page_can_be_called_by_name(server: Server, client: httpx.Client) -> None:
    events = client.get("/config").json()["dependencies"]
    private = {event["api_name"] for event in events if event["api_visibility"] != "public"}
    assert {"begin", "begin_redraw", "restore", "follow", "correct", "undo", "key_typed", "stop", "chosen"} <= private
    for number, name in enumerate([*sorted(private), "no_such_event"], 1):
        with server.client(f"198.19.1.{number}") as visitor:
            for way in ("call", "run", "call/v2"):
                answer = visitor.post(f"/gradio_api/{way}/{name}", json={"data": []})
                assert answer.status_code == 404, f"{way}/{name}: {answer.text}"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b'{"data":{}}',
        b'{"data":[]}',
        b'{"fn_index":0,"data":[]}',
        b'{"fn_index":99999,"data":[],"session_hash":"a"}',
        b'{"fn_index":true,"data":[],"session_hash":"a"}',
        b'{"fn_index":"0","data":[],"session_hash":"a"}',
        b'{"data":[1e999]}',
        b'{"data":["\\ud800"]}',
    ],
)
@pytest.mark.parametrize("path", ["queue/join", "run/edit", "call/health"])
def test_a_malformed_event_is_refused_in_a_sentence(
    server: Server, client: httpx.Client, path: str, body: bytes
) -> None:
    before = server.log.stat().st_size
    answer = client.post(f"/gradio_api/{path}", content=body, headers={"content-type": "application/json"})
    if path == "call/health" and b'"data":[]' in body:
        assert answer.status_code == 200  # by name it is well formed, whatever else it says
        return
    assert 400 <= answer.status_code < 500
    assert answer.json()["detail"]
    assert "Traceback" not in server.log.read_text()[before:]


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"data": [None, "time"]}, "a list of 3 values"),
        ({"session_hash": {"a": 1}}, "session hash is missing"),
        ({"session_hash": "a" * 1000}, "at most 64"),
        ({"session_hash": "../a"}, "at most 64"),
        ({"data": [None, 7, "time"]}, "Value 1 does not fit"),
        ({"data": [None, "", "nonsense"]}, "Value 2 does not fit"),
        ({"event_data": [1, 2]}, "an object"),
        ({"event_data": "edit"}, "an object"),
        ({"trigger_id": "x"}, "no such trigger"),
        ({"trigger_id": True}, "no such trigger"),
        ({"trigger_id": 10**6}, "no such trigger"),
    ],
)
@pytest.mark.parametrize("path", ["queue/join", "run/predict"])
def test_a_malformed_event_of_the_page_is_refused_for_what_is_wrong_with_it(
    server: Server, client: httpx.Client, path: str, changed: dict[str, Any], sentence: str
) -> None:
    before = server.log.stat().st_size
    number, data = _correct(client)
    whole = {"fn_index": number, "data": data, "session_hash": "abc", "event_data": {"kind": "name"}}
    answer = client.post(f"/gradio_api/{path}", json={**whole, **changed})
    assert answer.status_code == 422
    assert sentence in answer.json()["detail"]
    assert "Traceback" not in server.log.read_text()[before:]


def _correct(client: httpx.Client) -> tuple[int, list[Any]]:
    """The number of the event that corrects a result, and the values the page sends with it."""
    config = client.get("/config").json()
    event = next(d for d in config["dependencies"] if d["api_name"] == "correct")
    kinds = {block["id"]: block["type"] for block in config["components"]}
    return event["id"], [{"radio": "time", "textbox": ""}.get(kinds[number]) for number in event["inputs"]]


def test_an_edit_with_a_very_long_text_is_refused_before_it_is_read(client: httpx.Client) -> None:
    """The same edit with a short text is made, so it is the text that is refused."""
    number, data = _correct(client)

    def edit(value: str) -> httpx.Response:
        told = {"kind": "rename", "person": "p1", "value": value}
        body = {"fn_index": number, "data": data, "session_hash": "abc", "event_data": told}
        return client.post("/gradio_api/run/predict", json=body)

    short = edit("Ada Lovelace")
    assert short.status_code == 200, short.text
    assert "Ada Lovelace" in short.text
    for length in (3_000_000, 20_001):
        refused = edit("x" * length)
        assert refused.status_code == 422
        assert "at most 20000 characters" in refused.text
    named = edit("x" * 10_000)
    assert named.status_code == 200
    assert "at most 40 characters" in named.text


def test_a_named_call_without_its_parameters_or_with_others_is_refused(client: httpx.Client) -> None:
    assert client.post("/gradio_api/call/v2/transcribe", json={}).status_code == 422
    assert client.post("/gradio_api/call/v2/health", json={"what": 1}).status_code == 422


@pytest.mark.parametrize("kind", ["phrases", "boxes", "tracks", "shots", "turns", "words", "characters", "one time"])
def test_a_transcript_with_more_than_its_clip_can_hold_is_refused(client: httpx.Client, clip: Path, kind: str) -> None:
    found = record()
    phrase = found["phrases"][0]
    if kind == "phrases":
        found["phrases"] = [{**phrase, "id": n, "words": [], "start": n * 0.003, "end": n * 0.003} for n in range(2000)]
    elif kind == "one time":
        found["phrases"] = [{**phrase, "id": n, "words": []} for n in range(17)]
    elif kind == "words":
        phrase["words"] = [phrase["words"][0]] * 1900
    elif kind == "characters":
        phrase["translation"] = "x" * 15_000
    elif kind == "boxes":
        found["tracks"] = [{"person": "p1", "boxes": [[0.0, 1, 1, 9, 9]] * 20_000}]
    elif kind == "tracks":
        found["tracks"] = [{"person": "p1", "boxes": [[0.0, 1, 1, 9, 9]]}] * 2_000
    elif kind == "shots":
        found["shots"] = [[0.0, 1.0]] * 1_000
    else:
        found["turns"] = [{"start": 0.0, "end": 1.0, "person": "p1"}] * 1_000
    given = upload(client, clip)
    answer = client.post("/gradio_api/call/v2/render", json={"video": given, "transcript": found})
    assert answer.status_code == 422
    assert kind in answer.text
    if kind == "one time":
        return
    found["media"]["duration"] = 3600.0  # a longer clip could hold it, but this is another one
    event, said = result_of(client, "render", video=given, transcript=found)
    assert event == "error"
    assert "not the clip" in json.dumps(said)


def test_a_render_stops_with_its_client(server: Server, client: httpx.Client, tmp_path: Path) -> None:
    """The largest transcript that a minute may have is laid out, sixteen lines at a time; the client goes. All of it would
    take a minute or more."""
    clip = fakes.make_clip(tmp_path / "minute.mp4", seconds=60)
    given, found = upload(client, clip), record()
    found["media"]["duration"] = 60.0
    phrase = {**found["phrases"][0], "words": [], "source": "a b c d e f g ", "translation": "x y z " * 3}
    found["phrases"] = [
        {**phrase, "id": n, "person": f"p{1 + n % 3}", "start": n // 16 * 1.8, "end": (n // 16 + 1) * 1.8}
        for n in range(520)
    ]
    before = {p.pid for p in server.process.children(recursive=True)}
    body = {"video": given, "transcript": found}
    event = client.post("/gradio_api/call/v2/render", json=body).json()["event_id"]
    with client.stream("GET", f"/gradio_api/call/render/{event}") as stream:
        lines = stream.iter_lines()
        assert soon(lambda: bool(next(lines)) and bool(list(server.folder.rglob("job-*"))))
        drawing = {p.name() for p in server.process.children(recursive=True) if p.pid not in before}
        assert not drawing, "the layout is over already"
    assert soon(lambda: not list(server.folder.rglob("job-*")))
    assert soon(lambda: not {p.pid for p in server.process.children(recursive=True)} - before)
    assert soon(lambda: busy(server) < 0.2), "something is still being computed"


def busy(server: Server, seconds: float = 0.5) -> float:
    """Return the share of one processor that the server uses now, its children included."""
    start = server.processor_s()
    time.sleep(seconds)
    return (server.processor_s() - start) / seconds


def test_two_visitors_with_the_identical_clip_share_nothing(server: Server, clip: Path) -> None:
    """Not the name of the upload, by which its folder could be asked for other names and its findings found in the caches."""
    with server.client("198.51.100.21") as first, server.client("203.0.113.21") as second:
        paths = {upload(visitor, clip)["path"] for visitor in (first, second, second)}
        assert len({Path(path).parent for path in paths}) == 3
        other = str(Path(paths.pop()).with_name("other.mp4"))
        assert second.get(f"/gradio_api/file={other}").status_code in (403, 404)


def test_one_visitor_cannot_take_the_whole_queue(server: Server, clip: Path) -> None:
    """Twenty-six calls at once from one address; then somebody else comes."""
    with server.client("198.51.100.7") as greedy, server.client("203.0.113.9") as honest:
        given = upload(greedy, clip)
        answers: list[int] = []

        def call() -> None:
            answers.append(greedy.post("/gradio_api/call/v2/transcribe", json={"video": given}).status_code)

        threads = [threading.Thread(target=call) for _ in range(26)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers.count(429) >= 26 - 8 - 4  # some ended meanwhile
        assert set(answers) == {200, 429}
        assert result_of(honest, "health")[0] == "complete"
        assert result_of(greedy, "health")[0] == "complete"  # a check needs no place
        assert result_of(honest, "render", video=upload(honest, clip), transcript=record())[0] == "complete"


def test_a_job_that_nobody_listens_to_does_not_start(server: Server, client: httpx.Client, clip: Path) -> None:
    given = upload(client, clip)
    before = set(server.folder.rglob("job-*"))
    event = client.post("/gradio_api/call/v2/transcribe", json={"video": given}).json()["event_id"]
    assert not soon(lambda: bool(set(server.folder.rglob("job-*")) - before), 2)
    with client.stream("GET", f"/gradio_api/call/transcribe/{event}") as stream:
        assert any("complete" in line for line in stream.iter_lines())


def test_a_flood_of_requests_is_slowed_down_for_its_sender_alone(server: Server) -> None:
    with server.client("198.51.100.77") as flood, server.client("203.0.113.99") as honest:
        answers = [flood.post("/gradio_api/cancel", json={}).status_code for _ in range(80)]
        assert answers[0] == 422
        assert answers[-1] == 429
        assert honest.post("/gradio_api/call/health", json={"data": []}).status_code == 200


def test_the_private_folder_is_known_before_gradio_is_imported() -> None:
    """Gradio reads its temporary folder when it is imported; app.py makes ours before, without torch or Gradio."""
    code = (
        "import sys, pipeline.web.jobs; assert not {'gradio', 'torch', 'spaces'} & set(sys.modules);"
        "import os, app, gradio.mcp, gradio.route_utils as r; from pathlib import Path;"
        "folder = os.environ['GRADIO_TEMP_DIR'];"
        "assert folder == gradio.mcp.DEFAULT_TEMP_DIR == r.DEFAULT_TEMP_DIR, gradio.mcp.DEFAULT_TEMP_DIR;"
        "assert Path(folder).parent.stat().st_mode & 0o077 == 0"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
