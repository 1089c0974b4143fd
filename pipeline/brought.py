"""What a person brought with a clip: a transcript, and who speaks when. `pipeline.given` reads and uses it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.records import Word


@dataclass(frozen=True, slots=True)
class GivenLine:
    """A line of a transcript that a person brought with the clip."""

    start: float
    end: float
    text: str
    speaker: str = ""  #: as the file names them, "" where it does not
    words: tuple[Word, ...] = ()  #: with their times, where the file has them


@dataclass(frozen=True, slots=True)
class GivenTurn:
    """Who speaks from `start` to `end`, as a person's file says."""

    start: float
    end: float
    speaker: str


@dataclass(frozen=True, slots=True)
class Given:
    """What a person brought with a clip; what is empty is found by the usual stages."""

    lines: tuple[GivenLine, ...] = ()
    language: str = ""  #: ISO 639-1 of the lines, "" where the file does not say
    turns: tuple[GivenTurn, ...] = ()
