"""All records of a run as one table: the rule `collect`, or by hand `python workflow/scripts/collect.py <run>`."""

import sys

from sirenbench.collect import collect
from sirenbench.worker.script import RESULTS, told
from sirenbench.workflow import Workflow

rule = globals().get("snakemake")
with told(rule):
    settings = rule.config["sirenbench"] if rule else {"files": [], "overrides": {}}
    target = rule.wildcards.target if rule else sys.argv[1]
    bench = Workflow(settings["files"], settings["overrides"])
    loaded, cells = bench.selected(target)
    collect(loaded.config, cells, RESULTS, RESULTS / target, bench.configfiles)
