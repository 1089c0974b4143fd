"""A text as pixels: its mask, the cells of its graphemes, and the glyphs it flickers through."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from pipeline.subtitles import fonts
from pipeline.subtitles.layout import Layout, cluster_box, draw_layout, lay_out
from pipeline.text import script

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Letters:
    """The ink of a layout and where each grapheme's is; `mask` is (h, w) uint8."""

    def __init__(self, layout: Layout, rim_px: float = 0.0) -> None:
        self.layout = layout
        self.mask = np.asarray(draw_layout(layout), dtype=np.uint8)
        self.height, self.width = self.mask.shape
        self.cells = [cluster_box(layout, i) for i in range(len(layout.clusters))]
        self.solid = [not c.text.isspace() for c in layout.clusters]
        self.rim = _rim(self.mask, rim_px) if rim_px else None
        self.rim_pad = _rim_pad(rim_px) if rim_px else 0
        self.ends: list[int] = []  # where in the text each grapheme ends
        at = 0
        for cluster in layout.clusters:
            found = layout.text.find(cluster.text, at)
            at = (found if found >= 0 else at) + len(cluster.text)
            self.ends.append(at)

    def __len__(self) -> int:
        return len(self.cells)

    def standing(self, share: float) -> int:
        """How many graphemes stand when `share` (0..1) of the text does."""
        if share >= 1.0:
            return len(self.cells)
        limit = share * max(1, len(self.layout.text)) + 1e-6
        return int(np.searchsorted(self.ends, limit, side="right"))

    def of(self, chosen: NDArray[np.bool_]) -> tuple[NDArray[np.uint8], int, int]:
        """A mask with only the graphemes `chosen` (n,) in it, no larger than they are, and where in the whole it begins
        (x, y).
        """
        blocks: list[tuple[int, int, int, int]] = []
        for i in np.flatnonzero(chosen).tolist():
            left, top, right, bottom = self.cells[i]
            if blocks and (left, top) == (blocks[-1][2], blocks[-1][1]):  # cells tile the line
                blocks[-1] = (blocks[-1][0], top, right, bottom)
            else:
                blocks.append((left, top, right, bottom))
        x, y, right, bottom = bounds(blocks)
        mask = np.zeros((bottom - y, right - x), dtype=np.uint8)
        for a, b, c, d in blocks:
            mask[b - y : d - y, a - x : c - x] = self.mask[b:d, a:c]
        return mask, x, y

    def first(self, n: int) -> tuple[NDArray[np.uint8], int, int]:
        """As `of`: the first `n` graphemes in reading order."""
        if n >= len(self.cells):
            return self.mask, 0, 0
        return self.of(np.arange(len(self.cells)) < n)


def bounds(boxes: Sequence[tuple[int, int, int, int]]) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of all `boxes`; zeros where there is none."""
    if not boxes:
        return 0, 0, 0, 0
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def rim_of(mask: NDArray[np.uint8], radius: float) -> tuple[NDArray[np.uint8], int]:
    """Return the rim of a mask, and by how many px it is larger on every side."""
    return _rim(mask, radius), _rim_pad(radius)


def _rim_pad(radius: float) -> int:
    return int(radius * 2.5) + 2


def _rim(mask: NDArray[np.uint8], radius: float) -> NDArray[np.uint8]:
    """The text grown by `radius` px with a soft edge, on a canvas larger by `_rim_pad` on every side."""
    import cv2

    pad = _rim_pad(radius)
    size = 2 * max(1, round(radius)) + 1
    grown = cv2.dilate(np.pad(mask, pad), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
    soft = cv2.GaussianBlur(grown, (0, 0), max(0.6, radius * 0.7))
    return np.maximum((soft * 0.8).astype(np.uint8), cv2.GaussianBlur(grown, (0, 0), 0.5))


def scatter(*values: int) -> int:
    """A number that looks random and only depends on `values` (SplitMix64's finaliser)."""
    x = 0x9E3779B97F4A7C15
    for value in values:
        x = (x ^ (value & 0xFFFFFFFFFFFFFFFF)) * 0xBF58476D1CE4E5B9 & 0xFFFFFFFFFFFFFFFF
        x = (x ^ (x >> 31)) * 0x94D049BB133111EB & 0xFFFFFFFFFFFFFFFF
        x ^= x >> 29
    return x


class Flicker:
    """Glyphs of one script at one size, drawn when first asked for."""

    def __init__(self, text: str, script_code: str, size_px: float, family: str, weight: str) -> None:
        self._pool = fonts.glyph_pool(script_code or next((s for s in map(script, text) if s[0] != "Z"), "Latn"))
        self._how = (size_px, family, weight)
        self._drawn: dict[int, tuple[NDArray[np.uint8], int]] = {}

    def stamp(self, mask: NDArray[np.uint8], left: int, right: int, baseline: int, seed: int) -> None:
        """A glyph stands on `mask` in the middle between `left` and `right`: of a few the seed picks, the one that fits
        there best.
        """
        wide = right - left
        ink, base = self._glyph(seed)
        for k in range(1, 6):
            if ink.shape[1] <= wide:
                break
            ink, base = min((ink, base), self._glyph(seed >> 10 * k), key=lambda glyph: glyph[0].shape[1])
        if ink.shape[1] > wide:  # condensed rather than over its neighbours
            import cv2

            narrow = max(1, wide, round(0.7 * ink.shape[1]))
            ink = np.asarray(cv2.resize(ink, (narrow, ink.shape[0]), interpolation=cv2.INTER_AREA), dtype=np.uint8)
        x = (left + right - ink.shape[1]) // 2
        y = baseline - base
        a, b = max(0, x), min(mask.shape[1], x + ink.shape[1])
        c, d = max(0, y), min(mask.shape[0], y + ink.shape[0])
        if a < b and c < d:
            view = mask[c:d, a:b]
            np.maximum(view, ink[c - y : d - y, a - x : b - x], out=view)

    def _glyph(self, seed: int) -> tuple[NDArray[np.uint8], int]:
        k = seed % len(self._pool)
        if k not in self._drawn:
            self._drawn[k] = _glyph(self._pool[k], *self._how)
        return self._drawn[k]


@lru_cache(maxsize=512)
def _glyph(character: str, size_px: float, family: str, weight: str) -> tuple[NDArray[np.uint8], int]:
    layout = lay_out(character, size_px=size_px, max_width_px=8 * size_px, max_lines=1, family=family, weight=weight)
    baseline = round(layout.lines[0].baseline) if layout.lines else 0
    return np.asarray(draw_layout(layout), dtype=np.uint8), baseline
