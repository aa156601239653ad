"""The generator with 16 residual blocks and scale 4, from the HDF5 files that Keras wrote."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import torch
from torch import nn

from sirenbench.baselines.generators.network import Doubling, Generator
from sirenbench.errors import UserError
from sirenbench.weights.files import Shape, check_finite, check_layout

_NETWORK = "the SRGAN generator with 16 residual blocks as Keras stores it"

# What Keras calls the layers of a kind (the n-th has n behind it), and their arrays.
_LAYERS: dict[type[nn.Module], tuple[str, dict[str, str]]] = {
    nn.Conv2d: ("conv2d", {"weight": "kernel", "bias": "bias"}),
    nn.PReLU: ("p_re_lu", {"weight": "alpha"}),
    nn.BatchNorm2d: (
        "batch_normalization_v1",
        {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"},
    ),
}


def read_generator(path: Path) -> Generator:
    """SRGAN or SRResNet with 16 blocks (assets ``srgan-x4``, ``srresnet-x4``).

    Raises
    ------
    UserError
        If the file is damaged or holds another network.
    """
    network = Generator(blocks=16, stages=2, slopes=64, eps=1e-3, neck=nn.BatchNorm2d(64, eps=1e-3))
    names = dict(_names(network))
    shapes = {key: tuple(values.shape) for key, values in network.state_dict().items()}
    arrays = _read(path, {name: _keras_shape(name, shapes[key]) for name, key in names.items()})
    check_finite(path, arrays)
    weights = {key: _as_torch_has_it(arrays[name]) for name, key in names.items()}
    for place, stage in network.named_modules():
        if isinstance(stage, Doubling):
            for key in (f"{place}.conv.weight", f"{place}.conv.bias"):
                weights[key] = _as_pixel_shuffle_has_it(weights[key])
    network.load_state_dict(weights)
    return network


def _names(network: nn.Module) -> Iterator[tuple[str, str]]:
    """Names in the file, and those in the network; both have the layers of a kind in the order of the computation."""
    for kind, (layer, arrays) in _LAYERS.items():
        places = [place for place, module in network.named_modules() if isinstance(module, kind)]
        for n, place in enumerate(places):
            numbered = f"{layer}_{n}" if n else layer
            for own, keras in arrays.items():
                yield f"{numbered}/{numbered}/{keras}:0", f"{place}.{own}"


def _read(path: Path, needed: dict[str, Shape]) -> dict[str, torch.Tensor]:
    try:
        with h5py.File(path, "r") as file:
            found: dict[str, h5py.Dataset] = {}
            file.visititems(lambda name, node: found.update({name: node}) if isinstance(node, h5py.Dataset) else None)
            check_layout(path, {name: node.shape for name, node in found.items()}, needed, _NETWORK)
            return {name: torch.from_numpy(node[()].astype(np.float32)) for name, node in found.items()}
    except UserError:
        raise
    except Exception as error:  # a damaged file can make HDF5 raise almost anything
        raise UserError(f"{path} is no readable HDF5 file ({error}); get it again") from error


def _keras_shape(name: str, shape: Shape) -> Shape:
    if name.endswith("alpha:0"):
        return (1, 1, *shape)  # one for all rows and columns
    return (*shape[2:], shape[1], shape[0]) if name.endswith("kernel:0") else shape


def _as_torch_has_it(values: torch.Tensor) -> torch.Tensor:
    """Kernels from (height, width, in, out) to (out, in, height, width), all else to (features,)."""
    return values.permute(3, 2, 0, 1) if values.ndim == 4 else values.reshape(-1)


def _as_pixel_shuffle_has_it(values: torch.Tensor) -> torch.Tensor:
    """Output channels from the order of depth_to_space, (row, column, feature), to (feature, row, column)."""
    return values.unflatten(0, (2, 2, -1)).movedim(2, 0).flatten(0, 2)
