"""MFCC: the shape of a sound's spectrum, 100 times a second, as active speaker detectors are trained on it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

RATE = 16_000  #: Hz
STEP, WINDOW = 160, 400  #: samples: 10 ms and 25 ms
FFT = 512  #: points of the transform
FILTERS, COEFFICIENTS = 26, 13
LIFTER = 22  #: of the sine that raises the higher coefficients
PREEMPHASIS = 0.97


def mfcc(samples: np.ndarray) -> np.ndarray:
    """Return the MFCC of a sound, float32 (ceil(n / 160), 13): one row for every 10 ms that begins inside it.

    The values are those of python_speech_features 0.6 with its defaults (rectangular windows, 26 mel filters from 0 to
    8 kHz, logarithms of the energies, an orthonormal DCT, a lifter of 22, the frame's log energy instead of the first
    coefficient), on whose output LR-ASD was trained. Row j covers samples 160 j to 160 j + 400; the end is padded with
    zeros.

    samples: float32 (n,) at 16 kHz, -1..1.
    """
    import numpy as np
    from scipy.fft import dct

    count = -(-len(samples) // STEP)
    if not count:
        return np.empty((0, COEFFICIENTS), np.float32)
    signal = np.asarray(samples, np.float32) * 32768.0  # trained on 16-bit numbers: the log energy depends on the scale
    signal = np.concatenate([signal[:1], signal[1:] - PREEMPHASIS * signal[:-1]])
    signal = np.pad(signal, (0, max(0, (count - 1) * STEP + WINDOW - len(signal))))
    frames = np.lib.stride_tricks.sliding_window_view(signal, WINDOW)[::STEP][:count]
    power = np.abs(np.fft.rfft(frames, FFT)) ** 2 / FFT
    smallest = np.finfo(np.float64).eps  # zero has no logarithm
    energy = np.maximum(power.sum(1), smallest)
    bands = np.log(np.maximum(power @ _filters().T, smallest))
    values = dct(bands, type=2, axis=1, norm="ortho")[:, :COEFFICIENTS]
    values = values * (1 + LIFTER / 2 * np.sin(np.pi * np.arange(COEFFICIENTS) / LIFTER))
    values[:, 0] = np.log(energy)
    return values.astype(np.float32)


@cache
def _filters() -> np.ndarray:
    """Return the weights (26, 257) of the triangular mel filters, with corners on points of the transform."""
    import numpy as np

    mel = np.linspace(0.0, 2595 * np.log10(1 + RATE / 2 / 700), FILTERS + 2)
    corners = np.floor((FFT + 1) * 700 * (10 ** (mel / 2595) - 1) / RATE)
    points = np.arange(FFT // 2 + 1)
    low, middle, high = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    rising = (points >= low) & (points < middle)
    falling = (points >= middle) & (points < high)
    up = (points - low) / np.maximum(middle - low, 1)
    down = (high - points) / np.maximum(high - middle, 1)
    return np.where(rising, up, 0.0) + np.where(falling, down, 0.0)
