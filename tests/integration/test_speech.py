"""Real models on real speech: words, languages, voices, and nothing invented where nobody speaks."""

import json
import subprocess
import wave
from collections.abc import Generator
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest

from benchmarks.der import der, read_rttm
from benchmarks.score import distance, tokens
from pipeline import media
from pipeline.models import sets
from pipeline.perceive import perceive
from pipeline.progress import finish
from pipeline.records import Diarization, Job, Phrase, Transcript
from pipeline.settings import Settings
from pipeline.speech.transcribe import translate_speech

pytestmark = pytest.mark.integration

LIGHT = sets.load(Settings(models="light"))
transcribe, diarize = LIGHT.transcribe, LIGHT.diarize

CLIPS = Path(__file__).parents[2].parent / "shared" / "clips"
needs_clips = pytest.mark.skipif(not CLIPS.is_dir(), reason="the shared clips are not on this machine")

T = TypeVar("T")


def _result(stage: Generator[Any, None, T]) -> T:
    while True:
        try:
            next(stage)
        except StopIteration as stop:
            return stop.value


def _write(to: Path, samples: np.ndarray) -> Path:
    with wave.open(str(to), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return to


def _sound(name: str, folder: Path) -> Path:
    clip = media.probe(next(CLIPS.glob(f"{name}.[mf]*")), Settings())
    return _result(media.extract_sound(clip, folder / f"{name}.wav"))


def _music(seconds: int = 16) -> np.ndarray:
    """A tune of decaying harmonics with a drum: neither speech nor steady."""
    random = np.random.default_rng(1)
    t = np.arange(seconds * 16000) / 16000
    sound = np.zeros_like(t)
    for beat in range(seconds * 2):
        since = t - beat / 2
        pitch = random.choice([261.6, 329.6, 392.0, 523.2, 440.0, 349.2, 293.7])
        for harmonic in range(1, 8):
            sound += (
                (since >= 0) * np.exp(-3 * np.maximum(since, 0)) * np.sin(2 * np.pi * pitch * harmonic * t) / harmonic
            )
        sound += (since >= 0) * np.exp(-30 * np.maximum(since, 0)) * random.standard_normal(len(t)) * 0.8 * (beat % 2)
    return sound / np.abs(sound).max() * 0.7


def _pink(seconds: int = 12) -> np.ndarray:
    spectrum = np.fft.rfft(np.random.default_rng(3).standard_normal(seconds * 16000))
    noise = np.fft.irfft(spectrum / np.sqrt(np.arange(1, len(spectrum) + 1)))
    return noise / np.abs(noise).max() * 0.6


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(12 * 16000),
        _pink(),
        np.sin(np.arange(8 * 16000) * 2 * np.pi * 440 / 16000) * 0.5,
        _music(),
        np.zeros(0),
    ],
    ids=["silence", "noise", "tone", "music", "empty"],
)
def test_nothing_is_invented_where_nobody_speaks(samples: np.ndarray, tmp_path: Path) -> None:
    sound = _write(tmp_path / "sound.wav", samples)
    transcript: Transcript = _result(transcribe(sound, None))
    assert transcript.segments == ()
    assert transcript.language == ""
    assert [notice.code for notice in transcript.notices] == ["no_speech"]
    assert _result(diarize(sound, None)).turns == ()


@needs_clips
@pytest.mark.parametrize(
    ("name", "voices", "most_errors"),
    [
        ("two_shot", 2, 0.05),
        ("cuts", 2, 0.05),
        ("off_screen_voice", 2, 0.05),
        ("jfk", 1, 0.0),
        ("german", 1, 0.05),
        ("japanese", 1, 0.05),
        ("polish", 1, 0.10),
    ],
)
def test_words_language_and_voices_of_the_clips(name: str, voices: int, most_errors: float, tmp_path: Path) -> None:
    truth = json.loads((CLIPS / f"{name}.truth.json").read_text())
    sound = _sound(name, tmp_path)
    duration = len(media.read_sound(sound)) / 16000
    transcript: Transcript = _result(transcribe(sound, None))
    assert transcript.language == truth["language"]
    reference = tokens(" ".join(turn["text"] for turn in truth["turns"]), truth["language"])
    said = tokens(" ".join(segment.text for segment in transcript.segments), truth["language"])
    assert distance(reference, said) / len(reference) <= most_errors
    words = [word for segment in transcript.segments for word in segment.words]
    assert all(0 <= word.start < word.end <= duration + 1e-6 for word in words)
    assert all(before.end <= after.start + 1e-9 for before, after in pairwise(words))

    diarization: Diarization = _result(diarize(sound, None))
    assert len(diarization.voices) == voices
    # Where a voice speaks, it is the right one: pauses inside the truth's turns are not scored.
    turns = [(turn.start, turn.end, turn.speaker) for turn in diarization.turns]
    spoken = [
        (max(a, turn["start"]), min(b, turn["end"]), turn["speaker"])
        for a, b, _ in turns
        for turn in truth["turns"]
        if min(b, turn["end"]) > max(a, turn["start"])
    ]
    assert der(spoken, turns) <= 0.05
    assert all(abs(np.linalg.norm(turn.embedding) - 1) < 1e-3 for turn in diarization.turns)
    assert len(diarization.envelope) == pytest.approx(duration * 25, abs=1)


@needs_clips
def test_two_voices_on_a_telephone_line_are_told_apart(tmp_path: Path) -> None:
    sound = _sound("phone_call", tmp_path)
    diarization: Diarization = _result(diarize(sound, None))
    assert len(diarization.voices) == 2
    turns = [(turn.start, turn.end, turn.speaker) for turn in diarization.turns]
    assert der(read_rttm(CLIPS / "phone_call.rttm"), turns) <= 0.03
    assert len(_result(diarize(sound, 1)).voices) == 1


@needs_clips
def test_more_voices_than_there_are_are_not_made_up(tmp_path: Path) -> None:
    diarization: Diarization = _result(diarize(_sound("jfk", tmp_path), 4))
    assert len(diarization.voices) < 4
    assert [notice.code for notice in diarization.notices] == ["fewer_voices"]


@needs_clips
def test_voices_of_real_meetings_are_told_apart(tmp_path: Path) -> None:
    loose, strict, miscounted = [], [], 0
    for reference in sorted(CLIPS.glob("meeting_*.rttm")):
        diarization: Diarization = _result(diarize(_sound(reference.stem, tmp_path), None))
        truth, turns = read_rttm(reference), [(turn.start, turn.end, turn.speaker) for turn in diarization.turns]
        loose.append(der(truth, turns))
        strict.append(der(truth, turns, collar=0, overlap=True))
        miscounted += abs(len({turn[2] for turn in truth}) - len(diarization.voices)) > 1
        assert all(0 <= turn.clean_s <= turn.end - turn.start + 0.1 for turn in diarization.turns)
    assert np.mean(loose) <= 0.12
    assert np.mean(strict) <= 0.25
    assert miscounted == 0


@needs_clips
def test_every_sentence_of_a_mixed_clip_keeps_its_language(tmp_path: Path) -> None:
    parts = [media.read_sound(_sound(name, tmp_path)) for name in ("jfk", "german", "polish")]
    gap = np.zeros(8000, np.float32)
    sound = _write(tmp_path / "mixed.wav", np.concatenate([parts[0], gap, parts[1], gap, parts[2]]))
    transcript: Transcript = _result(transcribe(sound, None))
    assert list(dict.fromkeys(segment.language for segment in transcript.segments)) == ["en", "de", "pl"]
    assert any("Kommunikation zur Verfügung" in segment.text for segment in transcript.segments)


@needs_clips
def test_rap_over_music_does_not_loop(tmp_path: Path) -> None:
    from pipeline.speech.guards import loops

    transcript: Transcript = _result(transcribe(_sound("crowd_music", tmp_path), None))
    assert not any(loops(segment.text) for segment in transcript.segments)


@needs_clips
def test_whisper_translates_into_english_and_into_nothing_else(tmp_path: Path) -> None:
    sound = _sound("polish", tmp_path)
    heard: Transcript = _result(transcribe(sound, "pl"))
    phrases = tuple(Phrase(i, s.start, s.end, None, s.text, s.words) for i, s in enumerate(heard.segments))
    base = finish(sets.weights("whisper-base", Settings()))
    (english,) = _result(translate_speech(sound, phrases, "pl", "EN-US", weights=base))
    assert english is not None
    assert "senator" in english.lower()
    assert _result(translate_speech(sound, phrases, "pl", "DE", weights=base)) == (None,)
    assert _result(translate_speech(sound, (), "pl", "EN-US", weights=base)) == ()


def test_a_call_with_one_party_per_channel_is_heard_channel_by_channel(tmp_path: Path) -> None:
    examples = Path(__file__).parents[2] / "examples"
    call = tmp_path / "call.wav"
    graph = (
        "[0:a]pan=mono|c0=c0,atrim=0:15[l];[1:a]pan=mono|c0=c0,atrim=0:15[r];"
        "[l][r]join=inputs=2:channel_layout=stereo[o]"
    )
    inputs: list[str | Path] = ["-i", examples / "orbit_en.mp4", "-i", examples / "europa_pl.mp4"]
    subprocess.run(
        [media.ffmpeg_binary(), "-v", "error", *inputs, "-filter_complex", graph, "-map", "[o]", call], check=True
    )
    clip = media.probe(call, Settings())
    found = _result(perceive(LIGHT, Job(clip, _result(media.extract_sound(clip, tmp_path / "sound.wav")))))
    for channel, name in enumerate(("orbit_en", "europa_pl"), 1):
        truth = json.loads((examples / f"{name}.truth.json").read_text())
        said = [segment for segment in found.transcript.segments if segment.channel == channel]
        assert {segment.language for segment in said} == {truth["language"]}
        wanted = " ".join(turn["text"] for turn in truth["turns"] if turn["end"] < 14)
        heard = tokens(" ".join(segment.text for segment in said if segment.end < 14.1), truth["language"])
        assert distance(tokens(wanted, truth["language"]), heard) / len(heard) <= 0.25
    by_language = {
        language: {p.person for p in found.attribution.phrases if (p.language or found.transcript.language) == language}
        for language in ("en", "pl")
    }
    assert by_language["en"]
    assert by_language["pl"]
    assert not by_language["en"] & by_language["pl"]
    assert None not in by_language["en"] | by_language["pl"]
