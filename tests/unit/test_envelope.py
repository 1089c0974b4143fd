"""Loudness and voice activity on made-up sound, and the error rate of turns."""

import numpy as np
import pytest

from benchmarks.der import der
from pipeline.records import ENVELOPE_HZ
from pipeline.speech.activity import voiced
from pipeline.speech.envelope import envelope

pytestmark = pytest.mark.unit


def test_the_envelope_follows_the_voice_on_the_clips_clock() -> None:
    t = np.arange(4 * 16000) / 16000
    sound = np.sin(2 * np.pi * 800 * t) * ((t >= 1) & (t < 2)) * 0.3
    loud = np.array(envelope(sound.astype(np.float32)))
    assert len(loud) == 4 * ENVELOPE_HZ
    assert loud[ENVELOPE_HZ + 2 : 2 * ENVELOPE_HZ - 2].min() > 0.9
    assert loud[: ENVELOPE_HZ - 2].max() < 0.05
    assert loud[2 * ENVELOPE_HZ + 2 :].max() < 0.05


def test_the_envelope_hears_neither_rumble_nor_silence() -> None:
    t = np.arange(2 * 16000) / 16000
    both = (np.sin(2 * np.pi * 60 * t) * 0.5 * (t < 1) + np.sin(2 * np.pi * 800 * t) * 0.1 * (t >= 1)).astype(
        np.float32
    )
    loud = np.array(envelope(both))
    assert loud[5:20].max() < 0.3 < loud[30:45].min()
    assert set(envelope(np.zeros(16000, np.float32))) == {0.0}
    assert envelope(np.zeros(0, np.float32)) == ()


def test_voiced_stretches_have_hysteresis_and_a_shortest_length() -> None:
    frames = np.array(
        [0, 0.6, 0.9, 0.4, 0.4, 0.8, 0.1, 0.1, 0.1, 0.1, 0.1, 0.9, 0.1, 0.1, 0.1, 0.1, 0.1, 0.7, 0.9, 0.9, 0.9]
    )
    (start, end), (second, last) = voiced(frames)  # the single frame at 0.352 is too short
    assert (start, end, second, last) == pytest.approx((0.032, 0.192, 0.544, 0.672))


def test_der_counts_misses_false_alarms_and_confusion() -> None:
    truth = [(0.0, 4.0, "a"), (4.0, 10.0, "b")]
    assert der(truth, [(0.0, 4.0, "x"), (4.0, 10.0, "y")]) == 0
    assert der(truth, [(0.0, 10.0, "x")], collar=0) == pytest.approx(0.4, abs=0.005)
    assert der(truth, [(0.0, 4.0, "x")], collar=0) == pytest.approx(0.6, abs=0.005)
    assert der(truth, [(0.0, 4.0, "x"), (4.0, 12.0, "y")], collar=0) == pytest.approx(0.2, abs=0.005)
    assert der(truth, [(0.0, 4.2, "x"), (4.2, 10.0, "y")]) == 0  # inside the collar
    overlapped = [(0.0, 4.0, "a"), (2.0, 4.0, "b")]
    assert der(overlapped, [(0.0, 4.0, "x")], collar=0) == 0
    assert der(overlapped, [(0.0, 4.0, "x")], collar=0, overlap=True) == pytest.approx(1 / 3, abs=0.005)
