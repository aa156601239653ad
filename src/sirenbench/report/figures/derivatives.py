"""Gradients and Laplacians as pictures, coloured as in the later code of the paper's authors (protocol.md, metrics).

Each has a scale of its own, from its own percentiles: what can be compared by eye is their shape.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sirenbench.report.figures.pictures import picture_uri

_KEY_SIDE = 96


@dataclass(frozen=True)
class Field:
    """A derivative, drawn.

    Attributes
    ----------
    uri
        A data URI; empty where there is nothing to draw, and then ``words`` say why.
    low, high
        The sizes that are drawn dark (or white) and in full colour.
    """

    uri: str = ""
    low: float = 0.0
    high: float = 0.0
    words: str = ""


def draw_gradient(gradient: np.ndarray) -> Field:
    """Hue for direction, brightness for size: black at the 5th percentile of the sizes, full at the 95th.

    Parameters
    ----------
    gradient
        (H, W, 2), the derivative along the rows' index (downwards) first.
    """
    if words := _nothing_in(gradient):
        return Field(words=words)
    size = np.hypot(gradient[..., 0], gradient[..., 1])
    low, high = np.percentile(size, (5, 95))
    return Field(picture_uri(_by_direction(gradient, _between(size, low, high))), float(low), float(high))


def draw_laplacian(laplacian: np.ndarray) -> Field:
    """Red for negative, white for zero, blue for positive values; full at the 2nd or 98th percentile, the larger one.

    Parameters
    ----------
    laplacian
        (H, W).
    """
    if words := _nothing_in(laplacian):
        return Field(words=words)
    high = float(np.abs(np.percentile(laplacian, (2, 98))).max())
    indices = np.rint(255 * _between(laplacian, -high, high)).astype(np.uint8)
    return Field(picture_uri(_diverging()[indices]), 0.0, high)


def gradient_key() -> str:
    """A disc that shows which colour a gradient has that points from its centre to there."""
    axis = np.linspace(-1, 1, _KEY_SIDE)
    gradient = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1)
    size = np.hypot(gradient[..., 0], gradient[..., 1])
    colours = _by_direction(gradient, np.minimum(size, 1))
    return picture_uri(np.dstack([colours, np.where(size <= 1, 255, 0).astype(np.uint8)]))


def laplacian_key() -> str:
    """A bar from the most negative to the most positive colour."""
    return picture_uri(np.tile(_diverging(), (16, 1, 1)))


def _nothing_in(field: np.ndarray) -> str:
    if not np.isfinite(field).all():
        return "not finite"
    return "" if field.any() else "zero everywhere"


def _between(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 at ``low`` and below, 1 at ``high`` and above."""
    return np.clip((values - low) / (high - low), 0, 1) if high > low else (values > low).astype(float)


def _by_direction(gradient: np.ndarray, brightness: np.ndarray) -> np.ndarray:
    """uint8, (H, W, 3): red for left, and clockwise from there yellow-green for up, cyan for right, violet for down."""
    from matplotlib.colors import hsv_to_rgb

    angle = np.arctan2(gradient[..., 0], gradient[..., 1])
    hsv = np.stack([(angle + np.pi) / (2 * np.pi), np.ones_like(brightness), brightness], axis=-1)
    return np.rint(255 * hsv_to_rgb(hsv)).astype(np.uint8)


def _diverging() -> np.ndarray:
    import matplotlib as mpl

    return mpl.colormaps["RdBu"](np.arange(256), bytes=True)[:, :3]
