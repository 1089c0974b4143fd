"""When a cue is on screen, when its words appear and when it turns into the translation. Pure: no picture, no fonts.

Numbers are Netflix's timed-text guide (two frames between cues, 5/6 s at least, 7 s at most, two lines of 42 characters,
17 to 20 characters a second); a character of double width (East Asian) counts two, which brings the speed near the guide's
own figures for Chinese (9) and Korean (12).
"""

from __future__ import annotations

import bisect
import itertools
import re
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from pipeline.records import Analysis, Look, Notice, Phrase, Shot
from pipeline.text import choose_cuts, clean, cut_costs, slices
from pipeline.text import text_width as units

READING_CPS = 17.0  #: what a hold aims at
FASTEST_CPS = 20.0  #: above it a notice
SHORTEST_S = 5 / 6
SETTLED_S = 1.0  #: a finished translation stays at least this long where the next cue leaves room
LONGEST_S = 7.0  #: of one page
LINES = 2
COLUMNS = 42
LONGEST_WORD_S = 3.0  #: recognisers stretch a last word over silence; nobody says one word longer
SNAP_S = 0.5  #: a hole shorter than this between two cues of one speaker flashes: the first one holds over it
KEYSTROKE_S = 0.035  #: typing of one character, never slower than the word is spoken
TURN_PER_CHARACTER_S = 0.02
TURN_S = (0.5, 1.1)  #: how long turning into the translation takes when there is time

LEAD_S = 0.3  #: a cue that begins less than this before a cut begins with the cut (the guide: seven frames of 24)
TRAIL_S = 0.5  #: a hold that ends less than this after a cut ends with the cut (the guide: twelve frames of 24)

MOST = 400_000  #: characters of one phrase that are looked at; three hours of speech have fewer


@dataclass(frozen=True, slots=True)
class Cue:
    """One page of a phrase on screen from `start` to `end`. `source` or `translation` may be empty, never both."""

    phrase: int
    page: int
    person: str | None
    start: float
    end: float
    spoken: float  #: s when its last word has been said
    source: str
    translation: str  #: "" where there is none to show
    typing: tuple[tuple[float, float, int], ...]  #: (from, to, characters of `source` that stand at `to`), in order
    turn_start: float = 0.0  #: when the source begins to turn into the translation; unused without both texts
    turn_end: float = 0.0

    def typed(self, t: float) -> float:
        """How many characters of `source` stand at `t`; the fraction is the character being typed."""
        k = bisect.bisect_right(self.typing, t, key=lambda step: step[0])
        if not k:
            return 0.0
        begin, finish, after = self.typing[k - 1]
        before = self.typing[k - 2][2] if k > 1 else 0
        return before + (after - before) * (1.0 if t >= finish else (t - begin) / (finish - begin))

    def said(self, t: float) -> float:
        """The share of the page that has been said at `t`, 0..1."""
        return min(1.0, self.typed(t) / len(self.source)) if self.source else 1.0

    def turned(self, t: float) -> float:
        """How far the turn into the translation is at `t`, 0..1."""
        if t >= self.turn_end:
            return 1.0
        return max(0.0, (t - self.turn_start) / (self.turn_end - self.turn_start))


def cues(
    analysis: Analysis,
    look: Look,
    *,
    texts: str | None = None,
    columns: int = COLUMNS,
    frame_rate: Fraction | float | None = None,
    one_at_a_time: bool = False,
) -> tuple[tuple[Cue, ...], tuple[Notice, ...]]:
    """The cues of the whole clip in order of start, and what could not be kept legible.

    `texts` is how the look reads `look.texts`; `columns` how many narrow characters fit on a line; `one_at_a_time` ends
    the hold of a cue where the next one starts, whoever speaks (looks with a single place for text).
    """
    texts = texts or look.texts
    rate = float(frame_rate or analysis.media.frame_rate or 25)
    gap = 2 / rate
    locale = analysis.target_language.split("-")[0].lower()
    said = [(_words(p), p) for p in analysis.phrases if clean(p.source) or clean(p.translation or "")]
    said.sort(key=lambda pair: (pair[0][0][0], pair[1].id))
    result: list[Cue] = []
    cut: list[float] = []
    for i, (words, phrase) in enumerate(said):
        begin = words[0][0]
        limit = _limit(said, i, one_at_a_time, analysis.media.duration) - gap
        pages, lost = _paginate(phrase, words, texts, columns * LINES, max(limit, begin + SHORTEST_S), locale)
        if lost:
            cut.append(begin)
        for k, page in enumerate(pages):
            following = pages[k + 1].start - gap if k + 1 < len(pages) else limit
            result.append(_timed(page, texts, following, look.reduced_motion, analysis.shots))
    result.sort(key=lambda cue: (cue.start, cue.phrase, cue.page))
    return tuple(result), _notices(result, texts, cut)


def _limit(said: list[tuple[list, Phrase]], i: int, one_at_a_time: bool, duration: float) -> float:
    """Until when the last page of phrase `i` may stay: the next cue that wants its place, else the end of the clip."""
    words, this = said[i]
    begin, spoken = words[0][0], words[-1][1]
    later = (w[0][0] for w, p in said[i + 1 :] if (one_at_a_time or p.person == this.person) and w[0][0] > begin)
    start = next(later, float("inf"))
    if one_at_a_time and start < spoken:  # they speak over each other: two panels, and nobody's words are cut off
        start = spoken + 2 * SHORTEST_S
    return min(start, (duration or float("inf")) + 2 / 25)


def _words(phrase: Phrase) -> list[tuple[float, float, str]]:
    """(start, end, text) of every word, times monotone; a phrase whose words are unknown is spread evenly."""
    start, end = phrase.start, max(phrase.end, phrase.start + 0.1)
    if phrase.words:
        timed, at = [], start
        for word in phrase.words:
            begin = max(at, word.start)
            timed.append((begin, begin + min(LONGEST_WORD_S, max(0.05, word.end - begin)), word.text.strip()))
            at = begin
        return timed
    pieces = clean(phrase.source, MOST).split() or [""]
    total = sum(map(len, pieces)) or 1
    timed, done = [], 0
    for piece in pieces:
        timed.append((start + (end - start) * done / total, start + (end - start) * (done + len(piece)) / total, piece))
        done += len(piece)
    return timed


def _spans(source: str, words: list[tuple[float, float, str]]) -> list[tuple[float, float, int, int]]:
    """(start, end, first, after) for each piece of `source` a word stands for; an edited source keeps the words' rhythm."""
    found: list[tuple[float, float, int, int]] = []
    at = 0
    for begin, finish, text in words:
        text = clean(text)
        where = source.find(text, at) if text else -1
        if where < 0 or where - at > 2 + len(text):
            found = []
            break
        found.append((begin, finish, where if found else 0, where + len(text)))
        at = where + len(text)
    if not found or at < len(source) - 3:
        times = [begin for begin, _, _ in words]
        lengths = [max(1, len(clean(text))) for _, _, text in words]
        total, done = sum(lengths), [0]
        for length in lengths:
            done.append(done[-1] + length)
        found, at = [], 0
        for match in re.finditer(r"\S+\s*", source):
            share = match.start() / max(1, len(source)) * total
            k = min(len(words) - 1, max(0, bisect.bisect_right(done, share) - 1))
            begin = max(times[k], found[-1][0] if found else times[k])
            found.append((begin, max(begin + 0.05, words[k][1]), at, match.end()))
            at = match.end()
    if found:
        found[-1] = (*found[-1][:3], len(source))
    return found


def _positions(text: str) -> list[int]:
    """How many narrow characters stand before each character of `text`, and in all of it."""
    return [0, *itertools.accumulate(map(units, text))]


@dataclass(frozen=True, slots=True)
class _Page:
    phrase: Phrase
    number: int
    start: float
    spoken: float
    source: str
    translation: str
    typing: tuple[tuple[float, float, int], ...]
    end: float | None = None  #: fixed where the translation has more pages than the source has words


def _paginate(
    phrase: Phrase, words: list[tuple[float, float, str]], texts: str, capacity: int, limit: float, locale: str
) -> tuple[list[_Page], bool]:
    """The phrase in pages of at most `capacity` characters; whether text had to be left out."""
    source, translation = clean(phrase.source, MOST), clean(phrase.translation or "", MOST)
    if texts == "original" and source:
        translation = ""
    spans = _spans(source, words)
    # A page starts with a word, best where a clause ended or somebody drew breath.
    allowed = dict(cut_costs(source)) if source else {}
    ends = [
        (here[2], allowed.get(here[2], 0.6) - min(0.4, max(0.0, here[0] - before[1])))
        for before, here in itertools.pairwise(spans)
    ]
    long_talk = ceil(max(0.0, words[-1][1] - words[0][0]) / LONGEST_S)
    n = max(1, ceil(units(source) / capacity), ceil(units(translation) / capacity), min(long_talk, len(spans)))
    in_translation = cut_costs(translation, locale) if translation else []
    pages = n
    while pages <= max(1, len(spans)):
        cuts = choose_cuts(source, [k / pages for k in range(1, pages)], ends)
        at = _positions(source)
        shares = [at[c] / max(1, at[-1]) for c in cuts]
        cuts_translation = choose_cuts(translation, shares, in_translation) if translation else []
        parts = slices(source, cuts)
        parts_translation = slices(translation, cuts_translation)
        if pages > 2 * n or all(units(p) <= capacity for p in (*parts, *parts_translation)):
            break
        pages += 1 + pages // 10
    if n > max(1, len(spans)):
        return _long_translation(phrase, source, translation, in_translation, n, spans, limit)
    result = []
    begins = _begins(parts_translation, spans, limit) if len(parts_translation) == len(parts) else []
    firsts = [first for _, _, first, _ in spans]
    for k, part in enumerate(parts):
        first = cuts[k - 1] if k else 0
        after = cuts[k] if k < len(cuts) else len(source)
        inside = spans[bisect.bisect_left(firsts, first) : bisect.bisect_left(firsts, after)] or spans[:1]
        typing = tuple(
            (begin, begin + min(finish - begin, KEYSTROKE_S * (b - a)), max(0, min(b - first, len(part))))
            for begin, finish, a, b in inside
        )
        start = inside[0][0] if source else words[0][0]
        start = max(start, begins[k]) if begins else start
        spoken = max(inside[-1][1] if source else words[-1][1], start + 0.05)
        result.append(
            _Page(phrase, k, start, spoken, part, parts_translation[k] if k < len(parts_translation) else "", typing)
        )
    return result, False


def _begins(parts: tuple[str, ...], spans: list[tuple[float, float, int, int]], limit: float) -> list[float]:
    """When the pages begin at the earliest, where reading `parts` takes longer than saying the source did and there is time after it."""
    if len(parts) < 2 or not spans:
        return []
    begin, spoken = spans[0][0], max(end for _, end, _, _ in spans)
    lengths = [0, *itertools.accumulate(map(units, parts))]
    room = min(limit - begin, lengths[-1] / READING_CPS)
    return [begin + room * n / max(1, lengths[-1]) for n in lengths] if room > spoken - begin else []


def _long_translation(
    phrase: Phrase, source: str, translation: str, places: list[tuple[int, float]], n: int, spans: list, limit: float
) -> tuple[list[_Page], bool]:
    """More pages than words: the source stands on the first, the pages share the time there is by their length."""
    begin = spans[0][0] if spans else phrase.start
    spoken = spans[-1][1] if spans else max(phrase.end, begin + 0.1)
    room = max(SHORTEST_S, min(limit - begin, spoken - begin + max(SETTLED_S, units(translation) / READING_CPS)))
    fitting = max(1, min(n, int(room / (SHORTEST_S / 2))))
    parts = slices(translation, choose_cuts(translation, [k / n for k in range(1, n)], places))
    lost = len(parts) > fitting
    parts = parts[:fitting]
    total = sum(max(1, units(p)) for p in parts)
    result, at = [], begin
    for k, part in enumerate(parts):
        end = at + room * max(1, units(part)) / total
        typing = tuple((b, b + min(f - b, KEYSTROKE_S * (q - p)), q) for b, f, p, q in spans) if k == 0 else ()
        said = min(spoken, at + (end - at) * 0.5) if k == 0 else at
        result.append(_Page(phrase, k, at, max(said, at + 0.05), source if k == 0 else "", part, typing, end))
        at = end
    return result, lost


def _timed(page: _Page, texts: str, limit: float, still: bool, shots: tuple[Shot, ...]) -> Cue:
    """The page as a cue that ends by `limit` at the latest and leaves the translation the time it needs, if there is any."""
    start, spoken = page.start, page.spoken
    start = next((s.start for s in shots if start < s.start < min(start + LEAD_S, spoken - SHORTEST_S)), start)
    if page.end is not None:
        limit = min(limit, page.end - 2 / 25) if page.source or page.number else page.end
    limit = max(limit, start + 0.2)
    translation = "" if page.translation == page.source else page.translation
    typing = page.typing
    if still and page.source:
        typing = ((start, start, len(page.source)),)
    shown = translation or page.source
    reading = max(SETTLED_S, units(shown) / READING_CPS)
    turns = bool(texts == "morph" and translation and page.source)
    turn_start = turn_end = start
    if turns:
        turn = 0.0 if still else min(max(TURN_PER_CHARACTER_S * units(translation), TURN_S[0]), TURN_S[1])
        if spoken + max(turn + SETTLED_S, reading) <= limit:
            turn_start, turn_end = spoken, spoken + turn
        else:
            # Speech goes on: the turn begins earlier and trails the typing as a slow wave, so that a reader who follows
            # it at 17 characters a second is through when the next cue comes.
            lead = min(1.2, 0.4 * (min(spoken, limit) - start))
            turn_start = max(start + lead, min(spoken, limit - max(turn + SETTLED_S, reading)))
            room = limit - turn_start
            turn_end = turn_start if still else max(turn_start + min(turn, 0.5 * room), min(spoken, limit - SETTLED_S))
        wanted = max(turn_end + SETTLED_S, turn_start + reading)
    else:
        wanted = max(start + reading, spoken + (SETTLED_S if translation else 0.4))
    wanted = max(wanted, start + SHORTEST_S)
    end = min(wanted, limit)
    if limit - end < SNAP_S:
        end = limit
    # A hold that has done most of its work ends with the shot, or with the word the cut falls into: after it the face is gone.
    done = max(spoken, turn_end)
    cut = next((s.start for s in shots if done - TRAIL_S < s.start < end), None)
    if cut is not None and (last := max(cut, done)) < end and last - start >= SHORTEST_S:
        begin = turn_start if turns else start
        read = last - begin >= 0.7 * (min(wanted, end) - begin)
        if read and (end - last < TRAIL_S or wanted - last < 0.3 * reading):
            end = last
    return Cue(
        page.phrase.id, page.number, page.phrase.person, start, end, min(spoken, end), page.source, translation, typing,
        min(turn_start, end), min(turn_end, end),
    )  # fmt: skip


def _notices(result: list[Cue], texts: str, cut: list[float]) -> tuple[Notice, ...]:
    """One notice per rule that could not be kept, with where."""
    fast, short = [], []
    for cue in result:
        text = cue.translation or cue.source
        begin = cue.turn_start if texts == "morph" and cue.translation and cue.source else cue.start
        speed = units(text) / max(1e-3, cue.end - begin)
        if speed > FASTEST_CPS:
            fast.append((speed, cue.start))
        if cue.end - cue.start < SHORTEST_S - 1e-6:
            short.append(cue.start)
    notices = []
    if fast:
        worst = max(fast)
        notices.append(
            Notice(
                "reading_speed",
                f"{_of(len(fast), len(result), 'has', 'have')} too much text for the time; the fastest, at {worst[1]:.1f} s, "
                f"runs at {worst[0]:.0f} characters a second. Shorten the translation there.",
            )
        )
    if short:
        notices.append(
            Notice(
                "short_cue",
                f"{_of(len(short), len(result), 'stands', 'stand')} less than 5/6 s, the first at {short[0]:.1f} s: "
                "the next words, or the end of the clip, come too soon.",
            )
        )
    if cut:
        notices.append(
            Notice("text_cut", f"At {cut[0]:.1f} s the translation is longer than any time there is to read it; its end "
                   "is left out. Shorten it.")
        )  # fmt: skip
    return tuple(notices)


def _of(some: int, all_: int, one: str, more: str) -> str:
    """`The only subtitle has`, `1 of 7 subtitles has`, `3 of 7 subtitles have`."""
    return f"The only subtitle {one}" if all_ == 1 else f"{some} of {all_} subtitles {one if some == 1 else more}"
