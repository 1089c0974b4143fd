"""A small analysis with what is hard to export: overlap, a long phrase, an unknown speaker, hostile text."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from pipeline.records import Analysis, Box, Look, Media, Person, PersonTurn, Phrase, Track, Word
from pipeline.subtitles.formats import ass, plain, srt, vtt
from pipeline.subtitles.plan import plan_files

HOSTILE = "\u202eturn {\\an8} <b>bold</b> \\N & a --> b\n\n2\n00:00:00,000 --> 00:00:09,000 {\\pos(1,1)}x"

LONG = (
    "This is a very long phrase that goes on and on, because somebody talks without a pause. "
    "It needs to be cut into several cues, otherwise nobody could read it at all before it goes away.",
    "To jest bardzo długa wypowiedź, która ciągnie się i ciągnie, bo ktoś mówi bez przerwy. "
    "Trzeba ją pociąć na kilka napisów, inaczej nikt by jej nie przeczytał, zanim zniknie.",
)


def phrase(
    number: int,
    start: float,
    end: float,
    person: str | None,
    source: str,
    translation: str | None = None,
    words: Sequence[str] | None = None,
) -> Phrase:
    """A phrase whose words share its time evenly."""
    texts = words or source.split()
    step = (end - start) / max(1, len(texts))
    timed = tuple(Word(start + index * step, start + (index + 1) * step, text) for index, text in enumerate(texts))
    return Phrase(number, start, end, person, source, timed, translation)


def analysis(
    phrases: tuple[Phrase, ...] | None = None, face: tuple[int, int, int, int] = (300, 200, 500, 450)
) -> Analysis:
    """Twelve seconds of 720p; Judy's face is in view the whole time, Goro's never."""
    return Analysis(
        media=Media(12.0, 1280, 720, Fraction(25)),
        language="en",
        target_language="PL",
        models={},
        people=(Person("p1", "Judy", "#ffd166", True, 0.9, 9.0), Person("p2", "Goro", "#06d6a0", False, 0.5, 1.0)),
        phrases=(
            phrase(1, 0.5, 3.0, "p1", "We have a city to burn, samurai.", "Mamy miasto do spalenia, samuraju."),
            phrase(2, 3.02, 3.2, "p2", "No way", "Nie ma mowy"),
            phrase(3, 4.0, 10.0, "p1", *LONG),
            phrase(4, 10.2, 11.5, None, "Off screen voice"),
        )
        if phrases is None
        else phrases,
        turns=(PersonTurn(0.5, 3.0, "p1"), PersonTurn(3.02, 3.2, "p2")),
        tracks=(Track("p1", tuple(Box(t / 5, *map(float, face)) for t in range(61))),),
        notices=(),
        timings={},
    )


def to_srt(clip: Analysis, look: Look = Look()) -> str:  # noqa: B008 (frozen)
    return srt.write(plan_files(clip, look))


def to_vtt(clip: Analysis, look: Look = Look()) -> str:  # noqa: B008 (frozen)
    return vtt.write(plan_files(clip, look))


def to_ass(clip: Analysis, look: Look = Look()) -> str:  # noqa: B008 (frozen)
    return ass.write(plan_files(clip, look))


def to_text(clip: Analysis) -> str:
    return plain.write(clip)
