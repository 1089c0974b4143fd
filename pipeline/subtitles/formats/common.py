"""What the formats share: names, colours, languages and the pieces of cues."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pipeline import languages
from pipeline.records import Analysis
from pipeline.subtitles.cue import Cue
from pipeline.subtitles.plan import Plan
from pipeline.subtitles.spot import Spot
from pipeline.text import clean, wrap

NO_SPEAKER = "#ffffff"
SHORTEST_S = 0.04


@dataclass(frozen=True, slots=True)
class Piece:
    """A cue inside one shot, from `start` to `end` (s), with the place of its panel."""

    cue: Cue
    spot: Spot
    start: float
    end: float


def pieces(plan: Plan) -> Iterator[Piece]:
    """Yield the pieces of all cues in order of time; a cue that ends early, because others speak, ends early here,
    too.
    """
    for cue, spots in zip(plan.cues, plan.spots[0], strict=True):
        for spot in spots:
            start, end = max(cue.start, spot.start), min(cue.text_end, spot.end)
            if end - start >= SHORTEST_S or len(spots) == 1:
                yield Piece(cue, spot, start, max(end, start + SHORTEST_S))


def text_lines(plan: Plan, cue: Cue) -> tuple[str, ...]:
    """Return the translation on one or two lines, or the original where there is none."""
    return wrap(cue.translation or cue.source, tag=tag_of(plan, bool(cue.translation)))


def tag_of(plan: Plan, translated: bool) -> str:
    """Return the BCP 47 tag of the target language, or of the clip's own."""
    known = languages.known(plan.analysis.target_language if translated else plan.analysis.language)
    return known.tag if known else "und"


def names(analysis: Analysis) -> Mapping[str, str]:
    """Return the people's names on one line, bounded, and different from one another."""
    found: dict[str, str] = {}
    for person in analysis.people:
        name = base = clean(person.name, 60) or person.id
        number = 2
        while name in found.values():
            name, number = f"{base} ({number})", number + 1
        found[person.id] = name
    return found


def colour(text: str) -> str:
    """Return "#rrggbb" as it is, and white for anything else."""
    return text.lower() if re.fullmatch(r"#[0-9a-fA-F]{6}", text) else NO_SPEAKER


def escape(text: str) -> str:
    r"""Return `text` so that neither pysubs2 nor a player reads a part of it as markup.

    Braces begin override tags and cannot be escaped in every renderer, so they become full-width; a word joiner behind
    a backslash keeps "\N" from being a new line.
    """
    return text.replace("\\", "\\\u2060").replace("{", "｛").replace("}", "｝")
