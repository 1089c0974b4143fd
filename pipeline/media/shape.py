"""Sizes, rates and colours of the frames that are drawn on."""

from __future__ import annotations

from fractions import Fraction

from pipeline.records import Clip


def output_size(clip: Clip) -> tuple[int, int]:
    """Return width and height of the finished video: the clip's own, made even (4:2:0 needs it)."""
    return max(2, clip.width // 2 * 2), max(2, clip.height // 2 * 2)


def output_rate(clip: Clip) -> Fraction:
    """Return the clip's own rate where text moves smoothly at it (20 to 60 fps), else the nearest multiple or half."""
    rate = clip.frame_rate
    if rate <= 0:
        return Fraction(25)
    if rate < 20:
        return rate * -(-24 // rate)
    while rate > 60:
        rate /= 2
    return rate


def frame_count(clip: Clip, rate: Fraction) -> int:
    """Return how many frames the finished video has: the clip's length to the nearest frame, at least one."""
    return max(1, round(Fraction(clip.duration) * rate))


def video_matrix(clip: Clip) -> str:
    """Return the matrix of "yuv420p" frames of this clip, "bt709" or "bt601".

    It is the clip's own, and where the clip does not say what players assume: BT.709 from 720 lines on.
    """
    if clip.colour_matrix in ("bt709", "bt601"):
        return clip.colour_matrix
    if clip.colour_matrix == "" and not clip.colour_transfer and clip.height < 720:
        return "bt601"
    return "bt709"
