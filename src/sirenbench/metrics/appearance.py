"""How an image looks beside the true one: its detail, noise, sharpness, brightness and contrast."""

from __future__ import annotations

import math
from collections.abc import Callable

from sirenbench.lazy import torch
from sirenbench.metrics.base import Assets, Metric, Score
from sirenbench.metrics.ids import MetricId
from sirenbench.options import Integer

FACTOR = Integer(
    "factor", 4, "What counts as detail: whatever an image of so many times fewer pixels a side lacks.", low=2, high=64
)

# Half a level of 8 bits.
_STEP = 0.002
_FFT = "https://docs.scipy.org/doc/scipy/reference/generated/scipy.fft.fft2.html"
_NUMPY = "https://numpy.org/doc/stable/reference/generated/numpy.{}.html"


def _detail(target: torch.Tensor, which: MetricId, assets: Assets) -> Score:
    height, width = (_is_beyond(side, int(which.get(FACTOR))).to(target.device) for side in target.shape[-2:])
    is_beyond = height[:, None] | width
    there = (_power(target[None]) * is_beyond).sum(dim=(1, 2))
    return lambda planes: (_power(planes) * is_beyond).sum(dim=(1, 2)) / there


def _is_beyond(side: int, factor: int) -> torch.Tensor:
    """Which frequencies along a side an image of so many times fewer pixels cannot have; by whole cycles."""
    cycles = torch.arange(side)
    return 2 * factor * torch.minimum(cycles, side - cycles) > side


def _power(planes: torch.Tensor) -> torch.Tensor:
    """(R, C, H, W) -> (R, H, W): of the grey image, by a window that hides the step from one border to the other."""
    grey = planes.mean(dim=1)
    height, width = (_window(side, grey) for side in grey.shape[-2:])
    smooth = (grey - grey.mean(dim=(1, 2), keepdim=True)) * height[:, None] * width
    return torch.fft.fft2(smooth).abs().square()


def _window(side: int, like: torch.Tensor) -> torch.Tensor:
    return torch.hann_window(side, periodic=False, dtype=like.dtype, device=like.device)


def _variation(planes: torch.Tensor) -> torch.Tensor:
    """(R, C, H, W) -> (R,), as the next two."""
    grey = planes.mean(dim=1)
    return (grey.diff(dim=1).abs().mean(dim=(1, 2)) + grey.diff(dim=2).abs().mean(dim=(1, 2))) / 2


def _brightness(planes: torch.Tensor) -> torch.Tensor:
    return planes.mean(dim=(1, 2, 3))


def _contrast(planes: torch.Tensor) -> torch.Tensor:
    return planes.mean(dim=1).std(dim=(1, 2), correction=0)


def _roughness(target: torch.Tensor, which: MetricId, assets: Assets) -> Score:
    return _variation


def _sharpness_error(target: torch.Tensor, which: MetricId, assets: Assets) -> Score:
    wanted = _variation(target[None])
    return lambda planes: (_variation(planes) - wanted).abs() / wanted


def _error_of(measure: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[torch.Tensor, MetricId, Assets], Score]:
    def against(target: torch.Tensor, which: MetricId, assets: Assets) -> Score:
        wanted = measure(target[None])
        return lambda planes: (measure(planes) - wanted).abs()

    return against


COMPONENTS = (
    Metric(
        name="detail",
        title="Detail",
        unit="",
        better="neither",
        low=0.0,
        high=math.inf,
        formula="energy beyond 0.5 / factor cycles a pixel, by a Hann window, over the true image's beyond it",
        link=_FFT,
        doc="How much of the true image's detail there is, be it the same or not: 1 for as much, 0 for none. Detail is "
        "what the image lacks if it is made so many times smaller; undefined for a true image without any.",
        against=_detail,
        switches=(FACTOR,),
    ),
    Metric(
        name="roughness",
        title="Roughness",
        unit="",
        better="neither",
        low=0.0,
        high=1.0,
        formula="mean of |difference| over neighbouring pixels, by row and by column",
        link=_NUMPY.format("diff"),
        doc="Total variation a pixel, of the grey image: what noise adds to.",
        against=_roughness,
        alike=_STEP,
    ),
    Metric(
        name="sharpness_error",
        title="Sharpness error",
        unit="",
        better="lower",
        low=0.0,
        high=math.inf,
        formula="|roughness - true roughness| / true roughness",
        link=_NUMPY.format("diff"),
        doc="How far the roughness is from the true image's, as a share of it; undefined if that has but one value.",
        against=_sharpness_error,
    ),
    Metric(
        name="luminance_error",
        title="Luminance error",
        unit="",
        better="lower",
        low=0.0,
        high=1.0,
        formula="|mean - true mean|",
        link=_NUMPY.format("mean"),
        doc="How far the mean of all pixels is from the true image's.",
        against=_error_of(_brightness),
        alike=_STEP,
    ),
    Metric(
        name="contrast_error",
        title="Contrast error",
        unit="",
        better="lower",
        low=0.0,
        high=1.0,
        formula="|std - true std|",
        link=_NUMPY.format("std"),
        doc="How far the standard deviation of the grey image is from the true image's.",
        against=_error_of(_contrast),
        alike=_STEP,
    ),
)
