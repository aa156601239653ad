"""Statistics of a network's layers, taken chunk by chunk: no table of all points by all features is ever held.

A first pass over the points finds the range and the feature sums of every stage; a second one takes central moments
and histograms. The network computes in the precision of its parameters, and everything is summed in float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch

from sirenbench.activation_statistics import BINS, FREQUENCIES, Statistics, bin_edges
from sirenbench.engine.mlp import layer_views
from sirenbench.networks.base import Activation, Layer

# Distances to a law are taken at the edges of this many cells of equal probability. Between two edges the distribution
# functions can be further apart than at both, but only by what the law has in the cell.
_CELLS = 4096
KS_ERROR = 1 / _CELLS

# 4 MiB of float32 a stage: a few of them at a time stay well below 100 MiB.
_CHUNK_VALUES = 2**20

# The distribution function of a predicted law.
Law: TypeAlias = Callable[[torch.Tensor], torch.Tensor]


def measure(
    layers: Sequence[Layer],
    activations: Sequence[Activation],
    parameters: torch.Tensor,
    inputs: torch.Tensor,
    side: int,
    *,
    gradient: torch.Tensor | None = None,
    chunk_rows: int | None = None,
) -> Statistics:
    """The statistics of every stage of R networks of one shape.

    Parameters
    ----------
    layers, activations
        The linear maps, and the non-linearity after each but the last.
    parameters
        (R, P or more), as in :class:`~sirenbench.engine.mlp.BatchedMlp`; on any device.
    inputs
        (side * side, F), a square grid row by row, whose column 0 is the evenly spaced row coordinate.
    gradient
        Like ``parameters``: of the loss, if its norms are wanted.
    chunk_rows
        Points at a time.
    """
    rows = chunk_rows or max(1, _CHUNK_VALUES // max(layer.fan_out for layer in layers))
    views = layer_views(layers, parameters)
    with torch.no_grad():
        replicates = [
            _replicate(
                _Network([(weight[r], bias[r]) for weight, bias in views], activations), inputs.split(rows), side
            )
            for r in range(parameters.shape[0])
        ]
    spacing = float(inputs[-1, 0] - inputs[0, 0]) / (side - 1)
    return Statistics(
        side=side,
        **{name: np.stack([one[name] for one in replicates]) for name in replicates[0]},
        flat_frequencies=_frequencies(side**2, 2 / side**2),
        axis_frequencies=_frequencies(side, spacing),
        gradient_norms=None if gradient is None else _gradient_norms(layers, gradient),
    )


@dataclass(frozen=True)
class _Network:
    """One replicate: weight (out, in) and bias (out,) of each linear map."""

    maps: list[tuple[torch.Tensor, torch.Tensor]]
    activations: Sequence[Activation]

    def laws(self) -> list[Law | None]:
        """What is predicted of each stage."""
        return [None, *[_normal, _arcsine] * len(self.activations), None]

    def stages(self, inputs: torch.Tensor) -> Iterator[torch.Tensor]:
        """Input (n, F), argument and value of each non-linearity, output; each is gone when the next is asked for."""
        yield inputs
        x = inputs
        for (weight, bias), activation in zip(self.maps, self.activations, strict=False):
            argument = torch.addmm(bias, x, weight.T, beta=activation.scale, alpha=activation.scale)
            yield argument
            x = torch.empty_like(argument)
            activation.apply(argument, x)
            yield x
        weight, bias = self.maps[-1]
        yield torch.addmm(bias, x, weight.T)


class _Range:
    """First pass over one stage: its extremes, and its sum over the features at every point.

    The sums have their place from the start: small tensors that outlive a chunk would split the freed memory of large
    ones, and the process would grow with every chunk.
    """

    def __init__(self, points: int) -> None:
        self.low, self.high = math.inf, -math.inf
        self.sums = np.empty(points)
        self._seen = 0
        self._features = 0

    def add(self, values: torch.Tensor) -> None:
        low, high = values.aminmax()
        self.low, self.high = np.minimum(self.low, low.item()), np.maximum(self.high, high.item())
        count, self._features = values.shape
        self.sums[self._seen : self._seen + count] = values.sum(dim=1, dtype=torch.float64).cpu()
        self._seen += count

    @property
    def mean(self) -> float:
        return self.sums.mean() / self._features


class _Distribution:
    """Second pass over one stage: central moments, histogram, and distance to its law."""

    def __init__(self, found: _Range, law: Law | None) -> None:
        self._low, self._high, self._mean = found.low, found.high, found.mean
        self._law = law
        self._count = 0
        self._powers = torch.zeros(3, dtype=torch.float64)
        self._bins = torch.zeros(BINS, dtype=torch.float64)
        self._cells = torch.zeros(_CELLS, dtype=torch.float64)
        self._finite = math.isfinite(self._low) and math.isfinite(self._high)

    def add(self, values: torch.Tensor) -> None:
        if not self._finite:
            return
        edges = bin_edges(self._low, self._high)
        exact = values.flatten().double()
        self._count += len(exact)
        self._bins += torch.histc(exact, BINS, edges[0], edges[-1]).cpu()
        deviation = exact - self._mean
        square = deviation * deviation
        self._powers += torch.stack([square.sum(), square.dot(deviation), square.dot(square)]).cpu()
        if self._law:
            self._cells += torch.histc(self._law(values).clamp_(0, 1), _CELLS, 0, 1).cpu()

    def result(self) -> dict[str, float | np.ndarray]:
        """By the names of :class:`Statistics`; not a number where the stage is not finite or does not vary."""
        with np.errstate(divide="ignore", invalid="ignore"):
            second, third, fourth = self._powers.numpy() / np.float64(self._count)
            return {
                "mean": self._mean,
                "std": second**0.5,
                "skewness": third / second**1.5,
                "kurtosis": fourth / second**2 - 3,
                "minimum": self._low,
                "maximum": self._high,
                "ks": self._distance(),
                "counts": self._bins.numpy().astype(np.int64),
            }

    def _distance(self) -> float:
        if self._law is None or not self._finite:
            return math.nan
        expected = torch.arange(1, _CELLS + 1) / _CELLS
        return float((self._cells.cumsum(0) / self._count - expected).abs().max())


def _replicate(network: _Network, chunks: Sequence[torch.Tensor], side: int) -> dict[str, np.ndarray]:
    """What :class:`Statistics` holds of one replicate, (S, ...)."""
    laws = network.laws()
    ranges = [_Range(side * side) for _ in laws]
    for chunk in chunks:
        for found, values in zip(ranges, network.stages(chunk), strict=True):
            found.add(values)
    distributions = [_Distribution(found, law) for found, law in zip(ranges, laws, strict=True)]
    for chunk in chunks:
        for distribution, values in zip(distributions, network.stages(chunk), strict=True):
            distribution.add(values)
    results = [distribution.result() for distribution in distributions]
    pooled = {name: np.array([one[name] for one in results]) for name in results[0]}
    return pooled | _spectra(np.stack([found.sums for found in ranges]), side)


def _spectra(sums: np.ndarray, side: int) -> dict[str, np.ndarray]:
    """Magnitudes for feature sums (S, N): along the flattened points, and along each axis, averaged over the other."""
    grid = sums.reshape(-1, side, side)
    return {
        "flat": _magnitudes(sums, axis=1),
        "rows": _magnitudes(grid, axis=1).mean(axis=2),
        "columns": _magnitudes(grid, axis=2).mean(axis=1),
    }


def _magnitudes(values: np.ndarray, axis: int) -> np.ndarray:
    kept = np.arange(_kept(values.shape[axis]))
    return np.abs(np.fft.rfft(values, axis=axis)).take(kept, axis=axis)


def _frequencies(count: int, spacing: float) -> np.ndarray:
    return np.fft.fftfreq(count, spacing)[: _kept(count)]


def _kept(count: int) -> int:
    return min(FREQUENCIES, count // 2)


def _gradient_norms(layers: Sequence[Layer], gradient: torch.Tensor) -> np.ndarray:
    """(R, L + 1), of the weights alone."""
    norms = [torch.linalg.vector_norm(w, dim=(1, 2), dtype=torch.float64) for w, _ in layer_views(layers, gradient)]
    return torch.stack(norms, dim=1).cpu().numpy()


def _normal(x: torch.Tensor) -> torch.Tensor:
    return x.mul(0.5**0.5).erf_().add_(1).mul_(0.5)


def _arcsine(x: torch.Tensor) -> torch.Tensor:
    return x.clamp(-1, 1).asin_().mul_(1 / math.pi).add_(0.5)
