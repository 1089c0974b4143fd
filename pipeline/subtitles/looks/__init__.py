"""The looks. One file each: a `STYLE` and, where the look has shapes of its own, small functions that paint them.

A new look is a new module here; nothing else needs to know. A name with a hyphen, such as `word-pop`, is the module
`word_pop`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import UsageError
from pipeline.records import Look

if TYPE_CHECKING:
    from PIL import Image

RGB = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Row:
    """One text of a panel."""

    text: str  #: "turn" (the source that becomes the translation), "source", "translation"
    size: float = 1.0  #: of the look's text size
    weight: str = "bold"
    colour: RGB | None = (255, 255, 255)  #: of the translation; None: the speaker's
    source_colour: RGB = (176, 190, 200)
    ghost: float = 0.0  #: opacity of what has not been said yet
    pop: bool = False  #: each word pops as it is said


@dataclass(frozen=True, slots=True)
class Panel:
    """Texts that stand together, in one place."""

    place: str  #: "head", "bottom", "top bar", "bottom bar"
    rows: tuple[Row, ...]
    name: bool = False  #: the speaker's name stands on it always; else only where no face carries it


@dataclass(frozen=True, slots=True)
class Style:
    """A look as data. Lengths are in text sizes (em of the main text) unless they say otherwise."""

    name: str
    title: str
    panels: Mapping[str, tuple[Panel, ...]]  #: by `Look.texts`
    family: str = "technical"
    tall: float = 0.050  #: text size, of the picture's height ...
    wide: float = 0.047  #: ... but no more than this of its width
    widths: tuple[int, ...] = (42,)  #: characters a line may have, tried in order until two lines hold the text
    align: str = "start"
    padding: tuple[float, float] = (0.62, 0.42)  #: beside, above and below the text
    spacing: float = 0.1  #: between rows
    tint: RGB = (9, 13, 18)
    strength: tuple[float, float] = (0.0, 0.0)  #: of the glass: over a dark picture, over a bright one; 0, 0: no glass
    outline: float = 0.0  #: dark rim of the text
    bars: float = 0.0  #: height of the black bars above and below the picture
    caret: bool = False
    flicker: bool = False
    pointer: bool = False  #: a notch towards the face, a leader line where the panel had to move away
    opening_s: float = 0.0  #: the panel opens from its edge in this time
    fade_s: float = 0.12
    marks: bool = False  #: of several who speak at once the last to start has text, a mark stands for each other
    strict: bool = False  #: and at once, even where the others' text was not read yet
    brackets: bool = True  #: corner brackets mark the speaking face
    names: bool = True  #: the speakers' names are shown, at the face or on the panel
    accent: RGB | None = None  #: of panels and of what moves on them; None: the speaker's colour
    glass: Callable[[int, int, float], Image.Image] | None = None  #: (width, height, em) -> "L", where the glass is
    trim: Callable[[int, int, float, RGB, bool], Image.Image] | None = None  #: (.., accent, from the right) -> "RGBA"


def names() -> tuple[str, ...]:
    """The looks there are."""
    return tuple(sorted(m.name.replace("_", "-") for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_")))


def chosen(look: Look) -> Style:
    """Return the style of the look, with the font and the opacity that it sets.

    Raises UsageError for a look that does not exist.
    """
    style = load(look.name)
    if look.font:
        if Path(look.font).is_absolute() and not Path(look.font).exists():
            raise UsageError("The font is no longer here; choose it again, or draw without it.")
        style = replace(style, family=look.font)
    if look.panel_opacity is not None:
        glass = style.glass or (_plain if look.panel_opacity and not style.bars else None)
        style = replace(style, strength=(look.panel_opacity, look.panel_opacity), glass=glass)
    return style


def _plain(width: int, height: int, em: float) -> Image.Image:
    """Return a pane with rounded corners, for looks that have no glass of their own."""
    from PIL import Image, ImageDraw

    fine = 4
    image = Image.new("L", (width * fine, height * fine), 0)
    box = (0, 0, width * fine - 1, height * fine - 1)
    ImageDraw.Draw(image).rounded_rectangle(box, radius=0.25 * em * fine, fill=255)
    return image.reduce(fine)


def load(name: str) -> Style:
    """The look called `name`.

    Raises UsageError where there is none.
    """
    if name not in names():
        raise UsageError(f"There is no look {name!r}; choose one of {', '.join(names())}.")
    style: Style = importlib.import_module(f"{__name__}.{name.replace('-', '_')}").STYLE
    return style
