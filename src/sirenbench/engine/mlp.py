"""All replicates of a coordinate network in one buffer, with hand-derived derivatives.

Layer l computes z = s (W x + b), x' = f(z), where s is the activation's scale. The scale is folded into the weights
once per call (W' = s W, b' = s b), and multiplied back into their gradient at the end. The full-batch gradient is
accumulated over chunks of coordinates small enough to stay in the cache; the sum is the same for every chunk size
up to rounding, and always taken in the same order, whatever the number of threads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

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

# Rows per chunk: on a CPU 1,024 x 256 floats are 1 MiB a buffer; a GPU wants long products instead. The second number
# bounds what the widest pass holds of a chunk, in values: 128 MiB and 4 GiB of float32.
_CHUNK_ROWS = {"cpu": (1024, 2**25), "cuda": (65_536, 2**30)}
# Of every feature and pixel, Laplacians hold 4 values before and 4 after the activation, and 3 derivatives of it.
_HELD = 11
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
        self._scales = (*[activation.scale for activation in activations], 1.0)
        # One replicate at a time keeps a CPU's cache warm; a GPU is fed all of them in one product.
        self._group = 1 if parameters.device.type == "cpu" else self.replicates
        most_rows, most_values = _CHUNK_ROWS[parameters.device.type]
        features = sum(layer.fan_out for layer in layers)
        self._rows = chunk_rows or max(16, min(most_rows, most_values // (_HELD * features)) // self._group // 16 * 16)
        self._most_lanes = _LANES[parameters.device.type]
        self._partial = self.gradient[None]
        self._own = threading.local()
        self._threads = Threads(torch.get_num_threads() if parameters.device.type == "cpu" else 1)

    def predict(self, inputs: torch.Tensor, out: torch.Tensor) -> None:
        """Inputs (N, F) to outputs ``out`` (R, N, C)."""
        self.evaluate(Inputs(inputs), "value", out, out)

    def evaluate(self, inputs: Inputs, field: Field, value: torch.Tensor, out: torch.Tensor) -> None:
        """Write values (R, N, C) at ``inputs``, and the field, (R, N, C) or for gradients (R, N, C, 2), to ``out``."""

        def visit(chunk: _Chunk) -> None:
            value[chunk.at], out[chunk.at] = self._pass(field).forward(chunk.linears, chunk.inputs, learn=False)

        self._each_chunk(inputs, visit)

    def step(self, inputs: Inputs, criterion: Criterion, value: torch.Tensor, out: torch.Tensor) -> None:
        """The same, and the gradient of the criterion's loss by the parameters."""

        def visit(chunk: _Chunk) -> None:
            through = self._pass(criterion.field)
            value[chunk.at], out[chunk.at] = through.forward(chunk.linears, chunk.inputs, learn=True)
            through.backward(chunk.linears, chunk.inputs, criterion.cotangent(*chunk.at, out[chunk.at]))

        lanes = self._lanes(len(inputs))
        if lanes != len(self._partial):
            several = lanes > 1
            self._partial = self.gradient.new_empty(lanes, *self.gradient.shape) if several else self.gradient[None]
        self._partial.zero_()
        self._each_chunk(inputs, visit)
        if lanes > 1:
            torch.add(self._partial[0], self._partial[1], out=self.gradient)
        for partial in self._partial[2:]:
            self.gradient.add_(partial)
        for (weight, bias), scale in zip(layer_views(self.layers, self.gradient), self._scales, strict=True):
            if scale != 1.0:
                weight.mul_(scale)
                bias.mul_(scale)

    def jets(self, inputs: Inputs, value: torch.Tensor, gradient: torch.Tensor, laplacian: torch.Tensor) -> None:
        """Write values (R, N, C), gradients (R, N, C, 2) and Laplacians (R, N, C) by the coordinates."""

        def visit(chunk: _Chunk) -> None:
            through = self._pass("laplacian")
            assert isinstance(through, JetPass)
            jets = through.jets(chunk.linears, chunk.inputs)
            value[chunk.at], laplacian[chunk.at] = jets[:, 0], jets[:, 3]
            gradient[chunk.at] = jets[:, 1:3].movedim(1, -1)

        self._each_chunk(inputs, visit)

    def flop_per_step(self, field: Field, pixels: int) -> float:
        """Multiplications and additions of a training step of all replicates."""
        return step_flop(self.layers, field, pixels) * self.replicates

    def _each_chunk(self, inputs: Inputs, visit: Callable[[_Chunk], None]) -> None:
        def work(group: slice, lane: int) -> None:
            linears = list(self._linears(group, lane))
            for rows in self._chunks(len(inputs), lane):
                visit(_Chunk(linears, inputs.at(rows), (group, rows)))

        self._threads.run(work, self._units(len(inputs)))

    def _pass(self, field: Field) -> Pass:
        """With buffers of the calling thread's own."""
        passes: dict[Field, Pass] = self._own.__dict__.setdefault("passes", {})
        if field not in passes:
            passes[field] = self._new_pass(field)
        return passes[field]

    def _new_pass(self, field: Field) -> Pass:
        if field == "laplacian":
            return self._jet_pass(4)
        # Backwards is once per output: from two outputs on, forward propagation is cheaper.
        if field == "gradient" and self.layers[-1].fan_out > 1:
            return self._jet_pass(3)
        kind = ValuePass if field == "value" else AdjointPass
        return kind(self.layers, self.activations, group=self._group, rows=self._rows, like=self.parameters)

    def _jet_pass(self, parts: int) -> JetPass:
        return JetPass(
            self.layers, self.activations, group=self._group, rows=self._rows, like=self.parameters, parts=parts
        )

    def _linears(self, group: slice, lane: int) -> Iterator[Linear]:
        parameters = layer_views(self.layers, self.parameters[group])
        # Who only predicts adds to none of them.
        gradients = layer_views(self.layers, self._partial[lane % len(self._partial)][group])
        for (weight, bias), slots, scale in zip(parameters, gradients, self._scales, strict=True):
            yield Linear(weight * scale, (bias * scale).unsqueeze(1), *slots)

    def _units(self, count: int) -> list[tuple[slice, int]]:
        """What can be done side by side: some replicates, and one of the partial sums."""
        groups = [slice(start, start + self._group) for start in range(0, self.replicates, self._group)]
        return [(group, lane) for group in groups for lane in range(self._lanes(count))]

    def _lanes(self, count: int) -> int:
        return max(1, min(self._most_lanes, -(-count // self._rows)))

    def _chunks(self, count: int, lane: int) -> list[slice]:
        starts = range(0, count, self._rows)[lane :: self._lanes(count)]
        return [slice(start, min(start + self._rows, count)) for start in starts]


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


def aligned(parameters: torch.Tensor) -> torch.Tensor:
    """(R, P) with zeros added so that every row starts on a 64-byte boundary.

    Vectorised arithmetic rounds an element by where it lies; so aligned, a replicate has the same bits in any company.
    """
    lane = 64 // parameters.element_size()
    return torch.nn.functional.pad(parameters, (0, -parameters.shape[1] % lane))
