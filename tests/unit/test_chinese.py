"""Chinese comes out in one script."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline import run, translate
from pipeline.options import Options
from pipeline.perceive import Stopwatch
from pipeline.progress import Clock
from pipeline.records import Analysis, Attribution, Clip, KeyFree, Phrase, Word
from pipeline.retranslate import retranslate
from pipeline.settings import Settings
from pipeline.text.chinese import convert, convert_pieces, main_script
from pipeline.translate import in_one_script
from tests import fakes
from tests.fixtures_runs import finish, quick_models

pytestmark = pytest.mark.unit


def phrase(number: int, source: str, language: str = "") -> Phrase:
    words = tuple(Word(number + k * 0.1, number + k * 0.1 + 0.1, text) for k, text in enumerate(source))
    return Phrase(number, number, number + 1.0, "p1", source, words, language=language)


MIXED = (phrase(1, "我們后来發现"), phrase(2, "这是汉字"), phrase(3, "头发很长"))


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("ZH-HANT", ("我們後來發現", "這是漢字", "頭髮很長")),
        ("ZH-HANS", ("我们后来发现", "这是汉字", "头发很长")),
        ("EN-US", ("我们后来发现", "这是汉字", "头发很长")),  # most of it is simplified
        ("", ("我们后来发现", "这是汉字", "头发很长")),
    ],
)
def test_a_mixture_of_characters_becomes_one_script(target: str, expected: tuple[str, str, str]) -> None:
    unified = in_one_script(MIXED, "zh", target)
    assert tuple(p.source for p in unified) == expected
    assert tuple("".join(w.text for w in p.words) for p in unified) == expected
    assert [w.start for p in unified for w in p.words] == [w.start for p in MIXED for w in p.words]


def test_other_languages_are_left_alone() -> None:
    japanese = (phrase(1, "国会議員", "ja"), phrase(2, "这是汉字"))
    assert in_one_script(japanese, "zh", "ZH-HANT")[0] == japanese[0]
    assert in_one_script(japanese[:1], "ja", "ZH-HANT") == japanese[:1]


def test_most_characters_decide_the_script() -> None:
    assert main_script(["這是漢字", "头"]) == "Hant"
    assert main_script(["这是汉字", "頭"]) == "Hans"
    assert (main_script(["好"]), main_script(["好"], "yue")) == ("Hans", "Hant")


def test_a_character_depends_on_its_neighbours() -> None:
    assert convert_pieces(["头", "发", "发", "展"], "Hant") == ("頭", "髮", "發", "展")
    assert convert("皇后", "Hant") == "皇后"


def _concluded(target: str) -> Analysis:
    """Return what a run makes of `MIXED`, which the recogniser wrote in both scripts."""
    clip = Clip(Path("clip.wav"), 5.0, has_video=False, has_audio=True)
    answer = Attribution(fakes.analysis().people[:1], MIXED, (), ())
    found = run.Found("zh", answer, (), None, ())
    plan, watch = translate.Plan(target), Stopwatch()
    clock = Clock(("translate",))
    work = run.concluded(clip, found, plan, Options(target), Settings(), quick_models(), clock, watch)
    return finish(work)


@pytest.mark.parametrize(("target", "first"), [("ZH-HANT", "我們後來發現"), ("", "我们后来发现")])
def test_a_run_does_not_mix_traditional_and_simplified_characters(target: str, first: str) -> None:
    phrases = _concluded(target).phrases
    assert phrases[0].source == "".join(word.text for word in phrases[0].words) == first
    assert [phrase.source for phrase in phrases] == [phrase.source for phrase in in_one_script(MIXED, "zh", target)]


def test_chinese_that_is_shown_to_readers_of_the_other_script_changes_its_characters() -> None:
    """Another language is chosen for a clip that was heard before: no word is translated, and all are converted."""
    known = replace(_concluded("EN-US"), target_language="EN-US")
    assert known.phrases[0].source == "我们后来发现"
    again = finish(retranslate(None, known, Options("ZH-HANT"), Settings(), quick_models()))
    assert [phrase.source for phrase in again.phrases] == ["我們後來發現", "這是漢字", "頭髮很長"]
    assert "".join(word.text for word in again.phrases[2].words) == "頭髮很長"


@pytest.mark.parametrize(("target", "expected"), [("ZH-HANT", "這是漢字。"), ("ZH-HANS", "这是汉字。")])
def test_a_key_free_translation_is_in_the_characters_that_were_asked_for(target: str, expected: str) -> None:
    """Open models write the script of most of what they learned from, whichever is asked for."""
    english = (phrase(1, "These are Chinese characters.", "en"),)
    given = KeyFree(("这是漢字。",), "open model")
    found = finish(translate.carry_out(translate.Plan(target, target), english, "en", given, Settings()))
    assert found.texts == (expected,)
