"""Figures, one module a kind: data in, SVG or PNG out; the same data gives the same bytes."""

from sirenbench.report.figures.curves import POINTS, Series, describe, draw, thin
from sirenbench.report.figures.style import colour_of, dash_of, drawing, inline, stand_in

__all__ = ["POINTS", "Series", "colour_of", "dash_of", "describe", "draw", "drawing", "inline", "stand_in", "thin"]
