"""The published SRGAN weights give the numbers that they are known by."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image
from srgan_reference import generator_in_numpy

from sirenbench import catalog
from sirenbench.assets.status import read_status
from sirenbench.assets.store import cache_folder, fetch
from sirenbench.baselines.generators import keras, pytorch
from sirenbench.config import load
from sirenbench.images.pictures import open_picture, resize
from sirenbench.metrics.base import Scorer
from sirenbench.names import parse_name
from sirenbench.tasks.base import unit_range

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
FIVE_BLOCKS = {"srgan-x2": 2, "srgan-x4-small": 4, "srgan-x8": 8}

Enlarge = Callable[[np.ndarray], np.ndarray]


def _file(name: str) -> Path:
    """The weight file of an asset: fetched for real, or lying beside the notes."""
    if name in FIVE_BLOCKS:
        return _data(f"srgan/netG_epoch_{FIVE_BLOCKS[name]}_100.pth")
    status = fetch(name, load([ROOT / "config" / "assets.yaml"]).asset(name), cache_folder(""), progress=False)
    assert status.path, status.reason
    return Path(status.path)


def _data(place: str) -> Path:
    if not (DATA / place).exists():
        pytest.skip(f"{place} is not there; it cannot be fetched in a test")
    return DATA / place


def _by_network(name: str, low: np.ndarray) -> np.ndarray:
    scale = FIVE_BLOCKS.get(name)
    network = pytorch.read_generator(_file(name), scale) if scale else keras.read_generator(_file(name))
    large = network(torch.from_numpy(low).permute(2, 0, 1)[None].float() / 255)
    return np.rint(large[0].permute(1, 2, 0).numpy() * 255)


def _by_bicubic(factor: int, low: np.ndarray) -> np.ndarray:
    rows, columns, _ = low.shape
    return np.asarray(Image.fromarray(low).resize((factor * columns, factor * rows), Image.Resampling.BICUBIC))


def _psnr(one: np.ndarray, other: np.ndarray) -> float:
    return 10 * np.log10(255**2 / np.mean((np.float64(one) - other) ** 2))


def _luma(rgb: np.ndarray, border: int) -> np.ndarray:
    return (rgb @ [65.481, 128.553, 24.966] / 255 + 16)[border:-border, border:-border]


@pytest.mark.network
@pytest.mark.parametrize(
    ("factor", "enlarge", "rgb", "y"),
    [
        (4, partial(_by_network, "srgan-x4"), 25.49, 27.04),
        (4, partial(_by_network, "srresnet-x4"), 27.29, 28.69),
        (4, partial(_by_network, "srgan-x4-small"), 26.52, 27.94),
        (2, partial(_by_network, "srgan-x2"), 31.57, 33.31),
        (8, partial(_by_network, "srgan-x8"), 22.90, 24.10),
        (2, partial(_by_bicubic, 2), 29.78, 31.12),
        (4, partial(_by_bicubic, 4), 25.23, 26.47),
        (8, partial(_by_bicubic, 8), 22.03, 23.17),
    ],
    ids=["srgan-x4", "srresnet-x4", "srgan-x4-small", "srgan-x2", "srgan-x8", "bicubic-x2", "bicubic-x4", "bicubic-x8"],
)
def test_the_starfish_is_enlarged_to_the_known_psnr(factor: int, enlarge: Enlarge, rgb: float, y: float) -> None:
    starfish = Image.open(_data("bsds500/12003.jpg"))
    columns, rows = (side // factor for side in starfish.size)
    high = starfish.crop((0, 0, factor * columns, factor * rows))
    large = enlarge(np.array(high.resize((columns, rows), Image.Resampling.BICUBIC)))
    assert _psnr(np.asarray(high), large) == pytest.approx(rgb, abs=0.02)
    assert _psnr(_luma(np.asarray(high), factor), _luma(large, factor)) == pytest.approx(y, abs=0.02)


@pytest.mark.network
@pytest.mark.parametrize(("name", "least"), [("srgan-x4", -1), ("srresnet-x4", 1)])
def test_the_published_weights_enlarge_the_astronaut_as_plain_numpy_does(name: str, least: float) -> None:
    """And SRResNet, which was trained for PSNR, by far better than bicubic interpolation; SRGAN was not."""
    high = skimage.data.astronaut()[64:192, 160:288]
    low = np.array(Image.fromarray(high).resize((32, 32), Image.Resampling.BICUBIC))
    with h5py.File(_file(name)) as file:
        arrays: dict[str, np.ndarray] = {}
        file.visititems(lambda key, node: arrays.update({key: node[()]}) if isinstance(node, h5py.Dataset) else None)
    expected = np.rint(generator_in_numpy(arrays, low / 255) * 255)
    large = _by_network(name, low)
    assert np.abs(large - expected).max() <= 1, "where float32 rounds to the other side"
    assert np.mean(large != expected) < 1e-3
    assert _psnr(high, large) - _psnr(high, _by_bicubic(4, low)) > least


# PSNR and SSIM of 512 x 512 pixels. The paper's weights were others: 28.370/.957, 24.673/.770 and 23.698/.723 at
# x2, x4 and x8 (Table 1).
CAMERAMAN = {
    "x2/srgan": (33.660, 0.9675),
    "x4/srgan": (24.912, 0.7294),
    "x8/srgan": (24.228, 0.7300),
    "x4/srgan/kernel=pil-bilinear": (26.126, 0.7831),
    "x4/srgan/generator=srresnet": (30.768, 0.9094),
    "x2/srgan/generator=5-block": (36.421, 0.9746),
    "x4/srgan/generator=5-block": (29.696, 0.8816),
    "x8/srgan/generator=5-block": (25.077, 0.7559),
}


@pytest.mark.network
@pytest.mark.parametrize("cell", CAMERAMAN)
def test_the_cameraman_is_enlarged_as_recorded(cell: str, cameraman: Path) -> None:
    spec = parse_name(f"sr/cameraman-512-{cell}")
    arm = catalog.baselines()["srgan"]
    picture = open_picture(Path(str(read_status(cameraman).path)))
    images = catalog.tasks()["sr"].reconstruction(spec, partial(resize, picture))
    large = arm.enlarge(spec, images, {name: _file(name) for name in arm.assets(spec)})
    scores = Scorer(unit_range(images.high), ["psnr", "ssim"])(torch.from_numpy(large)[None, ..., None])
    psnr, ssim = CAMERAMAN[cell]
    assert scores["psnr"].item() == pytest.approx(psnr, abs=0.01)
    assert scores["ssim"].item() == pytest.approx(ssim, abs=0.001)
