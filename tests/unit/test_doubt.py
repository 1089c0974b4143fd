"""How sure a transcript is: the language, letters of other scripts, and words the recogniser doubts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline import edit, transcript
from pipeline.notices import about_phrases, when
from pipeline.records import Look, Phrase, Segment, Word
from pipeline.speech.doubt import decide, marked, notices
from pipeline.speech.guards import is_partial, without_invention
from pipeline.subtitles.formats import write_all
from pipeline.subtitles.plan import plan_files
from pipeline.text.scripts import foreign_letters
from pipeline.web.files import both_srt
from pipeline.web.lines import transcript_table
from tests import fakes

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


def phrase(text: str, start: float = 0.0, probability: float = 0.9, language: str = "") -> Phrase:
    said = segment(text, start, probability, language)
    return Phrase(1, said.start, said.end, "p1", text, said.words, "translated", language=language)


def test_a_phrase_with_a_foreign_character_or_doubted_words_is_misheard() -> None:
    phrases = [
        phrase("Xin chào 我"), phrase("Xin chào"), phrase("我 来", language="zh"), phrase("made up", probability=0.2),
    ]  # fmt: skip
    assert [found.misheard for found in marked(phrases, "vi")] == [True, False, False, True]


def test_notices_of_one_kind_are_one_with_a_count_and_the_times() -> None:
    phrases = [phrase("a 我", start) for start in (2.0, 71.0)] + [phrase("clear", 5.0)]
    (notice,) = notices(marked(phrases, "vi"))
    assert notice.code == "misheard"
    assert notice.text == "2 phrases (at 0:02 and 1:11) may have been misheard; check them against the clip."
    assert notices(marked([phrase("clear")], "vi")) == ()


@pytest.mark.parametrize("name", ["cyberpunk", "kiroshi", "bars", "classic", "word-pop"])
def test_what_may_be_misheard_is_marked_in_the_picture_in_every_file_and_on_the_page(name: str) -> None:
    """And an original that somebody corrected is not."""
    analysis = fakes.analysis()
    first, *others = analysis.phrases
    doubted = replace(analysis, phrases=(replace(first, misheard=True), *others))
    doubted = transcript.from_json(transcript.to_json(doubted))
    assert [found.misheard for found in doubted.phrases] == [True, *(False for _ in others)]
    files = write_all(doubted, Look(name))
    for file in ("transcript.txt", "subtitles.srt", "subtitles.both.srt", "subtitles.vtt", "subtitles.ass"):
        assert files[file].count("(?)") >= 1, file
        assert "(?)" not in write_all(analysis, Look(name))[file]
    cues = plan_files(doubted, Look(name)).cues
    own = [cue for cue in cues if cue.start < first.end - 0.1]
    assert [cue for cue in cues if "(?)" in f"{cue.source}{cue.translation}"] == own[-1:]
    assert both_srt(doubted).count("(?)") == 2
    assert transcript_table(doubted).count("may have been misheard") == 1
    corrected = edit.correct_source(doubted, first.id, "What was really said.")
    assert "(?)" not in write_all(corrected, Look(name))["subtitles.srt"]


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


@pytest.mark.parametrize(
    ("kept", "translation", "source", "partial"),
    [
        ("It is a beautiful story.", "It is a beautiful story. Thank you for watching!",
         "To piękna historia. Dziękuję i do zobaczenia.", True),
        ("It is a beautiful story.", "It is a beautiful story. Thank you for watching!", "To piękna historia.", False),
        ("Will you go?", "Will you go? Thanks for watching.", "行きますか？またね。", True),
        ("It costs 3.50, they say.", "It costs 3.50, they say.", "Podobno kosztuje 3,50. Tak.", False),
    ],
)  # fmt: skip
def test_a_sentence_that_loses_its_translation_is_noticed(
    kept: str, translation: str, source: str, partial: bool
) -> None:
    assert is_partial(kept, translation, source) is partial
