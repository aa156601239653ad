"""The paper's numbers, looked up by the name of a cell."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources

EVIDENCE = {
    "P": "printed in the paper",
    "R": "from the authors’ repository",
    "F": "read off the authors’ figure",
}


@dataclass(frozen=True)
class PaperValue:
    """One number of the paper.

    Attributes
    ----------
    source
        The figure or table it is from, with what must be said of it: ``Figure S8b, run as SIREN P.E.+VGG``.
    step
        The step of a curve that it was read off at; None if it is of the end.
    printed
        The text as it is printed, or as it was read off.
    value
        The number in the most digits that are known: the authors’ repository has six.
    evidence
        A key of EVIDENCE.
    tolerance
        How far a run of the same protocol may be from it, from the spread that the authors' own repeated runs show;
        None where it rests on weights that are lost, so that no run is of the same protocol.
    """

    source: str
    step: int | None
    printed: str
    value: float
    evidence: str
    tolerance: float | None

    @property
    def place(self) -> str:
        """The figure or table alone."""
        return self.source.partition(",")[0]


@cache
def _values() -> dict[tuple[str, str], tuple[PaperValue, ...]]:
    table: dict[tuple[str, str], tuple[PaperValue, ...]] = {}
    text = (resources.files("sirenbench.report") / "data" / "paper.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(text.splitlines()):
        value = PaperValue(
            source=row["source"],
            step=int(row["step"]) if row["step"] else None,
            printed=row["printed"],
            value=float(row["repo"] or row["printed"]),
            evidence=row["evidence"],
            tolerance=float(row["tolerance"]) if row["tolerance"] else None,
        )
        key = row["name"], row["metric"]
        table[key] = (*table.get(key, ()), value)
    return table


def find(name: str, metric: str, source: str = "") -> PaperValue | None:
    """The paper's last value of a metric of a cell, from the place that ``source`` names if it is in more than one."""
    values = [value for value in _values().get((name, metric), ()) if value.step is None]
    return next((value for value in values if value.place in source), next(iter(values), None))


def find_all(name: str) -> list[tuple[str, PaperValue]]:
    """Every number that the paper has for a cell, those of its curve too, each with its metric."""
    return [(metric, value) for (cell, metric), values in _values().items() if cell == name for value in values]


def names() -> list[str]:
    """The cells that the paper has numbers of."""
    return list(dict.fromkeys(name for name, _ in _values()))
