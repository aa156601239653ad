"""How the records of a run came about."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sirenbench.records import CellRecord, Provenance
from sirenbench.report.text import plural


@dataclass(frozen=True)
class Origin:
    """Everything the records say of how they came about, each thing once."""

    packages: list[str]
    commits: list[str]
    software: list[str]
    devices: list[str]
    images: list[tuple[str, str, str]]
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
        images=_once((i.asset, i.licence, i.asset_sha256) for i in (record.image for record in records) if i),
        started=min((p.started for p in made), default=""),
        ended=max((p.ended for p in made), default=""),
        seconds=math.fsum(record.cost.seconds for record in records if record.cost),
    )


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
