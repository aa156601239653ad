"""The benchmark compares like with like: the reference step computes what the engine computes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import grid
import processes
import pytest
import scaling
import torch
from comparison import TASKS, Bench
from reference import ReferenceStep

from sirenbench.engine.mlp import layer_views

ROOT = Path(__file__).parents[2]
CPU = torch.device("cpu")


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("colour", ["", "/channel=rgb"])
def test_the_reference_takes_the_step_that_the_engine_takes(task: str, colour: str) -> None:
    ours = Bench(CPU, rounds=1).trainer(f"{TASKS[task].format(side=12, shape='2x16')}{colour}", steps=9, replicates=1)
    theirs = _reference(ours)
    before = [parameter.clone() for parameter in theirs.network.parameters()]
    loss = theirs()
    ours.run(until=0)
    assert ours.curves.series("loss")[0, 0] == pytest.approx(loss, rel=1e-5)
    # The last bias is a constant, of which derivatives know nothing.
    after = [tensor[0] for pair in layer_views(ours.network.layers, ours.network.parameters) for tensor in pair]
    for start, mine, other in zip(before[:-1], after[:-1], list(theirs.network.parameters())[:-1], strict=True):
        assert not torch.equal(mine, start)
        # Adam's first step is the sign of the gradient, so that a tiny one may turn by round-off.
        assert ((mine - other).abs() < 1e-6).float().mean() > 0.98


def _reference(ours) -> ReferenceStep:
    return Bench(CPU, rounds=1)._reference(ours, 0)


@pytest.mark.slow
def test_the_benchmark_prints_its_table_and_writes_its_numbers(tmp_path: Path) -> None:
    out = tmp_path / "bench.json"
    words = [sys.executable, "-W", "ignore", "benchmarks/bench.py", "--quick", "--rounds", "1", "--out", str(out)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "of peak" in done.stdout
    found = json.loads(out.read_text())
    for task in TASKS:
        assert found["cpu"][task]["ratio"] > 0
        assert 0 < found["cpu"][task]["peak_fraction"] < 1.5
        assert found["cpu"]["growth"][task]["steps_of_smaller"] > 1
        assert found["cpu"]["growth"][task]["floor_ratio"] > 0.6
        assert 0 <= found["cpu"]["memory_mib"][task]["16"] < 160
    assert {"replicates5", "metrics_share", "peak_gflops"} <= set(found["cpu"])
    assert ("cuda" in found) == torch.cuda.is_available()


@pytest.mark.slow
def test_a_row_is_measured_in_a_process_of_its_own_under_another_allocator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "LARGE", 12)
    rows = processes.tuned(threads=1, rounds=1)
    assert [row.what for row in rows] == [f"{task} 12², 1 × 3x256, tuned" for task in TASKS]
    assert all(row.ratio > 0 for row in rows)


@pytest.mark.slow
def test_the_grid_of_twenty_cells_runs_from_start_to_report(tmp_path: Path) -> None:
    grid.project(tmp_path, steps=2)
    found = grid.measured(tmp_path, cores=2)
    assert found["cells"] == 20
    assert found["wall_seconds"] > found["training_seconds"] / 2 > 0
    assert (tmp_path / "results/twenty/report.html").exists()


def test_scaling_is_measured_drawn_and_told(tmp_path: Path) -> None:
    words = ["benchmarks/scaling.py", "--quick", "--rounds", "1"]
    files = ["--image", str(tmp_path / "scaling.svg"), "--out", str(tmp_path / "scaling.json")]
    command = [sys.executable, "-W", "ignore", *words, *files]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == 4 * len(TASKS)
    assert (tmp_path / "scaling.svg").read_text().count("<svg") == 1
    assert scaling.exponent([1, 2, 4], [3, 12, 48]) == pytest.approx(2)
