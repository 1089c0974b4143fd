"""The sound as the detectors of speaking faces need it: where a voice is heard, its MFCC and its loudness."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import media
from pipeline.faces import mfcc
from pipeline.records import EVIDENCE_HZ
from pipeline.speech import activity

if TYPE_CHECKING:
    import numpy as np

#: Samples of one value of evidence, 40 ms, and the rows of MFCC in it.
SAMPLES, ROWS = mfcc.RATE // EVIDENCE_HZ, mfcc.RATE // EVIDENCE_HZ // mfcc.STEP
#: Probability from which a voice begins and below which it ends. They are lower than for transcribing: looking at a
#: face in vain costs time, but a voice under music that is missed costs a line.
ON, OFF = 0.25, 0.15
#: s before and after a voice that are searched too: lips move first, and a silent second beside a word is evidence.
MARGIN = 0.5
#: Values read at once: 20 s.
BLOCK = 500
#: Range of the logarithm of the energy below the loudest, 43 dB. Anything fainter is silence.
RANGE = 10.0


class Sound:
    """The samples of a clip and where a voice is heard in them."""

    def __init__(self, samples: np.ndarray) -> None:
        """Take float32 (n,) at 16 kHz, -1..1, from t = 0."""
        import numpy as np

        self.samples = samples
        count = -(-len(samples) // SAMPLES)
        self.heard = np.zeros(count, bool)  #: (values,) whether a voice is heard around value k
        spans = activity.voiced(activity.speech_probability(samples), on=ON, off=OFF, shortest_s=0.0, gap_s=0.0)
        for start, end in spans:
            low, high = round((start - MARGIN) * EVIDENCE_HZ), round((end + MARGIN) * EVIDENCE_HZ)
            self.heard[max(0, low) : max(0, high)] = True

    @classmethod
    def read(cls, path: Path) -> Sound:
        """Read a WAV that `media.extract_sound` wrote.

        Raises MediaError for any other kind of file.
        """
        return cls(media.read_sound(path))

    def values(self, t: float, until: float) -> list[int]:
        """Return the indices of the values of evidence from `t` to `until` s around which a voice is heard."""
        return [k for k in values_between(t, until) if k < len(self.heard) and self.heard[k]]

    def loudness(self) -> np.ndarray:
        """Return the logarithm of the sound's energy (values,), in the 55 ms from the start of every value."""
        import numpy as np

        count = len(self.heard)
        pieces = [self.mfcc(first, min(count, first + BLOCK))[:, 0] for first in range(0, count, BLOCK)]
        energy = np.concatenate([*pieces, np.empty(0, np.float32)]).reshape(count, ROWS).mean(1)
        return np.maximum(energy, energy.max(initial=0.0) - RANGE)

    def mfcc(self, first: int, last: int) -> np.ndarray:
        """Return the MFCC of the values `first` to before `last`, float32 (4 (last - first), 13)."""
        import numpy as np

        rows = (last - first) * ROWS
        before = mfcc.STEP if first else 0  # the pre-emphasis filter looks one sample back
        piece = self.samples[first * SAMPLES - before : last * SAMPLES - mfcc.STEP + mfcc.WINDOW]
        wanted = before + rows * mfcc.STEP
        found = mfcc.mfcc(np.pad(piece, (0, max(0, wanted - len(piece)))))
        return found[before // mfcc.STEP :][:rows]


def values_between(t: float, until: float) -> range:
    """Return the indices of the values of evidence whose instants lie from `t` to `until` s."""
    return range(*(max(0, math.ceil(s * EVIDENCE_HZ - 0.5 - 1e-6)) for s in (t, until)))
