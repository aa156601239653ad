# The benchmark: assets -> cells (trained arms and baselines) -> collect -> report.
# Targets: a run (`demo`, `paper`), a study by name, `cells`, `estimate`, or one cell: results/cells/<name>/cell.json
import atexit
import os
import shutil
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

from sirenbench.errors import UserError
from sirenbench.listing import is_dry_run, print_plan
from sirenbench.workflow import Workflow, baseline_pattern, check_notes, report_code

try:
    if workflow.is_main_process:
        check_notes()
    BENCH = Workflow(workflow.overwrite_configfiles, workflow.config_settings.config)
    if workflow.is_main_process:
        BENCH.check_targets(sys.argv[1:])
        # Who only looks, or looks while another run is on, touches nothing.
        only_looks = is_dry_run(sys.argv) or {"cells", "estimate", "--summary", "--unlock"} & set(sys.argv)
        if not only_looks and not any(Path(".snakemake/locks").glob("*")):
            BENCH.forget_what_was_lacking(Path("results"))
            BENCH.age_tables_of_other_records(Path("results"))
except UserError as error:
    raise WorkflowError(str(error))

if not workflow.is_main_process:
    # For params that are tables Snakemake would import it in every job; ours are words.
    sys.modules.setdefault("pandas", None)

config["sirenbench"] = BENCH.script_settings()
SNAKEMAKE = "snakemake" if shutil.which("snakemake") else os.path.relpath(sys.argv[0])


wildcard_constraints:
    target=r"[^/]+(?:/[^/]+)?",
    asset=r"[^/]+",
    metric=r"[^/]+",
    run=r"[^/]+",


# The plan of a dry run has a block for every job: what it comes to stands at its end.
def print_sum_of_dry_run(results=Path("results").absolute()):
    if workflow.dag and workflow.dryrun:
        print_plan(BENCH, workflow.dag_settings.targets, results)


if workflow.is_main_process:
    atexit.register(print_sum_of_dry_run)


include: "workflow/rules/assets.smk"
include: "workflow/rules/cells.smk"
include: "workflow/rules/baselines.smk"
include: "workflow/rules/collect.smk"
include: "workflow/rules/report.smk"


# A target names its records too: Snakemake makes a deleted file again only if it is asked for. A job on a node has no use
# for them, and they take reading every configuration.
rule all:
    default_target: True
    input:
        f"results/{BENCH.main.config.run}/report.html",
        lambda wildcards: BENCH.records(BENCH.main.config.run),
    localrule: True


# Nobody asks a job on a node for them.
for target_name, target in BENCH.targets() if workflow.is_main_process else ():

    rule:
        name:
            target_name
        input:
            f"results/{target}/report.html",
            BENCH.records(target),
        localrule: True
