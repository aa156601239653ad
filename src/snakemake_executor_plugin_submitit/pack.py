"""What runs in one allocation: jobs one after another, each with its own end.

The callable that submitit runs on the node. It must start fast, so it imports nothing of Snakemake before it needs it.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from submitit.core.utils import DelayedSubmission

from snakemake_executor_plugin_submitit.outcomes import Outcome, Outcomes
from snakemake_executor_plugin_submitit.warm import Launcher, Process

_LOOK_SECONDS, _SIGTERM_LOOKS = 0.05, 40
_KILL_SECONDS = 5
_CLOCK_SECONDS = 35


@dataclass(frozen=True)
class Task:
    """One job: a shell command line, and the names of its outcome and its log."""

    key: str
    command: str


class Pack:
    """Jobs that share an allocation, run one after another; one that fails costs only itself.

    Slurm sends SIGUSR2 before it ends the allocation, because its time is over or for a job of higher priority. It is
    passed on to the running job, which may write a checkpoint and end. Then the allocation is queued again under its
    id, and goes on with the first job that has no outcome.

    Parameters
    ----------
    folder
        Of outcomes and logs.
    tasks
        The jobs.
    minutes
        Time limit of the allocation.
    signal_seconds
        How long before the limit the signal comes, which is also how long a job may take to react.
    max_requeues
        How often the allocation may run out of time; losing it to another job does not count.
    preload
        Modules to import once, before the first job asks for them.
    """

    def __init__(
        self,
        folder: Path,
        tasks: Sequence[Task],
        *,
        minutes: int,
        signal_seconds: int,
        max_requeues: int,
        preload: Sequence[str] = (),
    ) -> None:
        self._folder = folder
        self._tasks = tuple(tasks)
        self._minutes = minutes
        self._signal_seconds = signal_seconds
        self._max_requeues = max_requeues
        self._preload = tuple(preload)
        self._requeues = 0
        self._ends: list[int] = []
        self._outcomes = Outcomes(folder / "outcomes")
        self._done: set[str] = set()  # the head removes outcomes; this lasts as long as the pack
        self._end = 0.0

    def __call__(self) -> None:
        """Run every job that has no outcome yet."""
        self._end = time.time() + 60 * self._minutes
        os.environ.setdefault("SLURM_JOB_END_TIME", str(int(self._end)))  # not every Slurm says so
        queue_again = signal.getsignal(signal.SIGUSR2)
        is_asked: list[int] = []
        signal.signal(signal.SIGUSR2, lambda number, frame: is_asked.append(number))
        signal.signal(signal.SIGTERM, lambda number, frame: self._ends.append(number))
        with Launcher(self._preload) as launcher:
            for task in self._tasks:
                if self._is_left(task) and not self._run(task, launcher, lambda: bool(is_asked)):
                    assert callable(queue_again)
                    queue_again(signal.SIGUSR2, None)

    def checkpoint(self) -> DelayedSubmission | None:
        """Called by submitit when the allocation has to end: what to queue again, None if nothing."""
        left = [task for task in self._tasks if self._is_left(task)]
        if not left:
            raise SystemExit(0)
        if self._is_out_of_time():
            self._requeues += 1
            if self._requeues > self._max_requeues:
                self._give_up(left, f"out of time ({self._minutes} min), {self._requeues} times")
                return None
        return DelayedSubmission(self)

    def _is_left(self, task: Task) -> bool:
        return task.key not in self._done and self._outcomes.read(task.key) is None

    def _run(self, task: Task, launcher: Launcher, is_asked: Callable[[], bool]) -> bool:
        """Run a job; False if the allocation has to end."""
        started = time.time()
        log = self._folder / "logs" / f"{task.key}.log"
        process = launcher.start(task.command, log, is_last=task is self._tasks[-1])
        if not launcher.wait(process, until=is_asked):
            has_stopped = self._stop(process, launcher)
            if process.code != 0 and (has_stopped or not self._is_out_of_time()):
                return False
        if process.code != 0 and self._is_ending():
            # Slurm ends the allocation, and may queue it again: the job has not failed by itself.
            raise SystemExit(1)
        if process.code != 0 and not is_asked() and self._is_out_of_time() and self._is_mostly_over():
            return False  # it may know its end, and have stopped before it was asked to
        self._outcomes.write(task.key, self._outcome(process, started, is_asked()))
        self._done.add(task.key)
        return not is_asked()

    def _is_ending(self) -> bool:
        """Whether Slurm ends the allocation: its SIGTERM reaches one process after the other, the job perhaps first."""
        for _ in range(_SIGTERM_LOOKS):
            if not self._ends:
                signal.sigtimedwait([], _LOOK_SECONDS)
        return bool(self._ends)

    def _stop(self, process: Process, launcher: Launcher) -> bool:
        """Ask the running job to stop; tells whether it did without being killed."""
        process.send(signal.SIGUSR2)
        patience = min(self._signal_seconds, self._end - time.time() - 2 * _KILL_SECONDS)
        if launcher.wait(process, seconds=max(patience, _KILL_SECONDS)):
            return True
        process.send(signal.SIGTERM)
        if not launcher.wait(process, seconds=_KILL_SECONDS):
            process.send(signal.SIGKILL)
            launcher.wait(process)
        return False

    def _outcome(self, process: Process, started: float, is_late: bool) -> Outcome:
        code = process.code or 0
        reason = f"killed by {signal.Signals(-code).name}" if code < 0 else ""
        if code and is_late:
            reason = f"out of time ({self._minutes} min); it does not stop on SIGUSR2, so it cannot go on later"
        return Outcome(code, reason, socket.gethostname(), started, time.time())

    def _is_out_of_time(self) -> bool:
        """Whether the time limit is what ends the allocation: Slurm looks at its clock every 30 s."""
        return self._end - time.time() < self._signal_seconds + _CLOCK_SECONDS

    def _is_mostly_over(self) -> bool:
        return self._end - time.time() < 60 * self._minutes / 2

    def _give_up(self, tasks: Sequence[Task], reason: str) -> None:
        for task in tasks:
            self._outcomes.write(task.key, Outcome(1, reason, socket.gethostname(), ended=time.time()))


class JobFailed(Exception):
    """Says which job, and why."""


class Single(Pack):
    """A job with an allocation of its own, which has failed if the job has: for who follows the allocation."""

    def __call__(self) -> None:
        super().__call__()
        self._raise_failure()

    def checkpoint(self) -> DelayedSubmission | None:
        self._raise_failure()
        return super().checkpoint()

    def _raise_failure(self) -> None:
        for task in self._tasks:
            outcome = self._outcomes.read(task.key)
            if outcome and outcome.exit:
                raise JobFailed(f"{task.key}: {outcome.why}")
