"""A recorded call with one party in each channel: the channels are heard one by one, then the results are merged.

Two channels are two parties if both speak, if hardly any speech is in both, and if their loudness does not rise and
fall together as it does for two microphones in one room. Sound that leaks from one channel into the other (an echo on
the line) is muted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from pipeline.records import Diarization, KeyFree, Phrase, Segment, Stage, Transcript, Turn
from pipeline.speech import doubt
from pipeline.speech.activity import RATE, speech_probability
from pipeline.speech.diarize import fewer_voices
from pipeline.speech.envelope import envelope
from pipeline.stages import Diarize, Transcribe, TranslateSpeech

T = TypeVar("T")

LEAST_S = 1.0  #: s of speech that a channel needs to be a party
MOST_COMMON = 0.1  #: largest share of all speech that both channels may hold
TOGETHER = 0.5  #: correlation of the channels' loudness from which they are one room
ALIKE = 0.5  #: correlation of their waveforms from which a frame holds the same sound in both
LOUDER_DB = 6.0  #: by which one channel must be louder for the sound to be its own and the other's an echo

_FRAME = 512  # samples, 32 ms: that of the voice activity detector
_WIDTH = 1024  # samples whose waveforms are compared
_LAG = 160  # samples, 10 ms: the longest delay between the channels
_BLOCK = 2048  # frames compared at once: bounds the memory


@dataclass(frozen=True, slots=True)
class Frames:
    """The two channels frame by frame, 32 ms each."""

    voiced: np.ndarray  #: (2, frames) bool
    level: np.ndarray  #: (2, frames) dB of full scale
    shared: np.ndarray  #: (frames,) bool: the same sound in both

    @property
    def echo(self) -> np.ndarray:
        """Return (2, frames) bool: True where a channel holds only an echo of the other, which is louder."""
        return self.shared & (self.level[::-1] - self.level > LOUDER_DB)


def compare(both: np.ndarray) -> Frames:
    """Return the frames of both channels, (2, samples) at 16 kHz."""
    voiced = np.stack([speech_probability(channel) > 0.5 for channel in both])
    count = voiced.shape[1]
    padded = np.pad(both, ((0, 0), (0, count * _FRAME + _WIDTH - both.shape[1])))
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WIDTH, axis=1)[:, ::_FRAME][:, :count]
    energy, peak = np.empty((2, count)), np.empty(count)
    for first in range(0, count, _BLOCK):
        left, right = windows[:, first : first + _BLOCK] - windows[:, first : first + _BLOCK].mean(2, keepdims=True)
        spectra = np.fft.rfft(left, 2 * _WIDTH), np.fft.rfft(right, 2 * _WIDTH)
        product = np.fft.irfft(spectra[0] * spectra[1].conj())
        near = np.concatenate([product[:, : _LAG + 1], product[:, -_LAG:]], axis=1)
        part = slice(first, first + len(left))
        energy[:, part] = (left**2).sum(1), (right**2).sum(1)
        peak[part] = np.abs(near).max(1)
    shared = peak > ALIKE * np.sqrt(energy[0] * energy[1]) + 1e-9
    return Frames(voiced, 10 * np.log10(energy / _WIDTH + 1e-10), shared)


def are_parties(frames: Frames) -> bool:
    """Return whether the channels are two parties of a call."""
    speech = frames.voiced.any(0)
    own = frames.voiced & ~frames.echo
    common = own.all(0) & frames.shared
    if own.sum(1).min() * _FRAME / RATE < LEAST_S or common.sum() > MOST_COMMON * speech.sum():
        return False
    left, right = frames.level[:, speech]
    together = np.corrcoef(left, right)[0, 1] if left.std() > 0 and right.std() > 0 else 0.0
    return bool(together < TOGETHER)


def without_echo(both: np.ndarray, frames: Frames) -> np.ndarray:
    """Return (2, samples) with the echo of the other channel muted, without clicks."""
    gain = np.repeat(1.0 - frames.echo, _FRAME, axis=1)[:, : both.shape[1]]
    ramp = np.ones(_FRAME // 2) / (_FRAME // 2)
    smooth = np.stack([np.convolve(channel, ramp, "same") for channel in gain])
    return (both * np.minimum(1.0, smooth)).astype(np.float32)


def split(sound: Path) -> tuple[Path, ...]:
    """Write each party of a call to a 16 kHz mono WAV beside `sound` and return both, or () if it is no such call.

    `sound`: the file that `media.extract_sound` wrote. Raises MediaError if it cannot be read.
    """
    import wave

    from pipeline.media import read_channels

    both = read_channels(sound)
    if both is None:
        return ()
    frames = compare(both)
    if not are_parties(frames):
        return ()
    written = []
    for number, samples in enumerate(without_echo(both, frames), 1):
        path = sound.with_name(f"{sound.stem}.party{number}.wav")
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(np.rint(samples * 32767).astype("<i2").tobytes())
        written.append(path)
    return tuple(written)


# --- hearing one by one -----------------------------------------------------------------------------------------------


def transcribe(stage: Transcribe, sound: Path, parties: Sequence[Path], language: str | None) -> Stage[Transcript]:
    """Return the transcript of `sound`, by `stage`; `parties`, if any, are transcribed one by one and merged."""
    if not parties:
        return (yield from stage(sound, language))
    return merge_transcripts((yield from _in_turn([stage(party, language) for party in parties])))


def diarize(stage: Diarize, sound: Path, parties: Sequence[Path], speakers: int | None) -> Stage[Diarization]:
    """Return the diarization of `sound`, by `stage`; `parties`, if any, are diarized one by one and merged.

    Two `speakers` are taken to be one in each channel.
    """
    from pipeline.media import read_sound

    if not parties:
        return (yield from stage(sound, speakers))
    each = 1 if speakers == len(parties) else None
    found = yield from _in_turn([stage(party, each) for party in parties])
    return merge_diarizations(found, read_sound(sound), speakers)


def translate(
    stage: TranslateSpeech,
    sound: Path,
    parties: Sequence[Path],
    heard: Transcript,
    phrases: tuple[Phrase, ...],
    target: str,
) -> Stage[KeyFree]:
    """Return the key-free translation of every phrase, by `stage`, from the sound of the party that said it."""
    if not parties:
        return (yield from stage(sound, phrases, heard.language, target))
    channel = {word: segment.channel for segment in heard.segments for word in segment.words}
    of = [channel.get(phrase.words[0], 1) if phrase.words else 1 for phrase in phrases]
    own = [[i for i in range(len(phrases)) if of[i] == number] for number in range(1, len(parties) + 1)]
    stages = [
        stage(party, tuple(phrases[i] for i in indices), heard.language, target)
        for party, indices in zip(parties, own, strict=True)
    ]
    texts: list[str | None] = [None] * len(phrases)
    answers = yield from _in_turn(stages)
    for indices, answer in zip(own, answers, strict=True):
        for i, text in zip(indices, answer.texts, strict=True):
            texts[i] = text
    return KeyFree.together(texts, answers)


def _in_turn(stages: Sequence[Stage[T]]) -> Stage[list[T]]:
    """Run one stage after the other as if they were one, and return the result of each."""
    results: list[T] = []
    try:
        for number, stage in enumerate(stages):
            while True:
                try:
                    step = next(stage)
                except StopIteration as stop:
                    results.append(stop.value)
                    break
                yield replace(step, fraction=(number + step.fraction) / len(stages), preview=None)
    finally:
        for stage in stages:
            stage.close()
    return results


# --- putting together -------------------------------------------------------------------------------------------------


def merge_transcripts(parties: Sequence[Transcript]) -> Transcript:
    """Return one transcript, in which every segment knows its channel and language.

    The clip's language is that of most words.
    """
    segments = [
        replace(segment, language=segment.language or party.language, channel=channel)
        for channel, party in enumerate(parties, 1)
        for segment in party.segments
    ]
    if not segments:
        return parties[0]
    words: dict[str, int] = {}
    for segment in segments:
        words[segment.language] = words.get(segment.language, 0) + len(segment.words)
    language = max(words, key=lambda code: words[code])
    sure = max(party.language_confidence for party in parties if party.language == language or len(words) == 1)
    notices = [notice for party in parties for notice in party.notices if notice.code != "no_speech"]
    return Transcript(language, sure, tuple(sorted(segments, key=_start)), doubt.of_both_channels(notices))


def merge_diarizations(parties: Sequence[Diarization], mixed: np.ndarray, speakers: int | None) -> Diarization:
    """Return one diarization, its voices numbered as they appear.

    mixed: the sound of both, (samples,) at 16 kHz.
    """
    turns = sorted(
        (replace(turn, speaker=f"{channel} {turn.speaker}", channel=channel)
         for channel, party in enumerate(parties, 1) for turn in party.turns),
        key=_start,
    )  # fmt: skip
    names = {name: f"v{number}" for number, name in enumerate(dict.fromkeys(turn.speaker for turn in turns), 1)}
    voices = {
        names[f"{channel} {voice.speaker}"]: replace(voice, speaker=names[f"{channel} {voice.speaker}"])
        for channel, party in enumerate(parties, 1)
        for voice in party.voices
        if f"{channel} {voice.speaker}" in names
    }
    notices = [notice for party in parties for notice in party.notices if notice.code != "fewer_voices"]
    if speakers and len(voices) < speakers:
        notices.append(fewer_voices(speakers, len(voices)))
    return replace(
        parties[0],
        turns=tuple(replace(turn, speaker=names[turn.speaker]) for turn in turns),
        voices=tuple(voices[name] for name in names.values()),
        envelope=envelope(mixed),
        notices=tuple(dict.fromkeys(notices)),
    )


def _start(one: Segment | Turn) -> float:
    return one.start
