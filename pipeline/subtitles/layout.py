"""Text laid out once: lines, shaped glyphs, and where every grapheme stands on them.

Line breaks are those of UAX 14 as ICU finds them (dictionaries for Thai, Lao, Khmer, Burmese; whole phrases in
Japanese, whole words in Korean; kinsoku), lines are balanced; order is UAX 9; shapes are HarfBuzz's. A line is drawn
whole and revealed by clipping to its clusters in logical order, so nothing jumps and joined letters stay joined.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from pipeline import languages
from pipeline.subtitles import fonts
from pipeline.subtitles.fonts import Face
from pipeline.text import base_direction, clean, graphemes, levels, line_breaks, script

if TYPE_CHECKING:
    from PIL import Image

# em: the least room above and below the baseline, so that panels of one look are alike whatever letters are in them,
# and the least distance of baselines (1.2 is the usual leading).
ASCENT, DESCENT, LEADING = 0.95, 0.28, 1.2
ELLIPSIS = "…"


@dataclass(frozen=True, slots=True)
class Cluster:
    """A grapheme on its line; `left` and `right` are px from the left edge of the layout."""

    text: str
    index: int  #: in logical order, over all lines
    line: int
    left: float
    right: float


@dataclass(frozen=True, slots=True)
class Glyph:
    """A glyph of a font with its origin, px from the left edge and from the line's baseline, y up."""

    face: Face
    id: int
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Line:
    """`top` and `bottom` are the line's slot, `baseline` is in it; px from the top of the layout."""

    text: str
    baseline: float
    top: float
    bottom: float
    left: float
    right: float
    glyphs: tuple[Glyph, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Layout:
    """A text on its lines. All ink is inside `width` x `height` px."""

    text: str  #: what is shown, cleaned
    size_px: float  #: of the em; smaller than asked for where the text was too long
    width: int
    height: int
    direction: str
    weight: str
    lines: tuple[Line, ...]
    clusters: tuple[Cluster, ...]  #: in logical order; spaces too; what the ellipsis replaced not
    missing: tuple[str, ...] = ()  #: graphemes that no font has and that are left out
    complete: bool = True  #: False: the end was cut off, an ellipsis stands for it


def lay_out(  # noqa: PLR0913  all of them are of one text, and nearly every call names two or three
    text: str,
    *,
    size_px: float,
    max_width_px: float,
    max_lines: int = 2,
    min_lines: int = 1,
    language: str = "",
    family: str = "technical",
    weight: str = "medium",
    direction: str | None = None,
    align: str = "start",
    min_size_px: float | None = None,
) -> Layout:
    """`text` on at most `max_lines` balanced lines no wider than `max_width_px`; on `min_lines` if it can be broken.

    A text too long is set smaller, in steps of 5 %, down to `min_size_px` (80 % of `size_px` unless given), then cut
    with an ellipsis (`complete` is then False). `language` is a DeepL or Whisper code: it decides direction, breaking
    and the shape of Han characters. `align`: "start", "center", "left" or "right".
    """
    known = languages.known(language)
    shown, missing = fonts.supported(clean(text))
    direction = direction or (known.direction if known else base_direction(shown))
    paragraph = _paragraph(shown, known, family, weight, direction)
    floor = min(size_px, 0.8 * size_px if min_size_px is None else min_size_px)
    size = size_px
    while True:
        lines = paragraph.wrap(max_width_px / size, max_lines, min_lines)
        if len(lines) <= max_lines or size <= floor:
            break
        size = max(floor, size * 0.95)
    complete = len(lines) <= max_lines
    if not complete:
        paragraph, lines = _truncate(shown, known, family, weight, direction, max_width_px / size, max_lines)
    return _place(paragraph, lines, size, max_width_px, align, missing, complete)


def draw_layout(layout: Layout, indices: Iterable[int] | None = None) -> Image.Image:
    """The ink of the layout as a Pillow "L" mask of `layout.width` x `layout.height` px, 255 where text is.

    With `indices` (of clusters) only they are inked, each clipped to its extent: the reveal.
    """
    import uharfbuzz
    from PIL import Image

    width, height = max(1, layout.width), max(1, layout.height)
    raster = uharfbuzz.RasterDraw()
    raster.extents = uharfbuzz.RasterExtents(0, 0, width, height, width)
    for line in layout.lines:
        for glyph in line.glyphs:
            font = fonts.hb_font(glyph.face, layout.weight)
            unit = layout.size_px * glyph.face.scale / font.face.upem
            raster.transform = (unit, 0.0, 0.0, -unit, glyph.x, line.baseline - glyph.y)
            raster.draw_glyph(font, glyph.id)
    image = raster.render()
    mask = Image.new("L", (width, height))
    if image is not None:
        stride = image.extents.stride
        mask = Image.frombytes("L", (stride, height), bytes(image.buffer)).crop((0, 0, width, height))
    if indices is None:
        return mask
    window = Image.new("L", mask.size)
    for index in indices:
        box = cluster_box(layout, index)
        window.paste(255, box)
    return Image.composite(mask, Image.new("L", mask.size), window)


def cluster_box(layout: Layout, index: int) -> tuple[int, int, int, int]:
    """The cell of a cluster in whole px of the mask: left, top, right, bottom. Cells tile the line: none overlaps, none
    is left out.
    """
    cluster = layout.clusters[index]
    line = layout.lines[cluster.line]
    left = 0 if cluster.left <= line.left else round(cluster.left)
    right = layout.width if cluster.right >= line.right else round(cluster.right)
    top = 0 if cluster.line == 0 else round(line.top)
    bottom = layout.height if cluster.line == len(layout.lines) - 1 else round(line.bottom)
    return left, top, right, bottom


# --- one paragraph ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Paragraph:
    """A text that is shaped but not yet broken. Widths are in em of the asked size."""

    text: str
    parts: tuple[str, ...]
    faces: tuple[Face, ...]
    scripts: tuple[str, ...]
    levels: tuple[int, ...]
    breaks: frozenset[int]  #: indices of parts before which a line may break
    widths: tuple[float, ...]
    tag: str  #: BCP 47, for HarfBuzz
    weight: str
    direction: str

    def wrap(self, width: float, max_lines: int, min_lines: int = 1) -> list[tuple[int, int]]:
        """The lines as half-open ranges of parts: as few as possible but not fewer than `min_lines`, at most one more
        than `max_lines`, and balanced.
        """
        greedy = self._greedy(width, max_lines + 1)
        count = max(len(greedy), min_lines)
        if not 1 < count <= max_lines:
            return greedy
        low, high = min(width, sum(self.widths)) / count / 2, width
        best = greedy
        for _ in range(12):
            middle = (low + high) / 2
            lines = self._greedy(middle, count + 1, emergency=False)
            if len(lines) <= count and lines:
                best, high = lines, middle
            else:
                low = middle
        return best

    def _greedy(self, width: float, limit: int, emergency: bool = True) -> list[tuple[int, int]]:
        """Lines filled one after the other; stops after `limit`. Without `emergency` a piece too wide gives ()."""
        lines: list[tuple[int, int]] = []
        start, end, used = 0, 0, 0.0  # the line so far: [start, end) and its width
        for first, last in self._pieces():
            piece = sum(self.widths[first:last])
            trail = 0.0
            for index in range(last - 1, first - 1, -1):
                if not self.parts[index].isspace():
                    break
                trail += self.widths[index]
            if end > start and used + piece - trail > width:
                lines.append((start, end))
                start, used = first, 0.0
                if len(lines) == limit:
                    return lines
            if used + piece - trail > width:
                if not emergency:
                    return []
                for index in range(first, last):
                    if index > start and used + self.widths[index] > width and not self.parts[index].isspace():
                        lines.append((start, index))
                        start, used = index, 0.0
                        if len(lines) == limit:
                            return lines
                    used += self.widths[index]
            else:
                used += piece
            end = last
        if end > start:
            lines.append((start, end))
        return lines

    def _pieces(self) -> Iterable[tuple[int, int]]:
        edges = [0, *sorted(self.breaks), len(self.parts)]
        return [(first, last) for first, last in pairwise(edges) if last > first]


@lru_cache(maxsize=256)
def _paragraph(text: str, known: languages.Language | None, family: str, weight: str, direction: str) -> _Paragraph:
    parts = graphemes(text)
    chain = fonts.faces(family, known.script if known else "", known.code if known else "")
    chosen = fonts.choose(parts, chain)
    faces = tuple(face or fonts.NOTO_SANS for face in chosen)  # `supported` left nothing without a face
    starts = _starts(parts)
    by_character = levels(text, direction)
    tag = known.tag if known else "und"
    draft = _Paragraph(
        text,
        parts,
        faces,
        _scripts(parts),
        tuple(by_character[start] for start in starts),
        _breaks(text, starts, tag),
        (),
        tag,
        weight,
        direction,
    )
    widths = [0.0] * len(parts)
    for run in _runs(draft, 0, len(parts)):
        for index, left, right in _shape(draft, *run)[1]:
            widths[index] = right - left
    return replace(draft, widths=tuple(widths))


def _starts(parts: tuple[str, ...]) -> list[int]:
    starts, place = [], 0
    for part in parts:
        starts.append(place)
        place += len(part)
    return starts


def _scripts(parts: tuple[str, ...]) -> tuple[str, ...]:
    """Scripts for HarfBuzz: what belongs to all takes that of the text before it, else after it."""
    own = [script(part) for part in parts]
    own = ["Zyyy" if code == "Zsye" else code for code in own]
    first = next((code for code in own if code != "Zyyy"), "Latn")
    result = []
    for code in own:
        first = code if code != "Zyyy" else first
        result.append(first)
    return tuple(result)


def _breaks(text: str, starts: list[int], tag: str) -> frozenset[int]:
    index_of = {start: index for index, start in enumerate(starts)}
    return frozenset(
        index_of[place] for place in line_breaks(text, tag) if place in index_of
    )  # never inside a grapheme


def _runs(paragraph: _Paragraph, first: int, last: int) -> list[tuple[int, int]]:
    """Ranges of parts in logical order with one face, script and level each."""
    runs = []
    start = first
    for index in range(first + 1, last + 1):
        if index == last or any(
            values[index] != values[start] for values in (paragraph.faces, paragraph.scripts, paragraph.levels)
        ):
            runs.append((start, index))
            start = index
    return runs


def _shape(
    paragraph: _Paragraph, first: int, last: int
) -> tuple[list[tuple[int, float, float]], list[tuple[int, float, float]], float]:
    """One run: glyphs (id, x, y) and clusters (part, left, right), em from the run's left edge; and its width.

    The graphemes of a ligature share its width evenly.
    """
    import uharfbuzz

    face = paragraph.faces[first]
    font = fonts.hb_font(face, paragraph.weight)
    em = face.scale / font.face.upem
    offset = sum(map(len, paragraph.parts[:first]))
    length = sum(map(len, paragraph.parts[first:last]))
    buffer = uharfbuzz.Buffer()
    buffer.add_str(paragraph.text, offset, length)  # with its neighbours as context, so that letters join across faces
    rtl = paragraph.levels[first] % 2 == 1
    buffer.direction = "rtl" if rtl else "ltr"
    buffer.script = paragraph.scripts[first]
    buffer.language = paragraph.tag
    uharfbuzz.shape(font, buffer)
    part_at: dict[int, int] = {}
    place = offset
    for index in range(first, last):
        for _ in paragraph.parts[index]:
            part_at[place] = index
            place += 1
    glyphs: list[tuple[int, float, float]] = []
    spans: dict[int, list[float]] = {}
    pen = 0.0
    for info, position in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
        index = part_at[info.cluster]
        span = spans.setdefault(index, [pen, pen])
        span[1] = pen + position.x_advance * em
        glyphs.append((info.codepoint, pen + position.x_offset * em, position.y_offset * em))
        pen += position.x_advance * em
    clusters: list[tuple[int, float, float]] = []
    owners = sorted(spans)
    for owner, following in zip(owners, [*owners[1:], last], strict=True):
        left, right = spans[owner]
        share = (right - left) / (following - owner)
        for step in range(following - owner):
            start = right - (step + 1) * share if rtl else left + step * share
            clusters.append((owner + step, start, start + share))
    return glyphs, clusters, pen


def _truncate(
    text: str, known: languages.Language | None, family: str, weight: str, direction: str, width: float, max_lines: int
) -> tuple[_Paragraph, list[tuple[int, int]]]:
    """The longest beginning that fits with an ellipsis."""
    parts = graphemes(text)
    low, high = 0, len(parts)
    best: tuple[_Paragraph, list[tuple[int, int]]] | None = None
    while low <= high:
        middle = (low + high) // 2
        paragraph = _paragraph("".join(parts[:middle]).rstrip() + ELLIPSIS, known, family, weight, direction)
        lines = paragraph.wrap(width, max_lines)
        if len(lines) <= max_lines or middle == 0:
            best, low = (paragraph, lines[:max_lines]), middle + 1
        else:
            high = middle - 1
    assert best is not None  # middle reaches 0
    return best


# --- lines on the canvas ----------------------------------------------------------------------------------------------


def _place(
    paragraph: _Paragraph,
    lines: list[tuple[int, int]],
    size: float,
    max_width: float,
    align: str,
    missing: tuple[str, ...],
    complete: bool,
) -> Layout:
    shaped = [_shape_line(paragraph, first, last) for first, last in lines]
    top = max([ASCENT, *(line.top for line in shaped)])
    bottom = max([DESCENT, *(line.bottom for line in shaped)])
    pitch = max(LEADING, top + bottom)
    left = min([0.0, *(line.ink_left for line in shaped)])
    widest = max([0.0, *(line.width for line in shaped)])
    right = max([widest, *(line.ink_right for line in shaped)])
    # Overhanging ink makes a layout wider than its advances; where that is too wide, all of it shrinks a little.
    if (right - left) * size > max_width:
        size = max_width / (right - left)
    side = {"start": "right" if paragraph.direction == "rtl" else "left"}.get(align, align)
    result_lines: list[Line] = []
    clusters: list[Cluster] = []
    for number, ((first, last), line) in enumerate(zip(lines, shaped, strict=True)):
        spare = widest - line.width
        shift = (-left + {"left": 0.0, "right": spare, "center": spare / 2}[side]) * size
        baseline = (top + number * pitch) * size
        glyphs = tuple(Glyph(face, glyph, shift + x * size, y * size) for face, glyph, x, y in line.glyphs)
        result_lines.append(
            Line(
                "".join(paragraph.parts[first:last]).strip(" "),
                baseline,
                baseline - top * size,
                baseline + (pitch - top if number + 1 < len(lines) else bottom) * size,
                shift,
                shift + line.width * size,
                glyphs,
            )
        )
        clusters.extend(
            Cluster(paragraph.parts[index], 0, number, shift + start * size, shift + end * size)
            for index, start, end in sorted(line.clusters)
        )
    numbered = tuple(Cluster(item.text, index, item.line, item.left, item.right) for index, item in enumerate(clusters))
    height = (top + bottom + pitch * (len(lines) - 1)) * size if lines else 0
    return Layout(
        paragraph.text, size, math.ceil((right - left) * size), math.ceil(height), paragraph.direction,
        paragraph.weight,
        tuple(result_lines), numbered, missing, complete,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _ShapedLine:
    """em; x from the line's left edge."""

    glyphs: list[tuple[Face, int, float, float]]
    clusters: list[tuple[int, float, float]]
    width: float
    ink_left: float
    ink_right: float
    top: float
    bottom: float


def _shape_line(paragraph: _Paragraph, first: int, last: int) -> _ShapedLine:
    while last > first and paragraph.parts[last - 1].isspace():  # L1: trailing space hangs, and is not drawn
        last -= 1
    while first < last and paragraph.parts[first].isspace():
        first += 1
    glyphs: list[tuple[Face, int, float, float]] = []
    clusters: list[tuple[int, float, float]] = []
    pen = 0.0
    ink = [0.0, 0.0, 0.0, 0.0]  # left, right, top, bottom
    for start, end in _visual(paragraph, _runs(paragraph, first, last)):
        face = paragraph.faces[start]
        font = fonts.hb_font(face, paragraph.weight)
        em = face.scale / font.face.upem
        run_glyphs, run_clusters, width = _shape(paragraph, start, end)
        for glyph, x, y in run_glyphs:
            glyphs.append((face, glyph, pen + x, y))
            extents = font.get_glyph_extents(glyph)
            if extents is None or not extents.width:
                continue
            ink[0] = min(ink[0], pen + x + extents.x_bearing * em)
            ink[1] = max(ink[1], pen + x + (extents.x_bearing + extents.width) * em)
            ink[2] = max(ink[2], y + extents.y_bearing * em)
            ink[3] = max(ink[3], -(y + (extents.y_bearing + extents.height) * em))
        clusters.extend((index, pen + left, pen + right) for index, left, right in run_clusters)
        pen += width
    return _ShapedLine(glyphs, clusters, pen, *ink)


def _visual(paragraph: _Paragraph, runs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The runs from left to right (L2)."""
    order = list(runs)
    if not order:
        return order
    run_levels = [paragraph.levels[first] for first, _ in order]
    lowest_odd = min((level for level in run_levels if level % 2), default=max(run_levels) + 1)
    for level in range(max(run_levels), lowest_odd - 1, -1):
        index = 0
        while index < len(order):
            end = index
            while end < len(order) and run_levels[end] >= level:
                end += 1
            if end > index:
                order[index:end] = order[index:end][::-1]
                run_levels[index:end] = run_levels[index:end][::-1]
            index = max(end, index + 1)
    return order
