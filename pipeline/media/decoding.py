"""The sound and the frames of a clip, on the clip's clock."""

from __future__ import annotations

import contextlib
import wave
from collections.abc import Generator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import MediaError, NoAudioError
from pipeline.media import source
from pipeline.media.child import FFmpeg, printable
from pipeline.media.shape import frame_count, output_rate
from pipeline.records import Clip, Progress, Stage
from pipeline.workspace import disk_error

if TYPE_CHECKING:
    import numpy as np

SAMPLE_RATE = 16_000  #: Hz, what every speech model here listens at


def extract_sound(clip: Clip, to: Path) -> Stage[Path]:
    """Write the clip's sound to `to`, a 16 kHz mono s16 WAV on the clip's clock, exactly as long as the clip.

    A late sound track begins with silence, gaps are filled, and a short one ends in silence. Two channels are added up;
    where they are in opposite phase the second is turned over first, so that nothing is cancelled out. Channels that
    differ are kept beside `to` for `read_channels`.

    Raises NoAudioError without a sound track, MediaError when ffmpeg fails.
    """
    import ffmpeg
    import numpy as np

    if not clip.has_audio:
        raise NoAudioError("The clip has no sound track; choose one in which people can be heard.")
    samples = max(1, round(clip.duration * SAMPLE_RATE))
    channels = min(2, max(1, clip.audio_channels))
    mixer = _Mixer()
    parts = [(source.unfinished(to), to, 1), (source.unfinished(to), _channels_beside(to), 2)][:channels]
    try:
        with contextlib.ExitStack() as stack:
            stream, inherited = stack.enter_context(source.sound_on_clock(clip, SAMPLE_RATE, channels))
            stream = stream.filter("aresample", SAMPLE_RATE, **source.FILL)
            command = source.compiled(ffmpeg.output(stream, "pipe:1", format="s16le", ac=channels, ar=SAMPLE_RATE))
            child = stack.enter_context(FFmpeg(command, "read the sound", stdout=True, inherited=inherited))
            files = [_wav(stack, part, count) for part, _, count in parts]
            written = 0
            block = np.empty((_Mixer.BLOCK, channels), "<i2")
            while (size := child.read(block.data.cast("B")) // (2 * channels)) > 0:
                taken = min(size, samples - written)
                files[0].writeframes(mixer.mono(block[:taken]).tobytes())
                for file in files[1:]:
                    file.writeframes(block[:taken].tobytes())
                written += taken
                if written // _Mixer.BLOCK % 10 == 0:  # every five seconds
                    yield Progress("probe", min(1.0, written / samples), "reading the sound")
            child.finish(enough=written > 0)
            for file in files:
                for first in range(written, samples, _Mixer.BLOCK):
                    file.writeframes(bytes(min(_Mixer.BLOCK, samples - first) * 2 * file.getnchannels()))
        for part, name, count in parts:
            if count == 1 or mixer.differs:
                part.replace(name)
    except OSError as error:
        raise disk_error(error) from error
    finally:
        for part, _, _ in parts:
            part.unlink(missing_ok=True)
    return to


class _Mixer:
    """Adds two channels up, block by block.

    In phase the sum keeps the channels' energy, where they have nothing in common it keeps half, and in opposite phase
    nothing is left. Below a quarter the second channel is turned over, above three quarters it is turned back; between
    them it stays as it is, so that ordinary stereo is never touched.
    """

    BLOCK = SAMPLE_RATE // 2  #: samples that are decided on at once
    RAMP = SAMPLE_RATE // 100  #: samples over which the second channel is turned over, so that it does not click
    SILENCE = 30.0  #: root mean square in steps of 16 bits, -60 dB, below which nothing is decided

    def __init__(self) -> None:
        self.sign = 1.0
        self.differs = False  # whether the channels hold different sounds

    def mono(self, block: np.ndarray) -> np.ndarray:
        """Return int16 (samples,) for int16 (samples, channels)."""
        import numpy as np

        if block.shape[1] == 1 or not len(block):
            return block[:, 0]
        left, right = block[:, 0].astype(np.float32), block[:, 1].astype(np.float32)
        energy = float(left @ left + right @ right) / 2
        before = self.sign
        if energy > self.SILENCE**2 * len(block):
            mix = left + right
            share = float(mix @ mix) / 4 / energy
            self.differs = self.differs or 0.02 < share < 0.98  # in opposite phase they hold the same
            self.sign = -1.0 if share < 0.25 else 1.0 if share > 0.75 else before
        gain = np.full(len(block), self.sign, np.float32)
        if self.sign != before:
            ramp = min(self.RAMP, len(block))
            gain[:ramp] = np.linspace(before, self.sign, ramp)
        return np.rint((left + gain * right) / 2).astype("<i2")


def _wav(stack: contextlib.ExitStack, path: Path, channels: int) -> wave.Wave_write:
    raw = stack.enter_context(path.open("wb"))
    file: wave.Wave_write = stack.enter_context(contextlib.closing(wave.open(raw, "wb")))  # noqa: SIM115  closed by the stack
    file.setnchannels(channels)
    file.setsampwidth(2)
    file.setframerate(SAMPLE_RATE)
    return file


def _channels_beside(sound: Path) -> Path:
    return sound.with_name(f"{sound.name}.channels")


def cut_sound(sound: Path, to: Path, start: float, end: float) -> None:
    """Write `start` to `end` s of what `extract_sound` wrote to `sound` to `to`, with both channels where it kept them.

    Raises MediaError.
    """
    for source_file, name in ((sound, to), (_channels_beside(sound), _channels_beside(to))):
        if source_file != sound and not source_file.exists():
            continue
        try:
            with wave.open(str(source_file), "rb") as long, wave.open(str(name), "wb") as part:
                first = min(long.getnframes(), round(start * SAMPLE_RATE))
                part.setparams(long.getparams())
                long.setpos(first)
                part.writeframes(long.readframes(max(0, round(end * SAMPLE_RATE) - first)))
        except OSError as error:
            raise disk_error(error) from error
        except (wave.Error, EOFError) as error:
            raise MediaError(f"{printable(sound.name)} cannot be read as sound; extract it again.") from error


def blocks_of_sound(path: Path, seconds: float) -> Generator[np.ndarray, None, None]:
    """Yield a WAV that `extract_sound` wrote piece by piece: float32 (samples,), at most `seconds` long each.

    Raises MediaError for any other kind of file.
    """
    import numpy as np

    try:
        with wave.open(str(path), "rb") as file:
            while data := file.readframes(round(seconds * SAMPLE_RATE)):
                yield np.frombuffer(data, "<i2").astype(np.float32) / 32768
    except (wave.Error, EOFError, OSError) as error:
        raise MediaError(f"{printable(path.name)} cannot be read as sound; extract it again.") from error


def read_sound(path: Path) -> np.ndarray:
    """Return the samples of a WAV that `extract_sound` wrote: float32 (samples,), -1..1, 16 kHz.

    Raises MediaError for any other kind of file.
    """
    return _read_wav(path, 1)[0]


def read_channels(sound: Path) -> np.ndarray | None:
    """Return both channels of the sound that `extract_sound` wrote to `sound`, or None where they hold the same.

    float32 (2, samples), -1..1, 16 kHz. A recorded telephone call often has one party in each.
    """
    path = _channels_beside(sound)
    return _read_wav(path, 2) if path.exists() else None


def _read_wav(path: Path, channels: int) -> np.ndarray:
    """Return float32 (channels, samples)."""
    import numpy as np

    try:
        with wave.open(str(path), "rb") as file:
            if (file.getnchannels(), file.getsampwidth(), file.getframerate()) != (channels, 2, SAMPLE_RATE):
                kind = "mono" if channels == 1 else "stereo"
                raise MediaError(f"{printable(path.name)} is not 16 kHz {kind}; extract the sound again.")
            data = file.readframes(file.getnframes())
    except (wave.Error, EOFError, OSError) as error:
        raise MediaError(f"{printable(path.name)} cannot be read as sound; extract it again.") from error
    return np.ascontiguousarray(np.frombuffer(data, "<i2").reshape(-1, channels).T).astype(np.float32) / 32768


def frames(
    clip: Clip,
    *,
    width: int,
    height: int,
    rate: Fraction | float | None = None,
    pixels: str = "rgb24",
    start: float = 0.0,
    end: float | None = None,
    keys: bool = False,
) -> Generator[tuple[float, np.ndarray], None, None]:
    """Yield (t, frame) for t = k / rate s from `start` up to `end`, by default to the end of the clip.

    Frames are upright with square pixels, uint8 and writable: "rgb24" is (height, width, 3); "yuv420p" is flat, (height
    * 3 // 2, width), in limited range and in the clip's own matrix (`video_matrix`). ffmpeg decodes ahead of the caller
    by what its threads and the pipe hold; each frame is an array of its own. Where the picture begins late its first
    frame is shown from t = 0, where it ends early its last frame stays. With `keys` only key frames are decoded, and
    each stands until the next.

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
    for begin in (first, 0) if first else (0,):
        command = _decoder(clip, width, height, rate, pixels, begin, last - begin, keys)
        with FFmpeg(source.compiled(command), "read the picture", stdout=True) as child:
            for index in range(begin, last):
                frame = np.empty(shape, np.uint8)
                if child.read(frame.data.cast("B")) < frame.nbytes:
                    if index == begin > 0:
                        break  # The picture has ended before `start`: its last frame is known only from the beginning.
                    child.finish(enough=False)
                    raise MediaError("The picture of the clip ends too early; save it again as MP4 and retry.")
                if index >= first:
                    yield float(index / rate), frame
            else:
                return


def _decoder(
    clip: Clip, width: int, height: int, rate: Fraction, pixels: str, first: int, count: int, keys: bool
) -> Any:
    import ffmpeg

    options: dict[str, Any] = {"skip_frame": "nokey"} if keys else {}
    begin = clip.skip + float(first / rate)
    if begin > 0 and not clip.counted:
        # A second early and to the key frame before: the frame that covers `start` may be shown long before it.
        options |= {"noaccurate_seek": None, "ss": f"{max(0.0, begin - 1):.6f}"}
    stream = source.picture_on_clock(clip, **options)
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
    """Scale to the asked size, square pixels and 8 bit limited range; what is transparent becomes black."""
    if clip.transparent:
        stream = stream.filter("premultiply", inplace=1)
    if clip.colour_transfer:
        stream = _tagged(stream, clip)
    colours = {}
    if pixels == "yuv420p" and (clip.full_range or clip.colour_matrix in ("rgb", "bt2020")):
        colours = {"out_range": "tv"}  # only here: ffmpeg copies every frame once more where a range is asked for
        if clip.colour_matrix in ("rgb", "bt2020"):
            colours["out_color_matrix"] = "bt709"
    stream = stream.filter("scale", width, height, flags="bicubic", **({} if clip.colour_transfer else colours))
    stream = stream.filter("setsar", 1)
    if clip.colour_transfer:
        stream = _for_ordinary_screens(stream)
    return stream.filter("format", pixels)


def _tagged(stream: Any, clip: Clip) -> Any:
    """Name the colours of HDR, of which a clip may tell the transfer alone; BT.2020 is what HDR has.

    Neither swscale nor zimg converts the matrix of constant luminance, which nearly nobody uses.
    """
    wide = clip.colour_matrix in ("", "bt2020")
    tags = {"color_primaries": "bt2020", "colorspace": "bt2020nc"} if wide else {}
    transfer = {"hlg": "arib-std-b67", "pq": "smpte2084"}[clip.colour_transfer]
    return stream.filter("setparams", range="pc" if clip.full_range else "tv", color_trc=transfer, **tags)


HDR_WHITE = 203  #: cd/m² of a white sheet of paper in HDR, which is the white of ordinary screens (ITU-R BT.2408)
HDR_PEAK = 1000  #: cd/m² of the brightest highlight that is kept apart from white


def _for_ordinary_screens(stream: Any) -> Any:
    """Convert HDR to BT.709 through linear light: up to half of white as it is, above that compressed.

    Hable's curve, which is usual with ffmpeg, showed white at 193 of 255 and faces too dark.
    """
    stream = stream.filter("zscale", t="linear", npl=HDR_WHITE).filter("format", "gbrpf32le")
    stream = stream.filter("zscale", p="bt709")
    stream = stream.filter("tonemap", "mobius", param=0.5, desat=0, peak=f"{HDR_PEAK / HDR_WHITE:.3f}")
    return stream.filter("zscale", t="bt709", m="bt709", r="tv")


def _ceil(value: float | Fraction) -> int:
    return int(-((-value + Fraction(1, 1_000_000)) // 1)) if isinstance(value, Fraction) else -int(-(value - 1e-6) // 1)
