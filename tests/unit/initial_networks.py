"""Networks at their initialisation, asked through the library, and the same written plainly for autograd."""

from __future__ import annotations

import numpy as np
import torch

from sirenbench.engine.build import architecture, encode, initial_parameters
from sirenbench.engine.mlp import BatchedMlp, layer_views
from sirenbench.names import changed, parse_name
from sirenbench.networks.base import Layer
from sirenbench.options import Value
from sirenbench.spec import CellSpec

SCHEMES = ("standard", "kaiming_uniform", "kaiming_normal", "uniform", "normal", "xavier_uniform", "xavier_normal")


def cell(arm: str, **options: Value) -> CellSpec:
    """An image-fitting cell at 256 x 256 with five seeds, but for ``options``."""
    return changed(parse_name(f"fit/a-256/{arm}"), **options)


def drawn(spec: CellSpec, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """The initial parameters (R, P)."""
    return initial_parameters(spec, architecture(spec).layers).to(dtype)


def maps(spec: CellSpec, parameters: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Weight (R, out, in) and bias (R, out) of each layer, as views of ``parameters``."""
    return layer_views(architecture(spec).layers, parameters)


def weights(spec: CellSpec) -> list[torch.Tensor]:
    """The initial weights (R, out, in) of each layer."""
    return [weight for weight, _ in maps(spec, drawn(spec))]


def outputs(spec: CellSpec, parameters: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    """What the library's networks give at points (N, 2): (R, N, C)."""
    layers = architecture(spec).layers
    return _cut(spec, parameters, layers, encode(spec, points))


def pre_activations(spec: CellSpec, points: torch.Tensor, parameters: torch.Tensor | None = None) -> list[torch.Tensor]:
    """The argument (R, N, W) of every non-linearity at points (N, 2), by the library's forward pass.

    A network that ends after its k-th linear map, which then is its last one, shows what that map gives.
    """
    built = architecture(spec)
    own = drawn(spec, points.dtype) if parameters is None else parameters
    inputs = encode(spec, points)
    return [
        activation.scale * _cut(spec, own, built.layers[: k + 1], inputs)
        for k, activation in enumerate(built.activations)
    ]


def _cut(spec: CellSpec, parameters: torch.Tensor, layers: tuple[Layer, ...], inputs: torch.Tensor) -> torch.Tensor:
    network = BatchedMlp(layers, architecture(spec).activations[: len(layers) - 1], parameters)
    out = inputs.new_empty(parameters.shape[0], inputs.shape[0], layers[-1].fan_out)
    network.predict(inputs, out)
    return out


def plain(spec: CellSpec, flat: torch.Tensor, points: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """One replicate (P,) without the library's forward pass: outputs (N, C), and every non-linearity's argument."""
    x, arguments = encode(spec, points), []
    for layer, (weight, bias) in zip(architecture(spec).layers, maps(spec, flat[None]), strict=True):
        x = x @ weight[0].T + bias[0]
        if layer.role != "last":
            arguments.append(float(spec[f"{layer.role}_omega"]) * x if spec.network == "siren" else x)
            x = torch.sin(arguments[-1]) if spec.network == "siren" else torch.relu(arguments[-1])
    return x, arguments


def derivative(values: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    """d(values of point n) / d(point n), (N, 2), by autograd; can be derived again."""
    (slopes,) = torch.autograd.grad(values.sum(), points, create_graph=True, materialize_grads=True)
    return slopes


def laplacian(values: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    """The sum of both second derivatives at every point, (N,), by autograd."""
    slopes = derivative(values, points)
    return derivative(slopes[:, 0], points)[:, 0] + derivative(slopes[:, 1], points)[:, 1]


def random_points(count: int, dtype: torch.dtype = torch.float32, seed: int = 1) -> torch.Tensor:
    """Points (N, 2), uniform over the picture [-1, 1]^2."""
    return torch.rand(count, 2, generator=torch.Generator().manual_seed(seed), dtype=dtype) * 2 - 1


def grid(rows: int, columns: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """The corner-aligned grid (rows columns, 2) of a picture."""
    axes = (torch.linspace(-1, 1, count, dtype=dtype) for count in (rows, columns))
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).reshape(-1, 2)


def line(count: int) -> torch.Tensor:
    """Points (N, 2) evenly along one row of the picture."""
    columns = torch.linspace(-1, 1, count)
    return torch.stack([torch.full_like(columns, 0.3), columns], dim=1)


def power_spectrum(signals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of signals (R, N, F) along :func:`line`: frequencies in cycles per unit length, and power (R, frequencies).

    Frequency zero is left out, the window is Hann's, and the powers of the features are added up.
    """
    count = signals.shape[1]
    smooth = (signals - signals.mean(axis=1, keepdims=True)) * np.hanning(count)[:, None]
    power = (np.abs(np.fft.rfft(smooth, axis=1)) ** 2).sum(axis=2)
    return np.fft.rfftfreq(count, 2 / (count - 1))[1:], power[:, 1:]
