"""Numbers that lie: what is infinite, undefined, or the same for every seed, from the worker to the page."""

from __future__ import annotations

import ast
import base64
import gzip
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from sirenbench.adhoc import fetch_assets, job_of
from sirenbench.claims.judge import write_claims
from sirenbench.collect import collect
from sirenbench.metrics.base import Scorer
from sirenbench.names import parse_name
from sirenbench.progress import read_heartbeat
from sirenbench.records import PROGRESS, CellRecord, folder_of, read_record, read_scores
from sirenbench.report.build import render
from sirenbench.report.metrics import facts
from sirenbench.verify import verify
from sirenbench.worker.baseline import baseline
from sirenbench.worker.evaluate import evaluate
from sirenbench.worker.job import run
from sirenbench.worker.train import train
from sirenbench.workflow import Workflow

ROOT = Path(__file__).parents[2]
RESULTS = Path("results")
FURTHER = ("ssim@window=gaussian", "psnr@border=4")

_CONFIG = """
run: odd
metrics: [ssim@window=gaussian, psnr@border=4]
images:
  black: {path: black.png, title: Nothing at all}
  grey: {path: grey.png}
  white: {path: white.png}
studies:
  exploding:
    title: Nets that blow up
    layout: curves
    grid: {task: fit, image: grey, size: 16, arm: relu, depth: [7, 16], width: 64, lr: 10.0, steps: 4, replicates: 6}
  collapsing:
    title: Nets that are stuck
    layout: curves
    grid:
      {task: fit, image: [black, white], size: 16, arm: relu, depth: 2, width: 8, lr: 10.0, steps: 30, replicates: 3}
  constant:
    title: Nothing to see
    layout: derivatives
    grid:
      - {task: fit, image: [black, grey], size: 8, arm: siren, depth: 1, width: 8, steps: 3, replicates: 2}
      - {task: poisson, image: grey, size: 16, arm: siren, depth: 1, width: 8, steps: 3, replicates: 2,
         supervision: [gradient, laplacian]}
  layers:
    title: Layers of nets that blew up
    layout: activations
    grid: {task: activations, image: grey, size: 16, arm: [siren, relu], depth: 16, width: 64, lr: 10.0, steps: 5,
           replicates: 2}
  tiny:
    title: From a single pixel
    layout: table
    grid:
      - {task: sr, image: [black, grey], size: 8, factor: 8, arm: [siren, siren+pe], depth: 1, width: 8, steps: 3,
         replicates: 2}
      - {task: sr, image: [black, grey], size: 8, factor: 8, arm: [bicubic, bilinear]}
"""

PARTLY = "fit/grey-16/relu-7x64/lr=10/steps=4/replicates=6"
WHOLLY = "fit/grey-16/relu-16x64/lr=10/steps=4/replicates=6"
STUCK = "fit/white-16/relu-2x8/lr=10/steps=30/replicates=3"
CONSTANT = "poisson/grey-16/siren-1x8/steps=3/replicates=2"
PERFECT = "sr/black-8-x8/bicubic"
ONE_PIXEL = "sr/grey-8-x8/siren-1x8/steps=3/replicates=2"


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of such cells, each run, scored, collected, judged and shown as by the rules."""
    folder = tmp_path_factory.mktemp("odd")
    (folder / "config").mkdir()
    for name, value in (("black", 0), ("grey", 128), ("white", 255)):
        Image.fromarray(np.full((32, 32), value, dtype=np.uint8)).save(folder / f"config/{name}.png")
    (folder / "config/assets.yaml").write_text("assets: {}\n")
    (folder / "config/paper.yaml").write_text("run: paper\n")
    (folder / "config/config.yaml").write_text(_CONFIG)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        bench = Workflow()
        loaded, cells = bench.selected("odd")
        fetch_assets(loaded.unique_cells, bench, RESULTS)
        for name, spec in loaded.unique_cells.items():
            job = job_of(name, bench, RESULTS)
            run(job, baseline if spec.is_baseline else train)
            for metric in FURTHER:
                evaluate(job, metric, {}, job.folder / "metrics" / f"{metric}.json")
        collect(loaded.config, cells, RESULTS, RESULTS / "odd")
        write_claims(loaded.config, cells, RESULTS, RESULTS / "odd", ROOT / "config/claims.yaml")
    return folder


@pytest.fixture(scope="module")
def page(odd: Path) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(odd)
        return render(RESULTS / "odd", RESULTS).read_text(encoding="utf-8")


@pytest.fixture
def record(odd: Path) -> Callable[[str], CellRecord]:
    return lambda name: read_record(folder_of(odd / "results", name) / "cell.json")


def strictly(text: str) -> Any:
    """JSON as every other language reads it: without NaN and Infinity."""

    def refuse(word: str) -> None:
        pytest.fail(f"a bare {word} in JSON: {text[:200]}")

    return json.loads(text, parse_constant=refuse)


def test_no_json_of_a_run_holds_what_json_has_no_word_for(odd: Path) -> None:
    files = sorted((odd / "results").rglob("*.json"))
    assert {"cell.json", "run.json", "claims.json", "black.file.json", "psnr@border=4.json"} <= {f.name for f in files}
    for file in files:
        strictly(file.read_text(encoding="utf-8"))
    frame = pd.read_parquet(odd / "results/odd/results.parquet")
    for column in ("record", "options", "scaled"):
        for text in frame[column].unique():
            strictly(text)


def test_whatever_writes_json_refuses_what_it_has_no_word_for() -> None:
    """Python would write a bare NaN, which no other language reads; a record writes such numbers as texts."""
    files = [file for folder in ("src", "benchmarks", "workflow") for file in (ROOT / folder).rglob("*.py")]
    calls = [
        (f"{file.name}:{node.lineno}", node)
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("json.dumps", "json.dump")
    ]
    assert len(calls) > 15
    assert [place for place, call in calls if not any(word.arg == "allow_nan" for word in call.keywords)] == []


def test_a_sign_of_life_with_what_json_has_no_word_for_is_none(tmp_path: Path) -> None:
    (tmp_path / PROGRESS).write_text('{"name":"a","step":1,"steps":2,"psnr":NaN,"seconds_left":null,"updated":1}')
    assert read_heartbeat(tmp_path) is None


def test_the_data_inside_the_page_is_json_too(page: str) -> None:
    (inside,) = re.findall(r'<script type="text/plain" id="data">(.*?)</script>', page, re.DOTALL)
    found = strictly(gzip.decompress(base64.b64decode(inside)).decode())
    assert found["results"]["rows"]
    assert found["curves"]


def test_a_net_that_blows_up_has_no_score_at_its_end_and_its_seeds_are_named(record: Callable) -> None:
    partly, wholly = record(PARTLY), record(WHOLLY)
    assert (partly.state, wholly.state) == ("diverged", "diverged")
    assert partly.reason == "the loss is not a number for seed 0, 2, 3, 4, 5"
    assert [replicate.diverged for replicate in partly.replicates] == [True, False, True, True, True, True]
    for one in wholly.replicates:
        assert one.diverged
        assert all(math.isnan(ends.last) and not math.isnan(ends.best) for ends in one.metrics.values())
        assert all(map(math.isnan, one.final.values()))
    (survivor,) = (one for one in partly.replicates if not one.diverged)
    assert math.isfinite(survivor.metrics["psnr"].last)


def test_a_reconstruction_without_error_is_infinitely_good_and_of_full_similarity(record: Callable) -> None:
    scores = record(PERFECT).replicates[0].metrics
    assert (scores["psnr"].last, scores["ssim"].last) == (math.inf, 1.0)
    assert math.isinf(scores["psnr"].tail)
    assert scores["psnr"].drawdown == 0


def test_derivatives_of_a_constant_image_have_no_correlation(record: Callable) -> None:
    cell = record(CONSTANT)
    assert cell.state == "ok"
    for one in cell.replicates:
        assert math.isnan(one.final["gradient_correlation"])
        assert math.isnan(one.final["gain"])
        assert one.final["gradient_psnr"] == -math.inf  # something where nothing is to be
        assert one.metrics["psnr@align=affine"].last == math.inf  # an offset makes up for everything


def test_nets_that_are_stuck_are_told_apart_by_nothing_and_yet_all_there(record: Callable) -> None:
    cell = record(STUCK)
    assert cell.state == "ok"
    assert [one.seed for one in cell.replicates] == [0, 1, 2]
    assert len({one.metrics["psnr"].last for one in cell.replicates}) == 1
    assert all(math.isnan(one.final["gradient_correlation"]) for one in cell.replicates)


def test_an_error_of_one_is_zero_decibels_without_a_sign(record: Callable) -> None:
    black, white = torch.zeros(8, 8, 1, dtype=torch.float64), torch.ones(1, 8, 8, 1)
    score = Scorer(black, ("psnr",))(white)["psnr"]
    assert score.item() == 0
    assert not torch.signbit(score).item()
    for one in record(STUCK).replicates:
        assert (one.metrics["psnr"].last, math.copysign(1, one.metrics["psnr"].last)) == (0, 1)


def test_a_single_pixel_can_be_trained_on_and_enlarged(record: Callable, odd: Path) -> None:
    with np.load(folder_of(odd / "results", ONE_PIXEL) / "images.npz") as images:
        assert images["lr"].shape == (1, 1)
    assert record(ONE_PIXEL).state == "ok"
    assert record("sr/grey-8-x8/bicubic").replicates[0].metrics["psnr"].last > 100


@pytest.mark.parametrize(
    ("metric", "why"),
    [
        ("ssim@window=gaussian", "needs an image of at least 11 x 11 pixels; 8 x 8 are left of this one"),
        ("psnr@border=4", "leaves nothing of an image of 8 x 8 pixels"),
    ],
)
def test_an_image_that_is_too_small_for_a_metric_has_a_reason_instead_of_a_score(
    metric: str, why: str, odd: Path, page: str
) -> None:
    scores = read_scores(folder_of(odd / "results", ONE_PIXEL) / f"metrics/{metric}.json")
    assert (scores.values, scores.reason) == ((), f"{metric} {why}")
    frame = pd.read_parquet(odd / "results/odd/results.parquet")
    (row,) = frame[(frame.name == ONE_PIXEL) & (frame.metric == metric)].to_dict("records")
    assert (row["state"], row["reason"]) == ("ok", scores.reason)
    assert pd.isna(row["last"])
    assert f'title="{scores.reason}">–' in page
    assert f"No {facts(metric).title}</dt><dd>{scores.reason}</dd>" in page


def test_the_table_keeps_what_is_infinite_undefined_and_left_out_apart(odd: Path) -> None:
    frame = pd.read_parquet(odd / "results/odd/results.parquet").set_index(["name", "metric", "replicate"]).sort_index()
    assert frame.loc[(PERFECT, "psnr", 0), "last"] == math.inf
    assert frame.loc[(CONSTANT, "gradient_psnr", 0), "last"] == -math.inf
    assert frame["last"].isna()[CONSTANT, "gain", 1]
    assert frame.loc[(PARTLY, "psnr"), "diverged"].tolist() == [True, False, True, True, True, True]
    assert set(frame["state"]) == {"ok", "diverged"}
    text = (odd / "results/odd/results.csv").read_text()
    assert f",{PERFECT}," in text
    assert ",psnr,inf,inf,0,inf,0.0," in text
    assert ",-0.0," not in text


def details_of(page: str, name: str) -> str:
    """What the details of a cell say."""
    (found,) = re.findall(rf'id="cell:{re.escape(name)}">.*?</details>', page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found))


def test_the_page_says_it(page: str) -> None:
    words = re.sub(r"\s+", " ", re.sub(r"<(?:script|style).*?</(?:script|style)>|<[^>]+>", " ", page, flags=re.DOTALL))
    assert "5 of 6 seeds diverged" in words
    assert "the loss is not a number for seed 0, 2, 3, 4, 5" in words
    assert "∞" in words
    assert "undefined" in words
    assert "Gradient correlation: undefined for 3 of 3 seeds" in details_of(page, STUCK)
    assert "undefined" not in details_of(page, WHOLLY)  # there every seed diverged
    assert re.findall(r".{60}(?:\bnan\b|\binf\b|\bNaN\b|\bInfinity\b|−0\.0+\b).{20}", words) == []


@pytest.mark.slow
def test_all_of_it_is_verified(odd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(odd)
    bench = Workflow()
    for name in bench.main.unique_cells:
        assert verify(name, RESULTS, bench).reasons == ()
        if not parse_name(name).is_baseline:
            assert verify(name, RESULTS, bench, retrain=True).reasons == ()
