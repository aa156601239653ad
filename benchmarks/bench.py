"""How fast the engine is on this machine: ``sirenbench bench``.

See :mod:`comparison` for how a row is measured; what needs a process of its own is in :mod:`processes`.
"""

from __future__ import annotations

import argparse
import json
import platform
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import processes
import torch
from comparison import LARGE, LARGE_ROUNDS, TASKS, Bench, Row

from sirenbench.provenance import device_name


def on_cpu(rounds: int, threads: int, quick: bool) -> tuple[dict, list[Row]]:
    bench = Bench(torch.device("cpu"), rounds)
    small, large = (16, 24) if quick else (64, 128)
    gates = {task: bench.compare(task, small, "3x256") for task in TASKS}
    rows = list(gates.values())
    rows += [bench.compare(task, large, "3x256", threads=threads) for task in TASKS]
    if not quick:
        rows += [bench.compare(task, small, shape) for shape in ("2x256", "3x512", "8x256") for task in TASKS]
        rows += [bench.compare(task, small // 2, "3x64") for task in TASKS]
        rows += [bench.compare("laplacian", large, "3x256", threads=threads, rgb=True)]
        rows += [bench.compare(task, LARGE, "3x256", threads=threads) for task in TASKS]
        rows += processes.tuned(threads, min(rounds, LARGE_ROUNDS))
    rows += [bench.compare("fit", small // 2, "2x64", replicates=8), bench.compare("fit", small, "3x256", replicates=4)]
    sides = (16, 32) if quick else (128, 512)
    growth = {task: bench.growth(task, sides) for task in TASKS}
    memory = processes.peak_memory((16,) if quick else (64, 256, 512))
    further = {"growth": {"sides": sides, **growth}, "memory_mib": memory, "peak_gflops": bench.peak(1)}
    return _summary(gates, bench, small) | further, rows


def on_cuda(rounds: int, quick: bool) -> tuple[dict, list[Row]]:
    """In float32; with the same in TF32 under its name, where the GPU has it."""
    found, rows = _on_cuda(rounds, quick, "fp32")
    if torch.cuda.get_device_capability() >= (8, 0):
        found["tf32"], more = _on_cuda(rounds, quick, "tf32")
        rows += more
    return found, rows


def _on_cuda(rounds: int, quick: bool, precision: str) -> tuple[dict, list[Row]]:
    bench = Bench(torch.device("cuda"), rounds, precision)
    gates = {task: bench.compare(task, 32 if quick else 512, "3x256") for task in TASKS}
    rows = [*gates.values(), *(bench.compare(task, 64, "3x256", replicates=5) for task in TASKS)]
    rows += [bench.compare("fit", side, "3x256") for side in (64, 128)]
    return _summary(gates, bench, 64) | {"peak_gflops": bench.peak(1)}, rows


def _summary(gates: dict[str, Row], bench: Bench, side: int) -> dict:
    kept = {task: {"ratio": row.ratio, "peak_fraction": row.peak_fraction} for task, row in gates.items()}
    return kept | {
        "replicates5": {"cost": bench.five_replicates(side, "3x256")},
        "metrics_share": bench.metrics_share(side, "3x256"),
    }


def told(found: dict, rows: list[Row]) -> str:
    """The table, and what else was found, in words."""
    lines = [f"{found['device']}, PyTorch {found['torch']}, {found['date']}"]
    lines += [f"{'step':34} {'threads':>7} {'ours ms':>9} {'theirs ms':>9} {'times':>6} {'of peak':>8}"]
    for row in rows:
        times = f"{row.milliseconds:9.2f} {row.reference_milliseconds:9.2f} {row.ratio:6.2f}"
        lines.append(f"{row.what:34} {row.threads:7} {times} {row.peak_fraction:8.0%}")
    for device in ("cpu", "cuda"):
        if device in found:
            cost, share = found[device]["replicates5"]["cost"], found[device]["metrics_share"]
            costs = f"5 replicates cost {cost:.2f} steps of one; metrics at every step cost {share:.1%} of it"
            lines.append(f"{device}: {costs}; a matrix product does {found[device]['peak_gflops']:.0f} GFLOP/s")
    smaller, larger = found["cpu"]["growth"]["sides"]
    for task in TASKS:
        growth, memory = found["cpu"]["growth"][task], found["cpu"]["memory_mib"][task]
        steps = f"{growth['steps_of_smaller']:.1f} steps of {smaller}², {growth['floor_ratio']:.2f} times its floor"
        peaks = ", ".join(f"{mib:.0f} MiB at {side}²" for side, mib in memory.items())
        lines.append(f"{task} {larger}²: {steps}; memory above the baseline: {peaks}")
    if seconds := found["startup_seconds"]:
        lines.append("start: " + ", ".join(f"{name} {value:.2f} s" for name, value in seconds.items()))
    return "\n".join(lines)


def main() -> None:
    """Measure, print the table, write the JSON."""
    parser = argparse.ArgumentParser(prog="sirenbench bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=2, help="of the rows that use several")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that it works")
    parser.add_argument("--out", type=Path, default=Path("results/bench.json"))
    words = parser.parse_args()
    found: dict = {
        "date": datetime.now(UTC).date().isoformat(),
        "device": device_name(torch.device("cpu")),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "startup_seconds": {} if words.quick else processes.startup(),
    }
    found["cpu"], rows = on_cpu(words.rounds, words.threads, words.quick)
    if torch.cuda.is_available():
        found["cuda"], more = on_cuda(words.rounds, words.quick)
        found["gpu"] = device_name(torch.device("cuda"))
        rows += more
    found["rows"] = [asdict(row) for row in rows]
    print(told(found, rows))
    words.out.parent.mkdir(parents=True, exist_ok=True)
    words.out.write_text(json.dumps(found, indent=1, allow_nan=False) + "\n")
    print(f"written to {words.out}")


if __name__ == "__main__":
    main()
