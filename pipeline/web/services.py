"""What the page needs of the pipeline, as one record of callables: a fake is a function."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import languages, project, results
from pipeline.assets import assets
from pipeline.options import Options
from pipeline.progress import Clock, finish
from pipeline.records import Analysis, Clip, Look, Notice, Stage
from pipeline.settings import Settings

if TYPE_CHECKING:
    import numpy as np

EXAMPLES = assets("examples")

#: Events that run models at once. Two cores run one at full speed; on a GPU the CPU work of one fills the wait of the
#: other.
PARALLEL_LIGHT, PARALLEL_FULL = 1, 2
CACHE_AGE_S = 2 * 3600.0  #: what a visitor's clip left in the caches goes with the clip

LOOKS = (
    ("Cyberpunk: above the head", "cyberpunk"),
    ("Kiroshi: one voice at a time", "kiroshi"),
    ("Bars: above and below", "bars"),
    ("Classic subtitles", "classic"),
    ("Word pop: one word at a time", "word-pop"),
)
SPEECH_TITLES = {
    "base": "Base: the fastest",
    "small": "Small: fewer mistakes, slower",
    "turbo": "Turbo: the fewest mistakes, the slowest",
}
FORMALITIES = (("Default", "default"), ("More formal", "more"), ("Less formal", "less"))
POSITIONS = (("Follow the speaker", "auto"), ("Bottom", "bottom"))
TEXTS = (
    ("Original turns into translation", "morph"),
    ("Both", "both"),
    ("Translation only", "translation"),
    ("Original only", "original"),
)
REVEALS = (
    ("Live: turns while they are speaking", "live"),
    ("As spoken: typed out, then turns", "spoken"),
    ("None: the translation right away", "none"),
)


@dataclass(frozen=True, slots=True)
class Example:
    """A clip we may show, and what became of it."""

    name: str  #: of its folder in examples/results
    title: str
    clip: Path
    folder: Path  #: video.mp4, transcript.json, faces/<person id>.jpg


@dataclass(frozen=True, slots=True)
class SpeechModel:
    """A speech model that a visitor can choose."""

    name: str  #: as in `Settings.speech`
    title: str  #: what a visitor reads
    megabytes: float  #: to be downloaded before it can be used, 0 where it is on this machine


@dataclass(frozen=True, slots=True)
class Services:
    """Everything behind the page."""

    analyse: Callable[[Path, Options, Clock], Stage[Analysis]]
    render: Callable[[Path, Analysis, Look, Path, Clock], Stage[tuple[Notice, ...]]]
    write_records: Callable[[Path, Analysis, Look], None]  #: transcript.json, subtitles.srt ... into a folder
    probe: Callable[[Path], Clip]  #: raises InputError; under a second
    measure: Callable[[Path], Clip]  #: the same for a clip of any length
    trim: Callable[[Path, Path, float, float], None]  #: a piece of a clip into a file: from, to, start s, length s
    fetch: Callable[[str, Path], Stage[Path]]
    retranslate: Callable[
        [Path | None, Analysis, Options, Collection[int] | None, Clock], Stage[Analysis]
    ]  #: None: every line
    preview: Callable[[Path, Analysis, Look, float], np.ndarray]  #: the frame at t s with the look on it, RGB (h, w, 3)
    #: ten seconds of the clip with the look on them, from t s on, into a file: clip, analysis, look, to, t
    sample: Callable[[Path, Analysis, Look, Path, float], None]
    translates_to: Callable[[str], bool]  #: without a key
    models: Mapping[str, str]  #: what runs, by job
    instead: Callable[[], Mapping[str, str]] = dict  #: what does the work of others at the moment, by job
    settings: Settings = field(default_factory=Settings)
    targets: Callable[[], tuple[languages.Language, ...]] = lambda: languages.TARGETS  #: what can be translated into
    speech: Callable[[], tuple[SpeechModel, ...]] = lambda: ()  #: what can be chosen; () where there is no choice
    examples: tuple[Example, ...] = ()
    parallel: int = PARALLEL_LIGHT

    def works_now(self, target: str) -> bool:
        """Whether a visitor without a key gets this translation."""
        return bool(self.settings.deepl_keys) or self.translates_to(target)


def real(settings: Settings) -> Services:
    """The services of this machine. Loads the models' modules, in this thread: ZeroGPU wants its functions declared
    before the server starts.

    Raises ModelError when the chosen set of models cannot run here.
    """
    from pipeline import download, media, run, translate
    from pipeline.models import sets
    from pipeline.retranslate import retranslate

    settings = replace(settings, cache_age_s=min(settings.cache_age_s, CACHE_AGE_S))
    loaded = sets.load(settings)
    offered = _speech_models(settings)
    by_name = {model.name: sets.load(replace(settings, speech=model.name)) for model in offered}
    by_title = {models.names["speech"]: models for models in by_name.values()}
    return Services(
        analyse=lambda path, options, clock: untimed(
            run.analyse(path, options, settings, by_name.get(options.speech, loaded), clock)
        ),
        render=lambda path, analysis, look, to, clock: run.render(path, analysis, look, to, settings, clock),
        write_records=results.write_records,
        probe=lambda path: media.probe(path, settings),
        measure=lambda path: media.probe(path, replace(settings, max_duration_s=float("inf"))),
        trim=media.cut,
        fetch=lambda url, folder: download.fetch(url, folder, settings),
        retranslate=lambda path, analysis, options, lines, clock: retranslate(
            path,
            analysis,
            options,
            settings,
            by_title.get(analysis.models.get("speech", ""), loaded),  # that which heard the clip
            lines=lines,
            clock=clock,
        ),
        preview=lambda path, analysis, look, t: run.preview(path, analysis, look, t, settings),
        sample=lambda path, analysis, look, to, t: sample(path, analysis, look, to, t, settings),
        translates_to=loaded.translates_to,
        models=loaded.names,
        instead=lambda: sets.instead(settings),
        settings=settings,
        targets=lambda: translate.available_targets(settings),
        speech=lambda: _speech_models(settings),
        examples=ready_examples(EXAMPLES),
        parallel=PARALLEL_FULL if settings.zero_gpu else PARALLEL_LIGHT,
    )


def sample(path: Path, analysis: Analysis, look: Look, to: Path, t: float, settings: Settings) -> None:
    """Write ten seconds of the finished video, from `t` s on, to `to`.

    Raises as `run.render` does.
    """
    from pipeline import run

    finish(run.render(path, analysis, look, to, settings, part=(t, t + run.SAMPLE_S)))


def _speech_models(settings: Settings) -> tuple[SpeechModel, ...]:
    """The speech models to choose from: none where a GPU runs the best one, or where the operator has chosen."""
    from pipeline.models import sets
    from pipeline.models.catalogue import model
    from pipeline.models.speech import CHOICES

    if settings.speech_fixed or sets.chosen(settings) != "light":
        return ()
    found = []
    for name, (key, _) in CHOICES.items():
        weights = model(key).weights
        missing = weights is not None and not sets.has(key, settings)
        found.append(SpeechModel(name, SPEECH_TITLES[name], weights.bytes / 1e6 if weights and missing else 0.0))
    return tuple(found)


def untimed(stage: Stage[Analysis]) -> Stage[Analysis]:
    """Run the stage; return its analysis without timings.

    Visitors share the caches. A stage that took no time would tell a visitor that somebody had the identical clip here.
    """
    return replace((yield from stage), timings={})


def ready_examples(folder: Path) -> tuple[Example, ...]:
    """The examples in `folder` whose result is there: examples/NAME.mp4 with examples/results/NAME/."""
    found = []
    for result in sorted((folder / "results").glob("*/video.mp4")):
        name = result.parent.name
        clip = folder / f"{name}.mp4"
        if clip.is_file() and (result.parent / "transcript.json").is_file():
            found.append(Example(name, _title(name, result.parent), clip, result.parent))
    return tuple(found)


def _title(name: str, folder: Path) -> str:
    """Return the title of an example: "orbit_en" with its transcript is "Orbit, English into Polish"."""
    analysis = project.read(folder / "transcript.json").analysis
    spoken = languages.spoken(analysis.language)
    target = next((item.name for item in languages.TARGETS if item.code == analysis.target_language), "")
    title = name.removesuffix(f"_{analysis.language}").replace("_", " ").capitalize()
    heard = f", {spoken.name}" if spoken else ""
    return f"{title}{heard} into {target}" if target else f"{title}{heard}"
