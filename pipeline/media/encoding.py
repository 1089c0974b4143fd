"""The finished video: drawn frames and the clip's own sound in an MP4 that every browser plays."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import MediaError
from pipeline.media import source
from pipeline.media.child import FFmpeg
from pipeline.media.probing import readable_streams
from pipeline.media.shape import video_matrix
from pipeline.records import Clip
from pipeline.workspace import disk_error

if TYPE_CHECKING:
    import numpy as np

#: Copied into the MP4 as they are: every browser plays them there. MP4 also carries AC-3, ALAC and Opus, which some
#: browsers then play silently; those become AAC.
COPIED_CODECS = ("aac", "mp3")

#: veryfast/21: visually clean at 2.5 times the speed of the default preset on two cores.
#: The number of threads changes the bytes of the file, so it does not depend on the cores that a worker of a batch has.
ENCODER: dict[str, Any] = {
    "vcodec": "libx264", "preset": "veryfast", "crf": 21, "pix_fmt": "yuv420p",
    "threads": min(16, max(1, 3 * (os.cpu_count() or 1) // 2)),
}  # fmt: skip

#: By the ending of the file: container and encoder. VP9 in its real-time mode leaves traces of text that has gone,
#: unless it is lossless; most of the picture is empty, so that costs little (2.5 s of processor time and 1.1 MB for 6 s
#: of 720p). With a fixed quantiser ProRes takes a fifth of the time that the search for one of its rate control takes.
OVERLAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "mov": (
        "mov", {"vcodec": "prores_ks", "profile:v": "4444", "pix_fmt": "yuva444p10le", "alpha_bits": 16,
        "vendor": "apl0", "qscale:v": 4,}
    ),
    "webm": (
        "webm",
        {"vcodec": "libvpx-vp9", "pix_fmt": "yuva420p", "lossless": 1, "deadline": "realtime", "cpu-used": 8,
         "row-mt": 1, "tile-columns": 2, "lag-in-frames": 0, "auto-alt-ref": 0},
    ),
}  # fmt: skip


def write_video(
    clip: Clip,
    frames: Iterator[tuple[float, np.ndarray]],
    to: Path,
    *,
    width: int,
    height: int,
    rate: Fraction | float,
    part: tuple[float, float] | None = None,
) -> Generator[float, None, None]:
    """Write the frames to `to`, in the format that its name asks for; the t of each is yielded as it is encoded.

    A name in .mov is ProRes 4444 and one in .webm VP9, both with alpha and without sound: `frames` are (t, frame) with
    yuva420p frames, (height * 5 // 2, width), straight alpha. Any other is an MP4 with H.264 yuv420p, the clip's sound
    as AAC or MP3, and its index in front: `frames` are as `frames(pixels="yuv420p")` gives them. The sound is copied
    where every browser plays it and it starts with the picture; else it becomes AAC. In both there is one frame per 1 /
    rate. `part` is from when to when (s) the frames are of the clip, if not all of it.

    Until the last byte is there the file has another name, and a failed or cancelled run leaves nothing.

    Raises MediaError when ffmpeg fails.
    """
    rate = Fraction(rate).limit_denominator(1001)
    container, options = OVERLAYS.get(to.suffix.lower().lstrip("."), ("mp4", ENCODER))
    pixels, halves = ("yuv420p", 3) if container == "mp4" else ("yuva420p", 5)

    def command(unfinished: Path, stack: contextlib.ExitStack) -> tuple[Any, Sequence[int]]:
        import ffmpeg

        stream, tags = _picture(clip, width, height, rate, pixels)
        if container != "mp4":
            sound, of_sound, inherited = _NO_SOUND
        else:
            sound, of_sound, inherited = _sound(clip, stack, part)
            of_sound = {**of_sound, "movflags": "+faststart"}
        every = {**options, **of_sound, "color_range": "tv", **tags}
        return ffmpeg.output(stream, *sound, source.url(unfinished), format=container, **every), inherited

    yield from _write(frames, to, width * (height * halves // 2), command)


def _write(
    frames: Iterator[tuple[float, np.ndarray]],
    to: Path,
    size: int,
    command: Callable[[Path, contextlib.ExitStack], tuple[Any, Sequence[int]]],
) -> Generator[float, None, None]:
    """Give every frame, of `size` bytes, to the ffmpeg that `command` describes, and yield its time.

    The file has another name until it is whole.
    """
    part = source.unfinished(to)
    try:
        with contextlib.ExitStack() as stack:
            output, inherited = command(part, stack)
            child = stack.enter_context(
                FFmpeg(source.compiled(output), "write the video", stdin=True, inherited=inherited)
            )
            count = 0
            for t, frame in frames:
                if frame.nbytes != size:
                    raise ValueError(f"a frame of {frame.nbytes} bytes, not {size}")
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


def add_cover(video: Path, picture: Path) -> None:
    """Make the JPEG `picture` the cover of `video`, an MP4: what file managers and players show before it plays.

    Nothing is encoded. Raises MediaError when ffmpeg fails; the video is then as it was.
    """
    part = source.unfinished(video)
    try:
        arguments = [
            *source.arguments(video), "-f", "jpeg_pipe", "-i", source.file(picture), "-map", "0", "-map", "1:v",
            "-c", "copy", "-disposition:v:1", "attached_pic", "-movflags", "+faststart", "-f", "mp4", source.file(part),
        ]  # fmt: skip
        with FFmpeg(arguments, "add the cover") as child:
            child.finish(enough=False)
        part.replace(video)
    except OSError as error:
        raise disk_error(error) from error
    finally:
        part.unlink(missing_ok=True)


def transcode_plain(clip: Clip, to: Path) -> None:
    """Transcode the clip to `to` by one ffmpeg call, with the encoder settings of `write_video` and nothing drawn.

    Rendering is measured against it. Raises MediaError when ffmpeg fails.
    """
    streams = [index for index in (clip.video_stream, clip.audio_stream) if index >= 0]
    arguments = [
        "-copyts", *source.arguments(clip.path), *(part for index in streams for part in ("-map", f"0:{index}")),
        "-c:a", "copy", "-c:v", ENCODER["vcodec"], "-preset", ENCODER["preset"], "-crf", str(ENCODER["crf"]),
        "-pix_fmt", ENCODER["pix_fmt"], "-movflags", "+faststart", source.file(to),
    ]  # fmt: skip
    with FFmpeg(arguments, "transcode the clip") as child:
        child.finish(enough=False, limit_s=3600)


def cut(clip: Path, to: Path, start: float, length: float) -> None:
    """Copy at most `length` s of what can be read of `clip` to `to`, from the key frame at or before `start` s on.

    Nothing is encoded; Matroska carries every codec that has a decoder. Raises NotAClipError for a file that holds
    nothing of use, MediaError when ffmpeg fails.
    """
    streams = [part for index in readable_streams(clip) for part in ("-map", f"0:{index}")]
    arguments = [
        "-ss", f"{start:.3f}", "-t", f"{length:.3f}", *source.arguments(clip), *streams, "-c", "copy",
        "-avoid_negative_ts", "make_zero", "-f", "matroska", source.file(to),
    ]  # fmt: skip
    with FFmpeg(arguments, "cut the clip") as child:
        child.finish(enough=False)


def still_clip(picture: Path, to: Path, seconds: float) -> None:
    """Write a clip that shows a PNG of ours, of even width and height, for some seconds.

    Raises MediaError when ffmpeg fails.
    """
    arguments: list[str | bytes] = [
        "-loop", "1", "-framerate", "10", "-f", "image2", "-i", source.file(picture), "-t", f"{seconds:.3f}",
        "-c:v", "libx264", "-preset", "veryfast", "-crf", "12", "-pix_fmt", "yuv420p", "-f", "mp4", source.file(to),
    ]  # fmt: skip
    with FFmpeg(arguments, "read a portrait") as child:
        child.finish(enough=False)


Sound = tuple[list[Any], dict[str, Any], Sequence[int]]
_NO_SOUND: Sound = ([], {}, ())


def _sound(clip: Clip, stack: contextlib.ExitStack, part: tuple[float, float] | None) -> Sound:
    """Return the sound of the finished video, [] for none, its encoder's options and the descriptors to inherit."""
    if not clip.has_audio:
        return _NO_SOUND
    if part is None and _can_copy(clip):
        return [source.opened(clip, itsoffset=f"{-clip.origin:.6f}")[str(clip.audio_stream)]], {"acodec": "copy"}, ()
    # A frame of AAC is 1024 samples: at 8 kHz the sound would end up to 0.13 s after the picture.
    rate = clip.audio_rate if clip.audio_rate in (44_100, 48_000) else 48_000
    sound, inherited = stack.enter_context(source.sound_on_clock(clip, rate, 2))
    sound = sound.filter("aresample", rate, **source.FILL).filter("aformat", channel_layouts="mono|stereo")
    if part is not None:
        sound = sound.filter("atrim", start=part[0], end=part[1]).filter("asetpts", "PTS-STARTPTS")
    return [sound], {"acodec": "aac", "audio_bitrate": "160k"}, inherited


def _picture(clip: Clip, width: int, height: int, rate: Fraction, pixels: str) -> tuple[Any, dict[str, str]]:
    """Return the raw frames on stdin as an input of ffmpeg-python, and what their colours are."""
    import ffmpeg

    picture = ffmpeg.input(
        "pipe:0", format="rawvideo", pix_fmt=pixels, video_size=(width, height),
        framerate=f"{rate.numerator}/{rate.denominator}", protocol_whitelist="pipe",
    )  # fmt: skip
    # As a filter, because ffmpeg 7 and later let the frames' own properties win over output options.
    matrix = {"bt709": ("bt709", "bt709", "bt709"), "bt601": ("smpte170m", "smpte170m", "smpte170m")}[
        video_matrix(clip)
    ]
    tags = dict(zip(("colorspace", "color_primaries", "color_trc"), matrix, strict=True))
    return picture.video.filter("setparams", range="tv", **tags), tags


def _can_copy(clip: Clip) -> bool:
    """Return whether the sound can go into the MP4 as it is.

    Late sound is padded and encoded anew, because not every player obeys the empty edit that would delay a copy.
    """
    if clip.container == "mpegts":
        return False  # its sound may change on the way, and MP4 has one description for all of it
    if clip.audio_codec == "mp3" and clip.audio_rate < 16_000:
        return False  # MP4 has no code for the low sample rates of MPEG-2.5
    return clip.audio_codec in COPIED_CODECS and clip.audio_start <= source.MAX_SYNC_ERROR
