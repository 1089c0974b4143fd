"""The style file: a look with everything that a viewer can set in it, as a small JSON text.

    {"style": 1, "look": "cyberpunk", "reveal": "live", "texts": "morph", "position": "auto", "font": "",
     "text_size": 1.0, "panel_opacity": null, "markers": true, "reduced_motion": false,
     "people": {"p1": {"colour": "#ff3355", "position": [0.5, 0.9]}}}

Everything may be left out. People go by id or by name. A position is where the lower middle of the person's panels
stands, as shares of the picture's width and height. A font of one's own is never part of it.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import RecordError
from pipeline.json_text import read_object
from pipeline.records import REVEALS, TEXTS, Analysis, Look, PersonStyle

VERSION = 1
MAX_BYTES = 100_000
MOST_PEOPLE = 100
POSITIONS = ("auto", "bottom")
NONE = "That is not a Speechglass style file; give one that was saved here, or write one as docs/look.md says."
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


def to_json(look: Look) -> str:
    """Return the look as the text of a style file."""
    return json.dumps({"style": VERSION, **to_object(look)}, ensure_ascii=False, indent=1) + "\n"


def to_object(look: Look) -> dict[str, Any]:
    """Return the look as plain values; a font of one's own is left out."""
    values = dataclasses.asdict(look)
    values = {"look": values.pop("name"), **values}
    values["font"] = "" if Path(look.font).is_absolute() else look.font
    values["people"] = {
        who: {name: value for name, value in one.items() if value} for who, one in values["people"].items()
    }
    return values


def from_json(text: str | bytes) -> Look:
    """Return the look in the text of a style file.

    Raises RecordError for anything else, and for a value there is not.
    """
    if len(text) > MAX_BYTES:
        raise RecordError(f"The style file is larger than {MAX_BYTES // 1000} kB; give one that was saved here.")
    given = read_object(text, RecordError(NONE))
    if given.pop("style", VERSION) != VERSION:
        raise RecordError("The style file is of another version of Speechglass; save it again with this one.")
    unknown = sorted(
        given.keys() - {"look", *(field.name for field in dataclasses.fields(Look))} | given.keys() & {"name"}
    )
    if unknown:
        raise RecordError(f"The style file has an unknown entry {unknown[0][:40]!r}; remove it.")
    return from_object(given)


def read(file: Path) -> Look:
    """Return the look in a style file.

    Raises RecordError.
    """
    try:
        with file.open("rb") as opened:
            return from_json(opened.read(MAX_BYTES + 1))
    except OSError as error:
        raise RecordError(f"{file} cannot be read ({error.strerror}); name another style file.") from None


def from_object(given: Mapping[str, Any], what: str = "style file") -> Look:
    """Return the look that plain values describe; what is left out is as usual. `what` names their file in errors.

    Raises RecordError for a value there is not.
    """
    from pipeline.subtitles import fonts, looks

    choices = {
        "look": looks.names(),
        "position": POSITIONS,
        "texts": TEXTS,
        "reveal": REVEALS,
        "font": ("", *fonts.installed()),
    }
    usual = Look()
    chosen = {name: given.get(name, getattr(usual, "name" if name == "look" else name)) for name in choices}
    for name, value in chosen.items():
        if not isinstance(value, str) or value not in choices[name]:
            several = ", ".join(filter(None, choices[name]))
            raise RecordError(f"The {what} asks for an unknown {name}; choose one of {several}.")
    switches = {name: given.get(name, getattr(usual, name)) for name in ("markers", "reduced_motion")}
    for name, value in switches.items():
        if not isinstance(value, bool):
            raise RecordError(f"In the {what}, {name} must be true or false.")
    chosen["name"] = chosen.pop("look")
    opacity = given.get("panel_opacity")
    return Look(
        **chosen,
        **switches,
        text_size=_number(given.get("text_size", 1.0), 0.5, 2.0, f"The text size in the {what}"),
        panel_opacity=None if opacity is None else _number(opacity, 0.0, 1.0, f"The panel opacity in the {what}"),
        people=_people(given.get("people", {}), what),
    )


def _people(given: Any, what: str) -> dict[str, PersonStyle]:
    if not isinstance(given, dict) or len(given) > MOST_PEOPLE:
        raise RecordError(f"In the {what}, people must be an object of at most {MOST_PEOPLE} names.")
    found = {}
    for who, one in given.items():
        place = f"{who[:40]} in the {what}"
        if not isinstance(one, dict) or one.keys() - {"colour", "position"}:
            raise RecordError(f"{place} may have a colour and a position, nothing else.")
        colour, position = one.get("colour") or "", one.get("position")
        if not isinstance(colour, str) or (colour and not _COLOUR.fullmatch(colour)):
            raise RecordError(f"The colour of {place} must be like #ff3355.")
        if position is not None:
            if not isinstance(position, list | tuple) or len(position) != 2:
                raise RecordError(f"The position of {place} must be two numbers from 0 to 1.")
            x, y = (_number(value, 0.0, 1.0, f"The position of {place}") for value in position)
            position = (x, y)
        found[who] = PersonStyle(colour, position)
    return found


def _number(given: Any, least: float, most: float, what: str) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not least <= given <= most:
        raise RecordError(f"{what} must be a number from {least:g} to {most:g}.")
    return float(given)


def person(look: Look, who: str, name: str) -> PersonStyle:
    """Return what the look sets for the person with the id `who`, or called `name`."""
    own = look.people.get(who)
    if own is None:
        called = {key.casefold(): one for key, one in look.people.items()}
        own = called.get(name.casefold(), PersonStyle())
    return own


def recoloured(analysis: Analysis, look: Look) -> Analysis:
    """Return the analysis with its people in the colours that the look sets."""
    if not look.people:
        return analysis
    people = tuple(
        dataclasses.replace(one, colour=person(look, one.id, one.name).colour or one.colour) for one in analysis.people
    )
    return dataclasses.replace(analysis, people=people)
