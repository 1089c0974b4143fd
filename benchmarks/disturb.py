"""What was perceived, made worse on purpose: attribution under the errors that diarizers, detectors of speakers and
face embedders make.

Perception is done once and attribution takes milliseconds, so each clip gives one honest case and a dozen disturbed
ones, enough phrases to see what a confidence means. Everything is seeded by the clip's name: the same records give the
same disturbances.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from pipeline.records import EVIDENCE_HZ, Diarization, Faces, FaceTrack, Turn, Voice

#: Share of turns that get another voice's label.
FLIPPED = 0.15
#: s that turns start and end too early or too late.
MOVED = 0.6
#: Noise on the log-odds that a face speaks: standard deviation of what stays the same for about `LASTING` s.
NOISE = (1.0, 2.0)
LASTING = 0.6
#: Face distances over the embedder's threshold: look-alikes that fell into one cluster, one person that fell into two.
TAKEN_FOR_ONE, TAKEN_FOR_TWO = 0.8, 1.3


def disturbed(name: str, voices: Diarization, faces: Faces) -> Iterator[tuple[str, Diarization, Faces]]:
    """(what was done, voices, faces) of the clip `name`: first as perceived, then every disturbance it has material
    for.
    """
    noise = np.random.default_rng(zlib.crc32(name.encode()))
    yield "as perceived", voices, faces
    for _ in range(3):
        flipped = flip_turns(voices, noise)
        if flipped != voices:
            yield "turns flipped", flipped, faces
            yield "flipped, evidence noised", flipped, noise_evidence(faces, NOISE[-1], noise)
            yield "flipped, no faces", flipped, Faces((), ())
    yield "turn edges moved", move_edges(voices, noise), faces
    for a, b in itertools.combinations([voice.speaker for voice in voices.voices], 2):
        yield "voices merged", merge_voices(voices, a, b), faces
    for voice in voices.voices:
        split = split_voice(voices, voice.speaker)
        if split != voices:
            yield "voice split", split, faces
    for deviation in NOISE:
        yield "evidence noised", voices, noise_evidence(faces, deviation, noise)
    clusters = sorted({track.cluster for track in faces.tracks if track.cluster is not None})
    for one in clusters:
        yield "face without evidence", voices, hide_evidence(faces, one)
        split_faces = split_face(faces, one)
        if split_faces != faces:
            yield "face split", voices, split_faces
    for one, other in itertools.combinations(clusters, 2):
        if not _together(faces, one, other):
            yield "faces merged", voices, merge_faces(faces, one, other)


def flip_turns(voices: Diarization, noise: np.random.Generator) -> Diarization:
    """Some turns carry another voice's label; what they sound like stays."""
    names = [voice.speaker for voice in voices.voices]

    def label(turn: Turn) -> Turn:
        others = [name for name in names if name != turn.speaker]
        return replace(turn, speaker=str(noise.choice(others))) if others and noise.random() < FLIPPED else turn

    return replace(voices, turns=tuple(label(turn) for turn in voices.turns))


def move_edges(voices: Diarization, noise: np.random.Generator) -> Diarization:
    """Every start and end is up to `MOVED` s off; turns that did not overlap still do not, and none is shorter than 0.1
    s for it.
    """
    turns = sorted(voices.turns, key=lambda turn: turn.start)
    ends, starts = noise.uniform(-MOVED, MOVED, (2, len(turns))).tolist()
    moved: list[Turn] = []
    for turn, start, end in zip(turns, starts, ends, strict=True):
        free = max(
            (after.end for before, after in zip(turns, moved, strict=False) if before.end <= turn.start), default=0.0
        )
        start = max(free, turn.start + start)
        shortest = min(0.1, turn.end - turn.start)
        moved.append(replace(turn, start=start, end=max(start + shortest, turn.end + end)))
    return replace(voices, turns=tuple(moved))


def merge_voices(voices: Diarization, one: str, other: str) -> Diarization:
    """`other` has become `one`."""
    turns = tuple(replace(t, speaker=one) if t.speaker == other else t for t in voices.turns)
    return _heard_again(voices, turns)


def split_voice(voices: Diarization, one: str) -> Diarization:
    """Every second turn of `one` is another voice; unchanged where it has fewer than four."""
    mine = [turn for turn in voices.turns if turn.speaker == one]
    if len(mine) < 4:
        return voices
    taken = mine[1::2]
    name = f"v{len(voices.voices) + 1}"
    return _heard_again(voices, tuple(replace(t, speaker=name) if t in taken else t for t in voices.turns))


def _heard_again(voices: Diarization, turns: tuple[Turn, ...]) -> Diarization:
    """Voices as the diarizer would describe them by these turns."""
    found = []
    for name in dict.fromkeys(turn.speaker for turn in turns):
        mine = [turn for turn in turns if turn.speaker == name]
        total = sum(((turn.end - turn.start) * np.array(turn.embedding) for turn in mine), np.zeros(1))
        found.append(Voice(name, _unit(total)))
    return replace(voices, turns=turns, voices=tuple(found))


def noise_evidence(faces: Faces, deviation: float, noise: np.random.Generator) -> Faces:
    """The detector of speaking faces errs by this many log-odds, for `LASTING` s at a time."""
    width = round(LASTING * EVIDENCE_HZ)

    def shaken(track: FaceTrack) -> FaceTrack:
        white = noise.normal(0.0, deviation * width**0.5, len(track.speaking) + width - 1)
        moves = np.convolve(white, np.ones(width) / width, "valid").tolist() if track.speaking else []
        values = zip(track.speaking, moves, strict=True)
        return replace(track, speaking=tuple(None if value is None else value + move for value, move in values))

    return replace(faces, tracks=tuple(shaken(track) for track in faces.tracks))


def hide_evidence(faces: Faces, cluster: int) -> Faces:
    """The face of `cluster` is too small or too far turned to tell whether it speaks."""

    def hidden(track: FaceTrack) -> FaceTrack:
        return replace(track, speaking=(None,) * len(track.speaking))

    return replace(faces, tracks=tuple(hidden(t) if t.cluster == cluster else t for t in faces.tracks))


def split_face(faces: Faces, cluster: int) -> Faces:
    """Every second track of `cluster` looks like somebody else; unchanged where there is only one."""
    mine = [track for track in faces.tracks if track.cluster == cluster]
    if len(mine) < 2:
        return faces
    new = 1 + max(track.cluster for track in faces.tracks if track.cluster is not None)
    far = TAKEN_FOR_TWO * faces.same
    moved = {t.id: replace(t, cluster=new, embedding=_at_distance(t.embedding, far, t.embedding)) for t in mine[1::2]}
    return replace(faces, tracks=tuple(moved.get(track.id, track) for track in faces.tracks))


def merge_faces(faces: Faces, one: int, other: int) -> Faces:
    """The people of two clusters look alike and share the first."""
    like = next(track.embedding for track in faces.tracks if track.cluster == one)
    near = TAKEN_FOR_ONE * faces.same
    tracks = tuple(
        replace(t, cluster=one, embedding=_at_distance(like, near, t.embedding)) if t.cluster == other else t
        for t in faces.tracks
    )
    return replace(faces, tracks=tracks)


def _at_distance(vector: Sequence[float], distance: float, towards: Sequence[float]) -> tuple[float, ...]:
    """The unit vector that lies `distance` (cosine) from `vector`, on the way to `towards` or, where that is `vector`,
    any way.
    """
    base, aim = np.array(vector), np.array(towards)
    aside = aim - (aim @ base) * base
    if np.linalg.norm(aside) < 1e-3:
        aside = np.roll(base, 1) - (np.roll(base, 1) @ base) * base
    cosine = 1 - distance
    return _unit(cosine * base + (1 - cosine**2) ** 0.5 * aside / np.linalg.norm(aside))


def _unit(vector: np.ndarray) -> tuple[float, ...]:
    return tuple((vector / max(1e-9, float(np.linalg.norm(vector)))).tolist())


def _together(faces: Faces, one: int, other: int) -> bool:
    spans = [[(t.boxes[0].t, t.boxes[-1].t) for t in faces.tracks if t.cluster == cluster] for cluster in (one, other)]
    return any(a <= d and c <= b for a, b in spans[0] for c, d in spans[1])
