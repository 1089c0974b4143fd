"""Sound tracks: which of a clip's tracks people speak in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline import media
from pipeline.records import Clip, Notice, Progress, Stage
from pipeline.settings import Settings
from pipeline.speech.activity import speech_probability, voiced

MOST_TRACKS = 8  #: tracks that are listened to; recorders write up to six
SHORTEST_S = 0.5  #: s of voice below which a track counts as one without speech
SAME_SHARE = (
    0.5  #: a track with this share of the most speech is as good as that one: a dubbed film has speech in every track
)
AUDIBLE = 1e-3  #: root mean square of full scale, -60 dB, below which a track counts as silent


@dataclass(frozen=True)
class Heard:
    """The contents of a sound track."""

    number: int  #: among the clip's sound tracks, from 1
    voiced_s: float
    audible: bool


def choose(path: Path, settings: Settings, asked: int | None) -> Stage[tuple[Clip, tuple[Notice, ...]]]:
    """Return the clip with the sound track that is to be heard, and a notice if there was a choice.

    The track is the one `asked` for (from 1), else the one marked as default, unless others hold much more speech.

    Raises the errors of `media.probe` and `media.extract_sound`.
    """
    from pipeline.workspace import workspace

    clip = media.probe(path, settings, asked)
    if asked is not None or clip.audio_tracks < 2:
        return clip, ()
    heard: list[Heard] = []
    numbers = listened_to(clip)
    with workspace() as folder:
        for index, number in enumerate(numbers):
            yield Progress("probe", index / len(numbers), f"listening to sound track {number}")
            sound = yield from media.extract_sound(media.probe(path, settings, number), folder / "sound.wav")
            samples = media.read_sound(sound)
            spans = voiced(speech_probability(samples))
            loudness = float(np.sqrt(np.mean(samples**2)))
            heard.append(Heard(number, sum(end - start for start, end in spans), loudness > AUDIBLE))
    number = best(heard)
    return media.probe(path, settings, number), (_notice(clip, number, heard),)


def listened_to(clip: Clip) -> list[int]:
    """Return the numbers of the sound tracks that are listened to: the default one, then the first others."""
    others = [number for number in range(1, clip.audio_tracks + 1) if number != clip.audio_track]
    return [clip.audio_track, *others[: MOST_TRACKS - 1]]


def best(tracks: Sequence[Heard]) -> int:
    """Return the number of the first track with speech; if there is none, of the first that is not silent."""
    most = max(track.voiced_s for track in tracks)
    if most >= SHORTEST_S:
        return next(track.number for track in tracks if track.voiced_s >= SAME_SHARE * most)
    return next((track.number for track in tracks if track.audible), tracks[0].number)


def _notice(clip: Clip, number: int, heard: Sequence[Heard]) -> Notice:
    first = heard[0]
    if number == first.number:
        why = ""
    elif not first.audible:
        why = f", because track {first.number} is silent"
    else:
        why = f", because there is little or no speech in track {first.number}"
    text = (
        f"The file has {clip.audio_tracks} sound tracks and track {number} was heard{why}; "
        "another can be chosen with --audio on the command line and audio_track over the API."
    )
    return Notice("sound_track", text)
