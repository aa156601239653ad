"""What a pass over a chunk is given and gives back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from sirenbench.engine.inputs import Inputs
from sirenbench.networks.base import Activation, Layer


@dataclass(frozen=True)
class Linear:
    """One linear map of a group of G replicates, the activation's scale multiplied in.

    Attributes
    ----------
    weight, bias
        (G, out, in) and (G, 1, out).
    weight_gradient, bias_gradient
        (G, out, in) and (G, out): where a backward pass adds what a chunk contributes.
    """

    weight: torch.Tensor
    bias: torch.Tensor
    weight_gradient: torch.Tensor
    bias_gradient: torch.Tensor

    def apply(self, x: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
        """(G, n, in) to (G, n, out)."""
        return torch.baddbmm(self.bias, x, self.weight.transpose(1, 2), out=out)

    def forward(self, x: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
        """The same without the bias."""
        return torch.bmm(x, self.weight.transpose(1, 2), out=out)

    def backward(self, delta: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
        """(G, n, out) to (G, n, in): the derivative by the input of what has the derivative ``delta``."""
        return torch.bmm(delta, self.weight, out=out)

    def collect(self, delta: torch.Tensor, x: torch.Tensor) -> None:
        """Add the product of a derivative (G, n, out) by the outputs with the inputs (G, n, in)."""
        self.weight_gradient.baddbmm_(delta.transpose(1, 2), x)


class Pass(ABC):
    """Forward and backward over chunks of at most ``rows`` pixels, with buffers that are kept.

    Parameters
    ----------
    layers, activations
        The linear maps, and the non-linearity after each but the last.
    group
        Replicates worked on at once.
    like
        A tensor of the wanted kind and place.
    """

    def __init__(
        self, layers: Sequence[Layer], activations: Sequence[Activation], *, group: int, rows: int, like: torch.Tensor
    ) -> None:
        self.activations = tuple(activations)
        self.group = group
        self.rows = rows
        self.widths = [layer.fan_out for layer in layers[:-1]]
        self.outputs = layers[-1].fan_out
        self.like = like
        self.allocate()

    @abstractmethod
    def allocate(self) -> None:
        """Make the buffers."""

    @abstractmethod
    def forward(self, linears: Sequence[Linear], inputs: Inputs, learn: bool) -> tuple[torch.Tensor, torch.Tensor]:
        """The network's value (G, n, C) and its field (for gradients (G, n, C, 2)); with ``learn``, keep all for later.

        Both lie in buffers that the next call writes to.
        """

    @abstractmethod
    def backward(self, linears: Sequence[Linear], inputs: Inputs, cotangent: torch.Tensor) -> None:
        """Add to the gradients what the chunk of the last forward call contributes.

        ``cotangent`` is the derivative of the loss by the field, of the field's shape.
        """

    def buffers(self, *shape: int) -> list[torch.Tensor]:
        """One buffer (G, *shape, width) for every activation."""
        return [self.like.new_empty(self.group, *shape, width) for width in self.widths]
