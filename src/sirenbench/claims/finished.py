"""A finished cell as claims see it: its record, and the curves, images and statistics beside it, read when needed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from sirenbench.activation_statistics import Statistics
from sirenbench.cell_files import check_is_of, read_curves, read_images
from sirenbench.claims.verdicts import NotTestable
from sirenbench.records import ACTIVATIONS, CURVES, IMAGES, CellRecord, EndPoints, folder_of
from sirenbench.spec import CellSpec
from sirenbench.statistics import Sample


@dataclass(frozen=True, eq=False)
class Curve:
    """One metric over the scored steps: ``steps`` (K,), and by seed ``values`` (K,), NaN once it diverged."""

    steps: np.ndarray
    values: Mapping[int, np.ndarray]


@dataclass(frozen=True, eq=False)
class FinishedCell:
    """A cell that left numbers."""

    spec: CellSpec
    record: CellRecord
    results: Path

    @property
    def exact(self) -> bool:
        """Whether there is no chance in it."""
        return self.spec.is_baseline

    def ends(self, metric: str) -> dict[int, EndPoints]:
        """The end points of a metric that it was scored with, by seed. Raises NotTestable if it was not."""
        found = {r.seed: r.metrics[metric] for r in self.record.replicates if metric in r.metrics}
        if not found:
            raise self._lack(metric)
        return found

    def last(self, metric: str) -> Sample:
        """The last value of a metric, or what was measured once, of the final weights; NaN for what diverged."""
        once = {r.seed: r.final[metric] for r in self.record.replicates if metric in r.final}
        values = once or {seed: ends.last for seed, ends in self.ends(metric).items()}
        return self.sample(values)

    def sample(self, values: Mapping[int, float]) -> Sample:
        """By seed; NaN for a replicate that diverged."""
        diverged = {r.seed for r in self.record.replicates if r.diverged}
        return Sample({seed: math.nan if seed in diverged else v for seed, v in values.items()}, exact=self.exact)

    def curve(self, column: str) -> Curve:
        """Raises NotTestable if there is none."""
        table = self._curves
        if column not in table:
            raise self._lack(f"curve of {column}")
        values = {
            r.seed: table[column][table["replicate"] == r.replicate].astype(np.float64) for r in self.record.replicates
        }
        return Curve(np.unique(table["step"]), values)

    @property
    def clock(self) -> tuple[np.ndarray, np.ndarray]:
        """The scored steps and the seconds of training until then. Raises NotTestable if there are no curves."""
        table = self._curves
        first = table["replicate"] == table["replicate"][0]
        return table["step"][first], table["seconds"][first].astype(np.float64)

    @cached_property
    def _curves(self) -> dict[str, np.ndarray]:
        return read_curves(self._file(CURVES))

    @cached_property
    def images(self) -> dict[str, np.ndarray]:
        """Of the first replicate. Raises NotTestable if they are gone."""
        return read_images(self._file(IMAGES))

    @cached_property
    def activations(self) -> Statistics:
        """Raises NotTestable if the cell has none."""
        return Statistics.read(self._file(ACTIVATIONS))

    def by_seed(self, values: np.ndarray) -> Sample:
        """Of one value for each replicate, (R,)."""
        return self.sample({r.seed: float(values[r.replicate]) for r in self.record.replicates})

    def _file(self, name: str) -> Path:
        path = folder_of(self.results, self.spec.name) / name
        if not path.exists():
            raise self._lack(name)
        check_is_of(self.record, path)
        return path

    def _lack(self, what: str) -> NotTestable:
        return NotTestable(f"{self.spec.name} has no {what}")
