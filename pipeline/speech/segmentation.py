"""The segmentation network: who speaks in ten seconds of sound, by pyannote segmentation-3.0 on ONNX Runtime.

A SincNet (Ravanelli and Bengio 2018, arXiv 1808.00158), four bidirectional LSTM layers and two linear layers that
choose one of seven classes a frame: nobody, one of three local voices, or two of them at once (the "powerset" of
Plaquet and Bredin 2023, arXiv 2310.13025). Local means that voice 1 of one window has nothing to do with voice 1 of
another.
"""

from __future__ import annotations

from typing import Any

import numpy as np

RATE = 16_000  #: Hz
WINDOW = 160_000  #: samples: 10 s, on which the model was trained
FRAME = 270  #: samples between frames: stride 10 of the filters, three times pooled by three
FRAME_S = FRAME / RATE  #: 16.9 ms
FRAMES = 589  #: of a window
FIRST_S = 495.5 / RATE  #: s from the start of a window to the middle of its first frame's 991 samples
VOICES = 3  #: local voices of a window

#: (7, 3) which local voices speak in each class
POWERSET = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1]], np.float32)

_LOWEST_HZ, _NARROWEST_HZ = 50.0, 50.0  # of a band-pass filter, as in training


def sinc_filters(low: np.ndarray, band: np.ndarray, window: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Return the band-pass filters, (80, 1, 251): 40 even ones, then 40 odd ones.

    `low`, `band`: (40, 1) Hz, the learned lower edges and widths; `window`: (125,) the left half of a Hamming window;
    `steps`: (1, 125) radians per Hz at the samples left of the middle.
    """
    lower = _LOWEST_HZ + np.abs(low.astype(np.float64))
    upper = np.clip(lower + _NARROWEST_HZ + np.abs(band), _LOWEST_HZ, RATE / 2)
    width = upper - lower
    even = (np.sin(upper @ steps) - np.sin(lower @ steps)) / (steps / 2) * window
    odd = (np.cos(lower @ steps) - np.cos(upper @ steps)) / (steps / 2) * window
    middle = np.zeros_like(width)
    filters = np.concatenate(
        [
            np.concatenate([even, 2 * width, even[:, ::-1]], 1),
            np.concatenate([odd, middle, -odd[:, ::-1]], 1),
        ]
    )
    return (filters / np.tile(2 * width, (2, 1)))[:, None].astype(np.float32)


def _session(weights: dict[str, np.ndarray], threads: int) -> Any:
    from pipeline.onnx_graph import Graph

    def norm(x: str, name: str) -> str:
        return graph.node(
            "InstanceNormalization",
            x,
            graph.constant(weights[f"{name}.weight"]),
            graph.constant(weights[f"{name}.bias"]),
            epsilon=1e-5,
        )

    graph = Graph({"sound": ["windows", 1, WINDOW]})
    x = norm("sound", "sincnet.wav_norm1d")
    bank = "sincnet.conv1d.0.filterbank."
    filters = sinc_filters(*(weights[bank + name] for name in ("low_hz_", "band_hz_", "window_", "n_")))
    x = graph.node("Abs", graph.conv(x, filters, strides=[10]))
    for layer in range(3):
        if layer:
            name = f"sincnet.conv1d.{layer}"
            x = graph.conv(x, weights[f"{name}.weight"], weights[f"{name}.bias"])
        x = graph.node("MaxPool", x, kernel_shape=[3], strides=[3])
        x = graph.node("LeakyRelu", norm(x, f"sincnet.norm1d.{layer}"), alpha=0.01)
    x = graph.node("Transpose", x, perm=[2, 0, 1])  # ONNX wants (frames, windows, features)
    flat = graph.constant(np.array([0, 0, -1]))
    for layer in range(4):
        x = graph.node(
            "LSTM",
            x,
            *(graph.constant(part) for part in _lstm(weights, layer)),
            direction="bidirectional",
            hidden_size=128,
        )  # (frames, 2, windows, 128)
        x = graph.node("Reshape", graph.node("Transpose", x, perm=[0, 2, 1, 3]), flat)
    for name in ("linear.0", "linear.1", "classifier"):
        x = graph.node("MatMul", x, graph.constant(np.ascontiguousarray(weights[f"{name}.weight"].T)))
        x = graph.node("Add", x, graph.constant(weights[f"{name}.bias"]))
        if name != "classifier":
            x = graph.node("LeakyRelu", x, alpha=0.01)
    x = graph.node("Softmax", x, axis=-1)
    return graph.session([graph.node("Transpose", x, perm=[1, 0, 2])], threads)


def _lstm(weights: dict[str, np.ndarray], layer: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return ONNX's W, R and B of one bidirectional layer: gates in the order i, o, f, c where torch has i, f, c, o."""

    def ordered(tensor: np.ndarray) -> np.ndarray:
        i, f, c, o = np.split(tensor, 4)
        return np.concatenate([i, o, f, c])

    ways = (f"l{layer}", f"l{layer}_reverse")
    into = np.stack([ordered(weights[f"lstm.weight_ih_{way}"]) for way in ways])
    back = np.stack([ordered(weights[f"lstm.weight_hh_{way}"]) for way in ways])
    bias = np.stack(
        [np.concatenate([ordered(weights[f"lstm.bias_{kind}_{way}"]) for kind in ("ih", "hh")]) for way in ways]
    )
    return into, back, bias


class Segmentation:
    """The segmentation network. `weights` is its state dict."""

    def __init__(self, weights: dict[str, np.ndarray], threads: int = 1) -> None:
        self._session = _session(weights, threads)

    def classes(self, windows: np.ndarray) -> np.ndarray:
        """Return the probabilities of the classes of `POWERSET`, (n, 589, 7), for (n, 160000) samples in -1..1."""
        (found,) = self._session.run(None, {"sound": windows[:, None].astype(np.float32)})
        return found
