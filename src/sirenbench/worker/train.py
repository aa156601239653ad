"""Running a cell that is trained: all its replicates at once, from its checkpoint if there is one."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from sirenbench import catalog, records
from sirenbench.assets.status import read_status
from sirenbench.engine import checkpoint
from sirenbench.engine.build import seeds
from sirenbench.engine.curves import Curves
from sirenbench.engine.derivatives import Derivatives
from sirenbench.engine.precision import products
from sirenbench.engine.trainer import Trainer
from sirenbench.errors import UserError
from sirenbench.images.derivatives import per_unit
from sirenbench.images.pictures import pixels_sha256
from sirenbench.metrics.alignment import alignment
from sirenbench.numerics import numerics_of
from sirenbench.probe import matrix_peak
from sirenbench.progress import Heartbeat
from sirenbench.provenance import peak_memory_mib, process_age_seconds, provenance
from sirenbench.records import CellRecord, Cost, Replicate
from sirenbench.spec import CellSpec
from sirenbench.tasks.base import Problem, View
from sirenbench.worker.job import CellJob, Interrupted, Source, eight_bit, hashes, image_facts, weights, write_images
from sirenbench.worker.stopping import stop_in_time

log = logging.getLogger(__name__)


def train(job: CellJob, source: Source, started: str) -> CellRecord:
    """Train all replicates of a cell and write its curves, images and weights."""
    trainer = prepared(job, source)
    startup = process_age_seconds()
    resumed = _to_the_end(job, trainer)
    return finished(job, source, trainer, started, startup=startup, resumed=resumed)


def prepared(job: CellJob, source: Source) -> Trainer:
    """The trainer of a cell, before its first step."""
    problem = catalog.tasks()[job.spec.task].problem(job.spec, source.picture)
    with weights(job) as files:
        return Trainer(job.spec, problem, _device(job.device), files)


def finished(
    job: CellJob, source: Source, trainer: Trainer, started: str, *, startup: float = 0.0, resumed: int = 0
) -> CellRecord:
    """Measure and write what a trainer that has come to its last step leaves, and make the record of it.

    Parameters
    ----------
    startup
        Seconds of this process before the first step.
    resumed
        How often the cell was resumed.
    """
    spec, problem, device = job.spec, trainer.problem, trainer.network.parameters.device
    final, prediction = trainer.derivatives(), trainer.prediction()
    arrays = _images(problem, prediction, final)
    write_images(job.folder, arrays)
    scores = final.scores | trainer.scores(prediction, catalog.tasks()[spec.task].measured_once(spec))
    files = [records.IMAGES, records.CURVES, records.WEIGHTS]
    if problem.activations:
        statistics = trainer.activations()
        statistics.write(job.folder / records.ACTIVATIONS)
        scores |= {name: torch.from_numpy(values) for name, values in statistics.scores().items()}
        files.append(records.ACTIVATIONS)
    replicates = _replicates(spec, trainer.curves, scores)
    diverged = [str(replicate.seed) for replicate in replicates if replicate.diverged]
    trainer.curves.write(job.folder / records.CURVES)
    _write_weights(job.folder / records.WEIGHTS, trainer.weights())
    return CellRecord(
        name=spec.name,
        spec=spec.as_dict(),
        track=spec.track,
        state="diverged" if diverged else "ok",
        reason=f"the loss is not a number for seed {', '.join(diverged)}" if diverged else "",
        parameters=trainer.parameters,
        replicates=replicates,
        metrics_every=problem.every,
        cost=_cost(trainer, startup, device, str(spec["precision"])),
        image=image_facts(job, source, arrays),
        files=hashes(job.folder, *files),
        provenance=provenance(numerics_of(spec), device, started, resumed),
    )


def _to_the_end(job: CellJob, trainer: Trainer) -> int:
    """Train to the last step, saving now and then; tells how often the cell was resumed."""
    path = checkpoint.path_of(job.results, job.spec.name)
    identity = _identity(job, trainer)
    resumed = 0
    if state := checkpoint.load(path, identity):
        resumed = int(state.pop("resumed")) + 1
        trainer.load(state)
        log.info("going on from step %d of %d", trainer.step, trainer.steps)

    def save() -> None:
        try:
            checkpoint.save(path, trainer.state() | {"resumed": torch.tensor(resumed)}, identity)
        except OSError as error:  # no reason to lose what is trained
            log.warning("no checkpoint at step %d: %s; the one before it is kept", trainer.step, error)

    saved = time.monotonic()
    with stop_in_time() as must_stop, closing(Heartbeat(job.folder, job.spec.name, trainer.steps)) as heartbeat:

        def after_step(step: int) -> bool:
            nonlocal saved
            heartbeat.beat(step, lambda: trainer.curves.latest("psnr", step))
            if time.monotonic() - saved > 60 * job.checkpoint_minutes:
                save()
                saved = time.monotonic()
            return not must_stop()

        if not trainer.run(after_step=after_step):
            save()
            where = f"stopped after step {trainer.step - 1} of {trainer.steps}: {must_stop.reason}"
            raise Interrupted(f"{where}; run it again to go on")
    return resumed


def _identity(job: CellJob, trainer: Trainer) -> dict[str, str]:
    """What a checkpoint must agree with: the cell, its numerics, its pixels, its loss's weights, and every shape."""
    problem = trainer.problem
    pixels = f"{pixels_sha256(problem.training.pixels)} {pixels_sha256(problem.scored.pixels)}"
    weights = " ".join(f"{name} {read_status(path).sha256}" for name, path in job.assets.items())
    layout = " ".join(f"{key} {tuple(values.shape)}" for key, values in sorted(trainer.state().items()))
    return {
        "cell": job.spec.name,
        "numerics": numerics_of(job.spec),
        "pixels": pixels,
        "weights": weights,
        "layout": layout,
    }


def _write_weights(path: Path, tensors: dict[str, torch.Tensor]) -> None:
    with records.atomic_path(path) as temporary:
        try:
            save_file(tensors, temporary)
        except SafetensorError as error:
            raise OSError(f"{path} cannot be written: {error}") from error


def _device(wanted: str) -> torch.device:
    has_gpu = torch.cuda.is_available()
    if wanted == "cuda" and not has_gpu:
        raise UserError("device: cuda was asked for, but PyTorch sees no GPU here; use 'auto' or 'cpu'")
    return torch.device("cuda" if has_gpu and wanted != "cpu" else "cpu")


def _images(problem: Problem, prediction: torch.Tensor, final: Derivatives) -> dict[str, np.ndarray]:
    """The images of the first replicate; derivatives in values per pixel, where the trained image is the scored one."""
    arrays = {"target": problem.scored.pixels, "prediction": eight_bit(prediction)}
    if problem.supervision.field != "value":
        # Before it is cut off at 0 and 255, which may leave half of the pixels.
        arrays["aligned"] = eight_bit(_aligned(prediction, problem.scored))
    if problem.scored is not problem.training:
        return arrays | {"lr": problem.training.pixels}
    side, pixels = problem.training.side, per_unit(problem.training.side, problem.training.grid)
    gradient = final.gradient[0].mean(dim=1).unflatten(0, (side, side)) / pixels
    laplacian = final.laplacian[0].mean(dim=1).unflatten(0, (side, side)) / pixels**2
    return arrays | {"gradient": gradient.half().cpu().numpy(), "laplacian": laplacian.half().cpu().numpy()}


def _aligned(prediction: torch.Tensor, view: View) -> torch.Tensor:
    """(R, H, W, C) in [-1, 1], each with the amplitude and offset that bring it nearest to the true image."""
    planes = prediction.double().movedim(-1, 1)
    target = view.unit().to(planes).movedim(-1, 0)[None].mul(2).sub(1)
    return alignment("affine", target)(planes).movedim(1, -1)


def _replicates(spec: CellSpec, curves: Curves, final: Mapping[str, torch.Tensor]) -> tuple[Replicate, ...]:
    finite = np.isfinite(curves.series("loss")).all(axis=0)
    scores = [column for column in curves.columns if column != "loss"]
    return tuple(
        Replicate(
            replicate=number,
            seed=seed,
            diverged=not finite[number],
            metrics={name: curves.end_points(name, number, higher_is_better=True) for name in scores},
            final={name: float(values[number]) for name, values in final.items()},
        )
        for number, seed in enumerate(seeds(spec))
    )


def _cost(trainer: Trainer, startup: float, device: torch.device, precision: str) -> Cost:
    seconds = max(trainer.training_seconds, 1e-9)
    memory = peak_memory_mib(device)  # before products take some of their own
    try:
        with products(precision):
            peak = matrix_peak(device) / 1e9 if trainer.steps else None
    except RuntimeError:  # a GPU that others have filled by now; no reason to lose what is trained
        peak = None
    return Cost(
        steps_per_second=trainer.steps / seconds,
        seconds=process_age_seconds(),
        startup_seconds=startup,
        training_seconds=trainer.training_seconds,
        metrics_seconds=trainer.metrics_seconds,
        peak_memory_mib=memory,
        gflop_per_second=trainer.flop_per_step * trainer.steps / seconds / 1e9,
        peak_gflop_per_second=peak,
    )
