"""What needs no training repeats the paper to every printed digit (Table 1, column Bicubic)."""

from __future__ import annotations

from pathlib import Path

import pytest

from sirenbench.assets.status import AssetStatus, write_status
from sirenbench.assets.store import cache_folder, fetch
from sirenbench.names import parse_name
from sirenbench.records import CellRecord
from sirenbench.worker.baseline import baseline
from sirenbench.worker.job import CellJob, run
from sirenbench.workflow import Workflow

# factor: printed PSNR and SSIM, and the authors' own six digits.
TABLE_1 = {
    2: ("33.203", ".956", 33.202741, 0.956496),
    4: ("26.667", ".837", 26.667215, 0.836583),
    8: ("22.875", ".703", 22.874624, 0.703157),
}
# The photograph that scikit-image ships since 0.18 in the Cameraman's place.
OTHER_CAMERA = {2: (29.0536, 0.85122), 4: (25.6484, 0.74126), 8: (22.9012, 0.64207)}


def _run(status: Path, image: str, factor: int, results: Path, options: str = "") -> CellRecord:
    spec = parse_name(f"sr/{image}-512-x{factor}/bicubic{options}")
    return run(CellJob(spec, "none", status, results), baseline)


def _last(record: CellRecord, metric: str) -> float:
    return record.replicates[0].metrics[metric].last


@pytest.mark.network
@pytest.mark.parametrize("factor", TABLE_1)
def test_the_bicubic_cells_of_table_1_repeat_to_every_digit(cameraman: Path, factor: int, tmp_path: Path) -> None:
    record = _run(cameraman, "cameraman", factor, tmp_path)
    psnr, ssim = _last(record, "psnr"), _last(record, "ssim")
    printed_psnr, printed_ssim, exact_psnr, exact_ssim = TABLE_1[factor]
    assert f"{psnr:.3f}" == printed_psnr
    assert psnr == pytest.approx(exact_psnr, abs=1e-6)
    assert ssim == pytest.approx(exact_ssim, abs=1e-6)
    assert f"{ssim:.3f}" == f"0{printed_ssim}"


@pytest.mark.parametrize("factor", OTHER_CAMERA)
def test_the_other_camera_gives_other_numbers(camera: Path, factor: int, tmp_path: Path) -> None:
    record = _run(camera, "camera", factor, tmp_path)
    psnr, ssim = OTHER_CAMERA[factor]
    assert _last(record, "psnr") == pytest.approx(psnr, abs=1e-4)
    assert _last(record, "ssim") == pytest.approx(ssim, abs=1e-4)


@pytest.mark.network
@pytest.mark.parametrize(("factor", "psnr"), [(2, 35.7371), (4, 27.5450), (8, 23.3345)])
def test_the_kernel_alone_is_worth_decibels(cameraman: Path, factor: int, psnr: float, tmp_path: Path) -> None:
    record = _run(cameraman, "cameraman", factor, tmp_path, "/kernel=pil-bicubic")
    assert record.track == "improved"
    assert _last(record, "psnr") == pytest.approx(psnr, abs=1e-3)


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("assets") / "camera.json"
    status: AssetStatus = fetch("camera", Workflow().main.asset("camera"), cache_folder(""), progress=False)
    assert status.state == "available", status.reason
    write_status(path, status)
    return path
