"""Which cells of a run are done, running, failed or left, as told by Snakemake's events and the cells' files."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sirenbench.progress import Beat, read_heartbeat
from sirenbench.records import FAILURE, RECORD, RecordError, read_record

CELL_RULES = ("train", "baseline")


@dataclass(frozen=True)
class Cell:
    """A job that makes a cell.

    Attributes
    ----------
    target
        Path of its ``cell.json``, as Snakemake is asked for it.
    """

    target: Path
    log: str
    started: float

    @property
    def folder(self) -> Path:
        return self.target.parent

    @property
    def name(self) -> str:
        """What stands after ``cells/`` in the path of the folder."""
        _, found, name = self.folder.as_posix().rpartition("cells/")
        return name if found else self.folder.as_posix()


@dataclass(frozen=True)
class Ended:
    """How a cell ended: the state of its record and, unless that is ``ok``, the first line of the reason."""

    cell: Cell
    state: str
    reason: str
    seconds: float


@dataclass
class Tally:
    """The cells of one run. Cells that were finished before are not part of it.

    One thread writes it; others may read it at the same time.
    """

    planned: int = 0
    began: float = field(default_factory=time.time)
    running: dict[int, Cell] = field(default_factory=dict)
    ended: dict[int, Ended] = field(default_factory=dict)

    def plan(self, stats: Mapping[str, int]) -> None:
        """Take over Snakemake's table of jobs, rule -> number."""
        self.planned = sum(stats.get(rule, 0) for rule in CELL_RULES)

    def start(self, job: int, outputs: Sequence[str], logs: Sequence[str]) -> None:
        """A cell's job was started or, on a cluster, submitted; perhaps not for the first time."""
        self.ended.pop(job, None)
        self.running[job] = Cell(Path(_record_of(outputs)), ", ".join(logs), time.time())

    def finish(self, job: int) -> Ended:
        """A cell's job has written its record."""
        return self._end(job, *_outcome(self.running[job].folder / RECORD, "ok"))

    def fail(self, job: int) -> Ended:
        """A cell's job has ended without a record."""
        return self._end(job, "failed", _outcome(self.running[job].folder / FAILURE, "failed")[1])

    def interrupt(self) -> None:
        """The run is over: what still runs will not be heard of again."""
        for job in tuple(self.running):
            self._end(job, "interrupted", "")

    def _end(self, job: int, state: str, reason: str) -> Ended:
        cell = self.running.pop(job)
        self.ended[job] = Ended(cell, state, reason, time.time() - cell.started)
        return self.ended[job]

    @property
    def total(self) -> int:
        return max(self.planned, len(self.running) + len(self.ended))

    @property
    def left(self) -> int:
        """Cells that have not been started."""
        return self.total - len(self.running) - len(self.ended)

    def count(self, state: str) -> int:
        return sum(end.state == state for end in tuple(self.ended.values()))

    def counts(self) -> str:
        """``12 done, 2 running, 1 failed, 26 left``; further states only where there are any."""
        special = {state: self.count(state) for state in ("diverged", "not-testable", "interrupted")}
        parts = [
            f"{self.count('ok')} done",
            *(f"{number} {state.replace('-', ' ')}" for state, number in special.items() if number),
            *([f"{len(self.running)} running"] if self.running else []),
            f"{self.count('failed')} failed",
            *([f"{self.left} left"] if self.left else []),
        ]
        return ", ".join(parts)

    @property
    def seconds(self) -> float:
        return time.time() - self.began

    def beats(self) -> Iterator[tuple[Cell, Beat | None]]:
        """The running cells, the longest running first, with their signs of life."""
        for cell in tuple(self.running.values()):
            yield cell, read_heartbeat(cell.folder)


def clock(seconds: float) -> str:
    """``2:05`` or ``1:02:05``."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def _record_of(outputs: Sequence[str]) -> str:
    return next((path for path in outputs if Path(path).name == RECORD), next(iter(outputs), ""))


def _outcome(path: Path, otherwise: str) -> tuple[str, str]:
    """State and first line of the reason in a record; ``otherwise`` where there is none to read."""
    try:
        record = read_record(path)
    except RecordError:
        return otherwise, ""
    return record.state, next(iter(record.reason.splitlines()), "")
