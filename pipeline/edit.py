"""Corrections a person makes: each takes an `Analysis` and returns the corrected one. No model runs.

The other records stay consistent: a line that changes hands takes its stretch of the turns with it, two people who become
one share turns, tracks and portrait, a corrected original keeps the times of the words that did not change.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import replace

from pipeline.errors import UsageError
from pipeline.records import Analysis, Evidence, Person, PersonTurn, Phrase, Word

MAX_NAME = 40  #: characters; what fits on the tag beside a face
MAX_TEXT = 1000  #: characters of one line; two screens of subtitles
BY_HAND = Evidence(confidence=1.0, reason="set by hand")

#: Handed out to people added by hand: Okabe and Ito's colours for all kinds of colour vision, lightened for dark glass.
SPARE_COLOURS = ("#56b4e9", "#e69f00", "#2fd3a0", "#f0e442", "#ff8a5c", "#e79fc4", "#b9c4d0")


def rename(analysis: Analysis, person: str, name: str) -> Analysis:
    """The person bears `name`.

    Raises UsageError for an unknown person and a name that is empty or longer than `MAX_NAME`.
    """
    known = _person(analysis, person)
    clean = _one_line(name)
    if not clean:
        raise UsageError("A speaker needs a name; type at least one character.")
    if len(clean) > MAX_NAME:
        raise UsageError(f"A name has at most {MAX_NAME} characters; shorten it.")
    return _with_person(analysis, replace(known, name=clean))


def recolour(analysis: Analysis, person: str, colour: str) -> Analysis:
    """The person has `colour`, "#rrggbb".

    Raises UsageError for an unknown person or anything that is not such a colour.
    """
    known = _person(analysis, person)
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", colour):
        raise UsageError("A colour is written #rrggbb; pick one from the palette.")
    return _with_person(analysis, replace(known, colour=colour.lower()))


def give(analysis: Analysis, phrase: int, person: str | None) -> Analysis:
    """The line is `person`'s (None: nobody in particular), and so is its stretch of the turns.

    Raises UsageError for an unknown line or person.
    """
    line = _phrase(analysis, phrase)
    if person is not None:
        _person(analysis, person)
    if line.person == person:
        return analysis
    turns = [turn for turn in analysis.turns if turn.person != line.person]
    for turn in analysis.turns:
        if turn.person == line.person:
            turns += _without(turn, line.start, line.end)
    if person is not None:
        turns.append(PersonTurn(line.start, line.end, person))
    given = replace(analysis, turns=_joined(turns))
    return _recounted(_with_phrase(given, replace(line, person=person, evidence=BY_HAND)))


def give_to_new(analysis: Analysis, phrase: int) -> Analysis:
    """The line is a new person's, who has no face: the recogniser took two voices for one.

    Raises UsageError for an unknown line.
    """
    _phrase(analysis, phrase)
    taken = {person.id for person in analysis.people}
    number = next(n for n in range(1, len(taken) + 2) if f"p{n}" not in taken)
    used = {person.colour for person in analysis.people}
    colour = next((c for c in SPARE_COLOURS if c not in used), SPARE_COLOURS[-1])
    names = {person.name for person in analysis.people}
    name = next(f"Speaker {n}" for n in range(1, len(names) + 2) if f"Speaker {n}" not in names)
    person = Person(f"p{number}", name, colour, face=False, confidence=1.0, speaking_s=0.0)
    return give(replace(analysis, people=(*analysis.people, person)), phrase, person.id)


def merge(analysis: Analysis, person: str, into: str) -> Analysis:
    """`person` was `into` all along: lines, turns, tracks and (where `into` has none) the portrait are `into`'s.

    Raises UsageError for unknown people or a person merged into themselves.
    """
    gone, stays = _person(analysis, person), _person(analysis, into)
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
        turns=_joined(replace(turn, person=moved(turn.person) or into) for turn in analysis.turns),
        tracks=tuple(replace(track, person=moved(track.person)) for track in analysis.tracks),
        portraits=portraits,
    )
    return _recounted(merged)


def correct_source(analysis: Analysis, phrase: int, text: str) -> Analysis:
    """The line was spoken as `text`. Words that stay keep their times; changed ones share the time of those they
    replace, by length.

    Raises UsageError for an unknown line and a text that is empty or longer than `MAX_TEXT`.
    """
    line = _phrase(analysis, phrase)
    clean = _text(text)
    if not clean:
        raise UsageError("A line needs words; to take it out of the video, remove the line.")
    if clean == line.source:
        return analysis
    return _with_phrase(analysis, replace(line, source=clean, words=_respread(line, clean)))


def correct_translation(analysis: Analysis, phrase: int, text: str) -> Analysis:
    """The line is translated as `text`; an empty text takes the translation away.

    Raises UsageError for an unknown line and a text longer than `MAX_TEXT`.
    """
    return _with_phrase(analysis, replace(_phrase(analysis, phrase), translation=_text(text) or None))


def remove(analysis: Analysis, phrase: int) -> Analysis:
    """The line is gone, with its stretch of the turns: nobody said it.

    Raises UsageError for an unknown line.
    """
    nobodys = give(analysis, phrase, None)
    return _recounted(replace(nobodys, phrases=tuple(p for p in nobodys.phrases if p.id != phrase)))


def _person(analysis: Analysis, person: str) -> Person:
    for known in analysis.people:
        if known.id == person:
            return known
    raise UsageError("There is no such speaker any more; look at the list again.")


def _phrase(analysis: Analysis, phrase: int) -> Phrase:
    for known in analysis.phrases:
        if known.id == phrase:
            return known
    raise UsageError("There is no such line any more; look at the transcript again.")


def _with_person(analysis: Analysis, person: Person) -> Analysis:
    return replace(analysis, people=tuple(person if p.id == person.id else p for p in analysis.people))


def _with_phrase(analysis: Analysis, phrase: Phrase) -> Analysis:
    return replace(analysis, phrases=tuple(phrase if p.id == phrase.id else p for p in analysis.phrases))


def _recounted(analysis: Analysis) -> Analysis:
    """`speaking_s` of everybody is the sum of their turns."""
    seconds = {person.id: 0.0 for person in analysis.people}
    for turn in analysis.turns:
        seconds[turn.person] += turn.end - turn.start
    return replace(analysis, people=tuple(replace(p, speaking_s=round(seconds[p.id], 3)) for p in analysis.people))


def _without(turn: PersonTurn, start: float, end: float) -> list[PersonTurn]:
    """What is left of the turn outside start..end."""
    left = replace(turn, end=min(turn.end, start))
    right = replace(turn, start=max(turn.start, end))
    return [piece for piece in (left, right) if piece.end > piece.start]


def _joined(turns: Iterable[PersonTurn]) -> tuple[PersonTurn, ...]:
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


def _respread(line: Phrase, text: str) -> tuple[Word, ...]:
    """The words of `text` on the line's time."""
    pieces = _pieces(line, text)
    old = [word.text for word in line.words]
    if not old:
        return _spread(pieces, line.start, line.end)
    words: list[Word] = []
    for kind, i, j, k, m in difflib.SequenceMatcher(None, old, pieces, autojunk=False).get_opcodes():
        if kind == "equal":
            words += line.words[i:j]
        elif k < m:
            # An insertion has no time of its own: it lives in the gap between its neighbours.
            start = line.words[i].start if i < j else (line.words[i - 1].end if i else line.start)
            end = line.words[j - 1].end if i < j else (line.words[i].start if i < len(old) else line.end)
            words += _spread(pieces[k:m], start, max(start, end))
    return tuple(words)


def _pieces(line: Phrase, text: str) -> list[str]:
    """`text` cut as the line's words are: at spaces, or by character where the script has none."""
    import regex

    spaced = len(line.words) <= 1 or " " in line.source.strip()
    pieces = text.split()
    if spaced or len(pieces) > 1:
        return pieces
    return regex.findall(r"\X", text)


def _spread(pieces: list[str], start: float, end: float) -> tuple[Word, ...]:
    total = sum(map(len, pieces)) or 1
    words, done = [], 0
    for piece in pieces:
        begin = start + (end - start) * done / total
        done += len(piece)
        words.append(Word(begin, start + (end - start) * done / total, piece))
    return tuple(words)


def _one_line(text: str) -> str:
    """Without control and direction-override characters, white space made single spaces."""
    kept = (" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in str(text))
    return " ".join(
        "".join(c for c in kept if c not in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069").split()
    )


def _text(text: str) -> str:
    clean = _one_line(text)
    if len(clean) > MAX_TEXT:
        raise UsageError(f"A line has at most {MAX_TEXT} characters; shorten it.")
    return clean
