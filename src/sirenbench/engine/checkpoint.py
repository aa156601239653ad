"""Checkpoints: a cell that stops early goes on from the last one with the same bits.

They live outside a cell's declared outputs, which Snakemake deletes before a start and after a failure.
"""

from __future__ import annotations

import logging
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from sirenbench.records import atomic_path

log = logging.getLogger(__name__)


def path_of(results: Path, name: str) -> Path:
    """Where the checkpoint of a cell lives."""
    return results / "checkpoints" / f"{name}.safetensors"


def save(path: Path, state: dict[str, torch.Tensor], identity: dict[str, str]) -> None:
    """Write a checkpoint in one go; ``identity`` says for which cell and which numerics it holds."""
    with atomic_path(path) as temporary:
        save_file({key: value.detach().cpu().contiguous() for key, value in state.items()}, temporary, identity)


def load(path: Path, identity: dict[str, str]) -> dict[str, torch.Tensor] | None:
    """The state of a checkpoint, or None where there is none for this very cell and numerics."""
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as archive:
            found = archive.metadata() or {}
            if any(found.get(key) != value for key, value in identity.items()):
                log.warning("%s belongs to another version of this cell; starting from step 0", path)
                return None
            return {key: archive.get_tensor(key) for key in archive.keys()}  # noqa: SIM118, it is no dict
    except (OSError, SafetensorError) as error:
        log.warning("%s is damaged (%s); starting from step 0", path, error)
        return None
