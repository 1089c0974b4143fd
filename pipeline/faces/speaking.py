"""Speaking: how likely each face says the sound, 25 times a second.

A detector sees every frame with the faces in it and, when a track ends, gives its evidence. There are two, and later
stages cannot tell them apart: a network that compares the movements of the face with the sound and, where the network's
weights cannot be had, one that measures the opening of the lips.
"""

from __future__ import annotations

import math
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from pipeline.faces import crops
from pipeline.faces.sound import Sound, values_between
from pipeline.faces.track import Live
from pipeline.records import EVIDENCE_HZ, Notice

if TYPE_CHECKING:
    import numpy as np

#: Faces that are looked at in one frame, the largest first. Viewers do not follow more conversations than this at once.
MOST = 6
#: px of a face's box below which its lips are less than three pixels high.
SMALLEST = 24.0
#: Values scored together: 6 s, the longest window of the network.
PIECE = 150
#: Values without a gap below which nothing can be known: a mouth takes longer to open and shut once.
SHORTEST = 8
#: Pieces that may wait to be scored, 2 MB each.
WAITING = 12


class Detector(Protocol):
    """The interface of a detector of speaking faces, as `find_faces` uses it."""

    name: str
    notice: Notice | None  #: tells the user where a better detector could not be had

    def see(self, t: float, until: float, frame: np.ndarray, tracks: list[Live]) -> None:
        """Look at the faces of `tracks` in `frame`, planar 4:2:0, which is on screen from `t` to `until` s."""

    def finish(self, track: Live) -> None:
        """Store in the `scores` of `track`, which has ended, all that was seen of it."""

    def evidence(self, track: Live) -> tuple[int, tuple[float | None, ...]]:
        """Return the index of the first value of a finished track, and the log-odds that it says the sound."""

    def close(self) -> None:
        """Stop its threads; pieces that still wait are not scored."""


class Network(Protocol):
    """A network that compares a face with a sound (see `lr_asd.LrAsd`)."""

    side: int
    reach: int

    def face_features(self, faces: np.ndarray) -> np.ndarray: ...
    def sound_features(self, mfcc: np.ndarray) -> np.ndarray: ...
    def scores(self, face: np.ndarray, sound: np.ndarray) -> np.ndarray: ...


@dataclass(frozen=True, slots=True)
class Calibration:
    """How a detector's scores become log-odds: `slope` * (mean of the scores around) + `offset`."""

    slope: float
    offset: float
    window: float  #: s, standard deviation of the Gaussian that weighs the scores around
    limit: float = 5.0  #: bound of the log-odds: no detector is right more often


#: Slope and offset fitted by benchmarks/fit_speaking.py, on means over 0.4 s. The window used is narrower: summed over
#: time the values are the same, and a change of speaker stays in its place.
LR_ASD = Calibration(slope=1.18, offset=-1.18, window=0.1)


class LearnedDetector:
    """Scores faces with a network, in pieces of a few seconds on its own thread."""

    notice: Notice | None = None

    def __init__(self, name: str, network: Network, calibration: Calibration, sound: Sound) -> None:
        self.name, self._network, self._calibration, self._sound = name, network, calibration, sound
        self._pool = ThreadPoolExecutor(1)
        self._jobs: deque[tuple[Live, int, Future[np.ndarray]]] = deque()

    def see(self, t: float, until: float, frame: np.ndarray, tracks: list[Live]) -> None:
        values = self._sound.values(t, until)
        if not values:
            return
        luma = frame[: frame.shape[0] * 2 // 3]
        for track in largest(tracks, t):
            if track.crops and values[0] != track.crops[-1][0] + 1:
                self._send(track, ended=True)
            crop = crops.cut(luma, crops.place(track, t), self._network.side)
            track.crops += [(k, crop) for k in values]
            if len(track.crops) >= PIECE + 2 * self._network.reach:
                self._send(track, ended=False)

    def _send(self, track: Live, *, ended: bool) -> None:
        """Have the crops of `track` scored; unless it ended, keep the last ones, on which the next piece depends."""
        import numpy as np

        reach = self._network.reach
        first, faces = track.crops[0][0], np.stack([crop for _, crop in track.crops])
        keep = slice(track.lead, len(faces) - (0 if ended else reach))
        if len(faces) >= SHORTEST:
            job = self._pool.submit(self._score, first, faces, keep)
            self._jobs.append((track, first + track.lead, job))
        track.crops, track.lead = ([], 0) if ended else (track.crops[-2 * reach :], reach)
        while self._jobs and (len(self._jobs) > WAITING or self._jobs[0][2].done()):
            self._collect()

    def _score(self, first: int, faces: np.ndarray, keep: slice) -> np.ndarray:
        face = self._network.face_features(faces)[keep]
        sound = self._network.sound_features(self._sound.mfcc(first, first + len(faces)))[keep]
        return self._network.scores(face, sound)

    def _collect(self) -> None:
        track, first, job = self._jobs.popleft()
        track.scores.update({first + i: value for i, value in enumerate(job.result().tolist())})

    def finish(self, track: Live) -> None:
        if track.crops:
            self._send(track, ended=True)
        while any(job[0] is track for job in self._jobs):
            self._collect()

    def evidence(self, track: Live) -> tuple[int, tuple[float | None, ...]]:
        first, scores = on_grid(track)
        return first, log_odds(scores, self._calibration)

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)


def largest(tracks: list[Live], t: float) -> list[Live]:
    """Return the tracks whose faces at `t` are worth looking at, the largest first."""
    sized = []
    for track in tracks:
        face = track.at(t)
        if face is not None:
            size = float(max(face[2] - face[0], face[3] - face[1]))
            if size >= SMALLEST:
                sized.append((size, track))
    return [track for _, track in sorted(sized, key=lambda pair: -pair[0])[:MOST]]


def on_grid(track: Live) -> tuple[int, np.ndarray]:
    """Return the index of the first value of `track`, and its scores (n,), NaN where there is none."""
    import numpy as np

    values = range(values_between(track.times[0], track.times[0]).start, values_between(0, track.times[-1] + 1e-3).stop)
    return values.start, np.array([track.scores.get(k, math.nan) for k in values], float)


def log_odds(scores: np.ndarray, calibration: Calibration) -> tuple[float | None, ...]:
    """Return the log-odds for `scores` (n,) 25 a second, None where a score is NaN."""
    import numpy as np

    mean = smoothed(scores, calibration.window)
    values = np.clip(calibration.slope * mean + calibration.offset, -calibration.limit, calibration.limit)
    return tuple(None if math.isnan(value) else round(value, 2) for value in values.tolist())


def smoothed(scores: np.ndarray, window: float) -> np.ndarray:
    """Return the means (n,) of `scores` (n,) weighed by a Gaussian of `window` s; NaN is left out and stays NaN."""
    import numpy as np
    from scipy.ndimage import gaussian_filter1d

    known = ~np.isnan(scores)
    if not known.any():
        return scores
    sigma = max(1e-3, window * EVIDENCE_HZ)
    total = gaussian_filter1d(np.where(known, scores, 0.0), sigma, mode="constant")
    weight = gaussian_filter1d(known.astype(float), sigma, mode="constant")
    return np.where(known, total / np.maximum(weight, 1e-9), np.nan)
