"""How the time of a step grows with pixels, width, depth and replicates: ``benchmarks/scaling.py``.

Draws it, and fits the exponents: of the time, and of the operations by which ``snakemake estimate`` reckons
(:mod:`sirenbench.cost`). One thread, CPU time, medians of interleaved rounds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from comparison import TASKS, Bench

from sirenbench.engine.trainer import Trainer


@dataclass(frozen=True)
class Axis:
    """What grows: the values of one of a cell's numbers, the others being a plain cell's."""

    title: str
    values: tuple[int, ...]

    def cell(self, value: int) -> dict[str, int]:
        return {"side": 64, "depth": 3, "width": 256, "replicates": 1} | {self.title: value}

    def shown(self, value: int) -> int:
        """On the axis of the drawing: a side stands for its pixels."""
        return value**2 if self.title == "side" else value


AXES = (
    Axis("side", (32, 64, 128, 256)),
    Axis("width", (32, 64, 128, 256, 512)),
    Axis("depth", (1, 2, 4, 8, 16)),
    Axis("replicates", (1, 2, 4, 8)),
)
QUICK = (Axis("side", (8, 16)), Axis("width", (8, 16)), Axis("depth", (1, 2)), Axis("replicates", (1, 2)))


def measured(axis: Axis, task: str, rounds: int) -> dict[str, list[float]]:
    """Seconds and operations of a step at every value."""
    bench = Bench(torch.device("cpu"), rounds)
    trainers = [_trainer(bench, task, **axis.cell(value)) for value in axis.values]
    for trainer in trainers:
        trainer.bare_step()
    times: list[list[float]] = [[] for _ in trainers]
    for _ in range(rounds):
        for trainer, found in zip(trainers, times, strict=True):
            began = time.process_time()
            trainer.bare_step()
            found.append(time.process_time() - began)
    return {
        "at": [axis.shown(value) for value in axis.values],
        "seconds": [statistics.median(found) for found in times],
        "operations": [trainer.flop_per_step for trainer in trainers],
    }


def _trainer(bench: Bench, task: str, *, side: int, depth: int, width: int, replicates: int) -> Trainer:
    return bench.trainer(TASKS[task].format(side=side, shape=f"{depth}x{width}"), replicates=replicates)


def exponent(at: list[float], values: list[float]) -> float:
    """Of the power of ``at`` that is nearest to ``values``, by least squares of the logarithms."""
    return float(np.polyfit(np.log(at), np.log(values), 1)[0])


def drawn(found: dict[str, dict[str, dict[str, list[float]]]], path: Path) -> None:
    """A panel for each axis, a line for each task; dashes are the operations at the speed of the last point."""
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, len(found), figsize=(13, 3.4), layout="constrained")
    for panel, (title, tasks) in zip(panels, found.items(), strict=True):
        for number, (task, one) in enumerate(tasks.items()):
            label = f"{task} {exponent(one['at'], one['seconds']):.2f} ({exponent(one['at'], one['operations']):.2f})"
            panel.loglog(one["at"], one["seconds"], "o-", color=f"C{number}", label=label)
            speed = one["operations"][-1] / one["seconds"][-1]
            panel.loglog(one["at"], np.divide(one["operations"], speed), "--", color=f"C{number}", linewidth=0.8)
        panel.set_xlabel("pixels" if title == "side" else title)
        panel.legend(fontsize=8, title="exponent (of the operations)", title_fontsize=8)
    panels[0].set_ylabel("seconds of a step")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Measure, draw, print the exponents, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that it works")
    parser.add_argument("--image", type=Path, default=Path("docs/images/scaling.svg"))
    parser.add_argument("--out", type=Path, default=Path("results/scaling.json"))
    words = parser.parse_args()
    torch.set_num_threads(1)
    axes = QUICK if words.quick else AXES
    found = {axis.title: {task: measured(axis, task, words.rounds) for task in TASKS} for axis in axes}
    for title, tasks in found.items():
        for task, one in tasks.items():
            of_time, of_work = (exponent(one["at"], one[key]) for key in ("seconds", "operations"))
            print(f"{task:10} by {'pixels' if title == 'side' else title:10} {of_time:5.2f}  operations {of_work:5.2f}")
    drawn(found, words.image)
    words.out.parent.mkdir(parents=True, exist_ok=True)
    words.out.write_text(json.dumps(found, indent=1, allow_nan=False) + "\n")


if __name__ == "__main__":
    main()
