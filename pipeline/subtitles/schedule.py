"""The schedule of cues: when each line is on screen, and when it turns into the translation. Feeds picture and files.

The timing is the game's (see docs/look.md): a line stands whole at its first word, holds a moment and turns, so that
the translation can be read while the speaker is still talking. Reading speed and lengths are those of the Netflix
timed-text
guide: two frames between cues, 5/6 s at least, 17 to 20 characters a second. A character of double width counts two.
"""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from pipeline.notices import about_phrases, when
from pipeline.records import Analysis, Look, Notice
from pipeline.subtitles.cue import FASTEST_CPS, SETTLED_SHARE, SETTLING_S, SHORTEST_S, Cue
from pipeline.subtitles.lines import Line, lines
from pipeline.text import COLUMNS, LINES, text_width

READING_CPS = 17.0  #: what a hold aims at
SETTLED_S = 1.0  #: a finished translation stays at least this long where the next cue leaves room
TAIL_S = 0.3  #: a line stays this long after its last word
SNAP_S = 0.5  #: a hole shorter than this between two cues of one speaker flashes: the first one holds over it

# The game's, from its published scripts: 0.25 s, then 0.5 s and a tenth of the line's time; lines shorter than half a
# second 0.2 s and 0.2 s; lines of five seconds and more begin to turn at once.
HOLD_S, TURN_S, TURN_SHARE = 0.25, 0.5, 0.1
SHORT_LINE_S, SHORT_HOLD_S, SHORT_TURN_S = 0.5, 0.2, 0.2
LONG_LINE_S = 5.0
FASTEST_TURN_S = 0.1  #: of a line that could not be read in its time otherwise

EARLY_S = 1.0  #: a line whose translation needs more time may stand this long before its first word
LATE_S = 0.8  #: and the line after it may come this much later than its first word, but not after its speech
LEAST_SHARE = 0.6  #: of the time it needs, which a line has even among others that need more time than there is

#: The turn of the reveal "spoken", which waits for the last word.
SPOKEN_TURN_PER_CHARACTER_S, SPOKEN_TURN_S = 0.02, (0.5, 1.1)

LEAD_S = 0.3  #: a cue that begins less than this before a cut begins with the cut (the guide: seven frames of 24)
TRAIL_S = 0.5  #: a hold that ends less than this after a cut ends with the cut (the guide: twelve frames of 24)


@dataclass(frozen=True, slots=True)
class Place:
    """How a look shows several voices: where their cues compete."""

    single: bool = False  #: only one text at a time can be read, so a hold ends where anybody's next cue starts
    marks: bool = False  #: of several who speak at once only the last to start has text
    strict: bool = False  #: and at once, not only when the others' text has been read


def schedule(
    analysis: Analysis,
    look: Look,
    *,
    texts: str = "turn",
    columns: int = COLUMNS,
    frame_rate: Fraction | float | None = None,
    place: Place = Place(),
) -> tuple[tuple[Cue, ...], tuple[Notice, ...]]:
    """Return the cues of the whole clip in order of start, and notices of what cannot be read in its time.

    `texts` is "turn" (the source becomes the translation), "both" (they stand together, or the translation alone) or
    "original"; `columns` is how many narrow characters fit on a line.
    """
    gap = 2 / float(frame_rate or analysis.media.frame_rate or 25)
    found = lines(analysis, columns * LINES, texts == "original")
    timing = _Timing(look, texts, gap, [shot.start for shot in analysis.shots if shot.start > 0])
    end = (analysis.media.duration or math.inf) + gap
    result: list[Cue] = []
    single = place.single or place.strict  # who has to be read before the next one begins
    for group in _groups(found, single):
        result += timing.run(group, single, end)
    result.sort(key=lambda cue: (cue.start, cue.phrase, cue.page))
    lost = {(line.phrase, line.number): line.start for line in found}
    for cue in result:
        lost.pop((cue.phrase, cue.page), None)
    if place.marks:
        result = _one_voice(result, place.strict)
    return tuple(result), _notices(result, _by_phrase(lost))


def game_timing(length: float) -> tuple[float, float]:
    """Return how long a line of `length` s holds, and how long its turn takes, in s."""
    if length < SHORT_LINE_S:
        return SHORT_HOLD_S, SHORT_TURN_S
    return (0.0 if length >= LONG_LINE_S else HOLD_S), TURN_S + TURN_SHARE * length


def _groups(found: Sequence[Line], single: bool) -> Iterable[list[Line]]:
    """Return the lines that follow one another in one place: all of them, or those of each person."""
    if single:
        return [list(found)]
    by_person: dict[str | None, list[Line]] = {}
    for line in found:
        by_person.setdefault(line.person, []).append(line)
    return by_person.values()


class _Timing:
    """Gives lines that share a place their times."""

    def __init__(self, look: Look, texts: str, gap: float, cuts: list[float]) -> None:
        self.still, self.texts, self.gap, self.cuts = look.reduced_motion, texts, gap, cuts
        self.reveal = look.reveal

    def run(self, group: list[Line], single: bool, end: float) -> list[Cue]:
        """Return the cues of `group`, whose lines are in order and compete for one place until `end` (s)."""
        group = self._spread(group, end)
        windows = self._windows(group, single, end)
        starts = self._starts(group, windows, single, end)
        cues: list[Cue] = []
        for k, line in enumerate(group):
            limit = self._limit(group, starts, k, single, end) - self.gap
            if limit - starts[k] < 0.04 and line.share is not None:
                continue  # the end of a translation for which there is no time at all
            # An earlier line gives up what it only held for comfort.
            before = max((min(cue.end, cue.read_by) for cue in cues[-1:]), default=-math.inf) + self.gap
            before = max(before, windows[k][0])
            cue = self._cue(line, starts[k], before, max(limit, starts[k] + 0.2))
            together = single and bool(cues) and cues[-1].person != line.person and cues[-1].spoken > cue.start
            if cues and not together and cues[-1].end > cue.start - self.gap > cues[-1].start:
                cues[-1] = replace(cues[-1], end=cue.start - self.gap)
            cues.append(cue)
        for k, (cue, following) in enumerate(itertools.pairwise(cues)):
            if 0 < following.start - self.gap - cue.end < SNAP_S and not self._cut_between(cue.end, following.start):
                cues[k] = replace(cue, end=following.start - self.gap)
        return cues

    def _start(self, line: Line) -> float:
        """Return when the line begins: with its first word, or with a cut that comes a moment later."""
        k = bisect.bisect_right(self.cuts, line.start)
        cut = self.cuts[k] if k < len(self.cuts) else math.inf
        return cut if cut < min(line.start + LEAD_S, line.spoken - SHORTEST_S) else line.start

    def _limit(self, group: list[Line], starts: list[float], k: int, single: bool, end: float) -> float:
        """Return until when line `k` may stay: the next one that wants its place, else the end of the clip."""
        begin = starts[k]
        following = next((start for start in starts[k + 1 :] if start > begin), math.inf)
        if single and following < group[k].spoken and group[k].share is None:
            following = group[k].spoken + 2 * SHORTEST_S  # they speak over each other: nobody's words are cut off
        return min(following, end)

    def _windows(self, group: list[Line], single: bool, end: float) -> list[tuple[float, float]]:
        """Return between which times each line may begin."""
        found = []
        for line, latest in zip(group, self._latest(group, end), strict=True):
            begin = self._start(line)
            low, high = self._window(line, begin, latest)
            if single:
                low = min(begin, max(low, self._heard_out(line, group)))
            found.append((low, high))
        return found

    def _starts(self, group: list[Line], windows: list[tuple[float, float]], single: bool, end: float) -> list[float]:
        """Return when each line begins, so that each can be read at `FASTEST_CPS` before the next one wants its place.

        A line begins with its first word where that is possible. Where there is more text than time it moves inside its
        window: as far ahead as the lines after it need, and behind the lines before it. Where that is not enough, as
        few lines as possible are up too briefly, and none for less than `LEAST_SHARE` of its need if possible.
        """
        needs = [self._need(line) for line in group]
        follows = [
            not (single and after.start < line.spoken and line.share is None)  # else they speak over each other
            for line, after in itertools.pairwise(group)
        ]
        last = self._deadlines(windows, needs, follows, end)
        least = self._deadlines(windows, [LEAST_SHARE * need for need in needs], follows, end)
        starts: list[float] = []
        for k, line in enumerate(group):
            before = starts[-1] if starts and follows[k - 1] else -math.inf
            low, high = windows[k]
            at = max(low, before + needs[k - 1], min(self._start(line), last[k]))
            starts.append(max(min(at, high, least[k]), before))
        return starts

    def _deadlines(
        self, windows: list[tuple[float, float]], needs: list[float], follows: list[bool], end: float
    ) -> list[float]:
        """Return by when each line must begin, in its window, so that it and all after it have their need by `end`."""
        found = [high for _, high in windows]
        for k in reversed(range(len(found))):
            until = end if k + 1 == len(found) else found[k + 1] if follows[k] else math.inf
            found[k] = max(windows[k][0], min(found[k], until - needs[k]))
        return found

    def _heard_out(self, line: Line, others: Sequence[Line]) -> float:
        """Return when the one who spoke before `line` has finished and been read; nobody begins early over them."""
        k = bisect.bisect_left(others, (line.start, line.phrase), key=lambda other: (other.start, other.phrase))
        before = next((other for other in reversed(others[max(0, k - 8) : k]) if other.person != line.person), None)
        if before is None:
            return -math.inf
        return max(before.spoken + self.gap, before.start + self._need(before))

    def _window(self, line: Line, begin: float, latest: float) -> tuple[float, float]:
        """Return between which times a line that would begin at `begin` may begin."""
        if self.reveal == "spoken":  # it is typed with its words
            return begin, max(begin, latest)
        k = bisect.bisect_right(self.cuts, begin)
        low = max(self.cuts[k - 1] if k else 0.0, line.start - EARLY_S)
        late = max(0.0, min(line.start + LATE_S, line.spoken - SHORT_TURN_S) - begin)
        cut = self.cuts[k] if k < len(self.cuts) else math.inf
        high = begin if cut <= begin + late else begin + late
        return min(begin, low), max(high, latest)

    def _need(self, line: Line) -> float:
        """Return the least time in s from the start of a line to that of the next, if it is to be read."""
        reading = text_width(line.translation or line.source) / FASTEST_CPS
        if self.reveal == "spoken":
            if not line.translation:
                return self.gap  # it is read as it is typed
            reading += (
                self._lead(line.spoken - line.start) if self.texts == "turn" and line.source else 0.0
            ) + SETTLING_S
        elif self.texts == "turn" and self.reveal == "live" and line.source and line.translation:
            reading += SETTLED_SHARE * FASTEST_TURN_S
        return max(SHORTEST_S, reading) + self.gap

    @staticmethod
    def _lead(length: float) -> float:
        """Return for how long a line of `length` s that is typed as it is said is typed before it turns, at least."""
        return min(1.2, 0.4 * length)

    def _latest(self, group: list[Line], end: float) -> list[float]:
        """Return when each line may start at the latest, if its phrase's translation takes longer to read than to say.

        The lines that follow in the phrase can still be read then, before the next phrase begins.
        """
        found = [-math.inf] * len(group)
        after = len(group)
        while after:
            first = after - 1
            while first and group[first - 1].phrase == group[after - 1].phrase:
                first -= 1
            limit = group[after].start if after < len(group) else end
            needs = [self._need(line) for line in group[first:after]]
            scale = min(1.0, max(0.0, limit - group[first].start) / sum(needs))  # too little time is shared out
            for k in range(after - 1, first, -1):
                limit -= scale * needs[k - first]
                found[k] = limit
            after = first
        return found

    def _cut_between(self, a: float, b: float) -> bool:
        return bisect.bisect_left(self.cuts, a) != bisect.bisect_right(self.cuts, b)

    def _spread(self, group: list[Line], end: float) -> list[Line]:
        """Return the group with times for the lines of translations that are longer than their source.

        They share the time until the next phrase, but take no longer than it takes to read them.
        """
        result: list[Line] = []
        k = 0
        while k < len(group):
            if group[k].share is None:
                result.append(group[k])
                k += 1
                continue
            after = next((j for j in range(k + 1, len(group)) if group[j].phrase != group[k].phrase), len(group))
            parts = group[k:after]
            start, spoken = parts[0].start, parts[0].spoken
            limit = group[after].start if after < len(group) else end
            reading = sum(text_width(part.translation) for part in parts) / READING_CPS
            room = max(SHORTEST_S, min(limit - start, max(spoken - start, reading) + SETTLED_S))
            parts = parts[: max(1, int(room / (SHORTEST_S / 2)))]  # the rest could not even be glanced at
            total, at = sum(part.share or 0.0 for part in parts), start
            for part in parts:
                until = at + room * (part.share or 0.0) / total
                said = min(spoken, at + (until - at) / 2) if part.source else at + 0.05
                result.append(replace(part, start=at, spoken=max(said, at + 0.05)))
                at = until
            k = after
        return result

    def _cue(self, line: Line, start: float, before: float, limit: float) -> Cue:
        """Return the line as a cue that ends by `limit`; `before` is when the cue before it has ended."""
        turns = bool(self.texts == "turn" and line.translation and line.source)
        if self.reveal == "spoken":
            timed = self._spoken(line, start, limit, turns)
        else:
            timed = self._live(line, start, before, limit, turns and self.reveal == "live")
        begin, turn_start, turn_end, end = timed
        return Cue(
            line.phrase, line.number, line.person, begin, max(end, begin + 0.04), min(line.spoken, max(end, begin)),
            line.source, line.translation, line.words, min(turn_start, end), min(turn_end, end),
            reveal=self.reveal, heard=line.start,
        )  # fmt: skip

    def _live(
        self, line: Line, start: float, before: float, limit: float, turns: bool
    ) -> tuple[float, float, float, float]:
        """Return start, begin and end of the turn, and end of a line that stands whole at once."""
        timed = self._timed(line, start, before, limit, turns)
        # What goes with a cut is timed to be read by then.
        return timed if timed[3] not in self.cuts else self._timed(line, start, before, timed[3], turns)

    def _timed(
        self, line: Line, start: float, before: float, limit: float, turns: bool
    ) -> tuple[float, float, float, float]:
        """Return what `_live` does of a line that has to go by `limit`."""
        hold, turn = game_timing(line.spoken - line.start) if turns else (0.0, 0.0)
        late = max(0.0, start - line.start)  # a line that comes late turns sooner, then faster, to stand in time
        hold, late = max(0.0, hold - late), max(0.0, late - hold)
        turn = max(min(turn, SHORT_TURN_S), turn - late)
        settling = min(SETTLING_S, SETTLED_SHARE * turn)
        width = text_width(line.translation or line.source)
        comfortable, least = max(SETTLED_S, width / READING_CPS), max(SHORTEST_S, width / FASTEST_CPS)
        lacking = start + hold + settling + comfortable - limit
        if lacking > 0:  # it starts earlier, then turns earlier, then faster
            start = min(start, max(start - lacking, before))
            lacking = start + hold + settling + least - limit
            if lacking > 0:
                hold = max(0.0, hold - lacking)
                lacking = start + hold + settling + least - limit
            if lacking > 0 and turn:
                turn = max(FASTEST_TURN_S, (settling - lacking) / SETTLED_SHARE)
        turn_start, turn_end = start + hold, start + hold + turn
        if self.still:
            turn_start = turn_end  # the translation stands when it would have been complete
        readable = start + hold + min(SETTLING_S, SETTLED_SHARE * turn)
        wanted = max(line.spoken + TAIL_S, readable + comfortable, start + SHORTEST_S)
        return start, turn_start, turn_end, self._end(line, wanted, limit, max(line.spoken, readable + least))

    def _spoken(self, line: Line, start: float, limit: float, turns: bool) -> tuple[float, float, float, float]:
        """Return start, begin and end of the turn, and end of a line that is typed as it is said, and turns then."""
        spoken, width = max(line.spoken, start + 0.05), text_width(line.translation or line.source)
        reading = max(SETTLED_S, width / READING_CPS)
        turn_start = turn_end = start
        if turns:
            low, high = SPOKEN_TURN_S
            turn = 0.0 if self.still else min(max(SPOKEN_TURN_PER_CHARACTER_S * width, low), high)
            if spoken + max(turn + SETTLED_S, reading) <= limit:
                turn_start, turn_end = spoken, spoken + turn
            else:
                # Speech goes on: the turn begins earlier and trails the typing as a slow wave, so that a reader who
                # follows it at 17 characters a second is through when the next cue comes.
                lead = self._lead(min(spoken, limit) - start)
                turn_start = max(start + lead, min(spoken, limit - max(turn + SETTLED_S, reading)))
                room = limit - turn_start
                turn_end = max(turn_start + min(turn, 0.5 * room), min(spoken, limit - SETTLED_S))
                turn_end = turn_start if self.still else turn_end
            wanted = max(turn_end + SETTLED_S, turn_start + reading)
        else:
            wanted = max(start + reading, spoken + (SETTLED_S if line.translation else 0.4))
        wanted = max(wanted, start + SHORTEST_S)
        return start, turn_start, turn_end, self._end(line, wanted, limit, max(spoken, turn_start + 0.7 * reading))

    def _end(self, line: Line, wanted: float, limit: float, done: float) -> float:
        """Return when a line that would stay until `wanted` goes: by `limit`, and with the shot where it is `done`
        then.
        """
        end = min(wanted, limit)
        k = bisect.bisect_right(self.cuts, max(line.start, done - TRAIL_S))
        cut = self.cuts[k] if k < len(self.cuts) else math.inf
        if cut < end and (done <= cut or (end - cut < TRAIL_S and line.spoken <= cut)):
            return max(cut, line.start + SHORTEST_S) if line.start + SHORTEST_S < end else end
        return end


# --- several voices ---------------------------------------------------------------------------------------------------


def _one_voice(cues: Sequence[Cue], strict: bool) -> list[Cue]:
    """Return the cues with `full_until` set where somebody else begins while they are spoken.

    A text that could not be read yet stays until it has been, at 20 characters a second, unless `strict`.
    """
    result = list(cues)
    open_: list[int] = []
    for k, cue in enumerate(result):
        still_open = []
        for j in open_:
            other = result[j]
            if other.text_end <= cue.start:
                continue
            if other.person == cue.person or (not strict and other.spoken <= cue.start + 0.1):
                still_open.append(j)
                continue
            read = other.readable_from + max(SHORTEST_S, text_width(other.translation or other.source) / FASTEST_CPS)
            until = cue.start if strict else max(cue.start, read)
            if until < other.end:
                result[j] = replace(other, full_until=max(until, other.start + 0.04))
        open_ = [*still_open, k]
    return result


# --- notices ----------------------------------------------------------------------------------------------------------


def reading_speed(cue: Cue) -> float:
    """Return how fast the cue's text has to be read, in columns a second."""
    return text_width(cue.translation or cue.source) / max(1e-3, cue.text_end - cue.readable_from)


def _by_phrase(lost: Mapping[tuple[int, int], float]) -> list[float]:
    """Return the start of the first lost line of each phrase; `lost` has starts by phrase and number of the line."""
    first: dict[int, float] = {}
    for (phrase, _), start in lost.items():
        first[phrase] = min(start, first.get(phrase, start))
    return sorted(first.values())


def _notices(result: Sequence[Cue], lost: Sequence[float]) -> tuple[Notice, ...]:
    """Return one notice for each rule that could not be kept, with the times of all cues that break it."""
    fast = [(reading_speed(cue), cue.start) for cue in result if reading_speed(cue) > FASTEST_CPS + 0.05]
    short = [cue.start for cue in result if cue.end - cue.start < SHORTEST_S - 1e-6]
    notices = []
    if fast:
        speed, at = max(fast)
        which = _share([start for _, start in fast], len(result), "has", "have")
        fastest = f"the fastest, {when([at])}, runs" if len(fast) > 1 else "it runs"
        notices.append(
            Notice(
                "reading_speed",
                f"{which} too much text for the time; {fastest} at {speed:.0f} characters a second. Shorten the "
                "translation there.",
            )
        )
    if short:
        notices.append(
            Notice(
                "short_cue",
                f"{_share(short, len(result), 'stands', 'stand')} less than 5/6 s: the next words, or the end of the "
                "clip, come too soon.",
            )
        )
    if lost:
        text = about_phrases(
            lost,
            "has a translation longer than any time there is to read it; its end is left out. Shorten it.",
            "have translations longer than any time there is to read them; their ends are left out. Shorten them.",
        )
        notices.append(Notice("no_time", text))
    return tuple(notices)


def _share(some: Sequence[float], count: int, singular: str, plural: str) -> str:
    """Return "The only subtitle has", "1 of 7 subtitles (at 0:02) has" or "2 of 7 subtitles (at 0:02 and 0:07) have".

    some: starts of those that are meant, s.
    count: of all subtitles.
    """
    if count == 1:
        return f"The only subtitle {singular}"
    return f"{len(some)} of {count} subtitles ({when(some)}) {singular if len(some) == 1 else plural}"
