"""Sound that strangers complained about elsewhere, rebuilt around a voice, through the real light recogniser."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from pipeline import media
from pipeline.errors import InputError
from pipeline.models.sets import weights
from pipeline.records import Transcript
from pipeline.settings import Settings
from pipeline.speech.transcribe import transcribe
from tests.fixtures_clips import ffmpeg, make, with_random_bytes
from tests.fixtures_runs import finish

pytestmark = pytest.mark.integration

SPEECH = Path(__file__).parents[2] / "examples" / "europa_pl.mp4"
SPOKEN_S = 6.0
RATE = media.SAMPLE_RATE


def spoken(folder: Path) -> np.ndarray:
    """Six seconds of Polish, 16 kHz."""
    samples = media.read_sound(finish(media.extract_sound(media.probe(SPEECH, Settings()), folder / "sound.wav")))
    return samples[: int(SPOKEN_S * RATE)]


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    return spoken(tmp_path_factory.mktemp("voice"))


def written(samples: np.ndarray, folder: Path) -> Path:
    """A WAV of the samples."""
    raw, wav = folder / "sound.raw", folder / "sound.wav"
    (np.clip(samples, -1, 1) * 32767).astype("<i2").tofile(raw)
    ffmpeg("-f", "s16le", "-ar", str(RATE), "-ac", "1", "-i", raw, wav)
    return wav


def heard(samples: np.ndarray, folder: Path) -> Transcript:
    """What is heard in the samples once they went through a file."""
    wav = written(samples, folder)
    sound = finish(media.extract_sound(media.probe(wav, Settings()), folder / "heard.wav"))
    return finish(transcribe(sound, None, weights=finish(weights("whisper-base", Settings(models="light")))))


def words(transcript: Transcript) -> list[str]:
    return ["".join(c for c in w.text.casefold() if c.isalnum()) for s in transcript.segments for w in s.words]


def tone(seconds: float) -> np.ndarray:
    return 0.2 * np.sin(2 * np.pi * 1000 * np.arange(int(seconds * RATE)) / RATE)


def applause(seconds: float) -> np.ndarray:
    """Many hands that clap at random: short bursts of noise, 300 a second."""
    chance = np.random.default_rng(5)
    sound = np.zeros(int(seconds * RATE))
    length = RATE // 50
    decay = np.exp(-np.arange(length) / (RATE * 0.004))
    for start in chance.integers(0, len(sound) - length, int(300 * seconds)):
        sound[start : start + length] += chance.standard_normal(length) * decay * chance.uniform(0.02, 0.1)
    return np.clip(sound, -1, 1)


def shout(voice: np.ndarray) -> np.ndarray:
    """Four times as loud and clipped, as a microphone gives a shout."""
    return np.clip(voice * 4, -0.9, 0.9)


@pytest.mark.parametrize(("before", "seconds"), [("tone", 38.0), ("silence", 9.0)])
def test_speech_that_begins_late_is_heard_where_it_begins(
    before: str, seconds: float, voice: np.ndarray, tmp_path: Path
) -> None:
    lead = tone(seconds) if before == "tone" else np.zeros(int(seconds * RATE))
    alone, late = heard(voice, tmp_path), heard(np.concatenate([lead, voice]), tmp_path)
    assert late.language == "pl"
    assert late.segments[0].start == pytest.approx(seconds + alone.segments[0].start, abs=0.3)
    assert len(set(words(alone)) & set(words(late))) >= 0.8 * len(set(words(alone)))


def test_applause_after_speech_says_nothing(voice: np.ndarray, tmp_path: Path) -> None:
    transcript = heard(np.concatenate([voice, applause(8.0)]), tmp_path)
    assert transcript.language == "pl"
    assert transcript.segments[-1].end < SPOKEN_S + 0.5


def test_a_shout_is_understood(voice: np.ndarray, tmp_path: Path) -> None:
    quiet, loud = words(heard(voice / 2, tmp_path)), words(heard(shout(voice), tmp_path))
    assert len(set(quiet) & set(loud)) >= 0.8 * len(set(quiet))


@pytest.mark.parametrize("seed", range(16))
def test_a_file_with_random_bytes_changed_is_a_clip_or_a_sentence(seed: int, tmp_path: Path) -> None:
    """As by a transfer that went wrong; what the probe lets through can be read to its end."""
    path = with_random_bytes(make("plain", tmp_path), seed)
    try:
        clip = media.probe(path, Settings())
    except InputError as error:
        assert str(error).endswith(".")  # noqa: PT017  one of many outcomes
        return
    assert 0 < clip.duration <= Settings().max_duration_s + 1
    if clip.has_audio:
        sound = media.read_sound(finish(media.extract_sound(clip, tmp_path / "sound.wav")))
        assert len(sound) == pytest.approx(clip.duration * RATE, abs=1)
    if clip.has_video:
        assert sum(1 for _ in media.frames(clip, width=32, height=18, rate=5)) == media.frame_count(clip, Fraction(5))
