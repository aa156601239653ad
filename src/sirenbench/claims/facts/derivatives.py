"""Facts of derivatives, and of what ω0 does to gradients and frequencies (paper, sections 2.1, 3.2, 3.3.3)."""

from __future__ import annotations

import math

import numpy as np

from sirenbench.claims.facts.base import Fact, one
from sirenbench.claims.facts.untrained import OMEGA, arguments, cell, drawn, laplacian, maps, plain, points_of
from sirenbench.lazy import torch


def a_sirens_derivative_is_a_siren() -> Fact:
    """The gradient is a product of sine layers shifted by π/2, to 1e-9 of its largest value."""
    spec = cell("siren-2x32", replicates=1)
    parameters, points = drawn(spec, torch.float64), points_of(200, torch.float64).requires_grad_()
    values, inner = plain(spec, parameters[0], points)
    (by_autograd,) = torch.autograd.grad(values.sum(), points)
    *below, (last, _) = maps(spec, parameters)
    chain = torch.eye(2, dtype=torch.float64).expand(len(points), 2, 2)
    for (weight, _), z in zip(below, inner, strict=True):
        chain = OMEGA * torch.sin(z.detach() + math.pi / 2)[:, :, None] * (weight[0] @ chain)
    apart = float(((last[0] @ chain)[:, 0] - by_autograd).abs().max() / by_autograd.abs().max())
    return Fact(apart < 1e-9, f"largest relative difference {apart:.0e}", one(apart))


def relu_has_no_second_derivative() -> Fact:
    """The Laplacian of a ReLU network is 0 at 2,000 random points, by autograd."""
    spec = cell("relu-2x256", replicates=1)
    points = points_of(2_000).requires_grad_()
    curvature = laplacian(plain(spec, drawn(spec)[0], points)[0], points)
    largest = float(curvature.detach().abs().max())
    return Fact(largest < 1e-6, f"largest value {largest:g}", one(largest))


def laplacians_teach_relu_nothing() -> Fact:
    """The gradient of the Laplacian loss by every parameter is 0 for a ReLU network, and not for a SIREN."""

    def norm(arm: str) -> float:
        spec = cell(arm, replicates=1)
        flat, points = drawn(spec)[0].requires_grad_(), points_of(200).requires_grad_()
        loss = (laplacian(plain(spec, flat, points)[0], points) - 3).square().mean()
        if not loss.requires_grad:
            return 0.0
        return float(torch.autograd.grad(loss, flat, materialize_grads=True)[0].norm())

    relu, siren = norm("relu-2x32"), norm("siren-2x32")
    return Fact(relu == 0 and siren > 0, f"{relu:g}; that of a SIREN is {siren:.1f}", one(relu))


def factorising_boosts_gradients_by_omega() -> Fact:
    """One function with weights W and with W / ω0: the second's gradients are ω0 times as large, to 1e-4."""
    factorised = cell("siren-2x32", replicates=1)
    whole = cell("siren-2x32", hidden_omega=1, replicates=1)
    narrow = drawn(factorised, torch.float64)
    wide = narrow.clone()
    for weight, bias in maps(whole, wide)[1:-1]:
        weight.mul_(OMEGA)
        bias.mul_(OMEGA)
    points = points_of(300, torch.float64)
    norms = []
    for spec, parameters in ((factorised, narrow), (whole, wide)):
        flat = parameters[0].clone().requires_grad_()
        loss = (plain(spec, flat, points)[0] - 0.3).square().mean()
        (gradient,) = torch.autograd.grad(loss, flat)
        norms.append([float(weight.norm()) for weight, _ in maps(spec, gradient[None])[1:-1]])
    ratios = [a / b for a, b in zip(*norms, strict=True)]
    return Fact(max(abs(r / OMEGA - 1) for r in ratios) < 1e-4, f"ratio {ratios[0]:.6f}", one(ratios[0], "×"))


def frequency_grows_with_omega() -> Fact:
    """The spectral centroid of the first layer grows linearly with its ω0: R² above 0.98 over 8 to 240."""
    omegas = np.array([8, 15, 30, 60, 120, 240])
    line = torch.stack([torch.full((1024,), 0.3), torch.linspace(-1, 1, 1024)], dim=1)
    centroids = []
    for omega in omegas:
        spec = cell("siren-1x256", first_omega=float(omega), replicates=1)
        signals = torch.sin(arguments(spec, line)[0][0]).numpy()
        power = (np.abs(np.fft.rfft((signals - signals.mean(axis=0)) * np.hanning(1024)[:, None], axis=0)) ** 2).sum(
            axis=1
        )
        frequencies = np.fft.rfftfreq(1024, 2 / 1023)
        centroids.append(float((power * frequencies)[1:].sum() / power[1:].sum()))
    r2 = float(np.corrcoef(omegas, centroids)[0, 1] ** 2)
    slope = float(np.polyfit(omegas, centroids, 1)[0])
    return Fact(r2 > 0.98 and slope > 0, f"R² {r2:.4f}, {slope:.4f} cycles for each unit of ω0", one(r2))


FACTS = (
    a_sirens_derivative_is_a_siren,
    relu_has_no_second_derivative,
    laplacians_teach_relu_nothing,
    factorising_boosts_gradients_by_omega,
    frequency_grows_with_omega,
)
