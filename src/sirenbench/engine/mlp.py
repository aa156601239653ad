"""All replicates of a coordinate network in one buffer, with hand-derived derivatives.

Layer l computes z = s (W x + b), x' = f(z), where s is the activation's scale. The scale is folded into the weights
once per call (W' = s W, b' = s b), and multiplied back into their gradient at the end. The full-batch gradient is
accumulated over chunks of coordinates small enough to stay in the cache; the sum is the same for every chunk size
up to rounding, and always taken in the same order, whatever the number of threads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import get_args

import torch

from sirenbench.cost import step_flop
from sirenbench.engine.criterion import Criterion
from sirenbench.engine.inputs import Inputs
from sirenbench.engine.passes.adjoint import AdjointPass
from sirenbench.engine.passes.base import Linear, Pass
from sirenbench.engine.passes.jets import JetPass
from sirenbench.engine.passes.value import ValuePass
from sirenbench.engine.threads import Threads
from sirenbench.networks.base import Activation, Layer
from sirenbench.tasks.base import Field

# Pixels per chunk. On a CPU a pass's buffers have to stay in the cache, and derivatives need more of them; a GPU wants
# long products instead. The second number bounds what a pass holds of a chunk, in values: 48 MiB and 4 GiB of float32.
_CHUNK_ROWS: dict[str, tuple[dict[Field, int], int]] = {
    "cpu": ({"value": 2048, "gradient": 1024, "laplacian": 1024}, 3 * 2**22),
    "cuda": (dict.fromkeys(get_args(Field), 65_536), 2**30),
}
# Numbers held of every feature and pixel. Values: 2 kept and 2 products. Laplacians: 4 before and 4 after the
# activation, and 3 derivatives of it.
_HELD: dict[Field, int] = {"value": 4, "gradient": 8, "laplacian": 11}
# Into how many partial sums the chunks of a gradient go: as many threads can share one replicate.
_LANES = {"cpu": 4, "cuda": 1}


@dataclass(frozen=True)
class _Chunk:
    """Some pixels of some replicates; ``at`` tells which, to index what is (R, N, ...)."""

    linears: list[Linear]
    inputs: Inputs
    at: tuple[slice, slice]


class BatchedMlp:
    """R networks of one shape, each with its own parameters.

    Parameters
    ----------
    layers, activations
        The linear maps, and the non-linearity after each but the last.
    parameters
        (R, P or more), the rows laid out as weight then bias of each layer; used in place.

    Attributes
    ----------
    gradient
        Like ``parameters``, of the loss in the last call of :meth:`step`.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        activations: Sequence[Activation],
        parameters: torch.Tensor,
        chunk_rows: int | None = None,
    ) -> None:
        self.layers = tuple(layers)
        self.activations = tuple(activations)
        self.parameters = parameters
        self.gradient = torch.zeros_like(parameters)
        self.replicates = parameters.shape[0]
        self._scale = _scales(layers, activations, like=parameters)
        self._folded = torch.empty_like(parameters)
        # One replicate at a time keeps a CPU's cache warm; a GPU is fed all of them in one product.
        self._group = 1 if parameters.device.type == "cpu" else self.replicates
        self._groups = [slice(start, start + self._group) for start in range(0, self.replicates, self._group)]
        self._chunk_rows = chunk_rows
        self._most_lanes = _LANES[parameters.device.type]
        self._partial = self.gradient[None]
        self._made: dict[tuple[int, int], list[Linear]] = {}
        self._own = threading.local()
        self._threads = Threads(torch.get_num_threads() if parameters.device.type == "cpu" else 1)

    def predict(self, inputs: torch.Tensor, out: torch.Tensor) -> None:
        """Inputs (N, F) to outputs ``out`` (R, N, C)."""
        self.evaluate(Inputs(inputs), "value", out, out)

    def evaluate(self, inputs: Inputs, field: Field, value: torch.Tensor, out: torch.Tensor) -> None:
        """Write values (R, N, C) at ``inputs``, and the field, (R, N, C) or for gradients (R, N, C, 2), to ``out``."""

        def visit(chunk: _Chunk) -> None:
            value[chunk.at], out[chunk.at] = self._pass(field).forward(chunk.linears, chunk.inputs, learn=False)

        self._fold()
        self._each_chunk(self._groups, inputs, field, visit)

    def step(self, inputs: Inputs, criterion: Criterion, value: torch.Tensor, out: torch.Tensor) -> None:
        """The same, and the gradient of the criterion's loss by the parameters."""

        def visit(chunk: _Chunk) -> None:
            through = self._pass(criterion.field)
            value[chunk.at], out[chunk.at] = through.forward(chunk.linears, chunk.inputs, learn=True)
            through.backward(chunk.linears, chunk.inputs, criterion.cotangent(*chunk.at, out[chunk.at]))

        self._make_room(self._lanes(len(inputs), criterion.field))
        self._fold()
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
            through = self._pass("laplacian")
            assert isinstance(through, JetPass)
            jets = through.jets(chunk.linears, chunk.inputs)
            value[chunk.at], laplacian[chunk.at] = jets[:, 0], jets[:, 3]
            gradient[chunk.at] = jets[:, 1:3].movedim(1, -1)

        self._fold()
        self._each_chunk(self._groups, inputs, "laplacian", visit)

    def flop_per_step(self, field: Field, pixels: int) -> float:
        """Multiplications and additions of a training step of all replicates."""
        return step_flop(self.layers, field, pixels) * self.replicates

    def _fold(self) -> None:
        torch.mul(self.parameters, self._scale, out=self._folded)

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
            linears = self._linears(group, lane)
            for rows in self._chunks(len(inputs), field, lane):
                visit(_Chunk(linears, inputs.at(rows), (group, rows)))

        lanes = range(self._lanes(len(inputs), field))
        self._threads.run(work, [(group, lane) for group in groups for lane in lanes])

    def _pass(self, field: Field) -> Pass:
        """With buffers of the calling thread's own."""
        passes: dict[Field, Pass] = self._own.__dict__.setdefault("passes", {})
        if field not in passes:
            passes[field] = self._new_pass(field)
        return passes[field]

    def _new_pass(self, field: Field) -> Pass:
        kinds: dict[Field, Callable[..., Pass]] = {
            "value": ValuePass,
            # Backwards is once per output: from two outputs on, forward propagation is cheaper.
            "gradient": AdjointPass if self.layers[-1].fan_out == 1 else partial(JetPass, parts=3),
            "laplacian": partial(JetPass, parts=4),
        }
        rows, like = self._rows(field), self.parameters
        return kinds[field](self.layers, self.activations, group=self._group, rows=rows, like=like)

    def _linears(self, group: slice, lane: int) -> list[Linear]:
        # Who only predicts adds to none of the partial sums.
        lane %= len(self._partial)
        if (group.start, lane) not in self._made:
            start = group.start % self._partial.shape[1]
            maps = layer_views(self.layers, self._folded[group])
            sums = layer_views(self.layers, self._partial[lane, start : start + self._group])
            self._made[group.start, lane] = [
                Linear(weight, bias.unsqueeze(1), *slots) for (weight, bias), slots in zip(maps, sums, strict=True)
            ]
        return self._made[group.start, lane]

    def _rows(self, field: Field) -> int:
        """Pixels per chunk."""
        most_rows, most_values = _CHUNK_ROWS[self.parameters.device.type]
        held = _HELD[field] * sum(layer.fan_out for layer in self.layers)
        return self._chunk_rows or max(16, min(most_rows[field], most_values // held) // self._group // 16 * 16)

    def _lanes(self, count: int, field: Field) -> int:
        return max(1, min(self._most_lanes, -(-count // self._rows(field))))

    def _chunks(self, count: int, field: Field, lane: int) -> list[slice]:
        rows = self._rows(field)
        starts = range(0, count, rows)[lane :: self._lanes(count, field)]
        return [slice(start, min(start + rows, count)) for start in starts]


def layer_views(layers: Sequence[Layer], flat: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Weight (R, out, in) and bias (R, out) of each layer, as views of ``flat`` (R, P or more)."""
    views, start = [], 0
    for layer in layers:
        middle = start + layer.fan_in * layer.fan_out
        end = middle + layer.fan_out
        weight = flat[:, start:middle].unflatten(1, (layer.fan_out, layer.fan_in))
        views.append((weight, flat[:, middle:end]))
        start = end
    return views


def _scales(layers: Sequence[Layer], activations: Sequence[Activation], like: torch.Tensor) -> torch.Tensor:
    """The factor in front of every parameter, a row of ``like`` (R, P or more)."""
    row = torch.ones_like(like[:1])
    for (weight, bias), activation in zip(layer_views(layers, row), activations, strict=False):
        weight.fill_(activation.scale)
        bias.fill_(activation.scale)
    return row


def aligned(parameters: torch.Tensor) -> torch.Tensor:
    """(R, P) with zeros added so that every row starts on a 64-byte boundary.

    Vectorised arithmetic rounds an element by where it lies; so aligned, a replicate has the same bits in any company.
    """
    lane = 64 // parameters.element_size()
    return torch.nn.functional.pad(parameters, (0, -parameters.shape[1] % lane))
