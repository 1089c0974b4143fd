"""Words that are the same in the source and in the translation, such as names: they need no turn."""

from __future__ import annotations

import difflib

import regex

from pipeline.subtitles.letters import Letters

_WORD = regex.compile(r"[\p{L}\p{M}\p{N}][\p{L}\p{M}\p{N}'’.-]*")
#: letters of a single word that is the same by more than chance ("to", "no" and "on" are words of many languages)
LONG = 4
MOST = 400  #: words of a line that are compared


def same_words(source: str, translation: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Return pairs of ranges of characters, in `source` and `translation`, of words that stand in both, in order.

    A single word counts where it is long, a number or written with a capital; two or more in a row always do.
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
                found.append(((a.start(), a.start() + len(text)), (b.start(), b.start() + len(text))))
    return found


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
