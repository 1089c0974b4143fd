"""transcript.json, version 1: an `Analysis` as text and back.

The format is fixed by the records: `media`, `language`, `target_language`, `models`, `people`, `phrases` with `words`
and `evidence`, `turns`, `tracks` (boxes as `[t, left, top, right, bottom]`), `shots` (`[start, end]`), `notices`,
`timings`. Files may have been edited or written by people, so every value is checked for type and size before it is
used.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import Any, Protocol, TypeVar

from pipeline.errors import RecordError
from pipeline.json_text import read_value
from pipeline.records import (
    Analysis,
    Box,
    Evidence,
    Media,
    Notice,
    Person,
    PersonTurn,
    Phrase,
    Shot,
    Track,
    Word,
    Written,
)

VERSION = 1

MAX_BYTES = 32 * 2**20  #: of the text; a clip at the five-minute limit gives well under one
MAX_TEXT = 20_000  #: characters of any one string
MAX_ITEMS = 200_000  #: entries of any one list
MAX_WORDS = 2_000  #: of one phrase
MAX_PEOPLE = 100
MAX_SECONDS = 24 * 3600.0  #: any time
MAX_PIXELS = 65_536  #: any length in the picture

#: Most items that a clip can hold, as (at least, more for every second of it). Each takes time to draw, so a transcript
#: with more is refused. Measured on the examples, with two people in the picture all the time: 0.3 phrases, 3 words,
#: 0.1 tracks and 10 boxes a second; a crowd of 60 faces has 1,500 boxes a second.
BOUNDS = {
    "phrases": (40, 8.0),
    "words": (400, 60.0),
    "turns": (100, 20.0),
    "tracks": (200, 40.0),
    "boxes": (4_000, 1_500.0),
    "shots": (40, 12.0),
    "written": (80, 24.0),
    "characters": (6_000, 300.0),  # of all texts of the phrases
}

#: Phrases at one instant. Each is placed among the others: 88 at once kept a processor busy for 13 s, 16 for 2 s.
MAX_AT_ONCE = 16

T = TypeVar("T")


class Timed(Protocol):
    """Something with a start and an end in seconds."""

    @property
    def start(self) -> float: ...
    @property
    def end(self) -> float: ...


def to_json(analysis: Analysis) -> str:
    """Return the text of transcript.json: UTF-8, one item a line, times to the millisecond, boxes to 0.1 px."""
    a = analysis
    parts: dict[str, Any] = {
        "version": VERSION,
        "media": {
            "duration": _s(a.media.duration),
            "width": a.media.width,
            "height": a.media.height,
            "frame_rate": str(a.media.frame_rate),
            **({"audio_track": a.media.audio_track} if a.media.audio_track else {}),
        },
        "language": a.language,
        "target_language": a.target_language,
        "models": dict(a.models),
        "people": [
            {
                "id": p.id, "name": p.name, "colour": p.colour, "face": p.face,
                "confidence": round(p.confidence, 3), "speaking_s": _s(p.speaking_s),
            }
            for p in a.people
        ],
        "phrases": [_phrase(p) for p in a.phrases],
        "turns": [{"start": _s(t.start), "end": _s(t.end), "person": t.person} for t in a.turns],
        "tracks": [
            {
                "person": t.person,
                **({"face": t.face} if t.face else {}),
                "boxes": [[_s(b.t), *(round(v, 1) for v in (b.left, b.top, b.right, b.bottom))] for b in t.boxes],
            }
            for t in a.tracks
        ],
        "shots": [[_s(s.start), _s(s.end)] for s in a.shots],
        "written": [
            [_s(w.start), _s(w.end), *(round(v, 1) for v in (w.left, w.top, w.right, w.bottom))] for w in a.written
        ],
        "notices": [{"code": n.code, "text": n.text} for n in a.notices],
        "timings": {stage: _s(seconds) for stage, seconds in a.timings.items()},
    }  # fmt: skip
    lines = []
    for name, value in parts.items():
        if isinstance(value, list) and value:
            items = ",\n  ".join(json.dumps(item, ensure_ascii=False) for item in value)
            lines.append(f" {json.dumps(name)}: [\n  {items}\n ]")
        else:
            lines.append(f" {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def from_json(text: str | bytes) -> Analysis:
    """Return the `Analysis` that a transcript.json describes; `portraits` is empty.

    Raises RecordError, naming the first place that is wrong, for anything that is not version 1 of the format.
    """
    if len(text) > MAX_BYTES:
        raise RecordError(
            f"The transcript is larger than {MAX_BYTES // 2**20} MB; give the transcript.json of one clip."
        )
    refusal = RecordError("The transcript is not valid JSON; give the transcript.json that a run wrote.")
    raw = read_value(text, refusal, finite=True)
    top = _Reader(raw, "transcript")
    if top.get("version", _Reader.whole) != VERSION:
        raise RecordError(f"The transcript is not version {VERSION}; run the clip again with this version.")
    media = top.get("media", lambda r: r)
    width, height = media.get("width", _Reader.length_px), media.get("height", _Reader.length_px)
    duration = media.get("duration", _Reader.seconds)
    for name in (
        "phrases",
        "turns",
        "tracks",
        "shots",
        "written",
    ):  # before they are read, because that takes long if there are many
        if isinstance(raw.get(name), list):
            _check_count(name, len(raw[name]), duration)
    analysis = Analysis(
        media=Media(
            duration,
            width,
            height,
            media.get("frame_rate", _Reader.rate),
            media.get("audio_track", _Reader.whole, default=0),
        ),
        language=top.get("language", _Reader.string),
        target_language=top.get("target_language", _Reader.string),
        models=top.get("models", lambda r: r.mapping(_Reader.string)),
        people=top.get("people", lambda r: r.sequence(_read_person, MAX_PEOPLE)),
        phrases=top.get("phrases", lambda r: r.sequence(_read_phrase)),
        turns=top.get("turns", lambda r: r.sequence(_read_turn)),
        tracks=top.get("tracks", lambda r: r.sequence(_read_track)),
        shots=top.get("shots", lambda r: r.sequence(_read_shot), default=()),
        written=top.get("written", lambda r: r.sequence(_read_written), default=()),
        notices=top.get("notices", lambda r: r.sequence(_read_notice)),
        timings=top.get("timings", lambda r: r.mapping(_Reader.seconds)),
    )
    _check_references(analysis)
    check_bounds(analysis, analysis.media.duration)
    return analysis


def _s(seconds: float) -> float:
    return round(float(seconds), 3)


def _phrase(p: Phrase) -> dict[str, Any]:
    e = p.evidence
    record = {
        "id": p.id,
        "start": _s(p.start),
        "end": _s(p.end),
        "person": p.person,
        "source": p.source,
        "translation": p.translation,
        "words": [{"start": _s(w.start), "end": _s(w.end), "text": w.text} for w in p.words],
        "evidence": {
            "confidence": round(e.confidence, 3),
            "voice": None if e.voice is None else round(e.voice, 3),
            "lips": None if e.lips is None else round(e.lips, 3),
            "runner_up": e.runner_up,
            "reason": e.reason,
        },
    }
    if p.language:
        record["language"] = p.language
    if p.misheard:
        record["misheard"] = True
    return record


class _Reader:
    """A JSON value and its place in the file, so that an error can name `phrases[3].start`."""

    def __init__(self, value: Any, where: str) -> None:
        self.value, self.where = value, where

    def fail(self, wanted: str) -> RecordError:
        return RecordError(
            f"The transcript is damaged: {self.where} must be {wanted}. Give the file as a run wrote it."
        )

    def get(self, key: str, read: Callable[[_Reader], T], **default: T) -> T:
        if not isinstance(self.value, Mapping):
            raise self.fail("an object")
        if key not in self.value:
            if default:
                return default["default"]
            raise self.fail(f"an object with {key!r}")
        return read(_Reader(self.value[key], key if self.where == "transcript" else f"{self.where}.{key}"))

    def sequence(self, read: Callable[[_Reader], T], most: int = MAX_ITEMS) -> tuple[T, ...]:
        if not isinstance(self.value, list) or len(self.value) > most:
            raise self.fail(f"a list of at most {most} items")
        return tuple(read(_Reader(item, f"{self.where}[{i}]")) for i, item in enumerate(self.value))

    def mapping(self, read: Callable[[_Reader], T]) -> dict[str, T]:
        if not isinstance(self.value, Mapping) or len(self.value) > 100:
            raise self.fail("an object of at most 100 entries")
        return {
            _Reader(k, self.where).string(): read(_Reader(v, f"{self.where}.{k[:40]}")) for k, v in self.value.items()
        }

    def string(self) -> str:
        if not isinstance(self.value, str) or len(self.value) > MAX_TEXT:
            raise self.fail(f"a text of at most {MAX_TEXT} characters")
        try:
            self.value.encode()
        except UnicodeEncodeError:  # a lone surrogate: no font, no file and no terminal can take it
            raise self.fail("text without lone surrogates") from None
        return self.value

    def optional_string(self) -> str | None:
        return None if self.value is None else self.string()

    def number(self, low: float, high: float, wanted: str, digits: int) -> float:
        """Return the number rounded to the digits of the format, so that it is written again as it was read."""
        v = self.value
        if isinstance(v, bool) or not isinstance(v, (int, float)) or not math.isfinite(v) or not low <= v <= high:
            raise self.fail(wanted)
        return round(float(v), digits)

    def whole(self) -> int:
        if isinstance(self.value, bool) or not isinstance(self.value, int) or not 0 <= self.value < 2**31:
            raise self.fail("a whole number from 0")
        return self.value

    def truth(self) -> bool:
        if not isinstance(self.value, bool):
            raise self.fail("true or false")
        return self.value

    def seconds(self) -> float:
        return self.number(0.0, MAX_SECONDS, "seconds from 0", 3)

    def share(self) -> float:
        return self.number(0.0, 1.0, "a number from 0 to 1", 3)

    def optional_share(self) -> float | None:
        return None if self.value is None else self.share()

    def length_px(self) -> int:
        if self.whole() > MAX_PIXELS:
            raise self.fail(f"pixels up to {MAX_PIXELS}")
        return self.whole()

    def pixels(self) -> float:
        return self.number(-float(MAX_PIXELS), float(MAX_PIXELS), "pixels", 1)

    def rate(self) -> Fraction:
        text = self.string()
        if not re.fullmatch(r"\d{1,9}(/[1-9]\d{0,8})?", text):
            raise self.fail("a frame rate such as 30000/1001")
        return Fraction(text)

    def colour(self) -> str:
        if not re.fullmatch(r"#[0-9a-fA-F]{6}", self.string()):
            raise self.fail("a colour such as #00e5ff")
        return self.string().lower()

    def identifier(self) -> str:
        """Return a person's id, checked because it becomes a file name (faces/<id>.jpg)."""
        if not re.fullmatch(r"[A-Za-z0-9_]{1,32}", self.string()):
            raise self.fail("an id of letters and digits")
        return self.string()

    def optional_identifier(self) -> str | None:
        return None if self.value is None else self.identifier()


def _read_person(r: _Reader) -> Person:
    return Person(
        id=r.get("id", _Reader.identifier),
        name=r.get("name", _Reader.string),
        colour=r.get("colour", _Reader.colour),
        face=r.get("face", _Reader.truth),
        confidence=r.get("confidence", _Reader.share),
        speaking_s=r.get("speaking_s", _Reader.seconds),
    )


def _span(r: _Reader) -> tuple[float, float]:
    start, end = r.get("start", _Reader.seconds), r.get("end", _Reader.seconds)
    if end < start:
        raise r.fail("something that ends after it starts")
    return start, end


def _read_word(r: _Reader) -> Word:
    return Word(*_span(r), text=r.get("text", _Reader.string))


def _read_phrase(r: _Reader) -> Phrase:
    start, end = _span(r)
    evidence = r.get("evidence", lambda e: e)
    return Phrase(
        id=r.get("id", _Reader.whole),
        start=start,
        end=end,
        person=r.get("person", _Reader.optional_identifier),
        source=r.get("source", _Reader.string),
        translation=r.get("translation", _Reader.optional_string),
        words=r.get("words", lambda w: w.sequence(_read_word, MAX_WORDS)),
        evidence=Evidence(
            confidence=evidence.get("confidence", _Reader.share),
            voice=evidence.get("voice", _Reader.optional_share, default=None),
            lips=evidence.get("lips", _Reader.optional_share, default=None),
            runner_up=evidence.get("runner_up", _Reader.optional_identifier, default=None),
            reason=evidence.get("reason", _Reader.string, default=""),
        ),
        language=r.get("language", _Reader.string, default=""),
        misheard=r.get("misheard", _Reader.truth, default=False),
    )


def _read_turn(r: _Reader) -> PersonTurn:
    return PersonTurn(*_span(r), person=r.get("person", _Reader.identifier))


def _read_track(r: _Reader) -> Track:
    boxes = r.get("boxes", lambda b: b.sequence(_read_box))
    if any(late.t < early.t for early, late in itertools.pairwise(boxes)):
        raise r.fail("boxes in time order")
    return Track(r.get("person", _Reader.optional_identifier), boxes, r.get("face", _Reader.identifier, default=""))


def _read_box(r: _Reader) -> Box:
    if not isinstance(r.value, list) or len(r.value) != 5:
        raise r.fail("[t, left, top, right, bottom]")
    t, *edges = (_Reader(v, f"{r.where}[{i}]") for i, v in enumerate(r.value))
    left, top, right, bottom = (edge.pixels() for edge in edges)
    if right < left or bottom < top:
        raise r.fail("a box whose right and bottom are not before its left and top")
    return Box(t.seconds(), left, top, right, bottom)


def _read_written(r: _Reader) -> Written:
    if not isinstance(r.value, list) or len(r.value) != 6:
        raise r.fail("[start, end, left, top, right, bottom]")
    start, end, *box = (_Reader(v, f"{r.where}[{i}]").seconds() for i, v in enumerate(r.value))
    if end < start or box[2] < box[0] or box[3] < box[1]:
        raise r.fail("something that ends after it starts")
    return Written(start, end, *box)


def _read_shot(r: _Reader) -> Shot:
    if not isinstance(r.value, list) or len(r.value) != 2:
        raise r.fail("[start, end]")
    start, end = (_Reader(v, f"{r.where}[{i}]").seconds() for i, v in enumerate(r.value))
    if end < start:
        raise r.fail("something that ends after it starts")
    return Shot(start, end)


def _read_notice(r: _Reader) -> Notice:
    return Notice(r.get("code", _Reader.string), r.get("text", _Reader.string))


def check_bounds(analysis: Analysis, duration: float) -> None:
    """Check that the analysis holds no more than a clip of `duration` seconds can.

    Raises RecordError, naming the items of which there are too many.
    """
    phrases = analysis.phrases
    counts = {
        "phrases": len(phrases),
        "words": sum(len(p.words) for p in phrases),
        "turns": len(analysis.turns),
        "tracks": len(analysis.tracks),
        "boxes": sum(len(track.boxes) for track in analysis.tracks),
        "shots": len(analysis.shots),
        "written": len(analysis.written),
        "characters": sum(
            len(p.source) + len(p.translation or "") + sum(len(word.text) for word in p.words) for p in phrases
        ),
    }
    for name, count in counts.items():
        _check_count(name, count, duration)
    if most_at_once(phrases) > MAX_AT_ONCE:
        raise RecordError(
            f"The transcript holds more than {MAX_AT_ONCE} phrases at one time; give the transcript as a run wrote it."
        )


def _check_count(name: str, count: int, duration: float) -> None:
    least, per_second = BOUNDS[name]
    most = round(least + per_second * duration)
    if count > most:
        raise RecordError(
            f"The transcript holds {count} {name}, more than the {most} that a clip of {duration:.0f} seconds can; "
            "give the transcript of this clip."
        )


def most_at_once(phrases: Iterable[Timed]) -> int:
    """Return the largest number of phrases that are spoken at one instant."""
    changes = sorted(change for p in phrases if p.end > p.start for change in ((p.start, 1), (p.end, -1)))
    return max(itertools.accumulate(step for _, step in changes), default=0)


def _check_references(a: Analysis) -> None:
    ids = [p.id for p in a.people]
    if len(set(ids)) != len(ids):
        raise RecordError("The transcript is damaged: two people have the same id. Give the file as a run wrote it.")
    if len({p.id for p in a.phrases}) != len(a.phrases):
        raise RecordError("The transcript is damaged: two phrases have the same id. Give the file as a run wrote it.")
    known = {None, *ids}
    named: dict[str, list[str | None]] = {
        "phrases": [p.person for p in a.phrases],
        "turns": [t.person for t in a.turns],
        "tracks": [t.person for t in a.tracks],
    }
    for name, persons in named.items():
        for i, person in enumerate(persons):
            if person not in known:
                raise RecordError(
                    f"The transcript is damaged: {name}[{i}] names the person {person!r}, who is not among the "
                    "people. Give the file as a run wrote it."
                )
