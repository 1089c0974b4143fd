"""All of ffmpeg: what is in a clip, its sound and its frames on one clock, and the finished video.

The clip's clock starts at the earliest first timestamp of the chosen picture and sound (`Clip.origin`). ffmpeg is always
run with `-copyts` and told that origin, because its own idea of the start depends on version, container and on which
streams are mapped. Frames leave here at a constant rate, t = k / rate; a clip with a variable rate is put on that grid by
its timestamps, so nothing outside this module counts frames.

Files come from strangers. ffmpeg sees them only as `file:` plus an absolute path, with the demuxers below and no
protocol but `file`, so a playlist cannot make it open other files or addresses; frames above the pixel limit are refused
by the header before one is decoded; children run at low priority in their own process group and are killed in `finally`.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import itertools
import os
import re
import secrets
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import wave
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import LimitError, MediaError, NoAudioError, NotAClipError
from pipeline.records import Clip, Progress, Stage
from pipeline.settings import Settings

if TYPE_CHECKING:
    import numpy as np

SAMPLE_RATE = 16_000  #: Hz, what every speech model here listens at

#: The demuxers a stranger's file may be opened with. None of them opens another file or address: no hls, dash, concat,
#: image2, sdp, svg, no subtitle or script formats. Raw streams without timestamps are left out as well.
DEMUXERS = (
    "mov", "matroska", "avi", "mpegts", "mpeg", "flv", "asf", "mxf", "gif", "ogg", "wav", "w64", "mp3", "flac", "aac",
    "aiff", "caf", "amr", "ac3", "eac3", "au",
)  # fmt: skip

KINDS = "MP4, MOV, WebM, MKV, AVI, GIF, MP3, M4A or WAV"  #: for sentences

#: Copied into the MP4 as they are: every browser plays them there. MP4 also carries AC-3, ALAC and Opus, which some
#: browsers then play silently; those become AAC.
COPIED_CODECS = ("aac", "mp3")

#: veryfast/21: visually clean at 2.5 times the speed of the default preset on two cores.
ENCODER: dict[str, Any] = {"vcodec": "libx264", "preset": "veryfast", "crf": 21, "pix_fmt": "yuv420p"}

MAX_SIDE = 8192  #: px; H.264 level 6.2 ends here, and a sliver of 1 x 9 million pixels passes a pixel limit
MAX_PACKETS = 1_000_000  #: five minutes of 240 fps with PCM sound have 100 000
MAX_SYNC_ERROR = (
    0.03  #: s; below it a late or gappy sound track may be copied (45 ms late is when viewers notice, ITU-R BT.1359)
)
STALL_S = 120.0  #: ffmpeg without a byte in or out for this long hangs; 4K AV1 needs under 5 s for its first frame
PIPE_BYTES = 2**20  #: the kernel's default ceiling; the 64 KiB default costs a context switch per 64 KiB
#: what ffmpeg gets of the environment; it reads strangers' files and has no business with keys
_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR", "HOME")
NICENESS = 5  #: the page must answer while two cores encode

_STANDARD_RATES = tuple(
    Fraction(n, d) for n, d in (
        (24000, 1001), (24, 1), (25, 1), (30000, 1001), (30, 1), (48000, 1001), (48, 1), (50, 1), (60000, 1001), (60, 1),
        (90, 1), (100, 1), (120000, 1001), (120, 1), (240, 1), (1, 1), (2, 1), (5, 1), (10, 1), (12, 1), (15, 1), (20, 1),
    )
)  # fmt: skip


# --- probe ------------------------------------------------------------------------------------------------------------


def probe(path: Path, settings: Settings) -> Clip:
    """What the file holds, read from its headers and packet timestamps; one frame is decoded.

    The packets are walked instead of trusting the header's duration: a file that was cut off ends where its last whole
    packet ends (`Clip.missing` says how much is gone), and a variable rate shows only in the timestamps. Walking five
    minutes takes 0.1 s.

    Raises NotAClipError for what is no clip, LimitError for what is beyond the settings.
    """
    import av

    path = Path(os.path.abspath(path))  # noqa: PTH100  resolve() would follow links and change the name in messages
    name = _printable(path.name)
    _check_file(path, name, settings)
    refusal = f"{name} is not a video or sound file we can open; save it as {KINDS} and try again."
    options = {
        "format_whitelist": ",".join(DEMUXERS),
        "protocol_whitelist": "file",
        "max_pixels": str(settings.max_pixels),
    }
    try:
        container = av.open(f"file:{path}", options=options, metadata_errors="replace")
    except (av.error.FFmpegError, ValueError, OSError):
        raise NotAClipError(refusal) from None
    with container:
        clip = _read_container(container, path, name, refusal, settings)
    return clip


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


def _read_container(container: Any, path: Path, name: str, refusal: str, settings: Settings) -> Clip:
    picture = _choose(container.streams.video)
    sound = _choose(container.streams.audio)
    if picture is None and sound is None:
        raise NotAClipError(refusal)
    if picture is not None:
        _check_picture(picture.codec_context, name, settings)
    chosen = [stream for stream in (picture, sound) if stream is not None]
    promised = max((float(s.duration * s.time_base) for s in chosen if s.duration is not None), default=0.0)
    _check_duration(promised, name, settings)

    scan = _Scan(chosen)
    scan.walk(container, name, settings)
    if picture is not None and scan.frame is None:
        picture = None if not scan.spans[picture.index].times else picture
        if picture is not None:
            raise NotAClipError(f"The picture of {name} is damaged and cannot be decoded; save it again and retry.")
    if sound is not None and (not scan.sounds or not scan.spans[sound.index].times):
        sound = None
    if picture is None and sound is None:
        raise NotAClipError(
            f"{name} holds no picture and no sound that can be read; it may have been cut off: save it again."
        )

    if sound is not None and scan.sound_start is not None:
        scan.spans[sound.index].start = scan.sound_start
    spans = [scan.spans[stream.index] for stream in (picture, sound) if stream is not None]
    origin = min(span.start for span in spans)
    values: dict[str, Any] = {}
    if picture is not None:
        span, frame, codec = scan.spans[picture.index], scan.frame, picture.codec_context
        rate, variable = _frame_rate(sorted(span.times), picture)
        span.end = max(span.end, max(span.times) + float(1 / rate) * (not span.has_durations))
        rotation = -round(frame.rotation / 90) * 90 % 360
        aspect = _sample_aspect(picture, codec, settings)
        width, height = _shown_size(codec.width, codec.height, aspect, rotation)
        values |= {
            "width": width, "height": height, "frame_rate": rate, "variable_rate": variable, "rotation": rotation,
            "sample_aspect": aspect, "video_start": span.start - origin, "video_codec": codec.name,
            "video_stream": picture.index, **_colours(frame), "interlaced": _is_interlaced(codec, frame),
        }  # fmt: skip
    if sound is not None:
        span = scan.spans[sound.index]
        values |= {
            "audio_start": span.start - origin, "audio_codec": sound.codec_context.name,
            "audio_stream": sound.index, "audio_rate": sound.codec_context.sample_rate or 0,
        }  # fmt: skip
    duration = max(span.end for span in spans) - origin
    _check_duration(duration, name, settings)
    # Only these containers write a duration that is not estimated from the file's size.
    told = container.format.name.split(",")[0] in ("mov", "matroska", "avi")
    missing = promised - duration if told and promised - duration > 0.25 else 0.0
    return Clip(
        path=path, duration=duration, has_video=picture is not None, has_audio=sound is not None,
        container=container.format.name, origin=origin, missing=missing, **values,
    )  # fmt: skip


def _choose(streams: Iterable[Any]) -> Any:
    """The stream marked as default, else the first, among those that can be decoded; cover art is no picture."""
    from av.stream import Disposition

    usable = []
    for stream in streams:
        codec = stream.codec_context
        if codec is None or stream.disposition & Disposition.attached_pic:
            continue
        if stream.type == "audio" and not (codec.sample_rate and codec.channels):
            continue
        usable.append(stream)
    return next((s for s in usable if s.disposition & Disposition.default), usable[0] if usable else None)


class _Span:
    """The timestamps of one stream, in s of the file."""

    def __init__(self) -> None:
        self.start = float("inf")
        self.end = float("-inf")
        self.times: list[float] = []
        self.has_durations = True

    def add(self, start: float, duration: float) -> None:
        self.start = min(self.start, start)
        self.end = max(self.end, start + duration)
        self.has_durations = self.has_durations and duration > 0
        self.times.append(start)


class _Scan:
    """One walk over the packets of the chosen streams, with the first frame of each decoded."""

    def __init__(self, streams: list[Any]) -> None:
        self.streams = streams
        self.spans = {stream.index: _Span() for stream in streams}
        self.frame: Any = None  # the first decoded picture
        self.sounds = False  # whether any sound could be decoded
        self.sound_start: float | None = None  # of the first sample that is heard: after what the encoder put before

    def walk(self, container: Any, name: str, settings: Settings) -> None:
        import av

        for stream in self.streams:
            if stream.type == "video":
                stream.codec_context.thread_count = 1  # frame threads would hold back the first frame
        packets = 0
        try:
            for packet in container.demux(self.streams):
                self._decode(packet)
                if packet.size == 0 or packet.pts is None or packet.is_corrupt or packet.is_discard:
                    continue
                span = self.spans[packet.stream_index]
                base = packet.time_base
                span.add(float(packet.pts * base), float((packet.duration or 0) * base))
                packets += 1
                if packets > MAX_PACKETS:
                    raise LimitError(f"{name} is cut into too many pieces; save it again as MP4 and retry.")
                if span.end - span.start > settings.max_duration_s + 60:
                    _check_duration(span.end - span.start, name, settings)
        except (av.error.FFmpegError, OSError):
            pass  # a cut-off file ends here; what was read so far is the clip, and an empty scan is refused by the caller

    def _decode(self, packet: Any) -> None:
        import av

        picture = packet.stream.type == "video"
        if self.frame is not None if picture else self.sounds:
            return
        try:
            frames = packet.decode()
        except (av.error.FFmpegError, OSError):
            return  # a damaged packet; the next may be whole
        if not frames:
            return
        if picture:
            self.frame = frames[0]
        else:
            self.sounds = True
            self.sound_start = frames[0].time


def _check_picture(codec: Any, name: str, settings: Settings) -> None:
    width, height = codec.width, codec.height
    # libavcodec forgets a size above `max_pixels`, so none is the same as too large.
    if width < 1 or height < 1 or width * height > settings.max_pixels or max(width, height) > MAX_SIDE:
        told = f"{width} x {height}, " if width and height else ""
        raise LimitError(
            f"The picture of {name} is {told}larger than we can take; scale it down to 4K (3840 x 2160) or less and try again."
        )


def _check_duration(duration: float, name: str, settings: Settings) -> None:
    if duration > settings.max_duration_s + 0.5:  # a clip cut to the limit ends within a few frames of it
        raise LimitError(
            f"{name} is {_minutes(duration)} long and the limit is {_minutes(settings.max_duration_s)}; "
            "cut it shorter and try again."
        )


def _frame_rate(times: list[float], stream: Any) -> tuple[Fraction, bool]:
    """The nominal rate, and whether the clip leaves it. With a variable rate it is that of its fastest tenth."""
    told = Fraction(stream.average_rate or 0)
    gaps = sorted(b - a for a, b in itertools.pairwise(times) if b > a)
    if not gaps:
        return (told if 0 < told <= 240 else Fraction(25)), False
    middle = gaps[len(gaps) // 2]
    # Containers that count in milliseconds write 33, 33, 34: up to 1.5 ms off is still the same gap.
    odd = sum(abs(gap - middle) > max(0.0015, 0.1 * middle) for gap in gaps)
    variable = odd > 0.05 * len(gaps)
    if variable:
        exact = 1 / gaps[len(gaps) // 10]
    else:
        kept = [gap for gap in gaps if abs(gap - middle) <= max(0.0015, 0.1 * middle)]
        exact = len(kept) / sum(kept)
        if told and abs(told / Fraction(exact) - 1) < 0.0003:  # 24 and 24000/1001 are 0.001 apart
            return told, False
    near = min(_STANDARD_RATES, key=lambda rate: abs(float(rate) / exact - 1))
    if abs(float(near) / exact - 1) < (0.04 if variable else 0.002):
        return near, variable
    return max(Fraction(exact).limit_denominator(100), Fraction(1, 100)), variable


def _sample_aspect(stream: Any, codec: Any, settings: Settings) -> Fraction:
    aspect = Fraction(stream.sample_aspect_ratio or codec.sample_aspect_ratio or 1)
    if aspect <= 0:
        return Fraction(1)
    width, height = _shown_size(codec.width, codec.height, aspect, 0)
    # No camera has such pixels: a broken header, or one that makes a large picture of a small one.
    broken = not Fraction(1, 4) <= aspect <= 4 or width * height > settings.max_pixels
    return Fraction(1) if broken else aspect


def _shown_size(width: int, height: int, aspect: Fraction, rotation: int) -> tuple[int, int]:
    """Upright with square pixels; the side that is too short grows, so that no detail is lost."""
    if aspect >= 1:
        width = round(width * aspect)
    else:
        height = round(height / aspect)
    return (height, width) if rotation in (90, 270) else (width, height)


def _is_interlaced(codec: Any, frame: Any) -> bool:
    return bool(frame.interlaced_frame) or int(getattr(codec, "field_order", 0) or 0) >= 2


def _colours(frame: Any) -> dict[str, Any]:
    """Range, matrix and transfer of a decoded frame; codes of ITU-T H.273."""
    matrix = {0: "rgb", 1: "bt709", 5: "bt601", 6: "bt601", 9: "bt2020", 10: "bt2020"}.get(int(frame.colorspace), "")
    if frame.format.is_rgb or "pal" in frame.format.name:
        matrix = "rgb"
    transfer = {16: "pq", 18: "hlg"}.get(int(frame.color_trc), "")
    full = int(frame.color_range) == 2 or frame.format.name.startswith("yuvj")
    return {"colour_matrix": matrix, "colour_transfer": transfer, "full_range": full}


def _printable(name: str) -> str:
    """The file's name for a sentence: no control characters, not endless, in quotes."""
    clean = "".join(c if c.isprintable() else " " for c in name)
    return f"“{clean if len(clean) <= 60 else clean[:40] + '…' + clean[-15:]}”"


def _minutes(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    if minutes == 0:
        return f"{rest} s"
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


# --- sizes and rates --------------------------------------------------------------------------------------------------


def output_size(clip: Clip) -> tuple[int, int]:
    """Width and height of the finished video: the clip's own, made even (4:2:0 needs it)."""
    return max(2, clip.width // 2 * 2), max(2, clip.height // 2 * 2)


def output_rate(clip: Clip) -> Fraction:
    """The clip's own rate where text moves smoothly at it (20 to 60 fps), else the nearest multiple or half."""
    rate = clip.frame_rate
    if rate <= 0:
        return Fraction(25)
    if rate < 20:
        return rate * -(-24 // rate)
    while rate > 60:
        rate /= 2
    return rate


def frame_count(clip: Clip, rate: Fraction) -> int:
    """How many frames the finished video has: the clip's length to the nearest frame, at least one."""
    return max(1, round(Fraction(clip.duration) * rate))


# --- sound ------------------------------------------------------------------------------------------------------------


def extract_sound(clip: Clip, to: Path) -> Stage[Path]:
    """`to` is a 16 kHz mono s16 WAV on the clip's clock, exactly as long as the clip: a late sound track begins with
    silence, gaps are filled, a short one ends in silence.

    Raises NoAudioError without a sound track, MediaError when ffmpeg fails.
    """
    import ffmpeg

    if not clip.has_audio:
        raise NoAudioError("The clip has no sound track; choose one in which people can be heard.")
    samples = max(1, round(clip.duration * SAMPLE_RATE))
    stream = _on_clock(_source(clip)[str(clip.audio_stream)], clip, audio=True)
    stream = stream.filter("aresample", SAMPLE_RATE, **_FILL)
    command = ffmpeg.output(stream, "pipe:1", format="s16le", ac=1, ar=SAMPLE_RATE)
    part = _part(to)
    try:
        with (
            part.open("wb") as raw,
            _Child(command, "read the sound", stdout=True) as child,
            wave.open(raw, "wb") as file,  # last: closed before it knows its channels, it hides why
        ):
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(SAMPLE_RATE)
            written = 0
            block = bytearray(SAMPLE_RATE * 2 * 5)  # five seconds
            while (size := child.read(memoryview(block))) > 0:
                taken = min(size // 2, samples - written)
                file.writeframes(memoryview(block)[: taken * 2])
                written += taken
                yield Progress("probe", min(1.0, written / samples), "reading the sound")
            child.finish(enough=written > 0)
            while written < samples:
                taken = min(samples - written, SAMPLE_RATE * 5)
                file.writeframes(bytes(taken * 2))
                written += taken
        part.replace(to)
    except OSError as error:
        raise disk_error(error) from error
    finally:
        part.unlink(missing_ok=True)
    return to


def read_sound(path: Path) -> np.ndarray:
    """The samples of a WAV that `extract_sound` wrote: float32 (samples,), -1..1, 16 kHz.

    Raises MediaError for any other kind of file.
    """
    import numpy as np

    try:
        with wave.open(str(path), "rb") as file:
            if (file.getnchannels(), file.getsampwidth(), file.getframerate()) != (1, 2, SAMPLE_RATE):
                raise MediaError(f"{_printable(path.name)} is not 16 kHz mono; extract the sound again.")
            data = file.readframes(file.getnframes())
    except (wave.Error, EOFError, OSError) as error:
        raise MediaError(f"{_printable(path.name)} cannot be read as sound; extract it again.") from error
    return np.frombuffer(data, "<i2").astype(np.float32) / 32768


#: Pads a late start and gaps with silence and cuts overlaps, by timestamps; t = 0 is sample 0.
_FILL = {"async": 1, "min_hard_comp": MAX_SYNC_ERROR, "first_pts": 0}


# --- frames -----------------------------------------------------------------------------------------------------------


def frames(
    clip: Clip,
    *,
    width: int,
    height: int,
    rate: Fraction | float | None = None,
    pixels: str = "rgb24",
    start: float = 0.0,
    end: float | None = None,
) -> Generator[tuple[float, np.ndarray], None, None]:
    """(t, frame) for t = k / rate from `start` up to `end` (default: the whole clip, `frame_count` frames), upright, square
    pixels, uint8, writable: "rgb24" (height, width, 3); "yuv420p" flat (height * 3 // 2, width), limited range, in the
    clip's own matrix (`video_matrix`).

    ffmpeg decodes ahead of the caller by what its threads and the pipe hold; each frame is an array of its own. Where the
    picture begins late its first frame is shown from t = 0, where it ends early its last frame stays.

    Raises MediaError when ffmpeg fails.
    """
    import numpy as np

    shape = {"rgb24": (height, width, 3), "yuv420p": (height * 3 // 2, width)}[pixels]
    rate = output_rate(clip) if rate is None else Fraction(rate).limit_denominator(1001)
    # 1e-6 frames: `start` and `end` are floats that stand for k / rate.
    first = max(0, _ceil(start * rate))
    last = frame_count(clip, rate) if end is None else min(_ceil(end * rate), frame_count(clip, rate))
    if last <= first:
        return
    command = _decoder(clip, width, height, rate, pixels, first, last - first)
    with _Child(command, "read the picture", stdout=True) as child:
        for index in range(first, last):
            frame = np.empty(shape, np.uint8)
            if child.read(frame.data.cast("B")) < frame.nbytes:
                child.finish(enough=False)
                raise MediaError("The picture of the clip ends too early; save it again as MP4 and retry.")
            yield float(index / rate), frame


def video_matrix(clip: Clip) -> str:
    """The matrix of "yuv420p" frames of this clip, "bt709" or "bt601": its own, and where it does not say what players
    assume (BT.709 from 720 lines on)."""
    if clip.colour_matrix in ("bt709", "bt601"):
        return clip.colour_matrix
    if clip.colour_matrix == "" and not clip.colour_transfer and clip.height < 720:
        return "bt601"
    return "bt709"


def _decoder(clip: Clip, width: int, height: int, rate: Fraction, pixels: str, first: int, count: int) -> Any:
    import ffmpeg

    options: dict[str, Any] = {}
    if first > 0:
        # A second early and to the key frame before: the frame that covers `start` may be shown long before it.
        options = {"noaccurate_seek": None, "ss": f"{max(0.0, float(first / rate) - 1):.6f}"}
    stream = _on_clock(_source(clip, reinit_filter=0, **options)[str(clip.video_stream)], clip, audio=False)
    if clip.interlaced:
        stream = stream.filter("bwdif", mode="send_frame", deint="interlaced")
    reduce = rate < clip.frame_rate
    if reduce:
        stream = _at_rate(stream, rate, first)
    stream = _convert(stream, clip, width, height, pixels)
    if not reduce:
        stream = _at_rate(stream, rate, first)
    stream = stream.filter("tpad", stop=-1, stop_mode="clone")
    # From zero: ffmpeg would fill the time before `start` with copies of the first frame.
    stream = stream.filter("setpts", "PTS-STARTPTS")
    return ffmpeg.output(stream, "pipe:1", format="rawvideo", pix_fmt=pixels, **{"frames:v": count})


def _at_rate(stream: Any, rate: Fraction, first: int) -> Any:
    return stream.filter(
        "fps", fps=f"{rate.numerator}/{rate.denominator}", start_time=f"{float(first / rate):.9f}", round="near"
    )


def _convert(stream: Any, clip: Clip, width: int, height: int, pixels: str) -> Any:
    """To the asked size, square pixels and 8 bit limited range; HDR through linear light and Hable's curve."""
    colours = {}
    if pixels == "yuv420p":
        colours = {"out_range": "tv"}
        if clip.colour_matrix in ("rgb", "bt2020"):
            colours["out_color_matrix"] = "bt709"
    stream = stream.filter("scale", width, height, flags="bicubic", **({} if clip.colour_transfer else colours))
    stream = stream.filter("setsar", 1)
    if clip.colour_transfer:
        stream = stream.filter("zscale", t="linear", npl=100).filter("format", "gbrpf32le").filter("zscale", p="bt709")
        stream = stream.filter("tonemap", "hable", desat=0).filter("zscale", t="bt709", m="bt709", r="tv")
    return stream.filter("format", pixels)


# --- video ------------------------------------------------------------------------------------------------------------


def write_video(
    clip: Clip,
    frames: Iterator[tuple[float, np.ndarray]],
    to: Path,
    *,
    width: int,
    height: int,
    rate: Fraction | float,
) -> Generator[float, None, None]:
    """`to` is an MP4 (H.264 yuv420p, AAC or MP3, index first) of the frames, with the clip's sound in sync; yields the t of each frame
    as it goes to the encoder. `frames` are those of `frames(pixels="yuv420p")`, one per 1 / rate.

    The sound is copied where every browser plays it and it starts with the picture; else it becomes AAC. Until the last byte is
    there the file has another name; a failed or cancelled run leaves nothing.

    Raises MediaError when ffmpeg fails.
    """
    part = _part(to)
    rate = Fraction(rate).limit_denominator(1001)
    command = _encoder(clip, part, width, height, rate)
    size = width * (height * 3 // 2)
    try:
        with _Child(command, "write the video", stdin=True) as child:
            count = 0
            for t, frame in frames:
                if frame.nbytes != size:
                    raise ValueError(f"a frame of {frame.nbytes} bytes, not {width} x {height} yuv420p")
                if not child.write(frame.data.cast("B")):
                    child.finish(enough=False)
                    raise MediaError("ffmpeg stopped before the video was written; try again.")
                count += 1
                yield t
            if count == 0:
                raise MediaError("There is no picture to write; choose a clip that has one.")
            child.end_input()
            child.finish(enough=False)
        part.replace(to)
    except OSError as error:
        raise disk_error(error) from error
    finally:
        close = getattr(frames, "close", None)
        if close is not None:
            close()
        part.unlink(missing_ok=True)


def transcode_plain(clip: Clip, to: Path) -> None:
    """`to` is the clip transcoded by one ffmpeg call with the encoder settings of `write_video` and nothing drawn: what
    rendering is measured against.

    Raises MediaError when ffmpeg fails.
    """
    import ffmpeg

    source = ffmpeg.input(_url(clip.path), **_LEASH)
    streams = [source[str(index)] for index in (clip.video_stream, clip.audio_stream) if index >= 0]
    command = ffmpeg.output(*streams, _url(to), acodec="copy", movflags="+faststart", **ENCODER)
    with _Child(command, "transcode the clip") as child:
        child.finish(enough=False, limit_s=3600)


def cut(source: Path, to: Path, start: float, length: float) -> None:
    """`to` holds at most `length` s of `source` from the key frame at or before `start` s on, nothing encoded anew. Matroska
    carries every codec.

    Raises MediaError when ffmpeg fails.
    """
    import ffmpeg

    opened = ffmpeg.input(_url(source), **_LEASH, ss=f"{start:.3f}", t=f"{length:.3f}")
    command = ffmpeg.output(
        opened["v:0?"], opened["a:0?"], _url(to), format="matroska", codec="copy", avoid_negative_ts="make_zero"
    )
    with _Child(command, "cut the clip", copyts=False) as child:
        child.finish(enough=False)


def _encoder(clip: Clip, part: Path, width: int, height: int, rate: Fraction) -> Any:
    import ffmpeg

    picture = ffmpeg.input(
        "pipe:0", format="rawvideo", pix_fmt="yuv420p", video_size=(width, height),
        framerate=f"{rate.numerator}/{rate.denominator}", protocol_whitelist="pipe",
    )  # fmt: skip
    # As a filter, because ffmpeg 7 and later let the frames' own properties win over output options.
    matrix = {"bt709": ("bt709", "bt709", "bt709"), "bt601": ("smpte170m", "smpte170m", "smpte170m")}[
        video_matrix(clip)
    ]
    tags = dict(zip(("colorspace", "color_primaries", "color_trc"), matrix, strict=True))
    streams = [picture.video.filter("setparams", range="tv", **tags)]
    options: dict[str, Any] = {"movflags": "+faststart", **ENCODER, "color_range": "tv", **tags}
    if clip.has_audio:
        if _can_copy(clip):
            streams.append(_source(clip, itsoffset=f"{-clip.origin:.6f}")[str(clip.audio_stream)])
            options["acodec"] = "copy"
        else:
            sound = _on_clock(_source(clip)[str(clip.audio_stream)], clip, audio=True)
            # A frame of AAC is 1024 samples: at 8 kHz the sound would end up to 0.13 s after the picture.
            sound = sound.filter(
                "aresample", clip.audio_rate if clip.audio_rate in (44_100, 48_000) else 48_000, **_FILL
            ).filter("aformat", channel_layouts="mono|stereo")
            streams.append(sound)
            options |= {"acodec": "aac", "audio_bitrate": "160k"}
    return ffmpeg.output(*streams, _url(part), format="mp4", **options)


def _can_copy(clip: Clip) -> bool:
    """Late sound is padded and encoded anew: not every player obeys the empty edit that would delay a copy."""
    if clip.audio_codec == "mp3" and clip.audio_rate < 16_000:
        return False  # MP4 has no code for the low sample rates of MPEG-2.5
    return clip.audio_codec in COPIED_CODECS and clip.audio_start <= MAX_SYNC_ERROR


# --- ffmpeg -----------------------------------------------------------------------------------------------------------


def ffmpeg_binary() -> str:
    """The path of ffmpeg: the system's, else the one in the imageio-ffmpeg wheel.

    Raises MediaError where neither is there.
    """
    found = shutil.which("ffmpeg")
    if found:
        return found
    import imageio_ffmpeg

    try:
        return imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError:
        raise MediaError("ffmpeg is missing; install it (apt install ffmpeg) and try again.") from None


_LEASH = {"protocol_whitelist": "file", "format_whitelist": ",".join(DEMUXERS)}


def _source(clip: Clip, **options: Any) -> Any:
    import ffmpeg

    # A stream may change its size on the way: up to 4K, or what the probe let through.
    most = max(clip.width * clip.height, 4096 * 2304)
    return ffmpeg.input(_url(clip.path), **_LEASH, max_pixels=most, **options)


def _url(path: Path) -> str:
    """The path behind `file:`, one character a byte: ffmpeg-python hashes UTF-8, and a name may hold any bytes."""
    return "file:" + os.fsencode(os.path.abspath(path)).decode("latin-1")  # noqa: PTH100


def _on_clock(stream: Any, clip: Clip, *, audio: bool) -> Any:
    return stream.filter("asetpts" if audio else "setpts", f"PTS-({clip.origin:.6f})/TB")


class _Child:
    """An ffmpeg process that is dead when the block ends. Its stderr is drained by a thread and becomes the message."""

    def __init__(
        self, command: Any, job: str, *, stdin: bool = False, stdout: bool = False, copyts: bool = True
    ) -> None:
        self.job = job
        quiet = ("-hide_banner", "-nostdin", "-loglevel", "error", "-y", *(["-copyts"] if copyts else []))
        arguments = [ffmpeg_binary(), *quiet, *(argument.encode("latin-1") for argument in command.get_args())]
        self.process = subprocess.Popen(
            arguments,
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE if stdout else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
        )
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, self.process.pid, NICENESS)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None and hasattr(fcntl, "F_SETPIPE_SZ"):
                with contextlib.suppress(OSError):  # the system may allow less; it works with less
                    fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        if self.process.stdin is not None:
            os.set_blocking(self.process.stdin.fileno(), False)
        self.lines: deque[str] = deque(maxlen=40)
        self.drain = threading.Thread(target=self._drain, name="ffmpeg stderr", daemon=True)
        self.drain.start()

    def __enter__(self) -> _Child:
        return self

    def __exit__(self, *exception: object) -> None:
        self.kill()
        self.drain.join(5)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _drain(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while line := self.process.stderr.readline(4096):  # type: ignore[union-attr]
                self.lines.append(line.decode("utf-8", "replace"))

    def read(self, block: memoryview) -> int:
        """Fills `block` from ffmpeg's output; fewer bytes only at its end."""
        pipe = self.process.stdout
        assert pipe is not None
        poll = select.poll()
        poll.register(pipe, select.POLLIN)
        filled = 0
        while filled < len(block):
            if not poll.poll(STALL_S * 1000):
                self.kill()
                break
            size = pipe.readinto(block[filled:])  # type: ignore[attr-defined]
            if not size:
                break
            filled += size
        return filled

    def write(self, block: memoryview) -> bool:
        """Whether ffmpeg took all of `block`.

        Raises MediaError when it takes nothing for `STALL_S`.
        """
        pipe = self.process.stdin
        assert pipe is not None
        poll = select.poll()
        poll.register(pipe, select.POLLOUT)
        try:
            while block := block[pipe.write(block) or 0 :]:  # None where the pipe is full
                if not poll.poll(STALL_S * 1000):
                    raise MediaError("ffmpeg stopped writing the video; try again, or try a shorter clip.")
        except (OSError, ValueError):
            return False
        return True

    def end_input(self) -> None:
        with contextlib.suppress(OSError):
            self.process.stdin.close()  # type: ignore[union-attr]

    def finish(self, *, enough: bool, limit_s: float = STALL_S) -> None:
        """Waits for the end. Raises MediaError with the last line ffmpeg wrote if it failed; `enough`: damaged input that
        still gave something is no failure."""
        try:
            code = self.process.wait(limit_s)
        except subprocess.TimeoutExpired:
            raise MediaError(f"ffmpeg took too long to {self.job}; try a shorter clip.") from None
        self.drain.join(5)
        if code == 0 or (enough and code > 0 and not self._full()):
            return
        if self._full():
            raise MediaError("The disk is full; free some space and try again.")
        if code < 0:
            with contextlib.suppress(ValueError):
                raise MediaError(
                    f"ffmpeg was stopped by {signal.Signals(-code).name} while it was to {self.job}; "
                    "close other programs or try a smaller clip."
                )
        raise MediaError(f"ffmpeg could not {self.job} ({self.message()}); save the clip again as MP4 and retry.")

    def kill(self) -> None:
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def message(self) -> str:
        """The last line that says why, without the marks and paths around it."""
        dull = re.compile(
            r"conversion failed|last message repeated|nothing was written|task finished|error (while|opening)", re.I
        )
        lines = [re.sub(r"^(\[[^\]]*\]\s*)+|file:\S*?/[^:]*:\s*", "", line).strip(" .\n") for line in self.lines]
        telling = [line for line in lines if line and not dull.search(line)] or [line for line in lines if line]
        return _printable(telling[-1])[1:-1] if telling else "it gave no reason"

    def _full(self) -> bool:
        return any("No space left on device" in line for line in self.lines)


def disk_error(error: OSError) -> MediaError:
    """The sentence for a file that could not be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return MediaError("The disk is full; free some space and try again.")
    return MediaError(
        f"A file could not be written ({(error.strerror or 'unknown reason').lower()}); check the folder and try again."
    )


def _part(to: Path) -> Path:
    """A name beside `to` for what is not finished; short, because `to` may have the longest name there is."""
    return to.parent / f".{secrets.token_hex(8)}.part"


def _ceil(value: float | Fraction) -> int:
    return int(-((-value + Fraction(1, 1_000_000)) // 1)) if isinstance(value, Fraction) else -int(-(value - 1e-6) // 1)


# --- folders ----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def workspace(beside: Path | None = None) -> Iterator[Path]:
    """A folder nobody else can read, gone with all it holds when the block ends: in the temporary folder, or hidden
    `beside` a path and so on its disk. What killed processes left in the temporary folder goes, too; what they left beside
    a path may hold something of the user's, so its caller looks through it (`abandoned`). A process that was forked inside the
    block removes nothing.

    Raises MediaError where the disk has no room for it.
    """
    if beside is None:
        for left in abandoned():
            shutil.rmtree(left, ignore_errors=True)
    try:
        folder, lock = _held_folder(*_place(beside))
    except OSError as error:
        raise disk_error(error) from error
    owner = os.getpid()
    try:
        yield folder
    finally:
        try:
            if os.getpid() == owner:  # not a forked child, which finalises its copy of this generator as it ends
                # Beside a result, what cannot be removed is nothing the result should fail for.
                shutil.rmtree(folder, ignore_errors=beside is not None or sys.exc_info()[0] is not None)
        finally:
            os.close(lock)


def abandoned(beside: Path | None = None) -> Iterator[Path]:
    """The workspaces of that place whose processes ended without removing them, each ours while the caller looks at it.

    A process holds a lock on its workspace for as long as it lives, and the kernel takes it back however it ends.
    """
    where, prefix = _place(beside)
    for folder in where.glob(f"{prefix}*"):
        try:
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:  # gone meanwhile, no folder, or another user's
            continue
        try:
            if os.fstat(lock).st_uid == os.getuid():
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                yield folder
        except OSError:  # in use; or on a file system without locks, where nothing tells
            continue
        finally:
            os.close(lock)


def _place(beside: Path | None) -> tuple[Path, str]:
    """Where workspaces are, and what their names begin with."""
    if beside is None:
        return Path(tempfile.gettempdir()), "speechglass-run-"
    return beside.parent, ".speechglass-run-"


def _held_folder(where: Path, prefix: str) -> tuple[Path, int]:
    """A new folder and the descriptor that holds its lock.

    Some network file systems have no locks: there it is held by none, and since `abandoned` gets none either, it is safe.
    """
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=where))
        with contextlib.suppress(FileNotFoundError):  # taken for abandoned before it was locked: another one
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            with contextlib.suppress(OSError):
                fcntl.flock(lock, fcntl.LOCK_EX)
            if folder.exists():
                return folder, lock
            os.close(lock)
