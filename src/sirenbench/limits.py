"""Time limits on a cluster: what finished cells of the same kind took there, with room. No torch in here."""

from __future__ import annotations

import math
from functools import cached_property
from pathlib import Path

from sirenbench import catalog
from sirenbench.cost import work_of
from sirenbench.errors import UserError
from sirenbench.names import parse_name
from sirenbench.records import RECORD, read_record
from sirenbench.spec import CellSpec

_ROOM = 2.0  # nodes differ
_SPARE_MINUTES = 5  # to start, and to write a checkpoint in time

#: What sets how fast a cell runs on a node: network, what is differentiated, width, loss, magnitude of pixels.
_Kind = tuple[str, str, int, str | None, int]


class Limits:
    """Asked for a trained cell, tells its time limit.

    Parameters
    ----------
    results
        Folder of the records; those count that were made by Slurm jobs and in one go.
    longest
        Minutes where none of them tells, and at most.
    """

    def __init__(self, results: Path, longest: int) -> None:
        self._results = results
        self._longest = longest

    def minutes(self, spec: CellSpec, attempt: int = 1) -> int:
        """Twice what the slowest cell of its kind took for as much work, and five minutes; as often as the attempt."""
        slowest = self._slowest.get(_kind(spec))
        if slowest is None:
            return self._longest
        told = math.ceil(_ROOM * slowest * _operations(spec) / 60) + _SPARE_MINUTES
        return min(attempt * told, self._longest)

    @cached_property
    def _slowest(self) -> dict[_Kind, float]:
        """Seconds per operation."""
        found: dict[_Kind, float] = {}
        for path in (self._results / "cells").rglob(RECORD):
            try:
                record = read_record(path)
                spec = parse_name(record.name)
            except UserError:  # damaged, or of another version
                continue
            made = record.provenance
            if record.cost is None or made is None or made.slurm_job_id is None or made.resumed or spec.is_baseline:
                continue
            kind = _kind(spec)
            found[kind] = max(found.get(kind, 0.0), record.cost.seconds / _operations(spec))
        return found


def _kind(spec: CellSpec) -> _Kind:
    pixels = int(spec["replicates"]) * spec.size**2
    field = catalog.tasks()[spec.task].field(spec)
    return spec.network, field, int(spec.width or 0), spec.loss, round(math.log(pixels, 8))


def _operations(spec: CellSpec) -> float:
    work = work_of(spec)
    return work.network + work.loss + work.final
