"""Split text into lines, pieces and subtitles, where a reader pauses."""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Protocol

from pipeline.text.breaks import line_breaks
from pipeline.text.ends import ends_sentence, pause
from pipeline.text.graphemes import graphemes
from pipeline.text.width import character_width, text_width

COLUMNS, LINES = 42, 2  #: of one subtitle (Netflix timed-text guide)
LONGEST_S = 6.5  #: of one subtitle
LONG_GAP_S = 1.0  #: a silence inside a subtitle is shorter than this

#: A single word of fewer characters than this is no piece of its own, where its sentence goes on within `CONTINUES_S`.
SHORT, CONTINUES_S = 12, 0.5

#: Languages written without spaces between words (Whisper's codes).
UNSPACED = frozenset({"ja", "zh", "yue", "th", "lo", "my", "km"})

#: What a cut costs, as a share of a piece, by `pause`: a cut at a sentence end may lie this much farther from its ideal
#: place.
_COSTS = (0.55, 0.15, 0.0)
_EMERGENCY = 2.0  #: the cost of a cut inside a word longer than a line


class TimedText(Protocol):
    """A word with its times in seconds."""

    @property
    def start(self) -> float: ...
    @property
    def end(self) -> float: ...
    @property
    def text(self) -> str: ...


def cut_costs(text: str, tag: str = "und") -> list[tuple[int, float]]:
    """Return the places (indices of characters) at which `text` may be cut in two, each with its cost from 0.

    Sentence ends cost nothing, ends of clauses little. A word longer than a line may be cut inside, at a high cost.
    """
    places = line_breaks(text, tag)
    result = [(place, _COSTS[pause(text, place)]) for place in places]
    longest = max((b - a for a, b in itertools.pairwise((0, *places, len(text)))), default=0)
    if longest > COLUMNS:
        legal = set(places)
        inside = itertools.accumulate(map(len, graphemes(text)))
        result += [(place, _EMERGENCY) for place in inside if place < len(text) and place not in legal]
        result.sort()
    return result


def choose_cuts(text: str, shares: Sequence[float], places: Sequence[tuple[int, float]]) -> tuple[int, ...]:
    """Return indices of characters that cut `text` near the given `shares` (0..1, increasing) of its width.

    Each share gets a place of its own; where `places` (from `cut_costs`) are too few, the result is shorter. The work
    grows linearly with the number of shares.
    """
    widths = [0, *itertools.accumulate(map(character_width, text))]
    total = max(1, widths[-1])
    piece = total / (len(shares) + 1)
    where = [widths[place] for place, _ in places]
    chosen: list[int] = []
    last = -1
    for k, share in enumerate(shares):
        first, after = last + 1, len(places) - (len(shares) - k - 1)  # the cuts to come need places of their own
        if first >= after:
            break
        middle = min(max(bisect_left(where, share * total), first), after - 1)
        window = range(max(first, middle - 40), min(after, middle + 40))
        last = min(window, key=lambda i: abs(where[i] - share * total) / piece + places[i][1])
        chosen.append(places[last][0])
    return tuple(chosen)


def slices(text: str, at: Iterable[int]) -> tuple[str, ...]:
    """Return the pieces of `text` between the places `at`, without surrounding spaces."""
    edges = (0, *at, len(text))
    return tuple(text[a:b].strip() for a, b in itertools.pairwise(edges))


def split(text: str, count: int, tag: str = "und") -> tuple[str, ...]:
    """Return `text` in `count` pieces of about the same width, cut where sentences or clauses end if one does near
    enough.

    Fewer pieces where there are fewer places to cut; no word is cut.
    """
    places = [(place, cost) for place, cost in cut_costs(text, tag) if cost < _EMERGENCY]
    return slices(text, choose_cuts(text, [k / count for k in range(1, count)], places))


def split_like(text: str, pieces: Sequence[str], tag: str = "und") -> tuple[str, ...] | None:
    """Return `text` in as many parts as there are `pieces`, each with about its piece's share of the whole.

    None where `text` has too few places to cut, or a part would be empty.
    """
    lengths = list(itertools.accumulate(map(text_width, pieces)))
    shares = [length / max(1, lengths[-1]) for length in lengths[:-1]]
    places = [(place, cost) for place, cost in cut_costs(text, tag) if cost < _EMERGENCY]
    parts = slices(text, choose_cuts(text, shares, places))
    return parts if len(parts) == len(pieces) and all(parts) else None


def wrap(text: str, columns: int = COLUMNS, tag: str = "und") -> tuple[str, ...]:
    """Return `text` on one line, or on two balanced ones where it is wider than `columns`.

    A text without a place to break stays on one line.
    """
    if text_width(text) <= columns:
        return (text,)
    best = min(
        line_breaks(text, tag),
        key=lambda place: (
            max(text_width(text[:place].rstrip()), text_width(text[place:])) - 4 * (pause(text, place) > 0)
        ),
        default=None,
    )
    return (text,) if best is None else slices(text, (best,))


def join_words(words: Iterable[TimedText], language: str) -> str:
    """Return the words as a line of text, with single spaces, or none in languages written without (`UNSPACED`)."""
    return ("" if language in UNSPACED else " ").join(word.text.strip() for word in words)


def is_fragment(words: Sequence[TimedText]) -> bool:
    """Return whether the words are a single short one."""
    return len(words) == 1 and len(words[0].text.strip()) < SHORT


def goes_on(last: TimedText, first: TimedText) -> bool:
    """Return whether a sentence goes on from the word `last` to the word `first`."""
    return first.start - last.end < CONTINUES_S and not ends_sentence(last.text)


def split_words(
    words: Sequence[TimedText],
    language: str = "",
    *,
    columns: int = COLUMNS * LINES,
    longest_s: float = LONGEST_S,
) -> tuple[tuple[int, int], ...]:
    """Return half-open ranges of `words` that each fit one subtitle, cut where it reads best.

    A range is at most `columns` wide and `longest_s` seconds long, and no word in it is followed by a silence of
    `LONG_GAP_S`; a single word may be longer. Cuts prefer pauses in the speech, ends of sentences and clauses, and
    halves of equal width. `language` is Whisper's code.
    """
    space = 0 if language in UNSPACED else 1
    widths = [0, *itertools.accumulate(text_width(word.text.strip()) + space for word in words)]
    gaps = [after.start - before.end for before, after in itertools.pairwise(words)]
    ends = [pause(word.text) for word in words]

    def fits(first: int, after: int) -> bool:
        return after - first < 2 or (
            widths[after] - widths[first] - space <= columns
            and words[after - 1].end - words[first].start <= longest_s
            and max(gaps[first : after - 1]) < LONG_GAP_S
        )

    def worth(first: int, at: int, after: int) -> float:
        share = (widths[at] - widths[first]) / max(1, widths[after] - widths[first])
        return min(2.0, 2.0 * gaps[at - 1]) + (0.0, 0.7, 1.5)[ends[at - 1]] - 2.0 * abs(share - 0.5)

    found: list[tuple[int, int]] = []
    waiting = [(0, len(words))] if words else []
    while waiting:
        first, after = waiting.pop()
        if fits(first, after):
            found.append((first, after))
            continue
        at = max(range(first + 1, after), key=lambda place: worth(first, place, after))
        waiting += [(at, after), (first, at)]
    return tuple(found)
