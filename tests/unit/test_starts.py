from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.records import Segment, Word
from pipeline.speech import starts

TEXT = "the radio was silent for three days then a voice came through and it asked for bread and water"


def heard(words: list[tuple[float, float, str]], language: str = "en") -> Segment:
    timed = tuple(Word(*word) for word in words)
    return Segment(timed[0].start, timed[-1].end, " ".join(word.text for word in timed), timed, language)


def even(shift: dict[int, float] | None = None) -> list[tuple[float, float, str]]:
    """Words of 60 ms a letter and 60 ms more; `shift` moves the starts of some."""
    begins, at = [], 1.0
    for text in TEXT.split():
        begins.append((at, text))
        at += 0.06 * (len(text) + 1)
    starts_ = [begin + (shift or {}).get(k, 0.0) for k, (begin, _) in enumerate(begins)]
    ends = [*starts_[1:], at]
    return [(start, end, text) for start, end, (_, text) in zip(starts_, ends, begins, strict=True)]


def test_a_short_word_that_took_the_end_of_a_long_one_gives_some_of_it_back() -> None:
    true = even()
    (found,) = starts.corrected([heard(even({12: -0.2}))])  # "and" after "through"
    (plain,) = starts.corrected([heard(true)])
    assert found.words[12].start > true[12][0] - 0.1
    assert found.words[11].end == found.words[12].start
    assert found.words[5].start == pytest.approx(plain.words[5].start)


def test_starts_are_early_by_a_constant_too() -> None:
    true = even()
    (found,) = starts.corrected([heard(true)])
    for word, (start, _, _) in zip(found.words[1:], true[1:], strict=True):
        assert word.start - start == pytest.approx(starts.EARLY_S + starts.EARLY_BEHIND_S, abs=0.001)


def test_pieces_that_are_no_words_stay_as_they_are() -> None:
    japanese = heard([(0.1 * k, 0.1 * k + 0.1, "あ") for k in range(20)], "ja")
    assert starts.corrected([japanese]) == (japanese,)
    assert starts.corrected([]) == ()


def test_a_word_behind_a_pause_moves_by_itself() -> None:
    words = even()
    words[9:] = [(start + 1.0, end + 1.0, text) for start, end, text in words[9:]]
    (found,) = starts.corrected([heard(words)])
    assert found.words[8].end == pytest.approx(words[8][1])
    assert found.words[9].start - words[9][0] == pytest.approx(starts.EARLY_S, abs=0.001)


@given(
    st.lists(st.tuples(st.floats(0, 0.5), st.floats(0.02, 0.8), st.sampled_from(TEXT.split())), min_size=1, max_size=40)
)
def test_words_stay_in_order_and_keep_a_length(steps: list[tuple[float, float, str]]) -> None:
    words, at = [], 0.0
    for gap, length, text in steps:
        words.append((at + gap, at + gap + length, text))
        at += gap + length
    (found,) = starts.corrected([heard(words)])
    assert [word.text for word in found.words] == [text for _, _, text in words]
    for before, after in pairwise(found.words):
        assert before.start < before.end <= after.start + 1e-9
    for word, (start, end, _) in zip(found.words, words, strict=True):
        assert abs(word.start - start) <= starts.MOST_S + 1e-9
        assert word.end <= end + starts.MOST_S + starts.BESIDE_S + 1e-9  # it ends where the word right behind begins
    assert found.words[-1].end == words[-1][1]
    assert starts.corrected([replace(found, words=())])[0].words == ()
