"""Whether finished cells are what their records say: their numbers made once more and compared.

From the stored weights and curves, everything that the worker measures after the last step is measured again, by the
worker's own code; or the cell is trained again from its seeds. Either way a second folder is made, in a temporary
place, from the image and the weights that the configuration names (their hashes are checked), and the two folders are
compared: all numbers of the record but times and machine, and all arrays of the files.

On the device and with the PyTorch and NumPy that the record names every bit has to agree. Elsewhere the arithmetic
rounds otherwise: numbers may differ by a thousandth, pixels by one grey level, and the verdict says so.
"""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch

from sirenbench.adhoc import fetch_assets, fetch_statuses, job_of, status_in
from sirenbench.assets.status import sha256_of
from sirenbench.cell_files import read_curves, read_images
from sirenbench.differences import differences, flat
from sirenbench.engine.curves import Curves
from sirenbench.errors import UserError, shown
from sirenbench.names import parse_name
from sirenbench.numerics import numerics_of
from sirenbench.provenance import device_name
from sirenbench.records import (
    ACTIVATIONS,
    CURVES,
    IMAGES,
    RECORD,
    WEIGHTS,
    CellRecord,
    Provenance,
    RecordError,
    folder_of,
    read_record,
    read_scores,
)
from sirenbench.weights.files import read_state_dict
from sirenbench.worker.baseline import baseline
from sirenbench.worker.evaluate import evaluate, read_weights
from sirenbench.worker.job import CellJob, Interrupted, Source, run
from sirenbench.worker.train import finished, prepared, train
from sirenbench.workflow import Workflow

State = Literal["verified", "differs", "unchecked", "no-numbers"]

_TOLERANCE = 1e-3
_SHOWN = 5
_FILES = (IMAGES, CURVES, WEIGHTS, ACTIVATIONS)


@dataclass(frozen=True)
class Verdict:
    """What was found of a cell.

    Attributes
    ----------
    state
        ``verified``; ``differs`` from its record; ``unchecked``, because something outside the cell is lacking;
        ``no-numbers``, because the record says that there are none.
    reasons
        In what it differs, why it was not checked, or why not to the last bit.
    """

    name: str
    state: State
    reasons: tuple[str, ...] = ()

    @property
    def is_good(self) -> bool:
        return self.state in ("verified", "no-numbers")


def cells_of(words: Iterable[str], results: Path) -> list[tuple[Path, str]]:
    """The results folder and the name of every cell that words mean.

    Parameters
    ----------
    words
        Names of cells, which lie below ``results``; or folders, of which all finished cells are meant.

    Raises
    ------
    UserError
        For a word that is neither, or a folder without any record.
    """
    found: dict[tuple[Path, str], None] = {}
    for word in words:
        folder = Path(word)
        if not folder.is_dir():
            found[results, parse_name(word).name] = None
            continue
        cells = [path.parent for path in sorted(folder.absolute().rglob(RECORD))]
        if not cells:
            raise UserError(f"{word}: no finished cell lies below this folder; name results/cells, or a cell")
        for cell in cells:
            root = next((parent for parent in cell.parents if parent.name == "cells"), None)
            if root is None:
                raise UserError(f"{cell} is no cell of a results folder, in which cells lie below 'cells'")
            found[root.parent, cell.relative_to(root).as_posix()] = None
    return list(found)


def sample_of(cells: Iterable[tuple[Path, str]], number: int) -> list[tuple[Path, str]]:
    """So many of the cells, or all if there are fewer: the same ones every time, whatever their order."""
    ordered = sorted(cells)
    return sorted(random.Random(0).sample(ordered, min(number, len(ordered))))


def verify(name: str, results: Path, bench: Workflow, *, retrain: bool = False, threads: int | None = None) -> Verdict:
    """Check one cell; nothing of it is changed.

    Parameters
    ----------
    retrain
        Train it again from its seeds, instead of taking its weights.
    threads
        As many as the record says if None. On a CPU they change bits of nothing but what PyTorch sums by itself: the
        value of a VGG loss, all of a cell whose VGG network is trained along, two moments of the layers' statistics.
    """
    folder = folder_of(results, name)
    if not (folder / RECORD).exists():
        return Verdict(name, "unchecked", ("it has no record: it was not run, or it failed",))
    try:
        record = read_record(folder / RECORD)
    except RecordError as error:
        return Verdict(name, "differs", (str(error),))
    if wrong := tuple(_altered(record, name, folder)):
        return Verdict(name, "differs", wrong)
    if record.provenance is None:
        return Verdict(name, "no-numbers", (record.reason,))
    with tempfile.TemporaryDirectory(prefix="sirenbench-verify-") as place:
        try:
            _check_comparable(record, record.provenance, retrain)
            fetch_assets([name], bench, Path(place))
            job = job_of(name, bench, Path(place), threads or _threads(record.provenance))
        except UserError as error:
            return Verdict(name, "unchecked", (str(error),))
        try:
            return _compared(record, replace(job, device=_device(record.provenance)), results, bench, retrain)
        except Interrupted:
            raise KeyboardInterrupt from None
        except UserError as error:  # the files are those that the record names, and yet of no such cell
            return Verdict(name, "differs", (str(error),))


def print_verdicts(
    cells: Iterable[tuple[Path, str]], bench: Workflow, *, retrain: bool = False, threads: int | None = None
) -> None:
    """Check cells one after another, and tell of each at once.

    Raises
    ------
    UserError
        At the end, if any is not what its record says, or could not be checked.
    """
    verdicts = []
    for results, name in cells:
        verdict = verify(name, results, bench, retrain=retrain, threads=threads)
        print(f"{verdict.state:10s} {name}", flush=True)
        for reason in verdict.reasons[:_SHOWN]:
            print(f"{'':10s}   {reason}")
        if (more := len(verdict.reasons) - _SHOWN) > 0:
            print(f"{'':10s}   and {more} more")
        verdicts.append(verdict)
    counts = {state: sum(verdict.state == state for verdict in verdicts) for state in get_args(State)}
    print(", ".join(f"{count} {state}" for state, count in counts.items() if count))
    if bad := [verdict for verdict in verdicts if not verdict.is_good]:
        raise UserError(f"{len(bad)} of {len(verdicts)} could not be verified; the reasons stand above")


def _altered(record: CellRecord, name: str, folder: Path) -> Iterator[str]:
    """Where the folder and the record contradict each other, without any computing."""
    if record.name != name:
        yield f"the record is of {shown(record.name)}"
    try:
        if record.spec != parse_name(name).as_dict():
            yield "the record's configuration is not that of the name"
    except UserError as error:
        yield str(error)
    for file, digest in record.files.items():
        path = folder / file
        if file not in _FILES:
            yield f"the record names a file that no cell has: {shown(file)}"
        elif not path.is_file() or sha256_of(path) != digest:
            yield f"{file} is not the file that the record names (SHA-256 {digest[:16]})"
    if record.provenance is None and (record.replicates or record.state in ("ok", "diverged")):
        yield f"the record does not say what it was made by, but has the state {record.state}"


def _check_comparable(record: CellRecord, ran: Provenance, retrain: bool) -> None:
    """Raise UserError where other numbers would be no contradiction."""
    now = numerics_of(parse_name(record.name))
    if ran.numerics != now:
        raise UserError(
            f"its numbers are of another version ({ran.numerics}; this is {now}); run the cell again, or verify it "
            f"by what made it, sirenbench {ran.package} at the commit {ran.git_commit or 'that it does not name'}"
        )
    if retrain and "depth" in record.spec and (there := _elsewhere(ran)):
        raise UserError(f"it was trained on {there}; only there it can be trained again with the same bits")


def _compared(record: CellRecord, job: CellJob, results: Path, bench: Workflow, retrain: bool) -> Verdict:
    there = folder_of(results, record.name)
    measure = baseline if job.spec.is_baseline else train if retrain else _measured_again(there)
    found = run(job, measure)
    if found.state == "not-testable":
        return Verdict(record.name, "unchecked", (found.reason,))
    elsewhere = _elsewhere(record.provenance) if record.provenance else ""
    tolerance = _TOLERANCE if elsewhere else 0.0
    other = list(differences(_numbers(record), _numbers(found), tolerance))
    for file in found.files:
        theirs, ours = (_arrays(folder / file) for folder in (there, job.folder))
        other += [f"{file}: {text}" for text in differences(theirs, ours, tolerance)]
    lacking = []
    for path in sorted((there / "metrics").glob("*.json")):
        wrong, lacks = _score_compared(path, replace(job, results=results), bench, job.status.parent, tolerance)
        other += wrong
        lacking += lacks
    state: State = "differs" if other else "unchecked" if lacking else "verified"
    told = [f"within a thousandth: it ran on {elsewhere}"] if elsewhere else []
    return Verdict(record.name, state, tuple(other or lacking or told))


def _measured_again(there: Path) -> Callable[..., CellRecord]:
    """What :func:`sirenbench.worker.job.run` runs: the last step alone, with the weights and curves of a folder."""

    def measure(job: CellJob, source: Source, started: str) -> CellRecord:
        trainer = prepared(job, source)
        curves = trainer.curves
        stored = _stored(curves, there / CURVES)
        read_weights(there / WEIGHTS, trainer.network)
        curves.values.copy_(torch.from_numpy(stored))
        trainer.step = trainer.steps
        trainer.run()
        if any(key.startswith("loss.") for key in trainer.state()):
            # The weights of a loss that was trained along are not kept, and so its last value cannot be had again.
            column = curves.columns.index("loss")
            curves.values[-1, :, column] = torch.from_numpy(stored[-1, :, column])
        return finished(job, source, trainer, started)

    return measure


def _stored(curves: Curves, path: Path) -> np.ndarray:
    """The values of a file of curves, (K, R, columns). Raises UserError if it has others than a cell should have."""
    table = read_curves(path)
    rows = len(curves.steps) * curves.values.shape[1]
    if lacking := [name for name in curves.columns if name not in table or len(table[name]) != rows]:
        raise UserError(f"{path.name} has no {rows:,} values of {lacking[0]}")
    return np.stack([table[name].reshape(len(curves.steps), -1) for name in curves.columns], axis=-1)


def _score_compared(
    path: Path, job: CellJob, bench: Workflow, statuses: Path, tolerance: float
) -> tuple[list[str], list[str]]:
    """A further score of the cell computed again: in what it differs, and what is lacking to say so."""
    file, again = f"metrics/{path.name}", statuses / f"scores-{path.name}"
    try:
        needed = bench.needed(path.stem)
        stored = read_scores(path)
    except UserError as error:
        return [str(error)], []
    fetch_statuses(needed, bench, statuses.parent)
    evaluate(job, path.stem, {Path(one).stem: status_in(statuses.parent, one) for one in needed}, again)
    found = read_scores(again)
    if found.reason and stored.values:
        return [], [f"{file}: {found.reason}"]
    theirs, ours = (flat(one.model_dump(exclude={"reason"})) for one in (stored, found))
    other = differences(theirs, ours, tolerance)
    return [f"{file}: {text}" for text in other], []


def _numbers(record: CellRecord) -> dict[str, Any]:
    """All of a record that a second run has to give again, by dotted keys."""
    content = flat(record.model_dump(exclude={"cost", "provenance", "files"}))
    kept = {key: value for key, value in content.items() if not key.endswith(".seconds")}
    return kept | {"files": sorted(record.files)}


def _arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file of a cell, by name, but those that hold times."""
    if path.suffix == ".safetensors":
        return {name: values.numpy() for name, values in read_state_dict(path).items()}
    read = read_curves if path.name == CURVES else read_images
    return {name: values for name, values in read(path).items() if name != "seconds"}


def _elsewhere(ran: Provenance) -> str:
    """On and with what a cell ran, as far as it is not what is here: other numbers are rounded otherwise."""
    here = {"": device_name(torch.device(_device(ran))), "PyTorch ": torch.__version__, "NumPy ": np.__version__}
    there = {"": ran.device, "PyTorch ": ran.torch, "NumPy ": ran.numpy}
    return ", ".join(f"{what}{found}" for what, found in there.items() if found and found != here[what])


def _device(ran: Provenance) -> str:
    return "cuda" if ran.cuda and torch.cuda.is_available() else "cpu"


def _threads(ran: Provenance) -> int:
    return max(1, min(ran.threads, os.cpu_count() or 1))
