"""Corrections by hand keep the records consistent."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import edit, transcript
from pipeline.errors import UsageError
from pipeline.records import Analysis, PersonTurn, Phrase, Word
from tests import fakes


@pytest.fixture
def analysis() -> Analysis:
    return fakes.analysis()


def line(analysis: Analysis, number: int) -> Phrase:
    return next(phrase for phrase in analysis.phrases if phrase.id == number)


def seconds(analysis: Analysis) -> dict[str, float]:
    return {person.id: person.speaking_s for person in analysis.people}


def test_rename_changes_one_name_and_trims_it(analysis: Analysis) -> None:
    edited = edit.rename(analysis, "p2", "  Ada \n Lovelace\u202e ")
    assert [person.name for person in edited.people] == ["Speaker 1", "Ada Lovelace", "Speaker 3"]
    assert edited.phrases == analysis.phrases


@pytest.mark.parametrize("name", ["", "   ", "\n", "x" * 41])
def test_a_name_has_one_to_forty_characters(analysis: Analysis, name: str) -> None:
    with pytest.raises(UsageError, match="name"):
        edit.rename(analysis, "p1", name)


def test_recolour_takes_six_hex_digits(analysis: Analysis) -> None:
    assert edit.recolour(analysis, "p1", "#AABBCC").people[0].colour == "#aabbcc"
    for colour in ("red", "#abc", "#12345g", "#123456;}", ""):
        with pytest.raises(UsageError, match="colour"):
            edit.recolour(analysis, "p1", colour)


@pytest.mark.parametrize("text", [" " * 3_000_000, "\n" * 50_001, "a" + " " * 10_001])
def test_a_text_is_measured_before_it_is_cleaned(analysis: Analysis, text: str) -> None:
    """Cleaned these would be short; to clean a megabyte costs a second."""
    with pytest.raises(UsageError, match="at most 40 characters"):
        edit.rename(analysis, "p1", text)
    with pytest.raises(UsageError, match="at most 1000 characters"):
        edit.correct_source(analysis, analysis.phrases[0].id, text)
    assert edit.rename(analysis, "p1", "  Ada\t" + " " * 100).people[0].name == "Ada"


def test_a_line_given_away_takes_its_turn_along(analysis: Analysis) -> None:
    edited = edit.give(analysis, 2, "p1")
    assert line(edited, 2).person == "p1"
    assert line(edited, 2).evidence == edit.BY_HAND
    assert [turn for turn in edited.turns if turn.person == "p2"] == []
    assert seconds(edited)["p1"] == pytest.approx(1.6 + 1.5 + 1.1)
    assert seconds(edited)["p2"] == 0


def test_only_the_lines_stretch_of_a_longer_turn_moves(analysis: Analysis) -> None:
    long = replace(analysis, turns=(PersonTurn(0.0, 6.0, "p1"),))
    edited = edit.give(long, 1, "p3")
    assert edited.turns == (PersonTurn(0.0, 0.4, "p1"), PersonTurn(0.4, 2.0, "p3"), PersonTurn(2.0, 6.0, "p1"))


def test_a_line_can_be_nobodys(analysis: Analysis) -> None:
    edited = edit.give(analysis, 3, None)
    assert line(edited, 3).person is None
    assert seconds(edited)["p3"] == 0


def test_a_new_speaker_gets_an_id_a_name_and_a_colour_of_their_own(analysis: Analysis) -> None:
    edited = edit.give_to_new(analysis, [4])
    new = edited.people[-1]
    assert (new.id, new.name, new.face) == ("p4", "Speaker 4", False)
    assert new.colour not in {person.colour for person in analysis.people}
    assert line(edited, 4).person == "p4"
    assert new.speaking_s == pytest.approx(1.1)
    twice = edit.give_to_new(edit.rename(edited, "p4", "Speaker 9"), [3])
    assert twice.people[-1].id == "p5"


def test_merged_people_share_everything(analysis: Analysis) -> None:
    edited = edit.merge(analysis, "p1", "p3")
    assert [person.id for person in edited.people] == ["p2", "p3"]
    three = next(person for person in edited.people if person.id == "p3")
    assert three.face
    assert edited.portraits["p3"] == analysis.portraits["p1"]
    assert "p1" not in edited.portraits
    assert {phrase.person for phrase in edited.phrases} == {"p2", "p3"}
    assert {track.person for track in edited.tracks} == {"p2", "p3"}
    assert three.speaking_s == pytest.approx(1.6 + 0.7 + 1.1)


def test_merging_drops_a_runner_up_who_is_now_the_speaker(analysis: Analysis) -> None:
    assert line(analysis, 3).evidence.runner_up == "p2"
    assert line(edit.merge(analysis, "p3", "p2"), 3).evidence.runner_up is None


def test_nobody_is_merged_with_themselves(analysis: Analysis) -> None:
    with pytest.raises(UsageError, match="themselves"):
        edit.merge(analysis, "p1", "p1")


def test_words_that_stay_keep_their_times(analysis: Analysis) -> None:
    before = line(analysis, 1)
    edited = line(edit.correct_source(analysis, 1, "Everyone there is working for one better future."), 1)
    kept = {word.text: (word.start, word.end) for word in before.words}
    for word in edited.words:
        if word.text in kept:
            assert (word.start, word.end) == pytest.approx(kept[word.text])
    assert edited.source == " ".join(word.text for word in edited.words)


def test_changed_words_share_the_time_of_those_they_replace() -> None:
    words = (Word(0.0, 1.0, "one"), Word(1.0, 2.0, "two"), Word(2.0, 3.0, "three"))
    phrase = Phrase(1, 0.0, 3.0, None, "one two three", words)
    analysis = replace(fakes.analysis(), phrases=(phrase,), turns=())
    edited = line(edit.correct_source(analysis, 1, "one thirty four three"), 1)
    assert [word.text for word in edited.words] == ["one", "thirty", "four", "three"]
    assert (edited.words[1].start, edited.words[2].end) == pytest.approx((1.0, 2.0))
    assert edited.words[1].end == pytest.approx(1.6)


def test_a_script_without_spaces_keeps_its_times_too() -> None:
    texts = "言葉は変わる"
    words = tuple(Word(float(i), i + 1.0, c) for i, c in enumerate(texts))
    analysis = replace(fakes.analysis(), phrases=(Phrase(1, 0.0, 6.0, None, texts, words),), turns=())
    edited = line(edit.correct_source(analysis, 1, "言葉が変わる"), 1)
    assert [word.text for word in edited.words] == list("言葉が変わる")
    assert [word.start for word in edited.words] == [0, 1, 2, 3, 4, 5]


def test_a_line_needs_words_and_not_too_many(analysis: Analysis) -> None:
    for text in ("", "  ", "x" * 1001):
        with pytest.raises(UsageError, match="line"):
            edit.correct_source(analysis, 1, text)


def test_a_translation_can_be_changed_and_taken_away(analysis: Analysis) -> None:
    assert line(edit.correct_translation(analysis, 1, " Nowy\ntekst "), 1).translation == "Nowy tekst"
    assert line(edit.correct_translation(analysis, 1, ""), 1).translation is None


def test_a_removed_line_leaves_no_trace(analysis: Analysis) -> None:
    edited = edit.remove(analysis, 3)
    assert [phrase.id for phrase in edited.phrases] == [1, 2, 4]
    assert [turn for turn in edited.turns if turn.person == "p3"] == []


def test_who_or_what_is_not_there_is_refused(analysis: Analysis) -> None:
    attempts: tuple[Callable[[], object], ...] = (
        lambda: edit.rename(analysis, "p9", "X"),
        lambda: edit.recolour(analysis, "", "#000000"),
        lambda: edit.give(analysis, 99, "p1"),
        lambda: edit.give(analysis, 1, "p9"),
        lambda: edit.give_to_new(analysis, [-1]),
        lambda: edit.merge(analysis, "p1", "p9"),
        lambda: edit.correct_source(analysis, 0, "x"),
        lambda: edit.correct_translation(analysis, 0, "x"),
        lambda: edit.remove(analysis, 0),
    )
    for attempt in attempts:
        with pytest.raises(UsageError, match="not there any more"):
            attempt()


def test_a_line_split_twice_inside_its_first_word_keeps_its_words_inside_its_times(analysis: Analysis) -> None:
    edited = edit.split(edit.split(analysis, 1, 2), 1, 1)
    first = line(edited, 1)
    assert first.source == "E"
    assert first.start <= first.words[0].start <= first.words[-1].end <= first.end


def test_a_face_that_is_nobodys_keeps_its_picture_and_can_be_given_back(analysis: Analysis) -> None:
    tracks = tuple(dataclasses.replace(track, face=f"f{n}") for n, track in enumerate(analysis.tracks, 1))
    analysis = dataclasses.replace(analysis, tracks=tracks)
    mine, other = analysis.portraits["p1"], analysis.portraits["p2"]
    faceless = edit.take_face(analysis, "p1")
    assert [(c.id, c.person, c.portrait) for c in edit.faces_of(faceless)] == [("f1", None, mine), ("f2", "p2", other)]
    again = edit.give_face(faceless, "p3", "f1")
    assert again.portraits == {"p3": mine, "p2": other}
    swapped = edit.give_face(faceless, "p2", "f1")
    assert [(c.id, c.person, c.portrait) for c in edit.faces_of(swapped)] == [("f1", "p2", mine), ("f2", None, other)]
    apart = edit.separate(analysis, "p2")
    assert apart.portraits == {"p1": mine, apart.people[-1].id: other}


people = st.sampled_from(["p1", "p2", "p3"])
lines = st.integers(1, 4)
edits = st.one_of(
    st.tuples(st.just(edit.rename), people, st.text(min_size=1, max_size=40)),
    st.tuples(st.just(edit.give), lines, st.one_of(st.none(), people)),
    st.tuples(st.just(edit.give_to_new), st.lists(lines, min_size=1, max_size=2)),
    st.tuples(st.just(edit.split), lines, st.integers(-3, 50)),
    st.tuples(st.just(edit.join), lines),
    st.tuples(st.just(edit.retime), lines, st.floats(-1, 7), st.floats(-1, 7)),
    st.tuples(st.just(edit.give_face), people, people),
    st.tuples(st.just(edit.take_face), people),
    st.tuples(st.just(edit.separate), people),
    st.tuples(st.just(edit.merge), people, people),
    st.tuples(st.just(edit.correct_source), lines, st.text(max_size=60)),
    st.tuples(st.just(edit.correct_translation), lines, st.text(max_size=60)),
    st.tuples(st.just(edit.remove), lines),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(edits, max_size=8))
def test_after_any_edits_the_transcript_can_be_read_back(steps: Any) -> None:
    analysis = fakes.analysis()
    for function, *arguments in steps:
        try:
            analysis = function(analysis, *arguments)
        except UsageError:
            continue
    again = transcript.from_json(transcript.to_json(analysis))
    assert [phrase.source for phrase in again.phrases] == [phrase.source for phrase in analysis.phrases]
    for phrase in analysis.phrases:
        times = [t for word in phrase.words for t in (word.start, word.end)]
        assert times == sorted(times)
        assert all(phrase.start - 1e-6 <= t <= phrase.end + 1e-6 for t in times)


def test_the_edits_of_one_call_look_at_a_bounded_number_of_lines() -> None:
    """Five hundred times "replace" in the longest transcript kept the page's process busy for a minute."""
    from pipeline.web import rework

    give = {"kind": "give", "lines": list(range(500)), "value": "p1"}
    replace_all = {"kind": "replace", "find": "a", "value": "b"}
    rework._check_cost([give] * 40, 2400)
    rework._check_cost([replace_all] * 300, 60)
    with pytest.raises(UsageError, match="look at 20500 lines; send fewer"):
        rework._check_cost([give] * 41, 2400)
    with pytest.raises(UsageError, match="look at 21600 lines; send fewer"):
        rework._check_cost([replace_all] * 9, 2400)
