"""The cells of a run as the report sees them: read from the tidy table, told apart by what varies."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from sirenbench import catalog
from sirenbench.cell_files import check_is_of, read_curves
from sirenbench.records import CURVES, CellRecord, EndPoints, Replicate, folder_of
from sirenbench.report.pixels import verdicts_of
from sirenbench.report.text import plain
from sirenbench.statistics import Sample

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

Data = tuple[str, str, int, int | None]


def anchor_of(name: str) -> str:
    """The id of a cell's details on the page."""
    return "cell:" + quote(name, safe="/=+-_.")


@dataclass(frozen=True)
class Cell:
    """A cell of a study.

    Attributes
    ----------
    parts
        The configuration: task, image, size, factor, arm, depth, width and every option that applies.
    reference, scaled
        The name of the paper's own cell, and what this one has otherwise.
    further
        Metric -> seed -> value, of the metrics that were computed later from the stored weights.
    lacking
        Metric -> why, of those that could not be.
    record
        None if the cell left none.
    pixels
        Whether its pictures are the paper's: a key of ``pixels.WORDS``, or nothing where it has none.
    """

    study: str
    name: str
    method: str
    parts: dict[str, int | float | str]
    track: str
    state: str
    reason: str
    reference: str
    scaled: tuple[str, ...]
    command: str
    further: dict[str, dict[int, float]]
    lacking: dict[str, str]
    record: CellRecord | None
    pixels: str = ""

    @property
    def exact(self) -> bool:
        """Whether it is a baseline, which has no chance in it."""
        return "depth" not in self.parts

    @property
    def data(self) -> Data:
        """What its scores are of: only cells of the same image and factor can be compared."""
        factor = self.parts.get("factor")
        return (
            str(self.parts["task"]),
            str(self.parts["image"]),
            int(self.parts["size"]),
            None if factor is None else int(factor),
        )

    @property
    def anchor(self) -> str:
        """The id of its details on the page."""
        return anchor_of(self.name)

    @property
    def note(self) -> str:
        """What must be said with its name wherever it is compared."""
        baseline = catalog.baselines().get(str(self.parts["arm"]))
        return "trained on external data" if baseline and baseline.trained_on_external_data else ""

    @property
    def replicates(self) -> tuple[Replicate, ...]:
        """Empty if the cell left no record."""
        return self.record.replicates if self.record else ()

    @property
    def diverged(self) -> int:
        """How many replicates did."""
        return sum(replicate.diverged for replicate in self.replicates)

    @cached_property
    def metrics(self) -> list[str]:
        """The metrics that it was scored with; not what was measured once, of the final weights."""
        return list(dict.fromkeys([*(metric for r in self.replicates for metric in r.metrics), *self.further]))

    @cached_property
    def final(self) -> dict[str, dict[int, float]]:
        """Metric -> seed -> value, of what was measured once, of the final weights; NaN for one that diverged."""
        final: dict[str, dict[int, float]] = {}
        for r in self.replicates:
            for metric, value in r.final.items():
                final.setdefault(metric, {})[r.seed] = math.nan if r.diverged else value
        return final

    def has(self, metric: str) -> bool:
        """Whether it has any number for a metric, or a reason why not."""
        return metric in self.metrics or metric in self.final or metric in self.lacking

    def ends(self, metric: str) -> list[EndPoints]:
        """The end points of a metric of every replicate that has it and did not diverge."""
        return [r.metrics[metric] for r in self.replicates if metric in r.metrics and not r.diverged]

    def sample(self, metric: str) -> Sample:
        """The last value of a metric, by seed; NaN for a replicate that diverged, or for which it is not defined."""
        if once := self.further.get(metric) or self.final.get(metric):
            return Sample(once, exact=self.exact)
        found = [r for r in self.replicates if metric in r.metrics]
        values = {r.seed: math.nan if r.diverged else r.metrics[metric].last for r in found}
        return Sample(values, exact=self.exact)


_PARTS = ("task", "image", "size", "factor", "arm", "depth", "width")


def _scores(frame: pd.DataFrame) -> dict[tuple[str, int], dict[str, dict[int, float]]]:
    """(study, position) -> metric -> seed -> last value; NaN for a seed that diverged."""
    scores: dict[tuple[str, int], dict[str, dict[int, float]]] = {}
    for row in frame.loc[(frame["metric"] != "") & frame["seed"].notna()].to_dict("records"):
        value = math.nan if row["diverged"] else float(row["last"])
        scores.setdefault((row["study"], row["position"]), {}).setdefault(row["metric"], {})[int(row["seed"])] = value
    return scores


def _lacking(frame: pd.DataFrame) -> dict[tuple[str, int], dict[str, str]]:
    """(study, position) -> metric -> why it has no numbers."""
    lacking: dict[tuple[str, int], dict[str, str]] = {}
    for row in frame.loc[(frame["metric"] != "") & frame["seed"].isna()].to_dict("records"):
        lacking.setdefault((row["study"], row["position"]), {})[row["metric"]] = row["reason"]
    return lacking


def read_cells(frame: pd.DataFrame) -> list[Cell]:
    """The cells of the tidy table, in its order."""
    first = frame.drop_duplicates(["study", "position"]).astype(object)
    first = first.where(first.notna(), None)
    records: dict[str, CellRecord] = {}
    scores, lacking = _scores(frame), _lacking(frame)
    cells = []
    for row in first.to_dict("records"):
        if row["record"] and row["name"] not in records:
            records[row["name"]] = CellRecord.model_validate_json(row["record"])
        parts = {key: row[key] for key in _PARTS if row[key] is not None}
        record = records.get(row["name"])
        replicates = record.replicates if record else ()
        known = {metric for replicate in replicates for metric in (*replicate.metrics, *replicate.final)}
        of_cell = scores.get((row["study"], row["position"]), {})
        cells.append(
            Cell(
                further={metric: values for metric, values in of_cell.items() if metric not in known},
                lacking=lacking.get((row["study"], row["position"]), {}),
                parts=parts | json.loads(row["options"]),
                scaled=tuple(json.loads(row["scaled"])),
                record=record,
                **{key: row[key] for key in ("study", "name", "method", "track", "state", "reason")},
                **{key: row[key] for key in ("reference", "command")},
            )
        )
    return [replace(cell, pixels=verdict) for cell, verdict in zip(cells, verdicts_of(cells), strict=True)]


def curves_of(cell: Cell, results: Path) -> dict[str, np.ndarray] | None:
    """What was followed over its steps: columns with an entry for each scored step and replicate.

    None if it left no curves.

    Raises
    ------
    RecordError
        If the file is damaged.
    """
    return left_by(cell, CURVES, read_curves, results)


def left_by(
    cell: Cell, name: str, read: Callable[[Path], dict[str, np.ndarray]], results: Path
) -> dict[str, np.ndarray] | None:
    """The arrays of a file in a cell's folder; None if it left none.

    Raises
    ------
    RecordError
        If the file is damaged, or is not the one that the cell's record tells of.
    """
    path = folder_of(results, cell.name) / name
    if cell.state not in ("ok", "diverged") or not path.exists():
        return None
    if cell.record:
        check_is_of(cell.record, path)
    return read(path)


@dataclass(frozen=True)
class Labelled:
    """A cell as its study shows it.

    Attributes
    ----------
    style
        Number of its colour and dash: the same in all figures of the study for cells with the same label.
    """

    cell: Cell
    label: str
    style: int


def labelled(cells: Sequence[Cell]) -> list[Labelled]:
    """The cells of a study with their labels and styles."""
    labels = labels_of(cells)
    styles = {label: style for style, label in enumerate(dict.fromkeys(labels))}
    return [Labelled(cell, label, styles[label]) for cell, label in zip(cells, labels, strict=True)]


def groups_of(shown: Sequence[Labelled]) -> dict[Data, list[Labelled]]:
    """Cells by what their scores are of, in the order of their first appearance."""
    groups: dict[Data, list[Labelled]] = {}
    for one in shown:
        groups.setdefault(one.cell.data, []).append(one)
    return groups


# They name the data, which the report shows once for a whole group.
_OF_DATA = ("task", "image", "size", "factor")
_SHAPE = ("depth", "width")
# Said by the method, or without an influence on any number: named only where nothing else tells two cells apart.
_QUIET = ("arm", "eval_every")


def labels_of(cells: Sequence[Cell]) -> list[str]:
    """A short name for each cell of a study: its method, and what varies between cells of one method.

    Where every cell has one method, the method is left out if anything else tells them apart.
    """
    labels = _labels(cells, unnamed=_QUIET)
    seen = {(cell.data, label) for cell, label in zip(cells, labels, strict=True)}
    return labels if len(seen) == len(cells) else _labels(cells)


def _labels(cells: Sequence[Cell], unnamed: Collection[str] = ()) -> list[str]:
    methods = dict.fromkeys(cell.method for cell in cells)
    kin = [[cell for cell in cells if cell.method == method] for method in methods]
    varying = [key for key in _keys(cells) if any(len(_values(group, key)) > 1 for group in kin)]
    switches = [key for key in varying if key not in (*_OF_DATA, *_SHAPE, *unnamed)]
    shapes = any(len(_values(cells, key)) > 1 for key in _SHAPE)
    one_method = len(methods) == 1 and (switches or shapes)
    labels = []
    for cell in cells:
        words = [] if one_method else [cell.method]
        if shapes and not cell.exact:
            words.append(f"{cell.parts['depth']}×{cell.parts['width']}")
        words += [_switch(key, cell.parts[key], alone=len(switches) == 1) for key in switches if key in cell.parts]
        labels.append(", ".join(words))
    return labels


def _switch(key: str, value: int | float | str, alone: bool) -> str:
    """``first omega 60``; a word needs no key where nothing else varies: ``xavier normal``."""
    text = plain(value).replace("_", " ")
    return text if alone and isinstance(value, str) else f"{key.replace('_', ' ')} {text}"


def _keys(cells: Sequence[Cell]) -> list[str]:
    return list(dict.fromkeys(key for cell in cells for key in cell.parts))


def _values(cells: Sequence[Cell], key: str) -> set[object]:
    return {cell.parts[key] for cell in cells if key in cell.parts}
