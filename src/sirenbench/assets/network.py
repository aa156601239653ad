"""Files behind http and https addresses: whole ones, and single members of zip archives by range requests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from zipfile import BadZipFile

import pooch
import requests
import urllib3
from remotezip import RangeNotSupported, RemoteIOError, RemoteZip, RemoteZipError

from sirenbench.assets.archives import DAMAGED, take_from_zip
from sirenbench.bars import tqdm
from sirenbench.errors import AssetUnavailable

TIMEOUT = (10.0, 60.0)  # seconds: to connect, and between two pieces of an answer
_HEADERS = {"Accept-Encoding": "identity"}  # so that the announced length is the file's


def download_file(url: str, target: Path, *, progress: bool) -> None:
    """Download a whole file to ``target``.

    Raises
    ------
    AssetUnavailable
        If the server cannot be reached, refuses, stalls, or sends less than it announced.
    """
    # A bar without a total counts as false, and pooch would take it for none; pooch then sets the real total.
    bar = tqdm(total=1, desc=Path(urlsplit(url).path).name, unit="B", unit_scale=True, disable=not progress)
    fetch = pooch.HTTPDownloader(progressbar=bar, chunk_size=1 << 18, timeout=TIMEOUT, headers=_HEADERS)
    with _lacks_told(url), bar:
        fetch(url, str(target), None)


def download_zip_member(url: str, member: str, target: Path, *, progress: bool) -> None:
    """Download one member of a zip archive to ``target``: its table of contents and the member travel, no more.

    Raises
    ------
    AssetUnavailable
        As for :func:`download_file`; or if the server knows no range requests, or the member is not there.
    """
    with _lacks_told(url), RemoteZip(url, timeout=TIMEOUT, headers=_HEADERS) as archive:
        take_from_zip(archive, member, target, progress=progress)


@contextmanager
def _lacks_told(url: str) -> Iterator[None]:
    try:
        yield
    except (requests.RequestException, urllib3.exceptions.HTTPError, RemoteZipError, *DAMAGED) as error:
        # remotezip keeps only the text of what went wrong below it.
        cause = error.__context__ if isinstance(error, RemoteIOError) and error.__context__ else error
        raise AssetUnavailable(_reason(url, cause)) from error


def _reason(url: str, error: BaseException) -> str:
    host = urlsplit(url).netloc
    # requests wraps a time-out in the middle of an answer in a ConnectionError.
    inner = error.args[0] if isinstance(error, requests.ConnectionError) and error.args else error
    match inner:
        case requests.HTTPError() if inner.response is not None:
            status = f"{inner.response.status_code} {inner.response.reason}"
            return f"{url} answered {status}; correct the address, or try again later"
        case requests.Timeout() | urllib3.exceptions.ReadTimeoutError():
            return f"{host} did not answer in time; try again later"
        case requests.exceptions.ChunkedEncodingError() | urllib3.exceptions.ProtocolError():
            return f"the download of {url} broke off before the whole file was there; run again"
        case RangeNotSupported():
            return f"{host} serves no parts of files; download {url} once and give its path as 'url'"
        case BadZipFile():
            return f"{url} is not a zip archive, or arrived damaged; check the address and try again"
        case urllib3.exceptions.HTTPError():
            return f"no connection to {host}; check this machine's network and proxy, and run again"
    return f"{url} could not be had ({error}); check the address and run again"
