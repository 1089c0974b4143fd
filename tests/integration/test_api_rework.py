"""The endpoints that work on a transcript that is there, called as a script calls them."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline import project, transcript
from pipeline.brought import Given
from pipeline.project import Project
from pipeline.records import Look
from pipeline.web import check
from tests import fakes
from tests.fixtures_web import PATIENT, served

pytest.importorskip("gradio_client")

from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from gradio_client.utils import Status

PLACED = (Status.IN_QUEUE, Status.PROCESSING, Status.PROGRESS, Status.ITERATING)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fakes.make_clip(tmp_path_factory.mktemp("clips") / "clip.mp4")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("page")
    with served(fakes.services(folder)) as url:
        yield Client(url, download_files=str(folder / "downloads"), verbose=False, httpx_kwargs=dict(PATIENT))


@pytest.fixture
def known() -> dict[str, Any]:
    return json.loads(transcript.to_json(fakes.analysis("PL")))


def test_edits_are_made_one_after_the_other(client: Client, known: dict[str, Any]) -> None:
    edits = [
        {"kind": "rename", "person": "p1", "value": "Ada"},
        {"kind": "source", "phrase": 2, "value": "And how soon?"},
        {"kind": "split", "phrase": 1, "at": 17},
        {"kind": "give", "lines": [3, 4], "value": "p2"},
        {"kind": "end", "phrase": 4, "value": 5.5},
        {"kind": "replace", "find": "longer", "value": "Later", "translated": False},
        {"kind": "remove", "phrase": 2},
    ]
    answer = client.predict(transcript=known, edits=edits, api_name="/edit")
    assert answer["people"][0]["name"] == "Ada"
    assert [p["source"] for p in answer["phrases"]] == [
        "Everyone here is", "working for a better future.", "Not long.", "Later than we thought.",
    ]  # fmt: skip
    assert [p["person"] for p in answer["phrases"]][2:] == ["p2", "p2"]
    assert answer["phrases"][-1]["end"] == 5.5


def test_a_project_stays_a_project_and_its_faces_can_be_given_away(client: Client) -> None:
    given = project.to_object(Project(fakes.analysis("PL"), Look("bars"), "clip.mp4"))
    answer = client.predict(transcript=given, edits=[{"kind": "noface", "person": "p1"}], api_name="/edit")
    opened = project.from_object(answer)
    assert (opened.look.name, opened.name) == ("bars", "clip.mp4")
    assert [person.face for person in opened.analysis.people] == [False, True, False]


def test_a_transcript_without_pictures_keeps_its_faces_when_they_change_hands(
    client: Client, known: dict[str, Any]
) -> None:
    answer = client.predict(transcript=known, edits=[{"kind": "face", "person": "p3", "face": "p2"}], api_name="/edit")
    assert [person["face"] for person in answer["people"]] == [True, False, True]
    assert [track["person"] for track in answer["tracks"]] == ["p1", "p3"]


@pytest.mark.parametrize(
    ("edits", "sentence"),
    [
        ([{"kind": "rename", "person": "p9", "value": "x"}], "Edit 1: That speaker is not there any more"),
        ([{"kind": "fly"}], "Edit 1: This version does not know that edit"),
        ("rename", "list of at most"),
        ([1], "list of at most"),
    ],
)
def test_an_edit_that_is_none_is_refused_in_a_sentence(
    client: Client, known: dict[str, Any], edits: list[dict[str, str]] | str | list[int], sentence: str
) -> None:
    with pytest.raises(Exception, match=sentence) as caught:
        client.predict(transcript=known, edits=edits, api_name="/edit")
    assert "Traceback" not in str(caught.value)


def test_one_line_is_translated_again(client: Client, known: dict[str, Any]) -> None:
    before = len(fakes.RENDERED)
    known["phrases"][1]["source"] = "How soon?"
    answer = client.predict(
        transcript=known, lines="2", deepl_key="5e0ca3b1-dead-4bee-9f00-0123456789ab:fx", api_name="/retranslate"
    )
    assert answer["phrases"][1]["translation"] == "PL: ?noos woH"
    assert answer["phrases"][0] == known["phrases"][0]
    assert len(fakes.RENDERED) == before


def test_everything_goes_into_another_language_without_a_clip(client: Client, known: dict[str, Any]) -> None:
    answer = client.predict(transcript=known, target_language="English", api_name="/retranslate")
    assert answer["target_language"] == "EN-US"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"target_language": "Klingon"}, "not a language"),
        ({"lines": "two"}, "lines are numbers"),
        ({"lines": "77"}, "no line 77"),
        ({"target_language": "German", "lines": "1"}, "other lines are in Polish"),
        ({"target_language": "German"}, "German needs a DeepL key"),
        ({"glossary": "no terms"}, "term = translation"),
        ({"deepl_key": "no key at all"}, "does not look like a DeepL key"),
        ({"deepl_key": fakes.REFUSED_KEY}, "check it in your DeepL account"),
    ],
)
def test_what_cannot_be_translated_again_is_refused_in_a_sentence(
    client: Client, known: dict[str, Any], arguments: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(Exception, match=sentence) as caught:
        client.predict(transcript=known, **arguments, api_name="/retranslate")
    assert "Traceback" not in str(caught.value)
    assert str(arguments.get("deepl_key", "never")) not in str(caught.value)


def test_a_key_that_is_missing_is_not_called_refused(client: Client, known: dict[str, Any]) -> None:
    with pytest.raises(AppError) as caught:
        client.predict(transcript=known, target_language="German", api_name="/retranslate")
    assert caught.value.title == "A DeepL key is needed"


def test_a_preview_is_one_picture_at_the_time_asked_for(client: Client, clip: Path, known: dict[str, Any]) -> None:
    from PIL import Image

    shades = []
    for at in (1.0, 5.0):
        picture = client.predict(video=handle_file(str(clip)), transcript=known, at=at, api_name="/preview")
        image = Image.open(io.BytesIO(Path(picture).read_bytes()))
        assert image.size == (fakes.WIDTH, fakes.HEIGHT)
        shades.append(int(np.asarray(image)[5, 5, 0]))
    assert shades == [40, 200]
    assert client.predict(video=handle_file(str(clip)), transcript=known, api_name="/preview")


def test_a_preview_at_no_time_is_refused(client: Client, clip: Path, known: dict[str, Any]) -> None:
    with pytest.raises(Exception, match="number of seconds"):
        client.predict(video=handle_file(str(clip)), transcript=known, at="soon", api_name="/preview")


def test_a_transcript_of_ones_own_is_imported(client: Client, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.srt").write_text("1\n00:00:00,400 --> 00:00:02,000\nMy own words.\n", encoding="utf-8")
    files, answer = client.predict(
        video=handle_file(str(clip)), transcript_file=handle_file(str(tmp_path / "mine.srt")), api_name="/import"
    )
    assert answer["phrases"][0]["source"] == "My own words."
    assert {Path(file).name for file in files} >= {"subtitles.srt", "transcript.json", "project.json"}


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("transcript_file", "Shall I compare thee", "cannot be read; give SRT"),
        ("transcript_file", "1\n00:09:00,400 --> 00:09:02,000\nLate.\n", "after the end of the clip"),
        ("turns_file", "SPEAKER a 1 x", "Line 1 of the RTTM"),
    ],
)
def test_a_file_that_is_none_is_refused_in_a_sentence(
    client: Client, clip: Path, tmp_path: Path, name: str, text: str, sentence: str
) -> None:
    (tmp_path / "file").write_text(text, encoding="utf-8")
    with pytest.raises(Exception, match=sentence) as caught:
        client.predict(video=handle_file(str(clip)), **{name: handle_file(str(tmp_path / "file"))}, api_name="/import")
    assert "Traceback" not in str(caught.value)


def test_a_client_that_waits_five_seconds_gets_its_place_while_its_transcript_is_read(
    client: Client, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """gradio_client gives up a request after five seconds; on a busy machine to read the file took longer."""
    asked, taken_in = threading.Event(), threading.Event()
    read = check.brought

    def slow(transcript: str | None, turns: str | None) -> Given:
        asked.set()
        assert taken_in.wait(60), "the call was not taken in before its file was read"
        return read(transcript, turns)

    monkeypatch.setattr(check, "brought", slow)
    (tmp_path / "mine.srt").write_text("1\n00:00:00,400 --> 00:00:02,000\nMy own words.\n", encoding="utf-8")
    job = client.submit(
        video=handle_file(str(clip)), transcript_file=handle_file(str(tmp_path / "mine.srt")), api_name="/import"
    )
    assert asked.wait(60)
    end = time.monotonic() + 30
    while not (has_its_place := job.status().code in PLACED) and time.monotonic() < end:
        time.sleep(0.05)
    taken_in.set()
    assert has_its_place
    assert job.result()[1]["phrases"][0]["source"] == "My own words."
