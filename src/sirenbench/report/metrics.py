"""What the report says of a metric: its name, unit, direction and formula, from where it is defined."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from sirenbench.metrics.ids import FIT, parse_metric

if TYPE_CHECKING:
    from sirenbench.metrics.base import Metric


@dataclass(frozen=True)
class Facts:
    """How a metric is written down.

    Attributes
    ----------
    label
        With its unit: ``PSNR (dB)``, ``PSNR (align=affine, dB)``.
    digits
        After the point.
    better
        ``higher``, ``lower`` or ``neither``.
    alike
        How far apart scores may be to share a mark: as far as those of one configuration are in the authors' own runs
        (protocol.md, the paper's numbers in the report), or as the metric says.
    anchor
        The id of what the glossary says of it: that of the metric, whatever its switches.
    """

    title: str
    unit: str
    digits: int
    better: str
    alike: float
    anchor: str

    @property
    def label(self) -> str:
        if not self.unit:
            return self.title
        return f"{self.title[:-1]}, {self.unit})" if self.title.endswith(")") else f"{self.title} ({self.unit})"


@dataclass(frozen=True)
class Entry:
    """A line of the glossary, with its id on the page; a switch of metrics has neither formula nor link."""

    anchor: str
    label: str
    doc: str
    formula: str = ""
    link: str = ""


def anchor_of(metric: Metric) -> str:
    """The id of a metric's line of the glossary."""
    return f"metric:{metric.name}"


@cache
def facts(metric: str) -> Facts:
    """The facts of a metric by its id."""
    which = parse_metric(metric.removeprefix(FIT))
    title = f"{which.title} of the fitted input" if metric.startswith(FIT) else which.title
    digits, alike = (2, 0.5) if which.metric.unit == "dB" else (3, 0.02)
    if which.metric.alike is not None:
        digits, alike = 4, which.metric.alike
    return Facts(title, which.metric.unit, digits, which.metric.better, alike, anchor_of(which.metric))


def glossary(metrics: Iterable[str]) -> list[Entry]:
    """What the metrics of a report mean, and the switches that their names show, each once."""
    ids = [parse_metric(metric.removeprefix(FIT)) for metric in metrics]
    found = {which.metric.name: which.metric for which in ids}
    entries = [Entry(anchor_of(m), _with_direction(m), m.doc, m.formula, m.link) for m in found.values()]
    switches = {
        option.name: option.doc
        for which in ids
        for option, (_, value) in zip(which.metric.switches, which.switches, strict=True)
        if value != option.default
    }
    return entries + [Entry(f"switch:{name}", f"{name}=", doc) for name, doc in switches.items()]


def _with_direction(metric: Metric) -> str:
    return metric.title if metric.better == "neither" else f"{metric.title} ({metric.better} is better)"
