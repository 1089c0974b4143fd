"""One panel of one cue: glass, trim, pointer and the rows of text on it, as they are at any instant."""

from __future__ import annotations

import math
from collections.abc import Container, Sequence
from typing import TYPE_CHECKING

import numpy as np

from pipeline.subtitles import yuv
from pipeline.subtitles.captions import Cue
from pipeline.subtitles.letters import Flicker, Letters, bounds, scatter
from pipeline.subtitles.looks import RGB, Panel, Row
from pipeline.subtitles.marker import edge_tag
from pipeline.subtitles.place import Spot
from pipeline.subtitles.setting import Setting, lit
from pipeline.subtitles.yuv import Frost, Sprite

if TYPE_CHECKING:
    from numpy.typing import NDArray

CONTRAST = 4.5  #: WCAG 2, 1.4.3
CONTRAST_RIMMED = 3.0  #: text with a dark rim of its own
FLICKER_S = 0.3  #: how long one character flickers
FLICKER_HZ = 20  #: glyphs a second while it does
STEPS = 100  #: of the strength of glass; one changes white behind it by two levels
FRESH_S = 0.16  #: how long a character that has settled still glows


class Drawing:
    """One panel of one cue while it is on screen."""

    def __init__(self, owner: Setting, cue: Cue, panel: Panel, tag: Sprite | None) -> None:
        self.owner, self.cue, self.panel, self.tag = owner, cue, panel, tag
        style = owner.style
        self.width, self.height = owner.size(panel, cue)
        self.rows = [_Text(owner, cue, row, *texts) for row in panel.rows if any(texts := owner.texts(row, cue))]
        self.accent = owner.colour(cue.person)
        shown = next((r.translation or r.source for r in self.rows if r.translation or r.source), None)
        self.from_right = bool(shown and shown.layout.direction == "rtl" and style.align == "start")
        self._panes: dict[bool, tuple[Frost | None, Sprite | None]] = {}
        self._small: dict[str, Sprite] = {}
        self.tint = owner.matrix.yuv(style.tint)
        colours = [yuv.luminance(c) for r in self.rows for c in _shown_colours(r, self.accent)]
        self.dimmest = min(colours, default=1.0)

    def draw(self, target: tuple, t: float, spots: tuple[Spot, ...]) -> None:
        if not self.rows or t >= spots[-1].end:
            return
        owner, style = self.owner, self.owner.style
        spot = next((s for s in spots if t < s.end), spots[-1])
        x, y = spot.at(t)
        # The accent is on the side the text begins on; at an edge of the frame, on the side of the edge.
        from_right = spot.edge == "right" if spot.edge else self.from_right
        if style.align == "center":
            x += (spot.width - self.width) // 2
        elif spot.edge:
            x += spot.width - self.width - owner.margin if from_right else owner.margin
        elif from_right:
            x += spot.width - self.width
        if spot.kind != "bar":
            y += owner.canvas.top
        y += spot.tab
        chip = self.tag if spot.tab else None
        opacity, opened = self._appearing(t)
        columns = None
        if opened < 1.0:
            edge = round(self.width * opened)
            columns = (self.width - edge, self.width) if from_right else (0, edge)
        frost, trim = self._pane(from_right)
        strength = self._strength(target[0], x, y) if frost else 0.0
        if frost and strength > 0:
            frost.blend(target, x, y, strength, opacity, columns, blur=max(4, round(owner.em / 2.2)))
        elif trim:
            trim.blend(target, x, y, opacity, columns)
        if style.pointer and spot.face is not None and spot.kind != "low":
            self._point(target, spot, x, y, t, opacity)
        left, top = x + owner.padding[0], y + owner.padding[1]
        width = self.width - 2 * owner.padding[0]
        for row in self.rows:
            for sprite, dx, dy in row.sprites(t, width):
                sprite.blend(target, left + dx, top + dy, opacity)
            if style.caret and not owner.look.reduced_motion and (caret := row.caret(t, width)):
                a, b, c, d = caret
                yuv.fill(target, left + a, top + b, left + c, top + d, row.accent, opacity)
            top += row.height + owner.spacing
        if chip and spot.edge:
            self._mark_edge(target, spot.edge, y - chip.height, opacity)
        elif chip:
            inset = (self.width - chip.width) // 2 if style.align == "center" else 0
            if from_right:
                inset = self.width - chip.width
            at = min(max(0, x + inset), max(0, owner.canvas.width - chip.width))
            chip.blend(target, at, max(0, y - chip.height), opacity)
            if spot.kind == "off screen":
                waves = self._waves(chip.height)
                left = at - waves.width if from_right else at + chip.width
                waves.blend(target, left, max(0, y - chip.height), 0.9 * opacity)

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

    def _mark_edge(self, target: tuple, edge: str, top: int, opacity: float) -> None:
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
        opacity = min(1.0, (t - cue.start) / fade + 0.35, (cue.end - t) / fade + 0.1)
        p = min(1.0, (t - cue.start) / opening + 0.15) if opening else 1.0
        return opacity, 1 - (1 - p) ** 3

    def _strength(self, luma: NDArray[np.uint8], x: int, y: int) -> float:
        """How dark the glass must be here for the dimmest text to keep its contrast; from the picture that is behind it now.

        In steps too small to be seen, so that what is made for one serves other frames.
        """
        style = self.owner.style
        low, high = style.strength
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
            self.owner.notice(
                "contrast", f"The subtitle at {self.cue.start:.1f} s is hard to read on the picture behind it."
            )
        return min(high, math.ceil(max(low, needed) * STEPS) / STEPS)

    def _point(self, target: tuple, spot: Spot, x: int, y: int, t: float, opacity: float) -> None:
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


class _Text:
    """One row of a panel: its letters, and what of them is seen when."""

    def __init__(self, owner: Setting, cue: Cue, row: Row, source: str, translation: str) -> None:
        self.row, self.cue, self.owner = row, cue, owner
        rim = owner.style.outline * owner.em * row.size
        self.source = Letters(owner.lay_out(row, source, False), rim) if source else None
        self.translation = Letters(owner.lay_out(row, translation, True), rim) if translation else None
        both = [letters for letters in (self.source, self.translation) if letters]
        self.width = max(letters.width for letters in both)
        self.height = max(letters.height for letters in both)
        accent = owner.colour(cue.person)
        self.accent = owner.matrix.yuv(lit(accent, 0.4))
        self.fresh = owner.matrix.yuv(_between(lit(accent, 0.4), row.colour or lit(accent, 0.5)))
        # Where no translation came, the source keeps its own colour: it is not passed off as one.
        self.colours = {
            "source": owner.matrix.yuv(row.source_colour),
            "translation": owner.matrix.yuv(row.colour or lit(accent, 0.5)),
        }
        if row.text == "translation" and not translation and row.colour is None:
            self.colours["source"] = owner.matrix.yuv(lit(accent, 0.5))
        self.rim_colour = owner.matrix.yuv((6, 8, 10))
        self._state: tuple = ()
        self._sprites: list[tuple[Sprite, int, int]] = []
        self._flicker: Flicker | None = None
        self.goes: NDArray[np.float64] | None = None

    def shift(self, letters: Letters, width: int) -> int:
        """How far right of the row's left edge these letters begin in a row `width` px wide."""
        align = self.owner.style.align
        if align == "center":
            return (width - letters.width) // 2
        return width - letters.width if letters.layout.direction == "rtl" else 0

    def drop(self, letters: Letters) -> int:
        """How far below the row's upper edge these letters begin: one line stands in the middle of two."""
        return (self.height - letters.height) // 2

    def _schedule(self, width: int) -> None:
        """When each grapheme of the translation starts to flicker and settles, and when each of the source goes."""
        assert self.source
        assert self.translation
        cue, n = self.cue, len(self.translation)
        duration = cue.turn_end - cue.turn_start
        flicker = min(FLICKER_S, 0.6 * duration)
        self.begins = cue.turn_start + (duration - flicker) * np.arange(n) / max(1, n)
        wobble = np.array([scatter(cue.phrase, cue.page, i) % 100 / 100 for i in range(n)])
        self.settles = self.begins + flicker * (0.55 + 0.45 * wobble)
        if n:
            self.settles[-1] = min(self.settles[-1], cue.turn_end)
        rtl = self.translation.layout.direction == "rtl"
        shift_s, shift_t = self.shift(self.source, width), self.shift(self.translation, width)
        lines = len(self.translation.layout.lines)
        places: list[tuple[list[float], list[float]]] = [([], []) for _ in range(max(1, lines))]
        for i, cluster in enumerate(self.translation.layout.clusters):
            places[cluster.line][0].append((cluster.left + cluster.right) / 2 + shift_t)
            places[cluster.line][1].append(float(self.begins[i]))
        # A letter of the source goes when the wave passes it: over the line of the translation that is nearest to its own.
        self.goes = np.full(len(self.source), cue.turn_end)
        far = -1.0 if rtl else width + 1.0
        for j, cluster in enumerate(self.source.layout.clusters):
            # a little ahead of the wave: flickering glyphs are wider than the letters they become
            ahead = 0.6 * self.owner.em * self.row.size
            x = (cluster.left + cluster.right) / 2 + shift_s + (ahead if rtl else -ahead)
            xs, ts = (np.array(values) for values in places[min(cluster.line, len(places) - 1)])
            if not len(xs):
                continue
            order = np.argsort(xs)
            edge, last = float(xs.min() if rtl else xs.max()), float(ts.max())
            beyond = (edge - x if rtl else x - edge) / max(1.0, abs(far - edge))
            if beyond <= 0:
                self.goes[j] = np.interp(x, xs[order], ts[order])
            else:  # past the end of the line the wave runs out quickly
                self.goes[j] = last + min(1.0, beyond) * min(0.2, cue.turn_end - last)

    def sprites(self, t: float, width: int) -> list[tuple[Sprite, int, int]]:
        """What is seen of the row at `t`, in a panel with room for `width` px: sprites and their offsets from the row's corner."""
        if self.goes is None and self.source and self.translation:
            self._schedule(width)
        state = self._at(t)
        if state != self._state:
            self._state, self._sprites = state, self._paint(state, t, width)
        return self._sprites

    def _at(self, t: float) -> tuple:
        """What the picture depends on, so that equal states are equal pictures."""
        cue, still = self.cue, self.owner.look.reduced_motion
        if self.source and self.translation:
            if t < cue.turn_start:
                return ("source", self._typed(t))
            if t >= cue.turn_end or still:
                return ("translation", len(self.translation))
            return (
                "turn",
                self._typed(t),
                int(t * FLICKER_HZ),
                round(t * 1000),
            )
        if self.translation:
            shown = len(self.translation) if still else self._said(self.translation, t)
            if shown < len(self.translation) and self.owner.style.flicker:
                return ("translation", shown, int(t * FLICKER_HZ))
            return ("translation", shown)
        assert self.source
        return ("source", self._typed(t))

    def _typed(self, t: float) -> int:
        assert self.source
        return self.source.standing(self.cue.typed(t) / max(1, len(self.cue.source)))

    def _said(self, letters: Letters, t: float) -> int:
        """Translations beside their source keep step with it; pages without words of their own come at reading pace."""
        cue = self.cue
        share = cue.said(t) if cue.source else (t - cue.start) / min(0.6, 0.4 * (cue.end - cue.start))
        return letters.standing(share)

    def _paint(self, state: tuple, t: float, width: int) -> list[tuple[Sprite, int, int]]:
        if state[0] == "turn":
            return self._turning(state, t, width)
        letters = self.source if state[0] == "source" else self.translation
        assert letters
        shown = state[1]
        x, y = self.shift(letters, width), self.drop(letters)
        colour = self.colours[state[0]]
        result: list[tuple[Sprite, int, int]] = []
        ghost = self.row.ghost
        if letters.rim is not None and (ghost or shown):
            result.append(
                (Sprite.of_mask(_scaled(letters.rim, 0.9), self.rim_colour), x - letters.rim_pad, y - letters.rim_pad)
            )
        mask, left, top = letters.first(shown)
        if ghost and shown < len(letters):
            faint = _scaled(letters.mask, ghost)
            said = faint[top : top + mask.shape[0], left : left + mask.shape[1]]
            np.maximum(said, mask, out=said)
            mask, left, top = faint, 0, 0
        if mask.size:
            result.append((Sprite.of_mask(mask, colour), x + left, y + top))
        if len(state) > 2 and shown < len(letters):
            front, left, top = self._stamped(letters, range(shown, min(len(letters), shown + 3)), state[2])
            result.append((Sprite.of_mask(front, self.accent), x + left, y + top))
        return result

    def _turning(self, state: tuple, t: float, width: int) -> list[tuple[Sprite, int, int]]:
        source, translation = self.source, self.translation
        assert source
        assert translation
        assert self.goes is not None
        x, y = self.shift(translation, width), self.drop(translation)
        result: list[tuple[Sprite, int, int]] = []
        remaining = (self.goes > t) & (np.arange(len(source)) < state[1])
        if remaining.any():
            mask, left, top = source.of(remaining)
            ink = Sprite.of_mask(mask, self.colours["source"])
            result.append((ink, self.shift(source, width) + left, self.drop(source) + top))
        settled = self.settles <= t
        fresh = settled & (self.settles > t - FRESH_S)
        for chosen, colour in ((settled & ~fresh, self.colours["translation"]), (fresh, self.fresh)):
            if chosen.any():
                mask, left, top = translation.of(chosen)
                result.append((Sprite.of_mask(mask, colour), x + left, y + top))
        moving = np.flatnonzero((self.begins <= t) & ~settled).tolist()
        if moving:
            result += self._wave(moving, state[2], t, x, y)
        return result

    def _wave(self, moving: list[int], tick: int, t: float, x: int, y: int) -> list[tuple[Sprite, int, int]]:
        """The characters that flicker, the newest of them faint, and the light they give."""
        import cv2

        translation = self.translation
        assert translation
        newest = {i for i in moving if t - self.begins[i] < 0.25 * FLICKER_S}
        front, left, top = self._stamped(translation, moving, tick, newest)
        reach = max(2, round(0.22 * self.owner.em * self.row.size))
        light = cv2.blur(cv2.blur(np.pad(front, reach), (reach, reach)), (2 * reach + 1, 2 * reach + 1))
        glow = Sprite.of_mask(_scaled(np.asarray(light, dtype=np.uint8), 0.7), self.accent)
        ink = Sprite.of_mask(front, self.accent)
        return [(glow, x + left - reach, y + top - reach), (ink, x + left, y + top)]

    def _stamped(
        self, letters: Letters, which: Sequence[int], tick: int, faint: Container[int] = ()
    ) -> tuple[NDArray[np.uint8], int, int]:
        """As `Letters.of`, with glyphs that flicker in the place of the graphemes; room for those that are wider or taller."""
        layout = letters.layout
        if self._flicker is None:
            self._flicker = Flicker(
                layout.text, self.owner.script, layout.size_px, self.owner.style.family, self.row.weight
            )
        room = round(0.3 * layout.size_px)
        x, y, right, bottom = bounds([letters.cells[i] for i in which])
        x, y = max(0, x - room), max(0, y - room)
        right, bottom = min(letters.width, right + room), min(letters.height, bottom + room)
        mask = np.zeros((bottom - y, right - x), dtype=np.uint8)
        dim = np.zeros_like(mask) if faint else mask
        for i in which:
            if letters.solid[i]:
                left, _, end, _ = letters.cells[i]
                base = round(layout.lines[layout.clusters[i].line].baseline) - y
                seed = scatter(self.cue.phrase, self.cue.page, i, tick)
                self._flicker.stamp(dim if i in faint else mask, left - x, end - x, base, seed)
        if faint:
            np.maximum(mask, _scaled(dim, 0.55), out=mask)
        return mask, x, y

    def caret(self, t: float, width: int) -> tuple[int, int, int, int] | None:
        """Where the next character will be typed, or has begun to turn, px from the row's corner; None when nothing does."""
        cue, letters = self.cue, self.source
        if not letters:
            return None
        em, thick = self.owner.em, max(2, round(self.owner.em / 12))
        if self.translation and t >= cue.turn_start:
            if t >= cue.turn_end or self.goes is None:
                return None
            letters = self.translation
            n = max(0, int(np.searchsorted(self.begins, t, side="right")) - 1)
            left, top, right, _ = letters.cells[n]
            x = left - thick if letters.layout.direction == "rtl" else right
        else:
            n = self._typed(t) if t < cue.spoken else len(letters)
            if n >= len(letters):
                return None
            left, top, right, _ = letters.cells[n]
            while not letters.solid[n] and n + 1 < len(letters) and letters.cells[n + 1][1] == top:
                n += 1
                left, top, right, _ = letters.cells[n]
            x = right - thick if letters.layout.direction == "rtl" else left
        x += self.shift(letters, width)
        base = letters.layout.lines[letters.layout.clusters[n].line].baseline + self.drop(letters)
        return x, round(base - 0.72 * em * self.row.size), x + thick, round(base + 0.06 * em)


def _shown_colours(text: _Text, accent: RGB) -> list[RGB]:
    row = text.row
    colours: list[RGB] = []
    if text.translation:
        colours.append(row.colour or lit(accent, 0.5))
    if text.source:
        colours.append(row.source_colour)
    return colours


def _between(one: RGB, other: RGB) -> RGB:
    a, b, c = ((p + q) // 2 for p, q in zip(one, other, strict=True))
    return a, b, c


def _scaled(mask: NDArray[np.uint8], share: float) -> NDArray[np.uint8]:
    return (mask * np.uint16(round(256 * share)) >> 8).astype(np.uint8)
