"""Where the paper's text and its authors' code differ, and what the cells of a run do there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from typing import Any

from sirenbench.config.yaml import read_yaml
from sirenbench.report.cells import Cell
from sirenbench.report.text import plain, plural

Pattern = Mapping[str, str | Sequence[str]]

_WORDS = {"as-run": "as run", "as-described": "as described", "improved": "improved"}


@dataclass(frozen=True)
class Deviation:
    """One difference, from ``data/deviations.yaml``, whose head says what the fields are."""

    id: str
    where: str
    paper: str
    code: str
    here: str
    switch: str
    cells: tuple[Pattern, ...]
    described: tuple[Pattern, ...] = ()
    improved: tuple[Pattern, ...] = ()

    @property
    def anchor(self) -> str:
        """Its id on the page."""
        return f"deviation:{self.id}"

    def track_of(self, cell: Cell) -> str | None:
        """Which protocol a cell follows here; None if it is not concerned."""
        if not _any(self.cells, cell):
            return None
        if _any(self.described, cell):
            return "as-described"
        return "improved" if _any(self.improved, cell) else "as-run"


@dataclass(frozen=True)
class Line:
    """A deviation, the cells of a run that it concerns, and those of each study.

    Attributes
    ----------
    tally
        How many distinct cells there are, by the protocol that they follow: ``6 cells: 4 as run, 2 as described``.
    studies
        Name, title and the same of each study.
    """

    deviation: Deviation
    tally: str
    studies: list[tuple[str, str, str]]


@dataclass(frozen=True)
class Deviations:
    """Those that concern any cell of a run, and the others."""

    lines: list[Line]
    others: list[Line]


def deviations_of(by_study: Mapping[str, Sequence[Cell]], titles: Mapping[str, str]) -> Deviations:
    """What there is to say of the cells of a run.

    Parameters
    ----------
    by_study, titles
        The cells and the title of each study, by its name.
    """
    lines = [_line(one, by_study, titles) for one in known()]
    return Deviations([line for line in lines if line.studies], [line for line in lines if not line.studies])


def concerning(cell: Cell) -> list[tuple[Deviation, str]]:
    """The deviations that concern a cell, each with the words for the protocol that it follows there."""
    return [(one, _WORDS[track]) for one in known() if (track := one.track_of(cell))]


@cache
def known() -> tuple[Deviation, ...]:
    """All that are known, in order."""
    with resources.as_file(resources.files("sirenbench.report") / "data" / "deviations.yaml") as path:
        return tuple(_read(key, entry) for key, entry in read_yaml(path).items())


def _read(key: str, entry: Mapping[str, Any]) -> Deviation:
    patterns = {name: tuple(entry.get(name, ())) for name in ("cells", "described", "improved")}
    return Deviation(id=key, **{**entry, **patterns})


def _line(deviation: Deviation, by_study: Mapping[str, Sequence[Cell]], titles: Mapping[str, str]) -> Line:
    distinct = {cell.name: cell for cells in by_study.values() for cell in cells}
    tallies = [(study, titles[study], _tally(deviation, cells)) for study, cells in by_study.items()]
    return Line(deviation, _tally(deviation, distinct.values()), [one for one in tallies if one[2]])


def _tally(deviation: Deviation, cells: Iterable[Cell]) -> str:
    counts = Counter(track for cell in cells if (track := deviation.track_of(cell)))
    words = [f"{n} {_WORDS[track]}" if len(counts) > 1 else _WORDS[track] for track, n in counts.items()]
    return f"{plural(sum(counts.values()), 'cell')}: {', '.join(words)}" if counts else ""


def _any(patterns: Iterable[Pattern], cell: Cell) -> bool:
    return any(all(_has(cell, key, wanted) for key, wanted in pattern.items()) for pattern in patterns)


def _has(cell: Cell, key: str, wanted: str | Sequence[str]) -> bool:
    value = cell.parts.get(key)
    texts = [wanted] if isinstance(wanted, str) else wanted
    return value is not None and any(fnmatchcase(plain(value), text) for text in texts)
