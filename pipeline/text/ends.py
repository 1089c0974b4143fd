"""Ends of sentences and clauses, in every script.

The characters are those of Unicode's Sentence_Break property (UAX 29): STerm and ATerm end a sentence, SContinue ends a
clause, Close may stand behind either (brackets, quotation marks, guillemets).
"""

from __future__ import annotations

import regex

# The ellipsis and the semicolons of most scripts are in none of the classes.
_SENTENCE_END = regex.compile(r"[\p{SB=STerm}\p{SB=ATerm}…][\p{SB=Close}\p{SB=Sp}\p{SB=Extend}\p{SB=Format}]*$")
_CLAUSE_END = regex.compile(
    r"(?:[\p{SB=SContinue};；؛፣፤፥၊·--\-\u058A\uFE63\uFF0D]|\s-)[\p{SB=Close}\p{SB=Sp}]*$", regex.V1
)
_REACH = 12  #: characters before a place that are looked at: a mark, closers and spaces


def ends_sentence(text: str) -> bool:
    """Return whether a sentence ends at the end of `text`; quotation marks, brackets and spaces may follow the mark."""
    return _SENTENCE_END.search(text[-_REACH:]) is not None


def ends_clause(text: str) -> bool:
    """Return whether a clause, but no sentence, ends at the end of `text`."""
    return not ends_sentence(text) and _CLAUSE_END.search(text[-_REACH:]) is not None


def pause(text: str, place: int | None = None) -> int:
    """Return 2 where a sentence ends before character `place` of `text` (its end by default), 1 for a clause, else
    0.
    """
    place = len(text) if place is None else min(place, len(text))
    before = text[max(0, place - _REACH) : place]
    return 2 if ends_sentence(before) else 1 if ends_clause(before) else 0
