"""What became of an asset: written by whoever fetched it, read by the cells that need it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from sirenbench.errors import AssetUnavailable
from sirenbench.records import write_text


@dataclass(frozen=True)
class AssetStatus:
    """What :func:`sirenbench.assets.store.fetch` found.

    Attributes
    ----------
    reason
        Why it is unavailable and what to do; empty if it is available.
    path, sha256
        The file and its SHA-256; None if unavailable.
    source
        Where it comes from, for people: ``PyPI scikit-image 0.17.2: skimage/data/camera.png``.
    """

    id: str
    state: Literal["available", "unavailable"]
    reason: str
    path: str | None
    sha256: str | None
    licence: str
    source: str


def write_status(path: Path, status: AssetStatus) -> None:
    """Write a status as JSON, in one go."""
    write_text(path, json.dumps(asdict(status), indent=1, allow_nan=False) + "\n")


def read_status(path: Path) -> AssetStatus:
    """Read what :func:`write_status` wrote.

    Raises
    ------
    AssetUnavailable
        If the file is missing or damaged.
    """
    try:
        return TypeAdapter(AssetStatus).validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        first = str(error).splitlines()[0]
        raise AssetUnavailable(f"{path} is not a readable asset status ({first}); delete it and run again") from error


def verified(status: AssetStatus) -> Path:
    """The file of an available asset, its SHA-256 checked again.

    Raises
    ------
    AssetUnavailable
        If it never was there, is gone, or has changed.
    """
    if status.path is None:
        raise AssetUnavailable(status.reason)
    path = Path(status.path)
    try:
        digest = sha256_of(path)
    except OSError as error:
        raise AssetUnavailable(
            f"{status.id}: {path} was there but cannot be read now ({error.strerror}); run "
            f"'sirenbench fetch {status.id}' if it is a download, and see that every machine of the run can read it"
        ) from error
    if digest != status.sha256:
        raise AssetUnavailable(
            f"{status.id}: {path} has changed since it was fetched (SHA-256 {digest[:16]}, was "
            f"{str(status.sha256)[:16]}); if that is right, delete results/assets/{status.id}.json and run again"
        )
    return path


@contextmanager
def reading(statuses: Mapping[str, Path], check: Callable[[AssetStatus], Path] = verified) -> Iterator[dict[str, Path]]:
    """The files of available assets by name, while they are read: none is replaced between its check and its reading.

    Parameters
    ----------
    statuses
        Name -> status file.
    check
        :func:`verified`, or what raises something else. It is called before the block and after it.
    """
    read = {name: read_status(path) for name, path in statuses.items()}
    yield {name: check(status) for name, status in read.items()}
    for status in read.values():
        check(status)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, as 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
