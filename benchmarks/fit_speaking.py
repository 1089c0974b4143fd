"""Fit the detectors of speaking faces: from their scores to log-odds, judged on people who were left out.

    python -m benchmarks.fit_speaking [--folder FOLDER]

Every clip with a truth file (the examples, and the recorded clips where the machine has them) runs through the face
stage as it is and once more smaller, darker and noisier, with its own sound and with another under it. A face that
speaks by the truth is an example for, one that listens is one against; for the lips so are speaking faces with the
sound of two seconds later or of other people. People are left out by the group of clips they are seen in. Printed are,
for either detector and width of the window, the loss (nats a value, 0.69 for a coin), the share of values on the right
side of zero, and how often values of a size are right; then the constants for `pipeline/faces/speaking.py`, fitted on
everybody.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from pipeline import Settings, media
from pipeline.faces import crops, detect, find_faces, identify, lr_asd, lr_asd_onnx
from pipeline.faces.lip_detector import LipDetector, features
from pipeline.faces.sound import Sound
from pipeline.faces.speaking import largest, smoothed
from pipeline.faces.track import Live
from pipeline.models import sets
from pipeline.progress import finish
from pipeline.records import EVIDENCE_HZ, Notice

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared" / "clips"
#: Clips by the people seen in them: who is judged is in none of the clips that were fitted on.
GROUPS = (
    ("two_shot", "cuts", "off_screen_voice"),
    ("two_shot_2",),
    ("real_interview",),
    ("real_talkshow",),
    ("real_meeting",),
    ("orbit_en",),
    ("europa_pl",),
)
#: s at either end of a turn that count neither way.
EDGE = 0.2
#: s by which a sound is shifted to be somebody else's.
SHIFT = 2.0
#: ffmpeg filters of the second pass: faces of 50 to 100 px, two stops darker, grain.
WORSE = "scale=trunc(iw/5)*2:-2,eq=brightness=-0.15:contrast=0.6,noise=alls=8:allf=t"
#: Standard deviations of the Gaussian that are compared, s.
WINDOWS = (0.2, 0.3, 0.4, 0.6)


@dataclass
class Seen:
    """One track of one clip: what the detectors saw of it."""

    clip: str
    group: int
    first: int  #: index of the first value of evidence
    faces: np.ndarray  #: (n, side, side) uint8
    known: np.ndarray  #: (n,) whether there is a face
    openings: np.ndarray  #: (n,) of the lips, NaN where they are not seen
    truth: np.ndarray  #: (n,) 1 speaks, 0 listens, NaN neither


class Recorder:
    """A detector of speaking faces that keeps what it sees and knows nothing."""

    name = "recorder"
    notice: Notice | None = None

    def __init__(self, lip_detector: LipDetector, sound: Sound) -> None:
        self.lips, self.sound = lip_detector, sound
        self.tracks: list[tuple[Live, dict[int, np.ndarray], dict[int, float]]] = []
        self._faces: dict[int, dict[int, np.ndarray]] = defaultdict(dict)

    def see(self, t: float, until: float, frame: np.ndarray, tracks: list[Live]) -> None:
        values = self.sound.values(t, until)
        if values:
            luma = frame[: frame.shape[0] * 2 // 3]
            for track in largest(tracks, t):
                crop = crops.cut(luma, crops.place(track, t), lr_asd.SIDE)
                self._faces[id(track)].update(dict.fromkeys(values, crop))
        self.lips.see(t, until, frame, tracks)

    def finish(self, track: Live) -> None:
        self.lips.finish(track)
        self.tracks.append((track, self._faces.pop(id(track), {}), dict(track.scores)))

    def evidence(self, track: Live) -> tuple[int, tuple[float | None, ...]]:
        return 0, ()

    def close(self) -> None:
        self.lips.close()


def clips() -> Iterator[tuple[int, Path, Path]]:
    """Yield (group, clip, truth) of all that this machine has."""
    for group, names in enumerate(GROUPS):
        for name in names:
            for folder in (ROOT / "examples", SHARED):
                clip = folder / f"{name}.mp4"
                if clip.is_file():
                    yield group, clip, folder / f"{name}.truth.json"


def observe(group: int, path: Path, truth: Path, folder: Path) -> tuple[list[Seen], Sound]:
    """Return the tracks of the clip at `path` as the detectors see them, and its sound."""
    clip = media.probe(path, Settings())
    wav = folder / f"{path.stem}.wav"
    finish(media.extract_sound(clip, wav))
    sound = Sound.read(wav)
    settings = Settings.from_environment()
    recorder = Recorder(LipDetector(sound), sound)
    detector = detect.retinaface_onnx(finish(sets.weights("retinaface-mobilenet", settings)))
    embedder = identify.dlib_faces(finish(sets.weights("dlib-resnet", settings)))
    finish(find_faces(clip, detector, embedder, recorder))
    turns = json.loads(truth.read_text())["turns"]
    seen = []
    for track, faces, openings in recorder.tracks:
        if len(faces) < EVIDENCE_HZ // 2:
            continue
        first, last = min(faces), max(faces) + 1
        stack = np.zeros((last - first, lr_asd.SIDE, lr_asd.SIDE), np.uint8)
        for k, face in faces.items():
            stack[k - first] = face
        known = np.array([k in faces for k in range(first, last)])
        lips = np.array([openings.get(k, np.nan) for k in range(first, last)])
        labels = np.array([_label(track, k, turns, clip.width * track_scale(clip)) for k in range(first, last)])
        seen.append(Seen(path.stem, group, first, stack, known, lips, labels))
    return seen, sound


def track_scale(clip: Any) -> float:
    """Return px of the frames that the face stage sees over px of the picture."""
    from pipeline.faces.find import _working_size

    return _working_size(clip)[0] / clip.width


def _label(track: Live, k: int, turns: list[dict[str, Any]], width: float) -> float:
    t = (k + 0.5) / EVIDENCE_HZ
    turn = next((u for u in turns if u["start"] + EDGE <= t < u["end"] - EDGE), None)
    face = track.at(min(max(t, track.times[0]), track.times[-1]))
    if turn is None or face is None:
        return np.nan
    where: dict[str | None, list[float]] = {"any": [0, 1], "left": [0, 0.5], "right": [0.5, 1], None: [2, 2]}
    low, high = turn["face"] if isinstance(turn["face"], list) else where[turn["face"]]
    return float(low <= (face[0] + face[2]) / 2 / width <= high)


def worse(path: Path, to: Path) -> Path:
    """Write the clip smaller, darker and noisier, with its own sound."""
    command = [media.ffmpeg_binary(), "-v", "error", "-y", "-i", str(path), "-vf", WORSE, "-c:v", "libx264"]
    subprocess.run([*command, "-preset", "veryfast", "-crf", "24", "-c:a", "copy", str(to)], check=True)
    return to


# --- scores with several sounds ---------------------------------------------------------------------------------------


@dataclass
class Scores:
    """Scores of one track with one sound."""

    group: int
    clip: str
    values: np.ndarray  #: (n,) or, of the lips, (n, features)
    truth: np.ndarray  #: (n,) 1, 0 or NaN
    weight: float


def with_sounds(
    seen: Seen, sound: Sound, others: list[Sound], wrong: bool
) -> Iterator[tuple[Sound, int, np.ndarray, float]]:
    """Yield (sound, first value in it, truth, weight): the track's own sound, plain and with another under it.

    With `wrong` also the own sound shifted and another's, which a face that speaks does not say.
    """
    count = len(seen.known)
    yield sound, seen.first, seen.truth, 1.0
    other = others[seen.first % len(others)]
    yield mixed(sound, other, 10.0), seen.first, seen.truth, 0.5
    if not wrong:
        return
    nobody = np.where(seen.truth == 1, 0.0, np.nan)
    shift = round(SHIFT * EVIDENCE_HZ)
    for first in (seen.first + shift, seen.first - shift):
        if first >= 0 and first + count <= len(sound.heard):
            yield sound, first, np.where(sound.heard[first : first + count], nobody, np.nan), 0.5
    if count <= len(other.heard):
        first = min(seen.first, len(other.heard) - count)
        yield other, first, np.where(other.heard[first : first + count], nobody, np.nan), 0.5


def mixed(sound: Sound, other: Sound, decibels: float) -> Sound:
    """Return `sound` with `other` under it, fainter by `decibels`, heard where `sound` is."""
    voice = sound.samples
    below = np.resize(other.samples, len(voice))
    power = max(1e-9, float((below**2).mean()))
    gain = (float((voice**2).mean()) / power) ** 0.5 * 10 ** (-decibels / 20)
    found = Sound.__new__(Sound)
    found.samples, found.heard = voice + gain * below, sound.heard
    return found


def learned(seen: list[tuple[Seen, Sound]], network: Any, wrong: bool) -> list[Scores]:
    """Return the network's scores of all tracks, with wrong sounds too if asked."""
    found = []
    for one, sound in seen:
        others = list({id(s): s for other, s in seen if other.group != one.group}.values())
        runs = [run for run in _runs(one.known) if run.stop - run.start >= 8]
        faces = {run.start: network.face_features(one.faces[run]) for run in runs}
        for heard, first, truth, weight in with_sounds(one, sound, others, wrong):
            values = np.full(len(truth), np.nan)
            for run in runs:
                rows = network.sound_features(heard.mfcc(first + run.start, first + run.stop))
                for start in range(0, len(rows), 150):
                    piece = slice(start, start + 150)
                    where = slice(run.start + start, run.start + start + len(rows[piece]))
                    values[where] = network.scores(faces[run.start][piece], rows[piece])
            found.append(Scores(one.group, one.clip, values, truth, weight))
    return found


def by_lips(seen: list[tuple[Seen, Sound]]) -> list[Scores]:
    """Return the features of all tracks' lips with right and wrong sounds."""
    found = []
    for one, sound in seen:
        others = list({id(s): s for other, s in seen if other.group != one.group}.values())
        for heard, first, truth, weight in with_sounds(one, sound, others, wrong=True):
            values = features(one.openings, heard.loudness()[first : first + len(truth)])
            found.append(Scores(one.group, one.clip, values, truth, weight))
    return found


def _runs(known: np.ndarray) -> list[slice]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], known.astype(int), [0]])))
    return [slice(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


# --- fitting ----------------------------------------------------------------------------------------------------------


def table(scores: list[Scores]) -> tuple[np.ndarray, ...]:
    """Return features (n, m), truth (n,), weights (n,) and groups (n,): all groups, and in each both answers, weigh the
    same.
    """
    x = np.concatenate([s.values.reshape(len(s.truth), -1) for s in scores])
    y = np.concatenate([s.truth for s in scores])
    w = np.concatenate([np.full(len(s.truth), s.weight) for s in scores])
    g = np.concatenate([np.full(len(s.truth), s.group) for s in scores])
    good = ~np.isnan(y) & ~np.isnan(x).any(1)
    x, y, w, g = x[good], y[good], w[good], g[good]
    for group in np.unique(g):
        for answer in (0, 1):
            chosen = (g == group) & (y == answer)
            w[chosen] /= max(1e-9, w[chosen].sum())
    return x, y, w * len(w) / w.sum(), g


def left_out(x: np.ndarray, y: np.ndarray, w: np.ndarray, g: np.ndarray) -> np.ndarray:
    """Return the log-odds (n,) of everybody by a fit on the others."""
    found = np.empty(len(y))
    for group in np.unique(g):
        out = g == group
        fit = LogisticRegression(C=1.0).fit(x[~out], y[~out], sample_weight=w[~out])
        found[out] = fit.decision_function(x[out])
    return found


def report(name: str, odds: np.ndarray, y: np.ndarray, w: np.ndarray, g: np.ndarray) -> float:
    """Print how good log-odds are; returns the loss."""
    odds = np.clip(odds, -5, 5)
    loss = np.log1p(np.exp(np.where(y == 1, -odds, odds)))
    right = (odds > 0) == (y == 1)
    groups = " ".join(f"{np.average(right[g == group], weights=w[g == group]):.3f}" for group in np.unique(g))
    total = float(np.average(loss, weights=w))
    print(f"{name:28} loss {total:.3f}  right {np.average(right, weights=w):.3f}  by group {groups}")
    return total


def reliability(odds: np.ndarray, y: np.ndarray, w: np.ndarray) -> None:
    """Print how often values of a size are right, and how often they say they are."""
    size = np.abs(np.clip(odds, -5, 5))
    for low, high in ((0, 0.5), (0.5, 1.1), (1.1, 2.2), (2.2, 3.5), (3.5, 5.1)):
        chosen = (size >= low) & (size < high)
        if chosen.any():
            right = np.average(((odds > 0) == (y == 1))[chosen], weights=w[chosen])
            said = np.average(1 / (1 + np.exp(-size[chosen])), weights=w[chosen])
            print(
                f"    size {low:.1f}..{high:.1f}: said {said:.3f}, right {right:.3f} of {w[chosen].sum() / w.sum():.2f}"
            )


def fit_learned(name: str, scores: list[Scores]) -> None:
    """Print the calibration of a network."""
    best: tuple[float, float] | None = None
    for window in WINDOWS:
        smooth = [Scores(s.group, s.clip, smoothed(s.values, window), s.truth, s.weight) for s in scores]
        x, y, w, g = table(smooth)
        odds = left_out(x, y, w, g)
        loss = report(f"{name}, {window} s", odds, y, w, g)
        if best is None or loss < best[0]:
            best, kept = (loss, window), (x, y, w, odds)
    assert best is not None
    x, y, w, odds = kept
    reliability(odds, y, w)
    fit = LogisticRegression(C=1.0).fit(x, y, sample_weight=w)
    print(f"{name}: Calibration(slope={fit.coef_[0, 0]:.3f}, offset={fit.intercept_[0]:.3f}, window={best[1]})")


def fit_lips(scores: list[Scores]) -> None:
    """Print the weights of the lips."""
    x, y, w, g = table(scores)
    odds = left_out(x, y, w, g)
    report("lips", odds, y, w, g)
    reliability(odds, y, w)
    fit = LogisticRegression(C=1.0).fit(x, y, sample_weight=w)
    weights = ", ".join(f"{v:.3f}" for v in fit.coef_[0])
    print(f"lips: weights ({weights}), offset {fit.intercept_[0]:.3f}")


def gather(folder: Path) -> list[tuple[Seen, Sound]]:
    """Return every track of every clip, plain and worse, with its sound."""
    found = []
    for group, clip, truth in clips():
        for path in (clip, worse(clip, folder / f"{clip.stem}_worse.mp4")):
            seen, sound = observe(group, path, truth, folder)
            found += [(one, sound) for one in seen]
    return found


def main() -> None:
    """Fit the calibration of both detectors and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="where changed clips are kept; default: a temporary folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        seen = gather(folder)
    fit_lips(by_lips(seen))
    network = lr_asd_onnx.network(finish(sets.weights("lr-asd", Settings.from_environment())))
    # It scores a face that speaks as high with another's sound as with its own, so a fit on wrong sounds would only
    # blunt it.
    fit_learned("LR-ASD, wrong sounds too", learned(seen, network, wrong=True))
    fit_learned("LR-ASD", learned(seen, network, wrong=False))


if __name__ == "__main__":
    main()
