"""Lips: how far a mouth is open, and how well it moves with a voice.

The opening comes from MediaPipe's face mesh (Kartynnik et al. 2019, arXiv 1907.06724; 468 points) in OpenCV's DNN module.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.records import ENVELOPE_HZ

if TYPE_CHECKING:
    import numpy as np

#: px, side of the mesh's input.
SIDE = 192
#: Side of the square cut out for it, in sides of the face box; MediaPipe cuts 1.5.
MARGIN = 1.5
#: px between the eyes below which the lips are a few pixels and their opening is noise.
MIN_EYES = 14.0
#: Largest asymmetry of the eyes about the nose (0 frontal, 1 profile) at which the inner lips are still seen.
MAX_TURN = 0.65
#: Mean distance of the mesh's eyes, nose and corners of the mouth from the detector's, over the eyes' distance, above which
#: the mesh sits on something else. On a dark, crowded stage: 0.03 to 0.12 where the mesh itself says "face", 0.2 to 0.9
#: where it does not; asking it would cost 1 ms more a face (OpenCV's classic engine).
MAX_MISS = 0.16
#: Grey levels, standard deviation of the face: below it is a shadow among shadows.
MIN_CONTRAST = 8.0
#: Points of the mesh: inner lips (upper, lower), outer corners of the eyes, tip of the nose.
UPPER, LOWER, RIGHT_EYE, LEFT_EYE, NOSE = 13, 14, 33, 263, 1
#: Pairs whose middles are the detector's five points: the corners of either eye, the nose, the corners of the mouth.
FIVE = ((33, 133), (362, 263), (1, 1), (61, 61), (291, 291))


class FaceMesh:
    """The 468 points of a face, MediaPipe's model read by OpenCV."""

    def __init__(self, model: Path) -> None:
        import cv2

        # the new engine takes 3.1 ms where the classic one takes 4.1, but does not know the output "a face is there"
        self._net = cv2.dnn.readNetFromTFLite(str(model), cv2.dnn.ENGINE_NEW)

    def __call__(self, crop: np.ndarray) -> np.ndarray:
        """Points (468, 3) in px of `crop` (SIDE, SIDE, 3) uint8 RGB."""
        import cv2

        self._net.setInput(cv2.dnn.blobFromImage(crop, 1 / 255.0))
        return self._net.forward().reshape(-1, 3)


def opening(mesh: FaceMesh, image: np.ndarray, face: np.ndarray) -> float | None:
    """Opening of the mouth over the distance of the eyes; None where `face` (15,) in `image` RGB is too small, turned or hidden."""
    import cv2
    import numpy as np

    points = face[5:].reshape(5, 2)
    if np.linalg.norm(points[1] - points[0]) < MIN_EYES:
        return None
    matrix = _upright(face)
    crop = cv2.warpAffine(image, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    if float(crop[SIDE // 6 : -SIDE // 6, SIDE // 6 : -SIDE // 6, 1].std()) < MIN_CONTRAST:
        return None
    mesh_points = mesh(crop)
    right, left, nose = mesh_points[RIGHT_EYE], mesh_points[LEFT_EYE], mesh_points[NOSE]
    a, b = nose[0] - right[0], left[0] - nose[0]
    if min(a, b) <= 0 or abs(a - b) / (a + b) > MAX_TURN:
        return None
    expected = points @ matrix[:, :2].T + matrix[:, 2]
    found = mesh_points[np.array(FIVE), :2].mean(1)
    if np.linalg.norm(found - expected, axis=1).mean() > MAX_MISS * np.linalg.norm(left - right):
        return None
    # distances in depth too: a head that turns or nods keeps its proportions
    return float(np.linalg.norm(mesh_points[UPPER] - mesh_points[LOWER]) / np.linalg.norm(right - left))


def _upright(face: np.ndarray) -> np.ndarray:
    """The 2x3 turn, scale and shift from the frame to the upright square around `face` that the mesh expects."""
    import cv2
    import numpy as np

    points = face[5:].reshape(5, 2)
    eyes = points[1] - points[0]
    side = MARGIN * max(face[2] - face[0], face[3] - face[1])
    centre = (face[:2] + face[2:4]) / 2
    matrix = cv2.getRotationMatrix2D(
        (float(centre[0]), float(centre[1])), float(np.degrees(np.arctan2(eyes[1], eyes[0]))), SIDE / float(side)
    )
    matrix[:, 2] += SIDE / 2 - centre
    return matrix


# --- lips and voice ---------------------------------------------------------------------------------------------------

#: Opening over eye distance, standard deviation within a second: talking 0.02 to 0.05, in pauses 0.009; a listener 0.002 to
#: 0.014 (two politicians, 512 px). Half way, on a log scale:
STILL = 0.015
#: Correlation with the envelope half way between a mouth with its own voice (0.55) and with another's (0.2) over 3 s, and the
#: log-odds a unit of it is worth then; over 1 s it is worth a fifth (logistic regressions on 1000 stretches of 1 to 4 s gave
#: 2, 6.5, 8 and 8; taken down a quarter since the mouths were two).
UNRELATED, STEEP = 0.34, 5.0
#: Shortest stretch (s) of a mouth that says anything, and the length at which its variation says all it can.
SHORTEST, FULL = 0.3, 0.9
#: Bounds of the evidence.
MOST = 3.0
#: Samples the sound may lag the lips: a mouth opens before it is heard, 80 to 120 ms at the best correlation.
LAGS = range(-1, 6)


@dataclass(frozen=True, slots=True)
class Motion:
    """How one mouth moved while one stretch of speech was heard."""

    evidence: float  #: log-odds that it spoke, -MOST..MOST
    activity: float  #: standard deviation of the opening within a second
    correlation: float  #: with the envelope, best of the lags, -1..1; 0 where too short to tell
    seconds: float  #: of samples


def on_grid(mouth: Sequence[tuple[float, float]], count: int) -> np.ndarray:
    """Openings (count,) at ENVELOPE_HZ from t = 0, NaN where the mouth was not seen within 0.06 s."""
    import numpy as np

    grid = np.full(count, np.nan)
    if len(mouth) < 2:
        return grid
    times, values = np.array(mouth).T
    when = (np.arange(count) + 0.5) / ENVELOPE_HZ
    after = np.clip(np.searchsorted(times, when), 1, len(times) - 1)
    near = np.minimum(np.abs(times[after] - when), np.abs(times[after - 1] - when)) <= 0.06
    grid[near] = np.interp(when[near], times, values)
    return grid


def score(mouth: np.ndarray, envelope: np.ndarray, start: float, end: float) -> Motion | None:
    """How well `mouth` (see `on_grid`) moves with the speech `envelope` between `start` and `end` s; None without a view.

    Variation says that it moves, correlation that it moves with this voice: smoothed opening against loudness, and
    smoothed speed against loudness.
    """
    import numpy as np

    low, high = max(0, round(start * ENVELOPE_HZ)), min(len(mouth), len(envelope), round(end * ENVELOPE_HZ))
    if high <= low:
        return None
    seen = ~np.isnan(mouth[low:high])
    seconds = float(seen.sum()) / ENVELOPE_HZ
    if seconds < SHORTEST or seconds < 0.5 * (high - low) / ENVELOPE_HZ:
        return None
    pieces = np.array_split(mouth[low:high], max(1, round((high - low) / ENVELOPE_HZ)))
    variances = [np.nanvar(piece) for piece in pieces if (~np.isnan(piece)).sum() >= 6]
    activity = float(np.sqrt(np.mean(variances))) if variances else 0.0
    evidence = 2.5 * float(np.clip(np.log(max(activity, 1e-4) / STILL), -2, 0.7)) * min(1.0, seconds / FULL)
    correlation = 0.0
    if seconds >= 0.8:
        correlation = _correlation(mouth[low:high], envelope[low:high])
        evidence += STEEP * min(1.0, (seconds - 0.5) / 2.5) * (correlation - UNRELATED)
    return Motion(float(np.clip(evidence, -MOST, MOST)), activity, correlation, seconds)


def _correlation(mouth: np.ndarray, envelope: np.ndarray) -> float:
    """Mean over three views of the best correlation within `LAGS`: opening, speed, and opening without its slow drift."""
    import numpy as np
    from scipy.ndimage import gaussian_filter1d as smooth

    seen = ~np.isnan(mouth)
    mouth = np.interp(np.arange(len(mouth)), np.flatnonzero(seen), mouth[seen])
    loud = np.sqrt(envelope)
    pairs = (
        (smooth(mouth, 2.0), smooth(loud, 2.0)),
        (smooth(np.abs(np.gradient(mouth)), 3.0), smooth(envelope, 3.0)),
        (smooth(mouth - smooth(mouth, 12.0), 1.0), smooth(loud - smooth(loud, 12.0), 1.0)),
    )
    best = [
        max(_pearson(a[max(0, -lag) : len(a) - max(0, lag)], b[max(0, lag) : len(b) + min(0, lag)]) for lag in LAGS)
        for a, b in pairs
    ]
    return float(np.mean(best))


def _pearson(a: np.ndarray, b: np.ndarray) -> float:
    import numpy as np

    a, b = a - a.mean(), b - b.mean()
    length = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / length if length > 1e-9 else 0.0
