"""What the corrections of people, lines and faces share."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import replace

from pipeline.errors import UsageError
from pipeline.records import Analysis, Evidence, Person, PersonTurn, Phrase

BY_HAND = Evidence(confidence=1.0, reason="set by hand")


def person_of(analysis: Analysis, person: str) -> Person:
    """Return the person with the id `person`."""
    for known in analysis.people:
        if known.id == person:
            return known
    raise UsageError("That speaker is not there any more; look at the list again.")


def phrase_of(analysis: Analysis, phrase: int) -> Phrase:
    """Return the phrase with the id `phrase`."""
    for known in analysis.phrases:
        if known.id == phrase:
            return known
    raise UsageError("That line is not there any more; look at the transcript again.")


def with_person(analysis: Analysis, person: Person) -> Analysis:
    """Return the analysis with `person` in place of the one of the same id."""
    return replace(analysis, people=tuple(person if p.id == person.id else p for p in analysis.people))


def with_phrase(analysis: Analysis, phrase: Phrase) -> Analysis:
    """Return the analysis with `phrase` in place of the one of the same id."""
    return replace(analysis, phrases=tuple(phrase if p.id == phrase.id else p for p in analysis.phrases))


def recounted(analysis: Analysis) -> Analysis:
    """`speaking_s` of everybody is the sum of their turns."""
    seconds = {person.id: 0.0 for person in analysis.people}
    for turn in analysis.turns:
        seconds[turn.person] += turn.end - turn.start
    return replace(analysis, people=tuple(replace(p, speaking_s=round(seconds[p.id], 3)) for p in analysis.people))


def without(turn: PersonTurn, start: float, end: float) -> list[PersonTurn]:
    """What is left of the turn outside start..end."""
    left = replace(turn, end=min(turn.end, start))
    right = replace(turn, start=max(turn.start, end))
    return [piece for piece in (left, right) if piece.end > piece.start]


def joined(turns: Iterable[PersonTurn]) -> tuple[PersonTurn, ...]:
    """In time order, overlapping or touching turns of one person made one."""
    last: dict[str, int] = {}
    joined: list[PersonTurn] = []
    for turn in sorted(turns, key=lambda t: (t.start, t.end)):
        index = last.get(turn.person)
        if index is not None and turn.start <= joined[index].end:
            joined[index] = replace(joined[index], end=max(joined[index].end, turn.end))
        else:
            last[turn.person] = len(joined)
            joined.append(turn)
    return tuple(joined)


def one_line(text: str, most: int, too_long: str) -> str:
    """Return the text without control and direction-override characters, white space made single spaces.

    Raises UsageError, which says `too_long`, for one of more than `most` characters. What is ten times as long is not
    cleaned first.
    """
    if len(text) > 10 * most:
        raise UsageError(too_long)
    kept = (" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in text)
    clean = " ".join(
        "".join(c for c in kept if c not in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069").split()
    )
    if len(clean) > most:
        raise UsageError(too_long)
    return clean
