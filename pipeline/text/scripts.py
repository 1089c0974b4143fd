"""The scripts a language is written in, and letters that do not belong to it."""

from __future__ import annotations

from functools import cache

from pipeline import languages
from pipeline.text.graphemes import graphemes, script

_WRITTEN_IN = {
    "Hans": ("Hani", "Bopo"), "Hant": ("Hani", "Bopo"), "Jpan": ("Hani", "Hira", "Kana"), "Kore": ("Hang", "Hani"),
}  # fmt: skip
#: Languages with a second script in daily use, by Whisper's codes.
_ALSO_IN = {
    "sr": "Cyrl",
    "bs": "Cyrl",
    "uz": "Cyrl",
    "az": "Cyrl",
    "tk": "Cyrl",
    "mn": "Mong",
    "pa": "Arab",
    "ms": "Arab",
}
#: Scripts whose letters appear in any language's text: names and units in Latin, quantities in Greek.
_ANYWHERE = ("Latn", "Grek", "Zyyy", "Zsye")


@cache
def scripts(language: str) -> frozenset[str]:
    """Return the ISO 15924 codes of the scripts that text in `language` (Whisper's code) may hold; () if unknown."""
    known = languages.spoken(language)
    if known is None:
        return frozenset()
    own = _WRITTEN_IN.get(known.script, (known.script,))
    return frozenset((*own, *_ANYWHERE, _ALSO_IN.get(language, "Latn")))


def foreign_letters(text: str, language: str) -> str:
    """Return the letters of `text` in scripts that `language` is not written in: signs of a misheard word."""
    allowed = scripts(language)
    return "".join(g for g in graphemes(text) if script(g) not in allowed) if allowed else ""
