"""The engine against autograd, against itself in other chunks and other company, and across a stop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from initial_networks import derivative, laplacian, plain

from sirenbench import catalog
from sirenbench.adam import Adam
from sirenbench.engine import checkpoint
from sirenbench.engine.build import architecture, encode, encode_with_derivatives, initial_parameters
from sirenbench.engine.criterion import Given, Pointwise
from sirenbench.engine.inputs import Inputs
from sirenbench.engine.mlp import BatchedMlp
from sirenbench.engine.passes import base
from sirenbench.engine.trainer import Trainer
from sirenbench.names import arms_of, changed, parse_name
from sirenbench.spec import CellSpec
from sirenbench.tasks.base import Field, View

CPU = torch.device("cpu")
DERIVED = ("gradient", "laplacian")


def picture(side: int, kernel: str) -> np.ndarray:
    rows, columns = np.mgrid[0:side, 0:side] / side
    return (127 + 90 * np.sin(6 * rows + 1) * np.cos(9 * columns)).astype(np.uint8)


def colours(side: int, kernel: str) -> np.ndarray:
    return np.stack([picture(side, kernel), picture(side, kernel).T, 255 - picture(side, kernel)], axis=2)


def nested(spec: CellSpec, flat: torch.Tensor, coordinates: torch.Tensor, field: str) -> torch.Tensor:
    """The field of one replicate by autograd inside autograd: (N, C), for gradients (N, C, 2)."""
    at = coordinates.clone().requires_grad_()
    value = plain(spec, flat, at)[0]
    if field == "value":
        return value
    differentiated = derivative if field == "gradient" else laplacian
    return torch.stack([differentiated(channel, at) for channel in value.unbind(1)], dim=1)


def arms() -> list[str]:
    """Every network with every encoding; losses of the whole image have their own tests."""
    return [arm for arm in arms_of("poisson") if arm not in catalog.baselines()]


@settings(deadline=None, max_examples=120)
@given(
    arm=st.sampled_from(arms()),
    field=st.sampled_from(["value", "gradient", "laplacian"]),
    form=st.sampled_from(["squared", "norm"]),
    depth=st.integers(1, 4),
    width=st.integers(1, 24),
    side=st.integers(8, 14),
    channel=st.sampled_from(["grey", "rgb"]),
    replicates=st.integers(1, 3),
    chunk=st.integers(1, 300),
    omega=st.sampled_from([1, 17, 30]),
)
def test_loss_gradients_equal_nested_autograd_to_float64_round_off(
    arm: str,
    field: str,
    form: str,
    depth: int,
    width: int,
    side: int,
    channel: str,
    replicates: int,
    chunk: int,
    omega: int,
) -> None:
    spec = changed(parse_name(f"poisson/a-{side}/{arm}-{depth}x{width}"), channel=channel, replicates=replicates)
    if spec.network == "siren":
        spec = changed(spec, first_omega=omega, hidden_omega=omega)
    view = View((picture if channel == "grey" else colours)(side, ""), "corner")
    coordinates, built = view.coordinates().double(), architecture(spec)
    parameters = initial_parameters(spec, built.layers).double()
    network = BatchedMlp(built.layers, built.activations, parameters, chunk_rows=chunk)
    shape = (side**2, view.channels, 2) if field == "gradient" else (side**2, view.channels)
    criterion = Pointwise(field, form, torch.randn(shape, generator=torch.Generator().manual_seed(1)).double())
    value, out = (torch.empty(replicates, *tail, dtype=torch.float64) for tail in (shape[:2], shape))
    network.step(encode_with_derivatives(spec, coordinates), criterion, value, out)
    losses = criterion.loss(out)
    for replicate in range(replicates):
        flat = parameters[replicate].clone().requires_grad_()
        expected = nested(spec, flat, coordinates, field)
        residual = expected - criterion.targets
        squared = residual.square().sum(-1) if field == "gradient" else residual.square()
        loss = (squared if form == "squared" else squared.sqrt()).mean()
        (gradient,) = torch.autograd.grad(loss, flat, materialize_grads=True)
        near = {"rtol": 1e-11, "atol": 1e-11 * float(expected.detach().abs().max() + 1)}
        assert torch.allclose(value[replicate], plain(spec, flat, coordinates)[0], rtol=0, atol=1e-11)
        assert torch.allclose(out[replicate], expected, **near)
        assert float(losses[replicate]) == pytest.approx(loss.item(), rel=1e-12)
        scale = float(gradient.abs().max()) + 1e-30
        assert float((network.gradient[replicate] - gradient).abs().max()) / scale < 1e-12


def test_a_residual_of_no_length_has_no_direction() -> None:
    """Where a network meets its target exactly, the norm has no derivative: 0 is taken, and nothing becomes NaN."""
    for field, shape in (("value", (5, 1)), ("gradient", (5, 1, 2)), ("laplacian", (5, 3))):
        targets = torch.randn(shape)
        pointwise = Pointwise(field, "norm", targets)
        assert torch.equal(pointwise.cotangent(slice(0, 1), slice(0, 5), targets[None].clone()), torch.zeros(1, *shape))


def test_a_derivative_found_elsewhere_goes_through_the_network() -> None:
    """What a loss of the whole image hands back, against autograd through the whole."""
    spec = parse_name("fit/a-12/siren+pe-2x9/replicates=2")
    coordinates, built = View(picture(12, ""), "corner").coordinates().double(), architecture(spec)
    parameters = initial_parameters(spec, built.layers).double()
    network = BatchedMlp(built.layers, built.activations, parameters, chunk_rows=50)
    inputs, weights = Inputs(encode(spec, coordinates)), torch.randn(2, 144, 1, dtype=torch.float64)
    out = torch.empty(2, 144, 1, dtype=torch.float64)
    network.step(inputs, Given(weights), out, out)
    for replicate in (0, 1):
        flat = parameters[replicate].clone().requires_grad_()
        (plain(spec, flat, coordinates)[0] * weights[replicate]).sum().backward()
        assert torch.allclose(network.gradient[replicate], flat.grad, rtol=1e-11, atol=1e-12)


@pytest.mark.slow
@settings(deadline=None, max_examples=25)
@given(
    arm=st.sampled_from(arms()),
    field=st.sampled_from(["value", "gradient", "laplacian"]),
    depth=st.integers(1, 4),
    width=st.sampled_from([5, 16, 64, 200, 256, 300]),
    channel=st.sampled_from(["grey", "rgb"]),
    replicates=st.integers(1, 2),
    chunk=st.one_of(st.none(), st.integers(50, 1100)),
)
@example(arm="siren", field="value", depth=3, width=256, channel="grey", replicates=2, chunk=None)
@example(arm="siren", field="gradient", depth=3, width=256, channel="grey", replicates=2, chunk=None)
@example(arm="siren", field="laplacian", depth=3, width=256, channel="grey", replicates=2, chunk=None)
def test_float32_gradients_are_faithful_to_float64(
    arm: str, field: Field, depth: int, width: int, channel: str, replicates: int, chunk: int | None
) -> None:
    spec = changed(parse_name(f"poisson/a-32/{arm}-{depth}x{width}"), channel=channel, replicates=replicates)
    view, built = View((picture if channel == "grey" else colours)(32, ""), "corner"), architecture(spec)
    shape = (1024, view.channels, 2) if field == "gradient" else (1024, view.channels)
    targets = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    gradients = []
    for dtype in (torch.float32, torch.float64):
        parameters = initial_parameters(spec, built.layers).to(dtype)
        network = BatchedMlp(built.layers, built.activations, parameters, chunk)
        inputs = encode_with_derivatives(spec, view.coordinates()).to(CPU, dtype)
        value, out = (torch.empty(replicates, *tail, dtype=dtype) for tail in (shape[:2], shape))
        network.step(inputs, Pointwise(field, "squared", targets.to(dtype)), value, out)
        gradients.append(network.gradient.double())
    assert float((gradients[0] - gradients[1]).norm() / (gradients[1].norm() + 1e-30)) < 1e-5


def _trainer(name: str, pixels=picture) -> Trainer:
    spec = parse_name(name)
    return Trainer(spec, catalog.tasks()[spec.task].problem(spec, pixels), CPU)


def test_training_equals_a_plain_loop_with_torch_adam() -> None:
    spec = parse_name("fit/a-16/siren-2x16/steps=250/replicates=1")
    trainer = _trainer(spec.name)
    assert trainer.run()
    view = View(picture(16, ""), "corner")
    flat = initial_parameters(spec, architecture(spec).layers)[0].requires_grad_()
    adam = torch.optim.Adam([flat], lr=1e-4)
    losses = []
    for step in range(251):
        loss = torch.nn.functional.mse_loss(plain(spec, flat, view.coordinates())[0], torch.from_numpy(view.values()))
        losses.append(loss.item())
        if step < 250:
            adam.zero_grad()
            loss.backward()
            adam.step()
    assert trainer.curves.series("loss")[:, 0] == pytest.approx(losses, rel=1e-4)


@pytest.mark.parametrize(
    "name",
    [
        "fit/a-48/siren-2x64/steps=20/replicates=2",
        "poisson/a-48/siren-1x256/steps=5/replicates=2",
        "poisson/a-32/siren+pe-2x32/supervision=laplacian/steps=10/replicates=2",
    ],
)
def test_training_twice_gives_the_same_bits(name: str) -> None:
    first, second = _trainer(name), _trainer(name)
    first.run()
    second.run()
    assert torch.equal(first.network.parameters, second.network.parameters)
    assert torch.equal(first.curves.values, second.curves.values)


def test_a_fit_in_float32_stays_beside_the_one_in_float64() -> None:
    """250 steps, as the losses of a fit allow; those of derivatives are chaotic, and held to by single steps."""
    spec = parse_name("fit/a-32/siren-3x64/steps=250/replicates=1")
    problem = catalog.tasks()[spec.task].problem(spec, picture)
    losses = []
    for dtype in (torch.float32, torch.float64):
        trainer = Trainer(spec, problem, CPU, dtype=dtype)
        trainer.run()
        losses.append(trainer.curves.series("loss")[:, 0])
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_adam_has_the_bits_of_torch_optim_also_after_a_stop() -> None:
    torch.manual_seed(3)
    start, gradients = torch.randn(2, 40), torch.randn(12, 2, 40)
    theirs = torch.nn.Parameter(start.clone())
    reference = torch.optim.Adam([theirs], lr=0.01, fused=True)
    ours = start.clone()
    adam = Adam([ours], lr=0.01)
    for step, gradient in enumerate(gradients):
        theirs.grad = gradient
        reference.step()
        if step == 6:
            saved = [{key: values.clone() for key, values in own.items()} for own in adam.state]
            adam = Adam([ours], lr=0.01)
            adam.load(saved)
        adam.step([gradient])
        assert torch.equal(ours, theirs)


def test_scores_belong_to_exactly_that_many_updates() -> None:
    """Step 0 scores the initial weights; the stored weights give the last score again."""
    trainer = _trainer("fit/a-16/siren-2x16/steps=7/replicates=2")
    initial = trainer.network.parameters.clone()
    trainer.run(until=0)
    assert trainer.curves.steps.tolist() == list(range(8))
    network = BatchedMlp(trainer.network.layers, trainer.network.activations, initial)
    view = trainer.problem.scored
    out = torch.empty(2, 256, 1)
    network.predict(view.coordinates(), out)
    loss = (out - torch.from_numpy(view.values())).square().mean(dim=(1, 2))
    assert trainer.curves.series("loss")[0] == pytest.approx(loss.tolist())
    trainer.run()
    assert np.isfinite(trainer.curves.series("loss")).all()
    trainer.network.predict(view.coordinates(), out)
    assert torch.equal(out.unflatten(1, (16, 16)), trainer.prediction())


@pytest.mark.parametrize(
    "name",
    [
        "fit/a-16/siren-2x16/steps=25",
        "sr/a-32-x2/relu+pe-2x16/steps=25",
        "poisson/a-16/siren-2x16/steps=25",
        "poisson/a-16/siren+pe-2x16/supervision=laplacian/steps=25",
        "poisson/a-16/siren-2x16/channel=rgb/steps=25",
        "fit/a-64/siren-1x256/steps=3",
        "poisson/a-48/siren-1x256/steps=3",
        "poisson/a-48/siren-1x256/supervision=laplacian/steps=3",
    ],
)
def test_a_replicate_does_not_depend_on_its_company(name: str) -> None:
    """On a CPU to the last bit; a GPU multiplies all replicates at once and keeps float32 round-off."""
    pixels = colours if "rgb" in name else picture
    together, alone = _trainer(f"{name}/replicates=3", pixels), _trainer(f"{name}/replicates=1/seed=2", pixels)
    together.run()
    alone.run()
    assert torch.equal(together.network.parameters[2:3], alone.network.parameters)
    assert np.array_equal(together.curves.series("psnr")[:, 2], alone.curves.series("psnr")[:, 0])


def test_a_network_that_has_seen_a_large_grid_is_right_on_a_small_one() -> None:
    """The number of partial sums changes with the grid."""
    spec = parse_name("fit/a-64/siren-1x8/replicates=1")
    built = architecture(spec)
    used, fresh = (
        BatchedMlp(built.layers, built.activations, initial_parameters(spec, built.layers)) for _ in range(2)
    )
    for network, sides in ((used, (64, 16)), (fresh, (16,))):
        for side in sides:
            view = View(picture(side, ""), "corner")
            criterion, out = Pointwise("value", "squared", torch.from_numpy(view.values())), torch.empty(1, side**2, 1)
            network.step(Inputs(view.coordinates()), criterion, out, out)
    assert torch.equal(used.gradient, fresh.gradient)


@pytest.mark.parametrize("field", ["value", *DERIVED])
@pytest.mark.parametrize("name", ["activations/a-64/siren-16x2048", "sr/a-64-x2/siren-8x1024", "fit/a-64/siren-8x256"])
def test_what_a_chunk_holds_is_bounded_whatever_the_network(name: str, field: Field) -> None:
    built = architecture(parse_name(name))
    network = BatchedMlp(built.layers, built.activations, torch.empty(1, built.parameters, device="cpu"))
    held = vars(network._new_pass(field)) | {"like": None}
    assert sum(buffer.nbytes for buffer in _buffers(held)) <= 1.2 * 48 * 2**20


def _buffers(held: object) -> list[torch.Tensor]:
    """Every tensor of its own memory in some lists in lists."""
    if isinstance(held, torch.Tensor):
        return [held]
    items = held.values() if isinstance(held, dict) else held if isinstance(held, list | tuple) else []
    found = [tensor for item in items for tensor in _buffers(item)]
    return list({tensor.data_ptr(): tensor for tensor in found}.values())


def test_products_of_numpy_are_those_of_pytorch() -> None:
    a, b = torch.randn(1, 33, 256), torch.randn(1, 7, 256).transpose(1, 2)
    torch.testing.assert_close(base.product(a, b), torch.bmm(a, b))
    torch.testing.assert_close(base.product(b.transpose(1, 2), a.transpose(1, 2)), torch.bmm(a, b).transpose(1, 2))


@pytest.fixture
def two_threads() -> Iterator[None]:
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(1)


@pytest.mark.parametrize(
    "name",
    [
        "fit/a-64/siren-2x24",
        "poisson/a-64/siren-2x24",
        "poisson/a-64/relu-2x24/channel=rgb",
        "poisson/a-48/siren-1x256/supervision=laplacian",
    ],
)
def test_the_number_of_threads_changes_no_bit(name: str, request: pytest.FixtureRequest) -> None:
    """The gradient is made of the same partial sums, whoever takes them."""
    pixels = colours if "rgb" in name else picture
    alone = _trainer(f"{name}/steps=4/replicates=3", pixels)
    alone.run()
    request.getfixturevalue("two_threads")
    together = _trainer(f"{name}/steps=4/replicates=3", pixels)
    together.run()
    assert torch.equal(alone.network.parameters, together.network.parameters)
    assert torch.equal(alone.derivatives().laplacian, together.derivatives().laplacian)


@pytest.mark.parametrize("stop", [0, 1, 17, 39, 40])
@pytest.mark.parametrize(
    "name",
    [
        "fit/a-16/siren-2x16/steps=40/replicates=2",
        "sr/a-32-x2/siren+pe-2x16/steps=40/eval_every=7/replicates=2",
        "poisson/a-16/siren-2x16/supervision=laplacian/steps=40/replicates=2",
    ],
)
def test_a_stop_at_any_step_changes_no_bit(name: str, stop: int, tmp_path: Path) -> None:
    whole, before, after = _trainer(name), _trainer(name), _trainer(name)
    whole.run()
    before.run(after_step=lambda step: step < stop)
    path = tmp_path / "state.safetensors"
    checkpoint.save(path, before.state(), {"cell": name})
    after.load(checkpoint.load(path, {"cell": name}))
    assert after.step == stop + 1
    after.run()
    assert torch.equal(whole.network.parameters, after.network.parameters)
    assert torch.equal(whole.curves.values, after.curves.values)
    assert torch.equal(whole.prediction(), after.prediction())


def test_super_resolution_scores_the_large_image_at_the_asked_steps_and_the_small_one_beside_it() -> None:
    trainer = _trainer("sr/a-32-x2/siren-2x16/steps=25/eval_every=10/replicates=2")
    trainer.run()
    assert trainer.curves.steps.tolist() == [0, 10, 20, 25]
    assert trainer.curves.columns == ("loss", "psnr", "ssim", "fit_psnr")
    assert trainer.prediction().shape == (2, 32, 32, 1)
    fit = trainer.curves.series("fit_psnr")[-1]
    assert fit == pytest.approx(10 * np.log10(4 / trainer.curves.series("loss")[-1]), abs=0.2)


def test_colour_networks_have_three_outputs() -> None:
    trainer = _trainer("fit/a-16/siren-2x16/channel=rgb/steps=3/replicates=2", colours)
    trainer.run()
    assert trainer.prediction().shape == (2, 16, 16, 3)


def test_a_diverging_network_is_followed_to_its_end() -> None:
    trainer = _trainer("fit/a-16/siren-2x16/lr=10/steps=30/replicates=2")
    assert trainer.run()
    assert np.isfinite(trainer.curves.series("psnr")[0]).all()
