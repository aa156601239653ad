"""All cells of a run as one tidy table: one row per study, cell, replicate and metric.

A cell without numbers is one row that says why, never a hole, and so is a further metric without numbers. The report
reads this table, the cells' curves and their images, and nothing else.
"""

from __future__ import annotations

import hashlib
import json
import platform
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from sirenbench import catalog
from sirenbench.assets.status import read_status, sha256_of
from sirenbench.cell_files import read_table
from sirenbench.config.grid import deviations, paper_cell
from sirenbench.config.images import ImageRecipe
from sirenbench.config.load import file_asset
from sirenbench.config.model import Config
from sirenbench.config.studies import Crop, Study
from sirenbench.errors import AssetUnavailable, UserError, shown
from sirenbench.metrics.ids import FIT, parse_metric
from sirenbench.names import parse_name
from sirenbench.numerics import numerics_of
from sirenbench.options import Value
from sirenbench.progress import living_beat
from sirenbench.records import (
    FAILURE,
    RECORD,
    CellRecord,
    RecordError,
    Scores,
    atomic_path,
    folder_of,
    read_record,
    read_scores,
    readable,
    write_text,
)
from sirenbench.spec import CellSpec

if TYPE_CHECKING:
    import pandas as pd

RESULTS = "results.parquet"
TABLE = "results.csv"
RUN = "run.json"

# How the columns are stored; a column that is not here is text.
NUMBERS = {
    "position": "int64",
    "size": "int64",
    "factor": "Int64",
    "depth": "Int64",
    "width": "Int64",
    "parameters": "Int64",
    "replicate": "Int64",
    "seed": "Int64",
    "diverged": "boolean",
    "last": "float64",
    "best": "float64",
    "best_step": "Int64",
    "tail": "float64",
    "drawdown": "float64",
    "steps_per_second": "float64",
    "seconds": "float64",
    "peak_memory_mib": "float64",
}
COLUMNS = (
    *("study", "position", "name", "task", "image", "size", "factor", "arm", "method", "depth", "width", "options"),
    *("track", "state", "reason", "parameters", "replicate", "seed", "diverged"),
    *("metric", "last", "best", "best_step", "tail", "drawdown"),
    *("steps_per_second", "seconds", "peak_memory_mib", "reference", "scaled", "command", "record"),
)

_MISSING = {
    "state": "missing",
    "reason": "it was not run, or it was stopped before it ended",
    "metric": "",
    "record": "",
}
_VERSIONED = ("sirenbench", "torch", "numpy", "scikit-image", "pillow", "snakemake", "pandas", "matplotlib")


class _Study(BaseModel):
    title: str
    source: str
    text: str
    track: str
    layout: str
    why: str
    crops: dict[str, Crop] = {}


class _Run(BaseModel):
    """What ``run.json`` holds; ``records`` is a :func:`stamp_of` them, ``table`` the SHA-256 of ``results.parquet``."""

    run: str
    title: str
    text: str
    studies: dict[str, _Study]
    images: dict[str, str]
    config_sha256: str
    versions: dict[str, str]
    records: str = ""
    table: str = ""


def collect(
    config: Config,
    cells: Mapping[str, Sequence[CellSpec]],
    results: Path,
    folder: Path,
    configfiles: Sequence[str] = (),
) -> None:
    """Write ``results.parquet``, ``results.csv`` and ``run.json`` of a run to ``folder``.

    Parameters
    ----------
    cells
        The cells of each study, in the order in which they are shown.
    results
        Where the cells' folders lie (``results/cells/<name>``).
    configfiles
        Configuration files besides the default, which the commands that re-run a cell must name.
    """
    import pandas as pd

    def outcomes(name: str) -> Iterator[dict]:
        record = read_cell(results, name, config.images)
        if record is None:
            return iter([_unfinished(results, name)])
        return _outcomes(record, _further_scores(results, name, config.metrics, record))

    records = stamp_of(results, cells, config.metrics)  # before they are read: what is written after that is newer
    rows = [
        {"study": study, "position": position} | _identity(config.studies[study], spec, configfiles) | outcome
        for study, specs in cells.items()
        for position, spec in enumerate(specs)
        for outcome in outcomes(spec.name)
    ]
    # As objects at first: beside a missing number pandas would round a large one.
    frame = pd.DataFrame(rows, columns=list(COLUMNS), dtype=object).astype(NUMBERS)
    frame = frame.astype({column: "str" for column in COLUMNS if column not in NUMBERS})
    with atomic_path(folder / RESULTS) as temporary:
        frame.to_parquet(temporary, index=False)
    with atomic_path(folder / TABLE) as temporary:
        public(frame).to_csv(temporary, index=False)
    run = _run(config, cells) | {"records": records, "table": sha256_of(folder / RESULTS)}
    write_text(folder / RUN, json.dumps(run, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_run(folder: Path) -> tuple[dict[str, Any], pd.DataFrame]:
    """The ``run.json`` and ``results.parquet`` of a collected run.

    Raises
    ------
    UserError
        If one of them is missing or damaged, or is not of the other.
    """
    with reading(folder / RUN) as path:
        run = _Run.model_validate_json(path.read_bytes()).model_dump()
    with reading(folder / RESULTS) as path:
        # A flipped bit of a table may be read as another number.
        if run["table"] and run["table"] != sha256_of(path):
            raise ValueError(f"it is not the table that {RUN} tells of")
        # Texts stay categories: a table of somebody else's may repeat a long one as often as it likes.
        return run, read_table(path).to_pandas()


@contextmanager
def reading(path: Path) -> Iterator[Path]:
    """Tell of a file of a collected run that its readers cannot take: a UserError."""
    try:
        yield path
    except Exception as error:  # a damaged file can make its readers raise almost anything
        reason = shown(str(error) or type(error).__name__)
        again = f"delete it and run the target that makes {path.parent}/report.html again"
        raise UserError(f"{path} cannot be read ({reason}); {again}") from error


def stamp_of(results: Path, cells: Mapping[str, Sequence[CellSpec]], metrics: Sequence[str]) -> str:
    """Another text as soon as one of the files that a table is made of was written anew, whatever the clock said."""
    digest = hashlib.sha256()
    for name in sorted({spec.name for specs in cells.values() for spec in specs}):
        for file in (RECORD, *(f"metrics/{metric}.json" for metric in metrics)):
            path = folder_of(results, name) / file
            written = path.stat().st_mtime_ns if path.exists() else None
            digest.update(f"{name} {file} {written}\n".encode())
    return digest.hexdigest()


def made_of(folder: Path, *keys: str) -> list[object] | None:
    """What ``run.json`` tells of the table beside it, its ``records`` say; None if that cannot be told."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        run = json.loads((folder / RUN).read_text(encoding="utf-8"))
        return [run[key] for key in keys]
    return None


def public(frame: pd.DataFrame) -> pd.DataFrame:
    """The table as it is given away: in readable words, and without the records, which are in the cells' folders."""
    given = frame.drop(columns="record")
    for column in given.columns.difference(list(NUMBERS)):
        given[column] = given[column].map(readable, na_action="ignore")
    return given


def read_cell(results: Path, name: str, images: Mapping[str, ImageRecipe] = MappingProxyType({})) -> CellRecord | None:
    """The record of a cell, or of its failure; None if it left neither.

    A record that is damaged, or says nothing of the cell as it is now, counts as failed.

    Parameters
    ----------
    images
        How the configuration makes its images; of an image that is not there, any recipe is right.
    """
    for file in (RECORD, FAILURE):
        path = folder_of(results, name) / file
        if path.exists():
            try:
                record = read_record(path)
                if why := _lack(record, name, results, images):
                    raise RecordError(f"{path} {why}; delete it to run the cell again")
                return record
            except RecordError as error:
                return CellRecord(name=name, spec={}, track="as-run", state="failed", reason=str(error))
    return None


def _lack(record: CellRecord, name: str, results: Path, images: Mapping[str, ImageRecipe]) -> str:
    """What is wrong with a record, if anything.

    It is of another cell, configuration, version of the numbers or picture, or holds what no worker writes.
    Snakemake runs such a cell again, where it knows: it does not of a folder that was copied.
    """
    spec = parse_name(name)
    made, now, recipe = record.provenance, numerics_of(spec), images.get(spec.image)
    if record.name != name:
        return f"is of {shown(record.name)}"
    if record.spec != spec.as_dict():
        return "is of another configuration than its name says now"
    if made and made.numerics != now:
        return f"has numbers of another version ({made.numerics}; now {now})"
    if record.image and recipe and (record.image.asset, record.image.crop) != _origin(spec.image, recipe):
        return f"is of {record.image.asset} with the crop {record.image.crop!r}, which {spec.image!r} means no more"
    if record.image:
        with suppress(AssetUnavailable):
            digest = read_status(results / "assets" / f"{record.image.asset}.json").sha256
            if digest and digest != record.image.asset_sha256:
                return f"is of another picture (SHA-256 {record.image.asset_sha256[:16]}; now {digest[:16]})"
    return _contradiction(record)


def _contradiction(record: CellRecord) -> str:
    """What no worker writes, if there is any of it."""
    numbers = [one.replicate for one in record.replicates]
    if numbers != list(range(len(numbers))):
        return f"numbers its replicates {numbers}"
    for metric in {metric for one in record.replicates for metric in (*one.metrics, *one.final)}:
        try:
            parse_metric(metric.removeprefix(FIT))
        except UserError as error:
            return f"has scores of something else ({error})"
    return ""


def _origin(image: str, recipe: ImageRecipe) -> tuple[str, str]:
    return recipe.asset or file_asset(image), recipe.crop


def command_of(name: str, configfiles: Sequence[str] = ()) -> str:
    """The command that runs one cell again, and only that; for a shell in the project's folder."""
    words = ["snakemake", (folder_of(Path("results"), name) / RECORD).as_posix(), "--force"]
    return shlex.join([*words, *(["--configfile", *configfiles] if configfiles else [])])


def scaled_down(spec: CellSpec, paper: CellSpec) -> list[str]:
    """What a cell has otherwise than the paper's: ``["size 128 instead of 512"]``."""
    theirs = paper.as_dict()
    own = deviations(spec, paper)
    return [f"{key} {_text(value)} instead of {_text(theirs[key])}" for key, value in own.items()]


def _text(value: Value) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def method_of(spec: CellSpec) -> str:
    """What people call an arm: ``SIREN + P.E. + VGG``."""
    return " + ".join(part.title for part in catalog.components_of(spec)[1:])


def _method_in(study: Study, spec: CellSpec) -> str:
    """The same with the remarks of a study."""
    parts = spec.as_dict()
    remarks = [label.text for label in study.labels if all(parts.get(k) == v for k, v in label.cells.items())]
    return " ".join([method_of(spec), *(f"({remark})" for remark in remarks)])


def _identity(study: Study, spec: CellSpec, configfiles: Sequence[str]) -> dict:
    paper = paper_cell(spec, study.reference)
    return {
        "name": spec.name,
        "task": spec.task,
        "image": spec.image,
        "size": spec.size,
        "factor": spec.factor,
        "arm": spec.arm,
        "method": _method_in(study, spec),
        "depth": spec.depth,
        "width": spec.width,
        "options": json.dumps(spec.values, allow_nan=False),
        "track": spec.track_in(study.track),
        "reference": paper.name,
        "scaled": json.dumps(scaled_down(spec, paper), allow_nan=False),
        "command": command_of(spec.name, configfiles),
    }


def _further_scores(results: Path, name: str, metrics: Sequence[str], record: CellRecord) -> list[Scores]:
    """What the rule ``evaluate`` left for the record that is there now, of metrics that this has no numbers of itself.

    Scores that cannot be read, belong to another record, or are not one a replicate are as good as none.
    """
    folder = folder_of(results, name)
    scores = []
    lengths = (0, len(record.replicates))
    has = {metric for replicate in record.replicates for metric in replicate.final}
    for metric in [one for one in metrics if one not in has] if (folder / RECORD).exists() else ():
        with suppress(RecordError):
            found = read_scores(folder / "metrics" / f"{metric}.json")
            is_of_it = found.metric == metric and len(found.values) in lengths
            if is_of_it and found.record_sha256 == sha256_of(folder / RECORD):
                scores.append(found)
    return scores


def _unfinished(results: Path, name: str) -> dict:
    beat = living_beat(folder_of(results, name))
    if beat is None:
        return _MISSING
    where = f"it was at step {beat.step:,} of {beat.steps:,} when these results were collected"
    return _MISSING | {"state": "running", "reason": where}


def _outcomes(record: CellRecord, further: Sequence[Scores]) -> Iterator[dict]:
    outcome = {
        "state": record.state,
        "reason": record.reason,
        "parameters": record.parameters,
        "metric": "",
        "record": record.model_dump_json(),
    }
    if record.cost:
        outcome |= {key: getattr(record.cost, key) for key in ("steps_per_second", "seconds", "peak_memory_mib")}
    if not any(replicate.metrics for replicate in record.replicates):
        yield outcome
    for replicate in record.replicates:
        about = outcome | replicate.model_dump(include={"replicate", "seed", "diverged"})
        for metric, ends in replicate.metrics.items():
            points = ends.model_dump(include={"last", "best", "best_step", "tail", "drawdown"})
            yield about | {"metric": metric} | points
        for metric, value in replicate.final.items():
            yield about | {"metric": metric, "last": value}
        for scores in further:
            if scores.values:
                yield about | {"metric": scores.metric, "last": scores.values[replicate.replicate]}
    for scores in further:
        if not scores.values:
            yield outcome | {"metric": scores.metric, "reason": scores.reason}


def _run(config: Config, cells: Mapping[str, Sequence[CellSpec]]) -> dict:
    about = {"title", "source", "text", "track", "layout", "why", "crops"}
    return {
        "run": config.run,
        "title": config.title,
        "text": config.text,
        "studies": {name: config.studies[name].model_dump(include=about) for name in cells},
        "images": {name: recipe.title for name, recipe in config.images.items() if recipe.title},
        "config_sha256": hashlib.sha256(config.model_dump_json().encode()).hexdigest(),
        "versions": {"python": platform.python_version()} | {name: _version(name) for name in _VERSIONED},
    }


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
