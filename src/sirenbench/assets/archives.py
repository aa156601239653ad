"""Taking one member out of an archive. Nothing else is unpacked, and no path of the archive is ever written to."""

from __future__ import annotations

import difflib
import shutil
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sirenbench.bars import tqdm
from sirenbench.errors import AssetUnavailable

MOST_BYTES = 2**32  # of one member, unpacked: more than any image or network, and less than a disk
_CHUNK = 1 << 20
# What a damaged archive makes the standard library raise.
DAMAGED = (zipfile.BadZipFile, tarfile.TarError, zlib.error, struct.error, EOFError, RuntimeError, ValueError)


def take_from_zip(archive: zipfile.ZipFile, member: str, target: Path, *, progress: bool = False) -> None:
    """Write one member of an open zip archive to ``target``; its length and CRC are checked.

    Raises
    ------
    AssetUnavailable
        If the archive lacks the member or is damaged.
    """
    if member not in archive.namelist():
        raise _lacking(member, archive.namelist())
    with _damage_told(member):
        size = archive.getinfo(member).file_size
        _check_size(member, size)
        bar = tqdm(total=size, desc=Path(member).name, unit="B", unit_scale=True, disable=not progress)
        with bar, archive.open(member) as source, target.open("wb") as written:
            while chunk := source.read(_CHUNK):
                written.write(chunk)
                bar.update(len(chunk))


def take_from_sdist(archive: Path, member: str, target: Path) -> None:
    """Write one regular file of a source archive to ``target``; ``member`` leaves out the archive's top folder.

    Raises
    ------
    AssetUnavailable
        If the archive lacks the member or is damaged.
    """
    with _damage_told(member), tarfile.open(archive) as opened:
        files = {entry.name.partition("/")[2]: entry for entry in opened if entry.isfile()}
        source = opened.extractfile(files[member]) if member in files else None
        if source is None:
            raise _lacking(member, files)
        _check_size(member, files[member].size)
        with target.open("wb") as written:
            shutil.copyfileobj(source, written, _CHUNK)


def _check_size(member: str, size: int) -> None:
    if size > MOST_BYTES:
        raise AssetUnavailable(f"{member!r} would unpack to {size:,} bytes; at most {MOST_BYTES:,} are allowed")


@contextmanager
def _damage_told(member: str) -> Iterator[None]:
    try:
        yield
    except DAMAGED as error:
        raise AssetUnavailable(
            f"the archive is damaged ({error}); {member!r} could not be taken out of it: get it again"
        ) from error


def _lacking(member: str, members: Iterable[str]) -> AssetUnavailable:
    close = difflib.get_close_matches(member, list(members), n=1)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    return AssetUnavailable(f"the archive holds no file {member!r}; correct 'member'{hint}")
