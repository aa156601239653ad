"""Predicates that need no cells: facts of the library, what the authors' own code settles, and what nobody can test."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator

from sirenbench.claims.evidence import Evidence
from sirenbench.claims.facts import FACTS
from sirenbench.claims.predicates.base import Predicate
from sirenbench.claims.verdicts import Code, Verdict
from sirenbench.errors import allowed, shown


class Exact(Predicate):
    """A fact that the library computes of itself (:mod:`sirenbench.claims.facts`)."""

    fact: str

    @field_validator("fact")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name not in FACTS:
            raise ValueError(f"no fact has this name; {allowed(FACTS, name)}")
        return name

    def criterion(self) -> str:
        return (FACTS[self.fact].__doc__ or self.fact).splitlines()[0].rstrip(".")

    def judge(self, evidence: Evidence) -> Verdict:
        found = FACTS[self.fact]()
        return Verdict(Code.HOLDS if found.holds else Code.FAILS, found.reason, found.measured)


class Described(Predicate):
    """What the paper describes is what its authors ran."""

    described: Any
    run: Any

    def criterion(self) -> str:
        return f"what was run ({_text(self.run)}) is what is described ({_text(self.described)})"

    def judge(self, evidence: Evidence) -> Verdict:
        if self.described == self.run:
            return Verdict(Code.HOLDS, f"described and run: {_text(self.run)}")
        return Verdict(Code.REFUTED, f"described: {_text(self.described)}; run: {_text(self.run)}")


class Untestable(Predicate):
    """Nothing that could be run would decide it."""

    because: str = Field(min_length=1)

    def criterion(self) -> str:
        return "none"

    def judge(self, evidence: Evidence) -> Verdict:
        return Verdict(Code.NOT_TESTABLE, self.because)


def _text(value: object) -> str:
    return (
        ", ".join(map(_text, value)) if isinstance(value, list) else value if isinstance(value, str) else shown(value)
    )
