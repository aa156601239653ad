"""Figures as files of their own: curves with their legend, and pictures side by side."""

from __future__ import annotations

import math
import re
import textwrap
from dataclasses import dataclass
from functools import cache
from importlib import resources

from markupsafe import escape

from sirenbench.report.views.curves import Curves, Key
from sirenbench.report.views.derivatives import Panels
from sirenbench.report.views.images import Strip

_PANEL = 360, 223.2
_LINE, _COLUMNS = 14, 3
_TILE, _GAP, _LETTERS = 240, 12, 44


@dataclass(frozen=True)
class _Tile:
    """A picture, if there is one, and the lines below it; ``is_coarse`` if its pixels are to be seen."""

    uri: str
    alt: str
    lines: list[str]
    is_coarse: bool = False


def curves_size(curves: Curves) -> tuple[int, int]:
    """Width and height of their sheet, in pixels."""
    rows = len(next(iter(curves.panels.values())))
    width, height = _PANEL
    return len(curves.panels) * width, math.ceil(rows * height + _LINE * (1 + -(-len(curves.legend) // _COLUMNS)))


def curves_sheet(curves: Curves) -> str:
    """The panels of a figure, a row a metric, a column an axis; the legend below them: SVG."""
    width, height = _PANEL
    rows = list(zip(*curves.panels.values(), strict=True))
    panels = [
        _placed(str(panel), column * width, row * height)
        for row, of_metric in enumerate(rows)
        for column, panel in enumerate(of_metric)
    ]
    below = len(rows) * height + _LINE
    keys = [
        _legend_line(key, 44 + index % _COLUMNS * 230, below + index // _COLUMNS * _LINE)
        for index, key in enumerate(curves.legend)
    ]
    across, down = curves_size(curves)
    body = "".join([*panels, *keys])
    return alone(f'<svg viewBox="0 0 {across} {down}" fill="currentColor" font-size="9">{body}</svg>')


def _placed(panel: str, x: float, y: float) -> str:
    width, height = _PANEL
    return panel.replace("<svg ", f'<svg x="{x:g}" y="{y:g}" width="{width}" height="{height}" ', 1)


def _legend_line(key: Key, x: float, y: float) -> str:
    dash = f' stroke-dasharray="{key.dash}"' if key.dash else ""
    line = f'<path d="m{x} {y - 3:g} 28 0" style="fill:none;stroke:{key.colour};stroke-width:1.6"{dash}/>'
    return f'{line}<text x="{x + 34}" y="{y:g}">{escape(key.label)}</text>'


def pictures_sheet(pictures: Strip | Panels) -> str:
    """Every picture with its name and scores, in the order of the page: SVG."""
    rows, notes = _of_strip(pictures) if isinstance(pictures, Strip) else _of_panels(pictures)
    drawn, top = list[str](), _GAP
    for row in rows:
        drawn += [_tile(tile, _GAP + column * (_TILE + _GAP), top) for column, tile in enumerate(row)]
        top += _TILE + _LINE * (1 + max(len(tile.lines) for tile in row))
    for note in ("Networks: the first seed of each, with its scores.", *notes):
        top += _LINE
        drawn.append(f'<text x="{_GAP}" y="{top}">{escape(note)}</text>')
    across, down = _GAP + max(map(len, rows)) * (_TILE + _GAP), top + _GAP
    return alone(f'<svg viewBox="0 0 {across} {down}" fill="currentColor" font-size="9">{"".join(drawn)}</svg>')


def _of_strip(strip: Strip) -> tuple[list[list[_Tile]], list[str]]:
    """Its rows, and what is said below them."""
    tiles = [
        _Tile(pane.uri, pane.alt, _wrapped(pane.title, pane.note, pane.scores), pane.role == "input")
        for pane in strip.panes
    ]
    return [tiles[first : first + strip.columns] for first in range(0, len(tiles), strip.columns)], []


def _of_panels(panels: Panels) -> tuple[list[list[_Tile]], list[str]]:
    """Their rows with the keys of the colours, and what is said below them."""
    rows = [
        [
            _Tile(panel.uri, panel.alt, _wrapped(f"{column.label}: {title}", column.note, panel.words, *panel.lines))
            for column, panel in zip(panels.columns, row, strict=True)
        ]
        for title, row in panels.rows
    ]
    meanings = (
        "Gradients: the hue is where the image gets brighter, the brightness how fast",
        "Laplacians: red where negative, blue where positive",
    )
    keys = [_Tile(uri, alt, _wrapped(text)) for uri, alt, text in zip(panels.keys, panels.alts, meanings, strict=True)]
    span = "Gradients from the 5th to the 95th percentile of each panel, Laplacians up to the 98th."
    aligned = "“Aligned”: with the amplitude and offset that bring an image nearest to the ground truth."
    return [*rows, keys], [span, *([aligned] if panels.aligned else [])]


def _wrapped(*texts: str) -> list[str]:
    return [line for text in texts for line in textwrap.wrap(text, _LETTERS)]


def _tile(tile: _Tile, x: int, y: int) -> str:
    lines = [
        f'<text x="{x}" y="{y + _TILE + _LINE * number}">{escape(line)}</text>'
        for number, line in enumerate(tile.lines, start=1)
    ]
    if not tile.uri:
        return "".join(lines)
    place = f'x="{x}" y="{y}" width="{_TILE}" height="{_TILE}"'
    style = ' style="image-rendering:pixelated"' if tile.is_coarse else ""
    return f'<image {place} href="{tile.uri}"{style}><title>{escape(tile.alt)}</title></image>{"".join(lines)}'


def alone(drawing: str) -> str:
    """A drawing of the page as a file: SVG with the page's colours for light paper."""
    head, _, body = drawing.partition(">")
    return f'{head} xmlns="http://www.w3.org/2000/svg"><style>{_style()}</style>{body}\n'


@cache
def _style() -> str:
    css = (resources.files("sirenbench.report") / "static" / "report.css").read_text(encoding="utf-8")
    colours = "".join(f"{name}:{light};" for name, light in re.findall(r"(--\w+): light-dark\((#\w+),", css))
    return (
        f"svg{{{colours}color:var(--ink);font-family:sans-serif}}"
        ":root{background:#fff}.grid{stroke:var(--grid);stroke-width:.6}"
        ".axis{fill:none;stroke:currentColor;stroke-width:.6}"
    )
