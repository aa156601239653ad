"""What a record keeps of a curve, on curves whose answer is plain to see."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch

from sirenbench.engine.curves import Curves, end_points
from sirenbench.records import EndPoints

STEPS = np.arange(0, 201)
SECONDS = STEPS * 0.5


def kept(curve: np.ndarray) -> EndPoints:
    return end_points(STEPS, SECONDS, curve, higher_is_better=True, levels=(30, 35, 40))


def test_a_rising_curve_is_best_at_its_end_and_never_falls() -> None:
    points = kept(20 + 0.1 * STEPS)
    assert (points.last, points.best, points.best_step, points.drawdown) == (40, 40, 200, 0)
    assert points.tail == 39.5
    assert {level: reached.step for level, reached in points.reached.items() if reached} == {
        "30": 100,
        "35": 150,
        "40": 200,
    }
    assert points.reached["30"] is not None
    assert points.reached["30"].seconds == 50


def test_a_drop_at_the_end_shows_in_last_and_drawdown_but_not_in_best_or_tail() -> None:
    curve = np.full(201, 33.0)
    curve[-1] = 20
    points = kept(curve)
    assert (points.last, points.best, points.best_step, points.tail, points.drawdown) == (20, 33, 0, 33, 13)
    assert points.reached["35"] is None


def test_drops_before_the_curve_has_settled_are_not_counted() -> None:
    curve = np.full(201, 30.0)
    curve[49] = 0
    assert kept(curve).drawdown == 0


def test_a_curve_that_ends_in_nan_says_so_and_keeps_its_best() -> None:
    curve = 20 + 0.1 * STEPS
    curve[150:] = math.nan
    points = kept(curve)
    assert math.isnan(points.last)
    assert math.isnan(points.tail)
    assert (points.best, points.best_step, points.drawdown) == (curve[149], 149, math.inf)


def test_a_curve_without_any_number_has_no_end_points_but_nan() -> None:
    points = kept(np.full(201, math.nan))
    assert math.isnan(points.last)
    assert math.isnan(points.best)
    assert math.isnan(points.drawdown)
    assert set(points.reached.values()) == {None}


def test_a_curve_that_breaks_off_before_it_has_settled_has_no_drawdown() -> None:
    points = kept(np.where(STEPS < 50, 20.0, math.nan))
    assert (points.best, points.best_step) == (20, 0)
    assert math.isnan(points.drawdown)
    assert kept(np.where(STEPS <= 50, 20.0, math.nan)).drawdown == math.inf
    assert kept(np.where(STEPS == 80, 20.0, math.nan)).drawdown == math.inf


def test_a_curve_that_is_perfect_all_along_does_not_fall() -> None:
    assert kept(np.full(201, math.inf)).drawdown == 0


def test_a_single_score_is_its_own_best() -> None:
    points = end_points(np.zeros(1), np.zeros(1), np.array([22.5]), higher_is_better=True)
    assert (points.last, points.best, points.tail, points.drawdown) == (22.5, 22.5, 22.5, 0)


def test_what_is_undefined_or_infinite_is_valid_json_and_comes_back() -> None:
    points = kept(np.where(STEPS > 100, math.nan, math.inf))
    text = points.model_dump_json()
    assert "NaN" in text
    assert ":NaN" not in text
    assert ":Infinity" not in text
    again = EndPoints.model_validate_json(text)
    assert math.isnan(again.last)
    assert again.best == math.inf


def test_the_last_step_is_scored_whatever_the_interval() -> None:
    def steps(total: int, every: int) -> list[int]:
        return Curves(total, every, 1, ["loss"], torch.device("cpu")).steps.tolist()

    assert steps(10, 4) == [0, 4, 8, 10]
    assert steps(10, 100) == [0, 10]
    assert steps(0, 1) == [0]


def test_curves_are_written_as_a_tidy_table(tmp_path: Path) -> None:
    curves = Curves(2, 1, 2, ["loss", "psnr"], torch.device("cpu"))
    for step in range(3):
        curves.put(step, torch.tensor([[step, 1.0], [-step, 2.0]]))
        curves.put_seconds(step, step / 2)
    curves.write(tmp_path / "curves.parquet")
    table = pq.read_table(tmp_path / "curves.parquet").to_pydict()
    assert table["step"] == [0, 0, 1, 1, 2, 2]
    assert table["replicate"] == [0, 1] * 3
    assert table["loss"] == [0, 0, 1, -1, 2, -2]
    assert table["seconds"] == [0, 0, 0.5, 0.5, 1, 1]
