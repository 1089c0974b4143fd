"""Clean text, cut it into graphemes and name their scripts (UAX 29, ISO 15924)."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import regex

#: No subtitle is longer; a phrase is at most half a minute of speech, about 600 characters.
MAX_TEXT = 2000
#: Combining marks kept on one base; written languages need at most 4, and more only climb out of the line.
MAX_MARKS = 6

_SPACE = regex.compile(r"[\p{Cc}\p{Zl}\p{Zp}\u0020\u1680\u2000-\u200A\u205F\u3000]+")
# Bidirectional controls (ALM, LRM, RLM, embeddings, overrides, isolates), soft hyphen, byte order mark, deprecated
# format characters, surrogates, private use, unassigned; tag characters only make sense in three flags of no country.
_INVISIBLE = regex.compile(
    r"[\u00AD\u061C\u180E\u200E\u200F\u202A-\u202E\u2060-\u206F\uFEFF\uFFF0-\uFFFB\U000E0000-\U000E0FFF]|\p{Cs}|\p{Co}|\p{Cn}"
)
_MARKS = regex.compile(rf"(\p{{M}}{{{MAX_MARKS}}})\p{{M}}+")
_GRAPHEME = regex.compile(r"\X")
# Signs that fuse the next letter into the same shape although UAX 29 ends a grapheme there: Khmer coeng, Myanmar and
# Lanna stackers, and viramas of scripts with conjuncts that its rule GB9c does not list.
_STACKERS = frozenset("\u17d2\u1039\u1a60\u0a4d\u0ccd\u0dca")


def clean(text: str, limit: int = MAX_TEXT) -> str:
    """Return `text` on one line, in NFC, without control and invisible characters, at most `limit` characters long.

    Bidirectional controls are removed as well. Joiners and variation selectors stay, because Persian, the Indic scripts
    and emoji are written with them.
    """
    text = text[: 4 * limit]  # the regular expressions stay fast on megabytes; the limit below would cut this anyway
    text = _MARKS.sub(r"\1", unicodedata.normalize("NFC", _INVISIBLE.sub("", text)))
    text = _SPACE.sub(" ", text).strip(" ")
    if len(text) <= limit:
        return text
    kept = ""
    for grapheme in graphemes(text):
        if len(kept) + len(grapheme) >= limit:
            break
        kept += grapheme
    return kept.rstrip() + "…"


def graphemes(text: str) -> tuple[str, ...]:
    """Return the characters of `text` as a reader sees them, in logical order; joined they are `text` again."""
    parts: list[str] = []
    for part in _GRAPHEME.findall(text):
        if parts and parts[-1][-1] in _STACKERS and unicodedata.category(part[0]) == "Lo":
            parts[-1] += part
        else:
            parts.append(part)
    return tuple(parts)


# ISO 15924 codes of the scripts we carry fonts for; all others are "Zyyy" (no font will be found for them).
_SCRIPTS = (
    ("Latn", "Latin"), ("Grek", "Greek"), ("Cyrl", "Cyrillic"), ("Arab", "Arabic"), ("Hebr", "Hebrew"), ("Deva",
    "Devanagari"),
    ("Beng", "Bengali"), ("Gujr", "Gujarati"), ("Guru", "Gurmukhi"), ("Taml", "Tamil"), ("Telu", "Telugu"), ("Mlym",
    "Malayalam"),
    ("Knda", "Kannada"), ("Sinh", "Sinhala"), ("Thai", "Thai"), ("Laoo", "Lao"), ("Khmr", "Khmer"), ("Mymr", "Myanmar"),
    ("Geor", "Georgian"), ("Armn", "Armenian"), ("Ethi", "Ethiopic"), ("Tibt", "Tibetan"), ("Hani", "Han"), ("Hira",
    "Hiragana"),
    ("Kana", "Katakana"), ("Hang", "Hangul"), ("Bopo", "Bopomofo"),
)  # fmt: skip
_SCRIPT = regex.compile("|".join(rf"(?P<{code}>\p{{Script={name}}})" for code, name in _SCRIPTS))
_EMOJI = regex.compile(r"\p{Emoji_Presentation}|\p{Emoji}\uFE0F|\p{Regional_Indicator}{2}|[0-9#*]\uFE0F?\u20E3")


@lru_cache(maxsize=8192)
def script(grapheme: str) -> str:
    """Return the ISO 15924 code of a grapheme's script.

    "Zsye" for emoji, "Zyyy" for punctuation and other characters that scripts share.
    """
    if _EMOJI.match(grapheme):
        return "Zsye"
    found = _SCRIPT.search(grapheme)
    return found.lastgroup if found else "Zyyy"
