"""Running a cell that needs no training."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from sirenbench import catalog, records
from sirenbench.engine.curves import end_points
from sirenbench.engine.threads import on_one_thread
from sirenbench.metrics.base import Scorer
from sirenbench.numerics import numerics_of
from sirenbench.provenance import peak_memory_mib, process_age_seconds, provenance
from sirenbench.records import CellRecord, Cost, Replicate
from sirenbench.spec import CellSpec
from sirenbench.tasks.base import Reconstruction, unit_range
from sirenbench.worker.job import CellJob, Source, eight_bit, hashes, image_facts, weights, write_images


def enlarged(spec: CellSpec, images: Reconstruction, assets: Mapping[str, Path]) -> torch.Tensor:
    """What a baseline makes of the small image, (1, size, size, C) in [-1, 1], not clipped."""
    large = catalog.baselines()[spec.arm].enlarge(spec, images, assets)
    return torch.from_numpy(large.copy()).reshape(1, spec.size, spec.size, -1)


def baseline(job: CellJob, source: Source, started: str) -> CellRecord:
    """Enlarge the low-resolution image and score the result."""
    spec, device = job.spec, torch.device("cpu")
    startup = process_age_seconds()
    task = catalog.tasks()[spec.task]
    images, looks = task.reconstruction(spec, source.picture), task.measured_once(spec)
    with weights(job) as files:
        began = time.perf_counter()
        prediction = enlarged(spec, images, files)
        done = time.perf_counter()
    with on_one_thread():
        scores = Scorer(unit_range(images.high), ("psnr", "ssim", *looks))(prediction)
    scored = time.perf_counter()
    final = {name: float(scores.pop(name)) for name in looks}
    once = np.zeros(1)
    facts = {name: end_points(once, once, value.numpy(), higher_is_better=True) for name, value in scores.items()}
    arrays = {"target": images.high, "prediction": eight_bit(prediction), "lr": images.low}
    write_images(job.folder, arrays)
    return CellRecord(
        name=spec.name,
        spec=spec.as_dict(),
        track=spec.track,
        state="ok",
        replicates=(Replicate(replicate=0, seed=0, metrics=facts, final=final),),
        cost=Cost(
            seconds=process_age_seconds(),
            startup_seconds=startup,
            training_seconds=done - began,
            metrics_seconds=scored - done,
            peak_memory_mib=peak_memory_mib(device),
        ),
        image=image_facts(job, source, arrays),
        files=hashes(job.folder, records.IMAGES),
        provenance=provenance(numerics_of(spec), device, started, resumed=0),
    )
