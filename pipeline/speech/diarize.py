"""The light diarizer: who spoke when, on any CPU.

local_voices   pyannote segmentation-3.0 in overlapping windows of 10 s: when somebody speaks, and whether two do
pieces         stretches of at most 1.5 s in which one voice speaks alone, each with CAM++ frames
cluster        which pieces are one voice, by log-odds of embeddings and segmentation
turns          the voices of the pieces put back into time, overlapped speech included
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.progress import each
from pipeline.records import Diarization, Likeness, Notice, Progress, Stage, Turn, Voice
from pipeline.speech import fbank, pieces, turns
from pipeline.speech.campplus import STRIDE, CamPlus
from pipeline.speech.changes import refine
from pipeline.speech.cluster import SHORTEST_VOICE_S, cluster
from pipeline.speech.envelope import envelope
from pipeline.speech.likeness import LIKENESS
from pipeline.speech.local_voices import LocalVoices, frame_time, listen
from pipeline.speech.pieces import Piece
from pipeline.speech.segmentation import FRAME_S, RATE, Segmentation

_MARGIN = (fbank.WIDTH - fbank.HOP) // 2  # samples by which a frame's window exceeds its hop on each side


#: How alike the embeddings of whole turns are on real footage. The room, the microphone and the mood change between
#: turns, so those of one person lie further apart than within one recording. Estimated by `benchmarks/fit_people.py`.
TURNS = Likeness(same=0.72, different=0.23, dimensions=19.0, per_second=0.29)


def diarize(sound: Path, speakers: int | None, *, weights: Path) -> Stage[Diarization]:
    """Return the turns of every voice in a 16 kHz mono WAV; turns of two voices may overlap.

    If nobody speaks there are no turns.

    speakers: number of voices, or None to find it; a notice says so if fewer can be told apart.
    weights: folder of both networks.
    """
    from pipeline.media import read_sound

    yield Progress("voices", 0.0, "Finding voices")
    samples = read_sound(sound)
    local, heard, network = yield from hear(samples, weights)
    yield Progress("voices", 0.95, "Telling voices apart")
    return assemble(local, heard, network, samples, speakers)


def hear(samples: np.ndarray, folder: Path) -> Stage[tuple[LocalVoices, list[Piece], CamPlus]]:
    """Run both networks, with weights from `folder`, over (samples,) at 16 kHz; this takes nearly all the time.

    Returns the local voices, the pieces and the embedding network.
    """
    from safetensors.numpy import load_file

    listening = listen(samples, Segmentation(load_file(folder / "segmentation.safetensors")))
    local = yield from each(listening, lambda share: Progress("voices", 0.6 * share, "Finding voices"))
    network = CamPlus(load_file(folder / "campplus.safetensors"))
    bands = fbank.fbank(np.pad(samples, _MARGIN))  # frame i is the 10 ms from i * 10 ms
    found = []
    spans = pieces.spans(local)
    for index, (first, last) in enumerate(spans):
        if index % 8 == 0:
            yield Progress("voices", 0.6 + 0.35 * index / len(spans), "Telling voices apart")
        piece = _piece(bands, network, first, last)
        if piece:
            found.append(piece)
    return local, found, network


def _piece(bands: np.ndarray, network: CamPlus, first: int, last: int) -> Piece | None:
    """Return the piece of frames `first` to before `last`, embedded; None if it lies beyond the sound."""
    low, high = (max(0, round(frame_time(frame) * RATE / fbank.HOP)) for frame in (first, last))
    part = bands[low:high]
    if len(part) < 2 * STRIDE:
        return None
    frames = network.frames(part).astype(np.float64)
    chips = max(1, min(len(frames) // 4, round((last - first) * FRAME_S / pieces.CHIP_S)))
    edges = np.linspace(first, last, chips + 1).round().astype(int)
    cuts = ((edges - first) / (last - first) * len(frames)).round().astype(int)
    return Piece(
        edges,
        np.add.reduceat(frames, cuts[:-1]),
        np.add.reduceat(frames**2, cuts[:-1]),
        np.diff(cuts).astype(float),
    )


def assemble(
    local: LocalVoices, heard: Sequence[Piece], network: CamPlus, samples: np.ndarray, speakers: int | None
) -> Diarization:
    """Return the diarization from the results of `hear`; no network runs."""
    loudness = envelope(samples)
    labels, odds = np.zeros(0, int), np.zeros((0, 0))
    if heard:
        same, weight = pieces.affinity(local, [(piece.first, piece.last) for piece in heard])
        labels, odds = cluster(heard, same, weight, network.embed, speakers)
        heard, labels = refine(heard, labels, pieces.steadiness(local), network.embed)
    said = spoken(local, heard, labels, len(odds), speakers)
    end = len(samples) / RATE
    names = {voice: f"v{number}" for number, voice in enumerate(dict.fromkeys(v for _, _, v in said), 1)}
    found = tuple(_turn(span, heard, labels, network, names, end) for span in said)
    voices = tuple(
        Voice(
            name,
            _embedding([p for p, label in zip(heard, labels, strict=True) if label == voice], network),
            _apart(odds[voice]) if voice < len(odds) else 0.0,
        )
        for voice, name in names.items()
    )
    notices = (fewer_voices(speakers, len(voices)),) if speakers and len(voices) < speakers else ()
    return Diarization(found, voices, loudness, notices, strangers=LIKENESS.different, likeness=TURNS)


def spoken(
    local: LocalVoices, heard: Sequence[Piece], labels: np.ndarray, known: int, speakers: int | None
) -> list[tuple[int, int, int]]:
    """Return (first frame, last frame, voice) of every turn, also of a voice that never speaks alone.

    The voices of `labels`, `known` in number, were heard alone. In a quarrel two people may talk at once all the time,
    so if fewer than two voices are known, the other of two who speak at once becomes a voice of its own, although
    nothing is known of its sound, if it speaks for `SHORTEST_VOICE_S`.
    """
    voices = max(known, 2 if speakers is None else min(2, speakers))
    found = turns.spans(turns.active(local, turns.scores(local, heard, labels, voices)))
    for voice in range(known, voices):
        if sum(last - first for first, last, v in found if v == voice) * FRAME_S < SHORTEST_VOICE_S:
            found = [turn for turn in found if turn[2] != voice]
    return found


def fewer_voices(wanted: int, found: int) -> Notice:
    """Return the notice that fewer voices were found than were asked for."""
    text = f"You asked for {wanted} voices, but only {found} could be told apart in this sound."
    return Notice("fewer_voices", text)


def _turn(
    span: tuple[int, int, int],
    heard: Sequence[Piece],
    labels: np.ndarray,
    network: CamPlus,
    names: dict[int, str],
    end: float,
) -> Turn:
    first, last, voice = span
    parts = (p.inside(first, last) for p, label in zip(heard, labels, strict=True) if label == voice)
    own = [part for part in parts if part]
    clean = sum(part.last - part.first for part in own)
    return Turn(
        max(0.0, frame_time(first)),
        min(end, frame_time(last)),
        names[voice],
        _embedding(own, network),
        round(min(clean, last - first) * FRAME_S, 3),
    )


def _embedding(own: Sequence[Piece], network: CamPlus) -> tuple[float, ...]:
    """Return the embedding of all of `own` together, () if there are none."""
    if not own:
        return ()
    vector = network.embed(*pieces.together(own))
    return tuple(vector.astype(float).round(6).tolist())


def _apart(odds: np.ndarray) -> float:
    """Return how likely a voice is none of the others, 0..1, from its log-odds of being each of them."""
    return round(float(1 / (1 + np.exp(np.clip(odds.max(), -30, 30)))), 4)
