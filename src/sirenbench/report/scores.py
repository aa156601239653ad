"""Scores ready to be written down: ours with their intervals and ranks, beside the paper's numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sirenbench.report.cells import Cell
from sirenbench.report.metrics import facts
from sirenbench.report.paper import EVIDENCE, PaperValue, find, find_all
from sirenbench.report.text import DASH, half_width, number, plural, signed
from sirenbench.statistics import Mark, Summary, rank, summarise


@dataclass(frozen=True)
class Value:
    """A score with its interval.

    Attributes
    ----------
    text, half
        ``22.702`` and ``0.045`` (empty without an interval).
    note
        What a reader must know of it: ``1 seed``, ``1 of 5 seeds diverged``.
    key
        For sorting; None sorts last.
    """

    text: str
    half: str = ""
    note: str = ""
    mark: Mark = Mark.NONE
    key: float | None = None


@dataclass(frozen=True)
class Compared:
    """The paper's value and how far ours is from it.

    Attributes
    ----------
    verdict
        ``agrees``, ``differs``, ``scaled down`` or ``other weights`` (not judged), or nothing if the paper has no such
        number.
    explanation
        Where the number is from and what the verdict rests on.
    """

    paper: str = ""
    delta: str = ""
    verdict: str = ""
    explanation: str = ""
    paper_key: float | None = None
    delta_key: float | None = None


@dataclass(frozen=True)
class Score:
    """One metric of one cell: ours and the paper's."""

    ours: Value
    against: Compared


def scores_of(
    cells: Sequence[Cell], metrics: Sequence[str], source: str, table: bool = False
) -> list[dict[str, Score]]:
    """Per cell, its scores by metric. Only cells of the same data and track are ranked together.

    Parameters
    ----------
    source
        The figures or tables that the study stands for, from which the paper's numbers are taken.
    table
        With one digit more of PSNR, as in the paper's table.
    """
    scores: list[dict[str, Score]] = [{} for _ in cells]
    for metric in metrics:
        digits = _digits(metric, table)
        for cell, mark, found in zip(cells, _marks(cells, metric), scores, strict=True):
            summary = summarise(cell.sample(metric))
            paper = find(cell.reference, metric, source)
            if cell.has(metric) or paper:
                found[metric] = Score(_value(cell, summary, digits, mark), _against(cell, summary, paper, digits))
    return scores


def paper_numbers(cell: Cell) -> list[str]:
    """What the paper has for a cell, where it is from, and how ours compares: a sentence for each number."""
    numbers = []
    for metric, paper in find_all(cell.reference):
        against = _against(cell, summarise(cell.sample(metric)), paper, _digits(metric, table=True))
        numbers.append(f"{facts(metric).label}: {against.explanation}")
    return numbers


def _digits(metric: str, table: bool) -> int:
    return facts(metric).digits + (1 if table and metric == "psnr" else 0)


def _marks(cells: Sequence[Cell], metric: str) -> list[Mark]:
    marks = [Mark.NONE] * len(cells)
    better = facts(metric).better
    for kin in {(cell.data, cell.track) for cell in cells} if better != "neither" else ():
        indices = [i for i, cell in enumerate(cells) if (cell.data, cell.track) == kin]
        ranked = rank([cells[i].sample(metric) for i in indices], better == "higher")
        for i, mark in zip(indices, ranked, strict=True):
            marks[i] = mark
    return marks


def _value(cell: Cell, summary: Summary, digits: int, mark: Mark) -> Value:
    undefined = summary.left_out - cell.diverged
    if not summary.n:
        return Value(DASH, note="undefined" if undefined > 0 else "diverged" if summary.left_out else "")
    seeds = plural(summary.n + summary.left_out, "seed")
    notes = [f"{cell.diverged} of {seeds} diverged"] if summary.left_out and cell.diverged else []
    notes += [f"undefined for {undefined} of {seeds}"] if undefined > 0 else []
    if summary.n == 1 and not notes and not cell.exact:
        notes.append("1 seed")
    half = half_width(summary.half, digits) if summary.has_interval and not cell.exact else ""
    return Value(number(summary.mean, digits), half, "; ".join(notes), mark, summary.mean)


def _against(cell: Cell, summary: Summary, paper: PaperValue | None, digits: int) -> Compared:
    if paper is None:
        return Compared()
    origin = f"{paper.printed} in {paper.source}, {EVIDENCE[paper.evidence]}"
    if cell.scaled:
        return Compared(
            paper.printed, "", "scaled down", f"{origin}. Not comparable: {', '.join(cell.scaled)}.", paper.value
        )
    delta = summary.mean - paper.value
    if not math.isfinite(delta):
        return Compared(paper.printed, explanation=origin + ".", paper_key=paper.value)
    verdict, why = _verdict(delta, paper.tolerance)
    return Compared(paper.printed, signed(delta, digits), verdict, f"{origin}. {why}.", paper.value, delta)


def _verdict(delta: float, tolerance: float | None) -> tuple[str, str]:
    if tolerance is None:
        return "other weights", "Not judged: the weights that the authors ran cannot be had, and these are others"
    agrees = abs(delta) <= tolerance
    return ("agrees", f"Within ±{tolerance:g}") if agrees else ("differs", f"Beyond ±{tolerance:g}")
