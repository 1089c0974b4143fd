"""Notices: those of one kind as one sentence, and those that a new drawing replaces."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pipeline.records import Notice

MOST_TIMES = 5  #: that are written out

#: The notices about how the subtitles are drawn, by code: another drawing replaces them.
ABOUT_DRAWING = frozenset(
    (
        "burned_in", "contrast", "crowded", "missing_glyphs", "no_time", "reading_speed", "short_cue", "small_picture",
        "text_cut",
    )
)  # fmt: skip


def after_drawing(known: Iterable[Notice], drawing: Iterable[Notice]) -> tuple[Notice, ...]:
    """Return the `known` notices, without those about an earlier drawing, and those about this one."""
    return tuple(dict.fromkeys((*(notice for notice in known if notice.code not in ABOUT_DRAWING), *drawing)))


def when(seconds: Sequence[float]) -> str:
    """Return the times of a sentence: "at 0:02", "at 0:02, 0:07 and 1:12", "at 0:02, 0:07, ... and 6 more times"."""
    clock = [*dict.fromkeys(f"{int(s) // 60}:{int(s) % 60:02}" for s in sorted(seconds))]
    if len(clock) > MOST_TIMES + 1:
        return f"at {', '.join(clock[:MOST_TIMES])} and {len(clock) - MOST_TIMES} more times"
    return f"at {clock[0]}" if len(clock) == 1 else f"at {', '.join(clock[:-1])} and {clock[-1]}"


def about_phrases(seconds: Sequence[float], one: str, many: str) -> str:
    """Return "The phrase at 0:02 <one>" or "3 phrases (at 0:02, 0:07 and 1:12) <many>" for phrases that start then."""
    return _about("phrase", seconds, one, many)


def about_subtitles(seconds: Sequence[float], one: str, many: str) -> str:
    """Return "The subtitle at 0:02 <one>" or "3 subtitles (at 0:02, 0:07 and 1:12) <many>"."""
    return _about("subtitle", seconds, one, many)


def _about(noun: str, seconds: Sequence[float], one: str, many: str) -> str:
    if len(seconds) == 1:
        return f"The {noun} {when(seconds)} {one}"
    return f"{len(seconds)} {noun}s ({when(seconds)}) {many}"
