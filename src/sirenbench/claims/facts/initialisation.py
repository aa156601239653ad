"""Facts of activations and gradients at initialisation (paper, sections 2.1, 3.3, S1.2)."""

from __future__ import annotations

import math
from functools import cache
from statistics import fmean

import numpy as np

from sirenbench.claims.facts.base import Fact, listed, of_seeds, one
from sirenbench.claims.facts.untrained import (
    OMEGA,
    arguments,
    cell,
    distance_to_arcsine,
    drawn,
    gradient_sizes,
    kurtosis_of,
    maps,
    outputs,
    points_of,
)
from sirenbench.lazy import torch

_SEEDS, _MANY_SEEDS = 5, 10
_SCHEMES = ("standard", "kaiming_uniform", "kaiming_normal", "uniform", "normal", "xavier_uniform", "xavier_normal")


@cache
def _wide() -> list[list[torch.Tensor]]:
    """By layer and seed, the sines' arguments (N W) at width 2,048: five seeds, one at a time, and 128 points."""
    specs = [cell("siren-3x2048", replicates=1, seed=seed) for seed in range(_SEEDS)]
    by_seed = [[z.flatten() for z in arguments(spec, points_of(128))] for spec in specs]
    return [list(layer) for layer in zip(*by_seed, strict=True)]


@cache
def _hidden_arguments(first: str, hidden: str) -> list[torch.Tensor]:
    """The sines' arguments (R, N W) at width 256, five seeds, 128 points."""
    spec = cell("siren-3x256", first_init=first, hidden_init=hidden)
    return [z.flatten(1) for z in arguments(spec, points_of(128))]


def arguments_are_standard_normal() -> Fact:
    """At width 2,048: mean within 0.05 of 0, standard deviation within 0.1 of 1, excess kurtosis within 0.2 of 0."""
    layers = _wide()[1:]
    drawings = [z for layer in layers for z in layer]
    stds = [[float(z.std()) for z in layer] for layer in layers]
    apart = max(abs(std - 1) for layer in stds for std in layer)
    good = apart < 0.1 and all(abs(float(z.mean())) < 0.05 and abs(kurtosis_of(z)) < 0.2 for z in drawings)
    trained = float(_hidden_arguments("standard", "standard")[-1].std())
    text = (
        f"standard deviations {listed(map(fmean, stds))}, each of {_SEEDS} seeds within {apart:.2f} of 1; "
        f"{trained:.2f} at the trained width of 256, where ω0 times the bias counts"
    )
    return Fact(good, text, of_seeds(stds[-1]))


def values_are_nearly_arcsine() -> Fact:
    """At width 2,048 the distance (Kolmogorov-Smirnov) to the arcsine law on [-1, 1] is below 0.05 in all layers."""
    found = [[distance_to_arcsine(z) for z in layer] for layer in _wide()]
    largest = [max(of_seed) for of_seed in zip(*found, strict=True)]
    text = (
        f"distances {listed(map(fmean, found), 3)}, at most {max(largest):.3f} for any of {_SEEDS} seeds: "
        "approximately; the sine of N(0, 1) is not exactly arcsine distributed"
    )
    return Fact(max(largest) < 0.05, text, of_seeds(largest))


def activations_and_gradients_are_preserved() -> Fact:
    """At 2 to 16 hidden layers the sines' deviations are within 10 %, gradients per weight in the mean within × 10."""
    spreads, ratios = [], []
    for depth in (2, 4, 8, 16):
        spec = cell(f"siren-{depth}x256", replicates=_MANY_SEEDS)
        stds = torch.stack([torch.sin(z).std(dim=(1, 2)) for z in arguments(spec, points_of(256))])
        spreads.append((stds.max(dim=0).values / stds.min(dim=0).values).tolist())
        sizes = [first / hidden for first, *_, hidden, _ in (gradient_sizes(spec, flat) for flat in drawn(spec))]
        ratios.append(of_seeds([math.log10(size) for size in sizes]))
    worst = [max(of_seed) for of_seed in zip(*spreads, strict=True)]
    low, *_, high = sorted(10**ratio.mean for ratio in ratios)
    text = (
        f"standard deviations within {100 * (max(worst) - 1):.0f} % for each of {_MANY_SEEDS} seeds; per weight the "
        f"first layer's gradient is {low:.2f} to {high:.2f} of the last hidden one's in their geometric mean (its norm "
        "is less, having 2 inputs)"
    )
    is_within = all(-1 < ratio.low <= ratio.high < 1 for ratio in ratios)
    return Fact(max(worst) < 1.1 and is_within, text, of_seeds(worst, "×"))


def the_first_output_ignores_the_depth() -> Fact:
    """Over networks, the standard deviation of the output changes by less than 20 % from 2 to 16 hidden layers."""
    stds = []
    for depth in (2, 4, 8, 16):
        spec = cell(f"siren-{depth}x64", channel="rgb", replicates=100)
        stds.append(float(outputs(spec, drawn(spec), points_of(4)).std()))
    worst = max(abs(std / stds[0] - 1) for std in stds)
    text = f"{listed(stds, 4)} at 2, 4, 8 and 16 hidden layers; within one image the contrast falls with depth"
    return Fact(worst < 0.2, text, one(worst))


def hidden_layers_do_not_see_the_first_law() -> Fact:
    """All seven laws of the first layer: hidden arguments within 10 % of the standard ones, first values arcsine."""
    own = [float(z.std()) for z in _hidden_arguments("standard", "standard")[1:]]
    worst, distances = 0.0, []
    for law in _SCHEMES:
        first, *hidden = _hidden_arguments(law, "standard")
        worst = max(worst, *(abs(float(z.std()) / std - 1) for z, std in zip(hidden, own, strict=True)))
        distances.append(float(np.mean([distance_to_arcsine(of_seed) for of_seed in first])))
    text = f"hidden layers within {100 * worst:.0f} %, first values {max(distances):.3f} from arcsine, U(0, 1) included"
    return Fact(worst < 0.1 and max(distances) < 0.05, text, one(worst))


def kaiming_uniform_in_the_first_layer() -> Fact:
    """Excess kurtosis of the first arguments within 0.5 of 0; their sines within 0.03 of the arcsine law."""
    first = _hidden_arguments("kaiming_uniform", "standard")[0]
    kurtosis = max((kurtosis_of(z) for z in first), key=abs)
    distance = max(distance_to_arcsine(z) for z in first)
    text = f"standard deviation {float(first.std()):.1f}, excess kurtosis {kurtosis:.2f}, distance {distance:.3f}"
    return Fact(abs(kurtosis) < 0.5 and distance < 0.03, text, one(kurtosis))


def xavier_uniform_in_the_first_layer() -> Fact:
    """First arguments have an excess kurtosis below -0.5 (a plateau), hidden ones are within 10 % of the standard."""
    first, *hidden = _hidden_arguments("xavier_uniform", "standard")
    own = _hidden_arguments("standard", "standard")[1:]
    kurtosis = max(kurtosis_of(z) for z in first)
    apart = max(abs(float(z.std() / s.std()) - 1) for z, s in zip(hidden, own, strict=True))
    text = f"excess kurtosis {kurtosis:.2f}: the noise is the bias; hidden layers within {100 * apart:.0f} %"
    return Fact(kurtosis < -0.5 and apart < 0.1, text, one(kurtosis))


def other_hidden_laws_are_normal_but_wide() -> Fact:
    """Hidden arguments: standard deviation 30 ± 3 (Kaiming) or 21 ± 2 (Xavier), excess kurtosis within 0.3 of 0."""
    good, said = True, []
    for law, wanted, by in (("kaiming_uniform", 30, 3), ("xavier_uniform", 21, 2)):
        layers = _hidden_arguments("standard", law)[1:]
        stds = [float(z.std()) for z in layers]
        good &= all(abs(std - wanted) < by for std in stds) and max(abs(kurtosis_of(z)) for z in layers) < 0.3
        said.append(f"{law.replace('_', ' ')} {listed(stds, 1)}")
    return Fact(good, f"{'; '.join(said)}: not N(0, 1), but normal in shape")


def other_hidden_laws_give_arcsine_values() -> Fact:
    """With Kaiming and Xavier uniform the hidden sines are within 0.03 of the arcsine law."""
    laws = ("kaiming_uniform", "xavier_uniform")
    worst = max(distance_to_arcsine(z) for law in laws for z in _hidden_arguments("standard", law)[1:])
    return Fact(worst < 0.03, f"largest distance {worst:.3f}", one(worst))


def other_hidden_laws_explode() -> Fact:
    """Kaiming and Xavier give the first layer over 100 times the standard gradient, and ever more with depth."""
    laws = ("kaiming_uniform", "kaiming_normal", "xavier_uniform", "xavier_normal")
    own = np.array([_first_gradients(depth, "standard") for depth in (2, 3)])
    ratios = np.array([[_first_gradients(depth, law) for depth in (2, 3)] for law in laws]) / own
    smallest, growth = ratios[:, 1].min(axis=0), (ratios[:, 1] / ratios[:, 0]).min()
    text = f"at least {smallest.min():,.0f} times at 3 hidden layers, {growth:.0f} times for each further layer, "
    text += f"for each of {_SEEDS} seeds"
    return Fact(bool(smallest.min() > 100 and growth > 10), text, of_seeds(smallest, "×"))


def _first_gradients(depth: int, law: str) -> list[float]:
    """The size of the first layer's gradient, of every seed."""
    spec = cell(f"siren-{depth}x256", hidden_init=law, replicates=_SEEDS)
    return [gradient_sizes(spec, flat)[0] for flat in drawn(spec)]


def kaiming_uniform_over_omega_is_sirens_law() -> Fact:
    """Kaiming uniform divided by ω0 = 30 is SIREN's own hidden law, weight by weight."""
    standard, kaiming = (drawn(cell("siren-3x256", hidden_init=law, replicates=1)) for law in _SCHEMES[:2])
    spec = cell("siren-3x256", replicates=1)
    pairs = zip(maps(spec, standard)[1:-1], maps(spec, kaiming)[1:-1], strict=True)
    apart = max(float((own / (other / OMEGA) - 1).abs().max()) for (own, _), (other, _) in pairs)
    return Fact(apart < 1e-6, f"largest relative difference {apart:.0e}", one(apart))


def kaiming_normal_is_normal_in_the_first_layer() -> Fact:
    """Fan-in 2 gives Kaiming normal the standard deviation √(2/2) = 1: the same draws, bit by bit."""
    kaiming, normal = (drawn(cell("siren-3x256", first_init=law)) for law in ("kaiming_normal", "normal"))
    different = int((kaiming != normal).sum())
    return Fact(different == 0, f"{different} of {kaiming.numel():,} weights differ", one(different))


def standard_is_kaiming_uniform_without_omega() -> Fact:
    """At hidden ω0 = 1 SIREN's hidden law is Kaiming uniform: the same draws but for the last bit."""
    laws = ("standard", "kaiming_uniform")
    standard, kaiming = (drawn(cell("siren-3x256", hidden_omega=1, hidden_init=law)) for law in laws)
    apart = float((standard - kaiming).abs().max() / standard.abs().max())
    return Fact(apart < 1e-6, f"largest relative difference {apart:.0e}", one(apart))


FACTS = (
    arguments_are_standard_normal,
    values_are_nearly_arcsine,
    activations_and_gradients_are_preserved,
    the_first_output_ignores_the_depth,
    hidden_layers_do_not_see_the_first_law,
    kaiming_uniform_in_the_first_layer,
    xavier_uniform_in_the_first_layer,
    other_hidden_laws_are_normal_but_wide,
    other_hidden_laws_give_arcsine_values,
    other_hidden_laws_explode,
    kaiming_uniform_over_omega_is_sirens_law,
    kaiming_normal_is_normal_in_the_first_layer,
    standard_is_kaiming_uniform_without_omega,
)
