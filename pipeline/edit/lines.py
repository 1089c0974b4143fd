"""Corrections of lines: what was said, when, by whom, and how it is translated."""

from __future__ import annotations

import difflib
import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace

from pipeline.edit.common import (
    BY_HAND,
    joined,
    one_line,
    person_of,
    phrase_of,
    recounted,
    with_phrase,
    without,
)
from pipeline.edit.people import add_person
from pipeline.errors import UsageError
from pipeline.records import Analysis, PersonTurn, Phrase, Word

MAX_TEXT = 1000  #: characters of one line; two screens of subtitles


def give(analysis: Analysis, phrase: int, person: str | None) -> Analysis:
    """Give the line, and its stretch of the turns, to `person` (None: nobody in particular).

    Raises UsageError for an unknown line or person.
    """
    return give_many(analysis, [phrase], person)


def give_to_new(analysis: Analysis, phrases: Collection[int]) -> Analysis:
    """Give the lines to a new person, who has no face: the recogniser took two voices for one.

    Raises UsageError for an unknown line, or none.
    """
    with_new, person = add_person(analysis)
    return give_many(with_new, phrases, person.id)


def give_many(analysis: Analysis, phrases: Collection[int], person: str | None) -> Analysis:
    """Give all these lines to `person`, None for nobody in particular.

    Raises UsageError for an unknown line or person, or no line.
    """
    chosen = {line.id: line for line in _lines(analysis, phrases) if line.person != person}
    if person is not None:
        person_of(analysis, person)
    if not chosen:
        return analysis
    taken: dict[str | None, list[Phrase]] = defaultdict(list)
    for line in sorted(chosen.values(), key=lambda line: line.start):
        taken[line.person].append(line)
    turns = [piece for turn in analysis.turns for piece in _left_of(turn, taken.get(turn.person, []))]
    if person is not None:
        turns += [PersonTurn(line.start, line.end, person) for line in chosen.values()]
    given = tuple(
        replace(line, person=person, evidence=BY_HAND) if line.id in chosen else line for line in analysis.phrases
    )
    return recounted(replace(analysis, phrases=given, turns=joined(turns)))


def _lines(analysis: Analysis, phrases: Collection[int]) -> list[Phrase]:
    """Return the lines with these ids.

    Raises UsageError for an unknown line, or none.
    """
    if not phrases:
        raise UsageError("No line is selected; select one first.")
    known = {line.id: line for line in analysis.phrases}
    return [known.get(number) or phrase_of(analysis, number) for number in phrases]


def _left_of(turn: PersonTurn, lines: Sequence[Phrase]) -> list[PersonTurn]:
    """Return what is left of the turn outside these lines, which are in order of their starts."""
    left: list[PersonTurn] = []
    start = turn.start
    for line in lines:
        if line.start >= turn.end or start >= turn.end:
            break
        if line.end > start:
            if line.start > start:
                left.append(replace(turn, start=start, end=line.start))
            start = line.end
    if start < turn.end:
        left.append(replace(turn, start=start))
    return left


def correct_source(analysis: Analysis, phrase: int, text: str) -> Analysis:
    """Correct what was said to `text`. Words that stay keep their times; changed ones share the time of those they
    replace, by length.

    Raises UsageError for an unknown line and a text that is empty or longer than `MAX_TEXT`.
    """
    line = phrase_of(analysis, phrase)
    clean = _text(text)
    if not clean:
        raise UsageError("A line needs words; to take it out of the video, remove the line.")
    if clean == line.source:
        return analysis
    return with_phrase(analysis, replace(line, source=clean, words=_respread(line, clean), misheard=False))


def correct_translation(analysis: Analysis, phrase: int, text: str) -> Analysis:
    """Translate the line as `text`; an empty text takes the translation away.

    Raises UsageError for an unknown line and a text longer than `MAX_TEXT`.
    """
    return with_phrase(analysis, replace(phrase_of(analysis, phrase), translation=_text(text) or None))


def remove(analysis: Analysis, phrase: int) -> Analysis:
    """Remove the line and its stretch of the turns: nobody said it.

    Raises UsageError for an unknown line.
    """
    return remove_many(analysis, [phrase])


def remove_many(analysis: Analysis, phrases: Collection[int]) -> Analysis:
    """Remove all these lines.

    Raises UsageError for an unknown line, or none.
    """
    nobodys = give_many(analysis, phrases, None)
    gone = set(phrases)
    return recounted(replace(nobodys, phrases=tuple(p for p in nobodys.phrases if p.id not in gone)))


def split(analysis: Analysis, phrase: int, at: int, *, translated: bool = False) -> Analysis:
    """Split a line before character `at` of its original (`translated`: of its translation).

    The other text is split at the space nearest to the same share of it. The second line begins with its first word.

    Raises UsageError for an unknown line and a place at which one side would be empty.
    """
    line = phrase_of(analysis, phrase)
    text = (line.translation or "") if translated else line.source
    if not text[: max(0, at)].strip() or not text[at:].strip():
        raise UsageError("A line can only be split between two words; put the cursor there.")
    share = at / len(text)
    source_at = _nearest_space(line.source, share) if translated else at
    sources = line.source[:source_at].strip(), line.source[source_at:].strip()
    if not all(sources):
        raise UsageError("The original of this line is a single word and cannot be split; choose a longer line.")
    translations: tuple[str | None, str | None] = (None, None)
    if line.translation is not None:
        cut = at if translated else _nearest_space(line.translation, share)
        translations = (line.translation[:cut].strip() or None, line.translation[cut:].strip() or None)
    words = line.words or _spread(_pieces(line, line.source), line.start, line.end)
    before = _words_in(words, sources[0])
    middle = words[before].start if before < len(words) else (line.start + line.end) / 2
    middle = min(max(middle, line.start), line.end)
    first = _part(line, line.start, middle, sources[0], words[:before])
    second = _part(line, middle, line.end, sources[1], words[before:])
    first = replace(first, translation=translations[0])
    second = replace(second, id=_new_id(analysis), translation=translations[1])
    return _with_phrases(analysis, phrase, (first, second))


def _part(line: Phrase, start: float, end: float, source: str, words: tuple[Word, ...]) -> Phrase:
    """The piece of `line` from `start` to `end` that says `source`; a word that was cut in two has a part in each."""
    inside = tuple(replace(w, start=min(max(w.start, start), end), end=min(max(w.end, start), end)) for w in words)
    part = replace(line, start=start, end=end, source=source, words=inside)
    whole = "".join(word.text for word in inside).split() == "".join(source.split()).split()
    return part if whole else replace(part, words=_respread(part, source))


def join(analysis: Analysis, phrase: int) -> Analysis:
    """Make a line and the next one in time one line of the first's speaker.

    Raises UsageError for an unknown line and the last one.
    """
    phrase_of(analysis, phrase)
    order = sorted(analysis.phrases, key=lambda p: (p.start, p.id))
    index = [p.id for p in order].index(phrase)
    if index + 1 == len(order):
        raise UsageError("This is the last line, so there is none to merge it with; choose an earlier one.")
    following = order[index + 1].id
    analysis = give(analysis, following, order[index].person)
    one, other = phrase_of(analysis, phrase), phrase_of(analysis, following)
    gap = "" if one.words and _unspaced(one) and _unspaced(other) else " "
    texts = [text for text in (one.translation, other.translation) if text]
    source = f"{one.source}{gap}{other.source}".strip()
    if len(source) > MAX_TEXT:
        raise UsageError(f"Together the lines would be longer than {MAX_TEXT} characters; keep them separate.")
    both = replace(
        one,
        end=max(one.end, other.end),
        source=source,
        words=_one_after_another((*one.words, *other.words)),
        translation=(" " if gap else "").join(texts) or None,
        evidence=min(one.evidence, other.evidence, key=lambda e: e.confidence),
        misheard=one.misheard or other.misheard,
    )
    return _with_phrases(
        replace(analysis, phrases=tuple(p for p in analysis.phrases if p.id != following)), phrase, (both,)
    )


def retime(analysis: Analysis, phrase: int, start: float | None = None, end: float | None = None) -> Analysis:
    """Move the start or the end of a line, s; its words move along, and its stretch of the turns does.

    Raises UsageError for an unknown line, a time outside the clip and a line that would end before it starts.
    """
    line = phrase_of(analysis, phrase)
    start, end = line.start if start is None else start, line.end if end is None else end
    if not 0 <= start < end <= analysis.media.duration + 0.001:
        most = f"{analysis.media.duration:.1f} s"
        raise UsageError(f"A line must start before it ends, between 0 and {most}; type another time.")
    old = max(line.end - line.start, 1e-6)
    scale = (end - start) / old

    def moved(t: float) -> float:
        return round(min(end, max(start, start + (t - line.start) * scale)), 3)

    words = tuple(replace(w, start=moved(w.start), end=moved(w.end)) for w in line.words)
    turns = [turn for turn in analysis.turns if turn.person != line.person]
    for turn in analysis.turns:
        if turn.person == line.person:
            turns += without(turn, line.start, line.end)
    if line.person is not None:
        turns.append(PersonTurn(start, end, line.person))
    moved_line = replace(line, start=round(start, 3), end=round(end, 3), words=words)
    return recounted(_with_phrases(replace(analysis, turns=joined(turns)), phrase, (moved_line,)))


def add(analysis: Analysis, start: float, end: float, person: str | None = None) -> tuple[Analysis, int]:
    """Add a line "…" to be typed over; returns its number, too.

    Raises UsageError for a time outside the clip.
    """
    duration = analysis.media.duration
    start, end = max(0.0, start), min(end, duration)
    if end - start < 0.1:
        raise UsageError("There is no room for a line here; choose another place.")
    number = _new_id(analysis)
    line = Phrase(number, round(start, 3), round(end, 3), None, "…", (Word(start, end, "…"),), None, BY_HAND)
    added = replace(analysis, phrases=tuple(sorted((*analysis.phrases, line), key=lambda p: (p.start, p.id))))
    return (give(added, number, person) if person else added), number


def replace_text(
    analysis: Analysis, find: str, by: str, *, translated: bool, case: bool = False
) -> tuple[Analysis, int]:
    """Replace `find` in every original (`translated`: every translation); returns how often, too.

    Raises UsageError for nothing to find, and where a line would be left empty or too long.
    """
    if not find.strip():
        raise UsageError("There is nothing to search for; type a word.")
    if max(len(find), len(by)) > MAX_TEXT:
        raise UsageError(f"A line may have at most {MAX_TEXT} characters; shorten the text.")
    pattern = re.compile(re.escape(find), 0 if case else re.IGNORECASE)
    count = 0
    correct = correct_translation if translated else correct_source
    lines = []
    for line in analysis.phrases:
        text = (line.translation or "") if translated else line.source
        changed, n = pattern.subn(lambda _: by, text)
        count += n
        alone = replace(analysis, phrases=(line,))
        lines.append(correct(alone, line.id, changed).phrases[0] if n else line)
    return replace(analysis, phrases=tuple(lines)), count


def _one_after_another(words: tuple[Word, ...]) -> tuple[Word, ...]:
    """The words with times that never go back: lines that overlap in time become one."""
    last, placed = 0.0, []
    for word in words:
        start = max(word.start, last)
        last = max(word.end, start)
        placed.append(replace(word, start=start, end=last))
    return tuple(placed)


def _new_id(analysis: Analysis) -> int:
    return max((p.id for p in analysis.phrases), default=0) + 1


def _with_phrases(analysis: Analysis, phrase: int, lines: tuple[Phrase, ...]) -> Analysis:
    """With `lines` for the line `phrase`, all in time order."""
    others = (p for p in analysis.phrases if p.id != phrase)
    return replace(analysis, phrases=tuple(sorted((*others, *lines), key=lambda p: (p.start, p.id))))


def _nearest_space(text: str, share: float) -> int:
    """Where to cut `text`: at the space nearest to `share` of it, in a text without spaces right there."""
    wanted = share * len(text)
    spaces = [i for i, c in enumerate(text) if c.isspace() and text[:i].strip() and text[i:].strip()]
    return min(spaces, key=lambda i: abs(i - wanted)) if spaces else round(wanted)


def _unspaced(line: Phrase) -> bool:
    return len(line.words) > 1 and " " not in line.source.strip()


def _words_in(words: tuple[Word, ...], text: str) -> int:
    """How many of `words` make up `text`, the beginning of their line."""
    wanted, length = sum(not c.isspace() for c in text), 0
    for count, word in enumerate(words):
        if length >= wanted:
            return count
        length += sum(not c.isspace() for c in word.text)
    return max(1, len(words) - 1) if len(words) > 1 else len(words)


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


def _text(text: str) -> str:
    return one_line(text, MAX_TEXT, f"A line may have at most {MAX_TEXT} characters; shorten it.")
