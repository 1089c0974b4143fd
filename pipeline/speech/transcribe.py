"""The light recogniser: speech to words on any CPU, by Whisper base through faster-whisper (CTranslate2, int8)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.cores import usable
from pipeline.errors import ModelError
from pipeline.records import Notice, Phrase, Preview, Progress, Segment, Stage, Transcript, Word
from pipeline.speech import doubt, guards, starts
from pipeline.speech.activity import RATE, speech_probability, voiced
from pipeline.text.scripts import foreign_letters

CHUNK_S = 28.0  # Whisper hears 30 s at once: this leaves room for the padding
PAUSE_S = 2.0  # a longer silence ends a chunk: Whisper invents text in it
PAD_S = 0.5  # around a chunk: Whisper drops words that start with the first sample (pyvideotrans #957)
HOLE_S = 0.6  # a voice of this length without a word is heard again: Whisper drops a short last phrase

DECODING: dict[str, Any] = {
    "beam_size": 5,
    "temperature": guards.TEMPERATURES,
    "compression_ratio_threshold": guards.COMPRESSION,
    "log_prob_threshold": guards.LOG_PROBABILITY,
    "no_speech_threshold": guards.NO_SPEECH,
    "condition_on_previous_text": False,
}
BLOCK_S = 8.0  # the language is detected block by block: people change it between sentences
WINDOWS = (1500, 3000)  # frames of 10 ms in which a block is heard for its language
OTHER_SHORTEST_S = 2.0  # blocks shorter than this are too short for the detection to be trusted
OTHER_LANGUAGE = (
    0.85  # probability from which a block may be in another language than the clip; in one language 0.6 at most
)


def transcribe(sound: Path, language: str | None, *, weights: Path) -> Stage[Transcript]:
    """Return every word that is spoken in a 16 kHz mono WAV, with its time.

    Only the parts that Silero VAD calls voiced are heard, in chunks that end in pauses. No speech gives an empty
    transcript with a notice.

    language: ISO 639-1, or None to detect it over several chunks; a chunk that is clearly in another one keeps its own.
    weights: folder of a faster-whisper model.

    Yields Progress with a preview of the transcript so far.

    Raises ModelError when the weights cannot be loaded.
    """
    from pipeline.media import read_sound

    samples = read_sound(sound)
    duration = len(samples) / RATE
    yield Progress("speech", 0.0, "Listening for voices")
    spans = tuple((a, min(b, duration)) for a, b in voiced(speech_probability(samples), gap_s=0.3))
    if not spans:
        return Transcript("", 0.0, (), (Notice("no_speech", "Nobody speaks in this clip."),))
    model = yield from _model(weights)
    yield Progress("speech", 0.05, "Recognising the language" if language is None else "Transcribing")
    decision, chunks = _chunks(model, samples, spans, language)
    main, confidence = decision.language, decision.probability

    heard: list[Segment] = []
    for start, end, own in chunks:
        for segment in _hear(model, samples, start, end, own):
            heard.append(segment)
            known = Transcript(main, confidence, guards.guarded(heard, spans, duration))
            yield Progress(
                "speech", min(0.95, 0.1 + 0.85 * segment.end / duration), "Transcribing", Preview(transcript=known)
            )
    for hole in _holes(spans, heard):
        yield Progress("speech", 0.96, "Listening again where words are missing")
        own = next((own for _, end, own in chunks if hole[0] < end), main)
        for segment in _hear(model, samples, *hole, own):
            heard = _inserted(heard, _within(segment, *_room(hole, heard)))
    segments = starts.corrected(guards.guarded(heard, spans, duration))
    if not segments:
        nothing = Notice("no_speech", "No words could be made out in this clip.")
        return Transcript("", 0.0, (), (nothing, *decision.notices))
    return Transcript(main, confidence, segments, decision.notices)


def translate_speech(
    sound: Path, phrases: tuple[Phrase, ...], language: str, target: str, *, weights: Path
) -> Stage[tuple[str | None, ...]]:
    """Return the English of each phrase, by Whisper's translate task on its sound; None if it cannot be trusted.

    A phrase that is English already gets None, and so do all for any `target` but English. Loops and guesses
    (compression, log probability) are tried again at higher temperatures and dropped if they remain.

    Raises ModelError when the weights cannot be loaded.
    """
    from pipeline.media import read_sound

    if not target.upper().startswith("EN") or not phrases:
        return (None,) * len(phrases)
    samples = read_sound(sound)
    model = yield from _model(weights)
    texts: list[str | None] = []
    for index, phrase in enumerate(phrases):
        yield Progress("translate", index / len(phrases), "Translating into English")
        own = phrase.language or language
        if own == "en":
            texts.append(None)
            continue
        # Padding goes half the way to the neighbours at most, so that it holds none of their words.
        before = max((p.end for p in phrases if p.end <= phrase.start), default=0.0)
        after = min((p.start for p in phrases if p.start >= phrase.end), default=len(samples) / RATE)
        start = max(phrase.start - PAD_S, (before + phrase.start) / 2)
        end = min(phrase.end + PAD_S, (after + phrase.end) / 2)
        texts.append(_translated(model, _excerpt(samples, start, end)[0], own))
    return tuple(texts)


# Without timestamps: with them the base model loops in every second sentence ("to the right to the right ...").
TRANSLATING: dict[str, Any] = {
    **DECODING,
    "without_timestamps": True,
    "no_repeat_ngram_size": 5,
    "compression_ratio_threshold": guards.TRANSLATED_COMPRESSION,
    "log_prob_threshold": guards.TRANSLATED_LOG_PROBABILITY,
}


def _translated(model: Any, sound: np.ndarray, language: str) -> str | None:
    segments, _ = model.transcribe(sound, language=language, task="translate", word_timestamps=False, **TRANSLATING)
    kept = [
        segment.text.strip() for segment in segments if guards.trusted_translation(segment.text, segment.avg_logprob)
    ]
    return " ".join(text for text in kept if text) or None


# --- the model --------------------------------------------------------------------------------------------------------


def _model(folder: Path) -> Stage[Any]:
    """Return the model as it is after loading, so that the same sound gives the same words whatever came before."""
    if not _load.cache_info().currsize:
        yield Progress("speech", 0.02, "Loading the speech model")
    if _load(folder).has_sampled:
        _load.cache_clear()
    return _load(folder)


@lru_cache(maxsize=2)  # a page can be asked for several, and a larger one takes 2 GB
def _load(folder: Path) -> Any:
    import ctranslate2
    from faster_whisper import WhisperModel

    class Recogniser(WhisperModel):
        """Whisper that remembers whether a doubted text was tried again at a higher temperature.

        Such a try draws random numbers. Their generator cannot be set back, but a model that is loaded anew has a new
        one, which begins with the seed.
        """

        has_sampled = False

        def generate_with_fallback(self, *given: Any) -> Any:
            found = super().generate_with_fallback(*given)
            self.has_sampled = self.has_sampled or found[2] > 0  # the temperature of the last try
            return found

    threads = int(os.environ.get("OMP_NUM_THREADS") or 0) or min(8, len(usable()))
    ctranslate2.set_random_seed(0)
    try:
        return Recogniser(str(folder), device="cpu", compute_type="int8", cpu_threads=threads)
    except (RuntimeError, ValueError, OSError) as error:
        raise ModelError(f"The speech model could not be loaded ({error}); delete {folder} and run again.") from error


def _excerpt(samples: np.ndarray, start: float, end: float) -> tuple[np.ndarray, float]:
    """Return the samples from `start` to `end` s, and the time on the clip's clock at which they begin.

    Silence goes before them if the clip begins with a voice.
    """
    first = max(0, int(start * RATE))
    # Not always: after silence before a natural start, Whisper writes English with British spelling.
    lead = np.zeros(int(PAD_S * RATE) if start < 0.1 - PAD_S else 0, np.float32)
    return np.concatenate([lead, samples[first : int(end * RATE)]]), (first - len(lead)) / RATE


def _within(segment: Segment, start: float, end: float) -> Segment:
    """Return the segment with only the words whose middle lies between `start` and `end` s."""
    return _of(segment, tuple(word for word in segment.words if start <= (word.start + word.end) / 2 <= end))


def _room(hole: tuple[float, float], heard: Sequence[Segment]) -> tuple[float, float]:
    """Return the hole widened to the words around it, but by no more than was listened to."""
    words = [word for segment in heard for word in segment.words]
    before = max((word.end for word in words if word.start < hole[0]), default=0.0)
    after = min((word.start for word in words if word.end > hole[1]), default=hole[1] + PAD_S)
    return max(before, hole[0] - PAD_S), min(after, hole[1] + PAD_S)


def _inserted(heard: Sequence[Segment], late: Segment) -> list[Segment]:
    """Return the segments with `late` among them; a segment into which it falls is cut in two."""
    if not late.words:
        return list(heard)
    result = [late]
    for segment in heard:
        before = tuple(word for word in segment.words if word.start <= late.start)
        after = segment.words[len(before) :]
        result.extend(_of(segment, words) for words in (before, after) if words)
    return sorted(result, key=lambda segment: segment.start)


def _of(segment: Segment, words: tuple[Word, ...]) -> Segment:
    """Return the part of the segment that has only these of its words."""
    if len(words) in (0, len(segment.words)):
        return replace(segment, words=words)
    return replace(
        segment, start=words[0].start, end=words[-1].end, text="".join(word.text for word in words).strip(), words=words
    )


def _groups(spans: guards.Spans, longest_s: float) -> list[tuple[float, float]]:
    """Return the voiced spans gathered into stretches of at most `longest_s`, as (start, end) in s.

    They are split at pauses over PAUSE_S, then at other long ones. A single span may be longer than `longest_s`:
    Whisper then goes through it window by window.
    """
    waiting = [[spans[0]]]
    for span in spans[1:]:
        if span[0] - waiting[-1][-1][1] > PAUSE_S:
            waiting.append([])
        waiting[-1].append(span)
    groups = []
    while waiting:
        group = waiting.pop(0)
        start, end = group[0][0], group[-1][1]
        if end - start <= longest_s or len(group) == 1:
            groups.append((start, end))
            continue
        # Split at a long pause, preferably one near the middle: stretches of a few words are recognised worse.
        merits = [
            (after[0] - before[1] - 2 * abs(after[0] - (start + end) / 2) / (end - start), at)
            for at, (before, after) in enumerate(pairwise(group), 1)
        ]
        split = max(merits)[1]
        waiting[:0] = [group[:split], group[split:]]
    return groups


def _chunks(
    model: Any, samples: np.ndarray, spans: guards.Spans, given: str | None
) -> tuple[doubt.Decision, list[tuple[float, float, str]]]:
    """Return the decision on the clip's language, and the chunks as (start, end, language)."""
    if given:
        return doubt.Decision(given, 1.0), [(start, end, given) for start, end in _groups(spans, CHUNK_S)]
    blocks = _groups(spans, BLOCK_S)
    rankings = [_ranking(model, samples[int(start * RATE) : int(end * RATE)]) for start, end in blocks]
    decision = doubt.decide(rankings, [end - start for start, end in blocks])
    chunks: list[tuple[float, float, str]] = []
    for (start, end), ranking in zip(blocks, rankings, strict=True):
        best = max(ranking, key=ranking.__getitem__)
        own = best if ranking[best] >= OTHER_LANGUAGE and end - start >= OTHER_SHORTEST_S else decision.language
        last = chunks[-1] if chunks else (0.0, -PAUSE_S, "")
        if last[2] == own and start - last[1] <= PAUSE_S and end - last[0] <= CHUNK_S:
            chunks[-1] = (last[0], end, own)
        else:
            chunks.append((start, end, own))
    return decision, chunks


def _ranking(model: Any, samples: np.ndarray) -> dict[str, float]:
    """Return the probability of every language for one block of sound.

    A block that fits is heard in a window of 15 s instead of Whisper's 30, for which the encoder takes a fifth of the
    time. On 77 blocks of real clips in six languages the likeliest language changed once, where it had 0.23; its
    probability changed by 0.004 at the median, and by 0.08 or more in one block of twenty.
    """
    from faster_whisper.audio import pad_or_trim

    features = model.feature_extractor(samples)
    frames = next((n for n in WINDOWS if features.shape[-1] <= n), WINDOWS[-1])
    found = model.model.detect_language(model.encode(pad_or_trim(features, frames)))[0]
    return {token.strip("<|>"): probability for token, probability in found}


def _hear(model: Any, samples: np.ndarray, start: float, end: float, language: str) -> Iterator[Segment]:
    """Yield the segments that Whisper hears from `start` to `end` s, on the clip's clock, with Whisper's spaces."""
    for segment in _decoded(model, samples, start - PAD_S, end + PAD_S, language):
        if not foreign_letters(segment.text, language):
            yield segment
            continue
        # A character of another script is a misheard word: decode again without any such character.
        suppressed = _foreign_tokens(model, language)
        second = _decoded(model, samples, segment.start - PAD_S, segment.end + PAD_S, language, suppressed)
        kept = [within for again in second if (within := _within(again, segment.start, segment.end)).words]
        yield from kept or [segment]  # its foreign letters mark the first hearing as doubtful


def _decoded(
    model: Any, samples: np.ndarray, start: float, end: float, language: str, suppressed: Sequence[int] = (-1,)
) -> Iterator[Segment]:
    """Yield the segments of one decoding, on the clip's clock.

    Tokens in `suppressed` are never written; -1 stands for all that are no text.
    """
    sound, shift = _excerpt(samples, start, end)
    how = {**DECODING, "language": language, "task": "transcribe", "suppress_tokens": list(suppressed)}
    segments, _ = model.transcribe(sound, word_timestamps=True, **how)
    for segment in segments:
        words = tuple(
            Word(max(0.0, word.start + shift), max(0.0, word.end + shift), word.word, word.probability)
            for word in segment.words
        )
        if words and guards.trusted(segment.avg_logprob, segment.no_speech_prob, segment.compression_ratio):
            yield Segment(words[0].start, words[-1].end, segment.text.strip(), words, language)


def _foreign_tokens(model: Any, language: str) -> list[int]:
    """Return the tokens with letters of scripts foreign to `language`, and -1 for all that are no text."""
    texts = model.hf_tokenizer.decode_batch([[token] for token in range(model.hf_tokenizer.get_vocab_size())])
    return [-1, *(token for token, text in enumerate(texts) if foreign_letters(text, language))]


def _holes(spans: guards.Spans, heard: Sequence[Segment]) -> list[tuple[float, float]]:
    """Return the voiced stretches, (start, end) in s, in which no word was heard though there is time for one."""
    words = sorted((word.start, word.end) for segment in heard for word in segment.words)
    holes = []
    for start, end in spans:
        at = start
        for word_start, word_end in [*(word for word in words if word[1] > start and word[0] < end), (end, end)]:
            if word_start - at >= HOLE_S:
                holes.append((at, word_start))
            at = max(at, word_end)
    return holes
