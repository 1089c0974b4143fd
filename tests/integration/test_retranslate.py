"""Lines translated again: nothing is heard or seen again, and nothing but the translations changes."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

import pytest

from pipeline import edit, retranslate
from pipeline.errors import KeyMissingError, TranslationError, UsageError
from pipeline.options import Options
from pipeline.records import Analysis, KeyFree, Notice, Phrase, Stage
from pipeline.settings import Settings
from pipeline.stages import Models
from tests import fakes
from tests.deepl_server import DeepLServer, status, translated
from tests.fixtures_runs import FOUND, finish, quick_models


@pytest.fixture
def known() -> Analysis:
    return fakes.analysis("PL")


NO_CLIP = Path("/nowhere/clip.mp4")  #: DeepL needs none


def again(
    known: Analysis,
    settings: Settings,
    target: str = "PL",
    *,
    models: Models | None = None,
    path: Path = NO_CLIP,
    lines: list[int] | None = None,
) -> Analysis:
    stage = retranslate.retranslate(path, known, Options(target), settings, models or quick_models(), lines=lines)
    return finish(stage)


def test_one_corrected_line_is_translated_again_and_nothing_else_changes(
    known: Analysis, keyed: Settings, server: DeepLServer
) -> None:
    corrected = edit.correct_source(known, 2, "And how soon is that?")
    result = again(corrected, keyed, lines=[2])
    assert result.phrases[1].translation == translated("And how soon is that?")
    others = [i for i in range(4) if i != 1]
    assert [result.phrases[i] for i in others] == [corrected.phrases[i] for i in others]
    assert dataclasses.replace(result, phrases=(), notices=(), models={}) == dataclasses.replace(
        corrected, phrases=(), notices=(), models={}
    )
    assert server.requests[0]["text"] == ["And how soon is that?"]
    assert "Everyone here is working" in server.requests[0]["context"]


def test_everything_goes_into_another_language(known: Analysis, keyed: Settings, server: DeepLServer) -> None:
    result = again(known, keyed, "DE")
    assert result.target_language == "DE"
    assert [phrase.translation for phrase in result.phrases] == [translated(phrase.source) for phrase in known.phrases]
    assert {request["target_lang"] for request in server.requests} == {"DE"}
    assert result.models["translation"] == "DeepL"
    assert [phrase.words for phrase in result.phrases] == [phrase.words for phrase in known.phrases]


def test_notices_of_the_translation_before_go_and_others_stay(known: Analysis, keyed: Settings) -> None:
    told = dataclasses.replace(
        known, notices=(Notice("no_key", "old"), Notice("untranslated", "old"), Notice("x", "stays"))
    )
    codes = [notice.code for notice in again(told, keyed, "DE").notices]
    assert codes == ["x", "deepl_usage"]


def test_without_a_key_only_the_translator_runs(known: Analysis, settings: Settings, tmp_path: Path) -> None:
    calls: Counter[str] = Counter()
    clip = fakes.make_clip(tmp_path / "clip.mp4")
    result = again(known, settings, models=quick_models(calls), path=clip, lines=[1, 4])
    assert calls == {"translate": 1}
    assert [phrase.translation == FOUND for phrase in result.phrases] == [True, False, False, True]
    assert {"no_key", "heard_again"} <= {notice.code for notice in result.notices}


def test_a_translator_that_reads_needs_no_sound(known: Analysis, settings: Settings, tmp_path: Path) -> None:
    clip = fakes.make_clip(tmp_path / "clip.mp4")
    seen = []

    def translate(sound: Path, phrases: tuple[Phrase, ...], language: str, target: str) -> Stage[KeyFree]:
        seen.append((sound.exists(), language, target, [phrase.source for phrase in phrases]))
        yield from ()
        return KeyFree(tuple(phrase.source.upper() for phrase in phrases), "Babel")

    models = dataclasses.replace(quick_models(), translate_speech=translate, reads=True)
    corrected = edit.correct_source(known, 3, "Not so long.")
    result = again(corrected, settings, models=models, path=clip, lines=[3])
    assert seen == [(False, "en", "PL", ["Not so long."])]
    assert result.phrases[2].translation == "NOT SO LONG."
    assert "heard_again" not in {notice.code for notice in result.notices}


def test_no_language_takes_the_translations_away(known: Analysis, settings: Settings) -> None:
    result = again(known, settings, "")
    assert result.target_language == ""
    assert not any(phrase.translation for phrase in result.phrases)


def test_a_language_that_needs_a_key_is_refused_and_nothing_is_lost(known: Analysis, settings: Settings) -> None:
    models = dataclasses.replace(quick_models(), translates_to=lambda target: False)
    with pytest.raises(KeyMissingError, match="German needs a DeepL key"):
        again(known, settings, "DE", models=models)


def test_a_service_that_fails_changes_nothing_and_says_why(
    known: Analysis, keyed: Settings, server: DeepLServer
) -> None:
    server.always = status(503)
    with pytest.raises(TranslationError, match="DeepL"):
        again(known, keyed, "DE")


def test_one_line_cannot_be_in_another_language_than_the_rest(known: Analysis, keyed: Settings) -> None:
    with pytest.raises(UsageError, match="other lines are in Polish"):
        again(known, keyed, "DE", lines=[1])


@pytest.mark.parametrize(("lines", "said"), [([99], "no line 99"), ([], "No line is selected")])
def test_lines_that_are_none_are_refused(known: Analysis, keyed: Settings, lines: list[int], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        again(known, keyed, lines=lines)


def test_a_line_in_the_target_language_stays_as_it_is(known: Analysis, keyed: Settings) -> None:
    result = again(dataclasses.replace(known, language="de"), keyed, "DE")
    assert not any(phrase.translation for phrase in result.phrases)
    assert "already_in_target" in {notice.code for notice in result.notices}
