"""The analysis of one window of a long recording."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipeline import media, run
from pipeline.errors import MediaError
from pipeline.long.windows import Window, view
from pipeline.people.across import Part, profiles
from pipeline.progress import Clock
from pipeline.records import Attribution, Clip, Job, KeyFree, Likeness, Notice, Shot, Stage
from pipeline.settings import Settings
from pipeline.stages import Models
from pipeline.workspace import workspace

#: The stages of a window; the recording is probed and translated as a whole.
STAGES = ("speech", "voices", "faces", "people", "translate")


@dataclass(frozen=True, slots=True)
class Task:
    """A window of a recording: all that a worker must know of it."""

    clip: Clip  #: the recording
    sound: Path  #: its sound
    digest: str  #: stands for both in the stage cache
    window: Window
    source: str | None  #: ISO 639-1 of the spoken language, None to detect it
    fallback_target: str  #: DeepL code of the key-free translation, "" for none


@dataclass(frozen=True, slots=True)
class Heard:
    """What was found in a window. Times are s from the window's start, but those of `people`."""

    window: Window
    language: str
    answer: Attribution
    people: Part
    shots: tuple[Shot, ...]
    translations: KeyFree | None
    notices: tuple[Notice, ...]
    voices: Likeness | None  #: statistics of the embeddings
    faces: Likeness | None
    timings: tuple[tuple[str, float], ...]


class Analyse:
    """Analyses windows; the models are loaded once."""

    def __init__(self, settings: Settings, load: Callable[[Settings], Models]) -> None:
        self.settings, self.models = settings, load(settings)

    def __call__(self, task: Task) -> Stage[Heard]:
        """Return what is found in the window.

        Raises PipelineError.
        """
        window = task.window
        clip = view(task.clip, window.start, window.end)
        if clip.has_video and not _shows_something(clip):
            clip = dataclasses.replace(clip, has_video=False)  # the picture of the recording ends before
        clock = Clock(STAGES, clip.duration)
        with workspace() as folder:
            sound = folder / "sound.wav"
            media.cut_sound(task.sound, sound, window.start, window.end)
            job = Job(clip, sound, task.source, None, task.fallback_target)
            digest = f"{task.digest} {window.start:.3f}-{window.end:.3f}"
            found = yield from clock.follow(run.perceived(job, digest, self.settings, self.models))
        answer = found.attribution
        people = profiles(found.diarization, found.faces, answer, window.start)
        return Heard(
            window,
            found.transcript.language,
            answer,
            Part(window.start, window.end, people),
            found.faces.shots,
            found.translations,
            found.transcript.notices + found.diarization.notices + found.faces.notices + answer.notices,
            found.diarization.likeness,
            found.faces.likeness,
            found.timings,
        )


def _shows_something(clip: Clip) -> bool:
    frames = media.frames(clip, width=16, height=16, rate=1, end=1.0)
    try:
        return next(frames, None) is not None
    except MediaError:
        return False
    finally:
        frames.close()
