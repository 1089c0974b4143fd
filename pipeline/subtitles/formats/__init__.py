"""The files of a result: one module for each format, each with a `write` that returns the file's text.

SRT, WebVTT and ASS are written from the plan that the picture is drawn from, so they say the same at the same time.
"""

from __future__ import annotations

from pipeline.records import Analysis, Look
from pipeline.subtitles.doubted import marked
from pipeline.subtitles.formats import ass, plain, rttm, srt, vtt
from pipeline.subtitles.plan import plan_files


def write_all(analysis: Analysis, look: Look) -> dict[str, str]:
    """Return the text of every subtitle and transcript file by its name.

    Raises UsageError for a look that does not exist.
    """
    made = plan_files(analysis, look)
    return {
        "transcript.txt": plain.write(marked(analysis)),
        "subtitles.srt": srt.write(made),
        "subtitles.both.srt": srt.write(made, both=True),
        "subtitles.vtt": vtt.write(made),
        "subtitles.ass": ass.write(made),
        "turns.rttm": rttm.write(analysis),
    }
