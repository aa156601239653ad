"""What a metric is, and how an image is scored by several of them at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sirenbench.errors import UserError
from sirenbench.lazy import torch
from sirenbench.metrics.alignment import alignment
from sirenbench.metrics.ids import MetricId, parse_metric
from sirenbench.options import Choice, Integer, Option

Score = Callable[["torch.Tensor"], "torch.Tensor"]
Assets = Mapping[str, Path]

CHANNEL = Choice(
    "channel",
    "own",
    "What is compared: the image's own channels, or y, the BT.601 luma that super-resolution papers use: "
    "Y = (16 + 65.481 R + 128.553 G + 24.966 B) / 255 with R, G, B in [0, 1], not rounded (skimage.color.rgb2ycbcr). "
    "Y spans 16/255 to 235/255 and the data range stays 1. A grey image is compared as it is.",
    choices=("own", "y"),
)
BORDER = Integer("border", 0, "Pixels left out on every side of both images.", low=0, high=1024)
ALIGN = Choice(
    "align",
    "none",
    "What is made up for before an image is compared, by least squares, each channel for itself: 'affine' its "
    "amplitude and offset, which gradients do not determine; 'harmonic' its amplitude and the harmonic polynomials up "
    "to the fourth degree, which Laplacians do not see.",
    choices=("none", "affine", "harmonic"),
)


@dataclass(frozen=True)
class Metric:
    """A way to compare an image with the true one. All but ``against`` is data, to be read without torch.

    Attributes
    ----------
    name
        As written in metric ids.
    unit
        Empty for a plain number.
    better
        Which way; ``neither`` for what is as it should be at some value between.
    low, high
        The range of its values.
    formula
        In plain text.
    link
        Where it is defined.
    against
        ``against(target, id, assets)`` takes the true image, (C, H, W) float64 in [0, 1], and gives the function
        that scores R images, (R, C, H, W), as (R,) float64. Raises UserError where the image cannot be scored. None
        for what is measured of the network itself and not of its image.
    switches
        What can be chosen after ``@``, in the canonical order.
    assets
        Names of the assets it needs.
    alike
        How far apart scores may be, in its unit, and still be told as alike; they are shown with four digits then. If
        None, as for PSNR what is in dB, as for SSIM all else.
    """

    name: str
    title: str
    unit: str
    better: Literal["higher", "lower", "neither"]
    low: float
    high: float
    formula: str
    link: str
    doc: str
    against: Callable[[torch.Tensor, MetricId, Assets], Score] | None = None
    switches: tuple[Option, ...] = ()
    assets: tuple[str, ...] = ()
    alike: float | None = None


class Scorer:
    """Scores images against one true image, on its device and without ever waiting for that device.

    Parameters
    ----------
    image
        The true image, (H, W, C) float in [0, 1], C = 1 or 3.
    metrics
        Metric ids, e.g. ``("psnr", "ssim@window=gaussian")``.
    assets
        Where the assets are that the metrics name.

    Raises
    ------
    UserError
        If an id is not known, an asset is not given, or the image is too small for a metric.
    """

    def __init__(self, image: torch.Tensor, metrics: Sequence[str], assets: Assets | None = None) -> None:
        target = _planes(image[None].double())
        ids = {text: parse_metric(text) for text in metrics}
        self._scores = {text: _score(target, which, assets or {}) for text, which in ids.items()}
        self._alignments = {text: str(which.get(ALIGN)) for text, which in ids.items()}
        self._align = {word: alignment(word, target) for word in self._alignments.values()}

    def __call__(self, prediction: torch.Tensor) -> dict[str, torch.Tensor]:
        """Score R images.

        Parameters
        ----------
        prediction
            (R, H, W, C) in the network's range [-1, 1]; mapped to [0, 1], aligned if asked for, and clipped there.

        Returns
        -------
        dict
            Metric id -> (R,) float64 on the device. A replicate with an undefined pixel scores NaN and leaves
            the others alone.
        """
        planes = _planes(prediction.double().add(1).div_(2))
        aligned = {word: align(planes).clamp(0, 1) for word, align in self._align.items()}
        return {text: score(aligned[self._alignments[text]]) for text, score in self._scores.items()}


def _planes(images: torch.Tensor) -> torch.Tensor:
    """(R, H, W, C) as (R, C, H, W), contiguous."""
    return images.movedim(-1, 1).contiguous()


def _score(target: torch.Tensor, which: MetricId, assets: Assets) -> Score:
    metric = which.metric
    missing = [name for name in metric.assets if name not in assets]
    if missing:
        raise UserError(
            f"{which.text} needs the asset {missing[0]}; name it in the block 'assets' of the configuration"
        )
    shown = _view(target, which)
    if not shown.numel():
        raise UserError(f"{which.text} leaves nothing of an image of {target.shape[-2]} x {target.shape[-1]} pixels")
    if metric.against is None:
        raise UserError(f"{which.text} is measured of the network, once it is trained; no image can be scored by it")
    score = metric.against(shown[0], which, assets)
    return lambda planes: score(_view(planes, which))


def _view(planes: torch.Tensor, which: MetricId) -> torch.Tensor:
    """What the switches channel and border leave of (R, C, H, W)."""
    border = int(which.get(BORDER))
    height, width = planes.shape[-2:]
    shown = planes[..., border : max(border, height - border), border : max(border, width - border)]
    if which.get(CHANNEL) == "own" or shown.shape[1] == 1:
        return shown
    red, green, blue = shown.unbind(1)
    return ((16 + 65.481 * red + 128.553 * green + 24.966 * blue) / 255).unsqueeze(1)
