"""Where a claim's numbers come from: the cells of a run that stand for the paper's, or the paper's own numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from sirenbench.claims.finished import FinishedCell
from sirenbench.claims.terms import Quantity
from sirenbench.claims.verdicts import NotTestable, Verdict
from sirenbench.collect import read_cell, scaled_down
from sirenbench.config.grid import deviations, paper_cell
from sirenbench.config.model import Config
from sirenbench.options import Value
from sirenbench.paper_pixels import are_others, pictures_of
from sirenbench.records import CellRecord
from sirenbench.spec import CellSpec
from sirenbench.statistics import Sample


class Selection(Protocol):
    """What was found for a test: numbers by quantity.

    Attributes
    ----------
    names, scaled
        The run's cells, and what they have otherwise than the paper's.
    missing
        Name of a paper's cell -> why there is nothing for it.
    """

    @property
    def names(self) -> tuple[str, ...]: ...

    @property
    def scaled(self) -> tuple[str, ...]: ...

    @property
    def missing(self) -> Mapping[str, str]: ...

    def sample(self, quantity: Quantity) -> Sample:
        """Raises NotTestable where there is no such number."""


class Evidence(Protocol):
    """What tests are judged on."""

    def select(self, cells: Sequence[CellSpec]) -> Selection:
        """What there is for some of the paper's cells. Raises NotTestable if there is nothing at all."""

    def verdict(self, claim: str) -> Verdict:
        """The verdict on another claim."""

    @property
    def of_paper(self) -> Evidence:
        """The paper's own numbers."""

    @property
    def of_any_pixels(self) -> Evidence:
        """The same with cells of pictures that are known to be others than the paper's."""


@dataclass(frozen=True)
class PaperNumber:
    """A number of the paper, the figure or table it is from, and what kind of evidence it is (see ``EVIDENCE``)."""

    value: float
    where: str
    evidence: str


@dataclass(frozen=True)
class OfPaper:
    """The paper's numbers."""

    numbers: Mapping[str, PaperNumber]
    names: tuple[str, ...] = ()
    scaled: tuple[str, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)

    def sample(self, quantity: Quantity) -> Sample:
        if quantity.text not in self.numbers:
            raise NotTestable(f"the paper has no number for {quantity.text}")
        return Sample({0: self.numbers[quantity.text].value}, exact=True)


@dataclass(frozen=True)
class PaperEvidence:
    """The paper's own numbers, by the text of their quantity."""

    numbers: Mapping[str, PaperNumber]
    verdicts: Mapping[str, Verdict]

    def select(self, cells: Sequence[CellSpec]) -> Selection:
        return OfPaper(self.numbers)

    def verdict(self, claim: str) -> Verdict:
        return self.verdicts[claim]

    @property
    def of_paper(self) -> PaperEvidence:
        return self

    @property
    def of_any_pixels(self) -> PaperEvidence:
        return self


@dataclass(frozen=True)
class Candidate:
    """A cell of a run, and what it has otherwise than the paper's cell that it stands for."""

    spec: CellSpec
    scaled: tuple[str, ...]
    deviations: Mapping[str, Value]


@dataclass(frozen=True)
class OfRun:
    """Cells of one and the same scale, by the name of the paper's."""

    cells: Mapping[str, FinishedCell]
    scaled: tuple[str, ...]
    missing: Mapping[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(cell.spec.name for cell in self.cells.values())

    def sample(self, quantity: Quantity) -> Sample:
        name = quantity.cell.name
        if name not in self.cells:
            raise NotTestable(self.missing[name])
        return quantity.score.of(self.cells[name])


class RunEvidence:
    """The finished cells of a run.

    Parameters
    ----------
    cells
        Study -> its cells, as in the configuration.
    verdicts
        What was judged before, which is looked up while it grows.
    """

    def __init__(
        self,
        config: Config,
        cells: Mapping[str, Sequence[CellSpec]],
        results: Path,
        numbers: Mapping[str, PaperNumber],
        verdicts: Mapping[str, Verdict],
    ) -> None:
        self._results = results
        self._images = config.images
        self._verdicts = verdicts
        self._any_pixels = False
        self._records: dict[str, CellRecord | None] = {}
        self._cells: dict[str, FinishedCell] = {}
        self._candidates: dict[str, list[Candidate]] = {}
        self.of_paper = PaperEvidence(numbers, verdicts)
        for study, specs in cells.items():
            for spec in specs:
                self._add(spec, paper_cell(spec, config.studies[study].reference))

    def _add(self, spec: CellSpec, paper: CellSpec) -> None:
        candidate = Candidate(spec, tuple(scaled_down(spec, paper)), deviations(spec, paper))
        known = self._candidates.setdefault(paper.name, [])
        if candidate not in known:
            known.append(candidate)

    def verdict(self, claim: str) -> Verdict:
        return self._verdicts[claim]

    @property
    def of_any_pixels(self) -> RunEvidence:
        found = copy(self)
        found._any_pixels = True
        return found

    def select(self, cells: Sequence[CellSpec]) -> OfRun:
        """The finished cells of the scale that has the most of them; of the paper's own scale if it has as many."""
        names = list(dict.fromkeys(cell.name for cell in cells))
        scales: list[Mapping[str, Value]] = [{}]
        for name in names:
            scales += [c.deviations for c in self._candidates.get(name, ()) if c.deviations not in scales]
        by_scale = [{name: one for name in names if (one := self._of_scale(name, scale))} for scale in scales]
        chosen = max(by_scale, key=lambda found: (sum(map(self._is_finished, found.values())), len(found)))
        finished = {name: one for name, one in chosen.items() if self._is_finished(one)}
        missing = {name: self._why(name, chosen.get(name)) for name in names if name not in finished}
        if names and not finished:
            raise NotTestable(next(iter(missing.values())))
        scaled = tuple(dict.fromkeys(word for one in finished.values() for word in one.scaled))
        return OfRun({name: self._cell(one) for name, one in finished.items()}, scaled, missing)

    def _of_scale(self, name: str, scale: Mapping[str, Value]) -> Candidate | None:
        """The first cell for a paper's cell that deviates as ``scale`` says, as far as it has such parts at all."""
        fitting = [
            candidate
            for candidate in self._candidates.get(name, ())
            if candidate.deviations.keys() <= scale.keys()
            and all(candidate.spec.as_dict().get(key, value) == value for key, value in scale.items())
        ]
        return max(fitting, key=self._is_finished, default=None)

    def _is_finished(self, candidate: Candidate) -> bool:
        return not self._lack(candidate)

    def _cell(self, candidate: Candidate) -> FinishedCell:
        """The same object each time, so that its files are read once."""
        spec = candidate.spec
        if spec.name not in self._cells:
            record = self._record(spec.name)
            assert record is not None
            self._cells[spec.name] = FinishedCell(spec, record, self._results)
        return self._cells[spec.name]

    def _record(self, name: str) -> CellRecord | None:
        if name not in self._records:
            self._records[name] = read_cell(self._results, name, self._images)
        return self._records[name]

    def _lack(self, candidate: Candidate) -> str:
        """Why a cell has no numbers; nothing if it has."""
        name, record = candidate.spec.name, self._record(candidate.spec.name)
        if record is None:
            return f"{name} has not been run"
        states = {"failed": "failed", "not-testable": "could not be run"}
        if record.state in states:
            return f"{name} {states[record.state]}: {record.reason}"
        others = any(are_others(record.spec, *one) for one in pictures_of(record.spec, record.image))
        return f"{name} is of other pixels than the paper's" if others and not self._any_pixels else ""

    def _why(self, name: str, chosen: Candidate | None) -> str:
        if chosen:
            return self._lack(chosen)
        if name in self._candidates:
            return f"the cells of this run that would be compared are scaled down differently ({name} among them)"
        return f"{name} is not in this run, nor a smaller cell that stands for it"
