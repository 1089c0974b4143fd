"""Voice activity: where there is a voice, by Silero VAD on ONNX Runtime, without importing torch."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import ModelError

RATE = 16_000  #: Hz
FRAME_S = 512 / RATE  #: 32 ms: what the model was trained on
_BLOCK = 512  # frames a call, 16 s: bounds the memory of a call


@cache
def _session() -> Any:
    import onnxruntime

    # The package is only located: importing it would import torch (2 s).
    package = find_spec("silero_vad")
    if package is None or not package.submodule_search_locations:
        raise ModelError(
            "The package silero-vad is missing from this Python; run `make install` and use .venv/bin/python."
        )
    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = options.intra_op_num_threads = 1  # 1 ms a second of sound: threads only cost
    weights = Path(package.submodule_search_locations[0]) / "data" / "silero_vad_16k_sequence.onnx"
    return onnxruntime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])


def speech_probability(samples: np.ndarray) -> np.ndarray:
    """Return how likely each 32 ms of sound holds a voice, float32 (frames,), 0..1.

    samples: float32 (samples,) at 16 kHz, -1..1.
    """
    size, context = 512, 64  # the model sees 64 samples of the frame before
    frames = np.pad(samples, (0, -len(samples) % size)).astype(np.float32).reshape(-1, size)
    before = np.zeros((len(frames), context), np.float32)
    before[1:] = frames[:-1, -context:]
    blocks = np.concatenate([before, frames], axis=1)
    hidden = cell = np.zeros((1, 1, 128), np.float32)
    found = [np.zeros(0, np.float32)]
    for first in range(0, len(blocks), _BLOCK):
        values, hidden, cell = _session().run(
            ["speech_probs", "hn", "cn"], {"input": blocks[first : first + _BLOCK], "h": hidden, "c": cell}
        )
        found.append(values.reshape(-1))
    return np.concatenate(found)


def voiced(
    probability: np.ndarray, *, on: float = 0.5, off: float = 0.35, shortest_s: float = 0.1, gap_s: float = 0.1
) -> tuple[tuple[float, float], ...]:
    """Return (start, end) in s of every stretch with a voice, in order and apart.

    Hysteresis and its two thresholds are Silero's own. Stretches closer than `gap_s` are joined, and any shorter than
    `shortest_s` is dropped.
    """
    stretches: list[tuple[float, float]] = []
    start = None
    for index, value in enumerate([*probability.tolist(), 0.0]):
        if start is None and value >= on:
            start = index * FRAME_S
        elif start is not None and value < off:
            if stretches and start - stretches[-1][1] < gap_s:
                start = stretches.pop()[0]
            stretches.append((start, index * FRAME_S))
            start = None
    return tuple((a, b) for a, b in stretches if b - a >= shortest_s)
