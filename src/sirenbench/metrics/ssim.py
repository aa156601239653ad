"""Structural similarity (Wang et al. 2004) as scikit-image computes it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sirenbench.errors import UserError
from sirenbench.lazy import torch
from sirenbench.metrics.base import ALIGN, BORDER, CHANNEL, Assets, Metric, Score
from sirenbench.metrics.ids import MetricId
from sirenbench.options import Choice

WINDOW = Choice(
    "window",
    "uniform",
    "uniform: 7 x 7 with sample covariances, scikit-image's default; "
    "gaussian: sigma 1.5 cut to 11 x 11, with plain covariances, as in Wang et al.",
    choices=("uniform", "gaussian"),
)

_C1, _C2 = 0.01**2, 0.03**2


@dataclass(frozen=True)
class _Window:
    """A separable symmetric window.

    Attributes
    ----------
    taps
        Its weights along one axis, from the middle outwards.
    correction
        What a weighted covariance is multiplied by.
    """

    taps: tuple[float, ...]
    correction: float

    @property
    def side(self) -> int:
        return 2 * len(self.taps) - 1

    def mean(self, maps: torch.Tensor) -> torch.Tensor:
        """Weighted mean of (..., H, W) around every pixel that has its whole window inside the image."""
        # Shifted sums beat convolutions and running sums here, and are the same on every device and batch size.
        reach = len(self.taps) - 1
        for axis in (-2, -1):
            length = maps.shape[axis] - 2 * reach
            middle = maps.narrow(axis, reach, length) * self.taps[0]
            for away, tap in enumerate(self.taps[1:], start=1):
                before, after = (maps.narrow(axis, reach + shift, length) for shift in (-away, away))
                middle.add_(before + after, alpha=tap)
            maps = middle
        return maps


def _gaussian_taps(sigma: float, reach: int) -> tuple[float, ...]:
    bell = [math.exp(-0.5 * (away / sigma) ** 2) for away in range(reach + 1)]
    total = 2 * sum(bell) - bell[0]
    return tuple(value / total for value in bell)


_WINDOWS = {
    "uniform": _Window((1 / 7,) * 4, 49 / 48),
    "gaussian": _Window(_gaussian_taps(1.5, 5), 1.0),
}


def _against(target: torch.Tensor, which: MetricId, assets: Assets) -> Score:
    window = _WINDOWS[str(which.get(WINDOW))]
    height, width = target.shape[-2:]
    if min(height, width) < window.side:
        raise UserError(
            f"{which.text} needs an image of at least {window.side} x {window.side} pixels; "
            f"{height} x {width} are left of this one"
        )
    target_mean, target_square = window.mean(torch.stack([target, target * target]))
    luminance = target_mean.square() + _C1
    contrast = window.correction * (target_square - target_mean.square()) + _C2

    def score(planes: torch.Tensor) -> torch.Tensor:
        mean, square, product = window.mean(torch.stack([planes, planes * planes, planes * target]))
        both = mean * target_mean
        squared = mean.square()
        covariance = window.correction * (product - both)
        variance = window.correction * (square - squared)
        above = (2 * both + _C1) * (2 * covariance + _C2)
        below = (squared + luminance) * (variance + contrast)
        return (above / below).mean((1, 2, 3))

    return score


COMPONENTS = (
    Metric(
        name="ssim",
        title="SSIM",
        unit="",
        better="higher",
        low=-1.0,
        high=1.0,
        formula="SSIM = mean of (2 mx my + C1)(2 sxy + C2) / ((mx^2 + my^2 + C1)(sx^2 + sy^2 + C2)) over all windows "
        "inside the image, then over the channels; C1 = 0.01^2, C2 = 0.03^2",
        link="https://doi.org/10.1109/TIP.2003.819861",
        doc="Structural similarity of the clipped image, data range 1, equal to skimage.metrics.structural_similarity.",
        against=_against,
        switches=(CHANNEL, BORDER, WINDOW, ALIGN),
    ),
)
