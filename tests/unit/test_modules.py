"""What is written as a function or as a PyTorch module, against the same with derivatives by hand."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from components import listed
from hypothesis import given, settings
from hypothesis import strategies as st
from test_docs import EXAMPLES

from sirenbench import catalog
from sirenbench.cost import parameters_of, work_of
from sirenbench.engine import checkpoint
from sirenbench.engine.build import architecture, drawn, encode_with_derivatives
from sirenbench.engine.criterion import Pointwise
from sirenbench.engine.mlp import BatchedMlp
from sirenbench.engine.module import BatchedModule
from sirenbench.engine.plan import Graphics
from sirenbench.engine.trainer import Trainer
from sirenbench.names import parse_name
from sirenbench.networks.base import Activation, ByAutograd, Layer, ModuleNetwork
from sirenbench.networks.siren import Sine, Siren
from sirenbench.options import Number
from sirenbench.spec import CellSpec, SpecError
from sirenbench.tasks.base import Field, Form
from sirenbench.worker.evaluate import restored
from sirenbench.worker.train import _write_weights

CPU = torch.device("cpu")


def picture(side: int, kernel: str) -> np.ndarray:
    rows, columns = np.mgrid[0:side, 0:side] / side
    return (127 + 90 * np.sin(6 * rows + 1) * np.cos(9 * columns)).astype(np.uint8)


def colours(side: int, kernel: str) -> np.ndarray:
    return np.stack([picture(side, kernel), picture(side, kernel).T, 255 - picture(side, kernel)], axis=2)


class PlainSine(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sin(30 * x)


class PlainSiren(ModuleNetwork):
    """A SIREN as people write it; its parameters lie in the order of the library's."""

    name = "plain"
    title = "SIREN as a module"
    version = 1

    def module(self, spec: CellSpec, inputs: int, outputs: int) -> torch.nn.Module:
        widths = [inputs, *[int(spec.width or 0)] * (int(spec.depth or 0) + 1)]
        parts = [part for pair in pairwise(widths) for part in (torch.nn.Linear(*pair), PlainSine())]
        return torch.nn.Sequential(*parts, torch.nn.Linear(widths[-1], outputs))


class Multiplied(ModuleNetwork):
    """A multiplicative filter network: sines of the coordinates, each multiplied with a linear map of the last."""

    name = "multiplied"
    title = "Products of sines"
    version = 1
    options = (Number("highest", 10.0, "Largest frequency.", low=1e-3, high=1e3),)

    def module(self, spec: CellSpec, inputs: int, outputs: int) -> torch.nn.Module:
        return Filters(inputs, int(spec.depth or 0), int(spec.width or 0), outputs, float(spec["highest"]))


class Filters(torch.nn.Module):
    def __init__(self, inputs: int, depth: int, width: int, outputs: int, highest: float) -> None:
        super().__init__()
        self.filters = torch.nn.ModuleList(torch.nn.Linear(inputs, width) for _ in range(depth + 1))
        self.maps = torch.nn.ModuleList(torch.nn.Linear(width, width) for _ in range(depth))
        self.last = torch.nn.Linear(width, outputs)
        self.gain = torch.nn.Parameter(torch.ones(()))
        self.register_buffer("highest", torch.tensor(highest))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first, *filters = (torch.sin(self.highest * one(x)) for one in self.filters)
        for linear, filtered in zip(self.maps, filters, strict=True):
            first = linear(first) * filtered
        return self.gain * self.last(first)


@pytest.fixture(autouse=True, scope="module")
def _modules_are_networks() -> Iterator[None]:
    with listed(catalog.networks(), plain=PlainSiren(), multiplied=Multiplied()):
        yield


def trained(name: str) -> Trainer:
    spec = parse_name(name)
    pixels = colours if spec["channel"] == "rgb" else picture
    return Trainer(spec, catalog.tasks()[spec.task].problem(spec, pixels), CPU)


@settings(deadline=None, max_examples=60)
@given(
    field=st.sampled_from(["value", "gradient", "laplacian"]),
    form=st.sampled_from(["squared", "norm"]),
    encoding=st.sampled_from(["", "+pe"]),
    depth=st.integers(1, 3),
    width=st.integers(1, 20),
    channels=st.sampled_from([1, 3]),
    replicates=st.integers(1, 3),
    chunk=st.integers(1, 200),
    together=st.booleans(),
)
def test_a_siren_as_a_module_equals_the_one_by_hand_to_float64_round_off(
    field: Field,
    form: Form,
    encoding: str,
    depth: int,
    width: int,
    channels: int,
    replicates: int,
    chunk: int,
    together: bool,
) -> None:
    """Loss and gradient; replicates one by one as on a CPU, and in one product as on a GPU."""
    colour = "/channel=rgb" if channels == 3 else ""
    words = f"{depth}x{width}{colour}" + ("" if replicates == 5 else f"/replicates={replicates}")
    spec = parse_name(f"poisson/a-10/siren{encoding}-{words}")
    plain = parse_name(f"poisson/a-10/plain{encoding}-{words}")
    inputs, built = encode_with_derivatives(spec, _coordinates(spec)), architecture(spec)
    shape = (100, channels, 2) if field == "gradient" else (100, channels)
    criterion = Pointwise(field, form, torch.randn(shape, generator=torch.Generator().manual_seed(1)).double())
    plan = Graphics(0) if together else None
    parameters = drawn(spec).double()
    module = PlainSiren().module(plain, inputs.values.shape[1], channels)
    networks = (
        BatchedMlp(built.layers, built.activations, parameters),
        BatchedModule(module, channels, parameters, chunk, plan=plan),
    )
    found = []
    for network in networks:
        value, out = (torch.empty(replicates, *tail, dtype=torch.float64) for tail in (shape[:2], shape))
        network.step(inputs, criterion, value, out)
        found.append((value, out, criterion.loss(out), network.gradient.clone()))
    for ours, theirs in zip(*found, strict=True):
        assert float((ours - theirs).abs().max()) <= 1e-12 * (float(theirs.abs().max()) + 1e-30)


def _coordinates(spec: CellSpec) -> torch.Tensor:
    return catalog.tasks()[spec.task].problem(spec, colours).training.coordinates().double()


@pytest.mark.parametrize("arm", ["plain", "plain+pe", "multiplied"])
def test_value_slopes_and_laplacian_are_measured_at_the_end_as_of_any_network(arm: str) -> None:
    network = trained(f"fit/a-16/{arm}-1x8/steps=2/replicates=2")
    network.run()
    found = network.derivatives()
    assert found.gradient.shape == (2, 256, 1, 2)
    assert found.laplacian.shape == (2, 256, 1)
    assert all(values.isfinite().all() for values in found.scores.values())


@pytest.mark.parametrize(
    "name",
    [
        "fit/a-16/multiplied-2x16/highest=20/steps=25",
        "sr/a-32-x2/multiplied+pe-1x8/steps=25",
        "poisson/a-48/multiplied-1x8/steps=3",
        "poisson/a-16/plain-1x8/supervision=laplacian/channel=rgb/steps=5",
    ],
)
def test_a_module_keeps_its_bits_in_company_on_threads_and_across_a_stop(name: str, tmp_path: Path) -> None:
    whole, alone = trained(f"{name}/replicates=3"), trained(f"{name}/replicates=1/seed=2")
    whole.run()
    alone.run()
    assert torch.equal(whole.network.parameters[2:3], alone.network.parameters)
    torch.set_num_threads(2)
    try:
        before, after = trained(f"{name}/replicates=3"), trained(f"{name}/replicates=3")
        before.run(until=1)
        checkpoint.save(tmp_path / "state", before.state(), {})
        after.load(checkpoint.load(tmp_path / "state", {}))
        after.run()
    finally:
        torch.set_num_threads(1)
    assert torch.equal(whole.network.parameters, after.network.parameters)
    assert torch.equal(whole.curves.values, after.curves.values)


def test_the_stored_weights_of_a_module_give_its_prediction_again(tmp_path: Path) -> None:
    first = trained("fit/a-16/multiplied-2x16/steps=9/replicates=2")
    first.run()
    stored = first.weights()
    assert stored["maps.1.weight"].shape == (2, 16, 16)
    assert stored["gain"].shape == (2,)
    _write_weights(tmp_path / "weights.safetensors", stored)
    network = restored(parse_name("fit/a-16/multiplied-2x16/steps=9/replicates=2"), tmp_path / "weights.safetensors")
    out = torch.empty(2, 256, 1)
    with torch.no_grad():
        network.predict(first.problem.scored.coordinates(), out)
    assert torch.equal(out.unflatten(1, (16, 16)), first.prediction())


def test_the_example_of_the_documentation_trains() -> None:
    made: dict = {"__name__": "filters"}
    exec(EXAMPLES["src/sirenbench/networks/filters.py"], made)
    with listed(catalog.networks(), filters=made["COMPONENTS"][0]):
        network = trained("poisson/a-16/filters-2x16/highest=20/lr=0.01/steps=60/replicates=2")
        network.run()
    loss = network.curves.series("loss")
    assert (loss[-1] < 0.7 * loss[0]).all()


def test_each_seed_draws_its_own_module_and_no_one_elses() -> None:
    one, other = (
        drawn(parse_name("fit/a-16/plain-1x8/replicates=2")),
        drawn(parse_name("fit/a-16/plain-1x8/replicates=1/seed=1")),
    )
    assert torch.equal(one[1:], other)
    assert not torch.equal(one[0], one[1])
    torch.manual_seed(5)
    untouched = torch.rand(1)
    torch.manual_seed(5)
    drawn(parse_name("fit/a-16/plain-1x8"))
    assert torch.equal(torch.rand(1), untouched)


def test_a_task_that_measures_layers_refuses_a_module_before_the_run() -> None:
    with pytest.raises(SpecError, match="activations measures layers, and plain is a module"):
        parse_name("activations/a-16/plain-1x8")


def test_what_a_module_costs_is_told_by_its_parameters() -> None:
    spec = parse_name("poisson/a-16/plain-1x8/supervision=laplacian/steps=10/replicates=2")
    assert parameters_of(spec) == 2 * 8 + 8 + 8 * 8 + 8 + 8 + 1
    assert work_of(spec).network == 2 * 10 * 36 * parameters_of(spec) * 256
    assert trained(spec.name).flop_per_step == 2 * 36 * parameters_of(spec) * 256


@pytest.mark.parametrize("by_hand", [Sine(17.0)])
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_a_function_alone_has_the_derivatives_of_one_by_hand(by_hand: Activation, count: int) -> None:
    z = torch.randn(3, 40, 5, dtype=torch.float64)
    ours, theirs = ([torch.empty_like(z) for _ in range(count)] for _ in range(2))
    before = z.clone()
    ByAutograd(torch.sin, 17.0).apply(z, *ours)
    by_hand.apply(z, *theirs)
    assert torch.equal(z, before)
    for one, other in zip(ours, theirs, strict=True):
        assert torch.allclose(one, other, rtol=0, atol=1e-14)


def test_a_function_without_further_derivatives_has_zeros() -> None:
    z, out = torch.randn(2, 7), [torch.empty(2, 7) for _ in range(4)]
    ByAutograd(torch.relu).apply(z, *out)
    assert torch.equal(out[1], (z > 0).float())
    assert not out[2].any()
    assert not out[3].any()


class ByFunction(Siren):
    """A SIREN whose sine autograd differentiates."""

    def activation(self, spec: CellSpec, layer: Layer) -> Activation:
        return ByAutograd(torch.sin, 30.0)


@pytest.mark.parametrize("supervision", ["", "/supervision=laplacian"])
def test_a_network_of_a_function_trains_as_the_one_by_hand(supervision: str) -> None:
    name = f"poisson/a-16/siren-2x16{supervision}/steps=2/replicates=2"
    spec = parse_name(name)
    problem = catalog.tasks()[spec.task].problem(spec, picture)
    gradients = []
    for network in (Siren(), ByFunction()):
        with listed(catalog.networks(), siren=network):
            one = Trainer(spec, problem, CPU, dtype=torch.float64)
            one.run(until=0)
        gradients.append(one.network.gradient.clone())
    assert float((gradients[0] - gradients[1]).abs().max() / gradients[0].abs().max()) < 1e-12
