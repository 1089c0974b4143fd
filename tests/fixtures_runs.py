"""Whole runs in a second: real probe, sound, frames, drawing and files around models that answer at once.

`quick_models` answers like the real ones and counts its calls; `nothing_is_left` is the promise every fault must keep.
"""

from __future__ import annotations

import gc
import os
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from pipeline import media
from pipeline.progress import finish as finish
from pipeline.records import (
    Box,
    Clip,
    Diarization,
    Faces,
    FaceTrack,
    KeyFree,
    Phrase,
    Progress,
    Segment,
    Shot,
    Stage,
    Transcript,
    Turn,
    Voice,
    Word,
)
from pipeline.stages import Models
from tests.fixtures_clips import AAC, X264, ffmpeg

SECONDS = 1.2
WORDS = ("Good", "morning.", "How", "are", "you?")
FOUND = "translated by nobody"
NAMES = {"speech": "quick", "diarization": "quick", "faces": "quick", "identity": "quick", "translation": "quick"}


def nothing(_stage: str) -> None:
    """What happens in a stage when nothing happens."""


def quick_models(
    calls: Counter[str] | None = None, during: Callable[[str], None] = nothing, pause_s: float = 0.0
) -> Models:
    """Models that need no weights. `calls` counts what is computed, `during(stage)` runs in the middle of each."""
    count = Counter() if calls is None else calls

    def middle(stage: str) -> Iterator[Progress]:
        count[stage] += 1
        for step in (0.1, 0.5, 0.9):
            yield Progress(stage, step)
            time.sleep(pause_s)
            if step == 0.5:
                during(stage)

    def transcribe(sound: Path, language: str | None) -> Stage[Transcript]:
        length = len(media.read_sound(sound)) / media.SAMPLE_RATE
        yield from middle("speech")
        step = length / (len(WORDS) + 1)
        words = tuple(Word(i * step, (i + 1) * step, word, 0.9) for i, word in enumerate(WORDS))
        groups = (words[:2], words[2:])
        segments = tuple(Segment(g[0].start, g[-1].end, " ".join(w.text for w in g), g) for g in groups)
        return Transcript(language or "en", 0.9, segments)

    def diarize(sound: Path, speakers: int | None) -> Stage[Diarization]:
        length = len(media.read_sound(sound)) / media.SAMPLE_RATE
        yield from middle("voices")
        turns = (Turn(0.0, length * 0.33, "v1"), Turn(length * 0.33, length, "v2"))[: speakers or 2]
        return Diarization(turns, tuple(Voice(turn.speaker) for turn in turns))

    def find_faces(clip: Clip, sound: Path | None) -> Stage[Faces]:
        for _ in media.frames(clip, width=64, height=36, rate=5):
            pass
        yield from middle("faces")
        boxes = tuple(
            Box(t, clip.width * 0.4, clip.height * 0.5, clip.width * 0.6, clip.height * 0.9)
            for t in (0.0, clip.duration)
        )
        return Faces(
            (Shot(0.0, clip.duration),), (FaceTrack(1, 0, boxes, quality=0.5, portrait=b"\xff\xd8jpeg\xff\xd9"),)
        )

    def translate_speech(sound: Path, phrases: tuple[Phrase, ...], language: str, target: str) -> Stage[KeyFree]:
        yield from middle("translate")
        return KeyFree(tuple(FOUND for _ in phrases), "Babel", heard=True)

    return Models(NAMES, transcribe, diarize, find_faces, translate_speech, lambda target: True)


def small_clip(path: Path, seconds: float = SECONDS, size: str = "160x90", tone: int = 440) -> Path:
    """A clip of a moving picture with a tone at `path`; another `tone`, another clip."""
    ffmpeg(
        "-f", "lavfi", "-i", f"testsrc=s={size}:r=25:d={seconds}",
        "-f", "lavfi", "-i", f"sine=frequency={tone}:duration={seconds}:sample_rate=16000",
        *X264, *AAC, "-shortest", path,
    )  # fmt: skip
    return path


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below `folder` with its bytes."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def ffmpegs() -> list[psutil.Process]:
    """The ffmpeg processes of this process, in order of their start."""
    found = []
    for child in psutil.Process().children(recursive=True):
        try:
            if "ffmpeg" in child.name() and child.status() != psutil.STATUS_ZOMBIE:
                found.append(child)
        except psutil.NoSuchProcess:
            continue
    return sorted(found, key=lambda child: child.create_time())


def open_files() -> int:
    """How many descriptors this process holds."""
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208


@contextmanager
def nothing_is_left(*folders: Path) -> Iterator[None]:
    """When the block ends, however it ends: no child, thread, open file, or file in the temporary folder more than
    before, and `folders` hold byte for byte what they held."""
    scratch = Path(tempfile.gettempdir())
    gc.collect()
    before = ([tree(f) for f in (scratch, *folders)], threading.active_count(), open_files())
    children = {child.pid for child in psutil.Process().children(recursive=True)}
    try:
        yield
    finally:
        gc.collect()
        left = [c for c in psutil.Process().children(recursive=True) if c.pid not in children]
        assert not left, f"left running: {left}"
        deadline = time.monotonic() + 3  # for a server's thread that waits for its client to hang up
        while (threading.active_count() > before[1] or open_files() > before[2]) and time.monotonic() < deadline:
            time.sleep(0.02)
        now = ([tree(f) for f in (scratch, *folders)], threading.active_count(), open_files())
        for folder, was, held in zip((scratch, *folders), before[0], now[0], strict=True):
            assert held.keys() == was.keys(), f"{folder} holds {sorted(held.keys() ^ was.keys())} more or less"
            assert held == was, f"{folder} was changed"
        assert not [p for f in (scratch, *folders) for p in f.rglob(".*")], "an unfinished file is left"
        assert now[1] <= before[1], f"threads: {threading.enumerate()}"
        assert now[2] <= before[2], f"{now[2] - before[2]} files more are open"
