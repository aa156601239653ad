"""Gradients and Laplacians of an image by the filters that the paper's authors ran (protocol.md, losses)."""

from __future__ import annotations

import numpy as np

# What the filters give on a ramp (or parabola) of slope (or curvature) one per pixel.
SOBEL_3D = 32.0
SOBEL_2D = 8.0


def sobel(image: np.ndarray, has_third_axis: bool = True) -> np.ndarray:
    """SciPy's Sobel filter along rows and columns, reflecting at the border.

    Parameters
    ----------
    image
        float32, (H, W, C).
    has_third_axis
        As the authors ran it: on an array of shape (1, H, W), along whose first axis the filter smooths too. The
        result is ``SOBEL_3D`` times the difference between neighbouring pixels; that of the plain filter ``SOBEL_2D``.

    Returns
    -------
    ndarray
        float32, (H, W, C, 2): the derivative along the rows' index first.
    """
    third = np.float32(4 if has_third_axis else 1)  # all that smoothing along an axis of length 1 does
    sides = [_correlate(_correlate(image, axis, (-1, 0, 1)), 1 - axis, (1, 2, 1)) for axis in (0, 1)]
    return np.stack(sides, axis=-1) * third


def laplace(image: np.ndarray) -> np.ndarray:
    """The sum of second differences along rows and columns, (H, W, C), reflecting at the border."""
    return _correlate(image, 0, (1, -2, 1)) + _correlate(image, 1, (1, -2, 1))


def _correlate(image: np.ndarray, axis: int, taps: tuple[int, int, int]) -> np.ndarray:
    """SciPy's ``correlate1d``, bit for bit: sums in float64, rounded to the image's type.

    Every cell comes through here, and would wait for SciPy's import. The taps are symmetric or antisymmetric.
    """
    padded = np.pad(image.astype(np.float64), [(1, 1) if other == axis else (0, 0) for other in range(3)], "edge")
    before, here, after = (np.take(padded, range(start, start + image.shape[axis]), axis) for start in range(3))
    first, middle, last = taps
    around = (before + after if first == last else before - after) * first
    return (here * middle + around).astype(image.dtype)


def per_unit(side: int, grid: str) -> float:
    """How many pixels one unit of the coordinate is."""
    return (side - 1) / 2 if grid == "corner" else side / 2


def true_gradient(image: np.ndarray, grid: str) -> np.ndarray:
    """The derivatives of an image (H, W, C) by its coordinates in [-1, 1], (H, W, C, 2), smoothed as by Sobel."""
    return sobel(image) * np.float32(per_unit(image.shape[0], grid) / SOBEL_3D)


def true_laplacian(image: np.ndarray, grid: str) -> np.ndarray:
    """The Laplacian of an image (H, W, C) by its coordinates in [-1, 1], (H, W, C)."""
    return laplace(image) * np.float32(per_unit(image.shape[0], grid) ** 2)
