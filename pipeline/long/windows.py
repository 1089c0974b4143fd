"""Where a long recording is cut into windows."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline import media
from pipeline.errors import MediaError
from pipeline.records import Clip, Progress, Stage

#: s of a window at most, with what it shares with its neighbours.
LONGEST_S = 300.0
#: s on either side of a cut that both windows hold: who speaks or is seen there is known to be the same in both.
OVERLAP_S = 10.0
#: s by which a cut may lie before or after its place in an even division.
SLACK_S = 20.0
#: s of a silence that speech is cut at; shorter ones lie inside sentences.
SILENCE_S = 0.3
#: s from a shot cut up to which a silence is near it.
NEAR_S = 1.0
#: px, long side of the frames in which shot cuts are looked for.
SIZE = 160
#: s of sound that are read at a time.
BLOCK_S = 60.0


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a recording; s on the recording's clock."""

    start: float  #: with what it shares with the window before
    end: float  #: with what it shares with the window after
    cut: float  #: where it should take over from the window before, 0 in the first


def plan(clip: Clip, sound: Path) -> Stage[tuple[Window, ...]]:
    """Return the windows of the recording, in order; neighbours share `OVERLAP_S` on either side of the cut.

    The recording is divided evenly, and each cut moved by up to `SLACK_S` to a silence, near a shot cut where there is
    one. `sound`: what `media.extract_sound` wrote.

    Raises MediaError.
    """
    count = max(1, math.ceil(clip.duration / (LONGEST_S - 2 * OVERLAP_S - 2 * SLACK_S)))
    if clip.duration <= LONGEST_S:
        count = 1
    places = [clip.duration * n / count for n in range(1, count)]
    cuts = []
    voice = yield from _voice(sound, clip.duration) if places else _nothing()
    for number, place in enumerate(places):
        low, high = place - SLACK_S, place + SLACK_S
        yield Progress("probe", number / len(places), f"choosing cut {number + 1} of {len(places)}")
        cuts.append(choose(voice, low, high, shot_cuts(clip, low, high)))
    edges = [0.0, *cuts, clip.duration]
    return tuple(
        Window(max(0.0, cut - OVERLAP_S) if n else 0.0, min(clip.duration, edges[n + 1] + OVERLAP_S), cut)
        for n, cut in enumerate(edges[:-1])
    )


def choose(voice: np.ndarray, low: float, high: float, shots: Sequence[float]) -> float:
    """Return where to cut between `low` and `high` s.

    That is in the longest silence near one of the `shots`, at the shot cut where the silence holds one; else in the
    longest silence; else where a voice is least likely.

    `voice`: how likely each 32 ms of the recording holds a voice, 0..1.
    """
    from pipeline.speech.activity import FRAME_S, voiced

    first, last = max(0, round(low / FRAME_S)), min(len(voice), round(high / FRAME_S))
    part = voice[first:last]
    if not len(part):
        return (low + high) / 2
    edges = [first * FRAME_S, *(t + first * FRAME_S for span in voiced(part) for t in span), last * FRAME_S]
    silences = [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a >= SILENCE_S]
    near = [(a, b) for a, b in silences if any(a - NEAR_S <= shot <= b + NEAR_S for shot in shots)]
    if near:
        a, b = max(near, key=lambda span: span[1] - span[0])
        shot = min(shots, key=lambda t: abs(t - (a + b) / 2))
        inside = min(max(shot, a + SILENCE_S / 2), b - SILENCE_S / 2)
        return float(shot if a <= shot <= b else inside)
    if silences:
        a, b = max(silences, key=lambda span: span[1] - span[0])
        return float((a + b) / 2)
    width = max(1, round(SILENCE_S / FRAME_S))
    means = np.convolve(part, np.ones(width) / width, "valid") if len(part) >= width else part
    return float((first + int(np.argmin(means)) + width / 2) * FRAME_S)


def view(clip: Clip, start: float, end: float) -> Clip:
    """Return `start` to `end` s of the recording as a clip with a clock of its own. The file stays the same."""
    return dataclasses.replace(
        clip,
        duration=end - start,
        origin=clip.origin + start,
        skip=clip.skip + start,
        video_start=clip.video_start - start,
    )


def shot_cuts(clip: Clip, start: float, end: float) -> list[float]:
    """Return the times at which shots begin between `start` and `end` s; [] where the clip shows nothing there."""
    from pipeline.faces import shots

    if not clip.has_video:
        return []
    part = view(clip, start, end)
    factor = min(1.0, SIZE / max(clip.width, clip.height))
    width, height = (max(16, round(side * factor / 2) * 2) for side in (clip.width, clip.height))
    rate = media.output_rate(clip)
    rate /= -(-rate // 30)
    cutter = shots.Cutter(rate)
    found: list[int] = []
    frames = media.frames(part, width=width, height=height, rate=rate, pixels="yuv420p")
    try:
        for _, frame in frames:
            found += cutter.push(shots.shrink(frame, height))
    except MediaError:
        return []  # the picture ends before
    finally:
        frames.close()
    return [start + float(index / rate) for index in sorted(found)]


def _voice(sound: Path, duration: float) -> Stage[np.ndarray]:
    """Return how likely each 32 ms holds a voice: float32 (frames,), 0..1."""
    from pipeline.speech.activity import FRAME_S, speech_probability

    frames_a_block = round(BLOCK_S / FRAME_S)
    seconds = frames_a_block * FRAME_S
    found = []
    for number, block in enumerate(media.blocks_of_sound(sound, seconds)):
        yield Progress("probe", min(1.0, number * seconds / duration), "looking for silences")
        found.append(speech_probability(block))
    return np.concatenate(found) if found else np.zeros(0, np.float32)


def _nothing() -> Stage[np.ndarray]:
    yield Progress("probe", 1.0)
    return np.zeros(0, np.float32)
