"""How a stranger's clip is given to ffmpeg: arguments and the beginning of every filter graph."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pipeline.media.child import FFmpeg
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


#: Containers that are cut together byte by byte, so that the rate and the channels of the sound may change on the way.
_SPLICED = ("mpegts", "mpeg", "aac", "mp3", "ac3", "eac3", "flv", "ogg")


@contextlib.contextmanager
def sound_on_clock(clip: Clip, rate: int, channels: int) -> Iterator[tuple[Any, Sequence[int]]]:
    """Yield the clip's sound with timestamps on the clip's clock, and the descriptors that its reader must inherit.

    Where the sound changes its rate or its channels, ffmpeg begins a new filter graph, which would fill the time from
    zero with silence once more. Where that can happen another ffmpeg converts the sound to `rate` and `channels` first
    and hands it on with its timestamps.
    """
    import ffmpeg

    if clip.container not in _SPLICED:
        yield opened(clip)[str(clip.audio_stream)].filter("asetpts", _shift(clip).partition("=")[2]), ()
        return
    convert: list[str | bytes] = [
        # nofillin: libav would guess times inside a packet by the rate the sound had at first.
        "-copyts", "-fflags", "nofillin", *arguments(clip.path), "-map", f"0:{clip.audio_stream}", "-af", _shift(clip),
        "-c:a", "pcm_s16le", "-ar", str(rate), "-ac", str(channels), "-f", "nut", "pipe:1",
    ]  # fmt: skip
    with FFmpeg(convert, "read the sound", stdout=True) as converter:
        assert converter.process.stdout is not None
        end = converter.process.stdout.fileno()
        steady = ffmpeg.input(f"pipe:{end}", format="nut", protocol_whitelist="pipe")
        yield steady.audio, (end,)


def _shift(clip: Clip) -> str:
    """Return the filter that puts sound on the clip's clock."""
    return f"asetpts=PTS-({clip.origin:.6f})/TB"


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
