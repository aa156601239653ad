"""Scoring a finished cell by a further metric, from its stored weights; nothing is trained."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file

from sirenbench import catalog, records
from sirenbench.assets.status import read_status, sha256_of, verified
from sirenbench.engine.build import architecture, encode
from sirenbench.engine.mlp import BatchedMlp, layer_views
from sirenbench.errors import AssetUnavailable
from sirenbench.metrics.base import Scorer
from sirenbench.records import read_record, write_text
from sirenbench.spec import CellSpec
from sirenbench.tasks.base import Picture, unit_range
from sirenbench.worker.baseline import enlarged
from sirenbench.worker.job import CellJob, source, weights


def evaluate(job: CellJob, metric: str, assets: Mapping[str, Path], target: Path) -> None:
    """Write the metric, its values (one a replicate) and the SHA-256 of the record that they belong to.

    There are no values, but a reason, where the cell has no numbers or an asset of the metric cannot be had.

    Parameters
    ----------
    assets
        Name -> status file of each asset that the metric needs.
    """
    torch.set_num_threads(job.threads)
    values, reason = [], ""
    try:
        values = _values(job, metric, assets)
    except AssetUnavailable as error:
        reason = str(error)
    # JSON has no word for what is infinite or not a number.
    texts = [value if abs(value) < float("inf") else str(value) for value in values]
    of = sha256_of(job.folder / records.RECORD)
    write_text(target, json.dumps({"metric": metric, "values": texts, "reason": reason, "record_sha256": of}) + "\n")


def _values(job: CellJob, metric: str, assets: Mapping[str, Path]) -> list[float]:
    record = read_record(job.folder / records.RECORD)
    if record.state not in ("ok", "diverged"):
        raise AssetUnavailable(f"the cell has no numbers: {record.reason}")
    files = {name: verified(read_status(path)) for name, path in assets.items()}
    image, prediction = _predicted(job, source(job).picture, weights(job))
    return Scorer(image, (metric,), files)(prediction)[metric].tolist()


def _predicted(job: CellJob, picture: Picture, files: Mapping[str, Path]) -> tuple[torch.Tensor, torch.Tensor]:
    """The true image (H, W, C) in [0, 1], and the cell's predictions (R, H, W, C) in [-1, 1]."""
    spec, task = job.spec, catalog.tasks()[job.spec.task]
    if spec.is_baseline:
        images = task.reconstruction(spec, picture)
        return unit_range(images.high), enlarged(spec, images, files)
    view = task.problem(spec, picture).scored
    network = restored(spec, job.folder / records.WEIGHTS)
    prediction = torch.empty(network.replicates, view.side**2, view.channels)
    with torch.no_grad():
        network.predict(encode(spec, view.coordinates()), prediction)
    return view.unit(), prediction.unflatten(1, (view.side, view.side))


def restored(spec: CellSpec, weights: Path) -> BatchedMlp:
    """The trained network of a cell, all replicates, on the CPU."""
    built = architecture(spec)
    tensors = load_file(weights)
    parameters = torch.empty(int(spec["replicates"]), built.parameters)
    for index, (weight, bias) in enumerate(layer_views(built.layers, parameters)):
        weight.copy_(tensors[f"layers.{index}.weight"])
        bias.copy_(tensors[f"layers.{index}.bias"])
    return BatchedMlp(built.layers, built.activations, parameters)
