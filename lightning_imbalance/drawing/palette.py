"""Colours, markers and lines that can be told apart without colour.

The colours are those of Okabe & Ito 2008, "Color Universal Design", which the colour-blind can tell apart; each goes
with a marker and a kind of line of its own, for print in grey.
"""

from __future__ import annotations

BLUE = "#0072B2"
VERMILLION = "#D55E00"
ABSENT = "0.5"
"""Grey, for what is not there, and for lines that only help to read."""

COLOURS = (BLUE, VERMILLION, "#009E73", "#E69F00", "#CC79A7", "#56B4E9", "#B8A800", "0.35")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES = (
    "-",
    (0, (5, 1.5)),
    (0, (1.5, 1)),
    (0, (5, 1, 1, 1)),
    (0, (8, 2)),
    (0, (3, 3)),
    (0, (1, 3)),
    (0, (8, 1, 1, 1, 1, 1)),
)
