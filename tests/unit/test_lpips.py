"""LPIPS by the lpips package, with the trunk from the assets."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sirenbench.assets.store import cache_folder, fetch
from sirenbench.config import load
from sirenbench.errors import UserError
from sirenbench.metrics.base import Scorer
from sirenbench.metrics.lpips import SMALLEST, TRUNK, lpips_network

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT.parent / "shared" / "data" / "lpips"


@pytest.fixture(scope="session")
def trunk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The asset, fetched for real (or from the cache of an earlier run)."""
    asset = load([ROOT / "config" / "assets.yaml"]).asset(TRUNK)
    status = fetch(TRUNK, asset, cache_folder(""), progress=False)
    if status.path is None:
        pytest.skip(f"the trunk could not be fetched: {status.reason}")
    return Path(status.path)


def _example(name: str) -> torch.Tensor:
    path = EXAMPLES / name
    if not path.exists():
        pytest.skip(f"the example picture {name} is not there")
    return torch.from_numpy(np.asarray(Image.open(path).convert("RGB")) / np.float32(255))


@pytest.mark.network
def test_the_example_pair_of_the_authors_is_reproduced(trunk: Path) -> None:
    score = Scorer(_example("ex_ref.png"), ["lpips"], {TRUNK: trunk})
    predictions = torch.stack([_example("ex_p0.png"), _example("ex_p1.png")])
    assert [round(value, 4) for value in score(2 * predictions - 1)["lpips"].tolist()] == [0.7219, 0.1376]


@pytest.mark.network
def test_equal_images_are_at_distance_zero_and_undefined_ones_nowhere(trunk: Path) -> None:
    image = torch.rand(SMALLEST, SMALLEST, 3, generator=torch.Generator().manual_seed(0))
    predictions = torch.stack([2 * image - 1, torch.full_like(image, float("nan")), -image])
    equal, undefined, other = Scorer(image, ["lpips"], {TRUNK: trunk})(predictions)["lpips"].tolist()
    assert equal == 0
    assert np.isnan(undefined)
    assert other > 0


@pytest.mark.network
def test_a_grey_image_is_scored_as_rgb_with_equal_channels(trunk: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(40, 33, 1, generator=generator)
    predictions = 2 * torch.rand(2, 40, 33, 1, generator=generator) - 1
    grey = Scorer(image, ["lpips"], {TRUNK: trunk})(predictions)["lpips"]
    rgb = Scorer(image.expand(-1, -1, 3), ["lpips"], {TRUNK: trunk})(predictions.expand(-1, -1, -1, 3))["lpips"]
    assert torch.equal(grey, rgb)
    assert (grey > 0).all()


def test_an_image_too_small_for_the_trunk_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"at least {SMALLEST} x {SMALLEST}"):
        Scorer(torch.zeros(SMALLEST - 1, 64, 1), ["lpips"], {TRUNK: tmp_path / "never opened"})


@pytest.mark.parametrize(
    "content",
    [{"VGG_0": {"kernel": np.zeros(3)}}, {"AlexNet_0": {"Conv_0": {"kernel": np.zeros((2, 2)), "bias": np.zeros(1)}}}],
)
def test_weights_of_another_network_are_refused(content: dict, tmp_path: Path) -> None:
    path = tmp_path / "other.ckpt"
    path.write_bytes(pickle.dumps(content, protocol=3))
    with pytest.raises(UserError, match="does not hold AlexNet's convolutions"):
        lpips_network(path)
