"""Who is best in what, and whether that is more than noise: the tables of the report in a sentence each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sirenbench.report.cells import Cell, labels_of
from sirenbench.report.metrics import facts
from sirenbench.report.paper import PaperValue, find
from sirenbench.report.tables import data_title
from sirenbench.report.text import half_width, number, plural
from sirenbench.statistics import Sample, Summary, difference, rankable, summarise

SIGNIFICANT, NOISE, EXACT = "significant", "not significant", "exact"
_METRICS = 2  # of a study, in the order of its table


@dataclass(frozen=True)
class Named:
    """A cell, as its study calls it."""

    label: str
    anchor: str


@dataclass(frozen=True)
class Number:
    """A number with half its 95 % interval, which is empty where there is none; as text and as numbers (``key``)."""

    text: str
    half: str
    key: float | None
    half_key: float | None


@dataclass(frozen=True)
class Printed:
    """A number that the paper has for one of these cells."""

    cell: Named
    value: PaperValue


@dataclass(frozen=True)
class Lead:
    """The best of some cells by one metric.

    Attributes
    ----------
    second, margin
        The next by its mean, and how far it is behind, paired by seed.
    common
        Over how few seeds that is, where one of the two has others too: ``over 3 seeds in common``.
    verdict
        Of the two: ``significant`` if the 95 % interval of the margin lies above zero; ``exact`` if neither has any
        chance in it, and they differ.
    alike
        Of all the others those that cannot be told from the best, because that interval is not there or does not lie
        above zero: the means of all seeds may say one thing, and the seeds in common another.
    paper
        What the paper has for these cells: its best, and those that are within the best's tolerance of it.
    known
        For how many of these cells it has a number.
    """

    metric: str
    best: Named
    value: Number
    second: Named
    margin: Number
    common: str
    verdict: str
    alike: list[Named]
    paper: list[Printed]
    known: int


@dataclass(frozen=True)
class Finding:
    """Who is best on one image and factor, within one track.

    Attributes
    ----------
    unranked
        How many cells have no say, because of one seed only, or because a seed has no number.
    """

    where: str
    track: str
    leads: list[Lead]
    unranked: int


def findings_of(cells: Sequence[Cell], metrics: Iterable[str], images: Mapping[str, str], source: str) -> list[Finding]:
    """The findings of a study; of data with fewer than two cells that can be ranked there are none.

    Parameters
    ----------
    metrics
        Those of its table: the first two that have a direction are told.
    source
        The figures or tables that it stands for, from which the paper's numbers are taken.
    """
    ranked = [metric for metric in metrics if facts(metric).better != "neither"][:_METRICS]
    labels = labels_of(cells)
    findings = []
    for data, track in dict.fromkeys((cell.data, cell.track) for cell in cells):
        kin = [
            (cell, label) for cell, label in zip(cells, labels, strict=True) if (cell.data, cell.track) == (data, track)
        ]
        leads = [lead for metric in ranked if (lead := _lead(kin, metric, source))]
        if leads:
            unranked = sum(not rankable(cell.sample(leads[0].metric)) for cell, _ in kin)
            findings.append(Finding(data_title(data, images), track, leads, unranked))
    return findings


def _lead(kin: Sequence[tuple[Cell, str]], metric: str, source: str) -> Lead | None:
    sign = 1 if facts(metric).better == "higher" else -1
    samples = {Named(label, cell.anchor): cell.sample(metric) for cell, label in kin}
    means = {one: sign * summarise(sample).mean for one, sample in samples.items() if rankable(sample)}
    if len(means) < 2:
        return None
    best, second, *_ = sorted(means, key=lambda one: -means[one])
    apart = {one: difference(samples[best], samples[one]) for one in means if one != best}
    alike = [one for one, margin in apart.items() if not _is_ahead(margin, sign)]
    exact = samples[best].exact and samples[second].exact
    paper = _paper(kin, metric, source)
    return Lead(
        metric=metric,
        best=best,
        value=_number(summarise(samples[best]), metric),
        second=second,
        margin=_number(apart[second], metric, sign),
        common=_common(samples[best], samples[second], apart[second]),
        verdict=NOISE if second in alike else EXACT if exact else SIGNIFICANT,
        alike=alike,
        paper=_leading(paper, sign),
        known=len(paper),
    )


def _is_ahead(margin: Summary, sign: int) -> bool:
    # What is exact has an interval of no width.
    return margin.differs_from_zero and sign * margin.mean > 0


def _common(a: Sample, b: Sample, margin: Summary) -> str:
    if a.exact or b.exact or margin.n == max(len(a.defined), len(b.defined)):
        return ""
    return f"over {plural(margin.n, 'seed')} in common" if margin.n else "no seed in common"


def _number(summary: Summary, metric: str, sign: int = 1) -> Number:
    digits = facts(metric).digits + 1 if metric == "psnr" else facts(metric).digits
    has_half = summary.half > 0  # neither 0, of what is exact, nor NaN
    return Number(
        text=number(sign * summary.mean, digits),
        half=half_width(summary.half, digits) if has_half else "",
        key=sign * summary.mean if summary.n else None,
        half_key=summary.half if has_half else None,
    )


def _paper(kin: Sequence[tuple[Cell, str]], metric: str, source: str) -> list[Printed]:
    return [
        Printed(Named(label, cell.anchor), value)
        for cell, label in kin
        if (value := find(cell.reference, metric, source))
    ]


def _leading(found: Sequence[Printed], sign: int) -> list[Printed]:
    """The best, and those that are within its tolerance of it."""
    ordered = sorted(found, key=lambda one: -sign * one.value.value)
    if not ordered:
        return []
    best = ordered[0].value
    return [one for one in ordered if abs(one.value.value - best.value) <= (best.tolerance or 0)]
