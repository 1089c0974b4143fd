"""A font file of the viewer's own: checked before it is used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import languages
from pipeline.errors import UsageError
from pipeline.subtitles import fonts

if TYPE_CHECKING:
    from fontTools.ttLib import TTFont

MAX_BYTES = 5 * 2**20
MOST_GLYPHS = 65_535
NO_FONT = "That file is no font that can be used; give a TrueType or OpenType font (.ttf or .otf)."
OUTLINES = ({"glyf", "loca"}, {"CFF "}, {"CFF2"})  #: tables of which one group draws the letters


def check(file: Path, target: str = "") -> str:
    """Return the absolute path of a font file that can be used, as `Look.font` takes it.

    `target` is the DeepL code of the language that is to be set in it, "" where it is not known.

    Raises UsageError for a file that is too large or no font, and for a font without a letter of the target's script.
    """
    try:
        size = file.stat().st_size
    except OSError as error:
        raise UsageError(f"{file.name} cannot be read ({error.strerror}); give another font file.") from None
    if size > MAX_BYTES:
        raise UsageError(f"The font is larger than {MAX_BYTES // 2**20} MB; give a smaller one.")
    characters = _characters(file)
    script = next((one.script for one in languages.TARGETS if one.code == target.upper()), "")
    if script and not characters.intersection(map(ord, filter(str.isalpha, fonts.glyph_pool(script)))):
        language = next(one.name for one in languages.TARGETS if one.code == target.upper())
        raise UsageError(f"The font has no letter of {language}; give one that has, or leave the font out.")
    return str(file.absolute())


def _characters(file: Path) -> set[int]:
    """Return the characters of the font, with every table that is used read once.

    Raises UsageError for what is no font, or a damaged one.
    """
    from fontTools.ttLib import TTFont
    from PIL import ImageFont

    try:
        with TTFont(file, lazy=False, checkChecksums=0) as font:
            found = _read(font)
        ImageFont.truetype(str(file), 32).getmask("Aa")  # FreeType, which browsers and libass use, can open it too
    except UsageError:
        raise
    except Exception:  # fontTools raises whatever a broken table makes it stumble over
        raise UsageError(NO_FONT) from None
    return found


def _read(font: TTFont) -> set[int]:
    tables = set(font.keys())
    if not any(group <= tables for group in OUTLINES) or not font.getBestCmap():
        raise UsageError(NO_FONT)
    for tag in ("head", "hhea", "hmtx", "maxp", "name", "OS/2", "GSUB", "GPOS", "GDEF", "glyf", "CFF ", "CFF2"):
        if tag in tables:
            font[tag].ensureDecompiled() if hasattr(font[tag], "ensureDecompiled") else font[tag]
    if not 16 <= font["head"].unitsPerEm <= 16_384 or len(font.getGlyphOrder()) > MOST_GLYPHS:
        raise UsageError(NO_FONT)
    return set(font.getBestCmap())
