"""Facts that the library computes of itself, without any cell: sizes, derivatives, laws at initialisation.

Each is a function in ``FACTS``, by its name; the first line of its docstring is the criterion that reports show. All of
them together take about a second. Seeds are fixed, so that every fact is the same each time. ``tests/unit/test_theory.py``
and ``test_theory_distributions.py`` hold the same statements to narrower margins.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image

from sirenbench import catalog
from sirenbench.claims.verdicts import Measured
from sirenbench.images.pictures import resize
from sirenbench.lazy import torch
from sirenbench.names import changed, parse_name
from sirenbench.options import Value
from sirenbench.spec import CellSpec

_SCHEMES = ("standard", "kaiming_uniform", "kaiming_normal", "uniform", "normal", "xavier_uniform", "xavier_normal")
_OMEGA = 30.0


@dataclass(frozen=True)
class Fact:
    """Whether it is so, by which numbers, and the one that is compared."""

    holds: bool
    reason: str
    measured: Measured | None = None


FACTS: dict[str, Callable[[], Fact]] = {}


def _fact(function: Callable[[], Fact]) -> Callable[[], Fact]:
    FACTS[function.__name__] = cache(function)
    # The criterion is the docstring, which the cache keeps.
    return FACTS[function.__name__]


# The networks (paper, sections 1, 3.1, 3.2).


@_fact
def the_papers_network() -> Fact:
    """A cell has the paper's settings unless told otherwise: 132,609 parameters, ω0 30, Adam 1e-4, 15,000 steps."""
    spec = _cell("siren-2x256")
    settings = (spec["first_omega"], spec["hidden_omega"], spec["lr"], spec["steps"], spec.loss)
    count = _parameters(spec)
    return Fact(settings == (30, 30, 1e-4, 15_000, None) and count == 132_609, f"{count:,} parameters", _one(count))


@_fact
def the_original_network() -> Fact:
    """3 hidden layers of 256 features besides the first have 198,401 parameters."""
    count = _parameters(_cell("siren-3x256"))
    return Fact(count == 198_401, f"{count:,} parameters", _one(count))


@_fact
def the_relu_twin() -> Fact:
    """The ReLU network has the same layers, and weights of standard deviation √(2/n) within 3 standard errors."""
    from sirenbench.engine.build import architecture

    siren, relu = _cell("siren-2x256"), _cell("relu-2x256")
    same = architecture(siren).layers == architecture(relu).layers
    errors = []
    for weight, _ in _maps(relu, _drawn(relu)):
        expected = math.sqrt(2 / weight.shape[2])
        errors.append(abs(float(weight.std()) / expected - 1) * math.sqrt(2 * weight.numel()))
    worst = max(errors)
    return Fact(same and worst < 3, f"at most {worst:.1f} standard errors away", _one(worst))


@_fact
def both_train_alike() -> Fact:
    """SIREN and ReLU have one optimiser, learning rate, number of steps and loss."""
    siren, relu = _cell("siren-2x256"), _cell("relu-2x256")
    own = ("first_init", "hidden_init", "first_omega", "hidden_omega")
    shared = {key: value for key, value in siren.values.items() if key not in own}
    same = relu.values == shared and siren.loss is relu.loss is None
    return Fact(same, f"lr {relu['lr']:g}, {relu['steps']:,} steps, mean squared error")


@_fact
def memory_ignores_the_resolution() -> Fact:
    """A plain network has as many parameters for 64² pixels as for 512²."""
    plain = {_parameters(parse_name(f"fit/a-{side}/siren-2x256")) for side in (64, 128, 256, 512)}
    encoded = [_parameters(parse_name(f"fit/a-{side}/siren+pe-2x256")) for side in (64, 128, 256)]
    grow = ", ".join(f"{count:,}" for count in encoded)
    return Fact(len(plain) == 1, f"so of plain networks; with the authors' positional encoding {grow} at 64, 128, 256")


@_fact
def any_resolution_can_be_asked() -> Fact:
    """Outputs on a 37 × 911 grid are finite, and equal those of a coarser grid at shared points to 1e-6."""
    spec = _cell("siren-2x256", replicates=1)
    parameters = _drawn(spec)
    fine = _outputs(spec, parameters, _grid(37, 911)).unflatten(1, (37, 911))
    coarse = _outputs(spec, parameters, _grid(19, 456)).unflatten(1, (19, 456))
    apart = float((fine[:, ::2, ::2] - coarse).abs().max())
    return Fact(bool(fine.isfinite().all()) and apart < 1e-6, f"largest difference {apart:.1e}", _one(apart))


@_fact
def psnr_falls_with_the_error() -> Fact:
    """PSNR is 10 log10(4 / MSE) of values in [-1, 1] that need no clipping."""
    from sirenbench.metrics.base import Scorer
    from sirenbench.tasks.base import unit_range

    pixels = (128 + 20 * np.sin(np.arange(256).reshape(16, 16))).astype(np.uint8)
    image = unit_range(pixels) * 2 - 1
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(12, 16, 16, 1, generator=generator).double().clamp(-3, 3)
    noisy = image + noise * torch.logspace(-4, -0.7, 12).double()[:, None, None, None]
    psnr = Scorer(unit_range(pixels), ("psnr",))(noisy)["psnr"]
    error = float((psnr - 10 * (4 / (noisy - image).square().mean(dim=(1, 2, 3))).log10()).abs().max())
    return Fact(error < 1e-9, f"within {error:.0e} dB over 12 levels of noise", _one(error, "dB"))


@_fact
def scores_are_of_the_large_image() -> Fact:
    """In super-resolution the large image is scored, and the small one is trained on."""
    spec = parse_name("sr/a-64-x4/siren-1x8")
    problem = catalog.tasks()["sr"].problem(spec, lambda side, kernel: np.zeros((side, side), np.uint8))
    sides = problem.training.side, problem.scored.side
    return Fact(sides == (16, 64), f"trained on {sides[0]} pixels a side, scored on {sides[1]}")


# Derivatives (paper, sections 2.1 and 3.2).


@_fact
def a_sirens_derivative_is_a_siren() -> Fact:
    """The gradient is a product of sine layers shifted by π/2, to 1e-9 of its largest value."""
    spec = _cell("siren-2x32", replicates=1)
    parameters, points = _drawn(spec, torch.float64), _points(200, torch.float64).requires_grad_()
    values, arguments = _plain(spec, parameters[0], points)
    (by_autograd,) = torch.autograd.grad(values.sum(), points)
    maps = _maps(spec, parameters)
    chain = torch.eye(2, dtype=torch.float64).expand(len(points), 2, 2)
    for (weight, _), z in zip(maps[:-1], arguments, strict=True):
        chain = _OMEGA * torch.sin(z.detach() + math.pi / 2)[:, :, None] * (weight[0] @ chain)
    apart = float(((maps[-1][0][0] @ chain)[:, 0] - by_autograd).abs().max() / by_autograd.abs().max())
    return Fact(apart < 1e-9, f"largest relative difference {apart:.0e}", _one(apart))


@_fact
def relu_has_no_second_derivative() -> Fact:
    """The Laplacian of a ReLU network is 0 at 10,000 random points, by autograd."""
    spec = _cell("relu-2x256", replicates=1)
    points = _points(10_000).requires_grad_()
    largest = float(_laplacian(_plain(spec, _drawn(spec)[0], points)[0], points).abs().max())
    return Fact(largest < 1e-6, f"largest value {largest:g}", _one(largest))


@_fact
def laplacians_teach_relu_nothing() -> Fact:
    """The gradient of the Laplacian loss by every parameter is 0 for a ReLU network, and not for a SIREN."""

    def norm(arm: str) -> float:
        spec = _cell(arm, replicates=1)
        flat, points = _drawn(spec)[0].requires_grad_(), _points(200).requires_grad_()
        loss = (_laplacian(_plain(spec, flat, points)[0], points) - 3).square().mean()
        if not loss.requires_grad:
            return 0.0
        return float(torch.autograd.grad(loss, flat, materialize_grads=True)[0].norm())

    relu, siren = norm("relu-2x32"), norm("siren-2x32")
    return Fact(relu == 0 and siren > 0, f"{relu:g}; that of a SIREN is {siren:.1f}", _one(relu))


# ω0 (paper, section 2.1, equation 6; section 3.3.3).


@_fact
def factorising_boosts_gradients_by_omega() -> Fact:
    """One function with weights W and with W / ω0: the second's gradients are ω0 times as large, to 1e-4."""
    factorised = _cell("siren-2x32", replicates=1)
    whole = _cell("siren-2x32", hidden_omega=1, replicates=1)
    narrow = _drawn(factorised, torch.float64)
    wide = narrow.clone()
    for weight, bias in _maps(whole, wide)[1:-1]:
        weight.mul_(_OMEGA)
        bias.mul_(_OMEGA)
    points = _points(300, torch.float64)
    norms = []
    for spec, parameters in ((factorised, narrow), (whole, wide)):
        flat = parameters[0].clone().requires_grad_()
        loss = (_plain(spec, flat, points)[0] - 0.3).square().mean()
        (gradient,) = torch.autograd.grad(loss, flat)
        norms.append([float(weight.norm()) for weight, _ in _maps(spec, gradient[None])[1:-1]])
    ratios = [a / b for a, b in zip(*norms, strict=True)]
    return Fact(max(abs(r / _OMEGA - 1) for r in ratios) < 1e-4, f"ratio {ratios[0]:.6f}", _one(ratios[0], "×"))


@_fact
def frequency_grows_with_omega() -> Fact:
    """The spectral centroid of the first layer grows linearly with its ω0: R² above 0.98 over 8 to 240."""
    omegas = np.array([8, 15, 30, 60, 120, 240])
    line = torch.stack([torch.full((1024,), 0.3), torch.linspace(-1, 1, 1024)], dim=1)
    centroids = []
    for omega in omegas:
        spec = _cell("siren-1x256", first_omega=float(omega), replicates=1)
        signals = torch.sin(_arguments(spec, line)[0][0]).numpy()
        power = (np.abs(np.fft.rfft((signals - signals.mean(axis=0)) * np.hanning(1024)[:, None], axis=0)) ** 2).sum(axis=1)
        frequencies = np.fft.rfftfreq(1024, 2 / 1023)
        centroids.append(float((power * frequencies)[1:].sum() / power[1:].sum()))
    r2 = float(np.corrcoef(omegas, centroids)[0, 1] ** 2)
    slope = float(np.polyfit(omegas, centroids, 1)[0])
    return Fact(r2 > 0.98 and slope > 0, f"R² {r2:.4f}, {slope:.4f} cycles for each unit of ω0", _one(r2))


# Laws at initialisation (paper, sections 2.1, 3.3, S1.2).


@_fact
def arguments_are_standard_normal() -> Fact:
    """At width 2,048: mean within 0.05 of 0, standard deviation within 0.1 of 1, excess kurtosis within 0.2 of 0."""
    layers = _wide()[1:]
    stds = [float(z.std()) for z in layers]
    means, kurtoses = [float(z.mean()) for z in layers], [_kurtosis(z) for z in layers]
    good = all(abs(s - 1) < 0.1 for s in stds) and max(map(abs, means)) < 0.05 and max(map(abs, kurtoses)) < 0.2
    trained = float(_hidden_arguments("standard", "standard")[-1].std())
    text = f"standard deviations {_listed(stds)}; at the trained width of 256 it is {trained:.2f}, as ω0 multiplies the bias"
    return Fact(good, text, _one(stds[-1]))


@_fact
def values_are_nearly_arcsine() -> Fact:
    """At width 2,048 the distance (Kolmogorov-Smirnov) to the arcsine law on [-1, 1] is below 0.05 in all layers."""
    found = [_distance_to_arcsine(z) for z in _wide()]
    text = f"distances {_listed(found, 3)}: approximately; the sine of N(0, 1) is not exactly arcsine distributed"
    return Fact(max(found) < 0.05, text, _one(max(found)))


@_fact
def activations_and_gradients_are_preserved() -> Fact:
    """2 to 16 hidden layers: standard deviations of all sines within 10 %, gradients per weight within a factor of 10."""
    spreads, ratios = [], []
    for depth in (2, 4, 8, 16):
        spec = _cell(f"siren-{depth}x256", replicates=2)
        stds = [float(torch.sin(z).std()) for z in _arguments(spec, _points(256))]
        spreads.append(max(stds) / min(stds))
        for flat in _drawn(spec):
            sizes = _gradient_sizes(spec, flat)
            ratios.append(sizes[0] / sizes[-2])
    low = min(min(ratios), 1 / max(ratios))
    text = f"standard deviations within {100 * (max(spreads) - 1):.0f} %; per weight the first layer's gradient is "
    text += f"{min(ratios):.2f} to {max(ratios):.2f} of the last hidden one's (its norm is less, having 2 inputs)"
    return Fact(max(spreads) < 1.1 and low > 0.1, text, _one(max(spreads), "×"))


@_fact
def the_first_output_ignores_the_depth() -> Fact:
    """Over networks, the standard deviation of the output changes by less than 20 % from 2 to 16 hidden layers."""
    stds = []
    for depth in (2, 4, 8, 16):
        spec = _cell(f"siren-{depth}x64", channel="rgb", replicates=100)
        stds.append(float(_outputs(spec, _drawn(spec), _points(8)).std()))
    worst = max(abs(std / stds[0] - 1) for std in stds)
    text = f"{_listed(stds, 4)} at 2, 4, 8 and 16 hidden layers; within one image the contrast falls with depth"
    return Fact(worst < 0.2, text, _one(worst))


@_fact
def hidden_layers_do_not_see_the_first_law() -> Fact:
    """All seven laws of the first layer: hidden arguments within 10 % of the standard ones, first values arcsine."""
    own = [float(z.std()) for z in _hidden_arguments("standard", "standard")[1:]]
    worst, distances = 0.0, []
    for law in _SCHEMES:
        first, *hidden = _hidden_arguments(law, "standard")
        worst = max(worst, *(abs(float(z.std()) / std - 1) for z, std in zip(hidden, own, strict=True)))
        distances.append(np.mean([_distance_to_arcsine(of_seed) for of_seed in first]))
    text = f"hidden layers within {100 * worst:.0f} %, first values within {max(distances):.3f} of arcsine, U(0, 1) included"
    return Fact(worst < 0.1 and max(distances) < 0.05, text, _one(worst))


@_fact
def kaiming_uniform_in_the_first_layer() -> Fact:
    """Excess kurtosis of the first arguments within 0.5 of 0; their sines within 0.03 of the arcsine law."""
    first = _hidden_arguments("kaiming_uniform", "standard")[0]
    kurtosis = max((_kurtosis(z) for z in first), key=abs)
    distance = max(_distance_to_arcsine(z) for z in first)
    text = f"standard deviation {float(first.std()):.1f}, excess kurtosis {kurtosis:.2f}, distance {distance:.3f}"
    return Fact(abs(kurtosis) < 0.5 and distance < 0.03, text, _one(kurtosis))


@_fact
def xavier_uniform_in_the_first_layer() -> Fact:
    """Excess kurtosis of the first arguments below -0.5 (a plateau); hidden arguments within 10 % of the standard ones."""
    first, *hidden = _hidden_arguments("xavier_uniform", "standard")
    own = _hidden_arguments("standard", "standard")[1:]
    kurtosis = max(_kurtosis(z) for z in first)
    apart = max(abs(float(z.std() / s.std()) - 1) for z, s in zip(hidden, own, strict=True))
    text = f"excess kurtosis {kurtosis:.2f}: the noise is the bias; hidden layers within {100 * apart:.0f} %"
    return Fact(kurtosis < -0.5 and apart < 0.1, text, _one(kurtosis))


@_fact
def other_hidden_laws_are_normal_but_wide() -> Fact:
    """Hidden arguments have standard deviations 30 ± 3 (Kaiming) and 21 ± 2 (Xavier), excess kurtosis within 0.3 of 0."""
    good, said = True, []
    for law, wanted, by in (("kaiming_uniform", 30, 3), ("xavier_uniform", 21, 2)):
        layers = _hidden_arguments("standard", law)[1:]
        stds = [float(z.std()) for z in layers]
        good &= all(abs(std - wanted) < by for std in stds) and max(abs(_kurtosis(z)) for z in layers) < 0.3
        said.append(f"{law.replace('_', ' ')} {_listed(stds, 1)}")
    return Fact(good, f"{'; '.join(said)}: not N(0, 1), but normal in shape")


@_fact
def other_hidden_laws_give_arcsine_values() -> Fact:
    """With Kaiming and Xavier uniform the hidden sines are within 0.03 of the arcsine law."""
    laws = ("kaiming_uniform", "xavier_uniform")
    worst = max(_distance_to_arcsine(z) for law in laws for z in _hidden_arguments("standard", law)[1:])
    return Fact(worst < 0.03, f"largest distance {worst:.3f}", _one(worst))


@_fact
def other_hidden_laws_explode() -> Fact:
    """Kaiming and Xavier: the first layer's gradient is over 100 times the standard one's, and grows with each layer."""
    smallest, growth = math.inf, math.inf
    for law in ("kaiming_uniform", "kaiming_normal", "xavier_uniform", "xavier_normal"):
        sizes = []
        for depth in (2, 3):
            own, other = (_cell(f"siren-{depth}x256", hidden_init=init, replicates=1) for init in ("standard", law))
            sizes.append(_gradient_sizes(other, _drawn(other)[0])[0] / _gradient_sizes(own, _drawn(own)[0])[0])
        smallest, growth = min(smallest, sizes[1]), min(growth, sizes[1] / sizes[0])
    text = f"at least {smallest:,.0f} times at 3 hidden layers, {growth:.0f} times for each further layer"
    return Fact(smallest > 100 and growth > 10, text, _one(smallest, "×"))


@_fact
def kaiming_uniform_over_omega_is_sirens_law() -> Fact:
    """Kaiming uniform divided by ω0 = 30 is SIREN's own hidden law, weight by weight."""
    standard, kaiming = (_drawn(_cell("siren-3x256", hidden_init=law, replicates=1)) for law in _SCHEMES[:2])
    spec = _cell("siren-3x256", replicates=1)
    pairs = zip(_maps(spec, standard)[1:-1], _maps(spec, kaiming)[1:-1], strict=True)
    apart = max(float((own / (other / _OMEGA) - 1).abs().max()) for (own, _), (other, _) in pairs)
    return Fact(apart < 1e-6, f"largest relative difference {apart:.0e}", _one(apart))


@_fact
def kaiming_normal_is_normal_in_the_first_layer() -> Fact:
    """Fan-in 2 gives Kaiming normal the standard deviation √(2/2) = 1: the same draws, bit by bit."""
    kaiming, normal = (_drawn(_cell("siren-3x256", first_init=law)) for law in ("kaiming_normal", "normal"))
    return Fact(bool(torch.equal(kaiming, normal)), "equal, bit by bit")


@_fact
def standard_is_kaiming_uniform_without_omega() -> Fact:
    """At hidden ω0 = 1 SIREN's hidden law is Kaiming uniform: the same draws but for the last bit."""
    laws = ("standard", "kaiming_uniform")
    standard, kaiming = (_drawn(_cell("siren-3x256", hidden_omega=1, hidden_init=law)) for law in laws)
    apart = float((standard - kaiming).abs().max() / standard.abs().max())
    return Fact(apart < 1e-6, f"largest relative difference {apart:.0e}", _one(apart))


# Super-resolution (paper, section 2.3; protocol.md, losses).


@_fact
def super_resolution_is_ill_posed() -> Fact:
    """Two images less than 25 dB alike have small images that differ by less than 0.001 of the range."""
    rows, columns = np.mgrid[0:128, 0:128]
    smooth = 128 + 60 * np.sin(rows / 19) * np.cos(columns / 23)
    pictures = [(smooth + amplitude * (-1.0) ** (rows + columns)).round().astype(np.uint8) for amplitude in (0, 20)]
    small = [resize(Image.fromarray(picture), 32, "pil-bilinear").astype(float) for picture in pictures]
    difference = float(np.abs(small[0] - small[1]).mean() / 255)
    psnr = -10 * math.log10(float(np.mean((pictures[0] / 255 - pictures[1] / 255) ** 2)))
    return Fact(difference < 1e-3 and psnr < 25, f"{psnr:.1f} dB apart, small images by {difference:.1e}", _one(psnr, "dB"))


@_fact
def freezing_modules_freezes_nothing() -> Fact:
    """Setting requires_grad of modules instead of parameters, as the authors' code does, leaves all to be trained."""
    block = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.ReLU(), torch.nn.Conv2d(2, 1, 3))
    for module in block:
        module.requires_grad = False
    trained = [parameter.requires_grad for parameter in block.parameters()]
    return Fact(all(trained), f"{sum(trained)} of {len(trained)} parameters are still trained")


# What they are made of.


def _cell(arm: str, **options: Value) -> CellSpec:
    return changed(parse_name(f"fit/a-256/{arm}"), **options)


def _one(value: float, unit: str = "") -> Measured:
    return Measured.exactly(float(value), unit)


def _listed(values: list[float], digits: int = 2) -> str:
    return ", ".join(f"{value:.{digits}f}" for value in values)


def _parameters(spec: CellSpec) -> int:
    from sirenbench.engine.build import architecture

    return architecture(spec).parameters


def _drawn(spec: CellSpec, dtype: torch.dtype | None = None) -> torch.Tensor:
    """The initial parameters (R, P)."""
    from sirenbench.engine.build import architecture, initial_parameters

    return initial_parameters(spec, architecture(spec).layers).to(dtype or torch.float32)


def _maps(spec: CellSpec, parameters: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Weight (R, out, in) and bias (R, out) of each layer, as views."""
    from sirenbench.engine.build import architecture
    from sirenbench.engine.mlp import layer_views

    return layer_views(architecture(spec).layers, parameters)


def _outputs(spec: CellSpec, parameters: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    """What the networks give at points (N, 2): (R, N, C)."""
    from sirenbench.engine.build import architecture
    from sirenbench.engine.mlp import BatchedMlp

    built = architecture(spec)
    out = points.new_empty(len(parameters), len(points), built.layers[-1].fan_out)
    BatchedMlp(built.layers, built.activations, parameters).predict(points, out)
    return out


def _arguments(spec: CellSpec, points: torch.Tensor) -> list[torch.Tensor]:
    """The argument (R, N, W) of every sine, without derivatives."""
    parameters = _drawn(spec, points.dtype)
    with torch.no_grad():
        by_replicate = [_plain(spec, flat, points)[1] for flat in parameters]
    return [torch.stack(layer) for layer in zip(*by_replicate, strict=True)]


def _plain(spec: CellSpec, flat: torch.Tensor, points: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """One replicate (P,) written for autograd: outputs (N, C), and every non-linearity's argument."""
    x, arguments = points, []
    maps = _maps(spec, flat[None])
    for index, (weight, bias) in enumerate(maps):
        x = torch.addmm(bias[0], x, weight[0].T)
        if index < len(maps) - 1:
            omega = spec["first_omega" if index == 0 else "hidden_omega"] if spec.network == "siren" else 1
            arguments.append(float(omega) * x)
            x = torch.sin(arguments[-1]) if spec.network == "siren" else torch.relu(arguments[-1])
    return x, arguments


def _laplacian(values: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    """The sum of both second derivatives at every point, (N,)."""

    def slopes(of: torch.Tensor) -> torch.Tensor:
        return torch.autograd.grad(of.sum(), points, create_graph=True, materialize_grads=True)[0]

    first = slopes(values)
    return slopes(first[:, 0])[:, 0] + slopes(first[:, 1])[:, 1]


def _gradient_sizes(spec: CellSpec, flat: torch.Tensor) -> list[float]:
    """Root mean square of the gradient by each layer's weights, of the error to a smooth picture of 24 x 24 pixels."""
    points = _grid(24, 24)
    target = 0.7 * torch.sin(3 * points[:, :1]) * torch.cos(4 * points[:, 1:]) - 0.1
    own = flat.clone().requires_grad_()
    (gradient,) = torch.autograd.grad((_plain(spec, own, points)[0] - target).square().mean(), own)
    return [float(weight.square().mean().sqrt()) for weight, _ in _maps(spec, gradient[None])]


@cache
def _wide() -> list[torch.Tensor]:
    """The sines' arguments (N W) at width 2,048, one seed, 128 points."""
    return [z.flatten() for z in _arguments(_cell("siren-3x2048", replicates=1), _points(128))]


@cache
def _hidden_arguments(first: str, hidden: str) -> list[torch.Tensor]:
    """The sines' arguments (R, N W) at width 256, five seeds, 128 points."""
    spec = _cell("siren-3x256", first_init=first, hidden_init=hidden)
    return [z.flatten(1) for z in _arguments(spec, _points(128))]


def _kurtosis(values: torch.Tensor) -> float:
    """In excess of a normal law's 3."""
    deviation = (values - values.mean()).double()
    return float((deviation**4).mean() / (deviation**2).mean() ** 2 - 3)


def _distance_to_arcsine(arguments: torch.Tensor) -> float:
    """Kolmogorov's, of the sines of some arguments."""
    ordered = torch.sin(arguments.flatten().double()).sort().values
    expected = torch.asin(ordered.clamp(-1, 1)) / math.pi + 0.5
    steps = torch.arange(len(ordered) + 1, dtype=torch.float64) / len(ordered)
    return float(torch.maximum((steps[1:] - expected).max(), (expected - steps[:-1]).max()))


def _points(count: int, dtype: torch.dtype | None = None) -> torch.Tensor:
    """Points (N, 2), uniform over [-1, 1]²."""
    generator = torch.Generator().manual_seed(1)
    return torch.rand(count, 2, generator=generator, dtype=dtype or torch.float32) * 2 - 1


def _grid(rows: int, columns: int) -> torch.Tensor:
    axes = (torch.linspace(-1, 1, count) for count in (rows, columns))
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).reshape(-1, 2)
