"""Corrections a person makes: each takes an `Analysis` and returns the corrected one. No model runs.

The other records stay consistent: a line that changes hands takes its stretch of the turns with it, two people who
become one share turns, tracks and portrait, a corrected original keeps the times of the words that did not change.
"""

from pipeline.edit.common import BY_HAND
from pipeline.edit.faces import FaceChoice, faces_of, give_face, separate, take_face
from pipeline.edit.lines import (
    MAX_TEXT,
    add,
    correct_source,
    correct_translation,
    give,
    give_many,
    give_to_new,
    join,
    remove,
    remove_many,
    replace_text,
    retime,
    split,
)
from pipeline.edit.people import MAX_NAME, SPARE_COLOURS, add_person, merge, recolour, rename

__all__ = [
    "BY_HAND",
    "MAX_NAME",
    "MAX_TEXT",
    "SPARE_COLOURS",
    "FaceChoice",
    "add",
    "add_person",
    "correct_source",
    "correct_translation",
    "faces_of",
    "give",
    "give_face",
    "give_many",
    "give_to_new",
    "join",
    "merge",
    "recolour",
    "remove",
    "remove_many",
    "rename",
    "replace_text",
    "retime",
    "separate",
    "split",
    "take_face",
]
