"""What nothing can translate is said before a run begins, on the command line and over the API."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from pipeline import __main__ as command
from pipeline import results, translate
from pipeline.models import sets
from pipeline.options import Options
from pipeline.records import Analysis, Progress, Stage
from pipeline.settings import Settings
from pipeline.stages import Models
from pipeline.web import calls
from tests import fakes
from tests.fixtures_runs import quick_models

SENTENCE = "A translation into German needs a DeepL key, so the subtitles stay in the original language"
KEY = "5e0ca3b1-dead-4bee-9f00-0123456789ab:fx"


def english_only() -> Models:
    """Models that translate into English without a key, as the light set does."""
    return dataclasses.replace(quick_models(), translates_to=lambda target: target.startswith("EN"))


def test_a_target_without_a_model_and_without_a_key_is_foretold() -> None:
    found = translate.foretold(Options("DE"), Settings(), english_only())
    assert found is not None
    assert found.text.startswith(SENTENCE)


@pytest.mark.parametrize(
    ("options", "settings"),
    [
        (Options(""), Settings()),
        (Options("EN-US"), Settings()),
        (Options("DE", "de"), Settings()),
        (Options("DE", keys=(KEY,)), Settings()),
        (Options("DE"), Settings(deepl_keys=(KEY,))),
    ],
    ids=["no translation", "a model", "spoken already", "a visitor's key", "the owner's key"],
)
def test_nothing_is_foretold_where_something_translates(options: Options, settings: Settings) -> None:
    assert translate.foretold(options, settings, english_only()) is None


def test_the_command_says_it_once_and_before_a_model_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before: list[str] = []

    def process(*_: Any, **__: Any) -> Stage[Analysis]:
        yield Progress("probe")
        before.append(capsys.readouterr().err)
        yield Progress("speech")
        before.append(capsys.readouterr().err)
        missing = translate.foretold(Options("DE"), Settings(), english_only())
        assert missing is not None
        return dataclasses.replace(fakes.analysis(), notices=(missing,))

    monkeypatch.setattr(results, "process", process)
    monkeypatch.setattr(sets, "load", lambda settings: english_only())
    for name in ("DEEPL_AUTH_KEY", "DEEPL_KEY"):
        monkeypatch.delenv(name, raising=False)
    clip = tmp_path / "clip.mp4"
    clip.touch()
    assert command.main([str(clip), "--to", "German", "--out", str(tmp_path / "out")]) == 0
    assert SENTENCE not in before[0], "a clip that is refused gets one sentence"
    assert SENTENCE in before[1]
    assert SENTENCE not in capsys.readouterr().err


def test_a_call_over_the_api_gets_it_as_its_first_progress() -> None:
    told: list[str] = []

    def progress(at: float, desc: str) -> None:
        told.append(desc)

    stage = translate.plan(Options("DE"), Settings(), english_only(), 10.0)
    given: Any = progress
    list(calls.follow(stage, given, ()))
    assert told[0].startswith(SENTENCE)
