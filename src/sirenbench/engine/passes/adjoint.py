"""The gradient of a network with one output by its coordinates, backwards through the network; and its own backward.

With z_l = W_l x_l + b_l, x_{l+1} = f(z_l) and the output w x_L, the reverse sweep is v_{L-1} = w, u_l = v_l f'(z_l),
v_{l-1} = u_l W_l, and u_0 W_0 the derivative by the inputs. That is 12 operations per parameter and pixel for a
training step, where forward propagation takes 18.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

from sirenbench.engine.inputs import Inputs
from sirenbench.engine.passes.base import LayeredPass, Linear


class _Hidden(NamedTuple):
    """What is kept at an activation, (G, n, width) each: f(z), f'(z), f''(z), u, and room for v and for a product."""

    value: torch.Tensor
    slope: torch.Tensor
    bend: torch.Tensor
    u: torch.Tensor
    v: torch.Tensor
    room: torch.Tensor


class AdjointPass(LayeredPass[_Hidden]):
    """The field is the gradient, (G, n, 1, 2)."""

    def allocate(self) -> None:
        self._buffers = [_Hidden(*self.buffers(6, width)) for width in self.widths]
        self._v = [own.v for own in self._buffers]
        self._out = self.buffer(1)

    def views(self, count: int) -> list[_Hidden]:
        return [_Hidden(*(buffer[:, :count] for buffer in own)) for own in self._buffers]

    def forward(self, maps: Sequence[Linear], inputs: Inputs, learn: bool) -> tuple[torch.Tensor, torch.Tensor]:
        x = inputs.values.expand(self.group, -1, -1)
        for linear, activation, own in zip(maps, self.activations, self.hidden(len(inputs)), strict=False):
            z = linear.apply(x, own.room)
            activation.apply(z, own.value, own.slope, *([own.bend] if learn else []))
            x = own.value
        value = maps[-1].apply(x, self._out[:, : len(inputs)])
        return value, _by_coordinates(self._sweep(maps, len(inputs)), inputs).unsqueeze(2)

    def backward(self, maps: Sequence[Linear], inputs: Inputs, cotangent: torch.Tensor) -> None:
        q = _along_inputs(cotangent[:, :, 0], inputs)
        # From here v_l makes room for h_l, the derivative that z_l gets through the slopes of the reverse sweep.
        for linear, own, v in zip(maps, self.hidden(len(inputs)), self._v, strict=False):
            linear.collect(own.u, q)
            p = linear.forward(q, own.room)
            v.mul_(own.bend).mul_(p)
            q = p.mul_(own.slope)
        maps[-1].weight_gradient.add_(q.sum(dim=1, keepdim=True))
        self._chain(maps, inputs)

    def _sweep(self, linears: Sequence[Linear], count: int) -> torch.Tensor:
        hidden = self.hidden(count)
        v = hidden[-1].v.copy_(linears[-1].weight.expand(-1, count, -1))
        for index in range(len(hidden) - 1, -1, -1):
            own = hidden[index]
            self._v[index] = v
            torch.mul(v, own.slope, out=own.u)
            if index:
                v = linears[index].backward(own.u, hidden[index - 1].v)
        return torch.bmm(hidden[0].u, linears[0].weight)

    def _chain(self, linears: Sequence[Linear], inputs: Inputs) -> None:
        """The ordinary backward propagation of what the slopes contribute."""
        hidden = self.hidden(len(inputs))
        delta = self._v[-1]
        for index in range(len(hidden) - 1, -1, -1):
            below = hidden[index - 1].value if index else inputs.values.expand(self.group, -1, -1)
            linears[index].collect(delta, below)
            linears[index].bias_gradient.add_(delta.sum(dim=1))
            if index:
                carried = linears[index].backward(delta, hidden[index - 1].room)
                delta = self._v[index - 1].addcmul_(carried, hidden[index - 1].slope)


def _by_coordinates(by_inputs: torch.Tensor, inputs: Inputs) -> torch.Tensor:
    """Derivatives (G, n, F) by the inputs to those (G, n, 2) by the coordinates."""
    assert inputs.slopes is not None
    return torch.einsum("gnf,dnf->gnd", by_inputs, inputs.slopes)


def _along_inputs(cotangent: torch.Tensor, inputs: Inputs) -> torch.Tensor:
    """The transpose: (G, n, 2) to (G, n, F)."""
    assert inputs.slopes is not None
    return torch.einsum("gnd,dnf->gnf", cotangent, inputs.slopes)
