"""python -m pipeline: the command line.

    python -m pipeline CLIP --to LANGUAGE      a clip or a URL becomes a folder of results
    python -m pipeline RECORDING --to LANGUAGE --long    the same for hours
    python -m pipeline batch FOLDER --to LANG  every clip of a folder or a list
    python -m pipeline render JSON CLIP        the same clip drawn again, without a model
    python -m pipeline render JSON CLIP --preview T FILE    one picture of it
    python -m pipeline render JSON CLIP --sample T FILE     ten seconds of it
    python -m pipeline page                    the page, on this machine
    python -m pipeline models                  what would run here; every model, its licence and its source

Exit status: 0 done; 1 one sentence about something the user can mend; 2 wrong usage; 130 interrupted, 143 terminated,
129 when the terminal was closed.
"""

from __future__ import annotations

import argparse
import atexit
import contextlib
import dataclasses
import gc
import io
import os
import shutil
import signal
import sys
import time
from collections.abc import Collection, Generator, Sequence
from pathlib import Path
from types import FrameType
from typing import TextIO, TypeVar

from pipeline.arguments import add_look, add_models, add_services, count, glossary, look_of, track
from pipeline.errors import LanguageError, LimitError, PipelineError, UsageError
from pipeline.notices import ABOUT_DRAWING
from pipeline.progress import each, finish
from pipeline.records import Analysis, Look, Notice, Progress
from pipeline.settings import PREFIX, Settings
from pipeline.terminal import printable

T = TypeVar("T")

#: How the command was called: `speechglass` where the package is installed.
PROGRAM = "speechglass" if Path(sys.argv[0]).stem == "speechglass" else "python -m pipeline"

STAGE_NAMES = {
    "fetch": "Fetching",
    "probe": "Looking at the clip",
    "speech": "Listening to the words",
    "voices": "Telling voices apart",
    "faces": "Finding faces",
    "people": "Matching voices to faces",
    "translate": "Translating",
    "render": "Drawing",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status. Messages go to stderr, results into the folder it names."""
    # Frozen objects are skipped by the collection at the end of the process, which would take 0.5 to 1.5 s.
    atexit.unregister(gc.freeze)
    atexit.register(gc.freeze)
    _came.clear()
    for number in SAID:
        if signal.getsignal(number) != signal.SIG_IGN:  # under nohup
            signal.signal(number, _stop)
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if given[:1] == ["models"]:
            return _models(given[1:])
        if given[:1] == ["render"]:
            return _render(given[1:])
        if given[:1] == ["batch"]:
            return _batch(given[1:])
        if given[:1] == ["page"]:
            return _page(given[1:])
        return _translate(given)
    except PipelineError as error:
        print(f"Error: {printable(error)}", file=sys.stderr)
        # A language we do not know is something the user can mend; the rest of UsageError is a wrong call.
        return 2 if isinstance(error, UsageError) and not isinstance(error, LanguageError) else 1
    except MemoryError:
        print("Error: There is not enough memory; close other programs or take a smaller clip.", file=sys.stderr)
        return 1
    except _Stopped as stop:
        kept = "what is finished stays, and the next run goes on" if given[:1] == ["batch"] else "nothing was written"
        print(f"{SAID[stop.args[0]]}; {kept}.", file=sys.stderr)
        return 128 + stop.args[0]
    except BrokenPipeError:
        return 141


SAID = {signal.SIGINT: "Stopped", signal.SIGTERM: "Terminated", signal.SIGHUP: "The terminal was closed"}


class _Stopped(BaseException):
    """A signal, on its way through every `finally`."""


#: The signal that came. Python drops what is raised in a destructor, and then the next step ends the run.
_came: list[int] = []


def _stop(number: int, _frame: FrameType | None) -> None:
    for other in SAID:
        signal.signal(other, signal.SIG_IGN)  # a second one must not interrupt the cleaning
    _came.append(number)
    raise _Stopped(number)


def _translate(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Turn a clip in which people talk into one with translated, speaker-coloured subtitles.",
        epilog=f"Also: '{PROGRAM} batch FOLDER' takes every clip of a folder; '{PROGRAM} render transcript.json CLIP' "
        f"draws again without any model; '{PROGRAM} page' opens the page on this machine; '{PROGRAM} models' lists "
        "every model with licence and source.",
    )
    parser.add_argument("clip", help="a video or audio file, or an http(s) URL")
    parser.add_argument("--to", required=True, metavar="LANGUAGE", help="target: a DeepL code or an English name")
    parser.add_argument("--from", dest="source", metavar="LANGUAGE", help="spoken language (default: detected)")
    parser.add_argument("--speakers", type=count, metavar="N", help="number of voices (default: found)")
    parser.add_argument("--audio", type=track, metavar="N", help="sound track to hear (default: the one with speech)")
    parser.add_argument("--long", action="store_true", help="a recording of up to four hours, in parts of five minutes")
    parser.add_argument("--jobs", type=count, default=1, metavar="N", help="parts at a time with --long (default: 1)")
    parser.add_argument(
        "--transcript",
        type=Path,
        metavar="FILE",
        help="take its text instead of what is heard, timed by the sound: SRT, VTT, ASS, Whisper's JSON, a transcript "
        "or project of ours",
    )
    parser.add_argument("--turns", type=Path, metavar="FILE.rttm", help="take from it who speaks when")
    add_look(parser)
    add_services(parser)
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for the results (default: out/<clip name>)")
    given = parser.parse_args(arguments)

    from pipeline import acquaintances, languages, long, media, results, translate
    from pipeline.given import read_files
    from pipeline.models.sets import load
    from pipeline.options import Options

    if given.long and (given.transcript or given.turns):
        raise UsageError("--transcript and --turns are for clips; leave them out, or leave --long out.")
    settings = Settings.from_environment(models=given.models, speech=given.speech)
    target = languages.parse_target(given.to).code
    source = languages.parse_source(given.source).whisper if given.source else None
    options = Options(
        target,
        source,
        given.speakers,
        formality=given.formality,
        glossary=glossary(given.glossary),
        given=read_files(given.transcript, given.turns),
        audio=given.audio,
    )
    look = look_of(given)
    entries = acquaintances.read(given.people) if given.people else ()
    models = load(settings)
    missing = translate.foretold(options, settings, models)
    with _clip(given.clip, long.lifted(settings) if given.long else settings) as clip:
        if entries:
            media.probe(clip, long.lifted(settings), given.audio)  # before a model runs
            options = dataclasses.replace(options, known=acquaintances.learn(entries, settings, load))
        out = given.out or Path("out") / results.folder_name(given.clip)
        if given.long:
            work = long.process(clip, options, look, out, settings, load, given.jobs, overlay=given.overlay)
        else:
            work = results.process(clip, options, look, out, settings, models, overlay=given.overlay)
        try:
            analysis = _show(_foretold(work, missing))
        except LimitError as error:
            if given.long or not long.is_long(clip, settings, given.audio):
                raise
            raise LimitError(f"{str(error).rstrip('.')}, or give --long.") from None
    _report(analysis, out, [missing] if missing else [])
    return 0


def _render(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog=f"{PROGRAM} render",
        description="Draw a clip again from its project or transcript.json, without any model.",
        epilog="What no option sets of the look, a project sets.",
    )
    parser.add_argument("transcript", type=Path, help="project.json or transcript.json, edited or not")
    parser.add_argument("clip", type=Path, help="the clip it was made from")
    add_look(parser)
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder for the results (default: out/<clip name>)")
    parser.add_argument(
        "--preview", nargs=2, metavar=("T", "FILE"), help="draw only the picture at T seconds, to FILE (PNG or JPEG)"
    )
    parser.add_argument(
        "--sample", nargs=2, metavar=("T", "FILE"), help="draw only ten seconds from T on, to FILE (MP4)"
    )
    given = parser.parse_args(arguments)

    from pipeline import long, project, results

    opened = project.read(given.transcript)
    look = look_of(given, opened.look)
    if given.preview:
        return _preview(given.clip, opened.analysis, look, *given.preview)
    if given.sample:
        return _sample(given.clip, opened.analysis, look, *given.sample)
    out = given.out or Path("out") / given.clip.stem[:80]
    settings = long.lifted(Settings.from_environment())
    analysis = _show(results.write(given.clip, opened.analysis, look, out, settings, overlay=given.overlay))
    _report(analysis, out, [n for n in opened.analysis.notices if n.code not in ABOUT_DRAWING])
    return 0


def _preview(clip: Path, analysis: Analysis, look: Look, time_given: str, name: str) -> int:
    """Write the picture of the clip at a time to a file, all or nothing."""
    from pipeline import long, run
    from pipeline.workspace import disk_error

    t, to = _seconds("--preview", time_given), Path(name)
    if to.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise UsageError("--preview writes PNG or JPEG; give it a name that ends in .png or .jpg.")
    from PIL import Image

    picture = run.preview(clip, analysis, look, t, long.lifted(Settings.from_environment()))
    with io.BytesIO() as made:
        Image.fromarray(picture).save(made, "PNG" if to.suffix.lower() == ".png" else "JPEG", quality=92)
        try:
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_bytes(made.getvalue())
        except OSError as error:
            raise disk_error(error) from error
    _say_where(to)
    return 0


def _sample(clip: Path, analysis: Analysis, look: Look, time_given: str, name: str) -> int:
    """Write ten seconds of the clip with the look on them, from a time on."""
    from pipeline import long, run
    from pipeline.workspace import disk_error, workspace

    start, to = _seconds("--sample", time_given), Path(name)
    if to.suffix.lower() != ".mp4":
        raise UsageError("--sample writes MP4; give it a name that ends in .mp4.")
    settings = long.lifted(Settings.from_environment())
    with workspace() as folder:
        made = folder / "sample.mp4"
        _show(run.render(clip, analysis, look, made, settings, part=(start, start + run.SAMPLE_S)))
        try:
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(made, to)
        except OSError as error:
            raise disk_error(error) from error
    _say_where(to)
    return 0


def _seconds(option: str, given: str) -> float:
    """Return `given` as seconds.

    Raises UsageError where it is not a number.
    """
    try:
        return float(given)
    except ValueError:
        raise UsageError(f"{option} needs a time in seconds, not {given}.") from None


def _batch(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog=f"{PROGRAM} batch", description="Every clip of a folder or a list becomes its folder of results."
    )
    parser.add_argument("clips", type=Path, help="a folder of clips, or a .csv or .json list of them")
    parser.add_argument("--to", required=True, metavar="LANGUAGE", help="target: a DeepL code or an English name")
    parser.add_argument("--from", dest="source", metavar="LANGUAGE", help="spoken language (default: detected)")
    parser.add_argument("--jobs", type=count, default=1, metavar="N", help="clips at a time (default: 1)")
    parser.add_argument(
        "--ray",
        metavar="auto|ADDRESS",
        help="work on a Ray cluster, on as many clips as --jobs says; needs the extra 'ray'",
    )
    parser.add_argument("--budget", type=track, metavar="CHARACTERS", help="most that DeepL may get in this run")
    add_look(parser)
    add_services(parser)
    parser.add_argument("--speakers", type=count, metavar="N", help="number of voices in each clip (default: found)")
    parser.add_argument("--audio", type=track, metavar="N", help="sound track to hear in each clip")
    parser.add_argument(
        "--out", metavar="DIR", help="folder for all results, or an fsspec address (default: out/<folder name>)"
    )
    given = parser.parse_args(arguments)

    from pipeline import acquaintances, languages, translate
    from pipeline.batch import driver, jobs, shared
    from pipeline.models.sets import load
    from pipeline.options import Options

    settings = Settings.from_environment(models=given.models, speech=given.speech)
    target = languages.parse_target(given.to).code
    source = languages.parse_source(given.source).whisper if given.source else None
    options = Options(
        target, source, given.speakers, formality=given.formality, glossary=glossary(given.glossary), audio=given.audio
    )
    out: Path | str = given.out or Path("out") / given.clips.absolute().stem[:80]
    if isinstance(out, str) and not shared.is_address(out):
        out = Path(out)
    listed = jobs.read(given.clips, out, options, look_of(given), given.overlay)
    entries = acquaintances.read(given.people) if given.people else ()
    models = load(settings)
    if missing := translate.foretold(options, settings, models):
        _note(missing)
    if models.prepare is not None:
        _show(models.prepare(""))  # once, and not in every worker
    known = acquaintances.learn(entries, settings, load)
    listed = tuple(dataclasses.replace(job, options=dataclasses.replace(job.options, known=known)) for job in listed)
    outcomes = driver.run(driver.Batch(listed, out, settings, load, given.jobs, given.budget, given.ray))
    for line in acquaintances.appearances([(o.name, o.known_people({one.name for one in known})) for o in outcomes]):
        print(printable(line), file=sys.stderr)
    failed = sum(outcome.status == "failed" for outcome in outcomes)
    print(f"{len(outcomes) - failed} of {len(outcomes)} clips are done, {failed} failed.", file=sys.stderr)
    _say_where(out)
    return 1 if failed else 0


def _page(arguments: Sequence[str]) -> int:
    """Serve the page until the process is stopped."""
    parser = argparse.ArgumentParser(prog=f"{PROGRAM} page", description="Open the page on this machine.")
    parser.add_argument("--port", type=track, metavar="N", help="port to serve it at (default: 7860)")
    add_models(parser)
    given = parser.parse_args(arguments)
    for name in ("models", "speech"):
        if getattr(given, name):
            os.environ[f"{PREFIX}{name.upper()}"] = getattr(given, name)
    Settings.from_environment()  # refuses a wrong value before anything is loaded
    for number in SAID:
        signal.signal(number, signal.SIG_DFL if number != signal.SIGINT else signal.default_int_handler)
    from pipeline.web import serve

    serve.main(given.port)
    return 0


def _note(notice: Notice) -> None:
    print(f"Note: {printable(notice.text)}", file=sys.stderr, flush=True)


def _foretold(work: Generator[Progress, None, T], notice: Notice | None) -> Generator[Progress, None, T]:
    """Return `work`, which prints what is known to be missing once the clip is accepted and minutes may follow."""
    waiting = [notice] if notice else []

    def tell(step: Progress) -> Progress:
        if waiting and step.stage != "probe":
            _note(waiting.pop())
        return step

    return each(work, tell)


def _report(analysis: Analysis, out: Path, told: Collection[Notice] = ()) -> None:
    """Print the notices but those that were told before, and where the results are."""
    for notice in analysis.notices:
        if notice not in told:
            _note(notice)
    _say_where(out)


def _models(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog=f"{PROGRAM} models",
        description="What would run on this machine now, job by job, and what would be better; then every model with "
        "its licence and source.",
    )
    add_models(parser)
    given = parser.parse_args(arguments)
    from pipeline.models.listing import listing
    from pipeline.models.report import report

    settings = Settings.from_environment(models=given.models, speech=given.speech)
    print("\n".join(map(printable, [*report(settings).splitlines(), "", *listing(settings).splitlines()])))
    return 0


def _say_where(out: Path | str) -> None:
    """Write the folder's name on stdout: into a pipe byte for byte, since a name need not be UTF-8; on a terminal so
    that the terminal only shows it.
    """
    sys.stdout.flush()
    if sys.stdout.isatty():
        print(printable(out))
        return
    with contextlib.suppress(AttributeError):  # a stand-in for a terminal may have no buffer
        sys.stdout.buffer.write(os.fsencode(out) + b"\n")
        return
    print(out)


@contextlib.contextmanager
def _clip(text: str, settings: Settings) -> Generator[Path, None, None]:
    """The clip as a file, fetched into a private folder when `text` is a URL."""
    if not text.lower().startswith(("http://", "https://")):
        yield Path(text)
        return
    from pipeline import download
    from pipeline.workspace import workspace

    with workspace() as folder:
        yield _show(download.fetch(text, folder, settings))


def _show(work: Generator[Progress, None, T], to: TextIO | None = None) -> T:
    """What `work` returns; meanwhile a bar with the stage, the share done and the time left stands on stderr.

    On a terminal the line is rewritten; elsewhere each stage, and each model that is fetched, gets one line.
    """
    to = to or sys.stderr
    live = to.isatty()
    drawn = 0.0
    told = {STAGE_NAMES["fetch"]}  # a download is told of by its message

    def see(step: Progress) -> None:
        nonlocal drawn
        if _came:
            raise _Stopped(_came[0])
        name = STAGE_NAMES[step.stage]
        if step.stage == "fetch" and step.message:
            name = printable(step.message)
        elif live and step.message:
            name += f": {printable(step.message)}"
        if live and (time.monotonic() - drawn > 0.1 or step.fraction >= 1.0):
            drawn = time.monotonic()
            share = step.overall if step.overall is not None else step.fraction
            bar = "█" * round(24 * share) + "░" * (24 - round(24 * share))
            left = "" if step.seconds_left is None else f"{_clock(step.seconds_left)} left"
            to.write(f"\r\x1b[K{bar} {share:4.0%}  {left:11}  {name[:60]}")
            to.flush()
        elif not live and name not in told:
            told.add(name)
            print(name, file=to, flush=True)

    try:
        return finish(work, see)
    finally:
        if live:
            to.write("\r\x1b[K")
            to.flush()


def _clock(seconds: float) -> str:
    return f"{round(seconds) // 60}:{round(seconds) % 60:02}"


if __name__ == "__main__":
    sys.exit(main())
