"""Text before it meets a font: cleaned, cut into graphemes, its scripts and its bidirectional levels.

Graphemes are those of UAX 29 (`regex`), levels those of UAX 9 without explicit formatting characters: `clean` takes them out, so
rules X1 to X8 have nothing to do.
"""

from __future__ import annotations

import itertools
import unicodedata
from functools import lru_cache

import regex

#: No subtitle is longer; a phrase is at most half a minute of speech, about 600 characters.
MAX_TEXT = 2000
#: Combining marks kept on one base; written languages need at most 4, what is beyond only climbs out of its line.
MAX_MARKS = 6

_SPACE = regex.compile(r"[\p{Cc}\p{Zl}\p{Zp}\u0020\u1680\u2000-\u200A\u205F\u3000]+")
# Bidirectional controls (ALM, LRM, RLM, embeddings, overrides, isolates), soft hyphen, byte order mark, deprecated format
# characters, surrogates, private use, unassigned; tag characters only make sense in three flags of no country.
_INVISIBLE = regex.compile(
    r"[\u00AD\u061C\u180E\u200E\u200F\u202A-\u202E\u2060-\u206F\uFEFF\uFFF0-\uFFFB\U000E0000-\U000E0FFF]|\p{Cs}|\p{Co}|\p{Cn}"
)
_MARKS = regex.compile(rf"(\p{{M}}{{{MAX_MARKS}}})\p{{M}}+")
_GRAPHEME = regex.compile(r"\X")
# Signs that fuse the next letter into the same shape although UAX 29 ends a grapheme there: Khmer coeng, Myanmar and Lanna
# stackers, and viramas of scripts with conjuncts that its rule GB9c does not list.
_STACKERS = frozenset("\u17d2\u1039\u1a60\u0a4d\u0ccd\u0dca")


def clean(text: str, limit: int = MAX_TEXT) -> str:
    """`text` on one line in NFC, without control, bidirectional and invisible characters, at most `limit` characters long.

    Joiners and variation selectors stay: Persian, the Indic scripts and emoji are written with them.
    """
    text = text[: 4 * limit]  # what is cut here could not survive the limit below, and regexes stay fast on megabytes
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
    """What a reader sees as one character each, in logical order; joined they are `text` again."""
    parts: list[str] = []
    for part in _GRAPHEME.findall(text):
        if parts and parts[-1][-1] in _STACKERS and unicodedata.category(part[0]) == "Lo":
            parts[-1] += part
        else:
            parts.append(part)
    return tuple(parts)


# ISO 15924 codes of the scripts we carry fonts for; all others are "Zyyy" (no font will be found for them).
_SCRIPTS = (
    ("Latn", "Latin"), ("Grek", "Greek"), ("Cyrl", "Cyrillic"), ("Arab", "Arabic"), ("Hebr", "Hebrew"), ("Deva", "Devanagari"),
    ("Beng", "Bengali"), ("Gujr", "Gujarati"), ("Guru", "Gurmukhi"), ("Taml", "Tamil"), ("Telu", "Telugu"), ("Mlym", "Malayalam"),
    ("Knda", "Kannada"), ("Sinh", "Sinhala"), ("Thai", "Thai"), ("Laoo", "Lao"), ("Khmr", "Khmer"), ("Mymr", "Myanmar"),
    ("Geor", "Georgian"), ("Armn", "Armenian"), ("Ethi", "Ethiopic"), ("Tibt", "Tibetan"), ("Hani", "Han"), ("Hira", "Hiragana"),
    ("Kana", "Katakana"), ("Hang", "Hangul"), ("Bopo", "Bopomofo"),
)  # fmt: skip
_SCRIPT = regex.compile("|".join(rf"(?P<{code}>\p{{Script={name}}})" for code, name in _SCRIPTS))
_EMOJI = regex.compile(r"\p{Emoji_Presentation}|\p{Emoji}\uFE0F|\p{Regional_Indicator}{2}|[0-9#*]\uFE0F?\u20E3")


@lru_cache(maxsize=8192)
def script(grapheme: str) -> str:
    """ISO 15924 of the first character with a script of its own; "Zsye" for emoji, "Zyyy" for what every script shares."""
    if _EMOJI.match(grapheme):
        return "Zsye"
    found = _SCRIPT.search(grapheme)
    return found.lastgroup if found else "Zyyy"


# --- UAX 9 ------------------------------------------------------------------------------------------------------------

_STRONG = {"L": "L", "R": "R", "AL": "R", "EN": "R", "AN": "R"}  # for N0 to N2 numbers count as right to left
_NEUTRAL = frozenset({"B", "S", "WS", "ON"})


def base_direction(text: str, default: str = "ltr") -> str:
    """The direction of the first strong character (P2, P3)."""
    for character in text:
        kind = unicodedata.bidirectional(character)
        if kind in ("R", "AL"):
            return "rtl"
        if kind == "L":
            return "ltr"
    return default


def levels(text: str, direction: str) -> list[int]:
    """The embedding level of every character of a paragraph in `direction`: even is left to right, odd right to left."""
    base = 1 if direction == "rtl" else 0
    edge = "R" if base else "L"
    kinds = [unicodedata.bidirectional(character) or "L" for character in text]
    # Joiners and what else is BN take no part (X9); they follow the character before them at the end.
    places = [
        index
        for index, kind in enumerate(kinds)
        if kind not in ("BN", "LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
    ]
    types = [kinds[index] for index in places]
    originals = list(types)
    _weak(types, edge)
    _brackets(types, originals, [text[index] for index in places], edge)
    _neutral(types, edge)
    result = [base] * len(text)
    for index, kind in zip(places, types, strict=True):
        if kind == "R":
            result[index] = base | 1  # I1, I2
        elif kind in ("AN", "EN"):
            result[index] = base + 2 - base % 2 if base == 0 else base + 1
        elif kind == "L":
            result[index] = base + base % 2
    placed = set(places)
    for index in range(1, len(text)):
        if index not in placed:
            result[index] = result[index - 1]
    return result


def _weak(types: list[str], edge: str) -> None:
    """W1 to W7."""
    previous = edge
    for index, kind in enumerate(types):  # W1
        if kind == "NSM":
            types[index] = previous
        previous = types[index]
    strong = edge
    for index, kind in enumerate(types):  # W2, W3
        if kind in ("L", "R", "AL"):
            strong = kind
        elif kind == "EN" and strong == "AL":
            types[index] = "AN"
    types[:] = ["R" if kind == "AL" else kind for kind in types]
    for index in range(1, len(types) - 1):  # W4
        before, kind, after = types[index - 1 : index + 2]
        if before == after and ((kind == "ES" and before == "EN") or (kind == "CS" and before in ("EN", "AN"))):
            types[index] = before
    index = 0
    while index < len(types):  # W5
        end = index
        while end < len(types) and types[end] == "ET":
            end += 1
        if end > index and ((index and types[index - 1] == "EN") or (end < len(types) and types[end] == "EN")):
            types[index:end] = ["EN"] * (end - index)
        index = max(end, index + 1)
    types[:] = ["ON" if kind in ("ES", "ET", "CS") else kind for kind in types]  # W6
    strong = edge
    for index, kind in enumerate(types):  # W7
        if kind in ("L", "R"):
            strong = kind
        elif kind == "EN" and strong == "L":
            types[index] = "L"


@lru_cache(maxsize=1)
def _bracket_pairs() -> dict[str, str]:
    """Opening to closing: mirrored Ps characters whose Pe partner follows them, which is how Unicode pairs them."""
    pairs = {"[": "]", "{": "}"}
    for code in (*range(0x28, 0x2A), *range(0x2045, 0x2047), *range(0x207D, 0x208F), *range(0x2308, 0x232B), *range(0x2768, 0x2776),
                 *range(0x27C5, 0x27F0), *range(0x2983, 0x29FE), *range(0x3008, 0x301C), *range(0xFF08, 0xFF64)):  # fmt: skip
        opening, closing = chr(code), chr(code + 1)
        if unicodedata.category(opening) == "Ps" and unicodedata.category(closing) == "Pe":
            pairs[opening] = closing
    return pairs


def _brackets(types: list[str], originals: list[str], characters: list[str], edge: str) -> None:
    """N0 (BD16 with its stack of 63)."""
    pairs = _bracket_pairs()
    closing = {close: open_ for open_, close in pairs.items()}
    stack: list[tuple[str, int]] = []
    found: list[tuple[int, int]] = []
    for index, character in enumerate(characters):
        if types[index] != "ON":
            continue
        if character in pairs:
            if len(stack) == 63:
                break
            stack.append((character, index))
        elif character in closing:
            for depth in range(len(stack) - 1, -1, -1):
                if stack[depth][0] == closing[character]:
                    found.append((stack[depth][1], index))
                    del stack[depth:]
                    break
    for start, end in sorted(found):
        inside = {_STRONG[kind] for kind in types[start + 1 : end] if kind in _STRONG}
        if edge in inside:
            new = edge
        elif inside:
            before = next((_STRONG[kind] for kind in reversed(types[:start]) if kind in _STRONG), edge)
            new = before if before != edge else edge
        else:
            continue
        for place in (start, end):
            types[place] = new
            following = place + 1
            while following < len(types) and originals[following] == "NSM":
                types[following] = new
                following += 1


def _neutral(types: list[str], edge: str) -> None:
    """N1, N2."""
    index = 0
    while index < len(types):
        end = index
        while end < len(types) and types[end] in _NEUTRAL:
            end += 1
        if end > index:
            before = _STRONG[types[index - 1]] if index else edge
            after = _STRONG[types[end]] if end < len(types) else edge
            types[index:end] = [before if before == after else edge] * (end - index)
        index = max(end, index + 1)


# --- lines and pieces by character count ------------------------------------------------------------------------------


@lru_cache(maxsize=8192)
def _unit(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def units(text: str) -> int:
    """The length of `text` in narrow characters: combining marks count 0, double-width characters 2 (UAX 11)."""
    return sum(map(_unit, text))


def break_places(text: str, tag: str) -> tuple[int, ...]:
    """The places (characters) inside `text` before which a line may begin, for readers of BCP 47 `tag`.

    UAX 14 as ICU does it; in Japanese and Korean its phrase breaking (BudouX; spaces), so that lines end where a reader pauses.
    """
    from icu4py.breakers import LineBreaker

    base = tag.split("-")[0]
    locale = f"{base}@lw=phrase" if base in ("ja", "ko") else tag
    found, place = [], 0
    for piece in LineBreaker(text, locale):  # its own offsets count UTF-16 units
        place += len(piece)
        found.append(place)
    return tuple(found[:-1])


SENTENCE_ENDS = tuple(".!?…。！？؟۔।॥။៕።՞։")
CLAUSE_ENDS = tuple(",;:—–、，；：،؛፣၊·")
_CLOSERS = " \"'»”’)]）」』"


def pause(text: str, place: int) -> int:
    """2 where a sentence ends at `place`, 1 where a clause does, else 0."""
    place = min(place, len(text))
    before = text[max(0, place - 8) : place].rstrip(_CLOSERS)
    return 2 if before.endswith(SENTENCE_ENDS) else 1 if before.endswith(CLAUSE_ENDS) else 0


def split(text: str, count: int, tag: str) -> tuple[str, ...]:
    """`text` in `count` pieces of about the same length, cut where sentences or clauses end if one does near enough.

    Fewer pieces where there are fewer legal places.
    """
    places = break_places(text, tag)
    at = [0, *itertools.accumulate(map(_unit, text))]
    pieces: list[str] = []
    start = 0
    for left in range(count, 1, -1):
        target = (at[-1] - at[start]) / left

        def cost(place: int, start: int = start, target: float = target) -> float:
            # A sentence end may be 40 %, a clause end 20 % of a piece away from the ideal place.
            return abs(at[place] - at[start] - target) - 0.2 * target * pause(text, place)

        # Places farther than that cost more than any of these.
        near = [place for place in places if place > start and at[place] - at[start] < 2 * target + 2]
        best = min(near or [place for place in places if place > start], key=cost, default=None)
        if best is None:
            break
        pieces.append(text[start:best].strip())
        start = best
    return (*pieces, text[start:].strip())


def wrap(text: str, width: int, tag: str) -> tuple[str, ...]:
    """`text` on one line, or on two balanced ones when it has more than `width` units; without a legal place on one."""
    if units(text) <= width:
        return (text,)
    best = min(
        break_places(text, tag),
        key=lambda place: max(units(text[:place].rstrip()), units(text[place:])) - 4 * (pause(text, place) > 0),
        default=None,
    )
    return (text,) if best is None else (text[:best].rstrip(), text[best:].lstrip())
