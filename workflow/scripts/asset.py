"""Fetch one asset into the cache: the rule `asset`, or by hand `python workflow/scripts/asset.py <asset>`."""

import sys
from pathlib import Path

from pydantic import TypeAdapter

from sirenbench.assets.store import cache_folder, fetch, write_status
from sirenbench.config.assets import Asset
from sirenbench.worker.script import RESULTS, told
from sirenbench.workflow import Workflow

rule = globals().get("snakemake")
with told(rule):
    if rule is None:
        name, bench = sys.argv[1], Workflow()
        asset, cache, target = bench.main.asset(name), bench.main.config.cache, RESULTS / "assets" / f"{name}.json"
    else:
        name, cache, target = rule.wildcards.asset, rule.config["sirenbench"]["cache"], Path(rule.output.status)
        asset = TypeAdapter(Asset).validate_json(rule.params.source)
    status = fetch(name, asset, cache_folder(cache), progress=True)
    write_status(target, status)
    print(status.reason or f"{name}: {status.path}", file=sys.stderr)
