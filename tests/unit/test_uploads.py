"""Uploads: each under a name of its own, and looked into once."""

from __future__ import annotations

import io
import os
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline import download
from pipeline.errors import LimitError, NotAClipError
from pipeline.options import Options
from pipeline.records import Clip
from pipeline.web import intake, uploads
from tests import fakes

pytestmark = pytest.mark.unit


def test_two_uploads_of_one_content_get_two_names() -> None:
    from gradio import processing_utils, route_utils

    uploads.make_private()
    uploads.make_private()  # a second page in the same process
    names = set()
    for _ in range(2):
        upload = route_utils.GradioUploadFile(io.BytesIO(b"film"), filename="film.mp4")
        upload.sha.update(b"film")
        names |= {upload.sha.hexdigest(), processing_utils.hash_base64("data:video/mp4;base64,ZmlsbQ==")}
    assert len(names) == 4


def test_a_file_is_looked_into_once_until_it_changes(tmp_path: Path) -> None:
    asked = []

    def probe(path: Path) -> Clip:
        asked.append(path)
        return Clip(path, 1.0, True, True)

    probed = uploads.Probed(probe)
    one, other = tmp_path / "one", tmp_path / "other"
    for path in (one, other):
        path.write_bytes(b"film")
    assert [probed(path).path for path in (one, other, one, other)] == [one, other, one, other]
    assert asked == [one, other]
    one.write_bytes(b"a longer film")
    os.utime(one, ns=(1, 1))
    probed(one)
    assert asked == [one, other, one]


def test_a_refusal_is_remembered_with_its_kind(tmp_path: Path) -> None:
    asked = []

    def probe(path: Path) -> Clip:
        asked.append(path)
        raise LimitError("It is too long; cut it.")

    probed = uploads.Probed(probe)
    (tmp_path / "long").write_bytes(b"film")
    for _ in range(2):
        with pytest.raises(LimitError, match="too long"):
            probed(tmp_path / "long")
    assert len(asked) == 1


def test_a_file_that_took_too_long_once_can_be_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[Clip | NotAClipError] = [NotAClipError("It takes too long."), Clip(tmp_path, 1.0, True, True)]

    def probe(path: Path) -> Clip:
        answer = answers.pop(0)
        if isinstance(answer, NotAClipError):
            raise answer
        return answer

    probed = uploads.Probed(probe)
    (tmp_path / "film").write_bytes(b"film")
    for _ in range(2):
        with pytest.raises(NotAClipError):
            probed(tmp_path / "film")
    monkeypatch.setattr(uploads, "REFUSED_S", -1.0)
    assert probed(tmp_path / "film").duration == 1.0


def test_the_memory_of_uploads_is_bounded(tmp_path: Path) -> None:
    probed = uploads.Probed(lambda path: Clip(path, 1.0, True, True))
    for number in range(uploads.REMEMBERED + 5):
        path = tmp_path / str(number)
        path.write_bytes(b"film")
        probed(path)
    assert len(probed._known) == uploads.REMEMBERED


def test_a_file_that_is_gone_is_no_clip(tmp_path: Path) -> None:
    from pipeline.web import check

    services = fakes.services(tmp_path)
    services = replace(services, probe=uploads.Probed(services.probe))
    with pytest.raises(NotAClipError, match="not here any more"):
        check.clip(tmp_path / "gone", services)


def test_what_is_found_in_a_clip_belongs_to_the_upload_and_else_to_the_session(tmp_path: Path) -> None:
    """Findings in the caches are kept apart by it."""
    services = fakes.services(tmp_path)
    clip = fakes.make_clip(tmp_path / "clip.mp4", seconds=1)
    form = dict.fromkeys(intake.FORM, "") | {
        "target": "EN-US", "look": "cyberpunk", "position": "auto", "text_size": 1.0, "texts": "morph", "reveal": "live",
    }  # fmt: skip
    uploaded = intake.request([{**form, "clip": str(clip)}[name] for name in intake.FORM], services, "session")
    fetched = intake.request(
        [{**form, "url": "https://example.com/a"}[name] for name in intake.FORM], services, "session"
    )
    assert (uploaded.options.owner, fetched.options.owner) == (str(clip), "session")
    assert "session" not in repr(fetched.options)
    assert Options().owner == ""


def test_the_time_that_is_typed_counts_before_the_one_in_the_address() -> None:
    address = intake.started("https://example.com/film#t=90&quality=high", "2:00")
    assert download._checked(address, ()) == ("https://example.com/film", 120.0)
    assert intake.started("https://example.com/film#t=90", "0:00") == "https://example.com/film#t=90"
