"""A project: everything about a clip but the clip itself, as one JSON text.

It holds the transcript (`pipeline.transcript`), the look, the portraits and the clip's name. A transcript.json is read
as a project without the other three.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline import style, transcript
from pipeline.errors import RecordError
from pipeline.json_text import read_object
from pipeline.records import Analysis, Look

VERSION = 1
MAX_PORTRAIT = 400_000  #: bytes; ours are about 10,000
MAX_NAME = 200  #: characters

NONE = "That is not a Speechglass project; give the file that “Project” saved, or a transcript.json."


@dataclass(frozen=True, slots=True)
class Project:
    """What a project file holds."""

    analysis: Analysis
    look: Look = field(default_factory=Look)
    name: str = ""  #: of the clip


def to_json(project: Project) -> str:
    """Return the project as one JSON text."""
    return json.dumps(to_object(project), ensure_ascii=False)


def to_object(project: Project) -> dict[str, Any]:
    """Return the project as what its JSON text describes."""
    portraits = project.analysis.portraits
    return {
        "speechglass": VERSION,
        "name": project.name.encode("utf-8", "replace").decode(),  # a file's name need not be UTF-8
        "look": style.to_object(project.look),
        "transcript": json.loads(transcript.to_json(project.analysis)),
        "portraits": {who: base64.b64encode(jpeg).decode() for who, jpeg in portraits.items()},
    }


def from_json(text: str | bytes) -> Project:
    """Return what a project file, or a transcript.json, holds.

    Raises RecordError for anything else.
    """
    if len(text) > transcript.MAX_BYTES:
        raise RecordError(f"The project is larger than {transcript.MAX_BYTES // 2**20} MB; give that of one clip.")
    return from_object(read_object(text, RecordError(NONE)))


def from_object(given: Any) -> Project:
    """Return what the object in a project file, or in a transcript.json, describes.

    Raises RecordError for anything else.
    """
    if not isinstance(given, dict):
        raise RecordError(NONE)
    if "speechglass" not in given:
        return Project(transcript.from_json(json.dumps(given)))
    if given["speechglass"] != VERSION:
        raise RecordError("The project is of another version of Speechglass; save it again with this one.")
    analysis = transcript.from_json(json.dumps(given.get("transcript")))
    ids = {person.id for person in analysis.people} | {track.face for track in analysis.tracks if track.face}
    analysis = dataclasses.replace(analysis, portraits=_portraits(given.get("portraits"), ids))
    name = given.get("name")
    look = given.get("look")
    look = style.from_object(look, "project") if isinstance(look, dict) else Look()
    return Project(analysis, look, name[:MAX_NAME] if isinstance(name, str) else "")


def read(file: Path) -> Project:
    """Return what a project file holds, or a transcript.json with the portraits that lie beside it.

    Raises RecordError.
    """
    try:
        with file.open("rb") as opened:
            text = opened.read(transcript.MAX_BYTES + 1)
    except OSError as error:
        raise RecordError(f"{file} cannot be read ({error.strerror}); give the transcript.json of a run.") from None
    except ValueError:  # a null byte
        raise RecordError("That is not the name of a file; give the transcript.json of a run.") from None
    project = from_json(text)
    analysis = project.analysis
    if analysis.portraits:
        return project
    names = [person.id for person in analysis.people if person.face]
    names += sorted({track.face for track in analysis.tracks if track.face and track.person is None})
    portraits = {}
    for name in names:
        portrait = file.parent / "faces" / f"{name}.jpg"
        if portrait.is_file():
            portraits[name] = portrait.read_bytes()
    return dataclasses.replace(project, analysis=dataclasses.replace(analysis, portraits=portraits))


def _portraits(given: Any, ids: set[str]) -> dict[str, bytes]:
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
