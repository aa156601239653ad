"""The engine against autograd, against itself in other chunks and other company, and across a stop."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sirenbench import catalog
from sirenbench.engine import checkpoint
from sirenbench.engine.build import architecture, encode, initial_parameters
from sirenbench.engine.mlp import BatchedMlp, layer_views
from sirenbench.engine.trainer import Trainer
from sirenbench.names import changed, parse_name
from sirenbench.spec import CellSpec
from sirenbench.tasks.base import View

CPU = torch.device("cpu")


def picture(side: int, kernel: str) -> np.ndarray:
    rows, columns = np.mgrid[0:side, 0:side] / side
    return (127 + 90 * np.sin(6 * rows + 1) * np.cos(9 * columns)).astype(np.uint8)


def colours(side: int, kernel: str) -> np.ndarray:
    return np.stack([picture(side, kernel), picture(side, kernel).T, 255 - picture(side, kernel)], axis=2)


def reference(spec: CellSpec, flat: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
    """The network written plainly, one replicate: (P,), (N, F) -> (N, C)."""
    built = architecture(spec)
    x = inputs
    for layer, (weight, bias) in zip(built.layers, layer_views(built.layers, flat[None]), strict=True):
        x = x @ weight[0].T + bias[0]
        if layer.role != "last":
            x = torch.sin(float(spec[f"{layer.role}_omega"]) * x) if spec.network == "siren" else torch.relu(x)
    return x


@settings(deadline=None, max_examples=40)
@given(
    arm=st.sampled_from(["siren", "relu", "siren+pe", "relu+pe"]),
    depth=st.integers(1, 4),
    width=st.integers(1, 24),
    side=st.integers(8, 16),
    channel=st.sampled_from(["grey", "rgb"]),
    replicates=st.integers(1, 3),
    chunk=st.integers(1, 300),
    omega=st.sampled_from([1, 17, 30]),
)
def test_loss_gradients_equal_autograd_to_float64_round_off(
    arm: str, depth: int, width: int, side: int, channel: str, replicates: int, chunk: int, omega: int
) -> None:
    name = f"fit/a-{side}/{arm}-{depth}x{width}"
    spec = changed(parse_name(name), channel=channel, replicates=replicates)
    if spec.network == "siren":
        spec = changed(spec, first_omega=omega, hidden_omega=omega)
    view = View((picture if channel == "grey" else colours)(side, ""), "corner")
    inputs, targets = encode(spec, view.coordinates()).double(), view.values().double()
    built = architecture(spec)
    parameters = initial_parameters(spec, built.layers).double()
    network = BatchedMlp(built.layers, built.activations, parameters, chunk_rows=chunk)
    out = torch.empty(replicates, *targets.shape, dtype=torch.float64)
    network.step(inputs, targets, out)
    for replicate in range(replicates):
        flat = parameters[replicate].clone().requires_grad_()
        expected = reference(spec, flat, inputs)
        torch.nn.functional.mse_loss(expected, targets).backward()
        scale = float(flat.grad.abs().max()) + 1e-30
        assert torch.allclose(out[replicate], expected, rtol=0, atol=1e-11)
        assert float((network.gradient[replicate] - flat.grad).abs().max()) / scale < 1e-11


def test_float32_gradients_are_faithful_to_float64() -> None:
    spec = parse_name("fit/a-32/siren-3x64/replicates=2")
    view, built = View(picture(32, ""), "corner"), architecture(spec)
    gradients = []
    for dtype in (torch.float32, torch.float64):
        network = BatchedMlp(built.layers, built.activations, initial_parameters(spec, built.layers).to(dtype))
        inputs, targets = encode(spec, view.coordinates()).to(dtype), view.values().to(dtype)
        network.step(inputs, targets, torch.empty(2, *targets.shape, dtype=dtype))
        gradients.append(network.gradient.double())
    assert float((gradients[0] - gradients[1]).norm() / gradients[1].norm()) < 1e-5


def _trainer(name: str, pixels=picture) -> Trainer:
    spec = parse_name(name)
    return Trainer(spec, catalog.tasks()[spec.task].problem(spec, pixels), CPU)


def test_training_equals_a_plain_loop_with_torch_adam() -> None:
    spec = parse_name("fit/a-16/siren-2x16/steps=40/replicates=1")
    trainer = _trainer(spec.name)
    assert trainer.run()
    view = View(picture(16, ""), "corner")
    flat = initial_parameters(spec, architecture(spec).layers)[0].requires_grad_()
    adam = torch.optim.Adam([flat], lr=1e-4)
    losses = []
    for step in range(41):
        loss = torch.nn.functional.mse_loss(reference(spec, flat, view.coordinates()), view.values())
        losses.append(loss.item())
        if step < 40:
            adam.zero_grad()
            loss.backward()
            adam.step()
    assert trainer.curves.series("loss")[:, 0] == pytest.approx(losses, rel=1e-4)


def test_scores_belong_to_exactly_that_many_updates() -> None:
    """Step 0 scores the initial weights; the stored weights give the last score again."""
    trainer = _trainer("fit/a-16/siren-2x16/steps=7/replicates=2")
    initial = trainer.network.parameters.clone()
    trainer.run(until=0)
    assert trainer.curves.steps.tolist() == list(range(8))
    network = BatchedMlp(trainer.network.layers, trainer._architecture.activations, initial)
    view = trainer.problem.scored
    out = torch.empty(2, 256, 1)
    network.predict(view.coordinates(), out)
    loss = (out - view.values()).square().mean(dim=(1, 2))
    assert trainer.curves.series("loss")[0] == pytest.approx(loss.tolist())
    trainer.run()
    assert np.isfinite(trainer.curves.series("loss")).all()
    trainer.network.predict(view.coordinates(), out)
    assert torch.equal(out.unflatten(1, (16, 16)), trainer.prediction())


@pytest.mark.parametrize("name", ["fit/a-16/siren-2x16/steps=25", "sr/a-32-x2/relu+pe-2x16/steps=25"])
def test_a_replicate_does_not_depend_on_its_company(name: str) -> None:
    """On a CPU to the last bit; a GPU multiplies all replicates at once and keeps float32 round-off."""
    together, alone = _trainer(f"{name}/replicates=3"), _trainer(f"{name}/replicates=1/seed=2")
    together.run()
    alone.run()
    assert torch.equal(together.network.parameters[2:3], alone.network.parameters)
    assert np.array_equal(together.curves.series("psnr")[:, 2], alone.curves.series("psnr")[:, 0])


@pytest.mark.parametrize("stop", [0, 1, 17, 39, 40])
@pytest.mark.parametrize(
    "name", ["fit/a-16/siren-2x16/steps=40/replicates=2", "sr/a-32-x2/siren+pe-2x16/steps=40/eval_every=7/replicates=2"]
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


def test_a_checkpoint_of_another_cell_or_a_damaged_one_is_not_used(tmp_path: Path) -> None:
    trainer = _trainer("fit/a-16/siren-2x16/steps=5/replicates=1")
    path = tmp_path / "state.safetensors"
    checkpoint.save(path, trainer.state(), {"cell": "one"})
    assert checkpoint.load(path, {"cell": "other"}) is None
    path.write_bytes(path.read_bytes()[:-20])
    assert checkpoint.load(path, {"cell": "one"}) is None
    assert checkpoint.load(tmp_path / "nothing", {"cell": "one"}) is None


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
