"""A transcript and turns that a person brings go through a whole run; what they replace is not looked for."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

import pytest

from pipeline import given, project, run, transcript
from pipeline.brought import Given
from pipeline.errors import RecordError
from pipeline.models import sets
from pipeline.options import Options
from pipeline.records import Analysis, Look
from pipeline.settings import Settings
from tests.fixtures_runs import finish, quick_models, small_clip

SHARED = Path(__file__).parents[3].parent / "shared" / "clips"


def srt(*lines: tuple[float, float, str]) -> bytes:
    def clock(t: float) -> str:
        return f"00:00:{int(t):02}{f'{t % 1:.3f}'[1:].replace('.', ',')}"

    cues = (f"{n}\n{clock(a)} --> {clock(b)}\n{text}\n" for n, (a, b, text) in enumerate(lines, 1))
    return "\n".join(cues).encode()


def analysed(clip: Path, what: Given, settings: Settings, calls: Counter[str] | None = None) -> Analysis:
    return finish(run.analyse(clip, Options("", given=what), settings, quick_models(calls)))


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return small_clip(tmp_path / "clip.mp4", 3.0)


def test_the_text_is_as_given_and_its_words_are_where_they_were_heard(clip: Path, settings: Settings) -> None:
    usual = analysed(clip, Given(), settings)
    heard = {word.text: word.start for phrase in usual.phrases for word in phrase.words}
    what = given.read_transcript(srt((0.0, 1.2, "Good morning, all!"), (1.2, 3.0, "How are you?")))
    result = analysed(clip, what, settings)
    assert " ".join(phrase.source for phrase in result.phrases) == "Good morning, all! How are you?"
    timed = {word.text: word.start for phrase in result.phrases for word in phrase.words}
    for word in ("Good", "How", "are", "you?"):
        assert timed[word] == heard[word]
    assert result.people
    assert result.tracks


def test_turns_that_are_given_are_not_looked_for_and_people_are_called_as_there(clip: Path, settings: Settings) -> None:
    calls: Counter[str] = Counter()
    turns = given.read_turns(
        b"SPEAKER c 1 0 1.1 <NA> <NA> Ada <NA> <NA>\nSPEAKER c 1 1.1 0.9 <NA> <NA> Bo <NA> <NA>\nSPEAKER c 1 2.0 1.0 <NA> <NA> Ada <NA> <NA>\n"
    )
    result = analysed(clip, Given(turns=turns), settings, calls)
    assert calls["voices"] == 0
    assert calls["speech"] == calls["faces"] == 1
    names = {person.id: person.name for person in result.people}
    assert [(turn.start, turn.end, names[turn.person]) for turn in result.turns] == [
        (0.0, 1.1, "Ada"),
        (1.1, 2.0, "Bo"),
        (2.0, 3.0, "Ada"),
    ]


def test_words_with_times_are_taken_as_they_are_without_listening(clip: Path, settings: Settings) -> None:
    before = analysed(clip, Given(), settings)
    renamed = dataclasses.replace(
        before, people=(dataclasses.replace(before.people[0], name="Ada"), *before.people[1:])
    )
    calls: Counter[str] = Counter()
    what = given.read_transcript(project.to_json(project.Project(renamed, Look(), "clip")).encode())
    result = analysed(clip, what, settings, calls)
    assert calls["speech"] == 0
    assert [phrase.words for phrase in result.phrases] == [phrase.words for phrase in before.phrases]
    assert "Ada" in {person.name for person in result.people}


def test_a_transcript_of_another_clip_is_refused_before_a_model_runs(clip: Path, settings: Settings) -> None:
    calls: Counter[str] = Counter()
    with pytest.raises(RecordError, match="after the end of the clip"):
        analysed(clip, given.read_transcript(srt((40.0, 41.0, "Late."))), settings, calls)
    assert not calls


def test_what_was_given_is_not_kept_for_another_run(clip: Path, settings: Settings) -> None:
    calls: Counter[str] = Counter()
    turns = given.read_turns(b"SPEAKER c 1 0 3 <NA> <NA> Ada <NA> <NA>\n")
    what = given.read_transcript(srt((0.0, 3.0, "Something else entirely.")))
    analysed(clip, dataclasses.replace(what, turns=turns), settings, calls)
    assert calls == {"speech": 1, "faces": 1}
    usual = analysed(clip, Given(), settings, calls)
    assert calls == {"speech": 1, "faces": 1, "voices": 1}
    assert " ".join(phrase.source for phrase in usual.phrases) == "Good morning. How are you?"
    assert "Ada" not in {person.name for person in usual.people}


def test_the_result_is_a_transcript_like_any_other(clip: Path, settings: Settings) -> None:
    result = analysed(clip, given.read_transcript(srt((0.5, 2.0, "Good day."))), settings)
    assert transcript.from_json(transcript.to_json(result)) == result


@pytest.mark.slow
@pytest.mark.skipif(not (SHARED / "jfk.flac").is_file(), reason="the shared clips are not here")
def test_subtitles_that_are_two_seconds_late_stand_where_the_words_are_spoken(settings: Settings) -> None:
    models = sets.load(settings)
    clip = SHARED / "jfk.flac"
    usual = finish(run.analyse(clip, Options("", source="en"), settings, models))
    words = [word for phrase in usual.phrases for word in phrase.words]
    late = tuple((p.start + 2.0, p.end + 2.0, p.source) for p in usual.phrases)
    result = finish(run.analyse(clip, Options("", given=given.read_transcript(srt(*late))), settings, models))
    again = [word for phrase in result.phrases for word in phrase.words]
    assert [word.text for word in again] == [word.text for word in words]
    assert all(abs(a.start - b.start) < 0.02 for a, b in zip(again, words, strict=True))
