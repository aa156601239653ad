"""In which precision a GPU multiplies matrices.

PyTorch has one setting for the whole process. It is set for a block and then as before, so that nothing else that the
process does depends on it: neither a loss's network nor the next cell.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from sirenbench.errors import UserError

_FIRST_WITH_TF32 = (8, 0)  # compute capability
_WORDS = {"fp32": "ieee", "tf32": "tf32"}


@contextmanager
def products(precision: str) -> Iterator[None]:
    """Float32 matrix products of a GPU within the block are ``fp32`` or ``tf32``."""
    setting = torch.backends.cuda.matmul
    before = setting.fp32_precision
    setting.fp32_precision = _WORDS[precision]
    try:
        yield
    finally:
        setting.fp32_precision = before


def check_precision(precision: str, device: torch.device) -> None:
    """Raise UserError if a device has no such products."""
    if precision == "fp32":
        return
    if device.type == "cuda" and torch.cuda.get_device_capability(device) >= _FIRST_WITH_TF32:
        return
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "a CPU"
    raise UserError(
        f"precision={precision} needs an NVIDIA GPU of compute capability 8.0 or more, and this cell would run on "
        f"{name}; run it where there is one, or leave precision out of the name"
    )
