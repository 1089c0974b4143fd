"""Lines that are known, translated again: no speech, voice or face is looked for."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from pathlib import Path

from pipeline import languages, media, transcript, translate
from pipeline.errors import KeyMissingError, TranslationError, UsageError
from pipeline.options import Options
from pipeline.perceive import perceive
from pipeline.progress import Clock, each
from pipeline.records import Analysis, Clip, Findings, Job, KeyFree, Notice, Perception, Phrase, Progress, Stage
from pipeline.settings import Settings
from pipeline.stages import Models, Perceiving
from pipeline.workspace import workspace

STAGES = ("probe", "translate")

#: The notices of a translation, by code: another translation replaces them.
ABOUT_TRANSLATION = frozenset(
    ("already_in_target", "no_key", "deepl_usage", "untranslated", "partly_translated", "glossary", "heard_again")
)


def retranslate(
    path: Path | None,
    analysis: Analysis,
    options: Options,
    settings: Settings,
    models: Models,
    *,
    lines: Collection[int] | None = None,
    clock: Clock | None = None,
) -> Stage[Analysis]:
    """Return `analysis` with its lines translated into `options.target` from their originals as they stand.

    `lines` are the numbers of the lines to translate; None translates all, into another language where `options` name
    one. Lines alone are translated with the others as context, and nothing but their translation changes. The clip at
    `path` may be None; it is heard where no translator without a key reads the language.

    Raises UsageError for lines that do not exist and for lines alone in another language than the rest, LanguageError,
    KeyMissingError where the language needs a key, KeyRefusedError, QuotaError, TranslationError where nothing could be
    translated, ModelError, and InputError for a clip that cannot be read.
    """
    _check(analysis, options, lines)
    clock = clock or Clock(STAGES)
    clock.duration = analysis.media.duration
    chosen = {i for i, phrase in enumerate(analysis.phrases) if lines is None or phrase.id in lines}
    seconds = sum(analysis.phrases[i].end - analysis.phrases[i].start for i in chosen)
    plan = yield from clock.follow(translate.plan(options, settings, models, seconds))
    phrases = analysis.phrases
    if lines is None:
        phrases = translate.in_one_script(phrases, analysis.language, plan.target)
    foreign = [
        i
        for i in sorted(chosen)
        if plan.target and not languages.same_language(phrases[i].language or analysis.language, plan.target)
    ]
    fallback = None
    if foreign and not plan.keys and not plan.fallback_target:
        name = languages.parse_target(plan.target).name
        raise KeyMissingError(f"A translation into {name} needs a DeepL key; give yours and try again.")
    if plan.fallback_target and foreign:
        asked = tuple(phrases[i] for i in foreign)
        answer = yield from clock.follow(_without_key(path, analysis, asked, plan.target, settings, models))
        by_index = dict(zip(foreign, answer.texts, strict=True))
        fallback = dataclasses.replace(answer, texts=tuple(by_index.get(i) for i in range(len(phrases))))
    work = translate.carry_out(plan, phrases, analysis.language, fallback, settings, only=chosen)
    translation = yield from clock.follow(work)
    if foreign and not any(translation.texts[i] for i in foreign):  # what there was is better than nothing
        raise TranslationError(translation.notices[-1].text)
    renewed = tuple(
        dataclasses.replace(phrase, translation=translation.texts[i]) if i in chosen else phrase
        for i, phrase in enumerate(phrases)
    )
    notices = translation.notices
    if fallback is not None and fallback.heard:
        notices += (
            Notice("heard_again", "Without a DeepL key these lines are translated from their sound, not their text."),
        )
    service = translation.service or ("" if lines is None else analysis.models.get("translation", ""))
    result = dataclasses.replace(
        analysis,
        target_language=plan.target,
        phrases=renewed,
        models={**analysis.models, "translation": service},
        notices=_merged(analysis, notices, renewed, whole=lines is None),
    )
    transcript.check_bounds(result, result.media.duration)
    yield clock.mark(Progress("translate", 1.0))
    return result


def _check(analysis: Analysis, options: Options, lines: Collection[int] | None) -> None:
    if not analysis.phrases:
        raise UsageError("There are no lines to translate; add one first.")
    if lines is None:
        return
    unknown = sorted(set(lines) - {phrase.id for phrase in analysis.phrases})
    if unknown or not lines:
        what = f"There is no line {unknown[0]}" if unknown else "No line is selected"
        raise UsageError(f"{what}; look at the transcript again.")
    target = languages.parse_target(options.target).code if options.target else ""
    if not target:
        raise UsageError("Choose the language to translate into first.")
    if analysis.target_language not in ("", target) and len(set(lines)) < len(analysis.phrases):
        name = languages.parse_target(analysis.target_language).name
        raise UsageError(f"The other lines are in {name}; translate all of them to change the language.")


def _without_key(
    path: Path | None, analysis: Analysis, phrases: tuple[Phrase, ...], target: str, settings: Settings, models: Models
) -> Stage[KeyFree]:
    """Return the key-free translation of `phrases`: from their texts, or from the clip's sound.

    Without the clip there is no file at `Job.sound`; a translator that has to hear it raises UsageError.
    """
    if path is not None:
        clip = media.probe(path, settings, analysis.media.audio_track or None)
    else:
        clip = Clip(Path(), analysis.media.duration, has_video=False, has_audio=False)
    with workspace() as folder:
        sound = folder / "sound.wav"
        if path is not None and not models.reads:
            yield from media.extract_sound(clip, sound)
        job = Job(clip, sound, fallback_target=target, again=phrases, language=analysis.language)
        found = yield from _steps((models.perceive or perceive)(models, job))
    return found.translations or KeyFree((None,) * len(phrases))


def _steps(work: Perceiving) -> Stage[Perception]:
    def only_progress(step: Progress | Findings) -> Progress | None:
        return step if isinstance(step, Progress) else None

    return each(work, only_progress)


def _merged(
    analysis: Analysis, new: tuple[Notice, ...], phrases: tuple[Phrase, ...], *, whole: bool
) -> tuple[Notice, ...]:
    """The notices that still hold, and the new ones. Those about lines that were left as they were stay."""
    again = {notice.code for notice in new}
    gone = {"deepl_usage", *again}
    if whole:
        gone = set(ABOUT_TRANSLATION)
    elif all(phrase.translation for phrase in phrases):
        gone |= {"untranslated"}
    return tuple(dict.fromkeys((*(notice for notice in analysis.notices if notice.code not in gone), *new)))
