"""Phrases that continue one sentence, joined for translation and given back to their phrases. Pure functions.

A translator reads a sentence better than its pieces, and word order changes between languages, so pieces translated alone
are wrong in both. The joined text carries a marker between pieces; where the marker does not come back, the
translation is cut near where the source was, at a place where a line may break.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from pipeline.records import Phrase
from pipeline.subtitles.text import break_places, pause

#: ends of sentences in the scripts of DeepL's and Whisper's languages, with what may close after them
SENTENCE_END = re.compile(r"[.!?…。！？｡؟۔।॥።։]['\"”’»)\]）」』】]*$")

MAX_GAP_S = 2.0  #: a longer pause ends a thought even without a full stop
MAX_JOINED = 6  #: phrases in one sentence; Whisper base sometimes gives minutes without any punctuation
MAX_CHARACTERS = 500

_MARKER = re.compile(r"\s*<x\s+id=\"?(\d+)\"?\s*(?:/>|>\s*</x>)\s*")


def units(phrases: Sequence[Phrase]) -> tuple[tuple[int, ...], ...]:
    """Indices of `phrases` that are one sentence of one person in one language, in order of their first phrase.

    Somebody else's interjection between two halves does not part them. Every index is in exactly one unit.
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
        not SENTENCE_END.search(last.source.rstrip())
        and phrase.start - last.end + 0.5 >= 0
        and phrase.start - last.end <= MAX_GAP_S
        and phrase.language == last.language
        and len(unit) < MAX_JOINED
        and sum(len(phrases[i].source) for i in unit) + len(phrase.source) <= MAX_CHARACTERS
    )


def marked(pieces: Sequence[str]) -> str:
    """One XML text with a marker between the pieces."""
    text = html.escape(pieces[0], quote=False)
    for number, piece in enumerate(pieces[1:], 1):
        text += f' <x id="{number}"/> {html.escape(piece, quote=False)}'
    return text


def give_back(translation: str, pieces: Sequence[str], tag: str) -> tuple[str, ...] | None:
    """As many non-empty texts as there are pieces, or None where the translation has too few places to cut.

    `translation` is the translation of `marked(pieces)` into the language `tag` (BCP 47).
    """
    parts = [html.unescape(part).strip() for part in _MARKER.split(translation)[::2]]
    numbers = _MARKER.findall(translation)
    if numbers == [str(n) for n in range(1, len(pieces))] and all(parts):
        return tuple(parts)
    return split(" ".join(part for part in parts if part), pieces, tag)


def split(text: str, pieces: Sequence[str], tag: str) -> tuple[str, ...] | None:
    """`text` in as many parts as there are `pieces`, cut where a line may break (UAX 14), as near as can be to the share
    of each piece and rather behind punctuation; None where there are too few places."""
    places = break_places(text, tag)
    if len(places) < len(pieces) - 1:
        return None
    total = sum(map(len, pieces))
    cuts: list[int] = []
    spoken = 0
    for i, piece in enumerate(pieces[:-1]):
        spoken += len(piece)
        ideal = spoken / total * len(text)
        later = len(pieces) - 2 - i  # cuts still to come: each needs a place of its own
        free = [p for p in places if not cuts or p > cuts[-1]]
        free = free[: len(free) - later]
        cuts.append(min(free, key=lambda p: abs(p - ideal) - (8 if pause(text, p) else 0)))
    parts = [text[a:b].strip() for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    return tuple(parts) if all(parts) else None
