"""What is done to a whole composition: to its picture, to its sound and so to its truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.compose import footage
from benchmarks.compose.scene import Composition, Place

#: px between brow and chin of the largest face in a `small` clip.
SMALL = 48
#: dB by which music, babble and hiss lie below the speech.
BELOW = 10.0


@dataclass(frozen=True)
class Variant:
    """One way to make the task harder; the truth follows."""

    name: str
    picture: str = ""  #: ffmpeg filters on the whole picture
    rate: int = 25  #: frames a second
    mirrored: bool = False
    small: bool = False
    late: float = 0.0  #: s by which the sound lags behind the picture
    under: tuple[Path, ...] = ()  #: what is heard under the speech, all at once
    hiss: bool = False

    def place(self, place: Place, shrink: float) -> Place:
        """Where a face is after this was done; `shrink` is the share of the picture's size that is left."""
        if place is None or place == "any":
            return place
        if isinstance(place, str):
            return {"left": "right", "right": "left"}[place] if self.mirrored else place
        low, high = (1 - place[1], 1 - place[0]) if self.mirrored else place
        return round(0.5 + (low - 0.5) * shrink, 3), round(0.5 + (high - 0.5) * shrink, 3)

    def shrink(self, composition: Composition) -> float:
        """The share of the picture's size at which the largest face is `SMALL` px high; 1 for other variants."""
        if not self.small:
            return 1.0
        largest = 0.0
        for shot in composition.shots:
            rows = 2 if len(shot.views) == 4 else 1
            largest = max(largest, *(view.talker.face * composition.size[1] / rows for view in shot.views))
        return min(1.0, SMALL / largest) if largest else 1.0


PLAIN = Variant("plain")
VARIANTS: Sequence[Variant] = (
    Variant("mirrored", mirrored=True),
    Variant("small", small=True),
    Variant("dark", picture="eq=gamma=0.65:brightness=-0.06:saturation=0.8"),
    Variant("noisy", picture="noise=alls=22:allf=t", hiss=True),
    Variant("12fps", rate=12),
    Variant("60fps", rate=60),
    Variant("late", late=0.08),
    Variant("music", under=(footage.MUSIC,)),
    Variant("babble", under=footage.BABBLE),
)
