"""The cue: one line of text on screen, and what of it is seen when."""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass

from pipeline.text import text_width

KEYSTROKE_S = 0.035  #: typing of one character, never slower than the word is spoken
FASTEST_CPS = 20.0  #: columns a second that can still be read (Netflix timed-text guide)
SHORTEST_S = 5 / 6  #: a cue is on screen this long at least (the same guide)
SETTLING_S = 0.3  #: how long one character flickers before it settles
SETTLED_SHARE = 0.6  #: of a turn, until its first characters have settled, where that is sooner


@dataclass(frozen=True, slots=True)
class Cue:
    """A line on screen from `start` to `end` (s). `source` or `translation` may be empty, never both."""

    phrase: int  #: id of the phrase it begins in
    page: int  #: which line of that phrase, from 0
    person: str | None
    start: float
    end: float
    spoken: float  #: s when its last word has been said
    source: str
    translation: str  #: "" where there is none to show
    words: tuple[tuple[float, float, int], ...]  #: (from, to, characters of `source` up to its end) of every word said
    turn_start: float = 0.0  #: s when the source begins to turn into the translation; unused without both texts
    turn_end: float = 0.0
    #: s from which somebody else has the text and only a mark stands for this cue; infinite where nobody takes over
    full_until: float = math.inf
    reveal: str = "live"  #: "live": whole at once; "spoken": typed with its words; "none": the translation at once
    heard: float = 0.0  #: s at which its first word begins

    @property
    def turns(self) -> bool:
        """Whether the source is seen before the translation."""
        return bool(self.source and self.translation and self.turn_end > self.start)

    @property
    def text_end(self) -> float:
        """When the text goes: at the end of the cue, or where somebody else takes over."""
        return min(self.end, self.full_until)

    @property
    def readable_from(self) -> float:
        """When a reader can begin with the text: as its first characters have settled."""
        if not self.turns:
            return self.start
        return self.turn_start + min(SETTLING_S, SETTLED_SHARE * (self.turn_end - self.turn_start))

    @property
    def delay(self) -> float:
        """Seconds from the first word until all of the translation stands; the source where there is no translation."""
        return (self.turn_end if self.turns else self.start) - self.heard

    @property
    def read_by(self) -> float:
        """When the line has been said, could be read at `FASTEST_CPS`, and has stood for `SHORTEST_S`."""
        reading = text_width(self.translation or self.source) / FASTEST_CPS
        return max(self.spoken, self.readable_from + reading, self.start + SHORTEST_S)

    def typed(self, t: float) -> float:
        """Return how many characters of `source` stand at `t`; the fraction is the character being typed."""
        if self.reveal != "spoken":
            return float(len(self.source))
        k = bisect.bisect_right(self.words, t, key=lambda word: word[0])
        if not k:
            return 0.0
        begin, end, after = self.words[k - 1]
        before = self.words[k - 2][2] if k > 1 else 0
        finish = begin + min(end - begin, KEYSTROKE_S * (after - before))
        return before + (after - before) * (1.0 if t >= finish else (t - begin) / (finish - begin))

    def said(self, t: float) -> float:
        """Return the share of the line that has been said at `t`, 0..1; 1 where it stands as a whole."""
        if self.reveal != "spoken" or not self.source:
            return 1.0
        return min(1.0, self.typed(t) / len(self.source))

    def word_at(self, t: float) -> int | None:
        """Return the index of the word that is being said at `t`, or of the one said last; None before the first."""
        k = bisect.bisect_right(self.words, t, key=lambda word: word[0])
        return k - 1 if k else None

    def turned(self, t: float) -> float:
        """Return how far the turn into the translation is at `t`, 0..1."""
        if t >= self.turn_end:
            return 1.0
        return max(0.0, (t - self.turn_start) / (self.turn_end - self.turn_start))
