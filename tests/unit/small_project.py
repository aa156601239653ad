"""A project folder with one picture of its own and two cells, to call the command line in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SIREN = "fit/tile-16/siren-1x8/steps=3/replicates=2"
BICUBIC = "sr/tile-16-x2/bicubic"

_CONFIG = """
run: small
cache: cache
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
def small_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder, which is the current one now."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config/assets.yaml").write_text("assets: {}\n")
    (tmp_path / "config/config.yaml").write_text(_CONFIG)
    (tmp_path / "config/paper.yaml").write_text("run: paper\n")
    rows, columns = np.mgrid[0:32, 0:32]
    Image.fromarray((rows * 5 + columns * 3).astype(np.uint8)).save(tmp_path / "config/tile.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path
