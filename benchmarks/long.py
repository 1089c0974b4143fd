"""A long recording against a short one: memory, time, and whether everybody stays the same person.

    python -m benchmarks.long [--minutes 60] [--jobs 1] [--keep DIR]

The recorded clips are joined one after another, again and again, to a recording of five minutes and one of `--minutes`.
The command line runs on both with --long and an empty stage cache. 60 minutes take about as long as two thirds of their
length on two idle cores; `--minutes 15` ends within ten.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from benchmarks.bench import ROOT, SHARED, PeakMemory, own_cache
from benchmarks.perceive import PEOPLE
from pipeline.media import ffmpeg_binary, probe
from pipeline.settings import Settings

#: The clips, in the order in which they are joined; people of one clip come back in others.
CLIPS = ("cuts", "two_shot_2", "real_interview", "two_shot", "real_talkshow", "real_meeting", "off_screen_voice")
SHORT_S = 300.0  #: of the recording that the long one is compared with
RATE = 25
STEP_S = 0.05


@dataclass(frozen=True)
class Turn:
    """One person speaks in the recording."""

    start: float
    end: float
    person: str


def normalised(clip: Path, to: Path) -> float:
    """Write `clip` in the one form that all parts of a recording have; return its length, s."""
    picture = (
        f"scale=1280:720:force_original_aspect_ratio=decrease,pad=1280:720:-1:-1,setsar=1,fps={RATE},format=yuv420p"
    )
    length = round(probe(clip, Settings()).duration * RATE) / RATE
    command = [
        ffmpeg_binary(), "-v", "error", "-y", "-i", str(clip), "-vf", picture,
        "-af", "aresample=48000,apad", "-ac", "2",
        "-t", f"{length:.3f}", "-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-g", "50", "-c:a", "pcm_s16le",
        "-f", "matroska", str(to),
    ]  # fmt: skip
    subprocess.run(command, check=True)
    return frames(to) / RATE


def frames(clip: Path) -> int:
    """Return the number of pictures in a file."""
    import av

    with av.open(str(clip)) as container:
        return sum(1 for packet in container.demux(video=0) if packet.size)


def recording(folder: Path, seconds: float) -> tuple[Path, list[Turn]]:
    """Join clips to a recording of about `seconds` s; return it with who speaks when."""
    parts: dict[str, tuple[Path, float]] = {}
    for name in CLIPS:
        part = folder / f"{name}.mkv"
        parts[name] = part, frames(part) / RATE if part.exists() else normalised(SHARED / f"{name}.mp4", part)
    listed, turns, t = [], [], 0.0
    for name in itertools.cycle(CLIPS):
        if t >= seconds:
            break
        part, length = parts[name]
        listed.append(f"file '{part}'\n")
        turns += [Turn(turn.start + t, turn.end + t, turn.person) for turn in truth(name)]
        t += length
    (folder / "list.txt").write_text("".join(listed))
    to = folder / f"{round(seconds)}.mp4"
    command = [
        ffmpeg_binary(), "-v", "error", "-y", "-f", "concat", "-safe", "0", "-i", str(folder / "list.txt"), "-t",
        str(seconds), "-c:v", "copy", "-c:a", "aac", "-b:a", "160k", str(to),
    ]  # fmt: skip
    subprocess.run(command, check=True)
    return to, [turn for turn in turns if turn.end <= seconds]


def truth(name: str) -> list[Turn]:
    """Return who speaks when in a clip, with names that are the same in all clips."""
    turns = json.loads((SHARED / f"{name}.truth.json").read_text())["turns"]
    same = {"A": "flag woman", "B": "map man"} if set(PEOPLE[name]) == {"flag woman", "map man"} else {}
    return [Turn(turn["start"], turn["end"], same.get(turn["speaker"], f"{name} {turn['speaker']}")) for turn in turns]


def measured(clip: Path, out: Path, jobs: int) -> dict[str, float]:
    """Run the command line on `clip`; return its seconds and its peak of memory, MB."""
    with own_cache() as settings:
        environment = {**os.environ, "SPEECHGLASS_CACHE_DIR": str(settings.cache_dir), "SPEECHGLASS_MODELS": "light"}
        command = [sys.executable, "-m", "pipeline", str(clip), "--to", "PL", "--long", "--jobs", str(jobs)]
        begin = time.monotonic()
        process = subprocess.Popen([*command, "--out", str(out)], cwd=ROOT, env=environment)
        with PeakMemory(process.pid) as peak:
            status = process.wait()
    if status:
        raise SystemExit(f"The command ended with {status}.")
    return {"seconds": time.monotonic() - begin, "megabytes": peak.megabytes}


def sameness(transcript: dict[str, Any], turns: Sequence[Turn]) -> tuple[float, float]:
    """Return the share of the words' time that the right person says.

    First with everybody named once for the whole recording, then named anew every minute: the difference is what
    joining the parts costs.
    """
    names = sorted({turn.person for turn in turns})
    people = [person["id"] for person in transcript["people"]]
    groups = [list(group) for _, group in itertools.groupby(turns, key=lambda turn: int(turn.start // 60))]
    tables = np.zeros((len(groups), len(people), len(names)))
    total = 0.0
    for phrase in transcript["phrases"]:
        for word in phrase["words"]:
            for t in np.arange(word["start"] + STEP_S / 2, word["end"], STEP_S):
                found = [(g, turn) for g, group in enumerate(groups) for turn in group if turn.start <= t < turn.end]
                total += bool(found)
                if found and phrase["person"]:
                    tables[found[0][0], people.index(phrase["person"]), names.index(found[0][1].person)] += 1
    return _best(tables.sum(0)) / max(1.0, total), sum(map(_best, tables)) / max(1.0, total)


def _best(table: np.ndarray) -> float:
    rows, columns = linear_sum_assignment(table, maximize=True)
    return float(table[rows, columns].sum())


def main() -> None:
    """Measure both recordings and print a table, the goals, and one JSON line."""
    parser = argparse.ArgumentParser(description="A long recording against a short one.")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--jobs", type=int, default=1, help="parts at a time")
    parser.add_argument("--keep", type=Path, help="folder for the recordings and the results (default: removed)")
    given = parser.parse_args()
    if not SHARED.is_dir():
        raise SystemExit(f"The recorded clips are not on this machine ({SHARED}).")
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        rows = []
        for seconds in (SHORT_S, given.minutes * 60):
            clip, turns = recording(folder.absolute(), seconds)
            row = measured(clip, folder / f"results-{round(seconds)}", given.jobs)
            transcript = json.loads((folder / f"results-{round(seconds)}" / "transcript.json").read_text())
            row["same"], row["by_minute"] = sameness(transcript, turns)
            row["people"] = len(transcript["people"])
            row["true"] = len({turn.person for turn in turns})
            rows.append({"minutes": seconds / 60, **row})
    print(" minutes     time time/length  peak MB  people  true  same person  by minute")
    for row in rows:
        pace = row["seconds"] / row["minutes"] / 60
        print(
            f"{row['minutes']:8.0f} {row['seconds']:7.0f}s {pace:11.2f} {row['megabytes']:8.0f} {row['people']:7.0f}"
            f" {row['true']:5.0f} {row['same']:12.3f} {row['by_minute']:10.3f}"
        )
    short, long = rows
    print(f"memory: {long['megabytes'] / short['megabytes']:.2f} of five minutes' (goal: at most 1.20)")
    pace = long["seconds"] / long["minutes"] / (short["seconds"] / short["minutes"])
    print(f"time a minute: {pace:.2f} of five minutes' (goal: about 1)")
    print(f"the same people in {long['same']:.1%} of the speech (goal: 95%)")
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
