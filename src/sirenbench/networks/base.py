"""What a coordinate network has to say of itself: its activation and how its weights are drawn."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

from sirenbench.lazy import torch
from sirenbench.options import Option
from sirenbench.spec import CellSpec


@dataclass(frozen=True)
class Layer:
    """One linear map of a network: ``role`` tells where it stands; the last one has no activation."""

    role: Literal["first", "hidden", "last"]
    fan_in: int
    fan_out: int


class Activation(ABC):
    """An element-wise non-linearity of ``scale * (W x + b)``.

    Attributes
    ----------
    scale
        The factor in front of the linear map (omega_0 of a sine layer, else 1).
    """

    scale: float = 1.0

    @abstractmethod
    def apply(self, z: torch.Tensor, *out: torch.Tensor) -> None:
        """Write f(z) and its first, second and third derivative to ``out``, as many as it has; all of one shape.

        ``z`` is not changed. At a kink any one-sided derivative will do.
        """


class Network(ABC):
    """A kind of network: how its layers are drawn and what stands between them.

    Attributes
    ----------
    name
        As written in cell names.
    version
        Raised by one whenever its numbers change, so that finished cells of it are trained again.
    options
        Its switches.
    has_predicted_laws
        Whether normal arguments and arcsine values are predicted for its layers (paper, section 2.1); the report draws
        them over what was measured.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    version: ClassVar[int]
    options: ClassVar[tuple[Option, ...]] = ()
    has_predicted_laws: ClassVar[bool] = False

    @abstractmethod
    def activation(self, spec: CellSpec, layer: Layer) -> Activation:
        """The non-linearity after a first or hidden layer."""

    @abstractmethod
    def draw_weight(self, spec: CellSpec, layer: Layer, generator: torch.Generator) -> torch.Tensor:
        """Initial weight, shape (fan_out, fan_in), float32, of one replicate."""

    def draw_bias(self, spec: CellSpec, layer: Layer, generator: torch.Generator) -> torch.Tensor:
        """Initial bias, shape (fan_out,): PyTorch's default for a linear map, U(-1/sqrt(fan_in), 1/sqrt(fan_in))."""
        bound = layer.fan_in**-0.5
        return torch.empty(layer.fan_out).uniform_(-bound, bound, generator=generator)


def layers_of(inputs: int, depth: int, width: int, outputs: int) -> tuple[Layer, ...]:
    """The linear maps of a network with ``depth`` hidden layers *besides* the first one (paper, figure 1)."""
    hidden = (Layer("hidden", width, width),) * depth
    return (Layer("first", inputs, width), *hidden, Layer("last", width, outputs))


def count_parameters(layers: tuple[Layer, ...]) -> int:
    """Weights and biases of one replicate."""
    return sum(layer.fan_in * layer.fan_out + layer.fan_out for layer in layers)
