"""From a cell's spec to its network: what it is made of, and the initial parameters of every replicate."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from sirenbench import catalog
from sirenbench.cost import ends_of_cell, layers_of_cell
from sirenbench.engine.batched import BatchedNetwork
from sirenbench.engine.inputs import Inputs
from sirenbench.engine.mlp import BatchedMlp
from sirenbench.engine.module import BatchedModule, flat_parameters
from sirenbench.networks.base import Activation, Layer, ModuleNetwork, Network, count_parameters
from sirenbench.spec import CellSpec


@dataclass(frozen=True)
class Architecture:
    """What the replicates of a cell have in common, where their network has layers."""

    layers: tuple[Layer, ...]
    activations: tuple[Activation, ...]

    @property
    def parameters(self) -> int:
        """Weights and biases of one replicate."""
        return count_parameters(self.layers)


def network_of(spec: CellSpec, parameters: torch.Tensor) -> BatchedNetwork:
    """The networks of a cell with parameters (R, P or more), which are used in place."""
    kind = catalog.networks()[spec.network]
    if isinstance(kind, ModuleNetwork):
        return BatchedModule(_module(kind, spec, int(spec["seed"])), ends_of_cell(spec)[1], parameters)
    built = architecture(spec)
    return BatchedMlp(built.layers, built.activations, parameters, precision=str(spec["precision"]))


def drawn(spec: CellSpec) -> torch.Tensor:
    """Their initial parameters (R, P), float32; no replicate depends on the others."""
    kind = catalog.networks()[spec.network]
    if isinstance(kind, ModuleNetwork):
        return torch.stack([flat_parameters(_module(kind, spec, seed)) for seed in seeds(spec)])
    return initial_parameters(spec, layers_of_cell(spec))


def architecture(spec: CellSpec) -> Architecture:
    """The layers of a trained arm, for its task's training image, and what stands between them."""
    layers = layers_of_cell(spec)
    network = _layered(spec)
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
    """The same with the derivatives by the coordinates: of an encoding by autograd."""
    if spec.encoding is None:
        # The same at every pixel, and kept once.
        unit = torch.eye(2).to(coordinates)[:, None, :].expand(2, *coordinates.shape)
        return Inputs(coordinates, unit, coordinates.new_zeros(1).expand_as(coordinates))
    with torch.enable_grad():
        at = coordinates.clone().requires_grad_()
        inputs = encode(spec, at)
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


def _layered(spec: CellSpec) -> Network:
    network = catalog.networks()[spec.network]
    assert isinstance(network, Network)
    return network


def _module(network: ModuleNetwork, spec: CellSpec, seed: int) -> torch.nn.Module:
    """Drawn by PyTorch's own generator, which goes on afterwards as if nothing had been drawn."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return network.module(spec, *ends_of_cell(spec))


def _draw(spec: CellSpec, layers: tuple[Layer, ...], seed: int) -> torch.Tensor:
    network = _layered(spec)
    generator = torch.Generator().manual_seed(seed)
    parts = []
    for layer in layers:
        parts.append(network.draw_weight(spec, layer, generator).flatten())
        parts.append(network.draw_bias(spec, layer, generator))
    return torch.cat(parts)
