"""The files of a result beyond those of a run: subtitles in both languages, the project, one ZIP of everything."""

from __future__ import annotations

import zipfile
from pathlib import Path

from pipeline import media, project
from pipeline.project import Project
from pipeline.records import Analysis
from pipeline.subtitles.doubted import marked
from pipeline.subtitles.plan import plan_files
from pipeline.subtitles.preview import poster_time
from pipeline.web import player
from pipeline.web.jobs import Result, zip_faces


def write_extras(folder: Path, result: Result, video: Path) -> None:
    """Write what a visitor can download beyond the run's own files, and the poster of `video`, into `folder`."""
    analysis = result.analysis
    zip_faces(analysis, folder / "faces.zip")
    if any(phrase.translation for phrase in analysis.phrases):
        (folder / "both.srt").write_text(both_srt(analysis), encoding="utf-8")
    (folder / "project.json").write_text(
        project.to_json(Project(analysis, result.look, result.title)), encoding="utf-8"
    )
    if video.is_file():
        turning = poster_time(plan_files(analysis, result.look))
        picture = player.still(video, player.telling_time(analysis) if turning is None else turning)
        if picture:
            (folder / "poster.jpg").write_bytes(picture)
            if video.parent == folder:  # and not what is shipped with an example
                media.add_cover(video, folder / "poster.jpg")
    write_zip(folder, result, video)


def write_zip(folder: Path, result: Result, video: Path) -> None:
    """Write every file that lies in `folder` or beside `video`, named as its download is, into all.zip in `folder`."""
    with zipfile.ZipFile(folder / "all.zip", "w") as archive:
        for key, _, name, ending in player.DOWNLOADS:
            path = next((place / name for place in (folder, video.parent) if (place / name).is_file()), None)
            if path and key != "all":
                stored = zipfile.ZIP_STORED if key in ("video", "faces") else zipfile.ZIP_DEFLATED
                archive.write(path, player.download_name(result, ending), stored)


def both_srt(analysis: Analysis) -> str:
    """SubRip with the original above the translation in every cue."""
    import pysubs2

    subtitles = pysubs2.SSAFile()
    for phrase in sorted(marked(analysis).phrases, key=lambda p: p.start):
        texts = [phrase.source, *([phrase.translation] if phrase.translation else [])]
        event = pysubs2.SSAEvent(start=round(phrase.start * 1000), end=round(phrase.end * 1000))
        event.plaintext = "\n".join(texts)
        subtitles.append(event)
    return subtitles.to_string("srt")
