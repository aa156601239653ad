"""A real Slurm on this machine: munge, MariaDB, slurmdbd, slurmctld and slurmd on loopback, for tests to break.

One node that pretends to have eight processors and two GPUs; a partition for ordinary jobs, and four whose jobs it
preempts: with REQUEUE or CANCEL, after a signal and some seconds (``low-``) or at once (``now-``). Everything lives in
one folder except the configuration, which has to be at /etc/slurm: programs started by Snakemake's executors do not
always keep ``SLURM_CONF``. What was there is put back.

By hand, from the folder ``tests``: ``python -m cluster.slurm [folder]`` starts it and stays until Ctrl-C or SIGTERM.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

PACKAGES = ("slurm-wlm", "slurmdbd", "mariadb-server", "munge")
PROGRAMS = ("sbatch", "slurmctld", "slurmd", "slurmdbd", "mariadbd", "mariadb-install-db", "munged")
ETC = Path("/etc/slurm")
CONFIGURATION = ("slurm.conf", "gres.conf", "slurmdbd.conf")  # slurmdbd has no option that moves its file
KEPT = ".before-tests"  # the ending of a file of ours that stood in the way
LOCK = Path(tempfile.gettempdir()) / "sirenbench-cluster.lock"
MUNGE = Path("/run/munge")
POLICY = Path("/usr/sbin/policy-rc.d")
PROCESSORS = 8
MEMORY = 16000
GRACE = 5  # seconds that a preempted job has after its signal
LARGEST_ARRAY = 16  # an array of 17 is refused

SLURM = """
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ctld}
SlurmdPort={slurmd}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=cred_expire=5
CommunicationParameters=NoCtldInAddrAny
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none

SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2
SlurmctldParameters=preempt_send_user_signal
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=1
KillWait=5
MinJobAge={min_job_age}
SlurmdTimeout=60
ReturnToService=2
MaxArraySize={largest_array}

AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={dbd}
AccountingStorageTRES=gres/gpu
AccountingStorageEnforce=limits,qos
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill

GresTypes=gpu
SlurmdParameters=config_overrides
NodeName={host} NodeAddr=127.0.0.1 CPUs={processors} RealMemory={memory} Gres=gpu:toy:2 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES PriorityTier=10 PreemptMode=OFF
PartitionName=low-requeue Nodes=ALL PriorityTier=1 PreemptMode=REQUEUE GraceTime={grace}
PartitionName=low-cancel Nodes=ALL PriorityTier=1 PreemptMode=CANCEL GraceTime={grace}
PartitionName=now-requeue Nodes=ALL PriorityTier=1 PreemptMode=REQUEUE
PartitionName=now-cancel Nodes=ALL PriorityTier=1 PreemptMode=CANCEL MaxTime=30
"""

GRES = "Name=gpu Type=toy File={folder}/gpu[0-1]\n"

SLURMDBD = """
AuthType=auth/munge
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={dbd}
SlurmUser=root
PidFile={folder}/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={database}
StorageUser=slurm
StoragePass=tests
StorageLoc=accounting
"""

DATABASE_USER = """
CREATE USER IF NOT EXISTS 'slurm'@'127.0.0.1' IDENTIFIED BY 'tests';
GRANT ALL ON accounting.* TO 'slurm'@'127.0.0.1';
"""


class ClusterFailed(Exception):
    """Says what did not come up and where its logs are."""


class NotInstalled(Exception):
    """Says why the packages could not be had."""


def install() -> None:
    """Get Debian's packages where they are missing, without starting their services. Raises NotInstalled."""
    if all(shutil.which(program) for program in PROGRAMS):
        return
    ours = not POLICY.exists()
    if ours:  # what Debian asks before it starts a service: 101 is no
        POLICY.write_text("#!/bin/sh\nexit 101\n")
        POLICY.chmod(0o755)
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        for words in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *PACKAGES]):
            subprocess.run(["apt-get", *words], env=environment, check=True, capture_output=True, timeout=600)
    except subprocess.SubprocessError as error:
        said = (getattr(error, "stderr", None) or b"").decode(errors="replace").strip()
        raise NotInstalled(f"{error}\n{said}") from error
    finally:
        if ours:
            POLICY.unlink()


@dataclass
class Cluster:
    """The daemons by name. Faults are ``kill``, ``stop_service`` and ``start_service`` of one of them."""

    folder: Path
    min_job_age: int = 5  # seconds that squeue remembers the end of a job
    largest_array: int = LARGEST_ARRAY
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    def start(self) -> None:
        """Bring everything up, one after another, each until it answers.

        Raises:
            ClusterFailed: with the folder of the logs; nothing is left running.
        """
        self.folder.chmod(0o755)
        for name in ("logs", "state", "spool"):
            (self.folder / name).mkdir()
        for name in ("gpu0", "gpu1"):  # devices like /dev/null: for plain files Slurm sets no CUDA_VISIBLE_DEVICES
            os.mknod(self.folder / name, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        (self.folder / "munge.key").write_bytes(os.urandom(1024))
        (self.folder / "munge.key").chmod(0o400)
        (self.folder / "users.sql").write_text(DATABASE_USER)
        self._configure()
        try:
            self._make_database()
            if not _succeeds("munge", "-n"):  # every Slurm program looks for munge's usual socket
                MUNGE.mkdir(mode=0o755, exist_ok=True)
                self.start_service("munged")
            self.start_service("mariadbd")
            self.start_service("slurmdbd")
            for words in (["cluster", "tests"], ["account", "tests"], ["user", "root", "account=tests"]):
                self.run("sacctmgr", "-i", "add", *words)
            for name in ("slurmctld", "slurmd"):
                self.start_service(name)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the jobs and the daemons, newest first, and put back the configuration that was there."""
        if "slurmctld" in self.running and "slurmd" in self.running:
            self.clear()
        for name in reversed(list(self.running)):
            self.stop_service(name)
        _restore()

    def clear(self, seconds: float = 20) -> None:
        """No job is left, running or waiting."""
        self.run("scancel", "--user=root")
        wait_for(lambda: not self.run("squeue", "-h"), seconds, "the queue to become empty", self.logs)

    def start_service(self, name: str) -> None:
        """Start one daemon and return when it answers."""
        command, answers = self._services()[name]
        if name == "slurmd":  # a node that lost its daemon counts as there until it is asked: wait for a younger one
            before = self._node()["SlurmdStartTime"]
            answers = lambda: self._fit(before)  # noqa: E731
        with (self.logs / f"{name}.log").open("ab") as log:
            # of its own session, so that the Ctrl-C of whoever runs the tests does not take it away
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        self.running[name] = process
        wait_for(lambda: process.poll() is not None or answers(), 40, f"{name} to answer", self.logs)
        if process.poll() is not None:
            del self.running[name]
            raise ClusterFailed(f"{name} ended at once with status {process.returncode}; logs: {self.logs}")

    def stop_service(self, name: str) -> None:
        """End one daemon in its own good time, at most 20 s."""
        process = self.running.pop(name)
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def kill(self, name: str) -> None:
        """End one daemon as a crash would; the steps of jobs are processes of their own and live on."""
        process = self.running.pop(name)
        process.kill()
        process.wait()

    def restart(self, name: str) -> None:
        self.stop_service(name)
        self.start_service(name)

    def mend(self) -> None:
        """Start the daemons that a test left without life."""
        for name in ("slurmdbd", "slurmctld", "slurmd"):
            if name not in self.running:
                self.start_service(name)

    def run(self, *words: str) -> str:
        """What a Slurm command says.

        Raises:
            ClusterFailed: with its error message.
        """
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
        if done.returncode:
            raise ClusterFailed(f"{' '.join(words)}: {done.stderr.strip()}; logs: {self.logs}")
        return done.stdout.strip()

    def queue(self) -> dict[str, str]:
        """State of every job that waits or runs, by its id (``12`` or ``12_3``)."""
        return dict(line.split() for line in self.run("squeue", "-h", "-r", "-o", "%i %T").splitlines())

    def accounts(self, *columns: str) -> list[list[str]]:
        """One row per job of ``sacct``, requeued runs of a job as rows of their own; the newest may lag by a second."""
        words = ("sacct", "-n", "-P", "-X", "-D", "-a", "-S", "now-1days", "-o", ",".join(columns))
        return [line.split("|") for line in self.run(*words).splitlines()]

    def _services(self) -> dict[str, tuple[list[str], Callable[[], bool]]]:
        """The command of each daemon (in the foreground) and whether it answers."""
        folder = self.folder
        settings = self._settings()
        munged = ["munged", "--foreground", "--num-threads=4", f"--key-file={folder}/munge.key"]
        munged += [f"--pid-file={folder}/munged.pid", f"--seed-file={folder}/munge.seed", "--log-file=/dev/stderr"]
        database = ["mariadbd", "--no-defaults", "--user=root", f"--datadir={folder}/database"]
        database += [f"--socket={folder}/database.socket", f"--pid-file={folder}/database.pid"]
        database += ["--bind-address=127.0.0.1", f"--port={settings['database']}", f"--init-file={folder}/users.sql"]
        database += ["--innodb-flush-log-at-trx-commit=0", "--innodb-lock-wait-timeout=900"]
        return {
            "munged": (munged, lambda: _succeeds("munge", "-n")),
            "mariadbd": (database, lambda: _listens(settings["database"])),
            "slurmdbd": (["slurmdbd", "-D"], lambda: _succeeds("sacctmgr", "-n", "show", "cluster")),
            "slurmctld": (["slurmctld", "-D"], lambda: _succeeds("scontrol", "ping")),
            "slurmd": (["slurmd", "-D"], lambda: False),
        }

    def _fit(self, before: str) -> bool:
        """The node takes jobs, and its daemon is another one than that which started at ``before``."""
        node = self._node()
        state = node["State"].partition("+")[0]
        return node["SlurmdStartTime"] not in {before, "None"} and state in {"IDLE", "MIXED", "ALLOCATED"}

    def _node(self) -> dict[str, str]:
        return dict(word.partition("=")[::2] for word in self.run("scontrol", "show", "node").split())

    def _settings(self) -> dict[str, object]:
        ports = dict(zip(("ctld", "slurmd", "dbd", "database"), self._ports(), strict=True))
        host = socket.gethostname().partition(".")[0]
        sizes = {"processors": PROCESSORS, "memory": MEMORY, "grace": GRACE}
        return {
            "folder": self.folder,
            "host": host,
            "min_job_age": self.min_job_age,
            "largest_array": self.largest_array,
            **ports,
            **sizes,
        }

    def _ports(self) -> list[int]:
        """Four free ports, chosen once."""
        remembered = self.folder / "ports"
        if not remembered.exists():
            sockets = [socket.socket() for _ in range(4)]
            for one in sockets:
                one.bind(("127.0.0.1", 0))
            remembered.write_text(" ".join(str(one.getsockname()[1]) for one in sockets))
            for one in sockets:
                one.close()
        return [int(word) for word in remembered.read_text().split()]

    def _configure(self) -> None:
        if (ETC / "slurm.conf").exists() and _succeeds("scontrol", "ping"):
            raise ClusterFailed(f"{ETC} belongs to a Slurm that is running; the tests would replace its configuration")
        _restore()  # what a killed run of the tests left
        ETC.mkdir(exist_ok=True)
        for name, text in zip(CONFIGURATION, (SLURM, GRES, SLURMDBD), strict=True):
            path = ETC / name
            if path.exists():
                path.rename(f"{path}{KEPT}")
            path.write_text(f"# sirenbench tests\n{text.format(**self._settings())}")
            path.chmod(0o600 if name == "slurmdbd.conf" else 0o644)  # slurmdbd insists, for the password

    def _make_database(self) -> None:
        command = ["mariadb-install-db", "--no-defaults", "--user=root", f"--datadir={self.folder}/database"]
        command += ["--auth-root-authentication-method=normal", "--skip-test-db"]
        with (self.logs / "mariadb-install-db.log").open("wb") as log:
            done = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, timeout=120)
        if done.returncode:
            raise ClusterFailed(f"mariadb-install-db ended with status {done.returncode}; logs: {self.logs}")


def wait_for(condition: Callable[[], object], seconds: float, what: str, logs: Path | str = "") -> None:
    """Look again and again until it is true.

    Raises:
        ClusterFailed: when it is still not true after ``seconds``.
    """
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise ClusterFailed(f"waited {seconds:.0f} s for {what}" + (f"; logs: {logs}" if logs else ""))
        time.sleep(0.1)


@contextmanager
def cluster(folder: Path, min_job_age: int = 5, largest_array: int = LARGEST_ARRAY) -> Iterator[Cluster]:
    """Installed, started, and stopped at the end. There is one /etc/slurm, so processes take turns."""
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        install()
        made = Cluster(folder, min_job_age, largest_array)
        made.start()
        try:
            yield made
        finally:
            made.stop()


@contextmanager
def cluster_by_hand(min_job_age: int = 5, largest_array: int = LARGEST_ARRAY) -> Iterator[Cluster]:
    """In a folder of its own, which is removed in the end; if something fails it stays, and is named."""
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    try:
        with cluster(folder, min_job_age, largest_array) as made:
            yield made
    except BaseException:
        print(f"Slurm's folder: {folder}", file=sys.stderr)
        raise
    shutil.rmtree(folder)


def _succeeds(*words: str) -> bool:
    return subprocess.run(words, capture_output=True, timeout=60).returncode == 0


def _listens(port: object) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(str(port)))) == 0


def _restore() -> None:
    """Remove our files from /etc/slurm and bring back those that they replaced."""
    for path in (ETC / name for name in CONFIGURATION):
        kept = Path(f"{path}{KEPT}")
        if kept.exists():
            kept.replace(path)
        elif path.exists() and path.read_text().startswith("# sirenbench tests\n"):
            path.unlink()


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="slurm-"))
    folder.mkdir(parents=True, exist_ok=True)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    with cluster(folder) as made:
        print(f"Slurm is up: {made.run('sinfo')}\nlogs: {made.logs}", flush=True)
        signal.pause()


if __name__ == "__main__":
    main()
