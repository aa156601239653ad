"""The ordinary pass: a network's value, and the backward propagation of a derivative by it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

from sirenbench.engine.inputs import Inputs
from sirenbench.engine.passes.base import LayeredPass, Linear


class _Hidden(NamedTuple):
    """What is kept at an activation, (G, n, width) each: f(z), f'(z), and room for a product."""

    value: torch.Tensor
    slope: torch.Tensor
    room: torch.Tensor


class ValuePass(LayeredPass[_Hidden]):
    """x' = f(z), z = W x + b; backward dz = f'(z) (W'^T dz')."""

    def allocate(self) -> None:
        self._buffers = [_Hidden(*self.buffers(3, width)) for width in self.widths]
        self._out = self.buffer(self.outputs)

    def views(self, count: int) -> list[_Hidden]:
        return [_Hidden(*(buffer[:, :count] for buffer in own)) for own in self._buffers]

    def forward(self, maps: Sequence[Linear], inputs: Inputs, learn: bool) -> tuple[torch.Tensor, torch.Tensor]:
        x = inputs.values.expand(self.group, -1, -1)
        for linear, activation, own in zip(maps, self.activations, self.hidden(len(inputs)), strict=False):
            z = linear.apply(x, own.room)
            activation.apply(z, own.value, *([own.slope] if learn else []))
            x = own.value
        out = maps[-1].apply(x, self._out[:, : len(inputs)])
        return out, out

    def backward(self, maps: Sequence[Linear], inputs: Inputs, cotangent: torch.Tensor) -> None:
        delta, hidden = cotangent, self.hidden(len(inputs))
        for index in range(len(maps) - 1, -1, -1):
            below = hidden[index - 1].value if index else inputs.values.expand(self.group, -1, -1)
            maps[index].collect(delta, below)
            maps[index].bias_gradient.add_(delta.sum(dim=1))
            if index:
                own = hidden[index - 1]
                delta = maps[index].backward(delta, own.room).mul_(own.slope)
