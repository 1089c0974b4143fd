"""LR-ASD on a GPU, by torch."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.faces.lr_asd import DEVIATION, FEATURES, MEAN, UNITS, Gru, Layers, LrAsd, chunks, read

if TYPE_CHECKING:
    import numpy as np
    import torch


class TorchLrAsd(LrAsd):
    """The network on one device."""

    def __init__(self, layers: Layers, device: str) -> None:
        import torch

        self.device = torch.device(device)
        self._face = [[self._moved(layer) for layer in block] for block in layers.face]
        self._sound = [[self._moved(layer) for layer in block] for block in layers.sound]
        self._gate, self._last_gate = self._moved(layers.gate), self._moved(layers.last_gate)
        self._readers = [self._reader(layers.ahead), self._reader(layers.back)]
        self._answer = self._moved(layers.answer)

    def _moved(self, layer: tuple[np.ndarray, np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
        import torch

        weight, bias = (torch.from_numpy(part) if part.ndim else torch.tensor(part) for part in layer)
        if weight.ndim == 4:
            weight = weight.contiguous(memory_format=torch.channels_last)
        return weight.to(self.device), bias.to(self.device)

    def _reader(self, gru: Gru) -> torch.nn.GRU:
        import torch

        reader = torch.nn.GRU(2 * FEATURES, UNITS, batch_first=True)
        names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
        parts = (gru.into, gru.back, gru.into_bias, gru.back_bias)
        reader.load_state_dict({name: torch.from_numpy(part) for name, part in zip(names, parts, strict=True)})
        return reader.to(self.device).eval()

    def face_features(self, faces: np.ndarray) -> np.ndarray:
        import torch

        with torch.inference_mode():
            parts = []
            for read_here, keep in chunks(len(faces)):
                x = torch.from_numpy(faces[read_here]).to(self.device)[:, None].float()
                x = ((x / 255 - MEAN) / DEVIATION).to(memory_format=torch.channels_last)
                x = self._face_block(x, 0)[keep]
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

    def window_scores(self, windows: np.ndarray) -> np.ndarray:
        import torch

        with torch.inference_mode():
            x = torch.from_numpy(windows).to(self.device)
            x = x * torch.sigmoid(torch.nn.functional.linear(x, *self._gate))
            ahead, _ = self._readers[0](x)
            back, _ = self._readers[1](x.flip(1))
            x = torch.cat([ahead, back.flip(1)], 2)
            x = x * torch.sigmoid(torch.nn.functional.linear(x, *self._last_gate))
            return (x @ self._answer[0] + self._answer[1]).cpu().numpy()


@lru_cache(maxsize=2)
def network(weights: Path, device: str) -> TorchLrAsd:
    """Return the network in the safetensors file `weights` on a device, loaded once for each file and device.

    Raises ModelError if the file does not hold it.
    """
    return TorchLrAsd(read(weights), device)
