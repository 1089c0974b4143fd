"""Identity: which tracks are the same person.

A few good faces of every track are embedded. Tracks, not frames, are clustered, and two tracks seen at the same time
are never one person.

An embedder has `name`, `threshold` (cosine distance below which two faces are one person), `dim`, and takes a list of
(image (h, w, 3) uint8 RGB, face (15,) as the detector gave it, in the image's px) to unit vectors (n, dim).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np

    from pipeline.faces.track import Live
    from pipeline.records import Likeness


class Embedder(Protocol):
    """A face recognition model: turns faces into unit vectors (see above)."""

    name: str
    threshold: float
    dim: int
    likeness: Likeness | None

    def __call__(self, faces: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray: ...


#: s of a track that give one candidate face, and the most candidates that a track keeps: once it has more, the span
#: doubles.
SPAN = 5.0
CANDIDATES = 6
#: Side of the region kept of a candidate, in sides of the face box: head and shoulders, and all that DeepFace's turn
#: needs.
MARGIN = 2.2
#: px, side of a portrait in the gallery.
PORTRAIT = 256
#: Quality below which a face is not embedded: blurred, tiny or in profile, it says more about the pose than the person.
MIN_QUALITY = 0.12


@dataclass(frozen=True)
class Candidate:
    """A face worth embedding: a region of its frame, with the face in px of that region."""

    t: float
    quality: float
    image: np.ndarray  # (h, w, 3) RGB
    face: np.ndarray  # (15,)


class DlibFaces:
    """dlib's ResNet, the light set's embedder: 128 numbers a face, the same for a mirrored face.

    DeepFace has it, too, but takes 0.8 s to import.
    """

    name = "dlib ResNet"
    dim = 128
    likeness: Likeness | None = None  # the people stage has one fitted for these (pipeline/people/parameters.py)
    #: dlib's own rule is a Euclidean distance of 0.6 between vectors of length 1.4 (dlib.net, face recognition
    #: example), which is 0.09 as a cosine distance; DeepFace's table says 0.07. Both are for single pairs; averages of
    #: several faces are steadier.
    threshold = 0.075

    #: Eyes, nose and corners of the mouth in the 150 px chip, with a quarter of padding, on which the network was
    #: trained: dlib's mean face (`get_face_chip_details`), each eye being the mean of its six points.
    CHIP = ((47.5, 46.6), (100.5, 46.6), (74.0, 76.6), (50.4, 103.0), (97.6, 103.0))
    #: px, side of a face above which it is shrunk before it is turned: without that the chip would skip every other
    #: pixel.
    LARGEST = 175

    def __init__(self, weights: Path) -> None:
        import dlib

        self._model = dlib.face_recognition_model_v1(str(weights))

    def __call__(self, faces: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
        import cv2
        import numpy as np

        chips = np.empty((len(faces), 150, 150, 3), np.uint8)
        for chip, (image, face) in zip(chips, faces, strict=True):
            factor = self.LARGEST / float(max(face[2] - face[0], face[3] - face[1]))
            if factor < 1:
                image = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
            matrix = similarity(min(1.0, factor) * face[5:].reshape(5, 2), np.array(self.CHIP, np.float32))
            cv2.warpAffine(image, matrix, (150, 150), dst=chip, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        vectors = np.array(self._model.compute_face_descriptor(chips), np.float32).reshape(len(faces), self.dim)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def similarity(points: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the 2x3 turn, scale and shift that brings `points` (n, 2) nearest to `target` (n, 2); Umeyama 1991."""
    import numpy as np

    centre, goal = points.mean(0), target.mean(0)
    a, b = points - centre, target - goal
    scale = (a**2).sum()
    real = (a * b).sum() / scale
    imaginary = (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum() / scale
    turn = np.array([[real, -imaginary], [imaginary, real]])
    return np.column_stack([turn, goal - turn @ centre])


@lru_cache(maxsize=1)
def dlib_faces(weights: Path) -> DlibFaces:
    """Return the embedder, loaded once (0.6 s)."""
    return DlibFaces(weights)


# --- candidates -------------------------------------------------------------------------------------------------------


def quality(image: np.ndarray, face: np.ndarray) -> float:
    """Return how well a face can be recognised, 0..1, from its size, pose, sharpness and the detector's score.

    image: (h, w, 3) uint8 RGB.
    face: (15,) in px of the image.
    """
    import cv2
    import numpy as np

    points = face[5:].reshape(5, 2)
    side = float(min(face[2] - face[0], face[3] - face[1]))
    eyes = points[1] - points[0]
    distance = float(np.linalg.norm(eyes))
    if distance < 4:
        return 0.0
    # position of the nose along the line of the eyes: 0.5 frontal, 0 or 1 profile
    nose = float((points[2] - points[0]) @ eyes) / distance**2
    frontal = max(0.0, 1 - 2 * abs(nose - 0.5)) ** 0.5
    left, top, right, bottom = (int(v) for v in np.clip(face[:4], 0, None))
    patch = image[top:bottom, left:right]
    if min(patch.shape[:2]) < 8:
        return 0.0
    grey = cv2.cvtColor(cv2.resize(patch, (64, 64), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    sharp = float(cv2.Laplacian(grey, cv2.CV_32F).var())
    inside = patch.shape[0] * patch.shape[1] / max(1.0, float((face[2] - face[0]) * (face[3] - face[1])))
    return min(1.0, side / 110) * frontal * min(1.0, 0.3 + sharp / 500) * float(face[4]) * min(1.0, inside) ** 2


def consider(track: Live, t: float, image: np.ndarray, face: np.ndarray) -> None:
    """Keep `face` (15,) of `image` as a candidate of `track` if it is the best of its span."""
    value = quality(image, face)
    candidates: list[Candidate] = track.candidates
    start, span = track.times[0], SPAN * track.thinning
    same = next((i for i, c in enumerate(candidates) if int((c.t - start) / span) == int((t - start) / span)), None)
    if same is not None and candidates[same].quality >= value:
        return
    if same is not None:
        candidates[same] = region(t, value, image, face)
        return
    candidates.append(region(t, value, image, face))
    if len(candidates) > CANDIDATES:
        track.thinning *= 2
        best: dict[int, Candidate] = {}
        for candidate in candidates:
            key = int((candidate.t - start) / (SPAN * track.thinning))
            if key not in best or best[key].quality < candidate.quality:
                best[key] = candidate
        candidates[:] = [best[key] for key in sorted(best)]


def region(t: float, value: float, image: np.ndarray, face: np.ndarray) -> Candidate:
    """Return the candidate with the head and shoulders of `face` (15,), kept inside the picture."""
    import numpy as np

    height, width = image.shape[:2]
    side = int(min(MARGIN * float(max(face[2] - face[0], face[3] - face[1])), width, height))
    x, y = (face[0] + face[2]) / 2, (face[1] + face[3]) / 2 + 0.08 * side
    left, top = (int(np.clip(v - side / 2, 0, limit - side)) for v, limit in ((x, width), (y, height)))
    moved = face.astype(np.float32)
    moved[:4] -= (left, top) * 2
    moved[5:] -= (left, top) * 5
    return Candidate(t, value, image[top : top + side, left : left + side].copy(), moved)


def portrait(candidate: Candidate) -> bytes:
    """Return the candidate as a JPEG, `PORTRAIT` px square."""
    import cv2

    image = candidate.image
    flags = cv2.INTER_AREA if image.shape[0] > PORTRAIT else cv2.INTER_CUBIC
    picture = cv2.cvtColor(cv2.resize(image, (PORTRAIT, PORTRAIT), interpolation=flags), cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(".jpg", picture, (cv2.IMWRITE_JPEG_QUALITY, 88))
    assert done
    return data.tobytes()


# --- clustering -------------------------------------------------------------------------------------------------------


def change_of_face(vectors: np.ndarray, threshold: float) -> int | None:
    """Return the index at which `vectors` (n, dim), in time order, become another person; None if they are one person.

    This finds a cut that was missed, or a face that steps in front of another: the vectors on each side are alike, and
    far from those on the other side.
    """
    distance = 1 - vectors @ vectors.T
    best, at = 0.0, None
    for k in range(1, len(vectors)):
        across = float(distance[:k, k:].mean())
        within = max(float(distance[:k, :k].max()), float(distance[k:, k:].max()))
        if across > 1.6 * threshold and across > 1.6 * within and across - within > best:
            best, at = across - within, k
    return at


def cluster(vectors: np.ndarray, weights: np.ndarray, together: np.ndarray, threshold: float) -> list[int]:
    """Return a cluster number for each of `vectors` (n, dim), numbered by first member.

    Agglomerative: the two nearest clusters merge while the distance of their means, weighted by `weights` (n,), is
    below `threshold`. Clusters that hold two tracks seen in one picture (`together`, (n, n) bool) never merge.
    """
    import numpy as np

    groups = [[i] for i in range(len(vectors))]
    means = [v * w for v, w in zip(vectors, weights, strict=True)]
    while len(groups) > 1:
        unit = np.stack([m / max(1e-9, float(np.linalg.norm(m))) for m in means])
        distance = 1 - unit @ unit.T
        np.fill_diagonal(distance, np.inf)
        for a in range(len(groups)):
            for b in range(a):
                if together[np.ix_(groups[a], groups[b])].any():
                    distance[a, b] = distance[b, a] = np.inf
        a, b = divmod(int(np.argmin(distance)), len(groups))
        if distance[a, b] >= threshold:
            break
        low, high = min(a, b), max(a, b)
        groups[low] += groups.pop(high)
        means[low] = means[low] + means.pop(high)
    number = [0] * len(vectors)
    for label, group in enumerate(sorted(groups, key=min)):
        for index in group:
            number[index] = label
    return number


def mean(vectors: np.ndarray, weights: Sequence[float]) -> np.ndarray:
    """Return the weighted mean direction (dim,) of unit `vectors` (n, dim)."""
    import numpy as np

    total = (vectors * np.asarray(weights)[:, None]).sum(0)
    return total / max(1e-9, float(np.linalg.norm(total)))
