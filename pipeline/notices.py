"""Notices of one kind as one sentence, with a count and the times."""

from __future__ import annotations

from collections.abc import Sequence

MOST_TIMES = 5  #: that are written out


def when(seconds: Sequence[float]) -> str:
    """Return the times of a sentence: "at 0:02", "at 0:02, 0:07 and 1:12", "at 0:02, 0:07, ... and 6 more times"."""
    clock = [f"{int(s) // 60}:{int(s) % 60:02}" for s in sorted(seconds)]
    if len(clock) > MOST_TIMES + 1:
        return f"at {', '.join(clock[:MOST_TIMES])} and {len(clock) - MOST_TIMES} more times"
    return f"at {clock[0]}" if len(clock) == 1 else f"at {', '.join(clock[:-1])} and {clock[-1]}"


def about_phrases(seconds: Sequence[float], one: str, many: str) -> str:
    """Return "The phrase at 0:02 <one>" or "3 phrases (at 0:02, 0:07 and 1:12) <many>" for phrases that start then."""
    if len(seconds) == 1:
        return f"The phrase {when(seconds)} {one}"
    return f"{len(seconds)} phrases ({when(seconds)}) {many}"
