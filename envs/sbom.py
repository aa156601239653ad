"""The software bill of materials of the locked environment, as CycloneDX 1.6 JSON: ``make sbom``.

Names, versions and hashes are those of ``runtime.lock``, licences those of ``licences.toml``. The same files give the
same bytes; nothing is asked of the installed environment or of the network.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

ENVS = Path(__file__).parent


def locked(lock: Path) -> list[tuple[str, str, list[str]]]:
    """Name, version and SHA-256 hashes of every entry of a lock; a name can have several, by Python version."""
    entries = re.findall(r"^(\S+)==(\S+)((?:.*\\\n)+.*)", lock.read_text(encoding="utf-8"), re.M)
    return [(name, version, re.findall(r"sha256:([0-9a-f]{64})", rest)) for name, version, rest in entries]


def bill(lock: Path, licences: dict[str, str], version: str) -> dict[str, Any]:
    """The document, as plain data."""
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": "sirenbench",
                "name": "sirenbench",
                "version": version,
                "licenses": [{"expression": "MIT"}],
            }
        },
        "components": [
            {
                "type": "library",
                "bom-ref": f"pkg:pypi/{name}@{release}",
                "name": name,
                "version": release,
                "purl": f"pkg:pypi/{name}@{release}",
                "licenses": [{"expression": licences[name]}],
                # Of every archive of the release: a wheel for each platform, and the source.
                "hashes": [{"alg": "SHA-256", "content": digest} for digest in hashes],
            }
            for name, release, hashes in locked(lock)
        ],
    }


def main() -> None:
    licences = tomllib.loads((ENVS / "licences.toml").read_text(encoding="utf-8"))["packages"]
    package = (ENVS.parent / "src/sirenbench/__init__.py").read_text(encoding="utf-8")
    version = re.findall(r'__version__ = "(.+)"', package)[0]
    json.dump(bill(ENVS / "runtime.lock", licences, version), sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
