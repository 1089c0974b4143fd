"""A detector of speaking faces that needs no large model: it compares how the lips move with the sound.

It is used where the better one (`speaking.LearnedDetector`) cannot be had.
"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from pipeline.faces import lips
from pipeline.faces.sound import Sound
from pipeline.faces.speaking import Calibration, largest, log_odds, on_grid, smoothed
from pipeline.faces.track import Live
from pipeline.records import Notice

if TYPE_CHECKING:
    import numpy as np

#: s, standard deviation of the Gaussian within which a mouth is compared with the sound.
WINDOW = 0.7
#: Values by which a mouth is ahead of its sound: the best correlation is at 80 to 120 ms.
AHEAD = (2, 3)
#: Opening over the distance of the eyes: half way, on a log scale, between a mouth that talks and one that rests.
STILL = 0.015
#: Weights that turn `features` into log-odds, fitted by benchmarks/fit_speaking.py.
WEIGHTS = (1.687, 4.383, 0.172, 0.120)
CALIBRATION = Calibration(slope=1.0, offset=-1.130, window=0.0)
#: Frames that may wait to be read, 1.4 MB each at 720p.
WAITING = 24


class LipDetector:
    """Reads lips with the face mesh, on two threads, and compares their movements with the loudness of the sound."""

    name = "MediaPipe face mesh"
    notice: Notice | None = Notice(
        "weak_speaking_detector",
        "The model that tells which face is speaking could not be downloaded, so lip movements alone decide; lines may "
        "be given to the wrong person more often than usual.",
    )

    def __init__(self, sound: Sound) -> None:
        """Take the sound of the clip."""
        self._sound = sound
        self._loudness = sound.loudness()
        # Two threads with a mesh each, beside the one that decodes and detects: 1.7 times as fast on two cores.
        self._pool = ThreadPoolExecutor(2)
        self._jobs: deque[tuple[list[Live], list[int], Future[list[float | None]]]] = deque()

    def see(self, t: float, until: float, frame: np.ndarray, tracks: list[Live]) -> None:
        values = self._sound.values(t, until)
        if not values:
            return
        seen = [(track, face) for track in largest(tracks, t) if (face := track.at(t)) is not None]
        if seen:
            job = self._pool.submit(_openings, frame, [face for _, face in seen])
            self._jobs.append(([track for track, _ in seen], values, job))
        while self._jobs and (len(self._jobs) > WAITING or self._jobs[0][2].done()):
            self._collect()

    def _collect(self) -> None:
        tracks, values, job = self._jobs.popleft()
        for track, opening in zip(tracks, job.result(), strict=True):
            if opening is not None:
                track.scores.update(dict.fromkeys(values, opening))

    def finish(self, track: Live) -> None:
        while any(track is one for job in self._jobs for one in job[0]):
            self._collect()

    def evidence(self, track: Live) -> tuple[int, tuple[float | None, ...]]:
        import numpy as np

        first, openings = on_grid(track)
        found = features(openings, self._loudness[first : first + len(openings)])
        return first, log_odds(found @ np.array(WEIGHTS), CALIBRATION)

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)


def features(openings: np.ndarray, loudness: np.ndarray) -> np.ndarray:
    """Return the features that tell a mouth that says the sound from others, (n, 4); NaN where they cannot be known.

    The features of a value are the logarithm of the standard deviation of the opening (bounded), and the correlations
    of the loudness with the opening, with its speed and with the opening less its slow drift.

    openings: (n,) over the distance of the eyes, 25 a second, NaN where the lips are not seen.
    loudness: (n,) of the sound.
    """
    import numpy as np
    from scipy.ndimage import gaussian_filter1d

    known = ~np.isnan(openings)
    if known.sum() < 2:
        return np.full((len(openings), 4), np.nan)
    sound = np.pad(loudness, (0, max(0, len(openings) - len(loudness))), mode="edge")
    filled = np.interp(np.arange(len(openings)), np.flatnonzero(known), openings[known])
    mouth = gaussian_filter1d(filled, 1.0)
    slow_mouth, slow_sound = gaussian_filter1d(filled, 12.0), gaussian_filter1d(sound, 12.0)
    pairs = (
        (mouth, gaussian_filter1d(sound, 2.0)),
        (gaussian_filter1d(np.abs(np.gradient(filled)), 3.0), gaussian_filter1d(sound, 3.0)),
        (mouth - slow_mouth, sound - slow_sound),
    )
    weight = smoothed(np.where(known, 1.0, 0.0), WINDOW)

    def mean(values: np.ndarray) -> np.ndarray:
        return smoothed(np.where(known, values, 0.0), WINDOW) / np.maximum(weight, 1e-6)

    varies = np.sqrt(np.maximum(mean(filled**2) - mean(filled) ** 2, 1e-8))
    columns = [np.clip(np.log(varies / STILL), -2.0, 1.0)]
    for a, b in pairs:
        found = []
        for ahead in AHEAD:
            later = np.concatenate([b[ahead:], np.repeat(b[-1:], ahead)])[: len(a)]
            spread = np.sqrt(
                np.maximum(mean(a**2) - mean(a) ** 2, 1e-12) * np.maximum(mean(later**2) - mean(later) ** 2, 1e-12)
            )
            found.append((mean(a * later) - mean(a) * mean(later)) / spread)
        columns.append(np.mean(found, 0))
    return np.where(known[:, None], np.column_stack(columns), np.nan)


_threads = threading.local()
#: OpenCV fills its table of TFLite operators on first use without a lock, and two readers at once fail ("Unsupported
#: operator").
_reading_model = threading.Lock()


def _openings(frame: np.ndarray, faces: list[np.ndarray]) -> list[float | None]:
    """Return the opening of each of `faces` in the planar `frame`, None where the lips are not seen."""
    import cv2

    if not hasattr(_threads, "mesh"):
        with _reading_model:
            _threads.mesh = lips.FaceMesh(lips.MESH)
    image = cv2.cvtColor(frame, cv2.COLOR_YUV2RGB_I420)
    return [lips.opening(_threads.mesh, image, face) for face in faces]
