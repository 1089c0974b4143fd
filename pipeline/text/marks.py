"""Quotation marks, brackets and punctuation that stay with the text they belong to where a text is divided."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

#: Marks that open in one language and close in another; which they do here follows from what stands open before them.
_QUOTES = frozenset("\"'“”„‟‘’‚‛«»‹›＂")
#: Marks that end a clause or a sentence, in every script.
_STOPS = frozenset(",.;:!?…‥。、，．！？；：؟،؛۔।॥։።፣፧၊။៖។៕᠃᠂·;")


def keep_marks(parts: Sequence[str]) -> tuple[str, ...]:
    """Return the parts of a text with closing marks and stops at the end of the part before, opening marks at the start
    of the part after them.
    """
    result = [parts[0]]
    for part in parts[1:]:
        before, text = " ".join(result), part
        cut = _closing(text, before)
        closing, text = text[:cut], text[cut:].lstrip()
        result[-1] = _joined(result[-1], closing.replace(" ", ""))
        cut = _opening(result[-1], " ".join(result[:-1]))
        opening, result[-1] = result[-1][cut:], result[-1][:cut].rstrip()
        result.append(opening.replace(" ", "") + text)
    return tuple(result)


def _closing(text: str, before: str) -> int:
    """Return how many characters at the start of `text` close or end what stands before it."""
    end = index = 0
    while index < len(text):
        mark = text[index]
        if mark.isspace():
            index += 1
            continue
        follows = text[index + 1 : index + 2]
        alone = not follows.strip() or is_mark(follows)
        if mark in _QUOTES:
            closes = alone and _stands_open(before + text[:index], mark)
        else:
            closes = unicodedata.category(mark) in ("Pe", "Pf") or (mark in _STOPS and alone)
        if not closes:
            break
        index += 1
        end = index
    return end


def _opening(text: str, before: str) -> int:
    """Return where in `text` the marks at its end begin that open what comes after it; its length without any."""
    start = index = len(text)
    while index > 0:
        mark = text[index - 1]
        if mark.isspace():
            index -= 1
            continue
        precedes = text[index - 2 : index - 1]
        if mark in _QUOTES:
            opens = (not precedes.strip() or is_mark(precedes)) and not _stands_open(
                before + " " + text[: index - 1], mark
            )
        else:
            opens = unicodedata.category(mark) in ("Ps", "Pi") or mark in "¿¡"
        if not opens:
            break
        index -= 1
        start = index
    return start


def is_mark(text: str) -> bool:
    """Return whether `text` is a punctuation mark; that of a grapheme is its first character's."""
    return bool(text) and unicodedata.category(text[0])[0] == "P"


def _joined(text: str, marks: str) -> str:
    return text.rstrip() + marks if marks else text


def _stands_open(before: str, mark: str) -> bool:
    """Return whether a quotation of the kind of `mark` is open at the end of `before`; apostrophes in words do not
    count.
    """
    kind = next(kind for kind in ('"“”„‟＂', "'‘’‚‛", "«»", "‹›") if mark in kind)
    count = 0
    for index, character in enumerate(before):
        if character in kind:
            inside = before[index - 1 : index].isalnum() and before[index + 1 : index + 2].isalnum()
            count += not inside
    return count % 2 == 1
