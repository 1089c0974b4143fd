"""Log mel filter banks as Kaldi computes them, in numpy."""

from __future__ import annotations

from functools import cache

import numpy as np

RATE = 16_000  #: Hz
HOP = 160  #: samples between frames, 10 ms
WIDTH = 400  #: samples of a frame, 25 ms
BANDS = 80
_FFT = 512
_LOWEST_HZ = 20.0
_PREEMPHASIS = 0.97
_FLOOR = float(np.finfo(np.float32).eps)  # for samples in -1..1, as torchaudio's port does


def _mel(hertz: np.ndarray | float) -> np.ndarray:
    return 1127.0 * np.log1p(np.asarray(hertz) / 700.0)


@cache
def _filters() -> np.ndarray:
    """Return float32 (bins, bands): triangles that are straight lines over mel, as in Kaldi's mel-computations.cc."""
    edges = np.linspace(_mel(_LOWEST_HZ), _mel(RATE / 2), BANDS + 2)
    bins = _mel(np.arange(_FFT // 2) * RATE / _FFT)[:, None]  # the bin at half the rate belongs to no band
    rising = (bins - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - bins) / np.diff(edges)[1:]
    return np.maximum(0.0, np.minimum(rising, falling)).astype(np.float32)


@cache
def _window() -> np.ndarray:
    """Return Povey's window (400,): a Hann window to the power of 0.85."""
    return ((0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WIDTH) / (WIDTH - 1))) ** 0.85).astype(np.float32)


def fbank(samples: np.ndarray) -> np.ndarray:
    """Return the log energies of a sound, float32 (frames, 80); frame i starts at i * 10 ms.

    There are only whole frames: sound shorter than 25 ms gives none.

    samples: float32 (samples,) in -1..1 at 16 kHz.
    """
    if len(samples) < WIDTH:
        return np.zeros((0, BANDS), np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float32), WIDTH)[::HOP]
    result = np.empty((len(windows), BANDS), np.float32)
    for first in range(0, len(windows), 2048):  # 20 s at once: flat in memory
        part = windows[first : first + 2048]
        part = part - part.mean(1, keepdims=True)
        part = (part - _PREEMPHASIS * np.concatenate([part[:, :1], part[:, :-1]], 1)) * _window()
        power = np.abs(np.fft.rfft(part, _FFT)[:, : _FFT // 2]) ** 2
        result[first : first + 2048] = np.log(np.maximum(power.astype(np.float32) @ _filters(), _FLOOR))
    return result
