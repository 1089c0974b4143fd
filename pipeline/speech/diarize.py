"""Who spoke when, on any CPU: Silero VAD, GE2E voiceprints, agglomerative clustering, resegmentation.

Windows of 1.2 s every 0.2 s of voice are embedded and clustered by average linkage; a Viterbi pass over the windows
then gives each to a voice, so that a change costs more than a doubtful window, and voices that are too alike for the
little they say are joined. All thresholds were chosen on `phone_call`, `two_shot`, `cuts`, the single voices and 26
mixes of eight voices (2 to 4 in turns of 1 to 7 s): the number of voices is right in 40 of 42, see each constant.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from pipeline.records import ENVELOPE_HZ, Diarization, Progress, Stage, Turn, Voice
from pipeline.speech import voiceprint
from pipeline.speech.activity import RATE, speech_probability, voiced

WINDOW_S = 1.2  #: 0.8 s cannot tell two telephone voices apart, 1.6 s joins more than it separates
HOP_S = 0.2
SPLIT = 0.32  #: cosine distance at which average linkage stops; 0.31 and 0.33 find the same on all but three mixes
CHANGE = 0.4  #: cosine similarity that a change of voice inside a stretch must bring in total; half after a pause
PAUSE_S = 0.35
SHORTEST_S = 1.0  #: a voice that says less is nobody's: it goes to the nearest other
JOIN_S = 0.3  #: turns of one voice closer than this are one turn
STRANGERS = 0.6  #: cosine similarity of two people's GE2E voiceprints on good sound (0.58 to 0.73 on the clips here)
BAND_HZ = (300.0, 3400.0)  #: the telephone band: voice without rumble and hiss


def diarize(sound: Path, speakers: int | None, *, weights: Path) -> Stage[Diarization]:
    """The turns of every voice in a 16 kHz mono WAV, each with its voiceprint (256 numbers, unit length).

    `speakers` is the number of voices, or None to find it. Two voices at once are given to the louder one. Nobody
    speaks: no turns. `weights` is the file of the GE2E encoder.
    """
    from pipeline.media import read_sound

    yield Progress("voices", 0.0, "Finding voices")
    samples = read_sound(sound)
    loudness = envelope(samples)
    duration = len(samples) / RATE
    spans = [(a, min(b, duration)) for a, b in voiced(speech_probability(samples), gap_s=0.2)]
    if not spans:
        return Diarization((), (), loudness)

    centres = window_centres(spans)
    tensors = voiceprint.weights(weights)
    frames = voiceprint.mel_frames(samples)
    prints = np.empty((len(centres), voiceprint.SIZE), np.float32)
    for first in range(0, len(centres), 64):
        yield Progress("voices", 0.05 + 0.9 * first / len(centres), "Telling voices apart")
        part = slice(first, first + 64)
        prints[part] = voiceprint.embed(_windows(frames, centres[part]), tensors)
    yield Progress("voices", 0.95, "Telling voices apart")
    shares = window_shares(spans, centres)
    labels, voices = cluster(centres, shares, prints, speakers)
    return _answer(spans, centres, shares, prints, labels, voices, loudness)


def envelope(samples: np.ndarray) -> tuple[float, ...]:
    """Loudness of the speech band, 0..1, `ENVELOPE_HZ` values a second; value i is centred on i / ENVELOPE_HZ s.

    Power to the 0.3 (Stevens' law for loudness) over that of the loudest moments; a clip that never exceeds -60 dB of
    full scale is all zero.
    """
    hop = RATE // ENVELOPE_HZ
    count = -(-len(samples) // hop)
    if not count:
        return ()
    size = 2 * hop  # 80 ms, half overlapping
    padded = np.pad(samples.astype(np.float32), (hop, size))
    taper = np.hanning(size).astype(np.float32)
    bins = np.fft.rfftfreq(size, 1 / RATE)
    band = (bins >= BAND_HZ[0]) & (bins <= BAND_HZ[1])
    windows = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop][:count]
    power = np.empty(count, np.float32)
    for first in range(0, count, 4096):  # bounds the memory of the spectrum
        spectrum = np.fft.rfft(windows[first : first + 4096] * taper)[:, band]
        power[first : first + 4096] = (np.abs(spectrum) ** 2).sum(1)
    power *= 2 / (taper**2).sum() / size  # mean square of the band (Parseval)
    top = float(np.quantile(power, 0.99))
    if top < 1e-6:
        return (0.0,) * count
    return tuple(np.minimum(1.0, (power / top) ** 0.3).round(4).tolist())


# --- windows ----------------------------------------------------------------------------------------------------------


def window_centres(spans: Sequence[tuple[float, float]]) -> np.ndarray:
    """(n,) s: the middles of the windows, evenly inside every span; a span shorter than a window has one in its middle."""
    centres: list[float] = []
    for start, end in spans:
        room = end - start - WINDOW_S
        if room <= 0:
            centres.append((start + end) / 2)
        else:
            count = int(np.ceil(room / HOP_S)) + 1
            centres.extend(np.linspace(start + WINDOW_S / 2, end - WINDOW_S / 2, count).tolist())
    return np.array(centres)


def window_shares(spans: Sequence[tuple[float, float]], centres: np.ndarray) -> np.ndarray:
    """(n, 2) s: the part of the voiced time that each window decides, up to half the way to its neighbours."""
    shares: list[tuple[float, float]] = []
    for start, end in spans:
        inside = centres[(centres >= start) & (centres <= end)]
        edges = [start, *((inside[1:] + inside[:-1]) / 2).tolist(), end]
        shares.extend(pairwise(edges))
    return np.array(shares)


def _windows(frames: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """(n, 120, 40) mel windows, each as loud as the encoder expects: voices of different loudness compare."""
    half = int(WINDOW_S * 50)
    padded = np.pad(frames, ((half, half), (0, 0)))
    windows = np.stack([padded[at : at + 2 * half] for at in np.minimum((centres * 100).astype(int), len(frames) - 1)])
    return windows * (voiceprint.FRAME_POWER * 2 * half / np.maximum(windows.sum((1, 2), keepdims=True), 1e-9))


# --- clustering -------------------------------------------------------------------------------------------------------


def cluster(
    centres: np.ndarray, shares: np.ndarray, prints: np.ndarray, speakers: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """(label of each window, (voices, 256) unit voiceprints), voices in order of appearance. `speakers`: how many, if known.

    A found number may fall short of `speakers` where there are not that many distinguishable seconds.
    """
    seconds = shares[:, 1] - shares[:, 0]
    labels = _linked(prints, SPLIT)
    if speakers:
        distance = SPLIT
        while distance > 0.05 and len(_kept(labels, seconds)) < speakers:
            distance -= 0.02
            labels = _linked(prints, distance)
    voices = _means(prints, seconds, labels, _kept(labels, seconds))
    pauses = np.diff(centres, prepend=centres[0]) > PAUSE_S
    costs = np.where(pauses, CHANGE / 2, CHANGE)
    while True:
        for _ in range(4):  # settles after two or three rounds on all clips tried
            labels = viterbi(prints @ voices.T, costs)
            voices = _means(prints, seconds, labels, _kept(labels, seconds))
        labels = viterbi(prints @ voices.T, costs)
        pair = _pair_to_join(voices, np.bincount(labels, seconds, len(voices)), speakers)
        if pair is None:
            break
        labels[labels == pair[1]] = pair[0]
        voices = _means(prints, seconds, labels, sorted(set(labels.tolist())))
    order = list(dict.fromkeys(labels.tolist()))
    return np.array([order.index(label) for label in labels.tolist()]), voices[order]


def alike(seconds: float) -> float:
    """The cosine similarity from which two voices are one, where the one that says less speaks for `seconds`.

    The less was said, the further apart must it be: a second of laughter looks like another voice (similarity 0.7 to
    0.85), two real voices on one telephone line reach 0.89 over seven seconds.
    """
    return min(0.91, 0.45 + 0.075 * seconds)


def _pair_to_join(voices: np.ndarray, seconds: np.ndarray, speakers: int | None) -> tuple[int, int] | None:
    count = len(voices)
    if count <= (speakers or 1):
        return None
    excess, pair = max(
        (float(voices[i] @ voices[j]) - alike(min(seconds[i], seconds[j])), (i, j))
        for i in range(count)
        for j in range(i + 1, count)
    )
    return pair if speakers or excess > 0 else None


def _linked(prints: np.ndarray, distance: float) -> np.ndarray:
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    if len(prints) < 2:
        return np.zeros(len(prints), int)
    apart = np.clip(1 - prints @ prints.T, 0, 2)
    np.fill_diagonal(apart, 0)
    return fcluster(linkage(squareform(apart, checks=False), "average"), distance, "distance") - 1


def _kept(labels: np.ndarray, seconds: np.ndarray) -> list[int]:
    """The labels that speak long enough to be somebody; the longest where none does."""
    totals = np.bincount(labels, seconds)
    return [int(label) for label in np.flatnonzero(totals >= SHORTEST_S)] or [int(totals.argmax())]


def _means(prints: np.ndarray, seconds: np.ndarray, labels: np.ndarray, kept: Sequence[int]) -> np.ndarray:
    sums = np.stack([(prints * (seconds * (labels == label))[:, None]).sum(0) for label in kept])
    return sums / np.linalg.norm(sums, axis=1, keepdims=True)


def viterbi(similarity: np.ndarray, costs: np.ndarray) -> np.ndarray:
    """The label of each window that has the highest sum of `similarity` (windows, voices), less `costs` (windows,) at
    every window whose label differs from the one before."""
    count, voices = similarity.shape
    score = similarity[0].copy()
    back = np.empty((count, voices), int)
    for index in range(1, count):
        best = int(score.argmax())
        changed = score[best] - costs[index]
        back[index] = np.where(score >= changed, np.arange(voices), best)
        score = np.maximum(score, changed) + similarity[index]
    labels = [int(score.argmax())]
    for index in range(count - 1, 0, -1):
        labels.append(int(back[index, labels[-1]]))
    return np.array(labels[::-1])


# --- the answer -------------------------------------------------------------------------------------------------------


def _answer(
    spans: Sequence[tuple[float, float]],
    centres: np.ndarray,
    shares: np.ndarray,
    prints: np.ndarray,
    labels: np.ndarray,
    voices: np.ndarray,
    loudness: tuple[float, ...],
) -> Diarization:
    groups: list[list[int]] = []  # windows of each turn
    for index in range(len(centres)):
        follows = groups and labels[groups[-1][-1]] == labels[index]
        if follows and shares[index, 0] - shares[groups[-1][-1], 1] < JOIN_S:
            groups[-1].append(index)
        else:
            groups.append([index])
    turns = []
    for group in groups:
        weights = shares[group, 1] - shares[group, 0]
        turns.append(
            Turn(
                float(shares[group[0], 0]),
                float(shares[group[-1], 1]),
                f"v{labels[group[0]] + 1}",
                _unit((prints[group] * weights[:, None]).sum(0)),
            )
        )
    nearest = voices @ voices.T - 2 * np.eye(len(voices))
    return Diarization(
        tuple(turns),
        tuple(
            # What is 1.0 alike is not apart at all.
            Voice(
                f"v{index + 1}",
                _unit(voice),
                1.0 if len(voices) == 1 else float(np.clip((1 - nearest[index].max()) / (1 - STRANGERS), 0, 1)),
            )
            for index, voice in enumerate(voices)
        ),
        loudness,
        strangers=STRANGERS,
    )


def _unit(vector: np.ndarray) -> tuple[float, ...]:
    return tuple((vector / max(1e-9, float(np.linalg.norm(vector)))).astype(float).round(6).tolist())
