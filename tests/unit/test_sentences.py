"""Pieces of one sentence are joined, and every piece gets its share back."""

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pipeline.records import Phrase
from pipeline.sentences import give_back, marked, units
from pipeline.text import split_like


def phrases(*said: tuple[str, float, float, str | None], language: str = "") -> list[Phrase]:
    return [Phrase(i, a, b, person, text, (), language=language) for i, (text, a, b, person) in enumerate(said)]


def test_pieces_of_one_sentence_are_one_unit() -> None:
    said = phrases(("I went home", 0, 1, "p1"), ("because it was late.", 1.1, 2, "p1"), ("Really?", 2.1, 3, "p1"))
    assert units(said) == ((0, 1), (2,))


def test_an_interjection_of_somebody_else_does_not_part_a_sentence() -> None:
    said = phrases(("I went home", 0, 1, "p1"), ("Mhm.", 1, 1.2, "p2"), ("because it was late.", 1.3, 2, "p1"))
    assert units(said) == ((0, 2), (1,))


def test_a_long_pause_ends_a_sentence() -> None:
    assert units(phrases(("I went home", 0, 1, "p1"), ("because", 4, 5, "p1"))) == ((0,), (1,))


def test_voices_without_a_person_are_never_joined() -> None:
    assert units(phrases(("I went", 0, 1, None), ("home", 1, 2, None))) == ((0,), (1,))


def test_speech_without_any_punctuation_is_not_joined_without_end() -> None:
    said = phrases(*[("and then and then", i, i + 0.9, "p1") for i in range(40)])
    assert max(len(unit) for unit in units(said)) <= 6
    assert sorted(i for unit in units(said) for i in unit) == list(range(40))


def test_a_marker_that_comes_back_decides_where_to_cut() -> None:
    pieces = ["I went home", "because it was <late> & dark"]
    text = marked(pieces)
    assert text == 'I went home <x id="1"/> because it was &lt;late&gt; &amp; dark'
    answer = 'Poszedłem do domu,<x id="1"></x> bo było &lt;późno&gt; &amp; ciemno'
    assert give_back(answer, pieces, "pl") == ("Poszedłem do domu,", "bo było <późno> & ciemno")


@pytest.mark.parametrize("answer", ["Poszedłem do domu, bo było późno", 'Poszedłem do domu, bo było późno <x id="1"/>'])
def test_a_lost_or_moved_marker_is_cut_at_the_comma(answer: str) -> None:
    assert give_back(answer, ["I went home", "because it was late"], "pl") == ("Poszedłem do domu,", "bo było późno")


def test_too_little_text_cannot_be_shared_out() -> None:
    assert give_back("Tak", ["I went home", "because"], "pl") is None
    assert give_back("", ["I went home", "because"], "pl") is None


def test_japanese_is_cut_without_spaces_and_never_before_a_full_stop() -> None:
    parts = split_like("家に帰りました。遅かったので。", ["I went home", "because it was late"], "ja")
    assert parts == ("家に帰りました。", "遅かったので。")


@hypothesis_settings(max_examples=300, deadline=None)
@given(st.text(max_size=120), st.lists(st.text(min_size=1, max_size=30), min_size=2, max_size=6))
def test_whatever_comes_back_there_are_as_many_parts_as_pieces_or_none(answer: str, pieces: list[str]) -> None:
    parts = give_back(answer, pieces, "pl")
    assert parts is None or (len(parts) == len(pieces) and all(part.strip() for part in parts))
