"""Which job is where: a head process that was killed and started again finds its jobs instead of repeating them."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from snakemake_interface_executor_plugins.jobs import JobExecutorInterface

from snakemake_executor_plugin_submitit.outcomes import read_as, write_atomically


@dataclass(frozen=True)
class Entry:
    """Where a job went.

    Attributes
    ----------
    key
        Name of its outcome, which ends as those of all jobs of its pack do.
    mark, number
        The submission, as the queue shows it, and the pack's number in it.
    id
        Of the allocation; empty until the submission was answered.
    """

    key: str
    mark: str
    number: int
    id: str = ""


class Ledger:
    """The folder of entries, one file a job that was submitted and not reported yet."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, job: str, entry: Entry) -> None:
        """Note where a job went, or is about to go."""
        self._folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self._path(job), asdict(entry))

    def read(self, job: str) -> Entry | None:
        """Where a job went, None if it was not submitted."""
        return read_as(Entry, self._path(job))

    def forget(self, job: str) -> None:
        """The job was reported."""
        with suppress(FileNotFoundError):
            self._path(job).unlink()

    def _path(self, job: str) -> Path:
        return self._folder / f"{job}.json"


def identity(job: JobExecutorInterface) -> str:
    """Name of a job that is the same in the next run, if it would do the same."""
    params = [] if job.is_group() else sorted(map(str, job.params))
    parts = (job.name, *map(str, job.output), "", *map(str, job.input), repr(params))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
