"""The corpus of ugly clips through real ffmpeg: right length, upright, in sync, or one sentence."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import threading
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from pipeline import media
from pipeline.errors import InputError, LimitError, MediaError, NoAudioError, NotAClipError
from pipeline.records import Clip
from pipeline.settings import Settings
from tests.fixtures_clips import CORPUS, X264, ffmpeg, make, picture, sound

pytestmark = pytest.mark.integration

SETTINGS = Settings()
GOOD = [name for name, recipe in CORPUS.items() if recipe.error is None]
BAD = [name for name, recipe in CORPUS.items() if recipe.error is not None]


def drained(stage):
    while True:
        try:
            next(stage)
        except StopIteration as end:
            return end.value


def luma(clip: Clip, **options) -> tuple[list[float], list[np.ndarray]]:
    times, means = [], []
    for t, frame in media.frames(clip, width=64, height=36, pixels="yuv420p", **options):
        times.append(t)
        means.append(frame[:36].astype(float))
    return times, means


def flash_at(clip: Clip) -> float:
    """When the lower right quarter turns white."""
    times, frames = luma(clip)
    return times[next(i for i, frame in enumerate(frames) if frame[20:, 34:].mean() > 150)]


def click_at(clip: Clip, folder: Path) -> float:
    samples = media.read_sound(drained(media.extract_sound(clip, folder / "click.wav")))
    return int(np.argmax(np.abs(samples) > 0.1)) / media.SAMPLE_RATE


def rendered(clip: Clip, to: Path) -> Clip:
    width, height = media.output_size(clip)
    rate = media.output_rate(clip)
    frames = media.frames(clip, width=width, height=height, pixels="yuv420p")
    for _ in media.write_video(clip, frames, to, width=width, height=height, rate=rate):
        pass
    return media.probe(to, SETTINGS)


@pytest.mark.parametrize("name", GOOD)
def test_every_usable_clip_comes_out_as_long_upright_and_in_sync(name, tmp_path):
    truth = CORPUS[name]
    clip = media.probe(make(name, tmp_path), SETTINGS)
    frame = 1 / float(truth.rate or 30)
    if truth.duration is not None:
        assert clip.duration == pytest.approx(truth.duration, abs=max(frame, 0.03))
    else:
        assert truth.at_least <= clip.duration <= truth.at_most
    assert (clip.width, clip.height) == truth.size
    assert clip.has_video == (truth.size != (0, 0))
    assert clip.has_audio == truth.audio
    assert clip.frame_rate == truth.rate
    assert clip.variable_rate == truth.variable
    one_frame = 1 / float(media.output_rate(clip))
    if truth.flash is not None:
        assert flash_at(clip) == pytest.approx(truth.flash, abs=max(one_frame, frame) + 1e-3)
    if truth.click is not None:
        assert click_at(clip, tmp_path) == pytest.approx(
            truth.click, abs=0.03
        )  # MP2 and AAC in MPEG do not tell their delay
    if truth.audio:
        samples = media.read_sound(drained(media.extract_sound(clip, tmp_path / "sound.wav")))
        assert abs(len(samples) - clip.duration * media.SAMPLE_RATE) <= 1
    if not clip.has_video:
        return

    out = rendered(clip, tmp_path / "out.mp4")
    assert out.duration == pytest.approx(clip.duration, abs=max(one_frame, 0.025))  # one frame of AAC is 23 ms
    assert (out.width, out.height) == media.output_size(clip)
    assert out.frame_rate == media.output_rate(clip)
    assert (out.video_codec, out.rotation, out.variable_rate) == ("h264", 0, False)
    assert out.has_audio == truth.audio
    assert not truth.audio or out.audio_codec in ("aac", "mp3", "mp3float")
    if truth.flash is not None:
        first = next(media.frames(out, width=64, height=36, rate=1))[1]
        assert first[4, 8, 0] > 90 > first[4, 8, 1]  # red, upper left
        assert first[30, 56].max() < 60  # black, lower right
        assert flash_at(out) == pytest.approx(truth.flash, abs=max(one_frame, frame) + 1e-3)
    if truth.click is not None:
        assert click_at(out, tmp_path) == pytest.approx(truth.click, abs=0.04)


@pytest.mark.parametrize("name", BAD)
def test_every_unusable_clip_gets_its_sentence(name, tmp_path):
    path = make(name, tmp_path)
    with pytest.raises(InputError) as caught:
        media.probe(path, SETTINGS)
    assert type(caught.value) is CORPUS[name].error
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert str(tmp_path) not in sentence
    assert "Errno" not in sentence
    assert len(sentence) < 220
