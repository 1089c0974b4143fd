"""Given text on the clock of the sound: the times of its words are those of the same words as the recogniser heard
them.

The given and the heard words are compared as two sequences (`difflib`, Ratcliff and Obershelp's longest common blocks).
A given word that was heard has the time at which it was heard. The others lie between those, each as long as its share
of the letters. A line of which nothing was heard keeps the times of its file, moved by as much as the lines around it
were.
"""

from __future__ import annotations

import difflib
import unicodedata
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from pipeline.brought import GivenLine
from pipeline.records import Notice, Segment, Transcript, Word
from pipeline.text import UNSPACED
from pipeline.text.graphemes import graphemes

FAR_S = 4.0  #: a word heard so far from where its line should be is another one: subtitles lie within two seconds or so
NEAR = 8  #: lines around one by which it is moved
FEW = 0.1  #: share of the words that must be heard for the text to be of this clip, in its language
MIN_WORD_S = 0.04


@dataclass(frozen=True, slots=True)
class _Heard:
    start: float
    end: float
    channel: int


def align(lines: Sequence[GivenLine], heard: Transcript, duration: float, language: str = "") -> Transcript:
    """Return the given lines as a transcript, a segment each, with every word timed inside 0..`duration`.

    `language` is the given text's, "" for that of what was heard. A notice says so where hardly a word of the text was
    heard.
    """
    language = language or heard.language
    pieces = [_pieces(line.text, language) for line in lines]
    found = _found(lines, pieces, heard, language)
    shifts = _shifts(lines, pieces, found)
    segments = []
    for number, line in enumerate(lines):
        own = [found.get((number, k)) for k in range(len(pieces[number]))]
        start, end = line.start + shifts[number], line.end + shifts[number]
        words = _timed(pieces[number], own, max(0.0, min(start, duration)), max(0.0, min(end, duration)), duration)
        if words:
            channels = Counter(one.channel for one in own if one is not None)
            channel = channels.most_common(1)[0][0] if channels else 0
            segments.append(Segment(words[0].start, words[-1].end, line.text, words, "", channel))
    count = sum(map(len, pieces))
    notices = heard.notices
    if heard.segments and len(found) < FEW * count:
        text = (
            "Hardly a word of the given transcript was heard in the clip, so it keeps its own times; check that it is "
            "of this clip and in the language that is spoken."
        )
        notices = (*notices, Notice("not_heard", text))
    segments.sort(key=lambda segment: (segment.start, segment.end))
    notices = tuple(notice for notice in notices if notice.code in ("not_heard",) or not segments)
    return Transcript(language, heard.language_confidence, tuple(segments), notices)


def as_timed(lines: Sequence[GivenLine], language: str, duration: float) -> Transcript | None:
    """Return lines whose words all have times as a transcript; None where one or the language is missing."""
    if not language or not lines or not all(line.words for line in lines):
        return None
    segments = []
    for line in lines:
        words = tuple(Word(w.start, min(w.end, duration), w.text) for w in line.words if w.start < duration)
        if words:
            text = line.text if len(words) == len(line.words) else " ".join(word.text for word in words)
            segments.append(Segment(words[0].start, words[-1].end, text, words))
    return Transcript(language, 1.0, tuple(segments))


def _pieces(text: str, language: str) -> list[str]:
    """`text` as words; in a language without spaces as characters with what belongs to them."""
    return list(graphemes(text.replace(" ", ""))) if language in UNSPACED else text.split()


def _key(word: str) -> str:
    """The letters and digits of a word, as two spellings of it share them."""
    folded = unicodedata.normalize("NFKD", word.casefold())
    return "".join(c for c in folded if c.isalnum())


def _found(
    lines: Sequence[GivenLine], pieces: Sequence[Sequence[str]], heard: Transcript, language: str
) -> dict[tuple[int, int], _Heard]:
    """(line, word of it) -> the same word as it was heard."""
    given = [(number, k, _key(word)) for number, words in enumerate(pieces) for k, word in enumerate(words)]
    given = [item for item in given if item[2]]
    said = [item for item in _heard_words(heard, language) if item[0]]
    matcher = difflib.SequenceMatcher(None, [key for _, _, key in given], [key for key, _ in said], autojunk=False)
    matches = [(given[a + k], said[b + k][1]) for a, b, size in matcher.get_matching_blocks() for k in range(size)]
    if not matches:
        return {}
    # Subtitles are often early or late as a whole, and a word may be matched with another that is spelled alike.
    late = [one.start - _expected(lines[number], k, pieces[number]) for (number, k, _), one in matches]
    usual = median(late)
    return {
        (number, k): one
        for ((number, k, _), one), by in zip(matches, late, strict=True)
        if abs(by - usual) <= FAR_S + (lines[number].end - lines[number].start) / 2
    }


def _heard_words(heard: Transcript, language: str) -> list[tuple[str, _Heard]]:
    words = []
    for segment in heard.segments:
        for word in segment.words:
            text = word.text.strip()
            if language not in UNSPACED:
                words.append((_key(text), _Heard(word.start, word.end, segment.channel)))
                continue
            parts = graphemes(text)
            step = (word.end - word.start) / max(1, len(parts))
            words += [
                (_key(part), _Heard(word.start + k * step, word.start + (k + 1) * step, segment.channel))
                for k, part in enumerate(parts)
            ]
    return words


def _expected(line: GivenLine, k: int, words: Sequence[str]) -> float:
    """When word `k` of the line begins if all its letters take equally long."""
    lengths = [len(word) for word in words]
    return line.start + (line.end - line.start) * sum(lengths[:k]) / max(1, sum(lengths))


def _shifts(
    lines: Sequence[GivenLine], pieces: Sequence[Sequence[str]], found: dict[tuple[int, int], _Heard]
) -> list[float]:
    """By how much each line of the file is early: the median over the words heard in the lines nearest to it."""
    by_line: dict[int, list[float]] = {}
    for (number, k), one in found.items():
        by_line.setdefault(number, []).append(one.start - _expected(lines[number], k, pieces[number]))
    known = sorted(by_line)
    shifts = []
    for number in range(len(lines)):
        at = bisect_left(known, number)
        around = known[max(0, at - NEAR // 2) : at + NEAR // 2]
        values = [value for other in around for value in by_line[other]]
        shifts.append(median(values) if values else 0.0)
    return shifts


def _timed(
    words: Sequence[str], heard: Sequence[_Heard | None], start: float, end: float, duration: float
) -> tuple[Word, ...]:
    """The words of one line with their times, in order; none for a line outside the clip."""
    known = [(k, one) for k, one in enumerate(heard) if one is not None]
    first, last = (known[0], known[-1]) if known else (None, None)
    if first is not None and last is not None:
        start, end = min(start, first[1].start), max(end, last[1].end)
    if end - start < MIN_WORD_S:
        return ()
    timed: list[Word] = []
    at, waiting, low = 0, [], start
    for k, one in [*known, (len(words), None)]:
        waiting = list(words[at:k])
        high = one.start if one is not None else max(end, low)
        timed += _spread(waiting, low, max(low, high))
        if one is not None:
            begin = max(low, one.start)
            low = max(begin, one.end)
            timed.append(Word(begin, min(low, duration), words[k]))
        at = k + 1
    return tuple(Word(min(word.start, duration), min(word.end, duration), word.text) for word in timed)


def _spread(words: Sequence[str], start: float, end: float) -> list[Word]:
    """The words one after the other, each as long as its share of the letters."""
    total = sum(map(len, words)) or 1
    spread, done = [], 0
    for word in words:
        begin = start + (end - start) * done / total
        done += len(word)
        spread.append(Word(begin, start + (end - start) * done / total, word))
    return spread
