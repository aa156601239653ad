"""What training minimises at every pixel, and its derivative by the network's outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch

from sirenbench.tasks.base import Field, Form


class Criterion(Protocol):
    """Gives the derivative of each replicate's loss by a field of its network."""

    @property
    def field(self) -> Field:
        """Of what of the network it is."""

    def cotangent(self, group: slice, rows: slice, field: torch.Tensor) -> torch.Tensor:
        """``field`` (G, n, C) or (G, n, C, 2) of some replicates at some pixels -> the derivative, of its shape."""


@dataclass(frozen=True)
class Pointwise:
    """The mean over pixels and channels of the residual's squared length, or of its length.

    Attributes
    ----------
    targets
        (N, C), or (N, C, 2) for gradients.
    """

    field: Field
    form: Form
    targets: torch.Tensor

    def loss(self, field: torch.Tensor) -> torch.Tensor:
        """(R, N, C[, 2]) to (R,) (paper, equations 1, 10, 11)."""
        squared = self._squared_lengths(field - self.targets)
        return (squared if self.form == "squared" else squared.sqrt()).mean(dim=(1, 2))

    def cotangent(self, group: slice, rows: slice, field: torch.Tensor) -> torch.Tensor:
        targets = self.targets[rows]
        residual = torch.sub(field, targets)
        pixels_and_channels = self.targets.shape[0] * self.targets.shape[1]
        if self.form == "squared":
            return residual.mul_(2.0 / pixels_and_channels)
        lengths = self._squared_lengths(residual).sqrt_()
        # A residual of no length has no direction: its smallest subgradient is 0.
        scale = torch.where(lengths > 0, 1 / lengths, 0.0).div_(pixels_and_channels)
        return residual.mul_(scale.unsqueeze(-1) if residual.ndim > scale.ndim else scale)

    def _squared_lengths(self, residual: torch.Tensor) -> torch.Tensor:
        squared = residual.square()
        return squared.sum(dim=-1) if self.field == "gradient" else squared


@dataclass(frozen=True)
class Given:
    """A derivative (R, N, C) by the network's values that was found elsewhere, by a loss of the whole image."""

    derivative: torch.Tensor
    field: Field = "value"

    def cotangent(self, group: slice, rows: slice, field: torch.Tensor) -> torch.Tensor:
        return self.derivative[group, rows]
