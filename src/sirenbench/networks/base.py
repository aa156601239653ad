"""What a coordinate network has to say of itself: its activation and how its weights are drawn."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
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


class ByAutograd(Activation):
    """f of ``scale * (W x + b)``, given as a function alone: autograd differentiates it, as often as is asked for.

    Several times slower than derivatives by hand. The function works on each element by itself.
    """

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor], scale: float = 1.0) -> None:
        self.function = function
        self.scale = scale

    def apply(self, z: torch.Tensor, *out: torch.Tensor) -> None:
        with torch.enable_grad():
            at = z.detach().clone().requires_grad_()
            values = self.function(at)
            for order, result in enumerate(out):
                result.copy_(values.detach())
                if order + 1 < len(out):
                    values = _differentiated(values, at)


class AnyNetwork(ABC):
    """A kind of network: a :class:`Network` of layers, or a :class:`ModuleNetwork`.

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


class Network(AnyNetwork):
    """Linear maps with an activation between them: how they are drawn, and what the activation is."""

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


class ModuleNetwork(AnyNetwork):
    """Any PyTorch module. Autograd differentiates it, once more for gradients and twice more for Laplacians.

    That takes more time and memory than the derivatives by hand of a :class:`Network`. It has no layers to measure, so
    that the task ``activations`` refuses it.
    """

    @abstractmethod
    def module(self, spec: CellSpec, inputs: int, outputs: int) -> torch.nn.Module:
        """A module from (n, inputs), the encoded coordinates, to (n, outputs), each row by itself.

        Its parameters are trained, and drawn by PyTorch's own generator, which has the seed of the replicate. Its
        buffers are constants: all replicates share those of one module.
        """


def layers_of(inputs: int, depth: int, width: int, outputs: int) -> tuple[Layer, ...]:
    """The linear maps of a network with ``depth`` hidden layers *besides* the first one (paper, figure 1)."""
    hidden = (Layer("hidden", width, width),) * depth
    return (Layer("first", inputs, width), *hidden, Layer("last", width, outputs))


def count_parameters(layers: tuple[Layer, ...]) -> int:
    """Weights and biases of one replicate."""
    return sum(layer.fan_in * layer.fan_out + layer.fan_out for layer in layers)


def _differentiated(values: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
    """The derivative of each element by its own argument; can be differentiated again."""
    if not values.requires_grad:
        return torch.zeros_like(at)
    return torch.autograd.grad(values.sum(), at, create_graph=True, materialize_grads=True)[0]
