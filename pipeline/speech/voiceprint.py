"""A voice as a point on a sphere: the GE2E speaker encoder in numpy.

Architecture and input as published with the weights (Wan et al. 2018, arXiv 1710.10467; resemblyzer 0.1.4): 40 mel
bands of 25 ms every 10 ms, three LSTM layers of 256, a projection with ReLU, unit length. In numpy because importing torch
costs 3 s and 200 MB, and a 26 s clip needs half a second of multiplication.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.models.unpack import GE2E_TENSORS
from pipeline.speech.activity import RATE

HOP = 160  #: samples, 10 ms
_FFT = 400  # samples, 25 ms
_BANDS = 40
SIZE = 256
FRAME_POWER = (
    0.37  #: sum over the bands of a frame of speech at -30 dB of full scale, the level the encoder was trained on
)
_BATCH = 64  # windows a pass: 160 frames x 64 x 1024 gates are 42 MB


@cache
def _filters() -> np.ndarray:
    """(bands, bins) float32: triangles of equal area on Slaney's mel scale (Auditory Toolbox, 1998), 0 to 8 kHz."""
    step, knee = 200 / 3, 1000.0  # linear below 1 kHz, logarithmic above
    growth = np.log(6.4) / 27
    top = knee / step + np.log(8000 / knee) / growth
    mel = np.linspace(0, top, _BANDS + 2)
    hertz = np.where(mel < knee / step, mel * step, knee * np.exp(growth * (mel - knee / step)))
    bins = np.arange(_FFT // 2 + 1) * RATE / _FFT
    rising = (bins - hertz[:-2, None]) / np.diff(hertz)[:-1, None]
    falling = (hertz[2:, None] - bins) / np.diff(hertz)[1:, None]
    area = 2 / (hertz[2:] - hertz[:-2])
    return (np.maximum(0, np.minimum(rising, falling)) * area[:, None]).astype(np.float32)


def mel_frames(samples: np.ndarray) -> np.ndarray:
    """(frames, 40) float32 mel power, a frame every 10 ms, centred (frame i is at i * 10 ms)."""
    padded = np.pad(samples.astype(np.float32), _FFT // 2)
    windows = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::HOP]
    taper = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_FFT) / _FFT)).astype(np.float32)
    result = np.empty((len(windows), _BANDS), np.float32)
    for first in range(0, len(windows), 4096):  # 41 s at once: flat in memory
        power = np.abs(np.fft.rfft(windows[first : first + 4096] * taper)) ** 2
        result[first : first + 4096] = power.astype(np.float32) @ _filters().T
    return result


@cache
def weights(path: Path) -> dict[str, np.ndarray]:
    """The tensors of `ge2e.f32` by name."""
    flat = np.fromfile(path, "<f4")
    sizes = [int(np.prod(shape)) for _, shape in GE2E_TENSORS]
    parts = np.split(flat, np.cumsum(sizes)[:-1])
    return {name: part.reshape(shape) for (name, shape), part in zip(GE2E_TENSORS, parts, strict=True)}


def embed(windows: np.ndarray, tensors: dict[str, np.ndarray]) -> np.ndarray:
    """(n, 256) float32 of unit length for (n, frames, 40) mel windows of one length."""
    from threadpoolctl import threadpool_limits

    parts = [np.zeros((0, 256), np.float32)]
    # One thread: the 480 small products of a pass wait for one another. 98 windows take 1.1 s with one and 13 s with two
    # threads on a busy machine, where the threads spin.
    with threadpool_limits(1, "blas"):
        for first in range(0, len(windows), _BATCH):
            parts.append(_pass(windows[first : first + _BATCH], tensors))
    return np.concatenate(parts)


def _pass(windows: np.ndarray, tensors: dict[str, Any]) -> np.ndarray:
    layer_in = np.ascontiguousarray(windows.transpose(1, 0, 2))  # (frames, n, features)
    frames, count, _ = layer_in.shape
    for layer in range(3):
        into = np.ascontiguousarray(tensors[f"lstm.weight_ih_l{layer}"].T)
        back = np.ascontiguousarray(tensors[f"lstm.weight_hh_l{layer}"].T)
        gates_in = layer_in.reshape(frames * count, -1) @ into
        gates_in += tensors[f"lstm.bias_ih_l{layer}"] + tensors[f"lstm.bias_hh_l{layer}"]
        gates_in = gates_in.reshape(frames, count, 1024)
        out = np.empty((frames, count, 256), np.float32)
        hidden = np.zeros((count, 256), np.float32)
        cell = np.zeros((count, 256), np.float32)
        for frame in range(frames):
            gates = hidden @ back
            gates += gates_in[frame]
            # Torch's order: input, forget, candidate, output. sigmoid(x) = (tanh(x / 2) + 1) / 2, which numpy vectorizes.
            gates[:, :512] *= 0.5
            gates[:, 768:] *= 0.5
            np.tanh(gates, out=gates)
            cell = (gates[:, 256:512] * 0.5 + 0.5) * cell + (gates[:, :256] * 0.5 + 0.5) * gates[:, 512:768]
            hidden = (gates[:, 768:] * 0.5 + 0.5) * np.tanh(cell)
            out[frame] = hidden
        layer_in = out
    projected = np.maximum(0, hidden @ tensors["linear.weight"].T + tensors["linear.bias"])
    return projected / np.maximum(1e-6, np.linalg.norm(projected, axis=1, keepdims=True))
