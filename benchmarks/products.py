"""Which library multiplies fastest here: NumPy's OpenBLAS, or PyTorch's oneDNN and MKL.

``OMP_NUM_THREADS=1 python benchmarks/products.py``: GFLOP/s of one thread, of rows x width by width x width forwards,
backwards and for the weights. CPU time, medians of interleaved rounds.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

ROUNDS = 7
WIDTHS = (16, 64, 128, 256, 512)
ROWS = (256, 512, 1024, 2048, 4096)


def ways(rows: int, width: int) -> dict[str, Callable[[], object]]:
    """Every product of a layer by every library that has it."""
    x, delta, out = (torch.randn(rows, width) for _ in range(3))
    weight, gradient = torch.randn(width, width), torch.empty(width, width)
    numpy_x, numpy_delta, numpy_out, numpy_weight = (one.numpy() for one in (x, delta, out, weight))
    onednn = torch.ops.mkldnn._linear_pointwise
    return {
        "forwards NumPy": lambda: np.matmul(numpy_x, numpy_weight.T, out=numpy_out),
        "oneDNN": lambda: onednn(x, weight, None, "none", [], ""),
        "MKL": lambda: torch.mm(x, weight.T, out=out),
        "backwards NumPy": lambda: np.matmul(numpy_delta, numpy_weight, out=numpy_out),
        "oneDNN ": lambda: onednn(delta, weight.T, None, "none", [], ""),
        "MKL ": lambda: torch.mm(delta, weight, out=out),
        "weights NumPy": lambda: np.matmul(numpy_delta.T, numpy_x, out=gradient.numpy()),
        "MKL  ": lambda: torch.mm(delta.T, x, out=gradient),
    }


def rates(rows: int, width: int) -> dict[str, float]:
    """GFLOP/s of each way."""
    flop = 2 * rows * width**2
    repeats = max(2, int(3e9 // flop))
    seconds: dict[str, list[float]] = {name: [] for name in ways(rows, width)}
    made = ways(rows, width)
    for _ in range(ROUNDS):
        for name, multiply in made.items():
            began = time.process_time()
            for _ in range(repeats):
                multiply()
            seconds[name].append((time.process_time() - began) / repeats)
    return {name: flop / statistics.median(times) / 1e9 for name, times in seconds.items()}


if __name__ == "__main__":
    torch.set_num_threads(1)
    for width in WIDTHS:
        for rows in ROWS:
            found = ", ".join(f"{name.strip()} {rate:.0f}" for name, rate in rates(rows, width).items())
            print(f"{rows} x {width}: {found}", flush=True)
