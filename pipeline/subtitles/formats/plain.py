"""Plain text: a transcript to read, with time, speaker, what was said, and the translation below it."""

from __future__ import annotations

from pipeline.records import Analysis
from pipeline.subtitles.formats.common import names
from pipeline.text import clean


def write(analysis: Analysis) -> str:
    """Return the transcript as text."""
    known = names(analysis)
    blocks = []
    for phrase in sorted(analysis.phrases, key=lambda item: item.start):
        seconds = max(0, int(phrase.start))
        hours = f"{seconds // 3600:02}:" if seconds >= 3600 else ""
        name = known.get(phrase.person or "", "Unknown speaker")
        block = f"[{hours}{seconds // 60 % 60:02}:{seconds % 60:02}] {name}\n{clean(phrase.source)}"
        if phrase.translation is not None:
            block += f"\n{clean(phrase.translation)}"
        blocks.append(block)
    return "\n\n".join(blocks) + ("\n" if blocks else "")
