"""What a fact is, and how a function becomes one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache

from sirenbench.claims.verdicts import Measured


@dataclass(frozen=True)
class Fact:
    """Whether it is so, by which numbers, and the one that is compared."""

    holds: bool
    reason: str
    measured: Measured | None = None


FACTS: dict[str, Callable[[], Fact]] = {}


def fact(function: Callable[[], Fact]) -> Callable[[], Fact]:
    """Enter a function in ``FACTS`` by its name; it is computed once."""
    FACTS[function.__name__] = cache(function)
    return FACTS[function.__name__]


def one(value: float, unit: str = "") -> Measured:
    """A number without chance."""
    return Measured.exactly(float(value), unit)


def listed(values: Iterable[float], digits: int = 2) -> str:
    """Numbers in a sentence."""
    return ", ".join(f"{value:.{digits}f}" for value in values)
