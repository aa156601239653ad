"""The gradient of a network with one output by its coordinates, backwards through the network; and its own backward.

With z_l = W_l x_l + b_l, x_{l+1} = f(z_l) and the output w x_L, the reverse sweep is v_{L-1} = w, u_l = v_l f'(z_l),
v_{l-1} = u_l W_l, and u_0 W_0 the derivative by the inputs. That is 12 operations per parameter and pixel for a
training step, where forward propagation takes 18.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from sirenbench.engine.inputs import Inputs
from sirenbench.engine.passes.base import Linear, Pass


class AdjointPass(Pass):
    """The field is the gradient, (G, n, 1, 2)."""

    def allocate(self) -> None:
        self._values = self.buffers(self.rows)
        self._slopes = self.buffers(self.rows)
        self._bends = self.buffers(self.rows)
        self._u = self.buffers(self.rows)
        self._v = self.buffers(self.rows)
        self._scratch = self.buffers(self.rows)
        self._out = self.like.new_empty(self.group, self.rows, 1)

    def forward(self, linears: Sequence[Linear], inputs: Inputs, learn: bool) -> tuple[torch.Tensor, torch.Tensor]:
        count = len(inputs)
        x = inputs.values.expand(self.group, -1, -1)
        for index, activation in enumerate(self.activations):
            z = linears[index].apply(x, out=self._scratch[index][:, :count])
            x, slope, bend = (b[index][:, :count] for b in (self._values, self._slopes, self._bends))
            activation.apply(z, x, slope, *([bend] if learn else []))
        value = linears[-1].apply(x, out=self._out[:, :count])
        by_inputs = self._sweep(linears, count)
        return value, _by_coordinates(by_inputs, inputs).unsqueeze(2)

    def backward(self, linears: Sequence[Linear], inputs: Inputs, cotangent: torch.Tensor) -> None:
        count, last = len(inputs), len(self.activations) - 1
        along = _along_inputs(cotangent[:, :, 0], inputs)
        linears[0].collect(self._u[0][:, :count], along)
        p = linears[0].forward(along, out=self._scratch[0][:, :count])
        # From here v_l makes room for h_l, the derivative that z_l gets through the slopes of the reverse sweep.
        for index in range(last + 1):
            slope, bend, v = (b[index][:, :count] for b in (self._slopes, self._bends, self._v))
            v.mul_(bend).mul_(p)
            q = p.mul_(slope)
            if index < last:
                linears[index + 1].collect(self._u[index + 1][:, :count], q)
                p = linears[index + 1].forward(q, out=self._scratch[index + 1][:, :count])
        linears[-1].weight_gradient.add_(q.sum(dim=1, keepdim=True))
        self._chain(linears, inputs)

    def _sweep(self, linears: Sequence[Linear], count: int) -> torch.Tensor:
        v = linears[-1].weight.expand(-1, count, -1)
        for index in range(len(self.activations) - 1, -1, -1):
            kept, u = self._v[index][:, :count], self._u[index][:, :count]
            if index == len(self.activations) - 1:
                kept.copy_(v)
            torch.mul(kept, self._slopes[index][:, :count], out=u)
            if index:
                linears[index].backward(u, out=self._v[index - 1][:, :count])
        return torch.bmm(u, linears[0].weight)

    def _chain(self, linears: Sequence[Linear], inputs: Inputs) -> None:
        """The ordinary backward propagation of what the slopes contribute."""
        count = len(inputs)
        delta = self._v[-1][:, :count]
        for index in range(len(self.activations) - 1, -1, -1):
            below = self._values[index - 1][:, :count] if index else inputs.values.expand(self.group, -1, -1)
            linears[index].collect(delta, below)
            linears[index].bias_gradient.add_(delta.sum(dim=1))
            if index:
                carried = linears[index].backward(delta, out=self._scratch[index - 1][:, :count])
                delta = self._v[index - 1][:, :count].addcmul_(carried, self._slopes[index - 1][:, :count])


def _by_coordinates(by_inputs: torch.Tensor, inputs: Inputs) -> torch.Tensor:
    """Derivatives (G, n, F) by the inputs to those (G, n, 2) by the coordinates."""
    assert inputs.slopes is not None
    return torch.einsum("gnf,dnf->gnd", by_inputs, inputs.slopes)


def _along_inputs(cotangent: torch.Tensor, inputs: Inputs) -> torch.Tensor:
    """The transpose: (G, n, 2) to (G, n, F)."""
    assert inputs.slopes is not None
    return torch.einsum("gnd,dnf->gnf", cotangent, inputs.slopes)
