from __future__ import annotations

import itertools
import sys
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.records import Analysis, Look, Phrase, Shot, Word
from pipeline.subtitles import captions
from pipeline.subtitles.captions import cues
from pipeline.text import text_width as units
from tests.fixtures_look import SOURCE, TRANSLATIONS, analysis, phrase

MORPH = Look()
PL = TRANSLATIONS["PL"]


def test_words_appear_when_they_are_spoken() -> None:
    (cue,), _ = cues(analysis(phrase(1, "p1", 1, 4, translation=PL)), MORPH)
    spoken = analysis(phrase(1, "p1", 1, 4)).phrases[0].words
    for word in spoken:
        standing = cue.source[: int(cue.typed(word.end))]
        assert standing.endswith(word.text)
        before = cue.source[: int(cue.typed(word.start - 1e-3))]
        assert word.text not in before.split()[-1:] or word is spoken[0]


def test_typing_never_goes_back() -> None:
    (cue,), _ = cues(analysis(phrase(1, "p1", 1, 4, translation=PL)), MORPH)
    typed = [cue.typed(1 + i / 100) for i in range(400)]
    assert typed == sorted(typed)
    assert typed[-1] == len(SOURCE)


def test_the_turn_waits_for_the_last_word_when_there_is_time() -> None:
    (cue,), notices = cues(analysis(phrase(1, "p1", 1, 4, translation=PL)), MORPH)
    assert cue.turn_start == pytest.approx(cue.spoken)
    assert cue.turn_end - cue.turn_start >= captions.TURN_S[0]
    assert cue.end - cue.turn_end >= captions.SETTLED_S
    assert cue.end - cue.turn_start >= units(PL) / captions.READING_CPS - 1e-6
    assert notices == ()


def test_without_time_the_translation_still_stands_a_second_and_the_source_is_seen() -> None:
    run = [phrase(i, "p1", 4.0 * i, 4.0 * i + 4, translation=PL) for i in range(3)]
    found, _ = cues(analysis(*run, duration=20), MORPH)
    for cue in found[:-1]:
        assert cue.turn_start - cue.start >= 0.9
        assert cue.end - cue.turn_end >= captions.SETTLED_S - 0.05


def test_two_frames_between_cues_of_one_speaker_and_no_flashing_holes() -> None:
    run = [phrase(i, "p1", 3.2 * i, 3.2 * i + 2.9, translation=PL) for i in range(3)]
    found, _ = cues(analysis(*run, duration=20), MORPH, frame_rate=Fraction(25))
    for a, b in itertools.pairwise(found):
        assert b.start - a.end == pytest.approx(2 / 25, abs=1e-6)


def test_speakers_do_not_end_each_other_unless_there_is_one_place_for_text() -> None:
    two = analysis(phrase(1, "p1", 0, 3, translation=PL), phrase(2, "p2", 3.1, 6, translation=PL))
    over_heads, _ = cues(two, MORPH)
    assert over_heads[0].end > over_heads[1].start
    below, _ = cues(two, MORPH, one_at_a_time=True)
    assert below[0].end <= below[1].start


def test_overlapping_speech_keeps_both_even_in_one_place() -> None:
    two = analysis(phrase(1, "p1", 0, 4, translation=PL), phrase(2, "p2", 1, 5, translation=PL))
    found, _ = cues(two, Look("classic"), one_at_a_time=True)
    assert found[0].end >= 3.9


@pytest.mark.parametrize("translation", [None, "", "  ", SOURCE])
def test_without_a_translation_the_source_stays_and_nothing_turns(translation: str | None) -> None:
    (cue,), _ = cues(analysis(phrase(1, "p1", 1, 4, translation=translation)), MORPH)
    assert (cue.source, cue.translation) == (SOURCE, "")
    assert cue.end >= 4


def test_original_shows_no_translation() -> None:
    (cue,), _ = cues(analysis(phrase(1, "p1", 1, 4, translation=PL)), Look(texts="original"), texts="original")
    assert cue.translation == ""


def test_reduced_motion_types_nothing_and_turns_at_once() -> None:
    (cue,), _ = cues(analysis(phrase(1, "p1", 1, 4, translation=PL)), Look(reduced_motion=True))
    assert cue.typed(cue.start) == len(cue.source)
    assert cue.turn_start == cue.turn_end


def test_long_phrases_become_pages_that_end_at_clauses() -> None:
    long = "This is the first clause, which is short, and here is the second, a little longer one. And then a whole sentence."
    found, _ = cues(analysis(phrase(1, "p1", 0, 6, long, None)), MORPH)
    assert len(found) == 2
    assert " ".join(c.source for c in found) == long
    assert found[0].source[-1] in ".,"
    assert all(units(c.source) <= 84 for c in found)
    assert found[1].start >= found[0].end


def test_translations_keep_every_character_over_pages() -> None:
    found, _ = cues(analysis(phrase(1, "p1", 0, 12, SOURCE * 3, TRANSLATIONS["JA"] * 3), target="JA"), MORPH)
    assert "".join(c.translation for c in found) == TRANSLATIONS["JA"] * 3
    assert all(units(c.translation) <= 84 for c in found)


def test_a_translation_longer_than_its_words_gets_pages_of_its_own() -> None:
    found, notices = cues(analysis(phrase(1, "p1", 0, 0.6, "No.", PL * 8)), MORPH)
    assert len(found) > 1
    assert found[0].source == "No."
    assert all(c.source == "" for c in found[1:])
    assert all(a.end <= b.start for a, b in itertools.pairwise(found))
    assert {n.code for n in notices} <= {"reading_speed", "text_cut", "short_cue"}


def test_pages_of_a_long_translation_wait_for_each_other_where_there_is_time() -> None:
    long = " ".join([PL] * 5)
    found, _ = cues(analysis(phrase(1, "p1", 0, 3, translation=long), duration=30), MORPH)
    assert " ".join(c.translation for c in found) == long
    for cue in found:
        assert units(cue.translation) / (cue.end - cue.turn_start) < captions.FASTEST_CPS
    found, notices = cues(analysis(phrase(1, "p1", 0, 3, translation=long), duration=10), MORPH)
    assert found[-1].end <= 10.1
    lengths = [c.end - c.start for c in found]
    assert max(lengths) < 2 * min(lengths)  # too little time for all, but not all of it for the last
    assert [n.code for n in notices] == ["reading_speed"]


def test_too_much_text_is_said() -> None:
    run = [phrase(i, "p1", i * 1.0, i + 0.95, translation=PL) for i in range(4)]
    _, notices = cues(analysis(*run), MORPH)
    assert any(n.code == "reading_speed" and "characters a second" in n.text for n in notices)


def test_an_edited_source_keeps_the_rhythm_of_its_words() -> None:
    heard = phrase(1, "p1", 1, 5)
    edited = Phrase(1, 1, 5, "p1", "We waited here for so very long.", heard.words, PL)
    (cue,), _ = cues(analysis(edited), MORPH)
    typed = [cue.typed(1 + i / 20) for i in range(90)]
    assert typed == sorted(typed)
    assert typed[-1] == len(cue.source)
    assert 0 < typed[40] < len(cue.source)


def test_a_hold_that_has_served_ends_with_the_shot() -> None:
    held = analysis(phrase(1, "p1", 0, 2, translation=PL), shots=(Shot(0, 4.4), Shot(4.4, 10)))
    (cue,), _ = cues(held, MORPH)
    assert cue.end == pytest.approx(4.4)


def test_a_hold_shorter_than_half_a_second_after_the_cut_does_not_cross_it() -> None:
    free = analysis(phrase(1, "p1", 0, 2, translation=PL))
    (whole,), _ = cues(free, MORPH)
    cut = whole.end - 0.4
    (cue,), _ = cues(analysis(phrase(1, "p1", 0, 2, translation=PL), shots=(Shot(0, cut), Shot(cut, 10))), MORPH)
    assert cue.end == pytest.approx(cut)
    assert cue.turn_end <= cut


def test_words_and_a_translation_nobody_could_read_yet_go_on_after_the_cut() -> None:
    for cut in (1.5, 2.6):  # while they speak; before the translation has stood
        (cue,), _ = cues(analysis(phrase(1, "p1", 0, 2, translation=PL), shots=(Shot(0, cut), Shot(cut, 10))), MORPH)
        assert cue.end > cut + 0.5


def test_words_that_begin_a_blink_before_the_cut_come_with_it() -> None:
    shots = (Shot(0, 3.0), Shot(3.0, 10))
    (cue,), _ = cues(analysis(phrase(1, "p1", 2.85, 5, translation=PL), shots=shots), MORPH)
    assert cue.start == 3.0
    (cue,), _ = cues(analysis(phrase(1, "p1", 2.5, 5, translation=PL), shots=shots), MORPH)
    assert cue.start == 2.5


def test_one_subtitle_stands_and_two_stand() -> None:
    def said(n: int) -> str:
        run = [phrase(i, "p1", 2.0 * i, 2.0 * i + 0.3, "No.") for i in range(n)]
        run += [phrase(n + i, "p1", 2.0 * i + 0.6, 2.0 * i + 2.0) for i in range(n)]
        return next(notice.text for notice in cues(analysis(*run), MORPH)[1] if notice.code == "short_cue")

    assert said(1).startswith("1 of 2 subtitles stands less than 5/6 s")
    assert said(2).startswith("2 of 4 subtitles stand less than 5/6 s")
    (_,), notices = cues(analysis(phrase(1, "p1", 9.5, 9.6, translation=PL)), MORPH)
    assert "The only subtitle has too much text" in next(n.text for n in notices if n.code == "reading_speed")


def three_hours(words: int = 30000) -> Analysis:
    heard = tuple(Word(0.36 * i, 0.36 * i + 0.3, "word,") for i in range(words))
    long = Phrase(1, 0, 0.36 * words, "p1", " ".join(w.text for w in heard), heard, "słowo jest " * (words * 2 // 3))
    return analysis(long, duration=0.36 * words)


def test_three_hours_in_one_phrase_are_bounded() -> None:
    found, notices = cues(three_hours(), MORPH)
    assert max(c.end - c.start for c in found) < 12
    assert notices


def test_the_work_grows_with_the_text_and_not_with_its_square() -> None:
    def calls(words: int) -> int:
        made = 0

        def count(*_: object) -> None:
            nonlocal made
            made += 1

        text = three_hours(words)
        sys.setprofile(count)
        try:
            cues(text, MORPH)
        finally:
            sys.setprofile(None)
        return made

    calls(100)  # what is loaded and cached on first use
    assert calls(5000) < 12 * calls(500)


def test_one_word_over_three_hours_is_a_short_cue() -> None:
    (cue,), _ = cues(analysis(Phrase(1, 0, 10800, "p1", "Hm", (Word(0, 10800, "Hm"),), "No"), duration=10800), MORPH)
    assert cue.end - cue.start < 6


_times = st.floats(0, 30, allow_nan=False)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            _times,
            st.floats(0, 6),
            st.sampled_from(["p1", "p2", None]),
            st.text(alphabet="ab ,.日ש\u0301\u202e", max_size=120),
            st.one_of(st.none(), st.text(alphabet="xy .語ع", max_size=300)),
        ),
        max_size=6,
    ),
    st.sampled_from(["morph", "both", "original", "translation"]),
    st.booleans(),
)
def test_any_phrases_give_ordered_bounded_cues(rows: list, texts: str, single: bool) -> None:
    phrases = [
        Phrase(i, start, start + length, person, source, (), translation)
        for i, (start, length, person, source, translation) in enumerate(rows)
    ]
    found, _ = cues(analysis(*phrases, duration=40), Look(texts=texts), texts=texts, one_at_a_time=single)
    for cue in found:
        assert cue.end > cue.start
        assert cue.start <= cue.turn_start <= cue.turn_end <= cue.end + 1e-9 or cue.turn_start == cue.turn_end
        assert cue.source or cue.translation
        assert "\u202e" not in cue.source
        assert 0 <= cue.typed(cue.end) <= len(cue.source)
    assert [c.start for c in found] == sorted(c.start for c in found)
