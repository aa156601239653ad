"""The demo through a real Slurm and on this machine: cell for cell the same, with every job in the accounting.

By hand, from the folder ``tests``, as root: ``python -m cluster.demo [more words for the profile]``. It runs
``snakemake`` and ``snakemake --profile profiles/slurm``, each in a copy of the project, and tells what differs: of each
cell the record without times and machine, weights and images byte by byte, curves without seconds.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from trust.kills import numbers
from workflow.conftest import ROOT, Project, copied

from cluster.slurm import cluster
from sirenbench.assets.store import cache_folder


def run(project: Project, *words: str) -> float:
    """Run the workflow to its end; the seconds it took."""
    begin = time.monotonic()
    head = project.start(*words)
    try:
        said, _ = head.communicate()
    finally:
        if head.poll() is None:
            os.killpg(head.pid, signal.SIGTERM)
            head.wait()
    if head.returncode:
        sys.exit(f"snakemake {' '.join(words)}: exit status {head.returncode}\n{said}")
    return time.monotonic() - begin


def job_ids(project: Project) -> dict[str, str | None]:
    """The job of Slurm in which each cell ran."""
    records = {name: project.record(name) for name in project.stamps()}
    return {name: record.provenance and record.provenance.slurm_job_id for name, record in records.items()}


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    place = Path(tempfile.mkdtemp(prefix="demo-"))
    here, there = copied(place / "here"), copied(place / "slurm")
    for project in (here, there):
        project.environment |= {"PYTHONPATH": str(ROOT / "src"), "SIRENBENCH_CACHE": str(cache_folder(""))}
    print(f"on this machine: {run(here):.0f} s", flush=True)
    with cluster(Path(tempfile.mkdtemp(prefix="slurm-")), largest_array=1001) as slurm:
        print(f"through Slurm: {run(there, '--profile', 'profiles/slurm', *sys.argv[1:]):.0f} s", flush=True)
        time.sleep(3)  # the accounting lags
        accounts = slurm.accounts("jobidraw", "state")

    ours, theirs = (numbers(project.folder / "results") for project in (here, there))
    wrong = [f"not the same: {what}" for what in ours.keys() | theirs.keys() if ours.get(what) != theirs.get(what)]
    jobs = job_ids(there)
    states = dict(accounts)
    wrong += [f"job {id} is {state}" for id, state in accounts if state != "COMPLETED"]
    wrong += [f"job {id} of {name} is not in the accounting" for name, id in jobs.items() if id not in states]
    wrong += [f"job {id} in the accounting made no cell" for id in states.keys() - set(jobs.values())]
    print(f"{len(here.stamps())} and {len(jobs)} cells; {len(accounts)} jobs in the accounting; {place}")
    if wrong:
        sys.exit("\n".join(sorted(wrong)))


if __name__ == "__main__":
    main()
