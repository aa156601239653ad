"""The generator of SRGAN, which before the adversarial training is SRResNet (Ledig et al. 2017)."""

from __future__ import annotations

import torch
from torch import nn

FEATURES = 64


class Generator(nn.Module):
    """(N, 3, H, W) in [0, 1] to (N, 3, 2^stages H, 2^stages W) in [0, 1], float32.

    Parameters
    ----------
    blocks
        Residual blocks.
    stages
        Doublings of the side.
    slopes
        Slopes of a PReLU: one for all features, or one for each.
    eps
        What batch normalisation adds to the variance.
    neck
        What follows the convolution behind the blocks.
    """

    def __init__(self, *, blocks: int, stages: int, slopes: int, eps: float, neck: nn.Module) -> None:
        super().__init__()
        self.head = nn.Sequential(nn.Conv2d(3, FEATURES, 9, padding=4), nn.PReLU(slopes))
        self.body = nn.Sequential(*(Residual(slopes, eps) for _ in range(blocks)))
        self.neck = nn.Sequential(nn.Conv2d(FEATURES, FEATURES, 3, padding=1), neck)
        self.up = nn.Sequential(*(Doubling(slopes) for _ in range(stages)))
        self.tail = nn.Conv2d(FEATURES, 3, 9, padding=4)
        self.eval().requires_grad_(False)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        first = self.head(image)
        return (torch.tanh(self.tail(self.up(first + self.neck(self.body(first))))) + 1) / 2


class Residual(nn.Module):
    """Two convolutions, added to their input."""

    def __init__(self, slopes: int, eps: float) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(FEATURES, FEATURES, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(FEATURES, eps=eps)
        self.prelu = nn.PReLU(slopes)
        self.conv2 = nn.Conv2d(FEATURES, FEATURES, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(FEATURES, eps=eps)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.bn2(self.conv2(self.prelu(self.bn1(self.conv1(x)))))


class Doubling(nn.Module):
    """Four times as many features, of which each four become 2 x 2 pixels."""

    def __init__(self, slopes: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(FEATURES, 4 * FEATURES, 3, padding=1)
        self.shuffle = nn.PixelShuffle(2)
        self.prelu = nn.PReLU(slopes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.prelu(self.shuffle(self.conv(x)))
