"""Phrases in one language, the same number of translations out.

Two steps, because a wrong key must be known before minutes of work: `plan` decides what will translate and checks it,
`carry_out` does it once the phrases are known. The source is never shown as a translation: what could not be
translated is None, and a notice says why.

What a fault leads to:
    before the models run   a key that is refused, used up or too short for the clip stops the run with its own
                            sentence (on a Space, where the key is its owner's, the key-free translation serves instead
                            where there is one); a service that does not answer does not (it may be back in a minute)
    after                   what was paid for is kept; every phrase that is missing stays in its original language, and
                            one notice says which; nothing stops
"""

from __future__ import annotations

import dataclasses
import time
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from pipeline import languages, sentences
from pipeline.cache import StageCache
from pipeline.deepl_service import MAX_CONTEXT, Request, Service, Unavailable
from pipeline.errors import KeyRefusedError, QuotaError, TranslationError
from pipeline.notices import about_phrases
from pipeline.options import Options
from pipeline.records import KeyFree, Notice, Phrase, Progress, Stage
from pipeline.settings import Settings
from pipeline.speech import guards
from pipeline.stages import Models
from pipeline.text import chinese

#: characters a second of clip: 12 to 16 in our clips of running speech, 9 with ordinary pauses; English and Polish
CHARACTERS_PER_S = 12

TARGETS_AGE_S = 24 * 3600.0  #: how long the service's list of languages is believed


@dataclass(frozen=True, slots=True)
class Plan:
    """What will translate."""

    target: str  #: DeepL code, "" for no translation
    fallback_target: str = ""  #: `target` where the key-free translation will be used, else ""
    keys: tuple[str, ...] = field(default=(), repr=False)  #: DeepL keys, in the order to use them
    own_keys: bool = False  #: the keys are the visitor's: what they pay for is not kept for others
    formality: str = "default"
    glossary: str = ""
    owner: str = field(default="", repr=False)  #: as in `Options`


@dataclass(frozen=True, slots=True)
class Translation:
    """One text or None per phrase."""

    texts: tuple[str | None, ...]
    service: str  #: what translated, as it goes into transcript.json; "" for nothing
    notices: tuple[Notice, ...] = ()


def foretold(options: Options, settings: Settings, models: Models) -> Notice | None:
    """Return the notice for a run that nothing can translate, known before it begins; None where something can.

    Raises LanguageError for a target that is not on the list.
    """
    if not options.target or options.keys or settings.deepl_keys:
        return None
    target = languages.parse_target(options.target)
    if models.translates_to(target.code) or (options.source and languages.same_language(options.source, target.code)):
        return None
    return _no_model(target.code)


def _no_model(target: str) -> Notice:
    return Notice(
        "no_key",
        f"A translation into {languages.parse_target(target).name} needs a DeepL key, so the subtitles stay in the "
        "original language; give a key (DEEPL_AUTH_KEY, or your own on the page) to have them translated.",
    )


def plan(options: Options, settings: Settings, models: Models, duration: float) -> Stage[Plan]:
    """What will translate a clip of `duration` seconds; a key has been checked.

    Raises LanguageError for a target that is not on the list, KeyRefusedError, QuotaError, TranslationError for a
    glossary that cannot be read.
    """
    missing = foretold(options, settings, models)
    yield Progress("probe", 1.0, message=missing.text if missing else "")
    if not options.target:
        return Plan("")
    target = languages.parse_target(options.target).code
    keys = options.keys or settings.deepl_keys
    known_same = options.source is not None and languages.same_language(options.source, target)
    if not keys or known_same:
        fallback = target if models.translates_to(target) and not known_same else ""
        return Plan(target, fallback_target=fallback, glossary=options.glossary)
    yield Progress("probe", 1.0, message="Asking DeepL")
    service = Service(keys, settings.deepl_server)
    try:
        keys = service.check(needed=round(duration * CHARACTERS_PER_S))
    except Unavailable:
        pass  # by the rule above: it may be back when the phrases are known
    except (KeyRefusedError, QuotaError):
        # The visitor of a page cannot mend its owner's key.
        if options.keys or not settings.on_spaces or not models.translates_to(target):
            raise
        return Plan(target, fallback_target=target, glossary=options.glossary)
    finally:
        service.close()
    return Plan(target, "", keys, bool(options.keys), options.formality, options.glossary, options.owner)


def carry_out(
    plan: Plan,
    phrases: Sequence[Phrase],
    language: str,
    fallback: KeyFree | None,
    settings: Settings,
    only: Collection[int] | None = None,
) -> Stage[Translation]:
    """The translations of `phrases`, spoken in `language` (ISO 639-1); `fallback` is what the key-free translation
    gave.

    `only` are the indices of those to translate, None for all; the others are context, and None in the result.

    Never raises for a fault of the service: what is missing is None and has a notice.
    """
    yield Progress("translate")
    asked = range(len(phrases)) if only is None else sorted(only)
    if not plan.target or not asked:
        return Translation((None,) * len(phrases), "")
    foreign = [i for i in asked if not languages.same_language(phrases[i].language or language, plan.target)]
    name = languages.parse_target(plan.target).name
    notices: list[Notice] = []
    if len(foreign) < len(asked):
        which = "Everything" if not foreign else f"{len(asked) - len(foreign)} of {len(asked)} phrases"
        notices.append(Notice("already_in_target", f"{which} was said in {name} and is left as it is."))
    if not foreign:
        return Translation((None,) * len(phrases), "", tuple(notices))
    if plan.keys:
        return (yield from _by_deepl(plan, phrases, foreign, language, settings, notices))
    if fallback is None:
        notices.append(_no_model(plan.target))
        return Translation((None,) * len(phrases), "", tuple(notices))
    texts = tuple(
        _checked(fallback.texts[i], phrases[i].source, plan.target) if i in set(foreign) else None
        for i in range(len(phrases))
    )
    notices += fallback.notices
    if not any(texts) and fallback.notices:
        return Translation(texts, "", tuple(notices))
    notices.append(
        Notice("no_key", "Translated by a smaller open model, which makes more mistakes; with a DeepL key "
               "(DEEPL_AUTH_KEY) the translation gets better.")
    )  # fmt: skip
    if plan.glossary:
        notices.append(
            Notice("glossary", "The glossary was not applied: only DeepL can use it; give a DeepL key for that.")
        )
    notices += _missing(
        [i for i in foreign if texts[i] is None], phrases, "the open model gave nothing that can be trusted"
    )
    notices += _partial(texts, fallback.texts, phrases)
    return Translation(texts, fallback.model, tuple(notices))


def _by_deepl(
    plan: Plan, phrases: Sequence[Phrase], foreign: list[int], language: str, settings: Settings, notices: list[Notice]
) -> Stage[Translation]:
    texts: dict[int, str] = {}
    cache = StageCache(settings.cache_dir / "translations", settings.cache_bytes, settings.cache_age_s)
    by_source: dict[str, list[int]] = defaultdict(list)
    for i in foreign:
        by_source[phrases[i].language or language].append(i)
    service = Service(plan.keys, settings.deepl_server)
    cause = ""
    try:
        for spoken, indices in by_source.items():
            source = languages.deepl_source(spoken)
            chosen = [phrases[i] for i in indices]
            with service.glossary(plan.glossary, source, plan.target) as glossary:
                request = Request(plan.target, source, dialogue(phrases), plan.formality, glossary)
                work = _units(chosen, request, service, None if plan.own_keys else cache, plan)
                for unit, translations in work:
                    for position, text in zip(unit, translations, strict=True):
                        if text:
                            texts[indices[position]] = text
                    yield Progress("translate", len(texts) / len(foreign))
            if service.glossary_refused:
                name = languages.parse_target(plan.target).name
                notices.append(
                    Notice("glossary",
                    f"DeepL did not accept the glossary for this pair of languages (into {name}), so it was "
                           "not applied; check which pairs and how many glossaries your DeepL account may have.")
                )  # fmt: skip
    except TranslationError as error:
        cause = str(error)
    finally:
        notices += _usage(service, left=plan.own_keys or not settings.on_spaces)
        service.close()
    missing = [i for i in foreign if i not in texts]
    notices += _missing(missing, phrases, cause or "DeepL gave nothing for it")
    return Translation(tuple(texts.get(i) for i in range(len(phrases))), "DeepL", tuple(notices))


def _units(phrases: list[Phrase], request: Request, service: Service, cache: StageCache | None, plan: Plan):  # type: ignore[no-untyped-def]
    """(indices, translations) of every sentence, from the cache or from the service."""

    def kept_as_asked() -> bool:  # the account of the next key may have refused the glossary
        return not (request.glossary and service.glossary_refused)

    asked: list[tuple[int, ...]] = []
    keys = {}
    for unit in sentences.units(phrases):
        pieces = [phrases[i].source for i in unit]
        keys[unit] = StageCache.key(
            "deepl", pieces=pieces, source=request.source, target=request.target, formality=plan.formality,
            glossary=plan.glossary if request.glossary else "", owner=plan.owner,  # it may have been refused
        )  # fmt: skip
        kept = cache.get(keys[unit], tuple[str, ...]) if cache else None
        if kept is not None and len(kept) == len(unit):
            yield unit, kept
        else:
            asked.append(unit)

    tag = languages.parse_target(plan.target).tag
    alone: list[tuple[int, ...]] = [unit for unit in asked if len(unit) == 1]
    joined = [unit for unit in asked if len(unit) > 1]
    texts = [sentences.marked([phrases[i].source for i in unit]) for unit in joined]
    for index, answer in service.translate(texts, dataclasses.replace(request, xml=True)):
        unit = joined[index]
        parts = sentences.give_back(answer, [phrases[i].source for i in unit], tag) if answer else None
        if parts is None:  # nothing, or too little text to share out: each piece on its own
            alone += [(i,) for i in unit]
            continue
        if cache and kept_as_asked():
            cache.put(keys[unit], parts)
        yield unit, parts
    for index, answer in service.translate([phrases[unit[0]].source for unit in alone], request):
        unit = alone[index]
        if cache and answer and unit in keys and kept_as_asked():
            cache.put(keys[unit], (answer,))
        yield unit, (answer,)


def dialogue(phrases: Sequence[Phrase]) -> str:
    """What everybody says, as context for the translator: lines "Speaker: text", at most `MAX_CONTEXT` characters."""
    lines: list[str] = []
    last: str | None = None
    for phrase in phrases:
        if lines and phrase.person == last:
            lines[-1] += f" {phrase.source}"
        else:
            lines.append(f"{phrase.person or 'Voice'}: {phrase.source}")
        last = phrase.person
    return "\n".join(lines)[:MAX_CONTEXT]


def available_targets(settings: Settings) -> tuple[languages.Language, ...]:
    """The languages that can be chosen: the service's own list where the settings have a key that works, asked once a
    day, else the maintained one.
    """
    if not settings.deepl_keys:
        return languages.TARGETS
    asked = _offered.get((settings.deepl_keys, settings.deepl_server))
    if asked is None or time.monotonic() - asked[0] > TARGETS_AGE_S:
        service = Service(settings.deepl_keys, settings.deepl_server)
        try:
            asked = (time.monotonic(), service.targets())
        except TranslationError:
            return languages.TARGETS
        finally:
            service.close()
        _offered[settings.deepl_keys, settings.deepl_server] = asked
    known = {language.code: language for language in languages.TARGETS}
    found = [dataclasses.replace(known[code], formality=formal) for code, _, formal in asked[1] if code in known]
    return tuple(sorted(found, key=lambda language: language.name)) or languages.TARGETS


#: what the service offered, by keys and server, with the time it was asked
_offered: dict[tuple[tuple[str, ...], str | None], tuple[float, tuple[tuple[str, str, bool], ...]]] = {}


def _usage(service: Service, *, left: bool) -> list[Notice]:
    """What was paid and, for the key's owner (`left`), what is left of the month, where the service says."""
    try:
        allowance = service.allowance()
    except TranslationError:
        return []
    text = f"This clip used {service.billed:,} DeepL characters"
    if left and allowance.left is not None:
        text += f"; {allowance.left:,} of {allowance.limit:,} are left this month"
    return [Notice("deepl_usage", text + ".")]


def _missing(indices: Sequence[int], phrases: Sequence[Phrase], cause: str) -> list[Notice]:
    if not indices:
        return []
    starts = [phrases[i].start for i in indices]
    text = about_phrases(starts, "stays in its original language", "stay in their original language")
    return [Notice("untranslated", f"{text}: {cause.rstrip('.')}.")]


def _partial(texts: Sequence[str | None], given: Sequence[str | None], phrases: Sequence[Phrase]) -> tuple[Notice, ...]:
    """Return the notice about phrases of which a sentence has lost its translation, because it was an invented one."""
    starts = [
        phrase.start
        for text, translation, phrase in zip(texts, given, phrases, strict=True)
        if text and translation and guards.is_partial(text, translation, phrase.source)
    ]
    if not starts:
        return ()
    text = about_phrases(starts, "is translated in part", "are translated in part")
    return (Notice("partly_translated", f"{text}: for the rest the open model gave words that nobody says."),)


def _checked(translation: str | None, source: str, target: str) -> str | None:
    """Return a key-free translation without what its source does not say, Chinese in the characters of the target."""
    kept = guards.without_invention(translation, source) if translation else None
    script = languages.parse_target(target).script
    return chinese.convert(kept, script) if kept and script in ("Hans", "Hant") else kept


def in_one_script(phrases: Sequence[Phrase], language: str, target: str) -> tuple[Phrase, ...]:
    """Return the phrases with all Chinese in one script: the target's where it is Chinese too, else that of most of it.

    Whisper writes simplified and traditional characters in one clip. `language` is the clip's, as Whisper names it.
    """
    wanted = languages.parse_target(target).script if target else ""
    result = list(phrases)
    for code in chinese.CHINESE:
        own = [i for i, phrase in enumerate(phrases) if (phrase.language or language) == code]
        if not own:
            continue
        texts = [phrases[i].source for i in own]
        script = wanted if wanted in ("Hans", "Hant") else chinese.main_script(texts, code)
        for i, source in zip(own, texts, strict=True):
            words = chinese.convert_pieces([word.text for word in phrases[i].words], script, code)
            result[i] = dataclasses.replace(
                phrases[i],
                source=chinese.convert(source, script, code),
                words=tuple(
                    dataclasses.replace(word, text=text) for word, text in zip(phrases[i].words, words, strict=True)
                ),
            )
    return tuple(result)
