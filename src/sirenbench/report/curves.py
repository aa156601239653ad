"""The curves of a study's cells, read and brought into the shape that figures draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from sirenbench.records import CURVES, folder_of
from sirenbench.report.cells import Cell
from sirenbench.report.figures import Series, colour_of, dash_of, draw
from sirenbench.report.metrics import facts
from sirenbench.statistics import band

if TYPE_CHECKING:
    import pandas as pd

DRAWN = ("psnr", "ssim")


@dataclass(frozen=True)
class Key:
    """A line of a legend."""

    label: str
    style: int
    colour: str
    dash: str
    is_level: bool


@dataclass(frozen=True)
class Curves:
    """The panels of cells that share their image, and the legend they have in common."""

    title: str
    panels: list[Markup]
    legend: list[Key]


def curves(
    key: str, cells: Sequence[Cell], labels: Sequence[str], styles: Sequence[int], title: str, results: Path
) -> Curves | None:
    """The figure of cells that share their image; None if none of them has a curve.

    Parameters
    ----------
    key
        Unique on the page.
    labels, styles
        Of each cell: its short name, and the number of its colour and dash.
    """
    frames = [_read(cell, results) for cell in cells]
    panels, legend = [], {}
    for metric in DRAWN:
        drawn = [
            one
            for cell, label, style, frame in zip(cells, labels, styles, frames, strict=True)
            if (one := _series(cell, label, style, frame, metric))
        ]
        if all(one.is_level for one in drawn):
            continue
        panels.append(draw(f"{key}-{metric}", metric, drawn, f"{facts(metric).title} over the steps, {title}"))
        legend |= {
            one.label: Key(one.label, one.style, colour_of(one.style), dash_of(one.style), one.is_level)
            for one in drawn
        }
    return Curves(title, panels, list(legend.values())) if panels else None


def _read(cell: Cell, results: Path) -> pd.DataFrame | None:
    import pandas as pd

    path = folder_of(results, cell.name) / CURVES
    return pd.read_parquet(path) if cell.state in ("ok", "diverged") and path.exists() else None


def _series(cell: Cell, label: str, style: int, frame: pd.DataFrame | None, metric: str) -> Series | None:
    if cell.exact:
        level = list(cell.sample(metric).defined.values())[:1]
        return Series(label, style, np.zeros(1), np.array(level), np.zeros(1)) if level else None
    if frame is None or metric not in frame:
        return None
    table = frame.pivot(index="step", columns="replicate", values=metric).dropna(how="all")
    if len(table) < 2:
        return None
    mean, half = band(table.to_numpy(dtype=float).T)
    return Series(label, style, table.index.to_numpy(), mean, half)
