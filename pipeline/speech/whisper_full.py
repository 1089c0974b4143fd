"""Speech to words, and speech to English text, with Whisper through transformers (the full set).

The sound is cut at silences into pieces that Whisper hears in one go (30 s), the pieces go through the pipeline in
batches, and word times go back onto the clip's clock. Nothing reaches the recogniser in which no voice was detected,
language and task are always said explicitly (left out, transformers loops on these checkpoints), and the guards against
invented text are the light path's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.records import Phrase, Progress, Segment, Stage, Transcript, Word

if TYPE_CHECKING:
    import numpy as np

RATE = 16_000
#: Longest piece, s. Whisper's window is 30 s; the rest is room for the padding of the voice detector.
PIECE_S = 28.0
#: A pause longer than this ends a piece: inside a piece long silence is where Whisper invents text.
PAUSE_S = 2.0
#: Pieces decoded together. 16 pieces are 7 minutes: one batch for nearly every clip, 2.5 GB beside the weights.
BATCH = 16
#: Whisper's decoder holds 448 tokens, some of them the prompt.
MAX_NEW_TOKENS = 440
#: Fallback temperatures and thresholds of openai/whisper's transcribe.py; transformers applies the same rules.
DECODING = {
    "num_beams": 5,
    "max_new_tokens": MAX_NEW_TOKENS,
    "condition_on_prev_tokens": False,  # one loop would infect the rest of the clip
    "temperature": (0.0, 0.2, 0.4, 0.6, 0.8, 1.0),
    "compression_ratio_threshold": 2.4,
    "logprob_threshold": -1.0,
    "no_speech_threshold": 0.6,
}
#: A piece is in another language than the clip only if it is this long and Whisper this sure; below, detection errs.
OTHER_LANGUAGE_S, OTHER_LANGUAGE_P = 4.0, 0.9
SENTENCE_END = tuple(".?!…。！？؟।")
SENTENCE_PAUSE_S = 0.8


def load(source: str | Path, *, revision: str | None, device: str, dtype: str) -> Any:
    """A transformers speech pipeline on `device`; `source` is a Hub repository or a folder with the same files.

    The weights are read on the calling thread and then moved: ZeroGPU emulates CUDA on that thread only, so no
    `device_map` (FACTS: transformers would load in a thread pool). Attention is eager because word times are read from
    its weights.

    Raises OSError where the weights can be neither found nor fetched.
    """
    import torch
    from transformers import pipeline

    return pipeline(
        "automatic-speech-recognition",
        model=str(source),
        revision=revision,
        dtype=getattr(torch, dtype),
        device=device,
        model_kwargs={"attn_implementation": "eager"},
    )


# --- words ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the sound that is decoded in one go; s on the clip's clock."""

    start: float
    end: float
    language: str = ""


def transcribe(sound: Path, language: str | None, *, speech: Any) -> Stage[Transcript]:
    """What is said in a 16 kHz mono WAV, with the time of every word; `segments == ()` where nobody speaks.

    `language` is ISO 639-1 or None to detect it, which is done for the clip and for every longer piece, so that a
    clip in which two languages are spoken is heard in both. `speech` is what `load` gives.

    Yields Progress whose `found` is the Transcript so far.
    """
    from pipeline.media import read_sound
    from pipeline.speech import guards

    yield Progress("speech", 0.0, "Looking for voices")
    samples = read_sound(sound)
    voiced = voiced_regions(samples)
    pieces = list(cut(voiced))
    if not pieces:
        return Transcript(language=language or "", language_confidence=0.0, segments=())
    confidence = 1.0
    if language:
        pieces = [Piece(piece.start, piece.end, language) for piece in pieces]
    else:
        yield Progress("speech", 0.02, "Recognising the language")
        language, confidence, pieces = detect(samples, pieces, speech)
    yield Progress("speech", 0.05, "Listening")

    found: list[Segment] = []
    done = 0
    for code, group in groupby(sorted(pieces, key=lambda piece: (piece.language != language, piece.language, piece.start)),
                               key=lambda piece: piece.language):  # fmt: skip
        together = list(group)
        sounds = (samples[int(p.start * RATE) : int(p.end * RATE)] for p in together)
        for piece, heard in zip(together, hear(sounds, code, "transcribe", speech, words=True), strict=True):
            words = tuple(on_voice(place(heard["chunks"], piece), voiced))
            found += (
                Segment(*times_text(part, code), part, code if code != language else "") for part in sentences(words)
            )
            done += 1
            found.sort(key=lambda segment: segment.start)
            known = Transcript(language, confidence, tuple(found))
            yield Progress("speech", 0.05 + 0.95 * done / len(pieces), "Listening", found=known)
    return guards.guard(Transcript(language, confidence, tuple(found)), voiced)


def voiced_regions(samples: np.ndarray) -> tuple[tuple[float, float], ...]:
    """(start, end) in s of the stretches with a voice, by Silero VAD (the copy faster-whisper packages: ONNX, no torch)."""
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    if samples.size == 0:
        return ()
    options = VadOptions(
        min_speech_duration_ms=100, min_silence_duration_ms=200, speech_pad_ms=120, max_speech_duration_s=PIECE_S
    )
    return tuple((r["start"] / RATE, r["end"] / RATE) for r in get_speech_timestamps(samples, options))


def cut(voiced: Iterable[tuple[float, float]]) -> Iterator[Piece]:
    """The voiced regions joined to pieces of at most `PIECE_S`, cut where nobody speaks."""
    start = end = None
    for left, right in voiced:
        if start is not None and (right - start > PIECE_S or left - end > PAUSE_S):
            yield Piece(start, end)
            start = None
        start, end = left if start is None else start, right
    if start is not None:
        yield Piece(start, end)


def hear(
    sounds: Iterable[np.ndarray], language: str, task: str, speech: Any, *, words: bool
) -> Iterator[dict[str, Any]]:
    """What the pipeline says of each sound, in order, decoded `BATCH` at a time."""
    # Where a word ends in a script without spaces is decided by the tokenizer's own idea of the language.
    speech.tokenizer.language = language_name(language)
    items = ({"raw": sound, "sampling_rate": RATE} for sound in sounds)
    yield from speech(
        items,
        batch_size=BATCH,
        num_workers=0,  # a ZeroGPU worker may have no children
        return_timestamps="word" if words else True,
        generate_kwargs={"language": language, "task": task, **DECODING},
    )


def language_name(code: str) -> str:
    from transformers.models.whisper.tokenization_whisper import LANGUAGES

    return LANGUAGES.get(code, code)


def detect(samples: np.ndarray, pieces: list[Piece], speech: Any) -> tuple[str, float, list[Piece]]:
    """(ISO 639-1, its probability, the pieces with their languages). One encoder pass over all pieces; the clip's
    language is the one with most probable seconds, a piece keeps its own where Whisper is sure of it."""
    import torch

    model, tokenizer = speech.model, speech.tokenizer
    codes = {token: mark.strip("<|>") for mark, token in model.generation_config.lang_to_id.items()}
    ids = torch.tensor(sorted(codes), device=model.device)
    votes = torch.zeros(len(ids))
    tables = []
    for first in range(0, len(pieces), BATCH):
        batch = pieces[first : first + BATCH]
        features = speech.feature_extractor(
            [samples[int(p.start * RATE) : int(p.end * RATE)] for p in batch], sampling_rate=RATE, return_tensors="pt"
        ).input_features.to(model.device, model.dtype)
        start = torch.full((len(batch), 1), model.generation_config.decoder_start_token_id, device=model.device)
        with torch.no_grad():
            logits = model(input_features=features, decoder_input_ids=start, use_cache=False).logits[:, -1]
        tables.append(logits[:, ids].float().softmax(-1).cpu())
    table = torch.cat(tables)
    seconds = torch.tensor([piece.end - piece.start for piece in pieces])
    votes = (table * seconds[:, None]).sum(0) / seconds.sum()
    language = codes[int(ids[votes.argmax()])]
    named = []
    for piece, row in zip(pieces, table, strict=True):
        sure = piece.end - piece.start >= OTHER_LANGUAGE_S and float(row.max()) >= OTHER_LANGUAGE_P
        named.append(Piece(piece.start, piece.end, codes[int(ids[row.argmax()])] if sure else language))
    del tokenizer
    return language, float(votes.max()), named


def place(chunks: list[dict[str, Any]], piece: Piece) -> Iterator[Word]:
    """The pipeline's words on the clip's clock, in time order, inside their piece; an end it does not know is the next
    word's start."""
    known = [(chunk["text"].strip(), *chunk["timestamp"]) for chunk in chunks if chunk["text"].strip()]
    previous = 0.0
    for index, (text, start, end) in enumerate(known):
        start = max(previous, start if start is not None else previous)
        following = known[index + 1][1] if index + 1 < len(known) else None
        end = end if end is not None else following if following is not None else piece.end - piece.start
        previous = max(start, min(end, piece.end - piece.start))
        yield Word(round(piece.start + start, 3), round(piece.start + previous, 3), text)


def on_voice(words: Iterable[Word], voiced: tuple[tuple[float, float], ...]) -> Iterator[Word]:
    """Words without the silence around them. Whisper's alignment gives a pause to the word before or after it, so a
    word keeps that part of its time which lies in the one voiced region it shares most with."""
    for word in words:
        shared = [(max(word.start, left), min(word.end, right)) for left, right in voiced]
        start, end = max(shared, key=lambda part: part[1] - part[0], default=(word.start, word.end))
        yield Word(round(start, 3), round(end, 3), word.text, word.probability) if end - start > 0.02 else word


def sentences(words: tuple[Word, ...]) -> Iterator[tuple[Word, ...]]:
    """Runs of words that end where a sentence ends or the voice pauses."""
    run: list[Word] = []
    for word in words:
        if run and (run[-1].text.endswith(SENTENCE_END) or word.start - run[-1].end >= SENTENCE_PAUSE_S):
            yield tuple(run)
            run = []
        run.append(word)
    if run:
        yield tuple(run)


def times_text(words: tuple[Word, ...], language: str) -> tuple[float, float, str]:
    joint = "" if language in ("ja", "zh", "yue", "th", "lo", "my") else " "
    return words[0].start, words[-1].end, joint.join(word.text for word in words)


# --- English without a key --------------------------------------------------------------------------------------------

MARGIN_S = 0.15  #: sound kept before and after a phrase: its first and last consonant


def translate_speech(
    sound: Path, phrases: tuple[Phrase, ...], language: str, target: str, *, speech: Any
) -> Stage[tuple[str | None, ...]]:
    """What is said in each phrase, in English: n phrases in, n texts out, None where Whisper gave nothing it can stand
    for. `target` is English; `speech` must be a model trained to translate (large-v3, not turbo)."""
    from pipeline.media import read_sound
    from pipeline.speech import guards

    samples = read_sound(sound)
    texts: list[str | None] = [None] * len(phrases)
    order = sorted(range(len(phrases)), key=lambda index: (phrases[index].language or language, index))
    done = 0
    for code, group in groupby(order, key=lambda index: phrases[index].language or language):
        indices = list(group)
        sounds = (
            samples[max(0, int((phrases[i].start - MARGIN_S) * RATE)) : int((phrases[i].end + MARGIN_S) * RATE)]
            for i in indices
        )
        for index, heard in zip(indices, hear(sounds, code, "translate", speech, words=False), strict=True):
            texts[index] = guards.sane(heard["text"].strip()) or None
            done += 1
            yield Progress("translate", done / len(phrases), "Translating into English")
    return tuple(texts)
