"""Phrases in one language, the same number of translations out.

Two steps, because a wrong key must be known before minutes of work: `plan` decides what will translate and checks it,
`carry_out` does it once the phrases are known. The source is never shown as a translation: what could not be
translated is None, and a notice says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline import languages
from pipeline.records import Models, Notice, Phrase, Progress, Stage
from pipeline.options import Options
from pipeline.settings import Settings


@dataclass(frozen=True, slots=True)
class Plan:
    """What will translate."""

    target: str  #: DeepL code, "" for no translation
    fallback_target: str = ""  #: `target` where the key-free translation will be used, else ""
    keys: tuple[str, ...] = field(default=(), repr=False)  #: DeepL keys that passed the check, in the order to use them


@dataclass(frozen=True, slots=True)
class Translation:
    """One text or None per phrase."""

    texts: tuple[str | None, ...]
    service: str  #: what translated, as it goes into transcript.json; "" for nothing
    notices: tuple[Notice, ...] = ()


def plan(options: Options, settings: Settings, models: Models, duration: float) -> Stage[Plan]:
    """What will translate a clip of `duration` seconds.

    Raises LanguageError for a target that is not on the list, KeyRefusedError, QuotaError.
    """
    yield Progress("probe")
    if not options.target:
        return Plan("")
    target = languages.parse_target(options.target).code
    keys = options.keys or settings.deepl_keys
    if keys:
        return Plan(target, keys=keys)
    return Plan(target, fallback_target=target if models.translates_to(target) else "")


def carry_out(
    plan: Plan, phrases: Sequence[Phrase], language: str, fallback: tuple[str | None, ...] | None, settings: Settings
) -> Stage[Translation]:
    """The translations of `phrases`, spoken in `language` (ISO 639-1); `fallback` is what the key-free translation gave."""
    yield Progress("translate")
    nothing = (None,) * len(phrases)
    if not plan.target or not phrases:
        return Translation(nothing, "")
    name = languages.parse_target(plan.target).name
    if fallback is not None:
        missing = sum(text is None for text in fallback)
        notices = (
            Notice("no_key", "Translated without DeepL by a smaller model; add a DeepL key for a better translation."),
        )
        if missing:
            notices += (
                Notice(
                    "untranslated",
                    f"{missing} of {len(phrases)} phrases could not be translated and stay as they were said.",
                ),
            )
        return Translation(fallback, "Whisper translate", notices)
    return Translation(
        nothing,
        "",
        (Notice("no_key", f"A translation into {name} needs a DeepL key: set DEEPL_AUTH_KEY and run again."),),
    )
