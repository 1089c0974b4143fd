"""One person as the records have them: a name, a colour, and how much and how surely they speak."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.people.palette import PALETTE
from pipeline.records import Person, PersonTurn, Phrase


def person_of(number: int, name: str, face: bool, phrases: Sequence[Phrase], turns: Sequence[PersonTurn]) -> Person:
    """Return the record of the person with the id `name`, the `number`th to speak, counted from 0.

    `phrases` and `turns` are those of everybody. The confidence is the mean over the person's phrases, weighted by
    their length.
    """
    mine = [phrase for phrase in phrases if phrase.person == name]
    spoken = sum(phrase.end - phrase.start for phrase in mine)
    sure = sum(phrase.evidence.confidence * (phrase.end - phrase.start) for phrase in mine) / max(1e-9, spoken)
    return Person(
        id=name,
        name=f"Speaker {number + 1}",
        colour=PALETTE[number % len(PALETTE)],
        face=face,
        confidence=round(sure, 3),
        speaking_s=round(sum(turn.end - turn.start for turn in turns if turn.person == name) or spoken, 2),
    )
