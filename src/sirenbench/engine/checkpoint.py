"""Checkpoints: a cell that stops early goes on from the last one with the same bits.

They live outside a cell's declared outputs, which Snakemake deletes before a start and after a failure. The last two
are kept, and each appears by one rename, so that at any moment at least one of them is whole.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open

from sirenbench.lazy import torch
from sirenbench.records import atomic_path

log = logging.getLogger(__name__)

_DIGEST = "sha256"


class Damaged(Exception):
    """A checkpoint that cannot be used; the text says why."""


def path_of(results: Path, name: str) -> Path:
    """Where the checkpoint of a cell lives."""
    return results / "checkpoints" / f"{name}.safetensors"


def previous(path: Path) -> Path:
    """Where the checkpoint before that one lives."""
    return path.with_name(f"{path.name}.previous")


def aside(path: Path) -> Path:
    """Where a damaged checkpoint is set aside."""
    return path.with_name(f"{path.name}.damaged")


def save(path: Path, state: Mapping[str, torch.Tensor], identity: Mapping[str, str]) -> None:
    """Write a checkpoint; the one that was there is kept as the previous one.

    Parameters
    ----------
    identity
        For which cell, numerics and tensors it holds.

    Raises
    ------
    OSError
        If it cannot be written. What was there is still there.
    """
    from safetensors.torch import save_file

    tensors = {key: value.detach().cpu().contiguous() for key, value in state.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    # In a folder of its own, where all is found that is left of it if this process is killed.
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
        written = Path(folder, path.name)
        try:
            save_file(tensors, written, {**identity, _DIGEST: _digest(tensors)})
        except SafetensorError as error:
            raise OSError(f"{path} cannot be written: {error}") from error
        with atomic_path(path) as temporary:
            written.replace(temporary)
            if path.exists():
                path.replace(previous(path))


def load(path: Path, identity: Mapping[str, str]) -> dict[str, torch.Tensor] | None:
    """The state of the last checkpoint that is whole and holds for ``identity``; None where there is none.

    One that is damaged, or of another version of the cell, is set aside under another name, with a warning.
    """
    for candidate in (path, previous(path)):
        if not candidate.exists():
            continue
        try:
            return _read(candidate, identity)
        except (OSError, SafetensorError, Damaged) as error:
            candidate.replace(aside(candidate))
            log.warning("%s cannot be used: %s; it is kept as %s", candidate, error, aside(candidate).name)
    return None


def remove(path: Path) -> None:
    """Remove the checkpoints of a cell that is done, and what a killed process left of one."""
    for checkpoint in (path, previous(path)):
        checkpoint.unlink(missing_ok=True)
    for left in path.parent.glob(f".{path.name}.*"):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def exists(path: Path) -> bool:
    """Whether there is a checkpoint to go on from."""
    return path.exists() or previous(path).exists()


def _read(path: Path, identity: Mapping[str, str]) -> dict[str, torch.Tensor]:
    with safe_open(path, framework="pt") as archive:
        found = archive.metadata() or {}
        tensors = {key: archive.get_tensor(key) for key in archive.keys()}  # noqa: SIM118, it is no dict
    if found.get(_DIGEST) != _digest(tensors):
        raise Damaged("its content is not what was written")
    for key, value in identity.items():
        if found.get(key) != value:
            raise Damaged(f"it belongs to another version of this cell ({key})")
    return tensors


def _digest(tensors: Mapping[str, torch.Tensor]) -> str:
    """SHA-256 of names, types, shapes and values: the file format has no sum of its own."""
    digest = hashlib.sha256()
    for key in sorted(tensors):
        values = tensors[key]
        digest.update(f"{key} {values.dtype} {tuple(values.shape)}\n".encode())
        digest.update(values.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
