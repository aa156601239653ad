"""Scoring a finished cell by a further metric, from its stored weights; nothing is trained."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

from sirenbench import catalog, records
from sirenbench.assets.status import reading, sha256_of
from sirenbench.cell_files import check_is_of
from sirenbench.cost import parameters_of
from sirenbench.engine.batched import BatchedNetwork
from sirenbench.engine.build import encode, network_of
from sirenbench.engine.threads import on_one_thread
from sirenbench.errors import AssetUnavailable, UserError
from sirenbench.metrics.base import Scorer
from sirenbench.records import Scores, read_record, write_scores
from sirenbench.spec import CellSpec
from sirenbench.tasks.base import Picture, unit_range
from sirenbench.weights.files import check_layout, read_state_dict
from sirenbench.worker.baseline import enlarged
from sirenbench.worker.job import CellJob, source, weights


def evaluate(job: CellJob, metric: str, assets: Mapping[str, Path], target: Path) -> None:
    """Write the metric, its values (one a replicate) and the SHA-256 of the record that they belong to.

    There are no values, but a reason, where the cell has no numbers, an asset of the metric cannot be had, or the image
    is too small for it.

    Parameters
    ----------
    assets
        Name -> status file of each asset that the metric needs.

    Raises
    ------
    UserError
        If the record is another one in the end: somebody else ran the cell again meanwhile.
    """
    torch.set_num_threads(job.threads)
    of = sha256_of(job.folder / records.RECORD)
    values: list[float] = []
    reason = ""
    try:
        values = _values(job, metric, assets)
    except AssetUnavailable as error:
        reason = str(error)
    if sha256_of(job.folder / records.RECORD) != of:
        raise UserError(f"{job.folder / records.RECORD} was written anew while it was scored; score the cell again")
    write_scores(target, Scores(metric=metric, values=tuple(values), reason=reason, record_sha256=of))


def _values(job: CellJob, metric: str, assets: Mapping[str, Path]) -> list[float]:
    record = read_record(job.folder / records.RECORD)
    if record.state not in ("ok", "diverged"):
        raise AssetUnavailable(f"the cell has no numbers: {record.reason}")
    with reading(assets) as needed:
        check_is_of(record, job.folder / records.WEIGHTS)
        with weights(job) as files:
            image, prediction = _predicted(job, source(job).picture, files)
        with on_one_thread():
            try:
                score = Scorer(image, (metric,), needed)
            except UserError as error:
                raise AssetUnavailable(str(error)) from None
            return score(prediction)[metric].tolist()


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


def restored(spec: CellSpec, weights: Path) -> BatchedNetwork:
    """The trained network of a cell, all replicates, on the CPU. Raises as :func:`read_weights`."""
    network = network_of(spec, torch.empty(int(spec["replicates"]), parameters_of(spec)))
    read_weights(weights, network)
    return network


def read_weights(path: Path, network: BatchedNetwork) -> None:
    """Give a network the parameters in the ``weights.safetensors`` of a cell.

    Raises
    ------
    UserError
        If the file is damaged or holds another network. Weights that are not finite are those of a diverged cell.
    """
    places = network.named(network.parameters)
    tensors = read_state_dict(path)
    found, needed = ({name: tuple(values.shape) for name, values in of.items()} for of in (tensors, places))
    check_layout(path, found, needed, "the network of this cell")
    for name, place in places.items():
        place.copy_(tensors[name])
