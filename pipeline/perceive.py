"""What the models find in a clip: words, voices and faces side by side, then people and the key-free translation."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from pipeline import languages
from pipeline.beside import beside
from pipeline.errors import ModelError
from pipeline.records import (
    Attribution,
    Diarization,
    Faces,
    Findings,
    Job,
    KeyFree,
    Notice,
    Perception,
    Preview,
    Progress,
    Stage,
    Transcript,
)
from pipeline.stages import Models, Perceiving

T = TypeVar("T")


def perceive(models: Models, job: Job) -> Perceiving:
    """Everything that wants a GPU, in one piece: words, voices, faces, people and, where the job names a language for
    it, the key-free translation.

    Yields Progress and, whenever a stage has ended, all Findings by then. Where voices or faces fail, the words are
    waited for and yielded before the error is raised. A translator that cannot be had leaves a notice.
    """
    from pipeline.people import attribute
    from pipeline.speech import channels

    if job.again:
        return (yield from _translated_again(models, job))
    watch = Stopwatch()
    found = job.known
    parties = channels.split(job.sound)
    yield from _shown(found)
    together = beside(_missing(models, job, parties, watch), wait_for="speech")
    try:
        for step in together:
            if isinstance(step, Findings):
                found = found.also(step)
                yield found
                yield from _shown(step)
            else:
                yield step
    finally:
        together.close()
    heard, voices = found.transcript, found.diarization
    assert heard is not None
    if job.given.lines:
        from pipeline.given import align

        heard = align(job.given.lines, heard, job.clip.duration, job.given.language)
        yield Progress("speech", 1.0, preview=Preview(transcript=heard))
    assert voices is not None
    faces = found.faces if found.faces is not None else Faces(shots=(), tracks=())
    start = time.monotonic()
    answer = attribute(heard, voices, faces, speakers=job.speakers)
    watch.add("people", time.monotonic() - start)
    yield Progress("people", 1.0, preview=Preview(attribution=answer))
    translations = None
    spoken = {phrase.language or heard.language for phrase in answer.phrases}
    target = job.fallback_target
    if target and not all(languages.same_language(language, target) for language in spoken):
        work = channels.translate(models.translate_speech, job.sound, parties, heard, answer.phrases, target)
        try:
            translations = yield from watch.time("translate", work)
        except ModelError as error:  # what was found is worth having without a translation
            notice = Notice("untranslated", f"{error} The subtitles stay in the original language.")
            translations = KeyFree((None,) * len(answer.phrases), notices=(notice,))
    return Perception(heard, voices, faces, answer, translations, watch.timings)


def _translated_again(models: Models, job: Job) -> Perceiving:
    """The key-free translation of the phrases in `job.again`, and nothing else."""
    watch = Stopwatch()
    work = models.translate_speech(job.sound, job.again, job.language, job.fallback_target)
    texts = yield from watch.time("translate", work)
    nobody = Attribution((), job.again, (), ())
    return Perception(
        Transcript(job.language, 1.0, ()), Diarization((), ()), Faces((), ()), nobody, texts, watch.timings
    )


def _missing(models: Models, job: Job, parties: Sequence[Path], watch: Stopwatch) -> dict[str, Stage[Findings]]:
    """The stages whose results are not known yet, by name. The `parties` of a call are heard one by one."""
    from pipeline.speech import channels

    def speech() -> Stage[Findings]:
        work = channels.transcribe(models.transcribe, job.sound, parties, job.source)
        return Findings(transcript=(yield from watch.time("speech", work)))

    def voices() -> Stage[Findings]:
        work = channels.diarize(models.diarize, job.sound, parties, job.speakers)
        return Findings(diarization=(yield from watch.time("voices", work)))

    def faces() -> Stage[Findings]:
        return Findings(faces=(yield from watch.time("faces", models.find_faces(job.clip, job.sound))))

    known = job.known
    stages = {}
    if known.transcript is None:
        stages["speech"] = speech()
    if known.diarization is None:
        stages["voices"] = voices()
    if known.faces is None and job.clip.has_video:
        stages["faces"] = faces()
    return stages


def _shown(found: Findings) -> Iterator[Progress]:
    """The end of every stage whose result is in `found`."""
    if found.transcript is not None:
        yield Progress("speech", 1.0, preview=Preview(transcript=found.transcript))
    if found.diarization is not None:
        yield Progress("voices", 1.0)
    if found.faces is not None:
        yield Progress("faces", 1.0, preview=Preview(faces=found.faces))


class Stopwatch:
    """Seconds by stage. Stages that run side by side share the clock, so their seconds may add up to more than the
    run.
    """

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    def add(self, stage: str, seconds: float) -> None:
        self._seconds[stage] = self._seconds.get(stage, 0.0) + seconds

    def time(self, stage: str, work: Generator[Progress, None, T]) -> Generator[Progress, None, T]:
        """`work`, with the time it took added to `stage`."""
        start = time.monotonic()
        try:
            return (yield from work)
        finally:
            self.add(stage, time.monotonic() - start)

    @property
    def timings(self) -> tuple[tuple[str, float], ...]:
        return tuple(self._seconds.items())
