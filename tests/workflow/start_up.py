"""What a training cell costs beside its training: from the start of its allocation's process to the first step.

By hand, from the folder ``tests``: ``python -m workflow.start_up [--cells 5] [--cold]``. Each cell is one job of a pack
as the executor ``submitit`` submits it: an inner Snakemake and the script of the rule.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import yaml

from sirenbench.records import RECORD, read_record
from workflow.conftest import ROOT, Project, _project

PRELOAD = yaml.safe_load((ROOT / "profiles/slurm/config.yaml").read_text())["submitit-preload"].split(",")
_LOOK_SECONDS = 0.01
_BOUND = 300  # seconds for all cells of an allocation
WORDS = (
    "--cores",
    "1",
    "--mode",
    "remote",
    "--force",
    "--nolock",
    "--no-hooks",
    "--target-files-omit-workdir-adjustment",
)


@dataclass(frozen=True)
class Cost:
    """Of one cell in an allocation.

    Attributes
    ----------
    first_step
        Seconds from the start of the allocation's process, or from the end of the cell before, to the first step.
    around
        Seconds of its whole job beside training and scoring.
    cpu
        CPU seconds of its job, with those of the allocation's process.
    """

    first_step: float
    around: float
    cpu: float


def names(cells: int) -> list[str]:
    """Cells with hardly any training."""
    return [f"fit/tile-16/siren-1x8/first_omega={omega}/steps=3/replicates=2" for omega in range(10, 10 + cells)]


def prepare(project: Project) -> None:
    """Have the image of the cells."""
    code, said = project.snakemake("--until", "asset", "--quiet")
    assert code == 0, said


def measure(project: Project, cells: int, preload: list[str]) -> list[Cost]:
    """Run cells in one allocation; the asset must have been fetched."""
    wanted = names(cells)
    order = json.dumps({"preload": preload, "commands": [_command(name) for name in wanted]})
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests")])}
    records = [project.folder / "results/cells" / name / RECORD for name in wanted]
    began = time.time()
    told, errors = (project.folder / f"allocation.{ending}" for ending in ("json", "err"))
    with told.open("w") as stdout, errors.open("w") as stderr:
        allocation = subprocess.Popen(
            [sys.executable, "-m", "workflow.allocation", order],
            cwd=project.folder,
            env=environment,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
        seen = _seen(records, allocation)
    status = f"exit status {allocation.returncode} after {time.time() - began:.0f} s; {len(seen)} of {cells} cells"
    assert (allocation.returncode, len(seen)) == (0, cells), f"{status}\n{errors.read_text()}"
    costs, last = [], began
    for path, at, (ended, cpu) in zip(records, seen, json.loads(told.read_text()), strict=True):
        cost = read_record(path).cost
        assert cost is not None
        first_step = at - (cost.seconds - cost.startup_seconds) - last
        costs.append(Cost(first_step, ended - last - cost.training_seconds - cost.metrics_seconds, cpu))
        last = ended
    return costs


def _seen(records: list[Path], allocation: subprocess.Popen[bytes]) -> list[float]:
    """When each record appeared, one after another, until the allocation ends. It is killed if it does not.

    A record's own time is that at which Snakemake looked at it, after the job.
    """
    seen: list[float] = []
    end = time.monotonic() + _BOUND
    try:
        while allocation.poll() is None and time.monotonic() < end:
            if len(seen) < len(records) and records[len(seen)].exists():
                seen.append(time.time())
            time.sleep(_LOOK_SECONDS)
    finally:
        if allocation.poll() is None:
            os.killpg(allocation.pid, signal.SIGKILL)
            allocation.wait()
    return seen


def _command(name: str) -> str:
    target = f"train:name={name}"
    return shlex.join([sys.executable, "-m", "snakemake", "--target-jobs", target, "--allowed-rules", "train", *WORDS])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cells", type=int, default=5)
    parser.add_argument("--cold", action="store_true", help="without modules that are imported once an allocation")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        project = _project(Path(folder) / "project")
        prepare(project)
        print("| cell | to its first step | beside training | CPU |\n|---|---|---|---|")
        for number, cost in enumerate(measure(project, options.cells, [] if options.cold else PRELOAD)):
            print(f"| {number + 1} | {cost.first_step:.2f} s | {cost.around:.2f} s | {cost.cpu:.2f} s |")


if __name__ == "__main__":
    main()
