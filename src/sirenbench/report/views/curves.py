"""The curves of a study's cells, read and brought into the shape that figures draw."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from markupsafe import Markup

from sirenbench.records import RecordError
from sirenbench.report.cells import Labelled, curves_of
from sirenbench.report.figures.curves import AXES, Series, axes_of, draw, thinned
from sirenbench.report.figures.style import colour_of, dash_of
from sirenbench.report.metrics import facts
from sirenbench.report.text import plural
from sirenbench.statistics import band

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
    """The panels of cells that share their image, and the legend they have in common.

    Attributes
    ----------
    key
        Unique on the page.
    panels
        By what they are drawn over: keys of ``AXES``.
    lost
        Which curves cannot be read, and what to do.
    ended
        Which curves end before the last step, because how many of their seeds diverged.
    points
        What is drawn, as rows: label, metric, step, seconds, mean, and half of the mean's 95 % interval.
    """

    key: str
    panels: dict[str, list[Markup]]
    legend: list[Key]
    lost: list[str]
    ended: list[str]
    points: list[list[str | float | None]]


def curves(key: str, shown: Sequence[Labelled], title: str, results: Path) -> Curves | None:
    """The figure of cells that share their image; None if none of them has a curve.

    Parameters
    ----------
    key
        Unique on the page.
    title
        Names the image.
    """
    read, lost = [], []
    for one in shown:
        try:
            read.append(_series(one, results))
        except RecordError as error:
            lost.append(f"{one.label}: {error}")
    panels: dict[str, list[Markup]] = {
        axis: [] for axis in axes_of(line for of_cell in read for line in of_cell.values())
    }
    legend: dict[str, Key] = {}
    points: list[list[str | float | None]] = []
    for metric in DRAWN:
        series = [of_cell[metric] for of_cell in read if metric in of_cell]
        if all(line.is_level for line in series):
            continue
        points += [row for line in thinned(series) for row in _points(line, metric)]
        for axis, drawn in panels.items():
            text = f"{facts(metric).title} over the {AXES[axis].words}, {title}"
            name = re.sub(r"[@=,]", "-", f"{key}-{metric}-{axis}")  # ids in SVG are names of XML
            drawn.append(draw(name, metric, series, text, axis))
        legend |= {
            line.label: Key(line.label, line.style, colour_of(line.style), dash_of(line.style), line.is_level)
            for line in series
        }
    ended = [_ended(one) for one in shown if one.cell.diverged]
    return Curves(key, panels, list(legend.values()), lost, ended, points) if legend or lost else None


def _ended(one: Labelled) -> str:
    return f"{one.label} ({one.cell.diverged} of {plural(len(one.cell.replicates), 'seed')})"


def _points(line: Series, metric: str) -> Iterator[list[str | float | None]]:
    for step, seconds, mean, half in zip(line.steps, line.seconds, line.mean, line.half, strict=True):
        yield [line.label, metric, int(step), *(_digits(float(value)) for value in (seconds, mean, half))]


def _digits(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None


def _series(one: Labelled, results: Path) -> dict[str, Series]:
    """The lines of a cell, by metric."""
    if one.cell.exact:
        levels = {metric: list(one.cell.sample(metric).defined.values())[:1] for metric in DRAWN}
        nought = np.zeros(1)
        return {
            metric: Series(one.label, one.style, nought, np.array(level), nought, nought)
            for metric, level in levels.items()
            if level
        }
    read = curves_of(one.cell, results)
    if read is None:
        return {}
    steps, row = np.unique(read["step"], return_inverse=True)
    replicates, column = np.unique(read["replicate"], return_inverse=True)

    def by_step_and_replicate(name: str) -> np.ndarray:
        table = np.full((len(steps), len(replicates)), np.nan)
        table[row, column] = read[name]
        return table

    seconds = np.nanmean(by_step_and_replicate("seconds"), axis=1)
    lines = {}
    for metric in DRAWN:
        if metric not in read:
            continue
        values = by_step_and_replicate(metric)
        scored = ~np.isnan(values).all(axis=1)
        mean, half = band(values[scored].T)
        if len(mean) > 1 and np.isfinite(mean).any():
            lines[metric] = Series(one.label, one.style, steps[scored], mean, half, seconds[scored])
    return lines
