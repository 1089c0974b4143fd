"""Options that several commands share, and what their values become."""

from __future__ import annotations

import argparse
import dataclasses
import os
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.records import REVEALS, TEXTS, Look


def add_models(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose models."""
    parser.add_argument("--models", choices=("auto", "full", "light"), help="model set (default: auto)")
    parser.add_argument(
        "--speech",
        choices=("base", "small", "turbo"),
        help="speech model on a CPU (default: base); small (490 MB) and turbo (1.6 GB) hear better, take longer and "
        "are fetched once",
    )


def add_services(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose models and tell DeepL how to translate."""
    add_models(parser)
    parser.add_argument(
        "--formality", choices=("default", "more", "less"), default="default", help="where DeepL has it"
    )
    parser.add_argument(
        "--glossary", default="", metavar="ID|FILE", help="a DeepL glossary id or a file 'term = translation'"
    )
    parser.add_argument(
        "--people", type=Path, metavar="FOLDER", help="name people by the portraits and voices in FOLDER/NAME/"
    )


def add_look(parser: argparse.ArgumentParser) -> None:
    """Add the options about how the subtitles look."""
    from pipeline import style
    from pipeline.subtitles import looks

    usual = Look()
    parser.add_argument("--style", type=Path, metavar="FILE", help="a style file; the options below override it")
    parser.add_argument("--save-style", type=Path, metavar="FILE", help="write the look as a style file")
    parser.add_argument("--look", dest="name", choices=looks.names(), help=f"default: {usual.name}")
    parser.add_argument("--position", choices=style.POSITIONS, help=f"of the text; default: {usual.position}")
    parser.add_argument("--text-size", type=float, metavar="FACTOR", help="0.5 to 2")
    parser.add_argument("--texts", choices=TEXTS, help=f"what is shown; default: {usual.texts}")
    parser.add_argument(
        "--reveal",
        choices=REVEALS,
        help="live: a line turns as it is spoken (default); spoken: it is typed, and turns then; none: the translation "
        "at once",
    )
    parser.add_argument(
        "--font", metavar="NAME|FILE", help="a font of the folder fonts, or a TrueType or OpenType file"
    )
    parser.add_argument("--panel-opacity", type=float, metavar="SHARE", help="of the glass behind the text, 0 to 1")
    parser.add_argument(
        "--no-markers", dest="markers", action="store_const", const=False, help="do not mark the speaking face"
    )
    parser.add_argument(
        "--overlay",
        choices=("mov", "webm"),
        default="",
        help="also write the look alone on a transparent background, for an editor: ProRes 4444 or VP9 with alpha",
    )
    parser.add_argument("--reduced-motion", action="store_const", const=True, help="no typing, no flicker, no gliding")


def look_of(given: argparse.Namespace, usual: Look | None = None) -> Look:
    """Return the look of the options; what none sets is as in the style file, else as in `usual`."""
    from pipeline import languages, style
    from pipeline.subtitles import fonts, own_font
    from pipeline.workspace import disk_error

    look = style.read(given.style) if given.style else usual or Look()
    names = ("name", "position", "text_size", "texts", "reveal", "panel_opacity", "markers", "reduced_motion")
    look = dataclasses.replace(look, **{name: value for name in names if (value := getattr(given, name)) is not None})
    if not 0.5 <= look.text_size <= 2.0:
        raise UsageError(f"--text-size must be from 0.5 to 2, not {look.text_size:g}.")
    if look.panel_opacity is not None and not 0.0 <= look.panel_opacity <= 1.0:
        raise UsageError(f"--panel-opacity must be from 0 to 1, not {look.panel_opacity:g}.")
    if given.font is not None:
        target = languages.parse_target(given.to).code if getattr(given, "to", None) else ""
        own = given.font and given.font not in fonts.installed()
        look = dataclasses.replace(look, font=own_font.check(Path(given.font), target) if own else given.font)
    if given.save_style:
        try:
            given.save_style.write_text(style.to_json(look), encoding="utf-8")
        except OSError as error:
            raise disk_error(error) from error
    return look


def count(text: str) -> int:
    """Return a number from 1 to 20; argparse says what is wrong with another."""
    value = int(text)
    if not 1 <= value <= 20:
        raise argparse.ArgumentTypeError("must be from 1 to 20")
    return value


def track(text: str) -> int:
    """Return a number of 1 or more; argparse says what is wrong with another."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value


def glossary(given: str) -> str:
    """The terms in the file `given`; where there is no such file, `given` itself."""
    try:
        if not os.path.isfile(given):  # noqa: PTH113  Path.is_file raises for a name that is too long
            return given
        return Path(given).read_text("utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"{given} is not a text file in UTF-8; save the glossary as one and try again.") from None
    except OSError as error:
        raise UsageError(f"{given} cannot be read ({error.strerror}); name another glossary file.") from None
