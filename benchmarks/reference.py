"""The step that people write today, to measure the engine against: eager layers, nested autograd, a plain Adam.

In the manner of the published SIREN code (github.com/vsitzmann/siren), written afresh; nothing of the product uses it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch


class Sine(torch.nn.Module):
    """sin(30 x)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sin(30 * x)


class ReferenceStep:
    """One network and its training step.

    Parameters
    ----------
    layers
        (weight (out, in), bias (out,)) of each linear map, to start from.
    coordinates
        (N, 2).
    field, targets
        ``value`` with (N, C), ``gradient`` with (N, C, 2), or ``laplacian`` with (N, C).
    """

    def __init__(
        self,
        layers: Sequence[tuple[torch.Tensor, torch.Tensor]],
        coordinates: torch.Tensor,
        field: str,
        targets: torch.Tensor,
    ) -> None:
        modules: list[torch.nn.Module] = []
        for weight, bias in layers:
            linear = torch.nn.Linear(weight.shape[1], weight.shape[0], device=weight.device)
            linear.weight.data.copy_(weight)
            linear.bias.data.copy_(bias)
            modules += [linear, Sine()]
        self.network = torch.nn.Sequential(*modules[:-1])
        self._adam = torch.optim.Adam(self.network.parameters(), lr=1e-4)
        self._coordinates = coordinates
        self._field = field
        self._targets = targets

    def __call__(self) -> float:
        """Train one step; returns the loss, as training loops do to print it."""
        at = self._coordinates.clone().requires_grad_()
        loss = (self._fields(self.network(at), at) - self._targets).square()
        loss = (loss.sum(dim=-1) if self._field == "gradient" else loss).mean()
        self._adam.zero_grad()
        loss.backward()
        self._adam.step()
        return loss.item()

    def _fields(self, value: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
        if self._field == "value":
            return value
        gradients = [_slopes(channel, at) for channel in value.unbind(1)]
        if self._field == "gradient":
            return torch.stack(gradients, dim=1)
        return torch.stack([_slopes(g[:, 0], at)[:, 0] + _slopes(g[:, 1], at)[:, 1] for g in gradients], dim=1)


def _slopes(values: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
    return torch.autograd.grad(values, at, torch.ones_like(values), create_graph=True)[0]
