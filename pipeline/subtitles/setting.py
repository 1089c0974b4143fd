"""How one look is set on one picture: sizes, colours, and which text stands in which row."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline import languages
from pipeline.notices import about_subtitles
from pipeline.records import Analysis, Look, Notice
from pipeline.subtitles import fonts, looks, yuv
from pipeline.subtitles.cue import Cue
from pipeline.subtitles.layout import Layout, lay_out
from pipeline.subtitles.level import level
from pipeline.subtitles.looks import RGB, Panel, Row
from pipeline.subtitles.yuv import Matrix
from pipeline.text import text_width

SMALLEST_EM = 7.0  #: px; below it no letter can be told from another
EM_PER_COLUMN = 0.54  #: an average letter with its space, of the wider family
SHORTEST_BROKEN = 14  #: columns of a text that is broken in two for the sake of another
UNKNOWN: RGB = (205, 214, 222)  #: the colour of nobody in particular

#: What is said of one cue and of several, by the code of the notice; the times stand before it.
ABOUT = {
    "text_cut": (
        "does not fit the picture; its end is left out. Shorten it or choose a smaller text size.",
        "do not fit the picture; their ends are left out. Shorten them or choose a smaller text size.",
    ),
    "missing_glyphs": (
        "leaves out {missing}, which no font here has.",
        "leave out {missing}, which no font here has.",
    ),
    "crowded": (
        "goes early, because more is said at once than there is room for. Choose a smaller text size or another look.",
        "go early, because more is said at once than there is room for. Choose a smaller text size or another look.",
    ),
    "contrast": (
        "is hard to read on the picture behind it.",
        "are hard to read on the picture behind them.",
    ),
}


@dataclass(frozen=True, slots=True)
class Canvas:
    """The size of the result, and where in it the picture's upper edge is. All even."""

    width: int
    height: int
    top: int


def _drawable(text: str) -> str:
    return text if text and fonts.supported(text)[0].strip() else ""


class Setting:
    """What every part of a drawing needs to know; pixels of the canvas."""

    def __init__(self, analysis: Analysis, look: Look, width: int, height: int, matrix: Matrix | None) -> None:
        self._notices: dict[str, Notice] = {}
        self._starts: dict[str, dict[tuple[int, int], float]] = {}  # s, by code and cue: what a notice is about
        self._missing: dict[str, None] = {}  # characters that no font has, in order
        self.picture_known = True  #: what is behind a panel can be looked at
        self.look, self.style = look, looks.chosen(look)
        style = self.style
        self.matrix = matrix or (yuv.BT709 if height >= 720 else yuv.BT601)
        factor = min(2.0, max(0.5, look.text_size))
        self.em = max(SMALLEST_EM, min(style.tall * height, style.wide * width) * factor)
        bar = 2 * round(style.bars * self.em / 2)
        self.canvas = Canvas(width, height + 2 * bar, bar)
        self.margin = max(2, round(0.018 * min(width, height)))
        self.padding = round(style.padding[0] * self.em), round(style.padding[1] * self.em)
        self.spacing = round(style.spacing * self.em)
        self.panels = style.panels.get(look.texts) or style.panels["morph"]
        self.lines = 2 if self._tall(2, 1) <= height else 1
        if max(len(panel.rows) for panel in self.panels) > 1 and self._tall(2, 2) > 0.6 * height:
            self.panels = style.panels["translation"]
            self.notice("small_picture",
            "The picture is too small for two texts at once; only the translation is shown. "
                        "Choose a smaller text size.")  # fmt: skip
        self.language, self.target = analysis.language, analysis.target_language
        self.script = _script(self.target)
        room = width - 2 * self.margin - 2 * self.padding[0]
        self.text_width = max(8.0, min(room, style.widths[-1] * EM_PER_COLUMN * self.em))
        self.columns = max(8, min(style.widths[-1], int(self.text_width / (0.5 * self.em))))
        known = languages.known(self.language)
        self.right_to_left = known is not None and known.direction == "rtl"  #: the clip's own language
        self.people = {p.id: p for p in analysis.people}
        self._colours = {p.id: lit(_rgb(p.colour), 0.3) for p in analysis.people}
        #: until it is needed again: first for the size of a panel, then to draw it
        self._layouts: dict[tuple[Row, str, str], tuple[Layout | None, Layout | None]] = {}
        self._sole = sum(len(panel.rows) for panel in self.panels) == 1

    def _tall(self, lines: int, rows: int) -> float:
        """px a panel with that much text would be high; 1.45 em is the line of the tallest scripts."""
        return 1.45 * self.em * lines * rows + (rows - 1) * self.spacing + 2 * self.padding[1] + 2 * self.margin

    def has(self, text: str) -> bool:
        """Whether any row shows this kind of text."""
        return any(row.text == text for panel in self.panels for row in panel.rows)

    @property
    def names_on_panels(self) -> bool:
        """Whether names always stand with the text; then no face carries one."""
        return any(panel.name for panel in self.panels)

    def carries_name(self, panel: Panel, cue: Cue) -> bool:
        """Whether the speaker's name stands with this panel: with the one that is made for it, or where that is empty
        the next.
        """
        shown = [p for p in self.panels if any(any(self.texts(row, cue)) for row in p.rows)]
        return self.names_on_panels and next((p for p in shown if p.name), shown[0] if shown else None) is panel

    def colour(self, person: str | None) -> RGB:
        """The person's colour, lightened where it could not be seen on dark glass."""
        return self._colours.get(person or "", UNKNOWN)

    def accent(self, person: str | None) -> RGB:
        """The colour of panels and of what moves on them: the look's own, or the person's."""
        return self.style.accent or self.colour(person)

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What could not be kept legible, one notice for each kind."""
        found = list(self._notices.values())
        for code, starts in self._starts.items():
            one, many = (text.format(missing=" ".join([*self._missing][:8])) for text in ABOUT[code])
            found.append(Notice(code, about_subtitles([*starts.values()], one, many)))
        return tuple(found)

    def notice(self, code: str, text: str) -> None:
        """Keep a notice about the whole clip; it is told once."""
        self._notices.setdefault(code, Notice(code, text))

    def notice_at(self, code: str, cue: Cue) -> None:
        """Keep that `cue` is one of those that the notice of this code, in `ABOUT`, is about."""
        self._starts.setdefault(code, {})[cue.phrase, cue.page] = cue.start

    def texts(self, row: Row, cue: Cue) -> tuple[str, str]:
        """(source, translation) as this row shows them; "" for what it does not show or no font can draw."""
        source, translation = _drawable(cue.source), _drawable(cue.translation)
        if translation == source:
            translation = ""
        if row.text == "source":
            return (source if self._sole or translation or len(self.panels) > 1 else ""), ""
        if row.text == "translation":
            if translation:
                return "", translation
            # Where nothing else shows it the source stays, in its own colour: it is not passed off as a translation.
            return ("", "") if len(self.panels) > 1 else (source, "")
        return source, translation

    def lay_out(self, row: Row, source: str, translation: str) -> tuple[Layout | None, Layout | None]:
        """Return the row's texts on their lines, None for one that is empty.

        A text that becomes another does not jump: both have one size, and their lines are at the same heights.
        """
        known = self._layouts.pop((row, source, translation), None)
        if known is not None:
            return known
        texts = (source, False), (translation, True)
        before, after = (self._fitted(row, text, translated) if text else None for text, translated in texts)
        if before and after:
            before, after = self._alike(row, before, after)
        self._layouts[row, source, translation] = before, after
        return before, after

    def _fitted(self, row: Row, text: str, translated: bool) -> Layout:
        """On two short lines rather than a long one where the look asks for it; smaller before anything is cut."""
        size = self.em * row.size
        widths = self.style.widths
        if not self._sole:
            widths = widths[-1:]  # two rows of two short lines each would be a tower
        elif text_width(text) > 1.5 * len(text):
            widths = widths[1:] or widths  # ideographs: lines of 12 would break inside a clause
        for columns in widths:
            layout = self._set(row, text, translated, columns=columns)
            if layout.complete and layout.size_px > 0.99 * size:
                break
        return layout

    def _set(self, row: Row, text: str, translated: bool, *, columns: int, size: float = 0.0, least: int = 1) -> Layout:
        """Return a text of `row` laid out on lines of `columns`; `size` px, at `least` so many lines."""
        wanted = self.em * row.size
        return lay_out(
            text, size_px=size or wanted, max_width_px=min(self.text_width, columns * EM_PER_COLUMN * self.em),
            max_lines=self.lines, min_lines=least, min_size_px=size or 0.6 * wanted, weight=row.weight,
            language=self.target if translated else self.language, family=self.style.family, align=self.style.align,
        )  # fmt: skip

    def _alike(self, row: Row, before: Layout, after: Layout) -> tuple[Layout, Layout]:
        """Return a source and its translation in one size and, where they can be broken so, on equally many lines.

        The shorter text is broken where it is long enough; else the longer one has a single line, if that fits.
        """
        widest, pair = self.style.widths[-1], [before, after]
        size = min(before.size_px, after.size_px)
        short = 0 if len(before.lines) < len(after.lines) else 1
        count = max(len(before.lines), len(after.lines))
        if len(before.lines) != len(after.lines) and text_width(pair[short].text) < SHORTEST_BROKEN:
            line = self._set(row, pair[1 - short].text, short == 0, columns=widest, size=size)
            if len(line.lines) == 1 and line.complete:
                pair[1 - short], count = line, 1
        for k, layout in enumerate(pair):
            least = count if text_width(layout.text) >= SHORTEST_BROKEN else len(layout.lines)
            if layout.complete and (least != len(layout.lines) or layout.size_px > size):
                pair[k] = self._set(row, layout.text, k == 1, columns=widest, size=size, least=least)
        one, other = level(*pair)
        return one, other

    def size(self, panel: Panel, cue: Cue) -> tuple[int, int]:
        """Width and height of the panel for the longer of its texts; says so where a text does not fit or lacks
        glyphs.
        """
        missing = (*fonts.coverage(cue.translation), *fonts.coverage(cue.source))
        if missing:
            self._missing.update(dict.fromkeys(missing))
            self.notice_at("missing_glyphs", cue)
        wide, tall, rows = 0, 0.0, 0
        for row in panel.rows:
            layouts = [layout for layout in self.lay_out(row, *self.texts(row, cue)) if layout]
            for layout in layouts:
                if not layout.complete:
                    self.notice_at("text_cut", cue)
            if layouts:
                wide = max(wide, *(layout.width for layout in layouts))
                tall += max(layout.height for layout in layouts)
                rows += 1
        if not rows:
            return 0, 0
        tall += (rows - 1) * self.spacing
        return min(self.canvas.width, wide + 2 * self.padding[0]), round(tall) + 2 * self.padding[1]


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
