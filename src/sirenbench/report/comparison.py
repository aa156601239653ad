"""Two runs side by side: which of their cells they share, and whether the numbers of those are the same."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sirenbench.collect import RESULTS, RUN, read_run
from sirenbench.errors import UserError, allowed, shown
from sirenbench.report.cells import Cell, read_cells
from sirenbench.report.metrics import FIT, facts
from sirenbench.report.origin import origin_of
from sirenbench.report.scores import Value, with_half
from sirenbench.report.tables import STATES
from sirenbench.report.text import number, plural, signed
from sirenbench.statistics import Sample, Summary, difference, summarise

BETTER, WORSE, CHANGED, SAME, OPEN = "better", "worse", "different", "same within noise", "cannot be told"
VERDICTS = (WORSE, BETTER, CHANGED, OPEN, SAME)
_LISTED = 20  # lines of the summary
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")  # what a text of somebody else's could tell a terminal


@dataclass(frozen=True)
class Line:
    """One metric of a cell in both runs, of which some seed differs.

    Attributes
    ----------
    anchor
        Of the cell's details.
    here, there
        The means.
    delta
        Mean difference, paired by seed, with its 95 % interval.
    note
        What a reader must know: how few seeds there are, that the pictures differ.
    """

    name: str
    anchor: str
    metric: str
    here: Value
    there: Value
    delta: Value
    verdict: str
    note: str


@dataclass(frozen=True)
class Comparison:
    """A run against an earlier one.

    Attributes
    ----------
    title
        Of the other run.
    shared, identical
        Cells in both; and how many of their numbers (metrics of cells) are the same for every seed, to the last bit.
    lines
        All other numbers that both have.
    numbers_here, numbers_there
        How many numbers of the cells in both only one of the runs has.
    states
        Cells in both that ended in another way: name, anchor, how it is here, how it was there.
    here, there
        Names and anchors of the cells that only one of the runs has; none of the other run's has an anchor.
    versions
        What the two and their shared cells were made by, where that differs: what, here, there.
    """

    title: str
    shared: int
    identical: int
    lines: list[Line]
    numbers_here: int
    numbers_there: int
    states: list[tuple[str, str, str, str]]
    here: list[tuple[str, str]]
    there: list[tuple[str, str]]
    versions: list[tuple[str, str, str]]

    @property
    def tally(self) -> list[tuple[str, int]]:
        """How many lines came to which verdict."""
        counts = Counter(line.verdict for line in self.lines)
        return [(verdict, counts[verdict]) for verdict in VERDICTS if counts[verdict]]


def compared(folder: Path, other: Path) -> Comparison:
    """The run that was collected to ``folder`` against the one in ``other``.

    Raises
    ------
    UserError
        If one of them holds no collected run.
    """
    (run, cells), (old_run, old_cells) = _read(folder), _read(other)
    both = [(cell, old_cells[name]) for name, cell in cells.items() if name in old_cells]
    numbers = [(cell, old, _metrics(cell), _metrics(old)) for cell, old in both]
    pairs = [(cell, old, metric) for cell, old, new, former in numbers for metric in new if metric in former]
    changed = [pair for pair in pairs if not _identical(*(cell.sample(pair[2]) for cell in pair[:2]))]
    return Comparison(
        title=f"{old_run['run']}: {old_run['title']}".rstrip(": "),
        shared=len(both),
        identical=len(pairs) - len(changed),
        lines=[_line(*pair) for pair in changed],
        numbers_here=sum(len(new) for _, _, new, _ in numbers) - len(pairs),
        numbers_there=sum(len(former) for _, _, _, former in numbers) - len(pairs),
        states=[
            (cell.name, cell.anchor, STATES[cell.state], STATES[old.state])
            for cell, old in both
            if cell.state != old.state
        ],
        here=[(name, cell.anchor) for name, cell in cells.items() if name not in old_cells],
        there=[(name, "") for name in old_cells if name not in cells],
        versions=_versions(_makers(run, (cell for cell, _ in both)), _makers(old_run, (old for _, old in both))),
    )


def in_words(comparison: Comparison) -> str:
    """A few lines for a terminal."""
    one = comparison
    told = [*(f"{n} {verdict}" for verdict, n in one.tally), *([f"{one.identical} identical"] if one.identical else [])]
    lines = [f"against {one.title}: {plural(one.shared, 'cell')} in both, {len(one.here)} new, {len(one.there)} gone"]
    lines += [f"  numbers: {', '.join(told) or 'none in both'}"]
    if one.numbers_here or one.numbers_there:
        lines.append(
            f"  of the cells in both: {plural(one.numbers_here, 'number')} only here, {one.numbers_there} only there"
        )
    lines += [f"  {what}: {here} here, {there} there" for what, here, there in one.versions]
    lines += [f"  {name}: {here} here, {there} there" for name, _, here, there in one.states]
    weighty = [line for verdict in (WORSE, BETTER, CHANGED) for line in one.lines if line.verdict == verdict]
    lines += [
        f"  {line.verdict}: {line.name}: {facts(line.metric).label} {line.there.text} -> {line.here.text}, "
        f"{line.delta.text}{f' ± {line.delta.half}' if line.delta.half else ''}"
        for line in weighty[:_LISTED]
    ]
    if len(weighty) > _LISTED:
        lines.append(f"  ... and {len(weighty) - _LISTED} more, in the report")
    return _CONTROL.sub("?", "\n".join(lines))


def verdict_of(apart: Summary, better: str, alike: float, digits: int) -> str:
    """What a difference says.

    Parameters
    ----------
    apart
        This run's score minus the other's, paired by seed.
    better
        ``higher``, ``lower`` or ``neither``.
    alike
        How far an interval that holds zero may reach for the two to be the same; a wider one says nothing.
    digits
        Of the score as it is shown: what vanishes in them is noise too.
    """
    if not apart.has_interval:
        return OPEN
    if max(abs(apart.low), abs(apart.high)) < 0.5 * 10**-digits:
        return SAME
    if apart.differs_from_zero:
        if better == "neither":
            return CHANGED
        return BETTER if (apart.mean > 0) == (better == "higher") else WORSE
    return SAME if max(-apart.low, apart.high) <= alike else OPEN


def _read(folder: Path) -> tuple[dict, dict[str, Cell]]:
    """What a collected run is, and its cells by name."""
    for name in (RUN, RESULTS):
        if not (folder / name).is_file():
            raise UserError(
                f"{folder} holds no collected run: {name} is not there; name a folder results/<run>, or a copy of one, "
                "whose report Snakemake has made (a report of an unfinished run leaves a page only)"
            )
    try:
        run, frame = read_run(folder)
        cells = read_cells(frame)
        if odd := {cell.state for cell in cells} - set(STATES):
            raise ValueError(f"a cell is in the state {shown(min(odd, key=str))}; {allowed(STATES)}")
    except Exception as error:  # a damaged table can raise almost anything
        first = (str(error) or type(error).__name__).splitlines()[0]
        text = f"the run in {folder} cannot be read ({first}); collect it again with this version of sirenbench"
        raise UserError(text) from error
    # Of a cell of several studies, any will do.
    return run, {cell.name: cell for cell in cells}


def _metrics(cell: Cell) -> list[str]:
    """What was followed and what was measured once, of the final weights."""
    return [metric for metric in dict.fromkeys([*cell.metrics, *cell.final]) if not metric.startswith(FIT)]


def _identical(one: Sample, other: Sample) -> bool:
    # A replicate that diverged has no number, which is the same as having none.
    return one.defined == other.defined and one.values.keys() == other.values.keys()


def _line(cell: Cell, old: Cell, metric: str) -> Line:
    about = facts(metric)
    new, former = cell.sample(metric), old.sample(metric)
    apart = difference(new, former)
    delta = _value(signed, apart, about.digits)
    return Line(
        name=cell.name,
        anchor=cell.anchor,
        metric=metric,
        here=_value(number, summarise(new), about.digits),
        there=_value(number, summarise(former), about.digits),
        delta=delta if cell.exact else with_half(delta, apart, about.digits),
        verdict=verdict_of(apart, about.better, about.alike, about.digits),
        note="; ".join(_notes(cell, old, new, former, apart)),
    )


def _value(write: Callable[[float, int], str], summary: Summary, digits: int) -> Value:
    return Value(write(summary.mean, digits), key=summary.mean if summary.n else None)


def _notes(cell: Cell, old: Cell, new: Sample, former: Sample, apart: Summary) -> Iterator[str]:
    if not cell.exact:
        if not apart.n:
            yield "no seed in common"
        elif apart.n < max(len(new.values), len(former.values)):
            yield f"{plural(apart.n, 'seed')} in common"
        elif apart.n == 1:
            yield "1 seed"
    pictures = [one.record.image.pixels_sha256 for one in (cell, old) if one.record and one.record.image]
    if len(set(pictures)) > 1:
        yield "other pixels"


def _makers(run: Mapping, cells: Iterable[Cell]) -> dict[str, list[str]]:
    """What a run and these of its cells were made by."""
    origin = origin_of([cell.record for cell in cells if cell.record])
    return {
        "Configuration": [run["config_sha256"][:12]],
        "Package and numerics": origin.packages,
        "Commit": origin.commits,
        "Cells ran with": origin.software,
        "Machine": origin.devices,
        **{f"Collected with {name}": [version] for name, version in run["versions"].items()},
    }


def _versions(here: Mapping[str, list[str]], there: Mapping[str, list[str]]) -> list[tuple[str, str, str]]:
    """What only one of them has."""
    rows = []
    for what in dict.fromkeys([*here, *there]):
        new, old = here.get(what, []), there.get(what, [])
        ours, theirs = ([one for one in all_of if one not in other] for all_of, other in ((new, old), (old, new)))
        if ours or theirs:
            rows.append((what, "; ".join(ours) or "nothing else", "; ".join(theirs) or "nothing else"))
    return rows
