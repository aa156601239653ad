"""From a cell's spec to its network: layers, activations, and the initial parameters of every replicate."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from sirenbench import catalog
from sirenbench.cost import layers_of_cell
from sirenbench.engine.inputs import Inputs
from sirenbench.networks.base import Activation, Layer, count_parameters
from sirenbench.spec import CellSpec


@dataclass(frozen=True)
class Architecture:
    """What the replicates of a cell have in common."""

    layers: tuple[Layer, ...]
    activations: tuple[Activation, ...]

    @property
    def parameters(self) -> int:
        """Weights and biases of one replicate."""
        return count_parameters(self.layers)


def architecture(spec: CellSpec) -> Architecture:
    """The layers of a trained arm, for its task's training image, and what stands between them."""
    layers = layers_of_cell(spec)
    network = catalog.networks()[spec.network]
    return Architecture(layers, tuple(network.activation(spec, layer) for layer in layers[:-1]))


def initial_parameters(spec: CellSpec, layers: tuple[Layer, ...]) -> torch.Tensor:
    """(R, P), float32. Each replicate is drawn by a generator of its own, so that none depends on the others."""
    return torch.stack([_draw(spec, layers, seed) for seed in seeds(spec)])


def seeds(spec: CellSpec) -> list[int]:
    """The seed of every replicate."""
    return [int(spec["seed"]) + replicate for replicate in range(int(spec["replicates"]))]


def encode(spec: CellSpec, coordinates: torch.Tensor) -> torch.Tensor:
    """Coordinates (N, 2) to the inputs (N, F) of the network."""
    if spec.encoding is None:
        return coordinates
    side = catalog.tasks()[spec.task].training_side(spec)
    return catalog.encodings()[spec.encoding].encode(spec, side, coordinates)


def encode_with_derivatives(spec: CellSpec, coordinates: torch.Tensor) -> Inputs:
    """The same with the derivatives of the encoding by the coordinates, by autograd."""
    with torch.enable_grad():
        at = coordinates.clone().requires_grad_()
        # Without an encoding the inputs are the coordinates themselves, of which autograd would know nothing.
        inputs = encode(spec, at) * 1
        slopes = [_along(axis, inputs, at) for axis in (0, 1)]
        laplacian = sum((_along(axis, slope, at) for axis, slope in enumerate(slopes)), torch.zeros_like(inputs))
    return Inputs(inputs.detach(), torch.stack(slopes).detach(), laplacian.detach())


def _along(axis: int, inputs: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
    """The derivative (N, F) of what stands at each pixel by one of its coordinates.

    The product of a vector with the Jacobian, differentiated by that vector, is the Jacobian's column: two backward
    runs instead of one for each of the F inputs.
    """
    if not inputs.requires_grad:
        return torch.zeros_like(inputs)
    vector = torch.zeros_like(inputs, requires_grad=True)
    # Written as a sum: given the vector itself, PyTorch would import SymPy to compare two shapes.
    (product,) = torch.autograd.grad((inputs * vector).sum(), at, create_graph=True, materialize_grads=True)
    (column,) = torch.autograd.grad(product[:, axis].sum(), vector, create_graph=True, materialize_grads=True)
    return column


def _draw(spec: CellSpec, layers: tuple[Layer, ...], seed: int) -> torch.Tensor:
    network = catalog.networks()[spec.network]
    generator = torch.Generator().manual_seed(seed)
    parts = []
    for layer in layers:
        parts.append(network.draw_weight(spec, layer, generator).flatten())
        parts.append(network.draw_bias(spec, layer, generator))
    return torch.cat(parts)
