"""What need not be looked for, because it was brought."""

from __future__ import annotations

from pipeline.brought import Given
from pipeline.given.align import as_timed
from pipeline.given.speakers import diarization, turns_of
from pipeline.records import Findings


def known(given: Given, language: str, duration: float) -> tuple[Findings, Given]:
    """Return what is known of a clip of `duration` seconds by what was brought, and what of it is still to be timed.

    `language` is the spoken one, ISO 639-1, "" where it has to be found.
    """
    timed = as_timed(given.lines, given.language or language, duration)
    turns = given.turns or (turns_of(given.lines, timed) if timed is not None else ())
    voices = diarization(turns, duration) if turns else None
    return Findings(transcript=timed, diarization=voices), given if timed is None else Given()
