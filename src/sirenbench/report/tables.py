"""The tables of the report, as data: every cell of them is ready to be written down."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from statistics import fmean
from typing import TypeAlias

import numpy as np

from sirenbench import catalog
from sirenbench.metrics import activations, derivatives
from sirenbench.names import parse_name
from sirenbench.records import EndPoints
from sirenbench.report.cells import Cell, Data, labels_of
from sirenbench.report.scores import Score, Value, scores_of
from sirenbench.report.text import DASH, count, number, plural, rate
from sirenbench.statistics import Sample, summarise

STATES = {
    "ok": "done",
    "diverged": "diverged",
    "failed": "failed",
    "not-testable": "not testable",
    "running": "running",
    "missing": "missing",
}

# What the glossary says of columns that are no metrics, by their headings: the ids of its lines.
TERMS = {
    **dict.fromkeys(("Best PSNR", "Worst drop (dB)", "Reaches 30 dB", "Reaches 40 dB"), "term:steps"),
    "Gain asked for": "metric:gain",
}


@dataclass(frozen=True)
class Judged(ABC):
    """Rows with scores of ours beside the paper's."""

    @abstractmethod
    def scores(self) -> Iterable[Score]:
        """All of them."""

    # Asked for every row that is written down: of all rows, it is found out once.
    @cached_property
    def verdicts(self) -> set[str]:
        """What is said of ours against the paper's numbers; empty if the paper has none."""
        return {score.against.verdict for score in self.scores() if score.against.paper}

    @property
    def scaled(self) -> bool:
        """Whether the paper's numbers are all of larger cells, so that no difference is judged."""
        return self.verdicts == {"scaled down"}

    @property
    def letters(self) -> list[str]:
        """How the paper's numbers are known that it does not print."""
        return sorted({score.against.evidence for score in self.scores()} - {""})


@dataclass(frozen=True)
class Row:
    """A cell of a table of rows; ``extras`` stand under the table's, by heading."""

    cell: Cell
    label: str
    data: str
    scores: dict[str, Score]
    extras: dict[str, Value]


@dataclass(frozen=True)
class RowsTable(Judged):
    """One row per cell; ``metrics`` are the columns with scores, ``extras`` the headings of what stands beside them."""

    metrics: list[str]
    extras: list[str]
    rows: list[Row]
    show_data: bool

    def scores(self) -> Iterable[Score]:
        return [score for row in self.rows for score in row.scores.values()]

    @cached_property
    def printed(self) -> set[str]:
        """The metrics that the paper has numbers of."""
        return {metric for row in self.rows for metric, score in row.scores.items() if score.against.paper}


@dataclass(frozen=True)
class Column:
    """An arm, with what a reader must know of it."""

    label: str
    note: str


@dataclass(frozen=True)
class Entry:
    """What an arm has to show on one image and factor: a cell with its scores, or nothing if the study has none."""

    cell: Cell
    scores: dict[str, Score]


@dataclass(frozen=True)
class Block(Judged):
    """The rows of one image and factor; ``entries`` stand under the table's columns."""

    title: str
    metrics: list[str]
    entries: list[Entry | None]

    def scores(self) -> Iterable[Score]:
        return [score for entry in self.entries if entry for score in entry.scores.values()]


@dataclass(frozen=True)
class ArmsTable(Judged):
    """Table 1's layout: a column per arm, a block of rows per image and factor."""

    columns: list[Column]
    blocks: list[Block]

    def scores(self) -> Iterable[Score]:
        return [score for block in self.blocks for score in block.scores()]

    @property
    def metrics(self) -> list[str]:
        return list(dict.fromkeys(metric for block in self.blocks for metric in block.metrics))


Table: TypeAlias = RowsTable | ArmsTable


def data_title(data: Data, images: Mapping[str, str]) -> str:
    """``Cameraman 512², ×8``."""
    _, image, size, factor = data
    return f"{images.get(image, image)} {size}²" + (f", ×{factor}" if factor else "")


def curves_table(cells: Sequence[Cell], images: Mapping[str, str], source: str) -> RowsTable:
    """What was followed over the steps, and how it went; one row per cell, in the study's order."""
    extras: dict[str, Extra] = {
        "Best PSNR": lambda cell: _over_seeds(cell.ends("psnr"), lambda e: e.best),
        "Worst drop (dB)": lambda cell: _over_seeds(cell.ends("psnr"), lambda e: e.drawdown, not cell.exact),
        **{f"Reaches {level} dB": partial(_reached, level=level) for level in _levels(cells)},
        **_COST,
    }
    return _rows_table(cells, images, source, _followed(cells), extras)


def derivatives_table(cells: Sequence[Cell], images: Mapping[str, str], source: str) -> RowsTable:
    """The image and its derivatives; where a network is fitted by those, what amplitude they ask for."""
    final = [metric.name for metric in derivatives.COMPONENTS if any(cell.has(metric.name) for cell in cells)]
    gain = {"Gain asked for": _gain_asked_for} if "gain" in final else {}
    return _rows_table(cells, images, source, [*_followed(cells), *final], gain | _COST)


def activations_table(cells: Sequence[Cell], images: Mapping[str, str], source: str) -> RowsTable:
    """What was measured of the layers."""
    metrics = [metric.name for metric in activations.COMPONENTS]
    return _rows_table(cells, images, source, metrics, {"Parameters": _COST["Parameters"]})


def arms_table(cells: Sequence[Cell], images: Mapping[str, str], source: str) -> ArmsTable:
    """Table 1's layout of a study."""
    labels = labels_of(cells)
    columns = {label: Column(label, cell.note) for label, cell in zip(labels, cells, strict=True)}
    scores = scores_of(cells, _followed(cells), source, table=True)
    entries: dict[Data, dict[str, Entry]] = {}
    for cell, label, found in zip(cells, labels, scores, strict=True):
        entries.setdefault(cell.data, {})[label] = Entry(cell, found)
    blocks = [
        Block(
            title=data_title(data, images),
            metrics=_followed([entry.cell for entry in row.values()]),
            entries=[row.get(label) for label in columns],
        )
        for data, row in entries.items()
    ]
    return ArmsTable(list(columns.values()), blocks)


def _followed(cells: Iterable[Cell]) -> list[str]:
    # The fit of the low-resolution image is not what a method is judged by; it is in the details.
    found = dict.fromkeys(metric for cell in cells for metric in (*cell.metrics, *cell.lacking))
    return [metric for metric in found if not metric.startswith("fit_")] or ["psnr", "ssim"]


Extra = Callable[[Cell], Value]


def _rows_table(
    cells: Sequence[Cell],
    images: Mapping[str, str],
    source: str,
    metrics: list[str],
    extras: Mapping[str, Extra],
) -> RowsTable:
    scores = scores_of(cells, metrics, source)
    rows = [
        Row(
            cell=cell,
            label=label,
            data=data_title(cell.data, images),
            scores=found,
            extras={heading: extra(cell) for heading, extra in extras.items()},
        )
        for cell, label, found in zip(cells, labels_of(cells), scores, strict=True)
    ]
    return RowsTable(
        metrics=metrics,
        extras=list(extras),
        rows=rows,
        show_data=len({cell.data for cell in cells}) > 1,
    )


def _plain(value: float | None, write: Callable[[float | None], str]) -> Value:
    return Value(write(value), key=value)


_COST: dict[str, Extra] = {
    "Parameters": lambda cell: _plain(cell.record.parameters if cell.record else None, count),
    "Steps/s": lambda cell: _plain(
        cell.record.cost.steps_per_second if cell.record and cell.record.cost else None, rate
    ),
}


def _gain_asked_for(cell: Cell) -> Value:
    """The amplitude of a network that meets its targets, which no pixel has a say in."""
    spec = parse_name(cell.name)
    problem = catalog.tasks()[spec.task].problem(spec, lambda side, kernel: np.zeros((side, side), np.uint8))
    return _plain(problem.supervision.gain, lambda gain: number(gain, 3))


def _over_seeds(ends: Sequence[EndPoints], pick: Callable[[EndPoints], float], applies: bool = True) -> Value:
    """The mean in dB over the seeds."""
    values = [pick(end) for end in ends] if applies else []
    if not values:
        return Value(DASH)
    mean = summarise(Sample(dict(enumerate(values)))).mean
    return Value(number(mean, 2), key=None if math.isnan(mean) else mean)


def _levels(cells: Iterable[Cell]) -> list[str]:
    """30 dB where it was watched for, and 40 dB where any seed reached that."""
    ends = [end for cell in cells for end in cell.ends("psnr")]
    return [
        *(["30"] if any("30" in end.reached for end in ends) else []),
        *(["40"] if any(end.reached.get("40") for end in ends) else []),
    ]


def _reached(cell: Cell, level: str) -> Value:
    """When a level of PSNR was first reached: mean over the seeds that did, and how many did not."""
    ends = [end for end in cell.ends("psnr") if level in end.reached]
    times = [end.reached[level] for end in ends]
    there = [time for time in times if time]
    if not ends:
        return Value(DASH)
    if not there:
        return Value("never", key=math.inf)
    steps, seconds = fmean(time.step for time in there), fmean(time.seconds for time in there)
    missed = f"; {len(there)} of {plural(len(times), 'seed')}" if len(there) < len(times) else ""
    return Value(f"{steps:,.0f} steps", note=f"{rate(seconds)} s{missed}", key=steps)
