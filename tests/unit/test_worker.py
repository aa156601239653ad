"""A cell by itself: what its folder holds however it ends."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from sirenbench.activation_statistics import Statistics
from sirenbench.assets.status import AssetStatus, write_status
from sirenbench.engine import checkpoint
from sirenbench.errors import UserError
from sirenbench.names import parse_name
from sirenbench.records import CellRecord, read_record
from sirenbench.worker import train as training
from sirenbench.worker.baseline import baseline
from sirenbench.worker.job import CellJob, run
from sirenbench.worker.train import train


def job(name: str, status: Path, results: Path, assets: Mapping[str, Path] | None = None) -> CellJob:
    return CellJob(parse_name(name), "none", status, results, assets or {})


@pytest.fixture
def lacking(tmp_path: Path) -> Path:
    """The status file of weights that cannot be had."""
    path = tmp_path / "vgg19.json"
    write_status(path, AssetStatus("vgg19", "unavailable", "vgg19: no network", None, None, "", "an address"))
    return path


def test_a_size_above_the_pictures_own_is_not_testable(picture_status: Path, tmp_path: Path) -> None:
    record = run(job("sr/picture-128-x2/bicubic", picture_status, tmp_path), baseline)
    assert record.state == "not-testable"
    assert "has 64 pixels a side after cropping, not 128; ask for a size of at most 64" in record.reason


@pytest.mark.parametrize(
    ("name", "measure"), [("fit/picture-16/siren+vgg-1x4/steps=1", train), ("sr/picture-32-x4/srgan", baseline)]
)
def test_a_cell_whose_weights_cannot_be_had_is_not_testable(
    name: str, measure: Callable, picture_status: Path, tmp_path: Path, lacking: Path
) -> None:
    cell = job(name, picture_status, tmp_path, {"vgg19": lacking})
    record = run(cell, measure)
    assert (record.state, record.reason) == ("not-testable", "vgg19: no network")
    assert [path.name for path in cell.folder.iterdir()] == ["cell.json"]


def test_a_fitted_cell_keeps_its_derivatives_and_their_scores(picture_status: Path, tmp_path: Path) -> None:
    cell = job("poisson/picture-16/siren-1x8/supervision=laplacian/steps=3/replicates=2", picture_status, tmp_path)
    record = run(cell, train)
    measured = {"gradient_psnr", "gradient_correlation", "laplacian_psnr", "laplacian_correlation", "gain"}
    assert all(set(replicate.final) == measured for replicate in record.replicates)
    assert set(record.replicates[0].metrics) == {
        *("psnr", "ssim", "psnr@align=affine", "ssim@align=affine", "psnr@align=harmonic")
    }
    with np.load(cell.folder / "images.npz") as images:
        assert images["gradient"].shape == (16, 16, 2)
        assert images["laplacian"].shape == (16, 16)


def test_a_cell_of_activations_keeps_their_statistics(picture_status: Path, tmp_path: Path) -> None:
    cell = job("activations/picture-16/siren-2x16/replicates=2", picture_status, tmp_path)
    record = run(cell, train)
    statistics = Statistics.read(cell.folder / "activations.npz")
    assert statistics.side == 16
    assert {"ks_normal", "ks_arcsine", "std_pre", "std_post", "gradient_ratio"} <= set(record.replicates[1].final)
    assert "activations.npz" in record.files


def test_a_diverging_cell_is_told_by_its_seeds_in_valid_json(picture_status: Path, tmp_path: Path) -> None:
    cell = job("fit/picture-16/relu-2x16/lr=10/steps=2/replicates=2", picture_status, tmp_path)
    record = run(cell, train)
    assert record.state in ("ok", "diverged")
    json.loads((cell.folder / "cell.json").read_text(), parse_constant=lambda word: pytest.fail(f"bare {word}"))
    assert read_record(cell.folder / "cell.json").model_dump_json() == record.model_dump_json()


def test_a_file_that_has_gone_fails_the_cell_and_leaves_its_reason(picture_status: Path, tmp_path: Path) -> None:
    (picture_status.parent / "picture.png").unlink()
    cell = job("fit/picture-16/siren-1x4/steps=1/replicates=1", picture_status, tmp_path)
    with pytest.raises(UserError, match="was there but cannot be read now"):
        run(cell, train)
    assert not (cell.folder / "cell.json").exists()
    assert read_record(cell.folder / "failure.json").state == "failed"


def test_a_cell_that_died_after_its_last_step_keeps_its_image(
    picture_status: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "fit/picture-16/siren-1x8/steps=5/replicates=2"

    def images(results: Path) -> dict[str, np.ndarray]:
        with np.load(results / "cells" / name / "images.npz") as archive:
            return dict(archive)

    whole: CellRecord = run(job(name, picture_status, tmp_path / "whole"), train)
    dying = CellJob(parse_name(name), "none", picture_status, tmp_path / "died", checkpoint_minutes=1e-9)
    with monkeypatch.context() as patch:
        patch.setattr(training, "write_images", lambda *words: (_ for _ in ()).throw(MemoryError("no room")))
        with pytest.raises(MemoryError):
            run(dying, train)
    assert checkpoint.path_of(tmp_path / "died", name).exists()
    resumed = run(dying, train)
    assert resumed.provenance is not None
    assert resumed.provenance.resumed == 1
    assert resumed.files["weights.safetensors"] == whole.files["weights.safetensors"]
    assert np.array_equal(images(tmp_path / "whole")["prediction"], images(tmp_path / "died")["prediction"])
    assert not checkpoint.path_of(tmp_path / "died", name).exists()
