"""The cell record: what a finished cell leaves behind in its folder, and how it is written and read.

A finished folder holds ``cell.json`` (this record, written last), ``curves.parquet``, ``images.npz`` and
``weights.safetensors`` where they apply. Every file appears under its name only when it is complete.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from sirenbench.errors import UserError, shown
from sirenbench.spec import Track

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff]")

SCHEMA: Literal[1] = 1
RECORD = "cell.json"
FAILURE = "failure.json"
PROGRESS = "progress.json"
CURVES = "curves.parquet"
IMAGES = "images.npz"
WEIGHTS = "weights.safetensors"
ACTIVATIONS = "activations.npz"

State = Literal["ok", "diverged", "failed", "not-testable"]
Whole = Annotated[int, Field(ge=0, lt=2**63)]  # as tables can store it


class _Part(BaseModel):
    # Infinite and undefined numbers are written as strings: JSON has no words for them.
    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="strings")


class Reached(_Part):
    """When a curve first reached a level."""

    step: Whole
    seconds: float


class EndPoints(_Part):
    """What is kept of one metric's curve for one replicate.

    Attributes
    ----------
    last
        After exactly ``steps`` updates: the headline.
    best, best_step
        Over the whole run, in the metric's better direction.
    tail
        Median over the last 5 % of the steps.
    drawdown
        The worst fall below the running best after step 50, in the metric's unit.
    reached
        For PSNR: when 30, 35 and 40 dB were first reached; None if never.
    """

    last: float
    best: float
    best_step: Whole
    tail: float
    drawdown: float
    reached: dict[str, Reached | None] = Field(default_factory=dict)


class Replicate(_Part):
    """One seed of a cell."""

    replicate: Whole
    seed: Whole
    diverged: bool = False
    metrics: dict[str, EndPoints]
    final: dict[str, float] = Field(default_factory=dict, description="What is measured once, of the final weights.")


class Cost(_Part):
    """What the cell cost. Seconds are wall time of the worker; ``training`` and ``metrics`` exclude start-up.

    Attributes
    ----------
    gflop_per_second
        Of the training steps, by the operations of the best algorithm.
    peak_gflop_per_second
        Of matrix products on the same device and threads, measured right after the training; None in records of
        versions that did not measure it.
    """

    steps_per_second: float | None = None
    seconds: float
    startup_seconds: float
    training_seconds: float
    metrics_seconds: float
    peak_memory_mib: float
    gflop_per_second: float | None = None
    peak_gflop_per_second: float | None = None

    @property
    def peak_fraction(self) -> float | None:
        """Which part of the matrix-product peak the training steps came to."""
        if self.gflop_per_second is None or not self.peak_gflop_per_second:
            return None
        return self.gflop_per_second / self.peak_gflop_per_second


class ImageFacts(_Part):
    """Which pixels were used: the identity behind every comparison."""

    asset: str
    asset_sha256: str
    licence: str
    crop: str
    pixels_sha256: str
    lr_pixels_sha256: str | None = None


class Provenance(_Part):
    """How the record came about, written by the worker itself."""

    package: str
    numerics: str
    git_commit: str | None
    git_dirty: bool | None
    python: str
    torch: str | None
    numpy: str | None = None  # records of earlier versions do not tell it
    cuda: str | None
    driver: str | None
    device: str
    threads: Whole
    host: str
    slurm_job_id: str | None
    started: str
    ended: str
    resumed: Whole


class CellRecord(_Part):
    """Everything known of one cell. ``spec`` is the full configuration, defaults filled in."""

    schema_version: Literal[1] = SCHEMA
    name: str
    spec: dict[str, int | float | str]
    track: Track
    state: State
    reason: str = ""
    parameters: Whole | None = None
    replicates: tuple[Replicate, ...] = ()
    metrics_every: Whole | None = None
    cost: Cost | None = None
    image: ImageFacts | None = None
    files: dict[str, str] = Field(default_factory=dict, description="File name -> SHA-256.")
    provenance: Provenance | None = None

    @field_validator("replicates")
    @classmethod
    def _have_a_seed_each(cls, replicates: tuple[Replicate, ...]) -> tuple[Replicate, ...]:
        # Scores are told apart, paired and averaged by their seeds: of two with one seed, one would vanish.
        seeds = [one.seed for one in replicates]
        if len(set(seeds)) < len(seeds):
            raise ValueError(f"the seeds {shown(seeds)} are not all different")
        return replicates


class Scores(_Part):
    """A further metric of a finished cell: ``metrics/<id>.json``.

    Attributes
    ----------
    values
        One a replicate; none, but a reason, where there are no numbers.
    record_sha256
        Of the record that they belong to.
    """

    metric: str
    values: tuple[float, ...]
    reason: str
    record_sha256: str


class RecordError(UserError):
    """A record that cannot be read: damaged, or written by another version."""


def folder_of(results: Path, name: str) -> Path:
    """Where a cell lives below the results folder."""
    return results / "cells" / name


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """A temporary path beside ``target`` that takes its name when the block ends without an error."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def readable(text: str) -> str:
    """A text without what no text has: what a log, a reason or a name has of a terminal. Tab and line feed stay."""
    return _CONTROL.sub("", text)


def write_text(target: Path, text: str) -> None:
    """Write a text file in one go: it is there as a whole, or not at all."""
    with atomic_path(target) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_record(path: Path, record: CellRecord) -> None:
    """Write ``cell.json`` (or ``failure.json``)."""
    write_text(path, record.model_dump_json(indent=1) + "\n")


def read_record(path: Path) -> CellRecord:
    """Read ``cell.json``.

    Raises
    ------
    RecordError
        If the file is damaged or is not a record; the message names it and says what to do.
    """
    try:
        return CellRecord.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        text = f"{path} is not a readable cell record ({_first(error)}); delete it to run the cell again"
        raise RecordError(text) from error


def write_scores(path: Path, scores: Scores) -> None:
    """Write ``metrics/<id>.json``."""
    write_text(path, scores.model_dump_json() + "\n")


def read_scores(path: Path) -> Scores:
    """Read ``metrics/<id>.json``. Raises RecordError if the file is damaged or missing."""
    try:
        return Scores.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        text = f"{path} is no readable file of scores ({_first(error)}); delete it to score the cell again"
        raise RecordError(text) from error


def _first(error: OSError | ValidationError) -> str:
    """What is wrong, and where in the file; of several things the first."""
    if isinstance(error, OSError):
        return str(error)
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"]))
    return f"{shown(place)}: {first['msg']}" if place else first["msg"]
