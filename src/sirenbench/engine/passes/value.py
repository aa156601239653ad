"""The ordinary pass: a network's value, and the backward propagation of a derivative by it."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from sirenbench.engine.inputs import Inputs
from sirenbench.engine.passes.base import Linear, Pass


class ValuePass(Pass):
    """x' = f(z), z = W x + b; backward dz = f'(z) (W'^T dz')."""

    def allocate(self) -> None:
        self._values = self.buffers(self.rows)
        self._slopes = self.buffers(self.rows)
        self._scratch = self.buffers(self.rows)
        self._out = self.like.new_empty(self.group, self.rows, self.outputs)

    def forward(self, linears: Sequence[Linear], inputs: Inputs, learn: bool) -> tuple[torch.Tensor, torch.Tensor]:
        count = len(inputs)
        x = inputs.values.expand(self.group, -1, -1)
        for index, activation in enumerate(self.activations):
            z = linears[index].apply(x, out=self._scratch[index][:, :count])
            x = self._values[index][:, :count]
            activation.apply(z, x, *([self._slopes[index][:, :count]] if learn else []))
        out = linears[-1].apply(x, out=self._out[:, :count])
        return out, out

    def backward(self, linears: Sequence[Linear], inputs: Inputs, cotangent: torch.Tensor) -> None:
        count, delta = len(inputs), cotangent
        for index in range(len(linears) - 1, -1, -1):
            below = self._values[index - 1][:, :count] if index else inputs.values.expand(self.group, -1, -1)
            linears[index].collect(delta, below)
            linears[index].bias_gradient.add_(delta.sum(dim=1))
            if index:
                carried = linears[index].backward(delta, out=self._scratch[index - 1][:, :count])
                delta = carried.mul_(self._slopes[index - 1][:, :count])
