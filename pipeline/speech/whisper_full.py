"""The full set's recogniser: speech to words with Whisper through transformers.

The sound is cut at silences into pieces that Whisper hears in one go (30 s), the pieces go through the pipeline in
batches, and word times go back onto the clip's clock. Sound without a voice never reaches the recogniser. Language and
task are always given explicitly (without them, transformers loops on these checkpoints). The guards against invented
text are those of the light recogniser: this module decides on the likelihood of the finished text which pieces are
tried again and which are dropped, since `generate` decides it wrongly for batches (see `hear`).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.records import Notice, Preview, Progress, Segment, Stage, Transcript, Word
from pipeline.speech import doubt, guards
from pipeline.speech.activity import FRAME_S, RATE, speech_probability, voiced
from pipeline.text import ends_sentence, join_words
from pipeline.text.scripts import foreign_letters

if TYPE_CHECKING:
    import numpy as np

#: Longest piece, s. Whisper's window is 30 s; the rest is room for the padding.
PIECE_S = 28.0
#: A pause longer than this ends a piece: inside a piece long silence is where Whisper invents text.
PAUSE_S = 2.0
#: Silence put around a piece: Whisper drops words that start with the first sample (pyvideotrans #957).
PAD_S = 0.4
#: Pieces decoded together: three and a half minutes of sound. For the word times `generate` keeps the cross attention
#: of turbo's decoder, 4 layers x 40 beams x 20 heads x 1500 x 2 bytes a token, and the scores of 51,866 tokens: 12 GB
#: on the card and 9 GB in main memory if every piece had the most tokens possible, 440; usually there are 120.
BATCH = 8
#: Whisper's decoder holds 448 tokens, some of them the prompt.
MAX_NEW_TOKENS = 440
BEAMS = 5
#: A piece is in another language than the clip only if it is at least this long and Whisper this sure; below, detection
#: errs.
OTHER_LANGUAGE_S, OTHER_LANGUAGE_P = 4.0, 0.9
#: The pipeline gives words, not segments: a segment ends with a sentence or before a pause of this many s.
SENTENCE_PAUSE_S = 0.8


def load(source: str | Path, *, revision: str | None, device: str, dtype: str) -> Any:
    """Return a transformers speech pipeline on `device`; `source` is a Hub repository or a folder with the same files.

    The weights are read on the calling thread and then moved: ZeroGPU emulates CUDA on that thread only, so no
    `device_map` (transformers would load in a thread pool). The decoder's attention is eager, because word times are
    read from its weights; the encoder's is not and keeps none.

    Raises OSError if the weights can be neither found nor fetched.
    """
    import torch
    from transformers import AutomaticSpeechRecognitionPipeline, pipeline

    class WithTokens(AutomaticSpeechRecognitionPipeline):
        """A pipeline that also returns the tokens: a text can be split into others, which have another likelihood."""

        def postprocess(self, model_outputs: Any, *args: Any, **options: Any) -> Any:
            tokens = [int(token) for output in model_outputs for token in output["tokens"].flatten()]
            return {**super().postprocess(model_outputs, *args, **options), "said": tokens}

    speech = pipeline(
        "automatic-speech-recognition",
        pipeline_class=WithTokens,
        model=str(source),
        revision=revision,
        dtype=getattr(torch, dtype),
        device=device,
        model_kwargs={"attn_implementation": "eager"},
    )
    forget_encoder_attention(speech.model.model.encoder)
    return speech


def forget_encoder_attention(encoder: Any) -> None:
    """Make `encoder` keep no attention weights, even if asked for them.

    For word times transformers asks encoder and decoder alike for their attention, but the encoder's is never read: 32
    layers x 20 heads x 1500 x 1500 x 2 bytes are 2.9 GB a piece, which are copied to main memory.
    """
    config = copy.deepcopy(encoder.config)
    config._attn_implementation = "sdpa"
    for layer in encoder.layers:
        layer.self_attn.config = config
    encoder.register_forward_pre_hook(_without_attentions, with_kwargs=True)


def _without_attentions(_module: Any, args: tuple[Any, ...], options: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    return args, {**options, "output_attentions": False}


# --- words ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the sound that is decoded in one go; s on the clip's clock."""

    start: float
    end: float
    language: str = ""


def transcribe(sound: Path, language: str | None, *, speech: Any) -> Stage[Transcript]:
    """Return every word that is spoken in a 16 kHz mono WAV, with its time; no speech gives a notice.

    language: ISO 639-1, or None to detect it over all pieces; a piece that is clearly in another one keeps its own.
    speech: the pipeline that `load` returns.

    Yields Progress with a preview of the transcript so far.
    """
    import numpy as np

    from pipeline.media import read_sound

    samples = read_sound(sound)
    duration = len(samples) / RATE
    yield Progress("speech", 0.0, "Listening for voices")
    probability = speech_probability(samples)
    spans = tuple((a, min(b, duration)) for a, b in voiced(probability, gap_s=0.3))
    if not spans:
        return Transcript("", 0.0, (), (Notice("no_speech", "Nobody speaks in this clip."),))
    pieces = list(cut(spans, probability))
    decision = doubt.Decision(language or "", 1.0)
    yield Progress("speech", 0.02, "Transcribing" if language else "Recognising the language")
    if language:
        pieces = [Piece(piece.start, piece.end, language) for piece in pieces]
    else:
        decision, pieces = detect(samples, pieces, speech)
        language = decision.language

    silence = np.zeros(int(PAD_S * RATE), np.float32)
    heard: list[Segment] = []
    done = 0
    for code in sorted({piece.language for piece in pieces}, key=lambda code: (code != language, code)):
        together = [piece for piece in pieces if piece.language == code]
        sounds = (np.concatenate([silence, part_of(samples, p.start, p.end), silence]) for p in together)
        for piece, result in zip(together, hear(sounds, code, speech), strict=True):
            sure = math.exp(min(0.0, result.log_probability))
            if guards.trusted(result.log_probability, result.no_speech, guards.compression(result.text)):
                for words in sentences(tuple(place(result.chunks, piece))):
                    words = tuple(replace(word, probability=sure) for word in words)
                    text = join_words(words, code)
                    heard.append(Segment(words[0].start, words[-1].end, text, words, code))
            done += 1
            known = Transcript(language, decision.probability, guards.guarded(heard, spans, duration))
            yield Progress("speech", 0.05 + 0.95 * done / len(pieces), "Transcribing", Preview(transcript=known))
    segments = guards.guarded(heard, spans, duration)
    if not segments:
        return Transcript("", 0.0, (), (Notice("no_speech", "No words could be made out in this clip."),))
    return Transcript(language, decision.probability, segments, decision.notices)


def cut(spans: guards.Spans, probability: np.ndarray) -> Iterator[Piece]:
    """Yield the voiced spans joined to pieces of at most `PIECE_S`, cut in pauses.

    A longer span is cut where a voice is least likely (`probability`, one value each `FRAME_S`), in the last third of
    the length that fits.
    """
    start, end = spans[0][0], spans[0][0]
    for left, right in spans:
        if right - start > PIECE_S or left - end > PAUSE_S:
            if end > start:
                yield Piece(start, end)
            start = left
        while right - start > PIECE_S:
            first, last = int((start + 2 / 3 * PIECE_S) / FRAME_S), int((start + PIECE_S) / FRAME_S)
            middle = (first + int(probability[first:last].argmin()) + 0.5) * FRAME_S
            yield Piece(start, middle)
            start = middle
        end = right
    yield Piece(start, end)


def part_of(samples: np.ndarray, start: float, end: float) -> np.ndarray:
    """Return the samples from `start` to `end` s, at 16 kHz."""
    return samples[max(0, int(start * RATE)) : int(end * RATE)]


@dataclass(frozen=True, slots=True)
class Heard:
    """The pipeline's result for one sound, and how sure the model is of it."""

    text: str
    chunks: tuple[dict[str, Any], ...]  #: words with their times in s of the sound
    log_probability: float  #: mean over the text's tokens
    no_speech: float  #: 0..1

    def rank(self, language: str) -> tuple[bool, bool, float]:
        """Return a key by which the best of several tries at one sound is the greatest.

        The order is: no loop, no letters in which `language` is not written, then the likeliest, as in openai/whisper.
        """
        loop = guards.compression(self.text) > guards.COMPRESSION
        return not loop, not foreign_letters(self.text, language), self.log_probability


def hear(sounds: Iterable[np.ndarray], language: str, speech: Any) -> Iterator[Heard]:
    """Yield the text of each sound, in order, decoded `BATCH` at a time.

    A doubted text is tried again at higher temperatures, and the best try is returned. `generate` offers that too, but
    (transformers 5.23) takes the last try for the best one, mixes up which of a batch it tries again, and makes the
    pipeline fail on a sound it skips.
    """

    def doubted(heard: Heard) -> bool:
        silent = heard.no_speech > guards.NO_SPEECH and heard.log_probability < guards.LOG_PROBABILITY
        return not silent and heard.rank(language) < (True, True, guards.LOG_PROBABILITY)

    waiting = list(sounds)
    for first in range(0, len(waiting), BATCH):
        batch = waiting[first : first + BATCH]
        best = _decoded(batch, language, speech, guards.TEMPERATURES[0])
        for temperature in guards.TEMPERATURES[1:]:
            again = [index for index, heard in enumerate(best) if doubted(heard)]
            if not again:
                break
            tries = _decoded([batch[index] for index in again], language, speech, temperature)
            for index, other in zip(again, tries, strict=True):
                best[index] = max(best[index], other, key=lambda heard: heard.rank(language))
        yield from best


def _decoded(sounds: list[np.ndarray], language: str, speech: Any, temperature: float) -> list[Heard]:
    """Return the results of one try at each of the sounds, decoded together."""
    import torch
    from transformers.models.whisper.tokenization_whisper import LANGUAGES

    # In a script without spaces the tokenizer decides by its own language where a word ends.
    speech.tokenizer.language = LANGUAGES.get(language, language)
    how: dict[str, Any] = {"temperature": temperature, "num_beams": 1} if temperature else {"num_beams": BEAMS}
    items = ({"raw": sound, "sampling_rate": RATE} for sound in sounds)
    devices = [speech.model.device] if speech.model.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(0)  # the same clip gives the same words, sampled or not
        answers = list(
            speech(
                items,
                batch_size=BATCH,
                num_workers=0,  # a ZeroGPU worker may have no children
                return_timestamps="word",
                generate_kwargs={
                    "language": language,
                    "task": "transcribe",
                    "max_new_tokens": MAX_NEW_TOKENS,
                    "condition_on_prev_tokens": False,  # one loop would infect the rest of the clip
                    **how,
                },
            )
        )
    sure = likelihood(sounds, [answer["said"] for answer in answers], language, speech)
    return [
        Heard(answer["text"], tuple(answer.get("chunks", ())), *measures)
        for answer, measures in zip(answers, sure, strict=True)
    ]


def likelihood(
    sounds: list[np.ndarray], said: list[list[int]], language: str, speech: Any
) -> list[tuple[float, float]]:
    """Return two measures of each sound, as openai/whisper has them.

    They are the mean log probability of the tokens and their end, and the probability that nobody speaks. A whole text
    is read in one pass of the decoder.

    said: tokens of text and of time; others are left out.
    """
    import torch

    model, known = speech.model, speech.model.generation_config
    prompt = [known.decoder_start_token_id, known.lang_to_id[f"<|{language}|>"], known.task_to_id["transcribe"]]
    timed = known.no_timestamps_token_id  # the last token before those of time; text has those before the end
    rows = [
        [*prompt, *(token for token in tokens if token < known.eos_token_id or token > timed), known.eos_token_id]
        for tokens in said
    ]
    longest = max(len(row) for row in rows)
    # Tokens after the end only fill the batch: nothing before them depends on them.
    read = torch.tensor([row + [known.eos_token_id] * (longest - len(row)) for row in rows], device=model.device)
    features = speech.feature_extractor(sounds, sampling_rate=RATE, return_tensors="pt").input_features
    with torch.no_grad():
        logits = model(
            input_features=features.to(model.device, model.dtype), decoder_input_ids=read, use_cache=False
        ).logits
    result = []
    for row, scores in zip(rows, logits, strict=True):
        likely = scores[len(prompt) - 1 : len(row) - 1].float().log_softmax(-1)
        chosen = likely.gather(-1, torch.tensor(row[len(prompt) :], device=likely.device)[:, None])
        # the token before <|notimestamps|> is <|nospeech|>; it is asked for where the prompt begins
        silent = scores[0].float().softmax(-1)[known.no_timestamps_token_id - 1]
        result.append((float(chosen.mean()), float(silent)))
    return result


def detect(samples: np.ndarray, pieces: list[Piece], speech: Any) -> tuple[doubt.Decision, list[Piece]]:
    """Return the decision on the clip's language, and the pieces with their languages.

    There is one encoder pass over all pieces. The clip's language is the one with the most probable seconds; a piece
    keeps its own if Whisper is sure of it.
    """
    import torch

    model = speech.model
    codes = {token: mark.strip("<|>") for mark, token in model.generation_config.lang_to_id.items()}
    ids = sorted(codes)
    tables = []
    for first in range(0, len(pieces), BATCH):
        batch = pieces[first : first + BATCH]
        features = speech.feature_extractor(
            [part_of(samples, piece.start, piece.end) for piece in batch], sampling_rate=RATE, return_tensors="pt"
        ).input_features.to(model.device, model.dtype)
        start = torch.full((len(batch), 1), model.generation_config.decoder_start_token_id, device=model.device)
        with torch.no_grad():
            logits = model(input_features=features, decoder_input_ids=start, use_cache=False).logits[:, -1]
        tables.append(logits[:, ids].float().softmax(-1).cpu())
    table = torch.cat(tables)
    rankings = [dict(zip((codes[token] for token in ids), row, strict=True)) for row in table.tolist()]
    decision = doubt.decide(rankings, [piece.end - piece.start for piece in pieces])
    named = []
    for piece, row in zip(pieces, table, strict=True):
        sure = piece.end - piece.start >= OTHER_LANGUAGE_S and float(row.max()) >= OTHER_LANGUAGE_P
        named.append(Piece(piece.start, piece.end, codes[ids[int(row.argmax())]] if sure else decision.language))
    return decision, named


def place(chunks: Sequence[dict[str, Any]], piece: Piece) -> Iterator[Word]:
    """Yield the pipeline's words on the clip's clock, in time order; an unknown end becomes the next word's start."""
    known = [(chunk["text"], *chunk["timestamp"]) for chunk in chunks if chunk["text"].strip()]
    shift, length = piece.start - PAD_S, piece.end - piece.start + 2 * PAD_S
    before = 0.0
    for index, (text, start, end) in enumerate(known):
        start = max(before, before if start is None else start)
        following = known[index + 1][1] if index + 1 < len(known) else None
        end = end if end is not None else following if following is not None else length
        before = max(start, min(end, length))
        yield Word(max(0.0, round(shift + start, 3)), max(0.0, round(shift + before, 3)), text)


def sentences(words: tuple[Word, ...]) -> Iterator[tuple[Word, ...]]:
    """Yield runs of words that end where a sentence ends or the voice pauses."""
    run: list[Word] = []
    for word in words:
        if run and (ends_sentence(run[-1].text) or word.start - run[-1].end >= SENTENCE_PAUSE_S):
            yield tuple(run)
            run = []
        run.append(word)
    if run:
        yield tuple(run)
