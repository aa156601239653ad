"""The cluster for a module of tests, and a small workflow that runs on it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import NoReturn

import pytest
from workflow.conftest import project

from cluster.slurm import Cluster, NotInstalled, cluster, wait_for

__all__ = ["project"]  # of sirenbench's own cells

ROOT = Path(__file__).parents[2]
OUTCOMES = ".snakemake/submitit/outcomes"
LOST_SECONDS = 8
SIGNAL_SECONDS = 50
OURS = (
    *("--executor", "submitit"),
    *("--submitit-lost-seconds", str(LOST_SECONDS)),
    *("--submitit-signal-seconds", str(SIGNAL_SECONDS)),
)


class Flow:
    """A copy of the test workflow in a folder of its own, and the head processes that were started in it."""

    def __init__(
        self, folder: Path, slurm: Cluster, executor: tuple[str, ...] = OURS, python: str = sys.executable
    ) -> None:
        self.folder = folder
        self.slurm = slurm
        self.executor = executor
        self.python = python
        self.heads: list[subprocess.Popen[bytes]] = []
        for source in (ROOT / "tests/cluster/flow").iterdir():
            shutil.copy(source, folder)

    def start(self, *words: str, lagging: Sequence[str] = ()) -> subprocess.Popen[bytes]:
        """Start a head process that speaks to ``head.log``; it sees no change in ``lagging`` until :meth:`catch_up`."""
        common = ["--jobs", "60", "--keep-going", "--latency-wait", "20", "--nolock"]
        common += ["--default-resources", "mem_mb=1000", "runtime=5", "slurm_partition=main", "slurm_account=tests"]
        # a background shell makes its children deaf to Ctrl-C
        command = ["env", "--default-signal=INT", self.python, "-m", "snakemake", *common, *self.executor, *words]
        if lagging:
            command = [*self._behind(lagging), *command]
        environment = os.environ | {"PYTHONUNBUFFERED": "1", "PYTHONPATH": ""}
        if self.python == sys.executable:
            environment["PYTHONPATH"] = str(ROOT / "src")
        with (self.folder / "head.log").open("ab") as log:
            head = subprocess.Popen(
                command, cwd=self.folder, env=environment, stdout=log, stderr=log, start_new_session=True
            )
        self.heads.append(head)
        return head

    def catch_up(self, folder: str) -> None:
        """Let the head see what has changed in a lagging folder."""
        shutil.copytree(self.folder / folder, self.folder / "seen" / folder, dirs_exist_ok=True)

    def _behind(self, folders: Sequence[str]) -> list[str]:
        """How to start a command for which other, empty folders stand in the place of these."""
        for folder in folders:
            (self.folder / folder).mkdir(parents=True)
            (self.folder / "seen" / folder).mkdir(parents=True)
        mounts = "; ".join(f"mount --bind seen/{folder} {folder}" for folder in folders)
        return ["unshare", "--mount", "--propagation", "private", "sh", "-ec", f'{mounts}; exec "$@"', "-"]

    def run(self, *words: str, seconds: float) -> tuple[int, str]:
        """Exit status and everything the head said; it has to end within the bound."""
        return self.finish(self.start(*words), seconds)

    def finish(self, head: subprocess.Popen[bytes], seconds: float) -> tuple[int, str]:
        try:
            code = head.wait(seconds)
        except subprocess.TimeoutExpired:
            pytest.fail(
                f"the head was not done after {seconds:.0f} s; queue: {self.slurm.queue()}\n{self.said[-3000:]}"
            )
        return code, self.said

    @property
    def said(self) -> str:
        return (self.folder / "head.log").read_text()

    @property
    def starts(self) -> Counter[str]:
        """How often each output was begun."""
        return Counter(line.split()[0] for line in self.lines("starts"))

    @property
    def ends(self) -> Counter[str]:
        return Counter(line.split()[0] for line in self.lines("ends"))

    def job_of(self, output: str) -> str:
        """The Slurm id under which an output was begun last."""
        return next(line.split()[1] for line in reversed(self.lines("starts")) if line.split()[0] == output)

    def has(self, output: str) -> bool:
        return (self.folder / output).exists()

    def steps(self, output: str) -> list[int]:
        """The steps that a counting job did, in their order."""
        return [int(line) for line in self.lines(f"state/{output.replace('/', '_')}.steps")]

    def checkpoint(self, output: str) -> Path:
        """Where a counting job says where to go on."""
        return self.folder / "state" / output.replace("/", "_")

    def wait_for_starts(self, *outputs: str, seconds: float = 40) -> None:
        wait_for(lambda: set(outputs) <= set(self.starts), seconds, f"{outputs} to start; {self.said[-2000:]}")

    def close(self) -> None:
        for head in self.heads:
            if head.poll() is None:
                os.killpg(head.pid, signal.SIGKILL)
                head.wait()

    def lines(self, name: str) -> list[str]:
        """Of one of the files that the jobs write."""
        path = self.folder / name
        return path.read_text().splitlines() if path.exists() else []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure comes with the ends of the daemons' logs: the folder may be gone with the machine."""
    report = yield
    made = getattr(item, "funcargs", {}).get("slurm")
    if report.failed and made:
        report.sections += [(f"end of {log}", _end_of(log)) for log in sorted(made.logs.glob("*.log"))]
    return report


def _end_of(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:])


def without_slurm(why: NotInstalled) -> NoReturn:
    """Skip, where people work without a network; a gate that skips would stay green without having looked."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(f"NO SLURM TESTED: it could not be installed: {why}")


@pytest.fixture(scope="module")
def slurm(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A real Slurm."""
    if os.geteuid() or not shutil.which("apt-get"):
        pytest.skip("NO SLURM TESTED: installing and starting one takes root and apt-get")
    folder = Path(tempfile.mkdtemp(prefix="sirenbench-slurm-"))  # short: sockets live in it
    try:
        with cluster(folder) as made:
            yield made
    except NotInstalled as error:
        without_slurm(error)
    if not request.session.testsfailed:  # else the logs stay
        shutil.rmtree(folder)


@pytest.fixture
def flow(tmp_path: Path, slurm: Cluster) -> Iterator[Flow]:
    """The workflow, ready to run; afterwards no head and no job of it is left."""
    made = Flow(tmp_path, slurm)
    yield made
    made.close()
    slurm.mend()
    slurm.clear()
