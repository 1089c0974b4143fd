"""Loudness of the speech band over time."""

from __future__ import annotations

import numpy as np

from pipeline.records import ENVELOPE_HZ

RATE = 16_000  #: Hz
BAND_HZ = (300.0, 3400.0)  #: the telephone band: voice without rumble and hiss


def envelope(samples: np.ndarray) -> tuple[float, ...]:
    """Return the loudness of the speech band, 0..1, `ENVELOPE_HZ` values a second.

    Value i is centred on i / ENVELOPE_HZ s. It is the power to the 0.3 (Stevens' law for loudness) over that of the
    loudest moments; a clip that never exceeds -60 dB of full scale is all zero.

    samples: (samples,) at 16 kHz, -1..1.
    """
    hop = RATE // ENVELOPE_HZ
    count = -(-len(samples) // hop)
    if not count:
        return ()
    size = 2 * hop  # 80 ms, half overlapping
    padded = np.pad(samples.astype(np.float32), (hop, size))
    taper = np.hanning(size).astype(np.float32)
    bins = np.fft.rfftfreq(size, 1 / RATE)
    band = (bins >= BAND_HZ[0]) & (bins <= BAND_HZ[1])
    windows = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop][:count]
    power = np.empty(count, np.float32)
    for first in range(0, count, 4096):  # bounds the memory of the spectrum
        spectrum = np.fft.rfft(windows[first : first + 4096] * taper)[:, band]
        power[first : first + 4096] = (np.abs(spectrum) ** 2).sum(1)
    power *= 2 / (taper**2).sum() / size  # mean square of the band (Parseval)
    top = float(np.quantile(power, 0.99))
    if top < 1e-6:
        return (0.0,) * count
    return tuple(np.minimum(1.0, (power / top) ** 0.3).round(4).tolist())
