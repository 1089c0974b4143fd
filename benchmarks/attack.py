"""The page under attack: what hostile requests get, and what they cost an honest visitor.

    python -m benchmarks.attack [--seconds S] [--only ATTACK ...]

Starts app.py in a process and a temporary folder of its own on a free port of this machine, and has an honest visitor
draw a small clip again and again: alone, during an attack, alone again, and so on. Attackers and the visitor come from
different addresses, as a proxy would tell. Reported for every attack: statuses, the slowest answer, the visitor's time
against the one alone just before and after, and the largest memory against the idle one. The last line is one JSON
line.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import imageio_ffmpeg
import psutil

from pipeline.settings import Settings
from pipeline.web.routes import UPLOAD_OVERHEAD

ROOT = Path(__file__).parents[1]
SECONDS, WIDTH, HEIGHT = 4.0, 640, 360
LIMIT = Settings().max_file_bytes
META = {"_type": "gradio.FileData"}


@dataclass
class Seen:
    """What an attack got."""

    statuses: Counter[int] = field(default_factory=Counter)
    slowest_s: float = 0.0

    def ask(self, client: httpx.Client, method: str, path: str, **content: Any) -> httpx.Response | None:
        """Send a request and note its answer."""
        start = time.monotonic()
        try:
            answer = client.request(method, path, **content)
        except httpx.HTTPError:  # the server closed the connection
            self.statuses[0] += 1
            return None
        self.slowest_s = max(self.slowest_s, time.monotonic() - start)
        self.statuses[answer.status_code] += 1
        return answer


@dataclass
class Attacker:
    """One address, with an uploaded clip."""

    client: httpx.Client
    clip: Path
    given: dict[str, Any]


def transcript(phrases: int = 2, at_once: int = 1) -> dict[str, Any]:
    """Return a transcript of the clip."""
    groups = -(-phrases // at_once)
    step = SECONDS / groups

    def line(n: int) -> dict[str, Any]:
        start = round(n // at_once * step, 3)
        return {
            "id": n, "start": start, "end": round(start + step, 3), "person": "p1", "source": "Kto tu jest, i po co?",
            "translation": "Who is here, and why?", "words": [], "evidence": {"confidence": 1.0},
        }  # fmt: skip

    return {
        "version": 1,
        "media": {"duration": SECONDS, "width": WIDTH, "height": HEIGHT, "frame_rate": "25"},
        "language": "pl", "target_language": "EN-US", "models": {},
        "people": [
            {"id": "p1", "name": "Ada", "colour": "#2ee6ff", "face": False, "confidence": 1.0, "speaking_s": 1.0}
        ],
        "phrases": [line(n) for n in range(phrases)],
        "turns": [], "tracks": [{"person": "p1", "boxes": [[t, 90, 110, 210, 260] for t in (0.0, SECONDS)]}],
        "shots": [], "notices": [], "timings": {},
    }  # fmt: skip


def closed_routes(by: Attacker, seen: Seen) -> None:
    """Routes of Gradio's that nobody needs, and addresses in place of files."""
    film = by.clip.read_bytes()
    playlist = b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n"
    for video in (film, playlist):
        seen.ask(by.client, "POST", "/gradio_api/process_recording", files={"video": ("a.m3u8", video)})
    seen.ask(by.client, "GET", "/gradio_api/deep_link?session_hash=a")
    seen.ask(by.client, "GET", "/gradio_api/file=https://example.com/film.mp4")
    foreign = {"path": "https://example.com/film.mp4", "meta": META}
    seen.ask(by.client, "POST", "/gradio_api/call/v2/render", json={"video": foreign, "transcript": transcript()})
    seen.ask(
        by.client, "POST", "/gradio_api/call/health", json={"data": []}, headers={"origin": "https://evil.example"}
    )


def large_bodies(by: Attacker, seen: Seen) -> None:
    """28 MB to be parsed, 4 MB of a million lists, and an upload that does not end."""
    seen.ask(by.client, "POST", "/gradio_api/call/render", content=b'{"data":[' + b"0," * (14 * 2**20) + b"0]}")
    seen.ask(by.client, "POST", "/gradio_api/call/render", content=b'{"data":[' + b"[]," * 1_300_000 + b"0]}")


def endless_uploads(by: Attacker, seen: Seen) -> None:
    """An upload of unknown length that does not end. Its answer is timed from the first byte beyond the limit, which is
    the first that nobody may send.
    """
    head = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.mp4"\r\n\r\n'
    start = (
        f"POST /gradio_api/upload HTTP/1.1\r\nHost: {_host(by)[0]}\r\nTransfer-Encoding: chunked\r\n"
        f"X-Forwarded-For: {by.client.headers['x-forwarded-for']}\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\n\r\n"
    )
    block = b"100000\r\n" + b"x" * 2**20 + b"\r\n"
    with socket.create_connection(_host(by), timeout=30) as connection:
        connection.sendall(start.encode() + b"%x\r\n%b\r\n" % (len(head), head))
        over = 0.0
        for sent in range(3 * LIMIT // 2**20):
            if sent * 2**20 > LIMIT + UPLOAD_OVERHEAD:
                over = over or time.monotonic()
                if select.select([connection], [], [], 0)[0]:
                    break
            try:
                connection.sendall(block)
            except OSError:  # closed
                break
        try:
            status = int(connection.recv(200).split()[1])
        except (OSError, IndexError, ValueError):
            status = 0
        seen.statuses[status] += 1
        seen.slowest_s = max(seen.slowest_s, time.monotonic() - over)


def crowded_transcripts(by: Attacker, seen: Seen) -> None:
    """Two thousand phrases in a clip of seconds, and the most that is allowed, many times over."""
    for phrases, at_once in ((2_000, 2_000), (2_000, 1), (60, 16)):
        call = {"video": by.given, "transcript": transcript(phrases, at_once)}
        seen.ask(by.client, "POST", "/gradio_api/call/v2/render", json=call)


def many_calls(by: Attacker, seen: Seen) -> None:
    """Twenty-six calls at once."""

    def call() -> None:
        data = {"video": by.given, "transcript": transcript()}
        seen.ask(by.client, "POST", "/gradio_api/call/v2/render", json=data)

    _together([call] * 26)


def costly_edits(by: Attacker, seen: Seen) -> None:
    """As many edits as there may be, and more, in the largest transcript that five minutes may have."""
    found = transcript(2_400, 8)
    found["media"]["duration"] = 300.0
    for number, phrase in enumerate(found["phrases"]):
        phrase["start"] = round(number // 8, 3)
        phrase["end"] = phrase["start"] + 1.0
        phrase["source"] = phrase["translation"] = "Here I am."
    found["people"].append({**found["people"][0], "id": "p2"})
    lines = list(range(400))
    give = [{"kind": "give", "lines": lines, "value": f"p{1 + number % 2}"} for number in range(500)]
    replace = [{"kind": "replace", "find": "am", "value": "AM" if number % 2 else "am"} for number in range(500)]
    for edits in (give, give[:50], replace, replace[:8]):
        answer = seen.ask(by.client, "POST", "/gradio_api/call/v2/edit", json={"transcript": found, "edits": edits})
        if answer is not None and answer.status_code == 200:
            seen.ask(by.client, "GET", f"/gradio_api/call/edit/{answer.json()['event_id']}")


def heavy_files(by: Attacker, seen: Seen) -> None:
    """Transcripts and projects that are costly to read, chosen on the page eight times at once."""
    event = next(e for e in by.client.get("/config").json()["dependencies"] if e["api_name"] == "chosen")
    cue = b"1\n00:00:01,000 --> 00:00:02,000\n" + b"<i>a</i> {x} " * 60 + b"\n\n"
    shapes = {
        "a.json": b'{"phrases":[' + b"[]," * 2_600_000 + b"[]]}",
        "a.srt": cue * 4_900,
        "a.vtt": b"WEBVTT\n\n00:01.000 --> 00:02.000\n" + b"<" * 9_000 + b"\n",
    }  # fmt: skip
    given = [_upload(by.client, content, name) for name, content in shapes.items()]

    def choose(file: dict[str, Any]) -> None:
        body = {"fn_index": event["id"], "data": [file, None], "session_hash": "heavy"}
        seen.ask(by.client, "POST", "/gradio_api/run/predict", json=body)

    _together([lambda file=file: choose(file) for file in given * 3])  # type: ignore[misc]


def slow_heads(by: Attacker, seen: Seen) -> None:
    """Seven hundred connections whose request never comes."""
    open_ones = []
    for _ in range(700):
        with suppress(OSError):
            connection = socket.create_connection(_host(by), timeout=2)
            open_ones.append(connection)
            connection.sendall(b"POST /gradio_api/call/render HTTP/1.1\r\nHost: ")
    time.sleep(2)
    for connection in open_ones:
        connection.close()
    seen.statuses[0] += len(open_ones)


def malformed_events(by: Attacker, seen: Seen) -> None:
    """Events that do not exist, and data that do not fit."""
    for body in (b"{", b"[]", b'{"fn_index":12,"data":[1],"session_hash":"a"}', b'{"fn_index":999,"session_hash":"a"}'):
        for path in ("queue/join", "run/edit", "call/run", "call/v2/render"):
            seen.ask(by.client, "POST", f"/gradio_api/{path}", content=body)


def _host(by: Attacker) -> tuple[str, int]:
    url = by.client.base_url
    return url.host, url.port or 80


def flood(by: Attacker, seen: Seen) -> None:
    """Two hundred small requests as fast as they go."""
    for _ in range(200):
        seen.ask(by.client, "POST", "/gradio_api/call/health", json={"data": []})


def slow_bodies(by: Attacker, seen: Seen) -> None:
    """Fifty requests with a body of 3 MB that stops short of its end."""
    host, port = _host(by)
    head = (
        f"POST /gradio_api/call/render HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-For: "
        f"{by.client.headers['x-forwarded-for']}\r\n"
    )
    open_ones = []
    for _ in range(50):
        connection = socket.create_connection((host, port))
        connection.settimeout(2)
        open_ones.append(connection)
        try:
            connection.sendall(f"{head}Content-Length: 3200000\r\n\r\n".encode() + b"[" * 3_000_000)
        except OSError:  # refused meanwhile
            seen.statuses[429] += 1
    time.sleep(2)
    for connection in open_ones:
        connection.close()


ATTACKS: tuple[Callable[[Attacker, Seen], None], ...] = (
    closed_routes, large_bodies, endless_uploads, crowded_transcripts, many_calls, costly_edits, heavy_files,
    malformed_events, flood, slow_heads, slow_bodies,
)  # fmt: skip


def _together(calls: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def honest_render(client: httpx.Client, clip: Path) -> float:
    """Return the seconds from the upload to the drawn video."""
    start = time.monotonic()
    call = {"video": _upload(client, clip.read_bytes()), "transcript": transcript()}
    event = client.post("/gradio_api/call/v2/render", json=call).raise_for_status().json()["event_id"]
    text = client.get(f"/gradio_api/call/render/{event}").text
    assert "event: complete" in text, text[-500:]
    return time.monotonic() - start


def _upload(client: httpx.Client, content: bytes, name: str = "clip.mp4") -> dict[str, Any]:
    answer = client.post("/gradio_api/upload", files={"files": (name, content)}).raise_for_status()
    return {"path": answer.json()[0], "meta": META}


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    """The real page runs; gives its address and its process."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    temporary = folder / "tmp"
    temporary.mkdir()
    environment = {
        **os.environ, "TMPDIR": str(temporary), "GRADIO_SERVER_PORT": str(port), "SPEECHGLASS_MODELS": "light",
    }  # fmt: skip
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(1200):
            try:
                httpx.get(f"{url}/gradio_api/info", timeout=5).raise_for_status()
                break
            except httpx.HTTPError:
                assert process.poll() is None, (folder / "log.txt").read_text()
                time.sleep(0.2)
        yield url, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(30)


class Memory:
    """Follows how much memory a process has at most."""

    def __init__(self, process: psutil.Process) -> None:
        self._process, self.most, self._ended = process, 0, threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def _follow(self) -> None:
        while not self._ended.wait(0.05):
            self.most = max(self.most, self._process.memory_info().rss)

    def reset(self) -> int:
        """Return the bytes at most since the last call."""
        most, self.most = self.most, 0
        return most

    def close(self) -> None:
        """Stop following."""
        self._ended.set()
        self._thread.join()


def under(attack: Callable[[Attacker, Seen], None], url: str, clip: Path, seconds: float) -> tuple[Seen, list[float]]:
    """Return what the attack got, and the times of the honest renders during it."""
    seen, ended = Seen(), threading.Event()
    number = ATTACKS.index(attack) + 10
    with (
        httpx.Client(base_url=url, headers={"x-forwarded-for": f"198.51.100.{number}"}, timeout=120) as hostile,
        httpx.Client(base_url=url, headers={"x-forwarded-for": f"203.0.113.{number}"}, timeout=300) as honest,
    ):
        by = Attacker(hostile, clip, _upload(hostile, clip.read_bytes()))

        def again() -> None:
            while not ended.is_set():
                attack(by, seen)
                time.sleep(0.05)

        thread = threading.Thread(target=again)
        thread.start()
        times: list[float] = []
        until = time.monotonic() + seconds
        while not times or time.monotonic() < until:
            times.append(honest_render(honest, clip))
        ended.set()
        thread.join()
    return seen, times


def usual_times(url: str, clip: Path) -> list[float]:
    """Return the seconds of three honest renders while nothing is attacked."""
    with httpx.Client(base_url=url, timeout=300) as honest:
        return [honest_render(honest, clip) for _ in range(3)]


def main() -> None:
    """Print a table, and one JSON line."""
    parser = argparse.ArgumentParser(description="The page under attack.")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each attack")
    names = [attack.__name__ for attack in ATTACKS]
    parser.add_argument("--only", nargs="+", choices=names, default=names, help="these attacks")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = folder / "clip.mp4"
        subprocess.run(
            [
                imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-y", "-loglevel", "error", "-f", "lavfi",
                "-i", f"testsrc=s={WIDTH}x{HEIGHT}:r=25:d={SECONDS}", "-f", "lavfi", "-i", f"sine=d={SECONDS}",
                "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac", str(clip),
            ],
            check=True,
        )  # fmt: skip
        rows: dict[str, Any] = {}
        with served(folder) as (url, process):
            with httpx.Client(base_url=url, timeout=300) as honest:
                honest_render(honest, clip)
            alone = usual_times(url, clip)
            usual = statistics.median(alone)
            idle = process.memory_info().rss
            print(f"alone: {usual:.2f} s, {idle / 2**20:.0f} MB")
            memory = Memory(process)
            for attack in (attack for attack in ATTACKS if attack.__name__ in given.only):
                memory.reset()
                seen, times = under(attack, url, clip, given.seconds)
                before, alone = alone, usual_times(url, clip)
                usual = statistics.median(before + alone)  # other programs on this machine slow both down
                row = {
                    "statuses": dict(sorted(seen.statuses.items())),
                    "slowest_s": round(seen.slowest_s, 2),
                    "usual_s": round(usual, 2),
                    "honest_ratio": round(statistics.median(times) / usual, 2),
                    "memory_ratio": round(memory.reset() / idle, 2),
                }
                rows[attack.__name__] = row
                print(f"{attack.__name__:20} {row}", flush=True)
            memory.close()
            ffmpeg = [child.name() for child in process.children(recursive=True) if "ffmpeg" in child.name()]
            left = sum(file.stat().st_size for file in (folder / "tmp").rglob("*") if file.is_file())
            print(f"left before the sweep: {left / 2**20:.1f} MB of files, {len(ffmpeg)} ffmpeg")
        print(json.dumps({"usual_s": round(usual, 2), "idle_mb": round(idle / 2**20), "attacks": rows}))


if __name__ == "__main__":
    main()
