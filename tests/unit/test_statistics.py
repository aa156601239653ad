"""Means, intervals, paired differences and ranks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from sirenbench.statistics import Mark, Sample, band, difference, rank, summarise

NAN, INF = math.nan, math.inf


def sample(*values: float, exact: bool = False) -> Sample:
    return Sample(dict(enumerate(values)), exact=exact)


def test_the_interval_is_students_t_of_the_mean() -> None:
    values = [30.1, 30.4, 29.9, 30.2, 30.6]
    low, high = stats.t.interval(0.95, 4, loc=np.mean(values), scale=stats.sem(values))
    summary = summarise(sample(*values))
    assert (summary.mean, summary.low, summary.high) == pytest.approx((np.mean(values), low, high), abs=1e-12)
    assert summary.n == 5


def test_one_replicate_has_a_mean_but_no_interval() -> None:
    summary = summarise(sample(30.0))
    assert (summary.mean, summary.n) == (30.0, 1)
    assert not summary.has_interval
    assert not summary.differs_from_zero


def test_an_exact_score_has_an_interval_of_no_width() -> None:
    summary = summarise(sample(33.2, exact=True))
    assert (summary.low, summary.high) == (33.2, 33.2)


def test_a_replicate_without_a_number_is_left_out_and_counted() -> None:
    summary = summarise(sample(30.0, NAN, 32.0))
    assert (summary.mean, summary.n, summary.left_out) == (31.0, 2, 1)


@pytest.mark.parametrize("values", [(), (NAN,), (NAN, NAN)])
def test_without_any_number_there_is_no_mean(values: tuple[float, ...]) -> None:
    summary = summarise(sample(*values))
    assert math.isnan(summary.mean)
    assert (summary.n, summary.left_out) == (0, len(values))


def test_an_infinite_score_makes_the_mean_infinite_without_an_interval() -> None:
    summary = summarise(sample(INF, 60.0))
    assert summary.mean == INF
    assert not summary.has_interval


def test_a_difference_is_paired_by_seed() -> None:
    noise = np.array([0.0, 3.0, -3.0, 6.0])
    a, b = sample(*(30 + noise)), sample(*(29 + noise + [0.01, 0.0, -0.01, 0.0]))
    apart = difference(a, b)
    assert apart.mean == pytest.approx(1.0)
    assert apart.differs_from_zero
    assert summarise(a).low < summarise(b).high, "unpaired intervals overlap"


def test_only_seeds_that_both_have_are_compared() -> None:
    apart = difference(Sample({0: 5.0, 1: 6.0, 2: NAN}), Sample({1: 4.0, 2: 4.0, 3: 4.0}))
    assert (apart.mean, apart.n) == (2.0, 1)
    assert not apart.differs_from_zero


def test_an_exact_score_is_compared_with_every_seed() -> None:
    apart = difference(sample(30.0, 30.2, 30.1), sample(29.0, exact=True))
    assert apart.n == 3
    assert apart.mean == pytest.approx(1.1)
    assert difference(sample(29.0, exact=True), sample(30.0, 30.2, 30.1)).mean == pytest.approx(-1.1)


def test_two_exact_scores_differ_exactly() -> None:
    apart = difference(sample(30.0, exact=True), sample(29.0, exact=True))
    assert (apart.low, apart.high) == (1.0, 1.0)


def test_equal_infinite_scores_do_not_differ() -> None:
    assert difference(sample(INF, exact=True), sample(INF, exact=True)).mean == 0


def test_a_difference_to_nothing_is_undefined() -> None:
    assert math.isnan(difference(sample(1.0), sample(exact=True)).mean)


CLEAR = [sample(30.0, 30.1, 30.2), sample(20.0, 20.1, 20.0), sample(25.0, 25.1, 25.3)]


def test_best_and_second_best_are_marked() -> None:
    assert rank(CLEAR, higher_is_better=True, alike=1.0) == [Mark.BEST, Mark.NONE, Mark.SECOND]


def test_the_direction_of_the_metric_is_kept() -> None:
    assert rank(CLEAR, higher_is_better=False, alike=1.0) == [Mark.NONE, Mark.BEST, Mark.SECOND]


def test_a_tie_shares_the_mark() -> None:
    tied = [sample(30.4, 30.6, 30.5), sample(30.4, 30.5, 30.3), sample(20.0, 20.1, 20.2)]
    assert difference(*tied[:2]).high == pytest.approx(0.1 + 0.2484, abs=1e-3)
    assert rank(tied, higher_is_better=True, alike=0.35) == [Mark.BEST, Mark.BEST, Mark.SECOND]
    assert rank(tied, higher_is_better=True, alike=0.34) == [Mark.BEST, Mark.SECOND, Mark.NONE]


def test_nothing_shares_the_mark_by_being_uncertain() -> None:
    """Nothing is known of the wide one's place: neither is it as good as the leader, nor is anything as good as it."""
    narrow, wide, low = sample(30.0, 30.1, 29.9), sample(28.0, 32.0, 29.4), sample(29.5, 29.6, 29.4)
    assert not difference(narrow, wide).differs_from_zero
    assert rank([narrow, wide, low], higher_is_better=True, alike=0.6) == [Mark.BEST, Mark.SECOND, Mark.NONE]
    lucky = sample(29.0, 33.0, 30.4)
    assert rank([narrow, lucky, low], higher_is_better=True, alike=0.6) == [Mark.SECOND, Mark.BEST, Mark.NONE]


def test_scores_of_other_seeds_share_no_mark() -> None:
    other = Sample({5: 30.0, 6: 30.1, 7: 29.9})
    assert rank([sample(30.0, 30.1, 29.9), other], higher_is_better=True, alike=1.0) == [Mark.BEST, Mark.SECOND]


def test_equal_scores_share_the_mark_even_if_they_are_perfect() -> None:
    for score in (30.0, INF):
        twice = [sample(score, score, score), sample(score, exact=True)]
        assert rank(twice, higher_is_better=True, alike=0.0) == [Mark.BEST, Mark.BEST]


def test_a_small_but_steady_difference_is_no_tie() -> None:
    noise = np.array([0.0, 3.0, -3.0])
    steady = [sample(*(30.2 + noise + [0, 0.01, -0.01])), sample(*(30 + noise))]
    assert rank(steady, higher_is_better=True, alike=1.0) == [Mark.BEST, Mark.SECOND]


def test_a_single_seed_is_not_ranked() -> None:
    assert rank([sample(99.0), *CLEAR], higher_is_better=True, alike=1.0)[0] is Mark.NONE


def test_a_baseline_is_ranked_with_its_one_score() -> None:
    assert rank([sample(40.0, exact=True), *CLEAR], higher_is_better=True, alike=1.0)[:2] == [Mark.BEST, Mark.SECOND]


def test_a_cell_with_a_diverged_replicate_is_not_ranked() -> None:
    assert rank([sample(99.0, 98.0, NAN), *CLEAR], higher_is_better=True, alike=1.0)[0] is Mark.NONE


@pytest.mark.parametrize("samples", [[], [CLEAR[0]], [sample(), sample(NAN)]])
def test_nothing_is_best_of_less_than_two(samples: list[Sample]) -> None:
    assert set(rank(samples, higher_is_better=True, alike=1.0)) <= {Mark.NONE}


def test_a_band_is_the_interval_at_every_step() -> None:
    values = np.random.default_rng(0).normal(30, 1, (4, 7))
    mean, half = band(values)
    expected = [summarise(sample(*column)) for column in values.T]
    assert mean == pytest.approx([one.mean for one in expected])
    assert half == pytest.approx([one.half for one in expected])


def test_a_band_breaks_off_where_a_replicate_diverges() -> None:
    mean, _ = band(np.array([[1.0, 2.0, 3.0], [1.0, NAN, INF]]))
    assert np.isfinite(mean).tolist() == [True, False, False]


def test_a_single_replicate_has_a_band_of_no_width() -> None:
    mean, half = band(np.array([[1.0, 2.0]]))
    assert mean.tolist() == [1.0, 2.0]
    assert half.tolist() == [0.0, 0.0]
