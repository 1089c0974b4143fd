"""Every language we name can be written with the shipped fonts, and nothing is drawn as a box."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont

from pipeline.languages import SOURCES, TARGETS
from pipeline.subtitles import fonts
from pipeline.text import graphemes

pytestmark = pytest.mark.unit

WRITING = json.loads((Path(__file__).parent / "data" / "writing.json").read_text("utf-8"))
LANGUAGES = {language.code: language for language in (*SOURCES, *TARGETS)}
FILES = sorted(path.name for path in fonts.FOLDER.glob("*.ttf"))


def all_faces() -> set[fonts.Face]:
    return {face for family in fonts.FAMILIES for face in fonts.faces(family)}


def test_every_language_has_a_sample() -> None:
    assert set(WRITING) == set(LANGUAGES)
    assert all(len(item["sample"]) > 30 for item in WRITING.values())


@pytest.mark.parametrize("code", sorted(LANGUAGES))
def test_every_language_has_all_glyphs(code: str) -> None:
    assert fonts.coverage(WRITING[code]["sample"]) == ()
    # U+7CE5 is on CLDR's Cantonese list, a rare form of 糯 that Noto Sans TC has not either.
    assert set(fonts.coverage(" ".join(WRITING[code]["letters"]))) <= {"糥"}


@pytest.mark.parametrize("code", sorted(code for code, language in LANGUAGES.items() if language.script == "Latn"))
def test_latin_alphabets_stay_in_one_face(code: str) -> None:
    """No language changes its face from phrase to phrase because one letter is missing."""
    first = fonts.faces("technical", "Latn", code)[0]
    letters = {letter for letter in WRITING[code]["letters"] if letter.isalpha()}
    assert all(fonts.covers(first, letter) for letter in letters), code


def test_what_no_font_has_is_named() -> None:
    text, missing = fonts.supported("a\U00013000b ཀ ꦏ")
    assert text == "ab ཀ "
    assert missing == ("\U00013000", "ꦏ")


def test_compatibility_forms_stand_in() -> None:
    assert fonts.supported("𝓐𝓫") == ("Ab", ())


def test_a_word_is_never_set_in_two_faces() -> None:
    parts = graphemes("Đường Zażółć")
    chosen = fonts.choose(parts, fonts.faces("technical"))
    assert set(chosen) == {fonts.NOTO_SANS}  # Rajdhani has the Polish but not the Vietnamese letters


@pytest.mark.parametrize(
    ("script", "family"), [("Jpan", "JP"), ("Kore", "JP"), ("Hans", "SC"), ("Hant", "TC"), ("", "SC")]
)
def test_han_characters_take_the_readers_shapes(script: str, family: str) -> None:
    (face,) = fonts.choose(("直",), fonts.faces("technical", script))
    assert face is not None
    assert face.family == f"Noto Sans {family}"


@pytest.mark.parametrize("text", ["😀", "👨‍👩‍👧", "🇵🇱", "1️⃣", "❤️"])
def test_emoji_come_from_the_emoji_font(text: str) -> None:
    assert [face and face.family for face in fonts.choose(graphemes(text), fonts.faces("technical"))] == ["Noto Emoji"]


def test_symbols_of_subtitles() -> None:
    assert fonts.coverage("♪♫♬♩ …–—‘’“”„«»‹›•·°§©®™€£¥₽₹₴₺¿¡№ ←→↑↓⇒ ½¼¾ ✓✗★☆ ≈≠≤≥±×÷∞ ①②③ ♥♦♣♠") == ()


@pytest.mark.parametrize("file", FILES)
def test_files_are_what_the_table_says(file: str) -> None:
    named = {name for face in all_faces() for name in (face.file, face.bold) if name}
    assert file in named, "a font nobody uses"
    font = TTFont(fonts.FOLDER / file, lazy=True)
    name = font["name"]
    assert "Open Font License" in name.getDebugName(13) or "openfontlicense" in (name.getDebugName(14) or "")
    for face in all_faces():
        if face.file == file:
            assert name.getDebugName(4) == face.full_name


def test_every_font_is_shipped_with_its_licence_and_small() -> None:
    for face in all_faces():
        assert (fonts.FOLDER / face.file).exists()
        assert not face.bold or (fonts.FOLDER / face.bold).exists()
    licences = list((fonts.FOLDER / "licences").glob("*.txt"))
    assert len(licences) >= 29
    assert all("SIL OPEN FONT LICENSE" in path.read_text("utf-8").upper() for path in licences)
    assert sum(path.stat().st_size for path in fonts.FOLDER.rglob("*")) < 25_000_000


@pytest.mark.parametrize(
    "script", sorted({language.script for language in TARGETS} | {language.script for language in SOURCES})
)
def test_glyph_pools_are_of_the_script_and_covered(script: str) -> None:
    pool = fonts.glyph_pool(script)
    assert len(set(graphemes(pool))) == len(graphemes(pool)) >= 20
    assert fonts.coverage(pool) == ()
    if script != "Latn":
        assert pool != fonts.glyph_pool("Latn")
