"""Means with intervals over replicates, differences paired by seed, and who is best when ties are taken seriously.

A replicate without a number (NaN: it diverged) is left out of a mean, and every summary says how many were. An
infinite score (PSNR of a perfect reconstruction) is a number: the mean is then infinite and has no interval.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

import numpy as np

LEVEL = 0.95


@dataclass(frozen=True)
class Sample:
    """The scores of one cell.

    Attributes
    ----------
    values
        Seed -> score; NaN for a replicate that diverged.
    exact
        Whether the method has no chance in it (a baseline), so that its one score is no estimate.
    """

    values: Mapping[int, float] = field(default_factory=dict)
    exact: bool = False

    @property
    def defined(self) -> dict[int, float]:
        """The scores that are numbers."""
        return {seed: value for seed, value in self.values.items() if not math.isnan(value)}

    def at(self, seed: int) -> float:
        """The score of a seed; an exact one holds for every seed."""
        return _mean(list(self.defined.values())) if self.exact else self.values[seed]


@dataclass(frozen=True)
class Summary:
    """A mean and its interval.

    Attributes
    ----------
    mean
        Over the ``n`` replicates that have a number; NaN if none has.
    half
        Half the width of the 95 % interval of the mean; 0 where the score is exact, NaN where there is no interval
        (one replicate, or an infinite score).
    n, left_out
        How many replicates are in the mean, and how many have no number.
    """

    mean: float
    half: float
    n: int
    left_out: int = 0

    @property
    def low(self) -> float:
        return self.mean - self.half

    @property
    def high(self) -> float:
        return self.mean + self.half

    @property
    def has_interval(self) -> bool:
        return not math.isnan(self.half)

    @property
    def differs_from_zero(self) -> bool:
        """Whether the whole interval lies on one side of zero; never without an interval."""
        return self.has_interval and (self.low > 0 or self.high < 0)


def t_factor(n: int) -> float:
    """Half-width of the two-sided 95 % interval of a mean, in standard deviations of one value; NaN for n < 2."""
    from scipy.special import stdtrit

    return float(stdtrit(n - 1, (1 + LEVEL) / 2)) / math.sqrt(n) if n > 1 else math.nan


def summarise(sample: Sample) -> Summary:
    """Mean and 95 % interval (Student's t) over the replicates of a cell."""
    values = list(sample.defined.values())
    left_out = len(sample.values) - len(values)
    if not values:
        return Summary(math.nan, math.nan, 0, left_out)
    mean = _mean(values)
    if not math.isfinite(mean):
        return Summary(mean, math.nan, len(values), left_out)
    if sample.exact:
        return Summary(mean, 0.0, len(values), left_out)
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else math.nan
    return Summary(mean, spread * t_factor(len(values)), len(values), left_out)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if all(map(math.isfinite, values)) else float(np.sum(values))


def difference(a: Sample, b: Sample) -> Summary:
    """Mean of a - b and its 95 % interval, paired by seed; an exact score is compared with every seed of the other."""
    if not a.defined or not b.defined:
        return summarise(Sample())
    common = set(a.defined) & set(b.defined)
    seeds = common if a.exact == b.exact else set(b.defined if a.exact else a.defined)
    return summarise(Sample({seed: _minus(a.at(seed), b.at(seed)) for seed in sorted(seeds)}, a.exact and b.exact))


def _minus(a: float, b: float) -> float:
    return 0.0 if a == b else a - b


class Mark(Enum):
    """How a score stands among those it may be compared with."""

    NONE = ""
    BEST = "best"
    SECOND = "second"


def rankable(sample: Sample) -> bool:
    """Whether it may be called best: every replicate has a number, and there are two of them unless it is exact."""
    return len(sample.values) > (0 if sample.exact else 1) and len(sample.defined) == len(sample.values)


def rank(samples: Sequence[Sample], higher_is_better: bool, alike: float) -> list[Mark]:
    """Best and second best, with ties.

    The best is the one with the best mean, and all that are as good as it: the interval of their difference, paired by
    seed, includes zero and reaches no further than ``alike`` to either side (two one-sided tests of equivalence). So
    nothing shares the mark by being uncertain. The second best likewise among the rest. A sample is not ranked if a
    replicate has no number, or if it has a single replicate and is not exact: nothing can be said of its chance then.
    """
    sign = 1 if higher_is_better else -1
    summaries = [summarise(sample) for sample in samples]
    ranked = [index for index, sample in enumerate(samples) if rankable(sample)]
    marks = [Mark.NONE] * len(samples)
    if len(ranked) < 2:
        return marks
    for mark in (Mark.BEST, Mark.SECOND):
        if not ranked:
            break
        leader = max(ranked, key=lambda index: sign * summaries[index].mean)
        for index in list(ranked):
            if index == leader or _tied(samples[leader], samples[index], alike):
                marks[index] = mark
                ranked.remove(index)
    return marks


def _tied(a: Sample, b: Sample, alike: float) -> bool:
    apart = difference(a, b)
    return -alike <= apart.low <= 0 <= apart.high <= alike


def band(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and half-width of the 95 % interval over replicates, at every step.

    Parameters
    ----------
    values
        Shape (replicates, steps). Where any replicate has no finite number there is no mean either: a curve ends
        where one of its replicates diverged.

    Returns
    -------
    tuple
        Two arrays of shape (steps,); the half-width is 0 for a single replicate.
    """
    finite = np.where(np.isfinite(values), values, np.nan)
    mean = finite.mean(axis=0)
    if len(values) < 2:
        return mean, np.zeros_like(mean)
    return mean, finite.std(axis=0, ddof=1) * t_factor(len(values))
