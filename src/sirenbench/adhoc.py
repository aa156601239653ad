"""Cells beside the workflow: run one here or submit it to a cluster, from the command line or from a notebook.

The same function runs as in the rules. What it leaves lies in the same layout, below ``scratch/`` instead of
``results/``: nothing that a report is made of is overwritten. From Python::

    from sirenbench.adhoc import submit
    name = "fit/cameraman-256/siren-3x256/steps=1000"
    jobs = submit(name, cluster="slurm", gpus=1)
    jobs[name].wait()
    read_record(folder_of(SCRATCH, name) / RECORD)
"""

from __future__ import annotations

import json
import logging
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from sirenbench import catalog
from sirenbench.assets.status import write_status
from sirenbench.errors import UserError
from sirenbench.names import parse_name
from sirenbench.numerics import numerics_of
from sirenbench.records import RECORD, RecordError, folder_of, read_record
from sirenbench.workflow import Workflow

if TYPE_CHECKING:
    import submitit

    from sirenbench.worker.job import CellJob
    from snakemake_logger_plugin_sirenbench.screens import Screen
    from snakemake_logger_plugin_sirenbench.tally import Tally

Cluster = Literal["slurm", "local", "debug"]
CLUSTERS: tuple[Cluster, ...] = get_args(Cluster)
SCRATCH = Path("scratch")
_SIGNAL_SECONDS = 60  # from the signal to stop to the end of the job
_MAX_REQUEUES = 10

log = logging.getLogger(__name__)


def submit(
    cells: str | Iterable[str],
    cluster: Cluster = "slurm",
    *,
    configfiles: Sequence[str | Path] = (),
    threads: int | None = None,
    runtime: int | None = None,
    gpus: int = 0,
    partition: str = "",
    force: bool = False,
    fetched: bool = False,
) -> dict[str, submitit.Job]:
    """Submit cells, each as a job of its own.

    A job that comes to its time limit or is preempted goes on from its checkpoint, under the same id.

    Parameters
    ----------
    cells
        Names of cells.
    cluster
        ``slurm``, ``local`` (processes on this machine) or ``debug`` (in this process, when its result is asked for).
    configfiles
        As for Snakemake. They tell the images, and what is not given here of what a cell asks of a machine.
    runtime
        Time limit in minutes.
    partition
        Of Slurm; the default one if empty.
    force
        Run again what is done.
    fetched
        Whether the assets were fetched before, for an earlier run.

    Returns
    -------
    dict
        Name -> job, without the cells that are done already. The ``result()`` of one whose cell failed raises. A debug
        job that fails stops in the debugger when asked for ``result()``, ``wait()`` or ``done()``, which is submitit's
        own way; ``exception()`` gives the error.

    Raises
    ------
    UserError
        For a name that means nothing or a cluster that is not here; nothing was submitted then.
    """
    bench = Workflow(configfiles)
    names = _to_do(cells, bench, force)
    if not names:
        return {}
    if not fetched:
        fetch_assets(names, bench, SCRATCH)
    resources = bench.main.config.resources
    minutes, cpus = runtime or resources.runtime, threads or resources.threads
    parameters = {
        "name": "sirenbench",
        "timeout_min": minutes,
        "cpus_per_task": cpus,
        "mem_gb": resources.mem_mb / 1024,
        "slurm_srun_args": ["--cpus-per-task", str(cpus)],
        "slurm_wckey": None,  # submitit names one, which a cluster may not know
        **({"gpus_per_node": gpus} if gpus else {}),
        **({"slurm_partition": partition} if partition else {}),
    }
    return _submitted({name: _command(name, bench, cpus) for name in names}, cluster, minutes, parameters)


def _submitted(
    commands: Mapping[str, str], cluster: Cluster, minutes: int, parameters: Mapping[str, object]
) -> dict[str, submitit.Job]:
    import submitit

    from snakemake_executor_plugin_submitit.clusters import NO_LIMIT, own_environment
    from snakemake_executor_plugin_submitit.pack import Single, Task
    from snakemake_executor_plugin_submitit.request import lead

    folder = _new_folder(SCRATCH / "jobs")
    seconds = lead(_SIGNAL_SECONDS, minutes)
    jobs = []
    try:
        executor = submitit.AutoExecutor(
            folder=folder, cluster=cluster, slurm_max_num_timeout=NO_LIMIT, local_max_num_timeout=NO_LIMIT
        )
        executor.update_parameters(**parameters, slurm_signal_delay_s=seconds)
        options = ["partition"] if "slurm_partition" in parameters else []
        with own_environment(options), executor.batch():
            for name, command in commands.items():
                _forget(name)
                task = Task(_key(name), command)
                job = Single(
                    folder.absolute(),
                    [task],
                    minutes=minutes,
                    signal_seconds=seconds,
                    max_requeues=_MAX_REQUEUES,
                )
                jobs.append(executor.submit(job))
    except (RuntimeError, submitit.core.utils.FailedJobError) as error:
        first = next(iter(str(error).splitlines()), "")
        raise UserError(f"{cluster} took no job: {first}; 'local' runs cells on this machine") from error
    return dict(zip(commands, jobs, strict=True))


def tell(jobs: Mapping[str, submitit.Job], cluster: Cluster) -> None:
    """Print what was submitted: the jobs' ids, where their logs are, and how to go on. Debug jobs run now.

    Raises
    ------
    UserError
        If a debug job failed, after the others were run.
    """
    for name, job in jobs.items():
        print(f"job {job.job_id}: {name}\n  log: {_log_of_job(job, name)}\n  follow: sirenbench cell {name}")
    if jobs and cluster == "slurm":
        ids = sorted({job.job_id.partition("_")[0] for job in jobs.values()})
        print(f"cancel: scancel {' '.join(ids)}")
    if cluster == "debug":
        _run_now(jobs)


def _run_now(jobs: Mapping[str, submitit.Job]) -> None:
    from snakemake_executor_plugin_submitit.clusters import own_environment

    failed = 0
    for name, job in jobs.items():
        with own_environment(()):  # where the job before this one has said when it ends
            error = job.exception()
        if error:
            failed += 1
            log = _log_of_job(job, name)
            said = log.read_text().rstrip() if log.exists() else ""
            print(said or error, file=sys.stderr)
    if failed:
        raise UserError(f"{failed} of {len(jobs)} failed; the reasons stand above")


def run_here(
    cells: Iterable[str],
    *,
    configfiles: Sequence[str | Path] = (),
    threads: int | None = None,
    force: bool = False,
    fetched: bool = False,
) -> None:
    """Run cells in this process, one after another, and show how far they are.

    Parameters
    ----------
    fetched
        Whether the assets were fetched before, perhaps by another machine.

    Raises
    ------
    UserError
        For a name that means nothing, before anything runs. If a cell failed, after the others were run.
    """
    from snakemake_logger_plugin_sirenbench.tally import Tally

    bench = Workflow(configfiles)
    names = _to_do(cells, bench, force)
    if not fetched:
        fetch_assets(names, bench, SCRATCH)
    jobs = [job_of(name, bench, SCRATCH, threads) for name in names]
    if not jobs:
        return
    tally = Tally(planned=len(jobs))
    screen = _screen(tally)
    screen.show()
    try:
        for number, job in enumerate(jobs):
            _run_and_tell(number, job, tally, screen)
    finally:
        tally.interrupt()
        screen.hide()
        screen.summary()
    if failed := tally.count("failed"):
        raise UserError(f"{failed} of {len(jobs)} failed; the reasons stand above")


def job_of(name: str, bench: Workflow, results: Path, threads: int | None = None) -> CellJob:
    """The job that a rule would make of a cell. Its assets must have been fetched.

    Raises
    ------
    UserError
        For a name that means nothing.
    """
    from sirenbench.worker.job import CellJob

    config = bench.main.config
    return CellJob(
        spec=parse_name(name),
        crop=json.loads(bench.recipe_text(name))["crop"],
        status=status_in(results, bench.status(name)),
        assets={Path(path).stem: status_in(results, path) for path in bench.weights(name)},
        results=results,
        device=config.device,
        threads=threads or config.resources.threads,
        checkpoint_minutes=config.checkpoint_minutes,
    )


def fetch_assets(names: Iterable[str], bench: Workflow, results: Path) -> None:
    """Have the images of cells and the weights that their arms need; a lack is written down as a result."""
    fetch_statuses([path for name in names for path in (bench.status(name), *bench.weights(name))], bench, results)


def fetch_statuses(paths: Iterable[str], bench: Workflow, results: Path) -> None:
    """Have the assets of status files, as the workflow names them, and write those files below ``results``."""
    from sirenbench.assets.store import cache_folder, fetch

    cache = cache_folder(bench.main.config.cache)
    for path in dict.fromkeys(paths):
        asset = Path(path).stem
        write_status(status_in(results, path), fetch(asset, bench.asset(asset), cache, progress=True))


def log_of(results: Path, name: str) -> Path:
    """Where a cell's log lies."""
    return results / "logs" / "cells" / f"{name}.log"


def is_done(name: str, results: Path) -> bool:
    """Whether a cell has numbers of its present configuration and numerics."""
    try:
        record = read_record(folder_of(results, name) / RECORD)
    except RecordError:
        return False
    spec = parse_name(name)
    numerics = record.provenance.numerics if record.provenance else ""
    return record.state in ("ok", "diverged") and (record.spec, numerics) == (spec.as_dict(), numerics_of(spec))


def _to_do(cells: str | Iterable[str], bench: Workflow, force: bool) -> list[str]:
    """The cells that are not done; all of them are checked first."""
    names = list(dict.fromkeys([cells] if isinstance(cells, str) else cells))
    for name in names:
        bench.recipe_text(name)
        for asset in catalog.assets_of(parse_name(name)):
            bench.asset(asset)
    wanted = [name for name in names if force or not is_done(name, SCRATCH)]
    for name in names:
        if name not in wanted:
            print(f"{name} is done: {folder_of(SCRATCH, name)}; force runs it again", file=sys.stderr)
    return wanted


def _command(name: str, bench: Workflow, threads: int) -> str:
    """What a job runs: this very module, where the job is. Signals go to it and not to a shell."""
    files = [word for file in bench.configfiles for word in ("--configfile", file)]
    words = [sys.executable, "-m", "sirenbench.cli", "run", name, "--no-fetch", "--threads", str(threads), *files]
    return f"exec {shlex.join(words)}"


def _key(name: str) -> str:
    """A cell's name as the name of a file."""
    return name.replace("/", "__")


def _log_of_job(job: submitit.Job, name: str) -> Path:
    """What the process of a cell says on its own; the cell's log is that of :func:`log_of`."""
    return job.paths.folder / "logs" / f"{_key(name)}.log"


def _forget(name: str) -> None:
    """Remove the record of a cell that runs again."""
    (folder_of(SCRATCH, name) / RECORD).unlink(missing_ok=True)


def _new_folder(parent: Path) -> Path:
    parent.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=time.strftime("%Y-%m-%d-"), dir=parent))


def status_in(results: Path, path: str) -> Path:
    """Where a status file of the workflow lies below another results folder."""
    return results / "assets" / Path(path).name


def _screen(tally: Tally) -> Screen:
    if os.isatty(2) and os.environ.get("TERM") != "dumb":
        from snakemake_logger_plugin_sirenbench.bar import Bar

        return Bar(tally, colour=True)
    from snakemake_logger_plugin_sirenbench.screens import Lines

    return Lines(tally, sys.stderr)


def _run_and_tell(number: int, job: CellJob, tally: Tally, screen: Screen) -> None:
    from sirenbench.worker.job import Interrupted, run
    from sirenbench.worker.script import log_to

    name = job.spec.name
    where = log_of(job.results, name)
    where.parent.mkdir(parents=True, exist_ok=True)
    log_to(where)
    _forget(name)
    tally.start(number, [str(job.folder / RECORD)], [str(where)])
    try:
        if job.spec.is_baseline:
            from sirenbench.worker.baseline import baseline as measure
        else:
            from sirenbench.worker.train import train as measure
        run(job, measure)
    except Interrupted as error:
        log.warning("%s", error)
        raise
    except Exception as error:
        if isinstance(error, UserError):
            log.error("%s", error)
        else:
            log.exception("this is a defect of sirenbench, not of your input:")
        end = tally.fail(number)
        screen.say(f"{screen.place} FAILED {name}\n    reason: {end.reason or error}\n    log: {where}")
    else:
        screen.ended(tally.finish(number))
