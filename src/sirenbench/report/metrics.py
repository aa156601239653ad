"""What the report says of a metric: its name, unit, direction and formula, from where it is defined."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from sirenbench.metrics.ids import parse_metric

# The score of the fitted low-resolution image, beside that of the super-resolved one.
FIT = "fit_"


@dataclass(frozen=True)
class Facts:
    """How a metric is written down.

    Attributes
    ----------
    label
        With its unit: ``PSNR (dB)``.
    digits
        After the point.
    """

    title: str
    unit: str
    digits: int
    higher_is_better: bool

    @property
    def label(self) -> str:
        return f"{self.title} ({self.unit})" if self.unit else self.title


@dataclass(frozen=True)
class Entry:
    """A line of the glossary."""

    label: str
    doc: str
    formula: str
    link: str


@cache
def facts(metric: str) -> Facts:
    """The facts of a metric by its id."""
    which = parse_metric(metric.removeprefix(FIT))
    title = f"{which.title} of the fitted input" if metric.startswith(FIT) else which.title
    unit = which.metric.unit
    return Facts(title, unit, digits=2 if unit == "dB" else 3, higher_is_better=which.metric.better == "higher")


def glossary(metrics: Iterable[str]) -> list[Entry]:
    """What the metrics of a report mean, each once."""
    found = {which.metric.name: which.metric for which in (parse_metric(m.removeprefix(FIT)) for m in metrics)}
    return [Entry(f"{m.title} ({m.better} is better)", m.doc, m.formula, m.link) for m in found.values()]
