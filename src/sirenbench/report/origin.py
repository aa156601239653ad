"""How the records of a run came about, and of which files."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sirenbench import catalog
from sirenbench.assets.status import read_status
from sirenbench.errors import AssetUnavailable
from sirenbench.names import parse_name
from sirenbench.records import CellRecord, Provenance
from sirenbench.report.text import plural


@dataclass(frozen=True)
class Origin:
    """Everything the records say of how they came about, each thing once."""

    packages: list[str]
    commits: list[str]
    software: list[str]
    devices: list[str]
    started: str
    ended: str
    seconds: float


def origin_of(records: Sequence[CellRecord]) -> Origin:
    """The origin of the records of a run."""
    made = [record.provenance for record in records if record.provenance]
    return Origin(
        packages=_once(f"sirenbench {p.package}, numerics {p.numerics}" for p in made),
        commits=_once(
            p.git_commit + (" with uncommitted changes" if p.git_dirty else "") for p in made if p.git_commit
        ),
        software=_once(", ".join(f"{name} {value}" for name, value in _software(p) if value) for p in made),
        devices=_once(map(machine_of, made)),
        started=min((p.started for p in made), default=""),
        ended=max((p.ended for p in made), default=""),
        seconds=math.fsum(record.cost.seconds for record in records if record.cost),
    )


def files_of(records: Sequence[CellRecord], results: Path) -> list[tuple[str, str, str]]:
    """Name, licence and SHA-256 of every image that the records are of, and of the weights that they need."""
    images = [(i.asset, i.licence, i.asset_sha256) for i in (record.image for record in records) if i]
    weights = [asset for record in records for asset in catalog.assets_of(parse_name(record.name))]
    return _once([*images, *(_weights(asset, results) for asset in _once(weights))])


def _weights(asset: str, results: Path) -> tuple[str, str, str]:
    # Records do not tell of them; a copy of a run may lack the file that does.
    try:
        status = read_status(results / "assets" / f"{asset}.json")
    except AssetUnavailable:
        return asset, "not known", ""
    return asset, status.licence, status.sha256 or ""


def _software(made: Provenance) -> Iterator[tuple[str, str | None]]:
    yield "Python", made.python
    yield "PyTorch", made.torch
    yield "NumPy", made.numpy
    yield "CUDA", made.cuda
    yield "driver", made.driver


def machine_of(made: Provenance) -> str:
    """Where a cell ran: ``AMD EPYC, 2 threads, host node-1``."""
    return f"{made.device}, {plural(made.threads, 'thread')}, host {made.host}"


def _once(things: Iterable) -> list:
    return list(dict.fromkeys(things))
