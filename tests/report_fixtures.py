"""A run that was never run: records, curves and images made up for the tests of the report."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from sirenbench.collect import collect
from sirenbench.config.images import ImageRecipe
from sirenbench.config.model import Config
from sirenbench.config.studies import Study
from sirenbench.names import make_spec
from sirenbench.records import (
    CURVES,
    FAILURE,
    IMAGES,
    RECORD,
    CellRecord,
    Cost,
    EndPoints,
    ImageFacts,
    Provenance,
    Reached,
    Replicate,
    folder_of,
    write_record,
)
from sirenbench.report.build import render
from sirenbench.spec import CellSpec

SCHEMES = ("standard", "kaiming_uniform", "kaiming_normal", "uniform", "normal", "xavier_uniform", "xavier_normal")
BICUBIC = {2: (33.202741, 0.956496), 4: (26.667215, 0.836583), 8: (22.874624, 0.703157)}


@dataclass
class Made:
    """How one cell is made up.

    Attributes
    ----------
    psnr
        Level that the curves end at, in dB.
    state
        ``missing`` leaves no file at all.
    diverged
        Replicates that diverge half-way.
    """

    psnr: float
    ssim: float = 0.7
    state: str = "ok"
    reason: str = ""
    diverged: tuple[int, ...] = ()
    drop: float = 0.0


@dataclass
class Run:
    """A made-up run on disk; ``render`` writes its report."""

    root: Path
    config: Config
    cells: dict[str, list[CellSpec]] = field(default_factory=dict)

    @property
    def results(self) -> Path:
        return self.root / "results"

    @property
    def folder(self) -> Path:
        return self.results / self.config.run

    def collect(self) -> pd.DataFrame:
        collect(self.config, self.cells, self.results, self.folder)
        return pd.read_parquet(self.folder / "results.parquet")

    def render(self) -> str:
        self.collect()
        return render(self.folder, self.results).read_text(encoding="utf-8")


def picture(side: int) -> np.ndarray:
    """A grey test image, (side, side) uint8: rings under a slope."""
    axis = np.linspace(-1, 1, side)
    row, column = np.meshgrid(axis, axis, indexing="ij")
    rings = np.cos(14 * np.hypot(row, column) ** 2)
    return np.uint8(np.clip(127 + 70 * rings + 50 * row, 0, 255))


def shrunk(pixels: np.ndarray, side: int) -> np.ndarray:
    return np.asarray(Image.fromarray(pixels).resize((side, side), Image.Resampling.BILINEAR))


def write_cell(results: Path, spec: CellSpec, made: Made, target: np.ndarray | None = None) -> CellRecord | None:
    """Write the folder of one cell; None if it is missing."""
    folder = folder_of(results, spec.name)
    if made.state == "missing":
        return None
    if made.state in ("failed", "not-testable"):
        record = _record(spec, made, ())
        write_record(folder / (FAILURE if made.state == "failed" else RECORD), record)
        return record
    replicates = 1 if spec.is_baseline else int(spec["replicates"])
    curves = None if spec.is_baseline else _curves(spec, made, replicates)
    record = _record(spec, made, tuple(_replicate(spec, made, r, curves) for r in range(replicates)))
    folder.mkdir(parents=True, exist_ok=True)
    if curves is not None:
        curves.to_parquet(folder / CURVES, index=False)
    _write_images(folder, spec, made, target if target is not None else picture(spec.size))
    write_record(folder / RECORD, record)
    return record


def _curves(spec: CellSpec, made: Made, replicates: int) -> pd.DataFrame:
    count = int(spec["steps"]) + 1
    steps = np.arange(count)
    frames = []
    for r in range(replicates):
        random = np.random.default_rng(abs(hash_of(spec.name)) + r)
        rise = 1 - np.exp(-steps / count * 5)
        psnr = 12.4 + (made.psnr - 12.4 + 0.05 * random.standard_normal()) * rise + 0.02 * random.standard_normal(count)
        psnr[int(count * 0.7)] -= made.drop
        ssim = made.ssim * rise + 0.002 * random.standard_normal(count)
        if r in made.diverged:
            psnr[count // 2 :] = ssim[count // 2 :] = math.nan
        frame = pd.DataFrame({"step": steps, "seconds": steps * 0.01, "replicate": r})
        frame = frame.assign(loss=4 * 10 ** (-psnr / 10), psnr=psnr, ssim=ssim)
        frames.append(frame.assign(fit_psnr=psnr + 8) if spec.task == "sr" else frame)
    types = {"step": "int32", "replicate": "int16", "seconds": "float32", "loss": "float32"}
    return pd.concat(frames, ignore_index=True).astype(types)


def hash_of(text: str) -> int:
    """The same in every process, unlike ``hash``."""
    return sum(ord(letter) * (index + 1) for index, letter in enumerate(text))


def _replicate(spec: CellSpec, made: Made, r: int, curves: pd.DataFrame | None) -> Replicate:
    if curves is None:
        metrics = {"psnr": _ends(np.array([made.psnr])), "ssim": _ends(np.array([made.ssim]))}
        return Replicate(replicate=r, seed=r, metrics=metrics)
    own = curves[curves.replicate == r]
    metrics = {name: _ends(own[name].to_numpy()) for name in ("psnr", "ssim", "fit_psnr") if name in own}
    return Replicate(replicate=r, seed=int(spec["seed"]) + r, diverged=r in made.diverged, metrics=metrics)


def _ends(curve: np.ndarray) -> EndPoints:
    best = np.fmax.accumulate(curve)
    fall = np.where(np.isinf(best), 0, best - np.where(np.isinf(curve), 0, curve))
    levels = {str(level): _reached(curve, level) for level in (30, 35, 40)}
    return EndPoints(
        last=float(curve[-1]),
        best=float(np.nanmax(curve)),
        best_step=int(np.nanargmax(curve)),
        tail=float(np.median(curve[-max(1, len(curve) // 20) :])),
        drawdown=float(np.nanmax(fall[min(50, len(curve) - 1) :], initial=0)),
        reached=levels,
    )


def _reached(curve: np.ndarray, level: float) -> Reached | None:
    there = np.flatnonzero(curve >= level)
    return Reached(step=int(there[0]), seconds=float(there[0]) * 0.01) if len(there) else None


def _record(spec: CellSpec, made: Made, replicates: tuple[Replicate, ...]) -> CellRecord:
    trained = bool(replicates) and not spec.is_baseline
    return CellRecord(
        name=spec.name,
        spec=spec.as_dict(),
        track=spec.track,
        state=made.state,
        reason=made.reason,
        parameters=198_401 if trained else None,
        replicates=replicates,
        metrics_every=1 if trained else None,
        cost=Cost(
            steps_per_second=123.4 if trained else None,
            seconds=12.5,
            startup_seconds=2.5,
            training_seconds=8.0,
            metrics_seconds=2.0,
            peak_memory_mib=512.0,
        ),
        image=ImageFacts(
            asset="cameraman",
            asset_sha256="361a6d56d22ee52289cd308d5461d090e06a56cb36007d8dfc3226cbe8aaa5db",
            licence="unclear (MIT, non-commercial)",
            crop="none",
            pixels_sha256="fdb7a9ae0d909363" * 4,
        ),
        files={IMAGES: "0123456789abcdef" * 4},
        provenance=Provenance(
            package="0.1.0",
            numerics="1",
            git_commit="0f1e2d3c4b5a69788796a5b4c3d2e1f001122334",
            git_dirty=True,
            python="3.11.2",
            torch="2.11.0" if trained else None,
            cuda=None,
            driver=None,
            device="cpu (a processor)",
            threads=1,
            host="node-1",
            slurm_job_id=None,
            started="2026-11-01T10:00:00+00:00",
            ended="2026-11-01T10:00:12+00:00",
            resumed=0,
        ),
    )


def _write_images(folder: Path, spec: CellSpec, made: Made, target: np.ndarray) -> None:
    noise = np.random.default_rng(hash_of(spec.name)).normal(0, 255 * 10 ** (-made.psnr / 20), target.shape)
    arrays = {"target": target, "prediction": np.uint8(np.clip(target + noise, 0, 255))}
    if spec.factor:
        arrays["lr"] = shrunk(target, spec.size // spec.factor)
    np.savez(folder / IMAGES, **arrays)


def demo_run(root: Path, steps: int = 120) -> Run:
    """A run with every state in it: fitting, first-layer initialisation, and super-resolution in Table 1's layout."""
    studies = {
        "fitting": Study(
            title="Image fitting",
            source="Figure 2",
            text="A SIREN against a ReLU network of the same shape.",
            grid=[],
            reference={"size": 256, "depth": 2, "width": 256, "steps": 15_000},
            why="15,000 steps take half an hour on two cores.",
        ),
        "first-init": Study(
            title="Initialisation of the first layer",
            source="Figure 4a",
            text="Which law the first layer's weights are drawn from.",
            grid=[],
            reference={"size": 256, "depth": 3, "width": 256, "steps": 1000},
            why="It is enough to see the order.",
        ),
        "table1": Study(
            title="Super-resolution",
            source="Table 1",
            text="Learn the small image, be asked for the large one.",
            layout="table",
            grid=[],
            reference={},
        ),
    }
    config = Config(
        run="demo",
        title="SIREN on two cores",
        text="A small run of the paper's experiments, to see that all is well.",
        images={"cameraman": ImageRecipe(asset="cameraman", title="Cameraman")},
        studies=studies,
    )
    run = Run(root, config)
    small = {"task": "fit", "image": "cameraman", "size": 64, "steps": steps, "replicates": 3}
    _add(run, "fitting", small | {"arm": "siren", "depth": 2, "width": 64}, Made(38.2, 0.97))
    _add(run, "fitting", small | {"arm": "relu", "depth": 2, "width": 64}, Made(21.6, 0.61))
    ways = {
        "standard": Made(34.1, 0.93),
        "kaiming_uniform": Made(38.8, 0.96, drop=6.0),
        "kaiming_normal": Made(38.9, 0.96, drop=4.0),
        "uniform": Made(33.0, 0.92, state="diverged", reason="1 of 3 replicates diverged", diverged=(1,)),
        "normal": Made(0, state="failed", reason="RuntimeError: <script>alert(1)</script> & out of memory"),
        "xavier_uniform": Made(0, state="not-testable", reason="the asset cameraman could not be fetched: no network"),
        "xavier_normal": Made(0, state="missing"),
    }
    for scheme in SCHEMES:
        fields = small | {"arm": "siren", "depth": 3, "width": 64, "first_init": scheme}
        _add(run, "first-init", fields, ways[scheme])
    arms = {"siren": 0.0, "siren+pe": -0.3, "relu+pe": -4.0, "bicubic": None}
    for factor, (arm, shift) in product(BICUBIC, arms.items()):
        psnr, ssim = BICUBIC[factor]
        fields = {"task": "sr", "image": "cameraman", "size": 512, "factor": factor, "arm": arm}
        if shift is not None:
            fields |= {"depth": 3, "width": 512, "replicates": 3, "eval_every": 5}
        _add(run, "table1", fields, Made(psnr + (shift or 0), ssim + (shift or 0) / 50))
    return run


def _add(run: Run, study: str, fields: dict, made: Made) -> None:
    spec = make_spec(fields)
    run.cells.setdefault(study, []).append(spec)
    write_cell(run.results, spec, made, picture(128) if spec.size > 128 else None)
