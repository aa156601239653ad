"""What sites and their users set up: limits of submissions, variables, a head that is a job, a controller away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from workflow.conftest import SIREN, Project

from cluster.conftest import ROOT, Flow
from cluster.slurm import Cluster, wait_for
from sirenbench.adhoc import SCRATCH, fetch_assets
from sirenbench.records import RECORD, folder_of, read_record
from sirenbench.workflow import Workflow

pytestmark = pytest.mark.slow


def test_more_jobs_than_a_limit_allows_wait_and_are_all_done(flow: Flow, slurm: Cluster) -> None:
    """Twelve at once are too many, and so are six; no job fails for it, and none uses up a retry."""
    slurm.run("sacctmgr", "-i", "add", "qos", "few", "MaxSubmitJobsPerUser=4")
    slurm.run("sacctmgr", "-i", "modify", "user", "root", "set", "qos+=few")
    outputs = [f"out/quick/{n}" for n in range(12)]
    code, said = flow.run(*outputs, "--set-resources", "quick:qos='few'", seconds=180)
    assert code == 0, said
    assert said.count("QOSMaxSubmitJobPerUserLimit") == said.count("is submitted later") == 1
    assert flow.starts == dict.fromkeys(outputs, 1)


def test_a_submission_that_means_nothing_fails_with_what_slurm_says_of_it(flow: Flow) -> None:
    code, said = flow.run("out/quick/0", "--set-resources", "quick:slurm_partition='nowhere'", seconds=30)
    assert code != 0
    assert "invalid partition specified: nowhere" in said
    assert "Traceback" not in said
    assert not list((flow.folder / ".snakemake/submitit/jobs").iterdir())


def test_the_variables_of_a_user_and_of_a_job_around_the_head_are_none_of_the_jobs_business(
    flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    around = {"SLURM_MEM_PER_CPU": "10", "SLURM_MEM_PER_NODE": "10", "SLURM_NTASKS": "4", "SLURM_JOB_END_TIME": "1"}
    users = {"SBATCH_PARTITION": "nowhere", "SBATCH_TIMELIMIT": "99-0", "SQUEUE_STATES": "SUSPENDED"}
    for name, value in (around | users).items():
        monkeypatch.setenv(name, value)
    code, said = flow.run("out/quick/0", "out/sleep/15-0", seconds=60)  # longer than a lost job is waited for
    assert code == 0, said
    assert set(flow.starts.values()) == {1}


def test_one_job_is_one_process_whatever_slurm_would_start(flow: Flow) -> None:
    extra = "quick:slurm_extra='--ntasks-per-node=2'"
    code, said = flow.run("out/quick/0", "out/quick/1", "--set-resources", extra, seconds=60)
    assert code == 0, said
    assert set(flow.starts.values()) == {1}


def test_a_controller_that_is_away_is_waited_for(flow: Flow, slurm: Cluster) -> None:
    """By a head that has jobs to submit, and by one that has to find those of a head before it."""
    outputs = [f"out/sleep/{seconds}-0" for seconds in (5, 20)]
    first = flow.start(*outputs)
    flow.wait_for_starts(*outputs)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    slurm.stop_service("slurmctld")
    again = flow.start(*outputs, "--rerun-incomplete")
    wait_for(lambda: "The queue does not answer" in flow.said, 60, "the head to say that nobody answers")
    fresh = flow.start("out/quick/0")
    wait_for(lambda: "is submitted later" in flow.said, 90, "the other head to say that it waits")
    slurm.start_service("slurmctld")
    flow.finish(fresh, 120)  # whose pauses have grown to 40 s
    flow.finish(again, 90)
    assert (fresh.returncode, again.returncode) == (0, 0), flow.said
    assert flow.starts == dict.fromkeys((*outputs, "out/quick/0"), 1)
    assert flow.ends == dict.fromkeys((*outputs, "out/quick/0"), 1)


def submit_cell(project: Project, *words: str, **variables: str) -> str:
    """What the command line says of one cell that it submits."""
    command = [sys.executable, "-m", "sirenbench.cli", "run", SIREN, "--cluster", "slurm", *words]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")} | variables
    done = subprocess.run(command, cwd=project.folder, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_one_cell_without_a_workflow(slurm: Cluster, project: Project) -> None:
    said = submit_cell(project, "--threads", "2", SLURM_MEM_PER_CPU="10", SLURM_NTASKS="3")
    path = folder_of(project.folder / "scratch", SIREN) / RECORD
    wait_for(path.exists, 60, "the cell", slurm.logs)
    provenance = read_record(path).provenance
    assert provenance is not None
    assert provenance.threads == 2
    assert f"job {provenance.slurm_job_id}: {SIREN}" in said
    wait_for(lambda: not slurm.queue(), 20, "the end of the job")


def test_one_cell_that_fails_is_a_failed_job_in_the_accounting(
    slurm: Cluster, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.folder)
    fetch_assets([SIREN], Workflow(), SCRATCH)
    (project.folder / "config/tile.png").write_bytes(b"another picture")
    job = submit_cell(project, "--no-fetch").partition("job ")[2].partition(":")[0]
    wait_for(lambda: dict(slurm.accounts("jobid", "state")).get(job) == "FAILED", 60, f"job {job} to fail", slurm.logs)
    assert not (folder_of(SCRATCH, SIREN) / RECORD).exists()
