"""Derivatives of a network by its coordinates, forward through the network together with its value; and backward.

A jet is the stack (x, dx/drow, dx/dcolumn, Laplacian of x) at a pixel, of which a pass carries the first 3 or all 4.
A linear map acts on each part alike (the bias on the first alone), so that a layer is one product over 3 or 4 times
the rows. A non-linearity maps (z, p, q, l) to (f, f' p, f' q, f' l + f'' (p^2 + q^2)).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

from sirenbench.engine.inputs import Inputs
from sirenbench.engine.passes.base import LayeredPass, Linear
from sirenbench.kernels.jets import bend, unbend
from sirenbench.networks.base import Activation, Layer


class _Hidden(NamedTuple):
    """What is kept at an activation.

    Attributes
    ----------
    before, after, carried
        (G, parts n, width): room for the jets before it, the jets after it, room for their derivative.
    parts
        (G, parts, n, width), of ``after``.
    derivatives
        (G, n, width) each: f' and f''; with 4 parts f''' too, later times what it is multiplied with.
    """

    before: torch.Tensor
    after: torch.Tensor
    carried: torch.Tensor
    parts: torch.Tensor
    derivatives: list[torch.Tensor]


class JetPass(LayeredPass[_Hidden]):
    """The field is the gradient (G, n, C, 2) with 3 parts, the Laplacian (G, n, C) with 4."""

    def __init__(
        self,
        layers: Sequence[Layer],
        activations: Sequence[Activation],
        *,
        group: int,
        rows: int,
        like: torch.Tensor,
        parts: int = 4,
    ) -> None:
        self.parts = parts
        super().__init__(layers, activations, group=group, rows=rows, like=like)

    def allocate(self) -> None:
        widest = max(self.widths)
        self._before = [self.buffer(width, self.parts) for width in self.widths]
        self._after = [self.buffer(width, self.parts) for width in self.widths]
        self._derivatives = [self.buffers(self.parts - 1, width) for width in self.widths]
        # Layers take turns, since what is carried from the one above is still read.
        self._carried = [self.buffer(widest, self.parts) for _ in range(2)]
        self._out = self.buffer(self.outputs, self.parts)
        self._kept: list[torch.Tensor] = []

    def views(self, count: int) -> list[_Hidden]:
        hidden = []
        for index, width in enumerate(self.widths):
            after = _part(self._after[index], self.parts * count, width)
            hidden.append(
                _Hidden(
                    before=_part(self._before[index], self.parts * count, width),
                    after=after,
                    carried=_part(self._carried[index % 2], self.parts * count, width),
                    parts=after.unflatten(1, (self.parts, count)),
                    derivatives=[_part(buffer, count, width) for buffer in self._derivatives[index]],
                )
            )
        return hidden

    def forward(self, maps: Sequence[Linear], inputs: Inputs, learn: bool) -> tuple[torch.Tensor, torch.Tensor]:
        out = self.jets(maps, inputs)
        field = out[:, 3] if self.parts == 4 else out[:, 1:3].movedim(1, -1)
        return out[:, 0], field

    def jets(self, maps: Sequence[Linear], inputs: Inputs) -> torch.Tensor:
        """The network's jets, (G, parts, n, C)."""
        shape = self.parts, len(inputs)
        self._entering = x = inputs.stack(self.parts).expand(self.group, -1, -1)
        self._kept = []
        for linear, activation, own in zip(maps, self.activations, self.hidden(len(inputs)), strict=False):
            z = linear.forward(x, own.before).unflatten(1, shape)
            z[:, 0].add_(linear.bias)
            activation.apply(z[:, 0], own.parts[:, 0], *own.derivatives)
            bend(own.derivatives, z, own.parts)
            self._kept.append(z)
            x = own.after
        out = maps[-1].forward(x, self._out[:, : self.parts * len(inputs)]).unflatten(1, shape)
        out[:, 0].add_(maps[-1].bias)
        return out

    def backward(self, maps: Sequence[Linear], inputs: Inputs, cotangent: torch.Tensor) -> None:
        hidden, shape = self.hidden(len(inputs)), (self.parts, len(inputs))
        delta = cotangent.new_zeros(self.group, *shape, self.outputs)
        if self.parts == 4:
            delta[:, 3] = cotangent
        else:
            delta[:, 1:3] = cotangent.movedim(-1, 1)
        for index in range(len(maps) - 1, -1, -1):
            flat = delta.flatten(1, 2)
            maps[index].collect(flat, hidden[index - 1].after if index else self._entering)
            maps[index].bias_gradient.add_(delta[:, 0].sum(dim=1))
            if index:
                own = hidden[index - 1]
                delta = maps[index].backward(flat, own.carried).unflatten(1, shape)
                unbend(own.derivatives, self._kept[index - 1], delta)


def _part(buffer: torch.Tensor, rows: int, width: int) -> torch.Tensor:
    """(G, rows, width), the start of a buffer that is larger."""
    return buffer.flatten(1)[:, : rows * width].unflatten(1, (rows, width))
