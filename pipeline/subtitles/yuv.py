"""Drawing into a yuv420p frame where it lies: no frame is ever turned to RGB and back.

A frame is (h * 3 // 2, w) uint8 as ffmpeg's rawvideo has it, limited range: h rows of Y, then the U plane and the V
plane of h/2 x w/2. A sprite is made once from RGBA and blended where it stands, at any pixel: its chroma is averaged
anew for each of the four ways it can lie on the chroma grid.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

RGB = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Matrix:
    """RGB to limited-range YCbCr by the weights of red and blue."""

    name: str
    red: float
    blue: float

    def rows(self) -> NDArray[np.float64]:
        """(3, 3): Y, U, V from R, G, B in 0..255; U and V without their 128, Y without its 16."""
        r, b = self.red, self.blue
        y = np.array([r, 1 - r - b, b])
        u = (np.array([0, 0, 1]) - y) / (2 * (1 - b))
        v = (np.array([1, 0, 0]) - y) / (2 * (1 - r))
        return np.stack([y * 219 / 255, u * 224 / 255, v * 224 / 255])

    @lru_cache(maxsize=256)  # noqa: B019  two instances live as long as the module
    def yuv(self, rgb: RGB) -> tuple[int, int, int]:
        y, u, v = self.rows() @ np.array(rgb, dtype=float)
        return round(16 + y), round(128 + u), round(128 + v)


BT709 = Matrix("bt709", 0.2126, 0.0722)
BT601 = Matrix("bt601", 0.299, 0.114)


def planes(frame: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Y (h, w), and U and V (2, h/2, w/2): views into the frame, which must be contiguous."""
    height, width = frame.shape[0] * 2 // 3, frame.shape[1]
    flat = frame.reshape(-1)
    assert flat.base is not None  # a copy would swallow what is drawn
    area = width * height
    return flat[:area].reshape(height, width), flat[area:].reshape(2, height // 2, width // 2)


def rgb(frame: NDArray[np.uint8], matrix: Matrix) -> NDArray[np.uint8]:
    """Return the frame as RGB (h, w, 3), each colour sample for four pixels."""
    luma, chroma = planes(frame)
    wide = chroma.repeat(2, axis=-2).repeat(2, axis=-1).astype(np.float32) - 128
    ycc = np.stack([luma.astype(np.float32) - 16, *wide], axis=-1)
    inverse = np.linalg.inv(matrix.rows()).astype(np.float32)
    return np.clip(ycc @ inverse.T + 0.5, 0, 255).astype(np.uint8)


def barred(frame: NDArray[np.uint8], bar: int) -> NDArray[np.uint8]:
    """A new frame with `frame` between two black bars, each `bar` px high, an even number."""
    height, width = frame.shape[0] * 2 // 3, frame.shape[1]
    canvas = np.empty(((height + 2 * bar) * 3 // 2, width), dtype=np.uint8)
    for target, source, black in zip(planes(canvas), planes(frame), (16, 128), strict=True):
        top = (target.shape[-2] - source.shape[-2]) // 2
        target[..., :top, :] = target[..., top + source.shape[-2] :, :] = black
        target[..., top : top + source.shape[-2], :] = source
    return canvas


class Sprite:
    """Colour and coverage of a picture, ready to be blended: out = (picture * (256 - a) + colour * a + 128) >> 8."""

    __slots__ = ("_chroma", "_uv", "alpha", "height", "keep", "luma", "width")

    def __init__(self, alpha: NDArray[np.uint16], luma: NDArray[np.uint16], uv: tuple[Any, ...]) -> None:
        self.alpha = alpha  #: (h, w) 0..256
        self.luma = luma  #: Y * a + 128
        self.keep = 256 - alpha
        self.height, self.width = alpha.shape
        self._uv = uv  #: U and V, a number each or (h, w) each
        self._chroma: dict[tuple[int, int], tuple[Any, ...]] = {}

    @classmethod
    def of_rgba(cls, rgba: NDArray[np.uint8], matrix: Matrix) -> Sprite:
        """From (h, w, 4) with straight alpha."""
        alpha = _wide(rgba[..., 3])
        yuv = rgba[..., :3].astype(np.float32) @ matrix.rows().T.astype(np.float32)
        luma = ((yuv[..., 0] + 16) * alpha + 128).astype(np.uint16)
        return cls(alpha, luma, (yuv[..., 1] + 128, yuv[..., 2] + 128))

    @classmethod
    def of_mask(cls, mask: NDArray[np.uint8], yuv: tuple[int, int, int]) -> Sprite:
        """One colour through a mask (h, w)."""
        alpha = _wide(mask)
        luma = alpha * np.uint16(yuv[0])
        luma += np.uint16(128)
        return cls(alpha, luma, yuv[1:])

    def chroma(self, odd_x: int, odd_y: int) -> tuple[Any, ...]:
        """keep (h, w) and U, V * a + 128 (2, h, w), at half size, for a sprite that begins on an odd column or row."""
        known = self._chroma.get((odd_x, odd_y))
        if known is None:
            shape = (self.height + odd_y + 1) // 2 * 2, (self.width + odd_x + 1) // 2 * 2
            wide = _laid(self.alpha, shape, odd_x, odd_y)
            total = _quads(wide)  # 0..1024
            alpha = (total + 2) >> 2
            if isinstance(self._uv[0], int):
                colours = alpha * np.array(self._uv, np.uint16)[:, None, None] + np.uint16(128)
            else:
                colours = np.empty((2, *alpha.shape), np.uint16)
                for colour, c in zip(colours, self._uv, strict=True):
                    weighted = _laid(c * self.alpha, shape, odd_x, odd_y)
                    sums = weighted[0::2, 0::2] + weighted[0::2, 1::2] + weighted[1::2, 0::2] + weighted[1::2, 1::2]
                    # the mean colour under the mean alpha, so that edges do not take a tint
                    colour[...] = sums / np.maximum(total, 1) * alpha + 128
            known = self._chroma[odd_x, odd_y] = (256 - alpha, colours)
        return known

    def blend(
        self, target: tuple[Any, ...], x: int, y: int, opacity: float = 1.0, columns: tuple[int, int] | None = None
    ) -> None:
        """The sprite stands on the planes with its corner at (x, y), clipped to them; `columns` limits it to a part."""
        first, last = columns or (0, self.width)
        _blend(target[0], self.keep, self.luma, x, y, first, last, opacity)
        keep, colours = self.chroma(x & 1, y & 1)
        half = ((first + (x & 1)) // 2, (last + (x & 1) + 1) // 2)
        _blend(target[1], keep, colours, x >> 1, y >> 1, *half, opacity)


def _wide(mask: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """0..255 to 0..256, so that full coverage is exact."""
    alpha = mask.astype(np.uint16)
    alpha += mask >> 7
    return alpha


def _laid(values: NDArray[Any], shape: tuple[int, int], odd_x: int, odd_y: int) -> NDArray[Any]:
    """`values` on an even grid, one further right or down where they begin on an odd pixel."""
    if values.shape == shape:
        return values
    wide = np.zeros(shape, dtype=values.dtype)
    wide[odd_y : odd_y + values.shape[0], odd_x : odd_x + values.shape[1]] = values
    return wide


def _quads(values: NDArray[np.uint16]) -> NDArray[np.uint16]:
    return values[0::2, 0::2] + values[0::2, 1::2] + values[1::2, 0::2] + values[1::2, 1::2]


def _blend(
    plane: NDArray[np.uint8], keep: NDArray[np.uint16], colour: NDArray[np.uint16], x: int, y: int, first: int,
    last: int,
    opacity: float,
) -> None:  # fmt: skip
    height, width = keep.shape
    if first <= 0 <= x and last >= width <= plane.shape[-1] - x and 0 <= y <= plane.shape[-2] - height:
        view = plane[..., y : y + height, x : x + width]
    else:
        view, part = _window(plane, keep.shape, x, y, first, last)
        if not view.size:
            return
        keep, colour = keep[part], colour[..., *part]
    _mix(view, keep, colour, opacity)


def _window(
    plane: NDArray[np.uint8], shape: tuple[int, ...], x: int, y: int, first: int, last: int
) -> tuple[NDArray[np.uint8], tuple[slice, slice]]:
    """What of the plane, a view, lies under columns `first` to `last` of a sprite of `shape` (h, w) at (x, y), and
    which rows and columns of the sprite those are; both empty beyond the plane.
    """
    height, width = plane.shape[-2:]
    left, top = max(first, -x), max(0, -y)
    right, bottom = max(left, min(last, shape[1], width - x)), max(top, min(shape[0], height - y))
    return plane[..., y + top : y + bottom, x + left : x + right], (slice(top, bottom), slice(left, right))


def _mix(view: NDArray[np.uint8], keep: NDArray[np.uint16], colour: NDArray[np.uint16], opacity: float) -> None:
    if opacity < 1.0:
        colour, keep = _faded(colour, opacity), _kept(keep, opacity)
    mixed = view * keep  # uint8 * uint16 -> uint16: at most 255 * 256
    mixed += colour
    mixed >>= 8
    view[...] = mixed


class Corners:
    """Four sprites of one size, at the corners of a rectangle, blended as one; `corners` are upper left, upper right,
    lower left, lower right.
    """

    __slots__ = ("_chroma", "_keep", "_luma", "corners", "side")

    def __init__(self, corners: tuple[Sprite, Sprite, Sprite, Sprite]) -> None:
        self.corners, self.side = corners, corners[0].width
        self._keep, self._luma = (_square([getattr(c, name) for c in corners]) for name in ("keep", "luma"))
        self._chroma: dict[tuple[int, int], tuple[Any, ...]] = {}

    def blend(
        self, target: tuple[Any, ...], left: int, top: int, right: int, bottom: int, opacity: float = 1.0
    ) -> None:
        """(left, top) is where the upper left sprite begins, (right, bottom) where the lower right one does; on the
        planes, at an even distance of more than a sprite's side.
        """
        _blend_four(target[0], self._keep, self._luma, left, top, right - left, bottom - top, opacity)
        odd = left & 1, top & 1
        if odd not in self._chroma:
            made = [c.chroma(*odd) for c in self.corners]
            self._chroma[odd] = _square([keep for keep, _ in made]), _square([colours for _, colours in made])
        across, down = (right - left) // 2, (bottom - top) // 2
        keep, colours = self._chroma[odd]
        _blend_four(target[1], keep, colours, left >> 1, top >> 1, across, down, opacity)


def _square(four: list[NDArray[np.uint16]]) -> NDArray[np.uint16]:
    """Four (..., h, w) as (..., 2, h, 2, w)."""
    rows = [np.stack(four[k : k + 2], axis=-2) for k in (0, 2)]
    return np.ascontiguousarray(np.stack(rows, axis=-4))


def _blend_four(
    plane: NDArray[np.uint8], keep: NDArray[np.uint16], colour: NDArray[np.uint16], x: int, y: int, across: int,
    down: int,
    opacity: float,
) -> None:  # fmt: skip
    *leading, row, pixel = plane.strides
    strides = (*leading, down * row, row, across * pixel, pixel)
    view: NDArray[np.uint8] = np.ndarray(colour.shape, np.uint8, plane.data, y * row + x * pixel, strides)
    _mix(view, keep, colour, opacity)


class Frost:
    """Frosted dark glass through a mask (h, w) uint8, with `trim` of the same size painted on it: what is behind it is
    seen blurred and darkened by a tint.
    """

    __slots__ = ("_body", "_chroma", "_dark", "_keep", "_mask", "_paint", "_tint", "_trim", "height", "width")

    def __init__(self, mask: NDArray[np.uint8], tint: tuple[int, int, int], trim: Sprite | None = None) -> None:
        self.height, self.width = mask.shape
        self._mask, self._trim, self._tint = Sprite.of_mask(mask, (0, 0, 0)), trim, tint
        # What is seen: the blurred picture, the trim, and where the mask is not full the picture itself.
        self._dark, self._paint = self._mask.alpha, np.full(mask.shape, 128, np.uint16)
        self._keep = self._mask.keep
        if trim:
            self._dark = (self._dark * trim.keep.astype(np.uint32) >> 8).astype(np.uint16)
            self._paint, self._keep = trim.luma, trim.keep - self._dark
        full = np.flatnonzero(~self._keep.any(axis=1))
        whole = len(full) and full[-1] + 1 - full[0] == len(full)
        #: rows that show nothing of the picture itself
        self._body = (int(full[0]), int(full[-1]) + 1) if whole else (0, 0)
        self._chroma: dict[tuple[int, int, float], tuple[Any, ...]] = {}

    def blend(
        self, target: tuple[Any, ...], x: int, y: int, strength: float, opacity: float = 1.0, columns: tuple[int,
        int] | None = None,
        blur: int = 10,
    ) -> None:  # fmt: skip
        """The picture shows through by 1 - `strength`, without detail smaller than `blur` px."""
        import cv2

        first, last = columns or (0, self.width)
        view, part = _window(target[0], (self.height, self.width), x, y, first, last)
        if not view.size:
            return
        h, w = view.shape
        across, down = max(1, w // blur), max(1, h // blur)
        # whole blocks only: by a whole factor OpenCV takes 14 us where it takes 79 by another
        blocks = view[: h // down * down, : w // across * across]
        small = cv2.resize(blocks, (across, down), interpolation=cv2.INTER_AREA)
        small = cv2.convertScaleAbs(small, alpha=1 - strength, beta=self._tint[0] * strength)
        dark = np.asarray(cv2.resize(small, (w, h), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
        share, paint, keep = self._dark[part], self._paint[part], self._keep[part]
        above, below = (max(0, row - part[0].start) for row in self._body)
        if opacity < 1.0:
            share, paint, keep = _faded(share, opacity), _faded(paint, opacity), _kept(keep, opacity)
            above, below = 0, 0
        mixed = dark * share
        mixed += paint
        mixed[:above] += view[:above] * keep[:above]
        mixed[below:] += view[below:] * keep[below:]
        mixed >>= 8
        view[...] = mixed
        keep, colours = self._coloured(x & 1, y & 1, strength)
        half = ((first + (x & 1)) // 2, (last + (x & 1) + 1) // 2)
        _blend(target[1], keep, colours, x >> 1, y >> 1, *half, opacity)

    def _coloured(self, odd_x: int, odd_y: int, strength: float) -> tuple[Any, ...]:
        """As `Sprite.chroma`. Detail in colour is not seen: the picture's is only drawn towards the tint."""
        known = self._chroma.get((odd_x, odd_y, strength))
        if known is None:
            if len(self._chroma) > 15:
                self._chroma.clear()
            alpha = (256 - self._mask.chroma(odd_x, odd_y)[0]) * np.uint32(round(256 * strength)) >> 8
            colours = alpha * np.array(self._tint[1:], np.uint32)[:, None, None]
            keep, paint = self._trim.chroma(odd_x, odd_y) if self._trim else (np.uint32(256), np.uint16(128))
            colours = ((colours * keep >> 8) + paint).astype(np.uint16)
            known = self._chroma[odd_x, odd_y, strength] = ((256 - alpha) * keep + 128 >> 8).astype(np.uint16), colours
        return known


def _kept(keep: NDArray[np.uint16], opacity: float) -> NDArray[np.uint16]:
    """`keep` of what is faded, rounded so that with `_faded` colours 255 * 256 + 128 is never passed, which would turn
    white black.
    """
    return (256 - ((256 - keep) * np.uint32(round(256 * opacity)) + 255 >> 8)).astype(np.uint16)


def _faded(values: NDArray[np.uint16], opacity: float) -> NDArray[np.uint16]:
    return (values * np.uint32(round(256 * opacity)) >> 8).astype(np.uint16)


def fill(
    target: tuple[Any, ...],
    left: int,
    top: int,
    right: int,
    bottom: int,
    yuv: tuple[int, int, int],
    opacity: float = 1.0,
) -> None:
    """A rectangle in one colour, clipped to the planes."""
    share = np.uint16(round(256 * opacity))
    for plane, value, step in ((target[0], yuv[0], 1), (target[1][0], yuv[1], 2), (target[1][1], yuv[2], 2)):
        height, width = plane.shape
        a, b = max(0, left // step), min(width, -(-right // step))
        c, d = max(0, top // step), min(height, -(-bottom // step))
        if a < b and c < d:
            view = plane[c:d, a:b]
            view[...] = value if opacity >= 1.0 else (view * (256 - share) + (value * share + 128)) >> 8


def luminance(rgb: RGB) -> float:
    """Relative luminance 0..1 (WCAG 2)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in rgb)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def grey(luminance: float) -> float:
    """The limited-range luma of a grey with this relative luminance."""
    c = max(0.0, min(1.0, luminance))
    return 16 + 219 * (12.92 * c if c <= 0.0031308 else 1.055 * c ** (1 / 2.4) - 0.055)
