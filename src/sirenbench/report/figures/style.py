"""How drawings get into the page: text stays text, colours come from its style sheet.

Matplotlib draws with stand-in colours that are then replaced by CSS variables, so that one drawing serves the light
and the dark theme.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# As many as --s0 … in report.css; further series take the same colours with other dashes.
COLOURS = 8
DASHES = ("", "6 2.2", "1.6 1.8", "8 2 1.6 2", "4 1.4", "10 3", "3 1.2 1 1.2 1 1.2", "6 1.4 6 4")


@dataclass(frozen=True)
class Margins:
    """Inches around the axes, for their labels."""

    left: float
    right: float
    bottom: float
    top: float


_INK, _GRID = "#5e00f0", "#5e00f1"


def colour_of(style: int) -> str:
    """The CSS variable of a series."""
    return f"var(--s{style % COLOURS})"


def stand_in(style: int) -> str:
    """The colour that a series is drawn in; :func:`inline` puts that of :func:`colour_of` in its place."""
    return f"#5e01{style % COLOURS:02x}"


def dash_of(style: int) -> str:
    """The dash pattern of a series, as SVG writes it; colour and dash repeat together only after 64 series."""
    return DASHES[(style + style // COLOURS) % len(DASHES)]


def empty_figure(width: float, height: float, margins: Margins) -> Figure:
    """A figure of so many inches; margins are given because Matplotlib, to find them, draws everything twice."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), facecolor="none")
    figure.subplots_adjust(
        left=margins.left / width,
        right=1 - margins.right / width,
        bottom=margins.bottom / height,
        top=1 - margins.top / height,
    )
    return figure


@contextmanager
def drawing(key: str, figure: Callable[[], Figure]) -> Iterator[tuple[Figure, io.StringIO]]:
    """A figure, made in the report's style, and where its SVG is once the block has ended.

    ``key`` is unique on the page and the same for :func:`inline`.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG

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
        "xtick.bottom": False,  # the grid is there already
        "ytick.left": False,
        "axes.axisbelow": True,
        "axes.linewidth": 0.6,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "lines.linewidth": 1.6,
        "lines.scale_dashes": False,
    }
    svg = io.StringIO()
    with mpl.rc_context(style):
        made = figure()
        yield made, svg
        FigureCanvasSVG(made).print_svg(svg, metadata={"Date": None})


def inline(svg: str, key: str, description: str) -> Markup:
    """The drawing as an element of the page: no prolog, no ids that could meet others, short numbers, CSS colours."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.S)
    svg = re.sub(r"<style[^>]*>.*?</style>", "", svg, flags=re.S)
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.S)
    references = r'(url\(#|href="#)([^)"]+)'
    used = {name: number for number, (_, name) in enumerate(dict.fromkeys(re.findall(references, svg)))}
    svg = re.sub(r' id="series-(\d+)-(\w+)"', r' class="series series-\1 \2"', svg)
    svg = re.sub(r' id="([^"]+)"', lambda m: f' id="{key}-{used[m[1]]}"' if m[1] in used else "", svg)
    svg = re.sub(references, lambda m: f"{m[1]}{key}-{used[m[2]]}", svg).replace("xlink:href", "href")
    svg = re.sub(r' d="([^"]*)"', lambda m: f' d="{_short(m[1])}"', svg)
    svg = re.sub(r"-?\d+\.\d{3,}", lambda m: f"{float(m[0]):.2f}".rstrip("0").rstrip("."), svg)
    svg = re.sub(r">\s+<", "><", svg)
    svg = svg.replace(_INK, "currentColor").replace(_GRID, "var(--grid)")
    svg = re.sub(r"#5e01(\w\w)", lambda m: f"var(--s{int(m[1], 16)})", svg)
    svg = re.sub(r"font: ([\d.]+px)[^;\"]*", r"font-size: \1", svg)
    svg = re.sub(r"font-family: [^;\"]*;?", "", svg)
    svg = re.sub(r'style="[^"]*"', lambda m: re.sub(r"([;:]) +", r"\1", m[0]), svg)
    svg = re.sub(r' transform="rotate\(-0 [^"]*"', "", svg)
    # A grid line ends where the axes do, all axes and all text are alike, and the grounds are not to be seen.
    svg = re.sub(r'( clip-path="[^"]*")? style="[^"]*var\(--grid\)[^"]*"', ' class="grid"', svg)
    svg = re.sub(r'style="fill:none;stroke:currentColor;stroke-width:0.6;[^"]*"', 'class="axis"', svg)
    svg = re.sub(
        r'<text style="font-size:9px; ?(?:text-anchor:(\w+))?;?fill:currentColor"', r'<text text-anchor="\1"', svg
    )
    svg = re.sub(r'<path d="[^"]*" style="fill:none"/>', "", svg)
    svg = _without_bare_groups(svg.replace(' text-anchor=""', "").replace("stroke-dashoffset:0;", ""))
    size = re.search(r'viewBox="[^"]*"', svg)
    head = f'<svg class="plot" {size[0] if size else ""} role="img" aria-label="{escape(description)}" '
    # The drawing is made of numbers and of our own labels; the description is escaped above.
    return Markup(head + 'fill="currentColor" font-size="9">' + svg[svg.index(">") + 1 :].strip())


def _without_bare_groups(svg: str) -> str:
    """A drawing without the groups that say nothing."""
    said: list[bool] = []

    def kept(tag: re.Match[str]) -> str:
        if tag[0] != "</g>":
            said.append(tag[0] != "<g>")
            return tag[0] if said[-1] else ""
        return tag[0] if said.pop() else ""

    return re.sub(r"<g\b[^>]*>|</g>", kept, svg)


def _short(path: str) -> str:
    """A path of straight lines to a tenth of a point, every point from the one before: a third of what it was."""
    short = []
    pen = start = (0, 0)
    for command, place in re.findall(r"([A-Za-z])([^A-Za-z]*)", path):
        if command == "z":
            short.append("z")
            pen = start
            continue
        x, y = (round(10 * float(number)) for number in place.split())
        if command == "M":
            short.append("m")
            start = x, y
        # The pairs after the first of an "m" are lines.
        short.append(f" {(x - pen[0]) / 10:g} {(y - pen[1]) / 10:g}")
        pen = x, y
    return re.sub(r"\b0\.", ".", "".join(short).replace("m ", "m").replace(" -", "-"))
