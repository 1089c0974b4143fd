"""Join phrases of one sentence for translation, and divide the translation among them again.

A translator understands a sentence better than its pieces, and the order of words changes between languages. The joined
text has a marker between the pieces. Where the markers do not come back, the translation is cut at places where a line
may break, so that each piece gets about the share it had of the source.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from pipeline.records import Phrase
from pipeline.text import ends_sentence, split_like
from pipeline.text.marks import keep_marks
from pipeline.text.split import UNSPACED

MAX_GAP_S = 2.0  #: a longer pause ends a thought even without a full stop
MAX_JOINED = 6  #: phrases in one sentence; Whisper base sometimes gives minutes without any punctuation
MAX_CHARACTERS = 500

_MARKER = re.compile(r"\s*<x\s+id=\"?(\d+)\"?\s*(?:/>|>\s*</x>)\s*")


def units(phrases: Sequence[Phrase]) -> tuple[tuple[int, ...], ...]:
    """Return the indices of `phrases` grouped by sentence, in order of each group's first phrase.

    A group is one person's, in one language; somebody else may say something in between. Every index is in one group.
    """
    found: list[list[int]] = []
    open_unit: dict[str | None, list[int]] = {}
    for i, phrase in enumerate(phrases):
        unit = open_unit.get(phrase.person)
        if unit is not None and phrase.person is not None and _continues(phrases, unit, phrase):
            unit.append(i)
        else:
            unit = [i]
            found.append(unit)
        open_unit[phrase.person] = unit
    return tuple(map(tuple, found))


def _continues(phrases: Sequence[Phrase], unit: list[int], phrase: Phrase) -> bool:
    last = phrases[unit[-1]]
    return (
        not ends_sentence(last.source)
        and phrase.start - last.end + 0.5 >= 0
        and phrase.start - last.end <= MAX_GAP_S
        and phrase.language == last.language
        and len(unit) < MAX_JOINED
        and sum(len(phrases[i].source) for i in unit) + len(phrase.source) <= MAX_CHARACTERS
    )


def joined(pieces: Sequence[str], language: str) -> str:
    """Return the pieces as one plain text in `language` (ISO 639-1)."""
    return ("" if language in UNSPACED else " ").join(piece.strip() for piece in pieces)


def divide(translation: str, pieces: Sequence[str], tag: str) -> tuple[str, ...] | None:
    """Return the part of `translation` that belongs to each of `pieces`, none of them empty.

    `translation` is the translation of `joined(pieces)` into the language `tag` (BCP 47). None where it has too few
    places to cut.
    """
    if len(pieces) == 1:
        return (translation,)
    cut = split_like(translation, pieces, tag)
    kept = keep_marks(cut) if cut else ()
    return kept if all(kept) and kept else cut


def marked(pieces: Sequence[str]) -> str:
    """Return the pieces as one XML text with a marker between them."""
    text = html.escape(pieces[0], quote=False)
    for number, piece in enumerate(pieces[1:], 1):
        text += f' <x id="{number}"/> {html.escape(piece, quote=False)}'
    return text


def give_back(translation: str, pieces: Sequence[str], tag: str) -> tuple[str, ...] | None:
    """Return the part of `translation` that belongs to each of `pieces`, none of them empty.

    `translation` is the translation of `marked(pieces)` into the language `tag` (BCP 47). None where it has too few
    places to cut.
    """
    parts = [html.unescape(part).strip() for part in _MARKER.split(translation)[::2]]
    numbers = _MARKER.findall(translation)
    if numbers == [str(n) for n in range(1, len(pieces))] and all(parts):
        kept = keep_marks(parts)
        if all(kept):
            return kept
    return divide(" ".join(part for part in parts if part), pieces, tag)
