"""What the cells of a run cost, by arm and task: time, speed, memory, and the size of the networks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import fsum
from statistics import median

from sirenbench import catalog
from sirenbench.names import parse_name
from sirenbench.records import Cost
from sirenbench.report.cells import Cell
from sirenbench.report.origin import machine_of
from sirenbench.report.scores import Value
from sirenbench.report.text import DASH, count, duration, plain, plural, rate

BITS = 32  # of a weight, as it is trained and stored

# What cells may differ in and still cost the same. How often they were scored shows in the time of the metrics alone.
_FREE = ("image", "first_init", "hidden_init", "first_omega", "hidden_omega", "lr", "seed", "kernel", "grid", "form")
_UNNAMED = ("steps", "replicates", "eval_every", *_FREE)


@dataclass(frozen=True)
class Row:
    """Cells that compute the same on one machine; ``values`` stand under the table's headings.

    Attributes
    ----------
    what
        Task and size: ``Super-resolution 512², ×8``.
    note
        The switches that its cost depends on, where they are not at their default; and how many cells they are.
    anchor
        Of its only cell; empty if there are several.
    """

    what: str
    method: str
    note: str
    anchor: str
    machine: str
    values: dict[str, Value]


@dataclass(frozen=True)
class Part:
    """A part of the computing time: what took it, how long, and its share in percent."""

    what: str
    seconds: float
    share: float


@dataclass(frozen=True)
class Costs:
    """The section on cost.

    Attributes
    ----------
    tasks, stages
        Where the computing time went.
    machines
        All that any cell ran on; with more than one, every row says which.
    """

    headings: list[str]
    rows: list[Row]
    tasks: list[Part]
    stages: list[Part]
    machines: list[str]


def costs_of(cells: Sequence[Cell]) -> Costs | None:
    """The costs of the distinct cells of a run; None if none of them says what it cost."""
    known = [cell for cell in cells if _cost(cell)]
    if not known:
        return None
    groups: dict[tuple, list[Cell]] = {}
    for cell in known:
        parts = [(key, value) for key, value in cell.parts.items() if key not in (*_FREE, "eval_every")]
        groups.setdefault((*parts, _machine(cell)), []).append(cell)
    return Costs(
        headings=list(_HEADINGS),
        rows=[_row(group) for group in groups.values()],
        tasks=_tasks(known),
        stages=_stages([cost for cell in known if (cost := _cost(cell))]),
        machines=list(dict.fromkeys(_machine(cell) for cell in known)),
    )


def _machine(cell: Cell) -> str:
    made = cell.record.provenance if cell.record else None
    return machine_of(made) if made else ""


def _cost(cell: Cell) -> Cost | None:
    return cell.record.cost if cell.record else None


def _row(cells: Sequence[Cell]) -> Row:
    first = cells[0]
    options = parse_name(first.name).options
    switches = [
        f"{option.name.replace('_', ' ')} {plain(value)}"
        for option, value in options
        if value != option.default and option.name not in _UNNAMED
    ]
    factor = f", ×{first.parts['factor']}" if "factor" in first.parts else ""
    return Row(
        what=f"{catalog.tasks()[str(first.parts['task'])].title} {first.parts['size']}²{factor}",
        method=first.method + ("" if first.exact else f" {first.parts['depth']}×{first.parts['width']}"),
        note=", ".join([*switches, *([plural(len(cells), "cell")] if len(cells) > 1 else [])]),
        anchor=first.anchor if len(cells) == 1 else "",
        machine=_machine(first),
        values={heading: _value(cells, *how) for heading, how in _HEADINGS.items()},
    )


def _value(cells: Sequence[Cell], pick: Callable[[Cell], float | None], write: Callable[[float | None], str]) -> Value:
    """The median over the cells that have it."""
    found = [value for cell in cells if (value := pick(cell)) is not None]
    middle = median(found) if found else None
    return Value(write(middle), key=middle)


def _of_cost(pick: Callable[[Cost], float | None]) -> Callable[[Cell], float | None]:
    return lambda cell: pick(cost) if (cost := _cost(cell)) else None


def _of_part(name: str) -> Callable[[Cell], float | None]:
    return lambda cell: None if cell.exact else float(cell.parts[name])


def _bits_per_pixel(cell: Cell) -> float | None:
    parameters = cell.record.parameters if cell.record else None
    return None if parameters is None else BITS * parameters / float(cell.parts["size"]) ** 2


def _percent(value: float | None) -> str:
    return DASH if value is None else f"{value:.0%}".replace("%", " %")


# Heading -> what of a cell, and how it is written. Speeds of cells without a training step are none.
_HEADINGS: dict[str, tuple[Callable[[Cell], float | None], Callable[[float | None], str]]] = {
    "Time": (_of_cost(lambda cost: cost.seconds), duration),
    "Steps/s": (_of_cost(lambda cost: cost.steps_per_second or None), rate),
    "Of peak": (_of_cost(lambda cost: cost.peak_fraction), _percent),
    "Memory (MiB)": (_of_cost(lambda cost: cost.peak_memory_mib), count),
    "Parameters": (lambda cell: cell.record.parameters if cell.record else None, count),
    "Bits per pixel": (_bits_per_pixel, rate),
    "Steps": (_of_part("steps"), count),
    "Seeds": (_of_part("replicates"), count),
}


def _tasks(cells: Sequence[Cell]) -> list[Part]:
    seconds: dict[str, list[float]] = {}
    for cell in cells:
        title = catalog.tasks()[str(cell.parts["task"])].title
        seconds.setdefault(title, []).append(cost.seconds if (cost := _cost(cell)) else 0.0)
    return _shares((f"{title} ({plural(len(found), 'cell')})", fsum(found)) for title, found in seconds.items())


def _stages(costs: Sequence[Cost]) -> list[Part]:
    stages = {
        "start-up": fsum(cost.startup_seconds for cost in costs),
        "training": fsum(cost.training_seconds for cost in costs),
        "scoring": fsum(cost.metrics_seconds for cost in costs),
    }
    rest = fsum(cost.seconds for cost in costs) - fsum(stages.values())
    return _shares([*stages.items(), ("files and the rest", max(rest, 0.0))])


def _shares(parts: Iterable[tuple[str, float]]) -> list[Part]:
    parts = list(parts)
    whole = fsum(seconds for _, seconds in parts) or 1.0
    return [Part(what, seconds, 100 * seconds / whole) for what, seconds in parts]
