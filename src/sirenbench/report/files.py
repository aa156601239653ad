"""A folder beside the page of a large run: its pictures, and a page for each cell.

A page that was opened from disk may show a picture of another file, but not read its pixels. So each picture has a
script beside it that holds it once more, as text; the page asks for it where it computes with the pixels.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from sirenbench.records import atomic_path, write_text

FILES, FIGURES, TABLES = "report_files", "report_figures", "report_tables"
ONE_FILE_AT_MOST = 30_000_000
STYLE = f"{FILES}/report.css"
_OURS = re.compile(rf"({FIGURES}|{TABLES})/.+|{FILES}/([0-9a-f]{{24}}\.(webp|js)|report\.css|cells/.+\.html)")


def places_of(uris: Iterable[str]) -> dict[str, str]:
    """The address of each picture's file, by its data URI."""
    distinct = dict.fromkeys(filter(None, uris))
    return {uri: f"{FILES}/{hashlib.sha256(uri.encode()).hexdigest()[:24]}.webp" for uri in distinct}


def page_of(name: str) -> str:
    """The address of a cell's own page."""
    return f"{FILES}/cells/{name}.html"


def write_pictures(places: Mapping[str, str], folder: Path) -> list[str]:
    """Write the files that are not there yet, for a name stands for a content; the addresses of all."""
    addresses = []
    for uri, place in places.items():
        picture, script = folder / place, (folder / place).with_suffix(".js")
        if not picture.exists():
            with atomic_path(picture) as temporary:
                temporary.write_bytes(base64.b64decode(uri.partition(",")[2]))
        if not script.exists():
            write_text(script, f'picture("{picture.stem}", "{uri}");\n')
        addresses += [place, script.relative_to(folder).as_posix()]
    return addresses


def write_files(texts: Iterable[tuple[str, str]], folder: Path) -> list[str]:
    """Write each text that is not there already, for every write waits for the disk; gives all addresses."""
    addresses = []
    for address, text in texts:
        content = text.encode()
        if not (folder / address).is_file() or (folder / address).read_bytes() != content:
            write_text(folder / address, text)
        addresses.append(address)
    return addresses


def remove_others(kept: Iterable[str], folder: Path) -> None:
    """Remove what earlier reports had beside their page, and every folder with the last that is in it."""
    addresses = set(kept)
    for beside in (folder / name for name in (FILES, FIGURES, TABLES)):
        # What is in a folder comes before the folder.
        for path in (*sorted(beside.rglob("*"), reverse=True), beside):
            address = path.relative_to(folder).as_posix()
            if path.is_dir() and not path.is_symlink():
                if not any(path.iterdir()):
                    path.rmdir()
            elif _OURS.fullmatch(address) and address not in addresses:
                path.unlink()
