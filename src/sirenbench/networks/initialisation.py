"""The initialisation schemes of the ablations (paper, section 3.3; parameters as its authors ran them)."""

from __future__ import annotations

from sirenbench.lazy import torch
from sirenbench.networks.base import Layer

STANDARD = "standard"
SCHEMES = ("kaiming_uniform", "kaiming_normal", "uniform", "normal", "xavier_uniform", "xavier_normal")


def draw(scheme: str, layer: Layer, generator: torch.Generator) -> torch.Tensor:
    """A weight of shape (fan_out, fan_in) drawn by one of SCHEMES.

    Kaiming has a = 0, fan-in and ReLU gain; Xavier has gain 1; ``uniform`` is U(0, 1), which is not centred, and
    ``normal`` is N(0, 1), both being PyTorch's defaults.
    """
    weight = torch.empty(layer.fan_out, layer.fan_in)
    init = torch.nn.init
    if scheme == "kaiming_uniform":
        return init.kaiming_uniform_(weight, nonlinearity="relu", generator=generator)
    if scheme == "kaiming_normal":
        return init.kaiming_normal_(weight, nonlinearity="relu", generator=generator)
    if scheme == "uniform":
        return init.uniform_(weight, generator=generator)
    if scheme == "normal":
        return init.normal_(weight, generator=generator)
    if scheme == "xavier_uniform":
        return init.xavier_uniform_(weight, generator=generator)
    return init.xavier_normal_(weight, generator=generator)
