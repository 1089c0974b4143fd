"""Two layouts that stand in one place, one after the other: their lines are at the same heights."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

from pipeline.subtitles.layout import Layout


def level(*layouts: Layout) -> tuple[Layout, ...]:
    """Return the layouts with the first line of each at one height, the second at another, and so on.

    Letters of different scripts rise and fall by different amounts; the lines are as far apart as the tallest needs.
    """
    filled = [layout for layout in layouts if layout.lines]
    if len(filled) < 2:
        return layouts
    top = max(one.lines[0].baseline - one.lines[0].top for one in filled)
    bottom = max(one.lines[-1].bottom - one.lines[-1].baseline for one in filled)
    pitches = [b.baseline - a.baseline for one in filled for a, b in pairwise(one.lines)]
    pitch = max([top + bottom, *pitches])
    return tuple(_spaced(layout, top, pitch, bottom) if layout.lines else layout for layout in layouts)


def _spaced(layout: Layout, top: float, pitch: float, bottom: float) -> Layout:
    """Return the layout with baselines `pitch` px apart, `top` px above the first and `bottom` px below the last."""
    last = len(layout.lines) - 1
    lines = tuple(
        replace(
            line,
            baseline=top + k * pitch,
            top=k * pitch,
            bottom=top + last * pitch + bottom if k == last else (k + 1) * pitch,
        )
        for k, line in enumerate(layout.lines)
    )
    return replace(layout, lines=lines, height=math.ceil(top + last * pitch + bottom))
