"""Translation without a key by an open model on a GPU: LMT-60 1.7B (docs/translation.md says why this one).

The model (Luo et al. 2025, arXiv 2511.07003; Apache-2.0) was trained between 60 languages and English or Chinese.
Between two others the way goes through English. It is asked as its authors ask it: their prompt, their chat template,
five beams.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.records import Phrase, Progress, Stage
from pipeline.sentences import divide, joined, units
from pipeline.speech import guards

#: Sentences translated together: 80 beams of 100 tokens hold 1.2 GB of keys and values.
BATCH = 16
BEAMS = 5
#: A translation may have this many tokens for each of the source and this many on top; longer ones are loops.
TOKENS_PER_TOKEN, TOKENS_MORE = 2.0, 32
MOST_TOKENS = 400
#: The model's names of its languages, by ISO 639-1. Left out are two that neither DeepL nor Whisper offer in the same
#: script.
NAMES = {
    "ar": "Arabic", "en": "English", "es": "Spanish", "de": "German", "fr": "French", "it": "Italian", "ja": "Japanese",
    "nl": "Dutch", "pl": "Polish", "pt": "Portuguese", "ru": "Russian", "tr": "Turkish", "zh": "Chinese",
    "bg": "Bulgarian",
    "bn": "Bengali", "cs": "Czech", "da": "Danish", "el": "Modern Greek", "fa": "Persian", "fi": "Finnish",
    "hi": "Hindi",
    "hu": "Hungarian", "id": "Indonesian", "ko": "Korean", "no": "Norwegian", "ro": "Romanian", "sk": "Slovak",
    "sv": "Swedish", "th": "Thai", "uk": "Ukrainian", "vi": "Vietnamese", "am": "Amharic", "az": "Azerbaijani",
    "bo": "Tibetan", "he": "Modern Hebrew", "hr": "Croatian", "hy": "Armenian", "is": "Icelandic", "jv": "Javanese",
    "ka": "Georgian", "kk": "Kazakh", "km": "Central Khmer", "ky": "Kirghiz", "lo": "Lao", "mr": "Marathi",
    "ms": "Malay",
    "my": "Burmese", "ne": "Nepali", "ps": "Pashto", "si": "Sinhala", "sw": "Swahili", "ta": "Tamil", "te": "Telugu",
    "tg": "Tajik", "tl": "Tagalog", "ur": "Urdu", "uz": "Uzbek", "yue": "Yue Chinese",
}  # fmt: skip
#: Where the model's code of a language is not the one DeepL or Whisper use.
CODES = {"nb": "no", "nn": "no", "iw": "he", "jw": "jv", "fil": "tl"}
#: Every direction it was trained on begins or ends in one of these.
CENTRES = ("en", "zh")


@dataclass(frozen=True, slots=True)
class Translator:
    """The network and its tokenizer."""

    model: Any
    tokenizer: Any


def load(source: str | Path, *, revision: str | None, dtype: str) -> Translator:
    """Load LMT-60 into main memory; `source` is a Hub repository or a folder with the same files.

    It goes to the card when a clip needs it (`Translator.model.to`): most do not, and every fresh GPU worker of a Space
    would have to copy 4 GB.

    Raises OSError where the weights can be neither found nor fetched.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    at: dict[str, Any] = {"revision": revision} if revision else {}
    model: Any = AutoModelForCausalLM.from_pretrained(source, dtype=getattr(torch, dtype), **at)
    return Translator(model.eval(), AutoTokenizer.from_pretrained(source, padding_side="left", **at))


def language_of(code: str) -> str | None:
    """Return the model's code for a DeepL or ISO 639-1 code ("PT-BR", "nb"), None for a language it does not know."""
    lower = code.lower()
    if lower.startswith("zh-hant"):  # it writes simplified characters
        return None
    base = lower.split("-")[0]
    base = CODES.get(base, base)
    return base if base in NAMES else None


def translates_to(target: str) -> bool:
    """Return whether `translate_text` knows the language with this DeepL code."""
    return language_of(target) is not None


def translate_text(
    phrases: tuple[Phrase, ...], language: str, target: str, *, translator: Translator
) -> Stage[tuple[str | None, ...]]:
    """Translate phrases into the language `target` (DeepL code), sentence by sentence: n phrases in, n texts out.

    None where the phrase has nothing to translate, is in the target language already, is in a language the model does
    not know, or where the model ran into a loop.
    """
    to = language_of(target)
    if to is None:
        return (None,) * len(phrases)

    def translate(texts: list[str], source: str) -> list[str]:
        return _translated(texts, source, to, translator)

    return (yield from by_sentence(phrases, language, to, target, language_of, translate))


def by_sentence(
    phrases: tuple[Phrase, ...],
    language: str,
    to: str,
    tag: str,
    language_of: Callable[[str], str | None],
    translate: Callable[[list[str], str], list[str]],
) -> Stage[tuple[str | None, ...]]:
    """Translate whole sentences and give each phrase its part; None where there is no translation that can be trusted.

    `language_of` names a language as the translator does, `translate` takes texts and such a name; `to` is the name of
    the target and `tag` its BCP 47 code. A sentence whose translation cannot be divided is translated phrase by phrase.
    """
    texts: list[str | None] = [None] * len(phrases)
    waiting: dict[str, list[tuple[int, ...]]] = {}
    for unit in units(phrases):
        source = language_of(phrases[unit[0]].language or language)
        said = "".join(phrases[i].source for i in unit)
        if source and source != to and any(character.isalpha() for character in said):
            waiting.setdefault(source, []).append(unit)
    total = sum(map(len, waiting.values()))
    done = 0
    for source, asked in waiting.items():
        alone: list[tuple[int, ...]] = []
        for group in (asked, alone):
            for batch in _batches(group, phrases):
                sources = [joined([phrases[i].source for i in unit], source) for unit in batch]
                for unit, answer in zip(batch, translate(sources, source), strict=True):
                    if not answer or guards.loops(answer):
                        continue
                    parts = divide(answer, [phrases[i].source for i in unit], tag)
                    if parts is None:
                        alone += [(i,) for i in unit]
                        continue
                    for i, part in zip(unit, parts, strict=True):
                        texts[i] = part
                done += len(batch)
                yield Progress("translate", min(1.0, done / total), "Translating")
    return tuple(texts)


def _batches(group: list[tuple[int, ...]], phrases: Sequence[Phrase]) -> Iterator[list[tuple[int, ...]]]:
    """Sentences of like length together: little padding."""
    group = sorted(group, key=lambda unit: sum(len(phrases[i].source) for i in unit))
    for first in range(0, len(group), BATCH):
        yield group[first : first + BATCH]


def _translated(texts: list[str], source: str, to: str, translator: Translator) -> list[str]:
    if source in CENTRES or to in CENTRES:
        return _generate(texts, source, to, translator)
    english = _generate(texts, source, "en", translator)
    known = [i for i, text in enumerate(english) if text and not guards.loops(text)]
    answers = _generate([english[i] for i in known], "en", to, translator) if known else []
    result = [""] * len(texts)
    for i, answer in zip(known, answers, strict=True):
        result[i] = answer
    return result


def _generate(texts: list[str], source: str, to: str, translator: Translator) -> list[str]:
    import torch

    tokenizer, model = translator.tokenizer, translator.model
    prompts = [
        tokenizer.apply_chat_template(
            [{"role": "user", "content": prompt(text, source, to)}], tokenize=False, add_generation_prompt=True
        )
        for text in texts
    ]
    batch = tokenizer(prompts, return_tensors="pt", padding=True).to(model.device)
    longest = max(len(tokenizer(text).input_ids) for text in texts)
    with torch.inference_mode():
        tokens = model.generate(
            **batch, num_beams=BEAMS, do_sample=False, pad_token_id=tokenizer.pad_token_id,
            max_new_tokens=min(MOST_TOKENS, int(longest * TOKENS_PER_TOKEN) + TOKENS_MORE),
        )  # fmt: skip
    answers = tokenizer.batch_decode(tokens[:, batch["input_ids"].shape[1] :], skip_special_tokens=True)
    return [answer.strip().partition("\n")[0].strip() for answer in answers]


def prompt(text: str, source: str, to: str) -> str:
    """Return the authors' question for a translation; a line break in `text` would end it."""
    one_line = " ".join(text.split())
    return (
        f"Translate the following text from {NAMES[source]} into {NAMES[to]}.\n{NAMES[source]}: "
        f"{one_line}\n{NAMES[to]}:"
    )
