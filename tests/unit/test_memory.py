"""What training takes of the memory: chunks and parameters, not whole grids."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from sirenbench.engine.curves import Curves

# The peak of a fresh process, above what it has taken when it has trained a tiny network.
MEASURE = """
import sys
import numpy as np, torch
from sirenbench import catalog
from sirenbench.engine.trainer import Trainer
from sirenbench.names import parse_name

def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM:")) / 1024

def picture(side, kernel):
    return np.add.outer(np.arange(side), np.arange(side)).astype(np.uint8)

def train(name, until):
    spec = parse_name(name)
    Trainer(spec, catalog.tasks()[spec.task].problem(spec, picture), torch.device("cpu")).run(until)

torch.set_num_threads(1)
train("fit/a-16/siren-1x8/steps=1/replicates=1", 1)
before = peak()
train(sys.argv[1], 0)
print(peak() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc for the peak")
@pytest.mark.parametrize(
    ("name", "mib"),
    [
        ("fit/a-64/siren-8x256", 160),
        ("fit/a-512/siren-8x256/replicates=1", 160),
        # 55 MiB are five networks with their gradients and moments; the rest is scores and what malloc cannot reuse.
        ("fit/a-512/siren-8x256", 200),
        ("poisson/a-512/siren-3x256/replicates=1", 160),
        # Alone it takes 152; beside other work the system hands out larger pages, and 173 were seen.
        ("poisson/a-512/siren-3x256/supervision=laplacian/replicates=1", 200),
        ("poisson/a-64/siren-8x256", 160),
        ("poisson/a-64/siren-8x256/supervision=laplacian", 160),
        ("poisson/a-256/siren-3x256/supervision=laplacian/replicates=1", 160),
    ],
)
def test_a_step_with_its_scores_takes_little_memory_whatever_the_grid(name: str, mib: int) -> None:
    words = [sys.executable, "-W", "ignore", "-c", MEASURE, name]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert float(done.stdout) <= mib


def test_the_curves_of_the_longest_training_are_small_enough_to_be_held() -> None:
    """A float32 per scored step, replicate and column, and the steps with their times."""
    curves = Curves(15_000, 1, 5, ("loss", "psnr", "ssim", "fit_psnr"), torch.device("cpu"))
    assert curves.values.nbytes == 4 * 15_001 * 5 * 4
    assert curves.steps.nbytes + curves.seconds.nbytes == 2 * 8 * 15_001
