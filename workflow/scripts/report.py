"""Render the report of a run: the rule `report`, or by hand `python workflow/scripts/report.py <run>`."""

import sys
from pathlib import Path

from sirenbench.report.build import render
from sirenbench.worker.script import RESULTS, told

rule = globals().get("snakemake")
with told(rule):
    folder = Path(rule.output.page).parent if rule else RESULTS / sys.argv[1]
    print(f"the report is at {render(folder, RESULTS)}", file=sys.stderr)
