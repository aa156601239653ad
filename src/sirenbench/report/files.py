"""Pictures as files beside the page, where too much would be embedded in it.

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

FILES = "report_files"
EMBEDDED_AT_MOST = 30_000_000
_OURS = re.compile(r"[0-9a-f]{24}\.(webp|js)")


def places_of(uris: Iterable[str], drawings: Iterable[str]) -> dict[str, str]:
    """The address of each picture's file, by its data URI; nothing where they can all be embedded with the drawings."""
    distinct = dict.fromkeys(filter(None, uris))
    if sum(map(len, (*distinct, *drawings))) <= EMBEDDED_AT_MOST:
        return {}
    return {uri: f"{FILES}/{hashlib.sha256(uri.encode()).hexdigest()[:24]}.webp" for uri in distinct}


def write_pictures(places: Mapping[str, str], folder: Path) -> None:
    """Write the files that are not there yet: a name stands for a content."""
    for uri, place in places.items():
        picture, script = folder / place, (folder / place).with_suffix(".js")
        if not picture.exists():
            with atomic_path(picture) as temporary:
                temporary.write_bytes(base64.b64decode(uri.partition(",")[2]))
        if not script.exists():
            write_text(script, f'picture("{picture.stem}", "{uri}");\n')


def remove_others(places: Mapping[str, str], folder: Path) -> None:
    """Remove the pictures of earlier pages, and the folder with the last of them."""
    kept = {Path(place).stem for place in places.values()}
    for path in (folder / FILES).glob("*"):
        if _OURS.fullmatch(path.name) and path.stem not in kept:
            path.unlink()
    if (folder / FILES).is_dir() and not any((folder / FILES).iterdir()):
        (folder / FILES).rmdir()
