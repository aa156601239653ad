"""Predicates on the curve of every seed; they hold if they do for most of the seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from pydantic import Field, field_validator, model_validator

from sirenbench.claims.evidence import Selection
from sirenbench.claims.finished import FinishedCell
from sirenbench.claims.predicates.base import Predicate, undecided, valid_score, value
from sirenbench.claims.scores import Score, parse_score
from sirenbench.claims.terms import CellField, Quantity, Term, TermField, paired
from sirenbench.claims.verdicts import NotTestable, Verdict, most_seeds
from sirenbench.spec import CellSpec
from sirenbench.statistics import Sample

_SHARE = Field(0.8, gt=0, le=1, description="For which share of the seeds it must be so.")


class _OfEverySeed(Predicate):
    """Something that is so of a cell's seeds, or not."""

    of: CellField
    share: float = _SHARE

    def cells(self) -> list[CellSpec]:
        return [self.of]

    def sample(self, selection: Selection, words: str) -> Sample:
        return selection.sample(Quantity(self.of, parse_score(words.split())))

    def counted(self, sample: Sample, flags: dict[int, bool]) -> Verdict:
        return most_seeds(flags, self.share, exact=sample.exact)


class Collapsed(_OfEverySeed):
    """The curve ends (median of the last 5 % of its steps) less than ``above`` dB over the constant mean image."""

    of_any_size: ClassVar[bool] = True

    above: float = 0.5

    def criterion(self) -> str:
        return f"{self.of.name} ends within {self.above:g} dB of a constant image, for {self.share:.0%} of the seeds"

    def decide(self, selection: Selection) -> Verdict:
        over = paired(self.sample(selection, "psnr tail"), self.sample(selection, "floor"), lambda a, b: a - b)
        return self.counted(over, {seed: lead < self.above for seed, lead in over.defined.items()})


class Flat(_OfEverySeed):
    """The curve ends less than ``by`` dB above its start."""

    of_any_size: ClassVar[bool] = True

    by: float = 1.0

    def criterion(self) -> str:
        return f"{self.of.name} ends less than {self.by:g} dB above its start, for {self.share:.0%} of the seeds"

    def decide(self, selection: Selection) -> Verdict:
        rise = paired(self.sample(selection, "psnr tail"), self.sample(selection, "psnr at 0"), lambda a, b: a - b)
        return self.counted(rise, {seed: gain < self.by for seed, gain in rise.defined.items()})


class Drawdown(_OfEverySeed):
    """The curve falls below its running maximum by less (or more) than so many dB, from step 50 on."""

    less_than: float | None = None
    more_than: float | None = None
    during: str = Field("0-100%", description="Which part of the steps counts.")

    @model_validator(mode="after")
    def _has_one_bound(self) -> Drawdown:
        if (self.less_than is None) == (self.more_than is None):
            raise ValueError("give less_than or more_than")
        return self

    @field_validator("during")
    @classmethod
    def _is_part(cls, part: str) -> str:
        valid_score(f"psnr drawdown {part}")
        return part

    def criterion(self) -> str:
        bound = f"less than {self.less_than:g}" if self.less_than is not None else f"more than {self.more_than:g}"
        return (
            f"{self.of.name} falls by {bound} dB during {self.during} of its steps, for {self.share:.0%} of the seeds"
        )

    def decide(self, selection: Selection) -> Verdict:
        falls = self.sample(selection, f"psnr drawdown {self.during}")
        flags = {
            seed: fall < self.less_than if self.less_than is not None else fall > (self.more_than or 0.0)
            for seed, fall in falls.defined.items()
        }
        return self.counted(falls, flags)


class FasterTo(Predicate):
    """``fast`` reaches a level of a metric in fewer steps than ``slow``, seed by seed, for most of the seeds.

    A curve that never reaches the level is slower than any that does; where neither does, nothing is decided. Of
    scaled-down cells the order alone counts, and nothing at all if the level is a number.
    """

    of_any_size: ClassVar[bool] = True

    fast: CellField
    slow: CellField
    level: TermField
    metric: str = "psnr"
    factor: float = Field(1.0, gt=0, description="How many times as many steps the other one needs, at least.")
    share: float = _SHARE

    @field_validator("metric")
    @classmethod
    def _is_metric(cls, metric: str) -> str:
        valid_score(metric)
        return metric

    def terms(self) -> Sequence[Term]:
        return (self.level,)

    def cells(self) -> list[CellSpec]:
        return [self.fast, self.slow, *super().cells()]

    def criterion(self) -> str:
        times = f"{self.factor:g} times as many" if self.factor != 1 else "more"
        return (
            f"{self.slow.name} needs {times} steps to a {self.metric} of {self.level.text} than {self.fast.name}, "
            f"for {self.share:.0%} of the seeds"
        )

    def decide(self, selection: Selection) -> Verdict:
        if selection.scaled and not self.level.quantities:
            raise undecided(selection, "numbers")
        level = value(selection, self.level)
        fast, slow = (self._steps(selection, cell, level) for cell in (self.fast, self.slow))
        factor = min(self.factor, 1.0) if selection.scaled else self.factor
        common = [seed for seed in fast.values if seed in slow.values]
        flags = {
            s: _is_faster(fast.at(s), slow.at(s), factor)
            for s in common
            if fast.at(s) < math.inf or slow.at(s) < math.inf
        }
        if common and not flags:
            raise NotTestable(f"neither reaches a {self.metric} of {self.level.text}")
        return most_seeds(flags, self.share)

    def _steps(self, selection: Selection, spec: CellSpec, level: Sample) -> Sample:
        """The first step at which every seed is at its level; infinite if none is."""

        def of(cell: FinishedCell) -> Sample:
            curve = cell.curve(self.metric)
            wanted = {seed: level.at(seed) for seed in curve.values if level.exact or seed in level.values}
            return Sample({seed: _first(curve.steps, curve.values[seed] >= goal) for seed, goal in wanted.items()})

        return selection.sample(Quantity(spec, Score(f"{self.metric} reaches {self.level.text}", "steps", of)))


def _first(steps: np.ndarray, there: np.ndarray) -> float:
    return float(steps[there.argmax()]) if there.any() else math.inf


def _is_faster(fast: float, slow: float, factor: float) -> bool:
    return fast < slow if factor == 1 else factor * fast <= slow
