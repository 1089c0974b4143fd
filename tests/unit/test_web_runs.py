"""What the page's events and the named endpoints do, without a browser or a server."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import gradio as gr
import pytest

from pipeline.cache import StageCache
from pipeline.errors import UsageError
from pipeline.records import Look, Progress, Stage
from pipeline.settings import Settings
from pipeline.web import calls, intake, jobs, limits, runs, services, sweep, widgets
from pipeline.web.again import Again
from pipeline.web.editing import Editing, apply_edit
from pipeline.web.handlers import EXPIRED, GONE, WAIT, Handlers
from pipeline.web.runs import BusyError, Runs, Turnstile
from tests import fakes
from tests.fixtures_runs import finish

LOOK = ("cyberpunk", "auto", 1.0, "morph", False, "live", "", None)
VISITOR: Any = SimpleNamespace(request=SimpleNamespace(scope={"client": ("127.0.0.1", 1)}), session_hash="session")
FORM = (None, "", "EN-US", "auto", 0, *LOOK, "default", "", "", False, "0:00", "0", None, None, None, "0:00")


@pytest.fixture
def do(tmp_path: Path) -> Handlers:
    fake = fakes.services(tmp_path, examples=(fakes.make_example(tmp_path),), steps=2, step_s=0.0)
    with gr.Blocks():
        return Handlers(widgets.lay_out(fake), fake, Turnstile(1), Turnstile(2), Turnstile(4))


@pytest.fixture
def change(do: Handlers) -> Editing:
    return Editing(do)


@pytest.fixture
def result(tmp_path: Path, do: Handlers) -> Iterator[jobs.Result]:
    clip = fakes.make_clip(tmp_path / "clip.mp4", seconds=1)
    result = jobs.Result(fakes.analysis(), Look(), clip, title="clip.mp4")
    do.kept.put(result)
    yield result
    result.close()


def rename(name: str) -> gr.EventData:
    return SimpleNamespace(_data={"kind": "rename", "person": "p1", "value": name})  # type: ignore[return-value]


def form(clip: Path | None) -> list[Any]:
    return [str(clip), *FORM[1:]]


def followed(do: Handlers, running: str, token: str = "") -> dict[str, Any]:
    """Everything a page shows of a run, the newest value of each widget."""

    async def all_of_it() -> dict[str, Any]:
        shown: dict[str, Any] = {}
        async for update in do.follow(running, token, "time"):
            shown |= update
        return shown

    return asyncio.run(all_of_it())


def run_of(
    work: Iterator[dict[str, Any] | runs.Then] | Iterator[dict[str, Any]],
    turnstile: Turnstile,
    waiting: Callable[[int], dict[str, Any]] = lambda ahead: {"place": ahead},
) -> runs.Run:
    run = Runs().queue(work, turnstile, waiting)
    run.start()
    return run


def ended(run: runs.Run) -> runs.Run:
    end = time.monotonic() + 20
    while not run.over and time.monotonic() < end:
        time.sleep(0.01)
    assert run.over
    return run


def test_a_run_keeps_the_newest_of_every_widget_for_pages_that_come_late() -> None:
    def work() -> Iterator[dict[str, Any]]:
        for n in range(5):
            yield {"a": n, f"only {n}": True}

    run = ended(run_of(work(), Turnstile(1)))
    _, shown = run.since(0)
    assert shown["a"] == 4
    assert sum(name.startswith("only") for name in shown) == 5
    assert run.since(run.since(0)[0])[1] == {}


def test_the_second_waits_for_the_first_and_is_told_its_place() -> None:
    turnstile, go = Turnstile(1), threading.Event()

    def slow() -> Iterator[dict[str, Any]]:
        go.wait(20)
        yield {"done": "first"}

    first = run_of(slow(), turnstile)
    second = run_of(iter([{"done": "second"}]), turnstile)
    third = run_of(iter([{"done": "third"}]), turnstile)
    end = time.monotonic() + 20
    while third.value("place") != 2 and time.monotonic() < end:
        time.sleep(0.01)
    assert (second.value("place"), third.value("place")) == (1, 2)
    third.stop()
    assert ended(third).value("done") is None
    go.set()
    assert [ended(run).value("done") for run in (first, second)] == ["first", "second"]


def test_a_run_gives_its_place_back_where_it_waits_for_another() -> None:
    fetching, models = Turnstile(1), Turnstile(1)
    busy = models.enter()

    def work() -> runs.Work:
        yield {"done": "fetched"}
        yield runs.Then(models)
        yield {"done": "heard"}

    run = run_of(work(), fetching)
    end = time.monotonic() + 20
    while run.value("place") != 1 and time.monotonic() < end:
        time.sleep(0.01)
    assert run.value("done") == "fetched"
    assert fetching.enter().ahead == 0
    busy.leave()
    assert ended(run).value("done") == "heard"
    assert models.enter().ahead == 0


def test_an_address_is_fetched_while_others_run_models(do: Handlers) -> None:
    """It takes no place among the models until the clip is there."""
    busy = do.models.enter()
    begun = do.begin(VISITOR, "", "", None, "https://example.com/a.mp4", *FORM[2:])
    run = do.runs.get(begun[do.w.running])
    assert run is not None
    end = time.monotonic() + 20
    while run._ticket not in do.models._line and time.monotonic() < end:
        time.sleep(0.01)
    assert run._ticket in do.models._line
    assert do.fetching.enter().ahead == 0
    assert not run.over
    busy.leave()
    shown = followed(do, run.token)
    assert do.kept.get(shown[do.w.token]) is not None


def test_an_address_is_not_fetched_for_a_full_queue(do: Handlers) -> None:
    for _ in range(1 + runs.LONGEST_QUEUE):
        do.models.enter()
    refused = do.begin(VISITOR, "", "", None, "https://example.com/a.mp4", *FORM[2:])
    assert "are already waiting" in refused[do.w.problem]
    assert do.fetching.enter().ahead == 0


def test_a_full_queue_refuses_with_its_length() -> None:
    turnstile = Turnstile(1, longest=2)
    tickets = [turnstile.enter() for _ in range(3)]
    with pytest.raises(BusyError, match="2 clips are already waiting"):
        turnstile.enter()
    tickets[0].leave()
    assert turnstile.enter().ahead == 2


def test_nobody_holds_more_than_a_share_of_the_queue() -> None:
    turnstile = Turnstile(1)
    for _ in range(limits.JOBS_PER_ADDRESS):
        turnstile.enter("one")
    with pytest.raises(BusyError, match="You already have 8 clips waiting"):
        turnstile.enter("one")
    assert turnstile.enter("another").ahead == limits.JOBS_PER_ADDRESS


def test_a_run_that_nobody_follows_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "GRACE_S", 0.2)
    closed = []

    def endless() -> Iterator[dict[str, Any]]:
        try:
            while True:
                time.sleep(0.01)
                yield {}
        finally:
            closed.append(True)

    assert ended(run_of(endless(), Turnstile(1))).stopping
    assert closed == [True]


def test_what_breaks_a_run_is_kept_and_gives_the_place_free() -> None:
    turnstile = Turnstile(1)

    def broken() -> Iterator[dict[str, Any]]:
        yield {"a": 1}
        raise UsageError("No.")

    assert str(ended(run_of(broken(), turnstile)).error) == "No."
    assert turnstile.enter().ahead == 0


def test_a_clip_goes_the_whole_way(do: Handlers, tmp_path: Path) -> None:
    clip = fakes.make_clip(tmp_path / "mine.mp4")
    begun = do.begin(VISITOR, "", "", *form(clip))
    shown = followed(do, begun[do.w.running])
    assert "mine.mp4" in shown[do.w.title]
    assert "mine.en-us.srt" in shown[do.w.downloads]
    assert shown[do.w.visit] == {"result": shown[do.w.token], "run": ""}
    result = do.kept.get(shown[do.w.token])
    assert result is not None
    assert result.pending == 0
    assert do.restore(shown[do.w.visit], "time")[do.w.token] == result.token
    result.close()


def test_a_page_that_was_reloaded_follows_on(do: Handlers, tmp_path: Path) -> None:
    clip = fakes.make_clip(tmp_path / "mine.mp4")
    begun = do.begin(VISITOR, "", "", *form(clip))
    restored = do.restore(begun[do.w.visit], "time")
    assert restored[do.w.running] in (begun[do.w.running], "")
    shown = followed(do, begun[do.w.running])
    again = do.restore(begun[do.w.visit], "time")  # it ended while the page was away
    assert again[do.w.token] == shown[do.w.token]
    assert again[do.w.running] == ""


def test_nobody_gets_anything_without_the_token(do: Handlers, result: jobs.Result) -> None:
    for visit in (None, {}, {"result": "", "run": ""}, {"result": result.token[:-1], "run": "x"}):
        restored = do.restore(visit, "time")
        assert set(restored) == {do.w.running, do.w.hud, do.w.visit}
        assert (GONE in restored[do.w.hud]) == bool(visit and visit.get("result"))


def test_while_something_goes_on_nothing_is_edited_or_taken_back(
    do: Handlers, change: Editing, result: jobs.Result
) -> None:
    result.change(replace(result.analysis, language="pl"))
    before = result.analysis
    run = do.runs.queue(iter([]), Turnstile(1), lambda ahead: {})
    for update in (
        change.correct(result.token, run.token, "time", rename("Ada")),
        change.undo(result.token, run.token, "time"),
    ):
        assert WAIT in update[do.w.pending]
    assert result.analysis is before
    assert do.begin_redraw(VISITOR, run.token, result.token, *LOOK) == {do.w.problem: gr.skip()}


def test_an_edit_is_of_the_result_on_the_page(do: Handlers, change: Editing, result: jobs.Result) -> None:
    gone = change.correct("another", "", "time", rename("Ada"))
    assert EXPIRED in gone[do.w.pending]
    assert set(gone) == {do.w.pending}
    assert EXPIRED in change.undo("another", "", "time")[do.w.pending]
    first = change.correct("", "", "time", rename("Ada"))
    changed = do.kept.get(first[do.w.token])
    assert changed is not None
    assert changed.analysis.people[0].name == "Ada"
    result.close()
    assert EXPIRED in change.correct(result.token, "", "time", rename("Ada"))[do.w.pending]
    assert EXPIRED in do.begin_redraw(VISITOR, "", result.token, *LOOK)[do.w.problem]


def test_what_was_undone_is_done_again(change: Editing, result: jobs.Result) -> None:
    change.correct(result.token, "", "time", rename("Ada"))
    change.correct(result.token, "", "time", rename("Bea"))
    change.undo(result.token, "", "time")
    assert result.analysis.people[0].name == "Ada"
    change.redo(result.token, "", "time")
    assert result.analysis.people[0].name == "Bea"
    change.undo(result.token, "", "time")
    change.correct(result.token, "", "time", rename("Cy"))
    assert result.redo == []


def test_what_was_typed_goes_before_what_is_done(result: jobs.Result) -> None:
    typed = [{"kind": "source", "phrase": "1", "value": "Everyone here works."}]
    edited = apply_edit(result.analysis, {"kind": "split", "phrase": "1", "at": "14", "typed": typed})
    assert [p.source for p in edited.phrases[:2]] == ["Everyone here", "works."]


@pytest.mark.parametrize(
    "data",
    [
        {}, {"kind": "explode"}, {"kind": ["rename"]}, {"kind": "split", "phrase": "1", "at": {}}, {"kind": "start", "value": "x"},
        {"kind": "give", "lines": "all"}, {"kind": "remove", "lines": [None]}, {"kind": "face", "person": "p1", "value": "p9"},
        {"kind": "replace", "find": "", "value": ""}, {"kind": "source", "phrase": "1e9", "value": "x"},
    ],
)  # fmt: skip
def test_anything_can_be_sent_and_is_refused_in_a_sentence(data: Any) -> None:
    with pytest.raises(UsageError):
        apply_edit(fakes.analysis(), data)


def test_a_redraw_that_ends_late_changes_nothing(do: Handlers, result: jobs.Result) -> None:
    result.folder = jobs.new_folder()
    work = do._redraw(result, Look())
    next(work)
    result.closed = True  # another result has taken its place
    for _ in work:
        pass
    assert result.files is None
    assert list(result.folder.iterdir()) == []


def test_what_drawing_has_to_say_is_written_down(do: Handlers, result: jobs.Result) -> None:
    for _ in do._redraw(result, Look(text_size=0.5)):
        pass
    assert result.files is not None
    written = json.loads((result.files / "transcript.json").read_text(encoding="utf-8"))
    assert [notice["code"] for notice in written["notices"]] == ["small"]
    assert result.pending == 0
    for _ in do._redraw(result, Look()):
        pass
    assert json.loads((result.files / "transcript.json").read_text(encoding="utf-8"))["notices"] == []


def test_a_clip_that_is_too_long_is_offered_to_be_cut(tmp_path: Path) -> None:
    fake = fakes.services(tmp_path, settings=Settings(cache_dir=tmp_path, max_duration_s=4.0))
    clip = fakes.make_clip(tmp_path / "long.mp4")
    with gr.Blocks():
        w = widgets.lay_out(fake)
    said = intake.Intake(w, fake).clip_chosen(str(clip))
    assert "The clip is 0:06 long, and the limit is 4 seconds" in said[w.clip_note]
    given = [str(clip), *FORM[1:-7], True, "0:01", "0", None, None, None, "0:00"]
    assert intake.request(given, fake).trim == 1.0
    with pytest.raises(UsageError, match="must start between"):
        intake.request([*given[:-6], "0:59", *given[-5:]], fake)
    folder = jobs.new_folder()
    piece = intake.trimmed(jobs.adopt(clip, folder), 1.0, fake)
    assert fake.measure(piece).duration == pytest.approx(4.0, abs=0.3)


def test_an_endpoint_tells_of_stages_and_of_their_ends_but_not_of_every_frame() -> None:
    def stage() -> Stage[Any]:
        for name in ("speech", "render"):
            for n in range(1000):
                yield Progress(name, (n + 1) / 1000)
        return "done"

    told = []

    def progress(at: float, desc: str) -> None:
        told.append((desc, at))

    def follow() -> Iterator[Any]:
        assert (yield from calls.follow(stage(), cast(gr.Progress, progress), ())) == "done"

    assert len(list(follow())) == len(told) < 20
    assert [at for _, at in told if at in (0.001, 1.0)] == [0.001, 1.0, 0.001, 1.0]


def test_what_was_forgotten_is_swept(tmp_path: Path) -> None:
    old, used = jobs.new_folder(), jobs.new_folder()
    cache = StageCache(tmp_path / "stages", 2**20)
    cache.put("a", 1)
    cache.put("b", 2)
    past = time.time() - jobs.STATE_AGE_S - sweep.LONGEST_RUN_S - 60
    for path in (old, used, tmp_path / "stages" / "a"):
        os.utime(path, (past, past))
    result = jobs.Result(fakes.analysis(), Look(), tmp_path, folder=used)
    result.touch()
    sweep.sweep(Settings(cache_dir=tmp_path, cache_age_s=7200.0))
    assert not old.exists()
    assert used.exists()
    assert [path.name for path in (tmp_path / "stages").iterdir()] == ["b"]
    result.close()


def test_timings_do_not_tell_that_somebody_had_the_clip_before() -> None:
    def stage() -> Stage[Any]:
        yield Progress("speech")
        return fakes.analysis()

    found = finish(services.untimed(stage()))
    assert fakes.analysis().timings
    assert found == replace(fakes.analysis(), timings={})


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("interview.mp4", "interview"), ("my.clip.MOV", "my.clip"), ("../../etc/passwd", "passwd"), ("", "clip"), ("...", "clip"),
        ('a<b>"c".mp4', "a b c"), ("C:\\clips\\two.avi", "two"), ("ż" * 100 + ".mp4", "ż" * 60), (".hidden", "hidden"),
    ],
)  # fmt: skip
def test_a_clips_name_becomes_a_files(given: str, name: str) -> None:
    assert jobs.plain_name(given) == name


def test_links_to_one_file_are_swept_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first that went changed the file's ctime, and the others stayed for another two hours each."""
    original, served = tmp_path / "video.mp4", tmp_path / "served"
    original.write_bytes(b"film")
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(served))
    served.mkdir()
    folders = [jobs.serve(original, "video.mp4")[0] for _ in range(3)]
    page: Any = SimpleNamespace(blocks={}, temp_file_sets=[])
    sweep._sweep_files(page, sweep.Ages(served=60.0, unfinished=60.0))
    assert all((folder / "video.mp4").is_file() for folder in folders)
    for path in (original, *folders):
        os.utime(path, (time.time() - 100,) * 2)
    sweep._sweep_files(page, sweep.Ages(served=60.0, unfinished=60.0))
    assert not any((folder / "video.mp4").exists() for folder in folders)
    assert original.is_file()


def test_lines_are_translated_again_with_their_own_key_or_else_the_run_s(do: Handlers, result: jobs.Result) -> None:
    key, no_event = "5e0ca3b1-dead-4bee-9f00-0123456789ab:fx", SimpleNamespace(_data={"lines": ["1"]})
    again = Again(do)
    for own, of_the_run, works in (("", key, True), (key, fakes.REFUSED_KEY, True), (fakes.REFUSED_KEY, key, False)):
        event = cast("gr.EventData", no_event)
        begun = again.begin_lines(VISITOR, event, "", result.token, "PL", own, of_the_run, "default", "")
        shown = followed(do, begun[do.w.running], result.token)
        run = do.runs.get(begun[do.w.running])
        assert run is not None
        assert (run.error is None) is works
        for secret in (key, fakes.REFUSED_KEY):
            assert secret not in str(shown)
