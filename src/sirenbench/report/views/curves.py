"""The curves of a study's cells, read and brought into the shape that figures draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from sirenbench.report.cells import Labelled, curves_of
from sirenbench.report.figures.curves import AXES, Series, draw
from sirenbench.report.figures.style import colour_of, dash_of
from sirenbench.report.metrics import facts
from sirenbench.statistics import band

if TYPE_CHECKING:
    import pandas as pd

DRAWN = ("psnr", "psnr@align=affine", "ssim")


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
    """The panels of cells that share their image, by what they are drawn over, and the legend they have in common."""

    panels: dict[str, list[Markup]]
    legend: list[Key]


def curves(key: str, shown: Sequence[Labelled], title: str, results: Path) -> Curves | None:
    """The figure of cells that share their image; None if none of them has a curve.

    Parameters
    ----------
    key
        Unique on the page.
    title
        Names the image.
    """
    frames = [curves_of(one.cell, results) for one in shown]
    panels: dict[str, list[Markup]] = {axis: [] for axis in AXES}
    legend: dict[str, Key] = {}
    for metric in DRAWN:
        series = [line for one, frame in zip(shown, frames, strict=True) if (line := _series(one, frame, metric))]
        if all(line.is_level for line in series):
            continue
        for axis, drawn in panels.items():
            text = f"{facts(metric).title} over the {axis}, {title}"
            drawn.append(draw(f"{key}-{metric}-{axis}", metric, series, text, axis))
        legend |= {
            line.label: Key(line.label, line.style, colour_of(line.style), dash_of(line.style), line.is_level)
            for line in series
        }
    return Curves(panels, list(legend.values())) if legend else None


def _series(one: Labelled, frame: pd.DataFrame | None, metric: str) -> Series | None:
    if one.cell.exact:
        level = list(one.cell.sample(metric).defined.values())[:1]
        return Series(one.label, one.style, np.zeros(1), np.array(level), np.zeros(1), np.zeros(1)) if level else None
    if frame is None or metric not in frame:
        return None
    table = frame.pivot(index="step", columns="replicate", values=metric).dropna(how="all")
    if len(table) < 2:
        return None
    mean, half = band(table.to_numpy(dtype=float).T)
    if not np.isfinite(mean).any():
        return None
    seconds = frame.groupby("step")["seconds"].mean().loc[table.index].to_numpy(dtype=float)
    return Series(one.label, one.style, table.index.to_numpy(), mean, half, seconds)
