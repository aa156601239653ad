"""All replicates of a network in one buffer, worked on chunk by chunk.

The full-batch gradient is accumulated over chunks of coordinates small enough to stay in the cache; the sum is the same
for every chunk size up to rounding, and always taken in the same order, whatever the number of threads.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from sirenbench.engine.criterion import Criterion
from sirenbench.engine.inputs import Inputs
from sirenbench.engine.passes.base import Pass
from sirenbench.engine.plan import Plan, plan_for
from sirenbench.engine.threads import Threads
from sirenbench.tasks.base import Field


@dataclass(frozen=True)
class _Chunk:
    """Some pixels of some replicates; ``at`` tells which, to index what is (R, N, ...)."""

    maps: Any
    inputs: Inputs
    at: tuple[slice, slice]


class BatchedNetwork(ABC):
    """R networks of one shape, each with its own parameters.

    Parameters
    ----------
    parameters
        (R, P or more), the rows laid out as :meth:`named` tells; used in place.
    scale
        (1, P or more): what every parameter is multiplied by wherever it is used.
    plan
        How the device is fed; that of the parameters' device if None.
    chunk_rows
        Pixels per chunk; those of the plan if None.

    Attributes
    ----------
    gradient
        Like ``parameters``, of the loss in the last call of :meth:`step`.
    """

    def __init__(
        self,
        parameters: torch.Tensor,
        scale: torch.Tensor,
        plan: Plan | None = None,
        chunk_rows: int | None = None,
    ) -> None:
        self.parameters = parameters
        self.gradient = torch.zeros_like(parameters)
        self.replicates = parameters.shape[0]
        self._scale = scale
        self._scaled = torch.empty_like(parameters)
        self._plan = plan or plan_for(parameters.device)
        self._group = self.replicates if self._plan.together else 1
        self._groups = [slice(start, start + self._group) for start in range(0, self.replicates, self._group)]
        self._chunk_rows = chunk_rows
        self._partial = self.gradient[None]
        self._made: dict[tuple[int, int], Any] = {}
        self._own = threading.local()
        self._threads = Threads(torch.get_num_threads() if parameters.device.type == "cpu" else 1)

    @abstractmethod
    def named(self, flat: torch.Tensor) -> Mapping[str, torch.Tensor]:
        """Each tensor (R, ...) of the networks by the name under which it is stored, as a view of ``flat`` (R, P)."""

    @abstractmethod
    def flop_per_step(self, field: Field, pixels: int) -> float:
        """Multiplications and additions of a training step of all replicates."""

    @abstractmethod
    def _new_pass(self, field: Field) -> Pass:
        """With buffers of its own."""

    @abstractmethod
    def _new_maps(self, scaled: torch.Tensor, sums: torch.Tensor) -> Any:
        """What a pass is given of a group: its parameters (G, P), scaled, and where their gradients are added."""

    @abstractmethod
    def _widths(self) -> Sequence[int]:
        """Outputs of each linear map."""

    def predict(self, inputs: torch.Tensor, out: torch.Tensor) -> None:
        """Inputs (N, F) to outputs ``out`` (R, N, C)."""
        self.evaluate(Inputs(inputs), "value", out, out)

    def evaluate(self, inputs: Inputs, field: Field, value: torch.Tensor, out: torch.Tensor) -> None:
        """Write values (R, N, C) at ``inputs``, and the field, (R, N, C) or for gradients (R, N, C, 2), to ``out``."""

        def visit(chunk: _Chunk) -> None:
            value[chunk.at], out[chunk.at] = self._pass(field).forward(chunk.maps, chunk.inputs, learn=False)

        self._rescale()
        self._each_chunk(self._groups, inputs, field, visit)

    def step(self, inputs: Inputs, criterion: Criterion, value: torch.Tensor, out: torch.Tensor) -> None:
        """The same, and the gradient of the criterion's loss by the parameters."""

        def visit(chunk: _Chunk) -> None:
            through = self._pass(criterion.field)
            value[chunk.at], out[chunk.at] = through.forward(chunk.maps, chunk.inputs, learn=True)
            through.backward(chunk.maps, chunk.inputs, criterion.cotangent(*chunk.at, out[chunk.at]))

        self._make_room(self._lanes(len(inputs), criterion.field))
        self._rescale()
        for groups in self._batches():
            at = slice(groups[0].start, groups[-1].stop)
            sums = self._partial[:, : at.stop - at.start].zero_()
            self._each_chunk(groups, inputs, criterion.field, visit)
            if len(sums) > 1:
                torch.add(sums[0], sums[1], out=self.gradient[at])
            for lane in sums[2:]:
                self.gradient[at].add_(lane)
        self.gradient.mul_(self._scale)

    def jets(self, inputs: Inputs, value: torch.Tensor, gradient: torch.Tensor, laplacian: torch.Tensor) -> None:
        """Write values (R, N, C), gradients (R, N, C, 2) and Laplacians (R, N, C) by the coordinates."""

        def visit(chunk: _Chunk) -> None:
            jets = self._pass("laplacian").jets(chunk.maps, chunk.inputs)
            value[chunk.at], laplacian[chunk.at] = jets[:, 0], jets[:, 3]
            gradient[chunk.at] = jets[:, 1:3].movedim(1, -1)

        self._rescale()
        self._each_chunk(self._groups, inputs, "laplacian", visit)

    def _rescale(self) -> None:
        torch.mul(self.parameters, self._scale, out=self._scaled)

    def _make_room(self, lanes: int) -> None:
        """For the partial sums of as many replicates as keep the threads busy; one sum is the gradient itself."""
        if lanes == len(self._partial):
            return
        self._made.clear()
        self._partial = self.gradient[None]
        if lanes > 1:
            together = min(self.replicates, self._group * -(-2 * self._threads.count // lanes))
            self._partial = self.gradient.new_empty(lanes, together, self.gradient.shape[1])

    def _batches(self) -> list[list[slice]]:
        """The groups whose partial sums are taken at a time."""
        many = self._partial.shape[1] // self._group
        return [self._groups[start : start + many] for start in range(0, len(self._groups), many)]

    def _each_chunk(
        self, groups: Sequence[slice], inputs: Inputs, field: Field, visit: Callable[[_Chunk], None]
    ) -> None:
        """On every thread: what can be done side by side is some replicates, and one of the partial sums."""

        def work(group: slice, lane: int) -> None:
            maps = self._maps(group, lane)
            for rows in self._chunks(len(inputs), field, lane):
                visit(_Chunk(maps, inputs.at(rows), (group, rows)))

        lanes = range(self._lanes(len(inputs), field))
        self._threads.run(work, [(group, lane) for group in groups for lane in lanes])

    def _pass(self, field: Field) -> Pass:
        """With buffers of the calling thread's own."""
        passes: dict[Field, Pass] = self._own.__dict__.setdefault("passes", {})
        if field not in passes:
            passes[field] = self._new_pass(field)
        return passes[field]

    def _maps(self, group: slice, lane: int) -> Any:
        # Who only predicts adds to none of the partial sums.
        lane %= len(self._partial)
        if (group.start, lane) not in self._made:
            start = group.start % self._partial.shape[1]
            sums = self._partial[lane, start : start + self._group]
            self._made[group.start, lane] = self._new_maps(self._scaled[group], sums)
        return self._made[group.start, lane]

    def _rows(self, field: Field) -> int:
        """Pixels per chunk."""
        return self._chunk_rows or self._plan.rows(field, self._widths(), self._group)

    def _lanes(self, count: int, field: Field) -> int:
        return max(1, min(self._plan.lanes, -(-count // self._rows(field))))

    def _chunks(self, count: int, field: Field, lane: int) -> list[slice]:
        rows = self._rows(field)
        starts = range(0, count, rows)[lane :: self._lanes(count, field)]
        return [slice(start, min(start + rows, count)) for start in starts]


def aligned(parameters: torch.Tensor) -> torch.Tensor:
    """(R, P) with zeros added so that every row starts on a 64-byte boundary.

    Vectorised arithmetic rounds an element by where it lies; so aligned, a replicate has the same bits in any company.
    """
    lane = 64 // parameters.element_size()
    return torch.nn.functional.pad(parameters, (0, -parameters.shape[1] % lane))
