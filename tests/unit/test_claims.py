"""Predicates and verdicts: on samples, on synthetic curves on disk, and a run judged end to end."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from report_fixtures import Made, write_cell

from sirenbench.activation_statistics import BINS, POST, PRE, Statistics
from sirenbench.claims.evidence import PaperNumber, RunEvidence
from sirenbench.claims.judge import as_json, judge, write_claims
from sirenbench.claims.load import load_claims
from sirenbench.claims.scores import excursions, parse_score
from sirenbench.claims.summary import summary
from sirenbench.claims.terms import Quantity, Vocabulary
from sirenbench.claims.trials import Reader, Trial
from sirenbench.claims.verdicts import Basis, Code, NotTestable, Verdict, together
from sirenbench.collect import collect
from sirenbench.config.model import Config
from sirenbench.config.studies import Study
from sirenbench.config.yaml import read_yaml
from sirenbench.engine.curves import end_points
from sirenbench.errors import UserError
from sirenbench.names import changed, parse_name
from sirenbench.paper_pixels import anchors
from sirenbench.records import (
    ACTIVATIONS,
    CURVES,
    IMAGES,
    RECORD,
    CellRecord,
    Cost,
    Replicate,
    folder_of,
    write_record,
)
from sirenbench.spec import CellSpec
from sirenbench.statistics import Sample

HOLDS, FAILS, REFUTED, OPEN, UNTESTED = (
    Code.HOLDS,
    Code.FAILS,
    Code.REFUTED,
    Code.INCONCLUSIVE,
    Code.NOT_TESTABLE,
)
STEPS = 200
ROOT = Path(__file__).parents[2]
A = parse_name(f"fit/picture-32/siren-1x8/steps={STEPS}")
B = parse_name(f"fit/picture-32/relu-1x8/steps={STEPS}")
C = parse_name(f"fit/picture-32/siren-1x8/first_init=normal/steps={STEPS}")
BICUBIC = parse_name("sr/picture-32-x4/bicubic")
NAMES = {"a": A, "b": B, "c": C, "bicubic": BICUBIC}


def trial(raw: object, numbers: Mapping[str, float] | None = None) -> Trial:
    """The test that stands in a claim as ``raw``."""
    known = {text: PaperNumber(value, "Figure 1", "F") for text, value in (numbers or {}).items()}
    reader = Reader("claims.yaml", {"vocabulary": Vocabulary(NAMES), "numbers": known}, [])
    found = reader.read(raw, "test")
    assert found is not None, [str(mistake) for mistake in reader.mistakes]
    return found


# Predicates that compare means: on samples that are given.


@dataclass
class Given:
    """Evidence of made-up samples, by cell."""

    samples: Mapping[CellSpec, Sample]
    scaled: tuple[str, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ("a cell",)

    def select(self, cells: Sequence[CellSpec]) -> Given:
        lacking = {cell.name: f"{cell.name} is not there" for cell in cells if cell not in self.samples}
        if cells and len(lacking) == len(set(cells)):
            raise NotTestable(next(iter(lacking.values())))
        return Given(self.samples, self.scaled, lacking)

    def sample(self, quantity: Quantity) -> Sample:
        return self.samples[quantity.cell]

    def verdict(self, claim: str) -> Verdict:
        return Verdict(Code(claim), "")

    @property
    def of_paper(self) -> Given:
        return self

    @property
    def of_any_pixels(self) -> Given:
        return self


def of(*values: float) -> Sample:
    return Sample(dict(enumerate(values)))


def exactly(value: float) -> Sample:
    return Sample({0: value}, exact=True)


def verdict(raw: object, a: Sample, b: Sample | None = None, c: Sample | None = None, **about: object) -> Verdict:
    samples = {cell: sample for cell, sample in ((A, a), (B, b), (C, c)) if sample is not None}
    return trial(raw).judge(Given(samples, **about))  # type: ignore[arg-type]


LEADS = {"greater_by": {"more": "a", "less": "b", "margin": 10}}


@pytest.mark.parametrize(
    ("a", "b", "code"),
    [
        ((25, 25.1, 24.9), (10, 10, 10), HOLDS),
        ((15, 15.1, 14.9), (10, 10, 10), FAILS),
        ((20, 21, 19), (10, 10, 10), OPEN),
        ((20, 20, 20), (10, 10, 10), FAILS),  # exactly at the margin is not beyond it
        ((20.000001,) * 3, (10, 10, 10), HOLDS),
        ((25,), (10,), OPEN),  # one seed
        ((), (), OPEN),
        ((25, 25.1, math.nan), (10, 10, 10), OPEN),  # would hold, but a seed has no number
        ((15, 15.1, math.nan), (10, 10, 10), FAILS),  # fails without it too
        ((math.nan, math.nan), (10, 10), OPEN),
        ((math.inf, math.inf), (10, 10), OPEN),
        ((math.inf, math.inf), (math.inf, math.inf), FAILS),  # two perfect scores differ by nothing
    ],
)
def test_a_lead_must_be_larger_than_its_margin_by_its_whole_interval(
    a: tuple[float, ...], b: tuple[float, ...], code: Code
) -> None:
    found = verdict(LEADS, of(*a), of(*b))
    assert found.code is code
    assert found.reason


def test_differences_are_paired_by_seed() -> None:
    """Seeds that move both arms together leave their difference sharp; only seeds that both have count."""
    a, b = of(20, 30, 40, 99), Sample({0: 9.0, 1: 19.1, 2: 28.9, 7: 0.0})
    found = verdict({"greater_by": {"more": "a", "less": "b", "margin": 10}}, a, b)
    assert (found.code, found.measured.n) == (HOLDS, 3)
    assert found.measured.mean == pytest.approx(11)
    assert found.measured.low == pytest.approx(11 - 4.30265 * 0.1 / math.sqrt(3), abs=1e-4)


def test_what_has_no_chance_needs_no_seeds() -> None:
    assert verdict(LEADS, exactly(21), exactly(10)).code is HOLDS
    assert verdict(LEADS, exactly(20), exactly(10)).code is FAILS
    assert verdict(LEADS, of(25, 25.1), exactly(10)).measured.n == 2


@pytest.mark.parametrize("predicate", ["greater_by", "ordering"])
@given(pairs=st.lists(st.tuples(st.floats(0, 60), st.floats(0, 60)), min_size=1, max_size=6))
def test_swapping_the_arms_flips_the_verdict(predicate: str, pairs: list[tuple[float, float]]) -> None:
    """But where an end of the interval lies on the margin itself, beyond which neither arm is."""
    a, b = (of(*column) for column in zip(*pairs, strict=True))
    raws = {
        "greater_by": [{"more": "a", "less": "b"}, {"more": "b", "less": "a"}],
        "ordering": [{"terms": ["a", "b"]}, {"terms": ["b", "a"]}],
    }
    one, other = (verdict({predicate: raw}, a, b) for raw in raws[predicate])
    assume(min(abs(one.measured.low), abs(one.measured.high)) > 1e-8 or len(pairs) == 1)
    assert other.code is {HOLDS: FAILS, FAILS: HOLDS, OPEN: OPEN}[one.code]


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ((10.4, 10.5, 10.6), HOLDS),
        ((12, 12.1, 12.2), FAILS),
        ((10.9, 11.2, 10.7), OPEN),
        ((11.0, 11.0, 11.0), HOLDS),  # exactly at the margin
        ((11.000001,) * 3, FAILS),
        ((10,), OPEN),
        ((10, 10, math.nan), OPEN),
    ],
)
def test_near_a_number_is_within_its_margin_by_the_whole_interval(values: tuple[float, ...], code: Code) -> None:
    found = verdict({"near": {"of": "a", "to": 10, "by": 1}}, of(*values))
    assert (found.code, found.measured.unit) == (code, "dB")


def test_near_takes_the_papers_number_if_none_is_given() -> None:
    numbers = {f"{A.name} psnr": 33.0}
    test = trial({"near": {"of": "a", "by": 0.5}}, numbers)
    assert test.criterion() == "a is 33 ± 0.5"
    assert test.judge(Given({A: of(33, 33.1, 32.9)})).code is HOLDS


def test_near_says_what_is_lacking_before_it_looks_for_cells() -> None:
    found = verdict({"near": {"of": "a", "to": 1, "by": 1, "lacking": "the weights are lost"}}, of(1, 1))
    assert (found.code, found.reason) == (UNTESTED, "the weights are lost")


@pytest.mark.parametrize(
    ("bounds", "values", "code"),
    [
        ({"low": 0.95}, (0.96, 0.97), OPEN),
        ({"low": 0.95}, (0.961, 0.962), HOLDS),
        ({"high": 0.7}, (0.961, 0.962), FAILS),
        ({"low": 0.16, "high": 0.2}, (0.18, 0.181), HOLDS),
        ({"low": 0.16, "high": 0.2}, (0.21, 0.211), FAILS),
    ],
)
def test_within_bounds(bounds: dict[str, float], values: tuple[float, ...], code: Code) -> None:
    assert verdict({"within": {"of": "a ssim", **bounds}}, of(*values)).code is code


@pytest.mark.parametrize(
    ("a", "b", "code"),
    [
        ((10, 11, 12), (10.1, 11.2, 12.1), HOLDS),
        ((10, 11, 12), (12, 13.1, 13.9), FAILS),
        ((10, 11, 12), (10.5, 12.4, 13.2), OPEN),
        ((10, 11, 12), (11, 12, 13), HOLDS),  # exactly at the margin
        ((10,), (10,), OPEN),
    ],
)
def test_equivalence_is_two_one_sided_tests(a: tuple[float, ...], b: tuple[float, ...], code: Code) -> None:
    """TOST: alike only if the interval of the difference lies within the margin; not being different is no proof."""
    raw = {"equivalent": {"terms": ["a", "b"], "margin": 1}}
    assert verdict(raw, of(*a), of(*b)).code is code
    assert verdict(raw, of(*b), of(*a)).code is code


def test_equivalence_asks_all_pairs_and_can_be_of_ratios() -> None:
    raw = {"equivalent": {"terms": ["a", "b", "c"], "margin": 1}}
    found = verdict(raw, exactly(10), exactly(10.9), exactly(11.8))
    assert (found.code, len(found.parts)) == (FAILS, 3)
    ratios = {"equivalent": {"terms": ["a", "b"], "factor": 2}}
    assert [verdict(ratios, exactly(x), exactly(1)).code for x in (0.4, 0.5, 2, 2.1)] == [FAILS, HOLDS, HOLDS, FAILS]


def test_a_factor_is_one_of_every_seed() -> None:
    raw = {"greater_by": {"more": "a", "less": "b", "factor": 2}}
    found = verdict(raw, of(3, 30, 300), of(1, 10, 100))
    assert (found.code, found.measured.mean, found.measured.unit) == (HOLDS, 3, "×")
    assert verdict(raw, of(3, 3), of(0, 0)).code is OPEN


def test_an_order_holds_in_every_step_and_says_what_is_not_there() -> None:
    raw = {"ordering": {"terms": ["a", "b", "c"]}}
    assert verdict(raw, of(9, 9.1), of(5, 5.1), of(1, 1.1)).code is HOLDS
    assert verdict(raw, of(9, 9.1), of(5, 5.1), of(7, 7.1)).code is FAILS
    partly = verdict(raw, of(9, 9.1), of(5, 5.1))
    assert partly.code is OPEN
    assert "1 of 3 are not in this run" in partly.reason
    assert verdict(raw, of(1, 1.1), of(5, 5.1)).code is FAILS
    assert verdict(raw, of(9, 9.1)).code is UNTESTED


def test_the_best_of_several_and_differences_are_terms() -> None:
    best = {"greater_by": {"more": ["a", "b"], "less": "c"}}
    assert verdict(best, of(1, 1.1), of(9, 9.1), of(5, 5.1)).code is HOLDS
    gap = {"within": {"of": "a psnr minus b psnr", "low": 3.9, "high": 4.1}}
    assert verdict(gap, of(5, 7, 9), of(1, 3, 5)).code is HOLDS


# Cells that are scaled down.

SMALLER = ("size 32 instead of 256",)


@pytest.mark.parametrize(
    "raw",
    [
        {"near": {"of": "a", "to": 10, "by": 1}},
        {"within": {"of": "a", "low": 5}},
        {"equivalent": {"terms": ["a", "b"], "margin": 99}},
        {"drawdown": {"of": "a", "less_than": 99}},
        {"greater_by": {"more": "a", "less": 1}},
        {"greater_by": {"more": "a psnr at 50", "less": "b psnr at 50"}},
        {"greater_by": {"more": "a", "less": "b", "scaled": False}},
        {"faster_to": {"fast": "a", "slow": "b", "level": 30}},
        {"faster_to": {"fast": "a", "slow": "b", "level": "b psnr at 50"}},
    ],
)
def test_scaled_down_cells_decide_no_numbers(raw: dict) -> None:
    found = verdict(raw, of(30, 30.1), of(10, 10.1), scaled=SMALLER)
    assert found.code is UNTESTED
    assert "size 32 instead of 256" in found.reason


def test_of_scaled_down_cells_the_order_alone_counts() -> None:
    a, b = of(12, 12.1), of(10, 10.1)
    assert verdict(LEADS, a, b).code is FAILS
    found = verdict(LEADS, a, b, scaled=SMALLER)
    assert (found.code, found.scaled) == (HOLDS, SMALLER)
    assert "the order alone" in found.reason
    assert verdict({"greater_by": {"more": "a", "less": "b", "factor": 9}}, a, b, scaled=SMALLER).code is HOLDS
    assert verdict(LEADS, b, a, scaled=SMALLER).code is FAILS
    assert verdict({"ordering": {"terms": ["a", "b"], "margin": 5}}, a, b, scaled=SMALLER).code is HOLDS


def test_a_smaller_network_is_not_compared_with_what_is_not_trained() -> None:
    raw = {"greater_by": {"more": "bicubic", "less": "a"}}
    samples = {A: of(10, 10.1), BICUBIC: exactly(20)}
    assert trial(raw).judge(Given(samples)).code is HOLDS
    assert trial(raw).judge(Given(samples, SMALLER)).code is UNTESTED


def test_a_claim_can_say_that_its_scale_does_not_matter() -> None:
    raw = {"equivalent": {"terms": ["a", "b"], "margin": 1, "scaled": True}}
    assert verdict(raw, of(5, 5), of(5, 5), scaled=SMALLER).code is HOLDS


# Claims of several parts.


def test_what_holds_by_parts_rests_on_the_weakest_of_those_that_hold() -> None:
    fact, own = Verdict(HOLDS, "a fact"), Verdict(HOLDS, "a result", cells=("a",))
    other, unclear = (
        replace(own, scaled=("size",)),
        Verdict(Code.INCONCLUSIVE, "one seed", cells=("b",), scaled=("size",)),
    )

    def basis(*parts: Verdict) -> Basis | None:
        return together([(str(number), part) for number, part in enumerate(parts)], at_least=1).basis

    assert basis(fact, unclear) is Basis.NO_RUN
    assert basis(fact, own, unclear) is Basis.OWN
    assert basis(fact, own, other) is Basis.OTHER
    assert basis(unclear, unclear) is Basis.OTHER


@pytest.mark.parametrize(
    ("codes", "at_least", "code"),
    [
        ([HOLDS, HOLDS], None, HOLDS),
        ([HOLDS, FAILS], None, FAILS),
        ([HOLDS, REFUTED], None, REFUTED),
        ([HOLDS, OPEN], None, OPEN),
        ([HOLDS, UNTESTED], None, OPEN),
        ([FAILS, UNTESTED], None, FAILS),
        ([UNTESTED, UNTESTED], None, UNTESTED),
        ([HOLDS, FAILS, FAILS], 1, HOLDS),
        ([HOLDS, FAILS, FAILS], 2, FAILS),
        ([HOLDS, FAILS, UNTESTED], 2, OPEN),
        ([FAILS, UNTESTED, UNTESTED], 2, UNTESTED),
        ([FAILS, FAILS], 1, FAILS),
    ],
)
def test_parts_make_a_verdict(codes: list[Code], at_least: int | None, code: Code) -> None:
    parts = [(str(index), Verdict(part, "why")) for index, part in enumerate(codes)]
    found = together(parts, at_least)
    assert found.code is code
    assert len(found.parts) == len(parts)


def test_other_claims_are_parts() -> None:
    assert trial({"all_of": ["holds", "fails"]}).judge(Given({})).code is FAILS
    both = {"all_of": ["holds", {"greater_by": {"more": "a", "less": "b"}}]}
    assert trial(both).judge(Given({A: of(2, 2), B: of(1, 1)})).code is HOLDS


def test_a_loop_makes_parts_and_the_first_test_that_can_be_made_counts() -> None:
    loop = {"for": {"arm": ["a", "b"]}, "at_least": 1, "within": {"of": "{arm}", "low": 5}}
    found = verdict(loop, of(9, 9), of(1, 1))
    assert (found.code, [what for what, _ in found.parts]) == (HOLDS, ["a", "b"])
    assert trial(loop).criterion().endswith("at least 1 of 2")
    tried = [{"within": {"of": "c", "low": 5}}, {"within": {"of": "a", "low": 5}}]
    assert verdict(tried, of(9, 9)).code is HOLDS
    assert verdict(tried, of(9, 9), c=of(1, 1)).code is FAILS
    assert verdict(tried, of(9, 9), c=of(1, 9)).code is OPEN


def test_what_the_paper_itself_contradicts_is_refuted() -> None:
    static = {"static": {"greater_by": {"more": 240, "less": 8, "factor": 100}}}
    assert trial(static).judge(Given({})).code is REFUTED
    static["static"]["greater_by"]["factor"] = 30 - 1e-3
    assert trial(static).judge(Given({})).code is HOLDS
    described = {"static": {"described": "centre", "run": "top left"}}
    assert trial(described).judge(Given({})).code is REFUTED
    assert trial({"static": {"described": [4, 5], "run": [4, 5]}}).judge(Given({})).code is HOLDS


def test_some_things_cannot_be_tested() -> None:
    found = trial({"untestable": {"because": "future work"}}).judge(Given({}))
    assert (found.code, found.reason) == (UNTESTED, "future work")


# Predicates on curves: cells on disk.


def write(results: Path, spec: CellSpec, curves: Sequence[np.ndarray], target: np.ndarray | None = None) -> None:
    """A finished cell with the PSNR curve (steps + 1,) of every seed."""
    folder = folder_of(results, spec.name)
    folder.mkdir(parents=True)
    steps = np.arange(len(curves[0]))
    frames = [
        pd.DataFrame({"step": steps, "seconds": steps * 0.5, "replicate": r, "psnr": curve, "ssim": curve / 100})
        for r, curve in enumerate(curves)
    ]
    replicates = tuple(
        Replicate(
            replicate=r,
            seed=r,
            diverged=bool(np.isnan(curve).any()),
            metrics={
                "psnr": end_points(steps, steps * 0.5, curve, True),
                "ssim": end_points(steps, steps * 0.5, curve / 100, True),
            },
        )
        for r, curve in enumerate(curves)
    )
    if not spec.is_baseline:
        pd.concat(frames).to_parquet(folder / CURVES, index=False)
    pixels = np.tile(np.array([[64, 192]], np.uint8), (32, 16)) if target is None else target
    np.savez(folder / IMAGES, target=pixels, prediction=pixels)
    cost = Cost(seconds=3, startup_seconds=1, training_seconds=0.25, metrics_seconds=1, peak_memory_mib=1)
    write_record(
        folder / RECORD,
        CellRecord(
            name=spec.name,
            spec=spec.as_dict(),
            track=spec.track,
            state="diverged" if any(r.diverged for r in replicates) else "ok",
            replicates=replicates,
            metrics_every=1,
            cost=cost,
        ),
    )


def lacking(results: Path, spec: CellSpec, reason: str) -> None:
    record = CellRecord(name=spec.name, spec=spec.as_dict(), track="as-run", state="not-testable", reason=reason)
    folder_of(results, spec.name).mkdir(parents=True)
    write_record(folder_of(results, spec.name) / RECORD, record)


def evidence(results: Path, *specs: CellSpec, **reference: int | str) -> RunEvidence:
    study = Study(title="One", grid=[], reference=reference)
    return RunEvidence(Config(run="one", studies={"one": study}), {"one": list(specs)}, results, {}, {})


def rise(to: float, start: float = 12.0, steps: int = STEPS) -> np.ndarray:
    """Fast at first, slow later, from ``start`` to nearly ``to``."""
    return start + (to - start) * (1 - np.exp(-np.arange(steps + 1) / steps * 8))


def spiky(curve: np.ndarray, at: int, depth: float) -> np.ndarray:
    fallen = curve.copy()
    fallen[at : at + 5] -= depth
    return fallen


def on_disk(results: Path, raw: object, **curves: Sequence[np.ndarray]) -> Verdict:
    cells = {NAMES[name]: of_seeds for name, of_seeds in curves.items()}
    for spec, of_seeds in cells.items():
        write(results, spec, of_seeds)
    return trial(raw).judge(evidence(results, *cells))


# The target has two values half the range apart: a constant image scores 20 log10(4) dB.
FLOOR = -20 * math.log10(64 / 255)
FLATS = [np.full(STEPS + 1, FLOOR + 0.1)] * 5


@pytest.mark.parametrize(
    ("curves", "code"),
    [
        (FLATS, HOLDS),
        ([*FLATS[:4], rise(30)], HOLDS),
        ([*FLATS[:3], rise(30), rise(30)], OPEN),
        ([FLATS[0], *[rise(30)] * 4], FAILS),
        (FLATS[:1], OPEN),
        ([np.concatenate([rise(30)[:100], np.full(STEPS - 99, FLOOR)])] * 5, HOLDS),  # a late collapse is one
        ([np.full(STEPS + 1, math.nan)] * 5, OPEN),
    ],
)
def test_a_collapsed_curve_ends_at_the_level_of_a_constant_image(
    tmp_path: Path, curves: list[np.ndarray], code: Code
) -> None:
    assert on_disk(tmp_path, {"collapsed": {"of": "a"}}, a=curves).code is code


def test_collapsing_in_some_runs_has_a_share_of_its_own(tmp_path: Path) -> None:
    raw = {"collapsed": {"of": "a", "share": 0.2}}
    assert on_disk(tmp_path / "one", raw, a=[FLATS[0], *[rise(30)] * 4]).code is HOLDS
    assert on_disk(tmp_path / "none", raw, a=[rise(30)] * 5).code is FAILS


@pytest.mark.parametrize(("end", "code"), [(12.5, HOLDS), (12.99, HOLDS), (13.2, FAILS), (40, FAILS)])
def test_a_flat_curve_ends_where_it_began(tmp_path: Path, end: float, code: Code) -> None:
    assert on_disk(tmp_path, {"flat": {"of": "a"}}, a=[rise(end)] * 3).code is code


@pytest.mark.parametrize(
    ("bounds", "depth", "code"),
    [
        ({"less_than": 4}, 2, HOLDS),
        ({"less_than": 4}, 9, FAILS),
        ({"more_than": 5}, 9, HOLDS),
        ({"more_than": 5}, 2, FAILS),
        ({"less_than": 4, "during": "0-50%"}, 9, HOLDS),  # it falls at step 150
    ],
)
def test_drawdowns_are_measured_against_the_running_best(
    tmp_path: Path, bounds: dict, depth: float, code: Code
) -> None:
    curves = [spiky(rise(40), 150, depth)] * 5
    assert on_disk(tmp_path, {"drawdown": {"of": "a", **bounds}}, a=curves).code is code


def test_falls_before_step_50_do_not_count_and_a_diverged_curve_falls_without_end(tmp_path: Path) -> None:
    early = [spiky(rise(40), 20, 30)] * 5
    assert on_disk(tmp_path / "early", {"drawdown": {"of": "a", "less_than": 1}}, a=early).code is HOLDS
    broken = rise(40)
    broken[120:] = math.nan
    assert on_disk(tmp_path / "nan", {"drawdown": {"of": "a", "more_than": 50}}, a=[broken] * 5).code is HOLDS


def test_excursions_are_counted_by_falls_of_more_than_3_db(tmp_path: Path) -> None:
    """A curve that falls and comes back has one each time, one that falls for good has one."""
    steady, twice, gone = rise(40), spiky(spiky(rise(40), 100, 5), 150, 9), rise(40)
    gone[120:] = 20
    small = spiky(rise(40), 100, 2.9)
    write(tmp_path, A, [steady, small, twice, gone])
    counts = evidence(tmp_path, A).select([A]).sample(Quantity(A, parse_score(["psnr", "excursions"])))
    assert list(counts.values.values()) == [0, 0, 2, 1]
    broken = rise(40)
    broken[120:] = math.nan
    assert excursions(np.arange(len(broken)), broken) == math.inf


def test_faster_is_counted_in_steps_of_every_seed(tmp_path: Path) -> None:
    fast, slow = [rise(40)] * 5, [rise(20)] * 5
    raw = {"faster_to": {"fast": "a", "slow": "b", "level": "b psnr", "factor": 3}}
    assert on_disk(tmp_path, raw, a=fast, b=slow).code is HOLDS
    there = evidence(tmp_path, A, B)
    swapped = {"faster_to": {"fast": "b", "slow": "a", "level": "b psnr"}}
    assert trial(swapped).judge(there).code is FAILS
    never = {"faster_to": {"fast": "a", "slow": "b", "level": 30}}  # b never gets there
    assert trial(never).judge(there).code is HOLDS
    nowhere = trial({"faster_to": {"fast": "a", "slow": "b", "level": 90}}).judge(there)
    assert (nowhere.code, "neither" in nowhere.reason) == (UNTESTED, True)
    too_much = {"faster_to": {"fast": "a", "slow": "b", "level": "b psnr", "factor": 1000}}
    assert trial(too_much).judge(there).code is FAILS


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("psnr", 39.99),
        ("psnr at 0", 12.0),
        ("psnr at 50", 12 + 28 * (1 - math.exp(-2))),
        ("psnr best", 39.99),
        ("psnr drawdown", 0.0),
        ("ssim at 0", 0.12),
        ("seconds", 100.0),
        ("floor", FLOOR),
    ],
)
def test_scores_of_a_curve(tmp_path: Path, words: str, expected: float) -> None:
    write(tmp_path, A, [rise(40)] * 2)
    chosen = evidence(tmp_path, A).select([A])
    values = chosen.sample(Quantity(A, parse_score(words.split()))).values.values()
    assert list(values) == pytest.approx([expected] * len(values), abs=1e-3)


def test_noise_is_what_is_left_of_a_curve_without_its_trend(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    smooth, rough = rise(40, steps=2000), rise(40, steps=2000)
    rough[1000:] += random.normal(0, 1, 1001)
    spec = changed(A, steps=2000)
    write(tmp_path, spec, [rough, smooth])
    chosen = evidence(tmp_path, spec).select([spec])
    late, early = (
        chosen.sample(Quantity(spec, parse_score(["psnr", "noise", part]))).values for part in ("50-100%", "5-45%")
    )
    assert late[0] == pytest.approx(1, abs=0.1)
    assert max(early[0], early[1], late[1]) < 0.05


@pytest.mark.parametrize(
    "words",
    ["psnr tial", "psnr at", "psnr noise", "pnsr", "pre 0 std", "post 1 stdd", "psnr excursions 3", "ssim excursions"],
)
def test_a_score_that_means_nothing_is_told_with_what_is_allowed(words: str) -> None:
    with pytest.raises(UserError, match=r"allowed: |number of a layer"):
        parse_score(words.split())


# Layers and images.

LAYERS = parse_name("activations/picture-32/siren-2x8")


def layers_of(seeds: int) -> Statistics:
    """Three sines. Before them: standard deviation 10, 1, 1; after them 0.01, 0.02, 0.04 from the arcsine law.

    The spectrum after the k-th sine is a line at frequency k, on a floor that makes it flatter the larger k is.
    """
    stages = 8
    table = np.zeros((seeds, stages))
    std, ks, rows = table + 0.7, table + 0.3, np.ones((seeds, stages, 6))
    std[:, PRE], ks[:, POST] = [10, 1, 1], [0.01, 0.02, 0.04]
    std += 1e-3 * np.arange(seeds)[:, None]
    for layer in (1, 2, 3):
        rows[:, 2 * layer, layer] = 100 / layer
    return Statistics(
        side=12,
        mean=table,
        std=std,
        skewness=table,
        kurtosis=table - 0.1,
        minimum=table - 1,
        maximum=table + 1,
        ks=ks,
        counts=np.ones((seeds, stages, BINS), np.int64),
        flat=rows,
        rows=rows,
        columns=rows,
        flat_frequencies=np.arange(6.0),
        axis_frequencies=np.arange(6.0),
        gradient_norms=np.tile([300.0, 2.0, 1.0, 1.0], (seeds, 1)),
    )


@pytest.fixture
def layers(tmp_path: Path) -> RunEvidence:
    write(tmp_path, LAYERS, [np.array([12.0])] * 3)
    layers_of(3).write(folder_of(tmp_path, LAYERS.name) / ACTIVATIONS)
    return evidence(tmp_path, LAYERS)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"stages": ["pre 2", "pre 3"], "std": [0.9, 1.1], "kurtosis": [-0.2, 0.2]}, HOLDS),
        ({"stages": ["pre 1", "pre 2"], "std": [0.9, 1.1]}, FAILS),
        ({"stages": ["post 1", "post 2"], "ks": [0, 0.03]}, HOLDS),
        ({"stages": ["post 3"], "ks": [0, 0.03]}, FAILS),
        ({"stages": ["pre 4"], "std": [0, 9]}, UNTESTED),  # it has three sines
    ],
)
def test_distributions_are_those_of_the_layers_that_are_named(layers: RunEvidence, arguments: dict, code: Code) -> None:
    found = trial({"distribution": {"of": LAYERS.name, **arguments}}).judge(layers)
    assert found.code is code
    if code is HOLDS:
        given = [what for what in ("std", "kurtosis", "ks") if what in arguments]
        assert [what for what, _ in found.parts] == [f"{s} {what}" for s in arguments["stages"] for what in given]
        assert found.basis is Basis.OWN


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("pre 1 std", 10.001),
        ("post 3 ks", 0.04),
        ("gradient 1", 300),
        # Power 100^2 at frequency 1 and 1 at 2, 3, 4, 5.
        ("post 1 centroid", (1e4 + 2 + 3 + 4 + 5) / (1e4 + 4)),
        ("post 2 flatness", (50**2) ** (1 / 5) / ((50**2 + 4) / 5)),
    ],
)
def test_scores_of_layers(layers: RunEvidence, words: str, expected: float) -> None:
    sample = layers.select([LAYERS]).sample(Quantity(LAYERS, parse_score(words.split())))
    assert np.mean(list(sample.values.values())) == pytest.approx(expected)
    assert len(sample.values) == 3


def test_damaged_statistics_make_a_claim_not_testable(layers: RunEvidence, tmp_path: Path) -> None:
    (folder_of(tmp_path, LAYERS.name) / ACTIVATIONS).write_bytes(b"no archive")
    found = trial({"within": {"of": f"{LAYERS.name} pre 1 std", "low": 0}}).judge(layers)
    assert (found.code, "does not hold" in found.reason) == (UNTESTED, True)


# Which cells of a run stand for the paper's.

SMALL = {"size": 16, "steps": 100}


def smaller(spec: CellSpec) -> CellSpec:
    return changed(spec, **SMALL, replicates=3)


def test_a_smaller_cell_stands_for_the_papers_and_is_told(tmp_path: Path) -> None:
    for spec, level in ((A, 40), (B, 20)):
        write(tmp_path, smaller(spec), [rise(level + r / 10, steps=100) for r in range(3)])
    there = evidence(tmp_path, smaller(A), smaller(B), size=32, steps=STEPS)
    found = trial(LEADS).judge(there)
    assert found.code is HOLDS
    assert found.cells == (smaller(A).name, smaller(B).name)
    assert found.scaled == ("size 16 instead of 32", "steps 100 instead of 200")
    assert found.basis is Basis.OTHER


def test_the_parts_of_a_predicate_rest_on_its_cells(tmp_path: Path) -> None:
    for spec, level in ((A, 40), (B, 30), (C, 20)):
        write(tmp_path, smaller(spec), [rise(level + r / 10, steps=100) for r in range(3)])
    there = evidence(tmp_path, *map(smaller, (A, B, C)), size=32, steps=STEPS)
    found = trial({"ordering": {"terms": ["a", "b", "c"]}}).judge(there)
    assert (found.code, len(found.parts), found.basis) == (HOLDS, 2, Basis.OTHER)


def test_the_papers_own_scale_is_preferred(tmp_path: Path) -> None:
    for spec, level in ((A, 40), (B, 35)):
        write(tmp_path, spec, [rise(level)] * 2)
        write(tmp_path, smaller(spec), [rise(90 - level, steps=100)] * 2)
    there = evidence(tmp_path, smaller(A), smaller(B), A, B, size=32, steps=STEPS)
    found = trial({"greater_by": {"more": "a", "less": "b"}}).judge(there)
    assert (found.code, found.scaled, found.basis) == (HOLDS, (), Basis.OWN)


def test_cells_of_different_scales_are_not_compared(tmp_path: Path) -> None:
    write(tmp_path, smaller(A), [rise(40, steps=100)] * 2)
    write(tmp_path, B, [rise(20)] * 2)
    found = trial(LEADS).judge(evidence(tmp_path, smaller(A), B, size=32, steps=STEPS))
    assert found.code is UNTESTED
    assert "differently" in found.reason


def test_why_a_cell_is_lacking_is_told(tmp_path: Path) -> None:
    lacking(tmp_path, A, "vgg19 could not be had")
    assert "vgg19 could not be had" in trial(LEADS).judge(evidence(tmp_path, A, B)).reason
    assert "has not been run" in trial(LEADS).judge(evidence(tmp_path / "empty", A, B)).reason
    assert "is not in this run" in trial(LEADS).judge(evidence(tmp_path)).reason


def test_a_cell_that_was_run_is_preferred_to_one_that_lacks_its_image(tmp_path: Path) -> None:
    """Two cells of one scale for one of the paper's: another seed was run."""
    other = changed(A, seed=100)
    lacking(tmp_path, A, "the image could not be had")
    write(tmp_path, other, [rise(40)] * 2)
    found = trial({"within": {"of": "a", "low": 30}}).judge(evidence(tmp_path, A, other))
    assert (found.code, found.cells) == (HOLDS, (other.name,))


def test_a_picture_of_ones_own_decides_only_whether_it_is_the_papers(tmp_path: Path) -> None:
    claims = load_claims(ROOT / "config/claims.yaml")
    cells = claims.claims["X1"].trial.cells()
    config = Config(run="one", studies={"one": Study(title="One", grid=[])})

    def judged_of(sha256: str) -> dict[str, Verdict]:
        for spec in cells:
            record = write_cell(tmp_path, spec, Made(20.0))
            assert record is not None
            assert record.image is not None
            image = record.image.model_copy(update={"pixels_sha256": sha256})
            write_record(folder_of(tmp_path, spec.name) / RECORD, record.model_copy(update={"image": image}))
        return {one.claim.id: one.verdict for one in judge(claims, config, {"one": cells}, tmp_path)}

    papers, own = judged_of(anchors()["cameraman", 512].sha256), judged_of("0" * 64)
    assert papers["X1"].code is own["X1"].code is FAILS
    assert papers["T1-camera-x4-psnr-bicubic"].code is FAILS
    found = own["T1-camera-x4-psnr-bicubic"]
    assert (found.code, found.reason) == (
        UNTESTED,
        "sr/cameraman-512-x4/bicubic is of other pixels than the paper's",
    )
    assert [name for name, verdict in own.items() if verdict.cells] == ["X1"]


# A run, end to end.

BOOK = """
cells: {siren: fit/picture-32/siren-1x8/steps=200, relu: fit/picture-32/relu-1x8/steps=200}
numbers:
  - {where: Figure 1, evidence: F, of: {siren psnr: 40, relu psnr: 25}}
claims:
  fitting:
    LEAD:
      where: Figure 1
      says: It is better.
      prior: supports
      test:
        greater_by: {more: siren, less: relu, margin: 5}
    "LEVEL-{arm}":
      each: {arm: [siren, relu]}
      where: Figure 1
      says: "{arm} is as shown."
      test:
        near: {of: "{arm} psnr", by: 1}
    STABLE: {where: Figure 1, says: No falls., test: {drawdown: {of: siren, less_than: 1}}}
  conclusions:
    ALL: {where: abstract, says: All of it., test: {all_of: [LEAD, LEVEL-siren]}}
    FACT: {where: "1", says: Memory., test: {exact: {fact: memory_ignores_the_resolution}}}
    WORDS: {where: "1", says: Two orders., evidence: P, test: {static: {greater_by: {more: 240, less: 8, factor: 100}}}}
    OTHER: {where: "1", says: Another cell., test: {within: {of: siren first_omega=8, low: 3}}}
"""


@pytest.fixture
def run(tmp_path: Path) -> tuple[Config, dict[str, list[CellSpec]], Path]:
    results = tmp_path / "results"
    write(results, A, [rise(40 + r / 10) for r in range(3)])
    write(results, B, [rise(20 + r / 10) for r in range(3)])
    (tmp_path / "claims.yaml").write_text(BOOK)
    config = Config(run="one", studies={"one": Study(title="One", grid=[])})
    return config, {"one": [A, B]}, tmp_path


def test_a_run_is_judged_end_to_end(run: tuple[Config, dict[str, list[CellSpec]], Path]) -> None:
    config, cells, root = run
    write_claims(config, cells, root / "results", root / "results/one", root / "claims.yaml")
    written = json.loads((root / "results/one/claims.json").read_text(encoding="utf-8"))
    found = {claim["id"]: claim for claim in written["claims"]}
    assert {name: claim["verdict"] for name, claim in found.items()} == {
        "LEAD": "holds",
        "LEVEL-siren": "holds",
        "LEVEL-relu": "fails",
        "STABLE": "holds",
        "ALL": "holds",
        "FACT": "holds",
        "WORDS": "refuted",
        "OTHER": "not-testable",
    }
    assert written["totals"] == {"holds": 5, "fails": 1, "refuted": 1, "inconclusive": 0, "not-testable": 1}
    assert {name: claim["basis"] for name, claim in found.items()} == {
        **dict.fromkeys(("LEAD", "LEVEL-siren", "LEVEL-relu", "STABLE", "ALL"), "own"),
        **dict.fromkeys(("FACT", "WORDS"), "no-run"),
        "OTHER": None,
    }
    lead = found["LEAD"]
    assert lead["measured"]["mean"] == pytest.approx(20, abs=0.02)
    assert (lead["measured"]["n"], lead["measured"]["unit"]) == (3, "dB")
    assert lead["measured"]["low"] <= lead["measured"]["mean"] <= lead["measured"]["high"]
    assert (lead["cells"], lead["scaled"], lead["prior"]) == ([A.name, B.name], [], "supports")
    assert (lead["studies"], found["FACT"]["studies"]) == (["one"], [])
    assert found["LEVEL-relu"]["test"] == {"near": {"of": "relu psnr", "by": 1}}
    assert found["OTHER"]["test"]["within"] == {"of": "siren first_omega=8", "low": 3}
    assert found["LEVEL-relu"]["paper"] == {"value": 25, "text": "", "evidence": ["F"]}
    assert found["ALL"]["rests_on"] == ["LEAD", "LEVEL-siren"]
    assert [part["what"] for part in found["ALL"]["parts"]] == ["LEAD", "LEVEL-siren"]
    assert found["OTHER"]["paper_cells"] == ["fit/picture-32/siren-1x8/first_omega=8/steps=200"]


def test_judging_twice_writes_the_same_bytes(run: tuple[Config, dict[str, list[CellSpec]], Path]) -> None:
    config, cells, root = run
    files = []
    for name in ("one", "two"):
        write_claims(config, cells, root / "results", root / name, root / "claims.yaml")
        files.append((root / name / "claims.json").read_bytes())
    assert files[0] == files[1]


def test_what_is_not_finite_is_null(run: tuple[Config, dict[str, list[CellSpec]], Path]) -> None:
    """JSON has no word for it: one seed has no interval, a curve that diverged has no level."""
    config, _, root = run
    alone, broken = changed(A, seed=9, replicates=1), changed(B, seed=9)
    write(root / "results", alone, [rise(40)])
    write(root / "results", broken, [np.full(STEPS + 1, math.nan)] * 2)
    found = judge(load_claims(root / "claims.yaml"), config, {"one": [alone, broken]}, root / "results")
    text = json.dumps(as_json("one", found, {"one": [alone, broken]}), allow_nan=False)
    by_name = {claim["id"]: claim for claim in json.loads(text)["claims"]}
    assert by_name["LEVEL-siren"]["measured"]["low"] is None
    assert by_name["LEVEL-relu"]["measured"]["mean"] is None
    assert {by_name[name]["verdict"] for name in ("LEAD", "LEVEL-siren", "LEVEL-relu", "STABLE")} == {"inconclusive"}


def test_the_summary_has_table_1_and_the_verdicts(run: tuple[Config, dict[str, list[CellSpec]], Path]) -> None:
    config, _, root = run
    large = parse_name("sr/picture-32-x4/siren-1x8/steps=20")
    write(root / "results", large, [rise(30, steps=20), rise(31, steps=20)])
    write(root / "results", BICUBIC, [np.array([25.5])])
    studies = {"one": config.studies["one"], "sr": Study(title="Larger", source="Table 1", layout="table", grid=[])}
    config = config.model_copy(update={"studies": studies})
    cells = {"one": [A, B], "sr": [large, BICUBIC]}
    folder = root / "results/one"
    with pytest.raises(UserError, match="is not there"):
        summary(folder)
    collect(config, cells, root / "results", folder)
    write_claims(config, cells, root / "results", folder, root / "claims.yaml")
    text = summary(folder)
    assert "Larger (Table 1; PSNR in dB / SSIM)" in text
    assert "25.500 / 0.255" in text
    assert "8 claims of the paper" in text
    totals, held = text.splitlines()[-2:]
    assert totals.split() == ["all", "5", "1", "1", "0", "1"]
    assert held.strip() == "holds: 4 on the paper's own cells, 0 on smaller or other cells, 1 without a run"
    for name in ("run.json", "claims.json", "results.parquet"):
        whole = (folder / name).read_bytes()
        for damaged in (whole[: len(whole) // 2], b"", b"[]", b"\xff" + whole):
            (folder / name).write_bytes(damaged)
            with pytest.raises(UserError, match=f"{name} cannot be read .*; delete it and run the target that makes"):
                summary(folder)
        (folder / name).write_bytes(whole)
    assert summary(folder) == text


def test_claims_files_are_read_as_any_configuration(tmp_path: Path) -> None:
    """A number is a number and a key given twice is a mistake, as everywhere."""
    path = tmp_path / "claims.yaml"
    path.write_text(BOOK)
    assert set(read_yaml(path)) == {"cells", "numbers", "claims"}
