"""All records of a run as one table: the rule `collect`, or by hand `python workflow/scripts/collect.py <run>`."""

import sys

from sirenbench.collect import collect
from sirenbench.worker.script import RESULTS, told, workflow_of

rule = globals().get("snakemake")
with told(rule):
    target = rule.wildcards.target if rule else sys.argv[1]
    bench = workflow_of(rule)
    loaded, cells = bench.selected(target)
    collect(loaded.config, cells, RESULTS, RESULTS / target, bench.configfiles)
