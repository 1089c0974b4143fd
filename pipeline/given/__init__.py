"""What a person brings with a clip: its transcript, and who speaks when.

`reading` and `rttm` read the files, `apart` has them read in a process of its own, `align` times the text by the sound,
`speakers` gives the lines to the people the files name.
"""

from pipeline.given.align import align
from pipeline.given.apart import read_apart, read_project_apart
from pipeline.given.check import check
from pipeline.given.files import read_files
from pipeline.given.known import known
from pipeline.given.reading import read_transcript
from pipeline.given.rttm import read_turns
from pipeline.given.speakers import name_people, turns_of

__all__ = [
    "align",
    "check",
    "known",
    "name_people",
    "read_apart",
    "read_files",
    "read_project_apart",
    "read_transcript",
    "read_turns",
    "turns_of",
]
