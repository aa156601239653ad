"""What the cells of a configuration would cost on this machine, study by study, in the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sirenbench.config.model import Config
from sirenbench.numerics import numerics_of
from sirenbench.pace import Machine, Pace, machine_here, measured
from sirenbench.records import RECORD, RecordError, folder_of, read_record
from sirenbench.report.text import duration, plural
from sirenbench.spec import CellSpec


@dataclass(frozen=True)
class Estimate:
    """Of some cells, each counted once.

    Attributes
    ----------
    seconds
        Of a GPU, or of CPU cores together.
    longest
        The cell that runs longest, and its seconds.
    """

    cells: int
    trained: int
    seconds: float
    longest: tuple[str, float]


def estimate(specs: Iterable[CellSpec], pace: Pace) -> Estimate:
    """Sum up what cells would take."""
    cells = {spec.name: spec for spec in specs}
    seconds = {name: pace.seconds(spec) for name, spec in cells.items()}
    threads = 1 if pace.machine.is_gpu else pace.machine.threads
    longest = max(seconds, key=lambda name: seconds[name], default="")
    return Estimate(
        cells=len(cells),
        trained=sum(not spec.is_baseline for spec in cells.values()),
        seconds=threads * sum(seconds.values()),
        longest=(longest, seconds.get(longest, 0.0)),
    )


def print_estimate(config: Config, cells: Mapping[str, Sequence[CellSpec]], target: str, results: Path) -> None:
    """A line a study, the sum with every cell counted once, what is left to do, and what all this rests on."""
    machine = machine_here(config.device, config.resources.threads)
    pace = measured(results, machine)
    studies = {name: estimate(specs, pace) for name, specs in cells.items()}
    every = [spec for specs in cells.values() for spec in specs]
    total = estimate(every, pace)
    left = estimate((spec for spec in every if not _is_done(results, spec)), pace)
    print(f"What {target} takes on this machine ({machine.device}), in {_unit(machine)}:\n")
    width = max(len(name) for name in (*studies, "study"))
    print(f"{'study':<{width}}  cells  trained         time   longest cell")
    for name, found in (*studies.items(), ("all", total)):
        where, seconds = found.longest
        line = f"{found.cells:>5}  {found.trained:>7}  {duration(found.seconds):>11}"
        print(f"{name:<{width}}  {line}   {duration(seconds)}: {where}")
    print(f"\nIn the last line a cell that several studies need counts once. {_done(total, left)}")
    print(f"{_wall(left, machine)}{_basis(pace)}")


def _is_done(results: Path, spec: CellSpec) -> bool:
    """Whether a cell has a record, and by the present numerics if there are numbers in it."""
    try:
        made = read_record(folder_of(results, spec.name) / RECORD).provenance
    except RecordError:  # none, or a damaged one
        return False
    return made is None or made.numerics == numerics_of(spec)


def _unit(machine: Machine) -> str:
    return "GPU time" if machine.is_gpu else "core time"


def _done(total: Estimate, left: Estimate) -> str:
    if left.cells == total.cells:
        return "None is done yet."
    return f"{total.cells - left.cells} of {total.cells} are done; {duration(left.seconds)} are left."


def _wall(left: Estimate, machine: Machine) -> str:
    if machine.is_gpu or machine.cores == 1 or not left.cells:
        return ""
    seconds = max(left.seconds / machine.cores, left.longest[1])
    return f"On the {machine.cores} cores of this machine that is {duration(seconds)}.\n"


def _basis(pace: Pace) -> str:
    told = f"{plural(pace.records, 'finished cell')} of this machine" if pace.records else ""
    timed = f"trial steps of {plural(len(pace.probe.timed), 'kind')} of network" if pace.probe.timed else ""
    return f"It rests on {' and '.join(filter(None, (told, timed))) or 'the time that a process takes to start'}."
