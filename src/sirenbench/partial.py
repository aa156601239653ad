"""The report of a run that did not get to its end."""

from __future__ import annotations

from pathlib import Path

from sirenbench.collect import collect
from sirenbench.report.build import render
from sirenbench.workflow import Workflow


def report_what_is_there(bench: Workflow, target: str, results: Path = Path("results")) -> Path:
    """Collect and render the cells of ``run`` or ``run/study`` as they are; tells where the page is."""
    loaded, cells = bench.selected(target)
    folder = results / target
    collect(loaded.config, cells, results, folder, bench.configfiles)
    return render(folder, results)
