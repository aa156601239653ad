"""What a pass over a chunk is given and gives back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import torch

from sirenbench.engine.inputs import Inputs
from sirenbench.engine.precision import products
from sirenbench.networks.base import Activation, Layer

Maps = TypeVar("Maps")
Hidden = TypeVar("Hidden")


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

    def apply(self, x: torch.Tensor, room: torch.Tensor) -> torch.Tensor:
        """(G, n, in) to (G, n, out), in the room given for it."""
        return self.forward(x, room).add_(self.bias)

    def forward(self, x: torch.Tensor, room: torch.Tensor) -> torch.Tensor:
        """The same without the bias."""
        return product(x, self.weight.transpose(1, 2), room)

    def backward(self, delta: torch.Tensor, room: torch.Tensor) -> torch.Tensor:
        """(G, n, out) to (G, n, in): the derivative by the input of what has the derivative ``delta``."""
        return product(delta, self.weight, room)

    def collect(self, delta: torch.Tensor, x: torch.Tensor) -> None:
        """Add the product of a derivative (G, n, out) by the outputs with the inputs (G, n, in)."""
        if x.shape[2] < delta.shape[2]:
            # Matrix products are several times slower on a tall result than on its transpose.
            self.weight_gradient.add_(product(x.transpose(1, 2), delta).transpose(1, 2))
        else:
            self.weight_gradient.add_(product(delta.transpose(1, 2), x))


def product(a: torch.Tensor, b: torch.Tensor, room: torch.Tensor | None = None) -> torch.Tensor:
    """(G, n, k) by (G, k, m) to (G, n, m), in ``room`` or in memory of its own.

    On a CPU by NumPy: its OpenBLAS was faster than PyTorch's MKL and oneDNN at nearly all sizes (docs/benchmarks.md).
    It is a rule and no race, so that a cell has the same bits at every start.
    """
    if a.device.type != "cpu":
        return torch.bmm(a, b) if room is None else torch.bmm(a, b, out=room)
    out = a.new_empty(a.shape[0], a.shape[1], b.shape[2]) if room is None else room
    if a.shape[2] == 1:  # the way back from one output, which is no more than this
        return torch.mul(a, b, out=out)
    np.matmul(a.numpy(), b.numpy(), out=out.numpy())
    return out


class Tf32Linear(Linear):
    """One whose products a GPU takes in TF32: factors of 10 bits, sums of float32."""

    def apply(self, x: torch.Tensor, room: torch.Tensor) -> torch.Tensor:
        with products("tf32"):
            return super().apply(x, room)

    def forward(self, x: torch.Tensor, room: torch.Tensor) -> torch.Tensor:
        with products("tf32"):
            return super().forward(x, room)

    def backward(self, delta: torch.Tensor, room: torch.Tensor) -> torch.Tensor:
        with products("tf32"):
            return super().backward(delta, room)

    def collect(self, delta: torch.Tensor, x: torch.Tensor) -> None:
        with products("tf32"):
            super().collect(delta, x)


class Pass(ABC, Generic[Maps]):
    """Forward and backward over chunks of pixels; ``maps`` are the parameters of a group of G replicates."""

    @abstractmethod
    def forward(self, maps: Maps, inputs: Inputs, learn: bool) -> tuple[torch.Tensor, torch.Tensor]:
        """The network's value (G, n, C) and its field (for gradients (G, n, C, 2)); with ``learn``, keep all for later.

        Both may lie in buffers that the next call writes to.
        """

    @abstractmethod
    def backward(self, maps: Maps, inputs: Inputs, cotangent: torch.Tensor) -> None:
        """Add to the gradients what the chunk of the last forward call contributes.

        ``cotangent`` is the derivative of the loss by the field, of the field's shape.
        """

    def jets(self, maps: Maps, inputs: Inputs) -> torch.Tensor:
        """Value, both slopes and Laplacian, (G, 4, n, C); only the pass for Laplacians knows them."""
        raise NotImplementedError


class LayeredPass(Pass[Sequence[Linear]], Generic[Hidden]):
    """One through linear maps and activations, over at most ``rows`` pixels, with buffers that are kept.

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
        self._views: dict[int, list[Hidden]] = {}
        self.allocate()

    @abstractmethod
    def allocate(self) -> None:
        """Make the buffers."""

    @abstractmethod
    def views(self, count: int) -> list[Hidden]:
        """What is kept at each activation, of ``count`` pixels."""

    def hidden(self, count: int) -> list[Hidden]:
        """The same, made once for each count: on a CPU the views of a chunk cost as much as its small operations."""
        if count not in self._views:
            self._views[count] = self.views(count)
        return self._views[count]

    def buffer(self, width: int, parts: int = 1) -> torch.Tensor:
        """(G, parts rows, width)."""
        return self.like.new_empty(self.group, parts * self.rows, width)

    def buffers(self, count: int, width: int) -> list[torch.Tensor]:
        """Several of them."""
        return [self.buffer(width) for _ in range(count)]
