"""Networks that are PyTorch modules, differentiated by autograd."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from sirenbench.cost import module_step_flop
from sirenbench.engine.batched import BatchedNetwork
from sirenbench.engine.passes.module import Maps, ModulePass
from sirenbench.engine.plan import Plan
from sirenbench.tasks.base import Field


class BatchedModule(BatchedNetwork):
    """R copies of a module, each with its own parameters.

    Parameters
    ----------
    module
        From (n, F) to (n, C), each row by itself. Its parameters are not used, its buffers are.
    outputs
        C.
    parameters
        (R, P or more), the rows laid out as the module's ``named_parameters``; used in place.
    plan, chunk_rows
        As of :class:`~sirenbench.engine.batched.BatchedNetwork`.
    """

    def __init__(
        self,
        module: torch.nn.Module,
        outputs: int,
        parameters: torch.Tensor,
        chunk_rows: int | None = None,
        *,
        plan: Plan | None = None,
    ) -> None:
        super().__init__(parameters, torch.ones_like(parameters[:1]), plan, chunk_rows)
        self._module = module.to(device=parameters.device, dtype=parameters.dtype)
        self._places = _places(module)
        self._outputs = outputs

    def named(self, flat: torch.Tensor) -> dict[str, torch.Tensor]:
        """By the names of the module's parameters."""
        return {
            place.name: flat[:, place.start : place.start + place.size].unflatten(1, place.shape)
            if place.shape
            else flat[:, place.start]
            for place in self._places
        }

    def flop_per_step(self, field: Field, pixels: int) -> float:
        parameters = sum(place.size for place in self._places)
        return module_step_flop(parameters, self._outputs, field, pixels) * self.replicates

    def _new_pass(self, field: Field) -> ModulePass:
        return ModulePass(self._module, field)

    def _new_maps(self, scaled: torch.Tensor, sums: torch.Tensor) -> Maps:
        return Maps(self.named(scaled), self.named(sums))

    def _widths(self) -> Sequence[int]:
        """As if its matrices were all that it has: what else autograd keeps is not known."""
        return [max(place.shape[0], self._outputs) for place in self._places if len(place.shape) > 1] or [self._outputs]


def flat_parameters(module: torch.nn.Module) -> torch.Tensor:
    """(P,), in the order of ``named_parameters``."""
    return torch.cat([values.detach().flatten() for values in module.parameters()])


@dataclass(frozen=True)
class _Place:
    """Where in a row a parameter lies."""

    name: str
    start: int
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        return torch.Size(self.shape).numel()


def _places(module: torch.nn.Module) -> list[_Place]:
    places, start = [], 0
    for name, values in module.named_parameters():
        places.append(_Place(name, start, tuple(values.shape)))
        start += values.numel()
    return places
