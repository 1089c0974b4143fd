"""LR-ASD: a network that scores how well a face's movements fit a sound.

Liao, Duan, Feng, Zhao, Yang, Chen: "LR-ASD: Lightweight and Robust Network for Active Speaker Detection" (IJCV 2025).
Two encoders of factorised convolutions, one for the face and one for the sound, give 128 numbers each for every 40 ms;
a gate weighs them, a GRU in either direction reads them in context, a second gate and a linear layer give the score.

Written from the paper and the shapes of the published weights. Batch normalisation is folded into the convolutions, and
the convolutions over space and over time, which the paper has in three dimensions, are two-dimensional here: the same
numbers in a third of the time (measured with torch on a processor).

This module knows the architecture; `lr_asd_onnx` computes it on a processor, `lr_asd_torch` on a GPU.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.errors import ModelError

Layer = tuple[np.ndarray, np.ndarray]  #: weights and bias of a convolution

#: px, side of a face.
SIDE = 112
#: Mean and standard deviation of the grey levels (0..1) of the faces it was trained on.
MEAN, DEVIATION = 0.4161, 0.1688
#: Added to a variance before its root is taken, as in training.
EPSILON = 1e-3
#: Values of either encoder for 40 ms, and units of either GRU.
FEATURES, UNITS = 128, 64
#: Frames before and after one on which its face features depend: three blocks with kernels of 5 and 3 over time.
REACH = 9
#: The same for the first block alone, and the frames it reads at once, since a frame takes 400 kB in it.
FIRST_REACH, CHUNK = 3, 32
#: s of the windows in which the GRUs read; the score is the mean over all of them, as in the paper's own evaluation.
WINDOWS = (1, 2, 3, 4, 6)


@dataclass(frozen=True, slots=True)
class Gru:
    """Weights (3 UNITS, 2 FEATURES), recurrent weights (3 UNITS, UNITS) and both biases (3 UNITS,) of one direction.

    The gates are in torch's order: reset, update, new.
    """

    into: np.ndarray
    back: np.ndarray
    into_bias: np.ndarray
    back_bias: np.ndarray


@dataclass(frozen=True, slots=True)
class Layers:
    """The weights of the network."""

    face: tuple[tuple[Layer, ...], ...]  #: three blocks: over space by 5 and by 3, over time by 5 and by 3
    sound: tuple[tuple[Layer, ...], ...]  #: three blocks: over coefficients by 5 and by 3, over time by 5 and by 3
    gate: Layer  #: of both features
    ahead: Gru
    back: Gru
    last_gate: Layer
    answer: Layer  #: (2 UNITS,) and a number: the log-odds of "speaks" against "silent"


def read(weights: Path) -> Layers:
    """Return the layers in `weights`, the published state dict as a safetensors file.

    Raises ModelError if the file does not hold them.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return _layers(load_file(weights))
    except (OSError, SafetensorError, KeyError, ValueError, IndexError) as error:
        raise ModelError(f"{weights.name} is not a file of LR-ASD weights; remove it and start again.") from error


def _layers(state: dict[str, np.ndarray]) -> Layers:
    def block(name: str, kinds: str) -> tuple[Layer, ...]:
        parts = [(f"{kind}_{n}", f"{kind}_norm_{n}") for kind in kinds for n in (1, 2)]
        return tuple(_folded(state, f"{name}.{layer}", f"{name}.{norm}") for layer, norm in parts)

    def gru(direction: str) -> Gru:
        prefix = f"model.detector.gru_{direction}."
        return Gru(*(state[f"{prefix}{part}_l0"] for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")))

    weight, bias = state["lossAV.FC.weight"], state["lossAV.FC.bias"]  # of two classes, "silent" and "speaks"
    return Layers(
        tuple(block(f"model.visualEncoder.block{n}", "st") for n in (1, 2, 3)),
        tuple(block(f"model.audioEncoder.block{n}", "mt") for n in (1, 2, 3)),
        _folded(state, "model.fusion.attention", "model.fusion.bn"),
        gru("forward"),
        gru("backward"),
        _folded(state, "model.detector.attention.attention", "model.detector.attention.bn"),
        (weight[1] - weight[0], bias[1] - bias[0]),
    )


def _folded(state: dict[str, np.ndarray], layer: str, norm: str) -> Layer:
    """Return weights and bias of a convolution with the next batch normalisation folded in, in 2-D or 1-D."""
    weight = state[f"{layer}.weight"]
    scale = state[f"{norm}.weight"] / np.sqrt(state[f"{norm}.running_var"] + np.float32(EPSILON))
    bias = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale
    weight = weight * scale.reshape(-1, *[1] * (weight.ndim - 1))
    if weight.ndim == 5:  # (out, in, t, h, w): over space or over time
        weight = weight[:, :, 0] if weight.shape[2] == 1 else weight[:, :, :, :, 0]
    elif weight.ndim == 3:  # a kernel of one: a matrix
        weight = weight[:, :, 0]
    return np.ascontiguousarray(weight), bias


def chunks(count: int) -> Iterator[tuple[slice, slice]]:
    """Yield, for `count` frames, which the first block of the face encoder reads at once, and which results to keep.

    The others are those on either side, on which the kept ones depend.
    """
    for start in range(0, count, CHUNK):
        low = max(0, start - FIRST_REACH)
        yield slice(low, min(count, start + CHUNK + FIRST_REACH)), slice(start - low, start - low + CHUNK)


class LrAsd(ABC):
    """The network on one device."""

    side, reach = SIDE, REACH

    @abstractmethod
    def face_features(self, faces: np.ndarray) -> np.ndarray:
        """Return the features of one track's faces, float32 (t, FEATURES).

        faces: uint8 (t, SIDE, SIDE), grey, 25 a second.
        """

    @abstractmethod
    def sound_features(self, mfcc: np.ndarray) -> np.ndarray:
        """Return the features of a sound, float32 (t, FEATURES), from its `mfcc` (4 t, 13), 100 rows a second."""

    @abstractmethod
    def window_scores(self, windows: np.ndarray) -> np.ndarray:
        """Return the log-odds (n, t) that the face says the sound in windows of features (n, t, 2 FEATURES)."""

    def scores(self, face: np.ndarray, sound: np.ndarray) -> np.ndarray:
        """Return the log-odds that a face says a sound, as trained, float32 (t,), from both features (t, FEATURES).

        They are the mean over windows of several lengths; those of one length lie side by side or overlap a little.
        """
        both = np.concatenate([sound, face], 1)
        total = np.zeros(len(both), np.float32)
        for seconds in WINDOWS:
            count = max(1, round(len(both) / (seconds * 25)))
            size = -(-len(both) // count)
            starts = [round(i * (len(both) - size) / max(1, count - 1)) for i in range(count)]
            rows = self.window_scores(np.stack([both[start : start + size] for start in starts]))
            summed, seen = np.zeros_like(total), np.zeros_like(total)
            for start, row in zip(starts, rows, strict=True):
                summed[start : start + size] += row
                seen[start : start + size] += 1
            total += summed / seen
        return total / len(WINDOWS)
