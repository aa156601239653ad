"""Verdicts: what can become of a claim, and how an interval, a count of seeds or other verdicts decide it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sirenbench.statistics import Summary

# Beside the report of a run.
FILE = "claims.json"

# A margin is met in spite of rounding: 0.3 - 0.2 is 0.1.
_DIGITS = 9


class Code(StrEnum):
    """What a verdict says."""

    HOLDS = "holds"
    FAILS = "fails"
    REFUTED = "refuted"  # by the paper's own numbers or its authors' code, without any run
    INCONCLUSIVE = "inconclusive"
    NOT_TESTABLE = "not-testable"


MEANING = {
    Code.HOLDS: "the 95 % interval is on the right side of the margin, enough seeds show it, or the fact is so",
    Code.FAILS: "the 95 % interval is on the wrong side of the margin, too few seeds show it, or the fact is not so",
    Code.REFUTED: "the paper's own numbers, or its authors' code, contradict it",
    Code.INCONCLUSIVE: "the interval crosses the margin, there is one seed only, or a part cannot be tested",
    Code.NOT_TESTABLE: "a cell, an image or weights are lacking, or the run is too small for a number",
}


class Basis(StrEnum):
    """What a verdict rests on."""

    OWN = "own"
    OTHER = "other"
    NO_RUN = "no-run"


BASES = {
    Basis.OWN: "on the paper's own cells",
    Basis.OTHER: "on smaller or other cells",
    Basis.NO_RUN: "without a run",
}


class NotTestable(Exception):
    """Why a claim cannot be put to the test; the text is for people."""


@dataclass(frozen=True)
class Measured:
    """What was found.

    Attributes
    ----------
    mean, low, high
        Mean and 95 % interval; without one, low and high are NaN.
    n
        Seeds (or pairs of seeds) in the mean; 1 for what has no chance in it.
    unit
        Empty for a plain number, ``×`` for a ratio, ``of seeds`` for a share.
    """

    mean: float
    low: float
    high: float
    n: int
    unit: str = ""

    @classmethod
    def of(cls, summary: Summary, unit: str = "") -> Measured:
        return cls(summary.mean, summary.low, summary.high, summary.n, unit)

    @classmethod
    def exactly(cls, value: float, unit: str = "") -> Measured:
        return cls(value, value, value, 1, unit)


@dataclass(frozen=True)
class Verdict:
    """A verdict with its grounds.

    Attributes
    ----------
    cells
        Names of the run's cells that it rests on.
    scaled
        What they have otherwise than the paper's: ``("size 64 instead of 256",)``.
    parts
        For claims of several parts: what each is, and its verdict.
    basis_of_parts
        If it holds by its parts: what those that hold rest on, of all the weakest.
    """

    code: Code
    reason: str
    measured: Measured | None = None
    cells: tuple[str, ...] = ()
    scaled: tuple[str, ...] = ()
    parts: tuple[tuple[str, Verdict], ...] = ()
    basis_of_parts: Basis | None = None

    @property
    def basis(self) -> Basis | None:
        """None where nothing could be tested."""
        if self.code is Code.NOT_TESTABLE:
            return None
        if self.basis_of_parts:
            return self.basis_of_parts
        if not self.cells:
            return Basis.NO_RUN
        return Basis.OTHER if self.scaled else Basis.OWN


def held_on(claims: Iterable[Mapping[str, Any]]) -> dict[Basis, int]:
    """How many of the claims of ``claims.json`` hold on what."""
    found = Counter(claim["basis"] for claim in claims if claim["verdict"] == Code.HOLDS)
    return {basis: found[basis] for basis in Basis}


def inside(summary: Summary, low: float = -math.inf, high: float = math.inf, *, beyond: bool = False) -> Verdict:
    """Whether a mean lies in [low, high]: it does if its whole 95 % interval does, and not if no part of it does.

    Parameters
    ----------
    beyond
        Whether it must be beyond ``low``, as a lead that has to be larger than its margin.
    """
    measured = Measured.of(summary)
    if summary.n == 0:
        return Verdict(Code.INCONCLUSIVE, "no seed has a number", measured)
    if not summary.has_interval:
        why = "one seed tells nothing of chance" if summary.n == 1 else "the mean is infinite and has no interval"
        return Verdict(Code.INCONCLUSIVE, why, measured)
    bottom, top = round(summary.low, _DIGITS), round(summary.high, _DIGITS)
    is_inside = (low < bottom if beyond else low <= bottom) and top <= high
    is_outside = (top <= low if beyond else top < low) or bottom > high
    bounds = _bounds(low, high, beyond)
    if is_outside:
        return Verdict(Code.FAILS, f"not {bounds}", measured)
    if not is_inside:
        return Verdict(Code.INCONCLUSIVE, f"the 95 % interval is not all {bounds}", measured)
    if summary.left_out:
        return Verdict(Code.INCONCLUSIVE, f"{bounds}, but {_lacking(summary.left_out, summary.n)}", measured)
    return Verdict(Code.HOLDS, bounds, measured)


def _bounds(low: float, high: float, beyond: bool) -> str:
    if math.isinf(high):
        return f"{'above' if beyond else 'at least'} {low:g}"
    return f"at most {high:g}" if math.isinf(low) else f"from {low:g} to {high:g}"


def _lacking(left_out: int, rest: int) -> str:
    return f"{left_out} of {left_out + rest} seeds {'has' if left_out == 1 else 'have'} no number"


def most_seeds(flags: Mapping[int, bool], share: float, *, exact: bool = False) -> Verdict:
    """Whether something is so for at least a share of the seeds; it fails if it is not so for as many.

    Between the two, and with a single seed of what has chance in it, nothing is decided.
    """
    if not flags:
        return Verdict(Code.INCONCLUSIVE, "no seed has a number")
    count, found = len(flags), sum(flags.values())
    measured = Measured(found / count, math.nan, math.nan, count, "of seeds")
    if count == 1 and not exact:
        return Verdict(Code.INCONCLUSIVE, "one seed tells nothing of chance", measured)
    if found >= share * count - 1e-9:
        return Verdict(Code.HOLDS, f"so for {found} of {count} seeds", measured)
    fails = found <= max(1 - share, 0) * count + 1e-9
    return Verdict(Code.FAILS if fails else Code.INCONCLUSIVE, f"so for {found} of {count} seeds", measured)


def together(parts: Sequence[tuple[str, Verdict]], at_least: int | None = None) -> Verdict:
    """The verdict on several parts of which ``at_least`` so many must hold (all, if not told).

    It holds once enough parts do, and fails once so many fail that the rest is too few. Otherwise it is not testable
    if nothing speaks for it, and inconclusive if something does.
    """
    if len(parts) == 1:
        return parts[0][1]
    need = len(parts) if at_least is None else at_least
    codes = [verdict.code for _, verdict in parts]
    held, lost = codes.count(Code.HOLDS), codes.count(Code.FAILS) + codes.count(Code.REFUTED)
    untested = [verdict for _, verdict in parts if verdict.code is Code.NOT_TESTABLE]
    said = f"{held} of {len(parts)} parts hold" + (f", {need} must" if need < len(parts) else "")
    said += f"; {len(untested)} cannot be tested: {untested[0].reason}" if untested else ""
    if held >= need:
        code = Code.HOLDS
    elif lost > len(parts) - need:
        code = Code.REFUTED if Code.REFUTED in codes else Code.FAILS
    elif untested and held == 0 and Code.INCONCLUSIVE not in codes:
        code, said = Code.NOT_TESTABLE, untested[0].reason
    else:
        code = Code.INCONCLUSIVE
    return Verdict(
        code,
        said,
        cells=_unique(name for _, verdict in parts for name in verdict.cells),
        scaled=_unique(word for _, verdict in parts for word in verdict.scaled),
        parts=tuple(parts),
        basis_of_parts=_weakest(verdict for _, verdict in parts) if code is Code.HOLDS else None,
    )


def _weakest(parts: Iterable[Verdict]) -> Basis:
    """Other cells than the paper's weigh more than its own, and cells more than facts that need no run."""
    bases = {verdict.basis for verdict in parts if verdict.code is Code.HOLDS}
    return next(basis for basis in (Basis.OTHER, Basis.OWN, Basis.NO_RUN) if basis in bases)


def _unique(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))
