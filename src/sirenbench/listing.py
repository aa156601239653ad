"""The cells of a configuration in the terminal."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from sirenbench.progress import read_heartbeat
from sirenbench.records import FAILURE, RECORD, RecordError, folder_of, read_record
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
    beat = read_heartbeat(folder)
    if beat is not None and not beat.is_stale:
        return "running"
    return "failed" if (folder / FAILURE).exists() else "to do"
