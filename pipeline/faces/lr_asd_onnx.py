"""LR-ASD on a processor, by ONNX Runtime.

Torch would take 3 s to import and 1.7 times as long to compute, and its waiting threads keep the cores busy.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.faces.lr_asd import (
    DEVIATION,
    FEATURES,
    MEAN,
    SIDE,
    UNITS,
    Gru,
    Layer,
    Layers,
    LrAsd,
    chunks,
    read,
)
from pipeline.onnx_graph import Graph


class OnnxLrAsd(LrAsd):
    """The network as four ONNX graphs."""

    def __init__(self, layers: Layers, threads: int) -> None:
        self._first = _face_graph(layers.face[:1], SIDE, threads, grey=True)
        self._rest = _face_graph(layers.face[1:], SIDE // 4, threads, grey=False)
        self._sound = _sound_graph(layers.sound, threads)
        self._reader = _reader_graph(layers, threads)

    def face_features(self, faces: np.ndarray) -> np.ndarray:
        parts = []
        for read_here, keep in chunks(len(faces)):
            (seen,) = self._first.run(None, {"x": faces[read_here, None].astype(np.float32)})
            parts.append(seen[keep])
        (features,) = self._rest.run(None, {"x": np.concatenate(parts)})
        return features

    def sound_features(self, mfcc: np.ndarray) -> np.ndarray:
        (features,) = self._sound.run(None, {"x": np.ascontiguousarray(mfcc.T[None, None], np.float32)})
        return features

    def window_scores(self, windows: np.ndarray) -> np.ndarray:
        (scores,) = self._reader.run(None, {"x": windows})
        return scores


def _face_graph(blocks: tuple[tuple[Layer, ...], ...], side: int, threads: int, *, grey: bool) -> Any:
    """Return the blocks of the face encoder on pictures of `side` px.

    The first takes the grey levels and ends in a picture; the last end in the features.
    """
    channels = blocks[0][0][0].shape[1]
    graph = Graph({"x": ["t", channels, side, side]})
    x = "x"
    if grey:
        x = graph.node("Sub", graph.node("Div", x, _number(graph, 255)), _number(graph, MEAN))
        x = graph.node("Div", x, _number(graph, DEVIATION))
        side //= 2
    for number, (wide, narrow, long, short) in enumerate(blocks):
        if number:
            x = graph.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
            side //= 2
        stride = 2 if grey else 1
        x = _convolved(graph, x, wide, strides=[stride, stride], pads=[2, 2, 2, 2])
        x = _convolved(graph, x, narrow, pads=[1, 1, 1, 1])
        # (t, c, h, w) becomes (1, c, t, h * w), so that a column is one place over time
        shape = graph.constant(np.array([1, narrow[0].shape[0], -1, side * side]))
        x = graph.node("Reshape", graph.node("Transpose", x, perm=[1, 0, 2, 3]), shape)
        x = _convolved(graph, x, long, pads=[2, 0, 2, 0])
        x = _convolved(graph, x, short, pads=[1, 0, 1, 0])
        shape = graph.constant(np.array([short[0].shape[0], -1, side, side]))
        x = graph.node("Transpose", graph.node("Reshape", x, shape), perm=[1, 0, 2, 3])
    if grey:
        x = graph.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    else:
        x = graph.node("ReduceMax", x, axes=[2, 3], keepdims=0)
    return graph.session([x], threads)


def _sound_graph(blocks: tuple[tuple[Layer, ...], ...], threads: int) -> Any:
    graph = Graph({"x": [1, 1, 13, "rows"]})
    x = "x"
    for number, (wide, narrow, long, short) in enumerate(blocks):
        if number:
            x = graph.node("MaxPool", x, kernel_shape=[1, 3], strides=[1, 2], pads=[0, 1, 0, 1])
        x = _convolved(graph, x, wide, pads=[2, 0, 2, 0])
        x = _convolved(graph, x, narrow, pads=[1, 0, 1, 0])
        x = _convolved(graph, x, long, pads=[0, 2, 0, 2])
        x = _convolved(graph, x, short, pads=[0, 1, 0, 1])
    x = graph.node("Squeeze", graph.node("ReduceMean", x, axes=[2], keepdims=0), graph.constant(np.array([0])))
    return graph.session([graph.node("Transpose", x, perm=[1, 0])], threads)


def _reader_graph(layers: Layers, threads: int) -> Any:
    graph = Graph({"x": ["windows", "t", 2 * FEATURES]})
    x = _gated(graph, "x", layers.gate)
    x = graph.node("Transpose", x, perm=[1, 0, 2])  # ONNX wants (t, windows, features)
    weights = (graph.constant(part) for part in _gru(layers.ahead, layers.back))
    x = graph.node("GRU", x, *weights, direction="bidirectional", hidden_size=UNITS, linear_before_reset=1)
    x = graph.node("Transpose", x, perm=[2, 0, 1, 3])  # from (t, 2, windows, UNITS)
    x = graph.node("Reshape", x, graph.constant(np.array([0, 0, -1])))
    x = _gated(graph, x, layers.last_gate)
    weight, bias = layers.answer
    x = graph.node("Add", graph.node("MatMul", x, graph.constant(weight)), graph.constant(bias))
    return graph.session([x], threads)


def _number(graph: Graph, value: float) -> str:
    return graph.constant(np.array(value, np.float32))


def _convolved(graph: Graph, x: str, layer: Layer, **attributes: Any) -> str:
    return graph.node("Relu", graph.conv(x, *layer, **attributes))


def _gated(graph: Graph, x: str, layer: Layer) -> str:
    weight, bias = layer
    gate = graph.node("Add", graph.node("MatMul", x, graph.constant(weight.T)), graph.constant(bias))
    return graph.node("Mul", x, graph.node("Sigmoid", gate))


def _gru(*directions: Gru) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return ONNX's W, R and B: gates in the order update, reset, new where torch has reset, update, new."""

    def ordered(tensor: np.ndarray) -> np.ndarray:
        reset, update, new = np.split(tensor, 3)
        return np.concatenate([update, reset, new])

    return (
        np.stack([ordered(one.into) for one in directions]),
        np.stack([ordered(one.back) for one in directions]),
        np.stack([np.concatenate([ordered(one.into_bias), ordered(one.back_bias)]) for one in directions]),
    )


@lru_cache(maxsize=2)
def network(weights: Path, threads: int = 2) -> OnnxLrAsd:
    """Return the network in the safetensors file `weights`, loaded once for each file.

    Raises ModelError if the file does not hold it.
    """
    return OnnxLrAsd(read(weights), threads)
