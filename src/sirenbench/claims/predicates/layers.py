"""The predicate on what stands before and after the sines of a network."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from sirenbench.claims.evidence import Selection
from sirenbench.claims.predicates.base import Predicate, valid_score
from sirenbench.claims.scores import parse_score
from sirenbench.claims.terms import CellField, Quantity
from sirenbench.claims.verdicts import Verdict, inside, together
from sirenbench.spec import CellSpec
from sirenbench.statistics import summarise


def _stage(text: str) -> str:
    valid_score(f"{text} mean")
    return text


_Range = Annotated[tuple[float, float] | None, Field(None, description="Lowest and highest value.")]


class Distribution(Predicate):
    """Moments, and the distance to the predicted law (N(0, 1) before a sine, arcsine after it), of some layers.

    Widths of networks move them: scaled-down cells decide nothing unless the claim says so.
    """

    of: CellField
    stages: Annotated[list[Annotated[str, AfterValidator(_stage)]], Field(min_length=1)]
    mean: _Range = None
    std: _Range = None
    kurtosis: _Range = None
    ks: _Range = None

    def cells(self) -> list[CellSpec]:
        return [self.of]

    def criterion(self) -> str:
        wanted = [f"{what} from {low:g} to {high:g}" for what, (low, high) in self._ranges().items()]
        return f"{self.of.name}, {', '.join(self.stages)}: {', '.join(wanted)}"

    def decide(self, selection: Selection) -> Verdict:
        parts = []
        for stage in self.stages:
            for what, (low, high) in self._ranges().items():
                score = parse_score([*stage.split(), what])
                sample = selection.sample(Quantity(self.of, score))
                parts.append((score.text, inside(summarise(sample), low, high)))
        return together(parts)

    def _ranges(self) -> dict[str, tuple[float, float]]:
        given = {what: getattr(self, what) for what in ("mean", "std", "kurtosis", "ks")}
        return {what: bounds for what, bounds in given.items() if bounds is not None}
