"""The cache of assets: filled once, checked by SHA-256, shared by many processes and users, usable offline.

Below the cache folder lie

``files/<sha256><suffix>``
    The assets, by content. A file gets its name only when it is complete and checked, by one rename, so there are
    no locks: whoever comes second finds the same bytes or renames the same bytes over them.
``first-seen/<key>.json``
    For assets whose SHA-256 the configuration does not give: the value at the first download.
``partial/``
    Downloads on their way. What a killed process leaves there is never read, and removed after a week.

Folders take over the permissions of the cache folder: opening that one to a group opens all of it.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pooch

from sirenbench.assets import sources
from sirenbench.assets.status import AssetStatus, sha256_of
from sirenbench.config.assets import Asset
from sirenbench.errors import AssetUnavailable, check_file_name
from sirenbench.images.pictures import open_picture, pixels_sha256

CACHE_VARIABLE = "SIRENBENCH_CACHE"
_WEEK = 7 * 24 * 3600


def cache_folder(configured: str) -> Path:
    """The configured folder, or that of the environment variable SIRENBENCH_CACHE, or the user's cache folder."""
    chosen = configured or os.environ.get(CACHE_VARIABLE) or pooch.os_cache("sirenbench")
    folder = Path(chosen).expanduser().absolute()
    check_file_name(folder)
    return folder


def fetch(asset_id: str, asset: Asset, cache: Path, *, progress: bool) -> AssetStatus:
    """Have an asset: from this machine, from the cache, or from its source.

    A lack is a result, not an error: the status then says ``unavailable``, why, and what to do.
    """
    source = sources.describe(asset)
    try:
        with _file_errors_told(cache):
            path, digest = _local(asset) or _cached(asset, cache) or _downloaded(asset, cache, progress=progress)
    except AssetUnavailable as error:
        reason = f"{asset_id} ({source}): {error}"
        return AssetStatus(asset_id, "unavailable", reason, None, None, asset.licence, source)
    return AssetStatus(asset_id, "available", "", str(path), digest, asset.licence, source)


def _local(asset: Asset) -> tuple[Path, str] | None:
    path = sources.local_file(asset)
    return (path, _checked(path, asset, asset.sha256, "give the right file, or correct 'sha256'")) if path else None


def _cached(asset: Asset, cache: Path) -> tuple[Path, str] | None:
    expected = asset.sha256 or _first_seen(asset, cache)
    for path in sorted((cache / "files").glob(f"{expected}*")) if expected else ():
        digest = sha256_of(path)
        if path.name.startswith(digest):
            _check_pixels(path, asset)
            return path, digest
    return None


def _downloaded(asset: Asset, cache: Path, *, progress: bool) -> tuple[Path, str]:
    first = None if asset.sha256 else _first_seen(asset, cache)
    advice = (
        f"its source has changed since the first download; delete {_note(asset, cache)} if that is right"
        if first
        else "its source has changed, or the download was altered; correct 'sha256' if you trust it"
    )
    with _workspace(_folder(cache, "partial")) as workspace:
        arrived = workspace / "file"
        sources.download(asset, arrived, progress=progress)
        digest = _checked(arrived, asset, asset.sha256 or first, advice)
        path = _folder(cache, "files") / f"{digest}{sources.suffix(asset)}"
        _publish(arrived, path)
        if not asset.sha256 and not first:
            note = workspace / "note"
            note.write_text(
                json.dumps({"source": sources.describe(asset), "sha256": digest}, allow_nan=False), encoding="utf-8"
            )
            _folder(cache, "first-seen")
            _publish(note, _note(asset, cache))
    return path, digest


def _checked(path: Path, asset: Asset, expected: str | None, advice: str) -> str:
    digest = sha256_of(path)
    if not digest.startswith(expected or ""):
        raise AssetUnavailable(f"its SHA-256 is {digest}, expected {expected}: {advice}")
    _check_pixels(path, asset)
    return digest


def _check_pixels(path: Path, asset: Asset) -> None:
    if asset.pixels_sha256:
        digest = pixels_sha256(np.asarray(open_picture(path)))
        if not digest.startswith(asset.pixels_sha256):
            raise AssetUnavailable(
                f"the SHA-256 of its pixels is {digest}, expected {asset.pixels_sha256}: it is another picture, or "
                "this Pillow decodes it otherwise; correct 'pixels_sha256' if you trust it"
            )


def _note(asset: Asset, cache: Path) -> Path:
    identity = asset.model_dump_json(exclude={"sha256", "pixels_sha256", "licence", "note"})
    return cache / "first-seen" / f"{hashlib.sha256(identity.encode()).hexdigest()[:32]}.json"


def _first_seen(asset: Asset, cache: Path) -> str | None:
    note = _note(asset, cache)
    if not note.exists():
        return None
    try:
        return str(json.loads(note.read_bytes())["sha256"])
    except (ValueError, KeyError, TypeError) as error:
        raise AssetUnavailable(f"{note} is damaged; delete it and run again") from error


def _folder(cache: Path, name: str) -> Path:
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / name
    with suppress(FileExistsError):
        folder.mkdir()
        folder.chmod(cache.stat().st_mode & 0o7777)
    return folder


def _publish(complete: Path, target: Path) -> None:
    """Give a complete file its name, readable for all who may enter the folder."""
    complete.chmod(complete.stat().st_mode | 0o444)
    complete.replace(target)


@contextmanager
def _workspace(partial: Path) -> Iterator[Path]:
    for left in partial.iterdir():
        with suppress(FileNotFoundError):  # its own process may be just done with it
            if time.time() - left.stat().st_mtime > _WEEK:
                shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=partial) as folder:
        yield Path(folder)


@contextmanager
def _file_errors_told(cache: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        place = Path(str(error.filename or cache))
        elsewhere = f"set 'cache' in the configuration, or {CACHE_VARIABLE}, to another folder"
        advice = elsewhere if place.is_relative_to(cache) else "give one that can be read"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise AssetUnavailable(f"no space left in the cache folder {cache}; free some, or {elsewhere}") from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise AssetUnavailable(f"{place} may not be read or written; ask its owner, or {advice}") from error
        raise AssetUnavailable(f"{place} cannot be used ({error.strerror or error}); {advice}") from error
