"""What a batch reads: folders and lists, and the sentence for everything else."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import pytest

from pipeline.batch import jobs, records, summary
from pipeline.batch.work import Outcome, named
from pipeline.errors import UsageError
from pipeline.options import Options
from pipeline.records import Look
from tests import fakes


def read(given: Path, out: Path = Path("out")) -> tuple[jobs.Job, ...]:
    return jobs.read(given, out, Options("PL"), Look())


def test_a_folder_gives_its_clips_in_order_and_nothing_else(tmp_path: Path) -> None:
    for name in ("b.MP4", "a.flac", "notes.txt", ".hidden.mp4"):
        (tmp_path / name).touch()
    (tmp_path / "folder.mp4").mkdir()
    assert [(job.name, job.clip) for job in read(tmp_path)] == [("a", tmp_path / "a.flac"), ("b", tmp_path / "b.MP4")]


def test_a_csv_list_gives_each_clip_its_own_values(tmp_path: Path) -> None:
    file = tmp_path / "clips.csv"
    file.write_text(
        "clip,language,speakers,names,look,to\nx/a.mp4,Japanese,2,Ann;Bob,classic,\nb.mp4,,,,,German\n", "utf-8-sig"
    )
    first, second = read(file)
    assert first.clip == tmp_path / "x" / "a.mp4"
    assert first.options == Options("PL", "ja", 2)
    assert (first.names, first.look.name) == (("Ann", "Bob"), "classic")
    assert (second.options, second.look, second.names) == (Options("DE"), Look(), ())


def test_a_json_list_says_the_same(tmp_path: Path) -> None:
    file = tmp_path / "clips.json"
    file.write_text(json.dumps(["a.mp4", {"clip": "b.mp4", "speakers": 3, "names": ["Ann"], "language": None}]))
    assert [(job.name, job.options.speakers, job.names) for job in read(file)] == [("a", None, ()), ("b", 3, ("Ann",))]


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("l.csv", "file\na.mp4\n", "no column 'clip'"),
        ("l.csv", "clip,colour\na.mp4,red\n", "has 'colour'"),
        ("l.csv", "clip\n", "lists no clips"),
        ("l.csv", "clip,speakers\na.mp4,many\n", "'many' speakers"),
        ("l.csv", "clip,look\na.mp4,neon\n", "the look 'neon'"),
        ("l.csv", "clip,language\na.mp4,Klingon\n", "Klingon"),
        ("l.csv", "clip\na.mp4,b.mp4\n", "has 'None'"),
        ("l.json", "{}", "must hold a list"),
        ("l.json", "[1]", "must hold a list"),
        ("l.json", "[", "is not JSON"),
        ("l.json", '[{"clip": 3}]', "names no clip"),
        ("l.json", '[{"clip": "a", "names": 3}]', "must be texts"),
        ("l.txt", "a.mp4", "neither a folder nor a list"),
        ("l.csv", "clip\na.mp4\nb/a.mov\n", "a.mp4 and a.mov would have the same folder"),
    ],
)
def test_a_list_that_is_none_gets_one_sentence(name: str, text: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(UsageError, match=sentence):
        read(tmp_path / name)


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ([], "holds no files"),
        (["a.png", "b.jpg"], "None of the 2 files"),
        (["A.mp4", "a.mov"], "rename one of them"),
    ],
)
def test_a_folder_without_use_gets_one_sentence(names: list[str], sentence: str, tmp_path: Path) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(UsageError, match=sentence):
        read(tmp_path)


def test_the_key_changes_with_the_clip_and_with_what_is_asked(tmp_path: Path) -> None:
    clip = tmp_path / "a.mp4"
    clip.write_bytes(b"one")
    job = read(tmp_path)[0]
    other = jobs.read(tmp_path, Path("out"), Options("DE"), Look())[0]
    secret = jobs.read(tmp_path, Path("elsewhere"), Options("PL", keys=("key",)), Look())[0]
    key = job.key({}, False)
    assert secret.key({}, False) == key
    assert len({key, other.key({}, False), job.key({"speech": "x"}, False), job.key({}, True)}) == 4
    clip.write_bytes(b"two")
    assert job.key({}, False) != key


def test_a_record_holds_only_while_every_file_is_there(tmp_path: Path) -> None:
    out = tmp_path / "a"
    out.mkdir()
    (out / "transcript.json").touch()
    assert records.finished(out, "k") is None
    records.keep(out, "k", {"name": "a"})
    assert records.finished(out, "k") == {"name": "a"}
    assert records.finished(out, "other") is None
    (out / "transcript.json").unlink()
    assert records.finished(out, "k") is None


def test_names_go_to_the_people_in_order_and_too_many_are_told() -> None:
    analysis = named(fakes.analysis(), ("Ann", "", "Cy", "Dee"))
    assert [person.name for person in analysis.people] == ["Ann", "Speaker 2", "Cy"]
    assert "4 names were given and 3 people were found" in analysis.notices[-1].text


def test_no_row_of_the_table_is_a_formula(tmp_path: Path) -> None:
    summary.write(tmp_path, [Outcome("=1+1", "=1+1.mp4", "done")])
    assert (tmp_path / "summary.csv").read_text().splitlines()[1].startswith("'=1+1,'=1+1.mp4,done")
    assert json.loads((tmp_path / "summary.json").read_text())[0]["name"] == "=1+1"


def test_a_list_may_hold_addresses_and_results_may_lie_at_one(tmp_path: Path) -> None:
    file = tmp_path / "clips.csv"
    file.write_text("clip\nhttps://example.org/a/talk.mp4?v=1\n")
    (job,) = read(file, tmp_path / "out")
    assert (job.name, job.url) == ("example-org-a-talk-mp4v-1", "https://example.org/a/talk.mp4?v=1")
    assert job.clip == tmp_path / "out" / ".batch" / "fetched" / job.name
    assert job.key({}, False) == job.key({}, False)  # nothing is read
    with pytest.raises(UsageError, match="name a folder for the results"):
        jobs.read(file, "s3://bucket/results", Options("PL"), Look())
    file.write_text("clip\na.mp4\n")
    (job,) = jobs.read(file, "s3://bucket/results/", Options("PL"), Look(), "mov")
    assert (job.address, job.overlay, job.clip) == ("s3://bucket/results/a", "mov", tmp_path / "a.mp4")


def test_another_font_file_of_the_same_name_makes_a_clip_unfinished(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"film")
    font = tmp_path / "mine.ttf"
    keys = set()
    for content in (b"one font", b"another", b"another"):
        font.write_bytes(content)
        (job,) = jobs.read(tmp_path, Path("out"), Options("PL"), Look(font=str(font)))
        keys.add(job.key({}, False))
    assert len(keys) == 2


def test_a_name_that_is_not_utf_8_does_not_end_the_batch_without_a_summary(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9")
    outcome = Outcome(name, f"{name}.mp4", "done")
    (tmp_path / name).mkdir()
    records.keep(tmp_path / name, "key", dataclasses.asdict(outcome))
    assert Outcome(**(records.finished(tmp_path / name, "key") or {})) == outcome
    summary.write(tmp_path, [outcome])
    (row,) = json.loads((tmp_path / "summary.json").read_text("utf-8"))
    assert row["name"] == "caf?"
    assert "caf?.mp4" in (tmp_path / "summary.csv").read_text("utf-8")
