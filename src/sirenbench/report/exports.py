"""The figures and tables of a report once more, each as a file of its own: for Snakemake's report, and for papers."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from sirenbench.records import readable
from sirenbench.report.files import FIGURES, TABLES
from sirenbench.report.metrics import facts
from sirenbench.report.scores import Score
from sirenbench.report.sheets import alone, curves_sheet, curves_size, pictures_sheet
from sirenbench.report.tables import ArmsTable, RowsTable, Table
from sirenbench.report.text import machine
from sirenbench.report.views.activations import Layers
from sirenbench.report.views.curves import Curves

if TYPE_CHECKING:
    from sirenbench.report.page import Section, View

_SCORES = ("", "±", "paper", "minus paper", "note", "verdict")


class Sheet(NamedTuple):
    """A figure as a file: where it lies beside the page, and its size in pixels."""

    address: str
    width: int
    height: int


def exports_of(sections: Sequence[Section]) -> Iterator[tuple[str, str]]:
    """Address and text of the files ``report_figures/<study>/<figure>.svg`` and ``report_tables/<study>.csv``.

    One after the other: with their pictures they are larger than the page.
    """
    for section in sections:
        for name, drawing in _figures(section):
            yield _address(section, name), readable(drawing)
        yield f"{TABLES}/{section.name}.csv", _csv(section.table)


def sheet_of(section: Section, view: View, curves: Curves) -> Sheet:
    """The file of the curves of one of a study's views."""
    return Sheet(_address(section, view.name), *curves_size(curves))


def _address(section: Section, figure: str) -> str:
    return f"{FIGURES}/{section.name}/{figure}.svg"


def _figures(section: Section) -> Iterator[tuple[str, str]]:
    for view in section.views:
        if view.curves and view.curves.legend:
            yield view.name, curves_sheet(view.curves)
        if isinstance(view.pictures, list):
            drawn = [layers for layers in view.pictures if layers.drawing]
            yield from ((_file_name(view.name, layers), alone(str(layers.drawing))) for layers in drawn)
        elif view.pictures:
            yield f"{view.name}-pictures", pictures_sheet(view.pictures)


def _file_name(view: str, layers: Layers) -> str:
    return f"{view}-{re.sub(r'[^A-Za-z0-9.]+', '-', layers.label).strip('-')}"


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
