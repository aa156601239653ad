"""SIREN (Sitzmann et al. 2020), with every initialisation and omega_0 of the paper's ablations."""

from __future__ import annotations

import numpy as np

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
        if z.device.type == "cpu" and z.dtype == torch.float32:
            # NumPy's are twice as fast, and as exact (1.5 units in the last place).
            for numpys, result in zip((np.sin, np.cos), out, strict=False):
                numpys(z.numpy(), out=result.numpy())
        else:
            for function, result in zip((torch.sin, torch.cos), out, strict=False):
                function(z, out=result)
        for order, result in enumerate(out[2:]):
            torch.neg(out[order], out=result)


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
