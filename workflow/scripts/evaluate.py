"""Score a finished cell by one more metric, from its weights: the rule `evaluate`."""

from pathlib import Path

from sirenbench.worker.evaluate import evaluate
from sirenbench.worker.script import cell_job, told

rule = snakemake
with told(rule):
    assets = {Path(path).stem: Path(path) for path in rule.input.needed}
    evaluate(cell_job(rule), rule.wildcards.metric, assets, Path(rule.output.score))
