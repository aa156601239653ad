"""Networks of the user's own, by spandrel."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from sirenbench import catalog
from sirenbench.errors import UserError
from sirenbench.names import changed, make_spec, parse_name
from sirenbench.spec import SpecError
from sirenbench.tasks.base import Reconstruction

compact = pytest.importorskip("spandrel.architectures.Compact", reason="spandrel is not installed").Compact

GREY, RGB = (np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8) for shape in ((9, 9), (9, 9, 3)))


def _network(scale: int = 4, into: int = 3, out: int = 3) -> torch.nn.Module:
    """A small network of an architecture that spandrel knows, with random weights."""
    torch.manual_seed(0)
    return compact(num_in_ch=into, num_out_ch=out, num_feat=8, num_conv=2, upscale=scale).eval()


def _save(content: Any, path: Path) -> Path:
    save_file(content, path) if path.suffix == ".safetensors" else torch.save(content, path)
    return path


def _enlarge(path: Path, low: np.ndarray, factor: int = 4) -> np.ndarray:
    channel = "grey" if low.ndim == 2 else "rgb"
    fields = {"task": "sr", "image": "a", "size": 9 * factor, "factor": factor, "arm": "external"}
    spec = make_spec(fields | {"weights": "my-net", "channel": channel})
    return catalog.baselines()["external"].enlarge(spec, Reconstruction(low, np.empty(0)), {"my-net": path})


@pytest.mark.parametrize("low", [GREY, RGB], ids=["grey", "rgb"])
@pytest.mark.parametrize(("scale", "factor"), [(2, 2), (4, 4), (4, 2), (2, 8), (4, 3)])
def test_an_image_goes_through_the_network_and_then_the_authors_route(
    scale: int, factor: int, low: np.ndarray, tmp_path: Path
) -> None:
    network = _network(scale)
    result = _enlarge(_save(network.state_dict(), tmp_path / "net.pth"), low, factor)
    repeated = np.stack([low] * 3, axis=-1) if low.ndim == 2 else low
    with torch.no_grad():
        large = network(torch.from_numpy(np.float32(repeated) / np.float32(255)).permute(2, 0, 1)[None])[0].numpy()
    picture = Image.fromarray(np.rint(np.moveaxis(large, 0, 2).clip(0, 1) * np.float32(255)).astype(np.uint8))
    picture = picture.convert("L" if low.ndim == 2 else "RGB")
    expected = np.asarray(picture.resize((9 * factor,) * 2, Image.Resampling.BILINEAR)) / 127.5 - 1
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("suffix", "nested"), [(".safetensors", None), ("", None), (".pth", "params_ema"), (".pth", "state_dict")]
)
def test_files_as_they_are_published_are_all_the_same_network(suffix: str, nested: str | None, tmp_path: Path) -> None:
    state = _network().state_dict()
    plain = _enlarge(_save(state, tmp_path / "plain.pth"), RGB)
    published = _save({nested: state, "iteration": 5} if nested else state, tmp_path / f"published{suffix}")
    np.testing.assert_array_equal(_enlarge(published, RGB), plain)


def test_half_precision_weights_are_computed_with_in_full_precision(tmp_path: Path) -> None:
    halves = {name: values.half() for name, values in _network().state_dict().items()}
    floats = {name: values.float() for name, values in halves.items()}
    from_halves, from_floats = (_enlarge(_save(s, tmp_path / "n.safetensors"), RGB) for s in (halves, floats))
    np.testing.assert_array_equal(from_halves, from_floats)


def test_a_grey_network_takes_grey_images_only(tmp_path: Path) -> None:
    network = _network(into=1, out=1)
    path = _save(network.state_dict(), tmp_path / "grey.pth")
    with torch.no_grad():
        large = network(torch.from_numpy(np.float32(GREY) / np.float32(255))[None, None])[0, 0].numpy()
    expected = np.rint(large.clip(0, 1) * np.float32(255)) / 127.5 - 1
    np.testing.assert_allclose(_enlarge(path, GREY), expected, atol=1e-6)
    with pytest.raises(UserError, match=r"grey.pth: this network takes grey images only; leave out channel=rgb"):
        _enlarge(path, RGB)


def test_networks_for_other_purposes_are_refused(tmp_path: Path) -> None:
    refused = {
        "one": (_network(scale=1), "for Restoration, scale 1; allowed: super-resolution"),
        "alpha": (_network(into=4, out=4), "from 4 to 4 channels; allowed: grey to grey, RGB to RGB"),
    }
    for name, (network, message) in refused.items():
        path = _save(network.state_dict(), tmp_path / f"{name}.pth")
        with pytest.raises(UserError, match=message) as caught:
            _enlarge(path, RGB)
        assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        {"some.weight": torch.zeros(3)},
        {},
        {"body.0.weight": torch.zeros(3), "body.1.weight": torch.zeros(3)},
        {"body.0.weight": 1, "body.1.weight": 2},
        _network().state_dict() | {"body.0.bias": torch.zeros(9)},
        {3: torch.zeros(3)},
    ],
    ids=["unknown", "empty", "no-shape", "no-tensor", "wrong-shape", "number-for-name"],
)
def test_files_without_a_known_network_are_refused(content: dict, tmp_path: Path) -> None:
    path = _save(content, tmp_path / "other.pth")
    with pytest.raises(UserError, match=r"other.pth holds no network that spandrel knows \(.+\)"):
        _enlarge(path, RGB)


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    state = _network().state_dict()
    state["body.0.bias"][0] = float("inf")
    with pytest.raises(UserError, match="net.pth is spoilt: body.0.bias holds values that are not finite"):
        _enlarge(_save(state, tmp_path / "net.pth"), RGB)


class _Code:
    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.trace),)


def test_the_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    path = _save(_network().state_dict() | {"more": _Code(tmp_path / "trace")}, tmp_path / "code.pth")
    with pytest.raises(UserError, match="code.pth is no readable file of weights"):
        _enlarge(path, RGB)
    assert not (tmp_path / "trace").exists()


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_truncated_file_is_refused(suffix: str, tmp_path: Path) -> None:
    path = _save(_network().state_dict(), tmp_path / f"short{suffix}")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(UserError, match=f"short{suffix} is no readable file of weights"):
        _enlarge(path, RGB)


def test_without_spandrel_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spandrel", None)
    with pytest.raises(UserError, match=r"needs the package spandrel .*pip install spandrel"):
        _enlarge(tmp_path / "never-opened.pth", RGB)


def test_the_weights_are_an_asset_that_has_to_be_named() -> None:
    arm = catalog.baselines()["external"]
    named = parse_name("sr/a-36-x4/external/weights=4x-my.net")
    assert arm.assets(named) == ("4x-my.net",)
    assert named.track == "improved"
    with pytest.raises(SpecError, match="weights: sr/a-36-x4/external names none; add weights=<asset>"):
        parse_name("sr/a-36-x4/external")
    with pytest.raises(SpecError, match="weights: .* names none"):
        changed(named, weights="none")
