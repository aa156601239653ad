"""SRGAN: its files are read as they were written, and its images go the way of the paper's authors."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from PIL import Image
from srgan_reference import Arrays, generator_in_numpy, keras_layers

from sirenbench import catalog
from sirenbench.baselines.generators import keras, pytorch
from sirenbench.errors import UserError
from sirenbench.images.pictures import resize
from sirenbench.names import make_spec, parse_name
from sirenbench.spec import CellSpec, SpecError
from sirenbench.tasks.base import Reconstruction

State = dict[str, torch.Tensor]


def _spec(factor: int = 4, **options: object) -> CellSpec:
    return make_spec({"task": "sr", "image": "a", "size": 12 * factor, "factor": factor, "arm": "srgan"} | options)


# ---- Weight files with random values, and the networks written out independently ----


def _keras_arrays() -> Arrays:
    rng = np.random.default_rng(0)
    arrays = {}
    shapes = [(9, 9, 3, 64), *[(3, 3, 64, 64)] * 33, *[(3, 3, 64, 256)] * 2, (9, 9, 64, 3)]
    for layer, shape in zip(keras_layers("conv2d", 37), shapes, strict=True):
        arrays[f"{layer}/{layer}/kernel:0"] = rng.normal(0, np.prod(shape[:3]) ** -0.5, shape)
        arrays[f"{layer}/{layer}/bias:0"] = rng.normal(0, 0.1, shape[3])
    arrays["conv2d_36/conv2d_36/kernel:0"] *= 2  # so that the image has some contrast
    for layer in keras_layers("batch_normalization_v1", 33):
        arrays[f"{layer}/{layer}/gamma:0"] = rng.uniform(0.05, 0.15, 64)
        arrays[f"{layer}/{layer}/beta:0"] = rng.normal(0, 0.1, 64)
        arrays[f"{layer}/{layer}/moving_mean:0"] = rng.normal(0, 0.1, 64)
        arrays[f"{layer}/{layer}/moving_variance:0"] = rng.uniform(0.01, 1, 64)
    for layer in keras_layers("p_re_lu", 19):
        arrays[f"{layer}/{layer}/alpha:0"] = rng.uniform(-0.3, 0.5, (1, 1, 64))
    return {name: values.astype(np.float32) for name, values in arrays.items()}


def _pytorch_state(stages: int) -> State:
    drawn = torch.Generator().manual_seed(0)
    state: State = {}

    def conv(name: str, out: int, into: int, side: int) -> None:
        state[f"{name}.weight"] = torch.randn(out, into, side, side, generator=drawn) / (into * side**2) ** 0.5
        state[f"{name}.bias"] = 0.1 * torch.randn(out, generator=drawn)

    def norm(name: str) -> None:
        state[f"{name}.weight"] = 0.1 + 0.1 * torch.rand(64, generator=drawn)
        state[f"{name}.bias"] = 0.1 * torch.randn(64, generator=drawn)
        state[f"{name}.running_mean"] = 0.1 * torch.randn(64, generator=drawn)
        state[f"{name}.running_var"] = 0.01 + torch.rand(64, generator=drawn)

    conv("block1.0", 64, 3, 9)
    state["block1.1.weight"] = torch.tensor([0.2])
    for block in range(2, 7):
        conv(f"block{block}.conv1", 64, 64, 3)
        norm(f"block{block}.bn1")
        state[f"block{block}.prelu.weight"] = torch.tensor([0.05 * block])
        conv(f"block{block}.conv2", 64, 64, 3)
        norm(f"block{block}.bn2")
    conv("block7.0", 64, 64, 3)
    state["block7.1.weight"] = torch.tensor([-0.1])
    for stage in range(stages):
        conv(f"block8.{stage}.conv", 256, 64, 3)
        state[f"block8.{stage}.prelu.weight"] = torch.tensor([0.1 + 0.1 * stage])
    conv(f"block8.{stages}", 3, 64, 9)
    return state


def _by_pytorch(state: State, stages: int, image: torch.Tensor) -> torch.Tensor:
    """The network in float64, written with functions only."""
    state = {name: values.double() for name, values in state.items()}

    def conv(name: str, x: torch.Tensor) -> torch.Tensor:
        return F.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"], padding="same")

    def norm(name: str, x: torch.Tensor) -> torch.Tensor:
        means, variances, weight, bias = (
            state[f"{name}.{s}"] for s in ("running_mean", "running_var", "weight", "bias")
        )
        return F.batch_norm(x, means, variances, weight, bias, eps=1e-5)

    def prelu(name: str, x: torch.Tensor) -> torch.Tensor:
        return F.prelu(x, state[f"{name}.weight"])

    first = x = prelu("block1.1", conv("block1.0", image.double()))
    for block in (f"block{n}" for n in range(2, 7)):
        inner = prelu(f"{block}.prelu", norm(f"{block}.bn1", conv(f"{block}.conv1", x)))
        x = x + norm(f"{block}.bn2", conv(f"{block}.conv2", inner))
    x = first + prelu("block7.1", conv("block7.0", x))
    for stage in (f"block8.{n}" for n in range(stages)):
        x = prelu(f"{stage}.prelu", F.pixel_shuffle(conv(f"{stage}.conv", x), 2))
    return (torch.tanh(conv(f"block8.{stages}", x)) + 1) / 2


def _write_keras(path: Path, arrays: Arrays) -> Path:
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file[name] = values
    return path


@pytest.fixture(scope="module")
def keras_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _write_keras(tmp_path_factory.mktemp("weights") / "sixteen.h5", _keras_arrays())


@pytest.fixture(scope="module")
def pytorch_files(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    folder = tmp_path_factory.mktemp("weights")
    files = {scale: folder / f"five-{scale}.pth" for scale in (2, 4, 8)}
    for scale, path in files.items():
        torch.save(_pytorch_state(scale.bit_length() - 1), path)
    return files


@pytest.fixture
def assets(keras_file: Path, pytorch_files: dict[int, Path]) -> dict[str, Path]:
    five = {f"srgan-{name}": pytorch_files[scale] for name, scale in (("x2", 2), ("x4-small", 4), ("x8", 8))}
    return {"srgan-x4": keras_file, "srresnet-x4": keras_file} | five


def _noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)


# ---- Reading ----


def test_the_keras_file_becomes_the_network_that_keras_computes(keras_file: Path) -> None:
    image = np.random.default_rng(2).random((7, 5, 3))
    expected = generator_in_numpy(_keras_arrays(), image)
    network = keras.read_generator(keras_file)
    large = network(torch.from_numpy(image).float().permute(2, 0, 1)[None])[0].permute(1, 2, 0)
    assert large.shape == (28, 20, 3)
    assert 0.05 < expected.std() < 0.4  # neither dead nor saturated: it would hide mistakes
    np.testing.assert_allclose(large.numpy(), expected, atol=2e-5)
    assert sum(values.numel() for values in network.parameters()) + 2 * 33 * 64 == 1_554_883


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_the_pytorch_files_become_the_networks_they_were_saved_from(scale: int, pytorch_files: dict[int, Path]) -> None:
    image = torch.rand(1, 3, 6, 5, generator=torch.Generator().manual_seed(0))
    stages = scale.bit_length() - 1
    expected = _by_pytorch(_pytorch_state(stages), stages, image)
    large = pytorch.read_generator(pytorch_files[scale], scale)(image)
    assert large.shape == (1, 3, 6 * scale, 5 * scale)
    assert 0.05 < expected.std() < 0.4
    np.testing.assert_allclose(large.numpy(), expected.numpy(), atol=2e-5)


def test_a_file_of_a_newer_pytorch_counts_batches_too(tmp_path: Path, pytorch_files: dict[int, Path]) -> None:
    counted = _pytorch_state(1) | {"block2.bn1.num_batches_tracked": torch.tensor(7)}
    torch.save(counted, tmp_path / "newer.pth")
    image = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    newer, older = (pytorch.read_generator(path, 2) for path in (tmp_path / "newer.pth", pytorch_files[2]))
    assert torch.equal(newer(image), older(image))


KERNEL_3 = "conv2d_3/conv2d_3/kernel:0"


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (
            lambda arrays: arrays | {KERNEL_3: arrays[KERNEL_3][..., :32]},
            r"shape \(3, 3, 64, 32\), not \(3, 3, 64, 64\)",
        ),
        (lambda arrays: {n: v for n, v in arrays.items() if n != KERNEL_3}, f"it has no {KERNEL_3}"),
        (lambda arrays: arrays | {"conv2d_37/conv2d_37/bias:0": np.zeros(3)}, "it has conv2d_37/conv2d_37/bias:0 too"),
        (
            lambda arrays: arrays | {KERNEL_3: np.full((3, 3, 64, 64), np.nan)},
            f"{KERNEL_3} holds values that are not finite",
        ),
        (lambda arrays: arrays | {KERNEL_3: np.full((3, 3, 64, 64), b"code")}, "is no readable HDF5 file"),
        (lambda arrays: {}, "it has no conv2d/conv2d/kernel:0"),
    ],
    ids=["shape", "missing", "extra", "nan", "text", "empty"],
)
def test_a_keras_file_of_another_network_is_refused(
    fault: Callable[[Arrays], Arrays], message: str, tmp_path: Path
) -> None:
    path = _write_keras(tmp_path / "other.h5", fault(_keras_arrays()))
    with pytest.raises(UserError, match=message) as caught:
        keras.read_generator(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("length", [0, 100, 1_000_000])
def test_a_truncated_keras_file_is_refused(length: int, keras_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "short.h5"
    path.write_bytes(keras_file.read_bytes()[:length])
    with pytest.raises(UserError, match="short.h5 is no readable HDF5 file"):
        keras.read_generator(path)


def test_a_file_is_refused_however_it_is_damaged(
    keras_file: Path, pytorch_files: dict[int, Path], tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    refused = 0
    for whole, read in (
        (keras_file, keras.read_generator),
        (pytorch_files[2], partial(pytorch.read_generator, scale=2)),
    ):
        content = np.frombuffer(whole.read_bytes(), np.uint8)
        for _ in range(40):
            damaged = content.copy()
            damaged[rng.integers(0, 50_000, 30)] = rng.integers(0, 256, 30)
            path = tmp_path / f"damaged{whole.suffix}"
            path.write_bytes(damaged.tobytes())
            try:
                read(path)  # may well succeed: the damage may lie in a weight, which its SHA-256 would tell
            except UserError as error:
                assert str(path) in str(error)
                refused += 1
    assert refused > 20


def _nan(state: State) -> State:
    state["block7.0.bias"][5] = float("nan")
    return state


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (_pytorch_state(2), "five residual blocks and scale 2: it has no block8.1.weight"),
        (
            _pytorch_state(1) | {"block7.0.weight": torch.zeros(64, 64, 5, 5)},
            r"shape \(64, 64, 5, 5\), not \(64, 64, 3",
        ),
        (_pytorch_state(1) | {"block9.weight": torch.zeros(1)}, "it has block9.weight too"),
        ({k: v for k, v in _pytorch_state(1).items() if k != "block3.bn2.bias"}, "it has no block3.bn2.bias"),
        (_pytorch_state(1) | {"block3.bn2.bias": 3.0}, "it has no block3.bn2.bias"),
        (_nan(_pytorch_state(1)), "holds values that are not finite"),
        (torch.zeros(3), r"holds a Tensor; allowed: weights by name"),
    ],
    ids=["scale", "shape", "extra", "missing", "number", "nan", "tensor"],
)
def test_a_pytorch_file_of_another_network_is_refused(content: object, message: str, tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    torch.save(content, path)
    with pytest.raises(UserError, match=message) as caught:
        pytorch.read_generator(path, 2)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("part", [0.0, 0.01, 0.9])
def test_a_truncated_pytorch_file_is_refused(legacy: bool, part: float, tmp_path: Path) -> None:
    path = tmp_path / "short.pth"
    torch.save(_pytorch_state(1), path, _use_new_zipfile_serialization=not legacy)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(part * len(whole))])
    with pytest.raises(UserError, match=r"short.pth is no readable file of weights \(.+\); nothing of it was used"):
        pytorch.read_generator(path, 2)


class _Code:
    """Unpickled freely, it would leave a file behind."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.trace),)


@pytest.mark.parametrize("save", [torch.save, lambda content, path: path.write_bytes(pickle.dumps(content))])
def test_the_code_in_a_file_is_not_run(save: Callable[[object, Path], object], tmp_path: Path) -> None:
    path, trace = tmp_path / "code.pth", tmp_path / "trace"
    save(_pytorch_state(1) | {"block3.bn2.bias": _Code(trace)}, path)
    with pytest.raises(UserError, match="code.pth is no readable file of weights") as caught:
        pytorch.read_generator(path, 2)
    assert not trace.exists()
    assert "weights_only" not in str(caught.value)  # no advice to run it


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"gone.h5 is no readable HDF5 file \(.*[Nn]o such file"):
        keras.read_generator(tmp_path / "gone.h5")
    with pytest.raises(UserError, match=r"gone.pth is no readable file of weights \(.*[Nn]o such file"):
        pytorch.read_generator(tmp_path / "gone.pth", 2)


# ---- Enlarging ----


def _route(network: torch.nn.Module, low: np.ndarray, size: int) -> np.ndarray:
    """The authors' route by PIL and NumPy alone, but for the network."""
    repeated = np.stack([low] * 3, axis=-1) if low.ndim == 2 else low
    large = network(torch.from_numpy(np.float32(repeated) / np.float32(255)).permute(2, 0, 1)[None])[0].numpy()
    picture = Image.fromarray(np.rint(np.moveaxis(large, 0, 2).clip(0, 1) * np.float32(255)).astype(np.uint8))
    if low.ndim == 2:
        picture = picture.convert("L")
    return np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR)) / 127.5 - 1


@pytest.mark.parametrize("channel", ["grey", "rgb"])
@pytest.mark.parametrize("generator", ["16-block", "srresnet", "5-block"])
@pytest.mark.parametrize("factor", [2, 4, 8])
def test_an_image_is_enlarged_as_the_authors_did(
    generator: str, channel: str, factor: int, assets: dict[str, Path], keras_file: Path, pytorch_files: dict[int, Path]
) -> None:
    spec = _spec(factor, generator=generator, channel=channel)
    low = _noise(12, 12) if channel == "grey" else _noise(12, 12, 3)
    large = catalog.baselines()["srgan"].enlarge(spec, Reconstruction(low, np.empty(0)), assets)
    native = generator == "5-block"
    network = pytorch.read_generator(pytorch_files[factor], factor) if native else keras.read_generator(keras_file)
    assert large.dtype == np.float32
    assert large.shape == (spec.size, spec.size, *low.shape[2:])
    assert large.std() > 0.05
    np.testing.assert_allclose(large, _route(network, low, spec.size), atol=1e-6)


def test_the_same_image_is_enlarged_to_the_same_bits(assets: dict[str, Path]) -> None:
    images = Reconstruction(_noise(12, 12, 3), np.empty(0))
    one, other = (catalog.baselines()["srgan"].enlarge(_spec(channel="rgb"), images, assets) for _ in range(2))
    assert one.tobytes() == other.tobytes()


def test_there_is_no_native_network_of_another_scale(assets: dict[str, Path]) -> None:
    with pytest.raises(SpecError, match=r"generator: .* no 5-block .* scale 3; allowed: factors 2, 4, 8, or another"):
        _spec(3, generator="5-block")
    images = Reconstruction(_noise(12, 12), np.empty(0))
    assert catalog.baselines()["srgan"].enlarge(_spec(3), images, assets).shape == (36, 36)


# ---- Names, assets, and the image it gets ----


@pytest.mark.parametrize(
    ("options", "assets"),
    [
        ({}, ["srgan-x4"] * 3),
        ({"generator": "srresnet"}, ["srresnet-x4"] * 3),
        ({"generator": "5-block"}, ["srgan-x2", "srgan-x4-small", "srgan-x8"]),
    ],
)
def test_each_generator_has_its_asset(options: dict[str, object], assets: list[str]) -> None:
    specs = [_spec(factor, **options) for factor in (2, 4, 8)]
    assert [catalog.baselines()["srgan"].assets(spec) for spec in specs] == [(name,) for name in assets]


@pytest.mark.parametrize(
    ("options", "track"),
    [
        ("", "as-run"),
        ("/generator=srresnet", "improved"),
        ("/generator=5-block", "improved"),
        ("/kernel=pil-bilinear", "improved"),
        ("/generator=5-block/kernel=box", "improved"),
    ],
)
def test_a_name_tells_what_differs_from_the_authors(options: str, track: str) -> None:
    name = f"sr/cameraman-512-x8/srgan{options}"
    assert parse_name(name).name == name
    assert parse_name(name).track == track


def test_its_kernel_takes_the_place_of_the_task_s() -> None:
    assert _spec()["kernel"] == "hr-bicubic"
    assert [option.name for option, _ in _spec().options].count("kernel") == 1
    bicubic = {"task": "sr", "image": "a", "size": 48, "factor": 4, "arm": "bicubic"}
    assert make_spec(bicubic)["kernel"] == "pil-bilinear"
    with pytest.raises(SpecError, match="'hr-bicubic' is not known"):
        make_spec(bicubic | {"kernel": "hr-bicubic"})


def test_its_small_image_is_a_bicubic_reduction_of_the_large_one_unless_asked_otherwise() -> None:
    original = Image.fromarray(_noise(100, 100))
    task, picture = catalog.tasks()["sr"], partial(resize, original)
    high = original.resize((48, 48), Image.Resampling.BILINEAR)
    as_run = task.reconstruction(_spec(), picture)
    np.testing.assert_array_equal(as_run.high, np.asarray(high))
    np.testing.assert_array_equal(as_run.low, np.asarray(high.resize((12, 12), Image.Resampling.BICUBIC)))
    shared = task.reconstruction(_spec(kernel="pil-bilinear"), picture)
    np.testing.assert_array_equal(shared.low, np.asarray(original.resize((12, 12), Image.Resampling.BILINEAR)))


def test_it_and_the_external_networks_have_seen_other_images() -> None:
    taught = {name for name, arm in catalog.baselines().items() if arm.trained_on_external_data}
    assert taught == {"srgan", "external"}


def test_listing_the_arms_loads_none_of_the_packages_that_run_them() -> None:
    code = (
        "import sys; from sirenbench import catalog; assert {'srgan', 'external'} <= set(catalog.baselines()); "
        "print(*({'torch', 'h5py', 'spandrel', 'safetensors'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
