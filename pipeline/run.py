"""The whole story: a clip becomes an `Analysis`, an `Analysis` becomes a video.

    analyse   probe -> sound -> perceive (speech, voices, faces, people) -> translate
    render    frames -> the look -> video

Both are generators of `Progress`; closing one cancels it.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pipeline import media, progress, transcript
from pipeline.cache import StageCache, code_version, content_hash
from pipeline.errors import NoAudioError, NotAClipError, UsageError
from pipeline.options import Options
from pipeline.perceive import Stopwatch, perceive
from pipeline.progress import Clock, each
from pipeline.records import (
    Analysis,
    Attribution,
    Clip,
    Diarization,
    Faces,
    Findings,
    Job,
    KeyFree,
    Known,
    Look,
    Media,
    Notice,
    Perception,
    Preview,
    Progress,
    Shot,
    Stage,
    Transcript,
)
from pipeline.settings import Settings
from pipeline.stages import Models, Perceiving
from pipeline.workspace import workspace

if TYPE_CHECKING:
    import numpy as np

    from pipeline import translate
    from pipeline.subtitles.draw import Compositor

T = TypeVar("T")
SAMPLE_S = 10.0  #: length of a sample of the finished video


def analyse(
    path: Path, options: Options, settings: Settings, models: Models, clock: Clock | None = None
) -> Stage[Analysis]:
    """The `Analysis` of the clip at `path`.

    Yields Progress whose `preview` is the clip, what is heard and seen so far, who says it, and at last the
    translations.

    Raises InputError for a clip that cannot be used, RecordError for a given transcript or turns that are not of it,
    LanguageError, ModelError, TranslationError.
    """
    from pipeline import given, translate
    from pipeline.speech import tracks

    watch = Stopwatch()
    clock = clock or Clock(progress.ANALYSE)
    clip, notices = yield from clock.follow(watch.time("sound", tracks.choose(path, settings, options.audio)))
    clock.duration = clip.duration
    brought = options.given
    given.check(brought, clip.duration)
    source = options.source or brought.language or None
    yield clock.mark(Progress("probe", 1.0, preview=Preview(clip=clip)))
    if not clip.has_audio:
        raise NoAudioError("The clip has no sound, so there is nothing to translate; give a clip in which people talk.")
    plan = yield from clock.follow(watch.time("translate", translate.plan(options, settings, models, clip.duration)))

    if models.prepare is not None:
        yield from clock.follow(watch.time("fetch", models.prepare(plan.fallback_target)))
    # The track belongs to it: with another sound the clip's clock may start at another instant.
    digest = f"{content_hash(clip.path)} {clip.audio_track} {options.owner}"
    known, untimed = given.known(brought, source or "", clip.duration)
    named = len({one.speaker for one in brought.turns or brought.lines if one.speaker})
    with workspace() as folder:
        sound = folder / "sound.wav"
        yield from clock.follow(watch.time("sound", media.extract_sound(clip, sound)))
        job = Job(clip, sound, source, options.speakers or named or None, plan.fallback_target, known, untimed)
        perception = yield from clock.follow(perceived(job, digest, settings, models))
    for name, seconds in perception.timings:
        watch.add(name, seconds)
    notices += _notices(clip, perception)
    heard = perception.transcript
    turns = brought.turns or given.turns_of(brought.lines, heard)
    answer = given.name_people(_named(perception, options.known), turns, clip.duration)
    found = Found(heard.language, answer, perception.faces.shots, perception.translations, notices)
    return (yield from concluded(clip, found, plan, options, settings, models, clock, watch))


def _named(perception: Perception, known: tuple[Known, ...]) -> Attribution:
    from pipeline.people import across
    from pipeline.people.known import named

    answer = perception.attribution
    if not known:
        return answer
    profiles = across.profiles(perception.diarization, perception.faces, answer)
    statistics = across.Statistics.of([(perception.diarization.likeness, perception.faces.likeness)])
    return named(answer, {name: (profile,) for name, profile in profiles.items()}, known, statistics)


def perceived(job: Job, digest: str, settings: Settings, models: Models) -> Stage[Perception]:
    """Return what the models find in the job's clip. What they found in it before comes from the stage cache, and what
    the job knows already is neither looked for nor kept.

    `digest` stands for all that the job's clip and sound are made of.
    """
    from pipeline.models import sets

    cache = StageCache(settings.cache_dir / "stages", settings.cache_bytes, settings.cache_age_s)
    code = code_version()
    keys = {
        "transcript": cache.key("transcript", code=code, clip=digest, model=models.names["speech"], source=job.source),
        "diarization": cache.key(
            "diarization", code=code, clip=digest, model=models.names["diarization"], speakers=job.speakers
        ),
        "faces": cache.key(
            "faces",
            code=code,
            clip=digest,
            models=[models.names.get(name) for name in ("faces", "identity", "speaking")],
            learned=sets.has("lr-asd", settings),  # else lips alone told who speaks, and another time they need not
        ),
    }
    kept = Findings(
        cache.get(keys["transcript"], Transcript),
        cache.get(keys["diarization"], Diarization),
        cache.get(keys["faces"], Faces),
    )
    known = job.known.also(kept)
    stage = (models.perceive or perceive)(models, dataclasses.replace(job, known=known))
    return (yield from _kept(stage, cache, keys, known))


@dataclass(frozen=True, slots=True)
class Found:
    """All that is known of a clip before it is translated."""

    language: str  #: spoken, ISO 639-1
    answer: Attribution
    shots: tuple[Shot, ...]
    translations: KeyFree | None  #: the key-free translation, where it was asked for
    notices: tuple[Notice, ...]


def concluded(
    clip: Clip,
    found: Found,
    plan: translate.Plan,
    options: Options,
    settings: Settings,
    models: Models,
    clock: Clock,
    watch: Stopwatch,
) -> Stage[Analysis]:
    """Return the analysis of what was found, translated."""
    from pipeline import translate
    from pipeline.speech import doubt

    spoken = translate.in_one_script(found.answer.phrases, found.language, options.target)
    if not options.given.lines:  # those somebody wrote are as they are meant
        spoken = doubt.marked(spoken, found.language)
    translation = yield from clock.follow(
        watch.time("translate", translate.carry_out(plan, spoken, found.language, found.translations, settings))
    )
    phrases = tuple(
        dataclasses.replace(phrase, translation=text) for phrase, text in zip(spoken, translation.texts, strict=True)
    )
    shown = dataclasses.replace(found.answer, phrases=phrases)
    yield clock.mark(Progress("translate", 1.0, preview=Preview(attribution=shown)))
    begun = time.monotonic()
    written = media.find_written(clip, found.shots)
    watch.add("faces", time.monotonic() - begun)
    analysis = Analysis(
        media=Media(
            clip.duration, clip.width, clip.height, clip.frame_rate, clip.audio_track if clip.audio_tracks > 1 else 0
        ),
        language=found.language,
        target_language=options.target,
        models={**models.names, **_instead(found.notices), "translation": translation.service},
        people=found.answer.people,
        phrases=phrases,
        turns=found.answer.turns,
        tracks=found.answer.tracks,
        shots=found.shots,
        written=written,
        notices=tuple(dict.fromkeys(found.notices + doubt.notices(spoken) + translation.notices)),
        timings=dict(watch.timings),
    )
    # What is drawn now is what transcript.json will draw again: to the millisecond and a tenth of a pixel.
    return dataclasses.replace(
        transcript.from_json(transcript.to_json(analysis)), portraits=dict(found.answer.portraits)
    )


def _instead(notices: Iterable[Notice]) -> dict[str, str]:
    """Return the models that did the work of others, by job, as the notices tell."""
    from pipeline.faces.lip_detector import LipDetector

    assert LipDetector.notice is not None
    lips = LipDetector.notice.code
    return {"speaking": LipDetector.name} if any(notice.code == lips for notice in notices) else {}


def render(
    path: Path,
    analysis: Analysis,
    look: Look,
    to: Path,
    settings: Settings,
    clock: Clock | None = None,
    part: tuple[float, float] | None = None,
) -> Stage[tuple[Notice, ...]]:
    """The clip with the analysis drawn on it is at `to` (MP4); returns the notices of the look (legibility, fonts).

    `part` is from when to when (s) it is drawn, by default from beginning to end.

    Raises InputError for a clip that is not the analysis', UsageError for a look that does not exist or a part that is
    not inside the clip, MediaError.
    """
    from pipeline.subtitles import fonts

    clock = clock or Clock(progress.RENDER)
    with fonts.opened_for(look.font):
        clip, compositor = yield from _planned(path, analysis, look, settings, clock)
        width, height = media.output_size(clip)
        canvas, rate = compositor.canvas, media.output_rate(clip)
        part = _inside_clip(part, clip.duration)
        start, end = part or (0.0, None)
        frames = media.frames(clip, width=width, height=height, rate=rate, pixels="yuv420p", start=start, end=end)
        drawn = compositor.drawn(frames)
        writer = media.write_video(clip, drawn, to, width=canvas.width, height=canvas.height, rate=rate, part=part)
        try:
            yield from _written(writer, clip, clock)
        finally:
            frames.close()  # after a failure in drawing the traceback would keep it, and its ffmpeg, alive
    return compositor.notices


def _inside_clip(part: tuple[float, float] | None, duration: float) -> tuple[float, float] | None:
    """Return the part as far as it is inside a clip of `duration` s.

    Raises UsageError where it begins outside.
    """
    if part is None:
        return None
    if not 0 <= part[0] < duration:
        raise UsageError(f"The clip is {duration:.2f} s long; choose a time from 0 to before its end for the sample.")
    return part[0], min(part[1], duration)


def _planned(
    path: Path, analysis: Analysis, look: Look, settings: Settings, clock: Clock
) -> Stage[tuple[Clip, Compositor]]:
    """Return the clip, and what draws the look of the analysis on its frames."""
    from pipeline.subtitles import yuv
    from pipeline.subtitles.draw import Compositor
    from pipeline.subtitles.plan import plan

    clip, analysis = opened(path, analysis, settings)
    clock.duration = clip.duration
    width, height = media.output_size(clip)
    matrix = yuv.BT709 if media.video_matrix(clip) == "bt709" else yuv.BT601
    planning = plan(analysis, look, width, height, media.output_rate(clip), matrix)
    return clip, Compositor((yield from clock.follow(_prepared(planning))))


def _written(
    writer: Generator[float, None, object], clip: Clip, clock: Clock, message: str = ""
) -> Generator[Progress, None, None]:
    """Run `writer`, which yields how far it is in s, to its end; closing closes it."""
    try:
        for t in writer:
            yield clock.mark(Progress("render", min(1.0, t / max(clip.duration, 1e-3)), message))
    finally:
        writer.close()
    yield clock.mark(Progress("render", 1.0))


def overlay(
    path: Path, analysis: Analysis, look: Look, to: Path, settings: Settings, clock: Clock | None = None
) -> Stage[None]:
    """The look alone on a transparent background is at `to`, frame for frame as long as the finished video.

    The name decides the kind: .mov is ProRes 4444, .webm is VP9 with alpha.

    Raises InputError for a clip that is not the analysis' or has no picture, MediaError, UsageError for a look that
    does not exist.
    """
    from pipeline.subtitles import fonts
    from pipeline.subtitles.overlay import overlay as transparent

    clock = clock or Clock(progress.RENDER)
    with fonts.opened_for(look.font):
        clip, compositor = yield from _planned(path, analysis, look, settings, clock)
        canvas, rate = compositor.canvas, media.output_rate(clip)
        frames = transparent(compositor, (float(k / rate) for k in range(media.frame_count(clip, rate))))
        writer = media.write_video(clip, frames, to, width=canvas.width, height=canvas.height, rate=rate)
        yield from _written(writer, clip, clock, "overlay")


def preview(path: Path, analysis: Analysis, look: Look, t: float, settings: Settings) -> np.ndarray:
    """Return the frame of the clip at `t` s with the look on it, RGB (height, width, 3).

    Raises InputError for a clip that is not the analysis' or has no picture, UsageError for a time outside the clip or
    a look that does not exist, MediaError.
    """
    from pipeline.subtitles import fonts
    from pipeline.subtitles.preview import still

    clip, analysis = opened(path, analysis, settings)
    with fonts.opened_for(look.font):
        return still(clip, analysis, look, t)


def poster(path: Path, analysis: Analysis, look: Look, settings: Settings) -> np.ndarray | None:
    """Return the picture that stands for the video, RGB (height, width, 3): a line half turned. None where nothing is
    said.

    Raises as `preview` does.
    """
    from pipeline.subtitles import fonts
    from pipeline.subtitles import preview as previews

    clip, analysis = opened(path, analysis, settings)
    with fonts.opened_for(look.font):
        return previews.poster(clip, analysis, look)


def opened(path: Path, analysis: Analysis, settings: Settings) -> tuple[Clip, Analysis]:
    """Return the clip at `path`, and of the analysis what lies inside it.

    Raises InputError for a clip that is not the analysis' or has no picture.
    """
    clip = media.probe(path, settings, analysis.media.audio_track or None)
    _check_same_clip(clip, analysis)
    transcript.check_bounds(analysis, clip.duration)
    return clip, _inside(analysis, clip.duration)


def _prepared(work: Generator[None, None, T]) -> Stage[T]:
    """Drive the preparation of a drawing; it can be cancelled, and reports every tenth of a second."""
    told = time.monotonic()

    def now_and_then(_step: None) -> Progress | None:
        nonlocal told
        if time.monotonic() - told <= 0.1:
            return None
        told = time.monotonic()
        return Progress("render", 0.0)

    return each(work, now_and_then)


def _inside(analysis: Analysis, duration: float) -> Analysis:
    """The analysis with nothing beyond the clip's end: an edited transcript may claim hours."""

    def cut(spans: Iterable[Any]) -> tuple[Any, ...]:
        return tuple(dataclasses.replace(s, end=min(s.end, duration)) for s in spans if s.start < duration)

    phrases = cut(analysis.phrases)
    phrases = tuple(dataclasses.replace(p, words=cut(p.words)) for p in phrases)
    return dataclasses.replace(analysis, phrases=phrases, turns=cut(analysis.turns))


def _check_same_clip(clip: Clip, analysis: Analysis) -> None:
    """A transcript drawn on another clip would put words on strangers.

    Raises InputError.
    """
    media_of = analysis.media
    if not clip.has_video:
        raise NotAClipError("This clip has no picture to draw on; give the clip the transcript was made from.")
    if abs(clip.duration - media_of.duration) > 0.5 or (clip.width, clip.height) != (media_of.width, media_of.height):
        raise NotAClipError(
            "This is not the clip the transcript was made from, its length or size differs; give the clip that was "
            "used."
        )


def _kept(stage: Perceiving, cache: StageCache, keys: dict[str, str], known: Findings) -> Stage[Perception]:
    """`stage`, with every finding put into the cache the moment it is there, so that a run that fails late or a second
    target language does not repeat it.
    """
    kept = {name for name in keys if getattr(known, name) is not None}

    def keep(step: Progress | Findings) -> Progress | None:
        if isinstance(step, Progress):
            return step
        for name in keys.keys() - kept:
            value = getattr(step, name)
            if value is not None:
                cache.put(keys[name], value)
                kept.add(name)
        return None

    return each(stage, keep)


def _notices(clip: Clip, perception: Perception) -> tuple[Notice, ...]:
    parts = (perception.transcript, perception.diarization, perception.faces, perception.attribution)
    # Told below once, in the words that say what follows from it.
    found = tuple(n for part in parts for n in part.notices if n.code not in ("no_speech", "no_faces", "fewer_voices"))
    return found + notices_of_clip(clip, bool(perception.faces.tracks), bool(perception.attribution.phrases))


def notices_of_clip(clip: Clip, faces: bool, speech: bool) -> tuple[Notice, ...]:
    """Return what is missing in the clip. `faces` and `speech` say whether any were found."""
    found: tuple[Notice, ...] = ()
    if clip.missing > 0:
        text = f"The file is damaged: {clip.missing:.1f} s of it are missing, and only the rest was used."
        found += (Notice("cut_off", text),)
    if not clip.has_video:
        found += (
            Notice("no_picture", "The file has sound only, so there is a transcript and subtitles but no video."),
        )
    elif not faces:
        found += (Notice("no_faces", "No face was found, so the subtitles stand at the bottom of the picture."),)
    if not speech:
        found += (Notice("no_speech", "No speech was heard, so there is nothing to translate."),)
    return found
