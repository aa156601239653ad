"""What is declared, what is locked and what the conda environment installs are one and the same."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
RUNTIME, DEV = (ROOT / "envs" / f"{name}.lock" for name in ("runtime", "dev"))


def locked(path: Path) -> dict[str, list[str]]:
    """Normalised name -> versions (more than one where they differ by Python version)."""
    found: dict[str, list[str]] = {}
    for line in re.findall(r"^([A-Za-z0-9_.-]+)==([^ ;\\]+)", path.read_text(), re.M):
        found.setdefault(_normal(line[0]), []).append(line[1])
    return found


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize(
    ("path", "declared"),
    [(RUNTIME, PROJECT["dependencies"]), (DEV, PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"])],
    ids=["runtime", "dev"],
)
def test_every_declared_dependency_is_locked_within_its_bounds(path: Path, declared: list[str]) -> None:
    versions = locked(path)
    for text in declared:
        requirement = Requirement(text)
        assert _normal(requirement.name) in versions, f"{text} is not in {path.name}; run 'make lock'"
        for version in versions[_normal(requirement.name)]:
            assert requirement.specifier.contains(version), f"{path.name} has {requirement.name} {version}, not {text}"


@pytest.mark.parametrize("path", [RUNTIME, DEV], ids=["runtime", "dev"])
def test_every_locked_package_has_hashes_and_no_address(path: Path) -> None:
    text = path.read_text()
    entries = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.M)[1:]
    assert len(entries) > 80
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in text
    assert "--index" not in text


def test_the_development_lock_only_adds_to_the_other() -> None:
    runtime, development = locked(RUNTIME), locked(DEV)
    assert {name: development.get(name) for name in runtime} == runtime


def test_this_environment_is_the_locked_one() -> None:
    for name, versions in locked(DEV).items():
        try:
            installed = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # locked for another platform
        assert installed in versions, f"{name} {installed} is installed, {versions} is locked"


def test_the_conda_environment_installs_the_lock() -> None:
    environment = yaml.safe_load((ROOT / "envs/sirenbench.yaml").read_text())
    python, (pip,) = environment["dependencies"][0], [d for d in environment["dependencies"] if isinstance(d, dict)]
    assert pip == {"pip": ["--require-hashes", "-r runtime.lock"]}
    assert python.removeprefix("python=") in PROJECT["requires-python"].removeprefix(">=")
