"""Place panels in the black bars above and below the picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from pipeline.subtitles.cue import Cue
from pipeline.subtitles.looks import Panel
from pipeline.subtitles.setting import Setting
from pipeline.subtitles.spot import Spot
from pipeline.subtitles.yuv import Sprite


def place_in_bars(
    panel: Panel,
    cues: Sequence[Cue],
    sizes: Sequence[tuple[int, int]],
    setting: Setting,
    tags: Mapping[str, Sprite],
    margin: int,
) -> tuple[tuple[Spot, ...], ...]:
    """Return the spot of each cue: in the middle of the bar, or beside the bar for somebody who speaks at the same
    time.

    Those stay on the bar's half of the picture; where that is full, the cue that would go first goes at once.
    """
    canvas = setting.canvas
    bar, height = canvas.top, canvas.height
    pitch = margin + max((h for _, h in sizes), default=0) + max((tag.height for tag in tags.values()), default=0)
    spots: list[tuple[Spot, ...]] = []
    slots: list[tuple[float, int]] = []  # until when each is taken, and by which cue
    most = 1 + max(0, int((height / 2 - bar) / pitch))
    for number, (cue, (w, h)) in enumerate(zip(cues, sizes, strict=True)):
        tag = tags.get(cue.person or "")
        tab = tag.height if tag and setting.carries_name(panel, cue) else 0
        slot = 0
        if w:  # a phrase without a translation takes no place
            slot = next((k for k, (until, _) in enumerate(slots) if until <= cue.start), len(slots))
            if slot == most:
                slot = slots.index(min(slots))
                (first,) = spots[slots[slot][1]]
                spots[slots[slot][1]] = (replace(first, end=cue.start),)
            slots[slot : slot + 1] = [(cue.end, number)]
        if slot == 0:
            y = (bar - h - tab) / 2 if panel.place == "top bar" else height - (bar + h + tab) / 2
        elif panel.place == "top bar":
            y = bar + margin + (slot - 1) * pitch
        else:
            y = height - bar - slot * pitch
        x, y = (canvas.width - w) / 2, float(round(min(max(0, y), max(0, height - h - tab))))
        ends = np.array([cue.start, cue.end])
        spots.append((Spot(cue.start, cue.end, w, h + tab, "bar", ends, np.full(2, x), np.full(2, y), tab=tab),))
    return tuple(spots)
