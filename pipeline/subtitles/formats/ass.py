"""Advanced SubStation Alpha: a style for each speaker, every cue where the picture has its panel, and its reveal."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

import pysubs2

from pipeline import languages
from pipeline.records import Analysis
from pipeline.subtitles import fonts
from pipeline.subtitles.cue import Cue
from pipeline.subtitles.formats.common import NO_SPEAKER, Piece, colour, escape, names, pieces, tag_of, text_lines
from pipeline.subtitles.plan import Plan
from pipeline.text import clean, graphemes, wrap

FADE_S = 0.25  #: how long the cross-fade from source to translation takes
MOVED = 0.01  #: of the height: a panel that moves less stands still


def write(plan: Plan) -> str:
    """Return the cues as an ASS file. The look decides which texts it shows, their size, reveal and place."""
    analysis, setting = plan.analysis, plan.setting
    size = max(8, round(setting.em))
    texts = plan.look.texts if any(phrase.translation for phrase in analysis.phrases) else "original"
    subtitles = pysubs2.SSAFile()
    subtitles.info.update(
        {
            "PlayResX": str(setting.canvas.width),
            "PlayResY": str(setting.canvas.height - 2 * setting.canvas.top),
            "WrapStyle": "0",
            "ScaledBorderAndShadow": "yes",
            "YCbCr Matrix": "TV.709",
        }
    )
    known = {person: _style_name(name) for person, name in names(analysis).items()}
    subtitles.styles.clear()
    for name, shade in [(known[p.id], p.colour) for p in analysis.people] + [("Nobody", NO_SPEAKER)]:
        for suffix, share in (("", 1.0), (" source", 0.85 if texts == "both" else 1.0)):
            subtitles.styles[name + suffix] = _style(analysis, shade, round(size * share), size, plan, suffix != "")
    for piece in pieces(plan):
        name = known.get(piece.cue.person or "", "Nobody")
        for start, end, suffix, text in _events(plan, piece, texts, name):
            event = pysubs2.SSAEvent(start=round(start * 1000), end=round(end * 1000), style=name + suffix, name=name)
            event.text = _place(plan, piece, start, end, size) + text
            subtitles.append(event)
    return subtitles.to_string("ass")


def _style(analysis: Analysis, shade: str, size: int, base: int, plan: Plan, of_source: bool) -> pysubs2.SSAStyle:
    language = languages.known(analysis.language if of_source else analysis.target_language)
    red, green, blue = (int(colour(shade)[k : k + 2], 16) for k in (1, 3, 5))
    width, height = plan.setting.canvas.width, plan.setting.canvas.height
    # SecondaryColour is what \\k shows of a word not yet said: nothing. BorderStyle 4 is libass's one panel for an
    # event, in BackColour, with Shadow as its padding; an outline would show the words before they are said.
    return pysubs2.SSAStyle(
        fontname=_font_name(analysis, language, of_source),
        fontsize=size,
        primarycolor=pysubs2.Color(red, green, blue, 0),
        secondarycolor=pysubs2.Color(red, green, blue, 255),
        outlinecolor=pysubs2.Color(0, 0, 0, 255),
        backcolor=pysubs2.Color(8, 12, 16, 64),
        borderstyle=4,
        outline=0,
        shadow=max(2, base // 4),
        alignment=pysubs2.Alignment.BOTTOM_CENTER,
        marginl=width // 20,
        marginr=width // 20,
        marginv=height // 16,
    )


def _style_name(name: str) -> str:
    """Return a name that may be a style's: those end at a comma and do not begin with an asterisk."""
    return re.sub(r"[,;{}\\]", " ", name).strip(" *") or "Speaker"


def _place(plan: Plan, piece: Piece, start: float, end: float, size: int) -> str:
    """Return the override that puts the text on its panel, following it; "" for the style's own place."""
    spot, setting = piece.spot, plan.setting
    if spot.kind == "bar" or not spot.width or plan.look.position == "bottom":
        return ""
    width = setting.canvas.width

    def at(t: float) -> tuple[int, int]:
        x, y = spot.at(t)
        across = {"left": size // 2, "right": width - size // 2}.get(spot.edge, round(x + spot.width / 2))
        return across, y + spot.height - setting.padding[1]

    corner = {"left": 1, "right": 3}.get(spot.edge, 2)
    (x, y), (to_x, to_y) = at(start), at(end)
    if max(abs(to_x - x), abs(to_y - y)) > MOVED * setting.canvas.height:
        return f"{{\\an{corner}\\move({x},{y},{to_x},{to_y})}}"
    return f"{{\\an{corner}\\pos({x},{y})}}"


def _events(plan: Plan, piece: Piece, texts: str, style: str) -> Iterator[tuple[float, float, str, str]]:
    """Yield (start, end, style suffix, text) of the events that make up a piece of a cue."""
    cue, start, end = piece.cue, piece.start, piece.end
    translated = "\\N".join(map(escape, text_lines(plan, cue)))
    source = _source(plan, cue, start)
    if not cue.translation or texts == "original":
        yield start, end, " source", source
    elif texts == "translation" or not cue.source:
        yield start, end, "", translated
    elif texts == "both":
        # One event, so that no renderer lays one text over the other; the translation first, or \\k would hold it back.
        yield start, end, "", f"{translated}\\N{{\\r{style} source}}{source}"
    elif not cue.turns:
        yield start, end, "", translated
    else:
        middle = (cue.turn_start + cue.turn_end) / 2
        fade = 0.0 if plan.look.reduced_motion else min(FADE_S, (end - start) / 4)
        if start < middle:
            yield start, min(end, middle + fade / 2), " source", f"{{\\fad(0,{round(1000 * fade)})}}{source}"
        if end > middle:
            begin = max(start, middle - fade / 2)
            fading = round(1000 * fade) if begin > start else 0
            yield begin, end, "", f"{{\\fad({fading},120)}}{translated}"


def _source(plan: Plan, cue: Cue, start: float) -> str:
    r"""Return the source on its lines; typed by word times (`\k`, in cs) where the look reveals it as it is said."""
    lines = wrap(cue.source, tag=tag_of(plan, translated=False))
    if cue.reveal != "spoken" or plan.look.reduced_motion or not cue.words:
        return "\\N".join(map(escape, lines))
    begins = list(
        itertools.accumulate((round(begin * 100) for begin, *_ in cue.words), max, initial=round(start * 100))
    )
    ends = [*begins[2:], max(begins[-1], round(cue.spoken * 100))]
    parts: list[str] = [f"{{\\k{begins[1] - begins[0]}}}"] if begins[1] > begins[0] else []
    place, second = 0, len(lines[0]) if len(lines) > 1 else None
    for (_, _, after), begin, end in zip(cue.words, begins[1:], ends, strict=True):
        text = cue.source[place:after]
        if second is not None and place + len(text) - len(text.lstrip()) >= second and text.strip():
            text, second = "\\N" + escape(text.lstrip()), None
        else:
            text = escape(text)
        parts.append(f"{{\\k{end - begin}}}{text}")
        place = after
    return "".join(parts)


def _font_name(analysis: Analysis, language: languages.Language | None, of_source: bool) -> str:
    """Return the full name of the face that sets most of the texts in `language`."""
    texts = " ".join(
        (phrase.source if of_source else phrase.translation) or phrase.source for phrase in analysis.phrases
    )
    sample = graphemes(fonts.supported(clean(texts, 400))[0])
    chain = fonts.faces("technical", language.script if language else "", language.code if language else "")
    chosen = [face for face in fonts.choose(sample, chain) if face]
    face = max(set(chosen), key=chosen.count, default=fonts.NOTO_SANS)
    return face.full_name
