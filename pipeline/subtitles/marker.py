"""The marker: thin corner brackets around the face that speaks, and the tag with its name."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.records import Person
from pipeline.subtitles import yuv
from pipeline.subtitles.cue import Cue
from pipeline.subtitles.layout import lay_out
from pipeline.subtitles.letters import Letters
from pipeline.subtitles.looks import RGB
from pipeline.subtitles.scene import FacePath, Scene
from pipeline.subtitles.setting import Setting
from pipeline.subtitles.yuv import Corners, Sprite
from pipeline.text import clean

if TYPE_CHECKING:
    from numpy.typing import NDArray

MARKED_AFTER_S = 0.3  #: the marker stays this long after the last word
BRIDGED_S = 0.5  #: and through pauses no longer than this
FADE_S = 0.12
NAMED_LINES = 2  #: the name stands with the first lines of a person in a shot
NAME_FADE_S = 0.5


def name_tag(person: Person, setting: Setting) -> Sprite:
    """The name, filled with the person's colour; a long name is cut with an ellipsis."""
    letters, em = _name(person, setting)
    pad = round(0.45 * em)
    cover = np.pad(letters.mask, ((0, 0), (pad, pad)))
    return _plate(cover, setting, person, em)


def edge_tag(person: Person, setting: Setting, edge: str) -> Sprite:
    """The name as it stands at an edge ("left", "right") of the frame; chevrons point to where the person is.

    As high as `name_tag`, and wider by the frame's margin and the padding of a panel: the name stands over the panel's
    text.
    """
    import cv2

    letters, em = _name(person, setting)
    pad, lead, fine = round(0.45 * em), setting.margin + setting.padding[0], 8
    tall, reach, line = letters.height, 0.26 * em, 0.13 * em
    arrows = np.zeros((tall * fine, lead * fine), dtype=np.uint8)
    for k, shade in enumerate((255, 150)):
        x = 0.5 * (lead - 2.3 * reach) + 1.3 * k * reach
        points = [(x + reach, tall / 2 - reach), (x, tall / 2), (x + reach, tall / 2 + reach)]
        cv2.polylines(
            arrows, [np.round(np.array(points) * fine).astype(np.int32)], False, shade, max(fine, round(line * fine)),
            cv2.LINE_AA
        )  # fmt: skip
    arrows = np.asarray(cv2.resize(arrows, (lead, tall), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    ink = np.pad(letters.mask, ((0, 0), (0, pad)))
    if edge == "right":
        ink, arrows = np.pad(letters.mask, ((0, 0), (pad, 0))), arrows[:, ::-1]
    cover = np.hstack([arrows, ink] if edge == "left" else [ink, arrows])
    return _plate(cover, setting, person, em, mirrored=edge == "right")


def bubble(setting: Setting, accent: RGB) -> Sprite:
    """Return a speech bubble with three dots, for somebody who speaks while another has the text."""
    from PIL import Image, ImageDraw

    fine, em = 4, setting.em
    width, height, foot = round(1.7 * em), round(1.05 * em), round(0.32 * em)
    image = Image.new("RGBA", (width * fine, (height + foot) * fine), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    line, w, h = max(1, round(em / 14)) * fine, width * fine - 1, height * fine - 1
    draw.polygon(
        [(0.38 * w, h - line), (0.62 * w, h - line), (0.5 * w, (height + foot) * fine - 1)], fill=(*accent, 255)
    )
    draw.rounded_rectangle(
        (0, 0, w, h), radius=0.3 * em * fine, fill=(9, 13, 18, 225), outline=(*accent, 255), width=line
    )
    radius = 0.1 * em * fine
    for k in (-1, 0, 1):
        x, y = w / 2 + k * 0.36 * em * fine, h / 2
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(*accent, 255))
    return Sprite.of_rgba(np.asarray(image.reduce(fine), dtype=np.uint8), setting.matrix)


def _name(person: Person, setting: Setting) -> tuple[Letters, float]:
    """The person's name on one line, and its text size in px."""
    em = max(7.0, 0.56 * setting.em)
    name = clean(person.name, 200) or person.id
    if name.isascii():
        name = name.upper()
    widest = max(16.0, min(0.5 * setting.canvas.width, 16 * em))
    layout = lay_out(
        name, size_px=em, max_width_px=widest, max_lines=1, family=setting.style.family, weight="bold",
        min_size_px=0.9 * em
    )  # fmt: skip
    return Letters(layout), em


def _plate(cover: NDArray[np.uint8], setting: Setting, person: Person, em: float, mirrored: bool = False) -> Sprite:
    """A plate in the person's colour with a cut corner, and on it `cover` (h, w) in dark or white ink, whichever is
    read.
    """
    from PIL import Image, ImageDraw

    h, w = cover.shape
    fine, accent = 4, setting.colour(person.id)
    plate = Image.new("L", (w * fine, h * fine), 0)
    cut = 0.34 * em * fine
    ImageDraw.Draw(plate).polygon(
        [(0, 0), (w * fine, 0), (w * fine, h * fine - cut), (w * fine - cut, h * fine), (0, h * fine)], fill=255
    )
    shape = np.asarray(plate.reduce(fine))
    rgba = np.empty((h, w, 4), dtype=np.uint8)
    ink = np.array((8, 12, 16) if yuv.luminance(accent) > 0.18 else (255, 255, 255), dtype=np.float32)
    share = cover[..., None] / np.float32(255)
    rgba[..., :3] = (accent * (1 - share) + ink * share).astype(np.uint8)
    rgba[..., 3] = shape[:, ::-1] if mirrored else shape
    return Sprite.of_rgba(rgba, setting.matrix)


class Markers:
    """Marks the speaking faces of a scene."""

    def __init__(self, setting: Setting, scene: Scene, cues: tuple[Cue, ...], tags: dict[str, Sprite]) -> None:
        self._setting, self._scene, self._tags = setting, scene, tags
        wanted = setting.look.markers and setting.style.brackets
        self._spans = _spans(cues, scene) if wanted else {}
        self._brackets: dict[tuple[RGB, int], Corners] = {}

    def at(self, t: float) -> list[tuple[str, FacePath, float, float]]:
        """Who is marked at `t`: person, face, opacity of the brackets (while they speak) and of the name (while a cue
        is up).
        """
        found = []
        for person, (speaking, named) in self._spans.items():
            brackets, name = self._opacity(speaking, t, FADE_S), self._opacity(named, t, NAME_FADE_S)
            face = next(
                (f for f in self._scene.faces if f.person == person and f.first <= t < f.last), None
            ) if brackets or name else None  # fmt: skip
            if face is not None:
                found.append((person, face, brackets, name))
        return found

    def _opacity(self, spans: list[tuple[float, float]], t: float, fade: float) -> float:
        k = bisect.bisect_right(spans, (t, float("inf"))) - 1
        if k < 0 or t >= spans[k][1]:
            return 0.0
        if self._setting.look.reduced_motion:
            return 1.0
        cut = next((c for c in reversed(self._scene.cuts) if c <= t), 0.0)
        return min(1.0, (t - max(spans[k][0], cut)) / FADE_S + 0.25, (spans[k][1] - t) / fade)

    def draw(
        self,
        target: tuple[Any, ...],
        person: str,
        box: Sequence[float],
        brackets: float,
        name: float,
        panels: Sequence[Sequence[float]],
        written: Sequence[Sequence[float]] = (),
    ) -> None:
        """Corner brackets around the face, and the name where no panel (left, top, right, bottom) hides it.

        The name never covers text in the picture, `written`; where no other place is free it is not drawn.
        """
        top_of_picture = self._setting.canvas.top
        bottom_of_picture = self._setting.canvas.height - top_of_picture
        wide, tall = box[2] - box[0], box[3] - box[1]
        left, right = round(box[0] - 0.06 * wide), round(box[2] + 0.06 * wide)
        top, bottom = round(box[1] - 0.03 * tall) + top_of_picture, round(box[3] + 0.03 * tall) + top_of_picture
        line = max(1, round(self._setting.em / 13))
        reach = max(3 * line, round(0.17 * min(wide, tall)))
        corners = self._corners(self._setting.colour(person), line, reach)
        x, y, side = left - 1, top - 1, corners.side
        across, down = (right + 1 - side - x) // 2 * 2, (bottom + 1 - side - y) // 2 * 2  # even, as colour is
        width, seen = self._setting.canvas.width, range(top_of_picture, bottom_of_picture - side + 1)
        together = min(across, down) > side and 0 <= x <= width - across - side and y in seen and y + down in seen
        if brackets and together:
            corners.blend(target, x, y, x + across, y + down, brackets)
        elif brackets:
            for k, corner in enumerate(corners.corners):
                row = y + (k > 1) * down
                if row in seen:
                    corner.blend(target, x + k % 2 * across, row, brackets)
        if self._setting.names_on_panels or not name:
            return
        chip = self._tags[person]
        x = min(max(left, 0), max(0, self._setting.canvas.width - chip.width))
        places = (bottom + 2 * line, top - 2 * line - chip.height, bottom - reach - chip.height)
        last = min(max(top_of_picture, places[2]), bottom_of_picture - chip.height)
        inside = [y for y in places if top_of_picture <= y <= bottom_of_picture - chip.height]
        free = [y for y in inside if not _meets(chip, x, y, panels)] + [last]
        seen_at = next((y for y in free if not _meets(chip, x, y, written)), None)
        if seen_at is not None:
            chip.blend(target, x, seen_at, name)

    def _corners(self, colour: RGB, line: int, reach: int) -> Corners:
        """The four corners of a bracket, each with a thin dark rim, kept for the next frame."""
        known = self._brackets.get((colour, reach))
        if known is None:
            if len(self._brackets) > 64:
                self._brackets.clear()
            side = reach + 2
            rgba = np.zeros((side, side, 4), dtype=np.uint8)
            rgba[: line + 2, :] = rgba[:, : line + 2] = (6, 9, 12, 90)
            rgba[1 : line + 1, 1:-1] = rgba[1:-1, 1 : line + 1] = (*colour, 255)
            turned = (rgba, rgba[:, ::-1], rgba[::-1], rgba[::-1, ::-1])
            a, b, c, d = (Sprite.of_rgba(np.ascontiguousarray(corner), self._setting.matrix) for corner in turned)
            known = self._brackets[colour, reach] = Corners((a, b, c, d))
        return known


def _meets(chip: Sprite, x: int, y: int, boxes: Sequence[Sequence[float]]) -> bool:
    """Return whether `chip` with its corner at (x, y) meets one of `boxes` (left, top, right, bottom)."""
    return any(a < x + chip.width and x < c and b < y + chip.height and y < d for a, b, c, d in boxes)


Spans = list[tuple[float, float]]


def _spans(cues: tuple[Cue, ...], scene: Scene) -> dict[str, tuple[Spans, Spans]]:
    """Return when each person speaks, and when their name stands: with their first lines in a shot.

    Short pauses are bridged.
    """
    spans: dict[str, tuple[Spans, Spans]] = {}
    lines: dict[tuple[str, int], int] = {}
    for cue in cues:
        if cue.person is None:
            continue
        speaking, named = spans.setdefault(cue.person, ([], []))
        _bridge(speaking, cue.start, min(cue.spoken + MARKED_AFTER_S, cue.end))
        last = scene.shot(max(cue.start, cue.end - 0.04))
        for shot in range(scene.shot(cue.start), last + 1):
            number = lines[cue.person, shot] = lines.get((cue.person, shot), 0) + 1
            if number <= NAMED_LINES:
                begin, end = scene.span(shot)
                _bridge(named, max(cue.start, begin), min(cue.end, end))
    return spans


def _bridge(spans: Spans, start: float, end: float) -> None:
    if spans and start <= spans[-1][1] + BRIDGED_S:
        spans[-1] = (spans[-1][0], max(spans[-1][1], end))
    else:
        spans.append((start, end))
