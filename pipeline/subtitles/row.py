"""One row of text on a panel: its letters, and what of them is seen when."""

from __future__ import annotations

import bisect
from collections.abc import Container, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline import languages
from pipeline.subtitles.cue import SETTLING_S, Cue
from pipeline.subtitles.kept import kept_words, words_of_marks
from pipeline.subtitles.letters import Flicker, Letters, bounds, rim_of, scatter
from pipeline.subtitles.looks import RGB, Row
from pipeline.subtitles.setting import Setting, lit
from pipeline.subtitles.yuv import Sprite
from pipeline.text import line_breaks

if TYPE_CHECKING:
    from numpy.typing import NDArray

FLICKER_HZ = 20  #: glyphs a second while a character flickers
FRESH_S = 0.16  #: how long a character that has settled still glows
POP_S, POP_FROM, POP_OVER = 0.2, 0.55, 1.12  #: how a word pops: in this time, from this size, past its own by this much


class RowText:
    """The texts of one row while their cue is on screen."""

    def __init__(self, owner: Setting, cue: Cue, row: Row, source: str, translation: str) -> None:
        self.row, self.cue, self.owner = row, cue, owner
        rim = owner.style.outline * owner.em * row.size
        before, after = owner.lay_out(row, source, translation)
        self.source = Letters(before, rim) if before else None
        self.translation = Letters(after, rim) if after else None
        both = [letters for letters in (self.source, self.translation) if letters]
        self.width = max(letters.width for letters in both)
        self.height = max(letters.height for letters in both)
        accent = owner.accent(cue.person)
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
        self._state: tuple[Any, ...] = ()
        self._sprites: list[tuple[Sprite, int, int]] = []
        self._flicker: Flicker | None = None
        self.goes: NDArray[np.float64] | None = None
        #: indices of graphemes of source and translation that are the same words in both: they stand from the start
        self.kept: list[tuple[list[int], list[int]]] = []
        if self.source and self.translation and self.source.layout.size_px == self.translation.layout.size_px:
            self.kept = kept_words(self.source, self.translation)
        self._pops: list[tuple[float, list[int]]] = []

    def shift(self, letters: Letters, width: int) -> int:
        """How far right of the row's left edge these letters begin in a row `width` px wide."""
        align = self.owner.style.align
        if align == "center":
            return (width - letters.width) // 2
        return width - letters.width if letters.layout.direction == "rtl" else 0

    def _schedule(self, width: int) -> None:
        """When each grapheme of the translation starts to flicker and settles, and when each of the source goes."""
        assert self.source
        assert self.translation
        cue, n = self.cue, len(self.translation)
        duration = cue.turn_end - cue.turn_start
        flicker = min(SETTLING_S, 0.6 * duration)
        wave = self.begins = cue.turn_start + (duration - flicker) * np.arange(n) / max(1, n)
        wobble = np.array([scatter(cue.phrase, cue.page, i) % 100 / 100 for i in range(n)])
        self.settles = self.begins + flicker * (0.55 + 0.45 * wobble)
        if n:
            self.settles[-1] = min(self.settles[-1], cue.turn_end)
        kept = sorted({i for _, target in self.kept for i in target})
        self.begins = wave.copy()
        self.begins[kept] = self.settles[kept] = np.inf  # drawn apart: they only move to their place
        rtl = self.translation.layout.direction == "rtl"
        shift_s, shift_t = self.shift(self.source, width), self.shift(self.translation, width)
        lines = len(self.translation.layout.lines)
        places: list[tuple[list[float], list[float]]] = [([], []) for _ in range(max(1, lines))]
        for i, cluster in enumerate(self.translation.layout.clusters):
            places[cluster.line][0].append((cluster.left + cluster.right) / 2 + shift_t)
            places[cluster.line][1].append(float(wave[i]))
        # A letter of the source goes when the wave passes it: over the line of the translation that is nearest to its
        # own.
        self.goes = np.full(len(self.source), cue.turn_end)
        stays = [i for origin, _ in self.kept for i in origin]
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
        self.goes[stays] = -np.inf
        self.goes = np.minimum(self.goes, self.goes[words_of_marks(self.source)])
        behind = [i for i, word in enumerate(words_of_marks(self.translation)) if word in kept and i not in kept]
        self.begins[behind] = self.settles[behind] = cue.turn_end  # not before their word is there

    def sprites(self, t: float, width: int) -> list[tuple[Sprite, int, int]]:
        """What is seen of the row at `t`, in a panel with room for `width` px: sprites and their offsets from the row's
        corner.
        """
        if self.goes is None and self.source and self.translation:
            self._schedule(width)
        state = self._at(t)
        if state != self._state:
            self._state, self._sprites = state, self._paint(state, t, width)
        return self._sprites

    def _at(self, t: float) -> tuple[Any, ...]:
        """Return what the picture depends on, so that equal states are equal pictures."""
        cue, still = self.cue, self.owner.look.reduced_motion
        if self.row.pop and cue.reveal != "none" and not still:
            return self._popping(t)
        if self.source and self.translation:
            if t < cue.turn_start or (still and t < cue.turn_end):
                return ("source", self._typed(t), self._lit(t))
            if t >= cue.turn_end or still:
                return ("translation", len(self.translation), None)
            return ("turn", self._typed(t), int(t * FLICKER_HZ), round(t * 1000))
        if self.translation:
            shown = len(self.translation) if still else self._said(self.translation, t)
            if shown < len(self.translation) and self.owner.style.flicker:
                return ("translation", shown, None, int(t * FLICKER_HZ))
            return ("translation", shown, None)
        assert self.source
        return ("source", len(self.source) if still else self._typed(t), self._lit(t))

    def _typed(self, t: float) -> int:
        assert self.source
        return self.source.standing(self.cue.typed(t) / max(1, len(self.cue.source)))

    def _lit(self, t: float) -> int | None:
        """Return the index of the word that is lit because it is being said."""
        cue = self.cue
        if cue.reveal != "spoken" or self.owner.look.reduced_motion or t >= cue.spoken:
            return None
        return cue.word_at(t)

    def _said(self, letters: Letters, t: float) -> int:
        """Return how many graphemes of a translation stand that is shown beside its source, or without one."""
        cue = self.cue
        if cue.source or cue.reveal != "spoken":
            share = cue.said(t)
        else:
            share = (t - cue.start) / min(0.6, 0.4 * (cue.end - cue.start))
        return letters.standing(share)

    def _paint(self, state: tuple[Any, ...], t: float, width: int) -> list[tuple[Sprite, int, int]]:
        if state[0] == "turn":
            return self._turning(state, t, width)
        if state[0] == "pop":
            return self._words(state, t, width)
        letters = self.source if state[0] == "source" else self.translation
        assert letters
        shown = state[1]
        x, y = self.shift(letters, width), 0
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
        result += self._standing(letters, state, x, y)
        if len(state) > 3 and shown < len(letters):
            front, left, top = self._stamped(letters, range(shown, min(len(letters), shown + 3)), state[3])
            result.append((Sprite.of_mask(front, self.accent), x + left, y + top))
        return result

    def _standing(self, letters: Letters, state: tuple[Any, ...], x: int, y: int) -> list[tuple[Sprite, int, int]]:
        """Return what is brighter than the rest of a source: words of the viewer's language, and the word being
        said.
        """
        if letters is not self.source:
            return []
        bright = np.zeros(len(letters), dtype=bool)
        for origin, _ in self.kept:
            bright[origin] = True
        bright[state[1] :] = False
        result = []
        if bright.any():
            mask, left, top = letters.of(bright)
            result.append((Sprite.of_mask(mask, self.colours["translation"]), x + left, y + top))
        if state[2] is not None:
            first = self.cue.words[state[2] - 1][2] if state[2] else 0
            ends = np.array(letters.ends)
            said = (ends > first) & (ends <= self.cue.words[state[2]][2])
            said[state[1] :] = False
            if said.any():
                mask, left, top = letters.of(said)
                result.append((Sprite.of_mask(mask, self.accent), x + left, y + top))
        return result

    def _turning(self, state: tuple[Any, ...], t: float, width: int) -> list[tuple[Sprite, int, int]]:
        source, translation = self.source, self.translation
        assert source
        assert translation
        assert self.goes is not None
        x, y = self.shift(translation, width), 0
        result: list[tuple[Sprite, int, int]] = []
        remaining = (self.goes > t) & (np.arange(len(source)) < state[1])
        if remaining.any():
            mask, left, top = source.of(remaining)
            ink = Sprite.of_mask(mask, self.colours["source"])
            result.append((ink, self.shift(source, width) + left, top))
        settled = self.settles <= t
        fresh = settled & (self.settles > t - FRESH_S)
        for chosen, colour in ((settled & ~fresh, self.colours["translation"]), (fresh, self.fresh)):
            if chosen.any():
                mask, left, top = translation.of(chosen)
                result.append((Sprite.of_mask(mask, colour), x + left, y + top))
        result += self._gliding(t, width)
        moving = np.flatnonzero((self.begins <= t) & ~settled).tolist()
        if moving:
            result += self._wave(moving, state[2], t, x, y)
        return result

    def _gliding(self, t: float, width: int) -> list[tuple[Sprite, int, int]]:
        """Return the words that are the same in both texts on their way from their place in one to that in the
        other.
        """
        source, translation = self.source, self.translation
        assert source
        assert translation
        share = self.cue.turned(t)
        share = share * share * (3 - 2 * share)
        result = []
        for origin, target in self.kept:
            chosen = np.zeros(len(translation), dtype=bool)
            chosen[target] = True
            mask, left, top = translation.of(chosen)
            from_x = bounds([source.cells[i] for i in origin])[0] + self.shift(source, width)
            from_y = source.layout.lines[source.layout.clusters[origin[0]].line].baseline
            base = translation.layout.lines[translation.layout.clusters[target[0]].line].baseline
            to_x, to_y = left + self.shift(translation, width), top
            from_y = top + from_y - base
            ink = Sprite.of_mask(mask, self.colours["translation"])
            result.append((ink, round(from_x + share * (to_x - from_x)), round(from_y + share * (to_y - from_y))))
        return result

    # --- words that pop

    def _popping(self, t: float) -> tuple[Any, ...]:
        """Return ("pop", words that stand, the one being said, the millisecond while one of them still moves)."""
        if not self._pops:
            self._pops = self._word_starts()
        count = sum(start <= t for start, _ in self._pops)
        moving = count and t < self._pops[count - 1][0] + POP_S
        return ("pop", count, t < self.cue.spoken + 0.15, round(t * 1000) if moving else 0)

    def _word_starts(self) -> list[tuple[float, list[int]]]:
        """Return when each word of the shown text appears, and its graphemes; a translation keeps step with its
        source.
        """
        letters = self.translation or self.source
        assert letters
        cue = self.cue
        text = letters.layout.text
        ends = [0, *(after for _, _, after in cue.words)]
        begins = [*(begin for begin, _, _ in cue.words), cue.spoken]
        whole = max(1, len(cue.source))
        known = languages.known(self.owner.target if self.translation else self.owner.language)
        places = [*line_breaks(text, known.tag if known else "und"), len(text)]
        words: list[tuple[float, list[int]]] = []
        before = -1
        for i in range(len(letters)):
            if not letters.solid[i]:
                continue
            piece = bisect.bisect_left(places, letters.ends[i])
            if piece == before:
                words[-1][1].append(i)
                continue
            before = piece
            share = (letters.ends[i] - 1) / max(1, len(text))
            start = float(np.interp(share * whole, ends, begins)) if cue.words else cue.start
            words.append((max(cue.start, start), [i]))
        return words

    def _words(self, state: tuple[Any, ...], t: float, width: int) -> list[tuple[Sprite, int, int]]:
        letters = self.translation or self.source
        assert letters
        count = state[1]
        if not count:
            return []
        x, y = self.shift(letters, width), 0
        last = count - 1
        colour = self.colours["translation"] if self.translation else self.colours["source"]
        result = self._inked(letters, [i for _, word in self._pops[:last] for i in word], colour, x, y, 1.0)
        share = min(1.0, (t - self._pops[last][0]) / POP_S)
        scale = POP_FROM + (POP_OVER - POP_FROM) * share / 0.6
        if share > 0.6:
            scale = POP_OVER + (1.0 - POP_OVER) * (share - 0.6) / 0.4
        return result + self._inked(letters, self._pops[last][1], self.accent if state[2] else colour, x, y, scale)

    def _inked(
        self, letters: Letters, which: Sequence[int], colour: tuple[int, int, int], x: int, y: int, scale: float
    ) -> list[tuple[Sprite, int, int]]:
        """Return some graphemes with their dark rim, `scale` times their size around their middle."""
        import cv2

        if not which:
            return []
        chosen = np.zeros(len(letters), dtype=bool)
        chosen[list(which)] = True
        mask, left, top = letters.of(chosen)
        if abs(scale - 1.0) > 0.01:
            wide, tall = max(1, round(mask.shape[1] * scale)), max(1, round(mask.shape[0] * scale))
            left, top = left - (wide - mask.shape[1]) // 2, top - (tall - mask.shape[0]) // 2
            mask = np.asarray(cv2.resize(mask, (wide, tall), interpolation=cv2.INTER_AREA), dtype=np.uint8)
        result = []
        radius = self.owner.style.outline * self.owner.em * self.row.size
        if radius:
            rim, pad = rim_of(mask, radius)
            result.append((Sprite.of_mask(_scaled(rim, 0.9), self.rim_colour), x + left - pad, y + top - pad))
        return [*result, (Sprite.of_mask(mask, colour), x + left, y + top)]

    def _wave(self, moving: list[int], tick: int, t: float, x: int, y: int) -> list[tuple[Sprite, int, int]]:
        """The characters that flicker, the newest of them faint, and the light they give."""
        import cv2

        translation = self.translation
        assert translation
        newest = {i for i in moving if t - self.begins[i] < 0.25 * SETTLING_S}
        front, left, top = self._stamped(translation, moving, tick, newest)
        reach = max(2, round(0.22 * self.owner.em * self.row.size))
        light = cv2.blur(cv2.blur(np.pad(front, reach), (reach, reach)), (2 * reach + 1, 2 * reach + 1))
        glow = Sprite.of_mask(_scaled(np.asarray(light, dtype=np.uint8), 0.7), self.accent)
        ink = Sprite.of_mask(front, self.accent)
        return [(glow, x + left - reach, y + top - reach), (ink, x + left, y + top)]

    def _stamped(
        self, letters: Letters, which: Sequence[int], tick: int, faint: Container[int] = ()
    ) -> tuple[NDArray[np.uint8], int, int]:
        """As `Letters.of`, with glyphs that flicker in the place of the graphemes; room for those that are wider or
        taller.
        """
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
        """Where the next character will be typed, or has begun to turn, px from the row's corner; None when nothing
        does.
        """
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
            if n >= len(letters) or self.row.pop:
                return None
            left, top, right, _ = letters.cells[n]
            while not letters.solid[n] and n + 1 < len(letters) and letters.cells[n + 1][1] == top:
                n += 1
                left, top, right, _ = letters.cells[n]
            x = right - thick if letters.layout.direction == "rtl" else left
        x += self.shift(letters, width)
        base = letters.layout.lines[letters.layout.clusters[n].line].baseline
        return x, round(base - 0.72 * em * self.row.size), x + thick, round(base + 0.06 * em)


def _between(one: RGB, other: RGB) -> RGB:
    a, b, c = ((p + q) // 2 for p, q in zip(one, other, strict=True))
    return a, b, c


def _scaled(mask: NDArray[np.uint8], share: float) -> NDArray[np.uint8]:
    return (mask * np.uint16(round(256 * share)) >> 8).astype(np.uint8)
