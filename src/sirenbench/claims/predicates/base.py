"""What every predicate has: cells that it needs, a criterion in words, and a verdict."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from pydantic import ConfigDict, Field

from sirenbench.claims.evidence import Evidence, Selection
from sirenbench.claims.scores import parse_score
from sirenbench.claims.terms import Term
from sirenbench.claims.verdicts import Code, NotTestable, Verdict
from sirenbench.config.base import Block
from sirenbench.errors import UserError
from sirenbench.spec import CellSpec
from sirenbench.statistics import Sample


class Predicate(Block):
    """A test of one kind; its arguments are its fields.

    Attributes
    ----------
    of_any_size
        Whether cells that are scaled down may decide it, unless the claim says otherwise. They may tell an order, but
        never a number; nor an order at a given step, or against methods that are not trained and so not smaller.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)
    of_any_size: ClassVar[bool] = False

    scaled: bool | None = Field(None, description="Whether cells that are scaled down may decide it.")
    any_pixels: bool = Field(False, description="Whether cells of other pixels than the paper's may decide it.")

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
            selection = (evidence.of_any_pixels if self.any_pixels else evidence).select(self.cells())
            if selection.scaled and not self.scaled:
                self._check_scaled(selection)
            self.check_missing(selection)
            verdict = self.decide(selection)
        except (NotTestable, UserError) as lack:
            return Verdict(Code.NOT_TESTABLE, str(lack))
        # Its parts are of these cells too, which they do not know.
        return replace(verdict, cells=selection.names, scaled=selection.scaled, basis_of_parts=None)

    def _check_scaled(self, selection: Selection) -> None:
        """Raise NotTestable if scaled-down cells cannot decide it."""
        if not self.of_any_size or self.scaled is False:
            raise undecided(selection, "numbers")
        if any(quantity.score.is_of_a_step for term in self.terms() for quantity in term.quantities):
            raise undecided(selection, "scores at a given step")
        if len({cell.is_baseline for cell in self.cells()}) > 1:
            raise undecided(selection, "order between networks and methods that are not trained")

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


def undecided(selection: Selection, what: str) -> NotTestable:
    """That cells which are scaled down, or of another image, cannot decide something."""
    return NotTestable(f"otherwise than in the paper ({', '.join(selection.scaled)}), which decides no {what}")


def valid_score(words: str) -> None:
    """Raise ValueError, as validators do, for words that are no score."""
    try:
        parse_score(words.split())
    except UserError as error:
        raise ValueError(str(error)) from None
