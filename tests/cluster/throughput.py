"""The table of packs in docs/slurm.md: many trivial jobs through a real Slurm, by our executor and by the official one.

By hand, from the folder ``tests``, as root: ``python -m cluster.throughput [python of the official one] [--jobs N]``.
The ways take turns, one head process after another on the same cluster.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from cluster.conftest import Flow
from cluster.matrix import EXECUTORS
from cluster.slurm import Cluster, cluster_by_hand

BOUND = 1800  # seconds for one of them
WARM = ("--submitit-preload", "snakemake.script")
WAYS = {
    "submitit": ("submitit", ()),
    "submitit, packs of 10": ("submitit", ("--submitit-pack", "10")),
    "submitit, packs of 10, warm": ("submitit", ("--submitit-pack", "10", *WARM)),
    "slurm 2.8.0": ("slurm", ()),
    "slurm 2.8.0, groups of 8": ("slurm", ("--groups", "many=pack", "--group-components", "pack=8")),
}


@dataclass(frozen=True)
class Measured:
    """What one head process took.

    Attributes
    ----------
    wall
        Seconds from its start to its end.
    taken
        Seconds from its start until Slurm had taken the last job.
    allocations
        How many jobs Slurm had.
    cpu
        Seconds of the head and of the commands it called.
    memory
        Largest resident size of it, in MiB.
    """

    wall: float
    taken: float
    allocations: int
    cpu: float
    memory: float


def measure(way: str, jobs: int, python: str, slurm: Cluster) -> Measured:
    """Run that many trivial jobs; all have to be done once."""
    executor, words = WAYS[way]
    flow = Flow(Path(tempfile.mkdtemp(prefix="throughput-")), slurm, EXECUTORS[executor], python)
    outputs = [f"out/many/{n}" for n in range(jobs)]
    before = len(slurm.accounts("jobid"))
    started, begin = time.time(), time.monotonic()
    head = flow.start(*outputs, *words, "--jobs", str(jobs))
    signal.alarm(BOUND)
    try:
        _, status, used = os.wait4(head.pid, 0)
        wall = time.monotonic() - begin
        head.returncode = os.waitstatus_to_exitcode(status)
    finally:
        signal.alarm(0)
        flow.close()
    if head.returncode or flow.ends != dict.fromkeys(outputs, 1):
        sys.exit(f"{way}: exit status {head.returncode}, {len(flow.ends)} of {jobs} done; {flow.folder}")
    slurm.clear()
    time.sleep(3)  # the accounting lags
    submitted = [row[0] for row in slurm.accounts("submit")[before:]]
    last = max(time.mktime(time.strptime(text, "%Y-%m-%dT%H:%M:%S")) for text in submitted)
    return Measured(wall, max(last - started, 1), len(submitted), used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def main() -> None:
    for number in (signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, lambda *_: sys.exit(1))
    parser = argparse.ArgumentParser()
    parser.add_argument("official", nargs="?", help="a Python with snakemake-executor-plugin-slurm")
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--ways", default=".*", help="only those whose names are this regular expression")
    options = parser.parse_args()
    print("| way | all done | per job | all taken after | allocations | head CPU | head memory |")
    print("|---|---|---|---|---|---|---|")
    with cluster_by_hand(min_job_age=300, largest_array=1001) as slurm:
        for way, (executor, _) in WAYS.items():
            python = sys.executable if executor == "submitit" else options.official
            if python is None or not re.fullmatch(options.ways, way):
                continue
            found = measure(way, options.jobs, python, slurm)
            print(
                f"| {way} | {found.wall:.0f} s | {found.wall / options.jobs:.2f} s | {found.taken:.0f} s | "
                f"{found.allocations} | {found.cpu:.1f} s | {found.memory:.0f} MiB |",
                flush=True,
            )


if __name__ == "__main__":
    main()
