"""The order of bidirectional text (UAX 9).

Explicit formatting characters are not looked at: `clean` removes them, so rules X1 to X8 have nothing to do.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

_STRONG = {"L": "L", "R": "R", "AL": "R", "EN": "R", "AN": "R"}  # for N0 to N2 numbers count as right to left
_NEUTRAL = frozenset({"B", "S", "WS", "ON"})


def base_direction(text: str, default: str = "ltr") -> str:
    """Return "ltr" or "rtl", the direction of the first strong character (rules P2 and P3), or `default`."""
    for character in text:
        kind = unicodedata.bidirectional(character)
        if kind in ("R", "AL"):
            return "rtl"
        if kind == "L":
            return "ltr"
    return default


def levels(text: str, direction: str) -> list[int]:
    """Return the embedding level of every character of a paragraph in `direction`; odd levels run right to left."""
    base = 1 if direction == "rtl" else 0
    edge = "R" if base else "L"
    kinds = [unicodedata.bidirectional(character) or "L" for character in text]
    # Joiners and other BN characters take no part (X9); at the end they get the level of the character before them.
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
    """Apply rules W1 to W7 in place."""
    _marks_and_numbers(types, edge)
    for index in range(1, len(types) - 1):  # W4
        before, kind, after = types[index - 1 : index + 2]
        if before == after and ((kind == "ES" and before == "EN") or (kind == "CS" and before in ("EN", "AN"))):
            types[index] = before
    _terminators(types)
    types[:] = ["ON" if kind in ("ES", "ET", "CS") else kind for kind in types]  # W6
    strong = edge
    for index, kind in enumerate(types):  # W7
        if kind in ("L", "R"):
            strong = kind
        elif kind == "EN" and strong == "L":
            types[index] = "L"


def _marks_and_numbers(types: list[str], edge: str) -> None:
    """Apply rules W1 to W3 in place."""
    previous = strong = edge
    for index, kind in enumerate(types):
        if kind == "NSM":  # W1
            kind = types[index] = previous
        previous = kind
        if kind in ("L", "R", "AL"):
            strong = kind
        elif kind == "EN" and strong == "AL":  # W2
            types[index] = "AN"
    types[:] = ["R" if kind == "AL" else kind for kind in types]  # W3


def _terminators(types: list[str]) -> None:
    """Apply rule W5 in place: terminators beside a European number belong to it."""
    index = 0
    while index < len(types):
        end = index
        while end < len(types) and types[end] == "ET":
            end += 1
        if end > index and ((index and types[index - 1] == "EN") or (end < len(types) and types[end] == "EN")):
            types[index:end] = ["EN"] * (end - index)
        index = max(end, index + 1)


@lru_cache(maxsize=1)
def _bracket_pairs() -> dict[str, str]:
    """Return opening brackets with their closing ones: a Ps character whose Pe partner has the next code point."""
    pairs = {"[": "]", "{": "}"}
    for code in (*range(0x28, 0x2A), *range(0x2045, 0x2047), *range(0x207D, 0x208F), *range(0x2308, 0x232B),
    *range(0x2768, 0x2776),
                 *range(0x27C5, 0x27F0), *range(0x2983, 0x29FE), *range(0x3008, 0x301C), *range(0xFF08,
                 0xFF64)):  # fmt: skip
        opening, closing = chr(code), chr(code + 1)
        if unicodedata.category(opening) == "Ps" and unicodedata.category(closing) == "Pe":
            pairs[opening] = closing
    return pairs


def _brackets(types: list[str], originals: list[str], characters: list[str], edge: str) -> None:
    """Apply rule N0 in place."""
    for start, end in _paired(types, characters):
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


def _paired(types: list[str], characters: list[str]) -> list[tuple[int, int]]:
    """Return the places of opening and closing brackets that belong together, in order (BD16 with its stack of 63)."""
    pairs = _bracket_pairs()
    stack: list[tuple[str, int]] = []  # the closing bracket that is waited for, and where its opening one is
    found: list[tuple[int, int]] = []
    for index, character in enumerate(characters):
        if types[index] != "ON":
            continue
        if character in pairs:
            if len(stack) == 63:
                break
            stack.append((pairs[character], index))
            continue
        depth = next((k for k in reversed(range(len(stack))) if stack[k][0] == character), None)
        if depth is not None:
            found.append((stack[depth][1], index))
            del stack[depth:]
    return sorted(found)


def _neutral(types: list[str], edge: str) -> None:
    """Apply rules N1 and N2 in place."""
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
