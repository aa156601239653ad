"""What cells cost, told before they run: the arithmetic against the engine, the pace against records and a probe."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from unit.finished_cells import HERE, recorded

from sirenbench import catalog, cli
from sirenbench.config import load
from sirenbench.cost import layers_of_cell, loss_flop, step_flop, work_of
from sirenbench.engine.build import architecture
from sirenbench.engine.passes import base
from sirenbench.engine.trainer import Trainer
from sirenbench.errors import UserError
from sirenbench.estimate import estimate, print_estimate
from sirenbench.losses.features import VGG16
from sirenbench.names import arms_of, make_spec, parse_name
from sirenbench.networks.base import layers_of
from sirenbench.pace import Kind, Machine, Pace, kind_of, machine_here, measured
from sirenbench.probe import Probe
from sirenbench.records import RECORD, folder_of
from sirenbench.spec import CellSpec

ROOT = Path(__file__).parents[2]
GPU = Machine("A GPU", is_gpu=True, threads=1, cores=8)
FIT = "fit/cameraman-64/siren-2x64/steps=300/replicates=3"


def picture(side: int, kernel: str) -> np.ndarray:
    return np.add.outer(np.arange(side), 3 * np.arange(side)).astype(np.uint8)


def colours(side: int, kernel: str) -> np.ndarray:
    return np.stack([picture(side, kernel)] * 3, axis=2)


def trainer(spec: CellSpec) -> Trainer:
    image = colours if spec["channel"] == "rgb" else picture
    return Trainer(spec, catalog.tasks()[spec.task].problem(spec, image), torch.device("cpu"))


class NoProbe(Probe):
    """Fails the test that asks it."""

    def network(self, kind: Kind) -> float:
        raise AssertionError(f"asked for {kind}")

    def loss(self) -> float:
        raise AssertionError("asked for the loss")


# ---- Arithmetic ----


def test_a_step_of_the_papers_network_takes_what_can_be_counted_by_hand() -> None:
    layers = layers_of(2, 3, 256, 1)
    assert step_flop(layers, "value", 256**2) == 6 * 198_401 * 65_536
    assert step_flop(layers, "gradient", 256**2) == 12 * 198_401 * 65_536
    assert step_flop(layers, "laplacian", 256**2) == 24 * 198_401 * 65_536
    assert step_flop(layers_of(2, 3, 256, 3), "gradient", 1) == 18 * (198_401 + 2 * 257)


@pytest.mark.parametrize(
    "fields",
    [
        {"task": task, "arm": arm, "channel": channel, **supervision}
        for task in catalog.tasks()
        for arm in arms_of(task)
        for channel in ("grey", "rgb")
        for supervision in ([{"supervision": s} for s in ("gradient", "laplacian")] if task == "poisson" else [{}])
        if arm not in catalog.baselines() and "vgg" not in arm
    ],
    ids=lambda fields: "-".join(map(str, fields.values())),
)
def test_spec_and_engine_agree_on_layers_and_steps(fields: dict[str, str]) -> None:
    factor = {"factor": 2} if fields["task"] == "sr" else {}
    spec = make_spec({"image": "i", "size": 16, "depth": 1, "width": 8, "replicates": 2, "steps": 4} | factor | fields)
    assert layers_of_cell(spec) == architecture(spec).layers
    step = trainer(spec).flop_per_step
    # A score of the large image is a third of a step, on four times the pixels.
    scores = 5 * 4 / 3 * step if spec.task == "sr" else 0.0
    assert work_of(spec).network == pytest.approx(4 * step + scores)


@pytest.mark.parametrize(
    "name",
    [
        "fit/i-32/siren-3x64/steps=20/replicates=2",
        "fit/i-32/relu+pe-2x128/channel=rgb/steps=20/replicates=1",
        "poisson/i-32/siren-2x64/steps=20/replicates=1",
        "poisson/i-32/siren-2x64/supervision=laplacian/steps=20/replicates=1",
        "poisson/i-32/relu-2x64/channel=rgb/steps=20/replicates=1",
        "sr/i-64-x4/siren-3x64/steps=20/replicates=2",
        "sr/i-64-x2/siren-2x128/steps=20/eval_every=3/replicates=1",
    ],
)
def test_the_work_is_what_pytorch_counts(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Products of matrices, which are nearly all; the engine looks once more than it steps."""
    # PyTorch cannot count those of NumPy.
    monkeypatch.setattr(base, "product", lambda a, b, room=None: torch.bmm(a, b))
    spec = parse_name(name)
    made = trainer(spec)
    with FlopCounterMode(display=False) as counted:
        made.run()
        made.prediction()
        made.derivatives()
    work = work_of(spec)
    assert counted.get_total_flops() == pytest.approx(work.network + work.final, rel=0.05)


@pytest.mark.parametrize(("weights", "passes"), [("", 2), ("/feature_weights=trained", 6)])
def test_the_work_of_a_loss_counts_at_every_step_of_every_replicate(weights: str, passes: int) -> None:
    spec = parse_name(f"sr/i-64-x4/siren+vgg-1x8/features=vgg16{weights}")
    assert loss_flop(spec) == passes * VGG16.flop(224)
    assert work_of(spec).loss == 500 * 5 * loss_flop(spec)
    assert loss_flop(parse_name("sr/i-64-x4/siren-1x8")) == 0


def test_scores_of_the_large_image_are_counted_as_often_as_they_are_made() -> None:
    every, tenth = (work_of(parse_name(f"sr/i-512-x4/siren-3x512/steps=5000{e}")) for e in ("", "/eval_every=10"))
    forward = 5 * 2.0 * 790_017 * 512**2
    assert every.network - tenth.network == pytest.approx((5001 - 501) * forward)


# ---- Pace ----


def test_the_median_of_finished_cells_of_a_kind_counts(tmp_path: Path) -> None:
    for scheme, seconds in {"normal": 4.0, "uniform": 5.0, "kaiming_normal": 60.0}.items():
        recorded(tmp_path, f"fit/cameraman-64/siren-2x64/first_init={scheme}/steps=300/replicates=3", seconds=seconds)
    pace = measured(tmp_path, HERE)
    pace.probe = NoProbe(HERE)
    assert pace.records == 3
    work = work_of(parse_name(FIT))
    final = 5.0 * work.final / work.network
    assert pace.computing(parse_name(FIT)) == pytest.approx(5.0 + final)
    assert pace.seconds(parse_name(FIT)) == pytest.approx(8.0 + final)
    assert pace.computing(parse_name("fit/astronaut-64/siren-2x64/steps=600/replicates=3")) == pytest.approx(10 + final)
    with pytest.raises(AssertionError, match="siren with 128 features"):
        pace.seconds(parse_name("fit/cameraman-64/siren-2x128/steps=300"))
    with pytest.raises(AssertionError, match="relu with 64 features"):
        pace.seconds(parse_name("fit/cameraman-64/relu-2x64/steps=300"))
    with pytest.raises(AssertionError, match="siren by laplacians with 64 features"):
        pace.seconds(parse_name("poisson/cameraman-64/siren-2x64/supervision=laplacian/steps=300"))


@pytest.mark.parametrize("change", [{"device": "Another"}, {"threads": 2}, {"numerics": "engine0"}])
def test_cells_of_another_machine_or_another_engine_do_not_count(tmp_path: Path, change: dict) -> None:
    recorded(tmp_path, FIT, seconds=5, **change)
    assert measured(tmp_path, HERE).records == 0


def test_damaged_records_and_those_of_other_versions_do_not_count(tmp_path: Path) -> None:
    for name in ("fit/a-64/siren-2x64", "fit/a-64/tanh-2x64"):
        folder_of(tmp_path, name).mkdir(parents=True)
    (folder_of(tmp_path, "fit/a-64/siren-2x64") / RECORD).write_text("{")
    (folder_of(tmp_path, "fit/a-64/tanh-2x64") / RECORD).write_text(
        '{"name": "fit/a-64/tanh-2x64", "spec": {}, "track": "as-run", "state": "ok"}'
    )
    assert measured(tmp_path, HERE).records == 0


def test_a_loss_is_as_fast_as_what_its_cells_took_beyond_their_network(tmp_path: Path) -> None:
    plain, with_loss = "sr/i-64-x4/siren-2x64/steps=100", "sr/i-64-x4/siren+vgg-2x64/features=vgg16/steps=100"
    recorded(tmp_path, plain, seconds=2.0)
    recorded(tmp_path, with_loss, seconds=42.0)
    pace = measured(tmp_path, HERE)
    pace.probe = NoProbe(HERE)
    assert pace.loss == pytest.approx(work_of(parse_name(with_loss)).loss / 40.0)
    trained = parse_name("sr/i-64-x4/siren+vgg-2x64/features=vgg16/feature_weights=trained/steps=100")
    assert pace.computing(trained) == pytest.approx(2.0 + 120.0, rel=0.05)


def test_on_a_gpu_few_pixels_are_another_kind_than_many_and_on_a_cpu_they_are_not() -> None:
    small, large = parse_name(FIT), parse_name("fit/cameraman-256/siren-2x64")
    assert kind_of(small, GPU) != kind_of(large, GPU)
    assert kind_of(small, HERE) == kind_of(large, HERE)


def test_the_baselines_of_a_gpu_machine_run_on_its_cpu_and_count_all_the_same(tmp_path: Path) -> None:
    recorded(tmp_path, "sr/i-64-x4/bicubic", seconds=0, overhead=2.5)
    assert measured(tmp_path, GPU).seconds(parse_name("sr/i-64-x2/bicubic")) == 2.5


@pytest.mark.parametrize("machine", [HERE, GPU], ids=["cpu", "gpu"])
@pytest.mark.parametrize(
    "name", [FIT, "sr/i-512-x4/relu+pe-3x1024", "poisson/i-256/siren-2x256/supervision=laplacian", "fit/i-16/siren-1x8"]
)
def test_the_probe_of_a_kind_is_a_cell_of_that_kind(machine: Machine, name: str) -> None:
    kind = kind_of(parse_name(name), machine)
    assert kind_of(Probe(machine).cell(kind), machine) == kind


def test_the_probe_trains_real_steps_of_the_kind() -> None:
    probe = Probe(replace(HERE, threads=torch.get_num_threads()))
    kinds = [kind_of(parse_name(name), HERE) for name in (FIT, "poisson/i-64/relu-2x64")]
    rates = [probe.network(kind) for kind in kinds]
    assert all(1e8 < rate < 1e13 for rate in rates)
    assert probe.timed == ["siren with 64 features", "relu by gradients with 64 features"]
    assert probe.overhead >= 0.5


def test_the_probe_of_the_loss_is_of_a_real_vgg() -> None:
    assert 1e9 < Probe(HERE).loss() < 1e14


def test_a_gpu_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UserError, match="no GPU; use 'auto' or 'cpu'"):
        machine_here("cuda", 1)
    assert not machine_here("auto", 3).is_gpu
    assert machine_here("cpu", 3).threads == 3


def test_the_names_of_devices_are_those_of_the_records(monkeypatch: pytest.MonkeyPatch) -> None:
    from sirenbench.provenance import now, provenance

    made = provenance("", torch.device("cpu"), now(), 0)
    assert machine_here("cpu", 1).device == made.device


# ---- The estimate ----


def test_cells_of_several_studies_count_once_and_threads_count_as_cores() -> None:
    specs = [parse_name(FIT), parse_name("fit/cameraman-64/siren-2x64/steps=600/replicates=3"), parse_name(FIT)]
    specs.append(parse_name("sr/cameraman-64-x4/bicubic"))
    pace = Pace(HERE, NoProbe(HERE), {kind_of(specs[0], HERE): 1e9}, trained=3.0, baseline=2.0)
    found = estimate(specs, pace)
    assert (found.cells, found.trained) == (3, 2)
    assert found.seconds == pytest.approx(sum(pace.seconds(spec) for spec in (*specs[:2], specs[3])))
    assert found.longest == (specs[1].name, pace.seconds(specs[1]))
    pace.machine = replace(HERE, threads=2)
    assert estimate(specs, pace).seconds == pytest.approx(2 * found.seconds)
    pace.machine = replace(GPU, threads=2)
    pace.networks = {kind_of(spec, GPU): 1e9 for spec in specs if not spec.is_baseline}
    assert estimate(specs, pace).seconds == pytest.approx(found.seconds), "the hours of one GPU"


def test_the_estimate_of_a_run_has_a_line_a_study_and_says_what_it_rests_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "own.yaml").write_text(
        "device: cpu\nstudies:\n"
        "  one: {title: O, grid: &g {task: fit, image: camera, size: 64, arm: siren, depth: 2, width: 8, steps: 300}}\n"
        "  two: {title: T, grid: {<<: *g, steps: [300, 600]}}\n"
    )
    loaded = load([ROOT / "config/assets.yaml", tmp_path / "own.yaml"])
    here = machine_here("cpu", 1)
    recorded(tmp_path, "fit/camera-64/siren-2x8/steps=300", seconds=3600, device=here.device)
    print_estimate(loaded.config, loaded.cells, "demo", tmp_path)
    told = capsys.readouterr().out
    assert f"What demo takes on this machine ({here.device}), in core time:" in told
    rows = {line.split()[0]: line.split()[1:7] for line in told.splitlines() if line[:3] in ("one", "two", "all")}
    three_hours = ["2", "2", "3", "h", "00", "min"]
    assert rows == {"one": ["1", "1", "1", "h", "00", "min"], "two": three_hours, "all": three_hours}
    assert "1 of 2 are done; 2 h 00 min are left." in told
    recorded(tmp_path, "fit/camera-64/siren-2x8/steps=600", seconds=7200, device=here.device, numerics="engine0")
    print_estimate(loaded.config, loaded.cells, "demo", tmp_path)
    assert "1 of 2 are done; 2 h 00 min are left." in capsys.readouterr().out, "another engine's cell runs again"
    assert told.endswith("It rests on 1 finished cell of this machine.\n")


def test_with_records_of_every_kind_no_torch_is_needed(tmp_path: Path) -> None:
    here = machine_here("cpu", 1)
    for arm in ("siren", "relu"):
        recorded(tmp_path / "results", f"fit/cameraman-256/{arm}-2x256/steps=10", seconds=10, device=here.device)
    for name in ("Snakefile", "config"):
        (tmp_path / name).symlink_to(ROOT / name)
    code = (
        "import sys; from sirenbench import cli; cli.main(['estimate', '--target', 'paper/fig2'])\n"
        "assert not {'torch', 'pandas', 'matplotlib'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "fig2" in done.stdout


def test_an_unknown_target_is_told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    with pytest.raises(SystemExit, match="no such run or study"):
        cli.main(["estimate", "--target", "paper/fig99"])


@pytest.mark.slow
def test_the_estimate_of_a_small_demo_is_within_a_quarter_of_what_it_takes() -> None:
    """A cell of each of the demo's studies, in core time, in turn; the first process start is none of it."""
    names = [
        "fit/i-64/siren-2x64/steps=60/replicates=3",
        "fit/i-64/relu-2x64/steps=60/replicates=3",
        "fit/i-64/siren-3x64/hidden_init=normal/steps=40/replicates=3",
        *(f"sr/i-128-x{factor}/siren-3x64/steps=50/eval_every=25/replicates=3" for factor in (2, 4, 8)),
    ]
    rounds = []
    for _ in range(3):
        told = taken = 0.0
        for spec in map(parse_name, names):
            machine = replace(HERE, threads=torch.get_num_threads())
            told += Pace(machine, Probe(machine)).computing(spec)
            cell, began = trainer(spec), time.process_time()
            cell.run()
            cell.prediction()
            cell.derivatives()
            taken += (time.process_time() - began) / machine.threads
        rounds.append(told / taken)
    assert sorted(rounds)[1] == pytest.approx(1, abs=0.25)
