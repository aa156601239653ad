"""The tables of the report, as data: every cell of them is ready to be written down."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from sirenbench.records import EndPoints
from sirenbench.report.cells import Cell, Data, labels_of
from sirenbench.report.metrics import facts
from sirenbench.report.paper import EVIDENCE, PaperValue, find
from sirenbench.report.text import DASH, count, half_width, number, plural, rate, signed
from sirenbench.statistics import Mark, Sample, Summary, rank, summarise

STATES = {
    "ok": "done",
    "diverged": "diverged",
    "failed": "failed",
    "not-testable": "not testable",
    "missing": "missing",
}


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
        ``agrees``, ``differs``, ``scaled down`` (not judged), or nothing if the paper has no such number.
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


@dataclass(frozen=True)
class Row:
    """A cell of a curves table."""

    cell: Cell
    label: str
    data: str
    scores: dict[str, Score]
    best: Value
    drawdown: Value
    reached: Value
    parameters: Value
    speed: Value


@dataclass(frozen=True)
class CurvesTable:
    """One row per cell; ``metrics`` are the columns with scores."""

    metrics: list[str]
    rows: list[Row]
    show_data: bool
    show_paper: bool


@dataclass(frozen=True)
class Entry:
    """What an arm has to show on one image and factor: a cell with its scores, or nothing if the study has none."""

    cell: Cell
    scores: dict[str, Score]


@dataclass(frozen=True)
class Block:
    """The rows of one image and factor; ``entries`` stand under the table's columns."""

    title: str
    metrics: list[str]
    entries: list[Entry | None]

    @property
    def verdicts(self) -> set[str]:
        """What is said of ours against the paper's numbers; empty if the paper has none."""
        scores = [score for entry in self.entries if entry for score in entry.scores.values()]
        return {score.against.verdict for score in scores if score.against.paper}

    @property
    def scaled(self) -> bool:
        """Whether the paper's numbers are all of larger cells, so that no difference is judged."""
        return self.verdicts == {"scaled down"}


@dataclass(frozen=True)
class ArmsTable:
    """Table 1's layout: a column per arm, a block of rows per image and factor."""

    columns: list[str]
    blocks: list[Block]


def data_title(data: Data, images: dict[str, str]) -> str:
    """``Cameraman 512², ×8``."""
    _, image, size, factor = data
    return f"{images.get(image, image)} {size}²" + (f", ×{factor}" if factor else "")


def curves_table(cells: Sequence[Cell], images: dict[str, str], source: str) -> CurvesTable:
    """One row per cell, in the study's order."""
    scores = _scores(cells, source, table=False)
    rows = [
        Row(
            cell=cell,
            label=label,
            data=data_title(cell.data, images),
            scores=scores[index],
            best=_over_seeds(cell.ends("psnr"), lambda e: e.best, lambda v: number(v, 2)),
            drawdown=_over_seeds(cell.ends("psnr"), lambda e: e.drawdown, lambda v: number(v, 2), not cell.exact),
            reached=_reached(cell, "30"),
            parameters=_plain(cell.record.parameters if cell.record else None, count),
            speed=_plain(cell.record.cost.steps_per_second if cell.record and cell.record.cost else None, rate),
        )
        for index, (cell, label) in enumerate(zip(cells, labels_of(cells), strict=True))
    ]
    return CurvesTable(
        metrics=_metrics(cells),
        rows=rows,
        show_data=len({cell.data for cell in cells}) > 1,
        show_paper=any(score.against.paper for row in rows for score in row.scores.values()),
    )


def arms_table(cells: Sequence[Cell], images: dict[str, str], source: str) -> ArmsTable:
    """Table 1's layout of a study."""
    labels = labels_of(cells)
    columns = list(dict.fromkeys(labels))
    scores = _scores(cells, source, table=True)
    entries: dict[Data, dict[str, Entry]] = {}
    for cell, label, found in zip(cells, labels, scores, strict=True):
        entries.setdefault(cell.data, {})[label] = Entry(cell, found)
    blocks = [
        Block(
            title=data_title(data, images),
            metrics=_metrics([entry.cell for entry in row.values()]) or ["psnr", "ssim"],
            entries=[row.get(column) for column in columns],
        )
        for data, row in entries.items()
    ]
    return ArmsTable(columns, blocks)


def paper_numbers(cell: Cell, source: str) -> list[str]:
    """What the paper has for a cell, where it is from, and how ours compares: a sentence for each metric."""
    scores = _scores([cell], source, table=True)[0]
    return [f"{facts(metric).label}: {s.against.explanation}" for metric, s in scores.items() if s.against.paper]


def _metrics(cells: Iterable[Cell]) -> list[str]:
    # The fit of the low-resolution image is not what a method is judged by; it is in the details.
    found = dict.fromkeys(metric for cell in cells for metric in cell.metrics)
    return [metric for metric in found if not metric.startswith("fit_")]


def _scores(cells: Sequence[Cell], source: str, table: bool) -> list[dict[str, Score]]:
    """Per cell, its scores by metric. Only cells of the same data and track are ranked together."""
    scores: list[dict[str, Score]] = [{} for _ in cells]
    for metric in _metrics(cells):
        digits = facts(metric).digits + (1 if table and metric == "psnr" else 0)
        marks = _marks(cells, metric)
        for cell, mark, found in zip(cells, marks, scores, strict=True):
            summary = summarise(cell.sample(metric))
            paper = find(cell.reference, metric, source)
            if metric in cell.metrics or paper:
                found[metric] = Score(_value(cell, summary, digits, mark), _against(cell, summary, paper, digits))
    return scores


def _marks(cells: Sequence[Cell], metric: str) -> list[Mark]:
    marks = [Mark.NONE] * len(cells)
    for kin in {(cell.data, cell.track) for cell in cells}:
        indices = [i for i, cell in enumerate(cells) if (cell.data, cell.track) == kin]
        ranked = rank([cells[i].sample(metric) for i in indices], facts(metric).higher_is_better)
        for i, mark in zip(indices, ranked, strict=True):
            marks[i] = mark
    return marks


def _value(cell: Cell, summary: Summary, digits: int, mark: Mark) -> Value:
    if not summary.n:
        return Value(DASH, note="diverged" if summary.left_out else "")
    notes = []
    if summary.left_out:
        notes.append(f"{summary.left_out} of {plural(summary.n + summary.left_out, 'seed')} diverged")
    elif summary.n == 1 and not cell.exact:
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
    agrees = abs(delta) <= paper.tolerance
    return Compared(
        paper=paper.printed,
        delta=signed(delta, digits),
        verdict="agrees" if agrees else "differs",
        explanation=f"{origin}. {'Within' if agrees else 'Beyond'} ±{paper.tolerance:g}.",
        paper_key=paper.value,
        delta_key=delta,
    )


def _plain(value: float | None, write: Callable[[float | None], str]) -> Value:
    return Value(write(value), key=value)


def _over_seeds(
    ends: Sequence[EndPoints], pick: Callable[[EndPoints], float], write: Callable[[float], str], applies: bool = True
) -> Value:
    values = [pick(end) for end in ends] if applies else []
    if not values:
        return Value(DASH)
    mean = summarise(Sample(dict(enumerate(values)))).mean
    return Value(write(mean), key=None if math.isnan(mean) else mean)


def _reached(cell: Cell, level: str) -> Value:
    """When a level of PSNR was first reached: mean over the seeds that did, and how many did not."""
    ends = [end for end in cell.ends("psnr") if level in end.reached]
    times = [end.reached[level] for end in ends]
    there = [time for time in times if time]
    if not ends:
        return Value(DASH)
    if not there:
        return Value("never", key=math.inf)
    steps, seconds = fmean(time.step for time in there), fmean(time.seconds for time in there)
    missed = f"; {len(there)} of {plural(len(times), 'seed')}" if len(there) < len(times) else ""
    return Value(f"{steps:,.0f} steps", note=f"{rate(seconds)} s{missed}", key=steps)
