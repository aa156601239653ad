"""What is measured of the image of the first replicate, beside the target and the small image (``images.npz``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

Images = Mapping[str, np.ndarray]


def detail(images: Images) -> float:
    """Energy beyond the small image's highest frequency, as a share of what the target has there."""
    target, prediction = (_spectrum(_unit(images, name)) for name in ("target", "prediction"))
    side = target.shape[0]
    cycles = np.abs(np.fft.fftfreq(side)) * side
    beyond = np.maximum.outer(cycles, cycles) > images["lr"].shape[0] / 2
    return float(prediction[beyond].sum() / target[beyond].sum())


def roughness(images: Images) -> float:
    """Mean absolute difference between neighbouring pixels (total variation a pixel)."""
    return _variation(_unit(images, "prediction"))


def sharpness_error(images: Images) -> float:
    """How far the roughness is from the target's, as a share of it."""
    wanted = _variation(_unit(images, "target"))
    return abs(roughness(images) - wanted) / wanted


def luminance_error(images: Images) -> float:
    """How far the mean is from the target's."""
    return float(abs(_unit(images, "prediction").mean() - _unit(images, "target").mean()))


def contrast_error(images: Images) -> float:
    """How far the standard deviation is from the target's."""
    return float(abs(_unit(images, "prediction").std() - _unit(images, "target").std()))


QUANTITIES: dict[str, Callable[[Images], float]] = {
    "detail": detail,
    "roughness": roughness,
    "sharpness error": sharpness_error,
    "luminance error": luminance_error,
    "contrast error": contrast_error,
}


def _unit(images: Images, name: str) -> np.ndarray:
    """(H, W) in [0, 1]; colours are averaged."""
    pixels = images[name].astype(np.float64) / 255
    return pixels if pixels.ndim == 2 else pixels.mean(axis=2)


def _spectrum(image: np.ndarray) -> np.ndarray:
    """Power, by a window that hides the step from one border to the other."""
    height, width = image.shape
    smooth = (image - image.mean()) * np.hanning(height)[:, None] * np.hanning(width)
    return np.abs(np.fft.fft2(smooth)) ** 2


def _variation(image: np.ndarray) -> float:
    return float((np.abs(np.diff(image, axis=0)).mean() + np.abs(np.diff(image, axis=1)).mean()) / 2)
