"""Transcripts and turns that people bring: read, refused, and put on the clock of the sound."""

from __future__ import annotations

import contextlib
import json
import time

import pytest

from pipeline import given, project, transcript
from pipeline.brought import Given, GivenLine, GivenTurn
from pipeline.errors import RecordError
from pipeline.given.speakers import GIVEN
from pipeline.project import Project
from pipeline.records import Attribution, Evidence, Person, PersonTurn, Phrase, Segment, Transcript, Word
from tests import fakes

pytestmark = pytest.mark.unit

SRT = "1\n00:00:01,000 --> 00:00:02,500\nHello <i>there</i>,\nfriend.\n\n2\n00:00:03,000 --> 00:00:04,000\nBye.\n"
VTT = "WEBVTT\n\nNOTE nothing\n\n00:01.000 --> 00:02.500\n<v Ada>Hello there,\nfriend.</v>\n\n00:03.000 --> 00:04.000\n<v.loud Bo>Bye.\n"
ASS = """[Script Info]
ScriptType: v4.00+

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Comment: 0,0:00:00.00,0:00:09.00,Default,,0,0,0,,nobody says this
Dialogue: 0,0:00:01.00,0:00:02.50,Default,Ada,0,0,0,,Hello {\\i1}there{\\i0},\\Nfriend.
Dialogue: 0,0:00:03.00,0:00:04.00,Default,Bo,0,0,0,,Bye.
"""
WHISPER = {
    "language": "en",
    "segments": [
        {
            "start": 1.0, "end": 2.5, "text": " Hello there, friend.", "speaker": "Ada",
            "words": [
                {"word": " Hello", "start": 1.0, "end": 1.3}, {"word": " there,", "start": 1.4, "end": 1.7},
                {"word": " friend.", "start": 1.8, "end": 2.5},
            ],
        },
        {"start": 3.0, "end": 4.0, "text": " Bye.", "speaker": "Bo"},
    ],
}  # fmt: skip
CPP = {
    "result": {"language": "en"},
    "transcription": [
        {"offsets": {"from": 1000, "to": 2500}, "text": " Hello there, friend."},
        {"offsets": {"from": 3000, "to": 4000}, "text": " Bye."},
    ],
}


@pytest.mark.parametrize(
    ("text", "speakers"),
    [
        (SRT, ("", "")),
        (VTT, ("Ada", "Bo")),
        (ASS, ("Ada", "Bo")),
        (json.dumps(WHISPER), ("Ada", "Bo")),
        (json.dumps(CPP), ("", "")),
    ],
)
def test_every_kind_of_transcript_is_read(text: str, speakers: tuple[str, str]) -> None:
    read = given.read_transcript(text.encode())
    assert [(line.start, line.end, line.text) for line in read.lines] == [
        (1.0, 2.5, "Hello there, friend."),
        (3.0, 4.0, "Bye."),
    ]
    assert tuple(line.speaker for line in read.lines) == speakers


def test_whispers_words_keep_their_times_and_its_language_is_known() -> None:
    read = given.read_transcript(json.dumps(WHISPER).encode())
    assert read.language == "en"
    assert [word.start for word in read.lines[0].words] == [1.0, 1.4, 1.8]
    assert read.lines[1].words == ()


def test_our_own_transcript_and_project_are_read_with_words_and_names() -> None:
    analysis = fakes.analysis("PL")
    for text in (transcript.to_json(analysis), project.to_json(Project(analysis))):
        read = given.read_transcript(text.encode())
        assert [line.text for line in read.lines] == [phrase.source for phrase in analysis.phrases]
        assert read.lines[0].speaker == "Speaker 1"
        assert len(read.lines[0].words) == 8
        assert read.language == "en"


@pytest.mark.parametrize("coding", ["utf-8-sig", "utf-16"])
def test_marks_of_the_encoding_are_understood(coding: str) -> None:
    assert given.read_transcript(SRT.encode(coding)).lines[1].text == "Bye."


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "cannot be read; give SRT"),
        (b"Hello there", "cannot be read; give SRT"),
        (b"{", "cannot be read; give SRT"),
        (b"[1, 2]", "cannot be read; give SRT"),
        (b'{"segments": 5}', "cannot be read; give SRT"),
        (b'{"segments": [{"start": 1, "end": true, "text": "x"}]}', "cannot be read; give SRT"),
        (b'{"segments": [{"start": NaN, "end": 1, "text": "x"}]}', "cannot be read; give SRT"),
        (b'{"speechglass": 9}', "another version"),
        (b'{"phrases": []}', "transcript"),
        (b"WEBVTT\n\n", "no line with words"),
        (b"1\n00:00:05,000 --> 00:00:04,000\nback\n", "ends before it starts"),
        (b"1\n00:00:01,000 --> 00:00:04,000\n" + b"x" * 1500, "more than 1000 characters"),
        (b"\x89PNG\r\n\x1a\n\x00", "not text in UTF-8"),
        ("1\n00:00:01,000 --> 00:00:02,000\nżółć\n".encode("cp1250"), "not text in UTF-8"),
        (b"x" * (9 * 2**20), "larger than 8 MB"),
    ],
)
def test_a_transcript_that_is_none_is_refused_in_a_sentence(data: bytes, said: str) -> None:
    with pytest.raises(RecordError, match=said):
        given.read_transcript(data)


RTTM = (
    "SPEAKER clip 1 0.50 1.20 <NA> <NA> Ada <NA> <NA>\n;; a comment\nSPEAKER clip 1 1.60 1.00 <NA> <NA> Bo <NA> <NA>\n"
)


def test_an_rttm_is_read() -> None:
    assert given.read_turns(RTTM.encode()) == (GivenTurn(0.5, 1.7, "Ada"), GivenTurn(1.6, 2.6, "Bo"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no SPEAKER line"),
        ("hello there\n", "Line 1 of the RTTM"),
        ("SPEAKER clip 1 x 1 <NA> <NA> Ada <NA> <NA>", "Line 1 of the RTTM"),
        ("SPEAKER clip 1 1.0\n", "Line 1 of the RTTM"),
        (RTTM + "SPEAKER other 1 0.5 1.0 <NA> <NA> Ada <NA> <NA>", "several recordings"),
        ("".join(f"SPEAKER c 1 {n} 1 <NA> <NA> s{n} <NA> <NA>\n" for n in range(30)), "20 speakers"),
    ],
)
def test_an_rttm_that_is_none_is_refused_in_a_sentence(text: str, said: str) -> None:
    with pytest.raises(RecordError, match=said):
        given.read_turns(text.encode())


def test_what_cannot_be_of_the_clip_is_refused() -> None:
    late = Given((GivenLine(100, 101, "Hello."),))
    with pytest.raises(RecordError, match=r"after the end of the clip \(13 s\)"):
        given.check(late, 13.0)
    with pytest.raises(RecordError, match="RTTM is after the end"):
        given.check(Given(turns=(GivenTurn(100, 101, "Ada"),)), 13.0)
    with pytest.raises(RecordError, match="lines are more than a clip of 2 seconds"):
        given.check(Given(tuple(GivenLine(1, 1.1, "a") for _ in range(100))), 2.0)
    with pytest.raises(RecordError, match="lines at one time"):
        given.check(Given(tuple(GivenLine(1, 2, "a") for _ in range(30))), 60.0)
    given.check(Given((GivenLine(1, 2, "Hello."), GivenLine(100, 101, "Late."))), 13.0)


def heard(*words: tuple[str, float, float], language: str = "en") -> Transcript:
    timed = tuple(Word(start, end, text) for text, start, end in words)
    return Transcript(language, 0.9, (Segment(timed[0].start, timed[-1].end, " ".join(w.text for w in timed), timed),))


def test_words_have_the_times_at_which_they_were_heard() -> None:
    said = heard(
        ("everyone", 0.5, 0.9), ("here", 1.0, 1.2), ("is", 1.2, 1.3), ("working", 1.3, 1.9), ("hard", 2.0, 2.4)
    )
    lines = (GivenLine(0.0, 1.2, "Everyone here,"), GivenLine(1.2, 3.0, "is working hard!"))
    result = given.align(lines, said, 5.0)
    assert [(w.text, w.start) for s in result.segments for w in s.words] == [
        ("Everyone", 0.5), ("here,", 1.0), ("is", 1.2), ("working", 1.3), ("hard!", 2.0),
    ]  # fmt: skip
    assert [segment.text for segment in result.segments] == ["Everyone here,", "is working hard!"]
    assert result.notices == ()


def test_words_that_were_misheard_lie_between_those_that_were_not() -> None:
    said = heard(("we", 1.0, 1.2), ("sell", 1.2, 1.6), ("spec", 1.6, 1.8), ("glasses", 1.8, 2.2), ("today", 2.3, 2.6))
    [segment] = given.align((GivenLine(0.8, 3.0, "We sell Speechglass today."),), said, 5.0).segments
    times = {word.text: (word.start, word.end) for word in segment.words}
    assert times["sell"] == (1.2, 1.6)
    assert times["Speechglass"] == (1.6, 2.3)
    assert times["today."] == (2.3, 2.6)


def test_subtitles_that_are_late_as_a_whole_are_moved_also_where_nothing_was_heard() -> None:
    said = heard(("one", 1.0, 1.3), ("two", 1.4, 1.8), ("five", 5.0, 5.4), ("six", 5.4, 6.0))
    lines = (GivenLine(3.0, 3.8, "One two"), GivenLine(5.0, 5.8, "Mmh hmm"), GivenLine(7.0, 8.0, "five six"))
    first, second, third = given.align(lines, said, 9.0).segments
    assert first.start == 1.0
    assert second.start == pytest.approx(3.0, abs=0.1)
    assert third.start == 5.0


def test_a_text_in_another_language_keeps_its_times_and_says_so() -> None:
    said = heard(*((f"słowo{n}", n * 0.5, n * 0.5 + 0.4) for n in range(20)), language="pl")
    lines = tuple(GivenLine(n * 2.0, n * 2.0 + 1.5, "A quiet English sentence.") for n in range(5))
    result = given.align(lines, said, 10.0)
    assert [segment.start for segment in result.segments] == [0.0, 2.0, 4.0, 6.0, 8.0]
    assert [notice.code for notice in result.notices] == ["not_heard"]


def test_without_any_speech_the_text_keeps_its_times() -> None:
    result = given.align((GivenLine(1.0, 2.0, "Ab cd"),), Transcript("", 0.0, ()), 5.0, "en")
    assert [(w.start, w.end) for w in result.segments[0].words] == [(1.0, 1.5), (1.5, 2.0)]
    assert result.language == "en"


def test_a_language_without_spaces_is_timed_character_by_character() -> None:
    said = heard(("こんにちは", 1.0, 2.0), ("世界", 2.0, 2.4), language="ja")
    [segment] = given.align((GivenLine(0.8, 2.6, "こんにちは、世界。"),), said, 5.0).segments
    assert segment.text == "こんにちは、世界。"
    assert "".join(word.text for word in segment.words) == segment.text
    assert next(word.start for word in segment.words if word.text.startswith("世")) == pytest.approx(2.0, abs=0.2)


def test_every_word_lies_in_the_clip_and_in_order() -> None:
    said = heard(("a", 3.0, 3.2), ("b", 1.0, 1.2), ("c", 4.0, 7.0))
    lines = (GivenLine(0.0, 4.0, "a b x y"), GivenLine(3.5, 9.0, "c d"), GivenLine(8.0, 9.0, "never"))
    result = given.align(lines, said, 5.0)
    for segment in result.segments:
        times = [t for word in segment.words for t in (word.start, word.end)]
        assert times == sorted(times)
        assert 0 <= times[0] <= times[-1] <= 5.0
    assert "never" not in [segment.text for segment in result.segments]


def test_people_are_called_and_told_apart_as_given() -> None:
    people = tuple(Person(f"p{n}", f"Speaker {n}", "#00e5ff", True, 0.9, 1.0) for n in (1, 2))
    owners = ("p1", "p1", "p2", "p2")
    phrases = tuple(
        Phrase(n, float(n), n + 0.9, owner, "x", (Word(n, n + 0.9, "x"),), evidence=Evidence(0.7))
        for n, owner in enumerate(owners)
    )
    answer = Attribution(people, phrases, tuple(PersonTurn(p.start, p.end, p.person or "") for p in phrases), ())
    turns = (GivenTurn(0, 1, "Ada"), GivenTurn(1, 2, "Cy"), GivenTurn(2, 4, "Bo"))
    result = given.name_people(answer, turns, 4.0)
    names = {person.id: person.name for person in result.people}
    assert [names[phrase.person or ""] for phrase in result.phrases] == ["Ada", "Cy", "Bo", "Bo"]
    assert {phrase.evidence.reason for phrase in result.phrases} == {GIVEN}
    assert [(turn.start, turn.end, names[turn.person]) for turn in result.turns] == [
        (0, 1, "Ada"),
        (1, 2, "Cy"),
        (2, 4, "Bo"),
    ]


CUE = "1\n00:00:01,000 --> 00:00:02,000\n"


@pytest.mark.parametrize(
    "text",
    [
        "<v" + "." * 30,
        "\ue000" * 100_000,
        "{" * 100_000,
        "<i" * 100_000,
        "< " * 100_000,
        "<" + " " * 100_000 + "i",
        "a" + "\n" * 100_000 + "b",
        "a" + "\n \t" * 100_000 + "b",
        CUE * 200_000,
    ],
    ids=["classes", "private", "braces", "tags", "open", "spaces", "lines", "blanks", "cues"],
)
def test_a_transcript_made_to_be_slow_does_not_stop_the_server(text: str) -> None:
    """An expression that looks for its end again and again holds the interpreter, and with it every visitor."""
    begun = time.process_time()
    with contextlib.suppress(RecordError):
        given.read_transcript((CUE + text).encode())
    assert time.process_time() - begun < 2.0


def test_braces_and_blank_lines_of_ordinary_files_are_no_harm() -> None:
    lines = given.read_transcript((CUE + "She said :{ and   left{\n\n\n\n\n" + CUE + "Bye.\n").encode()).lines
    assert [line.text for line in lines] == ["She said :{ and left{", "Bye."]
