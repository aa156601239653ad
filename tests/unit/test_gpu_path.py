"""What a GPU is given, tested without one: its plan on a CPU, its step on tensors without content, its kernels run by
Triton's interpreter, its recordings by recorders that are made up.

What a GPU itself does with it is tested by the last class, where there is one.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode

from sirenbench import catalog
from sirenbench.engine import clock, precision, trainer
from sirenbench.engine.build import architecture, drawn, encode_with_derivatives
from sirenbench.engine.clock import GpuClock
from sirenbench.engine.criterion import Pointwise
from sirenbench.engine.mlp import BatchedMlp
from sirenbench.engine.passes.base import Linear
from sirenbench.engine.plan import Graphics, Processor
from sirenbench.engine.precision import products
from sirenbench.engine.replay import Replayed
from sirenbench.engine.trainer import Trainer
from sirenbench.errors import UserError
from sirenbench.names import parse_name
from sirenbench.networks import siren
from sirenbench.tasks.base import Field

CPU = torch.device("cpu")
MIB = 2**20
CELLS = [
    "fit/a-16/siren-2x16/steps=5/replicates=3",
    "fit/a-16/relu+pe-2x16/channel=rgb/steps=5/replicates=3",
    "sr/a-32-x2/siren+pe-2x16/steps=5/replicates=3",
    "poisson/a-16/siren-2x16/steps=5/replicates=3",
    "poisson/a-16/siren-2x16/supervision=laplacian/form=norm/channel=rgb/steps=5/replicates=3",
]


def picture(side: int, kernel: str) -> np.ndarray:
    rows, columns = np.mgrid[0:side, 0:side] / side
    return (127 + 90 * np.sin(6 * rows + 1) * np.cos(9 * columns)).astype(np.uint8)


def colours(side: int, kernel: str) -> np.ndarray:
    return np.stack([picture(side, kernel)] * 3, axis=2)


def made(name: str, device: torch.device = CPU) -> Trainer:
    spec = parse_name(name)
    pixels = colours if spec["channel"] == "rgb" else picture
    return Trainer(spec, catalog.tasks()[spec.task].problem(spec, pixels), device)


class TestThePlan:
    """How many pixels and replicates are worked on at once."""

    @pytest.mark.parametrize("field", ["value", "gradient", "laplacian"])
    def test_what_a_layer_holds_of_a_chunk_fits_the_cache_of_a_gpu(self, field: Field) -> None:
        rows = Graphics(50 * MIB).rows(field, [256, 256, 256, 256, 1], 1)
        assert 0.95 * 50 * MIB < 4 * rows * 256 * {"value": 4, "gradient": 8, "laplacian": 11}[field] <= 50 * MIB

    def test_replicates_share_the_cache(self) -> None:
        plan = Graphics(50 * MIB)
        one, five = (plan.rows("value", [256, 256, 1], group) for group in (1, 5))
        assert one - 5 * 16 < 5 * five <= one

    def test_a_small_cache_does_not_starve_the_processors(self) -> None:
        assert Graphics(4 * MIB).rows("value", [256, 256, 1], 1) == 4096

    def test_very_wide_networks_are_cut_by_the_memory_that_they_take(self) -> None:
        rows = Graphics(50 * MIB).rows("laplacian", [8192] * 17, 4)
        assert 4 * 4 * rows * 11 * 8192 * 17 <= 4 * 2**30

    def test_a_cpu_takes_one_replicate_after_the_other_in_chunks_for_its_cache(self) -> None:
        plan = Processor()
        assert not plan.together
        assert [plan.rows(field, [256] * 4 + [1], 1) for field in ("value", "gradient", "laplacian")] == [
            2048,
            1024,
            1024,
        ]

    @pytest.mark.parametrize("field", ["value", "gradient", "laplacian"])
    @pytest.mark.parametrize("channels", [1, 3])
    def test_all_replicates_at_once_have_the_gradients_of_each_by_itself(self, field: Field, channels: int) -> None:
        """In float64 to round-off: what a GPU multiplies in one product."""
        spec = parse_name(f"poisson/a-12/siren+pe-2x9{'/channel=rgb' if channels == 3 else ''}/replicates=3")
        problem, built = (
            catalog.tasks()[spec.task].problem(spec, colours if channels == 3 else picture),
            architecture(spec),
        )
        inputs = encode_with_derivatives(spec, problem.training.coordinates().double())
        shape = (144, channels, 2) if field == "gradient" else (144, channels)
        criterion = Pointwise(field, "squared", torch.ones(shape, dtype=torch.float64))
        found = []
        for plan in (Processor(), Graphics(0, least=300)):
            network = BatchedMlp(built.layers, built.activations, drawn(spec).double(), plan=plan)
            out, value = (torch.empty(3, *tail, dtype=torch.float64) for tail in (shape, shape[:2]))
            network.step(inputs, criterion, value, out)
            found.append((network.gradient, out, value))
        for ours, theirs in zip(*found, strict=True):
            assert float((ours - theirs).abs().max() / theirs.abs().max()) < 1e-12


@pytest.fixture
def made_up_gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[torch.device]:
    """Tensors of a GPU that have shapes and no content: whoever asks for a value, or mixes devices, gets an error."""
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(L2_cache_size=50 * MIB))
    monkeypatch.setattr(siren, "_fused_sines", lambda: None)
    monkeypatch.setattr(trainer, "recorder_for", lambda device: None)
    monkeypatch.setattr(clock, "_mark", lambda: SimpleNamespace(query=lambda: False))
    monkeypatch.setattr(GpuClock, "settle", lambda self: None)
    with FakeTensorMode():
        yield torch.device("cuda")


@pytest.mark.parametrize("name", CELLS)
def test_a_step_and_its_scores_never_wait_for_the_gpu(name: str, made_up_gpu: torch.device) -> None:
    """No value is asked for and none is brought from the CPU, at which a recording would fail too."""
    trained = made(name, made_up_gpu)
    assert trained.network.parameters.is_cuda
    trained.run(until=3)
    assert trained.curves.values.is_cuda


def test_the_made_up_gpu_knows_who_waits_for_it(made_up_gpu: torch.device) -> None:
    with pytest.raises(DataDependentOutputException):
        torch.ones(2, device=made_up_gpu).sum().item()
    with pytest.raises(RuntimeError, match="device"):
        torch.ones(2, device=made_up_gpu) + torch.ones(2)


class TestReplaying:
    """What is recorded has the numbers of what is written, or is not used."""

    @staticmethod
    def again(work: Callable[[], None]) -> Callable[[], None]:
        return work

    @staticmethod
    def refused(work: Callable[[], None]) -> Callable[[], None]:
        raise RuntimeError("operation not permitted when stream is capturing")

    @staticmethod
    def nothing(work: Callable[[], None]) -> Callable[[], None]:
        return lambda: None

    @staticmethod
    def twice(work: Callable[[], None]) -> Callable[[], None]:
        return lambda: (work(), work())  # type: ignore[func-returns-value, return-value]

    @pytest.mark.parametrize("name", CELLS)
    @pytest.mark.parametrize("record", ["again", "refused", "nothing", "twice"])
    def test_training_has_the_same_bits_however_it_is_repeated(
        self, name: str, record: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        plain = made(name)
        plain.run()
        monkeypatch.setattr(trainer, "recorder_for", lambda device: getattr(self, record))
        with caplog.at_level(logging.WARNING):
            repeated = made(name)
            repeated.run(until=2)
            resumed = made(name)
            resumed.load(repeated.state())
            resumed.run()
        assert torch.equal(plain.network.parameters, resumed.network.parameters)
        assert torch.equal(plain.curves.values, resumed.curves.values)
        # Gradient and scores are the same when they are taken twice: that is no mistake of theirs.
        expected = {"again": 0, "refused": 3, "nothing": 3, "twice": 1}[record]
        assert len(caplog.records) == 2 * expected
        if expected:
            assert "launched one by one" in caplog.text

    def test_what_was_recorded_is_repeated_and_no_longer_done_as_written(self) -> None:
        done, count = [], torch.zeros(())

        def work() -> None:
            done.append("written")
            count.add_(1)

        def record(work: Callable[[], None]) -> Callable[[], None]:
            return lambda: (done.append("repeated"), count.add_(1))  # type: ignore[func-returns-value, return-value]

        replayed = Replayed("the sum", work, [count], record)
        replayed.prepare()
        assert float(count) == 0
        for _ in range(3):
            replayed()
        assert float(count) == 3
        assert done == ["written", *["repeated"] * 4]

    def test_a_cpu_has_nothing_to_record(self) -> None:
        assert trainer.recorder_for(CPU) is None


class Mark:
    """In the queue of a GPU that is at work until it is waited for; each interval takes a second."""

    def __init__(self) -> None:
        self.is_reached = False

    def query(self) -> bool:
        return self.is_reached

    def synchronize(self) -> None:
        self.is_reached = True

    def elapsed_time(self, other: object) -> float:
        return 1e3


def test_a_curve_knows_when_a_gpu_was_at_each_step_though_the_host_ran_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = made(CELLS[0])
    monkeypatch.setattr(clock, "_mark", Mark)
    monkeypatch.setattr(trainer, "clock_for", lambda device: GpuClock())
    ahead = made(CELLS[0])
    plain.run()
    ahead.run()
    # Step 0 is scored after its gradient; each later one after an update and a gradient more.
    assert ahead.curves.seconds.tolist() == [1, 3, 5, 7, 9, 11]
    assert ahead.training_seconds == 11
    assert torch.equal(ahead.curves.values, plain.curves.values)


class TestPrecision:
    """TF32 is for products of hidden layers on a GPU that has it, and for nothing else."""

    def test_the_setting_is_as_before_after_a_block_and_after_an_error(self) -> None:
        setting = torch.backends.cuda.matmul
        before = setting.fp32_precision
        with products("tf32"):
            assert setting.fp32_precision == "tf32"
            with products("fp32"):
                assert setting.fp32_precision == "ieee"
            assert setting.fp32_precision == "tf32"
        with pytest.raises(ZeroDivisionError), products("tf32"):
            raise ZeroDivisionError
        assert setting.fp32_precision == before

    def test_only_hidden_layers_are_rounded(self, made_up_gpu: torch.device, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
        before, seen, collect = torch.backends.cuda.matmul.fp32_precision, [], Linear.collect

        def told(self: Linear, delta: torch.Tensor, x: torch.Tensor) -> None:
            seen.append(torch.backends.cuda.matmul.fp32_precision)
            collect(self, delta, x)

        monkeypatch.setattr(Linear, "collect", told)
        made("fit/a-16/siren-2x16/steps=5/precision=tf32/replicates=3", made_up_gpu).run(until=0)
        assert seen == [before, "tf32", "tf32", before]

    def test_a_cpu_refuses_and_says_what_to_do(self) -> None:
        with pytest.raises(UserError, match=r"precision=tf32 needs an NVIDIA GPU .* a CPU; .* leave precision out"):
            made("fit/a-16/siren-2x16/steps=5/precision=tf32")

    def test_an_old_gpu_refuses(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (7, 5))
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Tesla T4")
        with pytest.raises(UserError, match="Tesla T4"):
            precision.check_precision("tf32", torch.device("cuda"))

    def test_the_switch_is_left_out_of_names_and_makes_a_cell_one_of_ours(self) -> None:
        spec = parse_name("fit/a-16/siren-2x16/precision=tf32")
        assert spec.track == "improved"
        assert parse_name("fit/a-16/siren-2x16")["precision"] == "fp32"


SINES = """
import torch
from sirenbench.kernels.graphics import sines

torch.manual_seed(0)
for z in (
    torch.randn(3, 700, 5) * 30,
    torch.randn(2, 999) * 1e4,
    torch.rand(1, 4000) * 2e9 - 1e9,
    torch.arange(-40, 41).mul(torch.pi / 4)[None],
    torch.randn(4, 6, 50, 7)[:, 2] * 300,
):
    for orders in (1, 2, 3, 4):
        whole = torch.empty(z.shape[0], 4, *z.shape[1:])
        out = list(whole[:, :orders].unbind(1))
        sines(z, *out)
        exact = z.double()
        wanted = (exact.sin(), exact.cos(), -exact.sin(), -exact.cos())
        for ours, theirs in zip(out, wanted):
            assert float((ours - theirs).abs().max()) < 2e-7, (z.shape, orders)
odd = torch.tensor([[float("inf"), float("-inf"), float("nan"), 0.0]])
out = torch.empty_like(odd)
sines(odd, out)
assert out[0, :3].isnan().all() and out[0, 3] == 0
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Triton is for Linux")
def test_the_fused_sine_is_as_exact_as_float32() -> None:
    """By Triton's interpreter, which needs no GPU, but has to be asked for before Triton is imported."""
    pytest.importorskip("triton", reason="PyTorch without CUDA comes without Triton")
    words = [sys.executable, "-W", "ignore", "-c", SINES]
    environment = {**os.environ, "TRITON_INTERPRET": "1"}
    done = subprocess.run(words, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr


def test_without_a_gpu_the_fused_sine_is_neither_imported_nor_missed(caplog: pytest.LogCaptureFixture) -> None:
    made(CELLS[0]).run(until=1)
    assert "sirenbench.kernels.graphics" not in sys.modules
    assert not caplog.records


def test_where_triton_does_not_work_pytorchs_sines_are_used_and_that_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """Here there is no GPU to make the test array on; a compiler that is missing fails at the same place."""
    if torch.cuda.is_available():
        pytest.skip("the fused sine works on a GPU")
    siren._fused_sines.cache_clear()
    with caplog.at_level(logging.WARNING):
        assert siren._fused_sines() is None
    siren._fused_sines.cache_clear()
    assert "PyTorch's are" in caplog.text


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
class TestOnAGpu:
    """The same numbers as on a CPU, but for rounding."""

    @pytest.mark.parametrize("name", CELLS)
    def test_a_gpu_trains_what_a_cpu_trains_without_a_warning(
        self, name: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        here, there = made(name), made(name, torch.device("cuda"))
        with caplog.at_level(logging.WARNING):
            there.run()
        here.run()
        assert not caplog.records
        assert there.curves.series("loss") == pytest.approx(here.curves.series("loss"), rel=1e-3)

    @pytest.mark.parametrize("name", CELLS)
    def test_a_gpu_repeats_its_bits(self, name: str) -> None:
        one, other = (made(name, torch.device("cuda")) for _ in range(2))
        one.run()
        other.run()
        assert torch.equal(one.network.parameters, other.network.parameters)

    def test_tf32_moves_the_gradient_by_its_rounding_and_no_more(self) -> None:
        gradients = []
        for words in ("", "/precision=tf32"):
            trained = made(f"fit/a-64/siren-3x256/steps=5{words}/replicates=2", torch.device("cuda"))
            trained.run(until=0)
            gradients.append(trained.network.gradient.clone())
        assert 0 < float((gradients[0] - gradients[1]).norm() / gradients[0].norm()) < 1e-2
