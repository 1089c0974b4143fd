"""Lines are split, merged, moved in time, added and searched, and the records stay consistent."""

from __future__ import annotations

import pytest

from pipeline import edit
from pipeline.errors import UsageError
from pipeline.records import Analysis, Phrase
from tests import fakes


@pytest.fixture
def analysis() -> Analysis:
    return fakes.analysis()


def line(analysis: Analysis, number: int) -> Phrase:
    return next(phrase for phrase in analysis.phrases if phrase.id == number)


def test_a_line_is_split_at_the_caret_and_each_half_keeps_its_words(analysis: Analysis) -> None:
    text = line(analysis, 1).source
    edited = edit.split(analysis, 1, text.index("working"))
    one, two = edited.phrases[:2]
    assert (one.source, two.source) == ("Everyone here is", "working for a better future.")
    assert [word.text for word in one.words] == ["Everyone", "here", "is"]
    assert two.words[0].text == "working"
    assert one.end == two.start == two.words[0].start
    assert one.person == two.person == "p1"
    assert f"{one.translation} {two.translation}" == line(analysis, 1).translation
    assert [p.start for p in edited.phrases] == sorted(p.start for p in edited.phrases)
    assert len({p.id for p in edited.phrases}) == 5


def test_a_line_is_split_at_the_caret_of_its_translation(analysis: Analysis) -> None:
    translation = line(analysis, 1).translation
    assert translation
    edited = edit.split(analysis, 1, translation.index("na lepszą"), translated=True)
    assert [p.translation for p in edited.phrases[:2]] == ["Wszyscy tu pracują", "na lepszą przyszłość."]
    assert all(p.source for p in edited.phrases)


@pytest.mark.parametrize("at", [-1, 0, 45, 100])
def test_a_line_is_not_split_into_something_and_nothing(analysis: Analysis, at: int) -> None:
    with pytest.raises(UsageError, match="between two words"):
        edit.split(analysis, 1, at)


def test_split_lines_merged_again_are_the_line_they_were(analysis: Analysis) -> None:
    before = line(analysis, 1)
    again = line(edit.join(edit.split(analysis, 1, before.source.index("for")), 1), 1)
    assert (again.source, again.translation, again.words) == (before.source, before.translation, before.words)
    assert (again.start, again.end) == (before.start, before.end)


def test_a_merged_line_takes_the_others_turn_along(analysis: Analysis) -> None:
    edited = edit.join(analysis, 1)
    assert line(edited, 1).source == "Everyone here is working for a better future. And how long will that take?"
    assert not [turn for turn in edited.turns if turn.person == "p2"]
    assert {p.id: p.speaking_s for p in edited.people}["p2"] == 0
    with pytest.raises(UsageError, match="last line"):
        edit.join(analysis, 4)


def test_a_line_moved_in_time_moves_its_words_and_its_turn(analysis: Analysis) -> None:
    edited = edit.retime(analysis, 2, 2.5, 3.1)
    moved = line(edited, 2)
    assert (moved.start, moved.end) == (2.5, 3.1)
    assert moved.words[0].start == 2.5
    assert moved.words[-1].end == 3.1
    assert [(t.start, t.end) for t in edited.turns if t.person == "p2"] == [(2.5, 3.1)]
    for start, end in ((3.0, 2.0), (-1.0, 2.0), (2.0, 60.0)):
        with pytest.raises(UsageError, match="must start before it ends"):
            edit.retime(analysis, 2, start, end)


def test_a_line_is_added_in_time_order(analysis: Analysis) -> None:
    edited, number = edit.add(analysis, 2.0, 2.2, "p2")
    assert [p.id for p in edited.phrases] == [1, number, 2, 3, 4]
    assert line(edited, number).person == "p2"
    with pytest.raises(UsageError, match="no room"):
        edit.add(analysis, 6.0, 7.0)


def test_several_lines_change_hands_at_once(analysis: Analysis) -> None:
    edited = edit.give_many(analysis, [2, 3], "p1")
    assert {p.person for p in edited.phrases} == {"p1"}
    assert len(edit.remove_many(analysis, [1, 4]).phrases) == 2
    new = edit.give_to_new(analysis, [1, 2])
    assert [p.person for p in new.phrases] == ["p4", "p4", "p3", "p1"]
    for nothing in (edit.give_many, edit.remove_many):
        with pytest.raises(UsageError, match="select one first"):
            nothing(analysis, [], *(["p1"] if nothing is edit.give_many else []))


def test_a_word_is_replaced_everywhere(analysis: Analysis) -> None:
    edited, count = edit.replace_text(analysis, "LONG", "far", translated=False)
    assert count == 3
    assert line(edited, 2).source == "And how far will that take?"
    assert line(edited, 4).source == "farer than we thought."
    assert edit.replace_text(analysis, "LONG", "far", translated=False, case=True)[1] == 0
    assert edit.replace_text(analysis, "jak", "ile", translated=True)[1] == 1
    assert edit.replace_text(analysis, ".", "\\1", translated=False)[0].phrases[2].source == "Not long\\1"


def test_a_new_speaker_is_not_named_like_somebody_who_was_renamed(analysis: Analysis) -> None:
    renamed = edit.rename(analysis, "p1", "Ada")
    names = [person.name for person in edit.give_to_new(renamed, [4]).people]
    assert names == ["Ada", "Speaker 2", "Speaker 3", "Speaker 4"]
    taken = edit.rename(analysis, "p1", "Speaker 4")
    assert edit.give_to_new(taken, [4]).people[-1].name == "Speaker 5"


def test_two_people_do_not_bear_one_name(analysis: Analysis) -> None:
    with pytest.raises(UsageError, match="Somebody is already called speaker 2"):
        edit.rename(analysis, "p1", "speaker 2")
    assert edit.rename(analysis, "p1", "SPEAKER 1").people[0].name == "SPEAKER 1"


def test_faces_that_were_mixed_up_are_mended_at_once(analysis: Analysis) -> None:
    edited = edit.give_face(analysis, "p1", "p2")
    assert [track.person for track in edited.tracks] == ["p2", "p1"]
    assert edited.portraits["p1"] == analysis.portraits["p2"]
    assert edited.portraits["p2"] == analysis.portraits["p1"]
    assert [person.face for person in edited.people] == [True, True, False]


def test_a_voice_without_a_face_gets_one_and_loses_it(analysis: Analysis) -> None:
    edited = edit.give_face(analysis, "p3", "p2")
    assert [track.person for track in edited.tracks] == ["p1", "p3"]
    assert [person.face for person in edited.people] == [True, False, True]
    without = edit.take_face(analysis, "p1")
    assert [track.person for track in without.tracks] == [None, "p2"]
    assert without.people[0].face is False
    assert "p1" not in without.portraits


def test_a_face_can_be_somebody_who_says_nothing(analysis: Analysis) -> None:
    edited = edit.separate(analysis, "p1")
    assert [track.person for track in edited.tracks] == ["p4", "p2"]
    assert edited.portraits["p4"] == analysis.portraits["p1"]
    assert [person.face for person in edited.people] == [False, True, False, True]
    with pytest.raises(UsageError, match="no face"):
        edit.separate(analysis, "p3")
