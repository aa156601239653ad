"""The ReLU MLP of the comparisons: the SIREN's shape, Kaiming-normal weights (paper, section 3.2)."""

from __future__ import annotations

from sirenbench.lazy import torch
from sirenbench.networks.base import Activation, Layer, Network
from sirenbench.networks.initialisation import draw
from sirenbench.spec import CellSpec


class Rectifier(Activation):
    """max(0, W x + b)."""

    def apply(self, z: torch.Tensor, *out: torch.Tensor) -> None:
        torch.clamp(z, min=0, out=out[0])
        for slope in out[1:2]:
            torch.gt(z, 0, out=slope)
        for higher in out[2:]:
            higher.zero_()


class Relu(Network):
    """A ReLU MLP; every weight, the last layer's too, is Kaiming normal (a = 0, fan-in)."""

    name = "relu"
    title = "ReLU"
    version = 1

    def activation(self, spec: CellSpec, layer: Layer) -> Activation:
        return Rectifier()

    def draw_weight(self, spec: CellSpec, layer: Layer, generator: torch.Generator) -> torch.Tensor:
        return draw("kaiming_normal", layer, generator)


COMPONENTS = (Relu(),)
