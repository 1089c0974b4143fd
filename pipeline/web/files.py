"""The files of a result beyond those of a run: subtitles in both languages, the project, one ZIP of everything."""

from __future__ import annotations

import base64
import binascii
import json
import zipfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from pipeline import transcript
from pipeline.errors import RecordError
from pipeline.records import Analysis, Look
from pipeline.web import check, player
from pipeline.web.jobs import Result, plain_name, zip_faces

PROJECT_VERSION = 1
MAX_PORTRAIT = 400_000  #: bytes; ours are about 10,000


def write_extras(folder: Path, result: Result, video: Path) -> None:
    """Write what a visitor can download beyond the run's own files, and the poster of `video`, into `folder`."""
    analysis = result.analysis
    zip_faces(analysis, folder / "faces.zip")
    if any(phrase.translation for phrase in analysis.phrases):
        (folder / "both.srt").write_text(both_srt(analysis), encoding="utf-8")
    (folder / "project.json").write_text(to_project(result), encoding="utf-8")
    write_zip(folder, result, video)
    if video.is_file():
        picture = player.still(video, player.telling_time(analysis))
        if picture:
            (folder / "poster.jpg").write_bytes(picture)


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
    for phrase in sorted(analysis.phrases, key=lambda p: p.start):
        texts = [phrase.source, *([phrase.translation] if phrase.translation else [])]
        event = pysubs2.SSAEvent(start=round(phrase.start * 1000), end=round(phrase.end * 1000))
        event.plaintext = "\n".join(texts)
        subtitles.append(event)
    return subtitles.to_string("srt")


def to_project(result: Result) -> str:
    """The result as one JSON text: transcript, look, portraits and the clip's name. The clip itself is not in it."""
    return json.dumps(
        {
            "speechglass": PROJECT_VERSION,
            "name": result.title,
            "look": asdict(result.look),
            "transcript": json.loads(transcript.to_json(result.analysis)),
            "portraits": {who: base64.b64encode(jpeg).decode() for who, jpeg in result.analysis.portraits.items()},
        },
        ensure_ascii=False,
    )


def from_project(text: str | bytes) -> tuple[Analysis, Look, str]:
    """The analysis, the look and the clip's name of a project file; a bare transcript.json is one, too.

    Raises RecordError for anything else, UsageError for a look that does not exist.
    """
    try:
        given = json.loads(text) if len(text) <= transcript.MAX_BYTES else None
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise RecordError(
            "That is no project of Speechglass; give the file that “Project” saved, or a transcript.json."
        )
    if "speechglass" not in given:
        return transcript.from_json(text), Look(), ""
    if given["speechglass"] != PROJECT_VERSION:
        raise RecordError("The project is of another version of Speechglass; save it again with this one.")
    analysis = transcript.from_json(json.dumps(given.get("transcript")))
    look = _look(given.get("look"))
    ids = {person.id for person in analysis.people} | {getattr(track, "face", None) for track in analysis.tracks}
    return (
        replace(analysis, portraits=_portraits(given.get("portraits"), ids)),
        look,
        plain_name(str(given.get("name"))),
    )


def _look(given: Any) -> Look:
    if not isinstance(given, dict):
        return Look()
    names = ("name", "position", "text_size", "texts", "reduced_motion", "reveal")
    usual = asdict(Look())
    return check.look(*(given.get(name, usual[name]) for name in names))


def _portraits(given: Any, ids: set[Any]) -> dict[str, bytes]:
    """The pictures of known people and faces; what is no JPEG is left out."""
    found: dict[str, bytes] = {}
    for who, text in given.items() if isinstance(given, dict) else ():
        if who not in ids or not isinstance(text, str) or len(text) > MAX_PORTRAIT * 2:
            continue
        try:
            picture = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            continue
        if picture.startswith(b"\xff\xd8"):
            found[who] = picture
    return found
