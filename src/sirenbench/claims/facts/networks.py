"""Facts of the networks and of how they are trained and scored (paper, sections 1, 3.1, 3.2)."""

from __future__ import annotations

import math

import numpy as np

from sirenbench import catalog
from sirenbench.claims.facts.base import Fact, one
from sirenbench.claims.facts.untrained import cell, drawn, grid, maps, outputs, parameters_of
from sirenbench.lazy import torch
from sirenbench.names import parse_name


def the_papers_network() -> Fact:
    """A cell has the paper's settings unless told otherwise: 132,609 parameters, ω0 30, Adam 1e-4, 15,000 steps."""
    spec = cell("siren-2x256")
    settings = (spec["first_omega"], spec["hidden_omega"], spec["lr"], spec["steps"], spec.loss)
    count = parameters_of(spec)
    return Fact(settings == (30, 30, 1e-4, 15_000, None) and count == 132_609, f"{count:,} parameters", one(count))


def the_original_network() -> Fact:
    """3 hidden layers of 256 features besides the first have 198,401 parameters."""
    count = parameters_of(cell("siren-3x256"))
    return Fact(count == 198_401, f"{count:,} parameters", one(count))


def the_relu_twin() -> Fact:
    """The ReLU network has the same layers, and weights of standard deviation √(2/n) within 3 standard errors."""
    from sirenbench.engine.build import architecture

    siren, relu = cell("siren-2x256"), cell("relu-2x256")
    same = architecture(siren).layers == architecture(relu).layers
    errors = []
    for weight, _ in maps(relu, drawn(relu)):
        expected = math.sqrt(2 / weight.shape[2])
        errors.append(abs(float(weight.std()) / expected - 1) * math.sqrt(2 * weight.numel()))
    worst = max(errors)
    return Fact(same and worst < 3, f"at most {worst:.1f} standard errors away", one(worst))


def both_train_alike() -> Fact:
    """SIREN and ReLU have one optimiser, learning rate, number of steps and loss."""
    siren, relu = cell("siren-2x256"), cell("relu-2x256")
    own = ("first_init", "hidden_init", "first_omega", "hidden_omega")
    shared = {key: value for key, value in siren.values.items() if key not in own}
    same = relu.values == shared and siren.loss is relu.loss is None
    return Fact(same, f"lr {relu['lr']:g}, {relu['steps']:,} steps, mean squared error")


def memory_ignores_the_resolution() -> Fact:
    """A plain network has as many parameters for 64² pixels as for 512²."""
    plain = {parameters_of(parse_name(f"fit/a-{side}/siren-2x256")) for side in (64, 128, 256, 512)}
    encoded = [parameters_of(parse_name(f"fit/a-{side}/siren+pe-2x256")) for side in (64, 128, 256)]
    grow = ", ".join(f"{count:,}" for count in encoded)
    return Fact(len(plain) == 1, f"so of plain networks; with the authors' positional encoding {grow} at 64, 128, 256")


def any_resolution_can_be_asked() -> Fact:
    """Outputs on a 37 × 911 grid are finite, and equal those of a coarser grid at shared points to 1e-6."""
    spec = cell("siren-2x256", replicates=1)
    parameters = drawn(spec)
    fine = outputs(spec, parameters, grid(37, 911)).unflatten(1, (37, 911))
    coarse = outputs(spec, parameters, grid(19, 456)).unflatten(1, (19, 456))
    apart = float((fine[:, ::2, ::2] - coarse).abs().max())
    return Fact(bool(fine.isfinite().all()) and apart < 1e-6, f"largest difference {apart:.1e}", one(apart))


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
    return Fact(error < 1e-9, f"within {error:.0e} dB over 12 levels of noise", one(error, "dB"))


def scores_are_of_the_large_image() -> Fact:
    """In super-resolution the large image is scored, and the small one is trained on."""
    spec = parse_name("sr/a-64-x4/siren-1x8")
    problem = catalog.tasks()["sr"].problem(spec, lambda side, kernel: np.zeros((side, side), np.uint8))
    sides = problem.training.side, problem.scored.side
    return Fact(sides == (16, 64), f"trained on {sides[0]} pixels a side, scored on {sides[1]}")


FACTS = (
    the_papers_network,
    the_original_network,
    the_relu_twin,
    both_train_alike,
    memory_ignores_the_resolution,
    any_resolution_can_be_asked,
    psnr_falls_with_the_error,
    scores_are_of_the_large_image,
)
