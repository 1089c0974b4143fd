"""How the page looks: Gradio's variables, our faces, CSS and script."""

from __future__ import annotations

import base64
from functools import cache
from pathlib import Path
from typing import Any

STATIC = Path(__file__).parent / "static"
SCRIPTS = ("page.js", "player.js", "lines.js", "record.js")

#: What the sheet on "?" says; page.js, player.js and lines.js do it.
KEYS = (
    (("Space", "K"), "Play and pause"),
    (("J", "L"), "Two seconds back, forward"),
    (("Alt+↑", "Alt+↓"), "Previous line, next line"),
    (("Alt+P",), "Play the line"),
    (("Enter",), "Save what you typed"),
    (("Alt+S",), "Split the line at the cursor"),
    (("Alt+M",), "Merge the line with the next one"),
    (("Alt+N",), "Add a line after this one"),
    (("Alt+T",), "Translate the line again"),
    (("Alt+Delete",), "Delete the line"),
    (("Alt+[", "Alt+]"), "Start, end the line at the current time"),
    (("Alt+X",), "Select the line; several can be selected"),
    (("Alt+F",), "Find and replace"),
    (("Ctrl+Z", "Ctrl+Shift+Z"), "Undo, redo"),
    (("?",), "Show this list"),
)

#: The colours of the page. Each text colour passes WCAG AA (4.5:1) on every surface it stands on; a test computes it.
INK = "#e8f0f6"
MUTED = "#9db0c0"
ACCENT = "#2ee6ff"
ON_ACCENT = "#031316"
WARN = "#ffbf66"
BAD = "#ff8d92"
GROUND = "#06080c"
PANEL = "#0d131b"
RAISED = "#141d28"
EDGE = "#223142"
FIELD_EDGE = "#5c7488"  #: of what can be typed into: 3:1 on its surroundings (WCAG 1.4.11)

SURFACES = (GROUND, PANEL, RAISED)
TEXT_PAIRS = ((ON_ACCENT, ACCENT), *((ink, on) for ink in (INK, MUTED, ACCENT, WARN, BAD) for on in SURFACES))

#: From the packages' unicode.json (fontsource 5.3.0).
_RANGES = {
    "latin": "U+0000-00FF,U+0131,U+0152-0153,U+02BB-02BC,U+02C6,U+02DA,U+02DC,U+2000-206F,U+20AC,U+2122,U+2191,U+2193,"
    "U+2212,U+2215,U+FEFF,U+FFFD",
    "latin-ext": "U+0100-02BA,U+02BD-02C5,U+02C7-02CC,U+02CE-02D7,U+02DD-02FF,U+0304,U+0308,U+0329,U+1D00-1DBF,"
    "U+1E00-1E9F,U+1EF2-1EFF,U+2020,U+20A0-20AB,U+20AD-20C0,U+2113,U+2C60-2C7F,U+A720-A7FF",
}
_FACES = (("Rajdhani", "rajdhani", (600, 700)), ("IBM Plex Sans", "ibm-plex-sans", (400, 600)))


def theme() -> Any:
    """Gradio's theme in our colours, the same in its light and dark mode: the page is dark glass."""
    import gradio as gr

    base = gr.themes.Base(
        primary_hue="cyan",
        neutral_hue="slate",
        radius_size=gr.themes.sizes.radius_none,
        font=[gr.themes.Font("IBM Plex Sans"), "Noto Sans", "system-ui", "sans-serif"],
        font_mono=[gr.themes.Font("IBM Plex Sans"), "monospace"],
    )
    values = {
        "body_background_fill": GROUND,
        "body_text_color": INK,
        "body_text_color_subdued": MUTED,
        "background_fill_primary": PANEL,
        "background_fill_secondary": RAISED,
        "border_color_primary": EDGE,
        "border_color_accent": ACCENT,
        "color_accent": ACCENT,
        "color_accent_soft": RAISED,
        "link_text_color": ACCENT,
        "link_text_color_hover": INK,
        "link_text_color_active": ACCENT,
        "link_text_color_visited": ACCENT,
        "block_background_fill": PANEL,
        "block_border_color": EDGE,
        "block_border_width": "0px",
        "block_label_background_fill": PANEL,
        "block_label_text_color": MUTED,
        "block_label_border_color": EDGE,
        "block_title_text_color": MUTED,
        "block_info_text_color": MUTED,
        "block_shadow": "none",
        "panel_background_fill": PANEL,
        "panel_border_color": EDGE,
        "input_background_fill": RAISED,
        "input_background_fill_focus": RAISED,
        "input_background_fill_hover": RAISED,
        "input_border_color": FIELD_EDGE,
        "input_border_color_focus": ACCENT,
        "input_border_color_hover": MUTED,
        "input_border_width": "1px",
        "input_placeholder_color": MUTED,
        "input_shadow": "none",
        "input_shadow_focus": "none",
        "button_primary_background_fill": ACCENT,
        "button_primary_background_fill_hover": "#8df2ff",
        "button_primary_text_color": ON_ACCENT,
        "button_primary_text_color_hover": ON_ACCENT,
        "button_primary_border_color": ACCENT,
        "button_secondary_background_fill": RAISED,
        "button_secondary_background_fill_hover": EDGE,
        "button_secondary_text_color": INK,
        "button_secondary_text_color_hover": INK,
        "button_secondary_border_color": FIELD_EDGE,
        "button_secondary_border_color_hover": MUTED,
        "button_cancel_background_fill": "transparent",
        "button_cancel_background_fill_hover": RAISED,
        "button_cancel_text_color": BAD,
        "button_cancel_text_color_hover": BAD,
        "button_cancel_border_color": BAD,
        "checkbox_background_color": RAISED,
        "checkbox_background_color_selected": ACCENT,
        "checkbox_border_color": FIELD_EDGE,
        "checkbox_border_color_hover": MUTED,
        "checkbox_border_color_selected": ACCENT,
        "checkbox_label_background_fill": RAISED,
        "checkbox_label_background_fill_hover": EDGE,
        "checkbox_label_background_fill_selected": EDGE,
        "checkbox_label_text_color": INK,
        "checkbox_label_text_color_selected": INK,
        "checkbox_label_border_color": EDGE,
        "table_border_color": EDGE,
        "table_even_background_fill": PANEL,
        "table_odd_background_fill": RAISED,  # the row of a chosen file, too
        "code_background_fill": RAISED,
        "stat_background_fill": ACCENT,
        "slider_color": ACCENT,
        "error_background_fill": PANEL,
        "error_border_color": BAD,
        "error_text_color": BAD,
        "error_icon_color": BAD,
        "loader_color": ACCENT,
    }
    dark = {f"{name}_dark": value for name, value in values.items() if hasattr(base, f"{name}_dark")}
    return base.set(**values, **dark)


@cache
def css() -> str:
    """The style sheet, with the faces in it: no request leaves the page."""
    names = ("INK", "MUTED", "ACCENT", "ON_ACCENT", "WARN", "BAD", "GROUND", "PANEL", "RAISED", "EDGE", "FIELD_EDGE")
    variables = "".join(f"--{name.lower().replace('_', '-')}:{globals()[name]};" for name in names)
    sheet = (STATIC / "page.css").read_text(encoding="utf-8")
    return f"{_font_faces()}\n:root{{{variables}}}\n{sheet}\n{_thumbnails()}"


@cache
def head() -> str:
    """What goes into <head>: colour scheme, style sheet and script. Not `launch(css=)`: Gradio rewrites that sheet rule
    by rule, and a shorthand with a variable in it is lost on the way.
    """
    script = "\n".join((STATIC / name).read_text(encoding="utf-8") for name in SCRIPTS)
    return f'<meta name="color-scheme" content="dark"><style>{css()}</style><script>{script}</script>'


@cache
def edit_script() -> str:
    """What a table of the page does with a change in it: it sends it, and keeps the focus when it is drawn anew."""
    return (STATIC / "table.js").read_text(encoding="utf-8")


def sheet_of_keys() -> str:
    """The dialog that lists the keys."""
    rows = "".join(
        f"<div><dt>{' or '.join(f'<kbd>{key}</kbd>' for key in keys)}</dt><dd>{does}</dd></div>" for keys, does in KEYS
    )
    return (
        f'<dialog id="keys" aria-labelledby="keys-title"><h2 id="keys-title">Keyboard shortcuts</h2><dl>{rows}</dl>'
        '<p class="limits">On a Mac, Alt is the Option key. In a text, hold Control as well: Option alone types '
        "letters such as ś.</p>"
        '<button type="button" id="keys-close">Close</button></dialog>'
    )


def _thumbnails() -> str:
    """Rules that show a small picture of each look beside its name; `benchmarks.gallery` draws them."""
    rules = []
    for picture in sorted(STATIC.glob("look-*.jpg")):
        name, data = picture.stem.removeprefix("look-"), base64.b64encode(picture.read_bytes()).decode()
        place = f'#look-choice label:has(input[value="{name}"])::before'
        rules.append(f"{place}{{background-image:url(data:image/jpeg;base64,{data})}}")
    return "".join(rules)


def _font_faces() -> str:
    rules = []
    for family, file, weights in _FACES:
        for weight in weights:
            for subset, ranges in _RANGES.items():
                data = base64.b64encode((STATIC / f"{file}-{subset}-{weight}-normal.woff2").read_bytes()).decode()
                rules.append(
                    f'@font-face{{font-family:"{family}";font-weight:{weight};font-display:swap;unicode-range:{ranges};'
                    f"src:url(data:font/woff2;base64,{data}) format('woff2')}}"
                )
    return "".join(rules)
