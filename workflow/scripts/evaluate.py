"""Score a finished cell by one more metric, from its weights: the rule `evaluate`."""

from pathlib import Path

from sirenbench.worker.evaluate import evaluate
from sirenbench.worker.script import cell_job, told

rule = snakemake  # noqa: F821
with told(rule):
    statuses = {Path(path).stem: Path(path) for path in rule.input.statuses}
    evaluate(cell_job(rule), rule.wildcards.metric, statuses, Path(rule.output.score))
