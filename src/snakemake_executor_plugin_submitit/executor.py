"""Snakemake jobs on a cluster through submitit: arrays, packs, ends learned from files, allocations queued again."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
import uuid
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from snakemake_interface_common.exceptions import WorkflowError
from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor
from snakemake_interface_executor_plugins.jobs import JobExecutorInterface
from snakemake_interface_executor_plugins.logging import LoggerExecutorInterface
from snakemake_interface_executor_plugins.workflow import WorkflowExecutorInterface

from snakemake_executor_plugin_submitit.clusters import CLUSTERS, SubmissionError
from snakemake_executor_plugin_submitit.ledger import Entry, Ledger, identity
from snakemake_executor_plugin_submitit.outcomes import Outcome, Outcomes
from snakemake_executor_plugin_submitit.pack import Pack, Task
from snakemake_executor_plugin_submitit.request import Request, request_of

_SLOWEST = 60.0  # seconds between two questions to the queue while nothing happens


@dataclass
class Submitted:
    """What is known of a submitted job: its entry in the ledger, and since when its allocation is missed."""

    identity: str
    entry: Entry
    missed_since: float | None = None


class Executor(RemoteExecutor):
    """Submits jobs as arrays and follows each of them by the file that it leaves."""

    def __init__(self, workflow: WorkflowExecutorInterface, logger: LoggerExecutorInterface) -> None:
        settings = workflow.executor_settings
        self._settings = settings
        self._folder = Path(settings.folder).absolute()
        self._outcomes = Outcomes(self._folder / "outcomes")
        self._ledger = Ledger(self._folder / "ledger")
        self._cluster = CLUSTERS[settings.cluster](self._folder, settings)
        self._waiting: list[tuple[Request, list[JobExecutorInterface]]] = []
        self._submitting = threading.Lock()
        self._followed: dict[str, Submitted] = {}
        self._ended: dict[str, bool] = {}  # allocations: whether all went well in them
        self._warned: set[str] = set()
        self._asked = 0.0
        self._pause = self._cluster.patience
        super().__init__(workflow, logger)  # whose thread starts to look for ends at once
        self.next_seconds_between_status_checks = 1

    @property
    def cores(self) -> str:
        return "all"  # of the allocation, not of the machine that submits

    def run_jobs(self, jobs: list[JobExecutorInterface]) -> None:
        """Submit jobs that are ready, those with the same request together; adopt those that run already."""
        # Snakemake would wait for all of them to finish. As Ctrl-C does, it is to end them.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        for job in jobs:
            self.run_job_pre(job)
        adopted = self._adopt(jobs)
        grouped: dict[Request, list[JobExecutorInterface]] = {}
        for job in jobs:
            if job not in adopted:
                grouped.setdefault(request_of(job), []).append(job)
        for request, members in grouped.items():
            self._waiting += [(request, pack) for pack in _split(members, self._settings.pack)]
        self._submit_waiting()

    def run_job(self, job: JobExecutorInterface) -> None:
        self.run_jobs([job])

    async def check_active_jobs(self, active_jobs: list[SubmittedJobInfo]) -> AsyncGenerator[SubmittedJobInfo, None]:
        """Report the jobs that have an outcome, and those whose allocation is gone for good."""
        ended = set(self._outcomes.keys())
        left = []
        for info in active_jobs:
            key = _known(info).entry.key
            outcome = self._outcomes.read(key) if key in ended else None
            if outcome is None:  # or one that cannot be read, which is none in the end
                left.append(info)
            else:
                self._report(info, outcome)
        has_news = len(left) < len(active_jobs)
        if left and await self._may_ask(has_news):
            present = await asyncio.to_thread(self._cluster.present, {_known(info).entry.id for info in left})
            self._warn_of_stuck()
            left = [info for info in left if not self._is_lost(info, present)]
        if has_news or self._waiting:
            self._submit_waiting()
        for info in left:
            yield info

    def cancel_jobs(self, active_jobs: list[SubmittedJobInfo]) -> None:
        """End all jobs by one call."""
        self._waiting.clear()
        # Not only those given here: while the thread looks at them, the list of active jobs is empty.
        followed = list(self._followed.values())
        self._cluster.cancel({submitted.entry.id for submitted in followed} - {""})
        for submitted in followed:
            self._ledger.forget(submitted.identity)

    def shutdown(self) -> None:
        """Remove submitit's files of the allocations in which everything went well."""
        super().shutdown()
        unfinished = {submitted.entry.id for submitted in self._followed.values()}
        self._cluster.tidy({id for id, is_well in self._ended.items() if is_well} - unfinished)

    def _submit_waiting(self) -> None:
        with self._submitting:  # both the scheduler and the thread that looks for ends come here
            waiting, self._waiting = self._waiting, []
            for request, packs in _arrays(waiting, self._cluster.longest_array):
                if self._cluster.can_take(request):
                    self._submit(request, packs)
                else:
                    self._waiting += [(request, pack) for pack in packs]

    def _submit(self, request: Request, packs: Sequence[Sequence[JobExecutorInterface]]) -> None:
        mark = f"snakemake-{uuid.uuid4().hex[:12]}"
        lasting = request.lasting(request.minutes * max(len(pack) for pack in packs))
        entries = [
            [(identity(job), Entry(f"{job.name}-{identity(job)}-{mark[-12:]}", mark, number)) for job in pack]
            for number, pack in enumerate(packs)
        ]
        for name, entry in _flat(entries):
            self._ledger.write(name, entry)
        built = [self._pack(pack, known, lasting) for pack, known in zip(packs, entries, strict=True)]
        try:
            ids = self._cluster.submit(built, lasting, mark)
        except SubmissionError as error:
            self._refused(packs, str(error))
            return
        for id, pack, known in zip(ids, packs, entries, strict=True):
            for job, (name, entry) in zip(pack, known, strict=True):
                submitted = replace(entry, id=id)
                self._ledger.write(name, submitted)
                self._follow(job, Submitted(name, submitted))

    def _refused(self, packs: Sequence[Sequence[JobExecutorInterface]], reason: str) -> None:
        """The controller may be down for a while: its jobs fail, to be tried again, and nothing else ends."""
        for job in _flat(packs):
            self._ledger.forget(identity(job))
            self.report_job_error(SubmittedJobInfo(job), msg=f"{reason}. ")

    def _pack(self, jobs: Sequence[JobExecutorInterface], known: Sequence[tuple[str, Entry]], request: Request) -> Pack:
        return Pack(
            self._folder,
            [Task(entry.key, self.format_job_exec(job)) for job, (_, entry) in zip(jobs, known, strict=True)],
            minutes=request.minutes,
            signal_seconds=self._settings.signal_seconds,
            max_requeues=self._settings.max_requeues,
            preload=[module for module in self._settings.preload.split(",") if module],
        )

    def _follow(self, job: JobExecutorInterface, submitted: Submitted) -> None:
        self._followed[submitted.identity] = submitted
        info = SubmittedJobInfo(job, external_jobid=submitted.entry.id, aux={"submitted": submitted})
        self.report_job_submission(info)

    def _adopt(self, jobs: Sequence[JobExecutorInterface]) -> set[JobExecutorInterface]:
        """Follow the jobs that a head process before this one submitted, and that run or are done; which they are."""
        entries = {job: self._entry(identity(job)) for job in jobs}
        known = {job: entry for job, entry in entries.items() if entry is not None}
        present = self._cluster.present({entry.id for entry in known.values()}) if known else set()
        adopted = set()
        for job, entry in known.items():
            outcome = self._outcomes.read(entry.key)
            is_done = outcome is not None and outcome.exit == 0 and all(Path(str(file)).exists() for file in job.output)
            if is_done or (outcome is None and entry.id in (present or set())):
                self.logger.info(f"{job.name}: {', '.join(map(str, job.output))} was submitted before, job {entry.id}")
                self._follow(job, Submitted(identity(job), entry))
                adopted.add(job)
            else:
                self._outcomes.forget(entry.key)
        return adopted

    def _entry(self, name: str) -> Entry | None:
        """Where a job went; its id from the queue where the head process died before it was answered."""
        entry = self._ledger.read(name)
        if entry is None or entry.id:
            return entry
        return replace(entry, id=self._cluster.marked(entry.mark).get(entry.number, ""))

    async def _may_ask(self, has_news: bool) -> bool:
        """Whether it is time to ask the queue again; the longer nothing happens, the more rarely."""
        self._pause = self._cluster.patience if has_news else self._pause
        if time.monotonic() - self._asked < self._pause:
            return False
        self._asked = time.monotonic()
        self._pause = min(1.5 * self._pause, max(self._cluster.patience, min(_SLOWEST, self._settings.lost_seconds)))
        return True

    def _is_lost(self, info: SubmittedJobInfo, present: set[str] | None) -> bool:
        """Report a job whose allocation has left the queue, once its outcome had time to show."""
        submitted = _known(info)
        if present is None or submitted.entry.id in present:
            submitted.missed_since = None
            return False
        now = time.monotonic()
        if submitted.missed_since is None:
            submitted.missed_since = now
        self._pause = self._cluster.patience
        if self._cluster.has_shared_files and now - submitted.missed_since < self._settings.lost_seconds:
            return False
        if self._outcomes.read(submitted.entry.key) is not None:
            return False  # it came this moment
        self._end(info, f"job {submitted.entry.id} left no outcome: {self._cluster.why_gone(submitted.entry.id)}")
        return True

    def _warn_of_stuck(self) -> None:
        """Say once of each reason for which jobs wait in vain that they do."""
        for reason, id in self._cluster.stuck.items():
            if reason not in self._warned:
                self._warned.add(reason)
                self.logger.warning(f"Job {id} waits, and will not start as it is. Slurm says {reason}")

    def _report(self, info: SubmittedJobInfo, outcome: Outcome) -> None:
        if outcome.exit == 0:
            self._forget(info)
            self._ended.setdefault(_known(info).entry.id, True)
            self._log_of(info).unlink(missing_ok=True)
            self.report_job_success(info)
        else:
            reason = outcome.reason or f"exit status {outcome.exit}"
            self._end(info, f"job {_known(info).entry.id} on {outcome.host}: {reason}")

    def _end(self, info: SubmittedJobInfo, reason: str) -> None:
        self._forget(info)
        self._ended[_known(info).entry.id] = False
        log = self._log_of(info)
        self.report_job_error(info, msg=f"{reason}. ", aux_logs=[str(log)] if log.exists() else [])

    def _forget(self, info: SubmittedJobInfo) -> None:
        self._followed.pop(_known(info).identity, None)
        self._ledger.forget(_known(info).identity)
        self._outcomes.forget(_known(info).entry.key)

    def _log_of(self, info: SubmittedJobInfo) -> Path:
        return self._folder / "logs" / f"{_known(info).entry.key}.log"


def _known(info: SubmittedJobInfo) -> Submitted:
    assert info.aux is not None
    return info.aux["submitted"]


def _split(jobs: Sequence[JobExecutorInterface], size: int) -> Iterator[list[JobExecutorInterface]]:
    if size < 1:
        raise WorkflowError(f"--submitit-pack {size}: a pack has at least 1 job")
    for start in range(0, len(jobs), size):
        yield list(jobs[start : start + size])


def _arrays(
    waiting: Iterable[tuple[Request, list[JobExecutorInterface]]], longest: int
) -> Iterator[tuple[Request, list[list[JobExecutorInterface]]]]:
    """Packs with the same request together, at most ``longest`` at once."""
    grouped: dict[Request, list[list[JobExecutorInterface]]] = {}
    for request, pack in waiting:
        grouped.setdefault(request, []).append(pack)
    for request, packs in grouped.items():
        for start in range(0, len(packs), longest):
            yield request, packs[start : start + longest]


def _flat(entries: Iterable[Iterable[Any]]) -> Iterator[Any]:
    for inner in entries:
        yield from inner
