"""The two callables of a batch. What they return is what a single run returns, byte for byte but for the timings."""

from __future__ import annotations

import dataclasses
import logging
import shutil
import traceback
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline import download, edit, languages, long, media, results, run
from pipeline.batch import records, shared
from pipeline.batch.jobs import Job
from pipeline.errors import NotAClipError, PipelineError
from pipeline.options import Options
from pipeline.progress import Clock
from pipeline.records import Analysis, Notice, Stage
from pipeline.settings import Settings
from pipeline.stages import Models
from pipeline.terminal import printable
from pipeline.workspace import disk_error, workspace

Load = Callable[[Settings], Models]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one clip: a row of the summary."""

    name: str
    clip: str
    status: str  #: "done" or "failed"
    error: str = ""  #: one sentence
    seconds: float = 0.0  #: length of the clip
    speakers: int = 0
    language: str = ""  #: spoken, ISO 639-1
    characters: int = 0  #: of the originals that were translated
    people: Mapping[str, float] = field(default_factory=dict)  #: s that everybody speaks, by name; 0 who is only seen

    def known_people(self, names: Collection[str]) -> dict[str, float]:
        """Return those of `people` who are among `names`."""
        return {name: seconds for name, seconds in self.people.items() if name in names}


class Analyse:
    """Analyses clips; the models are loaded once, when the first clip needs them.

    A recording beyond the limit of a single clip is cut into windows. They are analysed here one after another, or by
    `workers` processes where that is above 1.
    """

    def __init__(self, settings: Settings, load: Load, workers: int = 1) -> None:
        self.settings, self.load, self.workers, self.models = settings, load, workers, load(settings)

    def __call__(self, job: Job, clock: Clock | None = None) -> Stage[Analysis]:
        """Return the analysis of the job's clip, with the names it gives.

        Raises PipelineError.
        """
        job = yield from self._ready(job)
        analysis = yield from self._analysed(job, job.options, clock)
        return named(analysis, job.names)

    def count(self, job: Job) -> Stage[int]:
        """Return the characters of the clip that a paid translator would get. Nothing is sent; what was heard and seen
        is kept in the stage cache, so that the run that follows does not repeat it.

        Raises PipelineError.
        """
        job = yield from self._ready(job)
        untranslated: Options = dataclasses.replace(job.options, target="")
        analysis = yield from self._analysed(job, untranslated, None)
        return sum(
            len(phrase.source)
            for phrase in analysis.phrases
            if not languages.same_language(phrase.language or analysis.language, job.options.target)
        )

    def _ready(self, job: Job) -> Stage[Job]:
        """Return the job once its clip is there and its folder is known to be free."""
        if not job.address:
            results.check_folder(job.out)
        if job.url:
            job = yield from fetched(job, self.settings)
        if job.overlay and not media.probe(job.clip, long.lifted(self.settings), job.options.audio).has_video:
            raise NotAClipError(results.NO_OVERLAY)  # before a model runs
        return job

    def _analysed(self, job: Job, options: Options, clock: Clock | None) -> Stage[Analysis]:
        if not long.is_long(job.clip, self.settings, options.audio):
            return (yield from run.analyse(job.clip, options, self.settings, self.models, clock))
        own = self.models if self.workers == 1 else None
        return (yield from long.analyse(job.clip, options, self.settings, self.load, self.workers, clock, own))


class Draw:
    """Draws clips and writes their folders of results."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def __call__(self, job: Job, analysis: Analysis, key: str, clock: Clock | None = None) -> Stage[Outcome]:
        """Return the row of the summary; the folder is there, and a record beside it says so under `key`.

        Raises PipelineError.
        """
        job = (yield from fetched(job, self.settings)) if job.url else job
        if not job.address:
            records.forget(job.out)
            analysis, outcome = yield from self._written(job, analysis, job.out, clock)
            if _is_final(analysis):
                records.keep(job.out, key, dataclasses.asdict(outcome))
            if job.url:
                shutil.rmtree(job.clip.parent, ignore_errors=True)
            return outcome
        shared.forget(job.address)
        with workspace() as folder:
            made = folder / "results"
            analysis, outcome = yield from self._written(job, analysis, made, clock)
            shared.put(made, job.address, key if _is_final(analysis) else "", dataclasses.asdict(outcome))
        return outcome

    def _written(self, job: Job, analysis: Analysis, out: Path, clock: Clock | None) -> Stage[tuple[Analysis, Outcome]]:
        settings = long.lifted(self.settings)
        analysis = yield from results.write(
            job.clip, analysis, job.look, out, settings, clock=clock, overlay=job.overlay
        )
        outcome = Outcome(
            job.name, job.url or str(job.clip), "done", "", round(analysis.media.duration, 3), len(analysis.people),
            analysis.language, sum(len(phrase.source) for phrase in analysis.phrases if phrase.translation),
            {person.name: round(person.speaking_s, 3) for person in analysis.people},
        )  # fmt: skip
        return analysis, outcome


def _is_final(analysis: Analysis) -> bool:
    """Return whether another run would give the same: a service that was away for a while may be back then."""
    untranslated = any(notice.code == "untranslated" for notice in analysis.notices)
    return not (untranslated and analysis.models.get("translation") == "DeepL")


def fetched(job: Job, settings: Settings) -> Stage[Job]:
    """Return the job with the file of its URL, which is fetched unless it is there.

    Raises FetchError, LimitError.
    """
    for file in sorted(job.clip.glob("*")) if job.clip.is_dir() else ():
        return dataclasses.replace(job, clip=file)
    part = job.clip.with_name(f"{job.clip.name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        yield from download.fetch(job.url, part, settings)
        part.rename(job.clip)
    except OSError as error:
        raise disk_error(error) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return dataclasses.replace(job, clip=next(iter(sorted(job.clip.glob("*")))))


def named(analysis: Analysis, names: tuple[str, ...]) -> Analysis:
    """Return the analysis with its people named in order; an empty name leaves a person as they are."""
    for person, name in zip(analysis.people, names, strict=False):
        if name:
            analysis = edit.rename(analysis, person.id, name)
    if len(names) > len(analysis.people):
        text = f"{len(names)} names were given and {len(analysis.people)} people were found; the last names are unused."
        analysis = dataclasses.replace(analysis, notices=(*analysis.notices, Notice("names", text)))
    return analysis


def failed(job: Job, error: BaseException) -> Outcome:
    """Return the row of a clip that raised `error`; a defect is logged with its traceback."""
    if isinstance(error, PipelineError):
        sentence = str(error)
    elif isinstance(error, MemoryError):
        sentence = "There is not enough memory; take fewer clips at a time or a smaller clip."
    else:
        told = "".join(traceback.format_exception(error)).splitlines()
        _log.error("%s failed\n%s", printable(job.name), "\n".join(map(printable, told)))
        sentence = f"Something went wrong that should not ({type(error).__name__}); please report it with the log."
    return Outcome(job.name, job.url or str(job.clip), "failed", sentence)
