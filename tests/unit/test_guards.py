"""Invented text stays out, real words stay in, and their times make sense."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.records import Segment, Word
from pipeline.speech import guards

pytestmark = pytest.mark.unit


def _segment(text: str, start: float = 0.0, step: float = 0.3, language: str = "en") -> Segment:
    words = tuple(Word(start + i * step, start + (i + 1) * step, " " + word) for i, word in enumerate(text.split()))
    return Segment(start, words[-1].end, text, words, language)


def _texts(segments: tuple[Segment, ...]) -> list[str]:
    return [segment.text for segment in segments]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("so " * 20 + "yes", "so yes"),
        ("I see it. " * 6 + "Now", "I see it. Now"),
        ("we go home and we sleep " * 5, "we go home and we sleep"),
        ("no, no, no, that is it", "no, no, no, that is it"),
        ("row, row, row your boat gently down the stream", "row, row, row your boat gently down the stream"),
        ("ask not what you can do ask not what you can do", "ask not what you can do ask not what you can do"),
    ],
)
def test_loops_are_reduced_to_one_round_and_speech_is_left_alone(said: str, kept: str) -> None:
    assert _texts(guards.guarded([_segment(said.strip())], [(0, 100)], 100)) == [kept]


@pytest.mark.parametrize(
    "text", ["Subtitles by the Amara.org community", "Napisy stworzone przez społeczność Amara.org"]
)
def test_subtitle_credits_are_never_speech(text: str) -> None:
    assert guards.guarded([_segment(text)], [(0, 100)], 100) == ()


def test_a_farewell_counts_only_where_there_is_a_voice() -> None:
    farewell = _segment("Thanks for watching!", 10)
    assert _texts(guards.guarded([farewell], [(10, 11)], 20)) == ["Thanks for watching!"]
    assert guards.guarded([farewell], [(10, 10.3)], 20) == ()


def test_text_on_silence_is_dropped_and_text_on_a_voice_is_kept() -> None:
    segments = [_segment("who said this", 0), _segment("I said this", 5)]
    assert _texts(guards.guarded(segments, [(5, 6)], 10)) == ["I said this"]
    assert guards.guarded(segments, [], 10) == ()


def test_a_single_short_word_is_no_segment_where_its_sentence_goes_on() -> None:
    """Whisper ends its segments anywhere: "and" was one."""
    said = [_segment("They left", 0), _segment("and", 0.6), _segment("came back.", 0.9), _segment("No.", 1.5)]
    assert _texts(guards.guarded(said, [(0, 2)], 2)) == ["They left and", "came back.", "No."]
    paused = [said[0], _segment("and", 1.2), _segment("came back.", 1.5)]
    assert _texts(guards.guarded(paused, [(0, 3)], 3)) == ["They left", "and came back."]
    others = [said[0], _segment("i", 0.6, language="pl"), said[2]]
    assert _texts(guards.guarded(others, [(0, 2)], 2)) == ["They left", "i", "came back."]


def test_words_give_the_silence_around_them_back() -> None:
    words = (Word(0.0, 1.5, "Über"), Word(1.5, 4.0, "uns"))
    first, last = guards.to_voice(words, [(1.3, 2.0)])
    assert first.start == pytest.approx(1.25)
    assert last.end == pytest.approx(2.1)


def test_a_looping_translation_is_recognised() -> None:
    assert guards.loops("On our homepage you find " + "to the right " * 6)
    assert guards.loops("ははははははははははは")
    assert not guards.loops("Ask not what your country can do for you, ask what you can do for your country.")


times = st.floats(-5, 60, allow_nan=False)


@given(st.lists(st.tuples(times, times, st.integers(0, 10**6)), min_size=1, max_size=40), st.floats(0.5, 30))
def test_every_word_stays_in_order_inside_the_clip_and_has_a_length(
    raw: list[tuple[float, float, int]], duration: float
) -> None:
    # However the recogniser times them: backwards, outside, of no length. Each word is another one, so none is a loop.
    segments = [
        Segment(start, end, f"w{i}x{n}", (Word(start, end, f" w{i}x{n}"),)) for i, (start, end, n) in enumerate(raw)
    ]
    voiced = [(-10.0, 100.0)]
    tidy = guards.guarded(segments, voiced, duration)
    kept = [segment for segment in segments if guards.spoken(segment, voiced)]
    words = [word for segment in tidy for word in segment.words]
    assert sorted(word.text for word in words) == sorted(segment.text for segment in kept)
    assert all(word.start >= 0 and word.end <= duration + 1e-9 for word in words)
    assert all(word.end > word.start for word in words)
    assert all(a.end <= b.start + 1e-9 for a, b in pairwise(words))
