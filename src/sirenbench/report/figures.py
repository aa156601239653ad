"""Curves as inline SVG: text stays text, colours come from the page's style sheet, the same data gives the same bytes.

Matplotlib draws with stand-in colours that are then replaced by CSS variables, so that one drawing serves the light
and the dark theme.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup, escape

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

from sirenbench.report.metrics import facts
from sirenbench.report.text import number

POINTS = 200
# As many as --s0 … in report.css; further series take the same colours with other dashes.
COLOURS = 8
DASHES = ("", "6 2.2", "1.6 1.8", "8 2 1.6 2", "4 1.4", "10 3", "3 1.2 1 1.2 1 1.2", "6 1.4 6 4")

_INK, _GRID = "#5e00f0", "#5e00f1"


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
    """

    label: str
    style: int
    steps: np.ndarray
    mean: np.ndarray
    half: np.ndarray

    @property
    def is_level(self) -> bool:
        return len(self.steps) == 1


def colour_of(style: int) -> str:
    """The CSS variable of a series."""
    return f"var(--s{style % COLOURS})"


def stand_in(style: int) -> str:
    """The colour that a series is drawn in; :func:`inline` puts that of :func:`colour_of` in its place."""
    return f"#5e01{style % COLOURS:02x}"


def dash_of(style: int) -> str:
    """The dash pattern of a series, as SVG writes it; colour and dash repeat together only after 64 series."""
    return DASHES[(style + style // COLOURS) % len(DASHES)]


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
    return Series(series.label, series.style, series.steps[kept], series.mean[kept], series.half[kept])


def draw(key: str, metric: str, series: Sequence[Series], title: str) -> Markup:
    """One panel: a metric over the steps, with 95 % bands over the replicates.

    Parameters
    ----------
    key
        Unique on the page; it prefixes the ids inside the drawing.
    title
        What is shown, for those who cannot see it; the final values are added to it.
    """
    with _axes(key) as (axes, svg):
        for one in map(thin, series):
            _draw_series(axes, one)
        axes.set_xlabel("training step")
        axes.set_ylabel(facts(metric).label)
    return inline(svg.getvalue(), key, describe(metric, series, title))


def describe(metric: str, series: Sequence[Series], title: str) -> str:
    """The alternative text of a panel: what it shows and where every curve ends."""
    digits = facts(metric).digits
    return f"{title}. {'; '.join(_end(one, digits) for one in series)}."


def _end(one: Series, digits: int) -> str:
    last = int(np.flatnonzero(np.isfinite(one.mean))[-1])
    value = number(float(one.mean[last]), digits)
    broken = last < len(one.steps) - 1
    return f"{one.label} breaks off at step {one.steps[last]} at {value}" if broken else f"{one.label} ends at {value}"


@contextmanager
def drawing(key: str, width: float, height: float) -> Iterator[tuple[Figure, io.StringIO]]:
    """An empty figure of so many inches in the report's style, and where its SVG is once the block has ended.

    ``key`` is unique on the page and the same for :func:`inline`.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    style: dict[Any, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": key,
        "font.size": 9,
        "text.color": _INK,
        "axes.edgecolor": _INK,
        "axes.labelcolor": _INK,
        "xtick.color": _INK,
        "ytick.color": _INK,
        "grid.color": _GRID,
        "grid.linewidth": 0.6,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.linewidth": 0.6,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "lines.linewidth": 1.6,
        "lines.scale_dashes": False,
    }
    svg = io.StringIO()
    with mpl.rc_context(style):
        figure = Figure(figsize=(width, height), layout="constrained", facecolor="none")
        yield figure, svg
        FigureCanvasSVG(figure).print_svg(svg, metadata={"Date": None})


@contextmanager
def _axes(key: str) -> Iterator[tuple[Axes, io.StringIO]]:
    with drawing(key, 5.0, 3.1) as (figure, svg):
        axes = figure.add_subplot(facecolor="none")
        axes.margins(x=0.01)
        yield axes, svg


def _draw_series(axes: Axes, one: Series) -> None:
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
    axes.plot(one.steps, one.mean, **line)
    if np.any(one.half > 0):
        low, high = one.mean - one.half, one.mean + one.half
        axes.fill_between(
            one.steps, low, high, facecolor=colour, edgecolor="none", alpha=0.18, gid=f"series-{one.style}-band"
        )


def inline(svg: str, key: str, description: str) -> Markup:
    """The drawing as an element of the page: no prolog, no ids that could meet others, short numbers, CSS colours."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.S)
    svg = re.sub(r"<style[^>]*>.*?</style>", "", svg, flags=re.S)
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.S)
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', svg))
    svg = re.sub(r' id="series-(\d+)-(\w+)"', r' class="series series-\1 \2"', svg)
    svg = re.sub(r' id="([^"]+)"', lambda m: f' id="{key}-{m[1]}"' if m[1] in used else "", svg)
    svg = re.sub(r'(url\(#|href="#)', rf"\g<1>{key}-", svg)
    svg = re.sub(r"-?\d+\.\d{3,}", lambda m: f"{float(m[0]):.2f}".rstrip("0").rstrip("."), svg)
    svg = svg.replace(_INK, "currentColor").replace(_GRID, "var(--grid)")
    svg = re.sub(r"#5e01(\w\w)", lambda m: f"var(--s{int(m[1], 16)})", svg)
    svg = re.sub(r"font: ([\d.]+px)[^;\"]*", r"font-size: \1", svg)
    svg = re.sub(r"font-family: [^;\"]*;?", "", svg)
    size = re.search(r'viewBox="[^"]*"', svg)
    head = f'<svg class="plot" {size[0] if size else ""} role="img" aria-label="{escape(description)}" '
    # The drawing is made of numbers and of our own labels; the description is escaped above.
    return Markup(head + 'xmlns:xlink="http://www.w3.org/1999/xlink">' + svg[svg.index(">") + 1 :].strip())
