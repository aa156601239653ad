"""Answers pip's question for metadata from the archive's own PKG-INFO, and runs no code of the archive."""

from __future__ import annotations

import sys
from email.parser import Parser
from pathlib import Path

__legacy__ = sys.modules[__name__]  # how pip calls the build system of an archive that names none


def prepare_metadata_for_build_wheel(metadata_directory: str, config_settings: object = None) -> str:
    """Write the metadata folder (PEP 517); pip calls this with the unpacked archive as working directory."""
    text = Path("PKG-INFO").read_text(encoding="utf-8")
    fields = Parser().parsestr(text, headersonly=True)
    folder = Path(metadata_directory, f"{fields['Name'].replace('-', '_')}-{fields['Version']}.dist-info")
    folder.mkdir()
    (folder / "METADATA").write_text(text, encoding="utf-8")
    return folder.name
