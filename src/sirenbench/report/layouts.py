"""How studies are shown: which table and which pictures a layout consists of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from sirenbench.report.tables import Table, activations_table, arms_table, curves_table, derivatives_table
from sirenbench.report.views.activations import Layers, layers
from sirenbench.report.views.derivatives import Panels, panels
from sirenbench.report.views.images import Strip, strip

Pictures: TypeAlias = Strip | Panels | list[Layers]


@dataclass(frozen=True)
class Layout:
    """How a study is shown.

    Attributes
    ----------
    rows, table
        What the rows of its table are, which names the template ``table_<rows>.html.j2``; and what makes it.
    template, pictures
        What the cells of a study that share their image show beside their curves, and the template that writes it down.
    pictures_first
        Whether the pictures are what it is about, rather than the numbers.
    """

    rows: str
    table: Callable[..., Table]
    template: str
    pictures: Callable[..., Pictures | None]
    pictures_first: bool = False


LAYOUTS = {
    "curves": Layout("cells", curves_table, "strip", strip),
    "table": Layout("arms", arms_table, "strip", strip),
    "derivatives": Layout("cells", derivatives_table, "derivatives", panels, pictures_first=True),
    "activations": Layout("cells", activations_table, "activations", layers, pictures_first=True),
    "gallery": Layout("arms", arms_table, "strip", strip, pictures_first=True),
}
