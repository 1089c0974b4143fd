"""The people that the files name: who speaks when as given, with the faces that were found for them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from pipeline import edit
from pipeline.brought import GivenLine, GivenTurn
from pipeline.errors import UsageError
from pipeline.records import Analysis, Attribution, Diarization, Media, PersonTurn, Transcript, Turn, Voice

GIVEN = "as given"  #: the reason of a line's speaker
NAMED = 0.8  #: share of the lines that must name a speaker for the transcript to say who speaks when


def turns_of(lines: Sequence[GivenLine], transcript: Transcript) -> tuple[GivenTurn, ...]:
    """Return who speaks when by the lines as they stand in `transcript`, () where too few of them name somebody."""
    named = [line for line in lines if line.speaker]
    if not lines or len(named) < NAMED * len(lines):
        return ()
    speakers: dict[str, list[str]] = defaultdict(list)
    for line in lines:
        speakers[line.text].append(line.speaker)
    turns = []
    for segment in transcript.segments:  # in order of time, as the lines are
        waiting = speakers[segment.text]
        speaker = waiting.pop(0) if len(waiting) > 1 else (waiting or [""])[0]
        if speaker:
            turns.append(GivenTurn(segment.start, segment.end, speaker))
    return tuple(turns)


def diarization(turns: Sequence[GivenTurn], duration: float) -> Diarization:
    """Return the turns inside the clip as if voices had been told apart."""
    names = {name: f"v{number}" for number, name in enumerate(dict.fromkeys(turn.speaker for turn in turns), 1)}
    inside = [replace(turn, end=min(turn.end, duration)) for turn in turns if turn.start < duration]
    last: dict[str, float] = {}
    found = []
    for turn in sorted(inside, key=lambda turn: turn.start):
        start = max(turn.start, last.get(turn.speaker, 0.0))  # turns of one speaker do not overlap
        if turn.end > start:
            found.append(Turn(start, turn.end, names[turn.speaker]))
            last[turn.speaker] = turn.end
    return Diarization(tuple(found), tuple(Voice(name) for name in names.values()))


def name_people(answer: Attribution, turns: Sequence[GivenTurn], duration: float) -> Attribution:
    """Return the attribution with every line given to the speaker that `turns` name for it, and people called as there.

    A speaker is the person whose lines they share most of, with that person's face; one whom nobody shares enough with
    is new.
    """
    if not turns or not answer.phrases:
        return answer
    analysis = Analysis(
        Media(duration, 0, 0, Fraction(0)), "", "", {}, answer.people, answer.phrases, answer.turns, answer.tracks, (),
        {}, portraits=answer.portraits,
    )  # fmt: skip
    said = {phrase.id: _speaker(phrase.start, phrase.end, turns) for phrase in answer.phrases}
    shared: dict[tuple[str, str], float] = defaultdict(float)
    for phrase in answer.phrases:
        speaker = said[phrase.id]
        if speaker is not None and phrase.person is not None:
            shared[speaker, phrase.person] += phrase.end - phrase.start
    person_of: dict[str, str] = {}
    for (speaker, person), _ in sorted(shared.items(), key=lambda item: -item[1]):
        if speaker not in person_of and person not in person_of.values():
            person_of[speaker] = person
    for speaker in dict.fromkeys(name for name in said.values() if name is not None):
        if speaker not in person_of:
            analysis, new = edit.add_person(analysis)
            person_of[speaker] = new.id
    for phrase in answer.phrases:
        speaker = said[phrase.id]
        if speaker is not None:
            analysis = edit.give(analysis, phrase.id, person_of[speaker])
    for speaker, person in person_of.items():
        try:
            analysis = edit.rename(analysis, person, speaker)
        except UsageError:  # somebody is called so already
            continue
    kept = {phrase.person for phrase in analysis.phrases}
    people = tuple(person for person in analysis.people if person.id in kept)
    ids = {person.id for person in people}
    spoken = tuple(
        PersonTurn(round(turn.start, 3), round(min(turn.end, duration), 3), person_of[turn.speaker])
        for turn in turns
        if person_of.get(turn.speaker) in ids and turn.start < min(turn.end, duration)
    )
    seconds = {person: sum(turn.end - turn.start for turn in spoken if turn.person == person) for person in ids}
    return replace(
        answer,
        people=tuple(replace(p, speaking_s=round(seconds[p.id] or p.speaking_s, 2)) for p in people),
        phrases=tuple(
            replace(p, evidence=replace(p.evidence, confidence=1.0, reason=GIVEN)) if said[p.id] is not None else p
            for p in analysis.phrases
        ),
        turns=tuple(sorted(spoken, key=lambda turn: (turn.start, turn.person))),
        tracks=tuple(t if t.person in ids else replace(t, person=None) for t in analysis.tracks),
        portraits={who: picture for who, picture in analysis.portraits.items() if who in ids or who.startswith("f")},
    )


def _speaker(start: float, end: float, turns: Sequence[GivenTurn]) -> str | None:
    """Who speaks most of start..end; None where nobody does."""
    seconds: dict[str, float] = defaultdict(float)
    for turn in turns:
        seconds[turn.speaker] += max(0.0, min(end, turn.end) - max(start, turn.start))
    best = max(seconds, key=lambda name: seconds[name], default=None)
    return best if best is not None and seconds[best] > 0 else None
