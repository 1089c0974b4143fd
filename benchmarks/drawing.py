"""How fast the looks are drawn.

    python -m benchmarks.drawing [--only rendering overlays stills] [--seconds 60]

    rendering    seconds over a plain ffmpeg transcode with the same encoder settings, by look, on 720p with speech all
                 the time
    overlays     the look alone on a transparent background: seconds over the length of the clip, by kind of file, and
                 how many frames it has against the clip's; with the processor seconds of this process and its ffmpeg
    stills       seconds of one picture of the clip, with a translation in every language: on a machine that has drawn
                 one before, as the page does, and of the whole command
Machines are noisy, so speed is a ratio to something measured in the same run: the clip's length or a transcode. The
last line is one JSON object.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from pipeline import Look, Settings, media, transcript
from pipeline.progress import finish
from pipeline.records import Analysis, Box, Media, Phrase

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared" / "clips"
WRITING = ROOT / "tests" / "unit" / "data" / "writing.json"  #: a sentence in every language
LOOKS = ("cyberpunk", "kiroshi", "bars", "classic", "word-pop")


def constant_speech(folder: Path, seconds: int) -> Path:
    """Write a clip of 1280 x 720 px of that length to `folder` and return its path."""
    source = next(c for c in (SHARED / "cuts.mp4", *sorted((ROOT / "examples").glob("*.mp4"))) if c.exists())
    to = folder / f"speech_{seconds}.mp4"
    if not to.exists():
        subprocess.run(
            [media.ffmpeg_binary(), "-v", "error", "-stream_loop", "-1", "-i", source, "-t", str(seconds), "-vf",
             "scale=1280:720,setsar=1", "-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-c:a", "aac", "-y",
             to],
            check=True,
        )  # fmt: skip
    return to


def rendering(settings: Settings, folder: Path, seconds: int = 60) -> dict[str, float]:
    """Seconds of rendering over seconds of a plain transcode, by look, on 720p with speech all the time.

    The shortest of three each, in turns: what else the machine does only ever adds.
    """
    clip_path = constant_speech(folder, seconds)
    analysis = speaking(clip_path, settings)
    clip = media.probe(clip_path, settings)
    works: dict[str, Callable[[], Any]] = {
        name: partial(_drawn, clip_path, analysis, Look(name=name), folder / "drawn.mp4", settings) for name in LOOKS
    }
    works["plain_s"] = partial(media.transcode_plain, clip, folder / "plain.mp4")
    took = {name: min(times) for name, times in _in_turns(works, 3).items()}
    return {name: took[name] / took["plain_s"] for name in LOOKS} | {"plain_s": took["plain_s"]}


def _drawn(clip: Path, analysis: Analysis, look: Look, to: Path, settings: Settings) -> None:
    from pipeline.run import render

    finish(render(clip, analysis, look, to, settings))


def overlays(settings: Settings, folder: Path, seconds: int = 60) -> dict[str, float]:
    """Return seconds, and processor seconds, of every kind of overlay over the length of its clip; prints a line each.

    Raises SystemExit for an overlay that has not as many frames as the clip.
    """
    from pipeline.run import overlay

    clip_path = constant_speech(folder, seconds)
    analysis, clip = speaking(clip_path, settings), media.probe(clip_path, settings)
    found = {}
    for kind in media.OVERLAYS:
        to = folder / f"overlay.{kind}"
        start, spent = time.monotonic(), _processor_s()
        finish(overlay(clip_path, analysis, Look(), to, settings))
        found[kind] = (time.monotonic() - start) / clip.duration
        found[f"{kind}_processor"] = (_processor_s() - spent) / clip.duration
        frames, expected = _frames_of(to), media.frame_count(clip, media.output_rate(clip))
        print(
            f"overlay.{kind}: {found[kind]:.2f} of the clip's length, {found[f'{kind}_processor']:.2f} of processor "
            f"time; {frames} frames of {expected}, {to.stat().st_size / 2**20:.1f} MB",
            flush=True,
        )
        if frames != expected:
            raise SystemExit(f"overlay.{kind} has {frames} frames, the clip {expected}.")
    return found


def _processor_s() -> float:
    """Return the processor seconds of this process and of all children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _frames_of(video: Path) -> int:
    import av

    with av.open(str(video)) as container:
        return sum(1 for packet in container.demux(video=0) if packet.size)


def stills(settings: Settings, folder: Path) -> dict[str, float]:
    """Return the median and the longest s of a still, drawn again and by the command, over all languages."""
    from pipeline.run import preview

    clip_path = constant_speech(folder, 20)
    spoken = speaking(clip_path, settings)
    samples = json.loads(WRITING.read_text(encoding="utf-8"))
    again, command = {}, {}
    for code, sample in samples.items():
        text = sample["sample"][:70]
        phrases = tuple(dataclasses.replace(phrase, translation=text) for phrase in spoken.phrases)
        analysis = dataclasses.replace(spoken, phrases=phrases, target_language=code)
        start = time.monotonic()
        preview(clip_path, analysis, Look(), 2.0, settings)
        again[code] = time.monotonic() - start
        record = folder / "still.json"
        record.write_text(transcript.to_json(analysis), encoding="utf-8")
        arguments = ["render", str(record), str(clip_path), "--preview", "2", str(folder / "still.png")]
        start = time.monotonic()
        subprocess.run([sys.executable, "-m", "pipeline", *arguments], cwd=ROOT, check=True, capture_output=True)
        command[code] = time.monotonic() - start
    found: dict[str, float] = {}
    for name, took in (("page", again), ("command", command)):
        slowest = max(took, key=lambda code: took[code])
        found |= {f"{name}_median_s": sorted(took.values())[len(took) // 2], f"{name}_longest_s": took[slowest]}
        print(f"still, {name}: median {found[f'{name}_median_s']:.2f} s, longest {took[slowest]:.2f} s ({slowest})")
    return found


def _in_turns(works: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """s of every work, once a round."""
    took: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            start = time.monotonic()
            work()
            took[name].append(time.monotonic() - start)
    return took


def speaking(clip_path: Path, settings: Settings) -> Analysis:
    """An analysis of the clip in which two people talk without a pause, every phrase another and translated."""
    from pipeline.records import Evidence, Person, PersonTurn, Track, Word

    clip = media.probe(clip_path, settings)
    phrases, start, number = [], 0.0, 1
    while start + 4 < clip.duration:
        text = ["and", "this", "is", "what", "person", str(number), "says", "while", "the", "picture", "is", "drawn"]
        words = tuple(Word(start + i * 0.3, start + i * 0.3 + 0.25, word) for i, word in enumerate(text))
        person = f"p{1 + number % 2}"
        phrases.append(
            Phrase(number, start, words[-1].end, person, " ".join(text), words,
                   f"a to mówi {number}. człowiek, podczas gdy obraz jest właśnie rysowany", Evidence(1.0))
        )  # fmt: skip
        start, number = words[-1].end + 0.2, number + 1
    w, h = clip.width, clip.height
    boxes = [
        tuple(
            Box(t / 5, w * x + t % 7, h * 0.35, w * x + w * 0.15 + t % 7, h * 0.7)
            for t in range(int(clip.duration * 5))
        )
        for x in (0.2, 0.6)
    ]
    return Analysis(
        media=Media(clip.duration, w, h, clip.frame_rate), language="en", target_language="PL", models={},
        people=(Person("p1", "Speaker 1", "#00e5ff", True, 1.0, 30.0), Person("p2", "Speaker 2", "#ffb000", True, 1.0,
        30.0)),
        phrases=tuple(phrases), turns=tuple(PersonTurn(p.start, p.end, p.person or "p1") for p in phrases),
        tracks=(Track("p1", boxes[0]), Track("p2", boxes[1])), notices=(), timings={},
    )  # fmt: skip


def main() -> None:
    """Measure what was asked for and print it, and a line of JSON."""
    works: dict[str, Callable[..., dict[str, float]]] = {"rendering": rendering, "overlays": overlays, "stills": stills}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=works, default=list(works), help="what to measure")
    parser.add_argument("--seconds", type=int, default=60, help="length of the clip that is drawn")
    given = parser.parse_args()
    settings, found = Settings.from_environment(models="light"), {}
    with tempfile.TemporaryDirectory() as scratch:
        for name in given.only:
            length = () if name == "stills" else (given.seconds,)
            found[name] = works[name](settings, Path(scratch), *length)
            print(name + ": " + ", ".join(f"{key} {value:.2f}" for key, value in found[name].items()), flush=True)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
