"""What the page's events and the named endpoints do, without a browser or a server."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import pytest

from pipeline.cache import StageCache
from pipeline.records import Look, Progress
from pipeline.settings import Settings
from pipeline.web import api, jobs, services, sweep, widgets
from pipeline.web.handlers import EXPIRED, STILL_BUSY, WAIT, Handlers
from tests import fakes
from tests.fixtures_runs import finish

LOOK = ("cyberpunk", "auto", 1.0, "morph", False, "live")


@pytest.fixture
def do(tmp_path):
    fake = fakes.services(tmp_path, examples=(fakes.make_example(tmp_path),), steps=2, step_s=0.0)
    with gr.Blocks():
        return Handlers(widgets.lay_out(fake), fake)


@pytest.fixture
def result(tmp_path):
    clip = fakes.make_clip(tmp_path / "clip.mp4", seconds=1)
    result = jobs.Result(fakes.analysis(), Look(), clip)
    yield result
    result.close()


def rename(name: str) -> gr.EventData:
    return SimpleNamespace(_data={"kind": "rename", "person": "p1", "value": name})  # type: ignore[return-value]


def test_while_something_goes_on_nothing_is_edited_or_taken_back(do, result):
    result.change(replace(result.analysis, language="pl"))
    before = result.analysis
    for update in (
        do.edit(result, result.token, True, "time", rename("Ada")),
        do.undo(result, result.token, True, "time"),
    ):
        assert WAIT in update[do.w.pending]
        assert do.w.state not in update
    assert result.analysis is before
    started = do.begin_redraw(result, result.token, True, *LOOK)
    assert next(started) == {do.w.said: STILL_BUSY}
    with pytest.raises(gr.Error):
        next(started)
    assert do.over(STILL_BUSY, result, result.token, "time") == {do.w.said: ""}


def test_an_edit_is_of_the_result_on_the_page(do, result):
    gone = do.edit(None, result.token, False, "time", rename("Ada"))
    assert EXPIRED in gone[do.w.pending]
    assert set(gone) == {do.w.pending}
    assert EXPIRED in do.edit(result, "another", False, "time", rename("Ada"))[do.w.pending]
    assert EXPIRED in do.undo(None, result.token, False, "time")[do.w.pending]
    first = do.edit(None, "", False, "time", rename("Ada"))
    assert first[do.w.state].analysis.people[0].name == "Ada"
    assert first[do.w.token] == first[do.w.state].token
    result.close()
    assert EXPIRED in do.edit(result, result.token, False, "time", rename("Ada"))[do.w.pending]
    started = do.begin_redraw(None, result.token, False, *LOOK)
    assert EXPIRED in next(started)[do.w.said]
    with pytest.raises(gr.Error):
        next(started)


def test_a_redraw_that_ends_late_changes_nothing(do, result):
    updates = []
    for update in do.redraw(result, result.token, *LOOK):
        updates.append(update)
        result.closed = True  # another result has taken its place
    assert [n for n, update in enumerate(updates) if do.w.state in update] == [0]
    assert result.files is None
    assert list(result.folder.iterdir()) == []


def test_what_drawing_has_to_say_is_written_down(do, result):
    for _ in do.redraw(result, result.token, "cyberpunk", "auto", 0.5, "morph", False, "live"):
        pass
    written = json.loads((result.files / "transcript.json").read_text(encoding="utf-8"))
    assert [notice["code"] for notice in written["notices"]] == ["small"]
    assert result.pending == 0
    for _ in do.redraw(result, result.token, *LOOK):
        pass
    assert json.loads((result.files / "transcript.json").read_text(encoding="utf-8"))["notices"] == []


def test_an_endpoint_tells_of_stages_and_of_their_ends_but_not_of_every_frame():
    def stage():
        for name in ("speech", "render"):
            for n in range(1000):
                yield Progress(name, (n + 1) / 1000)
        return "done"

    told = []

    def follow():
        assert (yield from api._follow(stage(), lambda at, desc: told.append((desc, at)), ())) == "done"

    assert len(list(follow())) == len(told) < 20
    assert [at for _, at in told if at in (0.001, 1.0)] == [0.001, 1.0, 0.001, 1.0]


def test_what_was_forgotten_is_swept(tmp_path):
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


def test_timings_do_not_tell_that_somebody_had_the_clip_before():
    def stage():
        yield Progress("speech")
        return fakes.analysis()

    found = finish(services.untimed(stage()))
    assert fakes.analysis().timings
    assert found == replace(fakes.analysis(), timings={})
