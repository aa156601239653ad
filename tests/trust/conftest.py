"""A project folder with one picture of its own, in which cells are run by the worker itself."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from workflow.conftest import _finished, finished

from sirenbench.adhoc import fetch_assets, job_of
from sirenbench.names import parse_name
from sirenbench.records import CellRecord
from sirenbench.worker.baseline import baseline
from sirenbench.worker.job import run
from sirenbench.worker.train import train
from sirenbench.workflow import Workflow

__all__ = ["_finished", "finished"]  # fixtures of the workflow's tests

ROOT = Path(__file__).parents[2]

_CONFIG = """
run: small
images: {tile: {path: tile.png}}
studies:
  fitting:
    title: A study
    grid: {task: fit, image: tile, size: 16, arm: siren, depth: 1, width: 8, steps: 3, replicates: 2}
  enlarging:
    title: Another
    grid: {task: sr, image: tile, size: 16, factor: 2, arm: bicubic}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder, which is the current one now; its assets are those of the real project."""
    (tmp_path / "config").mkdir()
    shutil.copy(ROOT / "config/assets.yaml", tmp_path / "config")
    (tmp_path / "config/config.yaml").write_text(_CONFIG)
    (tmp_path / "config/paper.yaml").write_text("run: paper\n")
    rows, columns = np.mgrid[0:96, 0:96] / 95
    channels = [120 + 90 * np.sin(5 * rows + shift) * np.cos(7 * columns) for shift in (0, 1, 2)]
    Image.fromarray(np.stack(channels, axis=2).astype(np.uint8)).save(tmp_path / "config/tile.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def made(project: Path) -> Callable[..., CellRecord]:
    """``made(name, threads=1)``: run a cell into ``results``, as its rule would."""

    def make(name: str, threads: int = 1) -> CellRecord:
        bench, results = Workflow(), Path("results")
        fetch_assets([name], bench, results)
        job = job_of(name, bench, results, threads)
        try:
            return run(job, baseline if parse_name(name).is_baseline else train)
        finally:
            torch.set_num_threads(1)

    return make
