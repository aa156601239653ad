"""From a study's grids to its cells."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping

from sirenbench.config.studies import Grid, Scalar, Study
from sirenbench.errors import Mistake, allowed, shown
from sirenbench.names import make_spec
from sirenbench.options import Value
from sirenbench.spec import CellSpec, SpecError

# They change how well a number is known, not what it is of.
NOT_PROTOCOL = ("replicates", "seed", "eval_every")

# Of one grid: more than any run, and few enough to be counted out in seconds.
MOST_COMBINATIONS = 200_000


def expand(study: Study, where: str, key: str) -> tuple[list[CellSpec], list[Mistake]]:
    """The cells of a study in the order of its grids, each once, and what is wrong with the grids.

    Parameters
    ----------
    where, key
        The file and the dotted key of the study, for the mistakes.
    """
    cells: dict[str, CellSpec] = {}
    mistakes: dict[str, Mistake] = {}
    used = [False] * len(study.exclude)
    for number, grid in enumerate(study.grid):
        place = f"{key}.grid" if len(study.grid) == 1 else f"{key}.grid[{number}]"
        if (count := math.prod(len(value) for value in _lists(grid))) > MOST_COMBINATIONS:
            text = f"gives {count:,} combinations; at most {MOST_COMBINATIONS:,} are allowed: shorten its lists"
            mistakes[place] = Mistake(where, place, text)
            continue
        for fields in _product(grid):
            hits = [index for index, entry in enumerate(study.exclude) if _matches(fields, entry)]
            for index in hits:
                used[index] = True
            if hits:
                continue
            try:
                spec = make_spec(fields)
                cells[spec.name] = spec
            except SpecError as error:
                mistake = error.at(where, place)
                mistakes.setdefault(str(mistake), mistake)
    for index, entry in enumerate(study.exclude):
        if not used[index]:
            text = f"{shown(entry)} matches no combination of the grid; leave it out or correct it"
            mistakes[f"exclude {index}"] = Mistake(where, f"{key}.exclude[{index}]", text)
    if not mistakes:
        mistakes |= _reference_mistakes(study, list(cells.values()), where, key)
    return list(cells.values()), list(mistakes.values())


def paper_cell(spec: CellSpec, reference: Mapping[str, Scalar]) -> CellSpec:
    """The paper's own cell that a cell stands for: the keys of a study's ``reference`` that apply to it put over it.

    Options that say nothing of the protocol (how many seeds, how often scored) take their defaults.

    Raises
    ------
    SpecError
        If the reference makes no valid cell.
    """
    own = spec.as_dict()
    wanted = own | {key: value for key, value in reference.items() if key in own}
    return make_spec({key: value for key, value in wanted.items() if key not in NOT_PROTOCOL})


def deviations(spec: CellSpec, paper: CellSpec) -> dict[str, Value]:
    """The parts and options that a cell has otherwise than the paper's, with its own values."""
    theirs = paper.as_dict()
    return {key: value for key, value in spec.as_dict().items() if key not in NOT_PROTOCOL and value != theirs[key]}


def _product(grid: Grid) -> Iterator[dict[str, Scalar]]:
    for combination in itertools.product(*_lists(grid)):
        yield dict(zip(grid, combination, strict=True))


def _lists(grid: Grid) -> list[list[Scalar]]:
    return [value if isinstance(value, list) else [value] for value in grid.values()]


def _matches(fields: Mapping[str, Scalar], entry: Grid) -> bool:
    return all(
        key in fields and fields[key] in (value if isinstance(value, list) else [value]) for key, value in entry.items()
    )


def _reference_mistakes(study: Study, cells: list[CellSpec], where: str, key: str) -> dict[str, Mistake]:
    known = list(dict.fromkeys(name for cell in cells for name in cell.as_dict()))
    mistakes = {}
    for name in study.reference:
        if name not in known:
            text = f"no cell of this study has such a key; {allowed(known, name)}"
            mistakes[name] = Mistake(where, f"{key}.reference.{name}", text)
    for cell in cells if study.reference and not mistakes else ():
        try:
            paper_cell(cell, study.reference)
        except SpecError as error:
            mistake = error.at(where, f"{key}.reference")
            mistakes.setdefault(str(mistake), mistake)
    return mistakes
