"""How sure a transcript is: the language, letters of other scripts, and words the recogniser doubts."""

from __future__ import annotations

import pytest

from pipeline.notices import about_phrases, when
from pipeline.records import Segment, Word
from pipeline.speech.doubt import decide, misheard, notices
from pipeline.speech.guards import without_invention
from pipeline.text.scripts import foreign_letters

pytestmark = pytest.mark.unit


def segment(text: str, start: float = 0.0, probability: float = 0.9, language: str = "") -> Segment:
    words = tuple(
        Word(start + k * 0.3, start + k * 0.3 + 0.3, word, probability) for k, word in enumerate(text.split())
    )
    return Segment(words[0].start, words[-1].end, text, words, language)


def test_the_language_is_decided_over_all_voiced_sound() -> None:
    """A noisy second that is surely Chinese does not outvote ten seconds that are probably Hindi."""
    decision = decide([{"zh": 0.95, "hi": 0.02}, {"hi": 0.6, "ur": 0.3, "zh": 0.1}], [1.0, 10.0])
    assert (decision.language, decision.second) == ("hi", "ur")
    assert decision.probability == pytest.approx((0.02 + 6.0) / 11)


def test_an_unsure_language_is_asked_about() -> None:
    (notice,) = decide([{"zh": 0.45, "hi": 0.40, "ur": 0.1}], [5.0]).notices
    assert notice.code == "language_unsure"
    assert "Chinese (45%) or Hindi (40%)" in notice.text
    assert notice.text.endswith("if it is not Chinese, choose the spoken language and run again.")
    assert decide([{"pl": 0.97, "cs": 0.02}], [5.0]).notices == ()


@pytest.mark.parametrize(
    ("text", "language", "letters"),
    [
        ("Xin chào 我 các bạn", "vi", "我"),
        ("Xin chào các bạn", "vi", ""),
        ("iPhone を買った。カタカナ", "ja", ""),
        ("前回の 내용", "ja", "내용"),
        ("나는 漢字 Seoul", "ko", ""),
        ("Привет, YouTube", "ru", ""),
        ("Привет, שלום", "ru", "שלום"),
        ("Здраво и zdravo", "sr", ""),
        ("नमस्ते दुनिया 你好", "hi", "你好"),
        ("5 μm, 20 %, 🎬 — “yes”", "en", ""),
        ("anything 我", "xx", ""),
    ],
)
def test_letters_a_language_is_not_written_in(text: str, language: str, letters: str) -> None:
    assert foreign_letters(text, language) == letters


def test_a_segment_with_a_foreign_character_or_doubted_words_is_misheard() -> None:
    assert misheard(segment("Xin chào 我"), "vi")
    assert not misheard(segment("Xin chào"), "vi")
    assert not misheard(segment("我 来", language="zh"), "vi")
    assert misheard(segment("made up", probability=0.2), "en")


def test_notices_of_one_kind_are_one_with_a_count_and_the_times() -> None:
    segments = [segment("a 我", start) for start in (2.0, 71.0)] + [segment("clear", 5.0)]
    (notice,) = notices(segments, "vi")
    assert notice.code == "misheard"
    assert notice.text == "2 phrases (at 0:02 and 1:11) may be misheard; check them against the clip."
    assert notices([segment("clear")], "vi") == ()


def test_times_in_a_sentence() -> None:
    assert when([3.0]) == "at 0:03"
    assert when([70.0, 3.0]) == "at 0:03 and 1:10"
    assert when([float(k) for k in range(11)]) == "at 0:00, 0:01, 0:02, 0:03, 0:04 and 6 more times"
    assert about_phrases([3.0], "is", "are") == "The phrase at 0:03 is"


@pytest.mark.parametrize(
    ("translation", "source", "kept"),
    [
        ("Thank you for watching.", "Dziękuję i do zobaczenia.", None),
        ("It is a beautiful story. Thank you for watching!", "To piękna historia. Dziękuję i do zobaczenia.",
         "It is a beautiful story."),
        ("Thank you for watching.", "Dziękuję za uwagę.", "Thank you for watching."),
        ("Subtitles by the Amara.org community", "Hej", None),
        ("Thank you and see you soon.", "Dziękuję i do zobaczenia.", "Thank you and see you soon."),
        ("A long tale of a king and his three daughters who lived beyond the sea.", "Tak.", None),
        ("I will go there tomorrow, and then we will see.", "明日そこに行きます。それから見ましょう。", "I will go there tomorrow, and then we will see."),
    ],
)  # fmt: skip
def test_a_translation_says_nothing_its_source_does_not(translation: str, source: str, kept: str | None) -> None:
    assert without_invention(translation, source) == kept
