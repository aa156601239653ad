"""Full, read-only, slow and shared disks, clocks that jump, odd names: a message, nothing half-written, a next run."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from workflow.conftest import RELU, SIREN, Project, _project

from sirenbench import records
from sirenbench.assets.store import fetch
from sirenbench.cell_files import arrays_in
from sirenbench.config.assets import ZipMemberSource
from sirenbench.engine import checkpoint
from sirenbench.names import parse_name
from sirenbench.records import read_record
from sirenbench.worker.job import CellJob, run
from sirenbench.worker.stopping import END_VARIABLE
from sirenbench.worker.train import train
from trust.kills import EVERY_STEP, PACKED, forked, leftovers, numbers
from trust.trap import Trap, set_trap, start_up

NAME = "activations/picture-16/siren-1x8/steps=20/replicates=2"
RECORD = f"results/cells/{SIREN}/cell.json"
DAY = 86_400.0


def ended(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def wait_for(happens: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def snake(tmp_path: Path) -> Project:
    """A project in which Snakemake is run."""
    return _project(tmp_path / "a project")


@pytest.fixture
def traps(tmp_path: Path) -> Iterator[Path]:
    """The folder of a trap, which lets go in the end."""
    folder = tmp_path / "traps"
    folder.mkdir()
    yield folder
    (folder / "go").touch()


@pytest.fixture
def job(picture_status: Path, tmp_path: Path) -> CellJob:
    return CellJob(parse_name(NAME), "none", picture_status, tmp_path / "results", checkpoint_minutes=EVERY_STEP)


@pytest.fixture
def expected(picture_status: Path, tmp_path: Path) -> dict[str, str]:
    """What the cell comes to where nothing is wrong."""
    run(CellJob(parse_name(NAME), "none", picture_status, tmp_path / "undisturbed"), train)
    return numbers(tmp_path / "undisturbed")


class Disk:
    """A small file system of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def mount(self, *options: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", ",".join(["size=20m", *options]), "tmpfs", str(self.folder)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"file systems cannot be mounted here: {done.stderr.strip()}")

    def fill(self, left: int) -> None:
        """Fill it but for so many bytes, a multiple of 4096."""
        status = os.statvfs(self.folder)
        with self._filler.open("wb") as filler:
            os.posix_fallocate(filler.fileno(), 0, status.f_bavail * status.f_frsize - left)

    def free(self) -> None:
        self._filler.unlink()

    def make_read_only(self) -> None:
        subprocess.run(["mount", "-o", "remount,ro", str(self.folder)], check=True)

    def make_writable(self) -> None:
        subprocess.run(["mount", "-o", "remount,rw", str(self.folder)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[Path], Disk]]:
    """``disk(folder)``: mount one there."""
    if os.geteuid() != 0:
        pytest.skip("mounting a file system needs root")
    mounted: list[Disk] = []

    def make(folder: Path) -> Disk:
        made = Disk(folder)
        made.mount()
        mounted.append(made)
        return made

    yield make
    for made in mounted:
        subprocess.run(["umount", "--lazy", str(made.folder)], check=False)


def assert_whole(folder: Path) -> None:
    """Every file of a cell that has its name can be read, and no temporary one is left."""
    for path in folder.rglob("*"):
        if path.suffix == ".npz":
            assert arrays_in(path)
        if path.name == records.RECORD:
            read_record(path)
    assert not list(folder.rglob(".*"))


@pytest.mark.parametrize("left", [0, 4096, 3 * 4096, 5 * 4096, 7 * 4096, 9 * 4096])
def test_a_disk_that_is_full_from_some_file_on_costs_that_run_only(
    left: int, disk: Callable[[Path], Disk], job: CellJob, expected: dict[str, str]
) -> None:
    small = disk(job.results)
    (job.results / "cells").mkdir()
    small.fill(left)
    assert ended(forked(lambda: run(job, train))) != 0
    assert not (job.folder / records.RECORD).exists()
    assert_whole(job.results / "cells")
    small.free()
    run(job, train)
    assert numbers(job.results) == expected
    assert leftovers(job.results) == []


@pytest.mark.slow
def test_a_full_disk_is_told_without_a_traceback(disk: Callable[[Path], Disk], snake: Project) -> None:
    small = disk(snake.folder / "results")
    (snake.folder / "results/assets").mkdir()
    small.fill(3 * 4096)
    code, output = snake.snakemake(RECORD)
    assert code == 1
    assert "No space left on device" in output
    assert "see that it can be written and has room" in output
    assert "Traceback" not in output
    small.free()
    assert snake.snakemake(RECORD)[0] == 0
    assert snake.record(SIREN).state == "ok"


@pytest.mark.slow
def test_a_disk_that_fills_up_before_the_report_costs_the_report_only(
    disk: Callable[[Path], Disk], snake: Project
) -> None:
    small = disk(snake.folder / "results")
    small.fill(90 * 4096)  # room for the cells, and not for a page
    code, output = snake.snakemake()
    assert code == 1
    assert "No space left on device" in output
    assert "Traceback" not in output
    assert [snake.record(name).state for name in (SIREN, RELU)] == ["ok", "ok"]
    assert not (snake.folder / "results/small/report.html").exists()
    small.free()
    assert "train" not in snake.planned()
    assert snake.snakemake()[0] == 0
    assert (snake.folder / "results/small/report.html").stat().st_size > 100_000


def test_a_disk_that_takes_its_time_changes_no_number(
    job: CellJob, expected: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("fsync", "replace", "rename", "unlink"):
        monkeypatch.setattr(os, name, _slowly(getattr(os, name)))
    run(job, train)
    assert numbers(job.results) == expected


def _slowly(call: Callable[..., Any]) -> Callable[..., Any]:
    def later(*words: Any, **options: Any) -> Any:
        time.sleep(0.01)
        return call(*words, **options)

    return later


_LATE = """
import os, subprocess
rename = os.replace
def late(source, target, **words):
    if str(target).endswith("cell.json"):
        subprocess.Popen(["sh", "-c", 'sleep 2; mv "$0" "$1"', str(source) + ".late", str(target)])
        target = str(source) + ".late"
    rename(source, target, **words)
os.replace = late
"""


@pytest.mark.slow
def test_a_record_that_is_seen_late_is_waited_for(snake: Project, tmp_path: Path) -> None:
    """As on a shared disk, where a rename on one machine is seen on another some seconds later."""
    (tmp_path / "sitecustomize.py").write_text(_LATE)
    snake.environment["PYTHONPATH"] = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    code, output = snake.snakemake(RECORD)
    assert code == 0, output
    assert snake.record(SIREN).state == "ok"
    assert leftovers(snake.folder / "results") == []


@pytest.mark.slow
def test_the_results_folder_may_be_a_link_to_another_disk(snake: Project, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (snake.folder / "results").symlink_to(tmp_path / "elsewhere")
    code, output = snake.snakemake()
    assert code == 0, output
    assert (tmp_path / "elsewhere/small/report.html").exists()
    assert (snake.folder / "results").is_symlink()
    assert "Nothing to be done" in snake.snakemake()[1]


def test_results_that_may_not_be_written_are_told_and_stay_as_they_were(
    disk: Callable[[Path], Disk], snake: Project
) -> None:
    only_read = disk(snake.folder / "results")
    only_read.make_read_only()
    code, output = snake.snakemake(RECORD)
    assert code == 1
    assert "Read-only file system: 'results/assets'" in output
    assert "Traceback" not in output
    assert list((snake.folder / "results").iterdir()) == []


def test_a_cell_on_a_disk_that_turns_read_only_goes_on_when_it_may_write_again(
    disk: Callable[[Path], Disk], job: CellJob, expected: dict[str, str], traps: Path
) -> None:
    turning = disk(job.results)

    def stopped() -> None:
        set_trap(Trap(f"*/{records.IMAGES}", is_after=True), traps)
        run(job, train)

    child = forked(stopped)
    wait_for((traps / "hit").exists)
    turning.make_read_only()
    (traps / "go").touch()
    assert ended(child) != 0
    turning.make_writable()
    record = run(job, train)
    assert record.provenance is not None
    assert record.provenance.resumed == 1
    assert numbers(job.results) == expected


@pytest.mark.parametrize("jump", [DAY, -DAY])
def test_a_clock_that_jumps_changes_no_number(
    jump: float, job: CellJob, expected: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    draw, true_time = random.Random(3), time.time
    monkeypatch.setattr(time, "time", lambda: true_time() + draw.choice([0.0, jump]))
    record = run(job, train)
    assert numbers(job.results) == expected
    assert record.cost is not None
    assert min(record.cost.training_seconds, record.cost.metrics_seconds) > 0
    assert record.cost.seconds < DAY / 2


def test_a_clock_that_jumps_past_the_end_of_the_job_costs_a_stop_and_no_step(
    job: CellJob, expected: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    true_time = time.time
    with monkeypatch.context() as patch:
        patch.setenv(END_VARIABLE, str(int(true_time() + 3600)))
        patch.setattr(time, "time", lambda: true_time() + DAY)
        with pytest.raises(Exception, match=r"stopped after step \d+ of 20: its job ends in 0 s"):
            run(job, train)
    assert checkpoint.exists(checkpoint.path_of(job.results, NAME))
    record = run(job, train)
    assert record.provenance is not None
    assert record.provenance.resumed == 1
    assert numbers(job.results) == expected


def test_two_processes_at_the_same_cell_leave_the_files_of_one(
    job: CellJob, expected: dict[str, str], traps: Path
) -> None:
    """The first is held just before its record, for which it has summed its curves: those must stay."""

    def held() -> None:
        set_trap(Trap(f"*/{records.RECORD}", is_after=False), traps)
        run(job, train)

    first = forked(held)
    wait_for((traps / "hit").exists)
    second = forked(lambda: run(job, train))
    time.sleep(2)
    assert os.waitpid(second, os.WNOHANG) == (0, 0)  # it waits
    (traps / "go").touch()
    assert [ended(first), ended(second)] == [0, 0]
    assert numbers(job.results) == expected
    assert leftovers(job.results) == []


def test_two_processes_that_fetch_the_same_asset_end_with_one_file(tmp_path: Path, traps: Path) -> None:
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.writestr("thing.bin", random.Random(1).randbytes(100_000))
    asset = ZipMemberSource(source="zip-member", url=str(tmp_path / "set.zip"), member="thing.bin", licence="none")

    def fetched() -> None:
        assert fetch("thing", asset, tmp_path / "cache", progress=False).state == "available"

    def held() -> None:
        set_trap(Trap("*/files/*", is_after=False), traps)
        fetched()

    first = forked(held)
    wait_for((traps / "hit").exists)
    assert ended(forked(fetched)) == 0
    (traps / "go").touch()
    assert ended(first) == 0
    fetched()
    kinds = sorted(path.parent.name for path in (tmp_path / "cache").rglob("*") if path.is_file())
    assert kinds == ["files", "first-seen"]


@pytest.mark.slow
@pytest.mark.parametrize("ignores_lock", [False, True])
def test_two_users_at_the_same_grid_in_the_same_folder(ignores_lock: bool, snake: Project, traps: Path) -> None:
    """The second is told by Snakemake's lock; who ignores that waits for the cells that run, and breaks none."""
    targets = [f"results/cells/{name}/cell.json" for name in (SIREN, RELU)]
    snake.environment |= start_up(traps, Trap("*/cell.json", is_after=False))
    users = [snake.start(*targets)]
    wait_for((traps / "hit").exists)
    if ignores_lock:
        users.append(snake.start(*targets, "--nolock"))
        logs = [snake.folder / f"results/logs/cells/{name}.log" for name in (SIREN, RELU)]
        wait_for(lambda: any("another process runs this cell" in log.read_text() for log in logs if log.exists()))
        (traps / "go").touch()
    else:
        code, output = snake.snakemake(*targets)
        assert code == 1
        assert "Directory cannot be locked" in output
        assert "--unlock" in output
        (traps / "go").touch()
    told = [user.communicate(timeout=300)[0] for user in users]
    # The Snakemake of each makes room for a cell that it has planned, maybe just before that of the other looks.
    for user, text in zip(users, told, strict=True):
        assert user.returncode == 0 or (ignores_lock and "MissingOutputException" in text), text
    found = numbers(snake.folder / "results")
    assert {found[f"{name}: files that are not those of the record"] for name in (SIREN, RELU)} == {"[]"}
    assert leftovers(snake.folder / "results") == []


class Users:
    """Two people of one group, as Linux knows them, in the first one's project.

    They may read whatever root may, since root's Python may lie where others cannot look; what they may write is what
    the folders say.
    """

    GROUP, FIRST, SECOND = 61_000, 61_001, 61_002

    def __init__(self, project: Project, umask: int) -> None:
        self._project = project
        self._umask = umask
        for path in (project.folder, *project.folder.rglob("*")):
            os.chown(path, self.FIRST, self.GROUP)
            path.chmod((0o2777 if path.is_dir() else 0o666) & ~umask)

    def run(self, user: int, *words: str) -> tuple[int, str]:
        """Exit status of a Python module that somebody starts, and everything it said."""
        home = self._project.folder.parent / f"home of {user}"
        home.mkdir(exist_ok=True)
        os.chown(home, user, self.GROUP)
        somebody = [f"--reuid={user}", f"--regid={self.GROUP}", "--clear-groups"]
        reading = [f"--{kind}-caps=-all,+dac_read_search" for kind in ("inh", "ambient")]
        own = {"HOME": str(home), "LOGNAME": str(user), "SIRENBENCH_CACHE": str(self._project.folder / "cache")}
        done = subprocess.run(
            ["setpriv", *somebody, *reading, sys.executable, "-m", *words],
            cwd=self._project.folder,
            env=os.environ | own,
            umask=self._umask,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )
        return done.returncode, done.stdout


@pytest.fixture
def users(snake: Project) -> Callable[[int], Users]:
    """``users(umask)``: with which both have made, and will make, all their files."""
    if os.geteuid() != 0:
        pytest.skip("to be another user takes root")
    able = ["setpriv", "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search", "true"]
    if not shutil.which("setpriv") or subprocess.run(able, capture_output=True).returncode:
        pytest.skip("to be another user takes setpriv, and root's right to pass on its rights")
    return lambda umask: Users(snake, umask)


@pytest.mark.slow
def test_two_users_who_may_both_write_share_cells_tables_and_page(
    users: Callable[[int], Users], snake: Project
) -> None:
    both = users(0o002)
    code, output = both.run(Users.FIRST, "snakemake", RECORD)
    assert code == 0, output
    code, output = both.run(Users.SECOND, "snakemake")
    assert code == 0, output
    made = snake.folder / "results/small"
    cells = [snake.folder / f"results/cells/{name}/cell.json" for name in (SIREN, RELU)]
    files = [*cells, made / "results.parquet", made / "report.html"]
    assert [path.stat().st_uid for path in files] == [Users.FIRST, *[Users.SECOND] * 3]
    os.utime(cells[0], (2, 2))  # as if copied from elsewhere: older than the table, and another than in it
    code, output = both.run(Users.FIRST, "snakemake")
    assert code == 0, output
    assert (made / "results.parquet").stat().st_uid == Users.FIRST
    assert "Nothing to be done" in both.run(Users.SECOND, "snakemake")[1]
    assert leftovers(snake.folder / "results/cells") == []


@pytest.mark.slow
def test_a_user_who_may_only_read_is_told_and_changes_nothing(users: Callable[[int], Users], snake: Project) -> None:
    both = users(0o022)
    code, output = both.run(Users.FIRST, "snakemake", RECORD)
    assert code == 0, output
    before = {path: path.stat().st_mtime_ns for path in snake.folder.rglob("*")}
    for words in (["-n"], [], ["--nolock"]):
        code, output = both.run(Users.SECOND, "snakemake", *words)
        assert code == 1
        assert f"you may not write {snake.folder}/.snakemake, so Snakemake cannot work here; ask its owner" in output
        assert "Traceback" not in output
    for words in (["report"], ["run", RELU]):
        code, output = both.run(Users.SECOND, "sirenbench.cli", *words)
        assert code == 1
        assert re.search(r"^sirenbench: .*Permission denied: .*; see that files can be", output, re.MULTILINE), output
        assert "Traceback" not in output
    for words in (["status"], ["cell", SIREN], ["verify", SIREN]):
        code, output = both.run(Users.SECOND, "sirenbench.cli", *words)
        assert code == 0, output
    assert {path: path.stat().st_mtime_ns for path in snake.folder.rglob("*")} == before


@pytest.mark.slow
@pytest.mark.parametrize("words", [(), PACKED], ids=["local", "packed"])
def test_names_with_spaces_quotes_and_letters_of_all_scripts(words: tuple[str, ...], tmp_path: Path) -> None:
    project = _project(tmp_path / "größe ½ – 日本 'x' $HOME")
    project.environment["LC_ALL"] = "C"  # as on many nodes
    picture = project.folder / "config/Bild ä  1 #%.png"
    (project.folder / "config/tile.png").rename(picture)
    project.configure(run="small", images={"tile": {"path": picture.name}}, studies={})
    code, output = project.snakemake(RECORD, *words)
    assert code == 0, output
    assert project.record(SIREN).state == "ok"


@pytest.mark.parametrize(
    ("folder", "path", "cache"),
    [("Höhe", "a.png", ""), ("Hohe", "ä.png", ""), ("Hohe", "a.png", "ä")],
    ids=["project", "picture", "cache"],
)
def test_names_that_python_was_told_to_read_in_another_way_than_the_libraries_are_told(
    folder: str, path: str, cache: str, tmp_path: Path
) -> None:
    """With UTF-8 mode on, as Python sets it by itself where the locale is C, all of them are names like others."""
    config = tmp_path / folder / "config"
    config.mkdir(parents=True)
    (config / "assets.yaml").write_text("assets: {}\n")
    (config / path).touch()
    images = f"run: small\nimages: {{a: {{path: {path}}}}}\n"
    (config / "config.yaml").write_text(f"{images}cache: {cache}\n" if cache else images, encoding="utf-8")

    def called(utf8: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "sirenbench.cli", "fetch"],
            cwd=config.parent,
            env=os.environ | {"PYTHONUTF8": utf8, "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"},
            capture_output=True,
            text=True,
        )

    refused = called("0")
    assert refused.returncode == 1
    assert re.fullmatch(
        r"sirenbench: the name '.+' has letters beyond ASCII, and this Python takes names of files for ascii: .+\n",
        refused.stderr,
    )
    assert called("1").returncode == 0


@pytest.mark.slow
def test_a_path_of_almost_the_longest_length(tmp_path: Path) -> None:
    folder = tmp_path
    while len(str(folder)) < 3700:  # of 4095
        folder = folder / ("long" * 50)
        folder.mkdir()
    project = _project(folder / "a project")
    code, output = project.snakemake(RECORD)
    assert code == 0, output
    assert project.record(SIREN).state == "ok"
