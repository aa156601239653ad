"""What every weight file has to pass: it is read without running any code of it, and fits the network it is for."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from sirenbench.errors import UserError

Shape = tuple[int, ...]


def read_state_dict(path: Path) -> dict[str, Any]:
    """The content of a PyTorch or (by its extension) a safetensors file, on the CPU.

    Returns
    -------
    dict
        Name -> tensor; published PyTorch files may have the names a level deeper and other things beside them.

    Raises
    ------
    UserError
        If it cannot be read, is damaged, or asks for more than tensors and plain values.
    """
    try:
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        _check_stored(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        # A hostile file can make the unpickler raise almost anything. What torch says at length ends in the advice to
        # run the file's code: only its first sentence is passed on.
        reason = (str(error) or type(error).__name__).splitlines()[0].partition(". ")[0]
        raise UserError(f"{path} is no readable file of weights ({reason}); nothing of it was used") from error
    if not isinstance(content, dict):
        raise UserError(f"{path} holds a {type(content).__name__}; allowed: weights by name (a state dict)")
    return content


def check_layout(path: Path, found: Mapping[str, Shape], needed: Mapping[str, Shape], network: str) -> None:
    """Whether a file has just the arrays that a network needs, each in its shape. Raises UserError."""
    for name, shape in needed.items():
        if name not in found:
            raise UserError(f"{path} is not {network}: it has no {name}")
        if found[name] != shape:
            raise UserError(f"{path} is not {network}: {name} has the shape {found[name]}, not {shape}")
    for name in found:
        if name not in needed:
            raise UserError(f"{path} is not {network}: it has {name} too")


def check_finite(path: Path, weights: Mapping[str, torch.Tensor]) -> None:
    """Whether all weights are numbers. Raises UserError."""
    for name, values in weights.items():
        if not values.isfinite().all():
            raise UserError(f"{path} is spoilt: {name} holds values that are not finite; get the file again")


def _check_stored(path: Path) -> None:
    """PyTorch compresses nothing: an archive that unpacks to more than its own size is made to fill the memory."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(member.file_size for member in archive.infolist())
    if unpacked > path.stat().st_size:
        raise ValueError(f"it would unpack to {unpacked:,} bytes")
