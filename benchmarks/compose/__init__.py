"""Clips with composed ground truth: the situations that recorded clips with known truth do not cover.

    python -m benchmarks.compose FOLDER [--only TEXT]

ffmpeg cuts them together from recordings of people whose lines are known (`footage`), so who speaks, who is seen and
what is said follows from the cutting. Every clip comes with NAME.truth.json, which `benchmarks.score` reads, and
NAME.rttm, in which voices may overlap. The truth names everybody in the clip (`people`), so that parameters can be
fitted on clips of other people than they are judged on, and says where nobody should expect the right answer (`hard`).

Nothing is downloaded and nothing here is to be committed: the shared recordings are not ours to ship.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.compose.footage import Cast, casts
from benchmarks.compose.render import write
from benchmarks.compose.scene import Composition
from benchmarks.compose.situations import MORE, TWO, Situation, crowds
from benchmarks.compose.variants import PLAIN, VARIANTS, Variant

#: Every cast plays the situations of `TWO`; of the others each plays four in seven, so that all meet all evenly.
PLAYED = (0, 1, 3, 5)
SHORTEST = 7.5  #: s


def _played(casts: tuple[Cast, ...]) -> Iterator[tuple[Situation, Cast]]:
    for number, cast in enumerate(casts):
        for situation in TWO:
            if situation.suits(cast):
                yield situation, cast
        for place, situation in enumerate(MORE):
            if situation.suits(cast) and (len(casts) < 3 or (place + 2 * number) % 7 in PLAYED):
                yield situation, cast


def compositions() -> list[tuple[Composition, Variant]]:
    """Every composition that this machine has recordings for; every second one in one of the variants, in turn."""
    here = casts()
    found: list[Composition] = []
    for situation, cast in _played(here):
        composition = Composition(f"{situation.name}-{cast.name}", cast.language)
        if len(found) % 8 == 5:
            composition.size = 1280, 720
        while composition.seconds < SHORTEST:  # played again
            situation.make(composition, cast)
        found.append(composition)
    if len(here) > 2:
        for name, language, make in crowds():
            composition = Composition(name, language)
            while composition.seconds < SHORTEST:
                make(composition)
            found.append(composition)
    return [
        (composition, VARIANTS[number // 2 % len(VARIANTS)] if number % 2 else PLAIN)
        for number, composition in enumerate(found)
    ]


def compose(folder: Path, only: str = "") -> list[Path]:
    """Every composed clip whose name holds `only` is in `folder`, with its truth beside it.

    Raises RuntimeError with ffmpeg's words where it fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return [write(composition, folder, variant) for composition, variant in compositions() if only in composition.name]
