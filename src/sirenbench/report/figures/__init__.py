"""Figures, one module a kind: data in, SVG or PNG out; the same data gives the same bytes."""
