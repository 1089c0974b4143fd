"""Say what a clip holds: judge the facts that the scan of a file returns, and choose its picture and its sound."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from pipeline.errors import LimitError, NoAudioError, NotAClipError, UsageError
from pipeline.media import child
from pipeline.media.child import printable
from pipeline.records import Clip
from pipeline.settings import Settings

#: The demuxers a stranger's file may be opened with. None of them opens another file or address: no hls, dash, concat,
#: image2, sdp, svg, no subtitle or script formats. Raw streams without timestamps are left out as well.
DEMUXERS = (
    "mov", "matroska", "avi", "mpegts", "mpeg", "flv", "asf", "mxf", "gif", "ogg", "wav", "w64", "mp3", "flac", "aac",
    "aiff", "caf", "amr", "ac3", "eac3", "au",
)  # fmt: skip

KINDS = "MP4, MOV, WebM, MKV, AVI, GIF, MP3, M4A or WAV"  #: for sentences
MAX_SIDE = 8192  #: px; H.264 level 6.2 ends here, and a sliver of 1 x 9 million pixels passes a pixel limit
MAX_PACKETS = 1_000_000  #: five minutes of 240 fps with PCM sound have 100 000
PACKETS_PER_S = 300  #: of a long recording: 240 fps and sound
REMEMBERED = 64  #: scans; a run looks at its clip three times

Facts = dict[str, Any]  #: of one stream, as `scan.Stream.facts` returns them


def probe(path: Path, settings: Settings, audio: int | None = None) -> Clip:
    """Return what the file holds, read from its headers, its packets and the first frame of each stream.

    The packets are walked instead of trusting the header's duration: a file that was cut off ends where its last whole
    packet ends (`Clip.missing` says how much is gone), and a variable rate shows only in the timestamps. `audio` is the
    number of the sound track to take, from 1, among those that can be heard; None takes the one marked as default.

    Raises NotAClipError for what is no clip, LimitError for what is beyond the settings, UsageError for a track that is
    not there.
    """
    path = Path(os.path.abspath(path))  # noqa: PTH100  resolve() would follow links and change the name in messages
    name = printable(path.name)
    _check_file(path, name, settings)
    facts = _facts(path, name, settings)
    if facts["packets"] > _most_packets(settings.max_duration_s):
        raise LimitError(f"{name} is cut into too many pieces; save it again as MP4 and retry.")
    picture = _picture(facts["streams"], name, settings)
    sounds = _sounds(facts["streams"], name)
    if picture is None and not sounds:
        if facts["packets"] or any(stream["codec"] for stream in facts["streams"]):
            raise NotAClipError(
                f"{name} holds no picture and no sound that can be read; it may have been cut off: save it again."
            )
        raise NotAClipError(_refusal(name))
    sound = _chosen_sound(sounds, audio)
    return _clip(path, name, facts["container"], picture, sound, sounds, settings)


def readable_streams(path: Path) -> list[int]:
    """Return the indices of the pictures and sounds of a file that have a decoder; covers are none.

    Raises NotAClipError where there are none.
    """
    name = printable(path.name)
    streams = _facts(path.absolute(), name, Settings())["streams"]
    readable = [s["index"] for s in streams if s["codec"] and not s["cover"]]
    if not readable:
        raise NotAClipError(_refusal(name))
    return readable


def _refusal(name: str) -> str:
    return f"{name} is not a video or sound file we can open; save it as {KINDS} and try again."


def _check_file(path: Path, name: str, settings: Settings) -> None:
    try:
        if path.is_dir():
            raise NotAClipError(f"{name} is a folder; choose a video or sound file.")
        if not path.exists():
            raise NotAClipError(f"There is no file {name}; check the name and try again.")
        if not path.is_file():
            raise NotAClipError(f"{name} is not an ordinary file; choose a video or sound file.")
        size = path.stat().st_size
        with path.open("rb"):
            pass
    except (OSError, ValueError) as error:
        reason = error.strerror.lower() if isinstance(error, OSError) and error.strerror else "the name is not valid"
        raise NotAClipError(f"{name} cannot be opened ({reason}); choose another file.") from None
    if size == 0:
        raise NotAClipError(f"{name} is empty (zero bytes); upload it again.")
    if size > settings.max_file_bytes:
        raise LimitError(
            f"{name} has {size / 2**20:.0f} MB and the limit is {settings.max_file_bytes / 2**20:.0f} MB; "
            "cut it shorter or compress it and try again."
        )


def _facts(path: Path, name: str, settings: Settings) -> Facts:
    """Return the facts of the file; they are remembered for as long as the file stays as it is.

    Raises NotAClipError where they cannot be had.
    """
    about = path.stat()
    identity = (about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns)
    try:
        facts = _scanned(path, identity, settings.max_pixels, settings.max_duration_s + 60)
    except child.ScanFailed as failed:
        if str(failed) == "time":
            text = f"{name} takes too long to read; save it again as MP4 and retry."
        else:
            text = f"{name} is damaged in a way that stops the program that reads it; save it again as MP4 and retry."
        raise NotAClipError(text) from None
    if facts["error"] == "memory":
        raise NotAClipError(f"{name} needs too much memory to be read; save it again as MP4 and retry.")
    if facts["error"]:
        raise NotAClipError(_refusal(name))
    return facts


def _most_packets(longest_s: float) -> int:
    return max(MAX_PACKETS, round(longest_s * PACKETS_PER_S))


@functools.lru_cache(maxsize=REMEMBERED)
def _scanned(path: Path, identity: tuple[int, ...], max_pixels: int, longest_s: float) -> Facts:
    """Return what a child process says of the file. `identity` makes a file that was changed another file."""
    order = {
        "path": str(path), "demuxers": ",".join(DEMUXERS), "max_pixels": max_pixels, "longest_s": longest_s,
        "max_packets": _most_packets(longest_s - 60),
    }  # fmt: skip
    facts: Facts = json.loads(child.scan(json.dumps(order).encode()))
    return facts


# --- the picture and the sound ----------------------------------------------------------------------------------------


def _picture(streams: Sequence[Facts], name: str, settings: Settings) -> Facts | None:
    """Return the stream with the most pixels among those that last: thumbnails and small proxies are not the picture.

    Raises NotAClipError for a picture that cannot be read, LimitError for one that is too large.
    """
    videos = [s for s in streams if s["type"] == "video" and not s["cover"]]
    longest = max((_length(s) for s in videos if s["packets"]), default=0.0)
    lasting = [s for s in videos if s["packets"] == 0 or _length(s) >= longest / 2]
    readable = [s for s in lasting if s["codec"]]
    fitting = [s for s in readable if _fits(s, settings)]
    if readable and not fitting:
        size = f"{readable[0]['width']} x {readable[0]['height']}, "
        raise LimitError(
            f"The picture of {name} is {size if readable[0]['width'] else ''}larger than we can take; "
            "scale it down to 4K (3840 x 2160) or less and try again."
        )
    good = [s for s in fitting if s["packets"] and s["decodes"]]
    if good:
        return max(good, key=lambda s: (s["width"] * s["height"], s["default"], -s["index"]))
    if any(s["packets"] for s in lasting):
        if not any(s["packets"] for s in fitting):
            raise NotAClipError(
                f"The picture of {name} is in a codec that we cannot read; save it as MP4 with H.264 and try again."
            )
        raise NotAClipError(f"The picture of {name} is damaged and cannot be decoded; save it again and retry.")
    return None


def _fits(stream: Facts, settings: Settings) -> bool:
    """Return whether the size is within the limits; libavcodec forgets one above `max_pixels`, so none is too large."""
    width, height = stream["width"], stream["height"]
    return width > 0 and height > 0 and width * height <= settings.max_pixels and max(width, height) <= MAX_SIDE


def _length(stream: Facts) -> float:
    """Return the s for which the stream is shown or heard."""
    return float(stream["end"] - stream["start"]) if "start" in stream else 0.0


def _sounds(streams: Sequence[Facts], name: str) -> list[Facts]:
    """Return the sound tracks that can be heard, in the order of the file; declared but empty ones are none.

    Raises NoAudioError where there is sound and no track can be decoded.
    """
    tracks = [s for s in streams if s["type"] == "audio" and s["packets"]]
    heard = [s for s in tracks if s["codec"] and s["rate"] and s["channels"] and s["decodes"] and "start" in s]
    if any(not s["codec"] for s in tracks) and not heard:
        raise NoAudioError(
            f"The sound of {name} is in a codec that we cannot read; save it as MP4 with AAC and try again."
        )
    return heard


def _chosen_sound(sounds: Sequence[Facts], audio: int | None) -> Facts | None:
    if audio is not None and not 1 <= audio <= len(sounds):
        have = f"has {len(sounds)} sound tracks" if len(sounds) > 1 else f"has {'one' if sounds else 'no'} sound track"
        raise UsageError(f"The clip {have}, so there is no track {audio}; choose another or leave the choice out.")
    if audio is not None:
        return sounds[audio - 1]
    return next((s for s in sounds if s["default"]), sounds[0] if sounds else None)


def _clip(
    path: Path, name: str, container: str, picture: Facts | None, sound: Facts | None, sounds: Sequence[Facts],
    settings: Settings,
) -> Clip:  # fmt: skip
    chosen = [stream for stream in (picture, sound) if stream is not None]
    promised = max(stream["promised"] for stream in chosen)
    _check_duration(promised, name, settings)
    origin = min(stream["start"] - stream["delay"] for stream in chosen)
    duration = max(stream["end"] - stream["delay"] for stream in chosen) - origin
    _check_duration(duration, name, settings)
    # Only these containers write a duration that is not estimated from the file's size.
    told = container.split(",")[0] in ("mov", "matroska", "avi")
    missing = promised - duration if told and promised - duration > 0.25 else 0.0
    values: dict[str, Any] = {}
    if picture is not None:
        values |= _picture_values(picture, origin, settings)
    if sound is not None:
        values |= {
            "audio_start": sound["start"] - origin, "audio_codec": sound["codec"], "audio_stream": sound["index"],
            "audio_rate": sound["rate"], "audio_channels": sound["channels"], "audio_track": sounds.index(sound) + 1,
            "audio_tracks": len(sounds),
        }  # fmt: skip
    return Clip(
        path=path, duration=duration, has_video=picture is not None, has_audio=sound is not None,
        container=container, origin=origin, missing=missing, **values,
    )  # fmt: skip


def _picture_values(picture: Facts, origin: float, settings: Settings) -> dict[str, Any]:
    rotation = -round(picture["rotation"] / 90) * 90 % 360
    aspect = _sample_aspect(picture, settings)
    width, height = shown_size(picture["width"], picture["height"], aspect, rotation)
    return {
        "width": width, "height": height, "frame_rate": Fraction(picture["rate"]), "variable_rate": picture["variable"],
        "rotation": rotation, "sample_aspect": aspect, "video_start": picture["start"] - picture["delay"] - origin,
        "video_codec": picture["codec"], "video_stream": picture["index"], "interlaced": picture["interlaced"],
        "video_delay": picture["delay"], "counted": picture["counted"], "transparent": picture["alpha"],
        **_colours(picture),
    }  # fmt: skip


def _check_duration(duration: float, name: str, settings: Settings) -> None:
    if duration > settings.max_duration_s + 0.5:  # a clip cut to the limit ends within a few frames of it
        raise LimitError(
            f"{name} is {minutes(duration)} long and the limit is {minutes(settings.max_duration_s)}; "
            "cut it shorter and try again."
        )


def _sample_aspect(picture: Facts, settings: Settings) -> Fraction:
    aspect = Fraction(picture["aspect"])
    if aspect <= 0:
        return Fraction(1)
    width, height = shown_size(picture["width"], picture["height"], aspect, 0)
    # No camera has such pixels: a broken header, or one that makes a large picture of a small one.
    broken = not Fraction(1, 4) <= aspect <= 4 or width * height > settings.max_pixels
    return Fraction(1) if broken else aspect


def shown_size(width: int, height: int, aspect: Fraction, rotation: int) -> tuple[int, int]:
    """Return the size upright with square pixels; the side that is too short grows, so that no detail is lost."""
    if aspect >= 1:
        width = round(width * aspect)
    else:
        height = round(height / aspect)
    return (height, width) if rotation in (90, 270) else (width, height)


def _colours(picture: Facts) -> dict[str, Any]:
    """Return range, matrix and transfer of a decoded frame; the codes are those of ITU-T H.273."""
    matrix = {0: "rgb", 1: "bt709", 5: "bt601", 6: "bt601", 9: "bt2020", 10: "bt2020"}.get(picture["matrix"], "")
    if picture["rgb"] or "pal" in picture["pixels"]:
        matrix = "rgb"
    transfer = {16: "pq", 18: "hlg"}.get(picture["transfer"], "")
    full = picture["range"] == 2 or picture["pixels"].startswith("yuvj")
    return {"colour_matrix": matrix, "colour_transfer": transfer, "full_range": full}


def minutes(seconds: float) -> str:
    """Return a length of time for a sentence: "59 s", "5 min 1 s"."""
    whole, rest = divmod(round(seconds), 60)
    if whole == 0:
        return f"{rest} s"
    return f"{whole} min {rest} s" if rest else f"{whole} min"
