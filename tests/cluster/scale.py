"""What the head process takes to submit and follow thousands of jobs; Slurm's commands are stand-ins, nothing runs.

By hand, from the folder ``tests``: ``python -m cluster.scale [--jobs 10000]``. The stand-in for ``sbatch`` takes every
array and writes at once what its jobs would leave, so the figures are those of the head alone.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
SBATCH = """#!{python}
import json, re, sys, uuid
from pathlib import Path
job = int(Path("number").read_text()) + 1 if Path("number").exists() else 1
Path("number").write_text(str(job))
for path in Path(".snakemake/submitit/jobs").glob("*.pkl"):
    if len(path.stem) == 32:
        content = path.read_bytes()
        key = re.search(rb"many-[0-9a-f]{{16}}-[0-9a-f]{{12}}\\.[0-9]+", content)[0].decode()
        Path("out/many/" + re.search(rb"many:n=(\\d+)", content)[1].decode()).touch()
        outcome = Path(".snakemake/submitit/outcomes") / (key + ".json")
        outcome.write_text(json.dumps({{"exit": 0, "host": "none", "started": 1.0, "ended": 2.0}}))
print("Submitted batch job", job)
"""
STANDS_IN = {"squeue": "", "srun": "", "scancel": "", "sacct": "", "scontrol": "echo MaxArraySize = 1001"}


def measure(jobs: int) -> tuple[float, float, float]:
    """Wall and CPU seconds of a head that submits and follows so many jobs, and its largest resident size in MiB."""
    folder = Path(tempfile.mkdtemp(prefix="scale-"))
    programs = folder / "bin"
    programs.mkdir()
    for name, text in STANDS_IN.items() | {"sbatch": SBATCH.format(python=sys.executable)}.items():
        (programs / name).write_text(text if text.startswith("#!") else f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    shutil.copy(ROOT / "tests/cluster/flow/Snakefile", folder)
    (folder / "Snakefile").open("a").write(
        f"\nrule all_of_many:\n    input: expand('out/many/{{n}}', n=range({jobs}))\n"
    )
    for name in ("out/many", ".snakemake/submitit/outcomes"):
        (folder / name).mkdir(parents=True)
    command = [sys.executable, "-m", "snakemake", "all_of_many", "--executor", "submitit", "--jobs", str(jobs)]
    command += [
        "--max-jobs-per-timespan",
        "500/1s",
        "--scheduler",
        "greedy",
        "--quiet",
        "all",
        "--default-resources",
        "mem_mb=1000",
    ]
    environment = os.environ | {"PATH": f"{programs}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT / "src")}
    began = time.monotonic()
    with (folder / "head.log").open("wb") as log:
        head = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        _, status, used = os.wait4(head.pid, 0)
    head.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - began
    done = len(list((folder / "out/many").iterdir()))
    if head.returncode or done != jobs:
        sys.exit(f"exit status {head.returncode}, {done} of {jobs} done; {folder}")
    shutil.rmtree(folder)
    return wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=10_000)
    options = parser.parse_args()
    wall, cpu, memory = measure(options.jobs)
    print(f"{options.jobs} jobs: {wall:.0f} s, of the CPU {cpu:.0f} s, {memory:.0f} MiB")


if __name__ == "__main__":
    main()
