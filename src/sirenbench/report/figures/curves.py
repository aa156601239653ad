"""Curves over the training steps or seconds, with 95 % bands over the replicates."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup

from sirenbench.report.figures.style import Margins, dash_of, drawing, inline, stand_in
from sirenbench.report.metrics import facts
from sirenbench.report.text import duration, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Of one curve, and of all curves of a panel together: where there are many, nobody sees more of each.
POINTS, FEWEST = 160, 48
POINTS_OF_A_PANEL = 720
_MARGINS = Margins(left=0.62, right=0.12, bottom=0.47, top=0.1)
AXES = {"steps": "training step", "seconds": "training time (s)"}


@dataclass(frozen=True)
class Series:
    """One line of a figure.

    Attributes
    ----------
    style
        Which colour and dash it takes, the same in all figures of a study.
    steps, mean, half
        Of equal shape (points,); ``half`` is half the width of the 95 % band, 0 without one. A baseline has a single
        point: it is drawn as a level.
    seconds
        Training time at each step, (points,).
    """

    label: str
    style: int
    steps: np.ndarray
    mean: np.ndarray
    half: np.ndarray
    seconds: np.ndarray

    @property
    def is_level(self) -> bool:
        return len(self.steps) == 1


def thin(series: Series, points: int = POINTS) -> Series:
    """At most ``points`` of a curve, with every drop and peak of its mean in it.

    The steps are cut into equal runs; of each, the lowest and the highest mean are kept, so that a spike one step
    wide survives, which an average or every n-th point would lose.
    """
    if len(series.steps) <= points:
        return series
    chunks = np.array_split(np.arange(1, len(series.steps) - 1), points // 2 - 1)
    filled = np.where(np.isfinite(series.mean), series.mean, np.inf)
    lowest = [chunk[np.argmin(filled[chunk])] for chunk in chunks]
    highest = [chunk[np.argmax(np.where(np.isinf(filled[chunk]), -np.inf, filled[chunk]))] for chunk in chunks]
    kept = np.unique([0, *lowest, *highest, len(series.steps) - 1])
    return replace(
        series,
        steps=series.steps[kept],
        mean=series.mean[kept],
        half=series.half[kept],
        seconds=series.seconds[kept],
    )


def thinned(series: Sequence[Series]) -> list[Series]:
    """What is drawn of the curves of a panel."""
    points = max(FEWEST, min(POINTS, POINTS_OF_A_PANEL // len(series)))
    return [thin(one, points) for one in series]


def draw(key: str, metric: str, series: Sequence[Series], title: str, axis: str = "steps") -> Markup:
    """One panel: a metric over the training, with 95 % bands over the replicates.

    Parameters
    ----------
    key
        Unique on the page; it prefixes the ids inside the drawing.
    title
        What is shown, for those who cannot see it; the final values are added to it.
    axis
        Of ``AXES``.
    """
    with _axes(key) as (axes, svg):
        for one in thinned(series):
            _draw_series(axes, one, one.seconds if axis == "seconds" else one.steps)
        axes.set_xlabel(AXES[axis])
        axes.set_ylabel(facts(metric).label)
    return inline(svg.getvalue(), key, describe(metric, series, title))


def describe(metric: str, series: Sequence[Series], title: str) -> str:
    """The alternative text of a panel: what it shows and where every curve ends."""
    digits = facts(metric).digits
    return f"{title}. {'; '.join(_end(one, digits) for one in series)}."


def _end(one: Series, digits: int) -> str:
    if one.is_level:
        return f"{one.label} stands at {number(float(one.mean[0]), digits)}"
    last = int(np.flatnonzero(np.isfinite(one.mean))[-1])
    value = number(float(one.mean[last]), digits)
    broken = last < len(one.steps) - 1
    when = f"{value} after {duration(float(one.seconds[last]))}"
    return f"{one.label} breaks off at step {one.steps[last]} at {when}" if broken else f"{one.label} ends at {when}"


@contextmanager
def _axes(key: str) -> Iterator[tuple[Axes, io.StringIO]]:
    with drawing(key, 5.0, 3.1, _MARGINS) as (figure, svg):
        axes = figure.add_subplot(facecolor="none")
        axes.margins(x=0.01)
        yield axes, svg


def _draw_series(axes: Axes, one: Series, along: np.ndarray) -> None:
    colour = stand_in(one.style)
    dashes = tuple(map(float, dash_of(one.style).split()))
    line: dict[str, Any] = {
        "color": colour,
        "linestyle": (0, dashes) if dashes else "-",
        "gid": f"series-{one.style}-line",
    }
    if one.is_level:
        axes.axhline(float(one.mean[0]), linewidth=1.2, **line)
        return
    axes.plot(along, one.mean, **line)
    if np.any(one.half > 0):
        low, high = one.mean - one.half, one.mean + one.half
        axes.fill_between(
            along, low, high, facecolor=colour, edgecolor="none", alpha=0.18, gid=f"series-{one.style}-band"
        )
