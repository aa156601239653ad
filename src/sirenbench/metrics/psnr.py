"""Peak signal-to-noise ratio."""

from __future__ import annotations

import math

from sirenbench.lazy import torch
from sirenbench.metrics.base import ALIGN, BORDER, CHANNEL, Assets, Metric, Score
from sirenbench.metrics.ids import MetricId


def _against(target: torch.Tensor, which: MetricId, assets: Assets) -> Score:
    def score(planes: torch.Tensor) -> torch.Tensor:
        # The zero added makes 0 dB, white where black should be, a zero without a sign.
        return (planes - target).square().mean((1, 2, 3)).log10() * -10 + 0.0

    return score


COMPONENTS = (
    Metric(
        name="psnr",
        title="PSNR",
        unit="dB",
        better="higher",
        low=0.0,
        high=math.inf,
        formula="PSNR = -10 log10(MSE), MSE over all pixels and channels in [0, 1]",
        link="https://scikit-image.org/docs/stable/api/skimage.metrics.html#skimage.metrics.peak_signal_noise_ratio",
        doc="Peak signal-to-noise ratio of the clipped image, data range 1; infinite for equal images.",
        against=_against,
        switches=(CHANNEL, BORDER, ALIGN),
    ),
)
