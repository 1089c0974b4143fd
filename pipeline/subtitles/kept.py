"""Words that are the same in the source and in the translation, such as names: they need no turn."""

from __future__ import annotations

import difflib

import regex

from pipeline.subtitles.letters import Letters
from pipeline.text import is_mark

_WORD = regex.compile(r"[\p{L}\p{M}\p{N}][\p{L}\p{M}\p{N}'’.-]*")
#: letters of a single word that is the same by more than chance ("to", "no" and "on" are words of many languages)
LONG = 4
MOST = 400  #: words of a line that are compared


def same_words(source: str, translation: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Return pairs of ranges of characters, in `source` and `translation`, of words that stand in both, in order.

    A single word counts where it is long, a number or written with a capital; two or more in a row always do. Marks
    beside a word that are the same in both belong to it.
    """
    words = [list(_WORD.finditer(text))[:MOST] for text in (source, translation)]
    texts = [[match[0].rstrip(".-'’") for match in found] for found in words]
    found = []
    for block in difflib.SequenceMatcher(None, texts[0], texts[1], autojunk=False).get_matching_blocks():
        for k in range(block.size):
            a, b = words[0][block.a + k], words[1][block.b + k]
            text = texts[0][block.a + k]
            if (
                block.size > 1
                or len(text) >= LONG
                or text[0].isdigit()
                or (text[0].isupper() and block.a and len(text) > 1)
            ):
                before, after = _marks(source, a.start(), translation, b.start(), len(text))
                found.append(((a.start() - before, a.start() + after), (b.start() - before, b.start() + after)))
    return found


def _marks(source: str, first: int, translation: str, other: int, length: int) -> tuple[int, int]:
    """Return how many marks both texts have in front of a word, and where it ends with those behind it.

    The word has `length` characters from `first` and `other` on.
    """
    before, after = 0, length
    while min(first, other) > before and _mark(source[first - before - 1], translation[other - before - 1]):
        before += 1
    while max(first + after - len(source), other + after - len(translation)) < 0 and _mark(
        source[first + after], translation[other + after]
    ):
        after += 1
    return before, after


def _mark(one: str, other: str) -> bool:
    return one == other and is_mark(one)


def kept_words(source: Letters, translation: Letters) -> list[tuple[list[int], list[int]]]:
    """Return the graphemes (indices) of each word that is in both texts; those broken over two lines are left out."""
    kept = []
    for ranges in same_words(source.layout.text, translation.layout.text):
        pair = []
        for letters, (first, after) in zip((source, translation), ranges, strict=True):
            inside = [i for i, end in enumerate(letters.ends) if first < end <= after]
            if not inside or len({letters.layout.clusters[i].line for i in inside}) > 1:
                break
            pair.append(inside)
        if len(pair) == 2 and len(pair[0]) == len(pair[1]):
            kept.append((pair[0], pair[1]))
    return kept


def words_of_marks(letters: Letters) -> list[int]:
    """Return for every grapheme the index of the one it belongs to: a letter beside it for a mark, else itself.

    A mark left alone while its word comes, goes or moves would look like a speck on the picture.
    """
    clusters = letters.layout.clusters
    found = list(range(len(clusters)))
    for i in range(1, len(found)):
        if is_mark(clusters[i].text) and letters.solid[i - 1]:
            found[i] = found[i - 1]
    for i in reversed(range(len(found) - 1)):
        if found[i] == i and is_mark(clusters[i].text) and letters.solid[i + 1]:
            found[i] = found[i + 1]
    return found
