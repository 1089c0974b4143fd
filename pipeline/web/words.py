"""Times, languages and colours as the page writes them."""

from __future__ import annotations

import re
from html import escape

from pipeline import languages


def clock(seconds: float, *, tenths: bool = False) -> str:
    """Return a time as "1:05", with tenths as "1:05.3"."""
    whole = int(seconds * 10) / 10 if tenths else float(round(seconds))
    minutes, rest = divmod(whole, 60)
    return f"{int(minutes)}:{rest:04.1f}" if tenths else f"{int(minutes)}:{int(rest):02d}"


def duration_in_words(seconds: float) -> str:
    """Return an estimated time in words, no finer than it is known: "8 seconds", "2 minutes"."""
    if seconds < 60:
        count = max(1, round(seconds / 5) * 5 if seconds > 10 else round(seconds))
        return f"{count} second{'s' if count != 1 else ''}"
    return f"{round(seconds / 60)} minute{'s' if round(seconds / 60) != 1 else ''}"


def size(megabytes: float) -> str:
    """Return a size as people say it: "490 MB", "1.6 GB"."""
    if megabytes >= 1000:
        return f"{megabytes / 1000:.1f} GB"
    return f"{round(megabytes, -1 if megabytes >= 100 else 0):.0f} MB"


def colour(colour: str) -> str:
    """Return `colour` if it is written as #rrggbb, else a grey."""
    return colour if re.fullmatch(r"#[0-9a-fA-F]{6}", colour) else "#93a4b5"


def of(language: str) -> str:
    """Return the language in small letters, to be put after a word; "" for none."""
    return f" <small>{escape(language)}</small>" if language else ""


def language_name(code: str) -> str:
    """Return the English name of the spoken language `code`, else the code."""
    language = languages.spoken(code) if code else None
    return language.name if language else code


def target_name(code: str) -> str:
    """Return the English name of the target language `code`, else the code."""
    return next((language.name for language in languages.TARGETS if language.code == code), code)


def direction(code: str) -> str:
    """Return "rtl" or "ltr": the direction in which the language `code` is written."""
    language = languages.spoken(code) if code else None
    if language is None:
        language = next((item for item in languages.TARGETS if item.code == code), None)
    return language.direction if language else "auto"


def seconds(text: str) -> float | None:
    """The time a person typed, "1:05.3" or "65.3", in s; None where it is none."""
    match = re.fullmatch(r"\s*(?:(\d{1,3}):)?(\d{1,5}(?:[.,]\d{1,3})?)\s*", text)
    if not match:
        return None
    return int(match[1] or 0) * 60 + float(match[2].replace(",", "."))
