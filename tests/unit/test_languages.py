"""The language lists and what people type for them."""

from __future__ import annotations

import unicodedata
from typing import Any

import deepl
import pytest

from pipeline import languages
from pipeline.errors import LanguageError
from pipeline.languages import SOURCES, TARGETS, deepl_source, parse_source, parse_target, same_language, spoken

pytestmark = pytest.mark.unit


def test_targets_are_those_of_the_official_client() -> None:
    official = {
        value.upper()
        for name, value in vars(deepl.Language).items()
        if name.isupper() and isinstance(value, str) and value not in ("en", "pt", "zh")
    }
    assert {language.code for language in TARGETS} == official


def test_sources_are_those_of_whisper() -> None:
    tokenizer = pytest.importorskip("faster_whisper.tokenizer")
    assert {language.whisper for language in SOURCES} == set(tokenizer._LANGUAGE_CODES)
    assert len(SOURCES) == len(tokenizer._LANGUAGE_CODES)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("PL", "PL"), ("pl", "PL"), ("Polish", "PL"), ("polski", "PL"), ("  POLISH ", "PL"), ("en-us", "EN-US"),
        ("EN_GB", "EN-GB"), ("english", "EN-US"), ("en", "EN-US"), ("zh", "ZH-HANS"), ("zh-TW", "ZH-HANT"), ("pt", "PT-BR"),
        ("Portuguese (European)", "PT-PT"), ("es-419", "ES-419"), ("日本語", "JA"), ("Français", "FR"), ("francais", "FR"),
        ("no", "NB"), ("Farsi", "FA"), ("in", "ID"), ("العربية", "AR"), ("हिन्दी", "HI"), ("한국어", "KO"), ("yue", "YUE"),
        ("TIẾNG VIỆT", "VI"), (unicodedata.normalize("NFD", "Čeština"), "CS"),
    ],
)  # fmt: skip
def test_targets_by_any_name(text: str, code: str) -> None:
    assert parse_target(text).code == code


@pytest.mark.parametrize("language", TARGETS, ids=lambda language: language.code)
def test_every_target_is_found_by_code_and_both_names(language: Any) -> None:
    for text in (language.code, language.code.lower(), language.name, language.name.upper(), language.own_name):
        assert parse_target(text) == language


@pytest.mark.parametrize("language", SOURCES, ids=lambda language: language.code)
def test_every_source_is_found_by_code_and_both_names(language: Any) -> None:
    for text in (language.whisper, language.code, language.name, language.own_name):
        assert parse_source(text) == language
    assert spoken(language.whisper) == language


def test_a_mistyped_language_gets_a_suggestion() -> None:
    with pytest.raises(LanguageError, match=r"'Polsih'.*Polish \(PL\)"):
        parse_target("Polsih")
    with pytest.raises(LanguageError, match="give a name like Polish"):
        parse_target("qqqqqqq")
    with pytest.raises(LanguageError):
        parse_target("")
    with pytest.raises(LanguageError) as caught:
        parse_source("x" * 10_000)
    assert len(str(caught.value)) < 200


def test_whisper_codes_become_deepl_source_codes() -> None:
    assert [deepl_source(code) for code in ("en", "no", "jw", "pt", "zh", "yue")] == [
        "EN",
        "NB",
        "JV",
        "PT",
        "ZH",
        "YUE",
    ]
    assert deepl_source("haw") is None
    assert deepl_source("xx") is None


@pytest.mark.parametrize(
    ("source", "target", "same"),
    [
        ("en", "EN-GB", True), ("EN", "en-us", True), ("no", "NB", True), ("nn", "NB", False), ("zh", "ZH-HANS", True),
        ("zh", "ZH-HANT", True), ("pt", "PT-PT", True), ("en", "PL", False), ("es", "ES-419", True), ("jw", "JV", True),
        ("yue", "ZH-HANT", False), ("yue", "YUE", True), ("xx", "PL", False),
    ],
)  # fmt: skip
def test_same_language(source: str, target: str, same: bool) -> None:
    assert same_language(source, target) is same


def test_directions_follow_the_own_names() -> None:
    for language in (*TARGETS, *SOURCES):
        bidi = {unicodedata.bidirectional(character) for character in language.own_name}
        assert (language.direction == "rtl") == bool(bidi & {"R", "AL"}), language.code


def test_formality_is_deepls() -> None:
    formal = {language.code for language in TARGETS if language.formality}
    assert formal == {"DE", "ES", "ES-419", "FR", "IT", "JA", "NL", "PL", "PT-BR", "PT-PT", "RU"}
    assert languages.parse_target("pt-br").formality
