"""No number changes without its version: a change of the numerics has to run finished cells again.

``python tests/golden/test_numerics.py`` records the numbers anew, after a version was raised.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from sirenbench import catalog
from sirenbench.assets.store import cache_folder, fetch
from sirenbench.config import load
from sirenbench.engine.trainer import Trainer
from sirenbench.metrics.base import Scorer
from sirenbench.names import add_ons, arms_of, parse_name
from sirenbench.numerics import numerics_of
from sirenbench.spec import CellSpec
from sirenbench.tasks.base import unit_range
from sirenbench.worker.baseline import enlarged

GOLDEN = Path(__file__).with_name("numerics.json")
SCHEMES = ("kaiming_uniform", "kaiming_normal", "uniform", "normal", "xavier_uniform", "xavier_normal")


def cells() -> list[str]:
    """One small cell for every arm of every task, and for every switch that moves numbers."""
    names = []
    for task in catalog.tasks().values():
        data = "made-16-x2" if task.has_factor else "made-16"
        for arm in arms_of(task.name):
            if add_ons(arm)[1] or arm == "external":  # the first below; the second is whatever its user has
                continue
            is_baseline = arm in catalog.baselines()
            names.append(
                f"{task.name}/{data}/{arm}" if is_baseline else f"{task.name}/{data}/{arm}-2x8/steps=5/replicates=2"
            )
    # More steps than one, and these would tell the rounding of one machine from that of another.
    names += [f"fit/made-16/siren-2x8/first_init={s}/hidden_init={s}/steps=1/replicates=1" for s in SCHEMES]
    names += [
        "fit/made-16/siren-2x8/first_omega=60/hidden_omega=10/steps=5/replicates=1",
        "fit/made-16/siren-2x8/channel=rgb/grid=center/lr=0.001/steps=5/replicates=1",
        "sr/made-16-x2/bicubic/channel=rgb/kernel=lanczos",
        "sr/made-16-x2/srgan/generator=srresnet/kernel=pil-bilinear/channel=rgb",
        "poisson/made-16/siren+pe-2x8/supervision=laplacian/form=norm/channel=rgb/steps=5/replicates=1",
        "poisson/made-16/siren-2x8/supervision=gradient-2d/amplified=no/steps=5/replicates=1",
        "fit/made-16/siren+vgg-2x8/features=vgg16/steps=2/replicates=1",
        "sr/made-16-x2/relu+pe+vgg-2x8/features=vgg16/feature_weights=trained/steps=2/replicates=1",
    ]
    return names


def picture(side: int, kernel: str) -> np.ndarray:
    """A made-up picture that depends on the kernel too."""
    rows, columns = np.mgrid[0:side, 0:side] / side
    return (120 + 100 * np.sin(7 * rows + len(kernel)) * np.cos(5 * columns)).astype(np.uint8)


def colours(side: int, kernel: str) -> np.ndarray:
    return np.stack([picture(side, kernel), picture(side, kernel).T, 255 - picture(side, kernel)], axis=2)


def weights(spec: CellSpec) -> dict[str, Path]:
    """The files that an arm needs, fetched for real (or from the cache of an earlier run)."""
    assets = load([Path(__file__).parents[2] / "config/assets.yaml"])
    files = {}
    for name in catalog.assets_of(spec):
        status = fetch(name, assets.asset(name), cache_folder(""), progress=False)
        assert status.path is not None, status.reason
        files[name] = Path(status.path)
    return files


def _scores_of_layers(trainer: Trainer) -> dict[str, np.ndarray]:
    return trainer.activations().scores() if trainer.problem.activations else {}


def measured(name: str) -> dict[str, object]:
    spec = parse_name(name)
    task, pixels = catalog.tasks()[spec.task], colours if spec["channel"] == "rgb" else picture
    if spec.is_baseline:
        images = task.reconstruction(spec, pixels)
        metrics = ("psnr", "ssim", *task.measured_once(spec))
        scores = Scorer(unit_range(images.high), metrics)(enlarged(spec, images, weights(spec)))
        values = {key: value.tolist() for key, value in scores.items()}
    else:
        trainer = Trainer(spec, task.problem(spec, pixels), torch.device("cpu"), weights(spec))
        trainer.run()
        values = {column: trainer.curves.series(column)[-1].tolist() for column in trainer.curves.columns}
        looks = trainer.scores(trainer.prediction(), task.measured_once(spec))
        final = trainer.derivatives().scores | looks | _scores_of_layers(trainer)
        values |= {name: np.asarray(value).tolist() for name, value in final.items()}
    return {"numerics": numerics_of(spec), "values": values}


@pytest.mark.parametrize("name", cells())
def test_numbers_are_those_of_their_version(name: str) -> None:
    golden = json.loads(GOLDEN.read_text())
    assert name in golden, "a new cell: record it by 'python tests/golden/test_numerics.py'"
    now, then = measured(name), golden[name]
    assert now["numerics"] == then["numerics"], "a version was raised: record the numbers anew"
    for column, values in then["values"].items():
        assert now["values"][column] == pytest.approx(values, rel=2e-4, abs=2e-5, nan_ok=True), (  # type: ignore[index]
            f"{column} moved; if that is meant, raise the version of the component that moved it"
        )


def test_no_recorded_cell_is_gone() -> None:
    assert set(json.loads(GOLDEN.read_text())) == set(cells())


if __name__ == "__main__":
    torch.set_num_threads(1)
    GOLDEN.write_text(json.dumps({name: measured(name) for name in cells()}, indent=1) + "\n")
