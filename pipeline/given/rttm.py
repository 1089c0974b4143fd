"""Rich Transcription Time Marked (NIST RT-09): who speaks when, without words."""

from __future__ import annotations

import math

from pipeline.brought import GivenTurn
from pipeline.errors import RecordError
from pipeline.given.reading import MAX_SECONDS, decoded
from pipeline.text import clean

MAX_BYTES = 2 * 2**20
MAX_TURNS = 10_000
MAX_SPEAKERS = 20
WRONG = "Line {} of the RTTM cannot be read; write each turn as SPEAKER FILE 1 START LENGTH … NAME."


def read_turns(data: bytes) -> tuple[GivenTurn, ...]:
    """Return the turns of an RTTM file, in order of time.

    Raises RecordError for a file that is none, is of several recordings, has no turn, or too many.
    """
    if len(data) > MAX_BYTES:
        raise RecordError(f"The RTTM is larger than {MAX_BYTES // 2**20} MB; give that of one clip.")
    turns, recordings = [], set()
    for number, line in enumerate(decoded(data, "RTTM").splitlines(), 1):
        fields = line.split()
        if not fields or fields[0].startswith(";") or fields[0] != "SPEAKER":
            if fields and fields[0][:2] != ";;" and not fields[0].isupper():
                raise RecordError(WRONG.format(number))
            continue  # other records of the format say nothing about who speaks
        turns.append(_turn(fields, number))
        recordings.add(fields[1])
    if len(recordings) > 1:
        raise RecordError("The RTTM is of several recordings; give the lines of this clip alone.")
    if not turns:
        raise RecordError("The RTTM has no SPEAKER line; give one that says who speaks when.")
    if len(turns) > MAX_TURNS or len({turn.speaker for turn in turns}) > MAX_SPEAKERS:
        raise RecordError(
            f"The RTTM has more than {MAX_TURNS:,} turns or {MAX_SPEAKERS} speakers; give that of one clip."
        )
    return tuple(sorted(turns, key=lambda turn: (turn.start, turn.end)))


def _turn(fields: list[str], number: int) -> GivenTurn:
    try:
        start, length, name = float(fields[3]), float(fields[4]), clean(fields[7], 40)
    except (IndexError, ValueError):
        start, length, name = math.nan, math.nan, ""
    if not (0 <= start <= MAX_SECONDS and 0 <= length <= MAX_SECONDS and name):
        raise RecordError(WRONG.format(number))
    return GivenTurn(start, start + length, name)
