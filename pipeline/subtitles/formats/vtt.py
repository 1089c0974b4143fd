"""WebVTT: each cue in its speaker's voice and colour, where the picture has its panel."""

from __future__ import annotations

import re

from pipeline.subtitles.formats.common import Piece, colour, names, pieces, text_lines
from pipeline.subtitles.plan import Plan
from pipeline.subtitles.spot import Spot

LINE, PADDING = 0.06, 0.02  #: of the height; a player's line is about 5.3 %, as the standard suggests
CENTRED, LOW = (
    0.03,
    0.85,
)  #: a panel this near to the middle, and that ends below this, is where players put cues anyway


def write(plan: Plan) -> str:
    """Return the cues as a WebVTT file."""
    known = names(plan.analysis)
    head = ["WEBVTT", ""]
    rules = [
        f'::cue(v[voice="{_css_string(known[person.id])}"]) {{ color: {colour(person.colour)}; }}'
        for person in plan.analysis.people
    ]
    if rules:
        # LF CR is an empty line to WebVTT, so browsers see a STYLE block. ffmpeg before 6 takes it for the header going
        # on, and skips it; at a STYLE block of its own it stops reading, without a word (5.1: no cue at all).
        head = ["WEBVTT", "\rSTYLE", *rules, ""]
    blocks = []
    for number, piece in enumerate(pieces(plan), 1):
        name = known.get(piece.cue.person or "")
        lines = text_lines(plan, piece.cue)
        text = "\n".join(map(_escape, lines))
        voiced = f"<v {_escape(name)}>{text}</v>" if name else text
        times = f"{_clock(piece.start)} --> {_clock(piece.end)}"
        blocks.append(f"{number}\n{times}{_settings(plan, piece, len(lines))}\n{voiced}\n")
    return "\n".join([*head, *blocks])


def _settings(plan: Plan, piece: Piece, lines: int) -> str:
    """Return the cue settings that put the text where the panel is, "" for the player's own place."""
    spot = piece.spot
    width, height = plan.setting.canvas.width, plan.setting.canvas.height - 2 * plan.setting.canvas.top
    if spot.kind == "bar" or not spot.width:
        return ""
    if spot.edge:
        wide = 60 if width >= height else 96  # letters are as large as the height makes them
        return f" position:{2 if spot.edge == 'left' else 98}% size:{wide}% align:{spot.edge}"
    middle, top, bottom = _middle(spot, piece, width, height)
    if spot.kind in ("low", "off screen") and abs(middle - 0.5) < CENTRED and bottom > LOW:
        return ""
    block = LINE * lines + PADDING
    line = top if spot.kind == "below" else bottom - block
    line = min(max(line, 0.02), 0.98 - block)
    position = min(max(middle, 0.2), 0.8)
    size = 2 * min(position, 1 - position)
    if spot.kind in ("left", "right"):  # beside a face: no wider than the panel
        size = min(size, spot.width / width)
    return f" line:{round(line * 100)}% position:{round(position * 100)}% size:{round(size * 100)}% align:center"


def _middle(spot: Spot, piece: Piece, width: int, height: int) -> tuple[float, float, float]:
    """Return the panel's middle across, its top and its bottom as shares of the picture, half-way through the piece."""
    x, y = spot.at((piece.start + piece.end) / 2)
    return (x + spot.width / 2) / width, (y + spot.tab) / height, (y + spot.height) / height


def _clock(seconds: float) -> str:
    ms = max(0, round(seconds * 1000))
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}.{ms % 1000:03}"


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _css_string(text: str) -> str:
    """Return `text` for double quotes in CSS; "-->" and "<" must not stand in a STYLE block either."""
    return re.sub(r'["\\<>&{};]', lambda match: f"\\{ord(match[0]):x} ", text)
