"""The verdicts on the paper's claims: the rule `judge`, or by hand `python workflow/scripts/judge.py <run>`."""

import sys

from sirenbench.claims.judge import write_claims
from sirenbench.worker.script import RESULTS, told, workflow_of

rule = globals().get("snakemake")
with told(rule):
    run = rule.wildcards.run if rule else sys.argv[1]
    loaded, cells = workflow_of(rule).selected(run)
    write_claims(loaded.config, cells, RESULTS, RESULTS / run)
