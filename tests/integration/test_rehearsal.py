"""The rehearsal of the full set: it runs through where no GPU is, and its verdict is the one the rows ask for."""

from __future__ import annotations

import dataclasses
import subprocess
from pathlib import Path

import pytest

from benchmarks import full
from pipeline.media import ffmpeg_binary

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]


def rows() -> list[full.Row]:
    """What a machine on which all is well gives for one clip."""
    scores = {"word_error_rate": 0.05, "speaker_accuracy": 0.97, "face_accuracy": 0.95}
    light = full.Row("a", "light", 30.0, {"all": 20.0, "render": 6.0}, machine=900.0, phrases=4, scores=scores)
    good = dataclasses.replace(light, set="full", asked=25.0, card=9_000.0, translated=4)
    return [good, light]


def changed(**values: object) -> list[full.Row]:
    good, light = rows()
    return [dataclasses.replace(good, **values), light]  # type: ignore[arg-type]


def test_all_is_well_where_the_full_set_is_as_good_as_the_light_one() -> None:
    said, status = full.verdict(full.checks(rows(), stand_ins=False), stand_ins=False)
    assert status == 0
    assert said.startswith("VERDICT: YES.")


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"error": "OutOfMemoryError: CUDA out of memory"}, "every clip goes through both sets"),
        ({"notices": ("gpu",)}, "no stage of the full set was given up"),
        ({"card": 0.0}, "the GPU was used"),
        ({"card": 60_000.0}, "a card of 48 GB is enough"),
        ({"machine": 60_000.0}, "main memory is enough"),
        ({"seconds": {"all": 50.0, "render": 6.0}}, "no clip takes longer than a Space would ask for"),
        ({"translated": 3}, "every phrase is translated without a key"),
        ({"scores": {"word_error_rate": 0.2}}, "word error rate is no worse"),
        ({"scores": {"speaker_accuracy": 0.5}}, "speaker accuracy is no worse"),
    ],
)
def test_each_fault_is_named_in_the_verdict(values: dict[str, object], name: str) -> None:
    found = full.checks(changed(**values), stand_ins=False)
    said, status = full.verdict(found, stand_ins=False)
    assert status == 1
    assert name in said
    assert next(check.name for check in found if not check.passed).startswith(name)


def test_without_a_gpu_one_sentence_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(full, "_has_gpu", lambda: False)
    assert full.main([]) == 2
    assert "There is no CUDA GPU here" in capsys.readouterr().err


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of an example, small and with few frames: the large face detector is slow without a GPU."""
    path = tmp_path_factory.mktemp("clips") / "short.mp4"
    cut = ["-t", "4", "-i", str(ROOT / "examples" / "orbit_en.mp4"), "-vf", "scale=160:-2", "-r", "5", str(path)]
    subprocess.run([ffmpeg_binary(), "-v", "error", *cut], check=True)
    return path


def test_a_process_that_dies_is_an_error_for_every_clip_it_did_not_get_to(clip: Path, tmp_path: Path) -> None:
    missing = tmp_path / "none"  # the weights of the stand-ins: the process ends before its first clip
    found = full.rehearse([clip], tmp_path / "keep", missing)
    assert [row.set for row in found] == ["full", "light"]
    assert "the process of the full set ended with status" in found[0].error


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_rehearsal_runs_through_on_a_processor_with_stand_ins(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert full.main([str(clip), "--stand-ins", "--keep", str(tmp_path / "keep")]) == 0
    said = capsys.readouterr().out
    table = [line.split() for line in said.splitlines() if line.startswith("short ")]
    assert [line[1] for line in table] == ["full", "light"]
    head = next(line for line in said.splitlines() if line.startswith("clip "))
    heads = head.replace("GPU asked", "asked").replace("card MB", "card").replace("main MB", "main").split()
    figures = [dict(zip(heads, line, strict=True)) for line in table]
    assert all(int(row["words"]) > 0 and float(row["render"]) > 0 and float(row["main"]) > 100 for row in figures)
    assert said.splitlines()[-1].startswith("VERDICT: the script and the code of the full set work here.")
    assert (tmp_path / "keep" / "short-full" / "video.mp4").stat().st_size > 0
