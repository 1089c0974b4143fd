"""A font file of the viewer's own: checked before it is used."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pipeline import languages
from pipeline.errors import UsageError
from pipeline.media import child
from pipeline.subtitles import font_scan, fonts

MAX_BYTES = 5 * 2**20
LIMIT_S = 60.0  #: for the process that reads a font, on a busy machine
MOST_ANSWER = 2**20  #: bytes; 65,535 characters are half of it
NO_FONT = "That file is not a font that can be used; give a TrueType or OpenType font (.ttf or .otf)."
#: How a file begins that HarfBuzz reads. WOFF is packed for the web, and nothing here unpacks it.
SIGNATURES = (b"\0\1\0\0", b"true", b"OTTO")


def check(file: Path, target: str = "") -> str:
    """Return the absolute path of a font file that can be used, as `Look.font` takes it.

    `target` is the DeepL code of the language that is to be set in it, "" where it is not known.

    Raises UsageError for a file that is too large or no font, and for a font without a letter of the target's script.
    """
    try:
        size = file.stat().st_size
        with file.open("rb") as opened:
            signature = opened.read(4)
    except OSError as error:
        raise UsageError(f"{file.name} cannot be read ({error.strerror}); give another font file.") from None
    if size > MAX_BYTES:
        raise UsageError(f"The font is larger than {MAX_BYTES // 2**20} MB; give a smaller one.")
    if signature not in SIGNATURES:
        raise UsageError(NO_FONT)
    characters = _characters(file)
    script = next((one.script for one in languages.TARGETS if one.code == target.upper()), "")
    if script and not characters.intersection(map(ord, filter(str.isalpha, fonts.glyph_pool(script)))):
        language = next(one.name for one in languages.TARGETS if one.code == target.upper())
        raise UsageError(f"The font has no letter of {language}; give one that has, or leave the font out.")
    return str(file.absolute())


def _characters(file: Path) -> set[int]:
    """Return the characters of the font, which a process of its own reads (`font_scan`).

    Raises UsageError for what is no font, or a damaged one.
    """
    command = [sys.executable, "-I", str(Path(font_scan.__file__)), str(file.absolute())]
    try:
        return set(json.loads(child.ask(command, b"", LIMIT_S, MOST_ANSWER)))
    except (child.ScanFailed, OSError, ValueError):
        raise UsageError(NO_FONT) from None
