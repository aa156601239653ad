"""Run one baseline cell: the rule `baseline`, or by hand `python workflow/scripts/baseline.py <cell name>`."""

from sirenbench.worker.baseline import baseline
from sirenbench.worker.job import run
from sirenbench.worker.script import cell_job, told

rule = globals().get("snakemake")
with told(rule):
    run(cell_job(rule, "baseline.py"), baseline)
