"""The report of a run that did not get to its end."""

from __future__ import annotations

import tempfile
from pathlib import Path

from sirenbench.claims.judge import write_claims
from sirenbench.claims.verdicts import FILE
from sirenbench.collect import RESULTS, RUN, TABLE, collect, made_of
from sirenbench.report.build import render
from sirenbench.report.comparison import Comparison, compared
from sirenbench.workflow import Workflow

_ORIGIN = ("records", "config_sha256")


def report_what_is_there(
    bench: Workflow, target: str, results: Path = Path("results"), baseline: Path | None = None
) -> tuple[Path, Comparison | None]:
    """Collect and render the cells of ``run`` or ``run/study`` as they are; tells where the page is.

    Nothing of an earlier page or table is touched before the new page is there. Tables of the very records that it is
    made of stay, for the run is finished; tables of other records would contradict the page, and are removed. New ones
    are not left: Snakemake, which did not make them, still has to collect when the cells are done.

    Parameters
    ----------
    baseline
        The folder of a collected run, or of a copy of one, to compare this one with.

    Raises
    ------
    UserError
        If the baseline is none.
    """
    loaded, cells = bench.selected(target)
    folder = results / target
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        collect(loaded.config, cells, results, Path(temporary), bench.configfiles)
        if bench.claims(target):
            write_claims(loaded.config, cells, results, Path(temporary))
        comparison = compared(Path(temporary), baseline) if baseline else None
        page = render(Path(temporary), results, comparison, to=folder)
        is_finished = made_of(folder, *_ORIGIN) == made_of(Path(temporary), *_ORIGIN)
    if not is_finished:
        for stale in (RESULTS, TABLE, RUN, FILE):
            (folder / stale).unlink(missing_ok=True)
    return page, comparison
