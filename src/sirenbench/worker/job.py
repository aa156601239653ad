"""What the worker is given, and what happens around every kind of cell: its image, its failures, its files."""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from sirenbench import records
from sirenbench.assets.status import AssetStatus, read_status, reading, verified
from sirenbench.engine import checkpoint
from sirenbench.errors import AssetUnavailable, UserError
from sirenbench.images.pictures import open_picture, pixels_sha256, prepare, resize
from sirenbench.provenance import now
from sirenbench.records import CellRecord, ImageFacts, State, folder_of
from sirenbench.spec import CellSpec
from sirenbench.tasks.base import Picture

log = logging.getLogger(__name__)


class Interrupted(UserError):
    """The cell was asked to stop; its checkpoint is written and the next run goes on from there."""


@dataclass(frozen=True)
class CellJob:
    """What the worker has to know beyond the cell's spec.

    Attributes
    ----------
    crop
        Which square of the image's file is taken.
    status
        What became of the image's asset, as the rule ``asset`` left it.
    assets
        The same of the assets that the arm needs, by name.
    results
        The results folder.
    device
        ``auto``, ``cpu`` or ``cuda``.
    threads
        CPU threads.
    checkpoint_minutes
        How often a checkpoint is written.
    """

    spec: CellSpec
    crop: str
    status: Path
    results: Path
    assets: Mapping[str, Path] = field(default_factory=dict)
    device: str = "auto"
    threads: int = 1
    checkpoint_minutes: float = 5.0

    @property
    def folder(self) -> Path:
        return folder_of(self.results, self.spec.name)


@dataclass(frozen=True)
class Source:
    """The image of a cell, ready to be asked for at any side."""

    picture: Picture
    status: AssetStatus


def run(job: CellJob, measure: Callable[[CellJob, Source, str], CellRecord]) -> CellRecord:
    """Run a cell and write its folder, the record last.

    A cell whose image cannot be had ends well, with the state ``not-testable``. Any other failure leaves
    ``failure.json`` with its reason, and is raised.
    """
    torch.set_num_threads(job.threads)
    started = now()
    with _alone(job.folder):
        return _run(job, measure, started)


def _run(job: CellJob, measure: Callable[[CellJob, Source, str], CellRecord], started: str) -> CellRecord:
    failure = job.folder / records.FAILURE
    failure.unlink(missing_ok=True)
    try:
        record = measure(job, source(job), started)
    except AssetUnavailable as error:
        record = _without_numbers(job.spec, "not-testable", str(error))
    except Interrupted:
        raise
    except Exception as error:
        text = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
        records.write_record(failure, _without_numbers(job.spec, "failed", text))
        raise
    records.write_record(job.folder / records.RECORD, record)
    checkpoint.remove(checkpoint.path_of(job.results, job.spec.name))
    return record


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait for another process that runs the same cell: the record of one would stand beside curves of the other.

    It may be left of a run whose head process was killed, or belong to another user. What a killed process left
    half-written is removed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # not every shared file system has locks
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                log.warning("another process runs this cell; waiting for its end")
                fcntl.flock(handle, fcntl.LOCK_EX)
            for left in folder.glob(".*"):
                if left.is_file():
                    left.unlink()
        yield
    finally:
        os.close(handle)


def image_facts(job: CellJob, source: Source, arrays: dict[str, np.ndarray]) -> ImageFacts:
    """Which pixels were used."""
    return ImageFacts(
        asset=source.status.id,
        asset_sha256=str(source.status.sha256),
        licence=source.status.licence,
        crop=job.crop,
        pixels_sha256=pixels_sha256(arrays["target"]),
        lr_pixels_sha256=pixels_sha256(arrays["lr"]) if "lr" in arrays else None,
    )


def eight_bit(prediction: torch.Tensor) -> np.ndarray:
    """The first replicate of (R, H, W, C) in [-1, 1] as uint8, (H, W) or (H, W, 3); what is not a number is black."""
    unit = prediction[0].double().add(1).div(2).nan_to_num(nan=0.0).clamp(0, 1)
    pixels = unit.mul(255).round().to(torch.uint8).cpu().numpy()
    return pixels[:, :, 0] if pixels.shape[2] == 1 else pixels


def write_images(folder: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write ``images.npz``."""
    with records.atomic_path(folder / records.IMAGES) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]


def hashes(folder: Path, *names: str) -> dict[str, str]:
    """SHA-256 of files of a cell."""
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}


def source(job: CellJob) -> Source:
    """The image of a cell.

    Raises
    ------
    AssetUnavailable
        If the image could not be had, or is none: the cell cannot be tested.
    UserError
        If the file was there and is gone: the cell fails, and can be run again when it is back.
    """
    status = read_status(job.status)
    original = open_picture(_file(status))
    prepared = prepare(original, crop=job.crop, channel=str(job.spec["channel"]))
    _file(status)  # nor was it replaced while it was read

    def picture(side: int, kernel: str) -> np.ndarray:
        if side > prepared.width:
            text = f"{status.id}: the picture has {prepared.width} pixels a side after cropping, not {side}"
            raise AssetUnavailable(f"{text}; ask for a size of at most {prepared.width}")
        return resize(prepared, side, kernel)

    return Source(picture, status)


def weights(job: CellJob) -> AbstractContextManager[dict[str, Path]]:
    """The files that a cell's arm needs, by name, while they are read. Raises as :func:`source`."""
    return reading(job.assets, _file)


def _file(status: AssetStatus) -> Path:
    if status.state == "unavailable":
        raise AssetUnavailable(status.reason)
    try:
        return verified(status)
    except AssetUnavailable as error:
        raise UserError(str(error)) from None


def _without_numbers(spec: CellSpec, state: State, reason: str) -> CellRecord:
    return CellRecord(name=spec.name, spec=spec.as_dict(), track=spec.track, state=state, reason=reason)
