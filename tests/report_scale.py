"""The report at its real size: runs that were never run, as large as the paper's and far larger.

``python tests/report_scale.py figures`` (or ``paper``, or ``sweep``), from the project's folder, tells what it costs.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
from PIL import Image
from report_fixtures import Made, Run, hash_of, write_cell

from sirenbench.claims.judge import write_claims
from sirenbench.config import load
from sirenbench.config.images import ImageRecipe
from sirenbench.config.model import Config
from sirenbench.config.studies import Study
from sirenbench.names import make_spec
from sirenbench.report.build import REPORT
from sirenbench.report.files import FILES
from sirenbench.spec import CellSpec

CONFIG = Path(__file__).parents[1] / "config"
# The paper's figures and tables, but for S9 with its five images more, and a few cells of ours: 160 in all.
FIGURES = (
    *("fig2", "fig2-as-described", "figs1", "fig3", "fig4a", "fig4b", "figs2", "fig5a", "fig5b", "omega-all-layers"),
    *("poisson-amplitude", "figs3", "figs4", "table1", "table1-div2k", "fig6", "tables1"),
    *("figs5", "figs6", "figs7", "figs8a", "figs8b"),
)
LONGEST = 15_000


def paper_figures(root: Path) -> Run:
    """160 cells of the paper's."""
    run = whole_paper(root)
    studies = {name: run.config.studies[name] for name in FIGURES}
    config = run.config.model_copy(update={"studies": studies})
    return Run(root, config, {name: run.cells[name] for name in FIGURES})


def whole_paper(root: Path) -> Run:
    """Everything that ``snakemake paper`` runs."""
    loaded = load([CONFIG / "assets.yaml", CONFIG / "paper.yaml"])
    return Run(root, loaded.config, dict(loaded.cells))


def sweep(root: Path, part: int = 1) -> Run:
    """5,000 cells, or a part of so many: ten arms on each of 400 images, and 1,000 settings on one."""
    fields = {"task": "fit", "size": 64, "arm": "siren", "depth": 2, "width": 64, "steps": 1000}
    images = [f"photo-{index:03}" for index in range(400 // part)]
    arms = product(images, ("siren", "relu"), (16, 32, 64, 96, 128))
    settings = product(range(5, 5 + 20 // part), range(30, 40), (1e-5, 3e-5, 1e-4, 3e-4, 1e-3))
    cells = {
        "images": [make_spec(fields | {"image": image, "arm": arm, "width": width}) for image, arm, width in arms],
        "settings": [
            make_spec(fields | {"image": images[0], "first_omega": first, "hidden_omega": hidden, "lr": rate})
            for first, hidden, rate in settings
        ],
    }
    studies = {name: Study(title=name, grid=[]) for name in cells}
    config = Config(run="sweep", images={name: ImageRecipe(asset=name) for name in images}, studies=studies)
    return Run(root, config, cells)


RUNS: dict[str, Callable[[Path], Run]] = {"figures": paper_figures, "paper": whole_paper, "sweep": sweep}

RENDER = """
import json, os, re, sys, time
from pathlib import Path
from sirenbench.report.build import render

begin = time.perf_counter()
render(Path(sys.argv[1]), Path(sys.argv[2]))
peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024
print(json.dumps([time.perf_counter() - begin, sum(os.times()[:2]), peak]))
"""


@dataclass(frozen=True)
class Cost:
    """What a report costs: wall time and CPU time in seconds, peak memory in MiB, its page and other files in MB."""

    wall: float
    cpu: float
    memory: float
    page: float
    files: float


def rendered(run: Run) -> Cost:
    """Render a run that was written, in a process of its own."""
    command = [sys.executable, "-c", RENDER, str(run.folder), str(run.results)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    wall, cpu, memory = json.loads(done.stdout)
    files = sum(path.stat().st_size for path in (run.folder / FILES).rglob("*"))
    return Cost(wall, cpu, memory, (run.folder / REPORT).stat().st_size / 1e6, files / 1e6)


def write(run: Run, steps: int | None = None) -> None:
    """Make up all cells of a run, and collect and judge them; ``steps`` is how long their curves are."""
    for spec in {spec.name: spec for cells in run.cells.values() for spec in cells}.values():
        target = photograph(spec.image, spec.size, 3 if spec.values.get("channel") == "rgb" else 1)
        level = 22 + hash_of(spec.name) % 800 / 100
        made = Made(level, level / 40, final=True, steps=steps if spec.task != "activations" else None)
        made = replace(made, crop=run.config.images[spec.image].crop)
        write_cell(run.results, spec, made, target, reconstruction(spec, target))
    run.collect()
    write_claims(run.config, run.cells, run.results, run.folder, CONFIG / "claims.yaml")


@cache
def photograph(name: str, side: int, channels: int) -> np.ndarray:
    """As smooth as photographs are, so that its file is as large: 512 x 512 grey pixels take 100 kB without loss."""
    random = np.random.default_rng(hash_of(name))
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.rfftfreq(side), indexing="ij")) + 1 / side
    waves = random.standard_normal((channels, *frequency.shape, 2)) @ (1, 1j) / frequency**1.75
    planes = np.fft.irfft2(waves, (side, side)) / np.sqrt((np.abs(waves) ** 2).sum() / channels / side**4)
    pixels = np.uint8(np.clip(127 + 40 * planes, 0, 255)).transpose(1, 2, 0)
    return pixels if channels > 1 else pixels[..., 0]


def reconstruction(spec: CellSpec, target: np.ndarray) -> np.ndarray:
    """The target without the detail that the cell cannot know: no two cells have the same."""
    random = np.random.default_rng(hash_of(spec.name))
    side = int(spec.size / (spec.factor or 1.3) * random.uniform(0.9, 1.1))
    small = Image.fromarray(target).resize((side, side), Image.Resampling.LANCZOS)
    return np.asarray(small.resize((spec.size, spec.size), Image.Resampling.BICUBIC))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        made = RUNS[sys.argv[1]](Path(folder))
        begin = time.perf_counter()
        write(made, LONGEST if sys.argv[1] == "figures" else None)
        print(f"made up, collected and judged in {time.perf_counter() - begin:.0f} s")
        print(rendered(made))
