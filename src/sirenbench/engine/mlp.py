"""All replicates of a coordinate network in one buffer, with hand-derived derivatives.

Layer l computes z = s (W x + b), x' = f(z), where s is the activation's scale. The scale is folded into the weights
once per call (W' = s W, b' = s b), and multiplied back into their gradient at the end. The full-batch gradient is
accumulated over chunks of coordinates small enough to stay in the cache; the sum is the same for every chunk size
up to rounding, and always taken in the same order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from sirenbench.networks.base import Activation, Layer

# Rows per chunk: on a CPU 1,024 x 256 floats are 1 MiB a buffer; a GPU wants long products instead.
_CHUNK_ROWS = {"cpu": 1024, "cuda": 65_536}


@dataclass(frozen=True)
class _Folded:
    """Weights (G, out, in) and biases (G, 1, out) of a group of replicates, with the scale multiplied in."""

    weight: torch.Tensor
    bias: torch.Tensor


class BatchedMlp:
    """R networks of one shape, each with its own parameters.

    Parameters
    ----------
    layers, activations
        The linear maps, and the non-linearity after each but the last.
    parameters
        (R, P or more), the rows laid out as weight then bias of each layer; used in place.

    Attributes
    ----------
    gradient
        Like ``parameters``, of the mean squared error in the last call of :meth:`step`.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        activations: Sequence[Activation],
        parameters: torch.Tensor,
        chunk_rows: int | None = None,
    ) -> None:
        self.layers = tuple(layers)
        self.parameters = parameters
        self.gradient = torch.zeros_like(parameters)
        self.replicates = parameters.shape[0]
        self._activations = tuple(activations)
        self._scales = (*[activation.scale for activation in activations], 1.0)
        # One replicate at a time keeps a CPU's cache warm; a GPU is fed all of them in one product.
        self._group = 1 if parameters.device.type == "cpu" else self.replicates
        self._rows = chunk_rows or max(1, _CHUNK_ROWS[parameters.device.type] // self._group)
        hidden = [(self._group, self._rows, layer.fan_out) for layer in self.layers[:-1]]
        self._values = [parameters.new_empty(shape) for shape in hidden]
        self._slopes = [parameters.new_empty(shape) for shape in hidden]
        self._scratch = [parameters.new_empty(shape) for shape in hidden]

    def predict(self, inputs: torch.Tensor, out: torch.Tensor) -> None:
        """Inputs (N, F) to outputs ``out`` (R, N, C)."""
        for group in self._groups():
            folded = self._fold(group)
            for rows in self._chunks(inputs.shape[0]):
                self._forward(folded, inputs[rows], out[group, rows], keep=False)

    def step(self, inputs: torch.Tensor, targets: torch.Tensor, out: torch.Tensor) -> None:
        """Write the outputs for ``inputs`` (N, F) to ``out`` (R, N, C), and the gradient of their error.

        The error of a replicate is the mean over the N C values of the squared difference to ``targets`` (N, C).
        """
        self.gradient.zero_()
        factor = 2.0 / targets.numel()
        for group in self._groups():
            folded = self._fold(group)
            slots = self._views(self.gradient[group])
            for rows in self._chunks(inputs.shape[0]):
                self._forward(folded, inputs[rows], out[group, rows], keep=True)
                delta = torch.sub(out[group, rows], targets[rows]).mul_(factor)
                self._backward(folded, slots, inputs[rows], delta)
            for (weight, bias), scale in zip(slots, self._scales, strict=True):
                if scale != 1.0:
                    weight.mul_(scale)
                    bias.mul_(scale)

    def _forward(self, folded: list[_Folded], inputs: torch.Tensor, out: torch.Tensor, keep: bool) -> None:
        count = inputs.shape[0]
        x = inputs.expand(self._group, -1, -1)
        for index, activation in enumerate(self._activations):
            z = self._scratch[index][:, :count]
            torch.baddbmm(folded[index].bias, x, folded[index].weight.transpose(1, 2), out=z)
            x = self._values[index][:, :count]
            activation.apply(z, x, self._slopes[index][:, :count] if keep else None)
        torch.baddbmm(folded[-1].bias, x, folded[-1].weight.transpose(1, 2), out=out)

    def _backward(
        self,
        folded: list[_Folded],
        slots: list[tuple[torch.Tensor, torch.Tensor]],
        inputs: torch.Tensor,
        delta: torch.Tensor,
    ) -> None:
        """Add to ``slots`` what a chunk contributes; ``delta`` (G, n, C) is the error's derivative at its outputs."""
        count = inputs.shape[0]
        for index in range(len(self.layers) - 1, -1, -1):
            below = self._values[index - 1][:, :count] if index else inputs.expand(self._group, -1, -1)
            weight, bias = slots[index]
            weight.baddbmm_(delta.transpose(1, 2), below)
            bias.add_(delta.sum(dim=1))
            if index:
                carried = self._scratch[index - 1][:, :count]
                torch.bmm(delta, folded[index].weight, out=carried)
                delta = carried.mul_(self._slopes[index - 1][:, :count])

    def _fold(self, group: slice) -> list[_Folded]:
        views = self._views(self.parameters[group])
        return [
            _Folded(weight * scale, (bias * scale).unsqueeze(1))
            for (weight, bias), scale in zip(views, self._scales, strict=True)
        ]

    def _views(self, flat: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
        return layer_views(self.layers, flat)

    def _groups(self) -> list[slice]:
        return [slice(start, start + self._group) for start in range(0, self.replicates, self._group)]

    def _chunks(self, count: int) -> list[slice]:
        return [slice(start, min(start + self._rows, count)) for start in range(0, count, self._rows)]


def layer_views(layers: Sequence[Layer], flat: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Weight (R, out, in) and bias (R, out) of each layer, as views of ``flat`` (R, P or more)."""
    views, start = [], 0
    for layer in layers:
        middle = start + layer.fan_in * layer.fan_out
        end = middle + layer.fan_out
        weight = flat[:, start:middle].unflatten(1, (layer.fan_out, layer.fan_in))
        views.append((weight, flat[:, middle:end]))
        start = end
    return views


def aligned(parameters: torch.Tensor) -> torch.Tensor:
    """(R, P) with zeros added so that every row starts on a 64-byte boundary.

    Vectorised arithmetic rounds an element by where it lies; so aligned, a replicate has the same bits in any company.
    """
    lane = 64 // parameters.element_size()
    return torch.nn.functional.pad(parameters, (0, -parameters.shape[1] % lane))
