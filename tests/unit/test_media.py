"""The arithmetic of media: rates, sizes, lengths, names. What needs ffmpeg is in the integration tests."""

from __future__ import annotations

import wave
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pipeline import media
from pipeline.errors import MediaError
from pipeline.media import child, probing, scan, source
from pipeline.records import Clip

pytestmark = pytest.mark.unit


def clip(**values: Any) -> Clip:
    return Clip(path=Path("clip.mp4"), duration=values.pop("duration", 3.0), has_video=True, has_audio=True, **values)


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        (30, 30), (Fraction(30000, 1001), Fraction(30000, 1001)), (20, 20), (60, 60), (19, 38), (12, 24), (10, 30), (5, 25),
        (1, 24), (Fraction(1, 2), 24), (120, 60), (240, 60), (100, 50), (Fraction(120000, 1001), Fraction(60000, 1001)), (0, 25),
    ],
)  # fmt: skip
def test_text_moves_smoothly_at_the_output_rate(rate: Any, expected: Any) -> None:
    assert media.output_rate(clip(frame_rate=Fraction(rate))) == expected


@pytest.mark.parametrize(("size", "expected"), [((321, 181), (320, 180)), ((320, 180), (320, 180)), ((1, 1), (2, 2))])
def test_the_output_size_is_even(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert media.output_size(clip(width=size[0], height=size[1])) == expected


@pytest.mark.parametrize(
    ("duration", "rate", "count"),
    [(3.0, 30, 90), (3.01, 30, 90), (3.02, 30, 91), (0.001, 30, 1), (100.1, Fraction(30000, 1001), 3000)],
)
def test_the_output_is_as_long_as_the_clip_to_the_nearest_frame(duration: float, rate: Any, count: int) -> None:
    assert media.frame_count(clip(duration=duration), Fraction(rate)) == count


def times(*parts: tuple[float, float, float]) -> list[float]:
    """Timestamps of (from, to, rate) parts."""
    return [start + k / rate for start, end, rate in parts for k in range(round((end - start) * rate))]


@pytest.mark.parametrize(
    ("stamps", "told", "expected"),
    [
        (times((0, 3, 30)), 30, (30, False)),
        (times((0, 3, 30)), None, (30, False)),
        (
            [round(t, 3) for t in times((0, 30, 30000 / 1001))],
            None,
            (Fraction(30000, 1001), False),
        ),  # Matroska counts in ms
        ([round(t, 3) for t in times((0, 30, 24000 / 1001))], 24, (Fraction(24000, 1001), False)),  # the header rounds
        (times((0, 2, 5), (2, 4, 30)), Fraction(35, 2), (30, True)),
        (times((0, 10, 7)), None, (7, False)),
        ([0.0], Fraction(25), (25, False)),
        ([0.0], 90000, (25, False)),  # a time base, no rate
        ([0.0, 0.0, 0.0], None, (25, False)),
    ],
)
def test_the_nominal_rate_comes_from_the_timestamps(stamps: Any, told: Any, expected: Any) -> None:
    assert scan.frame_rate(stamps, SimpleNamespace(average_rate=told)) == expected


def test_a_name_in_a_sentence_is_short_and_printable() -> None:
    assert child.printable("a\nb\x1b[31m\u202ec.mp4") == "“a b [31m c.mp4”"
    assert len(child.printable("n" * 255)) < 65


@pytest.mark.parametrize(("seconds", "text"), [(59.6, "1 min"), (59, "59 s"), (300, "5 min"), (301, "5 min 1 s")])
def test_lengths_in_sentences(seconds: float, text: str) -> None:
    assert probing.minutes(seconds) == text


@pytest.mark.parametrize(
    ("aspect", "rotation", "expected"),
    [
        (Fraction(4, 3), 0, (960, 576)),
        (Fraction(4, 3), 90, (576, 960)),
        (Fraction(1, 2), 0, (720, 1152)),
        (Fraction(1), 270, (576, 720)),
    ],
)
def test_the_shown_size_is_upright_with_square_pixels(aspect: Any, rotation: int, expected: tuple[int, int]) -> None:
    assert probing.shown_size(720, 576, aspect, rotation) == expected


def test_read_sound_gives_float_samples(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(np.array([0, 16384, -32768], "<i2").tobytes())
    samples = media.read_sound(tmp_path / "a.wav")
    assert samples.dtype == np.float32
    assert samples.tolist() == [0, 0.5, -1]
    with wave.open(str(tmp_path / "b.wav"), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(16_000)
    for path in (tmp_path / "b.wav", tmp_path / "missing.wav"):
        with pytest.raises(MediaError):
            media.read_sound(path)


@pytest.mark.parametrize(
    ("matrix", "transfer", "height", "expected"),
    [("bt709", "", 180, "bt709"), ("bt601", "", 1080, "bt601"), ("", "", 360, "bt601"), ("", "", 720, "bt709"),
     ("rgb", "", 100, "bt709"), ("bt2020", "pq", 100, "bt709")],
)  # fmt: skip
def test_the_matrix_of_drawn_frames(matrix: str, transfer: str, height: int, expected: str) -> None:
    assert media.video_matrix(clip(colour_matrix=matrix, colour_transfer=transfer, height=height)) == expected


def test_a_name_of_any_bytes_reaches_ffmpeg_whole() -> None:
    path = Path("/tmp/żółw \udce9.mp4")
    assert source.url(path).encode("latin-1") == b"file:/tmp/" + "żółw ".encode() + b"\xe9.mp4"


def test_without_a_system_ffmpeg_the_wheel_has_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert Path(media.ffmpeg_binary()).is_file()
