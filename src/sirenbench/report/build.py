"""The report of a run: one HTML file that needs nothing else."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from sirenbench.claims.verdicts import FILE
from sirenbench.collect import public, read_run, reading
from sirenbench.records import readable, write_text
from sirenbench.report.cells import Cell, groups_of, labelled, read_cells
from sirenbench.report.comparison import Comparison
from sirenbench.report.costs import Costs, costs_of
from sirenbench.report.data import packed
from sirenbench.report.deviations import Deviation, Deviations, concerning, deviations_of
from sirenbench.report.exports import exports_of, write_exports
from sirenbench.report.figures.curves import AXES
from sirenbench.report.files import places_of, remove_others, write_pictures
from sirenbench.report.findings import Finding, findings_of
from sirenbench.report.layouts import LAYOUTS, Layout, Pictures
from sirenbench.report.metrics import Entry, facts, glossary
from sirenbench.report.origin import Origin, files_of, origin_of
from sirenbench.report.paper import EVIDENCE
from sirenbench.report.pixels import WORDS as PIXELS
from sirenbench.report.pixels import Comparability, comparability_of
from sirenbench.report.scorecard import WORDS, Scorecard, read_scorecard
from sirenbench.report.scores import paper_numbers, spreads
from sirenbench.report.tables import STATES, TERMS, Table, data_title
from sirenbench.report.text import count, duration, machine, number, plain, plural, rate
from sirenbench.report.views.crops import Crop, crops_of
from sirenbench.report.views.curves import Curves, curves
from sirenbench.report.views.images import Strip
from sirenbench.report.views.shared import shared

if TYPE_CHECKING:
    import pandas as pd
    from jinja2 import Environment

REPORT = "report.html"
LARGE = 15_000_000
SCRIPTS = ("dom.js", "pixels.js", "downloads.js", "report.js", "differences.js", "compare.js", "scorecard.js")
STYLES = ("report.css", "scorecard.css", "sections.css")


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

    @property
    def drawings(self) -> list[Markup]:
        """What is drawn for it, the pictures aside."""
        panels = [panel for of_axis in (self.curves.panels if self.curves else {}).values() for panel in of_axis]
        layers = self.pictures if isinstance(self.pictures, list) else []
        return panels + [one.drawing for one in layers if one.drawing]


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
    files: dict[str, str]
    data: str

    @property
    def has_findings(self) -> bool:
        return any(section.findings for section in self.sections)

    def showing(self, *names: str) -> list[Section]:
        """The sections that show any of these cells."""
        return [section for section in self.sections if not section.cells.isdisjoint(names)]


def render(folder: Path, results: Path, comparison: Comparison | None = None, to: Path | None = None) -> Path:
    """Write ``report.html`` of the run in ``folder`` (``run.json``, ``results.parquet``).

    Beside it the folder ``report_files`` has the pictures, if too much would be embedded, and
    ``report_figures`` and ``report_tables`` have what it draws and tabulates as files.

    Parameters
    ----------
    results
        Where the cells' folders lie, for their curves and images.
    comparison
        With an earlier run, if there is one.
    to
        The folder that the report goes to, if it is another one.

    Returns
    -------
    Path
        The report. The same records give the same bytes, but for the line that holds the date.
    """
    run, frame = read_run(folder)
    with reading(folder / FILE):
        scorecard = read_scorecard(folder, set(frame["name"]))
    page = _page(run, frame, scorecard, comparison, results)
    rendered = datetime.now(UTC).replace(microsecond=0)
    html = _environment().get_template("page.html.j2").render(page=page, rendered=rendered)
    exports = exports_of(page.sections)
    # All is made before anything of an earlier report is replaced.
    to = to or folder
    write_pictures(page.files, to)
    write_text(to / REPORT, readable(html))
    remove_others(page.files, to)
    write_exports(exports, to)
    _warn_if_large(to / REPORT)
    return to / REPORT


def _warn_if_large(page: Path) -> None:
    size = page.stat().st_size
    if size > LARGE:
        print(f"{page} has {size / 1e6:.1f} MB: a browser may need seconds to open it", file=sys.stderr)


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("sirenbench.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "style": Markup("\n").join(map(_static, STYLES)),
        "script": Markup("\n").join(map(_static, SCRIPTS)),
        "states": STATES,
        "axes": AXES,
        "terms": TERMS,
        "pixels": PIXELS,
        "evidence": EVIDENCE,
        "words": {code.value: word for code, word in WORDS.items()},
    }
    environment.filters |= {
        "number": number,
        "count": count,
        "rate": rate,
        "duration": duration,
        "facts": facts,
        "machine": machine,
        "plain": plain,
        "plural": plural,
    }
    return environment


def _static(name: str) -> Markup:
    # Our own file: it goes into the page as it is.
    return Markup((resources.files("sirenbench.report") / "static" / name).read_text(encoding="utf-8"))


def _page(
    run: dict, frame: pd.DataFrame, scorecard: Scorecard | None, comparison: Comparison | None, results: Path
) -> Page:
    cells = read_cells(frame)
    by_study = {name: [cell for cell in cells if cell.study == name] for name in run["studies"]}
    by_name: dict[str, list[Cell]] = {}
    for cell in cells:
        by_name.setdefault(cell.name, []).append(cell)
    distinct = [shown[0] for shown in by_name.values()]
    records = [cell.record for cell in distinct if cell.record]
    views = _views(run, by_study, results)
    sections = [
        _section(name, about, by_study[name], run["images"], views[name]) for name, about in run["studies"].items()
    ]
    shown = [view for of_study in views.values() for view in of_study]
    uris = [uri for view in shown for uri in view.uris]
    files = places_of(uris, (drawing for view in shown for drawing in view.drawings))
    return Page(
        run=run,
        tally=_tally(distinct),
        sections=sections,
        details=[_detail(shown, results) for shown in by_name.values()],
        comparison=comparison,
        comparability=comparability_of(distinct, run["images"]),
        costs=costs_of(distinct),
        deviations=deviations_of(by_study, {name: about["title"] for name, about in run["studies"].items()}),
        origin=origin_of(records),
        licences=files_of(records, results),
        glossary=glossary(_metrics(cells, sections)),
        scorecard=scorecard,
        shared={} if files else shared(uris),
        files=files,
        data=packed(public(frame), (view.curves for view in shown if view.curves)),
    )


def _metrics(cells: Iterable[Cell], sections: Iterable[Section]) -> list[str]:
    """All that the page has numbers of or a column for."""
    of_cells = (metric for cell in cells for metric in (*cell.metrics, *cell.final))
    return _once([*of_cells, *(metric for section in sections for metric in section.table.metrics)])


def _detail(shown: Sequence[Cell], results: Path) -> Detail:
    return Detail(
        cell=shown[0],
        paper=_once(line for one in shown for line in paper_numbers(one, results)),
        deviations=concerning(shown[0]),
        spreads=spreads(shown[0]),
        log=_end_of_log(shown[0], results),
    )


def _end_of_log(cell: Cell, results: Path, lines: int = 20) -> str:
    path = results / "logs/cells" / f"{cell.name}.log"
    if cell.state != "failed" or not path.is_file():
        return ""
    return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def _tally(cells: Iterable[Cell]) -> list[tuple[str, str, int]]:
    counts = Counter(cell.state for cell in cells)
    return [(state, word, counts[state]) for state, word in STATES.items() if counts[state]]


def _views(run: dict, cells: Mapping[str, Sequence[Cell]], results: Path) -> dict[str, list[View]]:
    """The views of every study, by its name; a terminal is told how many of them are drawn."""
    from tqdm import tqdm

    views: dict[str, list[View]] = {name: [] for name in cells}
    planned = [
        (name, f"{name}-{index}", data, group)
        for name, of_study in cells.items()
        for index, (data, group) in enumerate(groups_of(labelled(of_study)).items())
    ]
    for name, key, data, group in tqdm(planned, desc="figures", unit="figure", disable=None, leave=False):
        about, title = run["studies"][name], data_title(data, run["images"])
        pictures = LAYOUTS[about["layout"]].pictures(key, group, title, results)
        crops = crops_of(pictures, about["crops"]) if isinstance(pictures, Strip) else []
        drawn = curves(key, group, title, results), pictures, crops
        views[name].append(View("-".join(str(part) for part in data if part), title, *drawn))
    return views


def _section(name: str, about: dict, cells: Sequence[Cell], images: dict[str, str], views: list[View]) -> Section:
    layout = LAYOUTS[about["layout"]]
    table = layout.table(cells, images, about["source"])
    return Section(
        name=name,
        **{key: about[key] for key in ("title", "source", "text", "track", "why")},
        layout=layout,
        cells=frozenset(cell.name for cell in cells),
        tally=", ".join(f"{n:,} {word}" for _, word, n in _tally(cells)),
        seeds=_seeds(cells),
        scaled=list(dict.fromkeys(what for cell in cells for what in cell.scaled)),
        table=table,
        findings=findings_of(cells, table.metrics, images, about["source"]),
        views=views,
        absent=[cell for cell in cells if cell.state != "ok"],
        lacking=Counter(lack for cell in cells for lack in cell.lacking.items()),
    )


def _seeds(cells: Iterable[Cell]) -> str:
    """``5 seeds each``, ``1 to 5 seeds each``; nothing where nothing is trained."""
    counts = sorted({int(cell.parts["replicates"]) for cell in cells if not cell.exact})
    if not counts:
        return ""
    return (f"{counts[0]} to " if len(counts) > 1 else "") + f"{plural(counts[-1], 'seed')} each"


def _once(things: Iterable) -> list:
    return list(dict.fromkeys(things))
