"""make bench: quality and speed, as a table and, on the last line, as JSON.

    python -m benchmarks.bench [--only NAME ...] [--quick]

For every clip of the recorded clips (where the machine has them) and every example the command line runs as a user's
would, in its own process with an empty stage cache; what it wrote is scored. Then, in this process:
    evidence     speaker and face accuracy with voices only and with all evidence on these clips and on composed ones,
                 perceived once and kept (benchmarks/perceive.py); the same with the records disturbed
                 (benchmarks/disturb.py), and how confidence goes with being right
    goals        what was reached of what the project promises (benchmarks/goals.py)
    rendering    seconds over a plain ffmpeg transcode, by look (benchmarks/drawing.py)
    memory       peak of the whole process tree on a clip and on ten times as long a clip
Machines are noisy, so speed is a ratio to something measured in the same run: the clip's length or a transcode.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import io
import json
import math
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks import goals, score
from benchmarks.der import der, read_rttm
from benchmarks.disturb import disturbed
from benchmarks.drawing import rendering
from benchmarks.judge import JudgedPhrase, judge
from benchmarks.perceive import COMPOSED, cases, clips, default_folders, judge_all, perceive
from benchmarks.perceive import Case as Perceived
from pipeline import Settings, media
from pipeline.people import attribute

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared" / "clips"
#: Lower edges of the bins of confidence whose share of right phrases is printed.
BINS = (0.99, 0.9, 0.6, 0.0)


@dataclasses.dataclass(frozen=True)
class Case:
    """A clip to measure, with its truth where that is known."""

    name: str
    clip: Path
    truth: Path | None

    @property
    def language(self) -> str:
        return json.loads(self.truth.read_text())["language"] if self.truth else "en"


def recorded(only: list[str]) -> list[Case]:
    """Shared clips where present and the examples; of these `only`, if any."""
    found = []
    for source in (SHARED, ROOT / "examples"):
        for clip in sorted(source.glob("*.mp4")) + sorted(source.glob("*.flac")):
            truth = clip.with_suffix(".truth.json")
            found.append(Case(clip.stem, clip, truth if truth.exists() else None))
    return [case for case in found if not only or case.name in only]


def scored(analysis_json: str, truth: Path) -> dict[str, float]:
    """Return the figures of benchmarks.score for a transcript.json against the truth of its clip."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file, contextlib.redirect_stdout(io.StringIO()) as said:
        file.write(analysis_json)
        file.flush()
        score.main(file.name, str(truth))
    return json.loads(said.getvalue().splitlines()[-1])


class PeakMemory:
    """Peak resident memory of a process and its children, sampled 20 times a second, MB."""

    def __init__(self, pid: int) -> None:
        self.megabytes = 0.0
        self._process, self._done = psutil.Process(pid), threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._done.wait(0.05):
            total = 0
            with contextlib.suppress(psutil.Error):
                for process in [self._process, *self._process.children(recursive=True)]:
                    with contextlib.suppress(psutil.Error):
                        total += process.memory_info().rss
            self.megabytes = max(self.megabytes, total / 2**20)

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()


@contextlib.contextmanager
def own_cache() -> Iterator[Settings]:
    """Settings with the user's models and an empty stage cache."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "models").symlink_to(Settings().cache_dir / "models")
        yield Settings(models="light", cache_dir=Path(folder))


def command(clip: Path, language: str, out: Path, look: str = "cyberpunk") -> dict[str, Any]:
    """The command line on a clip, as a user runs it: seconds, peak memory, what it wrote."""
    target = "PL" if language == "en" else "EN-US"
    with own_cache() as settings:
        environment = {**os.environ, "SPEECHGLASS_CACHE_DIR": str(settings.cache_dir)}
        environment = {k: v for k, v in environment.items() if not k.startswith("DEEPL")}
        arguments = [sys.executable, "-m", "pipeline", str(clip), "--to", target, "--out", str(out)]
        arguments += ["--models", "light", "--look", look]
        start = time.monotonic()
        process = subprocess.Popen(
            arguments, cwd=ROOT, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
        )
        with PeakMemory(process.pid) as memory:
            _, said = process.communicate()
        seconds = time.monotonic() - start
    if process.returncode:
        raise SystemExit(f"{clip.name}: the command failed: {said.decode()[-500:]}")
    record = json.loads((out / "transcript.json").read_text())
    duration = record["media"]["duration"]
    return {
        "seconds": seconds,
        "duration": duration,
        "ratio": seconds / duration,
        "megabytes": memory.megabytes,
        "timings": record["timings"],
    }


@dataclasses.dataclass(frozen=True)
class Trial:
    """One clip with its records as perceived or disturbed: share of the samples with the right person, and its
    phrases.
    """

    what: str
    voice: float
    all: float
    phrases: tuple[JudgedPhrase, ...]


def trials(case: Perceived) -> Iterator[Trial]:
    """The clip as perceived and with every disturbance it has material for."""
    for what, voices, faces in disturbed(case.name, case.diarization, case.faces):
        judged = {
            mode: judge(attribute(case.transcript, voices, faces, evidence=mode), case.truth, case.media.width)
            for mode in ("voice", "all")
        }
        yield Trial(what, judged["voice"].speaker, judged["all"].speaker, judged["all"].phrases)


def longer(case: Case, folder: Path, times: int = 10) -> Case:
    """The clip, `times` over."""
    to = folder / f"{case.name}_x{times}.mp4"
    subprocess.run(
        [media.ffmpeg_binary(), "-v", "error", "-stream_loop", str(times - 1), "-i", case.clip, "-c", "copy", "-y", to],
        check=True,
    )
    return Case(to.stem, to, None)


def by_disturbance(trials: Sequence[Trial]) -> dict[str, dict[str, float]]:
    """By what was done: cases, mean share right with voices only and with all evidence, and in how many all was
    worse.
    """
    rows = {}
    for what in dict.fromkeys(trial.what for trial in trials):
        mine = [(trial.voice, trial.all) for trial in trials if trial.what == what]
        rows[what] = {
            "cases": len(mine),
            "voice": sum(voice for voice, _ in mine) / len(mine),
            "all": sum(everything for _, everything in mine) / len(mine),
            "below": sum(everything < voice - 0.01 for voice, everything in mine),
        }
    return rows


def calibration(phrases: Sequence[JudgedPhrase]) -> list[dict[str, float]]:
    """How often phrases had the right person and the right face, by bin of confidence, the surest first."""
    rows = []
    for low, high in zip(BINS, (math.inf, *BINS), strict=False):
        inside = [p.right for p in phrases if low <= p.confidence < high]
        if inside:
            rows.append({"from": low, "right": sum(inside) / len(inside), "phrases": len(inside)})
    return rows


def as_json(summary: dict[str, Any]) -> str:
    """The summary as one line; numpy's scalars become numbers, what else json does not know its text."""
    return json.dumps(summary, default=lambda value: value.item() if isinstance(value, np.generic) else str(value))


def commands(chosen: Sequence[Case], folder: Path) -> dict[str, dict[str, Any]]:
    """The command line on every clip: prints a line each; returns the figures by clip."""
    rows: dict[str, dict[str, Any]] = {}
    print(f"{'clip':20} {'WER':>6} {'speaker':>8} {'count':>6} {'face':>6} {'x length':>9} {'MB':>6}  s by stage")
    for case in chosen:
        out = folder / "out" / case.name
        row = command(case.clip, case.language, out)
        figures = scored((out / "transcript.json").read_text(), case.truth) if case.truth else {}
        rttm = case.clip.with_suffix(".rttm")
        if rttm.exists():
            reference, found = read_rttm(rttm), read_rttm(out / "turns.rttm")
            figures |= {
                "der": der(reference, found),
                "der_strict": der(reference, found, collar=0.0, overlap=True),
                "voices_error": len({w for *_, w in found}) - len({w for *_, w in reference}),
            }
        rows[case.name] = {**figures, **row}
        cells = [
            figures.get(k) for k in ("word_error_rate", "speaker_accuracy", "speaker_count_error", "face_accuracy")
        ]
        shown = " ".join(f"{'-' if v is None else f'{v:.2f}':>7}" for v in cells)
        stages = " ".join(f"{k} {v:.1f}" for k, v in row["timings"].items())
        heard = f"  DER {figures['der']:.3f}, strict {figures['der_strict']:.3f}" if "der" in figures else ""
        print(f"{case.name:20}{shown} {row['ratio']:9.2f} {row['megabytes']:6.0f}  {stages}{heard}", flush=True)
    return rows


def evidence(only: list[str]) -> dict[str, Any]:
    """Judge the attribution on recorded and composed clips, plain and disturbed; prints tables, returns their
    figures.
    """
    if not only and not COMPOSED.is_dir():  # composing takes minutes
        from benchmarks.compose import compose

        compose(COMPOSED)
    for clip in clips(default_folders(), only):
        perceive(clip)
    print()
    given = list(cases(only=only))
    result = judge_all(attribute, given)
    found = [trial for case in given if not case.hard for trial in trials(case)]
    if found:
        print(f"\n{'disturbed':28} {'cases':>6} {'voice':>7} {'all':>6}  all below voice")
    result["disturbed"] = by_disturbance(found)
    for what, row in result["disturbed"].items():
        print(f"{what:28} {row['cases']:6} {row['voice']:7.2f} {row['all']:6.2f}  {row['below']}")
    result["calibration"] = calibration([phrase for trial in found for phrase in trial.phrases])
    for row in result["calibration"]:
        print(f"confidence from {row['from']:.2f}: {row['right']:.1%} of {row['phrases']} phrases right")
    return result


def costs(chosen: Sequence[Case], settings: Settings, folder: Path) -> dict[str, Any]:
    """Rendering and memory; prints them and returns their figures."""
    found: dict[str, Any] = {"rendering": rendering(settings, folder)}
    print(
        "\nrendering over a plain transcode, 60 s of 720p: "
        + ", ".join(f"{k} {v:.2f}" for k, v in found["rendering"].items())
    )
    short = next((c for c in chosen if c.name == "cuts"), next((c for c in chosen if c.clip.suffix == ".mp4"), None))
    if short:
        found["memory_mb"] = {
            c.name: command(c.clip, "en", folder / "out" / f"memory_{c.name}")["megabytes"]
            for c in (short, longer(short, folder))
        }
        print("peak memory, MB: " + ", ".join(f"{k} {v:.0f}" for k, v in found["memory_mb"].items()))
    return found


def main() -> None:
    """Measure what was asked for and print the tables and the line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=[], help="names of clips")
    parser.add_argument("--quick", action="store_true", help="no rendering and no memory measurement")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, own_cache() as settings:
        folder, chosen = Path(scratch), recorded(given.only)
        summary: dict[str, Any] = {"clips": commands(chosen, folder), "evidence": evidence(given.only)}
        summary["goals"] = goals.table(summary["clips"], summary["evidence"])
        if not given.quick:
            summary |= costs(chosen, settings, folder)
    print(as_json(summary))


if __name__ == "__main__":
    main()
