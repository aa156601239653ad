"""A short profile of ``fuzz.py``, always the same inputs; docs/reliability.md has the long one."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from trust import fuzz
from trust.fuzz_targets import targets

INPUTS = 60  # for a target of ordinary cost


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    fuzz.install()
    with fuzz.place() as made:
        yield made


@pytest.mark.slow
def test_no_reader_hangs_crashes_or_trespasses_whatever_it_is_given(folder: Path) -> None:
    counts: Counter[str] = Counter()
    for target in targets(folder):
        counts += fuzz.attack(target, max(8, INPUTS // target.cost), folder).counts
    assert counts["read"] > 100  # mutations of valid files are not all refused at the door
    assert counts["refused"] > 300


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("while True: pass", fuzz.Hang),
        ("1 / 0", ZeroDivisionError),
        ("import subprocess; subprocess.run(['true'])", fuzz.Trespass),
        ("import os; os.system('true')", fuzz.Trespass),
        ("import socket; socket.create_connection(('127.0.0.1', 9))", fuzz.Trespass),
    ],
)
def test_the_harness_sees_what_a_bad_reader_does(
    content: str, what: type[BaseException], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fuzz, "SECONDS_AN_INPUT", 0.2)
    bad = fuzz.Target("bad", (b"anything",), lambda path: exec(content, {}))
    with pytest.raises(what):
        fuzz.attack(bad, 1, folder)


@pytest.mark.parametrize(
    "words",
    [
        "open(OUTSIDE, 'w')",
        "open(OUTSIDE, 'r+')",
        "os.open(OUTSIDE, os.O_RDWR)",
        "pathlib.Path(OUTSIDE).touch()",
        "os.rename('inside', OUTSIDE)",
        "os.rename(OUTSIDE, 'inside')",
        "os.replace('inside', OUTSIDE)",
        "os.replace(OUTSIDE, 'inside')",
        "os.remove(OUTSIDE)",
        "os.unlink(OUTSIDE)",
        "os.unlink(os.path.basename(OUTSIDE), dir_fd=os.open(os.path.dirname(OUTSIDE), os.O_RDONLY))",
        "os.rmdir(FOLDER)",
        "os.mkdir(FOLDER + '/new')",
        "os.truncate(OUTSIDE, 0)",
        "os.chmod(OUTSIDE, 0)",
        "os.chown(OUTSIDE, 0, 0)",
        "os.utime(OUTSIDE)",
        "os.link('inside', OUTSIDE + '.link')",
        "os.link(OUTSIDE, 'link')",
        "os.symlink('inside', OUTSIDE + '.link')",
        "open('way-out', 'w')",
        "os.chmod('way-out', 0)",
        "shutil.rmtree(FOLDER)",
        "shutil.move('inside', OUTSIDE)",
        "shutil.move(OUTSIDE, 'inside')",
        "shutil.copyfile('inside', OUTSIDE)",
        "shutil.copytree('.', FOLDER + '/new')",
        "shutil.make_archive(FOLDER + '/new', 'tar', '.')",
        "shutil.unpack_archive('inside.tar', FOLDER + '/new')",
    ],
)
def test_the_harness_sees_whatever_changes_what_is_outside(words: str, folder: Path, elsewhere: Path) -> None:
    outside, empty = elsewhere / "outside", elsewhere / "empty"
    names = {name: __import__(name) for name in ("os", "shutil", "pathlib")}
    names |= {"OUTSIDE": str(outside), "FOLDER": str(empty)}
    bad = fuzz.Target("bad", (b"anything",), lambda path: exec(words, names))
    before = outside.stat()
    with pytest.raises(fuzz.Trespass):
        fuzz.attack(bad, 1, folder)
    assert sorted(elsewhere.iterdir()) == [empty, outside]
    assert (outside.read_text(), outside.stat().st_mode) == ("as it was", before.st_mode)


@pytest.fixture
def elsewhere(folder: Path) -> Iterator[Path]:
    """A folder beside that of the attacks, with a file and an empty folder; a link ``way-out`` leads to the file."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as made:
        outside, way_out = Path(made) / "outside", folder / "way-out"
        outside.write_text("as it was")
        (Path(made) / "empty").mkdir()
        (folder / "inside").touch()
        way_out.symlink_to(outside)
        try:
            yield Path(made)
        finally:
            way_out.unlink()


def test_the_harness_lets_a_reader_do_as_it_likes_in_its_own_folder(folder: Path) -> None:
    def tidy(path: Path) -> None:
        made, link = folder / "made", folder / "way-out"
        (made / "deep").mkdir(parents=True)
        shutil.copy(path, made / "deep/copy")
        link.symlink_to("/etc/passwd")
        link.unlink()  # the link, and not what it leads to
        (made / "deep/copy").replace(made / "moved").chmod(0o600)
        shutil.rmtree(made)

    fuzz.attack(fuzz.Target("tidy", (b"anything",), tidy), 1, folder)
