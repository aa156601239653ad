"""Distributions and spectra of a network's layers, laid out like the paper's Figures S3 and S4.

One row a stage, from the input down to the last value of a non-linearity; the output is not drawn. As in the authors'
figures the predicted law stands over every histogram from the first layer's value on: for the first argument none is
predicted (protocol.md, activation statistics).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup

from sirenbench.activation_statistics import POST, PRE, Statistics, bin_edges
from sirenbench.report.figures.style import Margins, drawing, empty_figure, inline, stand_in
from sirenbench.report.text import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDTH, _ROW = 5.4, 1.0
_BETWEEN = {"wspace": 0.28, "hspace": 0.55}
_MARGINS = Margins(left=0.78, right=0.1, bottom=0.45, top=0.72)

_HISTOGRAM = stand_in(0)
_LAW: dict[str, Any] = {"color": stand_in(1), "linestyle": (0, (1.6, 1.8)), "linewidth": 1.4}
_FLAT: dict[str, Any] = {"color": stand_in(0), "linewidth": 1.2}
_ROWS: dict[str, Any] = {"color": stand_in(2), "linewidth": 0.7}
_COLUMNS: dict[str, Any] = {"color": stand_in(3), "linewidth": 0.7}


def draw(key: str, statistics: Statistics, title: str, laws: bool = True) -> Markup:
    """Histogram and spectra of every stage of the first replicate.

    The spectra along the two axes are multiplied by the side: so a network of the row coordinate alone would have the
    flattened grid's spectrum along it.

    Parameters
    ----------
    key
        Unique on the page; it prefixes the ids inside the drawing.
    title
        What is shown, for those who cannot see it; the key numbers are added to it.
    laws
        Whether N(0, 1) and the arcsine law are predicted at all: they are for sines.
    """
    drawn = statistics.mean.shape[1] - 1
    height = _MARGINS.top + _ROW * drawn + _MARGINS.bottom
    with drawing(key, lambda: empty_figure(_WIDTH, height, _MARGINS)) as (figure, svg):
        panels = figure.subplots(drawn, 2, subplot_kw={"facecolor": "none"}, gridspec_kw=_BETWEEN)
        for stage, (left, right) in enumerate(panels):
            _draw_distribution(left, statistics, stage, law=laws and stage > 1)
            _draw_spectra(right, statistics, stage)
            for axes in (left, right):
                axes.locator_params(axis="x", nbins=4)
                axes.locator_params(axis="y", nbins=2)
        panels[0, 0].set_title("distribution", fontsize="medium")
        panels[0, 1].set_title("spectrum", fontsize="medium")
        panels[-1, 1].set_xlabel("cycles per unit of the coordinate")
        lines = panels[-1, 0].lines + panels[-1, 1].lines
        figure.legend(handles=lines, loc="upper center", ncols=2, frameon=False)
    return inline(svg.getvalue(), key, describe(statistics, title, laws))


def describe(statistics: Statistics, title: str, laws: bool = True) -> str:
    """The alternative text: what is shown, and of every layer how wide it is and how far from the predicted laws."""
    std, ks = statistics.std[0], statistics.ks[0]
    told = []
    for layer, (pre, normal, post, arcsine) in enumerate(zip(std[PRE], ks[PRE], std[POST], ks[POST], strict=True), 1):
        before = f" (KS distance to N(0, 1) {number(normal, 3)})" if laws and layer > 1 else ""
        after = f" (KS distance to the arcsine law {number(arcsine, 3)})" if laws else ""
        told.append(f"layer {layer}: {number(pre, 2)}{before} before and {number(post, 2)}{after} after")
    return (
        f"{title}. Histograms and spectra from the input down, of the first replicate. "
        f"Standard deviations before and after the non-linearity: {'; '.join(told)}."
    )


def _label(stage: int) -> str:
    if stage == 0:
        return "input"
    return f"layer {(stage + 1) // 2}\n{'before' if stage % 2 else 'after'}"


def _draw_distribution(axes: Axes, statistics: Statistics, stage: int, law: bool) -> None:
    import seaborn as sns
    from matplotlib.collections import PolyCollection

    counts = statistics.counts[0, stage]
    if not counts.any():
        axes.set_ylabel(_label(stage))
        axes.text(0.5, 0.5, "not finite", ha="center", va="center", transform=axes.transAxes)
        return
    edges = bin_edges(statistics.minimum[0, stage], statistics.maximum[0, stage])
    centres = (edges[:-1] + edges[1:]) / 2
    sns.histplot(
        x=centres,
        weights=counts,
        bins=list(edges),
        stat="density",
        element="step",
        color=_HISTOGRAM,
        linewidth=0,
        ax=axes,
    )
    (area,) = (one for one in axes.collections if isinstance(one, PolyCollection))
    # Half of the file would be the baseline, which seaborn repeats under every bin.
    area.set_verts([_corners(np.asarray(area.get_paths()[0].vertices))])
    # The histogram sets the scale: N(0, 1) over a far wider one would leave nothing to be seen of it.
    axes.set(xlim=(edges[0], edges[-1]), ylim=(0, 1.15 * axes.get_ylim()[1]), ylabel=_label(stage))
    if law:
        x, density = _normal() if stage % 2 else _arcsine()
        axes.plot(x, density, label="predicted law", **_LAW)


def _corners(outline: np.ndarray) -> np.ndarray:
    """The vertices (n, 2) of a polygon without those on a level stretch."""
    level = np.diff(outline[:, 1]) == 0
    return outline[np.r_[True, ~(level[:-1] & level[1:]), True]]


def _normal() -> tuple[np.ndarray, np.ndarray]:
    x = np.linspace(-4, 4, 161)
    return x, np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)


def _arcsine() -> tuple[np.ndarray, np.ndarray]:
    """Evenly spaced in probability, because the density is infinite at both ends."""
    x = np.sin(np.linspace(-np.pi / 2, np.pi / 2, 163)[1:-1])
    return x, 1 / (np.pi * np.sqrt(1 - x**2))


def _draw_spectra(axes: Axes, statistics: Statistics, stage: int) -> None:
    for spectrum, frequencies, label, style in (
        (statistics.flat, statistics.flat_frequencies, "along the flattened grid, as run", _FLAT),
        (statistics.rows * statistics.side, statistics.axis_frequencies, "along the row coordinate", _ROWS),
        (statistics.columns * statistics.side, statistics.axis_frequencies, "along the column coordinate", _COLUMNS),
    ):
        axes.plot(frequencies, spectrum[0, stage], label=label, **style)
    axes.ticklabel_format(axis="y", scilimits=(-3, 4))
