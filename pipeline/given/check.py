"""Whether what was brought can be of the clip: known before a model runs."""

from __future__ import annotations

from pipeline.brought import Given
from pipeline.errors import RecordError
from pipeline.transcript import BOUNDS, MAX_AT_ONCE, most_at_once


def check(given: Given, duration: float) -> None:
    """Check the lines and turns against a clip of `duration` seconds.

    Raises RecordError for lines or turns that all lie behind its end, and for more than such a clip can hold.
    """
    for what, spans in (("transcript", given.lines), ("RTTM", given.turns)):
        if spans and min(span.start for span in spans) >= duration:
            raise RecordError(
                f"Everything in the {what} is after the end of the clip ({duration:.0f} s); "
                f"give the {what} of this clip."
            )
    inside = [line for line in given.lines if line.start < duration]
    counts = {
        "phrases": ("lines", len(inside)),
        "words": ("words", sum(len(line.text.split()) for line in inside)),
        "turns": ("turns", sum(turn.start < duration for turn in given.turns)),
        "characters": ("characters", sum(2 * len(line.text) for line in inside)),  # a text and its words
    }
    for name, (called, count) in counts.items():
        least, per_second = BOUNDS[name]
        most = round(least + per_second * duration)
        if count > most:
            raise RecordError(
                f"{count:,} {called} are more than a clip of {duration:.0f} seconds can hold; "
                "give the file of this clip."
            )
    if most_at_once(inside) > MAX_AT_ONCE:
        raise RecordError(f"The transcript has more than {MAX_AT_ONCE} lines at one time; give one with fewer.")
