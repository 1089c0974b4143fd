"""A look on one frame of a clip: to see it before the whole clip is drawn, and the poster of the result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline import media
from pipeline.errors import NotAClipError, UsageError
from pipeline.records import Analysis, Clip, Look
from pipeline.subtitles import yuv
from pipeline.subtitles.draw import Compositor, compose
from pipeline.subtitles.plan import Plan

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def still(clip: Clip, analysis: Analysis, look: Look, t: float) -> NDArray[np.uint8]:
    """Return the frame of the clip at `t` s with the look drawn on it, RGB (height, width, 3).

    It is the frame that the finished video shows at that time.

    Raises NotAClipError for a clip without a picture, UsageError for a time that is not inside the clip or a look that
    does not exist, MediaError when ffmpeg fails.
    """
    if not 0 <= t < clip.duration:
        raise UsageError(
            f"The clip is {clip.duration:.2f} s long; choose a time from 0 to before its end for the preview."
        )
    return _drawn(clip, _composed(clip, analysis, look), t)


def poster(clip: Clip, analysis: Analysis, look: Look) -> NDArray[np.uint8] | None:
    """Return the picture that stands for the finished video, RGB (height, width, 3); None where there is no line.

    Raises as `still` does.
    """
    compositor = _composed(clip, analysis, look)
    t = poster_time(compositor.plan)
    return None if t is None else _drawn(clip, compositor, max(0.0, min(t, clip.duration - 0.05)))


def _composed(clip: Clip, analysis: Analysis, look: Look) -> Compositor:
    if not clip.has_video:
        raise NotAClipError("This clip has no picture to draw on; give one that has.")
    matrix = yuv.BT709 if media.video_matrix(clip) == "bt709" else yuv.BT601
    return compose(analysis, look, *media.output_size(clip), media.output_rate(clip), matrix)


def _drawn(clip: Clip, compositor: Compositor, t: float) -> NDArray[np.uint8]:
    width, height = media.output_size(clip)
    rate = media.output_rate(clip)
    number = min(int(t * rate + 1e-6), media.frame_count(clip, rate) - 1)
    start = float(number / rate)
    frames = media.frames(
        clip, width=width, height=height, rate=rate, pixels="yuv420p", start=start, end=start + 0.5 / float(rate)
    )
    try:
        _, canvas = next(compositor.drawn(frames))
    finally:
        frames.close()
    return yuv.rgb(canvas, compositor.plan.setting.matrix)


def poster_time(plan: Plan) -> float | None:
    """Return the time (s) of the picture that shows best what the look does; None where there is no line.

    It is the middle of a turn of a line at its speaker's face, as long as others but early; where no line turns it is
    the middle of a line.
    """
    best, found = float("-inf"), None
    for cue, spots in zip(plan.cues, plan.spots[0], strict=True):
        t = (cue.turn_start + cue.turn_end) / 2 if cue.turns else (cue.start + cue.text_end) / 2
        spot = next((spot for spot in spots if spot.start <= t < spot.end), None)
        if spot is None or t >= cue.text_end:
            continue
        at_face = spot.face is not None and spot.face.first <= t < spot.face.last
        letters = min(len(cue.translation or cue.source), 40) / 40
        worth = 2.0 * cue.turns + 2.0 * at_face + letters - t / (t + 60)
        if worth > best:
            best, found = worth, t
    return found
