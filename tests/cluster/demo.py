"""The demo through a real Slurm and on this machine: cell for cell the same, with every job in the accounting.

By hand, from the folder ``tests``, as root: ``python -m cluster.demo [more words for the profile]``. It runs
``snakemake`` and ``snakemake --profile profiles/slurm``, each in a copy of the project, and tells what differs: of each
cell the record without times and machine, weights and images byte by byte, curves without seconds.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from trust.kills import numbers
from workflow.conftest import ROOT, Project, copied

from cluster.slurm import Cluster, ClusterFailed, cluster_by_hand, wait_for
from sirenbench.assets.store import cache_folder

BOUND = 1800  # seconds for one of the two runs
LAG = 60  # seconds in which the accounting learns of the end of a job
UNFINISHED = {"PENDING", "RUNNING", "COMPLETING", "REQUEUED", "SUSPENDED"}


def run(project: Project, *words: str) -> float:
    """Run the workflow to its end; the seconds it took."""
    begin = time.monotonic()
    head = project.start(*words)
    try:
        said, _ = head.communicate(timeout=BOUND)
    except subprocess.TimeoutExpired:
        sys.exit(f"snakemake {' '.join(words)}: not done after {BOUND} s; {project.folder}")
    finally:
        if head.poll() is None:
            os.killpg(head.pid, signal.SIGTERM)
            _end(head)
    if head.returncode:
        sys.exit(f"snakemake {' '.join(words)}: exit status {head.returncode}\n{said}")
    return time.monotonic() - begin


def _end(head: subprocess.Popen[str]) -> None:
    """It cancels its jobs first; a minute is enough for that."""
    try:
        head.wait(60)
    except subprocess.TimeoutExpired:
        os.killpg(head.pid, signal.SIGKILL)
        head.wait()


def accounts(slurm: Cluster, jobs: set[str | None]) -> list[list[str]]:
    """Id and state of every job that the accounting knows, as soon as it has the ends of all, or does not get them."""

    def is_complete() -> bool:
        states = dict(slurm.accounts("jobidraw", "state"))
        return jobs <= states.keys() and not UNFINISHED & set(states.values())

    with suppress(ClusterFailed):  # what is missing is told with the rest
        wait_for(is_complete, LAG, "the accounting")
    return slurm.accounts("jobidraw", "state")


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
    with cluster_by_hand(largest_array=1001) as slurm:
        print(f"through Slurm: {run(there, '--profile', 'profiles/slurm', *sys.argv[1:]):.0f} s", flush=True)
        jobs = job_ids(there)
        known = accounts(slurm, set(jobs.values()))
        print(f"{len(here.stamps())} and {len(jobs)} cells; {len(known)} jobs in the accounting; {place}", flush=True)
        if wrong := differences(here, there, jobs, known):
            sys.exit("\n".join(sorted(wrong)))


def differences(here: Project, there: Project, jobs: dict[str, str | None], known: list[list[str]]) -> list[str]:
    """What is not as it should be: cells that differ or are missing, and jobs that are not accounted for."""
    ours, theirs = (numbers(project.folder / "results") for project in (here, there))
    states = dict(known)
    return [
        *(f"no cells in {project.folder}" for project in (here, there) if not project.stamps()),
        *(f"not the same: {what}" for what in ours.keys() | theirs.keys() if ours.get(what) != theirs.get(what)),
        *(f"job {id} is {state}" for id, state in known if state != "COMPLETED"),
        *(f"job {id} of {name} is not in the accounting" for name, id in jobs.items() if id not in states),
        *(f"job {id} in the accounting made no cell" for id in states.keys() - set(jobs.values())),
    ]


if __name__ == "__main__":
    main()
