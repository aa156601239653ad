"""What a fact is, and how its numbers are told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sirenbench.claims.verdicts import Measured
from sirenbench.statistics import Sample, summarise


@dataclass(frozen=True)
class Fact:
    """Whether it is so, by which numbers, and the one that is compared."""

    holds: bool
    reason: str
    measured: Measured | None = None


def one(value: float, unit: str = "") -> Measured:
    """A number without chance."""
    return Measured.exactly(float(value), unit)


def of_seeds(values: Sequence[float], unit: str = "") -> Measured:
    """A number of every seed: their mean and its interval."""
    return Measured.of(summarise(Sample(dict(enumerate(map(float, values))))), unit)


def listed(values: Iterable[float], digits: int = 2) -> str:
    """Numbers in a sentence."""
    return ", ".join(f"{value:.{digits}f}" for value in values)
