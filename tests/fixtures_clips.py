"""Ugly clips, made by ffmpeg when asked for: `make(name, folder) -> Path`, and what each must come out as:
`CORPUS[name]`.

Every picture is black with a red square in the upper left corner (is it upright?) and turns white from t = 1.0 to 1.2
s; every sound is silent but for a 1 kHz tone in the same fifth of a second (is it in sync?). `flash` and `click` tell
where these lie on the clip's clock. Recipes need only encoders that Debian's ffmpeg and the imageio-ffmpeg wheel both
have; where one is missing `make` skips the test and says which.
"""

from __future__ import annotations

import os
import random
import struct
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline import media
from pipeline.errors import InputError, LimitError, NoAudioError, NotAClipError
from pipeline.media import ffmpeg_binary
from pipeline.records import Clip

FLASH = 1.0  #: s


@dataclass(frozen=True)
class Ugly:
    """A recipe and the truth about its clip. `error` means the probe must refuse it; `duration` None:
    `at_least`..`at_most`."""

    make: Callable[[Path], None]
    file: str = "clip.mp4"
    duration: float | None = 3.0
    size: tuple[int, int] = (320, 180)  #: upright, square pixels; (0, 0) without a picture
    rate: Fraction = Fraction(30)
    audio: bool = True
    flash: float | None = FLASH
    click: float | None = FLASH
    variable: bool = False
    error: type[InputError] | None = None
    at_least: float = 0.0
    at_most: float = 0.0
    encoders: tuple[str, ...] = ()


def make(name: str, folder: Path) -> Path:
    """The clip `name` of `CORPUS`, made in `folder`."""
    recipe = CORPUS[name]
    for encoder in recipe.encoders:
        if encoder not in encoders():
            pytest.skip(f"{ffmpeg_binary()} has no {encoder}")
    path = folder / recipe.file
    recipe.make(path)
    return path


@cache
def encoders() -> frozenset[str]:
    """Return the names of the encoders that ffmpeg has."""
    out = subprocess.run(
        [ffmpeg_binary(), "-hide_banner", "-encoders"], capture_output=True, text=True, check=True
    ).stdout
    return frozenset(line.split()[1] for line in out.splitlines() if len(line.split()) > 1)


def ffmpeg(*arguments: str | os.PathLike[str]) -> None:
    """Runs ffmpeg; its stderr becomes the failure."""
    done = subprocess.run(
        [ffmpeg_binary(), "-hide_banner", "-nostdin", "-loglevel", "error", "-y", *(os.fspath(argument) for argument in arguments)],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def picture(
    size: str = "320x180", rate: str = "30", duration: float = 3.0, flash: float = FLASH, background: str = "black"
) -> list[str]:
    """Input arguments of the test picture."""
    return [
        "-f", "lavfi", "-i",
        f"color={background}:s={size}:r={rate}:d={duration},"
        f"drawbox=0:0:iw/4:ih/4:red:fill,drawbox=0:0:iw:ih:white:fill:enable='between(t,{flash - 0.001},{flash + 0.199})',format=yuv420p",
    ]  # fmt: skip


def sound(
    rate: int = 44100, duration: float = 3.0, click: float = FLASH, channels: int = 1, expression: str = ""
) -> list[str]:
    """Input arguments of the test sound."""
    tone = expression or f"if(between(t,{click},{click + 0.2}),0.5*sin(2*PI*1000*t),0)"
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[channels]
    return ["-f", "lavfi", "-i", f"aevalsrc=exprs='{'|'.join([tone] * channels)}':s={rate}:d={duration}:c={layout}"]


def luma(clip: Clip, **options: Any) -> tuple[list[float], list[np.ndarray]]:
    """The times of the frames in s, and the brightness of each, 36 x 64."""
    times, means = [], []
    for t, frame in media.frames(clip, width=64, height=36, pixels="yuv420p", **options):
        times.append(t)
        means.append(frame[:36].astype(float))
    return times, means


def flash_at(clip: Clip) -> float:
    """When the lower right quarter turns white, in s."""
    times, frames = luma(clip)
    return times[next(i for i, frame in enumerate(frames) if frame[20:, 34:].mean() > 150)]


def click_at(clip: Clip, folder: Path) -> float:
    """When the sound begins to be loud, in s."""
    sound = folder / "click.wav"
    for _ in media.extract_sound(clip, sound):
        pass
    return int(np.argmax(np.abs(media.read_sound(sound)) > 0.1)) / media.SAMPLE_RATE


def is_upright(clip: Clip) -> bool:
    """Whether the first frame is red in the upper left corner and black in the lower right one."""
    first = next(media.frames(clip, width=64, height=36, rate=1))[1]
    return bool(first[4, 8, 0] > 90 > first[4, 8, 1] and first[30, 56].max() < 60)


X264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]
AAC = ["-c:a", "aac"]


def _plain(
    path: Path, *, p: list[str] | None = None, s: list[str] | None = None, options: list[str] | None = None
) -> None:
    ffmpeg(
        *(picture() if p is None else p),
        *(sound() if s is None else s),
        *(X264 + AAC if options is None else options),
        path,
    )


def _recipe(
    p: list[str] | None = None, s: list[str] | None = None, options: list[str] | None = None
) -> Callable[[Path], None]:
    return lambda path: _plain(path, p=p, s=s, options=options)


def _rotated(degrees: int) -> Callable[[Path], None]:
    """Stored turned, with a display matrix that turns it upright by `degrees` clockwise; the matrix is written into the
    file, because the option that does it changed between ffmpeg versions."""

    def recipe(path: Path) -> None:
        turn = {90: "transpose=cclock", 180: "hflip,vflip", 270: "transpose=clock"}[degrees]
        _plain(path, options=["-vf", turn, *X264, *AAC])
        data = bytearray(path.read_bytes())
        at = data.index(b"tkhd") + 4 + 40  # version 0: the matrix follows 40 bytes; the picture is the first track
        cos, sin = {90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees]
        one = 1 << 16
        data[at : at + 36] = struct.pack(">9i", cos * one, sin * one, 0, -sin * one, cos * one, 0, 0, 0, 1 << 30)
        path.write_bytes(data)

    return recipe


def _variable(path: Path) -> None:
    """5 fps for two seconds, then 30; a second flash at 3 s."""
    source = picture(duration=4.0)
    source[-1] = source[-1].replace(",format=", ",drawbox=0:0:iw:ih:white:fill:enable='between(t,2.999,3.199)',format=")
    thin = "select='if(lt(t,2),not(mod(n,6)),1)'"
    _plain(path, p=source, s=sound(duration=4.0), options=["-vf", thin, "-fps_mode", "vfr", *X264, *AAC])


def _shifted(picture_s: float, sound_s: float) -> Callable[[Path], None]:
    """Picture and sound that begin later by these seconds, flash and click each at 1 s after their own begin."""

    def recipe(path: Path) -> None:
        p, s = picture(), sound()
        ffmpeg("-itsoffset", str(picture_s), *p, "-itsoffset", str(sound_s), *s, *X264, *AAC, path)

    return recipe


def _transport_stream(path: Path) -> None:
    """MPEG-TS, whose clock starts at 1.4 s, with sound half a second later."""
    ffmpeg(*picture(), "-itsoffset", "0.5", *sound(), *X264, *AAC, path)


def _tracks(path: Path) -> None:
    """Two sound tracks; the second, marked as default, has the click."""
    ffmpeg(
        *picture(), *sound(expression="0"), *sound(), "-map", "0", "-map", "1", "-map", "2", *X264, *AAC,
        "-disposition:a:0", "0", "-disposition:a:1", "default", path,
    )  # fmt: skip


def _thumbnail(path: Path) -> None:
    """A picture of 160 x 90 as first stream, not marked as cover, as drones and action cameras write it."""
    small, clip = path.with_name("small.mp4"), path.with_name("whole.mp4")
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=160x90:r=25:d=0.04", "-pix_fmt", "yuvj420p", "-c:v", "mjpeg", small)
    _plain(clip)
    both = ["-disposition:v:0", "default", "-disposition:v:1", "default"]
    ffmpeg("-i", small, "-i", clip, "-map", "0:v", "-map", "1:v", "-map", "1:a", "-c", "copy", *both, path)


def _proxy(path: Path) -> None:
    """A small proxy of the same length as first stream."""
    ffmpeg(
        "-f", "lavfi", "-i", "testsrc2=s=160x90:r=10:d=3", *picture(), *sound(), "-map", "0", "-map", "1", "-map", "2",
        *X264, *AAC, "-disposition:v:0", "default", "-disposition:v:1", "default", path,
    )  # fmt: skip


def _empty_default(path: Path) -> None:
    """The first sound track, the default, is declared and holds nothing."""
    ffmpeg(
        *picture(), *sound(), *sound(), "-filter_complex", "[1:a]atrim=0:0[e]", "-map", "0:v", "-map", "[e]",
        "-map", "2:a", *X264, *AAC, "-disposition:a:0", "default", "-disposition:a:1", "0", path,
    )  # fmt: skip


def _unreadable_picture(path: Path) -> None:
    """A picture in a codec for which there is no decoder."""
    _plain(path)
    path.write_bytes(path.read_bytes().replace(b"avc1", b"bvc2").replace(b"avcC", b"bvcC"))


def _unreadable_sound(path: Path) -> None:
    """A first sound track without a decoder, as the spatial sound of telephones (apac), and a second that can be
    read."""
    ffmpeg(
        *picture(), *sound(channels=2), *sound(), "-map", "0", "-map", "1", "-map", "2", *X264, *AAC,
        "-disposition:a:0", "default", "-disposition:a:1", "0", path,
    )  # fmt: skip
    data = path.read_bytes()
    at = data.index(b"mp4a", data.index(b"stsd", data.index(b"smhd")))  # not the brand in the file's head
    path.write_bytes(data[:at] + (b"apac" + data[at + 4 :]).replace(b"esds", b"zsds", 1))


def _no_timestamps(*, all_of_them: bool) -> Callable[[Path], None]:
    """Half a second of the picture, or all of it, before zero: Matroska has no timestamps for it."""

    def recipe(path: Path) -> None:
        clip = path.with_name("whole.mp4")
        _plain(clip, p=picture(rate="25"), options=[*X264, "-video_track_timescale", "12800", *AAC])
        early = "12800*5" if all_of_them else "12800/2"
        ffmpeg("-i", clip, "-bsf:v", f"setts=ts=TS-{early}", "-c", "copy", "-avoid_negative_ts", "disabled", path)

    return recipe


def _gap(path: Path) -> None:
    """Sound whose packets from 0.3 to 0.8 s are lost, as in recordings with damaged frames."""
    whole = path.with_name("whole.mkv")
    _plain(whole)
    ffmpeg("-i", whole, "-map", "0", "-c", "copy", "-bsf:a", "noise=drop=between(pts*tb\\,0.3\\,0.8)", path)


def _bad_cover(path: Path) -> None:
    """A song whose cover says PNG and holds something else."""
    _cover(path)
    data = path.read_bytes()
    at = data.index(b"\x89PNG")
    path.write_bytes(data[:at] + b"\xff\xd8\xff\xe0" + random.Random(3).randbytes(60) + data[at + 64 :])


def _foreign_tags(path: Path) -> None:
    """A WAV whose tags are Japanese in a legacy encoding."""
    ffmpeg(*sound(), "-metadata", "title=" + "x" * 20, "-metadata", "artist=" + "y" * 20, path)
    data = path.read_bytes()
    path.write_bytes(data.replace(b"x" * 20, "日本語の題名です".encode("shift_jis").ljust(20)[:20]))


def _damaged_middle(path: Path) -> None:
    """Packets of the sound from 1.5 to 1.8 s are noise.

    The click leaves its line the second that reading needs; nearer to the end the line would come before the click.
    """
    noise = "noise=amount=if(between(pts*tb\\,1.5\\,1.8)\\,2\\,0)"
    clip = path.with_name("whole.mp4")
    _plain(clip, s=sound(click=2.0))
    ffmpeg("-i", clip, "-c", "copy", "-bsf:a", noise, path)


def _junk(before: int, behind: int) -> Callable[[Path], None]:
    """Random bytes before and behind the sound."""

    def recipe(path: Path) -> None:
        ffmpeg(*sound(), "-c:a", "libmp3lame", path)
        noise = random.Random(4)
        path.write_bytes(noise.randbytes(before) + path.read_bytes() + noise.randbytes(behind))

    return recipe


def _only_unreadable_sound(path: Path) -> None:
    """The only sound is in a codec for which there is no decoder."""
    ffmpeg(*sound(), *AAC, path)
    data = path.read_bytes()
    at = data.index(b"mp4a", data.index(b"stsd"))
    path.write_bytes(data[:at] + (b"zzzz" + data[at + 4 :]).replace(b"esds", b"zsds", 1))


def _piped(kind: str, options: list[str]) -> Callable[[Path], None]:
    """What a program writes that cannot go back to the header: no length is told."""

    def recipe(path: Path) -> None:
        shape = picture() if kind != "wav" else []
        done = subprocess.run(
            [ffmpeg_binary(), "-v", "error", *shape, *sound(), *options, "-f", kind, "pipe:1"],
            capture_output=True, check=True,
        )  # fmt: skip
        path.write_bytes(done.stdout)

    return recipe


def _wrapped(path: Path) -> None:
    """A transport stream whose 33 bit clock starts again from zero after two seconds."""
    ffmpeg(*picture(), *sound(), *X264, *AAC, "-muxdelay", "0", "-output_ts_offset", str(2**33 / 90_000 - 2), path)


def _jump(path: Path) -> None:
    """A transport stream whose clock jumps ahead by two seconds where two recordings meet."""
    first, second = path.with_name("one.ts"), path.with_name("two.ts")
    ffmpeg(*picture(duration=2.0, flash=9), *sound(duration=2.0, click=9), *X264, *AAC, first)
    ffmpeg(*picture(duration=2.0), *sound(duration=2.0), *X264, *AAC, "-output_ts_offset", "4", second)
    path.write_bytes(first.read_bytes() + second.read_bytes())


def _other_sound(path: Path) -> None:
    """Sound that changes from 22 kHz mono to 48 kHz stereo after two seconds, as where an encoder was exchanged."""
    first, second = path.with_name("one.ts"), path.with_name("two.ts")
    ffmpeg(*picture(duration=2.0, flash=9), *sound(22050, duration=2.0, click=9), *X264, *AAC, first)
    shifted = ["-output_ts_offset", "2"]
    ffmpeg(*picture(duration=2.0), *sound(48000, duration=2.0, channels=2), *X264, *AAC, *shifted, second)
    path.write_bytes(first.read_bytes() + second.read_bytes())


def _centre_only(path: Path) -> None:
    """Surround sound with the voice in its centre channel alone."""
    tone = f"if(between(t,{FLASH},{FLASH + 0.2}),0.5*sin(2*PI*1000*t),0)"
    ffmpeg(
        *picture(),
        "-f",
        "lavfi",
        "-i",
        f"aevalsrc=exprs='0|0|{tone}|0|0|0':s=48000:d=3:c=5.1",
        *X264,
        "-c:a",
        "ac3",
        path,
    )


def _cover(path: Path) -> None:
    """A song with cover art: no picture."""
    art = path.with_name("cover.png")
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=64x64:d=1", "-frames:v", "1", art)
    ffmpeg(
        *sound(),
        "-i",
        art,
        "-map",
        "0",
        "-map",
        "1",
        "-c:a",
        "libmp3lame",
        "-c:v",
        "copy",
        "-disposition:v",
        "attached_pic",
        path,
    )


def _resized(path: Path) -> None:
    """A stream that changes its size after two seconds, as browsers record calls."""
    first, second = path.with_name("one.ts"), path.with_name("two.ts")
    ffmpeg(*picture(duration=2.0), *sound(duration=2.0), *X264, *AAC, first)
    ffmpeg(
        *picture("160x90", duration=1.0, flash=9),
        *sound(duration=1.0, click=9),
        *X264,
        *AAC,
        "-output_ts_offset",
        "2",
        second,
    )
    path.write_bytes(first.read_bytes() + second.read_bytes())


def _cut(share: float, *, index_first: bool) -> Callable[[Path], None]:
    """The first `share` of six seconds of noise, whose index is small against the picture."""

    def recipe(path: Path) -> None:
        noise = ["-f", "lavfi", "-i", "color=gray:s=320x180:r=30:d=6,noise=alls=60:allf=t+u,format=yuv420p"]
        ffmpeg(*noise, *sound(duration=6), *X264, *AAC, *(["-movflags", "+faststart"] if index_first else []), path)
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * share)])

    return recipe


def _bytes(data: bytes | Callable[[], bytes]) -> Callable[[Path], None]:
    def recipe(path: Path) -> None:
        path.write_bytes(data() if callable(data) else data)

    return recipe


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("clip.txt", "no clip")


def _header_only(path: Path) -> None:
    _plain(path, options=[*X264, *AAC, "-movflags", "+faststart"])
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"mdat") + 4])


def _bomb_gif() -> bytes:
    """Ten kilobytes that claim 60000 x 60000 pixels."""
    head = b"GIF89a" + struct.pack("<HHBBB", 60000, 60000, 0xF0, 0, 0) + b"\0\0\0\xff\xff\xff"
    image = b"," + struct.pack("<HHHHB", 0, 0, 60000, 60000, 0) + b"\x02" + b"\xff" + b"\x44" * 255
    return head + image + (b"\xff" + b"\x44" * 255) * 36 + b"\0;"


def huge_index(path: Path, frames: int = 80_000_000) -> None:
    """A small MP4 whose tables claim eighty million frames: libav builds an index of 3 GB for them."""
    _plain(path)
    data = bytearray(path.read_bytes())
    at = data.index(b"stsz") + 8
    data[at : at + 8] = struct.pack(">II", 1, frames)
    at = data.index(b"stts") + 12
    data[at : at + 8] = struct.pack(">II", frames, 1)
    at = data.index(b"stsc") + 8
    data[at : at + 16] = struct.pack(">IIII", 1, 1, frames, 1)
    path.write_bytes(data)


def with_random_bytes(path: Path, seed: int) -> Path:
    """Change random bytes of a file, as a transfer that went wrong does; the more, the higher the seed."""
    chance, data = random.Random(seed), bytearray(path.read_bytes())
    for _ in range(1 + seed * 3):
        data[chance.randrange(len(data))] = chance.randrange(256)
    path.write_bytes(data)
    return path


def _bomb_avi(path: Path) -> None:
    """A small AVI of raw video whose header was changed to 60000 x 60000."""
    ffmpeg("-f", "lavfi", "-i", "color=s=16x16:r=5:d=1", "-c:v", "rawvideo", "-pix_fmt", "bgr24", path)
    data = bytearray(path.read_bytes())
    at = data.index(b"strf") + 8 + 4
    data[at : at + 8] = struct.pack("<ii", 60000, 60000)
    path.write_bytes(data)


def _renamed(path: Path) -> None:
    """A plain clip under a name ffmpeg could not have written."""
    plain = path.with_name("x.mp4")
    _plain(plain)
    plain.rename(path)


def _noise(path: Path) -> None:
    """White noise and nothing to see: a still, grey picture."""
    ffmpeg(*picture(), "-f", "lavfi", "-i", "anoisesrc=d=3:c=white:a=0.5", *X264, *AAC, path)


def _music(path: Path) -> None:
    chord = "+".join(f"0.15*sin(2*PI*{f}*t)*(0.6+0.4*sin(2*PI*2*t))" for f in (220, 277, 330, 440))
    ffmpeg(*picture(), *sound(expression=chord), *X264, *AAC, path)


_PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{}\n#EXT-X-ENDLIST\n"
_SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="64" height="64">'
    '<image xlink:href="file:///etc/passwd" width="64" height="64"/></svg>'
)
_NO_PICTURE: dict[str, Any] = {"size": (0, 0), "rate": Fraction(0), "flash": None}
_NO_SOUND: dict[str, Any] = {"audio": False, "click": None}
_REFUSED: dict[str, Any] = {"error": NotAClipError}

CORPUS: dict[str, Ugly] = {
    "plain": Ugly(_recipe()),
    # time
    "variable_rate": Ugly(_variable, duration=4.0, variable=True),
    "rate_29.97": Ugly(_recipe(picture(rate="30000/1001")), rate=Fraction(30000, 1001)),
    "rate_23.976": Ugly(_recipe(picture(rate="24000/1001")), rate=Fraction(24000, 1001)),
    "rate_120": Ugly(_recipe(picture(rate="120")), rate=Fraction(120)),
    "rate_1": Ugly(_recipe(picture(rate="1", duration=4.0), sound(duration=4.0)), duration=4.0, rate=Fraction(1)),
    "rate_12": Ugly(_recipe(picture(rate="12")), rate=Fraction(12)),
    "milliseconds": Ugly(_recipe(), "clip.mkv", duration=None, at_least=3.0, at_most=3.05),
    "one_frame": Ugly(_recipe(picture(duration=0.04, rate="25"), ["-t", "0.04", *sound(duration=0.04)]),
                      duration=None, at_least=0.03, at_most=0.15, rate=Fraction(25), flash=None, click=None),
    "sound_late": Ugly(_shifted(0, 0.7), duration=3.7, click=FLASH + 0.7),
    "picture_late": Ugly(_shifted(0.7, 0), duration=3.7, flash=FLASH + 0.7),
    "both_late": Ugly(_shifted(2.0, 2.5), "clip.mkv", duration=None, at_least=3.4, at_most=3.6, click=FLASH + 0.5),
    "transport_stream": Ugly(_transport_stream, "clip.ts", duration=3.5, click=FLASH + 0.5),
    "sound_longer": Ugly(_recipe(s=sound(duration=4.5)), duration=4.5),
    "sound_shorter": Ugly(_recipe(s=sound(duration=1.5))),
    # picture
    "rotated_90": Ugly(_rotated(90)),
    "rotated_180": Ugly(_rotated(180)),
    "rotated_270": Ugly(_rotated(270)),
    "wide_pixels": Ugly(_recipe(picture("240x180"), options=["-vf", "setsar=4/3", *X264, *AAC])),
    "tall_pixels": Ugly(_recipe(picture("320x90"), options=["-vf", "setsar=1/2", *X264, *AAC])),
    "odd_size": Ugly(_recipe(picture("322x182"), options=["-vf", "format=yuv444p,crop=321:181:0:0:exact=1", "-c:v", "libx264", *AAC]), size=(321, 181)),
    "tiny": Ugly(_recipe(picture("64x64")), size=(64, 64)),
    "portrait": Ugly(_recipe(picture("180x320")), size=(180, 320)),
    "4k": Ugly(_recipe(picture("3840x2160", duration=1.5), sound(duration=1.5)), duration=1.5, size=(3840, 2160)),
    "interlaced": Ugly(_recipe(picture("720x576", rate="25"), options=["-vf", "setfield=tff", "-flags", "+ilme+ildct", "-c:v", "mpeg2video", "-q:v", "3", "-c:a", "mp2"]),
                       "clip.mpg", size=(720, 576), rate=Fraction(25)),
    "resized": Ugly(_resized, "clip.ts"),
    "full_range": Ugly(_recipe(options=["-vf", "scale=out_range=pc,format=yuvj420p", "-c:v", "mjpeg", "-q:v", "3", *AAC]), "clip.mov"),
    "white": Ugly(_recipe(picture(background="white")), flash=None),
    # codecs
    "hevc_10bit": Ugly(_recipe(options=["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none", "-pix_fmt", "yuv420p10le", *AAC]), encoders=("libx265",)),
    "hdr": Ugly(_recipe(options=["-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le", "-x265-params",
                                 "log-level=none:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc", *AAC]), encoders=("libx265",)),
    "vp9": Ugly(_recipe(options=["-c:v", "libvpx-vp9", "-cpu-used", "8", "-deadline", "realtime", "-c:a", "libopus"]), "clip.webm",
                encoders=("libvpx-vp9", "libopus")),
    "av1": Ugly(_recipe(options=["-c:v", "libsvtav1", "-preset", "12", "-pix_fmt", "yuv420p", *AAC]), encoders=("libsvtav1",)),
    "prores": Ugly(_recipe(options=["-c:v", "prores_ks", "-pix_fmt", "yuv422p10le", "-c:a", "pcm_s16le"]), "clip.mov", encoders=("prores_ks",)),
    "gif": Ugly(lambda path: ffmpeg(*picture(rate="10"), path), "clip.gif", rate=Fraction(10), **_NO_SOUND),
    # sound
    "sound_only": Ugly(lambda path: ffmpeg(*sound(), *AAC, path), "clip.m4a", **_NO_PICTURE),
    "cover_art": Ugly(_cover, "clip.mp3", duration=None, at_least=2.95, at_most=3.1, encoders=("libmp3lame",), **_NO_PICTURE),
    "wav": Ugly(lambda path: ffmpeg(*sound(), path), "clip.wav", **_NO_PICTURE),
    "flac": Ugly(lambda path: ffmpeg(*sound(), path), "clip.flac", **_NO_PICTURE),
    "picture_only": Ugly(lambda path: ffmpeg(*picture(), *X264, path), **_NO_SOUND),
    "stereo": Ugly(_recipe(s=sound(channels=2))),
    "surround": Ugly(_recipe(s=sound(channels=6, rate=48000), options=[*X264, "-c:a", "ac3"])),
    "8_khz": Ugly(_recipe(s=sound(8000))),
    "96_khz": Ugly(_recipe(s=sound(96000))),
    "two_tracks": Ugly(_tracks),
    "empty_default": Ugly(_empty_default, "clip.mkv", duration=None, at_least=3.0, at_most=3.06),
    "opposite_phase": Ugly(_recipe(options=[*X264, "-af", "pan=stereo|c0=c0|c1=-1*c0", *AAC])),
    "unreadable_sound_first": Ugly(_unreadable_sound),
    # streams
    "thumbnail_first": Ugly(_thumbnail),
    "proxy_first": Ugly(_proxy),
    "unreadable_picture": Ugly(_unreadable_picture, error=NotAClipError),
    "half_without_timestamps": Ugly(_no_timestamps(all_of_them=False), "clip.mkv", duration=None, at_least=3.4, at_most=3.6,
                                    rate=Fraction(25), click=FLASH + 0.5),
    "without_timestamps": Ugly(_no_timestamps(all_of_them=True), "clip.mkv", duration=None, at_least=3.0, at_most=3.1, rate=Fraction(25)),
    "xvid_b_frames": Ugly(_recipe(options=["-c:v", "mpeg4", "-vtag", "XVID", "-bf", "2", "-c:a", "libmp3lame"]), "clip.avi",
                          duration=None, at_least=3.0, at_most=3.06, encoders=("libmp3lame",)),
    "silence": Ugly(_recipe(s=sound(expression="0")), click=None),
    "noise": Ugly(_noise, click=None),
    "music": Ugly(_music, click=None),
    # damaged
    "cut_at_10": Ugly(_cut(0.10, index_first=True), duration=None, at_least=0.1, at_most=1.5, flash=None, click=None),
    "cut_at_50": Ugly(_cut(0.50, index_first=True), duration=None, at_least=2.0, at_most=4.0, flash=None),
    "cut_at_99": Ugly(_cut(0.99, index_first=True), duration=None, at_least=5.5, at_most=6.05, flash=None),
    "cut_no_index": Ugly(_cut(0.50, index_first=False), **_REFUSED),
    "header_only": Ugly(_header_only, **_REFUSED),
    "zero_bytes": Ugly(_bytes(b""), **_REFUSED),
    "random_bytes": Ugly(_bytes(lambda: random.Random(1).randbytes(200_000)), **_REFUSED),
    "random_mp3": Ugly(_bytes(lambda: random.Random(2).randbytes(200_000)), "clip.mp3", **_REFUSED),
    "text": Ugly(_bytes(b"This is not a film.\n" * 50), "clip.txt", **_REFUSED),
    "text_as_mp4": Ugly(_bytes(b"This is not a film.\n" * 50), **_REFUSED),
    "zip": Ugly(_zip, "clip.zip", **_REFUSED),
    # strangers' files, see hard_inputs.md
    "sound_gap": Ugly(_gap, "clip.mkv", duration=None, at_least=3.0, at_most=3.06),
    "sound_four_seconds_late": Ugly(_shifted(0, 3.875), "clip.mkv", duration=None, at_least=6.8, at_most=6.95, click=FLASH + 3.875),
    "bad_cover": Ugly(_bad_cover, "clip.mp3", duration=None, at_least=2.95, at_most=3.1, encoders=("libmp3lame",), **_NO_PICTURE),
    "foreign_tags": Ugly(_foreign_tags, "clip.wav", **_NO_PICTURE),
    "damaged_middle": Ugly(_damaged_middle, click=2.0),
    "junk_before": Ugly(_junk(3000, 0), "clip.mp3", duration=None, at_least=2.9, at_most=3.2, encoders=("libmp3lame",), **_NO_PICTURE),
    "junk_behind": Ugly(_junk(0, 3000), "clip.mp3", duration=None, at_least=2.9, at_most=3.3, encoders=("libmp3lame",), **_NO_PICTURE),
    "timecode_track": Ugly(_recipe(options=[*X264, *AAC, "-timecode", "01:00:00:00"]), "clip.mov"),
    "only_unreadable_sound": Ugly(_only_unreadable_sound, "clip.m4a", error=NoAudioError),
    "webm_without_length": Ugly(_piped("webm", ["-c:v", "libvpx-vp9", "-cpu-used", "8", "-deadline", "realtime", "-c:a", "libopus"]),
                                "clip.webm", duration=None, at_least=3.0, at_most=3.06, encoders=("libvpx-vp9", "libopus")),
    "wav_without_length": Ugly(_piped("wav", []), "clip.wav", **_NO_PICTURE),
    "fragments": Ugly(_recipe(options=[*X264, *AAC, "-g", "15", "-movflags", "frag_keyframe+empty_moov+default_base_moof"])),
    "hlg": Ugly(_recipe(options=["-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le", "-x265-params",
                                 "log-level=none:colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc", *AAC]), encoders=("libx265",)),
    "hdr_half_tagged": Ugly(_recipe(options=["-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le", "-x265-params",
                                             "log-level=none:transfer=arib-std-b67", *AAC]), encoders=("libx265",)),
    "clock_wraps": Ugly(_wrapped, "clip.ts", duration=None, at_least=3.0, at_most=3.06),
    "clock_jumps": Ugly(_jump, "clip.ts", duration=6.0, flash=5.0, click=5.0, variable=False),
    "other_sound_midway": Ugly(_other_sound, "clip.ts", duration=None, at_least=4.0, at_most=4.3, flash=3.0, click=3.0),
    # Green is transparent, and green remains below.
    "alpha": Ugly(_recipe(options=["-vf", "drawbox=iw/4:ih*2/3:iw/4:ih/3:0x00ff00:fill,format=rgba,colorkey=0x00ff00:0.3:0,format=yuva444p10le", "-c:v", "prores_ks", "-profile:v", "4444", *AAC]), "clip.mov", encoders=("prores_ks",)),
    "centre_only": Ugly(_centre_only),
    "rate_jitters": Ugly(_recipe(picture(rate="60"), options=["-vf", "select='gt(random(1),0.4)+between(t,0.99,1.02)+lt(n,2)'", "-fps_mode", "vfr", *X264, *AAC]),
                         rate=Fraction(60), variable=True),
    "windows_media": Ugly(_recipe(options=["-c:v", "wmv2", "-q:v", "3", "-c:a", "wmav2"]), "clip.wmv", duration=None, at_least=2.95, at_most=3.1),
    # hostile
    "m3u8_file": Ugly(_bytes(_PLAYLIST.format("file:///etc/hostname").encode()), "clip.m3u8", **_REFUSED),
    "m3u8_http": Ugly(_bytes(_PLAYLIST.format("http://127.0.0.1:9/x.ts").encode()), "clip.mp4", **_REFUSED),
    "concat": Ugly(_bytes(b"ffconcat version 1.0\nfile '/etc/hostname'\n"), "clip.ffconcat", **_REFUSED),
    "svg": Ugly(_bytes(_SVG.encode()), "clip.svg", **_REFUSED),
    "png": Ugly(lambda path: ffmpeg("-f", "lavfi", "-i", "testsrc=s=64x64:d=1", "-frames:v", "1", path), "clip.png", **_REFUSED),
    "bomb_gif": Ugly(_bytes(_bomb_gif), "clip.gif", error=LimitError),
    "huge_index": Ugly(huge_index, error=LimitError),
    "bomb_avi": Ugly(_bomb_avi, "clip.avi", error=LimitError),
    # names
    "name_spaces": Ugly(_recipe(), " a  clip .mp4"),
    "name_quotes": Ugly(_recipe(), "it's \"a\" `clip` $(id) %d {}.mp4"),
    "name_newline": Ugly(_recipe(), "a\nclip.mp4"),
    "name_emoji": Ugly(_recipe(), "🎬 żółw 動画.mp4"),
    "name_option": Ugly(_renamed, "-i x"),
    "name_protocol": Ugly(_renamed, "concat:a|b,c;d=[e].mp4"),
    "name_255_bytes": Ugly(_recipe(), "n" * 251 + ".mp4"),
    "name_not_utf8": Ugly(_renamed, os.fsdecode(b"caf\xe9.mp4")),
}  # fmt: skip


def usable() -> list[str]:
    """Return the clips of the corpus that give a result: they can be read and have a sound."""
    return [name for name, truth in CORPUS.items() if truth.error is None and truth.audio]
