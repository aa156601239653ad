"""A run that was never run: records, curves and images made up for the tests of the report."""

from __future__ import annotations

import csv
import math
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from importlib import resources
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from sirenbench import catalog
from sirenbench.activation_statistics import BINS, FREQUENCIES, POST, PRE, Statistics
from sirenbench.collect import collect
from sirenbench.config.images import ImageRecipe
from sirenbench.config.model import Config
from sirenbench.config.studies import Study
from sirenbench.images.derivatives import SOBEL_3D, laplace, sobel
from sirenbench.images.pictures import to_signed_range
from sirenbench.names import make_spec
from sirenbench.numerics import numerics_of
from sirenbench.paper_pixels import anchors
from sirenbench.records import (
    ACTIVATIONS,
    CURVES,
    FAILURE,
    IMAGES,
    RECORD,
    WEIGHTS,
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


VOID = {"meta", "link", "img", "br", "hr", "input", "source", "wbr"}


def paper_rows() -> list[dict[str, str]]:
    """The paper's numbers as they stand in the file."""
    text = (resources.files("sirenbench.report") / "data" / "paper.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@dataclass
class Page(HTMLParser):
    """A page as a list of elements; complains of what is not closed, or not opened."""

    html: str
    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.feed(self.html)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice: {names}"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("script", "style"):
            self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.elements if name == tag]

    @property
    def words(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.text))


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
    final
        Whether its final weights were measured: derivatives, layers.
    steps
        How long its curves are, if not as long as its name says.
    """

    psnr: float
    ssim: float = 0.7
    state: str = "ok"
    reason: str = ""
    diverged: tuple[int, ...] = ()
    drop: float = 0.0
    final: bool = False
    steps: int | None = None
    crop: str = "none"


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


def write_cell(
    results: Path,
    spec: CellSpec,
    made: Made,
    target: np.ndarray | None = None,
    prediction: np.ndarray | None = None,
) -> CellRecord | None:
    """Write the folder of one cell; None if it is missing. Without a ``prediction`` it is the target with noise."""
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
    target = target if target is not None else picture(spec.size)
    _write_images(folder, spec, target, noisy(target, spec.name, made.psnr) if prediction is None else prediction)
    if spec.task == "activations":
        statistics(int(spec["replicates"]), int(spec.depth or 0) + 1).write(folder / ACTIVATIONS)
    write_record(folder / RECORD, record)
    return record


def _curves(spec: CellSpec, made: Made, replicates: int) -> pd.DataFrame:
    count = (made.steps or int(spec["steps"])) + 1
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
        if spec.task == "poisson":
            frame["psnr@align=affine"], frame["ssim@align=affine"] = psnr + 9, ssim + 0.1
        frames.append(frame.assign(fit_psnr=psnr + 8) if spec.task == "sr" else frame)
    types = {"step": "int32", "replicate": "int16", "seconds": "float32", "loss": "float32"}
    return pd.concat(frames, ignore_index=True).astype(types)


def hash_of(text: str) -> int:
    """The same in every process, unlike ``hash``."""
    return sum(ord(letter) * (index + 1) for index, letter in enumerate(text))


def _replicate(spec: CellSpec, made: Made, r: int, curves: pd.DataFrame | None) -> Replicate:
    if curves is None:
        metrics = {"psnr": _ends(np.array([made.psnr])), "ssim": _ends(np.array([made.ssim]))}
        return Replicate(replicate=r, seed=r, metrics=metrics, final=_looks(spec, made.psnr) if made.final else {})
    own = curves[curves.replicate == r]
    metrics = {
        name: _ends(own[name].to_numpy()) for name in own if name not in ("step", "seconds", "replicate", "loss")
    }
    return Replicate(
        replicate=r,
        seed=int(spec["seed"]) + r,
        diverged=r in made.diverged,
        metrics=metrics,
        final=_final(spec, made.psnr + 0.05 * r) if made.final else {},
    )


def _looks(spec: CellSpec, psnr: float) -> dict[str, float]:
    errors = {"sharpness_error": 10 / psnr, "luminance_error": 0.1 / psnr, "contrast_error": 0.2 / psnr}
    return dict.fromkeys(catalog.tasks()[spec.task].measured_once(spec), psnr / 1000) | errors


def _final(spec: CellSpec, psnr: float) -> dict[str, float]:
    final = {"gradient_psnr": psnr - 4, "gradient_correlation": 0.9, "laplacian_psnr": psnr - 8}
    final["laplacian_correlation"] = math.nan if spec.network == "relu" else 0.6
    if spec.task == "poisson":
        final["gain"] = psnr / 6
    if spec.task == "activations":
        final |= {"ks_normal": 0.1, "ks_arcsine": 0.01, "std_pre": 1.4, "std_post": 0.7, "gradient_ratio": psnr}
    if spec.task == "sr":
        final |= _looks(spec, psnr)
    return final


def statistics(replicates: int, layers: int) -> Statistics:
    """Statistics of so many non-linearities: N(0, 1) before and the arcsine law after each of them."""
    normal = np.exp(-(np.linspace(-4, 4, BINS) ** 2) / 2)
    arcsine = 1 / np.sqrt(1 - np.linspace(-0.99, 0.99, BINS) ** 2)
    stages = 2 * layers + 2
    table = np.zeros((replicates, stages))
    counts = np.zeros((replicates, stages, BINS), np.int64)
    counts[:, [0, -1]] = 100
    counts[:, PRE], counts[:, POST] = (1000 * normal).astype(np.int64), (1000 * arcsine).astype(np.int64)
    width = np.ones(stages)
    width[PRE] = 4
    falling = np.tile(1000 / (1 + np.arange(FREQUENCIES)), (replicates, stages, 1))
    return Statistics(
        side=16,
        mean=table,
        std=table + 0.7 * width,
        skewness=table,
        kurtosis=table,
        minimum=table - width,
        maximum=table + width,
        ks=table + 0.01,
        counts=counts,
        flat=falling,
        rows=falling[..., :8],
        columns=falling[..., :8] / 2,
        flat_frequencies=np.arange(FREQUENCIES) / 2,
        axis_frequencies=np.arange(8) / 2.0,
        gradient_norms=np.ones((replicates, layers + 1)),
    )


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
            asset=spec.image,
            asset_sha256="361a6d56d22ee52289cd308d5461d090e06a56cb36007d8dfc3226cbe8aaa5db",
            licence="unclear (MIT, non-commercial)",
            crop=made.crop,
            pixels_sha256=anchors()[spec.image, spec.size].sha256 if (spec.image, spec.size) in anchors() else "0" * 64,
        ),
        files={WEIGHTS: "0123456789abcdef" * 4},
        provenance=Provenance(
            package="0.1.0",
            numerics=numerics_of(spec),
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


def noisy(target: np.ndarray, name: str, psnr: float) -> np.ndarray:
    noise = np.random.default_rng(hash_of(name)).normal(0, 255 * 10 ** (-psnr / 20), target.shape)
    return np.uint8(np.clip(target + noise, 0, 255))


def _write_images(folder: Path, spec: CellSpec, target: np.ndarray, prediction: np.ndarray) -> None:
    arrays = {"target": target, "prediction": prediction}
    if spec.factor:
        arrays["lr"] = shrunk(target, spec.size // spec.factor)
    else:
        image = to_signed_range(arrays["prediction"]).reshape(*target.shape[:2], -1)
        arrays["gradient"] = np.float16(sobel(image).mean(axis=2) / SOBEL_3D)
        arrays["laplacian"] = np.float16(laplace(image).mean(axis=2) * (spec.network != "relu"))
    if spec.task == "poisson":
        arrays["prediction"], arrays["aligned"] = 255 - arrays["prediction"], arrays["prediction"]
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


def pictures_run(root: Path, size: int = 64) -> Run:
    """A run of the layouts that are about pictures: derivatives by value and by derivative, layers, a gallery."""
    studies = {
        "fig2": Study(title="Fitting", source="Figure 2", layout="derivatives", grid=[], reference={"size": 256}),
        "fig3": Study(
            title="Poisson",
            source="Figure 3",
            layout="derivatives",
            grid=[],
            reference={"image": "starfish", "size": 256, "width": 256, "steps": 15_000},
        ),
        "figs3": Study(title="Layers", source="Figure S3", layout="activations", grid=[]),
        "fig6": Study(title="Side by side", source="Figure 6", layout="gallery", grid=[]),
        "untested": Study(title="Nothing ran", layout="derivatives", grid=[]),
    }
    images = {"cameraman": ImageRecipe(asset="cameraman", title="Cameraman")}
    run = Run(root, Config(run="pictures", images=images, studies=studies))
    missing = Made(0, state="missing")
    small = {"image": "cameraman", "size": size, "depth": 2, "width": 64, "steps": 60, "replicates": 2}
    for arm, psnr in {"siren": 38.2, "relu": 21.6}.items():
        _add(run, "fig2", small | {"task": "fit", "arm": arm}, Made(psnr, 0.9, final=True))
    _add(run, "fig3", small | {"task": "poisson", "arm": "relu"}, Made(9.1, 0.3, final=True))
    for supervision, made in {
        "gradient": Made(15.1, 0.6, final=True),
        "laplacian": Made(14.2, 0.5, final=True),
        "gradient-2d": missing,
    }.items():
        _add(run, "fig3", small | {"task": "poisson", "arm": "siren", "supervision": supervision}, made)
    untrained = small | {"task": "activations", "steps": 0}
    for scheme, made in {
        "standard": Made(12, final=True),
        "kaiming_uniform": Made(2345, final=True),
        "uniform": missing,
    }.items():
        _add(run, "figs3", untrained | {"arm": "siren", "first_init": scheme}, made)
    _add(run, "figs3", untrained | {"arm": "relu"}, Made(12, final=True))
    arms = {
        "siren": Made(26.6, 0.82),
        "siren+vgg": Made(26.7, 0.83),
        "siren+pe+vgg": Made(0, state="not-testable", reason="the asset vgg19 could not be fetched: no network"),
        "bicubic": Made(26.667215, 0.836583),
        "srgan": Made(25.1, 0.78),
    }
    for arm, made in arms.items():
        fields = {"task": "sr", "image": "cameraman", "size": 512, "factor": 4, "arm": arm}
        if "siren" in arm:
            fields |= {"depth": 3, "width": 512, "replicates": 2, "eval_every": 50}
        if arm == "siren+vgg":
            fields |= {"feature_weights": "trained"}
        _add(run, "fig6", fields, made)
    _add(run, "untested", small | {"task": "fit", "arm": "siren", "depth": 1}, missing)
    return run


CROPS = {"face & hands": (20, 9, 24, 16), "<b>edge</b>": (40, 48, 24, 16)}


def crops_run(root: Path, crops: dict[str, tuple[int, int, int, int]] = CROPS) -> Run:
    """Super-resolution of one image by three arms, one of which failed; two places of it are to be looked at."""
    study = Study(title="Super-resolution", layout="table", grid=[], crops=crops)
    images = {"cameraman": ImageRecipe(asset="cameraman", title="Cameraman")}
    run = Run(root, Config(run="crops", images=images, studies={"sr": study}))
    fields = {"task": "sr", "image": "cameraman", "size": 64, "factor": 2}
    network = fields | {"depth": 1, "width": 8, "steps": 60, "replicates": 2}
    _add(run, "sr", network | {"arm": "siren"}, Made(24.0))
    _add(run, "sr", network | {"arm": "relu+pe"}, Made(0, state="failed", reason="no memory"))
    _add(run, "sr", fields | {"arm": "bicubic"}, Made(19.0))
    return run


def _add(run: Run, study: str, fields: dict, made: Made) -> None:
    spec = make_spec(fields)
    run.cells.setdefault(study, []).append(spec)
    write_cell(run.results, spec, made, picture(128) if spec.size > 128 else None)
