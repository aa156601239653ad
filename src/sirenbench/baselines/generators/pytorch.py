"""The generators with five residual blocks and the scales 2, 4 and 8, from PyTorch state dicts."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from sirenbench.baselines.generators.network import Generator
from sirenbench.weights.files import check_finite, check_layout, read_state_dict


def read_generator(path: Path, scale: int) -> Generator:
    """SRGAN with five blocks (assets ``srgan-x2``, ``srgan-x4-small``, ``srgan-x8``).

    Parameters
    ----------
    scale
        A power of two.

    Raises
    ------
    UserError
        If the file is damaged or holds another network.
    """
    stages = scale.bit_length() - 1
    network = Generator(blocks=5, stages=stages, slopes=1, eps=1e-5, neck=nn.PReLU(1))
    content = read_state_dict(path)
    weights = {str(name): values for name, values in content.items() if isinstance(values, torch.Tensor)}
    names = {_name_in_file(key, stages): key for key in network.state_dict() if _is_weight(key)}
    check_layout(
        path,
        {name: tuple(values.shape) for name, values in weights.items() if _is_weight(name)},
        {name: tuple(network.state_dict()[key].shape) for name, key in names.items()},
        f"the SRGAN generator with five residual blocks and scale {scale}",
    )
    check_finite(path, weights)
    network.load_state_dict({key: weights[name] for name, key in names.items()})
    return network


def _is_weight(name: str) -> bool:
    # Batch normalisation counts its batches, in files of newer versions of PyTorch; only training needs the count.
    return not name.endswith("num_batches_tracked")


def _name_in_file(key: str, stages: int) -> str:
    part, _, rest = key.partition(".")
    if part == "body":
        block, _, rest = rest.partition(".")
        return f"block{2 + int(block)}.{rest}"
    return {"head": "block1", "neck": "block7", "up": "block8", "tail": f"block8.{stages}"}[part] + f".{rest}"
