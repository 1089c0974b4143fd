"""Text as such: graphemes, breaks, ends of sentences, splitting, width, direction. Knows no picture and no font."""

from pipeline.text.bidi import base_direction, levels
from pipeline.text.breaks import line_breaks
from pipeline.text.ends import ends_clause, ends_sentence, pause
from pipeline.text.graphemes import MAX_MARKS, MAX_TEXT, clean, graphemes, script
from pipeline.text.marks import is_mark
from pipeline.text.split import (
    COLUMNS,
    LINES,
    UNSPACED,
    choose_cuts,
    cut_costs,
    goes_on,
    is_fragment,
    join_words,
    slices,
    split,
    split_like,
    split_words,
    wrap,
)
from pipeline.text.width import character_width, text_width

__all__ = [
    "COLUMNS",
    "LINES",
    "MAX_MARKS",
    "MAX_TEXT",
    "UNSPACED",
    "base_direction",
    "character_width",
    "choose_cuts",
    "clean",
    "cut_costs",
    "ends_clause",
    "ends_sentence",
    "goes_on",
    "graphemes",
    "is_fragment",
    "is_mark",
    "join_words",
    "levels",
    "line_breaks",
    "pause",
    "script",
    "slices",
    "split",
    "split_like",
    "split_words",
    "text_width",
    "wrap",
]
