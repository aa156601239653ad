"""How fast the engine is on this machine, beside the step that people write today: ``sirenbench bench``.

Everything is measured in one process, the variants of a row interleaved; a figure is the median over the rounds of the
ratio within a round. The peak is that of matrix products, measured in the same run.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from reference import ReferenceStep

from sirenbench import catalog
from sirenbench.engine.mlp import layer_views
from sirenbench.engine.trainer import Trainer
from sirenbench.names import changed, parse_name
from sirenbench.options import Value
from sirenbench.provenance import device_name

# From this side on a step of the reference takes many seconds, and a few rounds have to do.
_LARGE, _LARGE_ROUNDS = 256, 3
Clock = Callable[[], float]
TASKS = {
    "fit": "fit/made-{side}/siren-{shape}",
    "gradient": "poisson/made-{side}/siren-{shape}",
    "laplacian": "poisson/made-{side}/siren-{shape}/supervision=laplacian",
}


def picture(side: int, kernel: str) -> np.ndarray:
    """A made-up picture."""
    rows, columns = np.mgrid[0:side, 0:side] / side
    return (127 + 90 * np.sin(16 * rows + 1) * np.cos(9 * columns)).astype(np.uint8)


def colours(side: int, kernel: str) -> np.ndarray:
    return np.stack([picture(side, kernel), picture(side, kernel).T, 255 - picture(side, kernel)], axis=2)


@dataclass(frozen=True)
class Row:
    """One comparison.

    Attributes
    ----------
    ratio
        How many times faster than the reference, which trains replicates one after another.
    peak_fraction
        Of the matrix-product peak, by the operations of the best algorithm.
    """

    what: str
    threads: int
    milliseconds: float
    reference_milliseconds: float
    ratio: float
    peak_fraction: float


class Bench:
    """The measurements on one device."""

    def __init__(self, device: torch.device, rounds: int) -> None:
        self.device = device
        self.rounds = rounds

    def trainer(self, name: str, **changes: Value) -> Trainer:
        """Of a cell with so many steps that it does not end."""
        spec = changed(parse_name(name), **{"steps": 1_000_000} | changes)
        pixels = colours if spec["channel"] == "rgb" else picture
        return Trainer(spec, catalog.tasks()[spec.task].problem(spec, pixels), self.device)

    def compare(
        self, task: str, side: int, shape: str, *, threads: int = 1, replicates: int = 1, rgb: bool = False
    ) -> Row:
        """A row: our step and the reference's, in turn."""
        torch.set_num_threads(threads)
        ours = self.trainer(
            TASKS[task].format(side=side, shape=shape), channel="rgb" if rgb else "grey", replicates=replicates
        )
        theirs = [self._reference(ours, replicate) for replicate in range(replicates)]
        clock = self._clock(threads)
        steps = max(1, round(0.05 / max(1e-9, self._time(clock, ours.bare_step, 1))))

        def reference() -> None:
            for step in theirs:
                step()

        pairs, peaks = [], []
        for _ in range(self.rounds if side < _LARGE else min(self.rounds, _LARGE_ROUNDS)):
            mine = self._time(clock, ours.bare_step, steps) / steps
            other = self._time(clock, reference, 1)
            pairs.append((mine, other))
            peaks.append(self.peak(threads))
        seconds = statistics.median(mine for mine, _ in pairs)
        return Row(
            what=f"{task} {side}², {replicates} × {shape}{' RGB' if rgb else ''}",
            threads=threads,
            milliseconds=1e3 * seconds,
            reference_milliseconds=1e3 * statistics.median(other for _, other in pairs),
            ratio=statistics.median(other / mine for mine, other in pairs),
            peak_fraction=statistics.median(
                ours.flop_per_step / mine / 1e9 / peak for (mine, _), peak in zip(pairs, peaks, strict=True)
            ),
        )

    def peak(self, threads: int) -> float:
        """GFLOP/s of the best of some matrix products, now."""
        clock, best = self._clock(threads), 0.0
        for rows, width in ((1024, 256), (4096, 256), (1024, 512)):
            a, b = torch.randn(rows, width, device=self.device), torch.randn(width, width, device=self.device)
            out = torch.empty(rows, width, device=self.device)
            repeats = max(1, int(4e8 // (2 * rows * width**2))) if self.device.type == "cpu" else 50
            seconds = self._time(clock, lambda a=a, b=b, out=out: torch.mm(a, b, out=out), repeats)
            best = max(best, 2 * rows * width**2 * repeats / seconds / 1e9)
        return best

    def five_replicates(self, side: int, shape: str) -> float:
        """What 5 replicates cost, in steps of 1."""
        one, five = (self.trainer(f"fit/made-{side}/siren-{shape}", replicates=count) for count in (1, 5))
        clock = self._clock(1)
        return statistics.median(
            self._time(clock, five.bare_step, 2) / self._time(clock, one.bare_step, 2) for _ in range(self.rounds)
        )

    def growth(self, task: str, sides: tuple[int, int]) -> dict[str, float]:
        """What a step costs at the larger of two sides: in steps at the smaller, and in times its operations' floor."""
        torch.set_num_threads(1)
        small, large = (self.trainer(TASKS[task].format(side=side, shape="3x256"), replicates=1) for side in sides)
        clock = self._clock(1)
        self._time(clock, small.bare_step, 2)
        steps, floors = [], []
        for _ in range(min(self.rounds, _LARGE_ROUNDS)):
            one, other = self._time(clock, small.bare_step, 3) / 3, self._time(clock, large.bare_step, 1)
            steps.append(other / one)
            floors.append(other * self.peak(1) * 1e9 / large.flop_per_step)
        return {"steps_of_smaller": statistics.median(steps), "floor_ratio": statistics.median(floors)}

    def metrics_share(self, side: int, shape: str) -> float:
        """What PSNR and SSIM at every step cost, as a part of the step."""
        trainer = self.trainer(f"fit/made-{side}/siren-{shape}", steps=20 * self.rounds, replicates=1)
        trainer.run()
        return trainer.metrics_seconds / trainer.training_seconds

    def _reference(self, ours: Trainer, replicate: int) -> ReferenceStep:
        views = layer_views(ours.network.layers, ours.network.parameters)
        supervision = ours.problem.supervision
        return ReferenceStep(
            [(weight[replicate], bias[replicate]) for weight, bias in views],
            ours.problem.training.coordinates().to(self.device),
            supervision.field,
            torch.from_numpy(supervision.targets).to(self.device),
        )

    def _clock(self, threads: int) -> Clock:
        """CPU time of one thread is the least disturbed by neighbours; several threads need the wall's."""
        return time.process_time if threads == 1 and self.device.type == "cpu" else time.perf_counter

    def _time(self, clock: Clock, work: Callable[[], object], times: int) -> float:
        self._wait()
        began = clock()
        for _ in range(times):
            work()
        self._wait()
        return clock() - began

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()


def on_cpu(rounds: int, threads: int, quick: bool) -> tuple[dict, list[Row]]:
    bench = Bench(torch.device("cpu"), rounds)
    small, large = (16, 24) if quick else (64, 128)
    gates = {task: bench.compare(task, small, "3x256") for task in TASKS}
    rows = list(gates.values())
    rows += [bench.compare(task, large, "3x256", threads=threads) for task in TASKS]
    if not quick:
        rows += [bench.compare(task, small, shape) for shape in ("3x512", "8x256") for task in TASKS]
        rows += [bench.compare("laplacian", large, "3x256", threads=threads, rgb=True)]
        rows += [bench.compare(task, _LARGE, "3x256", threads=threads) for task in TASKS]
    rows += [bench.compare("fit", small // 2, "2x64", replicates=8), bench.compare("fit", small, "3x256", replicates=4)]
    summary = _summary(gates, bench, small)
    sides = (16, 32) if quick else (128, 512)
    growth = {task: bench.growth(task, sides) for task in TASKS}
    return summary | {"growth": {"sides": sides, **growth}, "peak_gflops": bench.peak(1)}, rows


def on_cuda(rounds: int, quick: bool) -> tuple[dict, list[Row]]:
    bench = Bench(torch.device("cuda"), rounds)
    gates = {task: bench.compare(task, 32 if quick else 512, "3x256") for task in TASKS}
    rows = [*gates.values(), *(bench.compare(task, 64, "3x256", replicates=5) for task in TASKS)]
    return _summary(gates, bench, 64), rows


def _summary(gates: dict[str, Row], bench: Bench, side: int) -> dict:
    kept = {task: {"ratio": row.ratio, "peak_fraction": row.peak_fraction} for task, row in gates.items()}
    return kept | {
        "replicates5": {"cost": bench.five_replicates(side, "3x256")},
        "metrics_share": bench.metrics_share(side, "3x256"),
    }


def startup() -> dict[str, float]:
    """Seconds until a fresh process has imported what a worker needs; the median of three."""

    def seconds(code: str) -> float:
        runs = []
        for _ in range(3):
            began = time.perf_counter()
            subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)
            runs.append(time.perf_counter() - began)
        return statistics.median(runs)

    return {
        "python": seconds("pass"),
        "torch": seconds("import torch"),
        "worker": seconds("import sirenbench.worker.train, sirenbench.worker.script"),
    }


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
        "startup_seconds": {} if words.quick else startup(),
    }
    found["cpu"], rows = on_cpu(words.rounds, words.threads, words.quick)
    if torch.cuda.is_available():
        found["cuda"], more = on_cuda(words.rounds, words.quick)
        found["gpu"] = device_name(torch.device("cuda"))
        rows += more
    found["rows"] = [row.__dict__ for row in rows]
    print(f"{found['device']}, PyTorch {found['torch']}, {found['date']}")
    print(f"{'step':34} {'threads':>7} {'ours ms':>9} {'theirs ms':>9} {'times':>6} {'of peak':>8}")
    for row in rows:
        times = f"{row.milliseconds:9.2f} {row.reference_milliseconds:9.2f} {row.ratio:6.2f}"
        print(f"{row.what:34} {row.threads:7} {times} {row.peak_fraction:8.0%}")
    for device in ("cpu", "cuda"):
        if device in found:
            cost, share = found[device]["replicates5"]["cost"], found[device]["metrics_share"]
            print(f"{device}: 5 replicates cost {cost:.2f} steps of one; metrics at every step cost {share:.1%} of it")
    smaller, larger = found["cpu"]["growth"]["sides"]
    for task in TASKS:
        growth = found["cpu"]["growth"][task]
        steps, floor = growth["steps_of_smaller"], growth["floor_ratio"]
        print(f"{task} {larger}²: {steps:.1f} steps of {smaller}², {floor:.2f} times its floor")
    words.out.parent.mkdir(parents=True, exist_ok=True)
    words.out.write_text(json.dumps(found, indent=1) + "\n")
    print(f"written to {words.out}")


if __name__ == "__main__":
    main()
