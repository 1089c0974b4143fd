"""The rehearsal of the full set on a machine with a GPU: one table and a verdict.

    python -m benchmarks.full [CLIP ...] [--keep FOLDER] [--stand-ins]

Fetches everything, takes every clip (default: the examples, and the recorded clips where the machine has them) through
the full set and then through the light set, each set in a process of its own, and prints for each: seconds of every
stage, the most memory on the card and in the machine, words, speakers and faces, and accuracy where the truth of a clip
is known. The last line says whether the full set can be used here; the exit status is 0 if it can, 1 if it cannot, and
2 if the rehearsal could not begin. It takes about as long as the clips, and a few minutes for 8 GB of downloads.

Without a GPU `--stand-ins` runs the script itself and the code of the full set on the processor, with small networks of
the same architectures and random weights (Whisper is the light set's). That shows that nothing here is broken, and
nothing about the models.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pipeline.progress import finish
from pipeline.records import Analysis, Look

ROOT = Path(__file__).parents[1]
SETS = ("full", "light")
STAGES = ("sound", "speech", "voices", "faces", "people", "translate", "render")

#: MB. The smallest card that ZeroGPU gives has 48 GB, and a Space on it 16 GB of its own beside what loading needs.
CARD, MACHINE = 44_000.0, 24_000.0
#: By this much the full set may be worse than the light one before that counts: one word or one phrase of a short clip.
TOLERANCE = 0.02


@dataclasses.dataclass(frozen=True)
class Row:
    """What one set did with one clip."""

    clip: str
    set: str
    duration: float = 0.0  #: s
    seconds: dict[str, float] = dataclasses.field(default_factory=dict)  #: by stage; "all" for the whole of it
    asked: float = 0.0  #: s of GPU that a Space would ask for
    card: float = 0.0  #: MB, the most that torch held on the GPU; 0 without one
    machine: float = 0.0  #: MB, the most that the process and its children held in main memory
    words: int = 0
    speakers: int = 0
    faces: int = 0
    translated: int = 0  #: phrases with a translation
    phrases: int = 0
    models: dict[str, str] = dataclasses.field(default_factory=dict)
    scores: dict[str, float] = dataclasses.field(default_factory=dict)  #: of benchmarks.score, where there is a truth
    notices: tuple[str, ...] = ()
    error: str = ""


@dataclasses.dataclass(frozen=True)
class Check:
    """One thing that has to be so, and how it was found."""

    name: str
    passed: bool
    found: str


# --- one set, in its own process --------------------------------------------------------------------------------------


def run_set(which: str, clips: Sequence[Path], keep: Path, stand_ins: Path | None) -> Iterator[Row]:
    """Yield a row for every clip, taken through the set `which` in this process."""
    if stand_ins is not None and which == "full":
        from tests.fixtures_full import use

        use(stand_ins)
    from pipeline.models.sets import load
    from pipeline.settings import Settings

    settings = Settings.from_environment(models=which)
    start = time.monotonic()
    models = load(settings)
    if models.prepare is not None:
        finish(models.prepare(""))
    if which == "full":
        from pipeline import gpu

        gpu.place()
    print(f"{which}: everything is here and loaded after {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
    for clip in clips:
        yield run_clip(which, clip, keep, models, settings)


def run_clip(which: str, clip: Path, keep: Path, models: Any, settings: Any) -> Row:
    """Return the row of one clip. An error is a part of it."""
    from benchmarks.bench import PeakMemory
    from pipeline import results, run
    from pipeline.options import Options

    language = _truth(clip).get("language", "en")
    options = Options(target="PL" if language == "en" else "EN-US")
    out = keep / f"{clip.stem}-{which}"
    _forget_card()
    start = time.monotonic()
    try:
        with PeakMemory(os.getpid()) as memory:
            analysis = finish(run.analyse(clip, options, settings, models))
            analysed = time.monotonic()
            finish(results.write(clip, analysis, Look(), out, settings))
    except Exception as error:
        traceback.print_exc()
        return Row(
            clip.stem, which, error=f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        )
    end = time.monotonic()
    seconds = {**analysis.timings, "render": end - analysed, "all": end - start}
    row = row_of(clip, which, analysis, out / "transcript.json")
    return dataclasses.replace(
        row, seconds=seconds, card=_card(), machine=memory.megabytes, asked=_asked(which, analysis)
    )


def row_of(clip: Path, which: str, analysis: Analysis, transcript: Path) -> Row:
    """Return what can be counted in an analysis, and its scores where the truth of the clip is known."""
    from benchmarks.bench import scored

    truth = clip.with_suffix(".truth.json")
    return Row(
        clip.stem,
        which,
        duration=analysis.media.duration,
        words=sum(len(phrase.words) for phrase in analysis.phrases),
        speakers=len({phrase.person for phrase in analysis.phrases if phrase.person}),
        faces=len({track.person for track in analysis.tracks if track.person}),
        translated=sum(bool(phrase.translation) for phrase in analysis.phrases),
        phrases=len(analysis.phrases),
        models=dict(analysis.models),
        scores=scored(transcript.read_text("utf-8"), truth) if truth.exists() else {},
        notices=tuple(notice.code for notice in analysis.notices),
    )


def _truth(clip: Path) -> dict[str, Any]:
    file = clip.with_suffix(".truth.json")
    found: dict[str, Any] = json.loads(file.read_text("utf-8")) if file.exists() else {}
    return found


def _forget_card() -> None:
    if "torch" in sys.modules:
        import torch

        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()


def _card() -> float:
    if "torch" not in sys.modules:
        return 0.0
    import torch

    return torch.cuda.max_memory_reserved() / 2**20 if torch.cuda.is_available() else 0.0


def _asked(which: str, analysis: Analysis) -> float:
    if which != "full":
        return 0.0
    from pipeline import gpu

    work = ["speech", "voices", "translate", *(["faces"] if analysis.media.width else [])]
    return float(gpu.seconds_asked(analysis.media.duration, *work))


# --- both sets, and the verdict ---------------------------------------------------------------------------------------


def rehearse(clips: Sequence[Path], keep: Path, stand_ins: Path | None) -> list[Row]:
    """Run both sets on all clips, each set in a process of its own with an empty stage cache.

    A set whose process ends early has a row with an error for every clip that it did not get to.
    """
    from benchmarks.bench import own_cache

    rows = []
    for which in SETS:
        with own_cache() as settings:
            environment = {k: v for k, v in os.environ.items() if not k.startswith("DEEPL")}
            environment |= {"SPEECHGLASS_CACHE_DIR": str(settings.cache_dir), "SPEECHGLASS_MODELS": which}
            command = [sys.executable, "-m", "benchmarks.full", "--set", which, "--keep", str(keep), *map(str, clips)]
            if stand_ins is not None:
                command += ["--stand-in-weights", str(stand_ins)]
            with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as child:
                assert child.stdout is not None
                done = [row for line in child.stdout if (row := _read(line)) is not None]
            status = child.returncode
        rows += done
        why = f"the process of the {which} set ended with status {status} before this clip was done"
        rows += [Row(clip.stem, which, error=why) for clip in clips[len(done) :]]
    return rows


def _read(line: str) -> Row | None:
    """Return the row that a line of the child holds; what libraries print is passed on."""
    if not line.startswith("{"):
        print(line, end="", file=sys.stderr)
        return None
    return Row(**json.loads(line))


def table(rows: Sequence[Row]) -> str:
    """Return the table, a line for each clip and set."""
    columns = [*STAGES, "all", "GPU asked", "card MB", "main MB", "words", "speakers", "faces", "transl."]
    scores = {"WER": "word_error_rate", "speaker": "speaker_accuracy", "face": "face_accuracy"}
    lines = ["  ".join([f"{'clip':20} {'set':5} {'length':>6}", *columns, *scores])]
    for row in rows:
        if row.error:
            lines.append(f"{row.clip:20} {row.set:5} failed: {row.error}")
            continue
        cells = [f"{row.seconds.get(stage, 0.0):.2f}" for stage in (*STAGES, "all")]
        cells += [f"{value:.0f}" for value in (row.asked, row.card, row.machine, row.words, row.speakers, row.faces)]
        cells += [f"{row.translated}/{row.phrases}"]
        cells += [f"{row.scores[name]:.2f}" if name in row.scores else "-" for name in scores.values()]
        widths = [len(column) for column in (*columns, *scores)]
        aligned = [cell.rjust(width) for cell, width in zip(cells, widths, strict=True)]
        lines.append("  ".join([f"{row.clip:20} {row.set:5} {row.duration:6.1f}", *aligned]))
    return "\n".join(lines)


def checks(rows: Sequence[Row], stand_ins: bool) -> list[Check]:
    """Return what the verdict rests on. With stand-ins only what does not depend on the weights."""
    full = [row for row in rows if row.set == "full"]
    failed = [f"{row.clip} ({row.set}): {row.error}" for row in rows if row.error]
    found = [Check("every clip goes through both sets", not failed, "; ".join(failed) or f"{len(rows)} runs")]
    done = [row for row in full if not row.error]
    lost = [f"{row.clip}: {', '.join(row.notices)}" for row in done if {"gpu", "light"} & set(row.notices)]
    found.append(Check("no stage of the full set was given up", not lost, "; ".join(lost) or "none was"))
    if stand_ins:
        return found
    card, machine = (max((getattr(row, kind) for row in done), default=0.0) for kind in ("card", "machine"))
    found.append(Check("the GPU was used", card > 0, f"{card:.0f} MB at most"))
    found.append(Check(f"a card of 48 GB is enough ({CARD:.0f} MB)", card <= CARD, f"{card:.0f} MB at most"))
    found.append(Check(f"main memory is enough ({MACHINE:.0f} MB)", machine <= MACHINE, f"{machine:.0f} MB at most"))
    late = [
        f"{row.clip}: {needed:.0f} of {row.asked:.0f} s"
        for row in done
        if (needed := row.seconds["all"] - row.seconds.get("render", 0.0)) > row.asked
    ]
    found.append(Check("no clip takes longer than a Space would ask for", not late, "; ".join(late) or "none does"))
    missing = [f"{row.clip}: {row.translated} of {row.phrases}" for row in done if row.translated < row.phrases]
    found.append(Check("every phrase is translated without a key", not missing, "; ".join(missing) or "all are"))
    return found + _compared(rows)


def _compared(rows: Sequence[Row]) -> list[Check]:
    """Compare the means of both sets over the clips whose truth is known."""
    better = {"word_error_rate": -1, "speaker_accuracy": 1, "face_accuracy": 1}
    found = []
    for name, sign in better.items():
        known = {row.clip for row in rows if name in row.scores}
        both = [{r.clip: r.scores[name] for r in rows if r.set == which and name in r.scores} for which in SETS]
        clips = [clip for clip in known if all(clip in scores for scores in both)]
        if clips:
            full, light = (sum(scores[clip] for clip in clips) / len(clips) for scores in both)
            said = f"{full:.3f}, light {light:.3f}, over {len(clips)} clips"
            found.append(
                Check(
                    f"{name.replace('_', ' ')} is no worse than the light set's",
                    sign * (full - light) >= -TOLERANCE,
                    said,
                )
            )
    return found


def verdict(found: Sequence[Check], stand_ins: bool) -> tuple[str, int]:
    """Return the last line and the exit status."""
    wrong = [check for check in found if not check.passed]
    if wrong:
        return f"VERDICT: NO. {len(wrong)} of {len(found)} checks failed: " + "; ".join(c.name for c in wrong) + ".", 1
    if stand_ins:
        return (
            "VERDICT: the script and the code of the full set work here. With stand-ins nothing is said of the models.",
            0,
        )
    return "VERDICT: YES. The full set works on this machine and is no worse than the light set.", 0


def default_clips() -> list[Path]:
    """Return the examples, and the recorded clips with a truth where the machine has them."""
    recorded = ROOT.parent / "shared" / "clips"
    known = [path.with_name(path.name.removesuffix(".truth.json")) for path in sorted(recorded.glob("*.truth.json"))]
    clips = [next(known_clip.parent.glob(f"{known_clip.name}.mp4"), None) for known_clip in known]
    return [*sorted((ROOT / "examples").glob("*.mp4")), *(clip for clip in clips if clip is not None)]


def _has_gpu() -> bool:
    try:
        import torch
    except ImportError:
        return False
    return torch.cuda.is_available()


def main(arguments: Sequence[str] | None = None) -> int:
    """Rehearse, or be one set's process; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="*", metavar="CLIP")
    parser.add_argument("--keep", type=Path, help="folder for the results of every run; default: they are removed")
    parser.add_argument("--stand-ins", action="store_true", help="small random weights, on the processor if need be")
    parser.add_argument("--set", choices=SETS, help=argparse.SUPPRESS)
    parser.add_argument("--stand-in-weights", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    clips = [clip.resolve() for clip in given.clips or default_clips()]
    for clip in clips:
        if not clip.is_file():
            print(f"There is no clip {clip}.", file=sys.stderr)
            return 2
    if given.set:
        for row in run_set(given.set, clips, given.keep, given.stand_in_weights):
            print(json.dumps(dataclasses.asdict(row)), flush=True)
        return 0
    if not given.stand_ins and not _has_gpu():
        print(
            "There is no CUDA GPU here. Run this on a machine with one; --stand-ins tries the script without.",
            file=sys.stderr,
        )
        return 2
    with contextlib.ExitStack() as stack:
        keep = given.keep.resolve() if given.keep else Path(stack.enter_context(tempfile.TemporaryDirectory()))
        keep.mkdir(parents=True, exist_ok=True)
        stand_ins = None
        if given.stand_ins:
            from tests.fixtures_full import checkpoints

            stand_ins = checkpoints(Path(stack.enter_context(tempfile.TemporaryDirectory())), hears=True)
        rows = rehearse(clips, keep, stand_ins)
    print(table(rows))
    found = checks(rows, given.stand_ins)
    print("\n".join(f"{'ok  ' if check.passed else 'FAIL'} {check.name}: {check.found}" for check in found))
    said, status = verdict(found, given.stand_ins)
    print(said)
    return status


if __name__ == "__main__":
    sys.exit(main())
