"""One panel of one cue: glass, trim, pointer and the rows of text on it, as they are at any instant."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.subtitles import yuv
from pipeline.subtitles.cue import Cue
from pipeline.subtitles.looks import RGB, Panel
from pipeline.subtitles.marker import bubble, edge_tag
from pipeline.subtitles.row import RowText
from pipeline.subtitles.setting import Setting, lit
from pipeline.subtitles.spot import Spot, spot_at
from pipeline.subtitles.yuv import Frost, Sprite

if TYPE_CHECKING:
    from numpy.typing import NDArray

CONTRAST = 4.5  #: WCAG 2, 1.4.3
CONTRAST_RIMMED = 3.0  #: text with a dark rim of its own
STEPS = 100  #: of the strength of glass; one changes white behind it by two levels


class Drawing:
    """One panel of one cue while it is on screen."""

    def __init__(self, owner: Setting, cue: Cue, panel: Panel, tag: Sprite | None) -> None:
        self.owner, self.cue, self.panel, self.tag = owner, cue, panel, tag
        style = owner.style
        self.width, self.height = owner.size(panel, cue)
        self.rows = [RowText(owner, cue, row, *texts) for row in panel.rows if any(texts := owner.texts(row, cue))]
        self.accent = owner.accent(cue.person)
        shown = next((r.translation or r.source for r in self.rows if r.translation or r.source), None)
        self.from_right = bool(shown and shown.layout.direction == "rtl" and style.align == "start")
        self._panes: dict[bool, tuple[Frost | None, Sprite | None]] = {}
        self._small: dict[str, Sprite] = {}
        self.tint = owner.matrix.yuv(style.tint)
        colours = [yuv.luminance(c) for r in self.rows for c in _shown_colours(r, self.accent)]
        self.dimmest = min(colours, default=1.0)

    def draw(self, target: tuple[Any, ...], t: float, spots: tuple[Spot, ...]) -> None:
        """Draw the panel on the planes of a canvas as it is at `t`."""
        spot = spot_at(spots, t)
        if not self.rows or spot is None:
            return
        owner, style = self.owner, self.owner.style
        if t >= self.cue.full_until:
            self._draw_mark(target, spot, *spot.at(t), t)
            return
        # The accent is on the side the text begins on; at an edge of the frame, on the side of the edge.
        from_right = spot.edge == "right" if spot.edge else self.from_right
        x, y = self._corner(spot, t, from_right)
        opacity, opened = self._appearing(t)
        columns = self._columns(opened, from_right)
        self._draw_pane(target, x, y, opacity, columns, from_right)
        if style.pointer and spot.face is not None and spot.kind != "low":
            self._point(target, spot, x, y, t, opacity)
        left, top = x + owner.padding[0], y + owner.padding[1]
        width = self.width - 2 * owner.padding[0]
        for row in self.rows:
            for sprite, dx, dy in row.sprites(t, width):
                inside = columns and (max(0, columns[0] + x - left - dx), max(0, columns[1] + x - left - dx))
                sprite.blend(target, left + dx, top + dy, opacity, inside)
            if style.caret and not owner.look.reduced_motion and (caret := row.caret(t, width)):
                a, b, c, d = caret
                yuv.fill(target, left + a, top + b, left + c, top + d, row.accent, opacity)
            top += row.height + owner.spacing
        if spot.tab and self.tag:
            self._draw_name(target, self.tag, spot, x, y, opacity, from_right)

    def _corner(self, spot: Spot, t: float, from_right: bool) -> tuple[int, int]:
        """Return the left and top (px of the canvas) of the glass inside its spot, which may be wider."""
        x, y = spot.at(t)
        if self.owner.style.align == "center":
            x += (spot.width - self.width) // 2
        elif spot.edge:
            x += spot.width - self.width - self.owner.margin if from_right else self.owner.margin
        elif from_right:
            x += spot.width - self.width
        if spot.kind != "bar":
            y += self.owner.canvas.top
        return x, y + spot.tab

    def _columns(self, opened: float, from_right: bool) -> tuple[int, int] | None:
        """Return which columns of the panel are seen when it has opened by `opened` (0..1), from the accent on; None
        for all.
        """
        edge = round(self.width * opened)
        if opened >= 1.0:
            return None
        return (self.width - edge, self.width) if from_right else (0, edge)

    def _draw_pane(
        self, target: tuple[Any, ...], x: int, y: int, opacity: float, columns: tuple[int, int] | None, from_right: bool
    ) -> None:
        """Draw glass and trim, or `columns` of them."""
        frost, trim = self._pane(from_right)
        strength = self._strength(target[0], x, y) if frost else 0.0
        if frost and strength > 0:
            frost.blend(target, x, y, strength, opacity, columns, blur=max(4, round(self.owner.em / 2.2)))
        elif trim:
            trim.blend(target, x, y, opacity, columns)

    def _draw_name(
        self, target: tuple[Any, ...], tag: Sprite, spot: Spot, x: int, y: int, opacity: float, from_right: bool
    ) -> None:
        """Draw the speaker's name on top of the panel at (x, y), and the sound waves of a voice off screen."""
        if spot.edge:
            self._mark_edge(target, spot.edge, y - tag.height, opacity)
            return
        inset = (self.width - tag.width) // 2 if self.owner.style.align == "center" else 0
        if from_right:
            inset = self.width - tag.width
        at = min(max(0, x + inset), max(0, self.owner.canvas.width - tag.width))
        tag.blend(target, at, max(0, y - tag.height), opacity)
        if spot.kind == "off screen":
            waves = self._waves(tag.height)
            left = at - waves.width if from_right else at + tag.width
            waves.blend(target, left, max(0, y - tag.height), 0.9 * opacity)

    def _draw_mark(self, target: tuple[Any, ...], spot: Spot, x: int, y: int, t: float) -> None:
        """Somebody else has the text: a speech bubble stands for this one, at the foot of its panel."""
        owner = self.owner
        if "mark" not in self._small:
            self._small["mark"] = bubble(owner, self.owner.colour(self.cue.person))
        mark = self._small["mark"]
        left = {"left": x + owner.margin, "right": x + spot.width - mark.width - owner.margin}.get(
            spot.edge, x + (spot.width - mark.width) // 2
        )
        top = y + spot.height - mark.height + (owner.canvas.top if spot.kind != "bar" else 0)
        fade = 1.0 if owner.look.reduced_motion else min(1.0, (t - self.cue.full_until) / 0.12 + 0.2)
        mark.blend(target, left, top, fade)

    def _pane(self, from_right: bool) -> tuple[Frost | None, Sprite | None]:
        """Glass with its trim, and the trim alone, with the accent on the left or on the right."""
        if from_right not in self._panes:
            owner, style = self.owner, self.owner.style
            frost = trim = None
            if style.trim:
                image = style.trim(self.width, self.height, owner.em, self.accent, from_right)
                trim = Sprite.of_rgba(np.asarray(image, dtype=np.uint8), owner.matrix)
            if style.glass:
                mask = np.asarray(style.glass(self.width, self.height, owner.em), dtype=np.uint8)
                frost = Frost(np.ascontiguousarray(mask[:, ::-1]) if from_right else mask, self.tint, trim)
            self._panes[from_right] = frost, trim
        return self._panes[from_right]

    def _mark_edge(self, target: tuple[Any, ...], edge: str, top: int, opacity: float) -> None:
        """A voice off screen: the name at the frame's edge, and a light along the edge beside the panel."""
        owner = self.owner
        assert self.cue.person
        if edge not in self._small:
            self._small[edge] = edge_tag(owner.people[self.cue.person], owner, edge)
            light = np.zeros((self.height, 2 * owner.margin), dtype=np.uint8)
            light[...] = 150 * np.exp(-np.arange(light.shape[1]) / (0.6 * owner.margin))
            light[:, : max(1, round(owner.em / 12))] = 255
            light = light if edge == "left" else np.ascontiguousarray(light[:, ::-1])
            self._small["rail " + edge] = Sprite.of_mask(light, owner.matrix.yuv(self.accent))
        tag, rail = self._small[edge], self._small["rail " + edge]
        for sprite, y in ((rail, top + tag.height), (tag, top)):
            sprite.blend(target, 0 if edge == "left" else owner.canvas.width - sprite.width, y, opacity)

    def _appearing(self, t: float) -> tuple[float, float]:
        """Opacity, and how far the panel has opened, both 0..1."""
        owner, cue = self.owner, self.cue
        if owner.look.reduced_motion:
            return 1.0, 1.0
        fade, opening = owner.style.fade_s, owner.style.opening_s
        opacity = min(1.0, (t - cue.start) / fade + 0.35, (cue.text_end - t) / fade + 0.1)
        p = min(1.0, (t - cue.start) / opening + 0.15) if opening else 1.0
        return opacity, 1 - (1 - p) ** 3

    def _strength(self, luma: NDArray[np.uint8], x: int, y: int) -> float:
        """How dark the glass must be here for the dimmest text to keep its contrast; from the picture that is behind it
        now.

        In steps too small to be seen, so that what is made for one serves other frames.
        """
        style = self.owner.style
        low, high = style.strength
        if not self.owner.picture_known:
            return high
        view = luma[max(0, y) : y + self.height : 6, max(0, x) : x + self.width : 6]
        if not view.size:
            return high
        flat = view.ravel()
        bright = float(np.partition(flat, rank := int(0.95 * (len(flat) - 1)))[rank])
        tint = float(self.tint[0])
        most = (self.dimmest + 0.05) / (
            CONTRAST_RIMMED if style.outline else CONTRAST
        ) - 0.05  # the luminance allowed behind
        allowed = yuv.grey(most)
        needed = 0.0 if bright <= allowed else (bright - allowed) / max(1.0, bright - tint)
        if needed > high + 0.02:
            self.owner.notice_at("contrast", self.cue)
        return min(high, math.ceil(max(low, needed) * STEPS) / STEPS)

    def _point(self, target: tuple[Any, ...], spot: Spot, x: int, y: int, t: float, opacity: float) -> None:
        """A notch from the panel to the face beside it, a line with a knee to a face further away."""
        import cv2

        assert spot.face
        owner = self.owner
        box = spot.face.at((spot.start + spot.end) / 2 if owner.look.reduced_motion else t).tolist()
        box[1], box[3] = box[1] + owner.canvas.top, box[3] + owner.canvas.top
        em = owner.em
        middle = (box[0] + box[2]) / 2
        if spot.kind in ("above", "below") and x + em <= middle <= x + self.width - em:
            notch = self._notch(spot.kind == "above")
            top = y + self.height if spot.kind == "above" else y - notch.height
            notch.blend(target, round(middle) - notch.width // 2, top, opacity)
            return
        a = (
            min(max(middle, x + em), x + self.width - em),
            min(max((box[1] + box[3]) / 2, y), y + self.height),
        )
        b = (min(max(a[0], box[0]), box[2]), min(max(a[1], box[1]), box[3]))
        left, top = int(min(a[0], b[0])) - 4, int(min(a[1], b[1])) - 4
        mask = np.zeros((int(abs(a[1] - b[1])) + 9, int(abs(a[0] - b[0])) + 9), dtype=np.uint8)
        line = max(1, round(em / 16))
        start, end = ((round(p[0]) - left, round(p[1]) - top) for p in (a, b))
        cv2.line(mask, start, end, 255, line, cv2.LINE_AA)
        cv2.circle(mask, end, max(2, 2 * line), 255, -1, cv2.LINE_AA)
        Sprite.of_mask(mask, owner.matrix.yuv(self.accent)).blend(target, left, top, 0.8 * opacity)

    def _waves(self, size: int) -> Sprite:
        """Beside the name of a voice off screen: sound waves, which need no language."""
        if "waves" not in self._small:
            import cv2

            fine = 4
            mask = np.zeros((size * fine, size * fine), dtype=np.uint8)
            middle = (size * fine // 8, size * fine // 2)
            for share in (0.28, 0.52, 0.76):
                radius = round(share * size * fine)
                cv2.ellipse(mask, middle, (radius, radius), 0, -38, 38, 255, max(fine, size * fine // 12), cv2.LINE_AA)
            small = np.asarray(cv2.resize(mask, (size, size), interpolation=cv2.INTER_AREA), dtype=np.uint8)
            small = np.ascontiguousarray(small[:, ::-1]) if self.from_right else small
            self._small["waves"] = Sprite.of_mask(small, self.owner.matrix.yuv(self.accent))
        return self._small["waves"]

    def _notch(self, down: bool) -> Sprite:
        key = "down" if down else "up"
        if key not in self._small:
            import cv2

            size = max(3, round(0.3 * self.owner.em))
            mask = np.zeros((size, 2 * size + 1), dtype=np.uint8)
            cv2.fillPoly(
                mask, [np.array([[0, 0], [2 * size, 0], [size, size - 1]], dtype=np.int32)], 230, lineType=cv2.LINE_AA
            )
            mask = mask if down else np.ascontiguousarray(mask[::-1])
            self._small[key] = Sprite.of_mask(mask, self.owner.matrix.yuv(self.accent))
        return self._small[key]


def _shown_colours(text: RowText, accent: RGB) -> list[RGB]:
    row = text.row
    colours: list[RGB] = []
    if text.translation:
        colours.append(row.colour or lit(accent, 0.5))
    if text.source:
        colours.append(row.source_colour)
    return colours
