"""A pass through a PyTorch module: autograd inside autograd, for its value, gradient or Laplacian."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch

from sirenbench.engine.inputs import Inputs
from sirenbench.engine.passes.base import Pass
from sirenbench.tasks.base import Field


@dataclass(frozen=True)
class Maps:
    """The parameters (G, ...) of a group by name, and where what a chunk contributes to their gradients is added."""

    parameters: dict[str, torch.Tensor]
    gradients: dict[str, torch.Tensor]


class ModulePass(Pass[Maps]):
    """The field is the value (G, n, C), the gradient (G, n, C, 2) or the Laplacian (G, n, C)."""

    def __init__(self, module: torch.nn.Module, field: Field) -> None:
        # A call puts parameters into the module for as long as it runs, and threads must not see each other's.
        self._module = copy.deepcopy(module)
        self._field = field

    def forward(self, maps: Maps, inputs: Inputs, learn: bool) -> tuple[torch.Tensor, torch.Tensor]:
        with torch.set_grad_enabled(learn or self._field != "value"):
            parts = self._parts(maps, inputs, self._field)
        self._reached = parts[-1]
        return parts[0].detach(), self._reached.detach()

    def backward(self, maps: Maps, inputs: Inputs, cotangent: torch.Tensor) -> None:
        found = torch.autograd.grad(self._reached, list(self._leaves.values()), cotangent, materialize_grads=True)
        for slot, gradient in zip(maps.gradients.values(), found, strict=True):
            slot.add_(gradient)

    def jets(self, maps: Maps, inputs: Inputs) -> torch.Tensor:
        with torch.enable_grad():
            value, gradient, laplacian = self._parts(maps, inputs, "laplacian")
        return torch.stack([value, *gradient.unbind(-1), laplacian], dim=1).detach()

    def _parts(self, maps: Maps, inputs: Inputs, field: Field) -> list[torch.Tensor]:
        """Value, gradient and Laplacian, as far as the field."""
        self._leaves = {name: values.detach().requires_grad_() for name, values in maps.parameters.items()}
        group = next(iter(self._leaves.values())).shape[0]
        if field == "value":
            return [self._values(inputs.values.expand(group, -1, -1))]
        steps = inputs.values.new_zeros(group, len(inputs), 2, requires_grad=True)
        value = self._values(_away(inputs, steps))
        gradient = torch.stack([_slopes(channel, steps) for channel in value.unbind(-1)], dim=2)
        if field == "gradient":
            return [value, gradient]
        second = [_slopes(along, steps)[:, :, axis] for axis in (0, 1) for along in gradient[..., axis].unbind(-1)]
        return [value, gradient, torch.stack(second, dim=-1).unflatten(-1, (2, -1)).sum(-2)]

    def _values(self, x: torch.Tensor) -> torch.Tensor:
        """(G, n, F) to (G, n, C)."""
        if len(x) == 1:
            only = {name: values[0] for name, values in self._leaves.items()}
            return torch.func.functional_call(self._module, only, (x[0],))[None]

        def one(own: dict[str, torch.Tensor], rows: torch.Tensor) -> torch.Tensor:
            return torch.func.functional_call(self._module, own, (rows,))

        return torch.vmap(one)(self._leaves, x)


def _away(inputs: Inputs, steps: torch.Tensor) -> torch.Tensor:
    """Inputs (G, n, F) at coordinates that are ``steps`` (G, n, 2) away, to second order; steps are 0.

    The mixed second derivatives are left out, for no Laplacian knows them.
    """
    assert inputs.slopes is not None
    assert inputs.laplacian is not None
    along = torch.einsum("gnd,dnf->gnf", steps, inputs.slopes)
    # Half the squares of both steps: the second derivatives of an input by the two coordinates add up to its Laplacian.
    return inputs.values + along + steps.square().sum(-1, keepdim=True) * (inputs.laplacian / 4)


def _slopes(values: torch.Tensor, steps: torch.Tensor) -> torch.Tensor:
    """The derivative (G, n, 2) of ``values`` (G, n) by the steps; can be differentiated again."""
    return torch.autograd.grad(values.sum(), steps, create_graph=True, materialize_grads=True)[0]
