"""How the cells of a run stand, and all that is known of one, as their folders tell it; no torch in here."""

from __future__ import annotations

import difflib
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sirenbench.adhoc import SCRATCH, log_of
from sirenbench.collect import command_of, method_of, read_cell
from sirenbench.engine import checkpoint
from sirenbench.errors import UserError
from sirenbench.names import parse_name
from sirenbench.progress import Beat, read_heartbeat
from sirenbench.records import RECORD, CellRecord, folder_of
from sirenbench.report.metrics import facts
from sirenbench.report.text import duration, half_width, number, plural
from sirenbench.statistics import Sample, summarise
from sirenbench.workflow import Workflow

RESULTS = Path("results")

# In the order in which they are counted. `silent`: the last sign of life is old; `stopped`: a checkpoint is left.
STATES = ("ok", "diverged", "not-testable", "running", "silent", "stopped", "failed", "missing")


@dataclass(frozen=True)
class Standing:
    """How a cell stands.

    Attributes
    ----------
    state
        One of :data:`STATES`.
    reason
        Why, where the state needs a reason.
    beat
        What it last told of itself while it trained; None if it does not train.
    log
        Its log, if there is one.
    """

    name: str
    studies: tuple[str, ...]
    state: str
    reason: str
    beat: Beat | None
    log: str | None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        training = self.beat.model_dump(exclude={"name"}) if self.beat else None
        return vars(self) | {"beat": training}

    @property
    def progress(self) -> str:
        """``step 412/1000, 31.24 dB, 1 min 10 s left``."""
        if self.beat is None:
            return ""
        beat = self.beat
        psnr = [] if beat.psnr is None else [f"{number(beat.psnr, 2)} dB"]
        left = [] if beat.seconds_left is None or beat.is_stale else [f"{duration(beat.seconds_left)} left"]
        return ", ".join([f"step {beat.step}/{beat.steps}", *psnr, *left])


def standing(results: Path, name: str, studies: Sequence[str] = ()) -> Standing:
    """How a cell stands, by the files below the results folder."""
    state, reason, beat = _state(results, name)
    log = log_of(results, name)
    return Standing(name, tuple(studies), state, reason, beat, str(log) if log.exists() else None)


def _state(results: Path, name: str) -> tuple[str, str, Beat | None]:
    if record := read_cell(results, name):
        return record.state, record.reason, None
    beat = read_heartbeat(folder_of(results, name))
    if beat and beat.is_stale:
        silence = duration(time.time() - beat.updated)
        return "silent", f"no sign of life for {silence}: it was killed, or its machine is out of reach", beat
    if beat:
        return "running", "", beat
    if checkpoint.exists(checkpoint.path_of(results, name)):
        return "stopped", "it goes on from its checkpoint", None
    return "missing", "", None


def standings(bench: Workflow, results: Path = RESULTS) -> list[Standing]:
    """How every cell of the configured run stands, each once, in the configuration's order."""
    studies: dict[str, list[str]] = {}
    for study, specs in bench.main.cells.items():
        for spec in specs:
            studies.setdefault(spec.name, []).append(study)
    return [standing(results, name, where) for name, where in studies.items()]


def print_status(bench: Workflow, as_json: bool = False) -> None:
    """The cells of the configured run, and how many are in which state."""
    cells = standings(bench)
    counted = Counter(cell.state for cell in cells)
    totals = {state: counted[state] for state in STATES if counted[state]}
    if as_json:
        content = {"run": bench.main.config.run, "totals": totals, "cells": [c.as_dict() for c in cells]}
        print(json.dumps(content, allow_nan=False))
        return
    table = Table("state", "study", "cell", "", box=None, pad_edge=False, header_style="bold")
    for cell in cells:
        why = [cell.progress, cell.reason, f"log: {cell.log}" if cell.log and cell.state in _TO_LOOK_AT else ""]
        row = (cell.state, ", ".join(cell.studies), cell.name, "\n".join(filter(None, why)))
        table.add_row(*map(Text, row), style="red" if cell.state in _TO_LOOK_AT else None)
    _show(table)
    counts = ", ".join(f"{count} {state}" for state, count in totals.items())
    print(f"{bench.main.config.run}: {plural(len(cells), 'cell')}: {counts}")


_TO_LOOK_AT = ("failed", "silent")


def print_cell(word: str, bench: Workflow) -> None:
    """All that is known of a cell, listed in the configuration or not, in ``results`` and in ``scratch``.

    Parameters
    ----------
    word
        Its name, or the path of its record or folder.

    Raises
    ------
    UserError
        For a name that means nothing, with the nearest one that does.
    """
    name = re.sub(rf"^(?:.*/)?cells/|/({re.escape(RECORD)})?$", "", word)
    try:
        spec = parse_name(name)
        bench.recipe_text(name)
    except UserError as error:
        near = difflib.get_close_matches(name, bench.main.unique_cells, n=1)
        hint = f"\nthe nearest cell of {bench.main.config.run}: {near[0]}" if near else ""
        raise UserError(f"{error}{hint}") from None
    studies = [study for study, specs in bench.main.cells.items() if spec in specs]
    found = [results for results in (RESULTS, SCRATCH) if standing(results, name).state != "missing"]
    for results in found or [RESULTS]:
        table = Table(box=None, show_header=False, pad_edge=False)
        table.add_column(style="bold", no_wrap=True)
        for key, value in _known(results, standing(results, name, studies), bench):
            table.add_row(Text(key), Text(value))
        print(f"{name}: {method_of(spec)}")
        _show(table)


def _known(results: Path, cell: Standing, bench: Workflow) -> Iterator[tuple[str, str]]:
    """What a page on one cell says, line by line."""
    yield "state", cell.state
    if told := ", ".join(filter(None, (cell.progress, cell.reason))):
        yield "", told
    yield "studies", ", ".join(cell.studies) or f"none of {bench.main.config.run}"
    record = read_cell(results, cell.name)
    if record:
        yield from _scores(record)
    folder = folder_of(results, cell.name)
    files = sorted(path.name for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []
    if files:
        yield "files", f"{folder}: {', '.join(files)}"
    if cell.log:
        yield "log", cell.log
    if record:
        yield from _circumstances(record)
    yield "again" if record else "run it", _command(results, cell, bench)


def _scores(record: CellRecord) -> Iterator[tuple[str, str]]:
    """Mean and 95 % interval of every metric after the last step, and of what was measured once."""
    replicates = record.replicates
    is_exact = "depth" not in record.spec
    for metric in dict.fromkeys(key for r in replicates for key in (*r.metrics, *r.final)):
        last = {r.seed: r.metrics[metric].last if metric in r.metrics else r.final.get(metric) for r in replicates}
        values = {r.seed: float("nan") if r.diverged else last[r.seed] for r in replicates}
        summary = summarise(Sample({seed: value for seed, value in values.items() if value is not None}, is_exact))
        about = facts(metric)
        half = f" ± {half_width(summary.half, about.digits)}" if summary.has_interval and not is_exact else ""
        of = "" if is_exact else f"  ({plural(summary.n, 'seed')})"
        yield about.label, f"{number(summary.mean, about.digits)}{half}{of}"


def _circumstances(record: CellRecord) -> Iterator[tuple[str, str]]:
    """When and on what it ran."""
    ran = record.provenance
    if ran is None:
        return
    took = f" ({duration(record.cost.seconds)})" if record.cost else ""
    resumed = f", resumed {plural(ran.resumed, 'time')}" if ran.resumed else ""
    yield "ran", f"{ran.started} to {ran.ended}{took}{resumed}"
    job = f", Slurm job {ran.slurm_job_id}" if ran.slurm_job_id else ""
    yield "on", f"{ran.host}: {ran.device}, {plural(ran.threads, 'thread')}{job}"
    changed = " with changes" if ran.git_dirty else ""
    yield "by", f"sirenbench {ran.package} ({(ran.git_commit or 'no commit')[:12]}{changed}), torch {ran.torch}"


def _command(results: Path, cell: Standing, bench: Workflow) -> str:
    if results == RESULTS:
        return command_of(cell.name, bench.configfiles)
    own = "".join(f" --configfile {file}" for file in bench.configfiles)
    again = " --force" if cell.state in ("ok", "diverged") else ""
    return f"sirenbench run {cell.name}{again}{own}"


def _show(table: Table) -> None:
    # For a file or a pipe, a line is as long as it has to be.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 100_000)
    with console.capture() as drawn:
        console.print(table)
    print("\n".join(line.rstrip() for line in drawn.get().splitlines()))
