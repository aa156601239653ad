"""Coordinate networks of linear maps and activations, with hand-derived derivatives.

Layer l computes z = s (W x + b), x' = f(z), where s is the activation's scale. The scale is folded into the weights
once per call (W' = s W, b' = s b), and multiplied back into their gradient at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch

from sirenbench.cost import step_flop
from sirenbench.engine.batched import BatchedNetwork
from sirenbench.engine.passes.adjoint import AdjointPass
from sirenbench.engine.passes.base import LayeredPass, Linear, Tf32Linear
from sirenbench.engine.passes.jets import JetPass
from sirenbench.engine.passes.value import ValuePass
from sirenbench.engine.plan import Plan
from sirenbench.networks.base import Activation, Layer
from sirenbench.tasks.base import Field


class BatchedMlp(BatchedNetwork):
    """R networks of one shape.

    Parameters
    ----------
    layers, activations
        The linear maps, and the non-linearity after each but the last.
    parameters
        (R, P or more), the rows laid out as weight then bias of each layer; used in place.
    precision
        Of the products of hidden layers on a GPU: ``fp32`` or ``tf32``. Coordinates, sines and the last layer need all
        their bits.
    plan, chunk_rows
        As of :class:`~sirenbench.engine.batched.BatchedNetwork`.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        activations: Sequence[Activation],
        parameters: torch.Tensor,
        chunk_rows: int | None = None,
        *,
        precision: str = "fp32",
        plan: Plan | None = None,
    ) -> None:
        super().__init__(parameters, _scales(layers, activations, like=parameters), plan, chunk_rows)
        self.layers = tuple(layers)
        self.activations = tuple(activations)
        self._hidden_map = Tf32Linear if precision == "tf32" and parameters.is_cuda else Linear

    def named(self, flat: torch.Tensor) -> dict[str, torch.Tensor]:
        """``layers.<i>.weight`` (R, out, in) and ``layers.<i>.bias`` (R, out)."""
        tensors = {}
        for index, (weight, bias) in enumerate(layer_views(self.layers, flat)):
            tensors[f"layers.{index}.weight"] = weight
            tensors[f"layers.{index}.bias"] = bias
        return tensors

    def flop_per_step(self, field: Field, pixels: int) -> float:
        return step_flop(self.layers, field, pixels) * self.replicates

    def _new_pass(self, field: Field) -> LayeredPass:
        kinds: dict[Field, Callable[..., LayeredPass]] = {
            "value": ValuePass,
            # Backwards is once per output: from two outputs on, forward propagation is cheaper.
            "gradient": AdjointPass if self.layers[-1].fan_out == 1 else partial(JetPass, parts=3),
            "laplacian": partial(JetPass, parts=4),
        }
        rows, like = self._rows(field), self.parameters
        return kinds[field](self.layers, self.activations, group=self._group, rows=rows, like=like)

    def _new_maps(self, scaled: torch.Tensor, sums: torch.Tensor) -> list[Linear]:
        kinds = [self._hidden_map if layer.role == "hidden" else Linear for layer in self.layers]
        maps, slots = layer_views(self.layers, scaled), layer_views(self.layers, sums)
        return [
            kind(weight, bias.unsqueeze(1), *slot)
            for kind, (weight, bias), slot in zip(kinds, maps, slots, strict=True)
        ]

    def _widths(self) -> list[int]:
        return [layer.fan_out for layer in self.layers]


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


def _scales(layers: Sequence[Layer], activations: Sequence[Activation], like: torch.Tensor) -> torch.Tensor:
    """The factor in front of every parameter, a row of ``like`` (R, P or more)."""
    row = torch.ones_like(like[:1])
    for (weight, bias), activation in zip(layer_views(layers, row), activations, strict=False):
        weight.fill_(activation.scale)
        bias.fill_(activation.scale)
    return row
