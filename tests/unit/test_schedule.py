from __future__ import annotations

import itertools
import math
import sys
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.records import Analysis, Look, Phrase, Shot, Word
from pipeline.subtitles import schedule as captions
from pipeline.subtitles.cue import FASTEST_CPS, Cue
from pipeline.subtitles.schedule import Place, game_timing, reading_speed, schedule
from pipeline.text import text_width as units
from tests.fixtures_look import SOURCE, TRANSLATIONS, analysis, phrase

LIVE, SPOKEN, NONE = Look(), Look(reveal="spoken"), Look(reveal="none")
PL = TRANSLATIONS["PL"]


def cues(
    clip: Analysis, look: Look, one_at_a_time: bool = False, marks: bool = False, strict: bool = False, **how: object
) -> tuple[tuple[Cue, ...], tuple[Any, ...]]:
    return schedule(clip, look, place=Place(one_at_a_time, marks, strict), **how)  # type: ignore[arg-type]


# --- as in the game ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("length", "hold", "turn"),
    [(0.4, 0.2, 0.2), (1.0, 0.25, 0.6), (3.0, 0.25, 0.8), (4.9, 0.25, 0.99), (5.0, 0.0, 1.0)],
)
def test_the_durations_are_the_games(length: float, hold: float, turn: float) -> None:
    assert game_timing(length) == pytest.approx((hold, turn))


def test_a_line_stands_whole_at_its_first_word_and_is_translated_while_it_is_spoken() -> None:
    (cue,), notices = cues(analysis(phrase(1, "p1", 1, 4, translation=PL)), LIVE)
    assert cue.start == 1.0
    assert cue.typed(cue.start) == len(SOURCE)
    assert cue.turn_start == pytest.approx(1.25)
    assert cue.delay == pytest.approx(1.05, abs=0.05)  # the line is spoken for a little less than 3 s
    assert cue.turn_end < cue.spoken < cue.end
    assert notices == ()


def test_a_long_sentence_turns_clause_by_clause_each_when_it_begins_to_be_spoken() -> None:
    source = "When the first signal came in from the north, nobody believed it was real, but we went out and waited, and waited again."
    translated = "Gdy przyszedł pierwszy sygnał z północy, nikt nie wierzył, że jest prawdziwy, ale wyszliśmy i czekaliśmy, i znów."
    clip = analysis(phrase(1, "p1", 0, 8, source, translated))
    found, _ = cues(clip, LIVE)
    assert len(found) == 2
    assert found[0].source.endswith(",")
    assert found[0].translation.endswith(",")
    first_word = next(word for word in clip.phrases[0].words if word.text == found[1].source.split()[0])
    assert found[1].start == pytest.approx(first_word.start, abs=0.01)
    assert all(cue.delay < 1.3 for cue in found)
    assert " ".join(cue.translation for cue in found) == translated


def test_a_translation_that_needs_more_time_starts_earlier_and_turns_sooner() -> None:
    quick = phrase(2, "p1", 3.0, 4.9, translation=PL)
    found, _ = cues(
        analysis(phrase(1, "p1", 0, 1.0, "Wait.", "Czekaj."), quick, phrase(3, "p1", 5.0, 8.0, translation=PL)), LIVE
    )
    hurried = next(cue for cue in found if cue.phrase == 2)
    assert hurried.start < 3.0
    assert reading_speed(hurried) <= FASTEST_CPS + 0.1


def test_short_neighbours_of_one_person_are_one_line() -> None:
    said = (phrase(1, "p1", 1.0, 1.3, "Well.", "No."), phrase(2, "p1", 1.4, 2.8, "I waited here.", "Czekałem tu."))
    (cue,), notices = cues(analysis(*said), LIVE)
    assert (cue.source, cue.translation) == ("Well. I waited here.", "No. Czekałem tu.")
    assert cue.word_at(1.5) == 1
    assert notices == ()
    apart = (said[0], phrase(2, "p2", 1.35, 1.4, "Hm.", "Hm."), said[1])
    assert len(cues(analysis(*apart), LIVE)[0]) == 3


def test_of_two_who_speak_at_once_the_last_to_start_has_the_text() -> None:
    two = analysis(phrase(1, "p1", 0, 6, translation=PL), phrase(2, "p2", 3.5, 5, "Mhm.", "Aha."))
    (first, second), _ = cues(two, LIVE, marks=True)
    assert first.full_until == pytest.approx(3.5)
    assert second.full_until == math.inf
    early = analysis(phrase(1, "p1", 0, 6, translation=PL), phrase(2, "p2", 1.0, 3, "Mhm.", "Aha."))
    (first, _), _ = cues(early, LIVE, marks=True)
    assert first.full_until > 2.0  # nobody could have read it before
    assert reading_speed(first) <= FASTEST_CPS + 0.01
    (first, _), _ = cues(early, LIVE, marks=True, strict=True)
    assert first.full_until == pytest.approx(1.0)
    after = analysis(phrase(1, "p1", 0, 2, translation=PL), phrase(2, "p2", 2.1, 4, "Mhm.", "Aha."))
    (first, _), _ = cues(after, LIVE, marks=True)
    assert first.full_until == math.inf  # it is only held to be read; they do not speak at once


def test_without_a_reveal_the_translation_stands_from_the_first_word() -> None:
    (cue,), _ = cues(analysis(phrase(1, "p1", 1, 4, translation=PL)), NONE)
    assert not cue.turns
    assert (cue.start, cue.delay, cue.turned(cue.start)) == (1.0, 0.0, 1.0)


# --- as it is spoken --------------------------------------------------------------------------------------------------


def test_words_appear_when_they_are_spoken() -> None:
    (cue,), _ = cues(analysis(phrase(1, "p1", 1, 4, translation=PL)), SPOKEN)
    spoken = analysis(phrase(1, "p1", 1, 4)).phrases[0].words
    for word in spoken:
        standing = cue.source[: int(cue.typed(word.end))]
        assert standing.endswith(word.text)
        before = cue.source[: int(cue.typed(word.start - 1e-3))]
        assert word.text not in before.split()[-1:] or word is spoken[0]


def test_typing_never_goes_back() -> None:
    (cue,), _ = cues(analysis(phrase(1, "p1", 1, 4, translation=PL)), SPOKEN)
    typed = [cue.typed(1 + i / 100) for i in range(400)]
    assert typed == sorted(typed)
    assert typed[-1] == len(SOURCE)


def test_the_turn_waits_for_the_last_word_when_there_is_time() -> None:
    (cue,), notices = cues(analysis(phrase(1, "p1", 1, 4, translation=PL)), SPOKEN)
    assert cue.turn_start == pytest.approx(cue.spoken)
    assert cue.turn_end - cue.turn_start >= captions.SPOKEN_TURN_S[0]
    assert cue.end - cue.turn_end >= captions.SETTLED_S
    assert cue.end - cue.turn_start >= units(PL) / captions.READING_CPS - 1e-6
    assert notices == ()


def test_without_time_the_translation_still_stands_a_second_and_the_source_is_seen() -> None:
    run = [phrase(i, "p1", 4.0 * i, 4.0 * i + 4, translation=PL) for i in range(3)]
    found, _ = cues(analysis(*run, duration=20), SPOKEN)
    for cue in found[:-1]:
        assert cue.turn_start - cue.start >= 0.9
        assert cue.end - cue.turn_end >= captions.SETTLED_S - 0.05


def test_two_frames_between_cues_of_one_speaker_and_no_flashing_holes() -> None:
    run = [phrase(i, "p1", 3.2 * i, 3.2 * i + 2.9, translation=PL) for i in range(3)]
    found, _ = cues(analysis(*run, duration=20), SPOKEN, frame_rate=Fraction(25))
    for a, b in itertools.pairwise(found):
        assert b.start - a.end == pytest.approx(2 / 25, abs=1e-6)


def test_speakers_do_not_end_each_other_unless_there_is_one_place_for_text() -> None:
    two = analysis(phrase(1, "p1", 0, 3, translation=PL), phrase(2, "p2", 3.1, 6, translation=PL))
    over_heads, _ = cues(two, SPOKEN)
    assert over_heads[0].end > over_heads[1].start
    below, _ = cues(two, SPOKEN, one_at_a_time=True)
    assert below[0].end <= below[1].start


def test_overlapping_speech_keeps_both_even_in_one_place() -> None:
    two = analysis(phrase(1, "p1", 0, 4, translation=PL), phrase(2, "p2", 1, 5, translation=PL))
    found, _ = cues(two, Look("classic"), one_at_a_time=True)
    assert found[0].end >= 3.9


@pytest.mark.parametrize("translation", [None, "", "  ", SOURCE])
def test_without_a_translation_the_source_stays_and_nothing_turns(translation: str | None) -> None:
    (cue,), _ = cues(analysis(phrase(1, "p1", 1, 4, translation=translation)), SPOKEN)
    assert (cue.source, cue.translation) == (SOURCE, "")
    assert cue.end >= 4


def test_original_shows_no_translation() -> None:
    (cue,), _ = cues(analysis(phrase(1, "p1", 1, 4, translation=PL)), Look(texts="original"), texts="original")
    assert cue.translation == ""


def test_reduced_motion_turns_at_once_when_the_translation_would_have_been_complete() -> None:
    clip = analysis(phrase(1, "p1", 1, 4, translation=PL))
    (cue,), _ = cues(clip, Look(reduced_motion=True))
    (moving,), _ = cues(clip, LIVE)
    assert cue.turn_start == cue.turn_end == moving.turn_end


def test_long_phrases_become_pages_that_end_at_clauses() -> None:
    long = "This is the first clause, which is short, and here is the second, a little longer one. And then a whole sentence."
    found, _ = cues(analysis(phrase(1, "p1", 0, 6, long, None)), SPOKEN)
    assert len(found) == 2
    assert " ".join(c.source for c in found) == long
    assert found[0].source[-1] in ".,"
    assert all(units(c.source) <= 84 for c in found)
    assert found[1].start >= found[0].end


def test_translations_keep_every_character_over_pages() -> None:
    found, _ = cues(analysis(phrase(1, "p1", 0, 12, SOURCE * 3, TRANSLATIONS["JA"] * 3), target="JA"), SPOKEN)
    assert "".join(c.translation for c in found) == TRANSLATIONS["JA"] * 3
    assert all(units(c.translation) <= 84 for c in found)


def test_a_translation_longer_than_its_words_gets_pages_of_its_own() -> None:
    found, notices = cues(analysis(phrase(1, "p1", 0, 0.6, "No.", PL * 8)), SPOKEN)
    assert len(found) > 1
    assert found[0].source == "No."
    assert all(c.source == "" for c in found[1:])
    assert all(a.end <= b.start for a, b in itertools.pairwise(found))
    assert {n.code for n in notices} <= {"reading_speed", "no_time", "short_cue"}


def test_pages_of_a_long_translation_wait_for_each_other_where_there_is_time() -> None:
    long = " ".join([PL] * 5)
    found, _ = cues(analysis(phrase(1, "p1", 0, 3, translation=long), duration=30), SPOKEN)
    assert " ".join(c.translation for c in found) == long
    for cue in found:
        assert units(cue.translation) / (cue.end - cue.turn_start) < FASTEST_CPS
    found, notices = cues(analysis(phrase(1, "p1", 0, 3, translation=long), duration=10), SPOKEN)
    assert found[-1].end <= 10.1
    lengths = [c.end - c.start for c in found]
    assert max(lengths) < 2 * min(lengths)  # too little time for all, but not all of it for the last
    assert [n.code for n in notices] == ["reading_speed"]


def test_too_much_text_is_said() -> None:
    run = [phrase(i, "p1", i * 1.0, i + 0.95, translation=PL) for i in range(4)]
    _, notices = cues(analysis(*run), SPOKEN)
    assert any(n.code == "reading_speed" and "characters a second" in n.text for n in notices)


def test_an_edited_source_keeps_the_rhythm_of_its_words() -> None:
    heard = phrase(1, "p1", 1, 5)
    edited = Phrase(1, 1, 5, "p1", "We waited here for so very long.", heard.words, PL)
    (cue,), _ = cues(analysis(edited), SPOKEN)
    typed = [cue.typed(1 + i / 20) for i in range(90)]
    assert typed == sorted(typed)
    assert typed[-1] == len(cue.source)
    assert 0 < typed[40] < len(cue.source)


def test_a_hold_that_has_served_ends_with_the_shot() -> None:
    held = analysis(phrase(1, "p1", 0, 2, translation=PL), shots=(Shot(0, 4.4), Shot(4.4, 10)))
    (cue,), _ = cues(held, SPOKEN)
    assert cue.end == pytest.approx(4.4)


def test_a_hold_shorter_than_half_a_second_after_the_cut_does_not_cross_it() -> None:
    free = analysis(phrase(1, "p1", 0, 2, translation=PL))
    (whole,), _ = cues(free, SPOKEN)
    cut = whole.end - 0.4
    (cue,), _ = cues(analysis(phrase(1, "p1", 0, 2, translation=PL), shots=(Shot(0, cut), Shot(cut, 10))), SPOKEN)
    assert cue.end == pytest.approx(cut)
    assert cue.turn_end <= cut


def test_a_line_that_goes_with_the_cut_was_read_by_then() -> None:
    # Two frames of the hold fall behind the cut: it goes with the cut, so it has to turn sooner.
    spoken, cut = 1.6, 0.3 + 0.56 + 41 / 17 - 0.3
    held = phrase(1, "p1", 0.3, 0.3 + spoken, translation="Czekaliśmy na ciebie od pierwszego sygnału")
    (cue,), notices = cues(analysis(held, shots=(Shot(0, cut), Shot(cut, 10))), LIVE)
    assert cue.end == pytest.approx(cut)
    assert reading_speed(cue) <= FASTEST_CPS + 0.01
    assert not notices


def test_in_a_look_of_one_text_the_last_line_is_read_before_somebody_else_begins() -> None:
    two = analysis(
        phrase(1, "p1", 0.5, 2.0, translation=PL), phrase(2, "p2", 2.1, 4, "And then we left the place.", PL)
    )
    (first, second), _ = cues(two, LIVE, marks=True, strict=True)
    assert first.text_end <= second.start
    assert reading_speed(first) <= FASTEST_CPS + 0.05
    assert reading_speed(second) <= FASTEST_CPS + 0.05
    assert second.turn_end < 4


def test_words_and_a_translation_nobody_could_read_yet_go_on_after_the_cut() -> None:
    for cut in (1.5, 2.6):  # while they speak; before the translation has stood
        (cue,), _ = cues(analysis(phrase(1, "p1", 0, 2, translation=PL), shots=(Shot(0, cut), Shot(cut, 10))), SPOKEN)
        assert cue.end > cut + 0.5


def test_words_that_begin_a_blink_before_the_cut_come_with_it() -> None:
    shots = (Shot(0, 3.0), Shot(3.0, 10))
    (cue,), _ = cues(analysis(phrase(1, "p1", 2.85, 5, translation=PL), shots=shots), SPOKEN)
    assert cue.start == 3.0
    (cue,), _ = cues(analysis(phrase(1, "p1", 2.5, 5, translation=PL), shots=shots), SPOKEN)
    assert cue.start == 2.5


def test_one_subtitle_stands_and_two_stand() -> None:
    def said(n: int) -> str:
        run = [phrase(i, "p1", 5.0 * i, 5.0 * i + 0.3, "No.") for i in range(n)]
        run += [
            phrase(n + i, "p1", 5.0 * i + 0.6, 5.0 * i + 5.0, SOURCE + " And here you are, at last, ok")
            for i in range(n)
        ]
        return next(notice.text for notice in cues(analysis(*run), SPOKEN)[1] if notice.code == "short_cue")

    assert said(1).startswith("1 of 2 subtitles (at 0:00) stands less than 5/6 s")
    assert said(2).startswith("2 of 4 subtitles (at 0:00 and 0:05) stand less than 5/6 s")
    (_,), notices = cues(analysis(phrase(1, "p1", 9.5, 9.6, translation=PL)), SPOKEN)
    assert "The only subtitle has too much text" in next(n.text for n in notices if n.code == "reading_speed")


def three_hours(words: int = 30000) -> Analysis:
    heard = tuple(Word(0.36 * i, 0.36 * i + 0.3, "word,") for i in range(words))
    long = Phrase(1, 0, 0.36 * words, "p1", " ".join(w.text for w in heard), heard, "słowo jest " * (words * 2 // 3))
    return analysis(long, duration=0.36 * words)


def test_three_hours_in_one_phrase_are_bounded() -> None:
    found, notices = cues(three_hours(), SPOKEN)
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
            cues(text, SPOKEN)
        finally:
            sys.setprofile(None)
        return made

    calls(100)  # what is loaded and cached on first use
    assert calls(5000) < 12 * calls(500)


def test_one_word_over_three_hours_is_no_longer_than_a_recogniser_hears() -> None:
    (cue,), _ = cues(analysis(Phrase(1, 0, 10800, "p1", "Hm", (Word(0, 10800, "Hm"),), "No"), duration=10800), SPOKEN)
    assert cue.end - cue.start < 33


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
def test_any_phrases_give_ordered_bounded_cues(rows: list[Any], texts: str, single: bool) -> None:
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


def test_a_word_lasts_as_long_as_it_is_heard() -> None:
    """A code that is spelled out is one word of four seconds."""
    words = (Word(1.0, 1.5, "Code:"), Word(1.5, 5.5, "X-7-9-4-2-K."))
    said = Phrase(1, 1.0, 5.5, "p1", "Code: X-7-9-4-2-K.", words)
    (cue,), _ = cues(analysis(said), SPOKEN)
    assert cue.spoken == pytest.approx(5.5)
    assert cue.words[-1][1] == pytest.approx(5.5)
    assert cue.end >= 5.5


def test_a_line_ahead_of_a_long_one_makes_room_for_it() -> None:
    run = [phrase(1, "p1", 2, 4, translation="Tak."), phrase(2, "p1", 4.1, 6, translation=f"{PL} Naprawdę."),
           phrase(3, "p1", 6.1, 9, translation="Nie.")]  # fmt: skip
    found, notices = cues(analysis(*run, duration=12), Look())
    assert all(reading_speed(cue) <= FASTEST_CPS + 0.05 for cue in found)
    assert found[1].start < 4.1
    assert not notices


def test_among_lines_with_too_much_text_none_flashes_by() -> None:
    run = [phrase(i, "p1", i * 1.6, i * 1.6 + 1.5, translation=f"{PL} {i}") for i in range(5)]
    found, notices = cues(analysis(*run, duration=8.0), Look())
    lengths = [cue.end - cue.start for cue in found]
    assert min(lengths) > 1.0
    assert [notice.code for notice in notices] == ["reading_speed"]


def test_a_line_that_starts_late_stands_translated_in_time() -> None:
    run = [phrase(1, "p1", 0, 1.5, translation=f"{PL}"), phrase(2, "p1", 1.6, 5, translation="Nie.")]
    late = cues(analysis(*run, duration=12), Look())[0][1]
    assert late.start > 1.6
    assert late.delay < 1.2
