"""Train one cell: the rule `train`, or by hand `python workflow/scripts/train.py <cell name>`."""

from sirenbench.worker.job import run
from sirenbench.worker.script import cell_job, told
from sirenbench.worker.train import train

rule = globals().get("snakemake")
with told(rule):
    run(cell_job(rule, "train.py"), train)
