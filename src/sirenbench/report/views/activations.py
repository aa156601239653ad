"""Distributions and spectra of the layers of each cell, as in the paper's Figures S3 and S4."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from sirenbench import catalog
from sirenbench.activation_statistics import Statistics
from sirenbench.errors import UserError
from sirenbench.names import parse_name
from sirenbench.records import ACTIVATIONS, folder_of
from sirenbench.report.cells import Labelled
from sirenbench.report.figures.activations import draw
from sirenbench.report.views.images import why_no_image


@dataclass(frozen=True)
class Layers:
    """The layers of one cell; without a drawing, ``reason`` says why."""

    label: str
    anchor: str
    drawing: Markup | None = None
    reason: str = ""


def layers(key: str, shown: Sequence[Labelled], title: str, results: Path) -> list[Layers]:
    """A figure for each cell.

    Parameters
    ----------
    key
        Unique on the page.
    title
        Names the image.
    """
    return [_layers(f"{key}-layers-{index}", one, title, results) for index, one in enumerate(shown)]


def _layers(key: str, one: Labelled, title: str, results: Path) -> Layers:
    cell = one.cell
    path = folder_of(results, cell.name) / ACTIVATIONS
    if cell.state not in ("ok", "diverged"):
        return Layers(one.label, cell.anchor, reason=why_no_image(cell))
    try:
        statistics = Statistics.read(path)
    except UserError as error:
        return Layers(one.label, cell.anchor, reason=str(error))
    network = catalog.networks()[parse_name(cell.name).network]
    drawing = draw(key, statistics, f"{one.label}, asked at the grid of {title}", laws=network.has_predicted_laws)
    return Layers(one.label, cell.anchor, drawing)
