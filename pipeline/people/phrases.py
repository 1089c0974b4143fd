"""Phrases: pieces of transcript with one speaker, each the size of a subtitle."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from pipeline.records import Transcript, Word
from pipeline.text import goes_on, is_fragment, split_words

#: Runs of words shorter than this (s) between two of one person are that person's: nobody says anything so short.
ISLAND_S = 0.3

Span = tuple[int, int]  #: [start, end) of words


def cut(words: Sequence[tuple[Word, int]], person: Sequence[int], language: str) -> list[Span]:
    """Return the phrases of `words` (word, number of its segment), given the speaker of each word.

    A phrase lies in one segment, has one speaker and fits a subtitle; no single short word is left by itself where the
    sentence goes on.
    """
    found: list[Span] = []
    start = 0
    for i in range(1, len(words) + 1):
        if i < len(words) and words[i][1] == words[start][1] and person[i] == person[start]:
            continue
        pieces = split_words([word for word, _ in words[start:i]], language)
        found += [(start + first, start + after) for first, after in pieces]
        start = i
    return _without_fragments(found, words, person)


def without_islands(person: Sequence[int], words: Sequence[Word]) -> list[int]:
    """Return the speakers of `words`, where runs shorter than `ISLAND_S` between two of one person are that
    person's.
    """
    run = list(person)
    edges = [0, *(i for i in range(1, len(run)) if run[i] != run[i - 1]), len(run)]
    for a, b in itertools.pairwise(edges[1:-1]):
        if run[a - 1] == run[b] and words[b - 1].end - words[a].start < ISLAND_S:
            run[a:b] = [run[b]] * (b - a)
    return run


def _without_fragments(phrases: Sequence[Span], words: Sequence[tuple[Word, int]], person: Sequence[int]) -> list[Span]:
    """Return `phrases` with a single short word joined to the phrase it belongs to.

    It joins the one before where it goes on with that sentence, or the one after where it begins that sentence.
    """
    joined: list[Span] = []
    for span in phrases:
        if (
            joined
            and _continues(joined[-1], span, words, person)
            and (_is_fragment(span, words) or _is_fragment(joined[-1], words))
        ):
            joined[-1] = (joined[-1][0], span[1])
        else:
            joined.append(span)
    return joined


def _is_fragment(span: Span, words: Sequence[tuple[Word, int]]) -> bool:
    return is_fragment([word for word, _ in words[span[0] : span[1]]])


def _continues(a: Span, b: Span, words: Sequence[tuple[Word, int]], person: Sequence[int]) -> bool:
    """Return whether `b` goes on with the sentence of `a`, said by the same person."""
    last, first = words[a[1] - 1], words[b[0]]
    return person[a[0]] == person[b[0]] and last[1] == first[1] and goes_on(last[0], first[0])


class Writing:
    """How the segments write their words: with spaces only where they have them."""

    def __init__(self, transcript: Transcript) -> None:
        self._transcript = transcript
        self._places: list[tuple[int, int]] = []
        for segment in transcript.segments:
            at = 0
            for word in segment.words:
                found = segment.text.find(word.text, at)
                self._places.append((found, found + len(word.text)) if found >= 0 else (-1, -1))
                at = max(at, self._places[-1][1])

    def text(self, span: Span, words: Sequence[tuple[Word, int]]) -> str:
        """Return the words of `span` as their segment wrote them."""
        places = self._places[span[0] : span[1]]
        if min(start for start, _ in places) < 0:
            return " ".join(word.text for word, _ in words[span[0] : span[1]])
        return self._transcript.segments[words[span[0]][1]].text[places[0][0] : places[-1][1]].strip()
