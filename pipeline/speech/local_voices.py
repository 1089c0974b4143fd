"""Local voices: the segmentation network over a whole sound, in overlapping windows on one grid of frames."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np

from pipeline.speech.segmentation import FIRST_S, FRAME, FRAME_S, FRAMES, POWERSET, VOICES, WINDOW, Segmentation

STEP = 60  #: frames between the starts of windows, 1.01 s: every instant is judged in about ten contexts
_BATCH = 8  # windows a call: more are no faster


@dataclass(frozen=True, slots=True)
class LocalVoices:
    """Probabilities of the classes of `POWERSET` in every window.

    `classes[w, f]` are those at frame `w * STEP + f` of the sound.
    """

    classes: np.ndarray  #: (windows, FRAMES, 7)
    frames: int  #: of the sound; the windows may reach beyond

    @property
    def alone(self) -> np.ndarray:
        """Return how likely each local voice speaks and no other does, (windows, FRAMES, VOICES)."""
        return self.classes[:, :, 1 : 1 + VOICES]

    @property
    def active(self) -> np.ndarray:
        """Return how likely each local voice speaks, alone or not, (windows, FRAMES, VOICES)."""
        return self.classes @ POWERSET

    def windows(self, first: int, last: int) -> tuple[int, int]:
        """Return the range of windows that hold all frames from `first` to before `last`."""
        low = max(0, -(-(last - FRAMES) // STEP))
        return low, min(len(self.classes), first // STEP + 1)

    def mean(self, values: np.ndarray) -> np.ndarray:
        """Return the mean (frames, n) of `values` (windows, FRAMES, n) over the windows that hold a frame."""
        total = np.zeros(((len(values) - 1) * STEP + FRAMES, values.shape[2]))
        count = np.zeros((len(total), 1))
        for index, window in enumerate(values):
            part = slice(index * STEP, index * STEP + FRAMES)
            total[part] += window
            count[part] += 1
        return (total / count)[: self.frames]


def frame_time(frame: float) -> float:
    """Return the time in s at which frame number `frame` begins."""
    return FIRST_S + (frame - 0.5) * FRAME_S


def listen(samples: np.ndarray, network: Segmentation) -> Generator[float, None, LocalVoices]:
    """Return the local voices of (samples,) at 16 kHz; yields the share that is done, 0..1."""
    frames = max(1, int(np.ceil((len(samples) - 721) / FRAME)) + 1)  # the first frame's middle is half a frame late
    count = max(1, -(-(frames - FRAMES) // STEP) + 1)
    padded = np.pad(samples, (0, max(0, (count - 1) * STEP * FRAME + WINDOW - len(samples))))
    found = np.empty((count, FRAMES, len(POWERSET)), np.float32)
    for first in range(0, count, _BATCH):
        yield first / count
        starts = np.arange(first, min(first + _BATCH, count)) * STEP * FRAME
        found[first : first + _BATCH] = network.classes(np.stack([padded[s : s + WINDOW] for s in starts]))
    return LocalVoices(found, frames)
