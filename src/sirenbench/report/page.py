"""A report as the templates write it down: the page, its sections, and what stands in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sirenbench.report.cells import Cell
from sirenbench.report.comparison import Comparison
from sirenbench.report.costs import Costs
from sirenbench.report.deviations import Deviation, Deviations
from sirenbench.report.files import page_of, places_of
from sirenbench.report.findings import Finding
from sirenbench.report.layouts import Layout, Pictures
from sirenbench.report.metrics import Entry
from sirenbench.report.origin import Origin
from sirenbench.report.pixels import Comparability
from sirenbench.report.scorecard import Scorecard
from sirenbench.report.tables import Table
from sirenbench.report.views.crops import Crop
from sirenbench.report.views.curves import Curves

# Of a study, where there is a folder beside the page.
MOST_DRAWN = 24


@dataclass(frozen=True)
class View:
    """Curves, pictures and crops of these of the cells of a study that share their image.

    ``name`` is made for files.
    """

    name: str
    title: str
    curves: Curves | None
    pictures: Pictures | None
    crops: list[Crop]

    @property
    def uris(self) -> list[str]:
        """Of all its pictures, as often as they stand on the page."""
        pieces = [piece.pane.uri for crop in self.crops for piece in crop.pieces]
        return [*getattr(self.pictures, "uris", ()), *pieces]


@dataclass(frozen=True)
class Section:
    """One study, ready to be written down.

    Attributes
    ----------
    cells
        The names of those that it shows.
    scaled
        Everything that any of its cells has otherwise than the paper's.
    absent
        The cells without a result, each of which says why.
    lacking
        How many of the others have no number for a metric, by that and by the reason.
    """

    name: str
    title: str
    source: str
    text: str
    track: str
    layout: Layout
    cells: frozenset[str]
    why: str
    tally: str
    seeds: str
    scaled: list[str]
    table: Table
    findings: list[Finding]
    views: list[View]
    absent: list[Cell]
    lacking: Counter[tuple[str, str]]

    @property
    def has_curves(self) -> bool:
        return any(view.curves and view.curves.legend for view in self.views)


@dataclass(frozen=True)
class Detail:
    """One cell, with what the paper's numbers for it are and where they are from.

    Attributes
    ----------
    deviations
        Where text and code differ in what concerns it, and which of the two it follows.
    spreads
        Each metric over the seeds, in words.
    log
        The end of its log, where it failed.
    """

    cell: Cell
    paper: list[str]
    deviations: list[tuple[Deviation, str]]
    spreads: list[str]
    log: str


@dataclass(frozen=True)
class Page:
    """Everything the templates write down.

    Attributes
    ----------
    shared
        The ids of the pictures that are embedded once for several places.
    beside
        Whether it has a folder beside it: for its pictures, for the details of its cells, and for the curves of a
        study that has very many.
    files
        Where the pictures lie that are not embedded.
    licences
        Name, licence and SHA-256 of every file that the run is made of.
    data
        What can be taken from the page as files.
    """

    run: dict
    tally: list[tuple[str, str, int]]
    sections: list[Section]
    details: list[Detail]
    comparison: Comparison | None
    comparability: Comparability | None
    costs: Costs | None
    deviations: Deviations
    origin: Origin
    licences: list[tuple[str, str, str]]
    glossary: list[Entry]
    scorecard: Scorecard | None
    shared: dict[str, str]
    data: str
    beside: bool = False
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_findings(self) -> bool:
        return any(section.findings for section in self.sections)

    def showing(self, *names: str) -> list[Section]:
        """The sections that show any of these cells."""
        return [section for section in self.sections if not section.cells.isdisjoint(names)]

    def link(self, anchor: str) -> str:
        """Where the details of a cell are, by their id."""
        return page_of(anchor.removeprefix("cell:")) if self.beside else f"#{anchor}"

    def draws(self, section: Section) -> bool:
        """Whether the curves of a section are drawn on it, rather than in files."""
        return not self.beside or len(section.views) <= MOST_DRAWN

    @property
    def undrawn(self) -> list[str]:
        """The titles of those whose curves are in files."""
        return [section.title for section in self.sections if section.has_curves and not self.draws(section)]

    def with_folder(self) -> Page:
        """The same with a folder beside it."""
        uris = (uri for section in self.sections for view in section.views for uri in view.uris)
        return replace(self, shared={}, beside=True, files=places_of(uris))
