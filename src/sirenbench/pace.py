"""How fast cells run on this machine: by its finished cells, and by a short probe where they do not tell."""

from __future__ import annotations

import math
import os
import platform
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from sirenbench import catalog
from sirenbench.cost import work_of
from sirenbench.errors import UserError
from sirenbench.names import parse_name
from sirenbench.numerics import numerics_of
from sirenbench.probe import Probe
from sirenbench.records import RECORD, Cost, read_record
from sirenbench.spec import CellSpec
from sirenbench.tasks.base import Field


@dataclass(frozen=True)
class Machine:
    """Where cells would train.

    Attributes
    ----------
    device
        As records call it.
    threads
        CPU threads of a cell.
    cores
        CPU cores that this process may use.
    """

    device: str
    is_gpu: bool
    threads: int
    cores: int


@dataclass(frozen=True)
class Kind:
    """What sets how fast a network is trained.

    Attributes
    ----------
    scale
        Order of magnitude of its pixels, in powers of 8: a GPU idles where there are few. 0 on a CPU, which takes one
        small piece after the other, whatever their number.
    precision
        Of its products; always fp32 on a CPU, where cells of another one end at once.
    """

    network: str
    field: Field
    width: int
    scale: int
    precision: str = "fp32"

    def __str__(self) -> str:
        by = "" if self.field == "value" else f" by {self.field}s"
        rounded = "" if self.precision == "fp32" else f" in {self.precision}"
        return f"{self.network}{by} with {self.width:,} features{rounded}"


@dataclass
class Pace:
    """Seconds of a cell on a machine.

    Attributes
    ----------
    networks, loss
        Operations per second in networks, and in a loss that is a network of its own.
    trained, baseline
        Seconds of a trained cell beside them, and of a baseline; None if no record tells.
    records
        How many finished cells tell so.
    """

    machine: Machine
    probe: Probe
    networks: dict[Kind, float] = field(default_factory=dict)
    loss: float | None = None
    trained: float | None = None
    baseline: float | None = None
    records: int = 0

    def seconds(self, spec: CellSpec) -> float:
        """How long the process of a cell runs."""
        known = self.baseline if spec.is_baseline else self.trained
        return (self.probe.overhead if known is None else known) + self.computing(spec)

    def computing(self, spec: CellSpec) -> float:
        """Of them, those of training and scoring; none for a baseline."""
        if spec.is_baseline:
            return 0.0
        work = work_of(spec)
        network = (work.network + work.final) / self._network(kind_of(spec, self.machine))
        return network + (work.loss / self._loss() if work.loss else 0.0)

    def _network(self, kind: Kind) -> float:
        if kind not in self.networks:
            self.networks[kind] = self.probe.network(kind)
        return self.networks[kind]

    def _loss(self) -> float:
        if self.loss is None:
            self.loss = self.probe.loss()
        return self.loss


def machine_here(wanted: str, threads: int) -> Machine:
    """This machine as cells would use it, by the configuration's ``device`` and its threads of a cell.

    Raises
    ------
    UserError
        If a GPU is wanted and there is none.
    """
    gpus = [] if wanted == "cpu" else _gpus()
    if wanted == "cuda" and not gpus:
        raise UserError("device: cuda was asked for, but this machine has no GPU; use 'auto' or 'cpu'")
    return Machine(gpus[0] if gpus else _processor(), bool(gpus), threads, len(os.sched_getaffinity(0)))


def kind_of(spec: CellSpec, machine: Machine) -> Kind:
    """The kind of a trained cell's network."""
    pixels = int(spec["replicates"]) * spec.size**2
    field = catalog.tasks()[spec.task].field(spec)
    if not machine.is_gpu:
        return Kind(spec.network, field, int(spec.width or 0), 0)
    scale = round(math.log(pixels, 8))
    return Kind(spec.network, field, int(spec.width or 0), scale, str(spec["precision"]))


def measured(results: Path, machine: Machine) -> Pace:
    """The medians of what finished cells took on this machine, with its threads, by the present numerics."""
    cells = list(_comparable(results, machine))
    trained = [(spec, cost) for spec, cost in cells if not spec.is_baseline and spec["steps"]]
    rates: dict[Kind, list[float]] = {}
    for spec, cost in trained:
        if not spec.loss:
            rates.setdefault(kind_of(spec, machine), []).append(work_of(spec).network / _computing(cost))
    pace = Pace(
        machine,
        Probe(machine),
        networks={kind: median(found) for kind, found in rates.items()},
        trained=_median(cost.seconds - _computing(cost) for _, cost in trained),
        baseline=_median(cost.seconds for spec, cost in cells if spec.is_baseline),
        records=len(cells),
    )
    pace.loss = _median(_loss_rates(trained, pace))
    return pace


def _loss_rates(trained: Iterable[tuple[CellSpec, Cost]], pace: Pace) -> Iterator[float]:
    """What is left of a cell with a loss of its own when its network's share is taken off."""
    for spec, cost in trained:
        kind = kind_of(spec, pace.machine)
        if spec.loss and kind in pace.networks:
            left = _computing(cost) - work_of(spec).network / pace.networks[kind]
            if left > 0:
                yield work_of(spec).loss / left


def _comparable(results: Path, machine: Machine) -> Iterator[tuple[CellSpec, Cost]]:
    for path in sorted((results / "cells").rglob(RECORD)):
        try:
            record = read_record(path)
            spec = parse_name(record.name)
        except UserError:  # damaged, or of another version
            continue
        made = record.provenance
        if record.cost is None or made is None or made.numerics != numerics_of(spec):
            continue
        # Baselines run on the CPU everywhere.
        if (made.device, made.threads) == (machine.device, machine.threads) or (spec.is_baseline and machine.is_gpu):
            yield spec, record.cost


def _computing(cost: Cost) -> float:
    return max(cost.training_seconds + cost.metrics_seconds, 1e-9)


def _median(values: Iterable[float]) -> float | None:
    found = list(values)
    return median(found) if found else None


def _gpus() -> list[str]:
    """Names of the GPUs, as PyTorch calls them; none without their driver."""
    words = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return done.stdout.splitlines()


def _processor() -> str:
    """The CPU's name, as :mod:`sirenbench.provenance` (which needs torch) reads it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
