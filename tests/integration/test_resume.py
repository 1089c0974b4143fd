"""What a run has found is not looked for again: by content, by settings, by model; and nobody gets another's."""

from __future__ import annotations

import dataclasses
import shutil
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pipeline import cache, results, run
from pipeline.errors import GpuError
from pipeline.options import Options
from pipeline.perceive import perceive
from pipeline.records import (
    Analysis,
    Diarization,
    Faces,
    Findings,
    Job,
    Look,
    Notice,
    Preview,
    Progress,
    Stage,
    Transcript,
)
from pipeline.settings import Settings
from pipeline.stages import Models, Perceiving
from tests.fixtures_runs import finish, quick_models, small_clip

ALL = {"speech": 1, "voices": 1, "faces": 1}
NOTHING: dict[str, int] = {}


@dataclass
class Desk:
    """Runs on one machine, with the models' calls of the last one."""

    clip: Path
    settings: Settings
    calls: Counter[str] = field(default_factory=Counter)

    def run(self, clip: str | Path | None = None, models: Models | None = None, **options: Any) -> dict[str, int]:
        """What was computed by a run with these options."""
        self.calls.clear()
        chosen = Options(**{"target": "", **options})
        self.analysis: Analysis = finish(
            run.analyse(Path(clip or self.clip), chosen, self.settings, models or quick_models(self.calls))
        )
        return dict(self.calls)

    @property
    def entries(self) -> list[Path]:
        return sorted((self.settings.cache_dir / "stages").iterdir())


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("clips")
    return small_clip(folder / "one.mp4"), small_clip(folder / "two.mp4", tone=660)


@pytest.fixture
def desk(clips: tuple[Path, Path], settings: Settings) -> Desk:
    return Desk(clips[0], settings)


def test_a_second_language_and_a_second_look_repeat_nothing(desk: Desk, tmp_path: Path) -> None:
    assert desk.run() == ALL
    first = desk.analysis
    assert desk.run(target="PL") == {"translate": 1}
    assert desk.run(target="DE") == {"translate": 1}
    assert dataclasses.replace(desk.analysis, phrases=(), notices=(), target_language="", timings={}, models={}) == (
        dataclasses.replace(first, phrases=(), notices=(), timings={}, models={})
    )
    finish(results.write(desk.clip, desk.analysis, Look("classic"), tmp_path / "out", desk.settings))
    assert desk.calls == {"translate": 1}


@pytest.mark.parametrize("stage", ["voices", "faces", "translate"])
def test_a_run_that_failed_late_goes_on_where_it_stopped(desk: Desk, stage: str) -> None:
    def fail(name: str) -> None:
        if name == stage:
            raise RuntimeError("defect")

    with pytest.raises(RuntimeError):
        desk.run(models=quick_models(during=fail), target="PL")
    missing = {"voices": {"voices": 1, "faces": 1}, "faces": {"faces": 1}, "translate": {}}[stage]
    assert desk.run(target="PL") == {**missing, "translate": 1}


def test_a_run_that_was_cancelled_goes_on_where_it_stopped(desk: Desk) -> None:
    stage = run.analyse(desk.clip, Options(""), desk.settings, quick_models())
    while next(stage).stage != "faces":
        pass
    stage.close()
    assert desk.run() == {"faces": 1}


def test_the_same_clip_by_another_name_is_the_same_clip(desk: Desk, tmp_path: Path) -> None:
    desk.run()
    assert desk.run(shutil.copy(desk.clip, tmp_path / "upload-1234")) == NOTHING


def test_a_clip_of_another_visitor_is_looked_into_again(desk: Desk, clips: tuple[Path, Path]) -> None:
    """Else the time it takes would tell that somebody had the identical clip here."""
    assert desk.run(owner="first upload") == ALL
    assert desk.run(owner="second upload") == ALL
    assert desk.run(owner="first upload") == NOTHING
    assert desk.run() == ALL


def test_another_clip_never_gets_another_s_result(desk: Desk, clips: tuple[Path, Path], tmp_path: Path) -> None:
    desk.run()
    assert desk.run(clips[1]) == ALL
    longer = tmp_path / "one.mp4"
    longer.write_bytes(desk.clip.read_bytes() + b"\0")  # plays the same, is another file
    assert desk.run(longer) == ALL
    assert desk.run(clips[0]) == NOTHING


def test_a_file_that_changes_under_its_name_is_another_clip(
    desk: Desk, clips: tuple[Path, Path], tmp_path: Path
) -> None:
    path = shutil.copy(clips[0], tmp_path / "clip.mp4")
    desk.run(path)
    stamp = Path(path).stat()
    shutil.copy(clips[1], path)
    import os

    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert desk.run(path) == ALL


@pytest.mark.parametrize(
    ("options", "again"),
    [
        ({"speakers": 1}, {"voices": 1}),
        ({"source": "pl"}, {"speech": 1}),
        ({"source": "pl", "speakers": 3}, {"speech": 1, "voices": 1}),
        ({"formality": "more", "glossary": "a = b", "keys": ()}, {}),
    ],
)
def test_a_choice_repeats_the_stage_that_depends_on_it_and_no_other(
    desk: Desk, options: dict[str, Any], again: dict[str, int]
) -> None:
    desk.run()
    assert desk.run(**options) == again
    assert desk.run(**options) == NOTHING
    assert desk.run() == NOTHING


@pytest.mark.parametrize(
    ("job", "again"),
    [
        ("speech", {"speech": 1}),
        ("diarization", {"voices": 1}),
        ("faces", {"faces": 1}),
        ("identity", {"faces": 1}),
        ("speaking", {"faces": 1}),
    ],
)
def test_another_model_does_not_take_over_what_the_first_one_found(desk: Desk, job: str, again: dict[str, int]) -> None:
    desk.run()
    models = quick_models(desk.calls)
    assert desk.run(models=dataclasses.replace(models, names={**models.names, job: "another"})) == again


def test_a_new_version_of_the_code_looks_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.run()
    monkeypatch.setattr(run, "code_version", lambda: "next")
    assert desk.run() == ALL


@pytest.mark.parametrize("damage", ["cut", "flipped", "emptied", "a folder", "another stage's"])
def test_a_damaged_entry_is_found_out_and_computed_again(desk: Desk, damage: str) -> None:
    desk.run()
    first, entry = desk.analysis, next(e for e in desk.entries if e.name.startswith("transcript"))
    raw = bytearray(entry.read_bytes())
    if damage == "cut":
        entry.write_bytes(raw[: len(raw) // 2])
    elif damage == "flipped":
        raw[len(raw) // 2] ^= 1
        entry.write_bytes(raw)
    elif damage == "emptied":
        entry.write_bytes(b"")
    elif damage == "a folder":
        entry.unlink()
        entry.mkdir()
    else:
        entry.write_bytes(next(e for e in desk.entries if e.name.startswith("faces")).read_bytes())
    assert desk.run() == {"speech": 1}
    assert desk.analysis.phrases == first.phrases
    assert desk.run() == ({"speech": 1} if damage == "a folder" else NOTHING)


def test_the_cache_stays_inside_its_bound_and_works_without_any_room(desk: Desk, clips: tuple[Path, Path]) -> None:
    desk.run()
    size = sum(entry.stat().st_size for entry in desk.entries)
    desk.settings = dataclasses.replace(desk.settings, cache_bytes=size + 10)
    desk.run(clips[1])
    assert sum(entry.stat().st_size for entry in desk.entries) <= size + 10
    assert desk.run(clips[1]) == NOTHING  # the older ones went
    desk.settings = dataclasses.replace(desk.settings, cache_bytes=0)
    assert desk.run(clips[0])
    assert desk.analysis.phrases
    assert desk.entries == []


def test_a_cache_that_cannot_be_written_costs_time_and_nothing_else(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    desk.settings = dataclasses.replace(desk.settings, cache_dir=tmp_path / "file")
    assert desk.run() == ALL
    assert desk.run() == ALL


def test_what_a_stage_says_along_the_way_is_not_kept_as_its_result(desk: Desk) -> None:
    """A part of the transcript is shown while the rest is heard."""
    models = quick_models(desk.calls)

    def transcribe(sound: Path, language: str | None) -> Stage[Transcript]:
        whole = yield from models.transcribe(sound, language)
        part = dataclasses.replace(whole, segments=whole.segments[:1])
        yield Progress("speech", 0.5, preview=Preview(transcript=part))
        raise RuntimeError("defect")

    with pytest.raises(RuntimeError):
        desk.run(models=dataclasses.replace(models, transcribe=transcribe))
    assert desk.run()["speech"] == 1
    assert len(desk.analysis.phrases) == 2


def test_a_gpu_that_was_taken_away_leaves_no_stand_in_behind(desk: Desk) -> None:
    """What is missing for a reason that passes is looked for in the next run; its notice is not kept."""
    notice = Notice("gpu", "The GPU was taken away; try again.")

    def taken_away(models: Models, job: Job) -> Perceiving:
        heard = yield from models.transcribe(job.sound, job.source)
        yield Findings(heard)
        stand_in = Findings(heard, Diarization((), ()), Faces((), ()))
        whole = finish(perceive(models, dataclasses.replace(job, fallback_target="", known=stand_in)))
        return dataclasses.replace(whole, attribution=dataclasses.replace(whole.attribution, notices=(notice,)))

    models = quick_models(desk.calls)
    desk.run(models=dataclasses.replace(models, perceive=taken_away))
    assert notice in desk.analysis.notices
    assert desk.run() == {"voices": 1, "faces": 1}
    assert "gpu" not in {n.code for n in desk.analysis.notices}
    assert desk.analysis.tracks


def test_a_failure_is_never_kept(desk: Desk) -> None:
    def fail(name: str) -> None:
        raise GpuError("No GPU is free; try again.")

    with pytest.raises(GpuError):
        desk.run(models=quick_models(during=fail))
    assert not (desk.settings.cache_dir / "stages").exists() or desk.entries == []
    assert desk.run() == ALL


def test_an_entry_says_nothing_of_the_clip_by_its_name_and_is_ours_alone(desk: Desk) -> None:
    desk.run(speakers=2, source="en")
    names = [entry.name for entry in desk.entries]
    assert len(names) == 3
    assert all(len(name.split("-")[1]) == 64 for name in names)
    assert cache.content_hash(desk.clip) not in "".join(names)
    assert all(entry.stat().st_mode & 0o077 == 0 for entry in (*desk.entries, desk.settings.cache_dir / "stages"))


def test_silence_is_kept_too(desk: Desk) -> None:
    models = quick_models(desk.calls)

    def nothing_heard(sound: Path, language: str | None) -> Stage[Transcript]:
        yield Progress("speech", 0.5)
        desk.calls["speech"] += 1
        return Transcript("", 0.0, ())

    silent = dataclasses.replace(models, transcribe=nothing_heard)
    assert desk.run(models=silent) == ALL
    assert desk.run(models=silent) == NOTHING
    assert [n.code for n in desk.analysis.notices].count("no_speech") == 1
