"""When words start: Whisper's times corrected by how long words of so many letters last.

Whisper tells word times from its attention. They are early, and most so for a short word after a long one: it gives the
end of the long word to the short one. So a word that lasts longer than its letters take at the clip's own pace is taken
to start later, and one that lasts less a little earlier. The correction is linear; `benchmarks.wordstarts --fit` fits
it on one synthetic voice, whose words' true starts are known, and other voices and languages judge it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import median

from pipeline.records import Segment, Word
from pipeline.text import UNSPACED

#: s by which a start is early after a pause, and how much more after another word.
EARLY_S, EARLY_BEHIND_S = 0.030, 0.029
#: Shares of what a word lasts too long that belong to the word before it, to the pause before it, and of what the word
#: before lasts too long that belong to this one.
SHARE_OF_WORD, SHARE_OF_PAUSE, SHARE_BACK = 0.53, 0.32, 0.10
MOST_S = 0.15  #: no start is moved further: a word that is drawn out may really be long
BESIDE_S = 0.03  #: a word that begins within this after another is behind it, else behind a pause
LEAST_S = 0.04  #: no word becomes shorter
FEWEST = 8  #: words that tell the pace of a clip


def corrected(segments: Sequence[Segment]) -> tuple[Segment, ...]:
    """Return the segments with the starts of their words corrected.

    The end of a word moves with the start of a word right behind it, else it stays; words stay in order, and none gets
    shorter than `LEAST_S` by it. Languages written without spaces stay as they are: their words are pieces that Whisper
    made up.
    """
    words = [word for one in segments for word in one.words]
    spaced = [one.language not in UNSPACED for one in segments for _ in one.words]
    pace = median([seconds(word) / letters(word) for word in words]) if len(words) >= FEWEST else None
    moves = [_move(words, k, pace) if spaced[k] else 0.0 for k in range(len(words))]
    moved: list[Word] = []
    for k, word in enumerate(words):
        start = min(word.start + moves[k], max(word.start, word.end - LEAST_S))
        if moved:
            start = max(start, min(moved[-1].start + LEAST_S, word.start))
        if moved and spaced[k] and _behind(words, k):
            moved[-1] = replace(moved[-1], end=start)
        elif moved and spaced[k]:
            start = max(start, moved[-1].end)
        moved.append(replace(word, start=max(0.0, start)))
    found, at = [], 0
    for one in segments:
        own = tuple(moved[at : at + len(one.words)])
        at += len(own)
        found.append(replace(one, start=own[0].start, end=own[-1].end, words=own) if own else one)
    return tuple(found)


def excesses(words: Sequence[Word], k: int, pace: float) -> tuple[bool, float, float]:
    """Return whether word `k` is right behind another, and by how many s it and that one last longer than usual."""
    own = seconds(words[k]) - pace * letters(words[k])
    if not _behind(words, k):
        return False, own, 0.0
    return True, own, seconds(words[k - 1]) - pace * letters(words[k - 1])


def _move(words: Sequence[Word], k: int, pace: float | None) -> float:
    """Return by how many s word `k` begins later than its time says."""
    if pace is None:
        return EARLY_S
    behind, own, before = excesses(words, k, pace)
    if behind:
        move = EARLY_S + EARLY_BEHIND_S + SHARE_OF_WORD * own - SHARE_BACK * before
    else:
        move = EARLY_S + SHARE_OF_PAUSE * own
    return min(MOST_S, max(-MOST_S, move))


def _behind(words: Sequence[Word], k: int) -> bool:
    return k > 0 and words[k].start - words[k - 1].end < BESIDE_S


def seconds(word: Word) -> float:
    """Return how long a word lasts."""
    return word.end - word.start


def letters(word: Word) -> int:
    """Return how many letters and digits a word has, and one more: the shortest word has a length, too."""
    return max(1, sum(character.isalnum() for character in word.text)) + 1
