"""A small project of its own for every test: the real Snakefile, rules, scripts and profile, and tiny cells."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from sirenbench.records import CellRecord, read_record

ROOT = Path(__file__).parents[2]


@dataclass
class Project:
    """A folder with the workflow in it; ``own_source`` gives it a copy of the library that a test may change."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def configure(self, **content: object) -> None:
        """Write config/config.yaml."""
        (self.folder / "config/config.yaml").write_text(yaml.safe_dump(content, sort_keys=False))

    def own_source(self) -> Path:
        shutil.copytree(ROOT / "src", self.folder / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        self.environment["PYTHONPATH"] = str(self.folder / "src")
        return self.folder / "src/sirenbench"

    def start(self, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "snakemake", *words]
        environment = os.environ | {"SIRENBENCH_CACHE": str(self.folder / "cache")} | self.environment
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def snakemake(self, *words: str) -> tuple[int, str]:
        """Exit status and everything it said."""
        process = self.start(*words)
        output, _ = process.communicate(timeout=300)
        return process.returncode, output

    def planned(self, *words: str) -> dict[str, int]:
        """How many jobs of each rule a dry run wants."""
        code, output = self.snakemake("-n", *words)
        assert code == 0, output
        lines = output.partition("Job stats:")[2].partition("\n\n")[0].splitlines()
        table = [line.split() for line in lines if len(line.split()) == 2 and line.split()[1].isdigit()]
        return {rule: int(count) for rule, count in table if rule != "total"}

    def record(self, name: str) -> CellRecord:
        return read_record(self.folder / "results/cells" / name / "cell.json")

    def stamps(self) -> dict[str, int]:
        """When each cell's record was written."""
        cells = self.folder / "results/cells"
        return {str(path.parent.relative_to(cells)): path.stat().st_mtime_ns for path in cells.rglob("cell.json")}


GRID = {
    "task": "fit",
    "image": "tile",
    "size": 16,
    "arm": ["siren", "relu"],
    "depth": 1,
    "width": 8,
    "steps": 3,
    "replicates": 2,
}
SIREN, RELU = (f"fit/tile-16/{arm}-1x8/steps=3/replicates=2" for arm in ("siren", "relu"))


def study(**changes: object) -> dict[str, object]:
    return {"title": "A study", "grid": GRID | changes}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Ready to run: two cells, one study."""
    return _project(tmp_path / "a project")  # a space in the path, as people have


@pytest.fixture(scope="session")
def _finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = _project(tmp_path_factory.mktemp("finished") / "a project")
    code, output = made.snakemake()
    assert code == 0, output
    return made.folder


@pytest.fixture
def finished(_finished: Path, tmp_path: Path) -> Project:
    """The same after its first run."""
    shutil.copytree(_finished, tmp_path / "moved")
    return Project(tmp_path / "moved")


def copied(folder: Path) -> Project:
    """The project as it is, in another folder."""
    folder.mkdir()
    for name in ("Snakefile", "workflow", "profiles", "config"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    return Project(folder)


def _project(folder: Path) -> Project:
    made = copied(folder)
    rows, columns = np.mgrid[0:32, 0:32]
    Image.fromarray((rows * 7 + columns * 3).clip(0, 255).astype(np.uint8)).save(folder / "config/tile.png")
    made.configure(run="small", images={"tile": {"path": "tile.png"}}, studies={"fitting": study()})
    return made


def data(path: Path) -> dict[str, object]:
    return json.loads(path.read_text())
