"""The files that a person brings, read together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pipeline.brought import Given
from pipeline.errors import RecordError
from pipeline.given.reading import MAX_BYTES, read_transcript
from pipeline.given.rttm import read_turns


def read_files(transcript: Path | None, turns: Path | None) -> Given:
    """Return what a transcript and an RTTM hold; None for a file there is not.

    Raises RecordError for a file that cannot be read or is none.
    """
    given = read_transcript(_bytes(transcript)) if transcript is not None else Given()
    return replace(given, turns=read_turns(_bytes(turns))) if turns is not None else given


def _bytes(file: Path) -> bytes:
    """The file, or one byte more than any may have."""
    try:
        with file.open("rb") as opened:
            return opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise RecordError(f"{file} cannot be read ({error.strerror}); name another file.") from None
