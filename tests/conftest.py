"""What every test has: one torch thread, and the real images where they can be had."""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import torch

from sirenbench.assets.status import AssetStatus, write_status
from sirenbench.assets.store import cache_folder, fetch
from sirenbench.workflow import Workflow

ROOT = Path(__file__).parents[1]

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def cameraman(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The status file of the paper's image, fetched for real (from PyPI, or from the cache of an earlier run)."""
    here = Path.cwd()
    os.chdir(ROOT)
    try:
        asset = Workflow().main.asset("cameraman")
    finally:
        os.chdir(here)
    status = fetch("cameraman", asset, cache_folder(""), progress=False)
    assert status.state == "available", status.reason
    path = tmp_path_factory.mktemp("assets") / "cameraman.json"
    write_status(path, status)
    return path


@pytest.fixture
def picture_status(tmp_path: Path) -> Path:
    """The status file of a small made-up image: 64 x 64, grey, smooth with an edge."""
    import hashlib

    import numpy as np
    from PIL import Image

    rows, columns = np.mgrid[0:64, 0:64] / 63
    pixels = 90 + 80 * np.sin(5 * rows) * np.cos(7 * columns) + 60 * (columns > 0.6)
    path = tmp_path / "picture.png"
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    status = tmp_path / "picture.json"
    write_status(status, AssetStatus("picture", "available", "", str(path), digest, "made for tests", "a test"))
    return status
