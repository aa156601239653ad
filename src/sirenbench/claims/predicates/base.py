"""What every predicate has: cells that it needs, a criterion in words, and a verdict."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from pydantic import ConfigDict, Field

from sirenbench.claims.evidence import Evidence, Selection
from sirenbench.claims.terms import Term
from sirenbench.claims.verdicts import Code, NotTestable, Verdict
from sirenbench.config.base import Block
from sirenbench.spec import CellSpec
from sirenbench.statistics import Sample


class Predicate(Block):
    """A test of one kind; its arguments are its fields.

    Attributes
    ----------
    of_any_size
        Whether cells that are scaled down may decide it, unless the claim says otherwise: they may tell an order, but
        never a number.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)
    of_any_size: ClassVar[bool] = False

    scaled: bool | None = Field(None, description="Whether cells that are scaled down may decide it.")

    def terms(self) -> Sequence[Term]:
        """What it compares."""
        return ()

    def cells(self) -> list[CellSpec]:
        """The paper's cells that it needs."""
        return [quantity.cell for term in self.terms() for quantity in term.quantities]

    def needed_claims(self) -> list[str]:
        """The claims that must be judged before."""
        return []

    @abstractmethod
    def criterion(self) -> str:
        """When it holds, in words."""

    def judge(self, evidence: Evidence) -> Verdict:
        """The verdict, or why there can be none."""
        try:
            selection = evidence.select(self.cells())
            may_be_scaled = self.of_any_size if self.scaled is None else self.scaled
            if selection.scaled and not may_be_scaled:
                raise NotTestable(f"scaled down ({', '.join(selection.scaled)}), which decides no numbers")
            self.check_missing(selection)
            verdict = self.decide(selection)
        except NotTestable as lack:
            return Verdict(Code.NOT_TESTABLE, str(lack))
        return replace(verdict, cells=selection.names, scaled=selection.scaled)

    def check_missing(self, selection: Selection) -> None:
        """Raise NotTestable if too few cells were found; by default all are needed."""
        if selection.missing:
            raise NotTestable(next(iter(selection.missing.values())))

    def decide(self, selection: Selection) -> Verdict:
        """The verdict on what was found. Raises NotTestable where a number is lacking."""
        raise NotImplementedError


def value(selection: Selection, term: Term) -> Sample:
    """A term's value by seed."""
    return term.sample(selection.sample)
