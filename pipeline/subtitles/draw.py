"""The compositor: puts the cues of an analysis on frames, in place, in yuv420p.

Everything that moves is known before the first frame (captions, place); what stands on a frame depends on its time alone, so a
frame is the same whether it is drawn in a run or by itself. Text is shaped and drawn once per cue, when it appears, and forgotten
when it is gone.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from pipeline import languages
from pipeline.records import Analysis, Look, Notice, Person
from pipeline.subtitles import captions, looks, yuv
from pipeline.subtitles.captions import Cue
from pipeline.subtitles.layout import Layout
from pipeline.subtitles.letters import Flicker, Letters, measure, scatter
from pipeline.subtitles.looks import RGB, Panel, Row, Style
from pipeline.subtitles.place import FacePath, Scene, Spot, place, scene
from pipeline.subtitles.text import clean
from pipeline.subtitles.yuv import Frost, Matrix, Sprite

if TYPE_CHECKING:
    from numpy.typing import NDArray

CONTRAST = 4.5  #: WCAG 2, 1.4.3
FLICKER_S = 0.3  #: how long one character flickers
FLICKER_HZ = 20  #: glyphs a second while it does
UNKNOWN: RGB = (205, 214, 222)  #: the colour of nobody in particular
MARKED_AFTER_S = 0.3  #: the marker stays this long after the last word


@dataclass(frozen=True, slots=True)
class Canvas:
    """The size of the result, and where in it the picture's upper edge is. All even."""

    width: int
    height: int
    top: int


class Compositor:
    """Draws `analysis` in `look` on frames of `width` x `height` px.

    `canvas` is the size of what comes out; `drawn` takes frames of the picture's size and gives canvases, `draw` edits a canvas
    in place. Raises UsageError for a look that does not exist.
    """

    def __init__(
        self, analysis: Analysis, look: Look, width: int, height: int, rate: Fraction | float | None = None,
        matrix: Matrix | None = None,
    ) -> None:  # fmt: skip
        self.style = looks.load(look.name)
        self.look = look
        self.matrix = matrix or (yuv.BT709 if height >= 720 else yuv.BT601)
        style = self.style
        self.em = max(7.0, min(style.tall * height, style.wide * width) * min(2.0, max(0.5, look.text_size)))
        bar = 2 * round(style.bars * self.em / 2)
        self.canvas = Canvas(width, height + 2 * bar, bar)
        self.margin = max(2, round(0.018 * min(width, height)))
        self.people = {p.id: p for p in analysis.people}
        self.language, self.target = analysis.language, analysis.target_language
        self.script = _script(self.target)
        self.panels = style.panels.get(look.texts) or style.panels["morph"]
        self._reads_source = any(row.text != "translation" for panel in self.panels for row in panel.rows)
        room = width - 2 * self.margin - 2 * style.padding[0] * self.em
        self.text_width = max(8.0, min(room, style.widths[-1] * 0.54 * self.em))
        columns = max(8, min(style.widths[-1], int(self.text_width / (0.5 * self.em))))
        turns = any(row.text == "turn" for panel in self.panels for row in panel.rows)
        texts = "morph" if turns else "original" if look.texts == "original" else "both"
        self.cues, notices = captions.cues(
            analysis, look, texts=texts, columns=columns, frame_rate=rate, one_at_a_time=not self._heads,
        )  # fmt: skip
        self._notices: dict[str, Notice] = {n.code: n for n in notices}
        media = analysis.media
        scale = (width / (media.width or width), height / (media.height or height))
        self.scene = scene(analysis.tracks, analysis.shots, width=width, height=height, scale=scale, margin=self.margin)
        self.chips = {p.id: _Chip(p, self) for p in analysis.people}
        self._spots = self._place()
        self._brackets: dict[tuple[RGB, int], list[Sprite]] = {}
        self._live: dict[tuple[int, int], _Drawing] = {}
        self._by_second: dict[int, list[int]] = {}
        for i, cue in enumerate(self.cues):
            for second in range(int(cue.start), int(cue.end) + 1):
                self._by_second.setdefault(second, []).append(i)
        self.speaking = _speaking(self.cues) if look.markers else {}

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What could not be kept legible; whole after the last frame."""
        return tuple(self._notices.values())

    @property
    def _heads(self) -> bool:
        return any(panel.place == "head" for panel in self.panels) and self.look.position != "bottom"

    def notice(self, code: str, text: str) -> None:
        self._notices.setdefault(code, Notice(code, text))

    def drawn(self, frames: Iterable[tuple[float, NDArray[np.uint8]]]) -> Iterator[tuple[float, NDArray[np.uint8]]]:
        """Every frame on its canvas, drawn on. A frame without bars is edited where it lies."""
        for t, frame in frames:
            canvas = self.framed(frame)
            self.draw(canvas, t)
            yield t, canvas

    def framed(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The frame itself, or a new canvas with it between black bars."""
        if not self.canvas.top:
            return frame
        canvas = yuv.black(self.canvas.width, self.canvas.height)
        for target, source in zip(yuv.planes(canvas), yuv.planes(frame), strict=True):
            top = (target.shape[0] - source.shape[0]) // 2
            target[top : top + source.shape[0]] = source
        return canvas

    def draw(self, frame: NDArray[np.uint8], t: float) -> bool:
        """What belongs on the canvas at `t` is on it; False where nothing does and it was not touched."""
        near = self._by_second.get(int(t), ())
        active = [i for i in near if self.cues[i].start <= t < self.cues[i].end]
        for key in [key for key in self._live if key[0] not in active]:
            del self._live[key]
        marked = self._marked(t)
        if not active and not marked:
            return False
        target = yuv.planes(frame)
        for person, face, opacity in marked:
            self._mark(target, person, face.at(t), opacity)
        for i in active:
            for k in range(len(self.panels)):
                drawing = self._live.get((i, k))
                if drawing is None:
                    drawing = self._live[i, k] = _Drawing(self, self.cues[i], self.panels[k])
                drawing.draw(target, t, self._spots[i, k])
        return True

    # --- before the first frame

    def _place(self) -> dict[tuple[int, int], tuple[Spot, ...]]:
        """Where every panel of every cue stands."""
        result: dict[tuple[int, int], tuple[Spot, ...]] = {}
        for k, panel in enumerate(self.panels):
            sizes = [self.size(panel, cue) for cue in self.cues]
            if panel.place in ("head", "bottom"):
                tab = max((chip.sprite.height for chip in self.chips.values()), default=0)
                low = panel.place == "bottom" or self.look.position == "bottom"
                spots = place(
                    self.cues,
                    sizes,
                    self.scene,
                    low=low,
                    still=self.look.reduced_motion,
                    tab=tab,
                    face_tab=not self.look.markers,
                )
                for i, cue_spots in enumerate(spots):
                    result[i, k] = cue_spots
                continue
            for i, (cue, (w, h)) in enumerate(zip(self.cues, sizes, strict=True)):
                chip = self.chips[cue.person].sprite.height if panel.name and cue.person in self.chips else 0
                bar = self.canvas.top
                y = (
                    (bar - h + chip) / 2
                    if panel.place == "top bar"
                    else self.canvas.height - bar + (bar - h + chip) / 2
                )
                x = np.full(2, (self.canvas.width - w) / 2)
                result[i, k] = (
                    Spot(
                        cue.start, cue.end, w, h, "bar", np.array([cue.start, cue.end]), x, np.full(2, float(round(y)))
                    ),
                )
        return result

    def texts(self, row: Row, cue: Cue) -> tuple[str, str]:
        """(source, translation) as this row shows them; "" for what it does not show."""
        if row.text == "source":
            return (cue.source if self._alone or cue.translation or len(self.panels) > 1 else ""), ""
        if row.text == "translation":
            if cue.translation:
                return "", cue.translation
            return ("", "") if len(self.panels) > 1 else (cue.source, "")  # the source stays; it is no translation
        return cue.source, ("" if cue.translation == cue.source else cue.translation)

    @property
    def _alone(self) -> bool:
        return sum(len(panel.rows) for panel in self.panels) == 1

    def lay_out(self, row: Row, text: str, translated: bool) -> Layout:
        """On two short lines rather than a long one where the look asks for it; smaller before anything is cut."""
        for columns in self.style.widths:
            layout = measure(
                text, size_px=self.em * row.size, max_width_px=min(self.text_width, columns * 0.54 * self.em),
                language=self.target if translated else self.language, family=self.style.family, weight=row.weight,
                align=self.style.align,
            )  # fmt: skip
            if layout.complete and layout.size_px > 0.99 * self.em * row.size:
                break
        return layout

    def size(self, panel: Panel, cue: Cue) -> tuple[int, int]:
        """Width and height of the panel for the longer of its texts; says so where a text does not fit or lacks glyphs."""
        wide, tall, rows = 0, 0.0, 0
        for row in panel.rows:
            layouts = [self.lay_out(row, text, k == 1) for k, text in enumerate(self.texts(row, cue)) if text]
            for layout in layouts:
                if not layout.complete:
                    self.notice("text_cut", f"The subtitle at {cue.start:.1f} s does not fit the picture; its end is left out. "
                                "Shorten it or choose a smaller text size.")  # fmt: skip
                if layout.missing:
                    self.notice("missing_glyphs", f"No font here has {' '.join(layout.missing[:8])}; the subtitle at "
                                f"{cue.start:.1f} s leaves it out.")  # fmt: skip
            if layouts:
                wide = max(wide, *(layout.width for layout in layouts))
                tall += max(layout.height for layout in layouts)
                rows += 1
        if not rows:
            return 0, 0
        pad_x, pad_y = self.style.padding
        tall += (rows - 1) * self.style.spacing * self.em
        return min(self.canvas.width, wide + 2 * round(pad_x * self.em)), round(tall + 2 * pad_y * self.em)

    def colour(self, person: str | None) -> RGB:
        """The person's colour, lightened where it could not be seen on dark glass."""
        found = self.people.get(person or "")
        return lit(_rgb(found.colour), 0.3) if found else UNKNOWN

    # --- the marker

    def _marked(self, t: float) -> list[tuple[str, FacePath, float]]:
        found = []
        for person, spans in self.speaking.items():
            k = bisect.bisect_right(spans, (t, float("inf"))) - 1
            if k < 0 or t >= spans[k][1]:
                continue
            face = next(
                (f for f in self.scene.faces if f.person == person and f.times[0] - 0.06 <= t <= f.times[-1] + 0.06),
                None,
            )
            if face is None:
                continue
            cut = next((c for c in reversed(self.scene.cuts) if c <= t), 0.0)
            fade = (
                1.0
                if self.look.reduced_motion
                else min(1.0, (t - max(spans[k][0], cut)) / 0.12 + 0.25, (spans[k][1] - t) / 0.12)
            )
            found.append((person, face, fade))
        return found

    def _mark(self, target: tuple, person: str, box: NDArray[np.float64], opacity: float) -> None:
        """Corner brackets around the face, and the name."""
        top_of_picture = self.canvas.top
        bottom_of_picture = self.canvas.height - top_of_picture
        wide, tall = box[2] - box[0], box[3] - box[1]
        left, right = round(box[0] - 0.06 * wide), round(box[2] + 0.06 * wide)
        top, bottom = round(box[1] - 0.03 * tall) + top_of_picture, round(box[3] + 0.03 * tall) + top_of_picture
        line = max(1, round(self.em / 13))
        reach = max(3 * line, round(0.17 * min(wide, tall)))
        corners = self._corners(self.colour(person), line, reach)
        for k, corner in enumerate(corners):
            x = left - 1 if k % 2 == 0 else right + 1 - corner.width
            y = top - 1 if k < 2 else bottom + 1 - corner.height
            if y >= top_of_picture and y + corner.height <= bottom_of_picture:
                corner.blend(target, x, y, opacity)
        if any(panel.name for panel in self.panels):
            return
        chip = self.chips[person].sprite
        y = bottom + 2 * line if bottom + 2 * line + chip.height <= bottom_of_picture else bottom - reach - chip.height
        x = min(max(left, 0), max(0, self.canvas.width - chip.width))
        chip.blend(target, x, max(top_of_picture, y), opacity)

    def _corners(self, colour: RGB, line: int, reach: int) -> list[Sprite]:
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
            known = self._brackets[colour, reach] = [
                Sprite.of_rgba(np.ascontiguousarray(c), self.matrix) for c in turned
            ]
        return known

    def face_marked(self, person: str | None, t: float) -> bool:
        return any(f.person == person and f.times[0] - 0.1 <= t <= f.times[-1] + 0.1 for f in self.scene.faces)


class _Chip:
    """The name on its tag, filled with the person's colour."""

    def __init__(self, person: Person, compositor: Compositor) -> None:
        from PIL import Image, ImageDraw

        em = max(7.0, 0.56 * compositor.em)
        name = clean(person.name, 200) or person.id
        if name.isascii():
            name = name.upper()
        accent = compositor.colour(person.id)
        widest = max(16.0, min(0.5 * compositor.canvas.width, 16 * em))
        layout = measure_name(name, em, widest, compositor.style.family)
        letters = Letters(layout)
        pad, fine = round(0.45 * em), 4
        w, h = letters.width + 2 * pad, max(letters.height, 1)
        plate = Image.new("L", (w * fine, h * fine), 0)
        cut = 0.34 * em * fine
        ImageDraw.Draw(plate).polygon(
            [(0, 0), (w * fine, 0), (w * fine, h * fine - cut), (w * fine - cut, h * fine), (0, h * fine)], fill=255
        )
        rgba = np.empty((h, w, 4), dtype=np.uint8)
        rgba[..., :3] = accent
        rgba[..., 3] = np.asarray(plate.resize((w, h), Image.Resampling.BOX))
        ink = np.array((8, 12, 16) if yuv.luminance(accent) > 0.18 else (255, 255, 255), dtype=np.float32)
        cover = np.zeros((h, w, 1), dtype=np.float32)
        cover[: letters.height, pad : pad + letters.width, 0] = letters.mask / 255
        rgba[..., :3] = (rgba[..., :3] * (1 - cover) + ink * cover).astype(np.uint8)
        self.sprite = Sprite.of_rgba(rgba, compositor.matrix)


def measure_name(name: str, em: float, widest: float, family: str):
    from pipeline.subtitles.layout import lay_out

    return lay_out(
        name, size_px=em, max_width_px=widest, max_lines=1, family=family, weight="bold", min_size_px=0.9 * em
    )


class _Text:
    """One row of a panel: its letters, and what of them is seen when."""

    def __init__(self, panel: _Drawing, row: Row, source: str, translation: str) -> None:
        owner, cue = panel.owner, panel.cue
        self.row, self.cue, self.owner = row, cue, owner
        rim = owner.style.outline * owner.em * row.size
        self.source = Letters(owner.lay_out(row, source, False), rim) if source else None
        self.translation = Letters(owner.lay_out(row, translation, True), rim) if translation else None
        both = [letters for letters in (self.source, self.translation) if letters]
        self.width = max(letters.width for letters in both)
        self.height = max(letters.height for letters in both)
        accent = owner.colour(cue.person)
        self.accent = owner.matrix.yuv(lit(accent, 0.4))
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
        if self.source and self.translation:
            self._schedule()

    def shift(self, letters: Letters, width: int) -> int:
        """How far right of the row's left edge these letters begin in a row `width` px wide."""
        align = self.owner.style.align
        if align == "center":
            return (width - letters.width) // 2
        return width - letters.width if letters.layout.direction == "rtl" else 0

    def _schedule(self) -> None:
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
        width = self.width
        shift_s, shift_t = self.shift(self.source, width), self.shift(self.translation, width)
        lines = len(self.translation.layout.lines)
        places: list[tuple[list[float], list[float]]] = [([], []) for _ in range(max(1, lines))]
        for i, cluster in enumerate(self.translation.layout.clusters):
            places[cluster.line][0].append((cluster.left + cluster.right) / 2 + shift_t)
            places[cluster.line][1].append(float(self.begins[i]))
        self.goes = np.full(len(self.source), cue.turn_end)
        for j, cluster in enumerate(self.source.layout.clusters):
            x = (cluster.left + cluster.right) / 2 + shift_s
            if cluster.line < lines and places[cluster.line][0]:
                xs, ts = np.array(places[cluster.line][0]), np.array(places[cluster.line][1])
                # the wave runs on past the end of the line at its own pace
                far = -1.0 if rtl else width + 1.0
                order = np.argsort(xs)
                inside = float(np.interp(x, xs[order], ts[order]))
                edge = float(xs.min() if rtl else xs.max())
                beyond = (edge - x if rtl else x - edge) / max(1.0, abs(far - edge))
                last = float(ts.max())
                self.goes[j] = inside if beyond <= 0 else last + min(1.0, beyond) * (cue.turn_end - last)
            else:
                along = (width - x if rtl else x) / max(1, width)
                self.goes[j] = cue.turn_start + (0.6 + 0.4 * along) * duration

    def sprites(self, t: float, width: int) -> list[tuple[Sprite, int, int]]:
        """What is seen of the row at `t`: sprites with their offset from the row's corner. Kept while nothing changes."""
        state = self._at(t)
        if state != self._state:
            self._state, self._sprites = state, self._paint(state, t, width)
        return self._sprites

    def _at(self, t: float) -> tuple:
        """What the picture depends on, so that equal states are equal pictures."""
        cue, still = self.cue, self.owner.look.reduced_motion
        if self.source and self.translation:
            if t < cue.turn_start:
                return ("source", self._standing(self.source, cue.typed(t) / max(1, len(cue.source))))
            if t >= cue.turn_end or still:
                return ("translation", len(self.translation))
            return (
                "turn",
                self._standing(self.source, cue.typed(t) / max(1, len(cue.source))),
                int(t * FLICKER_HZ),
                round(t * 1000),
            )
        if self.translation:
            shown = len(self.translation) if still else self._said(self.translation, t)
            if shown < len(self.translation) and self.owner.style.flicker:
                return ("translation", shown, int(t * FLICKER_HZ))
            return ("translation", shown)
        assert self.source
        return ("source", self._standing(self.source, cue.typed(t) / max(1, len(cue.source))))

    def _said(self, letters: Letters, t: float) -> int:
        """Translations beside their source keep step with it; pages without words of their own come at reading pace."""
        cue = self.cue
        share = cue.said(t) if cue.source else (t - cue.start) / min(0.6, 0.4 * (cue.end - cue.start))
        return letters.standing(share)

    def _standing(self, letters: Letters, share: float) -> int:
        return letters.standing(share)

    def _paint(self, state: tuple, t: float, width: int) -> list[tuple[Sprite, int, int]]:
        if state[0] == "turn":
            return self._turning(state, t, width)
        letters = self.source if state[0] == "source" else self.translation
        assert letters
        shown = state[1]
        x = self.shift(letters, width)
        colour = self.colours[state[0]]
        result: list[tuple[Sprite, int, int]] = []
        ghost = self.row.ghost
        if letters.rim is not None and (ghost or shown):
            result.append(
                (Sprite.of_mask(_scaled(letters.rim, 0.9), self.rim_colour), x - letters.rim_pad, -letters.rim_pad)
            )
        mask = letters.first(shown)
        if ghost and shown < len(letters):
            mask = np.maximum(mask, _scaled(letters.mask, ghost))
        if shown or ghost:
            result.append((Sprite.of_mask(mask, colour), x, 0))
        if len(state) > 2 and shown < len(letters):
            front = np.zeros_like(letters.mask)
            for i in range(shown, min(len(letters), shown + 3)):
                self._stamp(front, letters, i, state[2])
            result.append((Sprite.of_mask(front, self.accent), x, 0))
        return result

    def _turning(self, state: tuple, t: float, width: int) -> list[tuple[Sprite, int, int]]:
        source, translation = self.source, self.translation
        assert source
        assert translation
        x = self.shift(translation, width)
        result: list[tuple[Sprite, int, int]] = []
        remaining = (self.goes > t) & (np.arange(len(source)) < state[1])
        if remaining.any():
            result.append((Sprite.of_mask(source.of(remaining), self.colours["source"]), self.shift(source, width), 0))
        settled = self.settles <= t
        if settled.any():
            result.append((Sprite.of_mask(translation.of(settled), self.colours["translation"]), x, 0))
        moving = np.flatnonzero((self.begins <= t) & ~settled)
        if len(moving):
            front = np.zeros_like(translation.mask)
            for i in moving:
                self._stamp(front, translation, int(i), state[2])
            result.append((Sprite.of_mask(front, self.accent), x, 0))
        return result

    def _stamp(self, mask: NDArray[np.uint8], letters: Letters, i: int, tick: int) -> None:
        if not letters.solid[i]:
            return
        layout = letters.layout
        if self._flicker is None:
            self._flicker = Flicker(
                layout.text, self.owner.script, layout.size_px, self.owner.style.family, self.row.weight
            )
        line = layout.lines[layout.clusters[i].line]
        self._flicker.stamp(mask, letters.cells[i], line.baseline, scatter(self.cue.phrase, self.cue.page, i, tick))

    def caret(self, t: float, width: int) -> tuple[int, int, int, int] | None:
        """Where the next character will be typed, px from the row's corner; None when nothing is being typed."""
        cue, source = self.cue, self.source
        if not source or t >= cue.spoken or (self.translation and t >= cue.turn_start):
            return None
        n = source.standing(cue.typed(t) / max(1, len(cue.source)))
        if n >= len(source):
            return None
        left, top, right, _ = source.cells[n]
        while not source.solid[n] and n + 1 < len(source) and source.cells[n + 1][1] == top:
            n += 1
            left, top, right, _ = source.cells[n]
        em, thick = self.owner.em, max(2, round(self.owner.em / 12))
        x = self.shift(source, width) + (right - thick if source.layout.direction == "rtl" else left)
        base = source.layout.lines[source.layout.clusters[n].line].baseline
        return x, round(base - 0.72 * em * self.row.size), x + thick, round(base + 0.06 * em)


class _Drawing:
    """One panel of one cue while it is on screen."""

    def __init__(self, owner: Compositor, cue: Cue, panel: Panel) -> None:
        self.owner, self.cue, self.panel = owner, cue, panel
        style = owner.style
        self.width, self.height = owner.size(panel, cue)
        self.rows = [_Text(self, row, *texts) for row in panel.rows if any(texts := owner.texts(row, cue))]
        self.accent = owner.colour(cue.person)
        shown = next((r.translation or r.source for r in self.rows if r.translation or r.source), None)
        self.from_right = bool(shown and shown.layout.direction == "rtl" and style.align == "start")
        self.frost = self.trim = None
        self._notches: dict[bool, Sprite] = {}
        if self.rows and style.glass:
            self.frost = Frost(np.asarray(style.glass(self.width, self.height, owner.em), dtype=np.uint8))
        if self.rows and style.trim:
            image = style.trim(self.width, self.height, owner.em, self.accent, self.from_right)
            self.trim = Sprite.of_rgba(np.asarray(image, dtype=np.uint8), owner.matrix)
        self.tint = owner.matrix.yuv(style.tint)
        colours = [yuv.luminance(c) for r in self.rows for c in _shown_colours(r, self.accent)]
        self.dimmest = min(colours, default=1.0)

    def draw(self, target: tuple, t: float, spots: tuple[Spot, ...]) -> None:
        if not self.rows:
            return
        owner, cue, style = self.owner, self.cue, self.owner.style
        spot = next((s for s in spots if t < s.end), spots[-1])
        x, y = spot.at(t)
        if spot.kind != "bar":
            y += owner.canvas.top
        chip = owner.chips.get(cue.person or "")
        carried = owner.look.markers and spot.face is not None and not any(p.name for p in owner.panels)
        if chip and (self.panel.name or (not carried and self.panel is owner.panels[0])):
            y += spot.tab
        else:
            chip = None
        opacity, opened = self._appearing(t)
        columns = None
        if opened < 1.0:
            edge = round(self.width * opened)
            columns = (self.width - edge, self.width) if self.from_right else (0, edge)
        if self.frost:
            strength = self._strength(target[0], x, y)
            if strength > 0:
                self.frost.blend(
                    target, x, y, self.tint, strength, opacity, columns, blur=max(4, round(owner.em / 2.2))
                )
        if style.pointer and spot.face is not None and spot.kind not in ("low", "off screen"):
            self._point(target, spot, x, y, t, opacity)
        if self.trim:
            self.trim.blend(target, x, y, opacity, columns)
        pad_x, pad_y = style.padding
        left, top = x + round(pad_x * owner.em), y + round(pad_y * owner.em)
        width = self.width - 2 * round(pad_x * owner.em)
        for row in self.rows:
            for sprite, dx, dy in row.sprites(t, width):
                sprite.blend(target, left + dx, top + dy, opacity)
            if style.caret and not owner.look.reduced_motion and (caret := row.caret(t, width)):
                a, b, c, d = caret
                yuv.fill(target, left + a, top + b, left + c, top + d, row.accent, 0.9 * opacity)
            top += row.height + round(style.spacing * owner.em)
        if chip:
            inset = (self.width - chip.sprite.width) // 2 if style.align == "center" else 0
            if self.from_right:
                inset = self.width - chip.sprite.width
            at = min(max(0, x + inset), max(0, owner.canvas.width - chip.sprite.width))
            chip.sprite.blend(target, at, max(0, y - chip.sprite.height), opacity)

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
        """How dark the glass must be here for the dimmest text to keep its contrast; from the picture that is behind it now."""
        style = self.owner.style
        low, high = style.strength
        view = luma[max(0, y) : y + self.height : 6, max(0, x) : x + self.width : 6]
        if not view.size:
            return high
        flat = view.ravel()
        bright = float(np.partition(flat, rank := int(0.95 * (len(flat) - 1)))[rank])
        tint = float(self.tint[0])
        most = (self.dimmest + 0.05) / (CONTRAST if not style.outline else 3.0) - 0.05  # the luminance allowed behind
        allowed = yuv.grey(most)
        needed = 0.0 if bright <= allowed else (bright - allowed) / max(1.0, bright - tint)
        if needed > high + 0.02:
            self.owner.notice(
                "contrast", f"The subtitle at {self.cue.start:.1f} s is hard to read on the picture behind it."
            )
        return min(high, max(low, needed))

    def _point(self, target: tuple, spot: Spot, x: int, y: int, t: float, opacity: float) -> None:
        """A notch from the panel to the face beside it, a line with a knee to a face further away."""
        import cv2

        assert spot.face
        owner = self.owner
        box = spot.face.at(t)
        box[[1, 3]] += owner.canvas.top
        em = owner.em
        middle = float(box[0] + box[2]) / 2
        if spot.kind in ("above", "below") and x + em <= middle <= x + self.width - em:
            notch = self._notch(spot.kind == "above")
            top = y + self.height if spot.kind == "above" else y - notch.height
            notch.blend(target, round(middle) - notch.width // 2, top, 0.9 * opacity)
            return
        a = (
            float(np.clip(middle, x + em, x + self.width - em)),
            float(np.clip((box[1] + box[3]) / 2, y, y + self.height)),
        )
        b = (float(np.clip(a[0], box[0], box[2])), float(np.clip(a[1], box[1], box[3])))
        left, top = int(min(a[0], b[0])) - 4, int(min(a[1], b[1])) - 4
        mask = np.zeros((int(abs(a[1] - b[1])) + 9, int(abs(a[0] - b[0])) + 9), dtype=np.uint8)
        line = max(1, round(em / 16))
        start, end = ((round(p[0]) - left, round(p[1]) - top) for p in (a, b))
        cv2.line(mask, start, end, 255, line, cv2.LINE_AA)
        cv2.circle(mask, end, max(2, 2 * line), 255, -1, cv2.LINE_AA)
        Sprite.of_mask(mask, owner.matrix.yuv(self.accent)).blend(target, left, top, 0.8 * opacity)

    def _notch(self, down: bool) -> Sprite:
        if down not in self._notches:
            import cv2

            size = max(3, round(0.3 * self.owner.em))
            mask = np.zeros((size, 2 * size + 1), dtype=np.uint8)
            cv2.fillPoly(
                mask, [np.array([[0, 0], [2 * size, 0], [size, size - 1]], dtype=np.int32)], 255, lineType=cv2.LINE_AA
            )
            mask = mask if down else np.ascontiguousarray(mask[::-1])
            self._notches[down] = Sprite.of_mask(mask, self.owner.matrix.yuv(self.accent))
        return self._notches[down]


def _speaking(cues: tuple[Cue, ...]) -> dict[str, list[tuple[float, float]]]:
    """When each person's face is marked; short pauses are bridged."""
    spans: dict[str, list[tuple[float, float]]] = {}
    for cue in cues:
        if cue.person is None:
            continue
        own = spans.setdefault(cue.person, [])
        end = cue.spoken + MARKED_AFTER_S
        if own and cue.start <= own[-1][1] + 0.5:
            own[-1] = (own[-1][0], max(own[-1][1], end))
        else:
            own.append((cue.start, end))
    return spans


def _shown_colours(text: _Text, accent: RGB) -> list[RGB]:
    row = text.row
    colours: list[RGB] = []
    if text.translation:
        colours.append(row.colour or lit(accent, 0.5))
    if text.source:
        colours.append(row.source_colour)
    return colours


def _scaled(mask: NDArray[np.uint8], share: float) -> NDArray[np.uint8]:
    return (mask * np.uint16(round(256 * share)) >> 8).astype(np.uint8)


def _rgb(colour: str) -> RGB:
    try:
        value = int(colour.lstrip("#")[:6], 16)
    except ValueError:
        return UNKNOWN
    return value >> 16 & 255, value >> 8 & 255, value & 255


def lit(colour: RGB, least: float) -> RGB:
    """`colour` mixed with white until its relative luminance is at least `least`."""
    for step in range(21):
        mixed: RGB = tuple(round(c + (255 - c) * step / 20) for c in colour)  # type: ignore[assignment]
        if yuv.luminance(mixed) >= least:
            return mixed
    return (255, 255, 255)


def _script(target: str) -> str:
    """ISO 15924 of the language's own script; "" where there is none to translate to."""
    return next((language.script for language in languages.TARGETS if language.code == target.upper()), "")


__all__ = ["Canvas", "Compositor", "Scene", "Style"]
