"""Where allocations run, by submitit: Slurm, processes of this machine, or this very process."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import submitit
from snakemake_interface_common.exceptions import WorkflowError

from snakemake_executor_plugin_submitit.pack import Pack
from snakemake_executor_plugin_submitit.request import Request
from snakemake_executor_plugin_submitit.settings import ExecutorSettings

_ANSWER_SECONDS = 30
_DEFAULT_ARRAY = 1000
#: Why squeue says that a job waits, where no waiting helps.
_IN_VAIN = {
    "PartitionTimeLimit": "its time limit is above that of the partition; lower the resource runtime",
    "PartitionNodeLimit": "it asks for more nodes than the partition gives; lower the resource nodes",
    "PartitionConfig": "it asks for what the partition does not allow",
    "BadConstraints": "no node is what it asks for; look at the resources constraint, gres, gpu_model, threads, mem_mb",
    "InvalidAccount": "look at the resource slurm_account",
    "InvalidQOS": "look at the resource qos",
    "QOSMaxWallDurationPerJobLimit": "its time limit is above that of the qos; lower the resource runtime",
    "AssocMaxWallDurationPerJobLimit": "its time limit is above that of the account; lower the resource runtime",
    "JobHeldUser": "somebody holds it; `scontrol release` lets it go",
    "JobHeldAdmin": "the administrator holds it",
    "JobHoldMaxRequeue": "it was queued again too often for this cluster (MaxBatchRequeue)",
    "launch failed requeued held": "its nodes could not start it; `scontrol release` tries again",
}
#: What sbatch says where it may take the same submission later: too many jobs of a user, or a controller that is away.
#: Whole lines, because names of the user's are in others.
_TOO_MANY = re.compile(r"^\w*Submit\w*Limit$|\bResource temporarily unavailable$", re.MULTILINE)
_AWAY = re.compile(
    r"^Batch job submission failed: (?:Unable to contact slurm controller \(\w+ failure\)"
    r"|Socket timed out on send/recv operation|Zero Bytes were transmitted or received"
    r"|Slurm backup controller in standby mode|Controller is in standby mode, try a different controller"
    r"|Rate limit exceeded, please retry momentarily)$",
    re.MULTILINE,
)
#: Defaults of a user that hold where a workflow names nothing else. Slurm would let them win over what is in a script.
_DEFAULTS = ("account", "partition", "qos", "reservation")
_FILE = re.compile(r"(\d+(?:_\d+)?)_(?:\d+_log\.out|\d+_log\.err|\d+_result\.pkl|submitted\.pkl|submission\.sh)")
_UNSENT = re.compile(r"[0-9a-f]{32}\.pkl|\.submission_file_[0-9a-f]{32}\.sh")
#: Variables of a user that would let a command answer, or cancel, less or more than what is asked.
_FILTERS = ("SQUEUE_", "SCANCEL_", "SACCT_", "SLURM_CLUSTERS")
_AT_ONCE = 500  # ids in one question to the accounting
NO_LIMIT = 10**6  # of time-outs: the pack counts them, and knows time limits below ten minutes too


class SubmissionError(Exception):
    """The cluster did not take a submission."""


class NotNowError(SubmissionError):
    """It may take it later.

    Attributes
    ----------
    is_too_many
        Whether it may take a part of it now.
    """

    def __init__(self, message: str, *, is_too_many: bool) -> None:
        super().__init__(message)
        self.is_too_many = is_too_many


@dataclass(frozen=True)
class Room:
    """How many packs can run at once: more than run now, and in all."""

    now: int
    in_all: int


class Cluster(ABC):
    """Takes packs, tells which are still there, and cancels them."""

    #: How often :meth:`present` may be asked, in seconds.
    patience = 1.0
    #: Whether an outcome may be seen later than the end of its allocation.
    has_shared_files = False

    def __init__(self, folder: Path, settings: ExecutorSettings) -> None:
        self._folder = folder
        self._settings = settings
        #: Reasons for which allocations wait in vain, and one that does, by the last answer of the queue.
        self.stuck: dict[str, str] = {}

    @property
    def longest_array(self) -> int:
        """How many packs one submission may have."""
        return _DEFAULT_ARRAY

    def room(self, request: Request) -> Room | None:
        """How many packs with a request it takes, None for any number; what it does not take waits here."""
        return None

    def adopt(self, id: str, request: Request) -> None:  # noqa: B027 - most need not know
        """Know of an allocation that a head process before this one submitted."""

    @abstractmethod
    def submit(self, packs: Sequence[Pack], request: Request, mark: str) -> list[str]:
        """Submit packs with the same request; their ids. ``mark`` names the submission in the queue.

        Raises
        ------
        SubmissionError
            If it is not taken; NotNowError, if not now.
        """

    @abstractmethod
    def present(self, ids: Collection[str]) -> set[str] | None:
        """Those allocations that wait or run; None if nobody answers."""

    def marked(self) -> dict[tuple[str, int], str] | None:
        """Ids of the packs in the queue, by the mark of their submission and their number; None if nobody answers."""
        return {}

    def deliver(self, id: str, pack: Pack, request: Request) -> None:
        """Give an allocation its pack, which :meth:`submit` does for those that it gets the ids of."""
        submission = submitit.core.utils.DelayedSubmission(pack)
        submission.set_timeout(request.minutes, NO_LIMIT)
        paths = submitit.core.utils.JobPaths(self._jobs_folder, id)
        with submitit.core.utils.temporary_save_path(paths.submitted_pickle) as path:
            submission.dump(path)

    def why_gone(self, ids: Sequence[str]) -> dict[str, str]:
        """What is known of allocations that ended without an outcome."""
        return dict.fromkeys(ids, "its process is gone")

    @abstractmethod
    def cancel(self, ids: Collection[str]) -> bool:
        """End allocations; False if some of them may run on."""

    def tidy(self, ids: Collection[str]) -> None:
        """Remove submitit's files of allocations that nobody will ask about."""
        files = {path: found[1] for path in self._jobs_folder.glob("*") if (found := _FILE.fullmatch(path.name))}
        kept = {id.partition("_")[0] for id in files.values() if "_" in id and id not in ids}
        arrays = {id.partition("_")[0] for id in ids} - kept
        for path, id in files.items():
            if id in ids or id in arrays:
                path.unlink(missing_ok=True)

    @property
    def _jobs_folder(self) -> Path:
        return self._folder / "jobs"


class Slurm(Cluster):
    """Arrays of Slurm; one `squeue` for all jobs."""

    patience = 10.0
    has_shared_files = True

    def __init__(self, folder: Path, settings: ExecutorSettings) -> None:
        super().__init__(folder, settings)
        missing = [program for program in ("sbatch", "squeue", "srun") if not shutil.which(program)]
        if missing:
            raise WorkflowError(
                f"--submitit-cluster slurm: no {' and no '.join(missing)} here. Start Snakemake where Slurm's commands "
                "are, or with --submitit-cluster local, which runs jobs as processes of this machine"
            )

    @cached_property
    def longest_array(self) -> int:
        answer = _ask("scontrol", "show", "config") or ""
        found = re.search(r"MaxArraySize\s*=\s*(\d+)", answer)
        return max(1, int(found[1])) if found else _DEFAULT_ARRAY

    def submit(self, packs: Sequence[Pack], request: Request, mark: str) -> list[str]:
        options = dict(request.slurm)
        executor = submitit.SlurmExecutor(self._jobs_folder, max_num_timeout=NO_LIMIT)
        executor.update_parameters(
            job_name=request.name,
            time=request.minutes,
            cpus_per_task=request.threads,
            comment=mark,
            wckey=None,  # submitit names one, which a cluster that accounts by them may not know
            signal_delay_s=request.lead(self._settings.signal_seconds),
            array_parallelism=len(packs),
            stderr_to_stdout=True,
            # Since Slurm 22.05, srun does not inherit cpus-per-task; on several nodes it would start several packs.
            srun_args=["--nodes=1", "--ntasks=1", "--cpus-per-task", str(request.threads)],
            additional_parameters={
                "requeue": True,
                **({"mem": request.mem_mb} if request.mem_mb else {}),
                **{key: value or True for key, value in options.items()},
            },
        )
        try:
            with own_environment(options), redirect_stderr(io.StringIO()):  # where submitit repeats the error
                return [job.job_id for job in executor.submit_array(list(packs))]
        except (submitit.core.utils.FailedJobError, submitit.core.utils.FailedSubmissionError, OSError) as error:
            for path in self._jobs_folder.iterdir():
                if _UNSENT.fullmatch(path.name):
                    path.unlink(missing_ok=True)
            raise _refusal(str(error)) from error

    def present(self, ids: Collection[str]) -> set[str] | None:
        answer = _ask("squeue", "-h", "-r", "-u", str(os.getuid()), "-o", "%F|%K|%A|%r")
        if answer is None:
            return None
        rows = _rows(answer, 4)
        known = {_id(array, task): reason for array, task, _, reason in rows}
        self.stuck = {f"{why}: {_IN_VAIN[why]}": id for id, why in known.items() if id in ids and why in _IN_VAIN}
        return set(known) | {job for _, _, job, _ in rows}

    def marked(self) -> dict[tuple[str, int], str] | None:
        answer = _ask("squeue", "-h", "-r", "-u", str(os.getuid()), "-o", "%F|%K|%k")
        if answer is None:
            return None
        rows = _rows(answer, 3)
        return {(mark, int(task) if task.isdigit() else 0): _id(array, task) for array, task, mark in rows}

    def why_gone(self, ids: Sequence[str]) -> dict[str, str]:
        told = dict.fromkeys(ids, "it left the queue, and the accounting does not answer")
        for start in range(0, len(ids), _AT_ONCE):
            some = ",".join(ids[start : start + _AT_ONCE])
            answer = _ask("sacct", "-n", "-X", "-P", "-j", some, "-o", "JobID,State,ExitCode,NodeList")
            if answer is None:
                break
            for id, state, code, nodes in _rows(answer, 4):
                told[id] = f"Slurm says {state} (exit code {code}) on {nodes}"
        return told

    def cancel(self, ids: Collection[str]) -> bool:
        arrays = arrays_of(ids)
        if not arrays or _ask("scancel", "--quiet", *arrays) is not None:
            return True
        present = self.present(ids)  # perhaps it was only about one that had ended
        return present is not None and present.isdisjoint(ids)


@dataclass(frozen=True)
class Share:
    """What of this machine a process has."""

    gpus: list[int]
    threads: int


class Local(Cluster):
    """Processes of this machine, each with processors and GPUs of its own."""

    def __init__(self, folder: Path, settings: ExecutorSettings) -> None:
        super().__init__(folder, settings)
        self._gpus = [int(word) for word in settings.gpus.split(",") if word] or _visible_gpus()
        if settings.processors < 0:
            raise WorkflowError(
                f"--submitit-processors {settings.processors}: at least 1, or 0 for all of this machine"
            )
        self._processors = settings.processors or len(os.sched_getaffinity(0))
        self._taken: dict[str, Share] = {}
        self._jobs: dict[str, submitit.Job] = {}

    @property
    def longest_array(self) -> int:
        return 1

    def room(self, request: Request) -> Room:
        if request.gpus > len(self._gpus):
            raise WorkflowError(
                f"rule {request.name} asks for {request.gpus} GPUs; this machine hands out {len(self._gpus)}. "
                "Lower the resource gpu, or name the GPUs with --submitit-gpus"
            )
        shares = self._shares()
        free = self._processors - sum(share.threads for share in shares)
        # Who asks for more threads than there are processors has the machine alone.
        now, in_all = max(free // request.threads, 0 if shares else 1), max(self._processors // request.threads, 1)
        if not request.gpus:
            return Room(now, in_all)
        return Room(min(now, len(self._free(shares)) // request.gpus), min(in_all, len(self._gpus) // request.gpus))

    def adopt(self, id: str, request: Request) -> None:
        self._taken.setdefault(id, Share(_gpus_of(id) if request.gpus else [], request.threads))

    def submit(self, packs: Sequence[Pack], request: Request, mark: str) -> list[str]:
        gpus = self._free(self._shares())[: request.gpus]
        executor = submitit.LocalExecutor(self._jobs_folder, max_num_timeout=NO_LIMIT)
        executor.update_parameters(
            timeout_min=request.minutes,
            signal_delay_s=request.lead(self._settings.signal_seconds),
            stderr_to_stdout=True,
            gpus_per_node=request.gpus,
            visible_gpus=gpus,
        )
        ids = []
        for pack in packs:
            job = executor.submit(pack)
            self._taken[job.job_id], self._jobs[job.job_id] = Share(gpus, request.threads), job
            ids.append(job.job_id)
        return ids

    def present(self, ids: Collection[str]) -> set[str] | None:
        return {id for id in ids if self._is_alive(id)}

    def cancel(self, ids: Collection[str]) -> bool:
        for id in ids:
            if self._is_alive(id):
                os.kill(int(id), 2)
        return True

    def _free(self, shares: Iterable[Share]) -> list[int]:
        taken = {gpu for share in shares for gpu in share.gpus}
        return [gpu for gpu in self._gpus if gpu not in taken]

    def _shares(self) -> list[Share]:
        self._taken = {id: share for id, share in self._taken.items() if self._is_alive(id)}
        return list(self._taken.values())

    def _is_alive(self, id: str) -> bool:
        if id in self._jobs:
            return not self._jobs[id].done()
        with suppress(OSError):  # of a head process before this one
            return str(self._jobs_folder).encode() in Path(f"/proc/{id}/cmdline").read_bytes()
        return False


class Debug(Cluster):
    """This process, for breakpoints."""

    @property
    def longest_array(self) -> int:
        return 1

    def submit(self, packs: Sequence[Pack], request: Request, mark: str) -> list[str]:
        jobs = [submitit.DebugExecutor(self._jobs_folder).submit(pack) for pack in packs]
        for job in jobs:
            with own_environment(()):  # in which the pack says when it ends
                job.exception()
        return [job.job_id for job in jobs]

    def present(self, ids: Collection[str]) -> set[str] | None:
        return set()

    def cancel(self, ids: Collection[str]) -> bool:
        return True


CLUSTERS: Mapping[str, type[Cluster]] = {"slurm": Slurm, "local": Local, "debug": Debug}


def arrays_of(ids: Iterable[str]) -> list[str]:
    """What ``scancel`` is given to end allocations; those whose id is not known yet are none."""
    return sorted({id.partition("_")[0] for id in ids} - {""})


def _id(array: str, task: str) -> str:
    """Of an allocation as submitit has it; ``task`` is ``N/A`` outside of arrays."""
    return f"{array}_{task}" if task.isdigit() else array


def _refusal(said: str) -> SubmissionError:
    """What sbatch said, without the rest of submitit's message, as an error of the right kind."""
    lines = [line.partition("error: ")[2] for line in said.splitlines() if line.startswith("sbatch: error: ")]
    text = f"sbatch did not take it: {'; '.join(dict.fromkeys(lines)) or said}"
    what = "\n".join(lines) or said
    if found := _TOO_MANY.search(what) or _AWAY.search(what):
        return NotNowError(text, is_too_many=found.re is _TOO_MANY)
    return SubmissionError(text)


@contextmanager
def own_environment(options: Collection[str]) -> Iterator[None]:
    """Without the variables of the job that the head process may be, and the user's that would win over options.

    What is set of their kind while it is open is gone afterwards.
    """
    kept = {"SLURM_CONF", *(f"SBATCH_{name.upper()}" for name in _DEFAULTS if name not in options)}
    ours = {name: os.environ[name] for name in _slurm_variables()}
    for name in ours.keys() - kept:
        del os.environ[name]
    try:
        yield
    finally:
        for name in _slurm_variables() - ours.keys():
            del os.environ[name]
        os.environ.update(ours)


def _slurm_variables() -> set[str]:
    return {name for name in os.environ if name.startswith(("SLURM", "SRUN_", "SBATCH_"))}


def _rows(answer: str, columns: int) -> list[list[str]]:
    """What Slurm prints with ``|`` between the columns, without lines of another kind, such as ``CLUSTER: name``."""
    rows = [line.split("|", columns - 1) for line in answer.splitlines()]
    return [row for row in rows if len(row) == columns]


def _ask(*words: str) -> str | None:
    """What a command prints, None if it fails or does not answer."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_FILTERS)}
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=_ANSWER_SECONDS, check=True, env=environment
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout


def _gpus_of(id: str) -> list[int]:
    """Those that a local allocation was given."""
    with suppress(OSError):
        for word in Path(f"/proc/{id}/environ").read_bytes().split(b"\0"):
            if word.startswith(b"CUDA_VISIBLE_DEVICES="):
                return _numbers(word.partition(b"=")[2].decode())
    return []


def _visible_gpus() -> list[int]:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return _numbers(visible)
    return list(range(len((_ask("nvidia-smi", "-L") or "").splitlines())))


def _numbers(visible: str) -> list[int]:
    return [int(word) for word in visible.split(",") if word.isdigit()]
