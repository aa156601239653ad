"""What the report says of a metric: its name, unit, direction and formula, from where it is defined."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from sirenbench.metrics.ids import FIT, parse_metric


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
        (protocol.md, the paper's numbers in the report).
    """

    title: str
    unit: str
    digits: int
    better: str
    alike: float

    @property
    def label(self) -> str:
        if not self.unit:
            return self.title
        return f"{self.title[:-1]}, {self.unit})" if self.title.endswith(")") else f"{self.title} ({self.unit})"


@dataclass(frozen=True)
class Entry:
    """A line of the glossary; a switch of metrics has neither formula nor link."""

    label: str
    doc: str
    formula: str = ""
    link: str = ""


@cache
def facts(metric: str) -> Facts:
    """The facts of a metric by its id."""
    which = parse_metric(metric.removeprefix(FIT))
    title = f"{which.title} of the fitted input" if metric.startswith(FIT) else which.title
    unit, better = which.metric.unit, which.metric.better
    return Facts(title, unit, 2, better, alike=0.5) if unit == "dB" else Facts(title, unit, 3, better, alike=0.02)


def glossary(metrics: Iterable[str]) -> list[Entry]:
    """What the metrics of a report mean, and the switches that their names show, each once."""
    ids = [parse_metric(metric.removeprefix(FIT)) for metric in metrics]
    found = {which.metric.name: which.metric for which in ids}
    entries = [
        Entry(m.title if m.better == "neither" else f"{m.title} ({m.better} is better)", m.doc, m.formula, m.link)
        for m in found.values()
    ]
    switches = {
        option.name: option.doc
        for which in ids
        for option, (_, value) in zip(which.metric.switches, which.switches, strict=True)
        if value != option.default
    }
    return entries + [Entry(f"{name}=", doc) for name, doc in switches.items()]
