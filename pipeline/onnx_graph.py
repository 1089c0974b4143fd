"""Build an ONNX graph in memory and run it, for networks that must not import torch.

The weights come from a state dict that the catalogue keeps as safetensors; the graph is written by hand from the
architecture. Importing torch would cost every clip 3 s.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

_OPSET = 17
_IR = 8


class Graph:
    """An ONNX graph under construction. Every method that adds a node returns the name of its output."""

    def __init__(self, inputs: dict[str, Sequence[int | str]]) -> None:
        self._inputs = inputs
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def constant(self, value: np.ndarray) -> str:
        """Return the name of a constant tensor."""
        from onnx import numpy_helper

        name = f"c{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, operator: str, *inputs: str, outputs: int = 1, **attributes: Any) -> str:
        """Add a node and return its first output; the others have the same name with `_1`, `_2` ... appended."""
        from onnx import helper

        name = f"n{len(self._nodes)}"
        names = [name, *(f"{name}_{i}" for i in range(1, outputs))]
        self._nodes.append(helper.make_node(operator, list(inputs), names, **attributes))
        return name

    def conv(self, x: str, weight: np.ndarray, bias: np.ndarray | None = None, **attributes: Any) -> str:
        """Add a convolution and return its output; `attributes` are those of ONNX's Conv."""
        constants = [self.constant(weight.astype(np.float32))]
        if bias is not None:
            constants.append(self.constant(bias.astype(np.float32)))
        return self.node("Conv", x, *constants, kernel_shape=list(weight.shape[2:]), **attributes)

    def session(self, outputs: Sequence[str], threads: int) -> Any:
        """Return an ONNX Runtime session on the CPU that computes `outputs`."""
        import onnxruntime
        from onnx import TensorProto, helper

        graph = helper.make_graph(
            self._nodes,
            "network",
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in self._inputs.items()],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
            self._constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Waiting threads sleep instead of spinning, because the other stages need the processor.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
