"""What can be refused before the queue, each in a sentence that ends in what to do."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from pipeline import given, languages, style
from pipeline.brought import Given
from pipeline.deepl_service import read_terms
from pipeline.errors import LimitError, NotAClipError, TranslationError, UsageError
from pipeline.records import Clip, Look
from pipeline.settings import Settings
from pipeline.subtitles import own_font
from pipeline.web.services import FORMALITIES, LOOKS, POSITIONS, REVEALS, TEXTS, Services

#: DeepL keys are a UUID, with ":fx" on the free plan (developers.deepl.com/docs/getting-started/auth); a little looser.
KEY_FORM = re.compile(r"[A-Za-z0-9-]{20,64}(:[a-z]{2})?")
MAX_SPEAKERS = 20
MAX_TRACKS = 99
GLOSSARY_ID = re.compile(r"[0-9a-fA-F-]{36}")
MAX_GLOSSARY = 10_000  #: characters


def clip(path: str | Path | None, services: Services) -> Clip:
    """The probed upload.

    Raises InputError for no file, a file beyond the limits or one that is no clip.
    """
    return services.probe(file(path, services))


def file(path: str | Path | None, services: Services) -> Path:
    """The upload, small enough to be looked into.

    Raises InputError for no file and one that is too large.
    """
    if not path:
        raise NotAClipError("There is no clip yet; choose one, paste a web address or pick an example.")
    upload = Path(path)
    if not upload.is_file():
        raise NotAClipError("The clip is not here any more; upload it again.")
    limit = services.settings.max_file_bytes
    if upload.stat().st_size > limit:
        raise LimitError(f"The file is larger than {megabytes(limit)}; cut it or save it smaller.")
    return upload


def address(url: str, settings: Settings) -> str:
    """The trimmed address. What it leads to is `download.fetch`'s to check, after resolving.

    Raises UsageError for anything but http and https, or with a user name in it.
    """
    trimmed = url.strip()
    try:
        parts = urlsplit(trimmed)
        valid = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc and len(trimmed) < 2000
    except ValueError:
        valid = False
    if not valid:
        raise UsageError("That is not a web address; paste one that starts with https://.")
    return trimmed


def keys(text: str | None) -> tuple[str, ...]:
    """The visitor's DeepL keys, () for none. The text itself never appears in a message.

    Raises UsageError for what cannot be a key.
    """
    parts = tuple(part.strip() for part in str(text or "").split(",") if part.strip())
    if not all(KEY_FORM.fullmatch(part) for part in parts):
        raise UsageError(
            "That does not look like a DeepL key; copy it from your DeepL account, or leave the box empty."
        )
    return parts


def target(text: str | None) -> str:
    """The DeepL code, "" for no translation. One that needs a key is taken without, too: the subtitles then stay in the
    original language, and a notice says so.

    Raises LanguageError for an unknown language.
    """
    wanted = str(text or "").strip()
    if wanted.casefold() in ("", "none"):
        return ""
    return languages.parse_target(wanted).code


def source(text: str | None) -> str | None:
    """Whisper's code of the spoken language, None to detect it.

    Raises LanguageError for an unknown language.
    """
    wanted = str(text or "").strip()
    return languages.parse_source(wanted).whisper if wanted.casefold() not in ("", "auto") else None


def speakers(number: float | str | None) -> int | None:
    """How many people speak, None to find out.

    Raises UsageError beyond 1..`MAX_SPEAKERS`; 0 means None.
    """
    what = f"The number of speakers must be a whole number from 1 to {MAX_SPEAKERS}, or 0 to detect it."
    return _whole_number(number, MAX_SPEAKERS, what) or None


def audio_track(number: float | str | None) -> int | None:
    """Return the number of the sound track to hear, None to find the one with speech.

    Raises UsageError for what is no such number.
    """
    what = f"The sound track must be a number from 1 to {MAX_TRACKS}, or 0 for the one with speech."
    return _whole_number(number, MAX_TRACKS, what) or None


def _whole_number(value: float | str | None, most: int, sentence: str) -> int:
    """Return a whole number from 0 to `most`; None and "" are 0.

    Raises UsageError with the sentence for anything else.
    """
    try:
        number = int(value or 0)
        exact = float(value or 0) == number
    except (TypeError, ValueError, OverflowError):
        exact, number = False, 0
    if not exact or not 0 <= number <= most:
        raise UsageError(sentence)
    return number


def speech(name: str | None, services: Services) -> str:
    """Return the speech model, "" for the one that the settings name.

    Raises UsageError for one that is not offered here.
    """
    allowed = [model.name for model in services.speech()]
    if name and name not in allowed:
        several = f"must be one of {', '.join(allowed)}" if allowed else "cannot be chosen here"
        raise UsageError(f"The speech model {several}; reload the page and choose again.")
    return str(name or "")


def formality(text: str | None) -> str:
    """How to address people, where DeepL has it.

    Raises UsageError for a choice there is not.
    """
    allowed = [value for _, value in FORMALITIES]
    if (text or "default") not in allowed:
        raise UsageError(f"The formality must be one of {', '.join(allowed)}; choose one of these.")
    return str(text or "default")


def glossary(text: str | None) -> str:
    """The trimmed glossary: a DeepL id or lines "term = translation"; "" for none.

    Raises UsageError for what is neither.
    """
    given = str(text or "").strip()
    if len(given) > MAX_GLOSSARY:
        raise UsageError(f"The glossary may have at most {MAX_GLOSSARY:,} characters; shorten it.")
    if given and not GLOSSARY_ID.fullmatch(given):
        try:
            read_terms(given)
        except TranslationError as error:
            raise UsageError(str(error)) from None
    return given


def brought(transcript: str | None, turns: str | None) -> Given:
    """Return what the visitor's files hold: a transcript, and who speaks when.

    Raises RecordError for a file that cannot be read or is none.
    """
    if not transcript and not turns:
        return Given()
    return given.read_apart(Path(transcript) if transcript else None, Path(turns) if turns else None)


def of_the_clip(what: Given, clip: Clip) -> None:
    """Check what was brought against the clip it was brought with.

    Raises RecordError where it cannot be of it.
    """
    given.check(what, clip.duration)


def look(
    name: str | None,
    position: str | None,
    text_size: float | None,
    texts: str | None,
    calm: bool | None,
    reveal: str | None = "live",
    more: str | None = "",
    font: str | None = None,
) -> Look:
    """Return the look of these choices.

    A `name` that is the text of a style file is the whole look. `more` is the text of a style file of which font,
    opacity, markers and people count; `font` is an uploaded font file.

    Raises UsageError for a choice there is not, RecordError for a style file that is none.
    """
    if str(name or "").lstrip().startswith("{"):
        return style.from_json(str(name))
    for chosen, choices, what in (
        (name, LOOKS, "look"),
        (position, POSITIONS, "position"),
        (texts, TEXTS, "texts"),
        (reveal, REVEALS, "reveal"),
    ):
        allowed = [value for _, value in choices]
        if chosen not in allowed:
            raise UsageError(f"The {what} must be one of {', '.join(allowed)}; choose one of these.")
    try:
        size = float(text_size if text_size is not None else 1.0)
    except (TypeError, ValueError):
        size = 0.0
    if not 0.5 <= size <= 2.0:
        raise UsageError("The text size must be a number from 0.5 to 2; 1 is the usual size of the look.")
    own = style.from_json(more) if more else Look()
    return Look(
        name=str(name),
        position=str(position),
        text_size=size,
        texts=str(texts),
        reduced_motion=bool(calm),
        reveal=str(reveal),
        font=own_font.check(Path(font)) if font else own.font,
        panel_opacity=own.panel_opacity,
        markers=own.markers,
        people=own.people,
    )


def megabytes(size: int) -> str:
    """Return a size as people say it: "200 MB"."""
    return f"{size / 2**20:.0f} MB"


def minutes(seconds: float) -> str:
    """Return a length as people say it: "5 minutes", "90 seconds"."""
    if seconds >= 60 and seconds % 60 == 0:
        return f"{seconds / 60:.0f} minute{'s' if seconds != 60 else ''}"
    return f"{seconds:.0f} seconds"
