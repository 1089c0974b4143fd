"""--people: names by portraits and voices, from a folder."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from PIL import Image

from pipeline import acquaintances
from pipeline.__main__ import main
from pipeline.batch import driver, jobs
from pipeline.errors import UsageError
from pipeline.models import sets
from pipeline.options import Options
from pipeline.people.across import Profile, Statistics
from pipeline.people.known import recognised
from pipeline.people.parameters import Parameters
from pipeline.records import Clip, Faces, Known, Look, Stage
from pipeline.settings import Settings
from pipeline.stages import Models
from tests.fixtures_clips import ffmpeg
from tests.fixtures_runs import finish, quick_models, small_clip

ROOT = Path(__file__).parents[2]
ORBIT, EUROPA = ROOT / "examples" / "results" / "orbit_en", ROOT / "examples" / "results" / "europa_pl"


def portrait(to: Path, clip: Path = ORBIT, person: str = "p1") -> Path:
    """Write the portrait of a person of an example to `to`."""
    to.parent.mkdir(parents=True, exist_ok=True)
    Image.open(clip / "faces" / f"{person}.jpg").save(to)
    return to


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """Two people with portraits, in both forms."""
    portrait(tmp_path / "people" / "Ann Example" / "front.png")
    portrait(tmp_path / "people" / "Bob.jpg", person="p2")
    (tmp_path / "people" / "notes.txt").write_text("ignored")
    return tmp_path / "people"


def test_a_folder_gives_names_with_their_portraits_and_samples(people: Path) -> None:
    (people / "Bob.wav").touch()
    found = acquaintances.read(people)
    assert [entry.name for entry in found] == ["Ann Example", "Bob"]
    assert [path.name for path in found[0].portraits] == ["front.png"]
    assert [path.name for path in found[1].samples] == ["Bob.wav"]


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda f: None, "holds no people"),
        (lambda f: (f / "Ann").mkdir(), "The folder of Ann holds neither a picture nor sound"),
        (lambda f: (f / "Ann.jpg").write_bytes(b"no picture"), "Ann.jpg is not a picture that can be read"),
        (lambda f: portrait(f / f"{'A' * 41}.jpg"), "is not a name of 1 to 40 characters"),
        (lambda f: [portrait(f / name) for name in ("Ann.jpg", "ANN.png")], "holds ANN twice|holds Ann twice"),
        (lambda f: [portrait(f / "Ann" / f"{n}.jpg") for n in range(21)], "more than 20 files"),
    ],
)
def test_a_folder_that_holds_no_people_gets_one_sentence(tmp_path: Path, spoil, says: str, capsys) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path / "people"
    folder.mkdir()
    spoil(folder)
    with pytest.raises(UsageError, match=says) as told:
        acquaintances.read(folder)
    assert str(told.value).endswith(".")
    clip = ROOT / "examples" / "orbit_en.mp4"
    assert main([str(clip), "--to", "PL", "--people", str(folder), "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.startswith("Error: ")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_not_there_gets_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no folder"):
        acquaintances.read(tmp_path / "nobody")


def test_portraits_name_the_same_people_in_another_clip(people: Path, tmp_path: Path) -> None:
    """The astronaut and the admiral of one example are named by their portraits in the other."""
    settings = Settings(models="light")
    known = finish(acquaintances.Learn(settings, sets.load)(acquaintances.read(people)))
    assert [one.name for one in known] == ["Ann Example", "Bob"]
    assert all(len(one.faces) == 1 and not one.voice for one in known)
    portrait(tmp_path / "again" / "a.jpg", EUROPA, "p1")
    portrait(tmp_path / "again" / "b.jpg", EUROPA, "p2")
    others = finish(acquaintances.Learn(settings, sets.load)(acquaintances.read(tmp_path / "again")))
    seen = {one.name: (Profile(face=one.faces[0], face_s=5.0),) for one in others}
    names = recognised(seen, known, Statistics(), Parameters())
    assert names == {"a": "Ann Example", "b": "Bob"}
    stranger = Known("Stranger", (tuple(-value for value in known[0].faces[0]),))
    assert recognised(seen, [stranger], Statistics(), Parameters()) == {}


def test_a_picture_without_a_face_and_one_with_two_get_a_sentence(tmp_path: Path) -> None:
    settings = Settings(models="light")
    learn = acquaintances.Learn(settings, sets.load)
    Image.new("RGB", (320, 240), (90, 120, 90)).save(tmp_path / "Ann.jpg")
    with pytest.raises(UsageError, match=r"No face can be made out in Ann\.jpg"):
        finish(learn(acquaintances.read(tmp_path)))
    one, two = (Image.open(portrait(tmp_path / "x" / f"{p}.png", person=p)).resize((200, 200)) for p in ("p1", "p2"))
    both = Image.new("RGB", (480, 240))
    both.paste(one, (10, 20))
    both.paste(two, (260, 20))
    both.save(tmp_path / "Ann.jpg")
    with pytest.raises(UsageError, match=r"Ann\.jpg shows 2 faces"):
        finish(learn(acquaintances.read(tmp_path)[:1]))


def test_a_sample_in_which_nobody_speaks_gets_a_sentence(tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "anullsrc=r=16000:cl=mono:d=3", tmp_path / "Ann.wav")
    with pytest.raises(UsageError, match=r"Nobody can be heard in Ann\.wav"):
        finish(acquaintances.Learn(Settings(models="light"), sets.load)(acquaintances.read(tmp_path)))


def test_appearances_say_who_is_in_which_clip() -> None:
    said = list(acquaintances.appearances([("a", {"Bob": 3.2, "Ann": 0.0}), ("b", {"Bob": 61.0})]))
    assert said == ["Ann: a (silent)", "Bob: a (3 s), b (61 s)"]


EMBEDDING = (1.0, *(0.0,) * 15)


def with_faces(settings: Settings) -> Models:
    """Models that see one face, always the same."""
    models = quick_models()

    def find_faces(clip: Clip, sound: Path | None) -> Stage[Faces]:
        found = yield from models.find_faces(clip, sound)
        return dataclasses.replace(
            found, tracks=(dataclasses.replace(found.tracks[0], embedding=EMBEDDING, cluster=0),)
        )

    return dataclasses.replace(models, find_faces=find_faces)


def test_a_batch_says_who_appears_where(tmp_path: Path, settings: Settings) -> None:
    clips, out = tmp_path / "clips", tmp_path / "out"
    clips.mkdir()
    for n, name in enumerate("ab"):
        small_clip(clips / f"{name}.mp4", tone=440 + 40 * n)
    options = Options("PL", known=(Known("Ann", (EMBEDDING,)), Known("Bob", (EMBEDDING[::-1],))))
    todo = driver.Batch(jobs.read(clips, out, options, Look()), out, settings, with_faces, 2)
    outcomes = driver.run(todo)
    assert [list(outcome.known_people({"Ann", "Bob"})) for outcome in outcomes] == [["Ann"], ["Ann"]]
    assert [list(row["people"]) for row in json.loads((out / "summary.json").read_text())] == [["Ann"], ["Ann"]]
    assert ",Ann 1." in (out / "summary.csv").read_text() or ",Ann 0." in (out / "summary.csv").read_text()
    people = json.loads((out / "a" / "transcript.json").read_text())["people"]
    assert [person["name"] for person in people] == ["Ann"]
    renamed = driver.Batch(jobs.read(clips, out, Options("PL"), Look()), out, settings, with_faces, 2)
    assert [list(outcome.people) for outcome in driver.run(renamed)] == [
        ["Speaker 1"]
    ] * 2  # other people, other results
