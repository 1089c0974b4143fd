"""Lines: phrases cut at clauses so that each piece and its translation fit two lines of a subtitle."""

from __future__ import annotations

import bisect
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil

from pipeline.records import Analysis, Phrase
from pipeline.subtitles.cue import FASTEST_CPS, SHORTEST_S
from pipeline.text import UNSPACED, choose_cuts, clean, cut_costs, slices, text_width

LONGEST_S = 7.0  #: of one line (Netflix timed-text guide)
JOINED_GAP_S = 0.6  #: a longer silence stays between two lines
LONGEST_WORD_S = 30.0  #: a word lasts as long as it is heard, and no recogniser hears more than this at once
MOST = 400_000  #: characters of one phrase that are looked at; three hours of speech have fewer

Timed = tuple[float, float, str]  #: (start, end, text) of a word
Span = tuple[float, float, int, int]  #: (start, end, first character, character after) of a word in the source


@dataclass(frozen=True, slots=True)
class Line:
    """What is on screen at one time: a piece of a phrase, or short phrases of one person that were joined."""

    phrase: int  #: id of the (first) phrase
    number: int  #: which piece of it, from 0
    person: str | None
    start: float  #: s of its first word
    spoken: float  #: s when its last word has been said
    source: str
    translation: str
    words: tuple[tuple[float, float, int], ...]  #: as in `Cue.words`
    share: float | None = None  #: of the phrase's time, where its translation has more lines than the source has words


def lines(analysis: Analysis, capacity: int, original: bool = False) -> tuple[Line, ...]:
    """Return the lines of all phrases in the order in which they are said.

    `capacity` is the width in columns that fits at one time; `original` leaves the translations out.
    """
    target = analysis.target_language.split("-")[0].lower()
    phrases = [p for p in analysis.phrases if clean(p.source) or clean(p.translation or "")]
    result: list[Line] = []
    for phrase in phrases:
        language = phrase.language or analysis.language
        result += _cut(phrase, capacity, original and bool(clean(phrase.source)), language, target)
    result.sort(key=lambda line: (line.start, line.phrase, line.number))
    spaces = ("" if analysis.language in UNSPACED else " ", "" if target in UNSPACED else " ")
    end = analysis.media.duration or float("inf")
    return _joined(result, capacity, spaces, [shot.start for shot in analysis.shots], end)


# --- cutting ----------------------------------------------------------------------------------------------------------


def _cut(phrase: Phrase, capacity: int, original: bool, language: str, target: str) -> list[Line]:
    source, translation = clean(phrase.source, MOST), clean(phrase.translation or "", MOST)
    translation = "" if original or translation == source else translation
    words = _words(phrase)
    spans = _spans(source, words)
    # A line starts with a word, best where a clause ended or somebody drew breath.
    costs = dict(cut_costs(source, language or "und")) if source else {}
    ends = [
        (here[2], costs.get(here[2], 0.6) - min(0.4, max(0.0, here[0] - before[1])))
        for before, here in itertools.pairwise(spans)
    ]
    long_talk = ceil(max(0.0, words[-1][1] - words[0][0]) / LONGEST_S)
    least = max(
        1, ceil(text_width(source) / capacity), ceil(text_width(translation) / capacity), min(long_talk, len(spans))
    )
    in_translation = cut_costs(translation, target or "und") if translation else []
    if least > max(1, len(spans)):
        return _more_translation(phrase, source, translation, in_translation, least, words, spans)
    count = least
    while True:
        cuts, parts, translations = _pieces(source, translation, ends, in_translation, count)
        fits = all(text_width(part) <= capacity for part in (*parts, *translations))
        following = count + 1 + count // 10
        if fits or following > min(2 * least + 1, max(1, len(spans))):
            break
        count = following
    firsts = [first for _, _, first, _ in spans]
    found = []
    for k, part in enumerate(parts):
        first = cuts[k - 1] if k else 0
        after = cuts[k] if k < len(cuts) else len(source)
        inside = spans[bisect.bisect_left(firsts, first) : bisect.bisect_left(firsts, after)] or spans[:1]
        said = tuple((begin, end, max(0, min(to - first, len(part)))) for begin, end, _, to in inside)
        start, spoken = (inside[0][0], inside[-1][1]) if source else (words[0][0], words[-1][1])
        text = translations[k] if k < len(translations) else ""
        found.append(Line(phrase.id, k, phrase.person, start, max(spoken, start + 0.05), part, text, said))
    return found


def _pieces(
    source: str,
    translation: str,
    ends: Sequence[tuple[int, float]],
    in_translation: Sequence[tuple[int, float]],
    count: int,
) -> tuple[tuple[int, ...], tuple[str, ...], tuple[str, ...]]:
    """Return where the source is cut into `count` pieces, the pieces, and those of the translation that go with
    them.
    """
    cuts = choose_cuts(source, [k / count for k in range(1, count)], ends)
    total = max(1, text_width(source))
    shares = [done / total for done in itertools.accumulate(map(text_width, slices(source, cuts)))][:-1]
    cuts_translation = choose_cuts(translation, shares, in_translation) if translation else ()
    return cuts, slices(source, cuts), slices(translation, cuts_translation)


def _more_translation(
    phrase: Phrase,
    source: str,
    translation: str,
    places: Sequence[tuple[int, float]],
    count: int,
    words: list[Timed],
    spans: list[Span],
) -> list[Line]:
    """Return lines for a translation that needs more of them than the source has words.

    The source stands on the first, and the lines share the phrase's time by their width.
    """
    start = spans[0][0] if spans else phrase.start
    spoken = spans[-1][1] if spans else max(words[-1][1], start + 0.1)
    parts = slices(translation, choose_cuts(translation, [k / count for k in range(1, count)], places))
    total = sum(max(1, text_width(part)) for part in parts)
    said = tuple((begin, end, after) for begin, end, _, after in spans)
    return [
        Line(
            phrase.id, k, phrase.person, start, spoken, source if k == 0 else "", part, said if k == 0 else (),
            max(1, text_width(part)) / total,
        )
        for k, part in enumerate(parts)
    ]  # fmt: skip


def _words(phrase: Phrase) -> list[Timed]:
    """Return every word with its times, in order; a phrase whose words are unknown is spread evenly."""
    start, end = phrase.start, max(phrase.end, phrase.start + 0.1)
    if phrase.words:
        timed, at = [], start
        for word in phrase.words:
            begin = max(at, word.start)
            timed.append((begin, begin + min(LONGEST_WORD_S, max(0.05, word.end - begin)), word.text.strip()))
            at = begin
        return timed
    pieces = clean(phrase.source, MOST).split() or [""]
    total = sum(map(len, pieces)) or 1
    timed, done = [], 0
    for piece in pieces:
        timed.append((start + (end - start) * done / total, start + (end - start) * (done + len(piece)) / total, piece))
        done += len(piece)
    return timed


def _spans(source: str, words: list[Timed]) -> list[Span]:
    """Return the piece of `source` that each word stands for; an edited source keeps the words' rhythm."""
    found: list[Span] = []
    at = 0
    for begin, finish, text in words:
        text = clean(text)
        where = source.find(text, at) if text else -1
        if where < 0 or where - at > 2 + len(text):
            found = []
            break
        found.append((begin, finish, where if found else 0, where + len(text)))
        at = where + len(text)
    if not found or at < len(source) - 3:
        found = _spans_by_length(source, words)
    if found:
        found[-1] = (*found[-1][:3], len(source))
    return found


def _spans_by_length(source: str, words: list[Timed]) -> list[Span]:
    times = [begin for begin, _, _ in words]
    lengths = [max(1, len(clean(text))) for _, _, text in words]
    total, done = sum(lengths), [0, *itertools.accumulate(lengths)]
    found: list[Span] = []
    at = 0
    for match in re.finditer(r"\S+\s*", source):
        share = match.start() / max(1, len(source)) * total
        k = min(len(words) - 1, max(0, bisect.bisect_right(done, share) - 1))
        begin = max(times[k], found[-1][0] if found else times[k])
        found.append((begin, max(begin + 0.05, words[k][1]), at, match.end()))
        at = match.end()
    return found


# --- joining ----------------------------------------------------------------------------------------------------------


def _joined(
    found: Sequence[Line], capacity: int, spaces: tuple[str, str], cuts: Sequence[float], duration: float
) -> tuple[Line, ...]:
    """Return the lines with those that have too little time, or too much text for it, joined with a neighbour.

    Both are of the same person, and fit together.

    `spaces` stand between the words of source and translation.
    """
    result: list[Line] = []
    for k, line in enumerate(found):
        last = result[-1] if result else None
        if last is not None and _belong(last, line, cuts):
            both = _join(last, line, spaces)
            until = next((other.start for other in found[k + 1 : k + 9] if other.person == line.person), duration)
            hurried = _hurried(last, line.start) or _hurried(line, until)
            if hurried and all(text_width(text) <= capacity for text in (both.source, both.translation)):
                result[-1] = both
                continue
        result.append(line)
    return tuple(result)


def _belong(a: Line, b: Line, cuts: Sequence[float]) -> bool:
    """Return whether `b` follows `a` closely, by the same person, in the same shot, and both or none are translated."""
    return (
        a.person == b.person
        and a.share is None
        and b.share is None
        and bool(a.source) == bool(b.source)
        and bool(a.translation) == bool(b.translation)
        and b.start - a.spoken <= JOINED_GAP_S
        and b.spoken - a.start <= LONGEST_S
        and bisect.bisect_right(cuts, a.start) == bisect.bisect_right(cuts, b.start)
    )


def _hurried(line: Line, until: float) -> bool:
    """Return whether the time from the line's start to `until` (s) is too short to read it."""
    length = until - line.start - 0.1
    return length < SHORTEST_S or text_width(line.translation or line.source) > FASTEST_CPS * (length - 0.4)


def _join(a: Line, b: Line, spaces: tuple[str, str]) -> Line:
    source = a.source + (spaces[0] if a.source and b.source else "") + b.source
    translation = a.translation + (spaces[1] if a.translation and b.translation else "") + b.translation
    shift = len(source) - len(b.source)
    words = (*a.words, *((begin, end, after + shift) for begin, end, after in b.words))
    return replace(a, spoken=max(a.spoken, b.spoken), source=source, translation=translation, words=words)
