"""A cell by itself: what its folder holds however it ends."""

from __future__ import annotations

import itertools
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sirenbench.activation_statistics import Statistics
from sirenbench.assets.status import AssetStatus, read_status, sha256_of, write_status
from sirenbench.engine import checkpoint
from sirenbench.errors import UserError
from sirenbench.names import parse_name
from sirenbench.records import CellRecord, read_record, read_scores
from sirenbench.worker import stopping
from sirenbench.worker import train as training
from sirenbench.worker.baseline import baseline
from sirenbench.worker.evaluate import evaluate
from sirenbench.worker.job import CellJob, Interrupted, run
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


@pytest.mark.parametrize(
    ("name", "measure"),
    [("sr/picture-32-x8/siren-1x8/steps=3/replicates=2", train), ("sr/picture-32-x8/bicubic", baseline)],
)
def test_an_enlarged_image_is_told_by_its_looks_for_every_seed(
    name: str, measure: Callable, picture_status: Path, tmp_path: Path
) -> None:
    looks = ("detail@factor=8", "roughness", "sharpness_error", "luminance_error", "contrast_error")
    cell = job(name, picture_status, tmp_path)
    record = run(cell, measure)
    for look in looks:
        scores = cell.folder / "metrics" / f"{look}.json"
        evaluate(cell, look, {}, scores)  # from the stored weights
        assert [replicate.final[look] for replicate in record.replicates] == pytest.approx(read_scores(scores).values)
    assert len({replicate.final["roughness"] for replicate in record.replicates}) == len(record.replicates)


@pytest.mark.parametrize(
    ("name", "measure"),
    [("sr/picture-256-x4/siren-1x4/steps=1/replicates=1", train), ("sr/picture-256-x4/nearest", baseline)],
)
def test_how_an_image_looks_does_not_depend_on_the_threads(
    name: str, measure: Callable, picture_status: Path, tmp_path: Path
) -> None:
    """PyTorch sums an image of this size by several threads, if it may."""
    pixels = np.random.default_rng(0).integers(0, 256, (256, 256), dtype=np.uint8)
    Image.fromarray(pixels).save(picture_status.parent / "picture.png")
    own = read_status(picture_status)
    write_status(picture_status, replace(own, sha256=sha256_of(picture_status.parent / "picture.png")))
    cells = [
        replace(job(name, picture_status, tmp_path / str(count)), threads=count) for count in (4, 1)
    ]  # the last one stays
    several, one = (run(cell, measure).replicates[0].final for cell in cells)
    assert one == several


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


def test_a_precision_that_the_device_lacks_fails_the_cell_and_says_why(picture_status: Path, tmp_path: Path) -> None:
    cell = replace(job("fit/picture-16/siren-1x8/steps=3/precision=tf32", picture_status, tmp_path), device="cpu")
    with pytest.raises(UserError, match="precision=tf32 needs an NVIDIA GPU"):
        run(cell, train)
    failure = read_record(cell.folder / "failure.json")
    assert failure.state == "failed"
    assert "run it where there is one" in failure.reason


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


def digests(record: CellRecord) -> list[str]:
    return [record.files["weights.safetensors"], record.files["images.npz"]]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR2])
def test_a_signal_stops_a_cell_with_its_checkpoint_and_it_ends_with_the_same_bits(
    number: signal.Signals, picture_status: Path, tmp_path: Path
) -> None:
    name = "fit/picture-16/siren-1x8/steps=1500/replicates=1"
    stopped = job(name, picture_status, tmp_path / "stopped")
    before = signal.getsignal(number)
    threading.Timer(0.2, os.kill, (os.getpid(), number)).start()
    with pytest.raises(Interrupted, match=rf"stopped after step \d+ of 1500: asked by {number.name}; run it again"):
        run(stopped, train)
    assert signal.getsignal(number) is before
    assert checkpoint.path_of(stopped.results, name).exists()
    assert list(stopped.folder.iterdir()) == []  # neither a record nor a failure
    record = run(stopped, train)
    assert record.provenance is not None
    assert record.provenance.resumed == 1
    assert digests(record) == digests(run(job(name, picture_status, tmp_path / "whole"), train))


def test_a_cell_stops_by_itself_before_its_slurm_job_ends(
    picture_status: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "fit/picture-16/siren-1x8/steps=1500/replicates=1"
    stopped = job(name, picture_status, tmp_path / "stopped")
    monkeypatch.setenv("SLURM_JOB_END_TIME", str(int(time.time()) + 20))
    with pytest.raises(Interrupted, match=r"of 1500: its job ends in (19|20) s; run it again"):
        run(stopped, train)
    monkeypatch.setenv("SLURM_JOB_END_TIME", str(int(time.time()) + 3600))
    record = run(stopped, train)
    assert record.provenance is not None
    assert record.provenance.resumed == 1
    assert digests(record) == digests(run(job(name, picture_status, tmp_path / "whole"), train))


@pytest.mark.parametrize(
    ("steps", "stops_at"),
    [
        ([1, 1, 1, 1], 980),  # 20 seconds at least
        ([100, 30, 30], 700),  # three times the longest step
        ([1, 1, 100, 1], 700),  # which may be one with a checkpoint after it
    ],
)
def test_a_cell_leaves_time_for_its_last_checkpoint(
    steps: list[int], stops_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(stopping.time, "time", lambda: now)
    must_stop = stopping.Stop(end=1000)
    for seconds in itertools.cycle(steps):
        now += seconds
        if must_stop():
            break
    assert stops_at < now <= stops_at + max(steps)
    assert must_stop.reason == f"its job ends in {1000 - now:.0f} s"


@pytest.mark.parametrize("text", [None, "", "UNLIMITED", "soon"])
def test_without_a_known_end_a_cell_is_not_stopped(text: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if text is None:
        monkeypatch.delenv("SLURM_JOB_END_TIME", raising=False)
    else:
        monkeypatch.setenv("SLURM_JOB_END_TIME", text)
    with stopping.stop_in_time() as must_stop:
        assert not must_stop()


def test_a_checkpoint_that_cannot_be_written_costs_a_warning_and_not_the_cell(
    picture_status: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*words: object) -> None:
        raise OSError("no space left on the device")

    monkeypatch.setattr(checkpoint, "save", full)
    cell = CellJob(
        parse_name("fit/picture-16/siren-1x8/steps=2/replicates=1"),
        *("none", picture_status, tmp_path),
        checkpoint_minutes=1e-9,
    )
    assert run(cell, train).state == "ok"
    assert "no checkpoint at step 1: no space left on the device" in caplog.text


# Imported by the configuration, by downloads, by the report, by metrics that are not in every cell, by PyTorch's
# compiler: what a cell has no use for it should not wait for.
HEAVY = {
    *("sirenbench.config", "sirenbench.workflow", "sirenbench.assets.store", "sirenbench.adhoc", "snakemake"),
    *("yaml", "requests", "pooch", "remotezip", "submitit", "rich", "jinja2"),
    *("pandas", "matplotlib", "seaborn", "skimage", "h5py", "torchvision", "lpips", "scipy"),
    *("sympy", "torch._dynamo", "torch._inductor", "torch.fx.experimental.symbolic_shapes"),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "fit/picture-16/siren-1x8/steps=2/replicates=1",
        "poisson/picture-16/siren-1x8/steps=2/replicates=1",
        "sr/picture-32-x2/siren+pe-1x8/steps=2/replicates=1",
    ],
)
def test_a_cell_imports_only_what_it_needs_and_starts_quickly(name: str, picture_status: Path, tmp_path: Path) -> None:
    program = f"""
import sys
from pathlib import Path
from sirenbench.worker.job import CellJob, run
from sirenbench.worker.script import cell_job, told
from sirenbench.worker.train import train
from sirenbench.names import parse_name
with told(None):
    run(CellJob(parse_name({name!r}), "none", Path({str(picture_status)!r}), Path({str(tmp_path)!r})), train)
print(*sys.modules)
"""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert HEAVY & set(done.stdout.split()) == set()
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 6  # half of it on an idle machine
