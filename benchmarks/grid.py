"""A grid of 20 cells through Snakemake, from start to report, beside what its training takes: ``benchmarks/grid.py``.

The wall time should be at most 1.15 times the training's share of each core, and 10 seconds. The run has a temporary
folder of its own, with the project's workflow and a made-up picture in it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import yaml
from PIL import Image

from sirenbench.records import RECORD, read_record

ROOT = Path(__file__).resolve().parents[1]
GRID = {
    "task": "fit",
    "image": "made",
    "size": 64,
    "arm": ["siren", "relu"],
    "depth": 3,
    "width": 128,
    "lr": [1e-4, 2e-4, 3e-4, 4e-4, 5e-4, 6e-4, 7e-4, 8e-4, 9e-4, 1e-3],
    "replicates": 1,
}


def project(folder: Path, steps: int) -> None:
    """A folder in which the grid can be run."""
    for name in ("Snakefile", "workflow", "profiles", "config"):
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, folder / name)
    rows, columns = np.mgrid[0:64, 0:64]
    Image.fromarray((rows * 3 + columns).clip(0, 255).astype(np.uint8)).save(folder / "config/made.png")
    study = {"title": "Twenty cells", "grid": GRID | {"steps": steps}}
    content = {"run": "twenty", "images": {"made": {"path": "made.png"}}, "studies": {"rates": study}}
    (folder / "config/config.yaml").write_text(yaml.safe_dump(content, sort_keys=False))


def measured(folder: Path, cores: int, options: Sequence[str] = ()) -> dict[str, float]:
    """Run it and read what its cells say they took."""
    began = time.perf_counter()
    words = [sys.executable, "-W", "ignore", "-m", "snakemake", "--cores", str(cores), *options]
    done = subprocess.run(words, cwd=folder, env=os.environ, check=False, capture_output=True, text=True)
    wall = time.perf_counter() - began
    if done.returncode:
        sys.exit(done.stderr[-2000:])
    costs = [read_record(path).cost for path in sorted((folder / "results/cells").rglob(RECORD))]
    training = sum(cost.training_seconds for cost in costs if cost)
    return {
        "cells": len(costs),
        "cores": cores,
        "wall_seconds": wall,
        "training_seconds": training,
        "limit_seconds": 1.15 * training / cores + 10,
        "startup_seconds": sum(cost.startup_seconds for cost in costs if cost),
        "metrics_seconds": sum(cost.metrics_seconds for cost in costs if cost),
    }


def main() -> None:
    """Measure, print, and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=Path("results/grid.json"))
    parser.add_argument("--profile", help="of Snakemake, beside the default one: profiles/workstation")
    words = parser.parse_args()
    options = ["--profile", words.profile, "--submitit-processors", str(words.cores)] if words.profile else []
    with tempfile.TemporaryDirectory(prefix="sirenbench-grid-") as folder:
        project(Path(folder), words.steps)
        found = measured(Path(folder), words.cores, options)
    print("\n".join(f"{name:18} {value:8.1f}" for name, value in found.items()))
    words.out.parent.mkdir(parents=True, exist_ok=True)
    words.out.write_text(json.dumps(found, indent=1, allow_nan=False) + "\n")


if __name__ == "__main__":
    main()
