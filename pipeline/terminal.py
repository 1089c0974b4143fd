"""Text for a terminal."""

from __future__ import annotations

import re

#: Control characters (a terminal obeys them), line and paragraph separators, marks that change the direction of what
#: follows, and halves of surrogate pairs, which cannot be written.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: object) -> str:
    """Return the text as one line that a terminal only shows.

    Names, notices and error messages quote files, which may hold sequences that move the cursor, change the title or
    copy to the clipboard. Every unsafe character becomes the replacement character.
    """
    return _UNSAFE.sub("\ufffd", str(text))
