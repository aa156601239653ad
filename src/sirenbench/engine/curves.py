"""What is measured while a cell trains, and the end points that a record keeps of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from sirenbench.records import EndPoints, Reached, atomic_path

LEVELS_DB = (30, 35, 40)
_SETTLED_STEP = 50


class Curves:
    """A table of scored steps x replicates x columns, filled on the device and read at the end.

    Attributes
    ----------
    columns
        ``loss``, the metrics, and ``fit_psnr`` where the scored image is not the trained one.
    steps
        (K,) the steps that are scored: every ``every``-th, and the last.
    values
        (K, R, columns) float32, on the device; NaN where not reached yet.
    seconds
        (K,) training time at each scored step, without the metrics.
    """

    def __init__(self, total: int, every: int, replicates: int, columns: Sequence[str], device: torch.device) -> None:
        self.columns = tuple(columns)
        self.steps = np.unique(np.append(np.arange(0, total + 1, every), total))
        self.values = torch.full((len(self.steps), replicates, len(self.columns)), torch.nan, device=device)
        self.seconds = np.zeros(len(self.steps))
        self._row = {int(step): row for row, step in enumerate(self.steps)}

    def wants(self, step: int) -> bool:
        """Whether this step is scored."""
        return step in self._row

    def put(self, step: int, scores: torch.Tensor) -> None:
        """Keep the scores (R, columns) of one step."""
        self.values[self._row[step]] = scores

    def put_seconds(self, step: int, seconds: float) -> None:
        """Keep how long training had taken when a step was scored."""
        self.seconds[self._row[step]] = seconds

    def latest(self, column: str, step: int) -> float:
        """Mean over the replicates at the last scored step up to ``step`` (synchronises a GPU)."""
        row = int(np.searchsorted(self.steps, step, side="right")) - 1
        return float(self.values[row, :, self.columns.index(column)].mean())

    def series(self, column: str) -> np.ndarray:
        """(K, R) float64."""
        return self.values[:, :, self.columns.index(column)].cpu().numpy().astype(np.float64)

    def write(self, path: Path) -> None:
        """Write ``curves.parquet``: one row per scored step and replicate."""
        count, replicates, _ = self.values.shape
        table: dict[str, np.ndarray] = {
            "step": np.repeat(self.steps, replicates).astype(np.int32),
            "seconds": np.repeat(self.seconds, replicates).astype(np.float32),
            "replicate": np.tile(np.arange(replicates, dtype=np.int16), count),
        }
        values = self.values.cpu().numpy().astype(np.float32)
        table |= {name: values[:, :, column].reshape(-1) for column, name in enumerate(self.columns)}
        with atomic_path(path) as temporary:
            pq.write_table(pa.table({name: _array(values) for name, values in table.items()}), temporary)

    def end_points(self, column: str, replicate: int, higher_is_better: bool) -> EndPoints:
        """What a record keeps of one curve."""
        curve = self.series(column)[:, replicate]
        return end_points(
            self.steps, self.seconds, curve, higher_is_better, levels=LEVELS_DB if column == "psnr" else ()
        )


def _array(values: np.ndarray) -> pa.Array:
    """The same bytes as an Arrow array: ``pyarrow.array`` would import pandas to ask whether they are its own."""
    data = pa.py_buffer(np.ascontiguousarray(values))
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [None, data])


def end_points(
    steps: np.ndarray, seconds: np.ndarray, curve: np.ndarray, higher_is_better: bool, levels: Sequence[int] = ()
) -> EndPoints:
    """Summary of one curve (K,); steps that were not reached, or diverged, are NaN and never the best."""
    sign = 1.0 if higher_is_better else -1.0
    good = np.where(np.isnan(curve), -np.inf, sign * curve)
    best = int(np.argmax(good))
    tail = curve[steps >= steps[-1] - 0.05 * (steps[-1] - steps[0])]
    return EndPoints(
        last=float(curve[-1]),
        best=float(curve[best]),
        best_step=int(steps[best]),
        tail=float(np.median(tail)),
        drawdown=_drawdown(sign * curve[steps >= min(_SETTLED_STEP, steps[-1])]),
        reached={str(level): _reached(steps, seconds, curve, level) for level in levels},
    )


def _drawdown(curve: np.ndarray) -> float:
    """The worst fall below the running best; infinite if the curve ends in NaN, NaN if it is nothing else."""
    if np.isnan(curve).all():
        return np.nan
    good = np.where(np.isnan(curve), -np.inf, curve)
    with np.errstate(invalid="ignore"):
        falls = np.maximum.accumulate(good) - good
    return float(np.max(np.where(np.isnan(falls), 0.0, falls)))


def _reached(steps: np.ndarray, seconds: np.ndarray, curve: np.ndarray, level: float) -> Reached | None:
    above = np.flatnonzero(curve >= level)
    return Reached(step=int(steps[above[0]]), seconds=float(seconds[above[0]])) if len(above) else None
