"""Batches: how much faster two clips at a time are, on this machine and on a local Ray, and how far more workers scale.

    python -m benchmarks.batch real [--clips 24] [--seconds 4]     one after another, --jobs 2, and single runs
    python -m benchmarks.batch ray [--clips 24] [--seconds 4]      --jobs 2 in processes, and with a local Ray
    python -m benchmarks.batch simulated [--took S ...]            1 to 16 workers that sleep as long as stages took

The clips are cut from the recorded clips and the examples. Every run has an empty stage cache. `real` compares the
files of all runs byte by byte, but for the timings, and prints how long each clip took: `simulated` sleeps as long.
`ray` needs the extra "ray". Each command ends within ten minutes on two idle cores.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from pipeline import processes
from pipeline.progress import EXPECTED
from pipeline.records import Progress, Stage

ROOT = Path(__file__).parents[1]
FOLDERS = (ROOT.parent / "shared" / "clips", ROOT / "examples")
#: Clips that are compared with single runs: the first ones.
SINGLE = 2
WORKERS = (1, 2, 4, 8, 16)
#: s of the clips that are simulated where `--took` does not say how long each took: their stages take what `make bench`
#: measured (`pipeline.progress.EXPECTED`).
LENGTHS = (4.0, 6.0, 5.0, 8.0, 4.0, 10.0, 7.0, 12.0)
CLIPS = 160  #: that are simulated: the same again and again


def cut(to: Path, count: int, seconds: float) -> list[Path]:
    """Cut `count` different clips of `seconds` s out of the recorded clips and the examples."""
    from pipeline.media import ffmpeg_binary, probe
    from pipeline.settings import Settings

    sources = [clip for folder in FOLDERS if folder.is_dir() for clip in sorted(folder.glob("*.mp4"))]
    lengths = {clip: probe(clip, Settings()).duration for clip in sources}
    pieces = [(clip, n * seconds) for n in range(99) for clip in sources if (n + 1) * seconds <= lengths[clip]]
    if len(pieces) < count:
        raise SystemExit(f"There is material for {len(pieces)} clips of {seconds:g} s only.")
    found = []
    for clip, start in pieces[:count]:
        found.append(to / f"{clip.stem}-{start:g}.mp4")
        command = [
            ffmpeg_binary(), "-v", "error", "-ss", str(start), "-t", str(seconds), "-i", str(clip), "-c:v", "libx264",
            "-preset", "veryfast", "-crf", "20", "-c:a", "aac", str(found[-1]),
        ]  # fmt: skip
        subprocess.run(command, check=True)
    return found


def run(*arguments: str | Path) -> float:
    """Run the command line with an empty stage cache; return its seconds."""
    from benchmarks.bench import own_cache

    with own_cache() as settings:
        environment = {**os.environ, "SPEECHGLASS_CACHE_DIR": str(settings.cache_dir), "SPEECHGLASS_MODELS": "light"}
        environment = {name: value for name, value in environment.items() if not name.startswith("DEEPL")}
        begin = time.monotonic()
        command = [sys.executable, "-m", "pipeline", *map(str, arguments), "--to", "EN-US"]
        subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
        return time.monotonic() - begin


def files(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder of results; of transcript.json and project.json all but the timings."""
    found = {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    for name in ("transcript.json", "project.json"):
        if name in found:
            text = json.loads(found[name])
            text.get("transcript", text).pop("timings")
            found[name] = json.dumps(text).encode()
    return found


def differing(one: Path, other: Path, names: Sequence[str]) -> Iterator[str]:
    """Yield the files of the folders `names` that are not the same in both results."""
    for name in names:
        first, second = files(one / name), files(other / name)
        for file in sorted(first.keys() | second.keys()):
            if first.get(file) != second.get(file):
                yield f"{name}/{file}"


def real(count: int, seconds: float) -> None:
    """Compare one clip after another with two at a time and with single runs."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "clips").mkdir()
        clips = cut(folder / "clips", count, seconds)
        names = [clip.stem for clip in clips]
        one = run("batch", folder / "clips", "--out", folder / "one")
        records = sorted((folder / "one" / ".batch").glob("*.json"), key=lambda path: path.stat().st_mtime)
        ends = [path.stat().st_mtime for path in records]
        took = [round(b - a, 2) for a, b in itertools.pairwise(ends)]
        two = run("batch", folder / "clips", "--out", folder / "two", "--jobs", "2")
        for clip in clips[:SINGLE]:
            run(clip, "--out", folder / "single" / clip.stem)
        wrong = [*differing(folder / "one", folder / "two", names)]
        wrong += differing(folder / "two", folder / "single", names[:SINGLE])
    print(f"{'':24} {'s':>7} {'clips a minute':>15}")
    print(f"{'one after another':24} {one:7.1f} {60 * count / one:15.1f}")
    print(f"{'two at a time':24} {two:7.1f} {60 * count / two:15.1f}")
    print(f"{one / two:.2f} times as fast (goal: at least 1.5)")
    print(f"files that differ: {', '.join(wrong) or 'none'} ({count} clips, {SINGLE} of them against single runs)")
    print(f"seconds of each clip but the first: {took}")


def ray(count: int, seconds: float) -> None:
    """Compare two clips at a time in processes and on a local Ray of two workers."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "clips").mkdir()
        names = [clip.stem for clip in cut(folder / "clips", count, seconds)]
        pool = run("batch", folder / "clips", "--out", folder / "pool", "--jobs", "2")
        on_ray = run("batch", folder / "clips", "--out", folder / "ray", "--jobs", "2", "--ray", "auto")
        wrong = list(differing(folder / "pool", folder / "ray", names))
    print(f"{'':24} {'s':>7}\n{'two processes':24} {pool:7.1f}\n{'two workers of Ray':24} {on_ray:7.1f}")
    print(f"Ray takes {on_ray / pool:.2f} times as long (goal: at most 1.15)")
    print(f"files that differ: {', '.join(wrong) or 'none'}")


@dataclass(frozen=True)
class Sleeper:
    """Stands for both stages of a clip: it sleeps as long as they took."""

    pace: float  #: s a recorded s

    def __call__(self, seconds: float) -> Stage[int]:
        """Sleep, and report a hundred times as real stages do."""
        for step in range(100):
            time.sleep(seconds * self.pace / 100)
            yield Progress("speech", step / 100, overall=step / 100)
        return 0


def simulated(pace: float, took: Sequence[float]) -> None:
    """Work on clips that sleep with 1 to 16 processes, through the code that runs a batch."""
    took = took or [sum(fixed + each * length for fixed, each in EXPECTED.values()) for length in LENGTHS]
    clips = [took[n % len(took)] for n in range(CLIPS)]
    total = sum(clips) * pace
    print(f"{CLIPS} clips, {total:.0f} s of sleep")
    print(f"{'workers':>8} {'s':>8} {'times as fast':>14} {'of linear':>10}")
    first = 0.0
    for workers in WORKERS:
        begin = time.monotonic()
        done = 0
        with closing(processes.work(clips, functools.partial(Sleeper, pace), workers)) as work:
            done = sum(not isinstance(said, float) for _, said in work)
        seconds = time.monotonic() - begin
        assert done == CLIPS
        first = first or seconds
        print(f"{workers:8} {seconds:8.1f} {first / seconds:14.2f} {first / seconds / workers:10.2f}", flush=True)
    print("goal: at least 0.90 of linear with 16 workers")


def main() -> None:
    """Run one of the three comparisons."""
    parser = argparse.ArgumentParser(description="Batches: two at a time, on Ray, and on more workers.")
    parser.add_argument("what", choices=("real", "ray", "simulated"))
    parser.add_argument("--clips", type=int, default=24)
    parser.add_argument("--seconds", type=float, default=4.0, help="length of a clip")
    parser.add_argument("--pace", type=float, default=0.1, help="s that are slept for a recorded s")
    parser.add_argument("--took", type=float, nargs="*", default=[], metavar="S", help="s of each clip, from `real`")
    given = parser.parse_args()
    if given.what == "simulated":
        simulated(given.pace, given.took)
    else:
        {"real": real, "ray": ray}[given.what](given.clips, given.seconds)


if __name__ == "__main__":
    main()
