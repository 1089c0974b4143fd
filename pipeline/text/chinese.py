"""Chinese in one script: simplified or traditional characters throughout, by OpenCC."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

#: OpenCC's conversions. Traditional characters follow the standard of Taiwan, and that of Hong Kong for Cantonese.
_CONVERSIONS = {"zh-Hans": "t2s", "zh-Hant": "s2tw", "yue-Hant": "s2hk", "yue-Hans": "t2s"}
CHINESE = ("zh", "yue")  #: Whisper's codes of the languages that are written in either script


@cache
def _converter(conversion: str) -> Any:
    from opencc import OpenCC

    return OpenCC(conversion)


def convert(text: str, script: str, language: str = "zh") -> str:
    """Return `text` in the characters of `script`, "Hans" or "Hant"; what is in them already stays as it is."""
    return str(_converter(_CONVERSIONS[f"{language}-{script}"]).convert(text))


def main_script(texts: Sequence[str], language: str = "zh") -> str:
    """Return the script most of `texts` is in, "Hans" or "Hant": the one whose conversion changes fewer characters.

    Characters that both share say nothing; without any other, Mandarin is simplified and Cantonese traditional.
    """
    text = "".join(texts)
    changed = {script: _changes(text, convert(text, script, language)) for script in ("Hans", "Hant")}
    if changed["Hans"] == changed["Hant"]:
        return "Hant" if language == "yue" else "Hans"
    return min(changed, key=changed.__getitem__)


def _changes(before: str, after: str) -> int:
    return sum(a != b for a, b in zip(before, after, strict=False)) + abs(len(before) - len(after))


def convert_pieces(pieces: Sequence[str], script: str, language: str = "zh") -> tuple[str, ...]:
    """Return the pieces of a sentence converted together, because a character's form may depend on its neighbours.

    Where the conversion changes the length, each piece is converted alone.
    """
    whole = "".join(pieces)
    converted = convert(whole, script, language)
    if len(converted) != len(whole):
        return tuple(convert(piece, script, language) for piece in pieces)
    result, at = [], 0
    for piece in pieces:
        result.append(converted[at : at + len(piece)])
        at += len(piece)
    return tuple(result)
