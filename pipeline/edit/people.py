"""Corrections of people: names, colours, and two who are one."""

from __future__ import annotations

import re
from dataclasses import replace

from pipeline.edit.common import joined, one_line, person_of, recounted, with_person
from pipeline.errors import UsageError
from pipeline.records import Analysis, Person

MAX_NAME = 40  #: characters; what fits on the tag beside a face

#: Handed out to people added by hand: Okabe and Ito's colours for all kinds of colour vision, lightened for dark glass.
SPARE_COLOURS = ("#56b4e9", "#e69f00", "#2fd3a0", "#f0e442", "#ff8a5c", "#e79fc4", "#b9c4d0")


def rename(analysis: Analysis, person: str, name: str) -> Analysis:
    """Name the person.

    Raises UsageError for an unknown person and a name that is empty, longer than `MAX_NAME` or somebody else's.
    """
    known = person_of(analysis, person)
    clean = one_line(name, MAX_NAME, f"A name has at most {MAX_NAME} characters; shorten it.")
    if not clean:
        raise UsageError("A speaker needs a name; type at least one character.")
    if any(other.id != person and other.name.casefold() == clean.casefold() for other in analysis.people):
        raise UsageError(f"Somebody is already called {clean}; choose another name, or make the two the same person.")
    return with_person(analysis, replace(known, name=clean))


def recolour(analysis: Analysis, person: str, colour: str) -> Analysis:
    """Give the person a colour, "#rrggbb".

    Raises UsageError for an unknown person or anything that is not such a colour.
    """
    known = person_of(analysis, person)
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", colour):
        raise UsageError("A colour must be written as #rrggbb; pick one from the palette.")
    return with_person(analysis, replace(known, colour=colour.lower()))


def merge(analysis: Analysis, person: str, into: str) -> Analysis:
    """Make `person` and `into` one: lines, turns, tracks and (where `into` has none) the portrait are `into`'s.

    Raises UsageError for unknown people or a person merged into themselves.
    """
    gone, stays = person_of(analysis, person), person_of(analysis, into)
    if person == into:
        raise UsageError("A speaker cannot be merged with themselves; choose another one.")

    def moved(who: str | None) -> str | None:
        return into if who == person else who

    portraits = {who: picture for who, picture in analysis.portraits.items() if who != person}
    if person in analysis.portraits:
        portraits.setdefault(into, analysis.portraits[person])
    phrases = []
    for phrase in analysis.phrases:
        runner_up = moved(phrase.evidence.runner_up)
        owner = moved(phrase.person)
        evidence = replace(phrase.evidence, runner_up=None if runner_up == owner else runner_up)
        phrases.append(replace(phrase, person=owner, evidence=evidence))
    one = replace(stays, face=stays.face or gone.face)
    merged = replace(
        analysis,
        people=tuple(one if p.id == into else p for p in analysis.people if p.id != person),
        phrases=tuple(phrases),
        turns=joined(replace(turn, person=moved(turn.person) or into) for turn in analysis.turns),
        tracks=tuple(replace(track, person=moved(track.person)) for track in analysis.tracks),
        portraits=portraits,
    )
    return recounted(merged)


def add_person(analysis: Analysis) -> tuple[Analysis, Person]:
    """Add somebody who has no line, no face and a name and an id that nobody had before; returns them, too."""
    taken = [int(p.id[1:]) for p in analysis.people if re.fullmatch(r"p\d{1,6}", p.id)]
    number = max([len(analysis.people), *taken]) + 1
    names = {person.name.casefold() for person in analysis.people}
    shown = next(n for n in range(number, number + len(names) + 1) if f"speaker {n}" not in names)
    used = {person.colour for person in analysis.people}
    colour = next((c for c in SPARE_COLOURS if c not in used), SPARE_COLOURS[-1])
    person = Person(f"p{number}", f"Speaker {shown}", colour, face=False, confidence=1.0, speaking_s=0.0)
    return replace(analysis, people=(*analysis.people, person)), person
