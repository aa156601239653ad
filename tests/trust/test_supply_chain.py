"""What is installed and what is fetched is what was locked, and may be used."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from sirenbench.assets.status import read_status, verified, write_status
from sirenbench.assets.store import fetch
from sirenbench.config.assets import UrlSource, ZipMemberSource
from sirenbench.errors import AssetUnavailable, UserError
from sirenbench.names import parse_name
from sirenbench.worker.job import CellJob, run
from sirenbench.worker.train import train

ROOT = Path(__file__).parents[2]
LOCKS = {name: (ROOT / f"envs/{name}.lock").read_text(encoding="utf-8") for name in ("runtime", "dev")}
LICENCES = tomllib.loads((ROOT / "envs/licences.toml").read_text(encoding="utf-8"))


def test_every_installation_of_the_makefile_is_by_hash_or_of_this_project() -> None:
    recipes = re.findall(r"^\t.*(?:\$\(PIP\)|pip install|uv pip (?:install|sync)).*$", _makefile(), re.M)
    assert len(recipes) >= 3
    for line in recipes:
        assert "--require-hashes -r envs/" in line or line.endswith("--no-deps --no-build-isolation -e ."), line


def test_the_locks_are_written_with_hashes() -> None:
    assert "--generate-hashes" in _makefile()


def _makefile() -> str:
    return (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")


@pytest.mark.parametrize("lock", LOCKS)
def test_every_line_of_a_lock_is_a_pinned_package_or_one_of_its_hashes(lock: str) -> None:
    package = r"[a-z0-9][a-z0-9.-]*==[^\s;]+(?: ; [^\\]+)? \\"
    digest = r"    --hash=sha256:[0-9a-f]{64}(?: \\)?"
    lines = LOCKS[lock].splitlines()
    assert [line for line in lines if not re.fullmatch(f"{package}|{digest}", line)] == []
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        assert after.startswith("    --hash=") == line.endswith("\\"), line


def test_pip_refuses_a_package_whose_hash_is_another(tmp_path: Path) -> None:
    (tmp_path / "thing-1-py3-none-any.whl").write_bytes(b"not what was locked")
    (tmp_path / "a.lock").write_text(f"thing==1 --hash=sha256:{'0' * 64}\n")
    words = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--no-index", "--no-deps"]
    words += ["--find-links", str(tmp_path), "--require-hashes", "-r", str(tmp_path / "a.lock")]
    words += ["--dest", str(tmp_path / "taken")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode
    assert "DO NOT MATCH THE HASHES" in done.stderr


def _locked(lock: str) -> set[str]:
    return set(re.findall(r"^(\S+)==", LOCKS[lock], re.M))


def test_the_licence_of_every_locked_package_is_listed_and_allowed() -> None:
    packages = LICENCES["packages"]
    assert set(packages) == _locked("dev") | _locked("runtime"), "list it in envs/licences.toml"
    for name, expression in packages.items():
        for licence in re.split(r" (?:AND|OR|WITH) ", expression):
            assert licence in LICENCES["allowed"], f"{name}: {licence} is not allowed"


def test_the_listed_licences_are_those_that_the_packages_say() -> None:
    compared = 0
    for name, expression in LICENCES["packages"].items():
        try:
            said = metadata.metadata(name).get("License-Expression")
        except metadata.PackageNotFoundError:
            continue  # locked for another platform
        if said:
            assert said == expression, name
            compared += 1
    assert compared > 40


def test_no_other_package_is_installed() -> None:
    """Whatever is imported was locked, and so has its hash and its licence."""
    ours = {"sirenbench", "pip", "setuptools"}
    installed = {re.sub(r"[-_.]+", "-", found.metadata["Name"]).lower() for found in metadata.distributions()}
    assert installed - ours <= _locked("dev")


def test_the_bill_of_materials_is_cyclonedx_and_lists_the_lock() -> None:
    done = subprocess.run([sys.executable, ROOT / "envs/sbom.py"], capture_output=True, text=True, check=True)
    bill = json.loads(done.stdout)
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    components = bill["components"]
    assert {component["name"] for component in components} == _locked("runtime")
    references = [component["bom-ref"] for component in components]
    assert len(references) == len(set(references)) == LOCKS["runtime"].count("==") - _markers("runtime")
    for component in components:
        assert component["type"] == "library"
        assert component["purl"] == f"pkg:pypi/{component['name']}@{component['version']}"
        assert component["licenses"] == [{"expression": LICENCES["packages"][component["name"]]}]
        assert component["hashes"]
        assert all(
            digest["alg"] == "SHA-256" and re.fullmatch("[0-9a-f]{64}", digest["content"])
            for digest in component["hashes"]
        )
    assert sum(len(component["hashes"]) for component in components) == LOCKS["runtime"].count("--hash=")
    assert bill["metadata"]["component"]["version"] == metadata.version("sirenbench")


def _markers(lock: str) -> int:
    """How many == stand in the conditions of a lock, and pin nothing."""
    return sum(condition.count("==") for condition in re.findall(r" ; (.*)", LOCKS[lock]))


# Assets


@pytest.fixture
def in_the_cache(picture_status: Path, tmp_path: Path) -> tuple[Path, ZipMemberSource, Path]:
    """The status of an image that came out of an archive, its source, and its file in the cache."""
    import zipfile

    from sirenbench.assets.status import sha256_of

    picture = tmp_path / "picture.png"
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(picture, "picture.png")
    digest = sha256_of(picture)
    source = ZipMemberSource(
        source="zip-member", url=str(tmp_path / "a.zip"), member="picture.png", sha256=digest, licence=""
    )
    status = fetch("picture", source, tmp_path / "cache", progress=False)
    write_status(picture_status, status)
    return picture_status, source, Path(str(status.path))


def test_a_byte_that_changed_in_the_cache_is_seen_by_the_next_cell(
    in_the_cache: tuple[Path, ZipMemberSource, Path], tmp_path: Path
) -> None:
    status, source, file = in_the_cache
    job = CellJob(parse_name("fit/picture-16/siren-1x4/steps=1/replicates=1"), "none", status, tmp_path)
    assert run(job, train).state == "ok"
    (job.folder / "cell.json").unlink()
    content = bytearray(file.read_bytes())
    content[-20] ^= 1
    file.chmod(0o644)
    file.write_bytes(content)
    with pytest.raises(AssetUnavailable, match="has changed since it was fetched"):
        verified(read_status(status))
    with pytest.raises(UserError, match="has changed since it was fetched"):
        run(job, train)
    assert not (job.folder / "cell.json").exists()
    # Fetched again it is not taken from the cache either, but from its source.
    again = fetch("picture", source, tmp_path / "cache", progress=False)
    assert (again.state, Path(str(again.path))) == ("available", file)
    assert verified(again) == file


def test_a_download_that_is_not_what_is_expected_never_gets_into_the_cache(
    in_the_cache: tuple[Path, ZipMemberSource, Path], tmp_path: Path
) -> None:
    _, source, file = in_the_cache
    file.unlink()
    other = source.model_copy(update={"sha256": "0" * 64})
    status = fetch("picture", other, tmp_path / "cache", progress=False)
    assert status.state == "unavailable"
    assert "its source has changed, or the download was altered" in status.reason
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == []


def test_every_asset_that_is_downloaded_from_an_open_address_has_its_hash() -> None:
    from sirenbench.config import load

    assets = load([ROOT / "config/assets.yaml"]).config.assets
    downloaded = {
        name: asset for name, asset in assets.items() if isinstance(asset, UrlSource) or asset.source == "pypi"
    }
    assert downloaded
    assert [name for name, asset in downloaded.items() if not asset.sha256] == []
