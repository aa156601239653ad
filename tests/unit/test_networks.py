"""Networks as the paper's authors ran them: sizes, laws of the initial weights, coordinates."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from sirenbench import catalog
from sirenbench.encodings.positional import Positional
from sirenbench.engine.build import architecture, encode, initial_parameters
from sirenbench.engine.mlp import layer_views
from sirenbench.names import parse_name
from sirenbench.tasks.base import View


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("fit/a-256/siren-2x256", 132_609),
        ("fit/a-256/siren-3x256", 198_401),
        ("fit/a-256/siren-8x256", 527_361),
        ("fit/a-256/siren-3x512", 790_017),
        ("fit/a-256/relu-2x256", 132_609),
        ("fit/a-256/siren-2x256/channel=rgb", 133_123),
    ],
)
def test_parameter_counts_are_those_of_the_paper(name: str, count: int) -> None:
    assert architecture(parse_name(name)).parameters == count


@pytest.mark.parametrize(("side", "inputs"), [(32, 14), (64, 18), (128, 22), (256, 26), (512, 30)])
def test_positional_encoding_follows_the_nyquist_rule_of_the_training_image(side: int, inputs: int) -> None:
    spec = parse_name(f"fit/a-{side}/siren+pe-2x16")
    assert Positional().width(spec, side) == inputs
    assert encode(spec, torch.zeros(5, 2)).shape == (5, inputs)


def test_positional_encoding_of_super_resolution_looks_at_the_small_image() -> None:
    assert architecture(parse_name("sr/a-512-x8/relu+pe-3x512")).layers[0].fan_in == 18
    assert architecture(parse_name("sr/a-512-x8/relu+pe-3x512/frequencies=6")).layers[0].fan_in == 26


def test_positional_encoding_is_raw_coordinates_then_sines_and_cosines() -> None:
    spec = parse_name("fit/a-16/relu+pe-2x16")
    row, column = 0.3, -0.7
    expected = [row, column]
    for power in (1.0, 2.0):
        for value in (row, column):
            expected += [math.sin(power * math.pi * value), math.cos(power * math.pi * value)]
    assert encode(spec, torch.tensor([[row, column]]))[0].tolist() == pytest.approx(expected, abs=1e-6)


def _first_hidden_last(name: str) -> list[tuple[torch.Tensor, torch.Tensor]]:
    spec = parse_name(name)
    layers = architecture(spec).layers
    return layer_views(layers, initial_parameters(spec, layers))


def _bound(values: torch.Tensor) -> float:
    return float(values.abs().max())


def test_siren_draws_its_own_laws() -> None:
    first, hidden, _, last = _first_hidden_last("fit/a-64/siren-2x256")
    root = math.sqrt(6 / 256) / 30
    assert 0.49 < _bound(first[0]) <= 0.5
    assert 0.98 * root < _bound(hidden[0]) <= root
    assert 0.9 * root < _bound(last[0]) <= root
    assert 0.98 / math.sqrt(2) < _bound(first[1]) <= 1 / math.sqrt(2)
    assert 0.98 / 16 < _bound(hidden[1]) <= 1 / 16


def test_hidden_omega_widens_hidden_and_last_weights_but_not_the_first() -> None:
    first, hidden, _, last = _first_hidden_last("fit/a-64/siren-2x256/hidden_omega=1")
    root = math.sqrt(6 / 256)
    assert 0.98 * root < _bound(hidden[0]) <= root
    assert 0.9 * root < _bound(last[0]) <= root
    assert _bound(first[0]) <= 0.5


# (mean, standard deviation) of the first layer (2 -> 256) and of a hidden one (256 -> 256).
LAWS = {
    "standard": ((0, 0.2887), (0, 0.00295)),
    "kaiming_uniform": ((0, 1.0), (0, 0.0884)),
    "kaiming_normal": ((0, 1.0), (0, 0.0884)),
    "uniform": ((0.5, 0.2887), (0.5, 0.2887)),
    "normal": ((0, 1.0), (0, 1.0)),
    "xavier_uniform": ((0, 0.0880), (0, 0.0625)),
    "xavier_normal": ((0, 0.0880), (0, 0.0625)),
}


@pytest.mark.parametrize("scheme", LAWS)
def test_every_scheme_has_its_law_in_the_first_and_in_the_hidden_layers(scheme: str) -> None:
    part = "" if scheme == "standard" else f"/first_init={scheme}/hidden_init={scheme}"
    first, hidden, _, last = _first_hidden_last(f"fit/a-64/siren-2x256{part}/replicates=20")
    for weight, (mean, std) in zip((first[0], hidden[0]), LAWS[scheme], strict=True):
        error = 4 * std / math.sqrt(weight.numel())
        assert float(weight.mean()) == pytest.approx(mean, abs=error)
        assert float(weight.std()) == pytest.approx(std, rel=0.03)
    assert _bound(last[0]) <= math.sqrt(6 / 256) / 30


def test_relu_draws_every_weight_kaiming_normal() -> None:
    views = _first_hidden_last("fit/a-64/relu-2x256/replicates=20")
    for (weight, _), fan_in in zip(views, (2, 256, 256, 256), strict=True):
        assert float(weight.std()) == pytest.approx(math.sqrt(2 / fan_in), rel=0.03)


def test_a_replicate_is_drawn_by_its_seed_alone() -> None:
    def drawn(name: str) -> torch.Tensor:
        spec = parse_name(name)
        return initial_parameters(spec, architecture(spec).layers)

    five = drawn("fit/a-64/siren-2x16")
    assert torch.equal(five[3:4], drawn("fit/a-64/siren-2x16/replicates=1/seed=3"))
    assert not torch.equal(five[0], five[1])


def test_corner_grid_puts_the_outer_pixels_on_the_border_row_first() -> None:
    coordinates = View(np.zeros((3, 3), np.uint8), "corner").coordinates()
    assert coordinates.tolist() == [[-1, -1], [-1, 0], [-1, 1], [0, -1], [0, 0], [0, 1], [1, -1], [1, 0], [1, 1]]


def test_center_grid_keeps_the_places_of_a_reduced_image() -> None:
    large = View(np.zeros((8, 8), np.uint8), "center").coordinates().unflatten(0, (8, 8))
    small = View(np.zeros((4, 4), np.uint8), "center").coordinates().unflatten(0, (4, 4))
    means = large.reshape(4, 2, 4, 2, 2).mean(dim=(1, 3))
    assert torch.allclose(means, small, atol=1e-6)


def test_the_small_image_is_made_from_the_original_not_from_the_large_one() -> None:
    asked: list[tuple[int, str]] = []

    def picture(side: int, kernel: str) -> np.ndarray:
        asked.append((side, kernel))
        return np.zeros((side, side), np.uint8)

    spec = parse_name("sr/a-64-x4/siren-2x8/kernel=box")
    problem = catalog.tasks()["sr"].problem(spec, picture)
    assert set(asked) == {(16, "box"), (64, "pil-bilinear")}
    assert (problem.training.side, problem.scored.side) == (16, 64)


def test_targets_span_minus_one_to_one() -> None:
    values = View(np.array([[0, 255], [127, 128]], np.uint8), "corner").values()
    assert values[:, 0].tolist() == pytest.approx([-1, 1, -1 / 255, 1 / 255], abs=1e-6)
