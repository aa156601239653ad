"""Figures, one module a kind: data in, SVG or a lossless picture out; the same data gives the same bytes."""
