"""Translation without a key on a processor, by Firefox Translations models (docs/translation.md).

The engine is fxtranslate. It takes the bytes of a model and of its vocabulary, runs on one thread, and its objects may
only be used in the thread that made them, so a translator lives as long as one call.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import ModelError
from pipeline.open_translation import by_sentence
from pipeline.records import Phrase, Progress, Stage
from pipeline.speech import guards

#: Where the models' code of a language is not the one Whisper uses.
CODES = {"no": "nb", "iw": "he"}


def translate_text(
    phrases: tuple[Phrase, ...], language: str, target: str, *, folders: Mapping[tuple[str, str], Path]
) -> Stage[tuple[str | None, ...]]:
    """Translate phrases into the language `target` (DeepL code), sentence by sentence: n phrases in, n texts out.

    `folders` are those of the models at hand, by direction, ("pl", "en"). Between two other languages the way goes
    through English. None where the phrase has nothing to translate, is in the target language already, has no way into
    it, or where a model ran into a loop.

    Not to be driven from several threads (`pipeline.beside` gives it one of its own).

    Raises ModelError where a model cannot be loaded.
    """
    to = code_of(target)
    engines: dict[tuple[str, str], Any] = {}

    def named(code: str) -> str | None:
        source = code_of(code)
        return source if all(leg in folders for leg in route(source, to)) else None

    def translate(texts: list[str], source: str) -> list[str]:
        for leg in route(source, to):
            if leg not in engines:
                engines[leg] = _load(folders[leg])
            # Sentences of a text are translated one by one; a longer one than the model's window is wrapped.
            texts = [engines[leg].translate_long(text) if text else "" for text in texts]
            texts = ["" if guards.loops(text) else text for text in texts]
        return texts

    yield Progress("translate", 0.0, "Loading the translator")
    return (yield from by_sentence(phrases, language, to, target, named, translate))


def code_of(language: str) -> str:
    """Return the models' code for a DeepL or Whisper code ("PT-BR", "no"), whether there is a model or not."""
    base = language.lower().split("-")[0]
    return CODES.get(base, base)


def route(source: str, target: str) -> tuple[tuple[str, str], ...]:
    """Return the directions to go from one language to another, one after the other."""
    if "en" in (source, target):
        return ((source, target),)
    return (source, "en"), ("en", target)


def _load(folder: Path) -> Any:
    """Return the engine with the model in `folder`: a model and its vocabulary, or two of them, all gzip files."""
    from fxtranslate import Translator

    def unpacked(pattern: str) -> bytes:
        return gzip.decompress(next(folder.glob(pattern)).read_bytes())

    try:
        shared = any(folder.glob("vocab.*.spm.gz"))
        source = unpacked("vocab.*.spm.gz" if shared else "srcvocab.*.spm.gz")
        return Translator(unpacked("model.*.bin.gz"), source, source if shared else unpacked("trgvocab.*.spm.gz"))
    except (OSError, EOFError, StopIteration, ValueError) as error:
        raise ModelError(f"The translator in {folder} cannot be loaded; remove that folder and run again.") from error
