"""What cells cost: what the worker measures of it, and the report's section."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest
import torch
from report_fixtures import Made, Page, Run, write_cell

from sirenbench import probe
from sirenbench.config.model import Config
from sirenbench.config.studies import Study
from sirenbench.names import make_spec, parse_name
from sirenbench.records import RECORD, CellRecord, Cost, folder_of, write_record
from sirenbench.report.cells import read_cells
from sirenbench.report.costs import Costs, costs_of
from sirenbench.spec import CellSpec
from sirenbench.worker.job import CellJob
from sirenbench.worker.job import run as run_cell
from sirenbench.worker.train import train

FIT = {"task": "fit", "image": "cameraman", "size": 64, "arm": "siren", "depth": 2, "width": 64, "steps": 60}
BICUBIC = make_spec({"task": "sr", "image": "cameraman", "size": 512, "factor": 8, "arm": "bicubic"})


def measured(spec: CellSpec, run: Run, host: str = "node-1", **cost: float) -> None:
    """A cell in its place, with a cost."""
    run.cells["study"].append(spec)
    record = write_cell(run.results, spec, Made(30.0))
    assert record
    assert record.cost
    assert record.provenance
    changes = {
        "cost": record.cost.model_copy(update=cost),
        "provenance": record.provenance.model_copy(update={"host": host}),
    }
    write_record(folder_of(run.results, spec.name) / RECORD, record.model_copy(update=changes))


@pytest.fixture
def run(tmp_path: Path) -> Run:
    made = Run(tmp_path, Config(run="small", studies={"study": Study(title="Study", grid=[])}))
    made.cells["study"] = []
    return made


def costs(run: Run) -> Costs:
    found = costs_of(read_cells(run.collect()))
    assert found
    return found


# What is measured


def test_the_peak_is_the_products_operations_over_the_time_on_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = count()
    monkeypatch.setattr(probe.time, "perf_counter", lambda: next(ticks) * 0.004)
    # A look ends at the first tick after 10 ms: after twice 4 products, of which the larger ones are the faster.
    assert probe.matrix_peak(torch.device("cpu")) == pytest.approx(8 * 2 * 1024 * 512**2 / (4 * 0.004))


def test_measuring_the_peak_draws_no_random_number_of_a_training() -> None:
    torch.manual_seed(1)
    state = torch.get_rng_state()
    assert probe.matrix_peak(torch.device("cpu")) > 1e8
    assert torch.equal(torch.get_rng_state(), state)


def test_a_trained_cell_records_its_speed_and_its_part_of_the_peak(picture_status: Path, tmp_path: Path) -> None:
    spec = parse_name("fit/picture-64/siren-2x64/steps=20/replicates=1")
    cost = run_cell(CellJob(spec, "none", picture_status, tmp_path), train).cost
    assert cost
    assert cost.steps_per_second
    assert cost.peak_fraction
    assert 0.005 < cost.peak_fraction < 1.2


def test_without_a_step_there_is_nothing_to_measure(picture_status: Path, tmp_path: Path) -> None:
    spec = parse_name("activations/picture-16/siren-2x16/replicates=1")
    cost = run_cell(CellJob(spec, "none", picture_status, tmp_path), train).cost
    assert cost
    assert cost.peak_gflop_per_second is None
    assert cost.peak_fraction is None


def test_a_record_from_before_that_measurement_is_read_and_has_no_fraction() -> None:
    old = {"seconds": 1, "startup_seconds": 0, "training_seconds": 1, "metrics_seconds": 0, "peak_memory_mib": 1}
    cost = Cost.model_validate(old | {"gflop_per_second": 40.0})
    assert cost.peak_fraction is None
    assert CellRecord(name="n", spec={}, track="as-run", state="ok", cost=cost).cost == cost


# The section


def test_a_row_has_time_speed_part_of_the_peak_memory_and_size(run: Run) -> None:
    speed = {"gflop_per_second": 42.0, "peak_gflop_per_second": 100.0, "steps_per_second": 38.25}
    measured(make_spec(FIT), run, seconds=75, peak_memory_mib=1234.4, **speed)
    (row,) = costs(run).rows
    assert (row.what, row.method) == ("Image fitting 64²", "SIREN 2×64")
    assert {heading: value.text for heading, value in row.values.items()} == {
        "Time": "1 min 15 s",
        "Steps/s": "38.2",
        "Of peak": "42 %",
        "Memory (MiB)": "1,234",
        "Parameters": "198,401",
        "Bits per pixel": "1,550",  # 198,401 weights of 32 bits over 64² pixels
        "Steps": "60",
        "Seeds": "5",
    }


def test_cells_that_compute_the_same_are_one_row_with_their_median(run: Run) -> None:
    for scheme, seconds in {"standard": 10, "normal": 30, "uniform": 14}.items():
        measured(make_spec(FIT | {"first_init": scheme}), run, seconds=seconds)
    measured(make_spec(FIT | {"steps": 120}), run, seconds=99)
    first, second = costs(run).rows
    assert (first.note, first.anchor, first.values["Time"].text) == ("3 cells", "", "14 s")
    assert (second.note, second.anchor) == ("", "cell:fit/cameraman-64/siren-2x64/steps=120")


def test_what_its_cost_depends_on_is_said_and_keeps_rows_apart(run: Run) -> None:
    poisson = FIT | {"task": "poisson"}
    measured(make_spec(poisson), run)
    measured(make_spec(poisson | {"supervision": "laplacian"}), run)
    assert [row.note for row in costs(run).rows] == ["", "supervision laplacian"]


def test_cells_of_two_machines_are_never_one_row(run: Run) -> None:
    measured(make_spec(FIT), run)
    measured(make_spec(FIT | {"first_init": "normal"}), run, host="node-2")
    found = costs(run)
    assert [row.machine.split()[-1] for row in found.rows] == ["node-1", "node-2"]
    page = Page(run.render())
    assert page.words.count("host node-2") >= 2


def test_a_baseline_has_no_network_and_no_steps(run: Run) -> None:
    measured(BICUBIC, run, seconds=2)
    values = costs(run).rows[0].values
    assert values["Time"].text == "2.0 s"
    assert [values[heading].text for heading in ("Parameters", "Bits per pixel", "Steps", "Of peak")] == ["–"] * 4


def test_the_computing_time_is_told_by_task_and_by_stage(run: Run) -> None:
    times = {"startup_seconds": 5, "training_seconds": 20, "metrics_seconds": 10}
    measured(make_spec(FIT), run, seconds=40, **times)
    measured(BICUBIC, run, seconds=10, startup_seconds=5, training_seconds=1, metrics_seconds=1)
    found = costs(run)
    assert [(part.what, part.share) for part in found.tasks] == [
        ("Image fitting (1 cell)", 80.0),
        ("Super-resolution (1 cell)", 20.0),
    ]
    stages = [("start-up", 10), ("training", 21), ("scoring", 11), ("files and the rest", 8)]
    assert [(part.what, part.seconds) for part in found.stages] == stages


def test_where_the_time_of_the_run_went_is_a_table_with_shares_that_add_up(run: Run) -> None:
    """Of the distinct cells: one that two studies show was run once."""
    times = {"startup_seconds": 30, "training_seconds": 120, "metrics_seconds": 6}
    measured(make_spec(FIT), run, seconds=160, **times)
    run.config.studies["other"] = Study(title="Other", grid=[])
    run.cells["other"] = list(run.cells["study"])
    words = Page(run.render()).words
    stages = ("start-up 30 s 19 %", "training 2 min 00 s 75 %", "scoring 6.0 s 4 %", "files and the rest 4.0 s 2 %")
    assert " ".join(("Stage Time Share", *stages)) in words
    assert sum(part.share for part in costs(run).stages) == pytest.approx(100)


def test_a_run_in_which_nothing_ran_has_no_such_section(run: Run) -> None:
    run.cells["study"].append(make_spec(FIT))
    page = Page(run.render())
    assert "cost" not in {attrs.get("id") for attrs in page.all("section")}
