"""A thousand tiny cells on this machine: wall time, time per cell, memory of the head process; ten thousand planned.

By hand, from the folder ``tests``: ``python -m trust.load --cells 1000``, with ``--dry-run`` to plan only, and with
``--minutes 60`` to end the run then, wherever it is. The cells run in packs through the local twin of the cluster,
forked from processes that have the modules. The table and the report of all of them are made too.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from workflow.conftest import GRID, Project, _project

from trust.kills import MARK, processes

PACKED = (
    *("--executor", "submitit", "--submitit-cluster", "local"),
    *("--submitit-preload", "snakemake.script,sirenbench.workflow,sirenbench.worker.train"),
)
SECONDS = 2.0  # between two looks at the head


@dataclass(frozen=True)
class Look:
    """At a run: after so many seconds, so many finished cells, memory of the head and of its largest worker."""

    seconds: float
    done: int
    mib: float
    worker: float


def project_of(cells: int, folder: Path) -> Project:
    """A project with that many cells, which differ in their seeds."""
    project = _project(folder / "a project")
    study = {"title": "Many", "grid": GRID | {"arm": "siren", "replicates": 1, "seed": list(range(cells))}}
    project.configure(run="small", device="cpu", images={"tile": {"path": "tile.png"}}, studies={"many": study})
    return project


def watched(project: Project, *words: str, seconds: float = math.inf) -> tuple[int, list[Look]]:
    """Run Snakemake, or end it after so many seconds; its exit status and what was seen of it."""
    environment = os.environ | {"SIRENBENCH_CACHE": str(project.folder / "cache"), MARK: str(project.folder)}
    looks, began = [], time.monotonic()
    with (project.folder / "head.log").open("wb") as log:
        command = [sys.executable, "-m", "snakemake", *words]
        head = subprocess.Popen(command, cwd=project.folder, env=environment, stdout=log, stderr=log)
        while head.poll() is None:
            workers = [_resident(pid) for pid, _ in processes(project.folder) if pid != head.pid]
            now, done = time.monotonic() - began, len(project.stamps())
            looks.append(Look(now, done, _resident(head.pid), max(workers, default=0.0)))
            if now > seconds:
                head.terminate()
                head.wait()
                return 0, looks
            time.sleep(SECONDS)
    return head.returncode, [*looks, Look(time.monotonic() - began, len(project.stamps()), 0.0, 0.0)]


def growth(looks: Sequence[Look], cells: int) -> tuple[float, float]:
    """MiB per thousand cells and per hour, by straight lines through the looks at the second half of the cells."""
    late = [look for look in looks if cells / 2 <= look.done < cells]
    memory = [look.mib for look in late]
    per_cell = np.polyfit([look.done for look in late], memory, 1)[0]
    return 1000 * per_cell, 3600 * np.polyfit([look.seconds for look in late], memory, 1)[0]


def tell(looks: Sequence[Look]) -> None:
    """Print how a run went, by tenths of the cells that it finished."""
    cells = looks[-1].done
    first, last = (next(look for look in looks if look.done >= many) for many in (1, cells))
    each = last.seconds / cells
    print(f"{cells} cells alone: {last.seconds:.0f} s, {each:.2f} s a cell; the first after {first.seconds:.0f} s")
    print("finished cells, seconds, and memory of the head and of the largest worker since then, MiB:")
    for part in range(0, 100, 10):
        tenth = [look for look in looks if part <= 100 * look.done / cells < part + 10]
        for look in tenth[:1]:
            worker = max(one.worker for one in tenth)
            print(f"  {look.done:6d} {look.seconds:7.0f} {look.mib:7.1f} {worker:7.1f}")
    per_thousand, per_hour = growth(looks, cells)
    print(f"growth over the second half: {per_thousand:+.1f} MiB per 1000 cells, {per_hour:+.1f} MiB an hour")


def _resident(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=100, help="cells handed out at the same time, at most")
    parser.add_argument("--pack", type=int, default=50, help="cells of an allocation, at most")
    parser.add_argument("--minutes", type=float, default=math.inf, help="end the run then, wherever it is")
    parser.add_argument("--dry-run", action="store_true")
    words = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="load-") as folder:
        project = project_of(words.cells, Path(folder))
        options = ["-n"] if words.dry_run else [*PACKED, "--submitit-pack", str(words.pack), "--jobs", str(words.jobs)]
        code, looks = watched(project, *options, seconds=60 * words.minutes)
        if code:
            print((project.folder / "head.log").read_text()[-3000:])
            return code
    largest = max(look.mib for look in looks)
    print(f"{words.cells} cells: {looks[-1].seconds:.0f} s, the head at most {largest:.0f} MiB")
    if not words.dry_run:
        tell(looks)
    return 0


if __name__ == "__main__":
    sys.exit(main())
