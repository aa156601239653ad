"""What only a fresh process can tell: how long it takes to start, its peak memory, steps under another allocator."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from comparison import LARGE, TASKS, Row

# Memory that was freed stays with the process: PyTorch's eager steps are up to three times as fast on large grids.
TUNED = ":".join(
    f"glibc.malloc.{setting}"
    for setting in ("mmap_threshold=8589934592", "trim_threshold=17179869184", "mmap_max=0", "hugetlb=1")
)
_PEAK = """
import sys
import torch
sys.path.insert(0, sys.argv[2])
from comparison import Bench

def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM:")) / 1024

torch.set_num_threads(1)
bench = Bench(torch.device("cpu"), 1)
bench.trainer("fit/made-16/siren-1x8", steps=2, replicates=1).run(until=0)
before = peak()
bench.trainer(sys.argv[1], steps=2, replicates=1).run(until=0)
print(peak() - before)
"""


def startup() -> dict[str, float]:
    """Seconds until a fresh process has imported what a worker needs; the median of three."""

    def seconds(code: str) -> float:
        runs = []
        for _ in range(3):
            began = time.perf_counter()
            _python("-c", code)
            runs.append(time.perf_counter() - began)
        return statistics.median(runs)

    return {
        "python": seconds("pass"),
        "torch": seconds("import torch"),
        "worker": seconds("import sirenbench.worker.train, sirenbench.worker.script"),
    }


def peak_memory(sides: tuple[int, ...], shape: str = "3x256") -> dict[str, dict[str, float]]:
    """MiB of a step with its scores above a process that has trained a tiny network, by task and side. Linux only."""
    return {
        task: {
            str(side): float(_python("-c", _PEAK, name.format(side=side, shape=shape), str(Path(__file__).parent)))
            for side in sides
        }
        for task, name in TASKS.items()
    }


def tuned(threads: int, rounds: int) -> list[Row]:
    """The rows of the largest grid, in processes whose C library (glibc) keeps the memory that was freed."""
    words = (str(LARGE), "3x256", "--threads", str(threads), "--rounds", str(rounds))
    environment = os.environ | {"GLIBC_TUNABLES": TUNED}
    script = str(Path(__file__).with_name("comparison.py"))
    rows = [Row(**json.loads(_python(script, task, *words, environment=environment))) for task in TASKS]
    return [replace(row, what=f"{row.what}, tuned") for row in rows]


def _python(*words: str, environment: dict[str, str] | None = None) -> str:
    command = [sys.executable, "-W", "ignore", *words]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout
