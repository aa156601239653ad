"""What a training cell costs beside its training: from the start of its allocation's process to the first step.

By hand, from the folder ``tests``: ``python -m workflow.start_up [--cells 5] [--cold]``. Each cell is one job of a pack
as the executor ``submitit`` submits it: an inner Snakemake and the script of the rule.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shlex
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import yaml

from sirenbench.provenance import process_age_seconds
from sirenbench.records import RECORD, read_record
from snakemake_executor_plugin_submitit.pack import Pack, Task
from workflow.conftest import ROOT, Project, _project

PRELOAD = yaml.safe_load((ROOT / "profiles/slurm/config.yaml").read_text())["submitit-preload"].split(",")
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
    words = [sys.executable, "-m", "workflow.start_up", "--inside", str(cells), "--preload", ",".join(preload)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests")])}
    done = subprocess.run(words, cwd=project.folder, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return [Cost(**one) for one in json.loads(done.stdout.splitlines()[-1])]


class Clocked(Pack):
    """A pack that notes the CPU time after every job."""

    cpu: list[float]

    def _outcome(self, *args):  # type: ignore[no-untyped-def]
        self.cpu.append(_cpu())
        return super()._outcome(*args)


def inside(cells: int, preload: list[str]) -> None:
    """In the process of the allocation: run the pack and print what each job cost."""
    began = time.time() - process_age_seconds()
    folder = Path(".snakemake/submitit").absolute()
    wanted = names(cells)
    pack = Clocked(
        folder,
        [Task(str(number), _command(name)) for number, name in enumerate(wanted)],
        minutes=30,
        signal_seconds=60,
        max_requeues=0,
        preload=preload,
    )
    pack.cpu = [0.0]
    pack()
    costs, last = [], began
    for number, name in enumerate(wanted):
        outcome = pack._outcomes.read(str(number))
        assert outcome is not None
        assert outcome.exit == 0, (folder / "logs" / f"{number}.log").read_text()
        path = Path("results/cells") / name / RECORD
        cost = read_record(path).cost
        assert cost is not None
        first_step = path.stat().st_mtime - (cost.seconds - cost.startup_seconds) - last
        around = outcome.ended - last - cost.training_seconds - cost.metrics_seconds
        costs.append(Cost(first_step, around, pack.cpu[number + 1] - pack.cpu[number]))
        last = outcome.ended
    print(json.dumps([one.__dict__ for one in costs]))


def _command(name: str) -> str:
    target = f"train:name={name}"
    return shlex.join([sys.executable, "-m", "snakemake", "--target-jobs", target, "--allowed-rules", "train", *WORDS])


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cells", type=int, default=5)
    parser.add_argument("--cold", action="store_true", help="without modules that are imported once an allocation")
    parser.add_argument("--inside", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--preload", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        inside(options.inside, [module for module in options.preload.split(",") if module])
        return
    with tempfile.TemporaryDirectory() as folder:
        project = _project(Path(folder) / "project")
        prepare(project)
        print("| cell | to its first step | beside training | CPU |\n|---|---|---|---|")
        for number, cost in enumerate(measure(project, options.cells, [] if options.cold else PRELOAD)):
            print(f"| {number + 1} | {cost.first_step:.2f} s | {cost.around:.2f} s | {cost.cpu:.2f} s |")


if __name__ == "__main__":
    main()
