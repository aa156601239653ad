"""Where assets come from: what each source is called, where it lies, how it is downloaded."""

from __future__ import annotations

import importlib.metadata
import zipfile
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from sirenbench.assets.archives import DAMAGED, take_from_sdist, take_from_zip
from sirenbench.assets.network import download_file, download_zip_member
from sirenbench.assets.pypi import download_archive
from sirenbench.config.assets import Asset, PackageSource, PathSource, PypiSource, UrlSource, ZipMemberSource
from sirenbench.errors import AssetUnavailable


def describe(asset: Asset) -> str:
    """Where an asset comes from, in a few words."""
    match asset:
        case PackageSource():
            return f"installed package {asset.package}: {asset.member}"
        case PypiSource():
            return f"PyPI {asset.package} {asset.version}: {asset.member}"
        case ZipMemberSource():
            return f"{asset.url}: {asset.member}"
        case UrlSource():
            return asset.url
        case PathSource():
            return asset.path


def suffix(asset: Asset) -> str:
    """The file's extension, dot included."""
    match asset:
        case UrlSource():
            return PurePosixPath(urlsplit(asset.url).path).suffix
        case PathSource():
            return Path(asset.path).suffix
        case _:
            return PurePosixPath(asset.member).suffix


def local_file(asset: Asset) -> Path | None:
    """The file of a source that lies on this machine, used where it is; None for sources to download.

    Raises
    ------
    AssetUnavailable
        If it is not there.
    """
    match asset:
        case PackageSource():
            return _package_file(asset)
        case PathSource():
            return _own_file(asset)
        case _:
            return None


def download(asset: Asset, target: Path, *, progress: bool) -> None:
    """Write the file to ``target``, in a folder where other files may be written on the way.

    Raises
    ------
    AssetUnavailable
        With the reason and what to do.
    OSError
        If ``target`` cannot be written.
    """
    match asset:
        case PypiSource():
            _download_from_pypi(asset, target, progress=progress)
        case UrlSource():
            download_file(asset.url, target, progress=progress)
        case ZipMemberSource() if urlsplit(asset.url).scheme in ("http", "https"):
            download_zip_member(asset.url, asset.member, target, progress=progress)
        case ZipMemberSource():
            _take_from_local_zip(asset, target)


def _package_file(asset: PackageSource) -> Path:
    try:
        distribution = importlib.metadata.distribution(asset.package)
    except importlib.metadata.PackageNotFoundError as error:
        raise AssetUnavailable(f"the package {asset.package} is not installed; install it") from error
    path = Path(str(distribution.locate_file(asset.member)))
    if not path.is_file():
        raise AssetUnavailable(
            f"{asset.package} {distribution.version} has no file {asset.member!r}; "
            "install a version that has it, or correct 'member'"
        )
    return path


def _own_file(asset: PathSource) -> Path:
    path = Path(asset.path).expanduser().absolute()
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise AssetUnavailable(f"{path} {what}; give the path of a file that this machine can read")
    return path


def _download_from_pypi(asset: PypiSource, target: Path, *, progress: bool) -> None:
    folder = target.parent / "archive"
    folder.mkdir()
    archive = download_archive(asset, folder, progress=progress)
    if asset.kind == "sdist":
        return take_from_sdist(archive, asset.member, target)
    with _opened_zip(archive) as opened:
        take_from_zip(opened, asset.member, target)


def _take_from_local_zip(asset: ZipMemberSource, target: Path) -> None:
    with _opened_zip(Path(asset.url).expanduser().absolute()) as opened:
        take_from_zip(opened, asset.member, target)


def _opened_zip(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise AssetUnavailable(f"{path} does not exist or is a folder; give the path of a zip archive") from error
    except DAMAGED as error:
        raise AssetUnavailable(f"{path} is not a zip archive, or is damaged; get it again") from error
