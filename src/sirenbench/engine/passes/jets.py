"""Derivatives of a network by its coordinates, forward through the network together with its value; and backward.

A jet is the stack (x, dx/drow, dx/dcolumn, Laplacian of x) at a pixel, of which a pass carries the first 3 or all 4.
A linear map acts on each part alike (the bias on the first alone), so that a layer is one product over 3 or 4 times
the rows. A non-linearity maps (z, p, q, l) to (f, f' p, f' q, f' l + f'' (p^2 + q^2)).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from sirenbench.engine.inputs import Inputs
from sirenbench.engine.passes.base import Linear, Pass
from sirenbench.networks.base import Activation, Layer


class JetPass(Pass):
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
        group, rows, parts = self.group, self.rows, self.parts
        self._jets = self.buffers(rows * parts)
        self._before = self.buffers(rows * parts)
        self._derivatives = [self.buffers(rows) for _ in range(parts - 1)]
        self._scratch = [self.like.new_empty(group, rows * parts, max(self.widths)) for _ in range(2)]
        self._square = self.like.new_empty(group, rows, max(self.widths))
        self._out = self.like.new_empty(group, rows * parts, self.outputs)

    def forward(self, linears: Sequence[Linear], inputs: Inputs, learn: bool) -> tuple[torch.Tensor, torch.Tensor]:
        out = self.jets(linears, inputs)
        field = out[:, 3] if self.parts == 4 else out[:, 1:3].movedim(1, -1)
        return out[:, 0], field

    def jets(self, linears: Sequence[Linear], inputs: Inputs) -> torch.Tensor:
        """The network's jets, (G, parts, n, C)."""
        count = len(inputs)
        x = inputs.stack(self.parts).expand(self.group, -1, -1)
        for index, activation in enumerate(self.activations):
            before = linears[index].forward(x, out=self._before[index][:, : self.parts * count])
            z = before.unflatten(1, (self.parts, count))
            z[:, 0].add_(linears[index].bias)
            x = self._jets[index][:, : self.parts * count]
            self._bend(index, activation, z, x.unflatten(1, (self.parts, count)))
        out = linears[-1].forward(x, out=self._out[:, : self.parts * count]).unflatten(1, (self.parts, count))
        out[:, 0].add_(linears[-1].bias)
        return out

    def backward(self, linears: Sequence[Linear], inputs: Inputs, cotangent: torch.Tensor) -> None:
        count = len(inputs)
        delta = cotangent.new_zeros(self.group, self.parts, count, self.outputs)
        if self.parts == 4:
            delta[:, 3] = cotangent
        else:
            delta[:, 1:3] = cotangent.movedim(-1, 1)
        for index in range(len(linears) - 1, -1, -1):
            flat = delta.flatten(1, 2)
            below = self._jets[index - 1][:, : self.parts * count] if index else self._first(inputs)
            linears[index].collect(flat, below)
            linears[index].bias_gradient.add_(delta[:, 0].sum(dim=1))
            if index:
                carried = linears[index].backward(flat, out=self._room(index, count))
                delta = self._unbend(index - 1, carried.unflatten(1, (self.parts, count)))

    def _first(self, inputs: Inputs) -> torch.Tensor:
        return inputs.stack(self.parts).expand(self.group, -1, -1)

    def _room(self, index: int, count: int) -> torch.Tensor:
        """Where the derivative by the input of a layer goes; layers take turns, since the one above is still read."""
        flat = self._scratch[index % 2].flatten(1)
        width = self.widths[index - 1]
        return flat[:, : self.parts * count * width].unflatten(1, (self.parts * count, width))

    def _bend(self, index: int, activation: Activation, z: torch.Tensor, x: torch.Tensor) -> None:
        """Jets before an activation to jets after it."""
        derivatives = [buffer[index][:, : z.shape[2]] for buffer in self._derivatives]
        activation.apply(z[:, 0], x[:, 0], *derivatives)
        torch.mul(z[:, 1:], derivatives[0].unsqueeze(1), out=x[:, 1:])
        if self.parts == 4:
            squares = self._squares(z)
            x[:, 3].addcmul_(derivatives[1], squares)

    def _unbend(self, index: int, carried: torch.Tensor) -> torch.Tensor:
        """The derivative by the jets after an activation to that by the jets before it, in place."""
        count = carried.shape[2]
        z = self._before[index][:, : self.parts * count].unflatten(1, (self.parts, count))
        first, second, *third = (buffer[index][:, :count] for buffer in self._derivatives)
        through = self._through_tangents(z, carried)
        if self.parts == 4:
            through.mul_(second).addcmul_(third[0], self._squares(z).mul_(carried[:, 3]))
            bent = torch.mul(second, carried[:, 3]).mul_(2)
            carried.mul_(first.unsqueeze(1))
            carried[:, 1:3].addcmul_(bent.unsqueeze(1), z[:, 1:3])
            carried[:, 0].add_(through)
        else:
            carried.mul_(first.unsqueeze(1))
            carried[:, 0].addcmul_(second, through)
        return carried

    def _through_tangents(self, z: torch.Tensor, carried: torch.Tensor) -> torch.Tensor:
        total = torch.mul(carried[:, 1], z[:, 1])
        for part in range(2, self.parts):
            total.addcmul_(carried[:, part], z[:, part])
        return total

    def _squares(self, z: torch.Tensor) -> torch.Tensor:
        room = self._square[..., : z.shape[3]].flatten(1)[:, : z.shape[2] * z.shape[3]]
        squares = room.unflatten(1, (z.shape[2], z.shape[3]))
        return torch.mul(z[:, 1], z[:, 1], out=squares).addcmul_(z[:, 2], z[:, 2])
