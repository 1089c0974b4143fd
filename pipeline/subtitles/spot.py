"""Where a panel is, at every instant."""

from __future__ import annotations

from bisect import bisect
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from pipeline.subtitles.scene import FacePath


@dataclass(frozen=True, eq=False)
class Spot:
    """Where a panel of `width` x `height` px is from `start` to `end` (s), inside one shot."""

    start: float
    end: float
    width: int
    height: int
    #: "above", "below", "left" or "right" of the face; "low" in the lower third with the face in view; "off screen"
    #: with the face out of view; "bar" outside the picture
    kind: str
    times: np.ndarray = field(repr=False)
    x: np.ndarray = field(repr=False)  #: px of the panel's left edge at `times`
    y: np.ndarray = field(repr=False)
    face: FacePath | None = None
    tab: int = 0  #: px at the top that are kept free for the name
    edge: str = ""  #: "left" or "right": the edge of the frame behind which the voice is; the spot reaches to it

    def at(self, t: float) -> tuple[int, int]:
        """Return the left and top of the panel in whole px."""
        times, x, y = self._path
        k = min(max(bisect(times, t), 1), len(times) - 1)
        share = min(max((t - times[k - 1]) / ((times[k] - times[k - 1]) or 1.0), 0.0), 1.0)
        return round(x[k - 1] + share * (x[k] - x[k - 1])), round(y[k - 1] + share * (y[k] - y[k - 1]))

    @cached_property
    def _path(self) -> tuple[list[float], list[float], list[float]]:
        # np.interp takes three times as long for one number, and every panel asks twice a frame
        return self.times.tolist(), self.x.tolist(), self.y.tolist()

    def boxes(self, times: np.ndarray) -> np.ndarray:
        """Return left, top, right, bottom at `times`, (n, 4)."""
        x, y = np.interp(times, self.times, self.x), np.interp(times, self.times, self.y)
        return np.stack([x, y, x + self.width, y + self.height], axis=1)


def spot_at(spots: tuple[Spot, ...], t: float) -> Spot | None:
    """Return the spot of a cue at `t`, None where its panel has ended early."""
    return next((spot for spot in spots if spot.start <= t < spot.end), None)
