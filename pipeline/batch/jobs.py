"""The clips of a batch, from a folder or a list."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline import languages
from pipeline.batch import records
from pipeline.cache import content_hash
from pipeline.download import MEDIA_SUFFIXES
from pipeline.errors import NotAClipError, UsageError
from pipeline.json_text import read_value
from pipeline.options import Options
from pipeline.records import Look
from pipeline.results import folder_name
from pipeline.workspace import disk_error

#: what counts as a clip in a folder; a list may name a file with any ending
SUFFIXES = (MEDIA_SUFFIXES - {".gif"}) | {".mts", ".m2ts", ".wmv", ".mpe", ".wma", ".aiff"}

COLUMNS = ("clip", "to", "language", "speakers", "names", "look")
MAX_LIST_BYTES = 10 * 2**20  #: some hundred thousand clips; a film given as a list is refused before it is read


@dataclass(frozen=True, slots=True)
class Job:
    """One clip and what is asked of it."""

    name: str  #: of its folder of results, unique in the batch
    clip: Path
    out: Path  #: its folder of results
    options: Options
    look: Look
    names: tuple[str, ...] = ()  #: of the people, in the order in which they are numbered
    overlay: str = ""  #: "mov" or "webm" for the look alone, too
    url: str = ""  #: from where `clip` is fetched, "" for a file
    address: str = ""  #: of its folder of results at an fsspec address; `out` is only its name then

    def key(self, models: Mapping[str, str], paid: bool) -> str:
        """Return the SHA-256 of all that the results depend on: the clip's bytes, what is asked, and what answers.

        Raises NotAClipError for a clip that cannot be read.
        """
        try:
            content = self.url or content_hash(self.clip)
        except OSError as error:
            raise NotAClipError(
                f"{self.clip} cannot be read ({(error.strerror or 'unknown reason').lower()}); check the file."
            ) from None
        asked, look = dataclasses.asdict(self.options), dataclasses.asdict(self.look)
        del asked["keys"]
        if Path(self.look.font).is_absolute():  # a font file of one's own, which may be another tomorrow
            with contextlib.suppress(OSError):
                look["font"] = content_hash(Path(self.look.font))
        parts = [content, asked, look, self.names, self.overlay, dict(models), paid]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def read(given: Path, out: Path | str, options: Options, look: Look, overlay: str = "") -> tuple[Job, ...]:
    """Return the jobs of a folder of clips, or of a CSV or JSON list; a list's own values win over `options` and
    `look`.

    `out` is the folder of all results, or an fsspec address.

    Raises UsageError for anything else, for no clips at all, and for two clips of one name.
    """
    if given.is_dir():
        rows: Sequence[Mapping[str, Any]] = [{"clip": path.name} for path in _clips(given)]
        base = given
    else:
        rows, base = _listed(given), given.parent
    jobs = [_job(row, number, base, out, options, look) for number, row in enumerate(rows, 1)]
    seen: dict[str, Job] = {}
    for job in jobs:
        other = seen.setdefault(job.name.casefold(), job)
        if other is not job:
            raise UsageError(
                f"{other.clip.name} and {job.clip.name} would have the same folder of results, {job.name}; rename one "
                f"of them."
            )
    return tuple(replace(job, overlay=overlay) for job in jobs)


def _clips(folder: Path) -> list[Path]:
    """Return the clips that lie directly in the folder, by name."""
    try:
        files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    except OSError as error:
        raise disk_error(error) from None
    clips = [path for path in files if path.suffix.lower() in SUFFIXES]
    if not files:
        raise UsageError(f"{folder} holds no files; put clips into it, or name another folder.")
    if not clips:
        raise UsageError(f"None of the {len(files)} files in {folder} is video or sound; name a folder of clips.")
    return clips


def _listed(file: Path) -> list[Mapping[str, Any]]:
    """Return the rows of a CSV or JSON list."""
    if file.suffix.lower() not in (".csv", ".json"):
        raise UsageError(f"{file} is neither a folder nor a list; name a folder of clips, a .csv or a .json file.")
    try:
        if file.stat().st_size > MAX_LIST_BYTES:
            raise UsageError(f"{file} is larger than 10 MB, which is no list of clips; name another one.")
        text = file.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{file} is not a text file in UTF-8; save the list as one and try again.") from None
    except OSError as error:
        raise UsageError(f"{file} cannot be read ({error.strerror}); name a folder of clips or a list.") from None
    rows = list(_json(text, file) if file.suffix.lower() == ".json" else _csv(text, file))
    if not rows:
        raise UsageError(f"{file} lists no clips; write one a line.")
    return rows


def _csv(text: str, file: Path) -> Iterator[Mapping[str, Any]]:
    try:
        table = csv.DictReader(io.StringIO(text), strict=True)
        if "clip" not in (table.fieldnames or ()):
            raise UsageError(
                f"{file} has no column 'clip'; its first line must name the columns: {', '.join(COLUMNS)}."
            )
        for row in table:
            yield {name: value for name, value in row.items() if value}
    except csv.Error as error:
        raise UsageError(f"{file} is not a table of comma-separated values ({error}); mend it and try again.") from None


def _json(text: str, file: Path) -> Iterator[Mapping[str, Any]]:
    listed = read_value(text, UsageError(f"{file} is not JSON; mend it and try again."))
    rows = [{"clip": row} if isinstance(row, str) else row for row in listed] if isinstance(listed, list) else [None]
    for row in rows:
        if not isinstance(row, dict):
            raise UsageError(f"{file} must hold a list of clips: names, or objects with {', '.join(COLUMNS)}.")
        yield {name: value for name, value in row.items() if value not in (None, "")}


def _job(row: Mapping[str, Any], number: int, base: Path, out: Path | str, options: Options, look: Look) -> Job:
    """Return the job of a row; a clip's path is relative to `base`."""
    from pipeline.subtitles import looks

    unknown = [str(name) for name in row if name not in COLUMNS]
    if unknown:
        raise UsageError(f"Row {number} of the list has {unknown[0]!r}, and may have {', '.join(COLUMNS)}.")
    if not isinstance(row.get("clip"), str):
        raise UsageError(f"Row {number} of the list names no clip.")
    url = row["clip"] if row["clip"].lower().startswith(("http://", "https://")) else ""
    name = folder_name(row["clip"]) if url else (base / row["clip"]).stem[:80]
    if url and not isinstance(out, Path):
        raise UsageError(f"Row {number} of the list is an address, and so is --out; name a folder for the results.")
    style = str(row.get("look", look.name))
    if style not in looks.names():
        raise UsageError(f"Row {number} of the list has the look {style[:40]!r}; choose {', '.join(looks.names())}.")
    options = dataclasses.replace(
        options,
        target=languages.parse_target(str(row["to"])).code if "to" in row else options.target,
        source=languages.parse_source(str(row["language"])).whisper if "language" in row else options.source,
        speakers=_speakers(row["speakers"], number) if "speakers" in row else options.speakers,
    )
    address = "" if isinstance(out, Path) else f"{out.rstrip('/')}/{name}"
    folder = out / name if isinstance(out, Path) else Path(name)
    clip = folder.parent / records.FOLDER / "fetched" / name if url else base / row["clip"]
    look = dataclasses.replace(look, name=style)
    return Job(name, clip, folder, options, look, _names(row.get("names"), number), url=url, address=address)


def _speakers(given: Any, number: int) -> int:
    text = str(given).strip()
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 20):
        raise UsageError(f"Row {number} of the list has {text[:40]!r} speakers; give a number from 1 to 20.")
    return int(text)


def _names(given: Any, number: int) -> tuple[str, ...]:
    """Return the names of a list, or of a text with semicolons between them."""
    names = given.split(";") if isinstance(given, str) else given or []
    if not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise UsageError(f"The names in row {number} of the list must be texts; write 'Ann;Bob'.")
    return tuple(name.strip() for name in names)
