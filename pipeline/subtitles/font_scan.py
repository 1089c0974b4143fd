"""A program that reads a font file of a stranger and prints the numbers of its characters as JSON.

It runs in a process of its own with limits, because a few kilobytes of a font can ask for gigabytes or for hours:
fontTools unpacks whatever is packed and follows every reference between tables.
"""

from __future__ import annotations

import contextlib
import json
import resource
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fontTools.ttLib import TTFont

MEMORY = 2 * 2**30  #: bytes of address space; a font of 5 MB takes a quarter of it
SECONDS = 20  #: of a processor; a font of 5 MB takes two
MOST_GLYPHS = 65_535
OUTLINES = ({"glyf", "loca"}, {"CFF "}, {"CFF2"})  #: tables of which one group draws the letters


def main(file: str) -> None:
    """Print the characters, having read every table that is used once.

    Raises whatever a broken table makes fontTools or FreeType stumble over.
    """
    for limit, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, SECONDS)):
        with contextlib.suppress(ValueError, OSError):  # macOS has no limit of address space
            resource.setrlimit(limit, (most, most))
    from fontTools.ttLib import TTFont
    from PIL import ImageFont

    with TTFont(file, lazy=False, checkChecksums=0) as font:
        found = _read(font)
    ImageFont.truetype(file, 32).getmask("Aa")  # FreeType, which browsers and libass use, can open it too
    json.dump(sorted(found), sys.stdout)


def _read(font: TTFont) -> set[int]:
    tables = set(font.keys())
    if not any(group <= tables for group in OUTLINES) or not font.getBestCmap():
        raise ValueError
    for tag in ("head", "hhea", "hmtx", "maxp", "name", "OS/2", "GSUB", "GPOS", "GDEF", "glyf", "CFF ", "CFF2"):
        if tag in tables:
            font[tag].ensureDecompiled() if hasattr(font[tag], "ensureDecompiled") else font[tag]
    if not 16 <= font["head"].unitsPerEm <= 16_384 or len(font.getGlyphOrder()) > MOST_GLYPHS:
        raise ValueError
    return set(font.getBestCmap())


if __name__ == "__main__":
    main(sys.argv[1])
