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
    from scipy import ndimage

    def both(plane: np.ndarray) -> np.ndarray:
        array = plane[None] if has_third_axis else plane
        sides = [ndimage.sobel(array, axis=axis) for axis in (-2, -1)]
        return np.stack(sides, axis=-1).reshape(*plane.shape, 2)

    return np.stack([both(plane) for plane in np.moveaxis(image, -1, 0)], axis=2)


def laplace(image: np.ndarray) -> np.ndarray:
    """The sum of second differences along rows and columns, (H, W, C), reflecting at the border."""
    from scipy import ndimage

    return np.stack([ndimage.laplace(plane) for plane in np.moveaxis(image, -1, 0)], axis=-1)


def per_unit(side: int, grid: str) -> float:
    """How many pixels one unit of the coordinate is."""
    return (side - 1) / 2 if grid == "corner" else side / 2


def true_gradient(image: np.ndarray, grid: str) -> np.ndarray:
    """The derivatives of an image (H, W, C) by its coordinates in [-1, 1], (H, W, C, 2), smoothed as by Sobel."""
    return sobel(image) * np.float32(per_unit(image.shape[0], grid) / SOBEL_3D)


def true_laplacian(image: np.ndarray, grid: str) -> np.ndarray:
    """The Laplacian of an image (H, W, C) by its coordinates in [-1, 1], (H, W, C)."""
    return laplace(image) * np.float32(per_unit(image.shape[0], grid) ** 2)
