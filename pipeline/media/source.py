"""How a stranger's clip is given to ffmpeg: arguments and the beginning of every filter graph."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

from pipeline.media.probing import DEMUXERS
from pipeline.records import Clip

MAX_SYNC_ERROR = 0.03  #: s; a sound track may be late by it and be copied (45 ms are noticed, ITU-R BT.1359)

#: Only files, and only with the demuxers that open no other file.
LEASH = {"protocol_whitelist": "file", "format_whitelist": ",".join(DEMUXERS)}

#: Options of aresample. It pads a late start and gaps with silence and cuts overlaps, by timestamps; t = 0 is sample 0.
FILL = {"async": 1, "min_hard_comp": MAX_SYNC_ERROR, "first_pts": 0}


def file(path: Path) -> bytes:
    """Return the path as ffmpeg gets it: absolute, behind `file:`, so that no name is an option or another protocol."""
    return b"file:" + os.fsencode(os.path.abspath(path))  # noqa: PTH100


def arguments(path: Path) -> list[str | bytes]:
    """Return the plain arguments that open a stranger's file."""
    return [*(part for name, value in LEASH.items() for part in (f"-{name}", value)), "-i", file(path)]


def url(path: Path) -> str:
    """Return `file(path)` one character a byte, for ffmpeg-python: it hashes UTF-8, and a name may hold any bytes."""
    return file(path).decode("latin-1")


def opened(clip: Clip, **options: Any) -> Any:
    """Return the clip as an input of ffmpeg-python."""
    import ffmpeg

    # A stream may change its size on the way: up to 4K, or what the probe let through.
    most = max(clip.width * clip.height, 4096 * 2304)
    return ffmpeg.input(url(clip.path), **LEASH, max_pixels=most, **options)


def sound_on_clock(clip: Clip) -> Any:
    """Return the clip's sound with timestamps on the clip's clock."""
    return opened(clip)[str(clip.audio_stream)].filter("asetpts", f"PTS-({clip.origin:.6f})/TB")


def picture_on_clock(clip: Clip, **options: Any) -> Any:
    """Return the clip's picture with timestamps on the clip's clock; frames without one are counted."""
    stream = opened(clip, reinit_filter=0, **options)[str(clip.video_stream)]
    if clip.counted:
        return stream.filter("setpts", f"({clip.video_start:.6f}+N/({clip.frame_rate}))/TB")
    return stream.filter("setpts", f"PTS-({clip.origin + clip.video_delay:.6f})/TB")


def compiled(output: Any) -> list[str | bytes]:
    """Return the arguments of an output of ffmpeg-python, for `child.FFmpeg`."""
    return ["-copyts", *(argument.encode("latin-1") for argument in output.get_args())]


def unfinished(to: Path) -> Path:
    """Return a name beside `to` for what is not finished; short, because `to` may have the longest name there is."""
    return to.parent / f".{secrets.token_hex(8)}.part"
