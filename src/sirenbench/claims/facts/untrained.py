"""Networks of fixed seeds at their initialisation, as facts are computed of them."""

from __future__ import annotations

import math

from sirenbench.lazy import torch
from sirenbench.names import changed, parse_name
from sirenbench.options import Value
from sirenbench.spec import CellSpec

OMEGA = 30.0  # of every layer, by default


def cell(arm: str, **options: Value) -> CellSpec:
    """An image-fitting cell at 256 x 256 with five seeds, but for ``options``."""
    return changed(parse_name(f"fit/a-256/{arm}"), **options)


def parameters_of(spec: CellSpec) -> int:
    """Weights and biases of one replicate."""
    from sirenbench.engine.build import architecture

    return architecture(spec).parameters


def drawn(spec: CellSpec, dtype: torch.dtype | None = None) -> torch.Tensor:
    """The initial parameters (R, P)."""
    from sirenbench.engine.build import architecture, initial_parameters

    return initial_parameters(spec, architecture(spec).layers).to(dtype or torch.float32)


def maps(spec: CellSpec, parameters: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Weight (R, out, in) and bias (R, out) of each layer, as views."""
    from sirenbench.engine.build import architecture
    from sirenbench.engine.mlp import layer_views

    return layer_views(architecture(spec).layers, parameters)


def outputs(spec: CellSpec, parameters: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    """What the networks give at points (N, 2): (R, N, C)."""
    from sirenbench.engine.build import architecture
    from sirenbench.engine.mlp import BatchedMlp

    built = architecture(spec)
    out = points.new_empty(len(parameters), len(points), built.layers[-1].fan_out)
    BatchedMlp(built.layers, built.activations, parameters).predict(points, out)
    return out


def arguments(spec: CellSpec, points: torch.Tensor) -> list[torch.Tensor]:
    """The argument (R, N, W) of every sine, without derivatives."""
    parameters = drawn(spec, points.dtype)
    with torch.no_grad():
        by_replicate = [plain(spec, flat, points)[1] for flat in parameters]
    return [torch.stack(layer) for layer in zip(*by_replicate, strict=True)]


def plain(spec: CellSpec, flat: torch.Tensor, points: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """One replicate (P,) written for autograd: outputs (N, C), and every non-linearity's argument."""
    is_sine = spec.network == "siren"
    x, inner = points, []
    *below, (last, offset) = maps(spec, flat[None])
    for index, (weight, bias) in enumerate(below):
        omega = float(spec["first_omega" if index == 0 else "hidden_omega"]) if is_sine else 1.0
        inner.append(omega * torch.addmm(bias[0], x, weight[0].T))
        x = torch.sin(inner[-1]) if is_sine else torch.relu(inner[-1])
    return torch.addmm(offset[0], x, last[0].T), inner


def laplacian(values: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    """The sum of both second derivatives at every point, (N,)."""

    def slopes(of: torch.Tensor) -> torch.Tensor:
        return torch.autograd.grad(of.sum(), points, create_graph=True, materialize_grads=True)[0]

    first = slopes(values)
    return slopes(first[:, 0])[:, 0] + slopes(first[:, 1])[:, 1]


def gradient_sizes(spec: CellSpec, flat: torch.Tensor) -> list[float]:
    """Root mean square of the gradient by each layer's weights, of the error to a smooth picture of 16 x 16 pixels."""
    points = grid(16, 16)
    target = 0.7 * torch.sin(3 * points[:, :1]) * torch.cos(4 * points[:, 1:]) - 0.1
    own = flat.clone().requires_grad_()
    (gradient,) = torch.autograd.grad((plain(spec, own, points)[0] - target).square().mean(), own)
    return [float(weight.square().mean().sqrt()) for weight, _ in maps(spec, gradient[None])]


def kurtosis_of(values: torch.Tensor) -> float:
    """In excess of a normal law's 3."""
    deviation = (values - values.mean()).double()
    return float((deviation**4).mean() / (deviation**2).mean() ** 2 - 3)


def distance_to_arcsine(of_sines: torch.Tensor) -> float:
    """Kolmogorov's, of the sines of some arguments."""
    ordered = torch.sin(of_sines.flatten().double()).sort().values
    expected = torch.asin(ordered.clamp(-1, 1)) / math.pi + 0.5
    steps = torch.arange(len(ordered) + 1, dtype=torch.float64) / len(ordered)
    return float(torch.maximum((steps[1:] - expected).max(), (expected - steps[:-1]).max()))


def points_of(count: int, dtype: torch.dtype | None = None) -> torch.Tensor:
    """Points (N, 2), uniform over [-1, 1]²."""
    generator = torch.Generator().manual_seed(1)
    return torch.rand(count, 2, generator=generator, dtype=dtype or torch.float32) * 2 - 1


def grid(rows: int, columns: int) -> torch.Tensor:
    """The corner-aligned grid (rows columns, 2) of a picture."""
    axes = (torch.linspace(-1, 1, count) for count in (rows, columns))
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).reshape(-1, 2)
