"""Writes docs/LICENCES.md: the licence of every package that `requirements.txt` brings, from the packages' own
metadata.

    python -m benchmarks.licences

What a package says is mapped to SPDX names; what it does not say is looked up once by hand below, with the reason. A
licence that asks for something in return (copyleft) stands first, and so do binaries that a permissive wheel carries.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.message import Message
from importlib import metadata
from pathlib import Path
from typing import cast

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pipeline.models import firefox
from pipeline.models.catalogue import CATALOGUE

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "LICENCES.md"

#: licence texts and classifiers as packages write them -> SPDX
SPDX = {
    "Apache": "Apache-2.0", "Apache 2.0": "Apache-2.0", "Apache License": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0", "Apache 2.0 License": "Apache-2.0", "Apache-2.0 License": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0", "Apache Software License": "Apache-2.0",
    "MIT License": "MIT", "3-Clause BSD License": "BSD-3-Clause", "BSD 3-Clause License": "BSD-3-Clause",
    "BSD": "BSD", "BSD License": "BSD", "ISC License": "ISC", "ISC License (ISCL)": "ISC",
    "Boost Software License": "BSL-1.0", "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0", "Artistic License": "Artistic-1.0-Perl OR GPL-2.0-or-later",
}  # fmt: skip

PERMISSIVE = {
    "Apache-2.0", "MIT", "MIT-0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "0BSD", "ISC", "BSL-1.0", "PSF-2.0", "Zlib",
    "Unlicense",
    "HPND", "MIT-CMU", "CNRI-Python", "CC0-1.0", "Unicode-3.0", "NCSA", "BlueOak-1.0.0",
}  # fmt: skip

#: what the metadata does not say, because it speaks of the code and not of the binaries inside the wheel
CARRIED = {
    "imageio-ffmpeg": "carries an ffmpeg program built with x264 and x265: GPL-3.0-or-later. It is run as a program "
    "of its own",
    "av": "carries FFmpeg libraries (LGPL-3.0-or-later by their own word) and beside them x264 and x265 "
    "(GPL-2.0-or-later)",
    "opencv-python-headless": "carries FFmpeg libraries under LGPL-2.1, replaceable",
    "opencv-contrib-python-headless": "carries FFmpeg libraries under LGPL-2.1, replaceable",
    "soundfile": "carries libsndfile under LGPL-2.1, replaceable",
    "scipy": "carries the GCC runtime under GPL-3.0 with the runtime library exception",
    "numpy": "carries the GCC runtime under GPL-3.0 with the runtime library exception",
    "tqdm": "part under MPL-2.0: changes to its own files would have to be published; we change none",
    "certifi": "MPL-2.0: changes to its own files would have to be published; we change none",
    "fxtranslate": "MPL-2.0: changes to its own files would have to be published; we change none",
    "pathspec": "MPL-2.0: changes to its own files would have to be published; we change none",
    "soxr": "LGPL-2.1, replaceable; comes with librosa, which NeMo brings; the light set does not use it",
    "orjson": "MPL-2.0 in part: changes to its own files would have to be published; we change none",
    "text-unidecode": "to choose from; we take the Artistic License. Comes with NeMo and is not used",
}


UNJUDGED = "nobody has looked at it yet"


@dataclass(frozen=True)
class Entry:
    """One installed package."""

    name: str
    version: str
    licence: str  #: SPDX, or "unknown"
    permissive: bool


def required(file: Path = ROOT / "requirements.txt") -> list[Requirement]:
    """The requirements a file names."""
    lines = (line.split("#")[0].strip() for line in file.read_text("utf-8").splitlines())
    return [Requirement(line) for line in lines if line]


def entries() -> list[Entry]:
    """Every installed package that the requirements bring, directly or not, by name; torch is among them."""
    waiting = [*required(), Requirement("torch")]
    seen: dict[str, Entry] = {}
    asked: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        wanted = waiting.pop()
        key = canonicalize_name(wanted.name), frozenset(wanted.extras)
        if key in asked:
            continue
        asked.add(key)
        try:
            found = metadata.distribution(wanted.name)
        except metadata.PackageNotFoundError:
            continue  # for another system or Python than this one
        licence = licence_of(cast(Message, found.metadata))  # which it is; its declared type has no `get`
        seen[key[0]] = Entry(found.metadata["Name"], found.version, licence, _is_permissive(licence))
        for text in found.requires or ():
            needed = Requirement(text)
            if needed.marker is None or any(needed.marker.evaluate({"extra": e}) for e in ("", *wanted.extras)):
                waiting.append(needed)
    return [seen[name] for name in sorted(seen)]


def licence_of(data: Message) -> str:
    """The SPDX name of the licence: its expression, else the short licence field, else the classifiers, else
    "unknown".
    """
    if expression := data.get("License-Expression"):
        return expression
    written = (data.get("License") or "").strip()
    if written and (written in SPDX or _names(written) <= PERMISSIVE | {"MPL-2.0"}):
        written = SPDX.get(written, written)
        return (" OR ".join(_classes(data)) or written) if written == "BSD" else written
    return " OR ".join(_classes(data)) or "unknown"


def _classes(data: Message) -> list[str]:
    marks = [c.split("::")[-1].strip() for c in data.get_all("Classifier") or () if c.startswith("License ::")]
    return sorted({SPDX.get(mark, mark) for mark in marks if mark not in ("OSI Approved", "DFSG approved")})


def _names(expression: str) -> set[str]:
    return set(re.split(r"\s+(?:AND|OR|WITH)\s+|[()]", expression)) - {""}


def _is_permissive(licence: str) -> bool:
    """Whether one of the choices asks for nothing in return; AND binds tighter than OR (SPDX, annex D)."""
    licence = licence.strip()
    for word, enough in (("OR", any), ("AND", all)):
        parts = _split(licence, word)
        if len(parts) > 1:
            return enough(map(_is_permissive, parts))
    if licence.startswith("("):
        return _is_permissive(licence[1:-1])
    return licence.split(" WITH ")[0] in PERMISSIVE


def _split(expression: str, word: str) -> list[str]:
    """At `word`, but not inside parentheses."""
    parts, depth = [""], 0
    for piece in re.split(rf"([()]|\s{word}\s)", expression):
        depth += (piece == "(") - (piece == ")")
        if piece.strip() == word and depth == 0:
            parts.append("")
        else:
            parts[-1] += piece
    return parts


def page() -> str:
    """The text of docs/LICENCES.md."""
    found = entries()
    special = [e for e in found if not e.permissive or canonicalize_name(e.name) in CARRIED]
    pair = next(iter(firefox.directions().values()))
    lines = [
        "# Licences of what this project installs",
        "",
        f"Written by `python -m benchmarks.licences` from the metadata of the {len(found)} packages that "
        f"`requirements.txt` brings.",
        "Speechglass itself is under the MIT License; models stand at the end of this page, fonts "
        "and their licences in `fonts/`.",
        "",
        "## Not only permissive",
        "",
        "Read these before you redistribute an image that contains them. Installing and running them asks for nothing.",
        "",
        "| package | version | licence | note |",
        "|---|---|---|---|",
        *(f"| {e.name} | {e.version} | {e.licence} | {CARRIED.get(canonicalize_name(e.name), UNJUDGED)} "
        f"|" for e in special),
        "",
        "## All",
        "",
        "| package | version | licence |",
        "|---|---|---|",
        *(f"| {e.name} | {e.version} | {e.licence} |" for e in found),
        "",
        "## Models",
        "",
        "One model lies in this repository, with its licence: the face mesh, in `pipeline/faces/`. Silero VAD comes in "
        "a requirement. The others are fetched by the person who runs them.",
        "",
        "| model | job | licence | from | note |",
        "|---|---|---|---|---|",
        *(f"| {m.name} | {m.job} | {m.licence} | {m.source} | {m.note} |" for m in CATALOGUE),
        f"| {firefox.NAME} | translation without a key | {pair.licence} | {pair.source} | one for each direction |",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), "utf-8")
    print(f"{PAGE.relative_to(ROOT)}: {len(entries())} packages")
