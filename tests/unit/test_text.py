"""Cleaning, graphemes, bidirectional levels, and cutting by character count."""

from __future__ import annotations

import ctypes
import ctypes.util
import random
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.records import Word
from pipeline.text import (
    MAX_MARKS,
    MAX_TEXT,
    clean,
    ends_clause,
    ends_sentence,
    graphemes,
    join_words,
    levels,
    script,
    split,
    split_like,
    split_words,
    text_width,
    wrap,
)

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("  a\n\tb\r\nc \u2028 d ", "a b c d"),
        ("\u202eevil\u202c \u2066x\u2069\u200f", "evil x"),
        ("nul\x00 esc\x1b[31m", "nul esc [31m"),
        ("e\u0301", "é"),
        ("soft\u00adhyphen\ufeff", "softhyphen"),
        ("می\u200cخواهم", "می\u200cخواهم"),  # Persian needs its joiner
        ("👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"),
        ("private \ue000 lone \ud800", "private lone"),
        ("a" + "\u0301" * 500, "á" + "\u0301" * MAX_MARKS),
        ("", ""),
    ],
)
def test_clean(raw: str, expected: str) -> None:
    assert clean(raw) == expected


@given(st.text(max_size=300))
@settings(max_examples=200, deadline=None)
def test_clean_is_bounded_and_stable(text: str) -> None:
    once = clean(text, 60)
    assert len(once) <= 60
    assert clean(once, 60) == once
    assert not set(once) & set("\n\r\t\0\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")


def test_three_hours_of_text_are_bounded() -> None:
    assert len(clean("word " * 2_000_000)) <= MAX_TEXT


def test_graphemes_keep_what_a_reader_sees_as_one() -> None:
    assert graphemes("é👍🏽🇵🇱") == ("é", "👍🏽", "🇵🇱")
    assert graphemes("क्षत्रिय") == ("क्ष", "त्रि", "य")
    assert graphemes("ស្រី") == ("ស្រី",)  # Khmer coeng, which UAX 29 would cut
    assert graphemes("น้ำ") == ("น้ำ",)
    assert "".join(graphemes("Zażółć ස්‍රී 👨‍👩‍👧")) == "Zażółć ස්‍රී 👨‍👩‍👧"


def test_scripts() -> None:
    assert [script(part) for part in ("ą", "я", "ع", "क्ष", "漢", "か", "😀", "1", " ", "1️⃣")] == [
        "Latn", "Cyrl", "Arab", "Deva", "Hani", "Hira", "Zsye", "Zyyy", "Zyyy", "Zsye",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "direction", "expected"),
    [
        ("abc", "ltr", "000"),
        ("abc", "rtl", "222"),
        ("אבג", "ltr", "111"),
        ("אב 12 ג", "rtl", "1112211"),
        ("a אב (c)", "ltr", "00110000"),
        ("א (b) ג", "rtl", "1112111"),
        ("עברית (english) 5%", "rtl", "11111112222222112" + "2"),
        ("abc אבג 123", "ltr", "00001111222"),
        ("ع ٣-٥", "rtl", "11212"),
    ],
)
def test_levels(text: str, direction: str, expected: str) -> None:
    assert "".join(map(str, levels(text, direction))) == expected


def test_levels_are_fribidis() -> None:
    name = ctypes.util.find_library("fribidi")
    if name is None:
        pytest.skip("no FriBiDi on this machine to compare with")
    fribidi = ctypes.CDLL(name)
    # FriBidiLevel is a signed char; as an int its upper bytes are whatever was in the register
    fribidi.fribidi_get_par_embedding_levels_ex.restype = ctypes.c_int8
    dice = random.Random(7)
    letters = "abcאבגابج123٤٥۶ ()[]{}«»,.:;!?-+/%$#*☺「」"
    for _ in range(4000):
        text = (
            "".join(dice.choice(letters) for _ in range(dice.randint(1, 14))) + "x"
        )  # x: no trailing space, rule L1 aside
        for direction, base in (("ltr", 0x110), ("rtl", 0x111)):
            n = len(text)
            array = ctypes.c_uint32 * n
            codes, kinds, brackets, got = array(*map(ord, text)), array(), array(), (ctypes.c_int8 * n)()
            fribidi.fribidi_get_bidi_types(codes, n, kinds)
            fribidi.fribidi_get_bracket_types(codes, n, kinds, brackets)
            paragraph = ctypes.byref(ctypes.c_uint32(base))
            assert fribidi.fribidi_get_par_embedding_levels_ex(kinds, brackets, n, paragraph, got) > 0
            assert levels(text, direction) == list(got), (text, direction)


def test_width_counts_as_a_reader_sees() -> None:
    assert text_width("Zażółć") == 6
    assert text_width("日本語") == 6
    assert text_width("ที่") == 1


def test_split_cuts_at_sentences_and_loses_nothing() -> None:
    text = "It was late. Nobody came to the door, although we had rung twice. So we went home again and slept."
    pieces = split(text, 2, "en")
    assert pieces == (
        "It was late. Nobody came to the door, although we had rung twice.",
        "So we went home again and slept.",
    )
    assert " ".join(split(text, 5, "en")) == text
    assert split("Donaudampfschiff", 3, "de") == ("Donaudampfschiff",)


@pytest.mark.parametrize(
    ("text", "tag", "lines"),
    [
        ("short", "en", ("short",)),
        (
            "We have a city to burn, samurai, and the night is young.",
            "en",
            ("We have a city to burn,", "samurai, and the night is young."),
        ),
        (
            "昨日友達と一緒に映画を見に行きました。とても面白かったです。",
            "ja",
            ("昨日友達と一緒に映画を見に", "行きました。とても面白かったです。"),
        ),
    ],
)
def test_wrap(text: str, tag: str, lines: tuple[str, ...]) -> None:
    assert wrap(text, 42, tag) == lines


def test_thai_breaks_between_words() -> None:
    first, second = wrap("มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิต่างมีเหตุผล", 42, "th")
    words = (
        "มนุษย์",
        "ทั้งหลาย",
        "เกิด",
        "มา",
        "มี",
        "อิสระ",
        "และ",
        "เสมอ",
        "ภาค",
        "กัน",
        "ใน",
        "เกียรติศักดิ์",
        "สิทธิ",
        "ต่าง",
        "เหตุผล",
    )
    assert first.endswith(words)
    assert second.startswith(words)


@pytest.mark.parametrize(
    "text",
    ["No.", "Why?!", "«Да.»", "»Ja.«", "said “yes.”", "(Really!)", "and then…", "家に帰りました。", "「そう。」", "هل أنت هنا؟",
     "یہ ہے۔", "यह है।", "श्लोक॥", "បាទ។", "ဟုတ်။", "አዎ።", "Այո։", "gone. "],
)  # fmt: skip
def test_a_sentence_ends_in_every_script(text: str) -> None:
    assert ends_sentence(text)
    assert not ends_clause(text)


@pytest.mark.parametrize(
    "text", ["well,", "so:", "then;", "then —", "نعم،", "はい、", "对，", "አዎ፣", "he said, ", "«yes»,"]
)
def test_a_clause_ends_in_every_script(text: str) -> None:
    assert ends_clause(text)
    assert not ends_sentence(text)


@pytest.mark.parametrize("text", ["", "word", "well-", "(word)", "«word»", "4", "3.5"])
def test_nothing_ends_inside(text: str) -> None:
    assert not ends_sentence(text)
    assert not ends_clause(text)


def timed(text: str, start: float = 0.0, step: float = 0.3, pauses: Iterable[tuple[int, float]] = ()) -> list[Word]:
    """Words of `step` seconds each, with a pause before those whose index is in `pauses`."""
    words, at = [], start
    for index, piece in enumerate(text.split()):
        at += dict(pauses).get(index, 0.0)
        words.append(Word(at, at + step, piece))
        at += step
    return words


def test_words_become_subtitles_at_pauses_and_sentence_ends() -> None:
    words = timed(
        "I came. I saw what there was. Then I went home again, and slept until the morning came to wake me up."
    )
    pieces = split_words(words, "en")
    assert [first for first, _ in pieces] == [0, *(after for _, after in pieces[:-1])]
    assert pieces[-1][1] == len(words)
    texts = [join_words(words[a:b], "en") for a, b in pieces]
    assert all(text_width(text) <= 84 for text in texts)
    assert texts[0].endswith((".", ","))
    silence = timed("one two three four", pauses={2: 1.5}.items())
    assert split_words(silence) == ((0, 2), (2, 4))
    assert split_words([]) == ()
    assert split_words(timed("one")) == ((0, 1),)


def test_words_of_scripts_without_spaces_are_measured_without_them() -> None:
    words = timed("漢 " * 60)
    assert max(b - a for a, b in split_words(words, "ja", longest_s=60)) <= 42
    assert join_words(words[:2], "ja") == "漢漢"
    assert join_words(words[:2], "en") == "漢 漢"


def test_a_translation_is_split_like_its_source() -> None:
    assert split_like("Czekaliśmy, bo tak. Potem poszliśmy.", ["We waited, because.", "Then we went."], "pl") == (
        "Czekaliśmy, bo tak.",
        "Potem poszliśmy.",
    )
    assert split_like("Tak", ["We", "waited"], "pl") is None


def test_three_hours_of_words_are_split_at_once() -> None:
    words = timed("word, " * 30_000)
    assert len(split_words(words, "en")) > 1000
