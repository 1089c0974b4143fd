"""A long recording from its file to its `Analysis`."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from pathlib import Path

from pipeline import media, processes, progress, results, run
from pipeline.cache import content_hash
from pipeline.errors import LimitError, MediaError, NoAudioError, NotAClipError
from pipeline.long.merge import merge
from pipeline.long.windows import plan
from pipeline.long.work import Analyse, Heard, Task
from pipeline.options import Options
from pipeline.perceive import Stopwatch
from pipeline.progress import Clock
from pipeline.records import Analysis, Look, Progress, Stage
from pipeline.settings import Settings
from pipeline.stages import Models
from pipeline.workspace import workspace

#: The longest recording, s, and the largest, bytes: what a transcript and a summary of it are still of use for.
LONGEST_S = 4 * 3600.0
LARGEST_BYTES = 100 * 2**30


def lifted(settings: Settings) -> Settings:
    """Return the settings with the limits of a long recording in the place of those of a clip."""
    return dataclasses.replace(
        settings,
        max_duration_s=max(settings.max_duration_s, LONGEST_S),
        max_file_bytes=max(settings.max_file_bytes, LARGEST_BYTES),
    )


def is_long(path: Path, settings: Settings, audio: int | None = None) -> bool:
    """Return whether the clip is too long or too large for a single clip, and within the limits of a recording.

    Raises InputError for a clip that cannot be used.
    """
    try:
        media.probe(path, settings, audio)
    except LimitError:
        media.probe(path, lifted(settings), audio)
        return True
    return False


def analyse(
    path: Path,
    options: Options,
    settings: Settings,
    load: Callable[[Settings], Models],
    workers: int = 1,
    clock: Clock | None = None,
    own: Models | None = None,
) -> Stage[Analysis]:
    """Return the `Analysis` of the recording at `path`, whose windows are analysed by `workers` processes.

    With `own` models the windows are analysed in this process, one after another.

    Raises InputError for a recording that cannot be used, LanguageError, ModelError, TranslationError.
    """
    from pipeline import translate

    watch = Stopwatch()
    clock = clock or Clock(progress.ANALYSE)
    models = own or load(settings)
    clip = media.probe(path, lifted(settings), options.audio)
    clock.duration = clip.duration
    yield clock.mark(Progress("probe", 0.1))
    if not clip.has_audio:
        raise NoAudioError("The clip has no sound, so there is nothing to translate; give a clip in which people talk.")
    chosen = yield from clock.follow(watch.time("translate", translate.plan(options, settings, models, clip.duration)))
    if models.prepare is not None:
        yield from clock.follow(watch.time("fetch", models.prepare(chosen.fallback_target)))
    digest = f"{content_hash(clip.path)} {clip.audio_track} {options.owner}"
    with workspace() as folder:
        sound = folder / "sound.wav"
        yield from clock.follow(watch.time("sound", media.extract_sound(clip, sound)))
        windows = yield from clock.follow(watch.time("sound", plan(clip, sound)))
        tasks = [Task(clip, sound, digest, window, options.source, chosen.fallback_target) for window in windows]
        working = _here(tasks, settings, own) if own else _beside(tasks, settings, load, workers)
        heard = yield from clock.follow(_all(working, len(tasks)))
    for each in heard:
        for name, seconds in each.timings:
            watch.add(name, seconds)
    merged = merge(heard, clip.duration, options.speakers, options.known)
    yield clock.mark(Progress("people", 1.0))
    notices = merged.notices + run.notices_of_clip(clip, bool(merged.answer.tracks), bool(merged.answer.phrases))
    found = run.Found(merged.language, merged.answer, merged.shots, merged.translations, notices)
    return (yield from run.concluded(clip, found, chosen, options, settings, models, clock, watch))


def process(
    path: Path,
    options: Options,
    look: Look,
    out: Path,
    settings: Settings,
    load: Callable[[Settings], Models],
    workers: int = 1,
    *,
    overlay: str = "",
) -> Stage[Analysis]:
    """Write every file of the recording into the folder `out`, as `results.process` does for a clip.

    Raises PipelineError; `out` is then as it was.
    """
    results.check_folder(out)
    if overlay and not media.probe(path, lifted(settings), options.audio).has_video:
        raise NotAClipError(results.NO_OVERLAY)  # before a model runs
    clock = Clock(progress.ANALYSE + progress.RENDER)
    analysis = yield from analyse(path, options, settings, load, workers, clock)
    return (yield from results.write(path, analysis, look, out, lifted(settings), clock=clock, overlay=overlay))


Working = Generator[tuple[int, float | Heard | Exception], None, None]


def _beside(tasks: Sequence[Task], settings: Settings, load: Callable[[Settings], Models], workers: int) -> Working:
    return processes.work(tasks, functools.partial(Analyse, settings, load), min(workers, len(tasks)))


def _here(tasks: Sequence[Task], settings: Settings, models: Models) -> Working:
    analyse = Analyse(settings, lambda _: models)
    for index, task in enumerate(tasks):
        yield index, 0.0
        stage = analyse(task)
        try:
            while True:
                yield index, float(next(stage).overall or 0.0)
        except StopIteration as end:
            yield index, end.value
        finally:
            stage.close()


def _all(working: Working, count: int) -> Stage[list[Heard]]:
    """Return what was found in all windows, in order."""
    shares, heard = [0.0] * count, dict[int, Heard]()
    with closing(working):
        for index, said in working:
            if isinstance(said, Exception):
                raise said
            if isinstance(said, Heard):
                heard[index] = said
            shares[index] = said if isinstance(said, float) else 1.0
            message = f"{len(heard)} of {count} parts"
            for stage in progress.TOGETHER:
                yield Progress(stage, sum(shares) / count, message)
    if len(heard) < count:
        raise MediaError("A part of the recording was lost; run it again.")
    return [heard[index] for index in range(count)]
