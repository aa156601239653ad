"""Facts of super-resolution and of the loss that uses VGG (paper, section 2.3; protocol.md, losses)."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from sirenbench.claims.facts.base import Fact, one
from sirenbench.images.pictures import resize
from sirenbench.lazy import torch


def super_resolution_is_ill_posed() -> Fact:
    """Two images less than 25 dB alike have small images that differ by less than 0.001 of the range."""
    rows, columns = np.mgrid[0:128, 0:128]
    smooth = 128 + 60 * np.sin(rows / 19) * np.cos(columns / 23)
    pictures = [(smooth + amplitude * (-1.0) ** (rows + columns)).round().astype(np.uint8) for amplitude in (0, 20)]
    small = [resize(Image.fromarray(picture), 32, "pil-bilinear").astype(float) for picture in pictures]
    difference = float(np.abs(small[0] - small[1]).mean() / 255)
    psnr = -10 * math.log10(float(np.mean((pictures[0] / 255 - pictures[1] / 255) ** 2)))
    return Fact(
        difference < 1e-3 and psnr < 25, f"{psnr:.1f} dB apart, small images by {difference:.1e}", one(psnr, "dB")
    )


def freezing_modules_freezes_nothing() -> Fact:
    """Setting requires_grad of modules instead of parameters, as the authors' code does, leaves all to be trained."""
    block = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.ReLU(), torch.nn.Conv2d(2, 1, 3))
    for module in block:
        module.requires_grad = False  # type: ignore[assignment]
    trained = [parameter.requires_grad for parameter in block.parameters()]
    return Fact(all(trained), f"{sum(trained)} of {len(trained)} parameters are still trained")


FACTS = (
    super_resolution_is_ill_posed,
    freezing_modules_freezes_nothing,
)
