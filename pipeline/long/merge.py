"""The answers of all windows as one, on the recording's clock. Nothing here reads a file or runs a model."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from pipeline.edit.common import joined
from pipeline.long.work import Heard
from pipeline.notices import when
from pipeline.people.across import SAME_PLACE, Statistics, common_share, join
from pipeline.people.known import named
from pipeline.people.person import person_of
from pipeline.records import Attribution, Box, KeyFree, Known, Notice, PersonTurn, Phrase, Shot, Track

#: s from a seam within which a shot of both windows ends there.
AT_SEAM_S = 0.1
#: Notices that are about one window only, or are said again of the whole.
OF_A_WINDOW = frozenset(("no_speech", "no_faces", "fewer_voices", "fewer_speakers", "no_face_matched", "misheard"))

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Merged:
    """The recording, as `run.Found` wants it."""

    language: str
    answer: Attribution
    shots: tuple[Shot, ...]
    translations: KeyFree | None  #: where they were asked for
    notices: tuple[Notice, ...]


def merge(
    windows: Sequence[Heard], duration: float, speakers: int | None = None, known: Sequence[Known] = ()
) -> Merged:
    """Return what was found in the `windows` of a recording of `duration` s as one answer.

    A phrase is taken from one window, whole. `speakers` is the number of people who speak, where it is known;
    `known` are people to be named.
    """
    return _Merger(windows, duration, speakers).merged(known)


def seams(windows: Sequence[Heard]) -> list[float]:
    """Return where each window but the first takes over, s: near its cut, between two phrases of both windows."""
    found = []
    for before, after in itertools.pairwise(windows):
        low, high = after.window.start, before.window.end
        spans = [
            (phrase.start + heard.window.start, phrase.end + heard.window.start)
            for heard in (before, after)
            for phrase in heard.answer.phrases
        ]
        options = [after.window.cut, *(t for span in spans for t in span if low < t < high)]
        free = [t for t in options if not any(a < t < b for a, b in spans)]
        found.append(min(free or options[:1], key=lambda t: abs(t - after.window.cut)))
    return found


class _Merger:
    def __init__(self, windows: Sequence[Heard], duration: float, speakers: int | None) -> None:
        self.windows, self.speakers = windows, speakers
        edges = [0.0, *seams(windows), duration]
        self.spans: list[Span] = list(itertools.pairwise(edges))
        self.statistics = Statistics.of((heard.voices, heard.faces) for heard in windows)
        self.everybody = join([heard.people for heard in windows], self.statistics, speakers)
        self.who = {(n, name): i for i, ids in enumerate(self.everybody) for n, name in ids.items()}
        self.kept = [list(self._phrases_of(n)) for n in range(len(windows))]
        spoken = [self.who[n, p.person] for n, kept in enumerate(self.kept) for _, p in kept if p.person]
        self.order = list(dict.fromkeys(spoken))  #: by first phrase
        self.ids = {i: f"p{number}" for number, i in enumerate(self.order, 1)}

    def merged(self, known: Sequence[Known]) -> Merged:
        language = self._language()
        tracks = self._tracks()
        names = list(dict.fromkeys(i for i, _ in tracks))
        faces = {i: f"f{number}" for number, i in enumerate(names, 1)}
        drawn = tuple(Track(self.ids.get(i), boxes, faces[i]) for i, boxes in tracks)
        phrases = tuple(
            self._phrase(number, n, phrase, language)
            for number, (n, phrase) in enumerate(((n, p) for n, kept in enumerate(self.kept) for _, p in kept), 1)
        )
        turns = tuple(self._turns())
        portraits = {}
        for i in [*self.order, *names]:
            picture = self._portrait(i)
            if picture:
                portraits[self.ids.get(i) or faces[i]] = picture
        people = tuple(
            person_of(number, name, name in portraits, phrases, turns)
            for number, name in enumerate(self.ids[i] for i in self.order)
        )
        answer = Attribution(people, phrases, turns, drawn, portraits)
        profiles = {
            self.ids.get(i) or faces[i]: [self.windows[n].people.people[name] for n, name in self.everybody[i].items()]
            for i in dict.fromkeys([*self.order, *names])
        }
        answer = named(answer, profiles, known, self.statistics)
        return Merged(language, answer, tuple(self._shots()), self._translations(), tuple(self._notices(answer)))

    # --- what is said -------------------------------------------------------------------------------------------------

    def _phrases_of(self, n: int) -> Iterator[tuple[int, Phrase]]:
        """Yield the phrases of window `n` that are taken from it, with their index in the window."""
        start, (low, high) = self.windows[n].window.start, self.spans[n]
        last = n == len(self.windows) - 1
        for index, phrase in enumerate(self.windows[n].answer.phrases):
            middle = start + (phrase.start + phrase.end) / 2
            if low <= middle < high or (last and middle >= high):
                yield index, phrase

    def _language(self) -> str:
        """Return the language that is spoken longest."""
        seconds: dict[str, float] = {}
        for heard, kept in zip(self.windows, self.kept, strict=True):
            for _, phrase in kept:
                spoken = phrase.language or heard.language
                seconds[spoken] = seconds.get(spoken, 0.0) + phrase.end - phrase.start
        return max(seconds, key=lambda spoken: seconds[spoken], default="")

    def _phrase(self, number: int, n: int, phrase: Phrase, language: str) -> Phrase:
        heard = self.windows[n]
        start, spoken = heard.window.start, phrase.language or heard.language
        rival = phrase.evidence.runner_up
        return replace(
            phrase,
            id=number,
            start=phrase.start + start,
            end=phrase.end + start,
            person=self.ids[self.who[n, phrase.person]] if phrase.person else None,
            words=tuple(replace(word, start=word.start + start, end=word.end + start) for word in phrase.words),
            evidence=replace(phrase.evidence, runner_up=self.ids.get(self.who[n, rival]) if rival else None),
            language=spoken if spoken != language else "",
        )

    def _translations(self) -> KeyFree | None:
        parts = [heard.translations for heard in self.windows if heard.translations is not None]
        texts = [
            heard.translations.texts[index] if heard.translations is not None else None
            for heard, kept in zip(self.windows, self.kept, strict=True)
            for index, _ in kept
        ]
        return KeyFree.together(texts, parts) if parts else None

    def _turns(self) -> Sequence[PersonTurn]:
        found = []
        for n, (heard, (low, high)) in enumerate(zip(self.windows, self.spans, strict=True)):
            for turn in heard.answer.turns:
                person = self.ids.get(self.who[n, turn.person])
                start, end = turn.start + heard.window.start, turn.end + heard.window.start
                if person and end > low and start < high:
                    found.append(PersonTurn(max(start, low), min(end, high), person))
        return joined(found)

    # --- what is seen -------------------------------------------------------------------------------------------------

    def _goes_on(self, n: int) -> bool:
        """Return whether one shot goes on over the beginning of window `n`."""
        seam = self.spans[n][0]
        both = [(heard.window.start, heard.shots) for heard in self.windows[n - 1 : n + 1]] if n else []
        return bool(both) and all(
            any(shot.start + start < seam - AT_SEAM_S and shot.end + start > seam + AT_SEAM_S for shot in shots)
            for start, shots in both
        )

    def _shots(self) -> Iterator[Shot]:
        last: Shot | None = None
        for n, (heard, (low, high)) in enumerate(zip(self.windows, self.spans, strict=True)):
            on = self._goes_on(n)
            for shot in heard.shots:
                start, end = shot.start + heard.window.start, shot.end + heard.window.start
                start, end = max(start, low), min(end, high)
                if end - start <= (AT_SEAM_S if start == low > 0 or end == high else 0.0):
                    continue  # a cut that lies at the seam
                if last is not None and on:
                    last, on = replace(last, end=end), False
                    continue
                if last is not None:
                    yield replace(last, end=start)
                last = Shot(start if last else 0.0, end)
                on = False
        if last is not None:
            yield last

    def _tracks(self) -> list[tuple[int, tuple[Box, ...]]]:
        """Return the tracks with whose they are, in order; a track that goes on over a seam is one."""
        found: list[tuple[int, tuple[Box, ...]]] = []
        for n, (heard, (low, high)) in enumerate(zip(self.windows, self.spans, strict=True)):
            on, before = self._goes_on(n), len(found)
            open_ends = {k: boxes[-1] for k, (_, boxes) in enumerate(found) if boxes[-1].t >= low - 1e-6} if on else {}
            for track in heard.answer.tracks:
                i = self.who[n, track.person or track.face]
                boxes = _inside(track.boxes, heard.window.start, low, high)
                if not boxes:
                    continue
                earlier = [
                    k for k, end in open_ends.items()
                    if k < before and found[k][0] == i and boxes[0].t <= low + 1e-6
                    and common_share((end,), (boxes[0],)) > SAME_PLACE
                ]  # fmt: skip
                if earlier:
                    del open_ends[earlier[0]]
                    found[earlier[0]] = (i, found[earlier[0]][1] + boxes[1:])
                else:
                    found.append((i, boxes))
        return found

    def _portrait(self, i: int) -> bytes:
        """Return the JPEG of the best face, empty where there is none."""
        best, picture = -1.0, b""
        for n, name in self.everybody[i].items():
            quality = self.windows[n].people.people[name].quality
            own = self.windows[n].answer.portraits.get(name, b"")
            if own and quality > best:
                best, picture = quality, own
        return picture

    # --- people and notices -------------------------------------------------------------------------------------------

    def _notices(self, answer: Attribution) -> Iterator[Notice]:
        first: dict[str, Notice] = {}
        others: dict[str, list[float]] = {}  # when the windows begin that say something else of the same kind
        for heard in self.windows:
            for notice in heard.notices:
                if notice.code not in OF_A_WINDOW and first.setdefault(notice.code, notice).text != notice.text:
                    others.setdefault(notice.code, []).append(heard.window.start)
        for code, notice in first.items():
            starts = others.get(code, ())
            parts = "part that begins" if len(starts) == 1 else "parts that begin"
            more = f" It is similar in the {parts} {when(starts)}." if starts else ""
            yield replace(notice, text=notice.text + more)
        if self.speakers and 0 < len(answer.people) < self.speakers:
            yield Notice(
                "fewer_speakers",
                f"You asked for {self.speakers} speakers, but only {len(answer.people)} could be told apart.",
            )


def _inside(boxes: Sequence[Box], start: float, low: float, high: float) -> tuple[Box, ...]:
    """Return `boxes`, moved by `start` s, between `low` and `high`, with one at either end where the track goes on."""
    moved = [replace(box, t=box.t + start) for box in boxes]
    found: list[Box] = [box for box in moved if low <= box.t <= high]
    for before, after in itertools.pairwise(moved):
        for edge in (low, high):
            if before.t < edge < after.t:
                share = (edge - before.t) / (after.t - before.t)
                sides = (
                    a + share * (b - a)
                    for a, b in zip(_sides(before), _sides(after), strict=True)
                )  # fmt: skip
                found.append(Box(edge, *sides))
    return tuple(sorted(found, key=lambda box: box.t))


def _sides(box: Box) -> tuple[float, float, float, float]:
    return box.left, box.top, box.right, box.bottom
