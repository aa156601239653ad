"""Scores ready to be written down: ours with their intervals and ranks, beside the paper's numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from sirenbench.records import RecordError
from sirenbench.report.cells import Cell, Data, curves_of
from sirenbench.report.metrics import facts
from sirenbench.report.paper import EVIDENCE, PaperValue, find, find_all
from sirenbench.report.pixels import ELSEWHERE, OTHER, SAME
from sirenbench.report.text import DASH, half_width, number, plural, signed
from sirenbench.statistics import Mark, Sample, Summary, rank, summarise


@dataclass(frozen=True)
class Value:
    """A score with its interval.

    Attributes
    ----------
    text, half
        ``22.702`` and ``0.045`` (empty without an interval).
    note
        What a reader must know of it: ``1 seed``, ``1 of 5 seeds diverged``.
    key, half_key
        The same two as numbers, for sorting and for files; None sorts last.
    why
        Why there is none, if that is known.
    """

    text: str
    half: str = ""
    note: str = ""
    mark: Mark = Mark.NONE
    key: float | None = None
    half_key: float | None = None
    why: str = ""


@dataclass(frozen=True)
class Compared:
    """The paper's value and how far ours is from it.

    Attributes
    ----------
    verdict
        ``agrees``, ``differs``, or what keeps it from being judged: ``scaled down``, ``other pixels``, ``pixels not
        known`` or ``other weights``; nothing if the paper has no such number.
    explanation
        Where the number is from and what the verdict rests on.
    evidence
        How the number is known, where it is not printed in the paper: a key of ``paper.EVIDENCE``.
    """

    paper: str = ""
    delta: str = ""
    verdict: str = ""
    explanation: str = ""
    paper_key: float | None = None
    delta_key: float | None = None
    evidence: str = ""


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
                ours = replace(_value(cell, summary, digits, mark), why=cell.lacking.get(metric, ""))
                found[metric] = Score(ours, _against(cell, summary, paper, digits))
    return scores


def paper_numbers(cell: Cell, results: Path) -> list[str]:
    """What the paper has for a cell, where it is from, and how ours compares: some words for each number.

    Parameters
    ----------
    results
        Where its curves lie: some of the numbers are of steps before the last.
    """
    numbers = []
    for metric, paper in find_all(cell.reference):
        sample = cell.sample(metric) if paper.step is None else _at(cell, metric, paper.step, results)
        against = _against(cell, summarise(sample), paper, _digits(metric, table=True))
        apart = f" Ours minus the paper’s: {against.delta}." if against.delta else ""
        numbers.append(f"{facts(metric).label}: {against.explanation}{apart}")
    return numbers


def spreads(cell: Cell) -> list[str]:
    """Each metric over the seeds of a cell, in words; nothing for a cell of one seed."""
    seeds, lines = len(cell.replicates), []
    for metric in (*cell.metrics, *cell.final) if seeds > 1 else ():
        sample = cell.sample(metric)
        values, summary = list(sample.defined.values()), summarise(sample)
        if len(values) > 1 and not cell.exact:
            mean = number(summary.mean, 4) + (f" ± {half_width(summary.half, 4)}" if summary.has_interval else "")
            least, middle, most = (number(of(values), 4) for of in (min, median, max))
            n = plural(summary.n, "seed")
            lines.append(f"{facts(metric).label}: mean {mean} over {n}, median {middle}, from {least} to {most}")
        # Of seeds that did not diverge: a constant image correlates with none.
        if (undefined := summary.left_out - cell.diverged) > 0:
            lines.append(f"{facts(metric).label}: undefined for {undefined} of {seeds} seeds")
    return lines


def _at(cell: Cell, metric: str, step: int, results: Path) -> Sample:
    """A metric at a step, by seed; empty if it was not scored there."""
    try:
        curves = curves_of(cell, results)
    except RecordError:  # which is told where they would be drawn
        return Sample()
    if curves is None:
        return Sample()
    at = curves["step"] == step
    there = dict(zip(curves["replicate"][at], curves[metric][at], strict=True))
    return Sample({r.seed: float(there[r.replicate]) for r in cell.replicates if r.replicate in there})


def _digits(metric: str, table: bool) -> int:
    return facts(metric).digits + (1 if table and metric == "psnr" else 0)


def _marks(cells: Sequence[Cell], metric: str) -> list[Mark]:
    marks = [Mark.NONE] * len(cells)
    better, alike = facts(metric).better, facts(metric).alike
    if better == "neither":
        return marks
    kin: dict[tuple[Data, str], list[int]] = {}
    for i, cell in enumerate(cells):
        kin.setdefault((cell.data, cell.track), []).append(i)
    for indices in kin.values():
        ranked = rank([cells[i].sample(metric) for i in indices], better == "higher", alike)
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
    value = Value(number(summary.mean, digits), note="; ".join(notes), mark=mark, key=summary.mean)
    return value if cell.exact else with_half(value, summary, digits)


def with_half(value: Value, summary: Summary, digits: int) -> Value:
    """A value with half its interval, if it has one."""
    if not summary.has_interval:
        return value
    return replace(value, half=half_width(summary.half, digits), half_key=summary.half)


def _against(cell: Cell, summary: Summary, paper: PaperValue | None, digits: int) -> Compared:
    if paper is None:
        return Compared()
    return replace(_compared(cell, summary, paper, digits), evidence=paper.evidence if paper.evidence != "P" else "")


def _compared(cell: Cell, summary: Summary, paper: PaperValue, digits: int) -> Compared:
    when = "" if paper.step is None else f" after {plural(paper.step, 'step')}"
    origin = f"{paper.printed}{when} in {paper.source}, {EVIDENCE[paper.evidence]}"
    if cell.scaled:
        return Compared(
            paper.printed, "", "scaled down", f"{origin}. Not comparable: {', '.join(cell.scaled)}.", paper.value
        )
    if cell.pixels in (OTHER, ELSEWHERE):
        return Compared(paper.printed, "", "other pixels", f"{origin}. Not comparable: other pixels.", paper.value)
    delta = summary.mean - paper.value
    if not math.isfinite(delta):
        return Compared(paper.printed, explanation=origin + ".", paper_key=paper.value)
    if cell.pixels == SAME:
        verdict, why = _verdict(delta, paper.tolerance)
    else:
        verdict, why = "pixels not known", "Not judged: it is not known whether the pixels are the paper’s"
    return Compared(paper.printed, signed(delta, digits), verdict, f"{origin}. {why}.", paper.value, delta)


def _verdict(delta: float, tolerance: float | None) -> tuple[str, str]:
    if tolerance is None:
        return "other weights", "Not judged: the weights that the authors ran cannot be had, and these are others"
    agrees = abs(delta) <= tolerance
    return ("agrees", f"Within ±{tolerance:g}") if agrees else ("differs", f"Beyond ±{tolerance:g}")
