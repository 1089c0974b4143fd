"""The colours that people get."""

from __future__ import annotations

#: Colours told apart by eyes of all kinds (after Okabe and Ito 2008, lightened), each with a contrast of 4.5 and more
#: on #0b0f14.
PALETTE = ("#3fd0ff", "#ffb000", "#ff6fae", "#4fe3a5", "#f5f07a", "#b79cff", "#ff8a5c", "#c9d3dc")
