"""A step of the engine beside the step that people write today, and what the engine's own steps cost.

Everything is measured in one process, the variants of a row interleaved; a figure is the median over the rounds of the
ratio within a round. The peak is that of matrix products, measured in the same round.

``python benchmarks/comparison.py laplacian 256 3x256 --threads 2`` measures one row and prints it as JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
import torch
from reference import ReferenceStep

from sirenbench import catalog
from sirenbench.engine.mlp import layer_views
from sirenbench.engine.precision import products
from sirenbench.engine.trainer import Trainer
from sirenbench.names import changed, parse_name
from sirenbench.options import Value
from sirenbench.probe import PRODUCTS, product_on_each_thread

# From this side on a step of the reference takes many seconds, and a few rounds have to do.
LARGE, LARGE_ROUNDS = 256, 3
# Rows and width of the products that the peak is the best of.
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
    """The measurements on one device, there in one precision."""

    def __init__(self, device: torch.device, rounds: int, precision: str = "fp32") -> None:
        self.device = device
        self.rounds = rounds
        self.precision = precision

    def trainer(self, name: str, **changes: Value) -> Trainer:
        """Of a cell with so many steps that it does not end."""
        spec = changed(parse_name(name), **{"steps": 1_000_000, "precision": self.precision} | changes)
        pixels = colours if spec["channel"] == "rgb" else picture
        return Trainer(spec, catalog.tasks()[spec.task].problem(spec, pixels), self.device)

    def compare(
        self, task: str, side: int, shape: str, *, threads: int = 1, replicates: int = 1, rgb: bool = False
    ) -> Row:
        """A row: our step and the reference's, in turn."""
        torch.set_num_threads(threads)
        in_precision = "" if self.precision == "fp32" else f" {self.precision}"
        ours = self.trainer(
            TASKS[task].format(side=side, shape=shape), channel="rgb" if rgb else "grey", replicates=replicates
        )
        theirs = [self._reference(ours, replicate) for replicate in range(replicates)]
        clock = self._clock(threads)
        ours.bare_step()  # the first one makes room, and a GPU records it
        steps = max(1, round(0.05 / max(1e-9, self._time(clock, ours.bare_step, 1))))

        def reference() -> None:
            for step in theirs:
                step()

        pairs, peaks = [], []
        for _ in range(self.rounds if side < LARGE else min(self.rounds, LARGE_ROUNDS)):
            mine = self._time(clock, ours.bare_step, steps) / steps
            other = self._time(clock, reference, 1)
            pairs.append((mine, other))
            peaks.append(self.peak(threads))
        seconds = statistics.median(mine for mine, _ in pairs)
        return Row(
            what=f"{task} {side}², {replicates} × {shape}{' RGB' if rgb else ''}{in_precision}",
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
        for rows, width in PRODUCTS[self.device.type]:
            multiply, flop = product_on_each_thread(self.device, rows, width)
            repeats = max(1, int(4e8 // flop)) if self.device.type == "cpu" else 50
            with products(self.precision):
                best = max(best, flop * repeats / self._time(clock, multiply, repeats) / 1e9)
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
        for _ in range(min(self.rounds, LARGE_ROUNDS)):
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


def main() -> None:
    """Measure one row on the CPU."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("side", type=int)
    parser.add_argument("shape")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=LARGE_ROUNDS)
    words = parser.parse_args()
    bench = Bench(torch.device("cpu"), words.rounds)
    found = bench.compare(words.task, words.side, words.shape, threads=words.threads)
    print(json.dumps(asdict(found), allow_nan=False))


if __name__ == "__main__":
    main()
