"""The cells of a configuration in the terminal."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Set
from pathlib import Path

from sirenbench.progress import living_beat
from sirenbench.records import FAILURE, RECORD, RecordError, folder_of, read_record
from sirenbench.report.text import plural
from sirenbench.workflow import Workflow


def print_cells(bench: Workflow, results: Path) -> None:
    """One line a cell, ``state  study  target``, and a count of the states at the end."""
    studies: dict[str, list[str]] = {}
    for study, specs in bench.main.cells.items():
        for spec in specs:
            studies.setdefault(spec.name, []).append(study)
    states: Counter[str] = Counter()
    for name, where in studies.items():
        state = state_of(results, name)
        states[state] += 1
        print(f"{state:<13} {','.join(where):<24} results/cells/{name}/{RECORD}")
    print(f"{len(studies)} cells: " + ", ".join(f"{count} {state}" for state, count in sorted(states.items())))


def is_dry_run(words: Iterable[str]) -> bool:
    """Whether a command line of Snakemake's asks for the plan only: ``-n``, also as in ``-np``, ``--dry-run``."""
    return any(re.fullmatch(r"--dry-?run|-[a-zA-Z]*n[a-zA-Z]*", word) for word in words)


def print_plan(bench: Workflow, targets: Collection[str], results: Path) -> None:
    """To stderr: how many cells the studies of the named targets have, and how many of them are done.

    Parameters
    ----------
    targets
        As Snakemake was given them; the configured run if there are none. Files and other rules are passed over.
    """
    wanted = targets or [bench.main.config.run]
    for target in (target for name, target in bench.targets() if name in wanted):
        _, cells = bench.selected(target)
        names = {study: [spec.name for spec in specs] for study, specs in cells.items()}
        distinct = {name for listed in names.values() for name in listed}
        done = {name for name in distinct if (folder_of(results, name) / RECORD).exists()}
        print(f"{target}: {_count(distinct, done)}", file=sys.stderr)
        for study, listed in names.items() if len(names) > 1 else ():
            print(f"  {study:<24} {_count(listed, done)}", file=sys.stderr)


def _count(names: Collection[str], done: Set[str]) -> str:
    return f"{plural(len(names), 'cell')}, {sum(name in done for name in names):,} done"


def state_of(results: Path, name: str) -> str:
    """The state of a cell as its folder tells it: that of its record, or ``running``, ``failed``, ``to do``.

    A record that cannot be read is ``damaged``.
    """
    folder = folder_of(results, name)
    if (folder / RECORD).exists():
        try:
            return read_record(folder / RECORD).state
        except RecordError:
            return "damaged"
    if living_beat(folder):
        return "running"
    return "failed" if (folder / FAILURE).exists() else "to do"
