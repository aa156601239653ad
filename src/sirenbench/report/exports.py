"""The figures and tables of a report once more, each as a file of its own: for Snakemake's report, and for papers."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from typing import TYPE_CHECKING, NamedTuple

from markupsafe import escape

from sirenbench.records import readable
from sirenbench.report.files import FIGURES, TABLES
from sirenbench.report.metrics import facts
from sirenbench.report.scores import Score
from sirenbench.report.tables import ArmsTable, RowsTable, Table
from sirenbench.report.text import machine
from sirenbench.report.views.activations import Layers
from sirenbench.report.views.curves import Curves, Key

if TYPE_CHECKING:
    from sirenbench.report.page import Section, View

_PANEL = 360, 223.2
_LINE, _COLUMNS = 14, 3
_SCORES = ("", "±", "paper", "minus paper", "note", "verdict")


class Sheet(NamedTuple):
    """A figure as a file: where it lies beside the page, and its size in pixels."""

    address: str
    width: int
    height: int


def exports_of(sections: Sequence[Section]) -> dict[str, str]:
    """The files ``report_figures/<study>/<figure>.svg`` and ``report_tables/<study>.csv``: address -> text."""
    figures = {
        _address(section, name): readable(drawing) for section in sections for name, drawing in _figures(section)
    }
    return figures | {f"{TABLES}/{section.name}.csv": _csv(section.table) for section in sections}


def sheet_of(section: Section, view: View, curves: Curves) -> Sheet:
    """The file of the curves of one of a study's views."""
    return Sheet(_address(section, view.name), *_size_of(curves))


def _address(section: Section, figure: str) -> str:
    return f"{FIGURES}/{section.name}/{figure}.svg"


def _figures(section: Section) -> Iterator[tuple[str, str]]:
    for view in section.views:
        if view.curves and view.curves.legend:
            yield view.name, _with_legend(view.curves)
        for layers in view.pictures if isinstance(view.pictures, list) else ():
            if layers.drawing:
                yield _file_name(view.name, layers), _alone(str(layers.drawing))


def _file_name(view: str, layers: Layers) -> str:
    return f"{view}-{re.sub(r'[^A-Za-z0-9.]+', '-', layers.label).strip('-')}"


def _size_of(curves: Curves) -> tuple[int, int]:
    rows = len(next(iter(curves.panels.values())))
    width, height = _PANEL
    return len(curves.panels) * width, math.ceil(rows * height + _LINE * (1 + -(-len(curves.legend) // _COLUMNS)))


def _with_legend(curves: Curves) -> str:
    """The panels of a figure, a row a metric, a column an axis; the legend below them."""
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
    across, down = _size_of(curves)
    body = "".join([*panels, *keys])
    return _alone(f'<svg viewBox="0 0 {across} {down}" fill="currentColor" font-size="9">{body}</svg>')


def _placed(panel: str, x: float, y: float) -> str:
    width, height = _PANEL
    return panel.replace("<svg ", f'<svg x="{x:g}" y="{y:g}" width="{width}" height="{height}" ', 1)


def _legend_line(key: Key, x: float, y: float) -> str:
    dash = f' stroke-dasharray="{key.dash}"' if key.dash else ""
    line = f'<path d="m{x} {y - 3:g} 28 0" style="fill:none;stroke:{key.colour};stroke-width:1.6"{dash}/>'
    return f'{line}<text x="{x + 34}" y="{y:g}">{escape(key.label)}</text>'


def _alone(drawing: str) -> str:
    """A drawing of the page as a file: with the page's colours for light paper."""
    css = (resources.files("sirenbench.report") / "static" / "report.css").read_text(encoding="utf-8")
    colours = "".join(f"{name}:{light};" for name, light in re.findall(r"(--\w+): light-dark\((#\w+),", css))
    style = (
        f"svg{{{colours}color:var(--ink);font-family:sans-serif}}"
        ":root{background:#fff}.grid{stroke:var(--grid);stroke-width:.6}"
    )
    head, _, body = drawing.partition(">")
    return f'{head} xmlns="http://www.w3.org/2000/svg"><style>{style}</style>{body}\n'


def _csv(table: Table) -> str:
    rows = [
        {name: readable(text) for name, text in row.items()}
        for row in (_rows(table) if isinstance(table, RowsTable) else _arms(table))
    ]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(name for row in rows for name in row)), restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _rows(table: RowsTable) -> Iterator[dict[str, str]]:
    for row in table.rows:
        about = {"cell": row.label, "image": row.data, "state": row.cell.state, "track": row.cell.track}
        extras = {
            column: text
            for name, value in row.extras.items()
            for column, text in ((name, machine(value.key)), (f"{name} note", value.note))
        }
        yield about | _scores(row.scores) | extras | {"name": row.cell.name}


def _arms(table: ArmsTable) -> Iterator[dict[str, str]]:
    for block in table.blocks:
        for column, entry in zip(table.columns, block.entries, strict=True):
            if entry:
                about = {"arm": column.label, "image": block.title, "state": entry.cell.state}
                yield about | {"track": entry.cell.track} | _scores(entry.scores) | {"name": entry.cell.name}


def _scores(scores: Mapping[str, Score]) -> dict[str, str]:
    """Of every metric: ours, half its interval, the paper's, the difference; what must be said of ours, the verdict."""
    written: dict[str, str] = {}
    for metric, score in scores.items():
        ours, against = score.ours, score.against
        numbers = (ours.key, ours.half_key, against.paper_key, against.delta_key)
        texts = (*map(machine, numbers), ours.note or ours.why, against.verdict)
        title = facts(metric).label
        written |= {f"{title} {part}".strip(): text for part, text in zip(_SCORES, texts, strict=True)}
    return written
