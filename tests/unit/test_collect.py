"""The tidy table of a run: a row for every number, and a reason for every cell without one."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from report_fixtures import Made, Run, demo_run, write_cell

from sirenbench.assets.status import sha256_of
from sirenbench.collect import COLUMNS, collect, command_of, scaled_down
from sirenbench.config.grid import paper_cell
from sirenbench.config.model import Config
from sirenbench.config.studies import Study
from sirenbench.names import make_spec
from sirenbench.progress import STALE, Heartbeat
from sirenbench.records import FAILURE, PROGRESS, RECORD, CellRecord, Scores, folder_of, write_record, write_scores
from sirenbench.spec import CellSpec

SMALL = {"task": "fit", "image": "cameraman", "size": 32, "depth": 1, "width": 8, "steps": 60, "replicates": 2}
SIREN = make_spec(SMALL | {"arm": "siren"})
BICUBIC = make_spec({"task": "sr", "image": "cameraman", "size": 512, "factor": 8, "arm": "bicubic"})
ENLARGED = make_spec(
    {"task": "sr", "image": "cameraman", "size": 32, "factor": 4, "arm": "siren", "depth": 1, "width": 8}
    | {"steps": 20, "replicates": 2}
)


def run_of(root: Path, *cells: CellSpec, studies: tuple[str, ...] = ("one",), **reference: int) -> Run:
    grids = {name: Study(title=name.title(), grid=[], reference=reference) for name in studies}
    return Run(root, Config(run="small", studies=grids), {name: list(cells) for name in studies})


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, pd.DataFrame]:
    run = demo_run(tmp_path_factory.mktemp("demo"), steps=60)
    return run, run.collect()


def test_every_replicate_and_metric_has_one_row(demo: tuple[Run, pd.DataFrame]) -> None:
    _, frame = demo
    assert tuple(frame.columns) == COLUMNS
    scored = frame[frame.metric != ""]
    assert not scored.duplicated(["study", "name", "replicate", "metric"]).any()
    siren = scored[scored.name == "fit/cameraman-64/siren-2x64/steps=60/replicates=3"]
    expected = [(replicate, metric) for replicate in range(3) for metric in ("psnr", "ssim")]
    assert sorted(zip(siren.replicate, siren.metric, strict=True)) == expected


def test_every_cell_of_every_study_has_a_row(demo: tuple[Run, pd.DataFrame]) -> None:
    run, frame = demo
    for study, specs in run.cells.items():
        assert list(frame[frame.study == study].name.unique()) == [spec.name for spec in specs]


@pytest.mark.parametrize("state", ["failed", "not-testable", "missing"])
def test_a_cell_without_numbers_is_one_row_with_its_reason(demo: tuple[Run, pd.DataFrame], state: str) -> None:
    _, frame = demo
    rows = frame[frame.state == state]
    assert len(rows) == 1
    assert rows.reason.item()
    assert math.isnan(rows["last"].item())


def test_a_cell_that_trains_just_now_is_told_with_its_step_and_one_that_fell_silent_is_missing(tmp_path: Path) -> None:
    run = run_of(tmp_path, SIREN)
    heart = Heartbeat(folder_of(run.results, SIREN.name), SIREN.name, 1000)
    heart.beat(412, lambda: 30.0)
    row = run.collect().iloc[0]
    assert (row.state, row.reason) == ("running", "it was at step 412 of 1,000 when these results were collected")
    path = folder_of(run.results, SIREN.name) / PROGRESS
    beat = json.loads(path.read_text())
    path.write_text(json.dumps(beat | {"updated": beat["updated"] - 2 * STALE}))
    assert run.collect().iloc[0].state == "missing"
    path.write_text("{")
    assert run.collect().iloc[0].state == "missing"


def test_a_damaged_record_counts_as_failed_and_stops_nothing(tmp_path: Path) -> None:
    run = run_of(tmp_path, SIREN)
    path = folder_of(run.results, SIREN.name) / RECORD
    path.parent.mkdir(parents=True)
    path.write_text('{"name": "cut sho')
    row = run.collect().iloc[0]
    assert row.state == "failed"
    assert "not a readable cell record" in row.reason


def _many_parameters(content: dict[str, Any]) -> None:
    content["parameters"] = 2**70


def _large_seed(content: dict[str, Any]) -> None:
    content["replicates"][1]["seed"] = 2**70


def _a_seed_twice(content: dict[str, Any]) -> None:
    content["replicates"][1]["seed"] = content["replicates"][0]["seed"]


def _negative_step(content: dict[str, Any]) -> None:
    content["replicates"][1]["metrics"]["psnr"]["best_step"] = -1


def _replicates_in_disorder(content: dict[str, Any]) -> None:
    content["replicates"][1]["replicate"] = 2


def _a_metric_of_its_own(content: dict[str, Any]) -> None:
    content["replicates"][0]["metrics"]["beauty"] = content["replicates"][0]["metrics"]["psnr"]


def _a_last_number_of_its_own(content: dict[str, Any]) -> None:
    content["replicates"][0]["final"] = {"beauty": 1.0}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_many_parameters, "is not a readable cell record"),
        (_large_seed, "is not a readable cell record"),
        (_a_seed_twice, "is not a readable cell record ('replicates': Value error, the seeds [0, 0] are not all"),
        (
            _negative_step,
            "is not a readable cell record ('replicates.1.metrics.psnr.best_step': Input should be",
        ),
        (_replicates_in_disorder, "numbers its replicates [0, 2]"),
        (_a_metric_of_its_own, "has scores of something else (metric 'beauty'"),
        (_a_last_number_of_its_own, "has scores of something else (metric 'beauty'"),
    ],
)
def test_numbers_that_no_worker_writes_cost_their_cell_and_not_the_run(
    change: Callable[[dict[str, Any]], None], told: str, tmp_path: Path
) -> None:
    run = run_of(tmp_path, SIREN, BICUBIC)
    for spec in (SIREN, BICUBIC):
        write_cell(run.results, spec, Made(30.0))
    path = folder_of(run.results, SIREN.name) / RECORD
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    frame = run.collect()
    (row,) = frame[frame.name == SIREN.name].to_dict("records")
    assert (row["state"], told in row["reason"]) == ("failed", True), row["reason"]
    assert set(frame[frame.name == BICUBIC.name].state) == {"ok"}
    run.render()


@pytest.mark.parametrize("seed", [2**53 + 1, 2**63 - 1])
def test_a_large_seed_is_the_same_in_the_table_beside_a_cell_without_one(seed: int, tmp_path: Path) -> None:
    run = run_of(tmp_path, SIREN, BICUBIC)
    record = write_cell(run.results, SIREN, Made(30.0))
    assert record
    replicates = tuple(one.model_copy(update={"seed": seed - one.replicate}) for one in record.replicates)
    write_record(folder_of(run.results, SIREN.name) / RECORD, record.model_copy(update={"replicates": replicates}))
    frame = run.collect()
    assert set(frame[frame.name == SIREN.name].seed) == {seed, seed - 1}
    assert set(frame[frame.name == BICUBIC.name].state) == {"missing"}


@pytest.mark.parametrize("values", [(1.0,), (1.0, 2.0, 3.0)])
def test_further_scores_of_another_length_than_the_replicates_are_as_good_as_none(
    values: tuple[float, ...], tmp_path: Path
) -> None:
    run = run_of(tmp_path, SIREN)
    run = replace(run, config=run.config.model_copy(update={"metrics": ["psnr@border=4"]}))
    write_cell(run.results, SIREN, Made(30.0))
    folder = folder_of(run.results, SIREN.name)
    of = sha256_of(folder / RECORD)

    def rows(values: tuple[float, ...]) -> int:
        scores = Scores(metric="psnr@border=4", values=values, reason="", record_sha256=of)
        write_scores(folder / "metrics/psnr@border=4.json", scores)
        return int((run.collect().metric == "psnr@border=4").sum())

    assert rows((1.0, 2.0)) == 2
    assert rows(values) == 0


def test_what_a_cell_has_measured_of_itself_is_one_row_a_seed_though_it_was_asked_for_too(tmp_path: Path) -> None:
    run = run_of(tmp_path, ENLARGED)
    run = replace(run, config=run.config.model_copy(update={"metrics": ["roughness"]}))
    write_cell(run.results, ENLARGED, Made(30.0, final=True))
    folder = folder_of(run.results, ENLARGED.name)
    scores = Scores(metric="roughness", values=(1.0, 2.0), reason="", record_sha256=sha256_of(folder / RECORD))
    write_scores(folder / "metrics/roughness.json", scores)
    assert int((run.collect().metric == "roughness").sum()) == 2


def test_a_failure_that_says_nothing_of_the_cell_is_named_as_what_it_is(tmp_path: Path) -> None:
    run = run_of(tmp_path, SIREN)
    other = CellRecord(name="another", spec={}, track="as-run", state="failed", reason="no memory")
    write_record(folder_of(run.results, SIREN.name) / FAILURE, other)
    assert "failure.json is of 'another'; delete it" in run.collect().iloc[0].reason


def test_a_cell_of_two_studies_is_in_both(tmp_path: Path) -> None:
    run = run_of(tmp_path, SIREN, studies=("one", "two"))
    write_cell(run.results, SIREN, Made(30.0))
    frame = run.collect()
    assert (frame.groupby("study").name.first() == SIREN.name).to_dict() == {"one": True, "two": True}


def test_infinite_and_undefined_scores_survive(tmp_path: Path) -> None:
    run = run_of(tmp_path, BICUBIC, SIREN)
    write_cell(run.results, BICUBIC, Made(math.inf))
    write_cell(run.results, SIREN, Made(30.0, diverged=(1,)))
    frame = run.collect()
    assert frame[(frame.name == BICUBIC.name) & (frame.metric == "psnr")]["last"].item() == math.inf
    second = frame[(frame.name == SIREN.name) & (frame.metric == "psnr") & (frame.replicate == 1)]
    assert second.diverged.item()
    assert math.isnan(second["last"].item())


def test_the_same_table_is_written_as_csv_without_the_records(demo: tuple[Run, pd.DataFrame]) -> None:
    run, frame = demo
    table = pd.read_csv(run.folder / "results.csv")
    assert list(table.columns) == [column for column in COLUMNS if column != "record"]
    assert len(table) == len(frame)


def test_the_record_is_there_as_it_was_written(demo: tuple[Run, pd.DataFrame]) -> None:
    run, frame = demo
    row = frame[frame.state == "ok"].iloc[0]
    assert json.loads(row.record) == json.loads((folder_of(run.results, row["name"]) / RECORD).read_text())


def test_the_command_names_the_cell_and_the_configuration() -> None:
    assert command_of("fit/a-8/siren-1x8") == "snakemake results/cells/fit/a-8/siren-1x8/cell.json --force"
    assert command_of("fit/a-8/siren-1x8", ["config/paper.yaml"]).endswith("--force --configfile config/paper.yaml")


def test_a_run_says_what_it_is_and_names_no_folder_of_the_machine(tmp_path: Path) -> None:
    run = run_of(tmp_path, SIREN)
    config = run.config.model_copy(update={"title": "A title", "cache": str(tmp_path / "cache")})
    collect(config, run.cells, run.results, run.folder)
    text = (run.folder / "run.json").read_text()
    about = json.loads(text)
    assert (about["run"], about["title"], about["studies"]["one"]["title"]) == ("small", "A title", "One")
    assert about["versions"]["sirenbench"]
    assert str(tmp_path) not in text


def test_a_cell_of_the_paper_stands_for_itself_whatever_its_seeds() -> None:
    fields = {"task": "sr", "image": "cameraman", "size": 512, "factor": 8, "arm": "siren", "depth": 3, "width": 512}
    spec = make_spec(fields | {"replicates": 3, "seed": 7, "eval_every": 10})
    paper = paper_cell(spec, {})
    assert paper.name == "sr/cameraman-512-x8/siren-3x512"
    assert scaled_down(spec, paper) == []


def test_a_scaled_down_cell_says_what_differs() -> None:
    spec = make_spec(SMALL | {"arm": "siren"})
    reference = {"size": 256, "depth": 2, "width": 256, "steps": 15_000}
    paper = paper_cell(spec, reference)
    assert paper.name == "fit/cameraman-256/siren-2x256"
    assert scaled_down(spec, paper) == [
        "size 32 instead of 256",
        "depth 1 instead of 2",
        "width 8 instead of 256",
        "steps 60 instead of 15000",
    ]


def test_a_reference_skips_what_a_baseline_does_not_have() -> None:
    paper = paper_cell(BICUBIC, {"size": 512, "width": 512, "steps": 500})
    assert paper == BICUBIC
