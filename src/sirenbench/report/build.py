"""The report of a run: one HTML file that needs nothing else, or, of a large run, one with a folder beside it."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from importlib import resources
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from sirenbench.claims.verdicts import FILE
from sirenbench.collect import public, read_run, reading
from sirenbench.records import readable, write_text
from sirenbench.report import files
from sirenbench.report.cells import Cell, groups_of, labelled, read_cells
from sirenbench.report.comparison import Comparison
from sirenbench.report.costs import costs_of
from sirenbench.report.data import packed
from sirenbench.report.deviations import concerning, deviations_of
from sirenbench.report.exports import exports_of, sheet_of
from sirenbench.report.figures.curves import AXES
from sirenbench.report.files import FIGURES, STYLE, TABLES, page_of, remove_others, write_files, write_pictures
from sirenbench.report.findings import findings_of
from sirenbench.report.layouts import LAYOUTS
from sirenbench.report.metrics import facts, glossary
from sirenbench.report.origin import files_of, origin_of
from sirenbench.report.page import Detail, Page, Section, View
from sirenbench.report.paper import EVIDENCE
from sirenbench.report.pixels import WORDS as PIXELS
from sirenbench.report.pixels import comparability_of
from sirenbench.report.scorecard import WORDS, Scorecard, read_scorecard
from sirenbench.report.scores import paper_numbers, spreads
from sirenbench.report.tables import STATES, TERMS, data_title
from sirenbench.report.text import count, duration, machine, number, plain, plural, rate
from sirenbench.report.views.crops import crops_of
from sirenbench.report.views.curves import curves
from sirenbench.report.views.images import Strip
from sirenbench.report.views.shared import shared

if TYPE_CHECKING:
    import pandas as pd
    from jinja2 import Environment

REPORT = "report.html"
LARGE = 15_000_000
SCRIPTS = ("dom.js", "pixels.js", "downloads.js", "report.js", "differences.js", "compare.js", "scorecard.js")
STYLES = ("report.css", "scorecard.css", "sections.css")


def render(folder: Path, results: Path, comparison: Comparison | None = None, to: Path | None = None) -> Path:
    """Write ``report.html`` of the run in ``folder`` (``run.json``, ``results.parquet``).

    Beside it ``report_figures`` and ``report_tables`` have what it draws and tabulates as files; and if the page would
    have more than 30 MB, ``report_files`` has its pictures and a page for each cell.

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
    environment = _environment()
    write_down = partial(environment.get_template("page.html.j2").generate, rendered=rendered, home="")
    html, pages = _one_file(write_down(page=page)), {}
    if html is None:
        page = page.with_folder()
        html, pages = "".join(write_down(page=page)), _pages_of_cells(page, environment)
    # The page is made before anything of an earlier report is replaced; its exports are made of it one by one.
    to = to or folder
    pictures = write_pictures(page.files, to)
    texts = write_files(chain(pages.items(), exports_of(page.sections)), to)
    write_text(to / REPORT, readable(html))
    remove_others([*pictures, *texts], to)
    # Snakemake asks for these two, whether there is anything in them or not.
    for name in (FIGURES, TABLES):
        (to / name).mkdir(exist_ok=True)
    _warn_if_large(to / REPORT)
    return to / REPORT


def _one_file(parts: Iterable[str]) -> str | None:
    """The page as far as it is one file, and nothing where it is too large for that."""
    written, size = [], 0
    for part in parts:
        written.append(part)
        size += len(part)
        if size > files.ONE_FILE_AT_MOST:
            return None
    return "".join(written)


def _pages_of_cells(page: Page, environment: Environment) -> dict[str, str]:
    """A page for each cell, and the style of them all: address -> text."""
    template = environment.get_template("cell_page.html.j2")
    pages = {STYLE: str(environment.globals["style"])}
    for detail in page.details:
        address = page_of(detail.cell.name)
        root = "../" * address.count("/")
        pages[address] = readable(template.render(page=page, detail=detail, root=root, home=root + REPORT))
    return pages


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
        "stylesheet": STYLE,
        "sheet_of": sheet_of,
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
        shared=shared(uri for view in shown for uri in view.uris),
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
    from sirenbench.bars import tqdm

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
