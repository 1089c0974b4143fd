"""Rich Transcription Time Marked (NIST RT-09): who speaks when, without words."""

from __future__ import annotations

import re

from pipeline.records import Analysis
from pipeline.text import clean


def write(analysis: Analysis, name: str = "clip") -> str:
    """Return one SPEAKER line for each turn, times in s, speakers by their ids ("p1"); `name` is the recording's."""
    uri = re.sub(r"\s+", "_", clean(name, 60)) or "clip"
    return "".join(
        f"SPEAKER {uri} 1 {turn.start:.3f} {turn.end - turn.start:.3f} <NA> <NA> {turn.person} <NA> <NA>\n"
        for turn in sorted(analysis.turns, key=lambda item: (item.start, item.end))
        if turn.end > turn.start
    )
