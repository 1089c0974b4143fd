"""LR-ASD: a network that scores how well a face's movements fit a sound.

Liao, Duan, Feng, Zhao, Yang, Chen: "LR-ASD: Lightweight and Robust Network for Active Speaker Detection" (IJCV 2025).
Two encoders of factorised convolutions, one for the face and one for the sound, give 128 numbers each for every 40 ms;
a gate weighs them, a GRU in either direction reads them in context, a second gate and a linear layer give the score.

Written from the paper and the shapes of the published weights. Batch normalisation is folded into the convolutions, and
the convolutions over space and over time, which the paper has in three dimensions, are two-dimensional here: the same
numbers in a third of the time on a processor.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import ModelError

if TYPE_CHECKING:
    import numpy as np
    import torch

    Layer = tuple[torch.Tensor, torch.Tensor]  # weights and bias of a convolution

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
#: The same for the first block alone, and the frames it reads at once.
FIRST_REACH, CHUNK = 3, 32
#: s of the windows in which the GRUs read; the score is the mean over all of them, as in the paper's own evaluation.
WINDOWS = (1, 2, 3, 4, 6)


class LrAsd:
    """The network with its weights, on one device."""

    side, reach = SIDE, REACH

    def __init__(self, weights: Path, device: str = "cpu") -> None:
        """Read the published state dict from the file `weights`.

        Raises ModelError if the file does not hold one.
        """
        import pickle

        import torch

        try:
            state = torch.load(weights, map_location="cpu", weights_only=True)
            state = {key: value.float() for key, value in state.items()}
            self._read(state, torch.device(device))
        except (pickle.UnpicklingError, RuntimeError, KeyError, AttributeError, EOFError) as error:
            raise ModelError(f"{weights.name} is not a file of LR-ASD weights; remove it and start again.") from error

    def _read(self, state: dict[str, torch.Tensor], device: torch.device) -> None:
        import torch

        def block(name: str, kinds: str) -> list[Layer]:
            parts = [(f"{kind}_{n}", f"{kind}_norm_{n}") for kind in kinds for n in (1, 2)]
            return [_folded(state, f"{name}.{layer}", f"{name}.{norm}", device) for layer, norm in parts]

        self.device = device
        self._face = [block(f"model.visualEncoder.block{n}", "st") for n in (1, 2, 3)]
        self._sound = [block(f"model.audioEncoder.block{n}", "mt") for n in (1, 2, 3)]
        self._gate = _folded(state, "model.fusion.attention", "model.fusion.bn", device)
        self._last_gate = _folded(state, "model.detector.attention.attention", "model.detector.attention.bn", device)
        self._readers = []
        for direction in ("forward", "backward"):
            reader = torch.nn.GRU(2 * FEATURES, UNITS, batch_first=True)
            prefix = f"model.detector.gru_{direction}."
            reader.load_state_dict({k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)})
            self._readers.append(reader.to(device).eval())
        # two classes, "silent" and "speaks": the difference of their values is a log-odds
        weight, bias = state["lossAV.FC.weight"], state["lossAV.FC.bias"]
        self._answer = ((weight[1] - weight[0]).to(device), (bias[1] - bias[0]).to(device))

    def face_features(self, faces: np.ndarray) -> np.ndarray:
        """Return the features of one track's faces, float32 (t, 128).

        faces: uint8 (t, SIDE, SIDE), grey, 25 a second.
        """
        import torch

        with torch.inference_mode():
            # The first block holds 400 kB a frame, so it reads a second at a time, with the frames on either side that
            # it needs.
            near = FIRST_REACH
            parts = []
            for start in range(0, len(faces), CHUNK):
                low, high = max(0, start - near), min(len(faces), start + CHUNK + near)
                x = torch.from_numpy(faces[low:high]).to(self.device)[:, None].float()
                x = ((x / 255 - MEAN) / DEVIATION).to(memory_format=torch.channels_last)
                x = self._face_block(x, 0)[start - low : start - low + CHUNK]
                parts.append(torch.nn.functional.max_pool2d(x, 3, 2, 1))
            x = torch.cat(parts).contiguous(memory_format=torch.channels_last)
            x = self._face_block(x, 1)
            x = self._face_block(torch.nn.functional.max_pool2d(x, 3, 2, 1), 2)
            return x.amax((2, 3)).cpu().numpy()

    def _face_block(self, x: torch.Tensor, number: int) -> torch.Tensor:
        """Apply the block `number` of the face encoder to `x` (t, c, h, w), channels last in memory."""
        import torch.nn.functional as f

        wide, narrow, long, short = self._face[number]
        x = f.conv2d(x, *wide, stride=1 if number else 2, padding=2).relu_()
        x = f.conv2d(x, *narrow, padding=1).relu_()
        time, channels, height, width = x.shape
        # with channels last (t, c, h, w) lies in memory as (1, c, t, h * w) does: nothing is moved
        x = x.permute(0, 2, 3, 1).reshape(1, time, height * width, channels).permute(0, 3, 1, 2)
        x = f.conv2d(x, *long, padding=(2, 0)).relu_()
        x = f.conv2d(x, *short, padding=(1, 0)).relu_()
        return x.permute(0, 2, 3, 1).reshape(time, height, width, -1).permute(0, 3, 1, 2)

    def sound_features(self, mfcc: np.ndarray) -> np.ndarray:
        """Return the features of a sound, float32 (t, 128), from its `mfcc` (4 t, 13), 100 rows a second."""
        import torch
        import torch.nn.functional as f

        with torch.inference_mode():
            x = torch.from_numpy(mfcc).to(self.device).T[None, None]  # (1, 1, 13, 4 t)
            for number, (wide, narrow, long, short) in enumerate(self._sound):
                if number:
                    x = f.max_pool2d(x, (1, 3), (1, 2), (0, 1))
                x = f.conv2d(x, *wide, padding=(2, 0)).relu_()
                x = f.conv2d(x, *narrow, padding=(1, 0)).relu_()
                x = f.conv2d(x, *long, padding=(0, 2)).relu_()
                x = f.conv2d(x, *short, padding=(0, 1)).relu_()
            return x.mean(2)[0].T.cpu().numpy()

    def scores(self, face: np.ndarray, sound: np.ndarray) -> np.ndarray:
        """Return the log-odds that a face says a sound, as trained, float32 (t,), from both features (t, 128)."""
        import torch

        with torch.inference_mode():
            both = torch.cat([torch.from_numpy(sound), torch.from_numpy(face)], 1).to(self.device)
            total = torch.zeros(len(both), device=self.device)
            for seconds in WINDOWS:
                total += self._in_windows(both, seconds * 25)
            return (total / len(WINDOWS)).cpu().numpy()

    def _in_windows(self, both: torch.Tensor, size: int) -> torch.Tensor:
        """Return the scores (t,) of features (t, 256), read in windows of about `size` frames, all of one length."""
        import torch

        count = max(1, round(len(both) / size))
        size = -(-len(both) // count)
        starts = [round(i * (len(both) - size) / max(1, count - 1)) for i in range(count)]
        x = torch.stack([both[start : start + size] for start in starts])
        x = x * torch.sigmoid(torch.nn.functional.linear(x, *self._gate))
        ahead, _ = self._readers[0](x)
        back, _ = self._readers[1](x.flip(1))
        x = torch.cat([ahead, back.flip(1)], 2)
        x = x * torch.sigmoid(torch.nn.functional.linear(x, *self._last_gate))
        values = x @ self._answer[0] + self._answer[1]
        total, seen = torch.zeros(len(both), device=x.device), torch.zeros(len(both), device=x.device)
        for start, row in zip(starts, values, strict=True):
            total[start : start + size] += row
            seen[start : start + size] += 1
        return total / seen


def _folded(state: dict[str, torch.Tensor], layer: str, norm: str, device: torch.device) -> Layer:
    """Return weights and bias of a convolution with the next batch normalisation folded in, in 2-D or 1-D."""
    import torch

    weight, scale = state[f"{layer}.weight"], state[f"{norm}.weight"]
    scale = scale / torch.sqrt(state[f"{norm}.running_var"] + EPSILON)
    bias = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale
    weight = weight * scale.view(-1, *[1] * (weight.ndim - 1))
    if weight.ndim == 5:  # (out, in, t, h, w): over space or over time
        weight = weight[:, :, 0] if weight.shape[2] == 1 else weight[:, :, :, :, 0]
        weight = weight.contiguous(memory_format=torch.channels_last)
    elif weight.ndim == 3:  # a kernel of one: a matrix
        weight = weight[:, :, 0]
    return weight.to(device), bias.to(device)


@lru_cache(maxsize=2)
def load(weights: Path, device: str = "cpu") -> LrAsd:
    """Return the network, loaded once for every file and device."""
    return LrAsd(weights, device)
