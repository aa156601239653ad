"""Curves over the training steps or seconds, with 95 % bands over the replicates."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from markupsafe import Markup

from sirenbench.report.figures.style import Margins, dash_of, drawing, empty_figure, inline, stand_in
from sirenbench.report.metrics import facts
from sirenbench.report.text import duration, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Of one curve, and of all curves of a panel together: where there are many, nobody sees more of each. Panels that have
# to be opened have a quarter of them.
POINTS, FEWEST = 160, 48
POINTS_OF_A_PANEL = 720
# From so many steps on, a linear axis hides how the training begins.
LONG = 1000
_MARGINS = Margins(left=0.62, right=0.12, bottom=0.47, top=0.1)


class Axis(NamedTuple):
    """What curves are drawn over, in running text and below a drawing."""

    words: str
    label: str


AXES = {
    "steps": Axis("steps", "training step"),
    "log": Axis("steps, logarithmic", "training step, logarithmic"),
    "seconds": Axis("seconds", "training time (s)"),
}


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


def thin(series: Series, points: int = POINTS, axis: str = "steps") -> Series:
    """At most ``points`` of a curve, with every drop and peak of its mean in it.

    The axis is cut into equal runs; of each, the lowest and the highest mean are kept, so that a spike one step
    wide survives, which an average or every n-th point would lose.
    """
    if len(series.steps) <= points:
        return series
    inner = np.arange(1, len(series.steps) - 1)
    spaced = np.geomspace if axis == "log" else np.linspace
    edges = np.searchsorted(inner, spaced(1, len(inner) + 1, points // 2)[1:-1])
    chunks = np.split(inner, np.unique(edges[edges > 0]))
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


def thinned(series: Sequence[Series], axis: str = "steps") -> list[Series]:
    """What is drawn of the curves of a panel."""
    points = max(FEWEST, min(POINTS, POINTS_OF_A_PANEL // len(series)))
    if axis != "steps":
        points = max(FEWEST // 2, points // 4)
    return [thin(one, points, axis) for one in series]


def axes_of(series: Iterable[Series]) -> list[str]:
    """What they are drawn over: keys of ``AXES``."""
    is_long = max((one.steps[-1] for one in series), default=0) >= LONG
    return [axis for axis in AXES if is_long or axis != "log"]


def draw(key: str, metric: str, series: Sequence[Series], title: str, axis: str = "steps") -> Markup:
    """One panel: a metric over the training, with 95 % bands over the replicates, but for logarithmic steps.

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
        if axis == "log":
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter("{x:,.0f}")
            axes.minorticks_off()
        for one in thinned(series, axis):
            along = _along(one, axis)
            _draw_line(axes, one, along)
            if axis != "log":  # where curves begin together they would lie below their bands
                _draw_band(axes, one, along)
        axes.set_xlabel(AXES[axis].label)
        axes.set_ylabel(facts(metric).label)
    return inline(svg.getvalue(), key, describe(metric, series, title))


def _along(one: Series, axis: str) -> np.ndarray:
    if axis == "log":
        return np.where(one.steps > 0, one.steps, np.nan)  # step 0 has no place there
    return one.seconds if axis == "seconds" else one.steps


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
    with drawing(key, _panel) as (figure, svg):
        (axes,) = figure.axes
        for artist in (*axes.lines, *axes.collections):
            artist.remove()
        axes.relim()
        axes.set_xscale("linear")
        yield axes, svg


@cache
def _panel() -> Figure:
    """The same for every panel: to make axes and their ticks takes as long as to draw in them."""
    figure = empty_figure(5.0, 3.1, _MARGINS)
    figure.add_subplot(facecolor="none").margins(x=0.01)
    return figure


def _draw_line(axes: Axes, one: Series, along: np.ndarray) -> None:
    dashes = tuple(map(float, dash_of(one.style).split()))
    line: dict[str, Any] = {
        "color": stand_in(one.style),
        "linestyle": (0, dashes) if dashes else "-",
        "gid": f"series-{one.style}-line",
    }
    if one.is_level:
        axes.axhline(float(one.mean[0]), linewidth=1.2, **line)
    else:
        axes.plot(along, one.mean, **line)


def _draw_band(axes: Axes, one: Series, along: np.ndarray) -> None:
    if not one.is_level and np.any(one.half > 0):
        low, high = one.mean - one.half, one.mean + one.half
        colour, name = stand_in(one.style), f"series-{one.style}-band"
        axes.fill_between(along, low, high, facecolor=colour, edgecolor="none", alpha=0.18, gid=name)
