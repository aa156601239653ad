"""Snakemake jobs on a cluster through submitit: arrays, packs, ends learned from files, allocations queued again."""

from __future__ import annotations

import asyncio
import math
import signal
import threading
import time
import uuid
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from snakemake_interface_common.exceptions import WorkflowError
from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor
from snakemake_interface_executor_plugins.jobs import JobExecutorInterface
from snakemake_interface_executor_plugins.logging import LoggerExecutorInterface
from snakemake_interface_executor_plugins.workflow import WorkflowExecutorInterface

from snakemake_executor_plugin_submitit.clusters import CLUSTERS, NotNowError, SubmissionError, arrays_of
from snakemake_executor_plugin_submitit.ledger import Entry, Ledger, identity
from snakemake_executor_plugin_submitit.outcomes import Outcome, Outcomes, pack_of
from snakemake_executor_plugin_submitit.pace import Pace
from snakemake_executor_plugin_submitit.pack import Pack, Task
from snakemake_executor_plugin_submitit.request import Request, request_of

_SLOWEST = 60.0  # seconds between two questions to the queue while nothing happens
_TIDY_FROM = 200  # allocations whose files are left


@dataclass
class Ended:
    """What is known of an allocation of which a job has ended: its id, and whether all went well in it."""

    id: str
    went_well: bool = True


@dataclass(frozen=True)
class Submission:
    """Packs that go out together, as an array."""

    mark: str
    request: Request
    packs: Sequence[Sequence[JobExecutorInterface]]

    @property
    def lasting(self) -> Request:
        """What each of its allocations asks for."""
        return self.request.lasting(self.request.minutes * max(len(pack) for pack in self.packs))

    @property
    def jobs(self) -> Iterator[JobExecutorInterface]:
        """All of them."""
        for pack in self.packs:
            yield from pack

    def entry(self, job: JobExecutorInterface, number: int) -> Entry:
        """The entry of a job of a pack, before there is an id."""
        return Entry(f"{job.name}-{identity(job)}-{self.mark[-12:]}.{number}", self.mark, number)


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
        self._waiting: list[tuple[Request, JobExecutorInterface]] = []
        self._submitting = threading.Lock()
        self._unanswered: dict[str, Submission] = {}  # by their marks; they may be in the queue
        self._is_over = False
        self._pace = Pace(self._cluster.patience, _SLOWEST)
        self._followed: dict[str, Submitted] = {}
        self._ended: dict[str, Ended] = {}  # by their packs, whose outcomes are kept
        self._useless: set[str] = set()  # allocations that are over, and whose files tell nothing
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
        if threading.current_thread() is threading.main_thread():
            # Snakemake would wait for all of them to finish. As Ctrl-C does, it is to end them.
            signal.signal(signal.SIGTERM, signal.default_int_handler)
        for job in jobs:
            self.run_job_pre(job)
        adopted = self._adopt(jobs)
        requests = {job: request_of(job) for job in jobs}
        with self._submitting:  # the thread that looks for ends hands out what waits, too
            for job, id in adopted.items():
                self._cluster.adopt(id, requests[job])
            self._waiting += [(request, job) for job, request in requests.items() if job not in adopted]
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
            ids = {_known(info).entry.id for info in left} | {ended.id for ended in list(self._ended.values())}
            present = await asyncio.to_thread(self._cluster.present, ids)
            for reason, id in self._cluster.stuck.items():
                self._warn_once(reason, f"Job {id} waits, and will not start as it is. Slurm says {reason}")
            left = await self._without_lost(left, present)
            if present is not None:
                self._forget_packs(present)
            if len(self._useless) >= _TIDY_FROM:
                self._tidy()
        if has_news or self._waiting or self._unanswered:
            self._submit_waiting()
        for info in left:
            yield info

    def cancel_jobs(self, active_jobs: list[SubmittedJobInfo]) -> None:
        """End all jobs by one call."""
        self._is_over = True
        with self._submitting:  # the thread that looks for ends may be at it
            self._waiting.clear()
            marked = self._cluster.marked() if self._unanswered else {}
        # Not only those given here: while the thread looks at them, the list of active jobs is empty.
        followed = list(self._followed.values())
        unanswered = {id for (mark, _), id in (marked or {}).items() if mark in self._unanswered}
        ids = {submitted.entry.id for submitted in followed} | unanswered
        if not self._cluster.cancel(ids) or marked is None:
            self.logger.error(self._how_to_cancel(ids, [] if marked is not None else list(self._unanswered)))
            return
        for submitted in followed:
            self._followed.pop(submitted.identity, None)
            self._ledger.forget(submitted.identity)
        for submission in list(self._unanswered.values()):
            self._drop(submission)

    def _how_to_cancel(self, ids: Iterable[str], marks: Sequence[str]) -> str:
        """What to do about jobs that may run on, and about submissions that may be in the queue."""
        text = "The cluster did not end all jobs. Some may run on; Snakemake, started again, goes on with them."
        if marks:
            text += f" Others may be in the queue, where squeue --me -o '%A %k' shows them with {', '.join(marks)}."
        arrays = arrays_of(ids)
        return f"{text} End them with: scancel {' '.join(arrays)}" if arrays else text

    def shutdown(self) -> None:
        """Leave no files of what went well."""
        super().shutdown()
        self._forget_packs(set())
        self._tidy()

    def _forget_packs(self, present: set[str]) -> None:
        """Remove the outcomes of packs that are over: one that is queued again knows by them what is done."""
        ended = list(self._ended.items())  # the scheduler's thread may add to both
        unfinished = {pack_of(submitted.entry.key) for submitted in list(self._followed.values())}
        over = {pack: end for pack, end in ended if pack not in unfinished and end.id not in present}
        self._outcomes.forget(over)
        self._useless |= {end.id for end in over.values() if end.went_well}
        for pack in over:
            del self._ended[pack]

    def _tidy(self) -> None:
        """Remove submitit's files of the allocations in which everything went well, and that are over."""
        self._cluster.tidy(self._useless)
        self._useless.clear()

    def _submit_waiting(self) -> None:
        with self._submitting:  # both the scheduler and the thread that looks for ends come here
            if self._is_over or self._pace.is_pause:
                return
            takes_more = self._find_unanswered()
            waiting, self._waiting = _grouped(self._waiting), []
            longest = min(self._cluster.longest_array, self._pace.most)
            for request, jobs in waiting.items():
                packs = self._packs(request, jobs)
                for start in range(0, len(packs), longest):
                    array = packs[start : start + longest]
                    if takes_more:
                        takes_more = self._submit(request, array)
                    else:
                        self._wait_again(request, array)

    def _packs(self, request: Request, jobs: Sequence[JobExecutorInterface]) -> list[list[JobExecutorInterface]]:
        """Those for which there is room now, in packs; the others wait on."""
        room = self._cluster.room(request)
        if room is None:
            return list(_split(jobs, self._settings.pack))
        # Shared among all that could run, or who has room first would leave nothing to who has it next.
        packs = list(_split(jobs, min(self._settings.pack, math.ceil(len(jobs) / room.in_all))))
        self._wait_again(request, packs[room.now :])
        return packs[: room.now]

    def _wait_again(self, request: Request, packs: Iterable[Sequence[JobExecutorInterface]]) -> None:
        self._waiting += [(request, job) for pack in packs for job in pack]

    def _submit(self, request: Request, packs: Sequence[Sequence[JobExecutorInterface]]) -> bool:
        """Submit packs together; False if the cluster takes them later."""
        submission = Submission(f"snakemake-{uuid.uuid4().hex[:12]}", request, packs)
        built = [self._pack(submission, number) for number in range(len(packs))]
        self._unanswered[submission.mark] = submission
        try:
            for number, pack in enumerate(packs):
                for job in pack:
                    self._ledger.write(identity(job), submission.entry(job, number))
            ids = self._cluster.submit(built, submission.lasting, submission.mark)
        except NotNowError as error:
            self._pace.refused(len(packs), is_too_many=error.is_too_many)
            self._warn_once(str(error), f"{error}. What it does not take waits here, and is submitted later")
            if error.is_too_many:
                self._drop(submission)
                self._wait_again(request, packs)
            return False
        except (SubmissionError, OSError) as error:
            self._drop(submission)
            for job in submission.jobs:
                self.report_job_error(SubmittedJobInfo(job), msg=f"{error}. ")
            return True
        for number, id in enumerate(ids):
            self._follow_pack(submission, number, id)
        del self._unanswered[submission.mark]
        self._pace.taken()
        return True

    def _find_unanswered(self) -> bool:
        """Follow the packs that are in the queue though its answer was lost; the others wait again. False if the queue
        does not tell.
        """
        marked = self._cluster.marked() if self._unanswered else {}
        if marked is None:
            self._pace.refused(1, is_too_many=False)
            return False
        for submission in list(self._unanswered.values()):
            for number, pack in enumerate(submission.packs):
                if id := marked.get((submission.mark, number)):
                    with suppress(OSError):  # it ends without an outcome then
                        self._cluster.deliver(id, self._pack(submission, number), submission.lasting)
                    self._follow_pack(submission, number, id)
                else:
                    self._forget_entries(pack)
                    self._wait_again(submission.request, [pack])
            del self._unanswered[submission.mark]
        return True

    def _drop(self, submission: Submission) -> None:
        """It is not in the queue."""
        del self._unanswered[submission.mark]
        for pack in submission.packs:
            self._forget_entries(pack)

    def _forget_entries(self, jobs: Iterable[JobExecutorInterface]) -> None:
        for job in jobs:
            self._ledger.forget(identity(job))

    def _pack(self, submission: Submission, number: int) -> Pack:
        lasting = submission.lasting
        return Pack(
            self._folder,
            [Task(submission.entry(job, number).key, self.format_job_exec(job)) for job in submission.packs[number]],
            minutes=lasting.minutes,
            signal_seconds=lasting.lead(self._settings.signal_seconds),
            max_requeues=self._settings.max_requeues,
            preload=[module for module in self._settings.preload.split(",") if module],
        )

    def _follow_pack(self, submission: Submission, number: int, id: str) -> None:
        for job in submission.packs[number]:
            entry = replace(submission.entry(job, number), id=id)
            with suppress(OSError):  # the queue tells it, too
                self._ledger.write(identity(job), entry)
            self._follow(job, Submitted(identity(job), entry))

    def _follow(self, job: JobExecutorInterface, submitted: Submitted) -> None:
        self._followed[submitted.identity] = submitted
        info = SubmittedJobInfo(job, external_jobid=submitted.entry.id, aux={"submitted": submitted})
        self.report_job_submission(info)

    def _adopt(self, jobs: Sequence[JobExecutorInterface]) -> dict[JobExecutorInterface, str]:
        """Follow the jobs that a head process before this one submitted, and that run or are done: them, with the ids
        of their allocations.
        """
        known = {job: entry for job in jobs if (entry := self._ledger.read(identity(job)))}
        adopted: dict[JobExecutorInterface, str] = {}
        if not known:
            return adopted
        known, present = self._located(known)
        for job, entry in known.items():
            outcome = self._outcomes.read(entry.key)
            is_done = outcome is not None and outcome.exit == 0 and all(Path(str(file)).exists() for file in job.output)
            if is_done or (outcome is None and entry.id in present):
                self.logger.info(f"{job.name}: {', '.join(map(str, job.output))} was submitted before, job {entry.id}")
                self._follow(job, Submitted(identity(job), entry))
                adopted[job] = entry.id
            else:
                self._ended.setdefault(pack_of(entry.key), Ended(entry.id)).went_well = False
        return adopted

    def _located(
        self, known: Mapping[JobExecutorInterface, Entry]
    ) -> tuple[dict[JobExecutorInterface, Entry], set[str]]:
        """Where jobs went, with the ids from the queue where the head process died before it was answered; and which
        ids are in the queue. Waits for its answer: a job that may be in it must not be submitted twice.
        """
        while True:
            marked = self._cluster.marked() if any(not entry.id for entry in known.values()) else {}
            if marked is not None:
                found = {
                    job: entry if entry.id else replace(entry, id=marked.get((entry.mark, entry.number), ""))
                    for job, entry in known.items()
                }
                present = self._cluster.present({entry.id for entry in found.values()})
                if present is not None:
                    return found, present
            text = "The queue does not answer. Jobs of an earlier run may be in it: nothing is submitted until it does"
            self._warn_once(text, text)
            time.sleep(self._cluster.patience)

    async def _may_ask(self, has_news: bool) -> bool:
        """Whether it is time to ask the queue again; the longer nothing happens, the more rarely."""
        self._pause = self._cluster.patience if has_news else self._pause
        if time.monotonic() - self._asked < self._pause:
            return False
        self._asked = time.monotonic()
        self._pause = min(1.5 * self._pause, max(self._cluster.patience, min(_SLOWEST, self._settings.lost_seconds)))
        return True

    async def _without_lost(self, left: list[SubmittedJobInfo], present: set[str] | None) -> list[SubmittedJobInfo]:
        """Report the jobs that are lost; the others."""
        lost = {_known(info).identity: info for info in left if self._is_lost(_known(info), present)}
        if lost:
            ids = list(dict.fromkeys(_known(info).entry.id for info in lost.values()))
            reasons = await asyncio.to_thread(self._cluster.why_gone, ids)
            for info in lost.values():
                id = _known(info).entry.id
                self._end(info, f"job {id} left no outcome: {reasons[id]}")
        return [info for info in left if _known(info).identity not in lost]

    def _is_lost(self, submitted: Submitted, present: set[str] | None) -> bool:
        """Whether an allocation has left the queue, and its job's outcome had time to show."""
        if present is None or submitted.entry.id in present:
            submitted.missed_since = None
            return False
        now = time.monotonic()
        if submitted.missed_since is None:
            submitted.missed_since = now
        self._pause = self._cluster.patience
        if self._cluster.has_shared_files and now - submitted.missed_since < self._settings.lost_seconds:
            return False
        return self._outcomes.read(submitted.entry.key) is None  # it may have come this moment

    def _warn_once(self, topic: str, text: str) -> None:
        if topic not in self._warned:
            self._warned.add(topic)
            self.logger.warning(text)

    def _report(self, info: SubmittedJobInfo, outcome: Outcome) -> None:
        if outcome.exit == 0:
            self._forget(info)
            self._log_of(info).unlink(missing_ok=True)
            self.report_job_success(info)
        else:
            self._end(info, f"job {_known(info).entry.id} on {outcome.host}: {outcome.why}")

    def _end(self, info: SubmittedJobInfo, reason: str) -> None:
        self._forget(info)
        self._ended[pack_of(_known(info).entry.key)].went_well = False
        log = self._log_of(info)
        self.report_job_error(info, msg=f"{reason}. ", aux_logs=[str(log)] if log.exists() else [])

    def _forget(self, info: SubmittedJobInfo) -> None:
        entry = _known(info).entry
        self._ended.setdefault(pack_of(entry.key), Ended(entry.id))
        self._followed.pop(_known(info).identity, None)
        self._ledger.forget(_known(info).identity)

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


def _grouped(
    waiting: Iterable[tuple[Request, JobExecutorInterface]],
) -> dict[Request, list[JobExecutorInterface]]:
    """Jobs with the same request together."""
    grouped: dict[Request, list[JobExecutorInterface]] = {}
    for request, job in waiting:
        grouped.setdefault(request, []).append(job)
    return grouped
