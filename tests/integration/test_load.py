"""Many at once, and many after each other: nobody's result is another's, and nothing grows."""

from __future__ import annotations

import gc
import tempfile
import threading
from pathlib import Path

import psutil
import pytest

from pipeline import results
from pipeline.options import Options
from pipeline.records import Look
from pipeline.settings import Settings
from tests import fakes
from tests.fixtures_runs import finish, open_files, quick_models, small_clip

pytestmark = pytest.mark.alone

RUNS, REQUESTS = 50, 20
MB = 2**20


def resident() -> int:
    """Bytes of this process in memory."""
    gc.collect()
    return psutil.Process().memory_info().rss


def test_fifty_runs_in_one_process_leave_it_as_it_was(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Measured after ten runs, when every font, sprite and library is there: 40 more may add 8 MB (one 160 x 90 clip is
    1 MB of frames, so a leak of frames would add 40), no open file and no thread."""
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    clips = [small_clip(tmp_path / f"{tone}.mp4", seconds=1.0, tone=tone) for tone in (330, 440, 550)]
    looks = [Look(name, texts=texts) for name in ("cyberpunk", "classic", "bars") for texts in ("morph", "both")]
    seen: list[tuple[int, int, int]] = []
    for number in range(RUNS):
        out = tmp_path / f"out{number % 2}"
        options = Options(("PL", "DE", "EN-US")[number % 3], speakers=1 + number % 2)
        finish(results.process(clips[number % 3], options, looks[number % 6], out, settings, quick_models()))
        if number in (9, 19, 29, 39, RUNS - 1):
            seen.append((resident(), open_files(), threading.active_count()))
    grown = (seen[-1][0] - seen[0][0]) / MB
    print(f"\n{RUNS} runs: memory {seen[0][0] / MB:.0f} MB after 10 and {grown:+.1f} MB after {RUNS}, "
          f"open files {seen[0][1]} and {seen[-1][1]}, threads {seen[0][2]} and {seen[-1][2]}")  # fmt: skip
    assert grown < 8
    assert len({files for _, files, _ in seen}) == 1
    assert len({threads for _, _, threads in seen}) == 1
    assert not psutil.Process().children()
    assert list((tmp_path / "scratch").iterdir()) == []


def test_twenty_requests_at_once_are_answered_or_refused_and_never_mixed_up(tmp_path: Path) -> None:
    """Five visitors with four clips each, of twenty colours, on a page that runs one at a time."""
    pytest.importorskip("gradio_client")
    from gradio_client import Client, handle_file

    from pipeline.web import jobs
    from tests.fixtures_web import PATIENT, served

    colours = [f"#{(i % 5) * 60 + 8:02x}{(i // 5) * 60 + 8:02x}40" for i in range(REQUESTS)]
    clips = [fakes.make_clip(tmp_path / f"{i}.mp4", seconds=1.0, marker=colour) for i, colour in enumerate(colours)]
    markers = [fakes._marker(clip) for clip in clips]
    assert len(set(markers)) == REQUESTS
    answers: dict[int, str] = {}

    with served(fakes.services(tmp_path, steps=1)) as url:
        clients = [
            Client(
                url,
                download_files=str(tmp_path / f"downloads{i}"),
                verbose=False,
                headers={"x-forwarded-for": f"203.0.113.{i + 1}"},
                httpx_kwargs=dict(PATIENT),
            )
            for i in range(5)
        ]
        before = resident()
        peak = [before]

        def visit(number: int) -> None:
            try:
                video, _, transcript = clients[number % 5].predict(
                    video=handle_file(str(clips[number])), target_language="EN-US", api_name="/translate_video"
                )
                name = transcript["people"][0]["name"].removeprefix("Speaker ")
                right = name == markers[number] and fakes._marker(Path(video)) == markers[number]
                answers[number] = "answered" if right else f"got another's: {name}"
            except Exception as error:
                answers[number] = str(error)
            peak.append(psutil.Process().memory_info().rss)

        visitors = [threading.Thread(target=visit, args=(n,)) for n in range(REQUESTS)]
        for visitor in visitors:
            visitor.start()
        for visitor in visitors:
            visitor.join(timeout=240)
        assert len(answers) == REQUESTS, "some were neither answered nor refused"
        refused = {n: said for n, said in answers.items() if said != "answered"}
        grown = (max(peak) - before) / MB
        print(
            f"\n{REQUESTS} at once: {REQUESTS - len(refused)} answered, {len(refused)} refused, {grown:+.0f} MB at most"
        )
        assert all("queue is full" in said.lower() for said in refused.values()), refused
        assert len(answers) - len(refused) >= 8  # the queue's length and who runs
        assert grown < 200
        clip = handle_file(str(clips[0]))
        assert clients[0].predict(video=clip, api_name="/transcribe")  # and the next one is served
    assert not fakes.OPEN
    assert not list(jobs.root().glob("job-*"))
