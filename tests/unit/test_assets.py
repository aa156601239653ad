"""Assets are fetched once, checked, shared and usable offline; a lack is told, and leaves nothing half-written."""

from __future__ import annotations

import errno
import hashlib
import importlib.metadata
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import textwrap
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from asset_server import AssetServer, serving
from PIL import Image
from pydantic import TypeAdapter

from sirenbench.assets import network, store
from sirenbench.assets.archives import take_from_sdist
from sirenbench.assets.status import AssetStatus, read_status, verified, write_status
from sirenbench.assets.store import cache_folder, fetch
from sirenbench.bars import tqdm
from sirenbench.config.assets import Asset, PackageSource, PathSource, PypiSource, UrlSource, ZipMemberSource
from sirenbench.config.images import ImageRecipe
from sirenbench.errors import AssetUnavailable

ROOT = Path(__file__).parents[2]
SHARED_DATA = ROOT.parent / "shared" / "data"
SHIPPED = yaml.safe_load((ROOT / "config" / "assets.yaml").read_text(encoding="utf-8"))
ASSETS: dict[str, Asset] = TypeAdapter(dict[str, Asset]).validate_python(SHIPPED["assets"])

CONTENT = np.random.default_rng(1).bytes(300_000)
OTHER = np.random.default_rng(2).bytes(300_000)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def zipped(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


ZIP = zipped({f"set/{number:04d}.png": np.random.default_rng(number).bytes(400_000) for number in range(20)})


@pytest.fixture
def server() -> Iterator[AssetServer]:
    with serving({"weights.bin": CONTENT, "set.zip": ZIP}) as started:
        yield started


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def url_asset(server: AssetServer, digest: str | None = None, name: str = "weights.bin") -> UrlSource:
    return UrlSource(source="url", url=f"{server.url}/{name}", sha256=digest, licence="none")


def member_asset(server: AssetServer, member: str = "set/0007.png") -> ZipMemberSource:
    return ZipMemberSource(source="zip-member", url=f"{server.url}/set.zip", member=member, licence="none")


def get(asset: Asset, cache: Path) -> AssetStatus:
    return fetch("thing", asset, cache, progress=False)


def leftovers(cache: Path) -> list[Path]:
    """Every file in the cache, finished or not."""
    return [path for path in cache.rglob("*") if path.is_file()]


def assert_unavailable(status: AssetStatus, *words: str) -> None:
    assert (status.state, status.path, status.sha256) == ("unavailable", None, None)
    for word in words:
        assert word in status.reason
    assert status.reason.startswith(f"thing ({status.source}): ")


# ---- the happy way ----


@pytest.mark.parametrize("digest", [None, sha256(CONTENT), sha256(CONTENT)[:8]], ids=["unknown", "full", "prefix"])
def test_a_file_is_downloaded_checked_and_kept(digest: str | None, server: AssetServer, cache: Path) -> None:
    status = get(url_asset(server, digest), cache)
    assert (status.state, status.reason, status.sha256) == ("available", "", sha256(CONTENT))
    assert status.path is not None
    path = Path(status.path)
    assert path.read_bytes() == CONTENT
    assert path.is_relative_to(cache)
    assert path.suffix == ".bin"


def test_all_who_may_enter_the_cache_can_read_what_is_in_it_whatever_the_umask(
    server: AssetServer, cache: Path
) -> None:
    before = os.umask(0o077)
    try:
        get(url_asset(server), cache)
    finally:
        os.umask(before)
    assert len(leftovers(cache)) == 2
    assert all(path.stat().st_mode & 0o444 == 0o444 for path in leftovers(cache))


@pytest.mark.parametrize("digest", [None, sha256(CONTENT)[:8]], ids=["unknown", "prefix"])
def test_once_in_the_cache_no_request_is_made_and_the_server_may_be_gone(digest: str | None, cache: Path) -> None:
    with serving({"weights.bin": CONTENT}) as server:
        asset = url_asset(server, digest)
        first = get(asset, cache)
        assert get(asset, cache) == first
        assert server.requests == 1
    assert get(asset, cache) == first


def test_a_file_put_into_the_cache_by_hand_is_taken(cache: Path) -> None:
    (cache / "files").mkdir(parents=True)
    (cache / "files" / f"{sha256(CONTENT)}.bin").write_bytes(CONTENT)
    asset = UrlSource(source="url", url="http://127.0.0.1:9/none.bin", sha256=sha256(CONTENT), licence="none")
    assert get(asset, cache).state == "available"


def test_a_cache_that_may_only_be_read_is_enough(
    server: AssetServer, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = get(url_asset(server), cache)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    for writing in ("mkdir", "write_bytes", "write_text", "rename", "replace", "touch"):
        monkeypatch.setattr(Path, writing, refuse)
    assert get(url_asset(server), cache) == first


def test_a_damaged_file_in_the_cache_is_fetched_again(server: AssetServer, cache: Path) -> None:
    first = get(url_asset(server), cache)
    assert first.path is not None
    Path(first.path).write_bytes(CONTENT[:-1])
    assert get(url_asset(server), cache) == first
    assert Path(first.path).read_bytes() == CONTENT


def test_the_folders_take_over_the_permissions_of_the_cache_folder(server: AssetServer, cache: Path) -> None:
    cache.mkdir()
    cache.chmod(0o2775)
    get(url_asset(server), cache)
    assert {path.name: path.stat().st_mode & 0o7777 for path in cache.iterdir()} == {
        "files": 0o2775,
        "first-seen": 0o2775,
        "partial": 0o2775,
    }


def test_a_progress_bar_is_shown_on_the_error_stream_if_asked(
    server: AssetServer, cache: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert fetch("thing", url_asset(server), cache, progress=True).state == "available"
    assert fetch("thing", member_asset(server), cache, progress=True).state == "available"
    shown = capfd.readouterr()
    assert "weights.bin: 100%" in shown.err
    assert "0007.png: 100%" in shown.err
    assert shown.out == ""


# ---- zip members ----


def test_only_the_member_of_a_remote_zip_travels(server: AssetServer, cache: Path) -> None:
    status = get(member_asset(server), cache)
    assert status.sha256 == sha256(np.random.default_rng(7).bytes(400_000))
    assert len(ZIP) > 8_000_000
    assert server.sent < 400_000 + 2 * 65_536  # the member, the end of the archive, and a header
    assert status.source == f"{server.url}/set.zip: set/0007.png"


def test_a_member_of_a_local_zip_is_taken(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "set.zip").write_bytes(ZIP)
    asset = ZipMemberSource(source="zip-member", url=str(tmp_path / "set.zip"), member="set/0003.png", licence="none")
    assert get(asset, cache).sha256 == sha256(np.random.default_rng(3).bytes(400_000))


def test_a_member_that_is_not_there_is_told_with_the_nearest_one(server: AssetServer, cache: Path) -> None:
    assert_unavailable(
        get(member_asset(server, "set/07.png"), cache),
        "the archive holds no file 'set/07.png'; correct 'member' (did you mean 'set/00",
    )
    assert leftovers(cache) == []


def test_a_server_without_range_requests_is_told_and_the_archive_is_not_downloaded(
    server: AssetServer, cache: Path
) -> None:
    server.ranges = False
    assert_unavailable(get(member_asset(server), cache), "serves no parts of files", "give its path as 'url'")
    assert leftovers(cache) == []


def test_a_damaged_member_is_told(server: AssetServer, cache: Path) -> None:
    place = ZIP.index(np.random.default_rng(7).bytes(100))
    server.files["set.zip"] = ZIP[:place] + b"damaged!" + ZIP[place + 8 :]
    assert_unavailable(get(member_asset(server), cache), "the archive is damaged (Bad CRC-32", "get it again")
    assert leftovers(cache) == []


def test_what_is_no_zip_is_told(server: AssetServer, tmp_path: Path, cache: Path) -> None:
    server.files["set.zip"] = CONTENT
    assert_unavailable(get(member_asset(server), cache), "is not a zip archive, or arrived damaged")
    (tmp_path / "set.zip").write_bytes(CONTENT)
    for url, says in ((tmp_path / "set.zip", "is not a zip archive"), (tmp_path / "none.zip", "does not exist")):
        asset = ZipMemberSource(source="zip-member", url=str(url), member="a", licence="none")
        assert_unavailable(get(asset, cache), says)
    assert leftovers(cache) == []


# ---- lacks ----

MISHAPS: list[tuple[str, Callable[[AssetServer], None], str]] = [
    ("not found", lambda server: server.files.clear(), "answered 404 Not Found; correct the address"),
    ("server error", lambda server: setattr(server, "status", 500), "answered 500 Internal Server Error"),
    ("truncated", lambda server: setattr(server, "cut", 1000), "broke off before the whole file was there; run again"),
    ("stalled", lambda server: setattr(server, "stalled", True), "did not answer in time; try again later"),
    ("other bytes", lambda server: server.files.update({"weights.bin": OTHER}), "expected " + sha256(CONTENT)),
]


@pytest.mark.parametrize(("mishap", "says"), [case[1:] for case in MISHAPS], ids=[case[0] for case in MISHAPS])
def test_a_download_that_fails_is_told_leaves_nothing_and_can_be_repeated(
    mishap: Callable[[AssetServer], None],
    says: str,
    server: AssetServer,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(network, "TIMEOUT", (1.0, 0.3))
    asset = url_asset(server, sha256(CONTENT))
    mishap(server)
    assert_unavailable(get(asset, cache), says)
    assert leftovers(cache) == []
    server.files["weights.bin"] = CONTENT
    server.status, server.cut, server.stalled = None, None, False
    assert get(asset, cache).state == "available"


@pytest.mark.parametrize(
    ("mishap", "says"),
    [
        (("cut", 66_000), "broke off"),  # enough for the table of contents, not for the member
        (("stalled", True), "did not answer in time"),
        (("status", 500), "answered 500"),
    ],
    ids=["cut", "stalled", "refused"],
)
def test_a_zip_member_that_stops_on_its_way_is_told_and_leaves_nothing(
    mishap: tuple[str, object], says: str, server: AssetServer, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "TIMEOUT", (1.0, 0.3))
    setattr(server, *mishap)
    assert_unavailable(get(member_asset(server), cache), says)
    assert leftovers(cache) == []


def test_a_file_cut_off_without_an_announced_length_is_caught_by_its_sha256(server: AssetServer, cache: Path) -> None:
    server.announce, server.cut = False, 1000
    assert_unavailable(get(url_asset(server, sha256(CONTENT)), cache), "its SHA-256 is " + sha256(CONTENT[:1000]))
    assert leftovers(cache) == []


@pytest.mark.parametrize("make", [url_asset, member_asset], ids=["file", "zip member"])
def test_without_network_the_host_and_what_to_check_are_told(make: Callable[..., Asset], cache: Path) -> None:
    with serving({}) as gone:
        asset = make(gone)
    assert_unavailable(get(asset, cache), f"no connection to {gone.url[7:]}; check this machine's network and proxy")
    assert leftovers(cache) == []


def test_an_unknown_host_is_told(cache: Path) -> None:
    asset = UrlSource(source="url", url="http://nowhere.invalid/a.bin", licence="none")
    assert_unavailable(get(asset, cache), "no connection to nowhere.invalid")


def test_the_value_seen_first_counts_from_then_on(server: AssetServer, cache: Path) -> None:
    first = get(url_asset(server), cache)
    assert first.path is not None
    Path(first.path).unlink()
    server.files["weights.bin"] = OTHER
    status = get(url_asset(server), cache)
    assert_unavailable(status, f"expected {sha256(CONTENT)}", "changed since the first download; delete ")
    note = Path(status.reason.partition("delete ")[2].removesuffix(" if that is right"))
    assert json.loads(note.read_text(encoding="utf-8"))["sha256"] == sha256(CONTENT)
    note.unlink()
    assert get(url_asset(server), cache).sha256 == sha256(OTHER)


def test_a_damaged_note_of_the_first_value_is_told(server: AssetServer, cache: Path) -> None:
    get(url_asset(server), cache)
    (note,) = (cache / "first-seen").iterdir()
    note.write_text("{")
    assert_unavailable(get(url_asset(server), cache), f"{note} is damaged; delete it and run again")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_no_space_left_is_told_and_leaves_nothing(
    number: int, server: AssetServer, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_open = open

    class FullFile(io.FileIO):
        def write(self, data: object) -> int:
            raise OSError(number, os.strerror(number))

    def full(file: object, mode: str = "r", *options: object, **named: object) -> object:
        return FullFile(str(file), "w") if "w" in mode else real_open(file, mode, *options, **named)  # type: ignore

    monkeypatch.setattr("pooch.downloaders.open", full, raising=False)
    assert_unavailable(
        get(url_asset(server), cache), f"no space left in the cache folder {cache}; free some, or set 'cache'"
    )
    assert leftovers(cache) == []


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("mount"), reason="needs the right to mount a file system")
def test_a_full_file_system_is_told_and_leaves_nothing(server: AssetServer, cache: Path) -> None:
    cache.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", cache], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("this machine lets nobody mount a file system")
    try:
        for asset in (url_asset(server), member_asset(server)):
            assert_unavailable(get(asset, cache), "no space left in the cache folder")
            assert leftovers(cache) == []
    finally:
        subprocess.run(["umount", cache], check=True)


def test_a_cache_that_is_a_file_is_told(server: AssetServer, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("x")
    assert_unavailable(
        get(url_asset(server), tmp_path / "cache"), "cannot be used", "to another folder", store.CACHE_VARIABLE
    )


def test_a_cache_that_may_not_be_written_is_told(
    server: AssetServer, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, *_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    assert_unavailable(get(url_asset(server), cache), f"{cache} may not be read or written; ask its owner, or set")


def test_other_pixels_than_expected_are_told(server: AssetServer, cache: Path) -> None:
    stream = io.BytesIO()
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    Image.fromarray(pixels).save(stream, "PNG")
    server.files["a.png"] = stream.getvalue()
    asset = url_asset(server, name="a.png")
    wrong = asset.model_copy(update={"pixels_sha256": "0" * 64})
    assert_unavailable(get(wrong, cache), f"the SHA-256 of its pixels is {sha256(pixels.tobytes())}, expected 0000")
    assert leftovers(cache) == []
    right = asset.model_copy(update={"pixels_sha256": sha256(pixels.tobytes())[:16]})
    assert get(right, cache).state == "available"
    assert get(right, cache).state == "available"  # from the cache
    assert_unavailable(get(wrong, cache), "the SHA-256 of its pixels")


# ---- many at once, and interruptions ----

FETCH_IN_A_PROCESS = textwrap.dedent("""
    import sys
    from pathlib import Path
    from sirenbench.assets.store import fetch
    from sirenbench.config.assets import UrlSource
    url, cache = sys.argv[1:]
    status = fetch("thing", UrlSource(source="url", url=url, licence="none"), Path(cache), progress=False)
    print(status.state, status.sha256)
""")


def fetching(server: AssetServer, cache: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", FETCH_IN_A_PROCESS, f"{server.url}/weights.bin", str(cache)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_processes_that_fill_the_same_cache_at_once_all_end_well(server: AssetServer, cache: Path) -> None:
    processes = [fetching(server, cache) for _ in range(3)]
    answers = {process.communicate(timeout=60)[0] for process in processes}
    assert answers == {f"available {sha256(CONTENT)}\n"}
    assert [path.parent.name for path in sorted(leftovers(cache))] == ["files", "first-seen"]


def test_threads_that_fill_the_same_cache_at_once_all_end_well(server: AssetServer, cache: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: get(member_asset(server), cache), range(8)))
    assert {status.state for status in statuses} == {"available"}
    assert len(set(statuses)) == 1


def test_a_download_that_was_killed_is_never_taken_for_good(server: AssetServer, cache: Path) -> None:
    server.stalled = True
    process = fetching(server, cache)
    assert server.body_begun.wait(30)
    deadline = time.monotonic() + 10
    while not leftovers(cache) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert {path.relative_to(cache).parts[0] for path in leftovers(cache)} == {"partial"}
    server.stalled = False
    assert get(url_asset(server), cache).sha256 == sha256(CONTENT)


def test_what_killed_downloads_left_is_removed_after_a_week(server: AssetServer, cache: Path) -> None:
    for name, days in (("old", 8), ("young", 1)):
        folder = cache / "partial" / name
        folder.mkdir(parents=True)
        (folder / "file").write_bytes(b"half")
        os.utime(folder, (time.time() - days * 86400,) * 2)
    get(url_asset(server), cache)
    assert [path.name for path in (cache / "partial").iterdir()] == ["young"]


# ---- files of this machine ----


def test_a_file_of_an_installed_package_is_used_where_it_is(cache: Path) -> None:
    status = get(ASSETS["camera"], cache)
    assert status.state == "available"
    assert status.path == str(importlib.metadata.distribution("scikit-image").locate_file("skimage/data/camera.png"))
    assert not cache.exists()


@pytest.mark.parametrize(
    ("package", "member", "says"),
    [
        ("no-such-package", "a.png", "the package no-such-package is not installed; install it"),
        ("scikit-image", "skimage/data/none.png", "has no file 'skimage/data/none.png'"),
    ],
)
def test_a_package_or_member_that_is_not_there_is_told(package: str, member: str, says: str, cache: Path) -> None:
    assert_unavailable(
        get(PackageSource(source="package", package=package, member=member, licence="none"), cache), says
    )


def test_a_file_of_ones_own_is_used_where_it_is_and_may_change(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "mine.bin"
    asset = PathSource(source="path", path=str(path), licence="mine")
    assert_unavailable(get(asset, cache), f"{path} does not exist; give the path of a file")
    for content in (CONTENT, OTHER):
        path.write_bytes(content)
        assert get(asset, cache) == AssetStatus("thing", "available", "", str(path), sha256(content), "mine", str(path))
    assert_unavailable(get(asset.model_copy(update={"sha256": "0" * 8}), cache), "give the right file")
    assert_unavailable(get(asset.model_copy(update={"path": str(tmp_path)}), cache), "is a folder")


# ---- source archives ----


def sdist(folder: Path, members: dict[str, bytes | None]) -> Path:
    """An sdist with these members; None makes a link to /etc/passwd."""
    path = folder / "thing-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            if data is None:
                entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
                archive.addfile(entry)
            else:
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
    return path


def test_a_source_archive_gives_regular_files_only_and_writes_nowhere_else(tmp_path: Path) -> None:
    archive = sdist(
        tmp_path, {"../../evil.txt": b"evil", "thing-1.0/link": None, "thing-1.0/a/data.bin": CONTENT, "/abs": b"evil"}
    )
    (tmp_path / "out").mkdir()
    target = tmp_path / "out" / "file"
    take_from_sdist(archive, "a/data.bin", target)
    assert target.read_bytes() == CONTENT
    target.unlink()
    for member in ("link", "data.bin", "evil"):
        with pytest.raises(AssetUnavailable, match="the archive holds no file"):
            take_from_sdist(archive, member, target)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["out", "thing-1.0.tar.gz"]


@pytest.mark.parametrize("keep", [0, 40, 150_000])
def test_a_source_archive_that_was_cut_off_is_told(keep: int, tmp_path: Path) -> None:
    archive = sdist(tmp_path, {"thing-1.0/data.bin": CONTENT})
    archive.write_bytes(archive.read_bytes()[:keep])
    with pytest.raises(AssetUnavailable, match="the archive is damaged"):
        take_from_sdist(archive, "data.bin", tmp_path / "file")


def offline_pip(monkeypatch: pytest.MonkeyPatch, links: Path) -> None:
    """Let pip look into one folder only."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))


def test_a_source_archive_is_opened_without_running_its_setup(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proof = tmp_path / "setup-was-run"
    sdist(
        tmp_path,
        {
            "thing-1.0/PKG-INFO": b"Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n",
            "thing-1.0/setup.py": f"open({str(proof)!r}, 'w')\nfrom setuptools import setup\nsetup()".encode(),
            "thing-1.0/data.bin": CONTENT,
        },
    )
    offline_pip(monkeypatch, tmp_path)
    asset = PypiSource(source="pypi", package="thing", version="1.0", kind="sdist", member="data.bin", licence="none")
    status = get(asset, cache)
    assert (status.reason, status.sha256) == ("", sha256(CONTENT))
    assert status.source == "PyPI thing 1.0: data.bin"
    assert not proof.exists()


def test_a_wheel_for_another_python_and_platform_is_opened(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata = {
        "thing-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n",
        "thing-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: cp38-cp38-manylinux1_x86_64\n",
        "thing-1.0.dist-info/RECORD": b"",
    }
    wheel = tmp_path / "thing-1.0-cp38-cp38-manylinux1_x86_64.whl"
    wheel.write_bytes(zipped({"thing/data.bin": CONTENT} | metadata))
    offline_pip(monkeypatch, tmp_path)
    asset = PypiSource(
        source="pypi",
        package="thing",
        version="1.0",
        python="3.8",
        platform="manylinux1_x86_64",
        member="thing/data.bin",
        licence="none",
    )
    assert get(asset, cache).sha256 == sha256(CONTENT)
    missing = get(asset.model_copy(update={"member": "thing/none.bin"}), cache)
    assert_unavailable(missing, "the archive holds no file 'thing/none.bin'")
    assert [path.parent.name for path in sorted(leftovers(cache))] == ["files", "first-seen"]


def test_pips_own_words_are_told_when_it_fails(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offline_pip(monkeypatch, tmp_path)
    asset = PypiSource(source="pypi", package="thing", version="1.0", member="a", licence="none")
    assert_unavailable(
        get(asset, cache),
        "pip could not download thing 1.0 (",
        "No matching distribution found for thing==1.0",
        "check this machine's network and pip's configuration",
    )
    assert leftovers(cache) == []


# ---- status files ----


def test_a_status_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    for status in (
        AssetStatus("a", "available", "", "/a/b.png", "0" * 64, "CC0", "PyPI a 1: b.png"),
        AssetStatus("a", "unavailable", "no network", None, None, "CC0", "PyPI a 1: b.png"),
    ):
        write_status(tmp_path / "results" / "a.json", status)
        assert read_status(tmp_path / "results" / "a.json") == status


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"id": "a"}'])
def test_a_status_that_cannot_be_read_is_told(text: str | None, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(AssetUnavailable, match=r"a\.json is not a readable asset status .+; delete it and run again"):
        read_status(path)


def test_a_file_is_checked_again_when_it_is_used(server: AssetServer, cache: Path) -> None:
    status = get(url_asset(server), cache)
    path = verified(status)
    assert path.read_bytes() == CONTENT
    path.write_bytes(OTHER)
    with pytest.raises(AssetUnavailable, match=r"thing: .+ has changed since it was fetched"):
        verified(status)
    path.unlink()
    with pytest.raises(AssetUnavailable, match=r"thing: .+ was there but cannot be read now .No such file"):
        verified(status)
    lack = replace(status, state="unavailable", reason="no network", path=None, sha256=None)
    with pytest.raises(AssetUnavailable, match=r"^no network$"):
        verified(lack)


def test_the_cache_folder_is_the_configured_one_or_that_of_the_environment_or_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(store.CACHE_VARIABLE, str(tmp_path))
    assert cache_folder("~/mine") == Path.home() / "mine"
    assert cache_folder("") == tmp_path
    monkeypatch.delenv(store.CACHE_VARIABLE)
    assert cache_folder("").name == "sirenbench"
    assert cache_folder("").is_absolute()


# ---- the assets and images that are shipped ----


def test_every_image_has_its_asset() -> None:
    images = TypeAdapter(dict[str, ImageRecipe]).validate_python(SHIPPED["images"])
    assert {recipe.asset for recipe in images.values()} <= set(ASSETS)


@pytest.mark.parametrize("name", [name for name, asset in ASSETS.items() if isinstance(asset, PackageSource)])
def test_every_asset_inside_a_package_is_installed_and_is_the_right_file(name: str, cache: Path) -> None:
    status = fetch(name, ASSETS[name], cache, progress=False)
    assert status.reason == ""
    assert status.sha256 == ASSETS[name].sha256


LOCAL_COPIES = {
    "starfish": "bsds500/12003.jpg",
    "srgan-x2": "srgan/netG_epoch_2_100.pth",
    "srgan-x4-small": "srgan/netG_epoch_4_100.pth",
    "srgan-x8": "srgan/netG_epoch_8_100.pth",
}


@pytest.mark.parametrize("name", LOCAL_COPIES)
def test_assets_that_are_downloaded_have_the_sha256_of_the_files_at_hand(name: str, cache: Path) -> None:
    path = SHARED_DATA / LOCAL_COPIES[name]
    if not path.exists():
        pytest.skip(f"{path} is not on this machine")
    copy = PathSource(
        source="path",
        path=str(path),
        sha256=ASSETS[name].sha256,
        pixels_sha256=ASSETS[name].pixels_sha256,
        licence="none",
    )
    assert get(copy, cache).reason == ""


@pytest.mark.network
@pytest.mark.slow
def test_the_cameraman_is_fetched_from_pypi(cache: Path) -> None:
    status = fetch("cameraman", ASSETS["cameraman"], cache, progress=False)
    assert status.reason == ""
    assert status.source == "PyPI scikit-image 0.17.2: skimage/data/camera.png"
    assert verified(status).stat().st_size == 114_228
    assert len(leftovers(cache)) == 1


def test_a_process_killed_at_its_bar_stops_no_other() -> None:
    lock = tqdm.get_lock()
    child = os.fork()
    if child == 0:
        with lock:
            os.kill(os.getpid(), signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    another = threading.Thread(target=lambda: tqdm(disable=True).close(), daemon=True)
    another.start()
    another.join(10)
    assert not another.is_alive()
