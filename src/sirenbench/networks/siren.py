"""SIREN (Sitzmann et al. 2020), with every initialisation and omega_0 of the paper's ablations."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache

from sirenbench.lazy import torch
from sirenbench.networks.base import Activation, Layer, Network
from sirenbench.networks.initialisation import SCHEMES, STANDARD, draw
from sirenbench.options import Choice, Number
from sirenbench.spec import CellSpec

_SCHEME_DOC = "How the weights of the {} are drawn; 'standard' is SIREN's own scheme."


class Sine(Activation):
    """sin(omega_0 (W x + b)): omega_0 multiplies the bias too."""

    def __init__(self, omega: float) -> None:
        self.scale = omega

    def apply(self, z: torch.Tensor, *out: torch.Tensor) -> None:
        if z.is_cuda and z.dtype == torch.float32 and (fused := _fused_sines()):
            fused(z, *out)
            return
        if z.device.type == "cpu" and z.dtype == torch.float32:
            from sirenbench.kernels.processor import sines

            # As exact as PyTorch's (1.5 units in the last place), and faster.
            sines(z.numpy(), *(result.numpy() for result in out[:2]))
        else:
            for function, result in zip((torch.sin, torch.cos), out, strict=False):
                function(z, out=result)
        for order, result in enumerate(out[2:]):
            torch.neg(out[order], out=result)


@cache
def _fused_sines() -> Callable[..., None] | None:
    """The Triton kernel if it can be compiled here and is right; else None, with a warning."""
    try:
        from sirenbench.kernels.graphics import sines

        z = torch.linspace(-100, 100, 5000, device="cuda").reshape(2, -1)
        ours = [torch.empty_like(z) for _ in range(4)]
        sines(z, *ours)
        theirs = (z.sin(), z.cos(), -z.sin(), -z.cos())
        if all(torch.allclose(a, b, rtol=0, atol=1e-6) for a, b in zip(ours, theirs, strict=True)):
            return sines
        reason = "its numbers are wrong"
    except Exception as error:  # Triton raises what the compiler, the driver or the C library raise
        reason = f"{type(error).__name__}: {error}"
    logging.getLogger(__name__).warning("the fused sine cannot be used on this GPU (%s); PyTorch's are", reason)
    return None


class Siren(Network):
    """A SIREN as the paper's authors ran it (protocol.md, networks).

    First layer U(-1/n, 1/n), hidden and last layer U(-sqrt(6/n)/omega, sqrt(6/n)/omega) with omega_0 of the hidden
    layers; the last layer is linear and is divided by omega all the same.
    """

    name = "siren"
    title = "SIREN"
    version = 1
    has_predicted_laws = True
    options = (
        Choice("first_init", STANDARD, _SCHEME_DOC.format("first layer"), choices=(STANDARD, *SCHEMES)),
        Choice("hidden_init", STANDARD, _SCHEME_DOC.format("hidden layers"), choices=(STANDARD, *SCHEMES)),
        Number("first_omega", 30.0, "omega_0 of the first layer.", low=1e-3, high=1e5),
        Number("hidden_omega", 30.0, "omega_0 of the hidden layers.", low=1e-3, high=1e5),
    )

    def activation(self, spec: CellSpec, layer: Layer) -> Activation:
        return Sine(float(spec[f"{layer.role}_omega"]))

    def draw_weight(self, spec: CellSpec, layer: Layer, generator: torch.Generator) -> torch.Tensor:
        scheme = STANDARD if layer.role == "last" else str(spec[f"{layer.role}_init"])
        if scheme != STANDARD:
            return draw(scheme, layer, generator)
        deeper = (6 / layer.fan_in) ** 0.5 / float(spec["hidden_omega"])
        bound = 1 / layer.fan_in if layer.role == "first" else deeper
        return torch.empty(layer.fan_out, layer.fan_in).uniform_(-bound, bound, generator=generator)


COMPONENTS = (Siren(),)
