"""Fetch one asset into the cache: the rule `asset`, or by hand `python workflow/scripts/asset.py <asset>`."""

import sys

from sirenbench.assets.status import write_status
from sirenbench.assets.store import cache_folder, fetch
from sirenbench.worker.script import RESULTS, told, workflow_of

rule = globals().get("snakemake")
with told(rule):
    name = rule.wildcards.asset if rule else sys.argv[1]
    bench = workflow_of(rule)
    status = fetch(name, bench.asset(name), cache_folder(bench.main.config.cache), progress=True)
    write_status(RESULTS / "assets" / f"{name}.json", status)
    print(status.reason or f"{name}: {status.path}", file=sys.stderr)
