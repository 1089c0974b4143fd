"""Translation without a key into any language of the list, by an open model (the full set).

M2M100-418M (Fan et al. 2020, arXiv 2010.11125): MIT licence, 100 languages, every pair in one model and without English in
between, 1 GB in fp16. Looked at and not taken: NLLB-200 (CC-BY-NC), Opus-MT (CC-BY, but a model for every pair: hundreds of
repositories to preload), MADLAD-400 3B (Apache-2.0 and better, but 6 GB that every cold GPU worker of a visitor would copy
onto the card for a fallback).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.records import Phrase, Progress, Stage
from pipeline.speech import guards

#: Phrases translated together. Subtitle phrases are short: 32 of them are 2000 tokens.
BATCH = 32
BEAMS = 4
#: A translation may have this many tokens for each of the source and this many on top; longer ones are loops.
TOKENS_PER_TOKEN, TOKENS_MORE = 2.0, 16
MOST_TOKENS = 200
#: Where the model's name of a language is not the one DeepL or Whisper use.
CODES = {"nb": "no", "nn": "no", "iw": "he", "jw": "jv", "yue": "zh", "fil": "tl"}


@dataclass(frozen=True, slots=True)
class Translator:
    """The network and its tokenizer."""

    model: Any
    tokenizer: Any


def load(source: str | Path, *, revision: str | None, device: str, dtype: str) -> Translator:
    """M2M100 on `device`; `source` is a Hub repository or a folder with the same files.

    Raises OSError where the weights can be neither found nor fetched.
    """
    import torch
    from transformers import M2M100ForConditionalGeneration, M2M100Tokenizer

    at: dict[str, Any] = {"revision": revision} if revision else {}
    model: Any = M2M100ForConditionalGeneration.from_pretrained(source, dtype=getattr(torch, dtype), **at)
    return Translator(model.to(device).eval(), M2M100Tokenizer.from_pretrained(source, **at))


def language_of(code: str) -> str | None:
    """M2M100's code for a DeepL or ISO 639-1 code ("PT-BR", "nb"), None for a language it does not know."""
    from transformers.models.m2m_100.tokenization_m2m_100 import FAIRSEQ_LANGUAGE_CODES

    base = code.lower().split("-")[0]
    base = CODES.get(base, base)
    return base if base in FAIRSEQ_LANGUAGE_CODES["m2m100"] else None


def translates_to(target: str) -> bool:
    """Whether `translate_text` knows the language with this DeepL code."""
    return language_of(target) is not None


def translate_text(
    phrases: tuple[Phrase, ...], language: str, target: str, *, translator: Translator
) -> Stage[tuple[str | None, ...]]:
    """Each phrase in the `target` language (DeepL code): n phrases in, n texts out.

    None where the phrase has nothing to translate, is in the target language already, is in a language the model does not
    know, or where the model ran into a loop.
    """
    texts: list[str | None] = [None] * len(phrases)
    to = language_of(target)
    if to is None:
        return tuple(texts)
    waiting: dict[str, list[int]] = {}
    for index, phrase in enumerate(phrases):
        source = language_of(phrase.language or language)
        if source and source != to and any(character.isalpha() for character in phrase.source):
            waiting.setdefault(source, []).append(index)
    total = sum(map(len, waiting.values()))
    done = 0
    for source, indices in waiting.items():
        indices.sort(key=lambda index: len(phrases[index].source))  # like lengths together: little padding
        for first in range(0, len(indices), BATCH):
            batch = indices[first : first + BATCH]
            answers = _generate([phrases[index].source.strip() for index in batch], source, to, translator)
            for index, answer in zip(batch, answers, strict=True):
                texts[index] = answer if answer and not guards.loops(answer) else None
            done += len(batch)
            yield Progress("translate", done / total, "Translating")
    return tuple(texts)


def _generate(sources: list[str], source: str, target: str, translator: Translator) -> list[str]:
    import torch

    tokenizer, model = translator.tokenizer, translator.model
    tokenizer.src_lang = source
    batch = tokenizer(sources, return_tensors="pt", padding=True, truncation=True, max_length=MOST_TOKENS).to(
        model.device
    )
    longest = int(batch["attention_mask"].sum(1).max())
    with torch.inference_mode():
        tokens = model.generate(
            **batch,
            forced_bos_token_id=tokenizer.get_lang_id(target),
            num_beams=BEAMS,
            max_new_tokens=min(MOST_TOKENS, int(longest * TOKENS_PER_TOKEN) + TOKENS_MORE),
            no_repeat_ngram_size=4,
        )
    return [text.strip() for text in tokenizer.batch_decode(tokens, skip_special_tokens=True)]
