"""Predicates on the mean of one term, or on the difference of two, paired by seed."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, ClassVar

from pydantic import Field, ValidationInfo, model_validator

from sirenbench.claims.evidence import Evidence, Selection
from sirenbench.claims.predicates.base import Predicate, undecided, value
from sirenbench.claims.terms import Term, TermField, paired, ratio
from sirenbench.claims.verdicts import Code, Measured, Verdict, inside, together
from sirenbench.statistics import Sample, summarise

_ONLY_ORDER = "; of scaled-down cells the order alone counts"


class Near(Predicate):
    """The 95 % interval of a mean lies within ``by`` of a number of the paper."""

    of: TermField
    by: float = Field(gt=0)
    to: float | None = Field(None, description="The number; if left out, the paper's for this term.")
    lacking: str = Field("", description="Why no run can be of the same protocol, so that nothing is compared.")

    @model_validator(mode="after")
    def _has_number(self, info: ValidationInfo) -> Near:
        if self.to is None:
            known, quantity = info.context["numbers"], self.of.quantity  # type: ignore[index]
            if quantity is None or quantity.text not in known:
                raise ValueError(f"no number of the paper is listed for {self.of.text}; give it as 'to'")
            object.__setattr__(self, "to", known[quantity.text].value)
        return self

    def terms(self) -> Sequence[Term]:
        return (self.of,)

    def criterion(self) -> str:
        return f"{self.of.text} is {self.to:g} ± {self.by:g}"

    def judge(self, evidence: Evidence) -> Verdict:
        return Verdict(Code.NOT_TESTABLE, self.lacking) if self.lacking else super().judge(evidence)

    def decide(self, selection: Selection) -> Verdict:
        assert self.to is not None
        verdict = inside(summarise(value(selection, self.of)), self.to - self.by, self.to + self.by)
        return _with_unit(verdict, self.of.unit)


class Within(Predicate):
    """The 95 % interval of a mean lies between two bounds."""

    of: TermField
    low: float = -math.inf
    high: float = math.inf

    @model_validator(mode="after")
    def _is_a_range(self) -> Within:
        if math.isinf(self.low) and math.isinf(self.high):
            raise ValueError("a bound is lacking; give low, high or both")
        if self.low > self.high:
            raise ValueError(f"low {self.low:g} is above high {self.high:g}")
        return self

    def terms(self) -> Sequence[Term]:
        return (self.of,)

    def criterion(self) -> str:
        if math.isinf(self.high):
            return f"{self.of.text} is at least {self.low:g}"
        bounds = f"at most {self.high:g}" if math.isinf(self.low) else f"from {self.low:g} to {self.high:g}"
        return f"{self.of.text} is {bounds}"

    def decide(self, selection: Selection) -> Verdict:
        return _with_unit(inside(summarise(value(selection, self.of)), self.low, self.high), self.of.unit)


class GreaterBy(Predicate):
    """``more`` exceeds ``less`` by more than a margin, or by more than a factor, seed by seed in the mean.

    Of scaled-down cells the order alone counts: a positive margin is taken as 0 and a factor as 1, and nothing is said
    of a constant.
    """

    of_any_size: ClassVar[bool] = True

    more: TermField
    less: TermField
    margin: float = 0.0
    factor: float | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _has_one_margin(self) -> GreaterBy:
        if self.factor is not None and self.margin:
            raise ValueError("give a margin or a factor, not both")
        return self

    def terms(self) -> Sequence[Term]:
        return (self.more, self.less)

    def criterion(self) -> str:
        if self.factor is not None:
            return f"{self.more.text} > {self.factor:g} × {self.less.text}"
        return f"{self.more.text} > {self.less.text}" + (f" {_signed(self.margin)}" if self.margin else "")

    def decide(self, selection: Selection) -> Verdict:
        is_scaled = bool(selection.scaled)
        if is_scaled and not (self.more.quantities and self.less.quantities):
            raise undecided(selection, "numbers")
        more, less = value(selection, self.more), value(selection, self.less)
        if self.factor is not None:
            factor = min(self.factor, 1.0) if is_scaled else self.factor
            verdict = _with_unit(inside(summarise(paired(more, less, ratio)), factor, beyond=True), "×")
        else:
            margin = min(self.margin, 0.0) if is_scaled else self.margin
            verdict = _with_unit(inside(summarise(_difference(more, less)), margin, beyond=True), self.more.unit)
        waived = is_scaled and (self.margin > 0 or (self.factor or 1) > 1)
        return replace(verdict, reason=verdict.reason + _ONLY_ORDER) if waived else verdict


class Equivalent(Predicate):
    """All pairs of some terms are alike: the 95 % interval of their difference (ratio) lies within the margin (factor).

    Two one-sided tests (Schuirmann 1987) at 2.5 % each, on differences paired by seed.
    """

    terms_: Annotated[list[TermField], Field(alias="terms", min_length=2)]
    margin: float | None = Field(None, ge=0)
    factor: float | None = Field(None, ge=1)

    @model_validator(mode="after")
    def _has_one_margin(self) -> Equivalent:
        if (self.margin is None) == (self.factor is None):
            raise ValueError("give a margin or a factor")
        return self

    def terms(self) -> Sequence[Term]:
        return self.terms_

    def criterion(self) -> str:
        alike = " ≈ ".join(term.text for term in self.terms_)
        return f"{alike} (± {self.margin:g})" if self.margin is not None else f"{alike} (within × {self.factor:g})"

    def decide(self, selection: Selection) -> Verdict:
        samples = [value(selection, term) for term in self.terms_]
        pairs = itertools.combinations(zip(self.terms_, samples, strict=True), 2)
        return together([(f"{a.text} ≈ {b.text}", self._alike(x, y, a.unit)) for (a, x), (b, y) in pairs])

    def _alike(self, a: Sample, b: Sample, unit: str) -> Verdict:
        if self.factor is not None:
            return _with_unit(inside(summarise(paired(a, b, ratio)), 1 / self.factor, self.factor), "×")
        assert self.margin is not None
        return _with_unit(inside(summarise(_difference(a, b)), -self.margin, self.margin), unit)


class Ordering(Predicate):
    """Each term is greater than the next by more than a margin, seed by seed in the mean.

    Terms whose cells are not in the run are passed over, and the order of the rest cannot hold for all of them then.
    """

    of_any_size: ClassVar[bool] = True

    terms_: Annotated[list[TermField], Field(alias="terms", min_length=2)]
    margin: float = 0.0

    def terms(self) -> Sequence[Term]:
        return self.terms_

    def criterion(self) -> str:
        return " > ".join(term.text for term in self.terms_) + (f" by {self.margin:g} each" if self.margin else "")

    def check_missing(self, selection: Selection) -> None:
        if len(self._found(selection)) < 2:
            super().check_missing(selection)

    def decide(self, selection: Selection) -> Verdict:
        found = self._found(selection)
        margin = min(self.margin, 0.0) if selection.scaled else self.margin
        parts = []
        for more, less in itertools.pairwise(found):
            lead = summarise(_difference(value(selection, more), value(selection, less)))
            parts.append((f"{more.text} > {less.text}", _with_unit(inside(lead, margin, beyond=True), more.unit)))
        verdict = together(parts)
        if selection.missing and verdict.code is Code.HOLDS:
            why = f"{verdict.reason}, but {len(self.terms_) - len(found)} of {len(self.terms_)} are not in this run"
            return replace(verdict, code=Code.INCONCLUSIVE, reason=why)
        return verdict

    def _found(self, selection: Selection) -> list[Term]:
        return [
            term
            for term in self.terms_
            if not any(quantity.cell.name in selection.missing for quantity in term.quantities)
        ]


def _difference(a: Sample, b: Sample) -> Sample:
    # Two infinite scores are equal, not undefined.
    return paired(a, b, lambda x, y: 0.0 if x == y else x - y)


def _signed(margin: float) -> str:
    return f"+ {margin:g}" if margin > 0 else f"- {-margin:g}"


def _with_unit(verdict: Verdict, unit: str) -> Verdict:
    measured = verdict.measured
    return replace(verdict, measured=replace(measured, unit=unit)) if isinstance(measured, Measured) else verdict
