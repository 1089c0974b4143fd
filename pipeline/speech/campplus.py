"""CAM++ on ONNX Runtime: embeds a voice as a direction in 192 dimensions.

Wang et al. 2023 (arXiv 2303.00332): a small 2-D ResNet over 80 mel bands, then a densely connected TDNN whose layers
are gated by a mask computed from the mean over the whole piece and over segments of 2 s, then mean and standard
deviation over time and one linear layer. Input: Kaldi filter banks (`fbank`), less each band's mean over the piece.

The network runs once over every piece of sound and gives 512 numbers a frame (50 a second). An embedding is computed
from the mean and deviation of any set of such frames, so one pass gives the embedding of every turn, voice and
candidate.
"""

from __future__ import annotations

from typing import Any

import numpy as np

SIZE = 192
WIDTH = 512  #: numbers a frame before pooling
STRIDE = 2  #: fbank frames to one frame of the network
_SEGMENT = 100  # frames of the network: 2 s
_BLOCKS = ((12, 1), (24, 2), (16, 2))  # layers and dilation of the dense blocks


class CamPlus:
    """The embedding network. `weights` is its state dict."""

    def __init__(self, weights: dict[str, np.ndarray], threads: int = 1) -> None:
        self._session = _session(weights, threads)
        factor, offset = _scale(weights, "xvector.dense.nonlinear.batchnorm")
        self._dense = weights["xvector.dense.linear.weight"][:, :, 0] * factor[:, None]
        self._offset = offset

    def frames(self, bands: np.ndarray) -> np.ndarray:
        """Return the frames (ceil(n / 2), 512) of (n, 80) filter banks of one voice, n >= 1."""
        count = -(-len(bands) // STRIDE)
        segment = np.arange(count) // _SEGMENT
        member = (segment[:, None] == np.arange(segment[-1] + 1)).astype(np.float32)  # (frames, segments)
        mean = member / member.sum(0) + np.float32(1 / count)
        centred = (bands - bands.mean(0)).astype(np.float32)
        (out,) = self._session.run(None, {"bands": centred.T[None], "mean": mean, "spread": member.T})
        return out[0].T

    def embed(self, total: np.ndarray, squares: np.ndarray, count: np.ndarray | float) -> np.ndarray:
        """Return embeddings of unit length, (..., 192).

        total: (..., 512) sums of frames of one voice.
        squares: (..., 512) sums of their squares.
        count: (...) number of frames, at least 2.
        """
        count = np.asarray(count, float)[..., None]
        mean = total / count
        variance = np.maximum((squares - count * mean**2) / np.maximum(count - 1, 1), 1e-10)
        vectors = np.concatenate([mean, np.sqrt(variance)], -1) @ self._dense.T + self._offset
        return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def _scale(weights: dict[str, np.ndarray], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return factor and offset of a batch normalisation at inference."""
    factor = weights.get(f"{name}.weight", np.float32(1)) / np.sqrt(weights[f"{name}.running_var"] + 1e-5)
    return factor, weights.get(f"{name}.bias", np.float32(0)) - weights[f"{name}.running_mean"] * factor


def _session(weights: dict[str, np.ndarray], threads: int) -> Any:
    from pipeline.onnx_graph import Graph

    graph = Graph({"bands": [1, 80, "n"], "mean": ["frames", "segments"], "spread": ["segments", "frames"]})

    def conv(x: str, name: str, norm: str | None = None, **attributes: Any) -> str:
        """Add a convolution with the batch normalisation after it folded in; return the name of its output."""
        weight, bias = weights[f"{name}.weight"], weights.get(f"{name}.bias")
        if norm:
            factor, offset = _scale(weights, norm)
            weight = weight * factor.reshape(-1, *[1] * (weight.ndim - 1))
            bias = offset if bias is None else bias * factor + offset
        return graph.conv(x, weight, bias, **attributes)

    def relu(x: str) -> str:
        return graph.node("Relu", x)

    def normed(x: str, name: str) -> str:
        factor, offset = _scale(weights, f"{name}.batchnorm")
        x = graph.node("Mul", x, graph.constant(factor[:, None]))
        return relu(graph.node("Add", x, graph.constant(offset[:, None])))

    def residual(x: str, name: str, stride: int) -> str:
        y = relu(conv(x, f"{name}.conv1", f"{name}.bn1", strides=[stride, 1], pads=[1, 1, 1, 1]))
        y = conv(y, f"{name}.conv2", f"{name}.bn2", pads=[1, 1, 1, 1])
        if stride > 1:
            x = conv(x, f"{name}.shortcut.0", f"{name}.shortcut.1", strides=[stride, 1])
        return relu(graph.node("Add", y, x))

    def dense(x: str, name: str, dilation: int) -> str:
        """Add one dense layer; return the name of its output, which is its input with 32 more channels.

        The 32 come from 128 channels, under a context-aware mask.
        """
        y = conv(normed(x, f"{name}.nonlinear1"), f"{name}.linear1", f"{name}.nonlinear2.batchnorm")
        y = relu(y)
        local = conv(y, f"{name}.cam_layer.linear_local", dilations=[dilation], pads=[dilation, dilation])
        context = graph.node("MatMul", y, "mean")  # the mask is one per segment
        context = relu(conv(context, f"{name}.cam_layer.linear1"))
        mask = graph.node("Sigmoid", conv(context, f"{name}.cam_layer.linear2"))
        return graph.node("Concat", x, graph.node("Mul", local, graph.node("MatMul", mask, "spread")), axis=1)

    x = graph.node("Unsqueeze", "bands", graph.constant(np.array([1])))
    x = relu(conv(x, "head.conv1", "head.bn1", pads=[1, 1, 1, 1]))
    for layer in ("layer1", "layer2"):
        x = residual(residual(x, f"head.{layer}.0", 2), f"head.{layer}.1", 1)
    x = relu(conv(x, "head.conv2", "head.bn2", strides=[2, 1], pads=[1, 1, 1, 1]))
    x = graph.node("Reshape", x, graph.constant(np.array([1, 320, -1])))
    x = relu(conv(x, "xvector.tdnn.linear", "xvector.tdnn.nonlinear.batchnorm", strides=[STRIDE], pads=[2, 2]))
    for block, (layers, dilation) in enumerate(_BLOCKS, 1):
        for number in range(1, layers + 1):
            x = dense(x, f"xvector.block{block}.tdnnd{number}", dilation)
        x = conv(normed(x, f"xvector.transit{block}.nonlinear"), f"xvector.transit{block}.linear")
    return graph.session([normed(x, "xvector.out_nonlinear")], threads)
